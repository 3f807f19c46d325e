"""Margin: exact twin of `contracts/risk/`. Formulas stand at the head of `LinearMargin.sol` and in `docs/risk.md`.

Requirements round up, values and limits down: the account may lose the wei. How parameters move is in `parameters.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.errors import Refused
from holdfast.model import options
from holdfast.model.options import Pricing
from holdfast.types import (
    EVERYTHING,
    AssetParams,
    Grade,
    InstrumentId,
    InstrumentParams,
    Level,
    Margin,
    Mode,
    underlying_of,
)
from holdfast.units import (
    BPS,
    WAD,
    bps_down,
    bps_up,
    mul_div_down,
    mul_div_up,
    mul_wad_down,
    mul_wad_up,
)

MIN_MAINTENANCE_BPS: Final = 25
MAX_INITIAL_BPS: Final = BPS
MIN_HAIRCUT_BPS: Final = 1
MAX_OPEN_INTEREST_WAD: Final = 2 * 10**27

NEVER_SET: Final = AssetParams(initial_haircut_bps=BPS, maintenance_haircut_bps=BPS)
"""What an asset counts with whose haircuts were never set: nothing."""

AT_INTRINSIC: Final = Pricing()
"""No variance: options are worth what they would pay."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """One position as a margin model reads it."""

    instrument: InstrumentId
    size_wad: int  # signed
    quote_wad: int  # pending K flow − cost; value = size·mark + quote
    mark_wad: int  # spot of the underlying, of an option too
    ema_wad: int
    open_interest_wad: int  # of the leg's side of the market; of an option, of all series of its underlying
    grade: Grade = Grade.FRESH  # no model reads it; the ledger does


@dataclass(frozen=True, kw_only=True, slots=True)
class Collateral:
    """One collateral balance as a margin model reads it: `Holding` of `Types.sol`."""

    asset: int
    amount_wad: int  # whole tokens
    price_wad: int
    ema_wad: int
    grade: Grade = Grade.FRESH


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """Everything an account owns and owes, at one instant."""

    cash_wad: int
    legs: tuple[Leg, ...] = ()
    holdings: tuple[Collateral, ...] = ()


PortfolioModel = Callable[[Book, Sequence[AssetParams]], Margin]
"""What is said of a book in portfolio mode, by the haircuts of its holdings in their order."""


def assess(
    mode: Mode,
    book: Book,
    instruments: Mapping[InstrumentId, InstrumentParams],
    assets: Mapping[int, AssetParams],
    pricing: Pricing = AT_INTRINSIC,
    portfolio: PortfolioModel | None = None,
) -> Margin:
    """Equity, IM, MM and borrow limit, by the parameters that are effective. Refused where `Risk.assess` reverts."""
    if mode is Mode.PORTFOLIO and portfolio is not None:
        return portfolio(book, [assets.get(holding.asset, NEVER_SET) for holding in book.holdings])
    if mode is Mode.ISOLATED:
        _check_isolated(book)
    elif mode is not Mode.CROSS:
        raise Refused("UnknownMode", mode)
    for leg in book.legs:
        if options.class_of(leg.instrument) not in instruments:
            raise Refused("NotListed", options.class_of(leg.instrument))

    parts = [_leg(leg, instruments[options.class_of(leg.instrument)], pricing) for leg in book.legs]
    parts += [_holding(holding, assets.get(holding.asset, NEVER_SET)) for holding in book.holdings]
    return Margin(
        equity_wad=book.cash_wad + sum(part.equity_wad for part in parts),
        initial_wad=sum(part.initial_wad for part in parts),
        maintenance_wad=sum(part.maintenance_wad for part in parts),
        borrow_limit_wad=sum(part.borrow_limit_wad for part in parts),
    )


def diversifies(book: Book, netted: Mapping[int, int], level_of: Callable[[int], Level]) -> bool:
    """Whether underlyings offset each other: while nothing is restricted, neither everything nor one of them.

    `netted`: asset → underlying whose grid it takes part in.
    """
    underlyings = {underlying_of(leg.instrument) for leg in book.legs}
    underlyings |= {netted[holding.asset] for holding in book.holdings if holding.asset in netted}
    return len(underlyings) < 2 or all(level_of(one) is Level.NORMAL for one in (EVERYTHING, *underlyings))


def initial_rate_wad(open_interest_wad: int, params: InstrumentParams) -> int:
    """Share of notional that a position needs at this open interest: initial, rising from the knee to the cap."""
    unit = WAD // BPS
    cap_wad = params.open_interest_cap_wad
    knee_wad = bps_down(cap_wad, params.knee_bps)
    if open_interest_wad <= knee_wad:
        return params.initial_bps * unit
    if open_interest_wad >= cap_wad:
        return params.initial_max_bps * unit
    rise_wad = (params.initial_max_bps - params.initial_bps) * unit
    return params.initial_bps * unit + mul_div_up(rise_wad, open_interest_wad - knee_wad, cap_wad - knee_wad)


def check_instrument(params: InstrumentParams) -> None:
    """The bounds of `Risk.setInstrument`."""
    check_within(params.maintenance_bps, MIN_MAINTENANCE_BPS, MAX_INITIAL_BPS)
    check_within(params.initial_bps, params.maintenance_bps + 1, MAX_INITIAL_BPS)
    check_within(params.initial_max_bps, params.initial_bps, MAX_INITIAL_BPS)
    check_within(params.knee_bps, 0, BPS)
    check_within(params.open_interest_cap_wad, 0, MAX_OPEN_INTEREST_WAD)


def check_asset(params: AssetParams) -> None:
    """The bounds of `Risk.setAsset`."""
    check_within(params.maintenance_haircut_bps, MIN_HAIRCUT_BPS, BPS)
    check_within(params.initial_haircut_bps, params.maintenance_haircut_bps, BPS)


def _check_isolated(book: Book) -> None:
    if book.holdings:
        raise Refused("CollateralInIsolated", book.holdings[0].asset)
    for leg in book.legs[1:]:
        first, other = underlying_of(book.legs[0].instrument), underlying_of(leg.instrument)
        if first != other:
            raise Refused("NotIsolated", first, other)


def check_within(value: int, low: int, high: int) -> None:
    if value < low:
        raise Refused("BadParams", value, low)
    if value > high:
        raise Refused("BadParams", value, high)


def _leg(leg: Leg, params: InstrumentParams, pricing: Pricing) -> Margin:
    if options.is_option(leg.instrument):
        return _option(leg, params, options.unit_wad(leg.instrument, leg.mark_wad, pricing))
    size_wad = abs(leg.size_wad)
    notional_wad = mul_wad_up(size_wad, leg.mark_wad)
    against = leg.mark_wad - leg.ema_wad if leg.size_wad > 0 else leg.ema_wad - leg.mark_wad
    rate_wad = initial_rate_wad(leg.open_interest_wad, params)
    return Margin(
        equity_wad=mul_wad_down(leg.size_wad, leg.mark_wad) + leg.quote_wad,
        initial_wad=mul_wad_up(notional_wad, rate_wad) + mul_wad_up(size_wad, max(0, against)),
        maintenance_wad=bps_up(notional_wad, params.maintenance_bps),
        borrow_limit_wad=0,
    )


def _option(leg: Leg, params: InstrumentParams, unit_wad: int) -> Margin:
    size_wad = abs(leg.size_wad)
    if leg.size_wad >= 0:
        value_wad = mul_wad_down(size_wad, unit_wad)
        return Margin(
            equity_wad=value_wad + leg.quote_wad,
            initial_wad=value_wad,
            maintenance_wad=bps_up(value_wad, options.LONG_MAINTENANCE_BPS),
            borrow_limit_wad=0,
        )
    rate_wad = initial_rate_wad(leg.open_interest_wad, params)
    initial_wad = options.initial_need_wad(leg.instrument, leg.mark_wad, leg.ema_wad, rate_wad)
    maintenance_wad = options.need_wad(leg.instrument, leg.mark_wad, params.maintenance_bps * (WAD // BPS))
    return Margin(
        equity_wad=leg.quote_wad - mul_wad_up(size_wad, unit_wad),
        initial_wad=mul_wad_up(size_wad, initial_wad),
        maintenance_wad=mul_wad_up(size_wad, maintenance_wad),
        borrow_limit_wad=0,
    )


def _holding(holding: Collateral, params: AssetParams) -> Margin:
    value_wad = mul_wad_up(holding.amount_wad, holding.price_wad)
    lower_wad = min(holding.price_wad, holding.ema_wad)
    limit_wad = mul_div_down(holding.amount_wad * lower_wad, BPS - params.initial_haircut_bps, WAD * BPS)
    return Margin(
        equity_wad=mul_wad_down(holding.amount_wad, holding.price_wad),
        initial_wad=value_wad - limit_wad,
        maintenance_wad=bps_up(value_wad, params.maintenance_haircut_bps),
        borrow_limit_wad=limit_wad,
    )
