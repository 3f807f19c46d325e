"""An auction in slices, each no larger than restores the target health: equity = 1.4 MM.

├── one taker, no bound      gets exactly the slice that restores the target
├── several small takers     each gets what it asked for, until the account is healthy
├── at any time              what is left is at the target, never above it
└── a small account          is taken whole, rather than left as dust
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import GWEI, Party, Stage, discount_at, named, up, wads

TARGET = 14  # tenths of MM
REWARD = 65_000 * GWEI * 2 * 1_870


@pytest.fixture
def bidder(stage: Stage) -> Party:
    return stage.party(100_000)


@pytest.fixture
def long(stage: Stage, bidder: Party) -> Party:
    """Long of 100 ETH with 22,000 dollars at 2,000, in auction at 1,870: equity 8,900, MM 9,350."""
    long = stage.party(22_000)
    stage.trade(long, stage.party(200_000), 100, 2_000)
    stage.drift("ETH", 1_870)
    stage.start(long)
    assert stage.equity(long) == wads(8_900) - REWARD
    return long


def largest(equity: int, maintenance: int, d: int) -> int:
    """f* = (T·MM − E) / ((T − d)·MM), up"""
    return up((TARGET * maintenance - 10 * equity) * WAD, WAD, (TARGET * WAD - 10 * d) * maintenance)


def test_partial_slices__one_taker__restores_the_target_exactly(
    stage: Stage, long: Party, bidder: Party
) -> None:
    stage.until(stage.time + 24)  # d = 5 % + 95 %·24/120
    d = discount_at(24)
    assert d == wads(0.24)
    equity, maintenance = stage.equity(long), wads(9_350)
    fraction = largest(equity, maintenance, d)

    receipt = stage.take(long, bidder)

    taken = receipt.event("Taken").args
    # (1.4·9,350 − 8,899.76) / (1.16·9,350) = 38.6 %
    assert taken["fractionWad"] == fraction
    assert 385 < fraction * 1_000 // WAD < 387
    assert taken["discountWad"] == maintenance * d // WAD * fraction // WAD
    after = stage.health(long).margin
    assert 0 <= after.equity_wad * 10 - TARGET * after.maintenance_wad < wads(0.000_001)
    assert named(receipt, "AuctionEnded")[0]["equityWad"] == after.equity_wad
    assert stage.look(long).auction is None


def test_partial_slices__small_takers__each_gets_its_part_until_the_account_is_healthy(
    stage: Stage, long: Party, refused: Refused
) -> None:
    started = stage.time
    takers = [stage.party(20_000) for _ in range(3)]
    equity, maintenance = stage.equity(long), wads(9_350)
    for place, taker in enumerate(takers):
        assert stage.look(long).auction is not None
        stage.until(started + 60 + place)
        d = discount_at(60 + place)
        expected = largest(equity, maintenance, d)
        assert expected > WAD // 20

        taken = stage.take(long, taker, most=WAD // 20).event("Taken").args

        assert taken["fractionWad"] == WAD // 20
        assert stage.size(taker) == wads(100) * 19**place // 20 ** (place + 1)
        equity, maintenance = stage.equity(long), stage.health(long).margin.maintenance_wad

    assert equity >= maintenance  # healthy, though not yet at the target
    with refused("NotInAuction", account=long.account):
        stage.take(long, takers[-1])


@pytest.mark.parametrize("seconds", [1, 30, 77, 113, 114, 120, 500])
def test_partial_slices__any_time__never_more_than_the_target_needs(
    stage: Stage, long: Party, bidder: Party, seconds: int
) -> None:
    equity = stage.equity(long)
    stage.until(stage.time + seconds)

    stage.take(long, bidder)

    after = stage.health(long)
    if equity > wads(9_350) * discount_at(seconds) // WAD:
        excess = after.margin.equity_wad * 10 - TARGET * after.margin.maintenance_wad
        assert after.legs == 1 and 0 <= excess < wads(0.000_001)
    else:  # the discount of the whole eats all equity: nothing less restores health
        assert seconds >= 114
        assert after.legs == 0 and after.margin.equity_wad == 0


def test_partial_slices__small_account__is_taken_whole(stage: Stage, bidder: Party, refused: Refused) -> None:
    small = stage.party(26.4)
    stage.trade(small, bidder, 0.12, 2_000)  # at 1,870: equity 10.68, MM 11.22
    stage.drift("ETH", 1_870)
    stage.start(small)
    stage.until(stage.time + 24)
    maintenance = stage.ahead(small).margin.maintenance_wad
    assert maintenance == wads(11.22)

    # A tenth would leave an MM of 10.098, which is worth another slice; a fifth would leave dust.
    with refused("DustRemainder", remainderWad=wads(11.22) * 4 // 5, dustWad=wads(10)):
        stage.take(small, bidder, most=WAD // 5)
    stage.until(stage.time + 1)
    receipt = stage.take(small, bidder)

    assert receipt.event("Taken").args["fractionWad"] == WAD
    after = stage.health(small)
    assert after.legs == 0 and after.margin.equity_wad > 0  # what is left is the owner's
    left = stage.cash(small) // 10**12
    stage.send(stage.ledger, "withdraw", small.account, 0, left, small.address, by=small.address)
