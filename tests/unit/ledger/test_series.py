"""Option series
├── trade
│   ├── at the mark                            -> premium paid at once, no funding, the tally follows
│   ├── beyond the band and its tick           -> PriceOutsideBand
│   ├── more than the cap, in two series       -> OpenInterestCapExceeded
│   └── from the start of the window on        -> TradingClosed
├── settleSeries
│   ├── not expired, or no price since         -> NotCovered
│   ├── a perpetual, an unknown series         -> UnsupportedKind, NoSuchInstrument
│   ├── expired                                -> both sides at the payoff of the average; emits SeriesSettled
│   │   ├── each account realises by settle, once
│   │   ├── out of the money                   -> nothing changes hands
│   │   ├── both sides were deleveraged        -> what is left, rounded against both
│   │   ├── a side was, to nothing             -> the Lens tells of it still: somebody has cash to pick up
│   │   ├── nobody held it                     -> settled all the same
│   │   └── after an outage                    -> by the hint
│   ├── twice                                  -> AlreadySettled
│   └── any number of accounts on it           -> the same gas, below its bound
├── a settled position
│   ├── counts as cash that is not realised
│   ├── can't be deleveraged                   -> NoPosition
│   └── goes to its taker as cash
├── a book of options and perpetuals fills up  -> TooManyPositions; what is removed is replaced by the last
└── long options                               -> IM is their value, MM less; shorts by the formula
"""

from __future__ import annotations

import pytest

from holdfast.model.options import need_wad
from holdfast.types import Kind, instrument_id, perpetual
from holdfast.units import BPS, WAD
from tests.conftest import Refused
from tests.stage import Party, named
from tests.unit.ledger.desk import CAP, STRIKES, WINDOW, Desk
from tests.unit.ledger.world import BTC, ETH, MARKETS

GAS_BOUND = 100_000


def pair(desk: Desk, cash: float = 100_000) -> tuple[Party, Party]:
    return desk.bench.party(cash), desk.bench.party(cash)


def tally(desk: Desk) -> tuple[int, int]:
    found = desk.bench.positions.call("tallyOf", ETH)
    return found.openInterestWad, found.series


def position(desk: Desk, party: Party, series: int) -> tuple[int, int]:
    return tuple(desk.bench.positions.call("positionOf", party.account, series))


# Trading


def test_trade__at_the_mark__premium_is_paid_at_once(desk: Desk) -> None:
    bench, (long, short) = desk.bench, pair(desk)
    before = tally(desk)

    price = desk.mark(desk.call)
    assert price > 0
    desk.fill(long, short, 10, desk.call, price)

    assert position(desk, long, desk.call) == (10 * WAD, -10 * price)
    assert position(desk, short, desk.call) == (-10 * WAD, 10 * price)
    assert tally(desk) == (before[0] + 10 * WAD, before[1]) == (10 * WAD, 2 * len(STRIKES))
    long_side, _, _ = bench.positions.call("marketOf", desk.call)
    assert long_side.premiumPpb == 0
    bench.wait(3_600)
    assert position(desk, long, desk.call) == (10 * WAD, -10 * price)  # no funding


