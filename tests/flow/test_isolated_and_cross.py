"""The same hands in an isolated and in a cross account.

├── isolated   cash and one underlying: no collateral, no second underlying, and its loss ends with it
└── cross      a gain in bitcoin carries a loss in ether, and bitcoin itself backs both
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.types import Mode
from tests.conftest import Refused
from tests.stage import Party, Stage, named, wads


@pytest.fixture
def maker(stage: Stage) -> Party:
    return stage.party(200_000)


@pytest.fixture
def isolated(stage: Stage) -> Party:
    return stage.party(2_100, mode=Mode.ISOLATED)


def test_isolated__collateral__is_refused(stage: Stage, isolated: Party, refused: Refused) -> None:
    with refused("CollateralInIsolated", asset=1):
        stage.deposit(isolated, "WETH", 1)


def test_isolated__second_underlying__is_refused(
    stage: Stage, isolated: Party, maker: Party, refused: Refused
) -> None:
    stage.trade(isolated, maker, 1, 2_000)
    with refused("NotIsolated", underlying=1, other=2):
        stage.trade(isolated, maker, 0.01, 60_000, stage.btc)

    stage.trade(maker, isolated, 1, 2_000)  # out of ether…
    stage.trade(isolated, maker, 0.01, 60_000, stage.btc)  # …into bitcoin


def test_isolated__loss__ends_with_the_account(stage: Stage, isolated: Party, maker: Party) -> None:
    purse = stage.party(50_000, owner=isolated.key)  # the same owner has money elsewhere
    stage.insure(2_000)
    stage.trade(isolated, maker, 10, 2_000)
    stage.drift("ETH", 1_890)
    stage.price("ETH", 1_780)  # equity 2,090 − 2,200 = −110
    stage.start(isolated)

    bidder = stage.party(50_000)
    receipt = stage.take(isolated, bidder)

    taken, ended = named(receipt, "Taken", "AuctionEnded")
    assert taken["insuranceWad"] == taken["discountWad"] + wads(110)  # the fund, not the owner
    assert (ended["equityWad"], stage.cash(isolated)) == (0, 0)
    assert stage.cash(purse) == wads(50_000)


def test_isolated__taker__may_be_isolated_too(stage: Stage, isolated: Party, maker: Party) -> None:
    """A slice of ether fits an isolated ether account, and no isolated bitcoin account."""
    stage.trade(isolated, maker, 10, 2_000)
    in_ether = stage.party(50_000, mode=Mode.ISOLATED)
    in_bitcoin = stage.party(50_000, mode=Mode.ISOLATED)
    stage.trade(in_bitcoin, maker, 0.01, 60_000, stage.btc)
    stage.drift("ETH", 1_880)
    stage.start(isolated)
    stage.until_started(isolated, 60)

    with pytest.raises(Reverted, match="NotIsolated"):
        stage.take(isolated, in_bitcoin)
    stage.take(isolated, in_ether)

    assert stage.size(in_ether) > 0


def test_cross__gain_elsewhere__carries_the_loss(stage: Stage, maker: Party) -> None:
    cross = stage.party(4_500)
    stage.trade(cross, maker, 10, 2_000)  # IM 2,000
    stage.trade(cross, maker, 0.3, 60_000, stage.btc)  # IM 1,800
    assert stage.equity(cross) == wads(4_500 - 10 - 9)

    stage.drift("ETH", 1_780)
    stage.drift("BTC", 66_000)  # −2,200 and +1,800

    margin = stage.health(cross).margin
    assert margin.equity_wad == wads(4_481 - 2_200 + 1_800)
    assert margin.maintenance_wad == wads(890 + 990)
    assert stage.look(cross).healthy
    with pytest.raises(Reverted, match="BelowInitialMargin"):
        stage.withdraw(cross, "USDC", 4_481)


def test_cross__collateral__backs_a_position_in_another_underlying(stage: Stage, maker: Party) -> None:
    cross = stage.party(20, WBTC=0.05)  # 3,000 in bitcoin, IM of the bitcoin 450
    stage.trade(cross, maker, 10, 2_000)
    assert stage.equity(cross) == wads(3_020 - 10)
    assert stage.health(cross).margin.initial_wad == wads(2_450)

    stage.drift("BTC", 54_000)  # the ether stands still, but what backs it is worth less

    margin = stage.health(cross).margin
    assert margin.equity_wad == wads(2_710)
    assert margin.maintenance_wad == wads(1_000 + 270)
