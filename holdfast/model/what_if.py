"""What a portfolio is, would be, and would be liquidated at: read-only questions to `portfolio`.

A volatility shift multiplies σ of every strike, a price shift moves the spot of every underlying that it names; both by
the sticky strike of the grid: total variances stay those of their strikes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.errors import Refused
from holdfast.model import black76, portfolio
from holdfast.model.portfolio import Rules, TotalVariance
from holdfast.model.risk import Book, Leg
from holdfast.types import (
    AssetParams,
    InstrumentId,
    Kind,
    Margin,
    expiry_of,
    kind_of,
    strike_of,
    underlying_of,
)
from holdfast.units import BPS, WAD, mul_div_down, mul_wad_down


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """A trade that isn't made: at what the model values the instrument, so equity stays as it is."""

    instrument: InstrumentId
    size_wad: int  # signed
    mark_wad: int  # spot of the underlying
    ema_wad: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Greeks:
    """Of everything on one underlying, in units of it or in money [wad]."""

    delta_wad: int = 0  # of value to the spot: units
    gamma_wad: int = 0  # of delta to the spot
    vega_wad: int = 0  # of value to volatility: for 1.00 of it
    theta_wad: int = 0  # what a year takes from the value, as time goes now; negative: it gives


def greeks_of(
    book: Book, underlying: int, variance_of: TotalVariance, now: int, netted: Mapping[int, int]
) -> Greeks:
    """Sums of sizes times `black76.greeks`, each product rounded down."""
    delta = sum(one.amount_wad for one in book.holdings if netted.get(one.asset) == underlying)
    gamma = vega = theta = 0
    for leg in book.legs:
        if underlying_of(leg.instrument) != underlying:
            continue
        kind = kind_of(leg.instrument)
        if kind is Kind.PERPETUAL:
            delta += leg.size_wad
            continue
        expiry_at, strike_wad = expiry_of(leg.instrument), strike_of(leg.instrument)
        left = max(0, expiry_at - now)
        k = -black76.ln_moneyness_wad(leg.mark_wad, strike_wad)
        one = black76.greeks(
            leg.mark_wad, strike_wad, variance_of(underlying, expiry_at, k) if left else 0, left
        )
        delta += mul_wad_down(leg.size_wad, one.call_delta_wad - (WAD if kind is Kind.PUT else 0))
        gamma += mul_wad_down(leg.size_wad, one.gamma_wad)
        vega += mul_wad_down(leg.size_wad, one.vega_wad)
        theta += mul_wad_down(leg.size_wad, one.theta_wad)
    return Greeks(delta_wad=delta, gamma_wad=gamma, vega_wad=vega, theta_wad=theta)


def margin_of(
    book: Book,
    haircuts: Sequence[AssetParams],
    rules: Rules,
    variance_of: TotalVariance,
    now: int,
    *,
    trades: Sequence[Trade] = (),
    price_shift_bps: Mapping[int, int] | None = None,
    vol_shift_bps: int = 0,
    offsets: bool = True,
) -> Margin:
    """Margin after trades, prices and volatilities that aren't. Netted collateral moves with its underlying."""
    shifts = price_shift_bps or {}

    def shocked(underlying: int, expiry_at: int, k_wad: int) -> int:
        # ln(K/F) of the spot before the shift: the variance of the strike stays.
        moved_wad = k_wad + portfolio.shocked_spot(WAD, shifts.get(underlying, 0))[1]
        factor_bps = max(0, BPS + vol_shift_bps)
        return mul_div_down(variance_of(underlying, expiry_at, moved_wad), factor_bps**2, BPS**2)

    traded = _with(book, trades, variance_of, now)
    legs = tuple(
        replace(
            leg,
            mark_wad=_moved(leg.mark_wad, shifts, leg.instrument),
            ema_wad=_moved(leg.ema_wad, shifts, leg.instrument),
        )
        for leg in traded.legs
    )
    holdings = []
    for one in traded.holdings:
        shift = shifts.get(rules.netted.get(one.asset, 0), 0)
        holdings.append(
            replace(
                one,
                price_wad=mul_div_down(one.price_wad, BPS + shift, BPS),
                ema_wad=mul_div_down(one.ema_wad, BPS + shift, BPS),
            )
        )
    moved = Book(cash_wad=traded.cash_wad, legs=legs, holdings=tuple(holdings))
    return portfolio.assess(moved, haircuts, rules, shocked, now, offsets=offsets)


def liquidation_shift_bps(
    book: Book,
    haircuts: Sequence[AssetParams],
    rules: Rules,
    variance_of: TotalVariance,
    now: int,
    underlying: int,
    *,
    up: bool,
    step_bps: int = 100,
    furthest_bps: int = 9_900,
) -> int | None:
    """The smallest move of a spot, to the basis point, at which the account is below MM; None: no such move is found.

    The first step at which equity < MM brackets it, and halving finds it within: what is unhealthy only between two
    steps is passed over. In a linear book health changes its sign once a direction, so there it is exact.
    """
    sign = 1 if up else -1

    def below(shift_bps: int) -> bool:
        found = margin_of(
            book, haircuts, rules, variance_of, now, price_shift_bps={underlying: sign * shift_bps}
        )
        return found.equity_wad < found.maintenance_wad

    if below(0):
        return 0
    low = 0
    for high in range(step_bps, furthest_bps + 1, step_bps):
        if not below(high):
            low = high
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if below(middle) else (middle, high)
        return sign * high
    return None


def _with(book: Book, trades: Sequence[Trade], variance_of: TotalVariance, now: int) -> Book:
    """The book after the trades: sizes add up, and what is paid is what the leg is worth."""
    legs = {leg.instrument: leg for leg in book.legs}
    for trade in trades:
        unit_wad = _unit_wad(trade, variance_of, now)
        before = legs.get(trade.instrument)
        if before is None:
            before = Leg(
                instrument=trade.instrument,
                size_wad=0,
                quote_wad=0,
                mark_wad=trade.mark_wad,
                ema_wad=trade.ema_wad,
                open_interest_wad=0,
            )
        legs[trade.instrument] = replace(
            before,
            size_wad=before.size_wad + trade.size_wad,
            quote_wad=before.quote_wad - mul_wad_down(trade.size_wad, unit_wad),
        )
    left = [leg for leg in legs.values() if leg.size_wad]
    closed_wad = sum(leg.quote_wad for leg in legs.values() if not leg.size_wad)
    return Book(cash_wad=book.cash_wad + closed_wad, legs=tuple(left), holdings=book.holdings)


def _unit_wad(trade: Trade, variance_of: TotalVariance, now: int) -> int:
    if trade.mark_wad == 0:
        raise Refused("NoPrice", underlying_of(trade.instrument))
    kind = kind_of(trade.instrument)
    if kind is Kind.PERPETUAL:
        return trade.mark_wad
    strike_wad, expiry_at = strike_of(trade.instrument), expiry_of(trade.instrument)
    k = -black76.ln_moneyness_wad(trade.mark_wad, strike_wad)
    variance_wad = variance_of(underlying_of(trade.instrument), expiry_at, k) if expiry_at > now else 0
    return black76.price_wad(trade.mark_wad, strike_wad, variance_wad, kind is Kind.CALL)


def _moved(price_wad: int, shifts: Mapping[int, int], instrument: InstrumentId) -> int:
    return mul_div_down(price_wad, BPS + shifts.get(underlying_of(instrument), 0), BPS)
