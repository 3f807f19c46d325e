"""Prices: exact twin of `contracts/oracle/Oracle.sol`. Formulas stand at its head and in `docs/oracle.md`.

The slow price is rounded toward the spot: a difference always shrinks, and nobody's money hangs on that wei. The
variance is rounded up: it never reads too small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt
from typing import Final

from holdfast.errors import Refused
from holdfast.model.fixed_point import ln_wad
from holdfast.types import EVERYTHING, Grade, Price
from holdfast.units import WAD, mul_div_up, mul_wad_down, mul_wad_up

HEARTBEAT_UNIT: Final = 10
MAX_EMA_DECAY_WAD: Final = 999_900_000_000_000_000
MAX_HEARTBEAT_SECONDS: Final = (2**16 - 1) * HEARTBEAT_UNIT
MAX_DEVIATION_PERCENT: Final = 100
MAX_DECIMALS: Final = 18
MAX_PRICE_WAD: Final = 2**88 - 1
YEAR_SECONDS: Final = 365 * 86_400
MANTISSA_BITS: Final = 16
SILENT: Final = 2**256 - 1
"""The decimals of a source that doesn't tell them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What all underlyings share."""

    ema_decay_wad: int  # kept per second
    variance_decay_wad: int  # kept per second
    slow_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """When the price of one underlying is believed."""

    heartbeat_seconds: int
    deviation_percent: int
    min_wad: int
    max_wad: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """The accepted price; slow price and variance are as of `updated_at`. All zero before the first."""

    spot_wad: int = 0
    ema_wad: int = 0
    updated_at: int = 0  # source time
    variance_wad: int = 0  # a year
    accepted_at: int = 0  # block time


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a source says."""

    answer: int
    updated_at: int
    decimals: int = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Poke:
    """What a poke did."""

    stored: Stored
    accepted: bool = False
    refused: tuple[int, int] | None = None  # (answer, time), zeros if there was no answer
    moved: bool = False  # reported to the breaker
    resumed: bool = False  # reported to the breaker


def check_rules(rules: Rules) -> None:
    """Refused where the constructor reverts."""
    if rules.ema_decay_wad > MAX_EMA_DECAY_WAD:
        raise Refused("DecayTooSlow", rules.ema_decay_wad, MAX_EMA_DECAY_WAD)
    if rules.variance_decay_wad >= WAD:
        raise Refused("DecayTooSlow", rules.variance_decay_wad, WAD - 1)


def check_feed(underlying: int, feed: Feed, decimals: int) -> None:
    """Refused where `setFeed` reverts."""
    if underlying == EVERYTHING:
        raise Refused("ReservedUnderlying")
    if feed.heartbeat_seconds == 0 or feed.heartbeat_seconds % HEARTBEAT_UNIT:
        raise Refused("BadFeed", underlying, feed.heartbeat_seconds, HEARTBEAT_UNIT)
    if feed.heartbeat_seconds > MAX_HEARTBEAT_SECONDS:
        raise Refused("BadFeed", underlying, feed.heartbeat_seconds, MAX_HEARTBEAT_SECONDS)
    if feed.deviation_percent == 0:
        raise Refused("BadFeed", underlying, 0, 1)
    if feed.deviation_percent > MAX_DEVIATION_PERCENT:
        raise Refused("BadFeed", underlying, feed.deviation_percent, MAX_DEVIATION_PERCENT)
    if feed.min_wad == 0:
        raise Refused("BadFeed", underlying, 0, 1)
    if feed.min_wad >= feed.max_wad:
        raise Refused("BadFeed", underlying, feed.min_wad, feed.max_wad)
    if decimals > MAX_DECIMALS:
        raise Refused("BadFeed", underlying, decimals, MAX_DECIMALS)


def kept_wad(decay_wad: int, elapsed: int) -> int:
    """decay^elapsed by squaring, each product rounded down: the slow price may follow a hair faster than exact."""
    kept, power = WAD, decay_wad
    while True:
        if elapsed & 1:
            kept = mul_wad_down(kept, power)
        elapsed >>= 1
        if elapsed == 0:
            return kept
        power = mul_wad_down(power, power)


def ema_after(spot_wad: int, ema_wad: int, elapsed: int, decay_wad: int) -> int:
    """spot + (ema − spot)·decay^elapsed, the difference rounded toward zero."""
    if spot_wad == ema_wad or elapsed == 0:
        return ema_wad
    kept = kept_wad(decay_wad, elapsed)
    if ema_wad > spot_wad:
        return spot_wad + mul_wad_down(ema_wad - spot_wad, kept)
    return spot_wad - mul_wad_down(spot_wad - ema_wad, kept)


def variance_after(variance_wad: int, old_wad: int, new_wad: int, elapsed: int, decay_wad: int) -> int:
    """v·kept + r²/elapsed·(1 − kept), a year, each product rounded up."""
    kept = kept_wad(decay_wad, elapsed)
    return_wad = ln_wad(new_wad) - ln_wad(old_wad)
    sample_wad = mul_div_up(return_wad**2, YEAR_SECONDS, elapsed * WAD)
    return mul_wad_up(variance_wad, kept) + mul_wad_up(sample_wad, WAD - kept)


def stored_variance_wad(variance_wad: int) -> int:
    """As the price's word keeps it: the first MANTISSA_BITS bits, rounded up."""
    dropped = max(0, variance_wad.bit_length() - MANTISSA_BITS)
    return -(-variance_wad >> dropped) << dropped


