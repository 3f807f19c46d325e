"""Portfolio margin: exact twin of `contracts/risk/{Portfolio,PortfolioMargin,Scan}.sol`, where the formulas stand.

One grid of scenarios for each underlying: the spot moves, all volatilities move with it (sticky strike: the total
variance of a strike stays that of its strike), and the loss of everything on that underlying is weighed. Requirements
round up: the account may lose the wei. Homogeneous: a share f of everything needs the share f of the margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt
from typing import Final

from holdfast.errors import Refused
from holdfast.model import black76
from holdfast.model.fixed_point import exp_wad, ln_wad
from holdfast.model.normal import END_X56, bell_x64, mills_x112
from holdfast.model.options import TotalVariance as TotalVariance
from holdfast.model.risk import Book, Collateral, Leg
from holdfast.types import AssetParams, Kind, Margin, expiry_of, kind_of, strike_of, underlying_of
from holdfast.units import BPS, WAD, bps_up, mul_div_down, mul_div_up, mul_wad_down, mul_wad_up

DAY: Final = 86_400  # [seconds]
TERM_SECONDS: Final = 30 * DAY
"""Time to expiry at which a volatility shock is what the grid says; nearer expiries are shocked more."""

ALL: Final = (1 << 256) - 1
"""The witness that names every scenario."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """One place that an underlying may go to."""

    spot_bps: int  # signed: what the spot moves by
    vol_bps: int  # signed: what a volatility of TERM_SECONDS moves by
    weight_bps: int  # share of the loss that is charged


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """The scenarios of an underlying: every spot of the core with every volatility of it, charged in full, and tails.

    Each is a cell, with its bit in a witness: core by volatility, then spot; then the tails.
    """

    spots_bps: tuple[int, ...]  # ascending, with 0 among them
    vols_bps: tuple[int, ...]
    tails: tuple[Scenario, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanParams:
    """How an underlying is scanned: `IScans.ScanParams`."""

    maintenance_bps: int  # MM as a share of the expected shortfall
    worst: int  # scenarios whose mean is the expected shortfall
    net_delta_bps: int  # floor: share of the net delta's notional
    gross_delta_bps: int  # floor: share of the notional of what is hedged
    pin_bps: int  # strikes of long options are places of the core where σ√T is below this
    short_option_bps: int  # contingency: share of the notional of short options
    tail_bps: int  # share of the notional of uncovered short calls, as the spot goes to infinity
    near_power_bps: int  # exponent of TERM/T in a volatility shock, below TERM_SECONDS
    far_power_bps: int  # …and from there on


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """All that the model knows beside the book: parameters, prices of volatility, the time."""

    scans: dict[int, ScanParams]
    grids: dict[int, Grid]
    correlation_bps: int  # between underlyings, stressed
    leg_cap: int
    netted: dict[int, int]  # asset → underlying whose grid it takes part in


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """An option leg, prepared. As put = call − F + K, to the wei, scenarios take every option as a call."""

    size_wad: int
    strike_wad: int
    log_wad: int  # ln(F/K)
    root_wad: int  # √w, at least a wei
    power_wad: int  # (TERM/T)^p: what a volatility shock is multiplied by
    call_wad: int  # what the call is worth now
    value_wad: int  # what it is worth now
    delta_wad: int  # now


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """Everything of an account that one underlying moves."""

    underlying: int
    spot_wad: int
    ema_wad: int
    linear_wad: int  # perpetuals and netted collateral, signed
    gross_linear_wad: int
    straight_wad: int  # the linear, less the forward of every put
    value_wad: int  # of the legs, quotes included
    options: tuple[Option, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What an account gains at one spot and volatility [wad, rounded down]."""

    spot_wad: int
    profit_wad: int  # everything
    rest_wad: int  # everything but long options
    slope_wad: int  # delta of the long options


