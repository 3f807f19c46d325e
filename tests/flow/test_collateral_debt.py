"""Debt in cash against ether that falls, and rises again.

10 ETH at 2,000 back 15,000 dollars taken out: equity 5,000, IM 3,000 (15 % haircut), MM 2,000 (10 %).

├── at the limit       85 % of the value may be out, not a cent more
├── it falls           at 1,700 still healthy; at 1,650 it is put up for auction
├── a slice            its price pays back debt; what is left is at the target
├── it rises again     the rest is the owner's: nothing is taken any more, and he may borrow again
└── he repays          and takes all his ether home
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from tests.conftest import Refused
from tests.stage import Party, Stage, wads


@pytest.fixture
def lender(stage: Stage) -> Party:
    return stage.party(100_000)


@pytest.fixture
def borrower(stage: Stage, lender: Party) -> Party:
    borrower = stage.party(WETH=10)
    stage.withdraw(borrower, "USDC", 15_000)
    margin = stage.health(borrower).margin
    assert (margin.equity_wad, margin.initial_wad, margin.maintenance_wad) == (
        wads(5_000),
        wads(3_000),
        wads(2_000),
    )
    return borrower


def test_collateral_debt__at_the_limit__not_a_cent_more(
    stage: Stage, lender: Party, refused: Refused
) -> None:
    borrower = stage.party(WETH=10)
    stage.withdraw(borrower, "USDC", 16_999)
    owed = stage.ahead(borrower).cash_wad

    with pytest.raises(Reverted) as caught:
        stage.withdraw(borrower, "USDC", 1.01)
    assert caught.value.name == "BelowInitialMargin"  # the haircut is the margin: both say the same here
    assert caught.value.fields["initialWad"] == wads(3_000)
    assert wads(2_999.98) < caught.value.fields["equityWad"] < wads(2_999.99)

    stage.withdraw(borrower, "USDC", 0.99)
    assert 0 <= owed - wads(0.99) - stage.cash(borrower) < wads(0.000_1)


def test_collateral_debt__slow_price_below__limits_too(stage: Stage, lender: Party) -> None:
    stage.price("ETH", 2_100)  # +5 %: nobody had time to believe it yet
    borrower = stage.party(WETH=10)

    with pytest.raises(Reverted, match="BelowInitialMargin"):
        stage.withdraw(borrower, "USDC", 17_300)  # 85 % of 21,000 would be 17,850
    stage.wait(3_600)
    stage.say("ETH", 2_100)
    stage.poke()
    stage.withdraw(borrower, "USDC", 17_300)


def test_collateral_debt__falls_and_rises__keeps_what_was_not_sold(
    stage: Stage, borrower: Party, lender: Party, refused: Refused
) -> None:
    bidder = stage.party(50_000)
    stage.drift("ETH", 1_720)
    with pytest.raises(Reverted, match="Healthy"):
        stage.start(borrower)  # 2,200 less a little interest, MM 1,720

    stage.drift("ETH", 1_650)
    assert not stage.look(borrower).healthy  # 1,500 less interest, MM 1,650
    stage.start(borrower)
    stage.until_started(borrower, 24)
    taken = stage.take(borrower, bidder).event("Taken").args
    # (1.4·1,650 − 1,500) / ((1.4 − 0.24)·1,650) = 42 %
    assert 420 < taken["fractionWad"] * 1_000 // 10**18 < 426
    margin = stage.health(borrower).margin
    assert margin.equity_wad * 10 - 14 * margin.maintenance_wad in range(10**12)
    left = stage.look(borrower).holdings[0].amount
    debt = -stage.cash(borrower)
    assert wads(8_150) < debt < wads(8_200) and wads(5.7) < left < wads(5.8)

    stage.drift("ETH", 2_000)
    stage.deposit(borrower, "USDC", 1)  # anyone may
    with refused("NotInAuction", account=borrower.account):
        stage.take(borrower, bidder)
    stage.withdraw(borrower, "USDC", 1_000)  # borrows again

    stage.deposit(borrower, "USDC", 9_700)
    assert stage.cash(borrower) > 0
    weth = stage.protocol.assets["WETH"]
    stage.send(stage.ledger, "withdraw", borrower.account, weth, left, borrower.address, by=borrower.address)
    assert stage.protocol.tokens[weth].call("balanceOf", borrower.address) == left
