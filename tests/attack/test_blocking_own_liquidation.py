"""The owner of a failing account makes it impossible to sell.

Naive rule: one bad price, one full list, one refused call stands in the way of the whole liquidation.

├── dust with a dead feed         what can't make up for the missing margin at half as much again is passed over
├── dust in a halted market       the same
├── more than dust                of a market that is halted or dead, brought in when it suits
├── full lanes                    sixteen positions and five collaterals are started and taken like one
├── operators, other owners       nobody's consent is asked
├── tiny deposits each block      change nothing but the price by as much
├── trades in front of a taker    the same; bounds with a little room are met
├── topping up and taking back    what ended the auction can't leave again
└── taking it himself             at everybody's price, with everybody's margin
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.protocol import Protocol
from holdfast.types import Action, Grade, Level
from holdfast.units import WAD
from tests.attack.company import deployed_with, undone, wide
from tests.attack.test_self_liquidation_reward import all_fall, full_accounts
from tests.conftest import GENESIS, Refused
from tests.stage import PEOPLE, Party, Stage, wads


@pytest.fixture
def bidder(stage: Stage) -> Party:
    return stage.party(100_000)


@pytest.fixture
def long(stage: Stage, bidder: Party) -> Party:
    """Long of 10 ETH with 2,190 dollars."""
    long = stage.party(2_200)
    stage.trade(long, stage.party(100_000), 10, 2_000)
    return long


def test_blocking__dust_with_a_dead_feed__does_not_count(stage: Stage, long: Party, bidder: Party) -> None:
    """BTC's feed died yesterday; 280 dollars of it can't make up for 460, whatever it is worth by now."""
    stage.deposit(long, "WBTC", 0.004_66)
    stage.wait(6_000)
    stage.say("ETH", 2_000)
    stage.poke("ETH")
    stage.wait(601)
    stage.price("ETH", 1_800)
    assert stage.health(long).grade == Grade.STALE

    stage.start(long)
    stage.until_started(long, 60)
    stage.take(long, bidder, receiver=bidder.address)  # the dust isn't his to answer for

    assert stage.size(bidder) > 0


def test_blocking__dust_in_a_halted_market__does_not_count(stage: Stage, long: Party, bidder: Party) -> None:
    stage.trade(long, stage.party(10_000), 0.000_1, 60_000, stage.btc)
    stage.send(stage.breaker, "trip", 2, Level.HALTED, 3_600, by="guardian")
    stage.price("ETH", 1_860)

    stage.start(long)
    stage.until_started(long, 60)
    stage.take(long, bidder)

    assert stage.size(bidder, stage.btc) > 0  # the dust goes with the rest


def test_blocking__more_than_dust_of_a_halted_market__shields_no_longer_than_it_could_save(
    stage: Stage, long: Party, bidder: Party, refused: Refused
) -> None:
    """BTC is halted, ETH isn't. The owner of a failing account in ether brings 330 dollars in bitcoin."""
    stage.send(stage.breaker, "trip", 2, Level.HALTED, 21_600, by="guardian")
    stage.price("ETH", 1_840)  # equity 590, MM 920
    stage.start(long)
    stage.deposit(
        long, "WBTC", 0.005_5
    )  # 920 against 953: if bitcoin had risen by a tenth, it would be healthy
    with refused(
        "Blocked",
        action=Action.TAKE,
        underlying=2,
        level=Level.HALTED,
        grade=Grade.FRESH,
        grace=False,
    ):
        stage.take(long, bidder, receiver=bidder.address)

    stage.price("ETH", 1_815)  # 670 against 940: half of 330 more wouldn't save it
    stage.take(long, bidder, receiver=bidder.address)

    assert stage.size(bidder) > 0 and stage.equity(long) > 0  # in time


def test_blocking__more_than_dust_with_a_dead_feed__shields_no_longer_than_it_could_save(
    stage: Stage, long: Party
) -> None:
    stage.wait(6_000)
    stage.say("ETH", 2_000)
    stage.poke("ETH")
    stage.wait(601)
    stage.deposit(long, "WBTC", 0.005_5)
    stage.price("ETH", 1_815)

    stage.start(long)

    assert stage.equity(long) > 0


