"""The steps that branches are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from holdfast.model.venue import Order, digest
from holdfast.sim.actions import Scene
from holdfast.sim.actions.scene import OPTIONAL
from holdfast.sim.history import call
from holdfast.sim.series import closed_at, room_wad
from holdfast.sim.steps import Step, act, join
from holdfast.sim.world import CONSENT, World
from holdfast.types import Grade, InstrumentId, Level, Market, Mode, Series, Snapshot, Traded
from holdfast.units import WAD

NONCE = 2**200
"""Above any floor that a history raises; the next ones for the orders after the first."""


def fill(
    world: World, market: Traded, buyer: int, seller: int, size: int, price: int, number: int = 0
) -> Step:
    """Two orders of just that size, matched; the seller made the price."""
    sides = [
        Order(
            account=account,
            signer=CONSENT,
            instrument=market.instrument,
            size_wad=signed,
            limit_price_wad=price,
            nonce=NONCE + number,
        )
        for account, signed in ((seller, -size), (buyer, size))
    ]
    protocol = world.protocol
    orders = tuple(
        (digest(order, protocol.chain_id, protocol.venue.address), order, b"", True) for order in sides
    )
    return act(
        world, "match", protocol.venue, "matchOrders",
        sides[0].members(), b"", sides[1].members(), b"", size,
        sender=world.people.stranger, speakers=(CONSENT,), accounts=frozenset({buyer, seller}),
        facts={
            "orders": orders, "size": size, "instrument": market.instrument, "absurd": False,
            "sides": ((seller, -size), (buyer, size)),
        },
    )  # fmt: skip


def deposit(world: World, account: int, asset: int, amount: int, owner: str) -> Step:
    return act(
        world, "deposit", world.protocol.ledger, "deposit", account, asset, amount,
        sender=owner, accounts=frozenset({account}),
        facts={"account": account, "asset": asset, "amount": amount},
    )  # fmt: skip


def withdraw(world: World, account: int, asset: int, amount: int, owner: str) -> Step:
    return act(
        world, "withdraw", world.protocol.ledger, "withdraw", account, asset, amount, owner,
        sender=owner, accounts=frozenset({account}),
        facts={"account": account, "asset": asset, "amount": amount},
    )  # fmt: skip


def open_accounts(world: World, owner: str, mode: Mode, count: int) -> Step:
    one = act(world, "open", world.protocol.ledger, "open", mode, sender=owner)
    return replace(join("open", [one] * count), opens=count)


def accrue(world: World, instrument: int) -> Step:
    return act(world, "accrue", world.protocol.positions, "accrue", instrument, sender=world.people.stranger)


def accrue_interest(world: World) -> Step:
    ledger = world.protocol.ledger
    return act(world, "accrue_interest", ledger, "accrueInterest", sender=world.people.stranger)


def settle(world: World, account: int, instrument: int) -> Step:
    return act(
        world, "settle", world.protocol.ledger, "settle", account, instrument,
        sender=world.people.stranger, accounts=frozenset({account}),
    )  # fmt: skip


def settle_many(world: World, accounts: Sequence[int], series: int) -> Step:
    return act(
        world, "settle", world.protocol.ledger, "settleMany", list(accounts), series,
        sender=world.people.stranger, accounts=frozenset(accounts),
    )  # fmt: skip


def settle_series(world: World, series: Series, covered_at: int) -> Step:
    return act(
        world, "settle_series", world.protocol.positions, "settleSeries", series.instrument, covered_at,
        sender=world.people.stranger, wide=True, facts={"series": series.instrument, "covered": covered_at},
    )  # fmt: skip


def start(world: World, account: int, reward: int) -> Step:
    return act(
        world, "start", world.protocol.liquidation, "start", account, reward,
        sender=world.people.stranger, accounts=frozenset({account, reward}),
        facts={"account": account, "reward": reward},
    )  # fmt: skip


def end(world: World, account: int) -> Step:
    return act(
        world, "end", world.protocol.liquidation, "end", account,
        sender=world.people.stranger, accounts=frozenset({account}), facts={"account": account},
    )  # fmt: skip


def take(world: World, account: int, taker: int, owner: str) -> Step:
    """As large a slice as there is, at any price."""
    bid = (account, taker, WAD, 0, 2**255 - 1, 0, "0x" + "00" * 20, b"")
    return act(
        world, "take", world.protocol.liquidation, "take", bid,
        sender=owner, accounts=frozenset({account, taker}), facts={"account": account},
    )  # fmt: skip


def poke(world: World, underlyings: Sequence[int]) -> Step:
    return act(world, "poke", world.protocol.oracle, "poke", list(underlyings), sender=world.people.stranger)


def answers(world: World, prices: Mapping[int, int]) -> Step:
    """Feeds answer [wad] by underlying, and the oracle looks."""
    protocol = world.protocol
    says = [
        act(world, "price", feed, "set", max(1, price // 10**10), sender=world.people.feeder)
        for u, price in prices.items()
        for feed in protocol.feeds[u]
    ]
    return join("price", [*says, poke(world, list(prices))])


def nothing(world: World, wait: int) -> Step:
    """Time passes; somebody looks at a number."""
    return Step(
        action="nothing",
        calls=(call(world.protocol.oracle, "spotOf", 1, sender=world.people.stranger),),
        text=("nobody does anything",),
        wait=wait,
    )


def waiting(step: Step, wait: int) -> Step:
    return replace(step, wait=wait)


# Choosing


def open_markets(s: Scene) -> list[Market]:
    """Where new risk may be taken on, as far as the market itself is concerned."""
    everything = s.state.system.restriction.level
    return [
        m
        for m in s.state.markets
        if m.price.grade <= Grade.SLOW and max(m.restriction.level, everything) is Level.NORMAL
    ]


def traded(s: Scene) -> Traded | None:
    """A perpetual or a series in which new risk may be taken on, as far as it is concerned itself."""
    markets = open_markets(s)
    if not markets:
        return None
    there = {market.underlying for market in markets}
    series = [one for one in s.series if one.underlying in there and s.now < closed_at(one.instrument)]
    return s.rng.choice(series) if series and s.chance(OPTIONAL) else s.rng.choice(markets)


def due(state: Snapshot) -> list[Series]:
    """Series that can be settled now."""
    return [one for one in state.series if one.covered_at]


def unrealised(state: Snapshot) -> dict[InstrumentId, list[int]]:
    """Who has something to realise once all that is due is settled, by series."""
    settled = state.settled | {series.instrument for series in due(state)}
    found: dict[InstrumentId, list[int]] = {}
    for account in state.accounts:
        for leg in account.positions:
            if leg.instrument in settled:
                found.setdefault(leg.instrument, []).append(account.id)
    return found


def price_in(s: Scene, market: Traded) -> int:
    """A price at which one may trade: the mark, an edge of the band, or anything between."""
    reach, mark = room_wad(s.world, s.state, market), market.mark_wad
    return max(1, mark + s.rng.choice((0, 0, -reach, reach, s.rng.randint(-reach, reach))))


def parts(s: Scene, whole: int, count: int) -> list[int]:
    """Positive numbers that add up to it; of every size, now and then just one wei. Needs whole ≥ count."""
    left, found = whole, []
    for more in range(count - 1, 0, -1):
        part = s.rng.choice((1, left // (more + 1), s.log(1, left - more), s.rng.randint(1, left - more)))
        found.append(min(max(1, part), left - more))
        left -= found[-1]
    found.append(left)
    s.rng.shuffle(found)
    return found
