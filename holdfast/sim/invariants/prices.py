"""INV-37, INV-38 and INV-60 to INV-64: what enters as a price, and what it is worth from then on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from holdfast.chain.config import Config, wad
from holdfast.model import oracle
from holdfast.model.options import Pricing
from holdfast.model.oracle import Answer, Feed, Rules, Stored
from holdfast.model.risk import AT_INTRINSIC
from holdfast.sim.ghost import FOLLOWERS, Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import name_of
from holdfast.sim.steps import Transition
from holdfast.sim.surfaces import known_after
from holdfast.sim.world import PRICE_DECIMALS, world_config
from holdfast.types import Grade, Market

PRICES: Final = "prices"
FEEDS: Final = "feeds"
SOURCES: Final = "sources"
SAID: Final = "said"
FAILING: Final = "failing"
CONTESTS: Final = "contests"
"""What is remembered: the last prices, the feeds' limits and sources, by underlying; what each source said last and
whether it fails, by its address; since when a price has looked Contested, by underlying."""


@invariant(37)
def prices_exact(t: Transition, g: Ghost) -> Judgement:
    """Prices and grades are what the last answers, the time since, and the feed's limits give, to the wei."""
    stored = _stored_after(g, t)
    for market in t.after.markets:
        known = stored.get(market.underlying)
        if known is not None:
            feed, now = _feed(g, market.underlying, t), t.after.system.time
            meant = oracle.price(_rules(g), feed, known, now)
            yield None if market.price == meant else f"{name_of(market)}: {market.price}, not {meant}"


@invariant(38)
def answers_plausible(t: Transition, g: Ghost) -> Judgement:
    """A price enters only if newer than the last, not from the future, and within bounds; it moves no slow price."""
    for underlying, new in _heard(t).items():
        market = _market(t, underlying)
        if market is None:
            continue  # a feed without a market
        feed, now = _feed(g, underlying, t), t.after.system.time
        yield at_most(
            new.updated_at, now, f"{name_of(market)}: from the future, {new.updated_at} > {now}", "s"
        )
        inside = feed.min_wad <= new.spot_wad <= feed.max_wad
        yield unless(inside, f"{name_of(market)}: {new.spot_wad} outside [{feed.min_wad}, {feed.max_wad}]")
        old = _stored(g).get(underlying)
        if old is None:
            continue
        elapsed = new.updated_at - old.updated_at
        yield unless(elapsed > 0, f"{name_of(market)}: an answer {-elapsed} s older than the last")
        meant = oracle.ema_after(old.spot_wad, old.ema_wad, elapsed, _rules(g).ema_decay_wad)
        yield unless(new.ema_wad == meant, f"{name_of(market)}: slow price {new.ema_wad}, not {meant}")


@invariant(60)
def sources_agree(t: Transition, g: Ghost) -> Judgement:
    """A price is what a quorum of its sources give; without any one of three it would lie among the rest."""
    for underlying, new in _heard(t).items():
        feed, now = _feed(g, underlying, t), t.after.system.time
        votes = _votes(g, t, underlying, feed, now)
        if votes is None:
            continue
        yield unless(len(votes) >= feed.quorum, f"underlying {underlying}: {len(votes)} votes made a price")
        if len(votes) < feed.quorum:
            continue
        settled = oracle.settle(feed, votes)
        found = new.spot_wad, new.updated_at, new.divergent
        meant = settled.price_wad, settled.updated_at, settled.divergent
        yield unless(found == meant, f"underlying {underlying}: {found} entered, not {meant}")
        for place in range(len(votes)) if len(votes) > 2 else ():
            rest = [vote.price_wad for at, vote in enumerate(votes) if at != place]
            among = min(rest) <= new.spot_wad <= max(rest)
            yield unless(among, f"underlying {underlying}: one of {len(votes)} moved it to {new.spot_wad}")


@invariant(61)
def one_price_a_block(t: Transition, g: Ghost) -> Judgement:
    """Of an underlying at most one price enters per block time: nobody acts between two."""
    entered = [event.args["underlying"] for event in t.named("PricePoked")]
    for underlying in set(entered):
        old = _stored(g).get(underlying)
        again = old is not None and old.accepted_at == t.after.system.time
        yield unless(
            entered.count(underlying) == 1 and not again, f"underlying {underlying}: two prices in a block"
        )