@pytest.fixture(scope="module")
def built() -> Iterator[Protocol]:
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        yield deployed_with(chain.rpc, wide)


@pytest.fixture
def wide_stage(built: Protocol) -> Iterator[Stage]:
    with undone(built) as stage:
        yield stage


def test_blocking__full_lanes__are_taken_like_one(wide_stage: Stage, refused: Refused) -> None:
    stage = wide_stage
    (full,) = full_accounts(stage, 1, cash=70_500, size=20)
    busy = stage.party(1_000_000)
    stage.trade(busy, stage.party(1_000_000), 1, 2_000, stage.protocol.instruments["U16-PERP"])
    free = stage.party(1_000_000)
    all_fall(stage, 0.93)
    stage.start(full)
    stage.until_started(full, 60)
    stage.take(full, busy, most=WAD // 10)  # it holds one of the sixteen already

    stage.take(full, free)

    assert len(stage.look(free).positions) == 16 and len(stage.look(free).holdings) == 5


def test_blocking__operators__have_no_say(stage: Stage, long: Party, bidder: Party) -> None:
    for who in (stage.liquidation.address, stage.ledger.address, bidder.address):
        stage.send(stage.ledger, "setOperator", who, False, by=long.address)
    stage.drift("ETH", 1_870)
    stage.start(long)
    stage.until_started(long, 60)
    stage.take(long, bidder)


def test_blocking__tiny_deposits_before_every_take__change_nothing(
    stage: Stage, long: Party, bidder: Party
) -> None:
    stage.drift("ETH", 1_870)
    stage.start(long)
    stage.until_started(long, 60)
    for _ in range(5):
        quoted = stage.liquidation.call("quote", long.account, WAD // 50)
        stage.deposit(long, "USDC", 0.000_001)
        stage.take(long, bidder, most=WAD // 50, least=WAD // 50, pay=quoted[1] + wads(0.01), gain=quoted[2])
    assert stage.size(bidder) > 0


def test_blocking__trades_before_every_take__change_nothing(stage: Stage, long: Party, bidder: Party) -> None:
    """The owner sells a wei to an accomplice in front of each taker."""
    accomplice = stage.party(10_000)
    stage.drift("ETH", 1_870)
    stage.start(long)
    stage.until_started(long, 60)
    for place in range(5):
        quoted = stage.liquidation.call("quote", long.account, WAD // 50)
        stage.trade(accomplice, long, 0.000_001 * (place + 1), 1_870)
        stage.take(long, bidder, most=WAD // 50, least=WAD // 50, pay=quoted[1] + wads(0.01))
    assert stage.size(bidder) > 0


def test_blocking__top_up_and_take_back__only_down_to_im(stage: Stage, long: Party, refused: Refused) -> None:
    stage.drift("ETH", 1_870)
    stage.start(long)
    stage.until_started(long, 100)
    stage.deposit(long, "USDC", 50)
    stage.send(stage.liquidation, "end", long.account, by=long.address)
    margin = stage.health(long).margin
    with refused(
        "BelowInitialMargin",
        account=long.account,
        equityWad=margin.equity_wad - 10**12,
        initialWad=margin.initial_wad,
    ):
        stage.withdraw(long, "USDC", 0.000_001)


def test_blocking__taking_it_himself__is_taking_it(stage: Stage, long: Party, refused: Refused) -> None:
    own = stage.party(5_000, owner=long.key)
    stage.drift("ETH", 1_870)
    stage.start(long)
    with refused("SelfTake", account=long.account):
        stage.take(long, long)
    before = stage.equity(long) + stage.equity(own)
    stage.until_started(long, 60)
    taken = stage.take(long, own).event("Taken").args
    assert before - stage.equity(long) - stage.equity(own) == taken["fundShareWad"] > 0
