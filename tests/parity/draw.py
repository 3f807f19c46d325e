"""How parity tests draw their inputs: one seed from Hypothesis, expanded to many cases that run in one request.

A fifth is tiny, some lie at an edge, the rest are of any magnitude: uniform numbers are all large and find nothing.
"""

from __future__ import annotations

import random
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from holdfast.units import WAD

EDGES: Final = (0, 1, 2, WAD - 1, WAD, WAD + 1, 2**88 - 1)

repeatable = settings(
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the chain is only read
)

seeds = st.integers(0, 2**64 - 1)


def amount(rng: random.Random, digits: int) -> int:
    """Not negative, below 10^digits but for the edges."""
    kind = rng.random()
    if kind < 0.2:
        return rng.randrange(100)
    if kind < 0.35:
        return rng.choice(EDGES)
    return int(10 ** (rng.random() * digits))


def signed(rng: random.Random, digits: int) -> int:
    return rng.choice((-1, 1)) * amount(rng, digits)
