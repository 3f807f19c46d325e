"""What can be done to the protocol: one function an action, each making a step from the state as it is now.

An action gets a `Scene` and returns a step, or None where nothing of the kind makes sense. Amounts are drawn from
where errors live: a fifth tiny, a seventh on an edge of the state or a unit beside it, the rest log-uniform.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from random import Random
from typing import Any, Final, TypeVar

from holdfast.chain.contract import Contract
from holdfast.model.venue import Order, digest
from holdfast.sim.ghost import Ghost, Ticket
from holdfast.sim.steps import Step, act, join
from holdfast.sim.world import CONSENT, GWEI, World
from holdfast.types import SETTLEMENT, Account, Asset, Auction, Level, Market, Mode, Snapshot
from holdfast.units import BPS, WAD

T = TypeVar("T")

TINY: Final = 0.20
EDGE: Final = 0.15

HUGE: Final = 2**256 - 1
MOST_PAYMENT: Final = 2**255 - 1
NEVER: Final = 2**40 - 1


@dataclass(frozen=True)
class Scene:
    """The state that choices are made from."""

    world: World
    ghost: Ghost
    state: Snapshot
    rng: Random

    @property
    def now(self) -> int:
        return self.state.system.time

    @property
    def assets(self) -> tuple[Asset, ...]:
        return self.state.system.assets

    @property
    def own(self) -> set[int]:
        system = self.state.system
        return {system.fund_account, system.fees_account, system.treasury_account}

    @property
    def users(self) -> list[Account]:
        return [account for account in self.state.accounts if account.id not in self.own]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def pick(self, *groups: Sequence[T], stray: float = 0.15) -> T | None:
        """One of the first group; now and then one of the last, to see it refused."""
        if not groups[0] and not self.chance(stray):
            return None
        groups = tuple(group for group in groups if group)
        if not groups:
            return None
        return self.rng.choice(groups[-1] if self.chance(stray) else groups[0])

    def amount(self, low: int, high: int, edges: Iterable[int] = ()) -> int:
        """Never negative."""
        place = self.rng.random()
        edges = [edge for edge in edges if edge > 0]
        if place < TINY:
            return self.rng.choice((1, 2, 3, self.rng.randrange(1, 1_000)))
        if place < TINY + EDGE and edges:
            return max(0, self.rng.choice(edges) + self.rng.choice((-1, 0, 1)))
        return self.log(low, high)

    def log(self, low: int, high: int) -> int:
        low, high = max(1, low), max(1, high)
        if low >= high:
            return high
        drawn: int = round(math.exp(self.rng.uniform(math.log(low), math.log(high))))
        return min(high, max(low, drawn))

    def speaker(self, account: Account) -> str:
        """Who sends for an account: mostly its owner, sometimes its operator or somebody without a right."""
        people = self.world.people
        if account.id in self.own:
            return people.stranger
        helpers = [
            who for owner, who in self.ghost.operators if owner == account.owner and who == people.keeper
        ]
        place = self.rng.random()
        if place < 0.06:
            return self.rng.choice((people.stranger, self.rng.choice(people.owners)))
        return helpers[0] if helpers and place < 0.3 else account.owner

    def market_of(self, underlying: int) -> Market:
        return next(market for market in self.state.markets if market.underlying == underlying)


Plan = Callable[[Scene], Step | None]

ACTIONS: Final[dict[str, Plan]] = {}


def action(plan: Plan) -> Plan:
    ACTIONS[plan.__name__] = plan
    return plan


# Money


@action
def deposit(s: Scene) -> Step | None:
    account = s.pick(s.users, s.state.accounts)
    asset = s.rng.choice(s.assets)
    if account is None:
        return None
    unit = 10 ** s.world.protocol.decimals[asset.asset]
    worth = 1 if asset.price is None else max(1, asset.price.spot_wad // WAD)
    edges = [-account.cash_wad // asset.unit_wad] if asset.asset == SETTLEMENT else []
    amount = s.amount(1, 20_000 * unit // worth, [*edges, asset.cap - asset.held])
    if amount * worth > 100_000_000 * unit:
        amount = s.log(1, 1_000 * unit)  # nobody has that much
    sender = s.speaker(account)
    return act(
        s.world, "deposit", s.world.protocol.ledger, "deposit", account.id, asset.asset, amount,
        sender=sender, accounts=frozenset({account.id}),
        facts={"account": account.id, "asset": asset.asset, "amount": amount},
    )  # fmt: skip


@action
def rescue(s: Scene) -> Step | None:
    """Bring an account in trouble back to maintenance or initial margin, to the wei or a unit beside it."""
    weak = [a for a in s.users if a.health is not None and (a.healthy is False or a.auction is not None)]
    account = s.pick(weak, [a for a in s.users if a.health is not None], stray=0.02)
    if account is None or account.health is None:
        return None
    margin, unit = account.health.margin, s.assets[SETTLEMENT].unit_wad
    wanted = s.rng.choice((margin.maintenance_wad, margin.maintenance_wad, margin.initial_wad))
    missing = -(-(wanted - margin.equity_wad) // unit) + s.rng.choice((-1, 0, 0, 1))
    if missing <= 0:
        return None
    return act(
        s.world, "deposit", s.world.protocol.ledger, "deposit", account.id, SETTLEMENT, missing,
        sender=s.world.people.keeper, accounts=frozenset({account.id}),
        facts={"account": account.id, "asset": SETTLEMENT, "amount": missing},
    )  # fmt: skip


@action
def withdraw(s: Scene) -> Step | None:
    rich = [a for a in s.users if a.cash_wad > 0 or a.holdings]
    account = s.pick(rich, s.state.accounts)
    if account is None or account.health is None:
        return None
    held = [SETTLEMENT] * 2 + [holding.asset for holding in account.holdings]
    asset = s.assets[
        s.rng.choice(held) if s.chance(0.95) else s.rng.randrange(len(s.assets) + 1) % len(s.assets)
    ]
    margin = account.health.margin
    if asset.asset == SETTLEMENT:
        free = max(0, margin.equity_wad - margin.initial_wad)
        most = min(free, max(0, account.cash_wad + margin.borrow_limit_wad)) // asset.unit_wad
        edges = [most, max(0, account.cash_wad) // asset.unit_wad, asset.held]
    else:
        most = next((h.amount for h in account.holdings if h.asset == asset.asset), 0)
        edges = [most, most]
    amount = s.amount(most // 1_000, most, edges)
    return _withdraw(s, account, asset, amount, s.speaker(account))


@action
def borrow(s: Scene) -> Step | None:
    """Withdraw cash against collateral, near the limit."""
    found = [
        a for a in s.users if a.holdings and a.health is not None and a.health.margin.borrow_limit_wad > 0
    ]
    account = s.pick(found)
    if account is None or account.health is None:
        return None
    margin, unit = account.health.margin, s.assets[SETTLEMENT].unit_wad
    free = max(0, margin.equity_wad - margin.initial_wad)
    most = min(free, max(0, account.cash_wad + margin.borrow_limit_wad), s.assets[0].held * unit) // unit
    amount = s.amount(most // 2, most, [most])
    return _withdraw(s, account, s.assets[SETTLEMENT], amount, account.owner)


@action
def leave(s: Scene) -> Step | None:
    """Take everything of one asset out of an account without positions and debt."""
    free = [a for a in s.users if not a.positions and a.cash_wad >= 0 and (a.cash_wad > 0 or a.holdings)]
    account = s.pick(free)
    if account is None:
        return None
    amounts = {holding.asset: holding.amount for holding in account.holdings}
    if account.cash_wad >= s.assets[SETTLEMENT].unit_wad:
        amounts[SETTLEMENT] = min(
            account.cash_wad // s.assets[SETTLEMENT].unit_wad, s.assets[SETTLEMENT].held
        )
    if not amounts:
        return None
    asset = s.rng.choice(sorted(amounts))
    return _withdraw(s, account, s.assets[asset], amounts[asset], account.owner)


def _withdraw(s: Scene, account: Account, asset: Asset, amount: int, sender: str) -> Step:
    to = sender if s.chance(0.9) else s.world.people.stranger
    return act(
        s.world, "withdraw", s.world.protocol.ledger, "withdraw", account.id, asset.asset, amount, to,
        sender=sender, accounts=frozenset({account.id}),
        facts={"account": account.id, "asset": asset.asset, "amount": amount},
    )  # fmt: skip


@action
def donate(s: Scene) -> Step:
    asset = s.rng.choice(s.assets)
    amount = s.amount(1, 10 ** (s.world.protocol.decimals[asset.asset] + 3))
    token = s.world.protocol.tokens[asset.asset]
    return act(
        s.world, "donate", token, "transfer", asset.vault, amount,
        sender=s.world.people.stranger, facts={"asset": asset.asset, "amount": amount},
    )  # fmt: skip


@action
def open(s: Scene) -> Step | None:
    if len(s.users) >= 16:
        return None
    mode = s.rng.choice((Mode.CROSS, Mode.ISOLATED)) if s.chance(0.9) else Mode.NONE
    owner = s.rng.choice(s.world.people.owners)
    return act(s.world, "open", s.world.protocol.ledger, "open", mode, sender=owner)


@action
def set_operator(s: Scene) -> Step:
    people = s.world.people
    operator = s.rng.choice((people.keeper, people.stranger, s.world.flash.address))
    return act(
        s.world, "set_operator", s.world.protocol.ledger, "setOperator", operator, s.chance(0.5),
        sender=s.rng.choice(people.owners),
    )  # fmt: skip


# Trade


@action
def match(s: Scene) -> Step | None:
    """Two orders that cross, mostly; sometimes one that was signed before."""
    market = s.rng.choice(s.state.markets)
    if s.chance(0.25):
        again = _again(s)
        if again is not None:
            return again
    able = [a for a in s.users if _free(a) and _admits(a, market)] or s.users
    maker = s.rng.choice(able if s.chance(0.9) else s.users)
    others = [a for a in able if a.id != maker.id]
    taker = s.rng.choice(others if others and s.chance(0.95) else s.users)
    buys = s.chance(0.5)
    size = _trade_size(s, market, (maker, taker))
    return _match(s, market, maker, taker, buys, size, _trade_price(s, market))


@action
def reduce(s: Scene) -> Step | None:
    """Trade a position away, wholly or in part."""
    held = [(a, p) for a in s.users for p in a.positions if p.size_wad]
    found = s.pick(held)
    if found is None:
        return None
    account, leg = found
    market = s.state.market(leg.instrument)
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


@action
def lever(s: Scene) -> Step | None:
    """Open as much as the smaller account can bear, or a little less."""
    market = s.rng.choice(s.state.markets)
    able = [a for a in s.users if a.healthy and _free(a) > WAD and _admits(a, market)]
    if len(able) < 2:
        return None
    maker, taker = s.rng.sample(able, 2)
    most = min(_most_size(maker, market), _most_size(taker, market))
    room = market.params.open_interest_cap_wad - market.open_interest_wad
    size = max(1, min(s.rng.choice((most, most * 97 // 100, most * 9 // 10, most // 2)), room))
    price = market.price.spot_wad
    sign = s.rng.choice((-1, 1))
    sides = [_plain(market, maker, sign * size, price), _plain(market, taker, -sign * size, price)]
    first, second = (
        replace(side, nonce=s.ghost.floors[side.account] + s.rng.randrange(10**6)) for side in sides
    )
    return _matching(s, _sign(s, first), _sign(s, second), size)


def _admits(account: Account, market: Market) -> bool:
    """Does the account's mode let it hold this?"""
    return account.mode is Mode.CROSS or all(leg.instrument == market.instrument for leg in account.positions)


