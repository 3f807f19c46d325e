"""Collateral of an account that only the fund stands behind: sold by the same auction to the end, never the fund's.

A debtor owes 15,300 dollars on 9 ETH; ether falls to 1,600, so his 14,400 no longer cover it.

├── in slices           each is paid for by the fund, until nothing is left: no collateral, no debt
├── without the fund    the same lot goes at the same curve; the debt that is left is the lenders'
└── the doors           nobody gets collateral into FUND, FEES or TREASURY: not by deposit, not by take
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import ALL, Party, Stage, named, wads


@pytest.fixture
def lender(stage: Stage) -> Party:
    return stage.party(100_000)


@pytest.fixture
def debtor(stage: Stage, lender: Party) -> Party:
    party = stage.party(WETH=9)
    stage.withdraw(party, "USDC", 15_290)
    stage.drift("ETH", 1_800)
    stage.price("ETH", 1_600)
    health = stage.health(party)
    assert (health.legs, health.holdings) == (0, 1)
    assert -wads(910) < health.margin.equity_wad < -wads(880)
    return party


def test_insured_collateral__in_slices__sold_to_the_end(stage: Stage, debtor: Party) -> None:
    stage.insure(20_000)
    fund, bidder = stage.cash(stage.fund), stage.party(50_000)
    stage.start(debtor)
    assert stage.look(debtor).auction is not None and stage.look(debtor).auction.insured
    paid = 0
    for most in (WAD // 4, WAD // 3, ALL):
        receipt = stage.take(debtor, bidder, most=most)
        paid += receipt.event("Paid").args["paidWad"]

    after = stage.look(debtor)
    assert (after.holdings, after.auction) == ((), None)
    assert 0 <= stage.cash(debtor) <= 3
    assert stage.look(bidder).holdings[0].amount == 9 * 10**18
    assert wads(900) < paid < wads(2_400)  # the deficit and a discount of at most MM
    assert fund - stage.cash(stage.fund) <= paid + wads(2_000)  # and the reward
    holds_nothing(stage)


def test_insured_collateral__no_fund__sold_all_the_same(stage: Stage, debtor: Party) -> None:
    bidder = stage.party(50_000)
    stage.start(debtor)
    stage.until_started(debtor, 60)

    stage.take(debtor, bidder)

    assert stage.look(debtor).holdings == () and stage.cash(debtor) < -wads(880)
    loss = named(stage.write_off(debtor), "DebtWrittenOff")[0]["lossWad"]
    assert loss > wads(800) and stage.look(debtor).auction is None
    holds_nothing(stage)


def test_insured_collateral__the_doors__are_shut(stage: Stage, debtor: Party, refused: Refused) -> None:
    stage.start(debtor)
    bidder = stage.party(50_000)
    stage.endow(bidder.address, "WETH", 10**18)
    for account in (stage.fund, stage.fees, stage.treasury):
        with refused("NotAuthorised", account=account, caller=bidder.address):
            stage.send(stage.ledger, "deposit", account, 1, 10**18, by=bidder.address)
        with refused("NotAuthorised", account=account, caller=bidder.address):
            stage.send(stage.liquidation, "take", stage.bid(debtor, account), by=bidder.address)
    holds_nothing(stage)


def holds_nothing(stage: Stage) -> None:
    for account in (stage.fund, stage.fees, stage.treasury):
        found = stage.look(account)
        assert (found.holdings, found.positions) == ((), ()) and found.cash_wad >= 0
