"""Accounts without a requirement: MM = 0 has no health to divide by.

├── an account with nothing      healthy: no auction, nothing to write off
├── an account with cash alone   withdraws all of it, with every price dead and every market halted
└── an account with debt alone   unhealthy at once, without any position
    ├── is written off without an auction
    ├── may be put into auction, and ended by its owner paying
    └── a taker of it gets nothing, and pays nothing
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, Stage, named, wads


@pytest.fixture
def lender(stage: Stage) -> Party:
    return stage.party(10_000)


@pytest.fixture
def debtor(stage: Stage, lender: Party) -> Party:
    """Owes 100.01 dollars and has nothing: all of its ether was sold below its debt, with an empty fund."""
    debtor = stage.party(WETH=1)
    stage.withdraw(debtor, "USDC", 1_650)
    stage.drift("ETH", 1_780)
    stage.price("ETH", 1_560)
    bidder = stage.party(10_000)
    stage.start(debtor)
    stage.take(debtor, bidder)
    health = stage.health(debtor)
    assert (health.legs, health.holdings, health.margin.maintenance_wad) == (0, 0, 0)
    assert wads(97) < -health.cash_wad < wads(101)  # 90 and 5 % of the MM, and a second of the ramp
    return debtor


def test_zero_requirement__nothing__is_healthy(stage: Stage, refused: Refused) -> None:
    empty = stage.party()

    assert stage.look(empty).health_wad is None and stage.look(empty).healthy
    with refused("Healthy", account=empty.account, equityWad=0, maintenanceWad=0):
        stage.start(empty)
    with refused("NotInDebt", account=empty.account, cashWad=0):
        stage.write_off(empty)


def test_zero_requirement__cash_alone__can_always_leave(stage: Stage) -> None:
    party = stage.party(500)
    stage.wait(86_400)  # every price is Stale
    for underlying in (1, 2):
        stage.send(stage.breaker, "trip", underlying, 2, 3_600, by="guardian")

    stage.withdraw(party, "USDC", 500)

    assert stage.cash(party) == 0


def test_zero_requirement__debt_alone__is_written_off(stage: Stage, debtor: Party, lender: Party) -> None:
    before = stage.cash(lender)

    receipt = stage.write_off(debtor)

    written = receipt.event("DebtWrittenOff").args
    assert written["insuranceWad"] > 0  # the taker's share of the discount was in the fund
    assert 0 < before - stage.cash(lender) < written["lossWad"]  # the bidder's cash bears its part
    assert stage.cash(debtor) == 0 and stage.look(debtor).auction is None


def test_zero_requirement__debt_alone__a_taker_gets_nothing(stage: Stage, debtor: Party) -> None:
    taker = stage.party(1_000)
    debt = -stage.ahead(debtor).cash_wad
    capacity = stage.insurance.call("capacity", 1)

    receipt = stage.take(debtor, taker)

    taken = receipt.event("Taken").args
    assert (taken["fractionWad"], taken["discountWad"], taken["fundShareWad"]) == (WAD, 0, 0)
    assert taken["insuranceWad"] <= capacity + 10**9
    assert stage.cash(taker) - wads(1_000) in range(10**14)  # interest
    assert -stage.cash(debtor) - (debt - taken["insuranceWad"]) in range(
        10**9
    )  # what the fund paid, to the account


def test_zero_requirement__debt_alone__the_owner_may_still_pay(stage: Stage, debtor: Party) -> None:
    stage.deposit(debtor, "USDC", 120)

    receipt = stage.send(stage.liquidation, "end", debtor.account, by=debtor.address)

    assert named(receipt, "AuctionEnded")[0]["maintenanceWad"] == 0
    assert stage.look(debtor).auction is None
    left = stage.cash(debtor) // 10**12
    stage.send(stage.ledger, "withdraw", debtor.account, 0, left, debtor.address, by=debtor.address)
