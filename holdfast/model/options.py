"""Options one at a time: what they pay, what they are worth, what a short needs. Exact twin of
`contracts/libraries/Payoff.sol`, of the formulas of `contracts/risk/OptionMargin.sol`, and of how `Risk` values one.

What a strike's variance is, is an argument: the surface knows it (`surface.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from holdfast.model import black76
from holdfast.types import InstrumentId, Kind, expiry_of, instrument_id, kind_of, strike_of, underlying_of
from holdfast.units import BPS, WAD, mul_div_up, mul_wad_up

FLOOR_BPS: Final = 5_000
"""Of a short's rate: what it needs however far out of the money."""
LONG_MAINTENANCE_BPS: Final = 5_000
"""Maintenance margin of a long, share of its value."""

TotalVariance = Callable[[int, int, int], int]
"""(underlying, expiryAt, ln(K/F) [wad]) → total variance [wad], of an expiry that isn't past"""


def no_variance(underlying: int, expiry_at: int, k_wad: int) -> int:
    """With it options are worth what they would pay."""
    return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pricing:
    """What valuing options takes besides the spot."""

    time: int = 0
    variance_of: TotalVariance = no_variance


def is_option(instrument: int) -> bool:
    return instrument >> 184 != 0


def class_of(instrument: InstrumentId) -> InstrumentId:
    """Whose parameters an instrument has: a perpetual its own, an option those of its underlying's options."""
    return instrument_id(Kind.CALL, underlying_of(instrument)) if is_option(instrument) else instrument


def payoff_wad(option: int, price_wad: int) -> int:
    high, low = _in_order(option, price_wad)
    return max(0, high - low)


def out_of_the_money_wad(option: int, price_wad: int) -> int:
    """How far the price is from where the option begins to pay."""
    high, low = _in_order(option, price_wad)
    return max(0, low - high)


def _in_order(option: int, price_wad: int) -> tuple[int, int]:
    """It pays what the first is above the second."""
    strike_wad = strike_of(option)
    return (price_wad, strike_wad) if kind_of(option) == Kind.CALL else (strike_wad, price_wad)


def unit_wad(option: int, spot_wad: int, pricing: Pricing) -> int:
    """Black-76 value of one unit; once it expired, what it would pay at the spot."""
    strike_wad, variance_wad = strike_of(option), 0
    if expiry_of(option) > pricing.time and spot_wad and strike_wad:
        k_wad = -black76.ln_moneyness_wad(spot_wad, strike_wad)
        variance_wad = pricing.variance_of(underlying_of(option), expiry_of(option), k_wad)
    return black76.price_wad(spot_wad, strike_wad, variance_wad, kind_of(option) == Kind.CALL)


def need_wad(option: int, price_wad: int, rate_wad: int) -> int:
    """What a short of one unit needs beside its value: max(⌈S·a⌉ − otm, ⌈S·b⌉)."""
    whole_wad = mul_wad_up(price_wad, rate_wad)
    floor_wad = mul_div_up(price_wad * rate_wad, FLOOR_BPS, WAD * BPS)
    return max(whole_wad - out_of_the_money_wad(option, price_wad), floor_wad)


def initial_need_wad(option: int, spot_wad: int, ema_wad: int, rate_wad: int) -> int:
    """The same at the worse of spot and slow price, and as far as its value may follow from the one to the other."""
    against = ema_wad - spot_wad if kind_of(option) == Kind.CALL else spot_wad - ema_wad
    return max(need_wad(option, spot_wad, rate_wad), need_wad(option, ema_wad, rate_wad)) + max(0, against)