@invariant(62)
def variance_exact(t: Transition, g: Ghost) -> Judgement:
    """Realised variance is the average of squared returns by the time that they took, to the last digit."""
    for underlying, new in _heard(t).items():
        old = _stored(g).get(underlying)
        if old is None:
            continue
        elapsed, decay = new.updated_at - old.updated_at, _rules(g).variance_decay_wad
        meant = oracle.variance_after(old.variance_wad, old.spot_wad, new.spot_wad, elapsed, decay)
        yield unless(new.variance_wad == meant, f"underlying {underlying}: {new.variance_wad}, not {meant}")


@invariant(63)
def contests_end(t: Transition, g: Ghost) -> Judgement:
    """No price is Contested for the bound on end, whatever the sources say and whoever acts."""
    since: dict[int, int] = g.memory.setdefault(CONTESTS, {})
    for market in t.after.markets:
        if market.price.grade == Grade.CONTESTED:
            lasted = t.after.system.time - since.get(market.underlying, t.after.system.time)
            most = _rules(g).contested_seconds - 1
            yield at_most(lasted, most, f"{name_of(market)}: Contested for {lasted} s", "seconds")


@invariant(64)
def usable_near(t: Transition, g: Ghost) -> Judgement:
    """A price that is neither Contested nor Stale is within the deviation of the slow price."""
    for market in t.after.markets:
        if market.price.grade in (Grade.FRESH, Grade.SLOW):
            apart = abs(market.price.spot_wad - market.price.ema_wad) * 100
            most = _feed(g, market.underlying, t).deviation_percent * market.price.ema_wad
            yield at_most(apart, most, f"{name_of(market)}: {market.price} is usable", "wei·100")


def pricing_of(t: Transition, g: Ghost) -> Pricing:
    """What options are valued with after the transition, beside the spot."""
    if not t.after.series:
        return AT_INTRINSIC
    return known_after(g, t).pricing(_read_variances(_stored_after(g, t)), t.after.system.time)


def variances_of(g: Ghost) -> dict[int, int]:
    """[wad] Realised variance of a year as the oracle tells it, by underlying."""
    return _read_variances(_stored(g))


def _read_variances(stored: Mapping[int, Stored]) -> dict[int, int]:
    return {u: oracle.stored_variance_wad(one.variance_wad) for u, one in stored.items()}


def _rules(g: Ghost) -> Rules:
    return _rules_of(g.world.name)


@cache
def _rules_of(world: str) -> Rules:
    found = _config(world).oracle
    return Rules(
        ema_decay_wad=found.ema_decay_wad,
        variance_decay_wad=found.variance_decay_wad,
        slow_seconds=found.slow_seconds,
        contested_seconds=found.contested_seconds,
    )


@cache
def _config(world: str) -> Config:
    return world_config(world)


def _market(t: Transition, underlying: int) -> Market | None:
    return next((market for market in t.after.markets if market.underlying == underlying), None)


# Limits and sources: those configured, until governance sets others


def _feed(g: Ghost, underlying: int, t: Transition | None = None) -> Feed:
    """The limits before, or after, the transition."""
    feeds: dict[int, Feed] = g.memory.setdefault(FEEDS, {})
    if underlying not in feeds and underlying in g.world.protocol.symbols:
        limits = _config(g.world.name).underlyings[g.world.protocol.symbols[underlying]]
        feeds[underlying] = Feed(
            quorum=limits.quorum,
            divergence_bps=limits.divergence_bps,
            heartbeat_seconds=limits.heartbeat_seconds,
            deviation_percent=limits.deviation_percent,
            min_wad=wad(limits.min_price),
            max_wad=wad(limits.max_price),
        )
    set_now = _feeds_set(t) if t is not None else {}
    return set_now[underlying] if underlying in set_now else feeds[underlying]


