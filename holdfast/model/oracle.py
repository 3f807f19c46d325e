"""Prices: exact twin of `contracts/oracle/`. Formulas stand at the heads of `Oracle.sol`, `Consensus.sol` and of the
sources, and in `docs/oracle.md`.

The slow price is rounded toward the spot: a difference always shrinks, and nobody's money hangs on that wei. The
variance is rounded up: it never reads too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import Final

from holdfast.errors import Refused
from holdfast.model.fixed_point import exp_wad, ln_wad
from holdfast.types import EVERYTHING, Grade, Price
from holdfast.units import BPS, WAD, mul_div_up, mul_wad_down, mul_wad_up

HEARTBEAT_UNIT: Final = 10
MAX_EMA_DECAY_WAD: Final = 999_900_000_000_000_000
MAX_HEARTBEAT_SECONDS: Final = (2**16 - 1) * HEARTBEAT_UNIT
MAX_DEVIATION_PERCENT: Final = 100
MAX_PRICE_WAD: Final = 2**88 - 1
MAX_CONTESTED_SECONDS: Final = 86_400
MAX_SOURCES: Final = 8
MAX_DIVERGENCE_BPS: Final = BPS
SURE: Final = 5
"""[divergences] Weight of an answer that is certain."""
WAD_DECIMALS: Final = 18
MAX_SHIFT: Final = 36
LN_TICK_WAD: Final = 99_995_000_333_308
LN_TEN_WAD: Final = 2_302_585_092_994_045_684
YEAR_SECONDS: Final = 365 * 86_400
MANTISSA_BITS: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What all underlyings share."""

    ema_decay_wad: int  # kept per second
    variance_decay_wad: int  # kept per second
    slow_seconds: int
    contested_seconds: int  # of any twice as many


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """When the price of one underlying is believed. Its sources aren't the model's."""

    quorum: int = 1
    divergence_bps: int = 100
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
    divergent: bool = False  # no quorum agreed on it
    accepted_at: int = 0  # block time
    contested_at: int = 0  # block time at which the last contest began


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a source says."""

    price_wad: int
    updated_at: int
    confidence_wad: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """What answers agree on."""

    price_wad: int
    updated_at: int
    divergent: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Poke:
    """What a poke did."""

    stored: Stored
    accepted: bool = False
    silenced: tuple[int, ...] = ()  # places of the answers that had no vote
    refused: tuple[int, int] | None = None  # (votes, quorum)
    moved: bool = False  # reported to the breaker
    resumed: bool = False  # reported to the breaker


def check_rules(rules: Rules) -> None:
    """Refused where the constructor reverts."""
    if rules.ema_decay_wad > MAX_EMA_DECAY_WAD:
        raise Refused("DecayTooSlow", rules.ema_decay_wad, MAX_EMA_DECAY_WAD)
    if rules.variance_decay_wad >= WAD:
        raise Refused("DecayTooSlow", rules.variance_decay_wad, WAD - 1)
    if rules.contested_seconds > MAX_CONTESTED_SECONDS:
        raise Refused("ContestTooLong", rules.contested_seconds, MAX_CONTESTED_SECONDS)


def check_feed(underlying: int, feed: Feed, sources: int) -> None:
    """Refused where `setFeed` reverts, given so many sources that are there and all different."""
    if underlying == EVERYTHING:
        raise Refused("ReservedUnderlying")
    _in_range(underlying, sources, 1, MAX_SOURCES)
    _in_range(underlying, feed.quorum, sources // 2 + 1, sources)
    _in_range(underlying, feed.divergence_bps, 1, MAX_DIVERGENCE_BPS)
    _in_range(underlying, feed.heartbeat_seconds, HEARTBEAT_UNIT, MAX_HEARTBEAT_SECONDS)
    if feed.heartbeat_seconds % HEARTBEAT_UNIT:
        raise Refused("BadFeed", underlying, feed.heartbeat_seconds, HEARTBEAT_UNIT)
    _in_range(underlying, feed.deviation_percent, 1, MAX_DEVIATION_PERCENT)
    _in_range(underlying, feed.min_wad, 1, MAX_PRICE_WAD)
    if feed.min_wad >= feed.max_wad:
        raise Refused("BadFeed", underlying, feed.min_wad, feed.max_wad)


def _in_range(underlying: int, value: int, low: int, high: int) -> None:
    if value < low:
        raise Refused("BadFeed", underlying, value, low)
    if value > high:
        raise Refused("BadFeed", underlying, value, high)


# What a source says


def pushed_wad(answer: int, decimals: int) -> int:
    """A push feed's answer in wad; zero where it is no price."""
    if not 0 < answer <= MAX_PRICE_WAD or decimals > WAD_DECIMALS:
        return 0
    return answer * int(10 ** (WAD_DECIMALS - decimals))


