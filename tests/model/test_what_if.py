"""model.what_if
├── greeks
│   ├── an example of docs/what-if.md        -> exactly these numbers
│   ├── any book                             -> derivatives of the value, as mpmath has them
│   └── expired, nothing left, collateral    -> what it pays; nothing; whole
├── a smile that is shifted                  -> its variance times the square of the factor, but for its last digits
├── margin_of
│   ├── nothing changed                      -> the margin there is
│   ├── trades                               -> the margin of the book behind them; what closes stays as cash
│   ├── shifts of prices                     -> of those that are named alone
│   ├── shifts of volatilities               -> equity as mpmath has it there
│   └── shifts out of range                  -> ShiftOutOfRange
└── liquidation prices
    ├── examples of docs/what-if.md          -> exactly these numbers
    ├── any book of perpetuals, collateral   -> healthy at it, not a step beyond; the closed form is what halving finds
    ├── options, a grid                      -> healthy at it, not a step beyond; on both sides
    └── nothing hurts, unhealthy already     -> none; the spot
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model import portfolio, risk, what_if
from holdfast.model.options import Pricing
from holdfast.model.risk import Book, Collateral, Leg
from holdfast.model.surface import SmilePair
from holdfast.model.svi import PPB, Smile, variance_wad_down
from holdfast.model.what_if import NONE_ABOVE, NONE_BELOW, Judge, Trade
from holdfast.types import AssetParams, InstrumentParams, Kind, Margin, Mode, instrument_id, perpetual
from holdfast.units import BPS, WAD
from tests.model.test_portfolio import BTC, ETH, NOW, RULES, SPOT, WETH, option, perp

CALL, PUT = Kind.CALL, Kind.PUT
DAY = 86_400
FLAT = Smile(a_ppb=36 * PPB // 100, b_ppb=0, rho_ppb=0, m_ppb=0, sigma_ppb=PPB)  # 60 %
PARAMS = InstrumentParams(
    initial_bps=1_000,
    maintenance_bps=500,
    initial_max_bps=5_000,
    knee_bps=5_000,
    open_interest_cap_wad=10**6 * WAD,
)
INSTRUMENTS = {instrument_id(kind, one): PARAMS for kind in (Kind.PERPETUAL, CALL) for one in (ETH, BTC)}
ASSETS = {WETH: AssetParams(initial_haircut_bps=1_500, maintenance_haircut_bps=1_000)}
UNDERLYINGS = {WETH: ETH}

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


def smiles(underlying: int, expiry_at: int) -> SmilePair:
    """The same volatility for all."""
    left = expiry_at - NOW
    return SmilePair(near=FLAT, far=FLAT, near_seconds=left, far_seconds=left, seconds_to_expiry=left)


PRICING = what_if.pricing_at(smiles, NOW)


def cross(book: Book, pricing: Pricing) -> Margin:
    return risk.assess(Mode.CROSS, book, INSTRUMENTS, ASSETS, pricing)


def netted(book: Book, pricing: Pricing) -> Margin:
    haircuts = [ASSETS[one.asset] for one in book.holdings]
    return portfolio.assess(book, haircuts, RULES, pricing.variance_of, NOW)


def book(*legs: Leg, cash: float = 0, weth: float = 0) -> Book:
    held = (Collateral(asset=WETH, amount_wad=int(weth * WAD), price_wad=SPOT, ema_wad=SPOT),) if weth else ()
    return Book(cash_wad=int(cash * WAD), legs=legs, holdings=held)


def bought(size: int) -> Leg:
    """A perpetual, at the spot of now."""
    return replace(perp(size), quote_wad=-size * SPOT)


def margin(held: Book, judge: Judge = cross, **changes: object) -> Margin:
    return what_if.margin_of(held, judge, smiles, NOW, UNDERLYINGS, **changes)  # type: ignore[arg-type]


def prices(held: Book, judge: Judge = cross, **changes: object) -> tuple[int, int]:
    slope = None
    if judge is cross:
        slope = what_if.slope_bps(held, ETH, UNDERLYINGS, INSTRUMENTS, ASSETS)
    return what_if.liquidation_prices(held, judge, PRICING, ETH, UNDERLYINGS, SPOT, slope)


def gap(held: Book, price_wad: int, judge: Judge = cross) -> int:
    """E − MM with ether at a price, by a book of its own."""
    legs = tuple(replace(leg, mark_wad=price_wad, ema_wad=price_wad) for leg in held.legs)
    holdings = tuple(replace(one, price_wad=price_wad, ema_wad=price_wad) for one in held.holdings)
    there = judge(replace(held, legs=legs, holdings=holdings), PRICING)
    return there.equity_wad - there.maintenance_wad


def exact(leg: Leg, spot: mpmath.mpf, sigma: mpmath.mpf, years: mpmath.mpf) -> mpmath.mpf:
    """Black-76, as a textbook has it."""
    strike, size = mpmath.mpf(leg.instrument % 2**128) / WAD, mpmath.mpf(leg.size_wad) / WAD
    kind = leg.instrument >> 184
    if kind == Kind.PERPETUAL:
        return size * spot
    root = sigma * mpmath.sqrt(years)
    d1 = mpmath.log(spot / strike) / root + root / 2
    call = spot * mpmath.ncdf(d1) - strike * mpmath.ncdf(d1 - root)
    return size * (call if kind == CALL else call - spot + strike)


# Greeks


def test_greeks__of_the_docs__exactly() -> None:
    held = book(option(CALL, 2_100, -2), perp(1), weth=0.5)
    found = what_if.greeks_of(held, ETH, PRICING, UNDERLYINGS)
    assert round(found.delta_wad / WAD, 5) == 0.65667
    assert round(found.gamma_wad / WAD, 7) == -0.0022744
    assert round(found.vega_wad / WAD, 2) == -448.64
    assert round(found.theta_wad / WAD, 3) == 4.486


sizes = st.integers(-50, 50).filter(bool).map(lambda tenths: Fraction(tenths, 10))
legs_of_options = st.builds(
    option, st.sampled_from((CALL, PUT)), st.integers(1_400, 2_800), sizes, st.integers(2, 300)
)


@repeatable
@given(held=st.lists(st.one_of(legs_of_options, st.builds(perp, sizes)), min_size=1, max_size=4))
def test_greeks__any_book__derivatives_of_its_value(held: list[Leg]) -> None:
    found = what_if.greeks_of(book(*held), ETH, PRICING, UNDERLYINGS)
    with mpmath.workdps(40):

        def value(spot: mpmath.mpf, sigma: mpmath.mpf, day: mpmath.mpf) -> mpmath.mpf:
            return sum(
                exact(leg, spot, sigma, (mpmath.mpf((leg.instrument >> 128) % 2**40 - NOW) / DAY - day) / 365)
                for leg in held
            )

        at = (mpmath.mpf(2_000), mpmath.mpf(6) / 10, mpmath.mpf(0))
        for order, name in (
            ((1, 0, 0), "delta"),
            ((2, 0, 0), "gamma"),
            ((0, 1, 0), "vega"),
            ((0, 0, 1), "theta"),
        ):
            wanted = mpmath.diff(value, at, order)
            got = mpmath.mpf(getattr(found, f"{name}_wad")) / WAD
            assert abs(got - wanted) <= 1e-9 * (1 + abs(wanted)), name


def test_greeks__expired_or_nothing_left__what_it_pays() -> None:
    gone = option(CALL, 1_900, 2, days=-1)
    found = what_if.greeks_of(book(gone, option(PUT, 1_900, 3, days=-1)), ETH, PRICING, UNDERLYINGS)
    assert found == what_if.Greeks(delta_wad=2 * WAD)
    settled = replace(option(CALL, 1_900, 1), size_wad=0, quote_wad=WAD)
    assert what_if.greeks_of(book(settled), ETH, PRICING, UNDERLYINGS) == what_if.Greeks()
    assert what_if.greeks_of(book(weth=3), BTC, PRICING, UNDERLYINGS) == what_if.Greeks()


# Smiles


@repeatable
@given(
    level=st.integers(10_000_000, 900_000_000),
    slope=st.integers(0, 500_000_000),
    tilt=st.integers(-900_000_000, 900_000_000),
    shift=st.integers(what_if.MIN_SHIFT_BPS, what_if.MAX_SHIFT_BPS),
    k=st.integers(-3 * WAD, 3 * WAD),
)
def test_shifted__any_smile__variance_times_the_square(
    level: int, slope: int, tilt: int, shift: int, k: int
) -> None:
    smile = Smile(a_ppb=level, b_ppb=slope, rho_ppb=tilt, m_ppb=50_000_000, sigma_ppb=200_000_000)
    there = Fraction(variance_wad_down(smile, k)) * (BPS + shift) ** 2 / BPS**2
    found = variance_wad_down(what_if.shifted(smile, shift), k)
    # A billionth less of level and slope, the slope seen from at most 2·(3.05 + 0.2) away.
    assert there - 8 * 10**9 <= found <= there + 100
    assert what_if.shifted(smile, 0) == smile


def test_shifted__a_slope_beyond_its_bits__refused() -> None:
    steep = replace(FLAT, b_ppb=(1 << 40) // 100)
    assert what_if.shifted(steep, 90_000).b_ppb == (1 << 40) // 100 * 100
    with pytest.raises(Refused, match="Overflow"):
        what_if.shifted(replace(steep, b_ppb=steep.b_ppb + 1), 90_000)


# Margin


@pytest.mark.parametrize("judge", [cross, netted])
def test_margin_of__nothing_changed__the_margin_there_is(judge: Judge) -> None:
    held = book(perp(1), option(CALL, 2_100, -1), cash=400, weth=1)
    assert margin(held, judge) == judge(held, PRICING)


@pytest.mark.parametrize("judge", [cross, netted])
def test_margin_of__trades__the_margin_of_the_book_behind_them(judge: Judge) -> None:
    held = book(option(CALL, 2_100, -1), perp(2), cash=500)
    hedge = option(CALL, 2_300, 3)
    buy = Trade(
        instrument=hedge.instrument, size_wad=3 * WAD, price_wad=43 * WAD, mark_wad=SPOT, ema_wad=SPOT
    )
    sell = Trade(instrument=perpetual(ETH), size_wad=-2 * WAD, price_wad=2_010 * WAD)
    behind = book(*held.legs[:1], replace(hedge, quote_wad=-129 * WAD), cash=500 + 2 * 2_010)
    assert margin(held, judge, trades=[buy, sell]) == judge(behind, PRICING)


def test_margin_of__a_trade__costs_a_wei_up() -> None:
    one = Trade(instrument=perpetual(ETH), size_wad=1, price_wad=SPOT + 1, mark_wad=SPOT, ema_wad=SPOT)
    assert what_if.with_trades(book(), [one]).legs[0].quote_wad == -2_001
    assert what_if.with_trades(book(), [replace(one, size_wad=-1)]).legs[0].quote_wad == 2_001


def test_margin_of__price_shift__moves_those_that_are_named() -> None:
    held = book(perp(1), perp(1, BTC), weth=2)
    assert margin(held, price_shift_bps=-1_000).equity_wad == 4 * SPOT * 9 // 10
    assert margin(held, price_shift_bps=-1_000, underlying=BTC).equity_wad == 4 * SPOT - SPOT // 10
    assert margin(held, price_shift_bps=-1_000, underlying=ETH).equity_wad == 4 * SPOT - 3 * SPOT // 10


@pytest.mark.parametrize("judge", [cross, netted])
def test_margin_of__shifts__equity_as_it_is_there(judge: Judge) -> None:
    held = book(option(PUT, 1_900, 1), option(CALL, 2_200, -2))
    with mpmath.workdps(40):
        for price_bps, vol_bps in ((-1_000, 0), (0, 2_000), (500, -5_000)):
            spot = mpmath.mpf(2_000) * (BPS + price_bps) / BPS
            sigma = mpmath.mpf(6) / 10 * (BPS + vol_bps) / BPS
            wanted = sum(exact(leg, spot, sigma, mpmath.mpf(30) / 365) for leg in held.legs)
            found = margin(held, judge, price_shift_bps=price_bps, vol_shift_bps=vol_bps)
            assert found.equity_wad / WAD == pytest.approx(float(wanted), abs=1e-7)
    calm, wild = (margin(held, judge, vol_shift_bps=shift) for shift in (-3_000, 6_000))
    assert calm.maintenance_wad < margin(held, judge).maintenance_wad < wild.maintenance_wad


@pytest.mark.parametrize("which", ["price_shift_bps", "vol_shift_bps"])
@pytest.mark.parametrize("shift", [-9_001, 90_001])
def test_margin_of__out_of_range__refused(which: str, shift: int) -> None:
    with pytest.raises(Refused) as caught:
        margin(book(), **{which: shift})
    assert (caught.value.name, caught.value.values) == ("ShiftOutOfRange", (shift, -9_000, 90_000))


# Liquidation prices


@pytest.mark.parametrize(
    ("held", "below", "above"),
    [
        # 1,000 + 10·(S − 2,000) + 2·S − 0.5·S − 0.2·S = 0
        (book(bought(10), cash=1_000, weth=2), Fraction(19_000) / Fraction("11.3"), None),
        # 3,000 − 10·(S − 2,000) − 0.5·S = 0
        (book(bought(-10), cash=3_000), None, Fraction(23_000) / Fraction("10.5")),
        # 18·S + 0.9·S short, 21·S − 2.1·S of collateral: nothing that ether does matters
        (book(bought(-18), cash=5_000, weth=21), None, None),
        (book(perp(1), cash=5_000), None, None),  # the price would have to be negative
    ],
)  # fmt: skip
def test_liquidation__of_the_docs__exactly(
    held: Book, below: Fraction | None, above: Fraction | None
) -> None:
    wanted = (
        NONE_BELOW if below is None else -(-below * WAD // 1),
        NONE_ABOVE if above is None else above * WAD // 1,
    )
    assert prices(held) == wanted


@repeatable
@given(size=sizes, weth=st.integers(0, 40), spare=st.integers(0, 4_000))
def test_liquidation__a_line__healthy_at_it_and_not_beyond(size: Fraction, weth: int, spare: int) -> None:
    held = book(perp(size), weth=weth / 10)
    held = replace(held, cash_wad=spare * WAD - gap(held, SPOT))
    below, above = prices(held)
    for price, none, beyond in ((below, NONE_BELOW, -1), (above, NONE_ABOVE, 1)):
        if price == none:
            continue
        assert gap(held, price) >= -4  # the wei of its parts
        assert gap(held, price + beyond * 1_000) < 0
    searched = what_if.liquidation_prices(held, cross, PRICING, ETH, UNDERLYINGS, SPOT, None)
    for mine, other in zip((below, above), searched, strict=True):
        if SPOT // 16 < mine < 16 * SPOT:
            assert abs(mine - other) <= SPOT >> 28


@pytest.mark.parametrize("judge", [cross, netted])
@pytest.mark.parametrize(
    "legs",
    [
        (option(CALL, 2_100, -1), option(PUT, 1_900, -1)),
        (option(CALL, 2_100, -3), perp(2)),
        (option(PUT, 1_800, -2), option(CALL, 2_400, 1)),
    ],
)
def test_liquidation__options__healthy_at_it_and_not_beyond(judge: Judge, legs: tuple[Leg, ...]) -> None:
    held = book(*legs)
    held = replace(held, cash_wad=150 * WAD - gap(held, SPOT, judge))
    below, above = prices(held, judge)
    assert (below, above) != (NONE_BELOW, NONE_ABOVE)
    for price, none, beyond in ((below, NONE_BELOW, -1), (above, NONE_ABOVE, 1)):
        if price == none:
            continue
        assert gap(held, price, judge) >= 0
        assert gap(held, price + beyond * (SPOT >> 30), judge) < 0
        between = [SPOT + (price - SPOT) * step // 50 for step in range(51)]
        assert all(gap(held, one, judge) >= 0 for one in between)  # it is the nearest


def test_liquidation__nothing_hurts__none() -> None:
    assert prices(book(option(CALL, 2_100, 1))) == (NONE_BELOW, NONE_ABOVE)
    assert prices(book(cash=100)) == (NONE_BELOW, NONE_ABOVE)
    other = book(perp(1, BTC), cash=-1_000)
    assert what_if.liquidation_prices(other, cross, PRICING, ETH, UNDERLYINGS, SPOT, 0) == (0, NONE_ABOVE)


@pytest.mark.parametrize("legs", [(perp(1),), (option(CALL, 2_100, -1),)])
def test_liquidation__unhealthy_already__the_spot(legs: tuple[Leg, ...]) -> None:
    assert prices(book(*legs, cash=-2_000)) == (SPOT, SPOT)
