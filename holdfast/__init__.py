"""Holdfast: an on-chain margin engine, and its exact model, chain layer, keepers and stress lab in Python.

Layers, each importing only those to its right: cli → keepers, sim, demo → chain → model → types, units, errors.
"""

__version__ = "0.1.0"
