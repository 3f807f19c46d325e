"""Funding over days between two sides.

10 ETH change hands at 2,020 while the mark is 2,000: a premium of 1 %. It is paid once in eight hours, so longs owe
3 % of notional a day: 60 dollars for each ETH.

├── three days               longs pay 1,800, shorts get 1,800
├── brought up to date often  or never: the same
├── a trade at a discount    turns the flow around
├── a newcomer               pays from the day he comes
├── the largest premium      of the band's edge: 25 bp an hour, under the cap of 50
└── the loser runs dry       funding alone brings an account into an auction
"""

from __future__ import annotations

import pytest

from tests.stage import Party, Stage, wads

DAY = 86_400


@pytest.fixture
def short(stage: Stage) -> Party:
    return stage.party(20_000)


@pytest.fixture
def long(stage: Stage, short: Party) -> Party:
    long = stage.party(20_000)
    stage.trade(long, short, 10, 2_020)
    assert stage.market().long.premium_ppb == stage.market().short.premium_ppb == 10**7
    assert stage.equity(long) == wads(20_000 - 200 - 10.1)
    assert stage.equity(short) == wads(20_000 + 200 - 4.04)
    return long


def test_funding_days__three_days__longs_pay_shorts(stage: Stage, long: Party, short: Party) -> None:
    for day in (1, 2, 3):
        stage.wait(DAY)
        assert stage.equity(long) == wads(20_000 - 210.1 - 600 * day)
        assert stage.equity(short) == wads(20_000 + 195.96 + 600 * day)
    assert stage.cash(long) == wads(20_000 - 10.1)  # not in cash yet: it is pending in the position

    stage.drift("ETH", 2_000)
    stage.trade(short, long, 10, 2_000)
    paid = wads(20_000 - 200 - 10.1 - 4) - stage.cash(long)
    assert wads(1_800) < paid < wads(1_830)  # and an hour more
    assert stage.cash(short) == wads(20_000 + 200 - 4.04 - 10) + paid


def test_funding_days__hourly_updates__add_up_to_the_same(stage: Stage, long: Party, short: Party) -> None:
    began = stage.time
    for hour in range(1, 25):
        stage.until(began + hour * 3_600)
        stage.send(stage.positions, "accrue", stage.eth, by="stranger")

    assert stage.equity(long) == wads(20_000 - 210.1 - 600)
    assert stage.equity(short) == wads(20_000 + 195.96 + 600)
    assert stage.market().long.flow_wad == -wads(60)


def test_funding_days__trade_below_the_mark__turns_the_flow(stage: Stage, long: Party, short: Party) -> None:
    stage.wait(DAY)
    stage.drift("ETH", 2_000)
    other, another = stage.party(20_000), stage.party(20_000)
    stage.trade(other, another, 30, 1_980)  # −1 %, three times the open interest
    assert stage.market().long.premium_ppb == -5_000_000  # 1 % + (−1 % − 1 %)·30/40
    long_before, short_before = stage.equity(long), stage.equity(short)

    stage.wait(DAY)

    assert stage.equity(long) - long_before == wads(300)
    assert short_before - stage.equity(short) == wads(300)
    assert stage.market().long_open_wad == wads(40)


def test_funding_days__newcomer__pays_from_the_day_he_comes(stage: Stage, long: Party, short: Party) -> None:
    stage.wait(2 * DAY)
    stage.drift("ETH", 2_000)
    newcomer = stage.party(10_000)
    stage.trade(newcomer, short, 1, 2_020)  # the premium stays
    owed = stage.equity(long)
    assert stage.equity(newcomer) == wads(10_000 - 20 - 1.01)

    stage.wait(DAY)

    assert stage.equity(newcomer) == wads(10_000 - 20 - 1.01 - 60)
    assert owed - stage.equity(long) == wads(600)


def test_funding_days__largest_premium__stays_under_the_cap(stage: Stage) -> None:
    buyer, seller = stage.party(50_000), stage.party(50_000)
    stage.trade(buyer, seller, 10, 2_040)  # the edge of the band: 2 %
    before = stage.equity(buyer)

    stage.wait(3_600)

    paid = before - stage.equity(buyer)
    assert paid == wads(20_000) * 2 // 100 // 8  # an eighth of the premium: 25 bp
    assert paid < wads(20_000) * 50 // 10_000


def test_funding_days__loser_runs_dry__is_put_up_for_auction(stage: Stage, short: Party) -> None:
    thin = stage.party(2_420)
    stage.trade(thin, short, 10, 2_020)
    stage.wait(2 * DAY)
    margin = stage.health(thin).margin
    assert margin.equity_wad == wads(2_420 - 210.1 - 1_200)  # 1,009.9, MM 1,000
    assert stage.look(thin).healthy

    stage.drift("ETH", 2_000)  # an hour more: 25 dollars

    receipt = stage.start(thin)
    assert wads(984) < receipt.event("AuctionStarted").args["equityWad"] < wads(985)
