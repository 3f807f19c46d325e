"""Orders: matched, met again, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from holdfast.model.options import initial_need_wad, is_option
from holdfast.model.risk import initial_rate_wad
from holdfast.model.venue import Order, digest
from holdfast.sim.actions.scene import HUGE, NEVER, Scene, action
from holdfast.sim.ghost import Ticket
from holdfast.sim.series import room_wad
from holdfast.sim.steps import Step, act
from holdfast.sim.world import CONSENT
from holdfast.types import (
    Account,
    InstrumentParams,
    Kind,
    Mode,
    Snapshot,
    Traded,
    kind_of,
    underlying_of,
)
from holdfast.units import BPS, WAD


@action(weight=8)
def match(s: Scene) -> Step | None:
    """Two orders that cross, mostly; sometimes one that was signed before."""
    market = s.traded()
    if s.chance(0.25):
        again = _again(s)
        if again is not None:
            return again
    able = [a for a in s.users if free_of(a) and admits(a, market)] or s.users
    maker = s.rng.choice(s.still(able) if s.chance(0.9) else s.users)
    others = [a for a in able if a.id != maker.id]
    taker = s.rng.choice(others if others and s.chance(0.95) else s.users)
    buys = s.chance(0.5)
    size = _trade_size(s, market, (maker, taker), buys)
    return _match(s, market, maker, taker, buys, size, _trade_price(s, market))


@action(weight=6)
def reduce(s: Scene) -> Step | None:
    """Trade a position away, wholly or in part."""
    held = [(a, p) for a in s.users for p in a.positions if p.size_wad]
    found = s.pick(held)
    if found is None:
        return None
    account, leg = found
    market = s.state.instruments[leg.instrument]
    against = [a for a in s.users if (p := a.position(leg.instrument)) and p.size_wad * leg.size_wad < 0]
    other = s.pick(against, [a for a in s.users if a.id != account.id])
    if other is None:
        return None
    edges = [abs(leg.size_wad)]
    if theirs := other.position(leg.instrument):
        edges.append(abs(theirs.size_wad))
    size = s.amount(abs(leg.size_wad) // 1_000, abs(leg.size_wad), edges * 2)
    size = abs(leg.size_wad) if s.chance(0.3) else size
    return _match(s, market, account, other, leg.size_wad < 0, size, _trade_price(s, market))


@action(weight=6)
def lever(s: Scene) -> Step | None:
    """Open as much as the smaller account can bear, or a little less."""
    market = s.traded()
    able = [a for a in s.users if a.healthy and free_of(a) > WAD and admits(a, market)]
    if len(able) < 2:
        return None
    still = s.still(able)
    maker, taker = s.rng.sample(still if len(still) > 1 else able, 2)
    percent, sign, price = s.rng.choice((100, 97, 90, 50)), s.rng.choice((-1, 1)), market.mark_wad
    most = min(_most_size(s, maker, market, sign > 0), _most_size(s, taker, market, sign < 0))
    size = max(1, min(most * percent // 100, cap_room(s, market)))
    sides = [plain(market, maker, sign * size, price), plain(market, taker, -sign * size, price)]
    first, second = (
        replace(side, nonce=s.ghost.floors[side.account] + s.rng.randrange(10**6)) for side in sides
    )
    return matching(s, signed(s, first), signed(s, second), size)


@action(weight=0)
def hedge(s: Scene) -> Step | None:
    """Beside an option that somebody holds another strike, or the perpetual, so that the one covers the other: in part,
    or by so much more that it is what he stands or falls with, while the option pays."""
    held = [(a, p) for a in s.users for p in a.positions if p.size_wad and is_option(p.instrument)]
    found = s.pick([(a, p) for a, p in held if free_of(a) > WAD], held)
    if found is None:
        return None
    account, leg = found
    underlying = s.state.instruments[leg.instrument].underlying
    strikes = [one for one in s.going_on if one.underlying == underlying and one.instrument != leg.instrument]
    beside: Traded = s.state.by_underlying[underlying]
    if strikes and s.chance(0.7):
        beside = s.rng.choice(strikes)
    rising = (leg.size_wad > 0) == (kind_of(leg.instrument) == Kind.CALL)
    buys = rising == (kind_of(beside.instrument) == Kind.PUT)
    others = [a for a in s.users if a.id != account.id and free_of(a) > WAD and admits(a, beside)]
    if not others:
        return None
    other = s.rng.choice(others)
    size = abs(leg.size_wad) * s.rng.choice((100, 100, 50, 110, 300, 1_000)) // 100
    most = min(
        _most_size(s, account, beside, buys), _most_size(s, other, beside, not buys), cap_room(s, beside)
    )
    return _match(s, beside, account, other, buys, max(1, min(size, most)), beside.mark_wad)


def admits(account: Account, market: Traded) -> bool:
    """Does the account's mode let it hold this?"""
    if account.mode is not Mode.ISOLATED:
        return True
    return all(underlying_of(leg.instrument) == market.underlying for leg in account.positions)


