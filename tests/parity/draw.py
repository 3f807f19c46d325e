"""How parity tests draw their inputs: one seed from Hypothesis, expanded to many cases that run in one request.

A fifth is tiny, some lie at an edge, the rest are of any magnitude: uniform numbers are all large and find nothing.
"""

from __future__ import annotations

import random
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from holdfast.model.surface import SmilePair
from holdfast.model.svi import Smile
from holdfast.units import WAD

DAY: Final = 86_400
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


def draw_smile(rng: random.Random) -> Smile:
    return Smile(
        a_ppb=rng.randint(10_000_000, 900_000_000),
        b_ppb=rng.randint(0, 500_000_000),
        rho_ppb=rng.randint(-900_000_000, 900_000_000),
        m_ppb=rng.randint(-300_000_000, 300_000_000),
        sigma_ppb=rng.randint(10_000_000, 500_000_000),
    )


def draw_pair(rng: random.Random, seconds: int) -> SmilePair:
    """The smiles about an expiry that is so far away: before it, after it, or the same twice."""
    near = draw_smile(rng)
    far = near if rng.random() < 0.3 else draw_smile(rng)
    near_seconds = max(1, seconds + rng.randint(-DAY, DAY))
    return SmilePair(
        near=near,
        far=far,
        near_seconds=near_seconds,
        far_seconds=near_seconds + rng.randint(1, 30 * DAY),
        seconds_to_expiry=seconds,
    )


def words_of(pair: SmilePair) -> tuple[int, ...]:
    """As `MockSmiles.set` takes it."""
    return (pair.near.word, pair.far.word, pair.near_seconds, pair.far_seconds)


def signed(rng: random.Random, digits: int) -> int:
    return rng.choice((-1, 1)) * amount(rng, digits)
