"""Accounts leave the auction with nothing, to the wei, though the ledger rounds and interest has run.

├── solvent, taken whole          discount = equity: cash is zero, the auction is over
├── insured, taken whole          the fund pays exactly what the account then owes
├── deleveraged, fund short       the last position closes the deficit
└── deleveraged, fund rich        the run is over: the fund pays exactly what the account then owes
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.stage import Party, Stage, named, wads

NOTHING = {"equityWad": 0, "maintenanceWad": 0}


def _borrower(stage: Stage) -> Party:
    """10 ETH, an odd debt that has earned interest, and a small position."""
    stage.party(100_000)  # somebody lends
    borrower = stage.party(WETH=10)
    stage.withdraw(borrower, "USDC", 14_321.987654)
    stage.trade(borrower, stage.party(200_000), 0.123457, 2_001.37)
    stage.wait(777)
    return borrower


def _debtor(stage: Stage) -> Party:
    """Short of 0.1 BTC at 60,000, with an odd debt from a loss in ETH that only BTC's profit covered."""
    stage.party(100_000)  # somebody lends
    debtor, other = stage.party(3_000.123457), stage.party(200_000)
    stage.trade(debtor, other, 10, 2_000)
    stage.trade(other, debtor, 0.1, 60_000, stage.btc)
    stage.drift("BTC", 30_000)
    stage.drift("ETH", 1_690.7)
    stage.trade(other, debtor, 10, 1_690.7)
    assert wads(-150) < stage.cash(debtor) < 0
    stage.drift("BTC", 60_500.3)
    return debtor


def test_to_the_wei__solvent_and_whole__leaves_nothing(stage: Stage) -> None:
    borrower = _borrower(stage)
    for price in (1_750, 1_590):
        stage.drift("ETH", price)
    stage.start(borrower)
    bidder = stage.party(100_000)
    stage.until_started(borrower, 125)

    receipt = stage.take(borrower, bidder)

    assert named(receipt, "AuctionEnded") == [{"account": borrower.account, **NOTHING}]
    assert stage.cash(borrower) == 0


@pytest.mark.parametrize("sliver", [0, WAD // 3 + 7])
def test_to_the_wei__insured_and_whole__leaves_nothing(stage: Stage, sliver: int) -> None:
    borrower = _borrower(stage)
    stage.insure(20_000)
    for price in (1_750, 1_600, 1_400.17):
        stage.drift("ETH", price)
    stage.start(borrower)
    bidder = stage.party(100_000)
    if sliver:
        stage.take(borrower, bidder, most=sliver)
    stage.until_started(borrower, 77)

    receipt = stage.take(borrower, bidder)

    assert named(receipt, "AuctionEnded") == [{"account": borrower.account, **NOTHING}]
    assert stage.cash(borrower) == 0


@pytest.mark.parametrize(("fund", "ran_out"), [(0, False), (7.654321, False), (20_000, True)])
def test_to_the_wei__deleveraged__leaves_nothing(stage: Stage, fund: float, ran_out: bool) -> None:
    debtor = _debtor(stage)
    assert wads(-300) < stage.equity(debtor) < 0
    if fund:
        stage.insure(fund)
    stage.start(debtor)
    if ran_out:
        stage.until_started(debtor, 901)

    receipt = stage.deleverage(debtor, stage.btc)

    (ended,) = named(receipt, "AuctionEnded")
    assert 0 <= ended["equityWad"] <= 1
    assert 0 <= stage.cash(debtor) <= 1
