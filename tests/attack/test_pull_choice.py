"""Prices that anybody brings. The attacker holds two signed updates, both newer than what the oracle has, and decides
when each of them enters: one before his trade, the other behind it, all in one block.

Naive rule: each poke takes the newest answer. He buys at the one mark and is worth the other, at no risk.

├── low, trade, high in one block    the second waits: he is worth what he was
├── high, trade, low in one block    an older answer never enters
├── a victim between the two prices  isn't seized at the low one and bought back at the high one in a block
└── the next block                   the later one enters, whoever brings it
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.chain.protocol import Protocol
from holdfast.sim.history import Block, Call, Result, simulate
from tests.attack.company import deployed_with, to_be, undone
from tests.conftest import GENESIS
from tests.stage import GWEI, PEOPLE, Party, Stage, wads

ETHER = "0x" + "e1" * 32
FEE = 1  # [wei] of an update


@pytest.fixture(scope="module")
def pulled() -> Iterator[tuple[Protocol, Contract]]:
    """The price of ether comes from Pyth; it is 2,000."""
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as running:
        pyth = deploy(running.rpc, artifact("MockPyth"), 60, FEE, sender=running.accounts[0])
        first = [update(pyth, 2_000, GENESIS)]
        pyth.send("updatePriceFeeds", first, sender=running.accounts[0], value=FEE)

        def from_pyth(data: dict[str, Any]) -> None:
            data["underlyings"]["ETH"]["sources"] = [{"kind": "pyth", "address": pyth.address, "id": ETHER}]

        yield deployed_with(running.rpc, from_pyth), pyth


@pytest.fixture
def stage(pulled: tuple[Protocol, Contract]) -> Iterator[Stage]:
    with undone(pulled[0]) as stage:
        yield stage


@pytest.fixture
def pyth(pulled: tuple[Protocol, Contract]) -> Contract:
    return pulled[1]


def update(pyth: Contract, price: int, time: int) -> bytes:
    """Signed by nobody, which Pyth's own stand-in doesn't ask for."""
    return bytes(pyth.call("createPriceFeedUpdateData", ETHER, price * 10**8, 10**6, -8, 1, 1, time, time))


def bring(stage: Stage, pyth: Contract, price: int, time: int) -> list[Call]:
    """The attacker pays for the update and pokes."""
    source = stage.protocol.feeds[1][0]
    paid = replace(to_be(stage, source, "update", [update(pyth, price, time)], by="stranger"), value=FEE)
    return [paid, to_be(stage, stage.oracle, "poke", [1], by="stranger")]


def trade(stage: Stage, buyer: Party, seller: Party, size: int, price: int) -> Call:
    orders = stage.order(seller, -size, price), stage.order(buyer, size, price)
    signatures = [
        stage.protocol.sign(order, party.key).signature
        for order, party in zip(orders, (seller, buyer), strict=True)
    ]
    (maker, taker), (first, second) = orders, signatures
    args = maker.members(), first, taker.members(), second, wads(size)
    return to_be(stage, stage.venue, "matchOrders", *args, by="keeper")


def equity(stage: Stage, party: Party) -> Call:
    return to_be(stage, stage.protocol.lens, "accountsOf", [party.account], by="stranger")


def played(stage: Stage, *blocks: list[Call]) -> list[list[Result]]:
    at = stage.time + 10
    return simulate(
        stage.rpc, [Block(calls, time=at + place, base_fee=GWEI) for place, calls in enumerate(blocks)]
    )


def equity_in(stage: Stage, result: Result) -> int:
    view = result.returned(stage.protocol.lens, "accountsOf")[0]
    return int(view.health.margin.equityWad)


def poked(result: Result) -> list[int]:
    return [event.args["spotWad"] for event in result.events if event.name == "PricePoked"]


def test_pull_choice__low_trade_high__the_second_waits(stage: Stage, pyth: Contract) -> None:
    attacker, maker = stage.party(50_000), stage.party(50_000)
    at = stage.time + 10
    low, high = bring(stage, pyth, 1_980, at - 1), bring(stage, pyth, 2_020, at)
    look = equity(stage, attacker)

    first, second = played(
        stage,
        [*low, trade(stage, attacker, maker, 10, 1_980), look, *high, look],
        [high[1], look],
    )

    assert all(result.ok for result in (*first, *second))
    assert poked(first[1]) == [wads(1_980)]
    assert poked(first[5]) == []
    assert equity_in(stage, first[6]) == equity_in(stage, first[3]) < wads(50_000)
    assert poked(second[0]) == [wads(2_020)]
    assert equity_in(stage, second[1]) > wads(50_000)  # a risk he bore into the next block


def test_pull_choice__high_trade_low__an_older_one_never_enters(stage: Stage, pyth: Contract) -> None:
    attacker, maker = stage.party(50_000), stage.party(50_000)
    at = stage.time + 10
    low, high = bring(stage, pyth, 1_980, at - 1), bring(stage, pyth, 2_020, at)

    first, second = played(
        stage, [*high, trade(stage, maker, attacker, 10, 2_020), *low], [*low, equity(stage, attacker)]
    )

    assert [poked(result) for result in (*first, *second)] == [[], [wads(2_020)], [], [], [], [], [], []]


def test_pull_choice__victim_between_the_prices__is_not_passed_through(stage: Stage, pyth: Contract) -> None:
    """At 1,800 the long can be sold, at 2,000 it can't; whoever takes it bears 1,800 into the next block."""
    victim, bidder = stage.party(2_690), stage.party(100_000)
    stage.trade(victim, stage.party(100_000), 10, 2_000)
    at = stage.time + 10
    fall, back = bring(stage, pyth, 1_800, at - 1), bring(stage, pyth, 2_000, at)
    start = to_be(stage, stage.liquidation, "start", victim.account, bidder.account, by=bidder.address)
    look = equity(stage, bidder)

    (first,) = played(stage, [*fall, start, look, *back, look, start])

    assert poked(first[1]) == [wads(1_800)] and first[2].ok
    assert poked(first[5]) == []
    assert equity_in(stage, first[6]) == equity_in(stage, first[3])
