"""Whole histories of the real bytecode, run in bulk."""
