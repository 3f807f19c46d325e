"""A bidder without capital: the collateral comes first, is sold in the same call, and pays for itself.

A borrower has 10 ETH and 15,000 dollars of debt; ETH falls to 1,600. The taker is a contract with an empty account.

├── sells near the price     pays from the proceeds, keeps the discount, withdraws it
├── sells too cheap          its account would end short: everything is undone
└── has no callback          the same bid without data has nothing to pay with
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from holdfast.errors import Reverted
from holdfast.units import WAD
from tests.stage import ANY, Party, Stage, address_of, named, wads

STRANGER = address_of("stranger")


@pytest.fixture
def borrower(stage: Stage) -> Party:
    """10 ETH, 15,000 borrowed, in auction at 1,600 for 48 seconds: equity 1,000, MM 1,600, d = 43 %."""
    stage.party(100_000)  # somebody lends
    borrower = stage.party(WETH=10)
    stage.withdraw(borrower, "USDC", 15_000)
    stage.drift("ETH", 1_750)
    stage.drift("ETH", 1_600)
    margin = stage.health(borrower).margin
    assert margin.maintenance_wad == wads(1_600)
    assert wads(999) < margin.equity_wad < wads(1_000)  # a little interest
    stage.start(borrower)
    return borrower


@pytest.fixture
def taker(stage: Stage) -> Contract:
    return stage.deploy("MockFlashTaker", stage.ledger, stage.liquidation)


def buyer_at(stage: Stage, dollars: int) -> Contract:
    usdc, weth = stage.protocol.tokens[0], stage.protocol.tokens[stage.protocol.assets["WETH"]]
    return stage.deploy("MockBuyer", weth, usdc, dollars * 10**6)


def test_flash_take__fair_sale__pays_for_itself(stage: Stage, borrower: Party, taker: Contract) -> None:
    buyer = buyer_at(stage, 1_590)  # ten dollars of slippage
    account = taker.call("ACCOUNT")
    stage.until_started(borrower, 48)
    equity = stage.equity(borrower)

    receipt = stage.send(taker, "take", borrower.account, buyer.address, by=STRANGER)

    taken, ended = named(receipt, "Taken", "AuctionEnded")
    # f* = (1.4·1,600 − 999.x) / ((1.4 − 0.43)·1,600) = 80 %
    fraction, discount, share = taken["fractionWad"], taken["discountWad"], taken["fundShareWad"]
    assert 798 < fraction * 1_000 // WAD < 802
    assert discount == wads(1_600) * 43 // 100 * fraction // WAD
    assert share == -(-discount // 10)
    assert ended["equityWad"] * 10 >= 14 * ended["maintenanceWad"]

    # It got f of the ETH and of the debt, sold the ETH ten dollars below the mark, and owes nothing.
    sold = wads(10) * fraction // WAD
    proceeds = sold * 1_590 * 10**6 // WAD * 10**12
    cash = stage.cash(account)
    assert proceeds - (sold * 1_600 - discount) - share - cash in range(
        10
    )  # shares of its debt, for a moment
    assert wads(414) < cash < wads(415)  # 90 % of 550, less 80 of slippage
    health = stage.health(account)
    assert (health.legs, health.holdings) == (0, 0)

    stage.send(taker, "withdraw", cash // 10**12, STRANGER, by=STRANGER)
    assert stage.protocol.tokens[0].call("balanceOf", STRANGER) == cash // 10**12
    assert equity - stage.equity(borrower) - discount in range(-(10**12), 10**15)  # interest of a second


def test_flash_take__sale_below_its_cost__undoes_everything(
    stage: Stage, borrower: Party, taker: Contract
) -> None:
    buyer = buyer_at(stage, 1_500)
    stage.until_started(borrower, 48)
    before = stage.look(borrower)

    with pytest.raises(Reverted, match="TakerBelowInitialMargin") as caught:
        stage.send(taker, "take", borrower.account, buyer.address, by=STRANGER)

    assert caught.value.fields["taker"] == taker.call("ACCOUNT")
    assert caught.value.fields["initialWad"] == 0
    assert caught.value.fields["equityWad"] < 0
    after = stage.look(borrower)
    assert (after.holdings, after.auction and after.auction.started_at) == (
        before.holdings,
        before.auction and before.auction.started_at,
    )


def test_flash_take__without_a_callback__there_is_nothing_to_pay_with(stage: Stage, borrower: Party) -> None:
    empty = stage.party()
    stage.until_started(borrower, 48)

    with pytest.raises(Reverted, match="TakerBelowInitialMargin"):
        stage.send(
            stage.liquidation,
            "take",
            (borrower.account, empty.account, WAD, 0, ANY, 0, empty.address, b""),
            by=empty.address,
        )
