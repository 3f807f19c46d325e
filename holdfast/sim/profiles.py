"""Characters of histories that are about one thing: tokens that turn, keys that are stolen, sources that disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Final

from holdfast.sim.actions import WEIGHTS
from holdfast.sim.director import OPENING, Profile

TURNED: Final[Mapping[str, float]] = {
    "turn_token": 8, "reenter": 10, "take_away": 4, "leave": 4, "rescue": 2, "overreach": 0.5,
}  # fmt: skip
"""Where tokens turn: what happens more often than elsewhere, or there alone."""

STOLEN: Final[Mapping[str, float]] = {
    "guard_halts": 12, "guard_tightens": 5, "guard_oversteps": 6, "guard_revokes": 1, "guard_cancels": 2, "give_up": 1,
    "plot": 14, "strike": 12, "evil_prices": 4, "lie": 4, "oracle_reports": 2, "deficit_reports": 2, "fund_drawn": 2,
}  # fmt: skip
"""What the holders of stolen keys do, and how often."""


PRINTED: Final[Mapping[str, float]] = {"print_venue": 10, "fail_feed": 3, "mend_feed": 3, "refresh": 6}
"""Where an underlying has several sources: what befalls one of them."""


EXPIRING: Final[Mapping[str, float]] = {
    "hedge": 12, "ripen": 5, "settle_series": 2, "list_series": 2, "settle": 4, "lever": 8, "set_smile": 6,
    "drop_smile": 3, "unwind": 8,
}  # fmt: skip
"""Where there are options: what leads to their windows and expiries, and beyond."""


def CRISIS(seed: int) -> Profile:
    """Nothing is off, everything falls or rises at once, and keepers are at work."""
    return _in_crisis(Profile.drawn(seed), seed)


def OPTIONS(seed: int) -> Profile:
    """Options are traded beside perpetuals, expire and settle, half of them in a crisis. For the world `options`."""
    drawn = _swarm(seed, {**WEIGHTS, **EXPIRING}, kept=("ripen", "settle_series"))
    drawn = replace(drawn, opening=drawn.opening + OPENING)  # what is hedged must be there first
    return _in_crisis(drawn, seed) if seed % 2 else drawn


def VENUES(seed: int) -> Profile:
    """One source of several says or does anything. For the world `venues`."""
    return _swarm(seed, {**WEIGHTS, **PRINTED}, kept=("print_venue",))


def HOSTILE(seed: int) -> Profile:
    """Tokens that turn, and an attacker in the middle of their transfers. For the world `hostile`."""
    return _swarm(seed, {**WEIGHTS, **TURNED}, kept=("turn_token", "reenter"))


def ADMIN(seed: int) -> Profile:
    """Keys are stolen: some of them, by the draw. For any world with good tokens."""
    return _swarm(seed, {**WEIGHTS, "leave": 4, **STOLEN}, kept=())


def _in_crisis(profile: Profile, seed: int) -> Profile:
    rng = Random(seed)
    return replace(
        profile,
        off=frozenset(),
        length=96,
        keeping=rng.choice((0.6, 0.85, 0.95)),
        crash=rng.choice((-0.9, -0.6, -0.5, -0.4, -0.3, -0.2, 0.3, 0.6, 1.5, 4.0)),
        crash_all=rng.random() < 0.8,
    )


def _swarm(seed: int, weights: Mapping[str, float], kept: tuple[str, ...]) -> Profile:
    """As `Profile.drawn`, with these weights; fewer of the usual actions are off, and some of the others."""
    rng = Random(seed ^ 0x5EED)
    drawn = Profile.drawn(seed)
    special = sorted(name for name in weights if not WEIGHTS.get(name) and name not in kept)
    off = set(rng.sample(sorted(drawn.off), len(drawn.off) // 2))
    off |= set(rng.sample(special, rng.randint(0, len(special) // 2)))
    return replace(drawn, weights=weights, off=frozenset(off))