def assess(
    book: Book,
    haircuts: Sequence[AssetParams],
    rules: Rules,
    variance_of: TotalVariance,
    now: int,
    *,
    offsets: bool = True,
    witness: int = ALL,
) -> Margin:
    """Equity, IM, MM and borrow limit. `haircuts` of the holdings, in their order; without `offsets` IM adds up.

    With a `witness` only the scenarios whose bits it has are looked at: MM and IM are never above the whole ones,
    equity and borrow limit are the same.
    """
    if len(book.legs) > rules.leg_cap:
        raise Refused("TooManyLegs", len(book.legs), rules.leg_cap)
    equity_wad, limit_wad, initial_wad, maintenance_wad = book.cash_wad, 0, 0, 0
    netted: dict[int, list[Collateral]] = {}
    for holding, haircut in zip(book.holdings, haircuts, strict=True):
        equity_wad += mul_div_down(holding.amount_wad, holding.price_wad, WAD)
        held_limit_wad = _limit_wad(holding, haircut)
        limit_wad += held_limit_wad
        underlying = rules.netted.get(holding.asset, 0)
        if underlying in rules.scans:
            netted.setdefault(underlying, []).append(holding)
        else:
            value_wad = mul_div_up(holding.amount_wad, holding.price_wad, WAD)
            initial_wad += value_wad - held_limit_wad
            maintenance_wad += bps_up(value_wad, haircut.maintenance_haircut_bps)

    legs: dict[int, list[Leg]] = {}
    for leg in book.legs:
        legs.setdefault(underlying_of(leg.instrument), []).append(leg)
    required: list[tuple[int, int]] = []
    for underlying in dict.fromkeys((*legs, *netted)):
        if underlying not in rules.scans:
            raise Refused("NotScanned", underlying)
        exposure = exposure_of(
            underlying,
            legs.get(underlying, ()),
            netted.get(underlying, ()),
            rules.scans[underlying],
            variance_of,
            now,
        )
        equity_wad += exposure.value_wad
        required.append(
            requirement(exposure, rules.scans[underlying], rules.grids[underlying], witness=witness)
        )

    rho = rules.correlation_bps
    return Margin(
        equity_wad=equity_wad,
        initial_wad=initial_wad + combined([one for one, _ in required], rho if offsets else BPS),
        maintenance_wad=maintenance_wad + combined([one for _, one in required], rho),
        borrow_limit_wad=limit_wad,
    )


def requirement(exposure: Exposure, params: ScanParams, grid: Grid, *, witness: int = ALL) -> tuple[int, int]:
    """IM and MM of one underlying.

    worst = the largest loss of a cell, shortfall = ⌈mean of the `params.worst` largest⌉
    IM = max(worst, min(max(worst, floor) + contingency, cap))
    MM = max(⌈m·shortfall⌉, min(⌈m·max(shortfall, floor)⌉, cap))
    where: cap = what long options are worth and everything else's notional: long options never need more than they cost
    """
    floor_wad, contingency_wad, cap_wad = add_ons(exposure, params)
    charged = losses(exposure, params, grid, cap_wad, witness=witness)
    charged.append(uncovered_loss(exposure, params))
    charged.sort(reverse=True)
    worst_wad = charged[0]
    shortfall_wad = mul_div_up(sum(charged[: params.worst]), 1, params.worst)

    initial_wad = max(worst_wad, min(max(worst_wad, floor_wad) + contingency_wad, cap_wad))
    least_wad = bps_up(shortfall_wad, params.maintenance_bps)
    maintenance_wad = max(
        least_wad, min(bps_up(max(shortfall_wad, floor_wad), params.maintenance_bps), cap_wad)
    )
    return initial_wad, maintenance_wad


def losses(
    exposure: Exposure, params: ScanParams, grid: Grid, cap_wad: int, *, witness: int = ALL
) -> list[int]:
    """Weighted loss of each cell, at least zero; and zero where the witness doesn't name it.

    A cell of the core is a place and the way to it from its neighbour on the side of the spot, which counts where both
    are named. Its loss is the largest at the places (the account's own strikes on the way are places too), and what no
    loss between them exceeds: `between`, as far as the cap.
    """
    count = len(grid.spots_bps)
    found = [0] * (count * len(grid.vols_bps) + len(grid.tails))
    for line, vol_bps in enumerate(grid.vols_bps):
        first = line * count
        _scan_line(exposure, params, grid.spots_bps, vol_bps, witness >> first, cap_wad, found, first)
    first = count * len(grid.vols_bps)
    for index, tail in enumerate(grid.tails, first):
        if witness >> index & 1:
            place = place_at(exposure, *shocked_spot(exposure.spot_wad, tail.spot_bps), tail.vol_bps)
            found[index] = bps_up(max(0, -place.profit_wad), tail.weight_bps)
    return found


