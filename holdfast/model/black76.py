"""European options on a forward: exact twin of `contracts/libraries/Black76.sol`, where the formulas stand."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Final

from holdfast.model.fixed_point import ln_wad
from holdfast.model.normal import END_X56, bell_x64, cdf_wad, mills_x112, pdf_wad
from holdfast.units import WAD, mul_div_down

ERROR_WAD: Final = 220_000
"""[wad] How far a time value may lie from the exact one."""
MAX_LN_WAD: Final = 138 * 10**17
"""[wad] |ln(F/K)| up to which it does."""
YEAR_SECONDS: Final = 365 * 86_400
MOST_ROOT_WAD: Final = 20 * WAD
"""√w at which a time value is all that it can be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Greeks:
    """Sensitivities of an option; gamma, vega and theta are the same for call and put."""

    call_delta_wad: int = 0  # of the price to the forward; put: less one
    gamma_wad: int = 0  # of delta to the forward
    vega_wad: int = 0  # of the price to volatility: for 1.00 of it
    theta_wad: int = 0  # what the price loses in a year of time, as it goes now


def ln_moneyness_wad(forward_wad: int, strike_wad: int) -> int:
    """ln(F/K), a few wei off at most."""
    return ln_wad(forward_wad) - ln_wad(strike_wad)


def root_wad_down(variance_wad: int) -> int:
    """√w"""
    return isqrt(variance_wad * WAD)


def time_value_wad(ln: int, root_wad: int) -> int:
    """Share of the smaller of forward and strike that the option is worth beyond its intrinsic value."""
    if root_wad == 0:
        return 0
    distance = (abs(ln) << 56) // root_wad
    half = (root_wad << 55) // WAD
    a, b = abs(distance - half), distance + half
    if distance < half:
        if a >= END_X56:
            return WAD
        return WAD - (bell_x64(a) * (mills_x112(a) + mills_x112(b)) * WAD >> 176)
    if a >= END_X56:
        return 0
    return bell_x64(a) * max(0, mills_x112(a) - mills_x112(b)) * WAD >> 176


def prices_wad(forward_wad: int, strike_wad: int, value_wad: int) -> tuple[int, int]:
    """Call and put; the time value down: who holds the option may lose the wei."""
    time_wad = mul_div_down(min(forward_wad, strike_wad), value_wad, WAD)
    return time_wad + max(0, forward_wad - strike_wad), time_wad + max(0, strike_wad - forward_wad)


def price_wad(forward_wad: int, strike_wad: int, variance_wad: int, is_call: bool) -> int:
    """One price from the beginning."""
    value_wad = 0
    if forward_wad and strike_wad:
        value_wad = time_value_wad(ln_moneyness_wad(forward_wad, strike_wad), root_wad_down(variance_wad))
    call_wad, put_wad = prices_wad(forward_wad, strike_wad, value_wad)
    return call_wad if is_call else put_wad


def call_delta_wad(ln: int, root_wad: int) -> int:
    """N(d₁); a put's is less by one. Without variance: 0 or 1, ½ at the strike."""
    return cdf_wad(_d1_wad(ln, root_wad))


def greeks(forward_wad: int, strike_wad: int, variance_wad: int, seconds_to_expiry: int) -> Greeks:
    """All sensitivities, each down; zero but for delta where there is no variance, no forward or no strike."""
    if forward_wad == 0:
        return Greeks()
    if strike_wad == 0:
        return Greeks(call_delta_wad=WAD)
    ln, root_wad = ln_moneyness_wad(forward_wad, strike_wad), root_wad_down(variance_wad)
    delta_wad = call_delta_wad(ln, root_wad)
    if root_wad == 0 or seconds_to_expiry == 0:
        return Greeks(call_delta_wad=delta_wad)

    density_wad = pdf_wad(_d1_wad(ln, root_wad))
    years_wad = mul_div_down(seconds_to_expiry, WAD, YEAR_SECONDS)
    return Greeks(
        call_delta_wad=delta_wad,
        gamma_wad=mul_div_down(density_wad, WAD * WAD, forward_wad * root_wad),
        vega_wad=mul_div_down(forward_wad * density_wad, root_wad_down(years_wad), WAD * WAD),
        theta_wad=mul_div_down(forward_wad * density_wad, root_wad, 2 * years_wad * WAD),
    )


def implied_root_wad_down(forward_wad: int, strike_wad: int, price_wad: int, is_call: bool) -> int:
    """√w by which an option has this price; zero where that is no more than what it pays. No contract computes it."""
    intrinsic_wad = max(0, forward_wad - strike_wad if is_call else strike_wad - forward_wad)
    if price_wad <= intrinsic_wad or not forward_wad or not strike_wad:
        return 0
    ln, low, high = ln_moneyness_wad(forward_wad, strike_wad), 0, MOST_ROOT_WAD
    while high - low > 1:
        middle = (low + high) // 2
        found_wad = mul_div_down(min(forward_wad, strike_wad), time_value_wad(ln, middle), WAD)
        low, high = (middle, high) if found_wad <= price_wad - intrinsic_wad else (low, middle)
    return low


def _d1_wad(ln: int, root_wad: int) -> int:
    if root_wad == 0:
        return 0 if ln == 0 else -(2**127) if ln < 0 else 2**127 - 1
    quotient = abs(ln) * WAD // root_wad  # toward zero, as the machine divides
    return (quotient if ln >= 0 else -quotient) + root_wad // 2
