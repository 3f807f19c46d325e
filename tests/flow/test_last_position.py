"""The last position of a market.

├── the last two close against each other     nothing is left but cash, and the market goes on
├── the last long is deleveraged              the last short goes with it; both sides begin a new epoch or none
│   ├── the short settles                     its cash is paid out to the wei, its lane is free
│   └── new positions come                    whole ones, untouched by what was
└── the last long is taken                    the taker is now the last long
"""

from __future__ import annotations

import pytest

from holdfast.model.insurance import DUST_WAD
from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, Stage, named, wads


@pytest.fixture
def short(stage: Stage) -> Party:
    return stage.party(20_000)


@pytest.fixture
def long(stage: Stage, short: Party) -> Party:
    """The only two in the market: 10 ETH at 2,000, the long with 2,100 dollars behind it."""
    long = stage.party(2_110)
    stage.trade(long, short, 10, 2_000)
    return long


def test_last_position__both_close__leaves_only_cash(stage: Stage, long: Party, short: Party) -> None:
    stage.drift("ETH", 2_100)

    stage.trade(short, long, 10, 2_100)  # the short buys back: 5 bp of 21,000; the long makes: 2 bp

    market = stage.market()
    assert (market.long_base_wad, market.short_base_wad) == (0, 0)
    assert stage.cash(long) == wads(2_100 + 1_000 - 4.2)
    assert stage.cash(short) == wads(19_996 - 1_000 - 10.5)
    for party in (long, short):
        assert stage.look(party).positions == ()
        everything = stage.cash(party) // 10**12
        stage.send(stage.ledger, "withdraw", party.account, 0, everything, party.address, by=party.address)
        assert stage.cash(party) == 0


def break_the_long(stage: Stage, long: Party) -> None:
    """ETH falls to 1,780: equity 2,100 − 2,200 = −100, and the fund is empty but for seven dollars of fees."""
    stage.drift("ETH", 1_890)
    stage.price("ETH", 1_780)
    assert stage.equity(long) == wads(-100)
    stage.start(long)


def test_last_position__deleveraged__the_short_goes_with_it(
    stage: Stage, long: Party, short: Party, refused: Refused
) -> None:
    break_the_long(stage, long)
    insured = -stage.cash(long) if stage.cash(long) < 0 else 0
    fund = stage.cash(stage.fund)  # what the reward of the start left of seven dollars
    capacity = stage.insurance.call("capacity", 1)

    receipt = stage.deleverage(long)

    assert insured == 0 and fund - DUST_WAD <= capacity < wads(7)
    deficit = wads(100) - capacity
    done = receipt.event("Deleveraged").args
    assert done["sizeWad"] == wads(10)
    assert done["priceWad"] == (wads(17_800) + deficit) // 10  # 1,780 and 9.3 on top
    assert (done["scaleBeforeWad"], done["scaleAfterWad"]) == (WAD, 0)
    assert stage.look(long).positions == ()
    assert stage.cash(long) == 0
    assert named(receipt, "AuctionEnded") == [{"account": long.account, "equityWad": 0, "maintenanceWad": 0}]

    # The short still has its lane, but nothing in it: the price of its close is waiting for it.
    waiting = stage.look(short).positions[0]
    assert (waiting.size_wad, waiting.quote_wad) == (0, wads(20_000) - wads(17_800) - deficit)
    assert stage.health(short).margin.maintenance_wad == 0
    receipt = stage.send(stage.ledger, "settle", short.account, stage.eth, by="stranger")
    assert named(receipt, "Settled") == [
        {"account": short.account, "instrument": stage.eth, "cashWad": wads(2_200) - deficit}
    ]
    assert stage.cash(short) == wads(19_996 + 2_200) - deficit
    assert stage.look(short).positions == ()
    with refused("NoPosition", account=short.account, instrument=stage.eth):
        stage.send(stage.ledger, "settle", short.account, stage.eth, by="stranger")


def test_last_position__deleveraged__new_positions_are_whole(stage: Stage, long: Party, short: Party) -> None:
    break_the_long(stage, long)
    stage.deleverage(long)
    market = stage.market()
    assert (market.long_base_wad, market.short_base_wad) == (0, 0)
    assert (market.short.epoch, market.short.scale_wad, market.short.flow_wad) == (1, WAD, 0)
    assert (market.long.epoch, market.long.scale_wad) == (0, WAD)
    stage.drift("ETH", 1_780)
    before = stage.equity(short)

    other = stage.party(10_000)
    stage.trade(short, other, 3, 1_780)  # the deleveraged one turns long, in the lane of its closed short

    assert stage.size(short) == wads(3)
    assert stage.size(other) == wads(-3)
    assert before - stage.equity(short) == wads(2.67)  # the fee of the trade, nothing else
    stage.drift("ETH", 1_880)
    assert stage.equity(other) == wads(10_000 - 300 - 1.068)


def test_last_position__taken__the_taker_is_the_last(stage: Stage, long: Party, short: Party) -> None:
    bidder = stage.party(50_000)
    stage.drift("ETH", 1_880)  # equity 900, MM 940
    stage.start(long)
    stage.until_started(long, 120)

    stage.take(long, bidder)

    assert stage.size(bidder) == wads(10)
    assert stage.look(long).positions == ()
    assert stage.market().long_base_wad == stage.market().short_base_wad == wads(10)
    assert stage.size(short) == wads(-10)