def _feeds_set(t: Transition) -> dict[int, Feed]:
    return {
        event.args["underlying"]: Feed(
            quorum=event.args["feed"].quorum,
            divergence_bps=event.args["feed"].divergenceBps,
            heartbeat_seconds=event.args["feed"].heartbeatSeconds,
            deviation_percent=event.args["feed"].deviationPercent,
            min_wad=event.args["feed"].minWad,
            max_wad=event.args["feed"].maxWad,
        )
        for event in t.named("FeedSet")
    }


def _sources(g: Ghost, t: Transition, underlying: int) -> Iterable[str]:
    for event in t.named("FeedSet"):
        if event.args["underlying"] == underlying:
            return list(event.args["feed"].sources)
    known: dict[int, list[str]] = g.memory.setdefault(SOURCES, {})
    return known.get(underlying) or [feed.address for feed in g.world.protocol.feeds.get(underlying, ())]


def _votes(g: Ghost, t: Transition, underlying: int, feed: Feed, now: int) -> list[Answer] | None:
    """What the sources say after the transition and may say; None where one of them hasn't been heard yet."""
    said, failing = _said_after(g, t), _failing_after(g, t)
    sources = _sources(g, t, underlying)
    if any(source not in said for source in sources):
        return None
    answers = [said[source] for source in sources if not failing.get(source)]
    return [one for one in answers if oracle.may_vote(feed, one, now, _rules(g).slow_seconds)]


def _said_after(g: Ghost, t: Transition) -> dict[str, Answer]:
    """All sources speak before the poke of the same transition: so every action does it."""
    before: dict[str, Answer] = g.memory.setdefault(SAID, {})
    return before | {
        event.address: Answer(
            price_wad=oracle.pushed_wad(event.args["answer"], PRICE_DECIMALS),
            updated_at=event.args["updatedAt"],
        )
        for event in t.named("AnswerSet")
    }


def _failing_after(g: Ghost, t: Transition) -> dict[str, int]:
    before: dict[str, int] = g.memory.setdefault(FAILING, {})
    return before | {event.address: event.args["fault"] for event in t.named("FaultSet")}


# Prices


def _stored(g: Ghost) -> dict[int, Stored]:
    """The last price of each underlying, as far as it is known: at the start where it is the first."""
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
    """What entered in this transition, by underlying; when a contest began isn't told."""
    found: dict[int, Stored] = {}
    for event in t.named("PricePoked"):
        args: dict[str, Any] = event.args
        found[args["underlying"]] = Stored(
            spot_wad=args["spotWad"],
            ema_wad=args["emaWad"],
            updated_at=args["updatedAt"],
            variance_wad=args["varianceWad"],
            divergent=args["divergent"],
            accepted_at=t.after.system.time,
        )
    return found


def _stored_after(g: Ghost, t: Transition) -> dict[int, Stored]:
    """A contest begins where there was none, and no earlier than twice the bound after the last began."""
    rules, now, heard = _rules(g), t.after.system.time, _heard(t)
    found = dict(_stored(g))
    for underlying in {*heard, *_feeds_set(t)}:
        old, new = found.get(underlying, Stored()), heard.get(underlying)
        if underlying not in g.world.protocol.symbols or (new is None and underlying not in found):
            continue
        new = replace(new or old, contested_at=old.contested_at)
        begins = oracle.is_contested(rules, _feed(g, underlying, t), new, now) and not oracle.is_contested(
            rules, _feed(g, underlying), old, now
        )
        if begins and now >= new.contested_at + 2 * rules.contested_seconds:
            new = replace(new, contested_at=now)
        found[underlying] = new
    return found


def _follow(g: Ghost, t: Transition) -> None:
    since: dict[int, int] = g.memory.setdefault(CONTESTS, {})
    for market in t.after.markets:
        if market.price.grade != Grade.CONTESTED:
            since.pop(market.underlying, None)
        else:
            since.setdefault(market.underlying, t.after.system.time)
    g.memory[PRICES] = _stored_after(g, t)
    g.memory.setdefault(FEEDS, {}).update(_feeds_set(t))
    g.memory.setdefault(SOURCES, {}).update(
        {event.args["underlying"]: list(event.args["feed"].sources) for event in t.named("FeedSet")}
    )
    g.memory[SAID], g.memory[FAILING] = _said_after(g, t), _failing_after(g, t)


FOLLOWERS.append(_follow)
