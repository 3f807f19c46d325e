"""The price comes back before anybody bought.

start → nothing is taken → healthy again → anyone ends the auction. It has cost the start reward, no more.

├── the price recovers       takes are refused, anyone ends it; another fall begins another auction
├── the owner tops up        a single deposit, in the middle of the auction
└── the owner closes         reduces by an ordinary trade while bidders wait
"""

from __future__ import annotations

import pytest

from tests.conftest import Refused
from tests.stage import GWEI, Party, Stage, named, wads

REWARD = 65_000 * GWEI * 2 * 1_870  # one position, 1 gwei, twice the gas: 0.24 dollars


@pytest.fixture
def short(stage: Stage) -> Party:
    return stage.party(20_000)


@pytest.fixture
def long(stage: Stage, short: Party) -> Party:
    """Long of 10 ETH with 2,200 dollars at 2,000, in auction at 1,870: equity 890, MM 935."""
    long = stage.party(2_200)
    stage.trade(long, short, 10, 2_000)
    stage.drift("ETH", 1_870)
    margin = stage.health(long).margin
    assert (margin.equity_wad, margin.maintenance_wad) == (wads(890), wads(935))
    stage.start(long)
    return long


def test_recovery__price_returns__anyone_ends_the_auction(
    stage: Stage, long: Party, refused: Refused
) -> None:
    bidder = stage.party(50_000)
    equity = wads(890) - REWARD
    with refused("Unhealthy", account=long.account, equityWad=equity, maintenanceWad=wads(935)):
        stage.send(stage.liquidation, "end", long.account, by="stranger")

    stage.price("ETH", 1_880)  # equity 990 − 0.24, MM 940

    equity = wads(990) - REWARD
    with refused("Healthy", account=long.account, equityWad=equity, maintenanceWad=wads(940)):
        stage.take(long, bidder)
    receipt = stage.send(stage.liquidation, "end", long.account, by="stranger")
    assert named(receipt, "AuctionEnded") == [
        {"account": long.account, "equityWad": equity, "maintenanceWad": wads(940)}
    ]
    after = stage.look(long)
    assert after.auction is None
    assert stage.size(long) == wads(10)
    assert stage.cash(long) == wads(2_190) - REWARD  # the fee of the trade, and the reward


def test_recovery__second_fall__begins_a_second_auction_from_d0(stage: Stage, long: Party) -> None:
    stage.wait(100)  # deep into the first ramp
    stage.price("ETH", 1_880)
    stage.send(stage.liquidation, "end", long.account, by="stranger")

    stage.price("ETH", 1_870)
    receipt = stage.start(long)

    assert receipt.event("AuctionStarted").args["equityWad"] == wads(890) - REWARD
    auction = stage.look(long).auction
    assert auction is not None and auction.discount_wad == wads(0.05)


def test_recovery__top_up__ends_it_at_once(stage: Stage, long: Party) -> None:
    stage.wait(30)
    stage.deposit(long, "USDC", 46)  # 889.76 + 46 ≥ 935

    receipt = stage.send(stage.liquidation, "end", long.account, by=long.address)

    assert named(receipt, "AuctionEnded") == [
        {"account": long.account, "equityWad": wads(936) - REWARD, "maintenanceWad": wads(935)}
    ]


def test_recovery__owner_reduces__keeps_what_a_bidder_would_have_got(
    stage: Stage, long: Party, short: Party
) -> None:
    stage.trade(short, long, 1, 1_870)  # one of ten back to the short, at the mark; as maker: 2 bp

    margin = stage.health(long).margin
    assert margin.maintenance_wad == wads(841.5)
    assert margin.equity_wad == wads(890 - 0.374) - REWARD  # the fee alone
    stage.send(stage.liquidation, "end", long.account, by=long.address)
    assert stage.look(long).auction is None