def pyth_answer(price: int, confidence: int, exponent: int, published_at: int) -> Answer:
    """Pyth's numbers in wad: the price rounded down, its confidence up; zeros where it is no price."""
    shift = WAD_DECIMALS + exponent
    if price <= 0 or abs(shift) > MAX_SHIFT:
        return Answer(price_wad=0, updated_at=published_at)
    up, down = 10 ** max(0, shift), 10 ** max(0, -shift)
    return Answer(
        price_wad=price * up // down, confidence_wad=mul_div_up(confidence, up, down), updated_at=published_at
    )


def pool_answer(
    sums: Sequence[int],
    window_seconds: int,
    now: int,
    *,
    base_first: bool,
    base_decimals: int,
    quote_decimals: int,
) -> Answer:
    """A pool's mean over the window, out of its sums of tick·seconds a window, half of one, and no time ago."""
    scale = (base_decimals - quote_decimals) * LN_TEN_WAD

    def mean(tick_seconds: int, elapsed: int) -> int:
        ln = abs(tick_seconds * LN_TICK_WAD) // elapsed * (1 if tick_seconds >= 0 else -1)
        return exp_wad((ln if base_first else -ln) + scale)

    half = window_seconds // 2
    price_wad = mean(sums[2] - sums[0], window_seconds)
    newer_wad = mean(sums[2] - sums[1], half)
    return Answer(price_wad=price_wad, confidence_wad=abs(price_wad - newer_wad), updated_at=now - half)


# One price out of several answers


def may_vote(feed: Feed, answer: Answer, now: int, slow_seconds: int) -> bool:
    sure = answer.confidence_wad * BPS <= feed.divergence_bps * answer.price_wad
    oldest = now - feed.heartbeat_seconds - slow_seconds
    return feed.min_wad <= answer.price_wad <= feed.max_wad and oldest <= answer.updated_at <= now and sure


def weight(feed: Feed, answer: Answer) -> int:
    """5·divergence − confidence, in bps of the price, the confidence rounded up."""
    return SURE * feed.divergence_bps - mul_div_up(answer.confidence_wad, BPS, answer.price_wad)


def settle(feed: Feed, votes: Sequence[Answer]) -> Settled:
    """What at least a quorum of votes agree on: their weighted median, as of the quorum-th newest."""
    median = weighted_median([(vote.price_wad, weight(feed, vote)) for vote in votes])
    near = [vote for vote in votes if abs(vote.price_wad - median) * BPS <= feed.divergence_bps * median]
    return Settled(
        price_wad=median,
        updated_at=sorted((vote.updated_at for vote in votes), reverse=True)[feed.quorum - 1],
        divergent=len(near) < feed.quorum,
    )


def weighted_median(votes: Sequence[tuple[int, int]]) -> int:
    """The least price up to which half the weight lies; where it is just half, the middle to the next."""
    ordered, total, below = sorted(votes), sum(weight for _, weight in votes), 0
    for place, (price_wad, one) in enumerate(ordered):
        below += one
        if 2 * below > total:
            return price_wad
        if 2 * below == total:
            return (price_wad + ordered[place + 1][0]) // 2
    raise ValueError("no votes")


# Slow price and variance


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


def is_contested(rules: Rules, feed: Feed, stored: Stored, now: int) -> bool:
    """However long it has been so."""
    if stored.spot_wad == 0:
        return False
    ema_wad = ema_after(stored.spot_wad, stored.ema_wad, now - stored.updated_at, rules.ema_decay_wad)
    return stored.divergent or is_jump(stored.spot_wad, ema_wad, feed.deviation_percent)


