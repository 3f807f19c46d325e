"""model.what_if
├── greeks                               -> sums of the legs'; central differences of the equity agree
├── no trade, no shift                   -> the margin there is
├── a trade                              -> equity stays, margin is that of the book after it; closing pays out
├── a shift of prices or volatilities    -> equity as black76 has it there
├── liquidation price of a linear book   -> the closed form, to the basis point
└── …of options                          -> healthy a basis point before it, not beyond; None where nothing hurts
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from holdfast.model import black76, what_if
from holdfast.model.risk import Book, Leg
from holdfast.model.what_if import Trade
from holdfast.types import Kind, perpetual
from holdfast.units import BPS, WAD
from tests.model.test_portfolio import ETH, NOW, RULES, SPOT, YEAR, flat, option, perp

CALL, PUT = Kind.CALL, Kind.PUT


def margin(book: Book, **changes: object) -> what_if.Margin:
    return what_if.margin_of(book, (), RULES, flat(), NOW, **changes)


def book(*legs: Leg, cash: int = 0) -> Book:
    return Book(cash_wad=cash * WAD, legs=legs)


def test_greeks__central_differences_of_equity_agree() -> None:
    held = book(perp(2), option(CALL, 2_100, -3), option(PUT, 1_900, 2))
    found = what_if.greeks_of(held, ETH, flat(), NOW, RULES.netted)
    up, middle, down = (margin(held, price_shift_bps={ETH: shift}).equity_wad for shift in (10, 0, -10))
    step = SPOT * 10 // BPS
    assert found.delta_wad / WAD == pytest.approx((up - down) / (2 * step), rel=1e-4)
    assert found.gamma_wad / WAD == pytest.approx((up - 2 * middle + down) / step * WAD / step, rel=1e-3)
    more, less = (margin(held, vol_shift_bps=shift).equity_wad for shift in (10, -10))
    assert found.vega_wad / WAD == pytest.approx((more - less) / WAD / (2 * 0.6 * 0.001), rel=1e-4)

    def sooner(underlying: int, expiry_at: int, k: int) -> int:
        return flat()(underlying, expiry_at - 600, k)

    later = what_if.margin_of(held, (), RULES, sooner, NOW + 600).equity_wad
    assert found.theta_wad / WAD == pytest.approx((middle - later) / WAD * YEAR / 600, rel=1e-3)


def test_margin_of__nothing_changed__the_margin_there_is() -> None:
    held = book(perp(1), option(CALL, 2_100, -1))
    assert margin(held) == what_if.portfolio.assess(held, (), RULES, flat(), NOW)


def test_margin_of__a_trade__moves_no_equity() -> None:
    held = book(option(CALL, 2_100, -1), cash=500)
    hedge = option(CALL, 2_300, 1)
    trade = Trade(instrument=hedge.instrument, size_wad=WAD, mark_wad=SPOT, ema_wad=SPOT)
    after = margin(held, trades=[trade])
    assert after.equity_wad == margin(held).equity_wad
    assert after.maintenance_wad == margin(book(*held.legs, hedge)).maintenance_wad
    close = Trade(instrument=held.legs[0].instrument, size_wad=WAD, mark_wad=SPOT, ema_wad=SPOT)
    closed = margin(held, trades=[close])
    assert (closed.initial_wad, closed.maintenance_wad) == (0, 0)
    assert abs(closed.equity_wad - margin(held).equity_wad) <= 1


def test_margin_of__shifts__equity_as_black76_has_it_there() -> None:
    held = book(option(PUT, 1_900, 1))
    variance = (6_000 * WAD // BPS) ** 2 // WAD * 30 * 86_400 // YEAR
    lower = black76.price_wad(SPOT * 9 // 10, 1_900 * WAD, variance, False)
    assert margin(held, price_shift_bps={ETH: -1_000}).equity_wad == pytest.approx(lower, rel=1e-15)
    wilder = black76.price_wad(SPOT, 1_900 * WAD, variance * 144 // 100, False)
    assert margin(held, vol_shift_bps=2_000).equity_wad == pytest.approx(wilder, rel=1e-15)


@pytest.mark.parametrize(("size", "cash"), [(1, -1_700), (Fraction(1, 2), -600), (-1, 2_300)])
def test_liquidation__linear_book__the_closed_form(size: Fraction, cash: int) -> None:
    """equity = cash + size·F, MM = μ·|size|·F with μ the shortfall's share: F = −cash/(size − μ·|size|)"""
    held = book(perp(size), cash=cash)
    share = Fraction(margin(held).maintenance_wad, abs(held.legs[0].size_wad)) / 2_000
    price = Fraction(-cash) / (size - share * abs(size))
    shift = (price / 2_000 - 1) * BPS
    found = what_if.liquidation_shift_bps(held, (), RULES, flat(), NOW, ETH, up=size < 0)
    assert found is not None
    assert abs(found - shift) < 1 + 1e-9


def test_liquidation__options__healthy_just_before_it() -> None:
    held = book(option(CALL, 2_100, -1), option(PUT, 1_900, -1), cash=600)
    for up in (True, False):
        found = what_if.liquidation_shift_bps(held, (), RULES, flat(), NOW, ETH, up=up)
        assert found is not None and (found > 0) == up
        there = margin(held, price_shift_bps={ETH: found})
        before = margin(held, price_shift_bps={ETH: found + (-1 if up else 1)})
        assert there.equity_wad < there.maintenance_wad
        assert before.equity_wad >= before.maintenance_wad
    long = book(option(CALL, 2_100, 1))
    assert what_if.liquidation_shift_bps(long, (), RULES, flat(), NOW, ETH, up=True) is None
    assert (
        what_if.liquidation_shift_bps(book(perp(1), cash=-2_000), (), RULES, flat(), NOW, ETH, up=True) == 0
    )


def test_trade__perpetual__at_the_spot() -> None:
    trade = Trade(instrument=perpetual(ETH), size_wad=3 * WAD, mark_wad=SPOT, ema_wad=SPOT)
    assert margin(book(cash=700), trades=[trade]).equity_wad == 700 * WAD
