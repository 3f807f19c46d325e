"""Prices, and what time does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from holdfast.chain.contract import Contract
from holdfast.sim.actions.scene import Scene, action
from holdfast.sim.steps import Step, act, join
from holdfast.sim.world import GWEI
from holdfast.units import WAD

GAS_FEES: Final = (GWEI, 5_000 * GWEI)
"""[wei] Between these a block's base fee may jump."""


@action(weight=1)
def accrue(s: Scene) -> Step:
    market = s.traded()
    positions = s.world.protocol.positions
    return act(s.world, "accrue", positions, "accrue", market.instrument, sender=s.world.people.stranger)


@action(weight=1)
def accrue_interest(s: Scene) -> Step:
    ledger = s.world.protocol.ledger
    return act(s.world, "accrue_interest", ledger, "accrueInterest", sender=s.world.people.stranger)


@action(weight=2)
def settle(s: Scene) -> Step | None:
    """Mostly where deleveraging left something to settle."""
    held = [(a, p.instrument) for a in s.users for p in a.positions]
    empty = [(a, p.instrument) for a in s.lots for p in a.positions if p.size_wad == 0]
    found = s.pick(empty, held)
    if found is None:
        return None
    account, instrument = found
    if s.chance(0.05):
        instrument = s.rng.choice(s.state.markets).instrument
    ledger, who = s.world.protocol.ledger, s.world.people.stranger
    if instrument in s.state.settled and s.chance(0.5):
        holders = [a.id for a in s.lots if a.position(instrument) is not None]
        passed = [s.rng.choice(s.users).id] * s.chance(0.2)  # who may hold nothing of it
        many = frozenset(holders + passed)
        return act(
            s.world, "settle", ledger, "settleMany", holders + passed, instrument, sender=who, accounts=many
        )
    return act(
        s.world, "settle", ledger, "settle", account.id, instrument,
        sender=who, accounts=frozenset({account.id}),
    )  # fmt: skip


@action(weight=3)
def refresh(s: Scene) -> Step:
    """Every feed answers anew, a little beside the last price, and is poked."""
    prices = {m.underlying: moved(m.price.spot_wad, s.rng.gauss(0, 0.002)) for m in s.state.markets}
    return prices_step(s, "price", prices)


@action(weight=4)
def drift(s: Scene) -> Step:
    """All prices move together, by percents."""
    move = s.rng.gauss(0, 0.03)
    prices = {m.underlying: moved(m.price.spot_wad, move + s.rng.gauss(0, 0.01)) for m in s.state.markets}
    return prices_step(s, "price", prices)


@action(weight=2)
def jump(s: Scene) -> Step:
    """One price leaves where it was."""
    market = s.rng.choice(s.state.markets)
    size = math.exp(s.rng.uniform(math.log(0.03), math.log(1.2)))
    return prices_step(
        s, "price", {market.underlying: moved(market.price.spot_wad, s.rng.choice((-1, 1)) * size)}
    )