def _scan_line(
    exposure: Exposure,
    params: ScanParams,
    spots_bps: Sequence[int],
    vol_bps: int,
    witness: int,
    cap_wad: int,
    found: list[int],
    first: int,
) -> None:
    """One volatility of the core, from the lowest spot to the highest."""
    strikes = own_strikes(exposure, vol_bps, params)
    before: Place | None = None
    for index, spot_bps in enumerate(spots_bps):
        if not witness >> index & 1:
            before = None
            continue
        cell = first + index
        way = cell if spot_bps > 0 else cell - 1  # of the way from the place below: its outer end
        here = shocked_spot(exposure.spot_wad, spot_bps)
        if before is not None:
            low_wad = before.spot_wad
            for strike_wad, log_wad in strikes:
                if low_wad < strike_wad < here[0]:
                    place = place_at(exposure, strike_wad, -log_wad, vol_bps)
                    found[way] = max(found[way], -place.profit_wad)
                    _widen(found, way, before, place, cap_wad)
                    before = place
        place = place_at(exposure, *here, vol_bps)
        found[cell] = max(found[cell], -place.profit_wad)
        if before is not None:
            _widen(found, way, before, place, cap_wad)
        before = place


def _widen(found: list[int], cell: int, low: Place, high: Place, cap_wad: int) -> None:
    found[cell] = max(found[cell], min(cap_wad, -between(low, high)))


def between(low: Place, high: Place) -> int:
    """What no profit between two places of one volatility lies below [wad, rounds down].

    What is long is convex in the spot: it lies above its tangents at both ends. What is short is concave: it lies above
    its chord. So the profit lies above the higher of two straight lines, which leave the ends with the slopes

        m = Δ + (rest of high − rest of low)/(high − low)      where: Δ = delta of what is long, at that end

    and, where the first falls and the second rises, cross at  V − p·(V − V' + q·width)/(p + q),  p = −m, q = m'.
    """
    lower_wad = min(low.profit_wad, high.profit_wad)
    width_wad = high.spot_wad - low.spot_wad
    if width_wad == 0:  # of a spot of a few wei
        return lower_wad
    rise_wad = high.rest_wad - low.rest_wad
    fall_wad = -low.slope_wad - mul_div_down(rise_wad, WAD, width_wad)
    climb_wad = high.slope_wad + mul_div_down(rise_wad, WAD, width_wad)
    if fall_wad <= 0 or climb_wad <= 0:
        return lower_wad
    apart_wad = low.profit_wad - high.profit_wad + mul_wad_up(climb_wad, width_wad)
    if apart_wad <= 0:
        return lower_wad
    return min(lower_wad, low.profit_wad - mul_div_up(fall_wad, apart_wad, fall_wad + climb_wad))


def place_at(exposure: Exposure, shocked_wad: int, move_wad: int, vol_bps: int) -> Place:
    """What everything gains where the spot goes to `shocked_wad` and volatilities by `vol_bps`; move: its ln."""
    rest = exposure.straight_wad * (shocked_wad - exposure.spot_wad)
    long, slope = 0, 0
    for option in exposure.options:
        root_wad = shocked_root(option, vol_bps)
        call_wad, delta_wad = quote(shocked_wad, option.strike_wad, option.log_wad + move_wad, root_wad)
        profit = option.size_wad * (call_wad - option.call_wad)
        if option.size_wad > 0:
            long += profit
            slope += option.size_wad * delta_wad
        else:
            rest += profit
    return Place(
        spot_wad=shocked_wad,
        profit_wad=(long + rest) // WAD,
        rest_wad=rest // WAD,
        slope_wad=slope // WAD,
    )


