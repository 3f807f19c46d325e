"""What a book reacts to, what its margin would be, and where it would be liquidated: exact twin of
`contracts/lens/{WhatIf,ShiftedSurface}.sol`, where the formulas stand.

A book that is not there is judged as one that is: by `Judge`, which is `risk.assess` with everything but the book and
what prices options. Where a price moves the smile moves with it, as it would: it is a function of ln(strike/spot).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from holdfast.errors import Refused
from holdfast.model import black76, options
from holdfast.model.options import Pricing
from holdfast.model.risk import Book, Collateral, Leg
from holdfast.model.surface import SmilePair, pair_variance_wad_down
from holdfast.model.svi import Smile
from holdfast.types import (
    EVERYTHING,
    AssetParams,
    InstrumentId,
    InstrumentParams,
    Kind,
    Margin,
    expiry_of,
    kind_of,
    strike_of,
    underlying_of,
)
from holdfast.units import BPS, WAD, mul_div_down, mul_wad_down, mul_wad_up

MIN_SHIFT_BPS: Final = -9_000
MAX_SHIFT_BPS: Final = 90_000
PLACES: Final = 16
HALVINGS: Final = 32
NONE_BELOW: Final = 0
NONE_ABOVE: Final = (1 << 256) - 1
"""What stands for no liquidation price."""

DAYS: Final = 365

PairOf = Callable[[int, int], SmilePair]
"""(underlying, expiryAt) → the smiles between which it lies, of an expiry that isn't past"""
Judge = Callable[[Book, Pricing], Margin]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """A trade that isn't made, and what is known of its market."""

    instrument: InstrumentId
    size_wad: int  # signed
    price_wad: int  # paid for a unit, or got
    mark_wad: int = 0  # spot of the underlying; of a leg that there is already, its own counts
    ema_wad: int = 0
    open_interest_wad: int = 0  # of the side that the position is on behind it


