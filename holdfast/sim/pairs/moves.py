"""The steps that branches are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from holdfast.model.venue import Order, digest
from holdfast.sim.actions import Scene
from holdfast.sim.history import call
from holdfast.sim.steps import Step, act, join
from holdfast.sim.world import CONSENT, World
from holdfast.types import Account, Grade, Level, Market, Mode
from holdfast.units import BPS, WAD

NONCE = 2**200
"""Above any floor that a history raises; the next ones for the orders after the first."""


def fill(
    world: World, market: Market, buyer: int, seller: int, size: int, price: int, number: int = 0
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


def admits(account: Account, market: Market) -> bool:
    """Does the account's mode let it hold this?"""
    return account.mode is Mode.CROSS or all(leg.instrument == market.instrument for leg in account.positions)


def free_of(account: Account) -> int:
    """Equity above initial margin."""
    if account.health is None:
        return 0
    return max(0, account.health.margin.equity_wad - account.health.margin.initial_wad)


def band(s: Scene, market: Market) -> int:
    """Most that a price may be off the mark."""
    bps: int = s.world.protocol.record.config["ledger"]["band_bps"]
    return market.price.spot_wad * bps // BPS


def price_in(s: Scene, market: Market) -> int:
    """A price at which one may trade: the mark, an edge of the band, or anything between."""
    reach, spot = band(s, market), market.price.spot_wad
    return max(1, spot + s.rng.choice((0, 0, -reach, reach, s.rng.randint(-reach, reach))))


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