def shocked_root(option: Option, vol_bps: int) -> int:
    """⌊√w·(1 + shock·(TERM/T)^p)⌋, at least a wei: nothing divides by zero"""
    return max(1, option.root_wad * max(0, WAD + vol_bps * option.power_wad // BPS) // WAD)


def quote(forward_wad: int, strike_wad: int, ln: int, root_wad: int) -> tuple[int, int]:
    """Value of a call, to the wei that of `black76`, and its delta, from the same bell and Mills ratios:

    N(d₁) = bell(|d₁|)·mills(|d₁|) or one less that;  |d₁| = a below the strike, b above, where bell(b) = bell(a)·K/F
    """
    distance = (abs(ln) << 56) // root_wad
    half = (root_wad << 55) // WAD
    a = abs(distance - half)
    share_wad, call_delta_wad = (WAD, WAD) if distance < half else (0, WAD if ln > 0 else 0)
    if a < END_X56:
        bell, near, far = bell_x64(a), mills_x112(a), mills_x112(distance + half)
        if distance < half:
            share_wad = WAD - (bell * (near + far) * WAD >> 176)
        else:
            share_wad = bell * max(0, near - far) * WAD >> 176
        if ln >= 0:
            call_delta_wad = WAD - min(WAD, (bell * far * WAD >> 176) * strike_wad // forward_wad)
        else:
            call_delta_wad = bell * near * WAD >> 176
            if distance < half:
                call_delta_wad = WAD - call_delta_wad
    return black76.prices_wad(forward_wad, strike_wad, share_wad)[0], call_delta_wad


@lru_cache(1 << 12)
def shocked_spot(spot_wad: int, shock_bps: int) -> tuple[int, int]:
    """⌊spot·(1 + shock)⌋ and ln(1 + shock) [wad]"""
    return spot_wad * (BPS + shock_bps) // BPS, ln_wad((BPS + shock_bps) * (WAD // BPS))


def own_strikes(exposure: Exposure, vol_bps: int, params: ScanParams) -> list[tuple[int, int]]:
    """Strikes of long options, ascending and each once, with ln(F/K), that are places by themselves.

    There alone the value has a corner that points down, sharp while σ√T is small; else `between` is close enough.
    """
    return sorted(
        {
            (one.strike_wad, one.log_wad)
            for one in exposure.options
            if one.size_wad > 0 and shocked_root(one, vol_bps) * BPS < params.pin_bps * WAD
        }
    )


def uncovered_loss(exposure: Exposure, params: ScanParams) -> int:
    """What is charged for the slope as the spot goes to infinity, where puts are worth nothing and calls move as it."""
    slope_wad = exposure.straight_wad + sum(one.size_wad for one in exposure.options)
    return mul_div_up(max(0, -slope_wad) * exposure.spot_wad, params.tail_bps, WAD * BPS)


def add_ons(exposure: Exposure, params: ScanParams) -> tuple[int, int, int]:
    """Floor, contingency of IM, and cap.

    floor = spot·(net·|Σδ| + gross·(Σ|δ| − |Σδ|)/2)
    contingency = spot·short·Σ|sizes of short options| + |Σδ|·gap      gap: how far the slow price is on the bad side
    cap = Σ value of long options + spot·Σ|everything else|
    """
    spot_wad = exposure.spot_wad
    net, gross = exposure.linear_wad * WAD, exposure.gross_linear_wad * WAD
    short_wad, other_wad, premium = 0, exposure.gross_linear_wad, 0
    for option in exposure.options:
        delta = option.size_wad * option.delta_wad
        net += delta
        gross += abs(delta)
        if option.size_wad < 0:
            short_wad -= option.size_wad
            other_wad -= option.size_wad
        else:
            premium += option.size_wad * option.value_wad

    net_wad = mul_div_up(abs(net), 1, WAD)
    hedged_wad = max(0, mul_div_up(gross, 1, WAD) - net_wad)
    weighed_wad = 2 * net_wad * params.net_delta_bps + hedged_wad * params.gross_delta_bps
    floor_wad = mul_div_up(weighed_wad, spot_wad, 2 * WAD * BPS)
    against_wad = spot_wad - exposure.ema_wad if net > 0 else exposure.ema_wad - spot_wad
    gap_wad = mul_wad_up(net_wad, max(0, against_wad))
    charge_wad = mul_div_up(short_wad * spot_wad, params.short_option_bps, WAD * BPS)
    return floor_wad, charge_wad + gap_wad, mul_div_up(premium + other_wad * spot_wad, 1, WAD)


def combined(required_wad: Sequence[int], correlation_bps: int) -> int:
    """⌈√(ρ·(ΣR)² + (1 − ρ)·ΣR²)⌉: between √ΣR² and ΣR, as one common factor would have it."""
    total_wad = sum(required_wad)
    if len(required_wad) < 2 or correlation_bps == BPS:
        return total_wad
    squares = sum(one * one for one in required_wad)
    square = mul_div_up(correlation_bps * total_wad**2 + (BPS - correlation_bps) * squares, 1, BPS)
    root = isqrt(square)
    return root + (root * root < square)


def exposure_of(
    underlying: int,
    legs: Sequence[Leg],
    held: Sequence[Collateral],
    params: ScanParams,
    variance_of: TotalVariance,
    now: int,
) -> Exposure:
    """Everything on one underlying; its prices are those of the first leg, else of the first holding."""
    first = legs[0] if legs else None
    spot_wad = first.mark_wad if first else held[0].price_wad
    ema_wad = first.ema_wad if first else held[0].ema_wad
    if spot_wad == 0:
        raise Refused("NoPrice", underlying)
    linear = [one.amount_wad for one in held]
    options: list[Option] = []
    equity_wad, puts_wad = 0, 0
    for leg in legs:
        unit_wad = spot_wad
        if kind_of(leg.instrument) is Kind.PERPETUAL:
            linear.append(leg.size_wad)
        else:
            options.append(_option(leg, spot_wad, params, variance_of, now))
            puts_wad += leg.size_wad if kind_of(leg.instrument) is Kind.PUT else 0
            unit_wad = options[-1].value_wad
        equity_wad += mul_wad_down(leg.size_wad, unit_wad) + leg.quote_wad
    return Exposure(
        underlying=underlying,
        spot_wad=spot_wad,
        ema_wad=ema_wad,
        linear_wad=sum(linear),
        gross_linear_wad=sum(map(abs, linear)),
        straight_wad=sum(linear) - puts_wad,
        value_wad=equity_wad,
        options=tuple(options),
    )


def power_wad(seconds: int, params: ScanParams) -> int:
    """(TERM/T)^p, T at least a day [wad]"""
    seconds = max(seconds, DAY)
    power_bps = params.near_power_bps if seconds < TERM_SECONDS else params.far_power_bps
    log_wad = ln_wad(TERM_SECONDS * WAD // seconds)
    return exp_wad(_toward_zero(power_bps * log_wad, BPS))


def _option(leg: Leg, spot_wad: int, params: ScanParams, variance_of: TotalVariance, now: int) -> Option:
    """At or after expiry it is worth what it pays."""
    instrument, expiry_at = leg.instrument, expiry_of(leg.instrument)
    strike_wad, is_call = strike_of(instrument), kind_of(instrument) is Kind.CALL
    log_wad = black76.ln_moneyness_wad(spot_wad, strike_wad)
    root_wad = 1
    if expiry_at > now:
        root_wad = max(1, black76.root_wad_down(variance_of(underlying_of(instrument), expiry_at, -log_wad)))
    call_wad, delta_wad = quote(spot_wad, strike_wad, log_wad, root_wad)
    return Option(
        size_wad=leg.size_wad,
        strike_wad=strike_wad,
        log_wad=log_wad,
        root_wad=root_wad,
        power_wad=power_wad(max(0, expiry_at - now), params),
        call_wad=call_wad,
        value_wad=call_wad if is_call else call_wad + strike_wad - spot_wad,
        delta_wad=delta_wad if is_call else delta_wad - WAD,
    )


def _limit_wad(holding: Collateral, haircut: AssetParams) -> int:
    """⌊amount·min(price, ema)·(1 − haircut)⌋, as in the linear models."""
    lower_wad = min(holding.price_wad, holding.ema_wad)
    return mul_div_down(holding.amount_wad * lower_wad, BPS - haircut.initial_haircut_bps, WAD * BPS)


def _toward_zero(x: int, denominator: int) -> int:
    quotient = abs(x) // denominator
    return -quotient if x < 0 else quotient