@dataclass(frozen=True, kw_only=True, slots=True)
class Greeks:
    """What the value of everything on one underlying does."""

    delta_wad: int = 0  # of value to the spot: units of it; collateral counts whole
    gamma_wad: int = 0  # of delta to the spot
    vega_wad: int = 0  # of value to volatility: for 1.00 of it
    theta_wad: int = (
        0  # what a day that passes adds to the value, as time goes now; negative for what is long
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One unit of an option, the spot of its underlying as its forward."""

    value_wad: int
    delta_wad: int  # of value to the spot
    gamma_wad: int = 0  # of delta to the spot
    vega_wad: int = 0  # of value to volatility: for 1.00 of it
    theta_wad: int = 0  # what a year would take from the value, as time goes now


def unit_of(option: InstrumentId, spot_wad: int, pricing: Pricing) -> Unit:
    """Its value and `black76.greeks`; once it expired, what it would pay, and the delta of that alone."""
    strike_wad, left, variance_wad = strike_of(option), max(0, expiry_of(option) - pricing.time), 0
    if left and spot_wad and strike_wad:
        k_wad = -black76.ln_moneyness_wad(spot_wad, strike_wad)
        variance_wad = pricing.variance_of(underlying_of(option), expiry_of(option), k_wad)
    greeks = black76.greeks(spot_wad, strike_wad, variance_wad, left)
    return Unit(
        value_wad=options.unit_wad(option, spot_wad, pricing),
        delta_wad=greeks.call_delta_wad - (0 if kind_of(option) is Kind.CALL else WAD),
        gamma_wad=greeks.gamma_wad,
        vega_wad=greeks.vega_wad,
        theta_wad=greeks.theta_wad,
    )


def greeks_of(book: Book, underlying: int, pricing: Pricing, underlyings: Mapping[int, int]) -> Greeks:
    """Sums of sizes times what `unit_of` says, each product rounded down. `underlyings`: by asset."""
    delta = sum(one.amount_wad for one in book.holdings if underlyings[one.asset] == underlying)
    gamma = vega = theta = 0
    for leg in book.legs:
        if underlying_of(leg.instrument) != underlying:
            continue
        size_wad = leg.size_wad
        if not options.is_option(leg.instrument):
            delta += size_wad
            continue
        unit = unit_of(leg.instrument, leg.mark_wad, pricing)
        delta += mul_wad_down(size_wad, unit.delta_wad)
        gamma += mul_wad_down(size_wad, unit.gamma_wad)
        vega += mul_wad_down(size_wad, unit.vega_wad)
        theta += mul_div_down(-size_wad, unit.theta_wad, DAYS * WAD)
    return Greeks(delta_wad=delta, gamma_wad=gamma, vega_wad=vega, theta_wad=theta)


def shifted(smile: Smile, vol_shift_bps: int) -> Smile:
    """The smile of volatilities that are (1 + shift) times as high: level and slope times the square of it, down."""
    square = (BPS + vol_shift_bps) ** 2
    level, slope = (mul_div_down(one, square, BPS**2) for one in (smile.a_ppb, smile.b_ppb))
    if slope >> 40:
        raise Refused("Overflow")
    return replace(smile, a_ppb=level, b_ppb=slope)


def pricing_at(pair_of: PairOf, now: int, vol_shift_bps: int = 0) -> Pricing:
    """What prices options at volatilities that are shifted."""
    _check_shift(vol_shift_bps)

    def variance_of(underlying: int, expiry_at: int, k_wad: int) -> int:
        pair = pair_of(underlying, expiry_at)
        near, far = shifted(pair.near, vol_shift_bps), shifted(pair.far, vol_shift_bps)
        return pair_variance_wad_down(replace(pair, near=near, far=far), k_wad)

    return Pricing(time=now, variance_of=variance_of)


def margin_of(
    book: Book,
    judge: Judge,
    pair_of: PairOf,
    now: int,
    underlyings: Mapping[int, int],  # by asset
    *,
    trades: Sequence[Trade] = (),
    underlying: int = EVERYTHING,  # whose prices move
    price_shift_bps: int = 0,
    vol_shift_bps: int = 0,
) -> Margin:
    """Margin after trades, at prices and at volatilities that aren't there."""
    _check_shift(price_shift_bps)
    pricing = pricing_at(pair_of, now, vol_shift_bps)

    def moved_wad(price_wad: int) -> int:
        return mul_div_down(price_wad, BPS + price_shift_bps, BPS)

    after = with_trades(book, trades)
    moved = _map_prices(after, underlying, underlyings, moved_wad)
    return judge(moved, pricing)


def with_trades(book: Book, trades: Sequence[Trade]) -> Book:
    """Sizes add up, and so does what was paid: up, as the ledger does it. What closes a leg stays as its quote."""
    legs = {leg.instrument: leg for leg in book.legs}
    for trade in trades:
        before = legs.get(trade.instrument) or Leg(
            instrument=trade.instrument,
            size_wad=0,
            quote_wad=0,
            mark_wad=trade.mark_wad,
            ema_wad=trade.ema_wad,
            open_interest_wad=0,
        )
        paid_wad = mul_wad_up(abs(trade.size_wad), trade.price_wad)
        legs[trade.instrument] = replace(
            before,
            size_wad=before.size_wad + trade.size_wad,
            quote_wad=before.quote_wad + (paid_wad if trade.size_wad < 0 else -paid_wad),
            open_interest_wad=trade.open_interest_wad,
        )
    return replace(book, legs=tuple(legs.values()))


def slope_bps(
    book: Book,
    underlying: int,
    underlyings: Mapping[int, int],
    instruments: Mapping[InstrumentId, InstrumentParams],
    assets: Mapping[int, AssetParams],
) -> int | None:
    """D of the health line [wad·bps]; None where options on the underlying bend it."""
    total = 0
    for leg in book.legs:
        if underlying_of(leg.instrument) != underlying:
            continue
        if options.is_option(leg.instrument):
            if leg.size_wad:
                return None
            continue
        total += leg.size_wad * BPS - abs(leg.size_wad) * instruments[leg.instrument].maintenance_bps
    for one in book.holdings:
        if underlyings[one.asset] == underlying:
            total += one.amount_wad * (BPS - assets[one.asset].maintenance_haircut_bps)
    return total


def liquidation_prices(
    book: Book,
    judge: Judge,
    pricing: Pricing,
    underlying: int,
    underlyings: Mapping[int, int],
    spot_wad: int,
    slope: int | None,  # None: health is no straight line of this price
) -> tuple[int, int]:
    """The nearest below and above the spot, rounded toward it; NONE_BELOW and NONE_ABOVE where there is none."""

    def gap_at(price_wad: int) -> int:
        return _gap_wad(judge(_map_prices(book, underlying, underlyings, lambda _: price_wad), pricing))

    gap_wad = _gap_wad(judge(book, pricing))
    if gap_wad < 0:
        return spot_wad, spot_wad
    if slope is None:
        below = [mul_div_down(spot_wad, left, PLACES) for left in range(PLACES - 1, 0, -1)]
        above = [mul_div_down(spot_wad, PLACES, left) for left in range(PLACES - 1, 0, -1)]
        return (
            _searched(gap_at, spot_wad, below, NONE_BELOW),
            _searched(gap_at, spot_wad, above, NONE_ABOVE),
        )
    if slope == 0:
        return NONE_BELOW, NONE_ABOVE
    way_wad = mul_div_down(gap_wad, WAD * BPS, abs(slope))
    return (
        (NONE_BELOW, spot_wad + way_wad) if slope < 0 else (max(NONE_BELOW, spot_wad - way_wad), NONE_ABOVE)
    )


def _searched(gap_at: Callable[[int], int], spot_wad: int, places: Sequence[int], none: int) -> int:
    """The healthy end of what is left of the first bracket."""
    healthy = spot_wad
    for unhealthy in places:
        if gap_at(unhealthy) >= 0:
            healthy = unhealthy
            continue
        for _ in range(HALVINGS):
            middle = (healthy + unhealthy) // 2
            healthy, unhealthy = (healthy, middle) if gap_at(middle) < 0 else (middle, unhealthy)
        return healthy
    return none


def _gap_wad(margin: Margin) -> int:
    return margin.equity_wad - margin.maintenance_wad


def _map_prices(
    book: Book, underlying: int, underlyings: Mapping[int, int], change: Callable[[int], int]
) -> Book:
    """Spots and slow prices of an underlying, or of all, changed."""

    def leg_of(leg: Leg) -> Leg:
        if underlying not in (EVERYTHING, underlying_of(leg.instrument)):
            return leg
        return replace(leg, mark_wad=change(leg.mark_wad), ema_wad=change(leg.ema_wad))

    def holding_of(one: Collateral) -> Collateral:
        if underlying not in (EVERYTHING, underlyings[one.asset]):
            return one
        return replace(one, price_wad=change(one.price_wad), ema_wad=change(one.ema_wad))

    return replace(book, legs=tuple(map(leg_of, book.legs)), holdings=tuple(map(holding_of, book.holdings)))


def _check_shift(shift_bps: int) -> None:
    if not MIN_SHIFT_BPS <= shift_bps <= MAX_SHIFT_BPS:
        raise Refused("ShiftOutOfRange", shift_bps, MIN_SHIFT_BPS, MAX_SHIFT_BPS)
