"""The same protocol under four fuzzers, in one run: Forge, Echidna, Hypothesis over Ape, and ours."""