def _free(account: Account) -> int:
    if account.health is None:
        return 0
    return max(0, account.health.margin.equity_wad - account.health.margin.initial_wad)


def _most_size(account: Account, market: Market) -> int:
    """What free equity can bear, fees aside."""
    need = market.price.spot_wad * (market.params.initial_bps + 7) // BPS
    return _free(account) * WAD // max(1, need)


def _trade_size(s: Scene, market: Market, sides: Sequence[Account]) -> int:
    most = min(_most_size(side, market) for side in sides)
    edges = [abs(leg.size_wad) for side in sides if (leg := side.position(market.instrument))]
    room = market.params.open_interest_cap_wad - market.open_interest_wad
    size = s.amount(most // 1_000, most * 11 // 10, [*edges, most, room])
    return max(1, min(size, 2**110)) if s.chance(0.99) else s.rng.choice((0, HUGE // 2, 2**127))


def _trade_price(s: Scene, market: Market) -> int:
    spot = market.price.spot_wad
    band: int = spot * s.world.protocol.record.config["ledger"]["band_bps"] // BPS
    place = s.rng.random()
    if place < 0.5:
        return spot
    if place < 0.8:
        return max(1, spot + s.rng.randint(-band, band))
    return max(1, spot + s.rng.choice((-1, 1)) * (band + s.rng.choice((-1, 0, 1))))


def _match(
    s: Scene, market: Market, maker: Account, taker: Account, maker_buys: bool, size: int, price: int
) -> Step:
    sign = 1 if maker_buys else -1
    spread = price // 1_000 if s.chance(0.3) else 0
    slack = s.rng.choice((0, 0, size, s.log(1, max(1, size))))
    first = _order(s, market, maker, sign * (size + slack), price)
    second = _order(s, market, taker, -sign * size, max(0, price + sign * -spread))
    if s.chance(0.03):
        second = replace(second, post_only=True)
    return _matching(s, _sign(s, first), _sign(s, second), size)


def _plain(market: Market, account: Account, size: int, price: int) -> Order:
    instrument = market.instrument
    return Order(
        account=account.id, signer=CONSENT, instrument=instrument, size_wad=size, limit_price_wad=price
    )


def _order(s: Scene, market: Market, account: Account, size: int, price: int) -> Order:
    leg = account.position(market.instrument)
    reduces = leg is not None and leg.size_wad * size < 0
    size = max(-(2**255), min(2**255 - 1, size))
    signer = account.owner if s.chance(0.08) else CONSENT
    return Order(
        account=account.id,
        signer=signer,
        instrument=market.instrument,
        size_wad=size,
        limit_price_wad=price,
        nonce=max(0, s.ghost.floors[account.id] + s.rng.choice((0, 1, 5, 10, 100, -1)) + s.rng.randrange(2)),
        expires_at=s.now + s.rng.choice((-1, 0, 60, 3_600)) if s.chance(0.08) else NEVER,
        reduce_only=s.chance(0.5 if reduces else 0.02),
        post_only=s.chance(0.05),
    )


def _sign(s: Scene, order: Order) -> tuple[bytes, Order, bytes, bool]:
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


def _again(s: Scene) -> Step | None:
    """A known order against a new one that meets it."""
    known = [
        (name, ticket) for name, ticket in s.ghost.tickets.items() if ticket.left_wad > 0 or s.chance(0.1)
    ]
    if not known:
        return None
    name, ticket = s.rng.choice(known[-20:])
    order = ticket.order
    others = [a for a in s.users if a.id != order.account]
    market = s.state.market(order.instrument)
    left = max(1, ticket.left_wad)
    size = max(1, s.amount(left // 10, left, [left, left]))
    size = abs(order.size_wad) if s.chance(0.3) else size  # once more in full
    sign = -1 if order.size_wad > 0 else 1
    new = _order(s, market, s.rng.choice(others), sign * size, order.limit_price_wad)
    pair = (name, order, ticket.signature, ticket.honest), _sign(s, new)
    if s.chance(0.3):
        pair = pair[1], pair[0]
    return _matching(s, *pair, size)


def _matching(
    s: Scene, maker: tuple[bytes, Order, bytes, bool], taker: tuple[bytes, Order, bytes, bool], size: int
) -> Step:
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
    )  # fmt: skip


@action
def overfill(s: Scene) -> Step | None:
    """More of a known order than is left of it, small enough for nothing else to stand in the way."""
    band = s.world.protocol.record.config["ledger"]["band_bps"]

    def tradable(ticket: Ticket) -> bool:
        order, mark = ticket.order, s.state.market(ticket.order.instrument).price.spot_wad
        fits = abs(order.limit_price_wad - mark) * BPS < mark * band
        return fits and ticket.honest and not order.reduce_only and order.expires_at >= s.now

    known = [(name, ticket) for name, ticket in s.ghost.tickets.items() if tradable(ticket)]
    if not known:
        return None
    name, ticket = min(known[-12:], key=lambda one: abs(one[1].order.size_wad) + s.rng.randrange(WAD))
    order, market = ticket.order, s.state.market(ticket.order.instrument)
    others = [a for a in s.users if a.id != order.account and _admits(a, market)]
    size = ticket.left_wad + 1 if ticket.left_wad > 0 else abs(order.size_wad)
    against = -size if order.size_wad > 0 else size
    new = _plain(market, max(others, key=_free), against, order.limit_price_wad)
    return _matching(s, (name, order, ticket.signature, True), _sign(s, new), size)


@action
def cancel(s: Scene) -> Step | None:
    known = list(s.ghost.tickets.values())
    if not known:
        return None
    ticket: Ticket = s.rng.choice(known[-20:])
    account = s.state.account(ticket.order.account)
    venue = s.world.protocol.venue
    return act(s.world, "cancel", venue, "cancel", ticket.order.members(), sender=s.speaker(account))


@action
def raise_floor(s: Scene) -> Step | None:
    account = s.pick(s.users)
    if account is None:
        return None
    floor = max(0, s.ghost.floors[account.id] + s.rng.choice((-1, 0, 1, 1, 2)))
    venue = s.world.protocol.venue
    return act(s.world, "raise_floor", venue, "raiseNonceFloor", account.id, floor, sender=s.speaker(account))


# Time and prices


@action
def accrue(s: Scene) -> Step:
    market = s.rng.choice(s.state.markets)
    positions = s.world.protocol.positions
    return act(s.world, "accrue", positions, "accrue", market.instrument, sender=s.world.people.stranger)


@action
def accrue_interest(s: Scene) -> Step:
    ledger = s.world.protocol.ledger
    return act(s.world, "accrue_interest", ledger, "accrueInterest", sender=s.world.people.stranger)


@action
def settle(s: Scene) -> Step | None:
    """Mostly where deleveraging left something to settle."""
    held = [(a, p.instrument) for a in s.users for p in a.positions]
    empty = [(a, p.instrument) for a in s.users for p in a.positions if p.size_wad == 0]
    found = s.pick(empty, held)
    if found is None:
        return None
    account, instrument = found
    if s.chance(0.05):
        instrument = s.rng.choice(s.state.markets).instrument
    return act(
        s.world, "settle", s.world.protocol.ledger, "settle", account.id, instrument,
        sender=s.world.people.stranger, accounts=frozenset({account.id}),
    )  # fmt: skip


@action
def refresh(s: Scene) -> Step:
    """Every feed answers anew, a little beside the last price, and is poked."""
    prices = {m.underlying: moved(m.price.spot_wad, s.rng.gauss(0, 0.002)) for m in s.state.markets}
    return prices_step(s, "price", prices)


@action
def drift(s: Scene) -> Step:
    """All prices move together, by percents."""
    move = s.rng.gauss(0, 0.03)
    prices = {m.underlying: moved(m.price.spot_wad, move + s.rng.gauss(0, 0.01)) for m in s.state.markets}
    return prices_step(s, "price", prices)


@action
def jump(s: Scene) -> Step:
    """One price leaves where it was."""
    market = s.rng.choice(s.state.markets)
    size = math.exp(s.rng.uniform(math.log(0.03), math.log(1.2)))
    return prices_step(
        s, "price", {market.underlying: moved(market.price.spot_wad, s.rng.choice((-1, 1)) * size)}
    )


@action
def misprint(s: Scene) -> Step:
    """An answer nobody should believe, or nearly: a ten-thousandth, nothing, negative, at a bound, far away."""
    market = s.rng.choice(s.state.markets)
    symbol = s.world.protocol.symbols[market.underlying]
    bounds = s.world.protocol.record.config["underlyings"][symbol]
    low, high = (round(float(bounds[name]) * 10**8) for name in ("min_price", "max_price"))
    answer = s.rng.choice((10_000, 0, -1, low, low - 1, high, high + 1, 2**88, 2**255 - 1, -(2**255)))
    people, feed = s.world.people, s.world.protocol.feeds[market.underlying]
    says = act(s.world, "price", feed, "set", answer, sender=people.feeder)
    return join("price", [says, _poke(s, [market.underlying])])


@action
def poke(s: Scene) -> Step:
    known = [market.underlying for market in s.state.markets]
    chosen = s.rng.sample(known, s.rng.randint(1, len(known)))
    return _poke(s, chosen if s.chance(0.95) else [*chosen, 99])


def prices_step(s: Scene, name: str, prices: Mapping[int, int]) -> Step:
    """Feeds answer [wad], then the oracle looks."""
    people, protocol = s.world.people, s.world.protocol
    says = [
        act(s.world, name, protocol.feeds[u], "set", max(1, price // 10**10), sender=people.feeder)
        for u, price in prices.items()
    ]
    return join(name, [*says, _poke(s, list(prices))])


def _poke(s: Scene, underlyings: list[int]) -> Step:
    return act(s.world, "poke", s.world.protocol.oracle, "poke", underlyings, sender=s.world.people.stranger)


def moved(price: int, share: float) -> int:
    return max(1, round(price * (1 + share)) if share > -0.999 else price // 1_000)


# Liquidation


@action
def start(s: Scene) -> Step | None:
    weak = [a for a in s.users if a.healthy is False and a.auction is None]
    account = s.pick(weak, s.users, stray=0.06)
    if account is None:
        return None
    rewarded = account if s.chance(0.2) else s.rng.choice(s.users)
    return act(
        s.world, "start", s.world.protocol.liquidation, "start", account.id, rewarded.id,
        sender=s.world.people.stranger, accounts=frozenset({account.id, rewarded.id}),
        facts={"account": account.id, "reward": rewarded.id},
    )  # fmt: skip


@action
def insure(s: Scene) -> Step | None:
    def due(account: Account) -> int:
        return _auction(account).started_at + s.ghost.params.solvent_seconds

    solvent = [a for a in _auctioned(s) if not _auction(a).insured and a.healthy is False]
    return _on_auction(s, "insure", solvent, due)


@action
def restart(s: Scene) -> Step | None:
    def due(account: Account) -> int:
        return _auction(account).restarted_at + s.ghost.params.run_seconds + 1

    return _on_auction(s, "restart", [a for a in _auctioned(s) if a.healthy is False], due)


@action
def end(s: Scene) -> Step | None:
    return _on_auction(s, "end", [a for a in _auctioned(s) if a.healthy], None)


def _on_auction(
    s: Scene, name: str, found: list[Account], due: Callable[[Account], int] | None
) -> Step | None:
    account = s.pick(found, _auctioned(s), s.users, stray=0.07)
    if account is None:
        return None
    wait = 0
    if due is not None and account.auction is not None and s.chance(0.8):
        wait = max(0, due(account) - s.now + s.rng.choice((-1, 0, 0, 1)))
    return act(
        s.world, name, s.world.protocol.liquidation, name, account.id, sender=s.world.people.stranger,
        accounts=frozenset({account.id}), facts={"account": account.id}, wait=wait,
    )  # fmt: skip


def _auction(account: Account) -> Auction:
    assert account.auction is not None
    return account.auction


def _auctioned(s: Scene) -> list[Account]:
    return [a for a in s.users if a.auction is not None]


@action
def take(s: Scene) -> Step | None:
    found = _bid(s, s.users)
    if found is None:
        return None
    victim, taker, bid, wait = found
    receiver = taker.owner if s.chance(0.2) else "0x" + "00" * 20
    sender = s.speaker(taker)
    return act(
        s.world, "take", s.world.protocol.liquidation, "take",
        (victim.id, taker.id, *bid.values(), receiver, b""),
        sender=sender, accounts=frozenset({victim.id, taker.id}), facts={"account": victim.id, "bid": bid},
        wait=wait,
    )  # fmt: skip


@action
def flash_take(s: Scene) -> Step | None:
    """A taker with code that does something else before its margin is checked."""
    flash = s.world.flash
    able = [a for a in s.users if (a.owner, flash.address) in s.ghost.operators]
    found = _bid(s, able)
    if found is None:
        return None
    victim, taker, bid, wait = found
    people, ledger, liquidation = s.world.people, s.world.protocol.ledger, s.world.protocol.liquidation
    cash = s.amount(1, max(1, taker.cash_wad // s.assets[0].unit_wad))
    again = victim.id, taker.id, *bid.values(), flash.address, b""
    inner: tuple[tuple[Any, ...], ...] = (
        (ledger, "withdraw", taker.id, SETTLEMENT, cash, flash.address),
        (ledger, "settle", taker.id, s.rng.choice(s.state.markets).instrument),
        (ledger, "accrueInterest"),
        (liquidation, "end", victim.id),
        (liquidation, "take", again),
    )
    target, function, *args = s.rng.choice(inner)
    receiver = flash.address if s.chance(0.5) else "0x" + "00" * 20
    prepare = act(
        s.world,
        "flash_take",
        flash,
        "plan",
        target.address,
        target.encode(function, *args),
        sender=people.stranger,
    )
    go = act(
        s.world, "flash_take", flash, "take", liquidation.address,
        (victim.id, taker.id, *bid.values(), receiver, b"\x01"),
        sender=people.stranger, speakers={flash.address}, accounts=frozenset({victim.id, taker.id}),
    )  # fmt: skip
    return join("flash_take", [prepare, go], facts={"account": victim.id, "bid": bid}, wait=wait)


def _bid(s: Scene, able: list[Account]) -> tuple[Account, Account, dict[str, int], int] | None:
    weak = [a for a in _auctioned(s) if a.healthy is False]
    victim = s.pick(weak, _auctioned(s), s.users, stray=0.05)
    takers = [a for a in able if victim is None or a.id != victim.id or s.chance(0.05)]
    simple = victim is None or (not victim.holdings and len(victim.positions) == 1)
    fit = [a for a in takers if simple or a.mode is Mode.CROSS]
    rich = sorted(fit, key=_free)[-4:]
    taker = s.pick(rich, takers)
    if victim is None or taker is None:
        return None
    bid = {"max_fraction": WAD, "min_fraction": 0, "max_payment": MOST_PAYMENT, "min_discount": 0}
    if s.chance(0.5 if victim.positions else 0.1):
        bid["max_fraction"] = min(WAD, max(0, s.amount(10**12, WAD, [WAD, WAD // 2])))
    if s.chance(0.1):
        bid["min_fraction"] = s.log(10**12, WAD)
    if s.chance(0.1) and victim.health is not None:
        bid["max_payment"] = s.rng.choice((0, -1, victim.health.margin.equity_wad))
        bid["min_discount"] = s.log(1, max(1, victim.health.margin.maintenance_wad))
    wait = 0
    if victim.auction is not None and s.chance(0.5):
        params = s.ghost.params
        edge = s.rng.choice(
            (params.ramp_seconds, params.solvent_seconds, params.run_seconds, params.ramp_seconds // 2)
        )
        wait = max(0, victim.auction.restarted_at + edge - s.now + s.rng.choice((-1, 0, 1)))
    return victim, taker, bid, wait


@action
def deleverage(s: Scene) -> Step | None:
    weak = [a for a in _auctioned(s) if a.healthy is False and a.positions]
    insured = [a for a in weak if _auction(a).insured]
    deep = [a for a in weak if a.health is not None and a.health.margin.equity_wad <= 0]
    account = s.pick(insured or deep, _auctioned(s), s.users, stray=0.05)
    if account is None:
        return None
    legs = [leg.instrument for leg in account.positions] or [s.rng.choice(s.state.markets).instrument]
    wait = 0
    if account.auction is not None and s.chance(0.4):
        run = account.auction.restarted_at + s.ghost.params.run_seconds
        wait = max(0, run - s.now + s.rng.choice((0, 1, 1)))
    return act(
        s.world, "deleverage", s.world.protocol.liquidation, "deleverage", account.id, s.rng.choice(legs),
        sender=s.world.people.stranger, accounts=frozenset({account.id}), facts={"account": account.id},
        wait=wait,
    )  # fmt: skip


@action
def write_off(s: Scene) -> Step | None:
    bare = [a for a in s.users if a.cash_wad < 0 and not a.positions and not a.holdings]
    account = s.pick(bare, s.users, stray=0.05)
    if account is None or (not bare and s.chance(0.8)):
        return None
    return act(
        s.world, "write_off", s.world.protocol.liquidation, "writeOff", account.id,
        sender=s.world.people.stranger, accounts=frozenset({account.id}), facts={"account": account.id},
    )  # fmt: skip


@action
def distribute(s: Scene) -> Step:
    insurance = s.world.protocol.insurance
    return act(s.world, "distribute", insurance, "distribute", sender=s.world.people.stranger)


# Governance


@action
def trip(s: Scene) -> Step:
    people, breaker = s.world.people, s.world.protocol.breaker
    most = s.world.protocol.record.config["breaker"]["max_pause_seconds"]
    seconds = s.rng.choice((0, 1, 60, 600, most, most + 1))
    level = s.rng.choice((Level.CAUTIOUS, Level.CAUTIOUS, Level.HALTED, Level.NORMAL))
    underlying = s.rng.choice((0, *(market.underlying for market in s.state.markets)))
    sender = people.guardian if s.chance(0.9) else s.rng.choice((people.stranger, people.governor))
    return act(s.world, "trip", breaker, "trip", underlying, level, seconds, sender=sender)


@action
def tighten(s: Scene) -> Step:
    """The guardian asks for something tighter, or tries something looser."""
    protocol, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets[1:])
    p = market.params
    around = s.rng.choice((-1, 0, 1, 1))
    choice = s.rng.randrange(4)

    def ask(contract: Contract, function: str, *args: Any) -> Step:
        return act(s.world, "tighten", contract, function, *args, sender=people.guardian)

    if choice == 0:
        cap = p.open_interest_cap_wad * s.rng.choice((95, 100, 105)) // 100
        rates = p.initial_bps + around, p.maintenance_bps, p.initial_max_bps + around, p.knee_bps - around
        return ask(protocol.risk, "tightenInstrument", market.instrument, (*rates, cap))
    if choice == 1:
        haircuts = asset.params.initial_haircut_bps + around, asset.params.maintenance_haircut_bps
        return ask(protocol.risk, "tightenAsset", asset.asset, haircuts)
    if choice == 2:
        cap = max(0, asset.cap + s.rng.choice((-1, 0, 1)) * asset.cap // 100)
        return ask(protocol.vaults[asset.asset], "tightenCap", cap)
    cap = max(0, market.insurance_cap_wad + s.rng.choice((-1, 0, 1)) * market.insurance_cap_wad // 50)
    return ask(protocol.insurance, "tightenCap", market.underlying, cap)


@action
def overreach(s: Scene) -> Step:
    """Somebody calls what is not his to call."""
    protocol, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    account, other = s.rng.choice(s.users), s.rng.choice(s.users)
    zero = "0x" + "00" * 20
    p = market.params
    looser = (
        p.initial_bps - 1,
        p.maintenance_bps - 1,
        p.initial_max_bps,
        p.knee_bps,
        2 * p.open_interest_cap_wad,
    )
    fill = (
        market.instrument,
        account.id,
        other.id,
        s.state.system.fees_account,
        WAD,
        market.price.spot_wad,
        0,
        0,
    )
    calls: tuple[tuple[Any, ...], ...] = (
        (protocol.risk, "setInstrument", market.instrument, looser),
        (protocol.risk, "setAsset", asset.asset, (1, 1)),
        (protocol.oracle, "setFeed", market.underlying, (zero, 3_600, 100, 1, 2**80)),
        (protocol.ledger, "setEngine", people.stranger, 7),
        (protocol.ledger, "revokeEngine", protocol.liquidation.address),
        (protocol.ledger, "listAsset", zero, 1),
        (protocol.ledger, "fill", fill),
        (protocol.ledger, "move", account.id, other.id, WAD),
        (protocol.ledger, "take", account.id, other.id, WAD, WAD, people.stranger),
        (protocol.ledger, "deleverage", account.id, market.instrument, WAD),
        (protocol.ledger, "writeOff", account.id),
        (protocol.positions, "trade", market.instrument, account.id, other.id, WAD, market.price.spot_wad),
        (protocol.positions, "listInstrument", market.instrument + 1),
        (protocol.vaults[asset.asset], "setCap", 2**127),
        (protocol.vaults[asset.asset], "pull", account.owner, 1_000),
        (protocol.vaults[asset.asset], "push", people.stranger, max(1, asset.held)),
        (protocol.insurance, "setCap", market.underlying, 2**100),
        (protocol.insurance, "setFundShare", 0),
        (protocol.insurance, "pay", market.underlying, account.id, WAD),
        (protocol.insurance, "payTreasury", people.stranger, 1),
        (protocol.liquidation, "setParams", astuple(s.ghost.params)),
        (protocol.venue, "setFees", 0, 0),
        (protocol.breaker, "relax", market.underlying),
        (protocol.breaker, "reportMove", market.underlying),
        (protocol.authority, "grantRole", 1, people.stranger, 0),
    )  # fmt: skip
    contract, function, *args = s.rng.choice(calls)
    sender = s.rng.choice((people.stranger, people.stranger, people.guardian, people.governor, people.keeper))
    if function == "revokeEngine" and sender == people.guardian:
        sender = people.stranger  # his right, and the end of the history
    return act(s.world, "overreach", contract, function, *args, sender=sender)


@action
def loosen(s: Scene) -> Step | None:
    """The governor schedules a loosening, waits out the delay, or not quite, and executes it."""
    protocol, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    p = market.params
    rates = p.initial_bps, p.maintenance_bps, p.initial_max_bps, p.knee_bps
    vault, raised = protocol.vaults[asset.asset], p.open_interest_cap_wad + WAD
    wishes: tuple[tuple[Any, ...], ...] = (
        (protocol.breaker, "relax", market.underlying),
        (vault, "setCap", asset.cap + 1),
        (protocol.insurance, "setCap", market.underlying, market.insurance_cap_wad + WAD),
        (protocol.insurance, "payTreasury", people.governor, 1),
        (protocol.risk, "setInstrument", market.instrument, (*rates, raised)),
    )
    contract, function, *args = s.rng.choice(wishes)
    request = contract.address, contract.encode(function, *args)
    schedule = act(s.world, "loosen", protocol.authority, "schedule", *request, 0, sender=people.governor)
    execute = act(s.world, "loosen", protocol.authority, "execute", *request, sender=people.governor)
    if s.ghost.scheduled and s.chance(0.7):
        return execute
    wait = 0 if s.chance(0.5) else s.world.delay + s.rng.choice((-1, 0, 1))
    return replace(schedule, wait=0) if wait == 0 else replace(execute, wait=wait)


GAS_FEES: Final = (GWEI, 5_000 * GWEI)
"""[wei] Between these a block's base fee may jump."""