def free_of(account: Account) -> int:
    if account.health is None:
        return 0
    return max(0, account.health.margin.equity_wad - account.health.margin.initial_wad)


def need_of(s: Scene, market: Traded, buys: bool) -> int:
    """[wad] What a unit more of it takes of free equity, fees included, at the mark and the open interest of now."""
    price = s.state.by_underlying[market.underlying].price
    rate = initial_rate_wad(*capped_of(s.state, market))
    if not is_option(market.instrument):
        return max(price.spot_wad, price.ema_wad) * (rate + 7 * (WAD // BPS)) // WAD
    if buys:
        return market.mark_wad * (BPS + 7) // BPS
    need = initial_need_wad(market.instrument, price.spot_wad, price.ema_wad, rate)
    return need + market.mark_wad * 7 // BPS


def _most_size(s: Scene, account: Account, market: Traded, buys: bool) -> int:
    """What free equity can bear."""
    return free_of(account) * WAD // max(1, need_of(s, market, buys))


def cap_room(s: Scene, market: Traded) -> int:
    """[wad] How much more of it there may be."""
    open_interest, params = capped_of(s.state, market)
    return params.open_interest_cap_wad - open_interest


def capped_of(state: Snapshot, market: Traded) -> tuple[int, InstrumentParams]:
    """What counts towards the cap, and the parameters with it: of an option those of all options of its underlying."""
    of_underlying = state.by_underlying[market.underlying]
    if is_option(market.instrument):
        return of_underlying.tally_wad, of_underlying.option_params
    return of_underlying.open_interest_wad, of_underlying.params


def _trade_size(s: Scene, market: Traded, sides: Sequence[Account], first_buys: bool) -> int:
    most = min(_most_size(s, side, market, first_buys == (side is sides[0])) for side in sides)
    edges = [abs(leg.size_wad) for side in sides if (leg := side.position(market.instrument))]
    size = s.amount(most // 1_000, most * 11 // 10, [*edges, most, cap_room(s, market)])
    return max(1, min(size, 2**110)) if s.chance(0.99) else s.rng.choice((0, HUGE // 2, 2**127))


def _trade_price(s: Scene, market: Traded) -> int:
    mark, room = market.mark_wad, room_wad(s.world, s.state, market)
    place = s.rng.random()
    if place < 0.6:
        return mark
    if place < 0.9:
        return max(1, mark + s.rng.randint(-room, room))
    return max(1, mark + s.rng.choice((-1, 1)) * (room + s.rng.choice((-1, 0, 1))))


def _match(
    s: Scene, market: Traded, maker: Account, taker: Account, maker_buys: bool, size: int, price: int
) -> Step:
    sign = 1 if maker_buys else -1
    spread = price // 1_000 if s.chance(0.3) else 0
    slack = s.rng.choice((0, 0, size, s.log(1, max(1, size))))
    first = _order(s, market, maker, sign * (size + slack), price)
    second = _order(s, market, taker, -sign * size, max(0, price + sign * -spread))
    if s.chance(0.03):
        second = replace(second, post_only=True)
    return matching(s, signed(s, first), signed(s, second), size)


def plain(market: Traded, account: Account, size: int, price: int) -> Order:
    instrument = market.instrument
    return Order(
        account=account.id, signer=CONSENT, instrument=instrument, size_wad=size, limit_price_wad=price
    )


def _order(s: Scene, market: Traded, account: Account, size: int, price: int) -> Order:
    leg = account.position(market.instrument)
    reduces = leg is not None and leg.size_wad * size < 0
    size = max(-(2**255), min(2**255 - 1, size))
    signs = account.owner in s.world.people.keys  # a contract has no key
    signer = account.owner if signs and s.chance(0.08) else CONSENT
    return Order(
        account=account.id,
        signer=signer,
        instrument=market.instrument,
        size_wad=size,
        limit_price_wad=price,
        nonce=max(0, s.ghost.floors[account.id] + s.rng.choice((0, 1, 5, 10, 100, -1)) + s.rng.randrange(2)),
        expires_at=s.now + s.rng.choice((-1, 0, 600, 86_400)) if s.chance(0.04) else NEVER,
        reduce_only=s.chance(0.4 if reduces else 0.02),
        post_only=s.chance(0.03),
    )


def signed(s: Scene, order: Order) -> Signed:
    """Hash, order, signature and whether it is honest."""
    protocol = s.world.protocol
    name = digest(order, protocol.chain_id, protocol.venue.address)
    if order.signer == CONSENT:
        return name, order, b"", True
    if s.chance(0.25):
        forger = s.rng.choice([key for who, key in s.world.people.keys.items() if who != order.signer])
        signature = s.rng.choice((bytes(65), protocol.sign(order, forger).signature))
        return name, order, signature, False
    return name, order, protocol.sign(order, s.world.people.keys[order.signer]).signature, True


Signed = tuple[bytes, Order, bytes, bool]
"""An order: its hash, itself, its signature, and whether that is honest."""


def cross(
    s: Scene, market: Traded, buyer: Account, seller: Account, size: int
) -> tuple[tuple[Signed, Signed], tuple[Any, ...]]:
    """Two orders at the mark that nobody has to sign, and the arguments of their match."""
    price = market.mark_wad
    first = signed(s, plain(market, buyer, size, price))
    second = signed(s, plain(market, seller, -size, price))
    return (first, second), (first[1].members(), b"", second[1].members(), b"", size)


def _again(s: Scene) -> Step | None:
    """A known order against a new one that meets it."""
    known = [
        (name, ticket)
        for name, ticket in s.ghost.tickets.items()
        if ticket.order.instrument in s.state.instruments
        and ((ticket.left_wad > 0 and _tradable(s, ticket)) or s.chance(0.06))
    ]
    if not known:
        return None
    name, ticket = s.rng.choice(known[-20:])
    order = ticket.order
    market = s.state.instruments[order.instrument]
    others = [a for a in s.users if a.id != order.account and (admits(a, market) or s.chance(0.1))]
    if not others:
        return None
    left = max(1, ticket.left_wad)
    size = max(1, s.amount(left // 10, left, [left, left]))
    size = abs(order.size_wad) if s.chance(0.3) else size  # once more in full
    sign = -1 if order.size_wad > 0 else 1
    new = _order(s, market, s.rng.choice(others), sign * size, order.limit_price_wad)
    pair = (name, order, ticket.signature, ticket.honest), signed(s, new)
    if s.chance(0.3):
        pair = pair[1], pair[0]
    return matching(s, *pair, size)


def matching(s: Scene, maker: Signed, taker: Signed, size: int, wait: int = 0) -> Step:
    size = max(0, min(size, HUGE))
    first, second = maker[1], taker[1]
    signers = {order.signer for _, order, _, honest in (maker, taker) if honest}
    return act(
        s.world, "match", s.world.protocol.venue, "matchOrders",
        first.members(), maker[2], second.members(), taker[2], size,
        sender=s.world.people.stranger, speakers=signers, accounts=frozenset({first.account, second.account}),
        facts={
            "orders": (maker, taker), "size": size, "instrument": first.instrument, "absurd": size > 2**110,
            "sides": ((first.account, first.size_wad), (second.account, second.size_wad)),
        },
        wait=wait,
    )  # fmt: skip


def _tradable(s: Scene, ticket: Ticket) -> bool:
    """Is nothing but its size in the way of this order?"""
    order = ticket.order
    market = s.state.instruments.get(order.instrument)
    if market is None or (is_option(order.instrument) and market not in s.series):
        return False
    fits = abs(order.limit_price_wad - market.mark_wad) < room_wad(s.world, s.state, market)
    alive = order.expires_at >= s.now and order.nonce >= s.ghost.floors[order.account]
    sane = abs(order.size_wad) < 2**200  # so that another may be signed against it
    return fits and alive and sane and ticket.honest and not ticket.cancelled


@action(weight=2)
def overfill(s: Scene) -> Step | None:
    """More of a known order than is left of it, small enough for nothing else to stand in the way.

    Rather of one that was filled more than once; and to get there, another part of one.
    """
    known = [
        (name, ticket)
        for name, ticket in s.ghost.tickets.items()
        if _tradable(s, ticket) and not ticket.order.reduce_only
    ]
    if not known:
        return None
    chosen = [one for one in known if one[1].fills > 1] if s.chance(0.6) else known
    name, ticket = min(
        (chosen or known)[-12:], key=lambda one: abs(one[1].order.size_wad) + s.rng.randrange(WAD)
    )
    order, market = ticket.order, s.state.instruments[ticket.order.instrument]
    others = [a for a in s.users if a.id != order.account and admits(a, market)]
    if not others:
        return None
    size = ticket.left_wad + 1 if ticket.left_wad > 0 else abs(order.size_wad)
    if ticket.fills < 3 and ticket.left_wad > 2 and s.chance(0.7):
        size = ticket.left_wad // 3  # a part, so that a later one can be too much
    against = -size if order.size_wad > 0 else size
    new = plain(market, max(others, key=free_of), against, order.limit_price_wad)
    return matching(s, (name, order, ticket.signature, True), signed(s, new), size)


@action(weight=1)
def crumb(s: Scene) -> Step | None:
    """A trade of next to nothing: what stays on a side when the rest of it is gone."""
    market = s.traded()
    able = [a for a in s.users if a.healthy and free_of(a) > WAD and admits(a, market)]
    if len(able) < 2:
        return None
    buyer, seller = s.rng.sample(able, 2)
    size = s.rng.choice((1, 2, 3, s.log(1, 10**6), s.log(10**6, 10**15)))
    (first, second), _ = cross(s, market, buyer, seller, size)
    return matching(s, _renewed(s, first), _renewed(s, second), size)


def _renewed(s: Scene, known: Signed) -> Signed:
    """The same order under a nonce of its own: else a second one like it would be one that is filled."""
    order = known[1]
    return signed(s, replace(order, nonce=s.ghost.floors[order.account] + s.rng.randrange(10**6)))


@action(weight=1)
def cancel(s: Scene) -> Step | None:
    known = list(s.ghost.tickets.values())
    if not known:
        return None
    ticket: Ticket = s.rng.choice(known[-20:])
    account = s.state.account(ticket.order.account)
    venue = s.world.protocol.venue
    return act(s.world, "cancel", venue, "cancel", ticket.order.members(), sender=s.speaker(account))


@action(weight=1)
def raise_floor(s: Scene) -> Step | None:
    account = s.pick(s.users)
    if account is None:
        return None
    floor = max(0, s.ghost.floors[account.id] + s.rng.choice((-1, 0, 1, 1, 2)))
    venue = s.world.protocol.venue
    return act(s.world, "raise_floor", venue, "raiseNonceFloor", account.id, floor, sender=s.speaker(account))