def volatility_wad(stored: Stored) -> int:
    """The root of the variance as it is kept, a year, rounded up."""
    square = stored_variance_wad(stored.variance_wad) * WAD
    root = isqrt(square)
    return root + (root**2 < square)


def is_jump(spot_wad: int, ema_wad: int, deviation_percent: int) -> bool:
    return abs(spot_wad - ema_wad) * 100 > deviation_percent * ema_wad


def is_stale(rules: Rules, feed: Feed, stored: Stored, now: int) -> bool:
    """False as long as no price was accepted: there is nothing to be late."""
    late = now - stored.updated_at > feed.heartbeat_seconds + rules.slow_seconds
    return stored.spot_wad != 0 and late


def price(rules: Rules, feed: Feed, stored: Stored, now: int) -> Price:
    """The price as `read` gives it."""
    if stored.spot_wad == 0:
        return Price(spot_wad=0, ema_wad=0, grade=Grade.INVALID)
    age = now - stored.updated_at
    ema_wad = ema_after(stored.spot_wad, stored.ema_wad, age, rules.ema_decay_wad)
    if age > feed.heartbeat_seconds + rules.slow_seconds:
        grade = Grade.STALE
    elif is_jump(stored.spot_wad, ema_wad, feed.deviation_percent):
        grade = Grade.CONTESTED
    elif age > feed.heartbeat_seconds:
        grade = Grade.SLOW
    else:
        grade = Grade.FRESH
    return Price(spot_wad=stored.spot_wad, ema_wad=ema_wad, grade=grade)


def poke(
    rules: Rules,
    feed: Feed,
    stored: Stored,
    answer: Answer | None,
    now: int,
    *,
    old_feed: Feed | None = None,
) -> Poke:
    """Bring in what the source answers; None: it doesn't. With `old_feed` it is the poke inside `setFeed`."""
    if stored.accepted_at == now:
        return Poke(stored=stored)
    was_stale = is_stale(rules, old_feed or feed, stored, now)
    done = _bring(rules, feed, stored, answer, now)
    return replace(done, resumed=was_stale and not is_stale(rules, feed, done.stored, now))


def _bring(rules: Rules, feed: Feed, stored: Stored, answer: Answer | None, now: int) -> Poke:
    if answer is None:
        return Poke(stored=stored, refused=(0, 0))
    if answer.updated_at <= stored.updated_at:
        return Poke(stored=stored)
    spot_wad = spot_of(feed, answer, now)
    if spot_wad is None:
        return Poke(stored=stored, refused=(answer.answer, answer.updated_at))

    ema_wad, variance_wad = spot_wad, 0
    if stored.spot_wad != 0:
        elapsed = answer.updated_at - stored.updated_at
        ema_wad = ema_after(stored.spot_wad, stored.ema_wad, elapsed, rules.ema_decay_wad)
        variance_wad = variance_after(
            stored.variance_wad, stored.spot_wad, spot_wad, elapsed, rules.variance_decay_wad
        )
    return Poke(
        stored=Stored(
            spot_wad=spot_wad,
            ema_wad=ema_wad,
            updated_at=answer.updated_at,
            variance_wad=variance_wad,
            accepted_at=now,
        ),
        accepted=True,
        moved=is_jump(spot_wad, ema_wad, feed.deviation_percent),
    )


def spot_of(feed: Feed, answer: Answer, now: int) -> int | None:
    """The answer in wad; None if it is bad."""
    if answer.updated_at > now or answer.decimals > MAX_DECIMALS or not 0 < answer.answer <= MAX_PRICE_WAD:
        return None
    spot_wad = answer.answer * 10 ** (MAX_DECIMALS - answer.decimals)
    return spot_wad if feed.min_wad <= spot_wad <= feed.max_wad else None


def contested_seconds(decay_wad: int, deviation_percent: int, spot_wad: int, ema_wad: int) -> int:
    """For how long after its source time a price is still too far from the slow price, if it just stays.

    The first whole second at which it no longer is. Exact: the slow price only ever comes nearer.
    """
    if not is_jump(spot_wad, ema_wad, deviation_percent):
        return 0

    def apart(elapsed: int) -> bool:
        return is_jump(spot_wad, ema_after(spot_wad, ema_wad, elapsed, decay_wad), deviation_percent)

    end = 1
    while apart(end):
        end *= 2
    start = end // 2  # still apart
    while end - start > 1:
        middle = (start + end) // 2
        start, end = (middle, end) if apart(middle) else (start, middle)
    return end


def longest_contested_seconds(decay_wad: int, feed: Feed) -> int:
    """The bound on `contested_seconds` for anything that a feed can do: the farthest jump, up or down."""
    return max(
        contested_seconds(decay_wad, feed.deviation_percent, feed.max_wad, feed.min_wad),
        contested_seconds(decay_wad, feed.deviation_percent, feed.min_wad, feed.max_wad),
    )