def is_stale(rules: Rules, feed: Feed, stored: Stored, now: int) -> bool:
    """False as long as no price was accepted: there is nothing to be late."""
    late = now - stored.updated_at > feed.heartbeat_seconds + rules.slow_seconds
    return stored.spot_wad != 0 and late


def price(rules: Rules, feed: Feed, stored: Stored, now: int) -> Price:
    """The price as `read` gives it."""
    if stored.spot_wad == 0:
        return Price(spot_wad=0, ema_wad=0, grade=Grade.INVALID)
    age = now - stored.updated_at
    spot_wad, grade = stored.spot_wad, Grade.FRESH if age <= feed.heartbeat_seconds else Grade.SLOW
    ema_wad = ema_after(spot_wad, stored.ema_wad, age, rules.ema_decay_wad)
    if is_contested(rules, feed, stored, now):
        if now < stored.contested_at + rules.contested_seconds:
            grade = Grade.CONTESTED
        else:
            spot_wad, grade = drawn_wad(spot_wad, ema_wad, feed.deviation_percent), Grade.SLOW
    if is_stale(rules, feed, stored, now):
        grade = Grade.STALE
    return Price(spot_wad=spot_wad, ema_wad=ema_wad, grade=grade)


def drawn_wad(spot_wad: int, ema_wad: int, deviation_percent: int) -> int:
    """The spot, or what is nearest to it within the deviation from the slow price; bounds rounded toward that."""
    low = mul_div_up(ema_wad, 100 - deviation_percent, 100)
    return max(low, min(spot_wad, ema_wad * (100 + deviation_percent) // 100))


def poke(
    rules: Rules,
    feed: Feed,
    stored: Stored,
    answers: Sequence[Answer | None],
    now: int,
    *,
    old_feed: Feed | None = None,
) -> Poke:
    """Bring in what the sources answer; None: nothing. With `old_feed` it is the poke inside `setFeed`."""
    old_feed = old_feed or feed
    done = _bring(rules, feed, stored, answers, now) if stored.accepted_at != now else Poke(stored=stored)
    new = done.stored
    begins = is_contested(rules, feed, new, now) and not is_contested(rules, old_feed, stored, now)
    if begins and now >= new.contested_at + 2 * rules.contested_seconds:
        new = replace(new, contested_at=now)
    resumed = is_stale(rules, old_feed, stored, now) and not is_stale(rules, feed, new, now)
    return replace(done, stored=new, resumed=resumed)


def _bring(rules: Rules, feed: Feed, stored: Stored, answers: Sequence[Answer | None], now: int) -> Poke:
    votes = [one for one in answers if one is not None and may_vote(feed, one, now, rules.slow_seconds)]
    silenced = tuple(place for place, answer in enumerate(answers) if answer not in votes)
    if len(votes) < feed.quorum:
        return Poke(stored=stored, silenced=silenced, refused=(len(votes), feed.quorum))
    settled = settle(feed, votes)
    spot_wad, time = settled.price_wad, settled.updated_at
    if time <= stored.updated_at:
        return Poke(stored=stored, silenced=silenced)

    ema_wad, variance_wad = spot_wad, 0
    if stored.spot_wad != 0:
        elapsed = time - stored.updated_at
        ema_wad = ema_after(stored.spot_wad, stored.ema_wad, elapsed, rules.ema_decay_wad)
        variance_wad = variance_after(
            stored.variance_wad, stored.spot_wad, spot_wad, elapsed, rules.variance_decay_wad
        )
    return Poke(
        stored=Stored(
            spot_wad=spot_wad,
            ema_wad=ema_wad,
            updated_at=time,
            variance_wad=variance_wad,
            divergent=settled.divergent,
            accepted_at=now,
            contested_at=stored.contested_at,
        ),
        accepted=True,
        silenced=silenced,
        moved=settled.divergent or is_jump(spot_wad, ema_wad, feed.deviation_percent),
    )


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
