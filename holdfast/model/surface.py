"""Implied variance by expiry and strike: exact twin of `contracts/options/Surface.sol`, where the rules stand.

No function changes a state: each that would returns another. Realised variance is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from holdfast.errors import Refused
from holdfast.model.svi import (
    MAX_VARIANCE_PPB,
    PPB,
    Smile,
    check,
    check_calendar,
    check_move,
    flat_variance_wad_up,
    total_variance_wad_down,
    variance_wad_down,
)
from holdfast.types import Grade
from holdfast.units import BPS, WAD

MAX_EXPIRIES: Final = 8
MAX_STALE_SECONDS: Final = 7 * 86_400
MAX_MOVE_BPS: Final = BPS // 2
MAX_SURCHARGE_BPS: Final = 3 * BPS
MAX_FLOOR_BPS: Final = 10 * BPS
REALISED_RANGE: Final = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Fixed at deployment."""

    interval_seconds: int  # between two updates of a smile
    slow_seconds: int  # age beyond which a smile is Slow
    stale_seconds: int  # and Stale: then it doesn't count
    move_bps: int  # most that variance may move in an update
    surcharge_bps: int  # on realised variance, where it stands in…
    volatility_floor_bps: int = 0  # …and the least volatility that does, a year


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A smile and when it came."""

    smile: Smile
    updated_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SmilePair:
    """The smiles between which an expiry lies; the same one twice where there is one only."""

    near: Smile
    far: Smile
    near_seconds: int
    far_seconds: int
    seconds_to_expiry: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Surface:
    """Of one underlying."""

    rules: Rules
    smiles: Mapping[int, Stored] = field(default_factory=dict)  # by expiry, ascending


def check_rules(rules: Rules) -> None:
    """The bounds of the constructor."""
    _check_within(rules.interval_seconds, 1, rules.slow_seconds)
    _check_within(rules.slow_seconds, 1, rules.stale_seconds)
    _check_within(rules.stale_seconds, 1, MAX_STALE_SECONDS)
    _check_within(rules.move_bps, 1, MAX_MOVE_BPS)
    _check_within(rules.surcharge_bps, 0, MAX_SURCHARGE_BPS)
    _check_within(rules.volatility_floor_bps, 0, MAX_FLOOR_BPS)


def set_smile(surface: Surface, expiry: int, smile: Smile, realised_wad: int, now: int) -> Surface:
    """By a feeder."""
    if expiry <= now:
        raise Refused("Expired", expiry, now)
    left = expiry - now
    check(smile, left)
    _check_step(surface, expiry, smile, realised_wad, now)
    near, far = _about(surface, expiry, now, itself=False)
    if near is not None:
        check_calendar(surface.smiles[near].smile, near - now, smile, left)
    if far is not None:
        check_calendar(smile, left, surface.smiles[far].smile, far - now)

    kept = {one: stored for one, stored in surface.smiles.items() if one > now}
    kept[expiry] = Stored(smile=smile, updated_at=now)
    if len(kept) > MAX_EXPIRIES:
        raise Refused("TooManyExpiries", MAX_EXPIRIES)
    return Surface(rules=surface.rules, smiles=dict(sorted(kept.items())))


def drop_smile(surface: Surface, underlying: int, expiry: int, now: int) -> Surface:
    """By the guardian."""
    if expiry not in surface.smiles:
        raise Refused("NoSmile", underlying, expiry)
    kept = {one: stored for one, stored in surface.smiles.items() if one > now and one != expiry}
    return Surface(rules=surface.rules, smiles=kept)


def pair_of(surface: Surface, expiry: int, realised_wad: int, now: int) -> tuple[SmilePair, Grade]:
    """The smiles between which an expiry lies; Stale: realised variance stands in; Invalid: and there is none, yet."""
    if expiry <= now:
        raise Refused("Expired", expiry, now)
    left = expiry - now
    near, far = _about(surface, expiry, now, itself=True)
    near = far if near is None else near
    far = near if far is None else far
    if near is None or far is None:
        smile = flat(flat_wad(surface.rules, realised_wad))
        pair = SmilePair(near=smile, far=smile, near_seconds=left, far_seconds=left, seconds_to_expiry=left)
        return pair, Grade.STALE if realised_wad else Grade.INVALID
    stored = (surface.smiles[near], surface.smiles[far])
    slow = any(now - one.updated_at > surface.rules.slow_seconds for one in stored)
    pair = SmilePair(
        near=stored[0].smile,
        far=stored[1].smile,
        near_seconds=near - now,
        far_seconds=far - now,
        seconds_to_expiry=left,
    )
    return pair, Grade.SLOW if slow else Grade.FRESH


def total_variance_of(
    surface: Surface, expiry: int, k_wad: int, realised_wad: int, now: int
) -> tuple[int, Grade]:
    """σ²·T at ln(strike/forward) = k, and its grade."""
    pair, grade = pair_of(surface, expiry, realised_wad, now)
    return pair_variance_wad_down(pair, k_wad), grade


def pair_variance_wad_down(pair: SmilePair, k_wad: int) -> int:
    """w(k, T) of an expiry that lies between two smiles."""
    return total_variance_wad_down(
        variance_wad_down(pair.near, k_wad),
        pair.near_seconds,
        variance_wad_down(pair.far, k_wad),
        pair.far_seconds,
        pair.seconds_to_expiry,
    )


def flat_wad(rules: Rules, realised_wad: int) -> int:
    """Variance that stands in where no smile counts: the realised one with its surcharge, or the floor."""
    least_wad = rules.volatility_floor_bps**2 * (WAD // BPS**2)
    return max(least_wad, flat_variance_wad_up(realised_wad, rules.surcharge_bps))


def flat(variance_wad: int) -> Smile:
    """The smile of such a variance at every strike, up; at most the largest that a smile may have."""
    level_ppb = min(-(-variance_wad // PPB), MAX_VARIANCE_PPB)
    return Smile(a_ppb=level_ppb, b_ppb=0, rho_ppb=0, m_ppb=0, sigma_ppb=PPB)


def _check_step(surface: Surface, expiry: int, smile: Smile, realised_wad: int, now: int) -> None:
    """Against the smile that stands; against what stands in, if none does or it is stale."""
    standing = surface.smiles.get(expiry)
    if standing is not None and now - standing.updated_at <= surface.rules.stale_seconds:
        until = standing.updated_at + surface.rules.interval_seconds
        if now < until:
            raise Refused("UpdateTooSoon", until)
        check_move(standing.smile, smile, surface.rules.move_bps)
        return
    variance_wad = variance_wad_down(smile, 0)
    meant_wad = flat_wad(surface.rules, realised_wad)
    if variance_wad > meant_wad * REALISED_RANGE or variance_wad * REALISED_RANGE < meant_wad:
        raise Refused("FarFromRealised", variance_wad, meant_wad)


def _about(surface: Surface, expiry: int, now: int, *, itself: bool) -> tuple[int | None, int | None]:
    """The expiries of the nearest smiles that count, on both sides; a smile of this very expiry is both of them."""
    counting = [
        one
        for one, stored in surface.smiles.items()
        if one > now and now - stored.updated_at <= surface.rules.stale_seconds and (itself or one != expiry)
    ]
    near = max((one for one in counting if one <= expiry), default=None)
    far = min((one for one in counting if one >= expiry), default=None)
    return near, far


def _check_within(value: int, low: int, high: int) -> None:
    if value < low:
        raise Refused("BadRules", value, low)
    if value > high:
        raise Refused("BadRules", value, high)
