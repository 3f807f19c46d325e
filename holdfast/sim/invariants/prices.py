"""INV-37 and INV-38: what enters as a price, and what it is worth from then on."""

from __future__ import annotations

from functools import cache
from typing import Final

from holdfast.chain.config import Config, wad
from holdfast.model.oracle import Feed, Rules, Stored, ema_after, price
from holdfast.sim.ghost import FOLLOWERS, Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import name_of
from holdfast.sim.steps import Transition
from holdfast.sim.world import world_config
from holdfast.types import Market

PRICES: Final = "prices"
FEEDS: Final = "feeds"
"""What is remembered: the last answers, and the feeds' limits, by underlying."""


@invariant(37)
def prices_exact(t: Transition, g: Ghost) -> Judgement:
    """Slow price and grade are what the last answers, the time since, and the feed's limits give, to the wei."""
    stored = _stored(g) | _heard(t)
    for market in t.after.markets:
        known = stored.get(market.underlying)
        if known is not None:
            meant = price(_rules(g.world.name), _feed(g, t, market), known, t.after.system.time)
            yield None if market.price == meant else f"{name_of(market)}: {market.price}, not {meant}"


@invariant(38)
def answers_plausible(t: Transition, g: Ghost) -> Judgement:
    """An answer enters only if newer than the last, not from the future, and within bounds; it moves no slow price."""
    for underlying, new in _heard(t).items():
        market = next((market for market in t.after.markets if market.underlying == underlying), None)
        if market is None:
            continue  # a feed without a market
        feed, now = _feed(g, t, market), t.after.system.time
        yield at_most(
            new.updated_at, now, f"{name_of(market)}: from the future, {new.updated_at} > {now}", "s"
        )
        inside = feed.min_wad <= new.spot_wad <= feed.max_wad
        yield unless(inside, f"{name_of(market)}: {new.spot_wad} outside [{feed.min_wad}, {feed.max_wad}]")
        old = _stored(g).get(underlying)
        if old is None or len(t.named("PricePoked")) != len(_heard(t)):
            continue
        elapsed = new.updated_at - old.updated_at
        yield unless(elapsed > 0, f"{name_of(market)}: an answer {-elapsed} s older than the last")
        meant = ema_after(old.spot_wad, old.ema_wad, elapsed, _rules(g.world.name).ema_decay_wad)
        yield unless(new.ema_wad == meant, f"{name_of(market)}: slow price {new.ema_wad}, not {meant}")


@cache
def _rules(world: str) -> Rules:
    oracle = _config(world).oracle
    return Rules(
        ema_decay_wad=oracle.ema_decay_wad,
        variance_decay_wad=oracle.variance_decay_wad,
        slow_seconds=oracle.slow_seconds,
    )


@cache
def _config(world: str) -> Config:
    return world_config(world)


def _feed(g: Ghost, t: Transition, market: Market) -> Feed:
    """The limits of a market's feed after the transition: those configured, until governance sets others."""
    feeds: dict[int, Feed] = g.memory.setdefault(FEEDS, {})
    if market.underlying not in feeds:
        limits = _config(g.world.name).underlyings[g.world.protocol.symbols[market.underlying]]
        feeds[market.underlying] = Feed(
            heartbeat_seconds=limits.heartbeat_seconds,
            deviation_percent=limits.deviation_percent,
            min_wad=wad(limits.min_price),
            max_wad=wad(limits.max_price),
        )
    return _feeds_set(t).get(market.underlying, feeds[market.underlying])


def _feeds_set(t: Transition) -> dict[int, Feed]:
    return {
        event.args["underlying"]: Feed(
            heartbeat_seconds=event.args["feed"].heartbeatSeconds,
            deviation_percent=event.args["feed"].deviationPercent,
            min_wad=event.args["feed"].minWad,
            max_wad=event.args["feed"].maxWad,
        )
        for event in t.named("FeedSet")
    }


def _stored(g: Ghost) -> dict[int, Stored]:
    """The last answer of each underlying, as far as it is known: at the start where the slow price has caught up."""
    if PRICES not in g.memory:
        g.memory[PRICES] = {
            market.underlying: Stored(
                spot_wad=market.price.spot_wad,
                ema_wad=market.price.ema_wad,
                updated_at=market.price_updated_at,
            )
            for market in g.world.start.markets
            if market.price.spot_wad == market.price.ema_wad
        }
    found: dict[int, Stored] = g.memory[PRICES]
    return found


def _heard(t: Transition) -> dict[int, Stored]:
    """What entered in this transition, by underlying."""
    return {
        event.args["underlying"]: Stored(
            spot_wad=event.args["spotWad"], ema_wad=event.args["emaWad"], updated_at=event.args["updatedAt"]
        )
        for event in t.named("PricePoked")
    }


def _follow(g: Ghost, t: Transition) -> None:
    _stored(g).update(_heard(t))
    g.memory.setdefault(FEEDS, {}).update(_feeds_set(t))


FOLLOWERS.append(_follow)