def test_trade__band__is_wider_by_a_tick_of_the_spot(desk: Desk, refused: Refused) -> None:
    long, short = pair(desk)
    desk.bench.until(desk.bench.time + 2)
    cheap = desk.series(Kind.CALL, 2_400)
    mark = desk.mark(cheap)
    band = int(desk.bench.positions.call("BAND_BPS"))
    room = 2_000 * WAD * int(desk.bench.positions.call("OPTION_TICK_BPS")) // BPS

    with pytest.raises(Exception, match="PriceOutsideBand"):
        desk.fill(long, short, 1, cheap, mark + mark * band // BPS + room + WAD // 10)
    desk.fill(long, short, 1, cheap, mark + mark * band // BPS + room - WAD // 10)
    desk.fill(long, short, 1, cheap, max(0, mark - room))


def test_trade__cap__holds_all_series_together(desk: Desk, refused: Refused) -> None:
    long, short = pair(desk, 10**6)
    desk.fill(long, short, CAP - 1, desk.call)
    desk.fill(long, short, 1, desk.put)

    with refused(
        "OpenInterestCapExceeded",
        instrument=desk.put,
        openInterestWad=CAP * WAD + WAD,
        capWad=CAP * WAD,
    ):
        desk.fill(long, short, 1, desk.put)

    desk.fill(short, long, 2, desk.call)
    desk.fill(long, short, 1, desk.put)
    assert tally(desk)[0] == (CAP - 1) * WAD


def test_trade__once_the_window_began__reverts(desk: Desk, refused: Refused) -> None:
    long, short = pair(desk)
    desk.at(2_000, desk.expiry - WINDOW - 2)
    desk.fill(long, short, 1, desk.call)

    desk.bench.until(desk.expiry - WINDOW)
    with refused("TradingClosed", instrument=desk.call, closedAt=desk.expiry - WINDOW):
        desk.fill(short, long, 1, desk.call)


# Settlement


def test_settle_series__before_a_price_after_it__reverts(desk: Desk, refused: Refused) -> None:
    desk.at(2_000, desk.expiry - 1)
    desk.bench.until(desk.expiry + 10)

    with refused("NotCovered", underlying=ETH, expiryAt=desk.expiry, coveredAt=desk.expiry):
        desk.settle(desk.call)


@pytest.mark.parametrize(
    "series, error",
    [(perpetual(ETH), "UnsupportedKind"), (instrument_id(Kind.CALL, ETH), "NoSuchInstrument")],
)
def test_settle_series__no_series__reverts(desk: Desk, refused: Refused, series: int, error: str) -> None:
    with refused(error, instrument=series):
        desk.settle(series)


def test_settle_series__expired__both_sides_get_the_average(desk: Desk, refused: Refused) -> None:
    """100 · 900 + 109 · 600 + 118 · 300 seconds above 2,000: 106 on the average."""
    bench, (long, short) = desk.bench, pair(desk)
    price = desk.mark(desk.call)
    desk.fill(long, short, 10, desk.call, price)
    end = desk.expiry
    for extra, time in ((100, end - WINDOW), (109, end - 900), (118, end - 300), (500, end)):
        desk.at(2_000 + extra, time)
    cash = [bench.cash(party) for party in (long, short)]

    receipt = desk.settle(desk.call)

    (event,) = named(receipt, "SeriesSettled")
    assert event == {
        "instrument": desk.call,
        "priceWad": 2_106 * WAD,
        "payoffWad": 106 * WAD,
        "openInterestWad": 10 * WAD,
    }
    sides = desk.bench.positions.call("marketOf", desk.call)[:2]
    assert [(one.scaleWad, one.flowWad) for one in sides] == [(0, 106 * WAD), (0, -106 * WAD)]
    assert tally(desk) == (0, 2 * len(STRIKES) - 1)

    # Not realised yet, but counted; and no price moves it any more.
    owed = 10 * (106 * WAD - price)
    assert position(desk, long, desk.call) == (0, owed)
    assert position(desk, short, desk.call) == (0, -owed)
    bench.price("ETH", 3_000)
    assert bench.equity(long) == cash[0] + owed

    assert desk.realise(long, desk.call) == owed
    assert desk.realise(short, desk.call) == -owed
    assert [bench.cash(party) for party in (long, short)] == [cash[0] + owed, cash[1] - owed]
    with refused("NoPosition", account=long.account, instrument=desk.call):
        desk.realise(long, desk.call)


def test_settle_series__put_in_the_money__pays_what_is_missing(desk: Desk) -> None:
    long, short = pair(desk)
    price = desk.mark(desk.put)
    desk.fill(long, short, 2, desk.put, price)
    desk.expire(1_850)

    desk.settle(desk.put)

    assert desk.realise(long, desk.put) == 2 * (150 * WAD - price)
    assert desk.realise(short, desk.put) == -2 * (150 * WAD - price)


def test_settle_series__out_of_the_money__only_the_premium_stays(desk: Desk) -> None:
    long, short = pair(desk)
    price = desk.mark(desk.call)
    desk.fill(long, short, 3, desk.call, price)
    desk.expire(2_000)

    receipt = desk.settle(desk.call)

    assert named(receipt, "SeriesSettled")[0]["payoffWad"] == 0
    assert desk.realise(long, desk.call) == -3 * price
    assert desk.realise(short, desk.call) == 3 * price


def test_settle_series__deleveraged__what_is_left_rounded_against_both(desk: Desk) -> None:
    bench, (long, short) = desk.bench, pair(desk)
    other_long, other_short = pair(desk)
    for buyer, seller, size in ((long, short, 1), (long, other_short, 1), (other_long, short, 1)):
        desk.fill(buyer, seller, size, desk.call)
    bench.close_out(other_short, 0, desk.call)  # a third of the longs
    bench.close_out(other_long, 0, desk.call)  # what it has left, of the shorts
    before = bench.positions.call("marketOf", desk.call)[:2]
    desk.expire(2_106.12345678)
    payoff = 10_612_345_678 * 10**10

    desk.settle(desk.call)

    after = bench.positions.call("marketOf", desk.call)[:2]
    gets, pays = after[0].flowWad - before[0].flowWad, before[1].flowWad - after[1].flowWad
    assert all(0 < one.scaleWad < WAD and one.scaleWad * payoff % WAD for one in before)
    assert gets == before[0].scaleWad * payoff // WAD
    assert pays == before[1].scaleWad * payoff // WAD + 1
    assert sum(desk.realise(one, desk.call) for one in (long, short)) <= 0


def test_settle_series__a_side_was_deleveraged_to_nothing__is_told_still(desk: Desk) -> None:
    bench, (long, short) = desk.bench, pair(desk)
    price = desk.mark(desk.call)
    desk.fill(long, short, 1, desk.call, price)
    bench.price("ETH", 2_200)
    bench.close_out(long, 0, desk.call)
    owed = price - desk.mark(desk.call)
    assert position(desk, short, desk.call) == (0, owed) and owed < 0
    desk.expire(2_300)
    desk.settle(desk.call)

    told = {one.instrument: one for one in bench.protocol.series()}
    assert (told[desk.call].settled, told[desk.call].long_base_wad, told[desk.call].short_base_wad) == (
        True,
        0,
        0,
    )
    assert bench.protocol.holders(desk.call) == (short.account,)
    assert desk.realise(short, desk.call) == owed


def test_settle_series__nobody_held_it__is_settled(desk: Desk, refused: Refused) -> None:
    desk.expire(2_100)

    receipt = desk.settle(desk.call)

    assert [event.name for event in receipt.events] == ["SeriesSettled"]
    _, _, interest = desk.bench.positions.call("marketOf", desk.call)
    assert interest.settled
    with refused("AlreadySettled", instrument=desk.call):
        desk.settle(desk.call)


def test_settle_series__after_an_outage__by_the_hint(desk: Desk, refused: Refused) -> None:
    long, short = pair(desk)
    price = desk.mark(desk.call)
    desk.fill(long, short, 1, desk.call, price)
    desk.at(2_050, desk.expiry - WINDOW)
    late = desk.expiry + 20 * WINDOW
    desk.at(2_500, late + 5)

    with refused("NotCovered", underlying=ETH, expiryAt=desk.expiry, coveredAt=desk.expiry):
        desk.settle(desk.call)
    cover = desk.bench.oracle.call("coverOf", ETH, desk.expiry)
    assert cover == late
    desk.settle(desk.call, cover)
    assert desk.realise(long, desk.call) == 50 * WAD - price
    assert desk.realise(short, desk.call) == price - 50 * WAD


def test_settle_series__any_holders__costs_the_same(desk: Desk) -> None:
    parties = [desk.bench.party(50_000) for _ in range(6)]
    for buyer, seller in zip(parties[::2], parties[1::2], strict=True):
        desk.fill(buyer, seller, 1, desk.call)
    other = desk.series(Kind.CALL, 1_900)
    desk.fill(parties[0], parties[1], 1, other)
    desk.expire(2_050)

    many, few = (int(desk.settle(series).gas_used) for series in (desk.call, other))

    assert max(many, few) <= GAS_BOUND
    assert abs(many - few) < 3_000


# A settled position


def test_deleverage__settled__reverts(desk: Desk, refused: Refused) -> None:
    long, short = pair(desk)
    desk.fill(long, short, 1, desk.call)
    desk.expire(2_100)
    desk.settle(desk.call)

    with refused("NoPosition", account=short.account, instrument=desk.call):
        desk.bench.close_out(short, 0, desk.call)


def test_take__settled__is_closed_for_its_cash(desk: Desk) -> None:
    long, short = pair(desk)
    price = desk.mark(desk.call)
    desk.fill(long, short, 1, desk.call, price)
    desk.expire(2_100)
    desk.settle(desk.call)
    taker, cash = desk.bench.party(1_000), desk.bench.cash(long)

    desk.bench.seize(long, taker)

    assert desk.bench.cash(long) == cash + 100 * WAD - price
    assert desk.bench.positions.call("countOf", long.account) == 0
    assert desk.bench.positions.call("countOf", taker.account) == 0


# Full books


def test_book__beyond_a_word_of_lanes__fills_up(desk: Desk, refused: Refused) -> None:
    bench, positions = desk.bench, desk.bench.positions
    most = int(positions.call("MAX_POSITIONS"))
    long, short = bench.party(10**7), bench.party(10**7)
    perps = [perpetual(underlying) for underlying in range(1, MARKETS + 1)]
    series = [desk.series(kind, strike) for strike in STRIKES for kind in (Kind.CALL, Kind.PUT)]
    wanted = [*perps, *series][: most + 1]
    assert len(wanted) == most + 1
    for one in wanted[:most]:
        if one in series:
            desk.fill(long, short, 0.1, one)
        else:
            bench.fill(long, short, 0.1, 60_000 if one == perpetual(BTC) else 2_000, instrument=one)
    assert list(positions.call("instrumentsOf", long.account)) == wanted[:most]
    assert bench.health(long).legs == most
    third, fourth = bench.party(10**5), bench.party(10**5)
    with refused("TooManyPositions", account=long.account, cap=most):
        desk.fill(long, short, 0.1, wanted[most])
    with refused("TooManyPositions", account=short.account, cap=most):
        desk.fill(third, short, 0.1, wanted[most])
    desk.fill(third, fourth, 0.1, wanted[most])
    with refused("TooManyPositions", account=long.account, cap=most):
        bench.seize(third, long)

    # The first goes, the last takes its place; then one in the second word; then there is room again.
    bench.fill(short, long, 0.1, 2_000, instrument=wanted[0])
    held = [wanted[most - 1], *wanted[1 : most - 1]]
    assert list(positions.call("instrumentsOf", long.account)) == held
    desk.fill(short, long, 0.1, wanted[20])
    held[20] = held.pop()
    assert list(positions.call("instrumentsOf", long.account)) == held
    desk.fill(long, short, 0.1, wanted[most])
    assert list(positions.call("instrumentsOf", long.account)) == [*held, wanted[most]]
    assert bench.health(long).legs == len(held) + 1


# Margin


def test_margin__long__needs_no_more_than_its_value(desk: Desk) -> None:
    long, short = pair(desk)
    desk.fill(long, short, 5, desk.call)
    value = 5 * desk.mark(desk.call)

    margin = desk.bench.health(long).margin

    assert margin.initial_wad == value
    assert margin.maintenance_wad == value // 2 < value


def test_margin__short__is_the_larger_of_two(desk: Desk) -> None:
    """At the money 5 % of 2,000 = 100 a unit; 400 out of the money the floor: half of it."""
    long, short = pair(desk)
    desk.fill(long, short, 5, desk.call)
    assert desk.bench.health(short).margin.maintenance_wad == 5 * 100 * WAD
    assert desk.bench.health(short).margin.initial_wad == 5 * 200 * WAD

    desk.fill(short, long, 5, desk.call)
    far = desk.series(Kind.CALL, 2_400)
    desk.fill(long, short, 5, far)
    assert desk.bench.health(short).margin.maintenance_wad == 5 * 50 * WAD
    assert need_wad(far, 2_000 * WAD, WAD // 20) == 50 * WAD
