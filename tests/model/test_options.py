"""Options one at a time: the twin against numbers worked by hand, and against what must hold of any
├── payoff, out of the money      -> by hand; one of both is zero, and they differ as price and strike do
├── unit_wad                      -> at expiry what it pays; at least that before; parity of call and put
│                                    by the smile at its strike; without one by realised volatility or the floor
├── need_wad                      -> by hand; at least the floor, at most the rate; never rises out of the money
├── assess, a long                -> IM is its value, MM no more than IM: however many, at any price
├── assess, a short               -> value and needs by hand; IM no less than MM
├── assess, nothing left          -> only the quote counts
└── list_instrument               -> beside the perpetual alone; the grid, bound by bound
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model import average, black76, risk
from holdfast.model.options import Pricing, need_wad, out_of_the_money_wad, payoff_wad, unit_wad
from holdfast.model.positions import (
    ALL_SERIES,
    LEAST_VARIANCE,
    MAX_LIFE_SECONDS,
    MAX_SERIES,
    MIN_LIFE_SECONDS,
    Moment,
    Params,
    Positions,
    Rules,
    Tally,
    strike_step,
)
from holdfast.model.risk import Book, Leg, assess
from holdfast.model.surface import Stored, Surface
from holdfast.model.svi import Smile
from holdfast.types import (
    Grade,
    InstrumentId,
    InstrumentParams,
    Kind,
    Margin,
    Mode,
    Price,
    instrument_id,
    perpetual,
)
from holdfast.units import BPS, WAD

ETH = 1
NOW = 1_900_000_800  # a boundary
LATER = NOW + 86_400
CALL, PUT = (instrument_id(kind, ETH, LATER, 2_000 * WAD) for kind in (Kind.CALL, Kind.PUT))
CLASS = instrument_id(Kind.CALL, ETH)
PARAMS = InstrumentParams(
    initial_bps=1_000,
    maintenance_bps=500,
    initial_max_bps=5_000,
    knee_bps=BPS,
    open_interest_cap_wad=100 * WAD,
)
PRICING = Pricing(
    time=NOW, variance_of=lambda _, expiry_at, __: WAD // 4 * (expiry_at - NOW) // black76.YEAR_SECONDS
)
"""50 % at all strikes."""

repeatable = settings(deadline=None, derandomize=True, max_examples=200)
prices = st.integers(1, 2**88 - 1) | st.floats(0, 26).map(lambda power: int(10**power))
kinds = st.sampled_from((Kind.CALL, Kind.PUT))


def margin(option: InstrumentId, size: int, spot: int, ema: int | None = None, quote: int = 0) -> Margin:
    leg = Leg(
        instrument=option, size_wad=size, quote_wad=quote, mark_wad=spot,
        ema_wad=spot if ema is None else ema, open_interest_wad=0,
    )  # fmt: skip
    return assess(Mode.CROSS, Book(cash_wad=0, legs=(leg,)), {CLASS: PARAMS}, {}, PRICING)


@pytest.mark.parametrize(
    "option, price, pays, away",
    [
        (CALL, 2_106, 106, 0),
        (CALL, 1_900, 0, 100),
        (PUT, 1_850, 150, 0),
        (PUT, 2_300, 0, 300),
        (CALL, 2_000, 0, 0),
    ],
)
def test_payoff__by_hand(option: int, price: int, pays: int, away: int) -> None:
    assert payoff_wad(option, price * WAD) == pays * WAD
    assert out_of_the_money_wad(option, price * WAD) == away * WAD


@repeatable
@given(kind=kinds, strike=prices, price=prices)
def test_payoff__any__differs_from_the_distance_as_the_price_does(
    kind: Kind, strike: int, price: int
) -> None:
    option = instrument_id(kind, ETH, LATER, strike)
    gain = price - strike if kind == Kind.CALL else strike - price

    assert payoff_wad(option, price) - out_of_the_money_wad(option, price) == gain
    assert min(payoff_wad(option, price), out_of_the_money_wad(option, price)) == 0


@repeatable
@given(strike=prices, spot=prices, left=st.integers(0, 400 * 86_400))
def test_unit_wad__any__between_what_it_pays_and_all_of_it(strike: int, spot: int, left: int) -> None:
    call, put = (instrument_id(kind, ETH, NOW + left, strike) for kind in (Kind.CALL, Kind.PUT))
    values = unit_wad(call, spot, PRICING), unit_wad(put, spot, PRICING)

    assert payoff_wad(call, spot) <= values[0] <= spot
    assert payoff_wad(put, spot) <= values[1] <= strike
    assert values[0] - values[1] == spot - strike
    if left == 0:
        assert values == (payoff_wad(call, spot), payoff_wad(put, spot))


def test_unit_wad__without_smiles__realised_volatility_or_the_floor() -> None:
    rules = replace(LEAST_VARIANCE, volatility_floor_bps=5_000)
    calm, wild = (Moment(time=NOW, variances={ETH: one}).pricing(rules) for one in (0, WAD))
    year = instrument_id(Kind.CALL, ETH, NOW + black76.YEAR_SECONDS, 2_000 * WAD)

    # At the money, σ = 50 %: 2,000·(2·N(0.25) − 1) = 394.8; σ = 100 %: 2,000·(2·N(0.5) − 1) = 765.8.
    assert round(unit_wad(year, 2_000 * WAD, calm) / WAD, 1) == 394.8
    assert round(unit_wad(year, 2_000 * WAD, wild) / WAD, 1) == 765.8


def test_unit_wad__a_smile__is_read_at_the_strike() -> None:
    """At ln(K/F) = 0.62 a smile of 58.4 %, as docs/options.md has it: v(k) = 0.2 + 0.3·(−0.3·0.6 + 0.65) = 0.341."""
    smile = Smile(
        a_ppb=200_000_000, b_ppb=300_000_000, rho_ppb=-300_000_000, m_ppb=20_000_000, sigma_ppb=250_000_000
    )
    expiry = NOW + black76.YEAR_SECONDS
    rules = replace(LEAST_VARIANCE, stale_seconds=86_400, slow_seconds=86_400)
    surface = Surface(rules=rules, smiles={expiry: Stored(smile=smile, updated_at=NOW)})
    pricing = Moment(time=NOW, surfaces={ETH: surface}).pricing(rules)
    spot = 2_000 * WAD
    strike = int(spot * math.exp(0.62))
    call = instrument_id(Kind.CALL, ETH, expiry, strike)

    assert round(pricing.variance_of(ETH, expiry, 62 * WAD // 100) / WAD, 6) == 0.341
    wanted = black76.price_wad(spot, strike, 341 * WAD // 1_000, True)
    assert abs(unit_wad(call, spot, pricing) - wanted) < WAD // 10**6


def test_need_wad__by_hand() -> None:
    rate = WAD // 10  # 200 of 2,000; the floor is 100
    assert need_wad(CALL, 2_000 * WAD, rate) == 200 * WAD
    assert need_wad(CALL, 1_950 * WAD, rate) == (195 - 50) * WAD
    assert need_wad(CALL, 1_600 * WAD, rate) == 80 * WAD  # 160 − 400, so the floor
    assert need_wad(PUT, 2_300 * WAD, rate) == 115 * WAD
    assert need_wad(PUT, 1_000 * WAD, rate) == 100 * WAD  # in the money: its value is marked already
    assert need_wad(CALL, 1, 1) == 1


@repeatable
@given(kind=kinds, strike=prices, price=prices, rate=st.integers(1, WAD))
def test_need_wad__any__between_floor_and_rate(kind: Kind, strike: int, price: int, rate: int) -> None:
    need = need_wad(instrument_id(kind, ETH, LATER, strike), price, rate)

    assert -(-price * rate // (2 * WAD)) <= need <= -(-price * rate // WAD)


@repeatable
@given(
    kind=kinds,
    strike=prices,
    spot=prices,
    ema=prices,
    size=st.integers(1, 2**100),
    quote=st.integers(-(2**90), 2**90),
)
def test_assess__long__never_requires_more_than_its_value(
    kind: Kind, strike: int, spot: int, ema: int, size: int, quote: int
) -> None:
    found = margin(instrument_id(kind, ETH, LATER, strike), size, spot, ema, quote)
    value = found.equity_wad - quote

    assert 0 <= found.maintenance_wad <= found.initial_wad == value
    assert found.borrow_limit_wad == 0


@repeatable
@given(kind=kinds, strike=prices, spot=prices, ema=prices, size=st.integers(1, 2**100))
def test_assess__short__initial_covers_maintenance_and_the_slow_price(
    kind: Kind, strike: int, spot: int, ema: int, size: int
) -> None:
    option = instrument_id(kind, ETH, LATER, strike)
    found = margin(option, -size, spot, ema)

    assert found.equity_wad == -size * unit_wad(option, spot, PRICING) // WAD
    assert found.initial_wad >= found.maintenance_wad
    # If the slow price is the right one, what is asked there holds, and what the value would be beyond.
    loss = max(0, unit_wad(option, ema, PRICING) - unit_wad(option, spot, PRICING))
    assert found.initial_wad * WAD >= size * (need_wad(option, ema, WAD // 10) + loss)


def test_assess__short__by_hand() -> None:
    found = margin(CALL, -3 * WAD, 2_000 * WAD, 2_010 * WAD, quote=7)

    assert found.equity_wad == 7 - 3 * unit_wad(CALL, 2_000 * WAD, PRICING)
    assert found.maintenance_wad == 3 * 100 * WAD
    assert found.initial_wad == 3 * (201 + 10) * WAD
    assert margin(PUT, -3 * WAD, 2_000 * WAD, 2_010 * WAD).initial_wad == 3 * 200 * WAD


def test_assess__nothing_left__only_the_quote_counts() -> None:
    found = margin(CALL, 0, 2_500 * WAD, quote=-5)

    assert (found.equity_wad, found.initial_wad, found.maintenance_wad) == (-5, 0, 0)


def test_assess__class_without_parameters__refused() -> None:
    leg = Leg(instrument=CALL, size_wad=1, quote_wad=0, mark_wad=1, ema_wad=1, open_interest_wad=0)
    with pytest.raises(Refused, match="NotListed"):
        assess(Mode.CROSS, Book(cash_wad=0, legs=(leg,)), {perpetual(ETH): PARAMS}, {})
    assert unit_wad(CALL, 2_500 * WAD, risk.AT_INTRINSIC) == 500 * WAD


# Listing


@pytest.fixture
def positions() -> Positions:
    rules = Rules(band_bps=500, funding_cap_bps=50, funding_period_seconds=28_800)
    found = Positions(rules, Params(instruments={CLASS: PARAMS, perpetual(ETH): PARAMS}))
    found.list_instrument(at(2_000 * WAD), perpetual(ETH))
    return found


def at(spot_wad: int) -> Moment:
    return Moment(time=NOW, prices={ETH: Price(spot_wad=spot_wad, ema_wad=spot_wad, grade=Grade.FRESH)})


def option(strike_wad: int, life: int = 86_400) -> InstrumentId:
    return instrument_id(Kind.CALL, ETH, NOW + life, strike_wad)


@pytest.mark.parametrize(
    "spot_wad, step",
    [
        (2_345 * WAD, 10 * WAD),
        (999 * WAD, WAD),
        (1_000 * WAD, 10 * WAD),
        (WAD // 50, WAD // 10**4),
        (99, 1),
        (1, 1),
    ],
)
def test_strike_step__by_hand(spot_wad: int, step: int) -> None:
    assert strike_step(spot_wad) == step


@pytest.mark.parametrize(
    "found, value, bound",
    [
        (option(2_005 * WAD), 2_005 * WAD, 10 * WAD),
        (option(500 * WAD), 500 * WAD, 500 * WAD + 1),
        (option(8_010 * WAD), 8_010 * WAD, 8_000 * WAD),
        (option(2_000 * WAD, MIN_LIFE_SECONDS - 1), NOW + MIN_LIFE_SECONDS - 1, NOW + MIN_LIFE_SECONDS),
        (option(2_000 * WAD, MAX_LIFE_SECONDS + 1), NOW + MAX_LIFE_SECONDS + 1, NOW + MAX_LIFE_SECONDS),
        (option(2_000 * WAD, 86_401), NOW + 86_401, average.WINDOW_SECONDS),
    ],
    ids=["between", "low", "high", "soon", "late", "off"],
)
def test_list_instrument__off_the_grid__refused(
    positions: Positions, found: InstrumentId, value: int, bound: int
) -> None:
    with pytest.raises(Refused) as caught:
        positions.list_instrument(at(2_000 * WAD), found)
    assert (caught.value.name, caught.value.values) == ("BadSeries", (found, value, bound))


def test_list_instrument__edges_of_the_grid__listed(positions: Positions) -> None:
    lives = (86_400, 86_400, MIN_LIFE_SECONDS, MAX_LIFE_SECONDS)
    for strike, life in zip((510, 8_000, 2_000, 2_000), lives, strict=True):
        positions.list_instrument(at(2_000 * WAD), option(strike * WAD, life))
    assert positions.tallies[ETH] == Tally(series=4)


def test_list_instrument__without_its_perpetual__refused(positions: Positions) -> None:
    positions.markets.clear()
    with pytest.raises(Refused) as caught:
        positions.list_instrument(at(2_000 * WAD), option(2_000 * WAD))
    assert (caught.value.name, caught.value.values) == ("NoSuchInstrument", (perpetual(ETH),))


def test_list_instrument__too_many__refused(positions: Positions) -> None:
    positions.tallies[ETH] = Tally(series=MAX_SERIES)
    with pytest.raises(Refused, match="TooManySeries"):
        positions.list_instrument(at(2_000 * WAD), option(2_000 * WAD))
    positions.tallies[ETH] = Tally()
    positions.series = [CALL] * ALL_SERIES
    with pytest.raises(Refused, match="TooManySeries"):
        positions.list_instrument(at(2_000 * WAD), option(2_000 * WAD))
