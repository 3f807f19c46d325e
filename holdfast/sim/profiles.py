"""Characters of histories that are about one thing: tokens that turn, keys that are stolen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Final

from holdfast.sim.actions import WEIGHTS
from holdfast.sim.director import Profile

TURNED: Final[Mapping[str, float]] = {
    "turn_token": 8, "reenter": 10, "take_away": 4, "leave": 4, "rescue": 2, "overreach": 0.5,
}  # fmt: skip
"""Where tokens turn: what happens more often than elsewhere, or there alone."""

STOLEN: Final[Mapping[str, float]] = {
    "guard_halts": 6, "guard_tightens": 2, "guard_revokes": 0.5, "guard_cancels": 1, "give_up": 0.1,
    "plot": 6, "strike": 4, "evil_prices": 2, "lie": 3, "oracle_reports": 1, "fund_drawn": 1,
}  # fmt: skip
"""What the holders of stolen keys do, and how often."""


def HOSTILE(seed: int) -> Profile:
    """Tokens that turn, and an attacker in the middle of their transfers. For the world `hostile`."""
    return _swarm(seed, {**WEIGHTS, **TURNED}, kept=("turn_token", "reenter"))


def ADMIN(seed: int) -> Profile:
    """Keys are stolen: some of them, by the draw. For any world with good tokens."""
    return _swarm(seed, {**WEIGHTS, "leave": 4, **STOLEN}, kept=())


def _swarm(seed: int, weights: Mapping[str, float], kept: tuple[str, ...]) -> Profile:
    """As `Profile.drawn`, with these weights; fewer of the usual actions are off, and some of the others."""
    rng = Random(seed ^ 0x5EED)
    drawn = Profile.drawn(seed)
    special = sorted(name for name in weights if not WEIGHTS.get(name) and name not in kept)
    off = set(rng.sample(sorted(drawn.off), len(drawn.off) // 2))
    off |= set(rng.sample(special, rng.randint(0, len(special) // 2)))
    return replace(drawn, weights=weights, off=frozenset(off))