@action(weight=1)
def misprint(s: Scene) -> Step:
    """An answer nobody should believe, or nearly: a ten-thousandth, nothing, negative, at a bound, far away."""
    market = s.rng.choice(s.state.markets)
    low, high = (bound * 10**8 // WAD for bound in _bounds(s, market.underlying))
    answer = s.rng.choice((10_000, 0, -1, low, low - 1, high, high + 1, 2**88, 2**255 - 1, -(2**255)))
    return _say(s, "price", market.underlying, s.world.protocol.feeds[market.underlying], "set", answer)


@action(weight=0)
def print_venue(s: Scene) -> Step | None:
    """One venue of several prints nonsense, or fails, now or with a time of its own: the others go on."""
    several = [u for u, feeds in s.world.protocol.feeds.items() if len(feeds) > 1]
    if not several:
        return None
    underlying = s.rng.choice(several)
    low, high = (bound * 10**8 // WAD for bound in _bounds(s, underlying))
    feed = s.rng.choice(s.world.protocol.feeds[underlying])
    answer = s.rng.choice((10_000, 0, low, high, s.log(low, high)))
    said_at = max(0, s.now - s.rng.choice((0, 0, 60, 3_600, 10_000)))
    return _say(s, "print", underlying, [feed], "setAt", answer, said_at)


@action(weight=1)
def lie(s: Scene) -> Step:
    """The feeds' owner says anything that will be believed, or as of a time that won't."""
    market = s.rng.choice(s.state.markets)
    low, high = (bound * 10**8 // WAD for bound in _bounds(s, market.underlying))
    near = market.price.spot_wad // 10**10
    answer = s.log(low, high) if s.chance(0.5) else s.log(max(low, near // 3), min(high, near * 3))
    said_at = max(0, s.now + s.rng.choice((0, 0, -1, -60, -3_600, 1, 86_400, -(10**6))))
    feeds = s.world.protocol.feeds[market.underlying]
    return _say(s, "price", market.underlying, feeds, "setAt", answer, said_at)


@action(weight=1)
def fail_feed(s: Scene) -> Step:
    """A feed fails, in one of the ways a contract can."""
    return fault_step(s, [s.rng.choice(s.state.markets).underlying], s.rng.randint(1, 7))


@action(weight=1)
def mend_feed(s: Scene) -> Step:
    """All feeds work again."""
    return fault_step(s, [market.underlying for market in s.state.markets], 0)


@action(weight=0.5)
def skip(s: Scene) -> Step:
    """Many blocks at once, or many in a second."""
    away, wait = s.log(1, 10**6), s.log(1, 600)
    return replace(accrue_interest(s), blocks=away, wait=wait)


@action(weight=1)
def poke(s: Scene) -> Step:
    known = [market.underlying for market in s.state.markets]
    chosen = s.rng.sample(known, s.rng.randint(1, len(known)))
    if s.chance(0.1):  # too little gas to ask a source: refused, or nothing happens
        step = _poke(s, chosen)
        poor = replace(step.calls[0], gas=s.log(30_000, 400_000))
        return replace(step, calls=(poor,), facts={"absurd": True})
    return _poke(s, chosen if s.chance(0.95) else [*chosen, 99])


def prices_step(s: Scene, name: str, prices: Mapping[int, int]) -> Step:
    """Feeds answer [wad], then the oracle looks."""
    people, protocol = s.world.people, s.world.protocol
    says = [
        act(s.world, name, feed, "set", max(1, price // 10**10), sender=people.feeder)
        for u, price in prices.items()
        for feed in protocol.feeds[u]
    ]
    return join(name, [*says, _poke(s, list(prices))])


def fault_step(s: Scene, underlyings: list[int], fault: int) -> Step:
    """These feeds fail so from now on (0: work again), and the oracle looks at them."""
    name = "fail_feed" if fault else "mend_feed"
    says = [
        act(s.world, name, feed, "setFault", fault, sender=s.world.people.feeder)
        for underlying in underlyings
        for feed in s.world.feeds[underlying]
    ]
    return join(name, [*says, _poke(s, underlyings)])


def _say(s: Scene, name: str, underlying: int, feeds: Iterable[Contract], function: str, *args: int) -> Step:
    """These feeds answer so, then the oracle looks."""
    says = [act(s.world, name, feed, function, *args, sender=s.world.people.feeder) for feed in feeds]
    return join(name, [*says, _poke(s, [underlying])])


def _bounds(s: Scene, underlying: int) -> tuple[int, int]:
    """[wad] Between these a price is believed."""
    bounds = s.world.protocol.record.config["underlyings"][s.world.protocol.symbols[underlying]]
    low, high = (int(Decimal(str(bounds[name])).scaleb(18)) for name in ("min_price", "max_price"))
    return low, high


def _poke(s: Scene, underlyings: list[int]) -> Step:
    return act(s.world, "poke", s.world.protocol.oracle, "poke", underlyings, sender=s.world.people.stranger)


def moved(price: int, share: float) -> int:
    return max(1, round(price * (1 + share)) if share > -0.999 else price // 1_000)
