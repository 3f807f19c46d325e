"""What-ifs against what happens then
├── nothing changed            -> the health there is
├── a price that moves          -> the margin of that moment, at the price
├── a trade                     -> the margin behind it, but for its fees
├── a liquidation price         -> healthy there, not a dollar beyond
├── options, in each mode       -> the health there is; dearer volatility hurts who is short of it
├── a portfolio                 -> its liquidation price is one
└── many at once                -> each for itself; what is refused stops no other
"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.types import InstrumentId, Margin, Mode
from holdfast.units import WAD
from tests.flow.pit import Pit
from tests.stage import Party, Stage, wads

FAR = 2**256 - 1


@pytest.fixture
def cast(stage: Stage) -> tuple[Party, Party]:
    """A long of ten ETH with two WETH behind it, and who sold them, who is short a BTC, too."""
    long, short = stage.party(1_500, WETH=2), stage.party(30_000)
    stage.trade(long, short, 10, 2_000)
    other = stage.party(50_000)
    stage.trade(other, short, 1, 60_000, stage.btc)
    return long, short


def margin_if(
    stage: Stage,
    party: Party,
    *trades: tuple[InstrumentId, int, int],
    underlying: int = 0,
    price_bps: int = 0,
    vol_bps: int = 0,
) -> Margin:
    (found,) = stage.protocol.ask("marginOf", [(party.account, trades, underlying, price_bps, vol_bps)])
    return margin(found)


def margin(found: Any) -> Margin:
    return Margin(
        equity_wad=found.equityWad,
        initial_wad=found.initialWad,
        maintenance_wad=found.maintenanceWad,
        borrow_limit_wad=found.borrowLimitWad,
    )


def test_margin_of__nothing_changed__the_health_there_is(stage: Stage, cast: tuple[Party, Party]) -> None:
    for party in cast:
        assert margin_if(stage, party) == stage.health(party).margin


def test_margin_of__a_price_that_moves__is_what_comes(stage: Stage, cast: tuple[Party, Party]) -> None:
    long, short = cast
    ahead = {party: margin_if(stage, party, underlying=1, price_bps=-500) for party in cast}
    everything = margin_if(stage, short, price_bps=-500)

    stage.price("ETH", 1_900)
    for party in cast:
        there = stage.health(party).margin
        assert there.maintenance_wad == ahead[party].maintenance_wad
        assert abs(there.equity_wad - ahead[party].equity_wad) < wads(0.01)  # funding of seconds
    stage.price("BTC", 57_000)
    assert stage.health(short).margin.maintenance_wad == everything.maintenance_wad
    assert abs(stage.equity(short) - everything.equity_wad) < wads(0.01)
    assert stage.equity(long) > 0


def test_margin_of__a_trade__is_what_is_behind_it(stage: Stage, cast: tuple[Party, Party]) -> None:
    long, short = cast
    less = margin_if(stage, long, (stage.eth, -4 * WAD, 2_010 * WAD))
    cash = stage.cash(long)  # less the fee of its first trade
    both = margin_if(stage, long, (stage.eth, -10 * WAD, 2_010 * WAD), (stage.btc, WAD // 10, 60_000 * WAD))

    stage.trade(short, long, 4, 2_010)
    there = stage.health(long).margin
    assert there.maintenance_wad == less.maintenance_wad
    assert 0 < less.equity_wad - there.equity_wad < wads(10)  # the fee
    assert both.maintenance_wad == wads(400 + 300)
    assert wads(1_500 + 4_000 + 100) - both.equity_wad == wads(1_500) - cash


def test_liquidation_price__healthy_there_and_not_beyond(stage: Stage, cast: tuple[Party, Party]) -> None:
    long, short = cast
    found = stage.protocol.ask("liquidationPricesOf", [long.account, short.account])
    (eth,), (up, btc) = [[tuple(one) for one in prices] for prices in found]
    assert (eth[0], eth[2]) == (1, FAR) and (up[0], up[1]) == (1, 0) and (btc[0], btc[1]) == (2, 0)
    # (1,500 − fee) + 10·(S − 2,000) + 2·S − 0.5·S − 0.2·S
    fee = wads(1_500) - stage.cash(long)
    assert abs(eth[1] - (18_500 * WAD + fee) * 10 // 113) < 100

    price = -(-eth[1] // 10**16) / 100  # a cent up, as the feeds say it
    stage.drift("ETH", 1_850)
    stage.price("ETH", price + 1)
    assert stage.look(long).healthy
    stage.price("ETH", price - 1)
    assert stage.look(long).healthy is False


@pytest.mark.parametrize("mode", [Mode.ISOLATED, Mode.CROSS, Mode.PORTFOLIO])
def test_options__in_each_mode__the_health_there_is(pit: Pit, mode: Mode) -> None:
    stage = pit.stage
    short, long = stage.party(30_000, mode), stage.party(30_000, mode)
    pit.trade(long, short, 5, pit.call)
    pit.trade(short, long, 3, pit.put)
    stage.trade(long, short, 2, 2_000)
    for party in (short, long):
        assert margin_if(stage, party) == stage.health(party).margin
        wild, calm = (margin_if(stage, party, vol_bps=shift) for shift in (5_000, -5_000))
        ((one,),) = stage.protocol.ask("greeksOf", [party.account])
        assert (wild.equity_wad > calm.equity_wad) is (one.vegaWad > 0)
        assert abs(one.vegaWad) > wads(10) and one.thetaWad * one.vegaWad < 0 < one.gammaWad * one.vegaWad
        slope = (
            (margin_if(stage, party, price_bps=1).equity_wad - margin_if(stage, party).equity_wad) * 5 / WAD
        )
        assert abs(slope - one.deltaWad / WAD) < 0.1  # a move of 20 cents


def test_portfolio__its_liquidation_price__is_one(pit: Pit) -> None:
    stage = pit.stage
    short, long = stage.party(3_000, Mode.PORTFOLIO), stage.party(300_000)
    pit.trade(long, short, 5, pit.call)
    pit.trade(long, short, 5, pit.put)
    ((found,),) = stage.protocol.ask("liquidationPricesOf", [short.account])
    assert (found.underlying, found.belowWad > wads(1_000), found.aboveWad < wads(2_500)) == (1, True, True)
    below, above = (price * 10_000 // wads(2_000) - 10_000 for price in (found.belowWad, found.aboveWad))
    for price_bps, healthy in ((below, False), (below + 1, True), (above, True), (above + 1, False)):
        there = margin_if(stage, short, price_bps=price_bps)
        assert (there.equity_wad >= there.maintenance_wad) is healthy


def test_ask__what_is_refused__stops_no_other(stage: Stage, cast: tuple[Party, Party]) -> None:
    long, _ = cast
    asked = [
        (long.account, [], 0, -9_001, 0),
        (long.account, [], 0, 0, 0),
        (9_999, [], 0, 0, 0),
        (long.account, [], 0, 0, 90_001),
        (long.account, [], 0, 0, 1_000),
    ]
    found = stage.protocol.ask("marginOf", asked)
    assert [one is None for one in found] == [True, False, True, True, False]
    assert margin(found[1]) == margin(found[4]) == stage.health(long).margin  # it has no options
    greeks = stage.protocol.ask("greeksOf", [long.account, 9_999])
    assert [tuple(one) for one in greeks[0]] == [(1, 12 * WAD, 0, 0, 0)]
    assert greeks[1] == []
