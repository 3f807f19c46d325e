"""Mutation testing: small faults put into the contracts, one at a time, to see whether anything notices."""
