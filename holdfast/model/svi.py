"""Smiles of annualised variance and what lies between two: exact twin of `contracts/libraries/Svi.sol`.

A condition that doesn't hold is Refused by the name and the numbers that the contract gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Final

from holdfast.errors import Refused
from holdfast.model.fixed_point import exp_wad, ln_wad
from holdfast.units import BPS, WAD, mul_div_down, mul_div_up

PPB: Final = 10**9
YEAR_SECONDS: Final = 365 * 86_400

MAX_VARIANCE_PPB: Final = 1_000 * PPB
MIN_VARIANCE_PPB: Final = 100_000
MAX_RHO_PPB: Final = PPB - 1
MAX_M_PPB: Final = 10 * PPB
MIN_SIGMA_PPB: Final = 10_000
MAX_SIGMA_PPB: Final = 10 * PPB
MAX_WING_WAD: Final = 2 * WAD
THETA_STEP_WAD: Final = WAD // 4
GRID_END_WAD: Final = 3 * WAD

WIDTHS: Final = (48, 40, 32, 40, 40)
"""[bits] Of a, b, ρ, m, σ in a word, from bit 0 up."""
SIGNED: Final = (True, False, True, True, False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Smile:
    """v(k) = a + b·(ρ·(k − m) + √((k − m)² + σ²)), of a year; total variance is v·T."""

    a_ppb: int  # level; may be negative as long as v isn't
    b_ppb: int  # slope of the wings: b·(ρ ± 1)
    rho_ppb: int  # tilt
    m_ppb: int  # where the smile lies
    sigma_ppb: int  # how round its bottom is; not the volatility

    @property
    def fields(self) -> tuple[int, int, int, int, int]:
        return (self.a_ppb, self.b_ppb, self.rho_ppb, self.m_ppb, self.sigma_ppb)

    @property
    def word(self) -> int:
        word = place = 0
        for value, width in zip(self.fields, WIDTHS, strict=True):
            word |= (value % (1 << width)) << place
            place += width
        return word


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A smile at one point of the grid, and its derivatives by k."""

    k_wad: int
    variance_wad: int
    slope_wad: int
    curvature_wad: int


def smile_of(word: int) -> Smile:
    """The smile in a word; what stands above it doesn't count."""
    found = []
    for width, signed in zip(WIDTHS, SIGNED, strict=True):
        value = word % (1 << width)
        found.append(value - (1 << width) if signed and value >> width - 1 else value)
        word >>= width
    a, b, rho, m, sigma = found
    return Smile(a_ppb=a, b_ppb=b, rho_ppb=rho, m_ppb=m, sigma_ppb=sigma)


def variance_wad_down(smile: Smile, k_wad: int) -> int:
    """v(k)"""
    x = k_wad - smile.m_ppb * PPB
    root = isqrt(x * x + (smile.sigma_ppb * PPB) ** 2)
    return smile.a_ppb * PPB + (smile.rho_ppb * x + root * PPB) * smile.b_ppb // WAD


def total_variance_wad_down(
    near_variance_wad: int,
    near_seconds: int,
    far_variance_wad: int,
    far_seconds: int,
    seconds_to_expiry: int,
) -> int:
    """w(k, T) from the variances of the expiries about T, or of one given twice."""
    if seconds_to_expiry <= near_seconds:
        return near_variance_wad * seconds_to_expiry // YEAR_SECONDS
    if seconds_to_expiry >= far_seconds:
        return far_variance_wad * seconds_to_expiry // YEAR_SECONDS
    total = near_variance_wad * near_seconds * (far_seconds - seconds_to_expiry)
    total += far_variance_wad * far_seconds * (seconds_to_expiry - near_seconds)
    return total // ((far_seconds - near_seconds) * YEAR_SECONDS)


def flat_variance_wad_up(realised_variance_wad: int, surcharge_bps: int) -> int:
    """What stands in for a smile that is missing or old, the same at all strikes."""
    return max(MIN_VARIANCE_PPB * PPB, mul_div_up(realised_variance_wad, BPS + surcharge_bps, BPS))


def check(smile: Smile, seconds_to_expiry: int) -> None:
    """All that a smile must be by itself, with so much time left."""
    check_range(smile)
    slope_wad = mul_div_up(smile.b_ppb * (PPB + abs(smile.rho_ppb)), seconds_to_expiry, YEAR_SECONDS)
    if slope_wad > MAX_WING_WAD:
        raise Refused("WingTooSteep", slope_wad, MAX_WING_WAD)

    years_wad = mul_div_up(seconds_to_expiry, WAD, YEAR_SECONDS)
    for point in grid(smile):
        g_wad = butterfly_wad(point, years_wad)
        if g_wad < 0:
            raise Refused("ButterflyArbitrage", point.k_wad, g_wad)


def check_range(smile: Smile) -> None:
    """Each parameter within its range, and variance above its floor at every k."""
    ranges = (
        (-MAX_VARIANCE_PPB, MAX_VARIANCE_PPB),
        (0, MAX_VARIANCE_PPB),
        (-MAX_RHO_PPB, MAX_RHO_PPB),
        (-MAX_M_PPB, MAX_M_PPB),
        (MIN_SIGMA_PPB, MAX_SIGMA_PPB),
    )
    for field, (value, (low, high)) in enumerate(zip(smile.fields, ranges, strict=True)):
        if not low <= value <= high:
            raise Refused("SmileOutOfRange", field, value, low, high)

    straight_ppb = isqrt(PPB * PPB - smile.rho_ppb**2)
    least_ppb = smile.a_ppb + mul_div_down(smile.b_ppb * smile.sigma_ppb, straight_ppb, PPB * PPB)
    if least_ppb < MIN_VARIANCE_PPB:
        raise Refused("VarianceTooLow", least_ppb, MIN_VARIANCE_PPB)


def check_calendar(near: Smile, near_seconds: int, far: Smile, far_seconds: int) -> None:
    """No less total variance at the farther expiry: on the grids of both smiles, and far out."""
    for side in (1, -1):
        near_ppb = near.b_ppb * (PPB + side * near.rho_ppb) * near_seconds
        far_ppb = far.b_ppb * (PPB + side * far.rho_ppb) * far_seconds
        if near_ppb > far_ppb:
            raise Refused("WingsCross", near_ppb, far_ppb)
    for point in (*grid(near), *grid(far)):
        near_wad = variance_wad_down(near, point.k_wad) * near_seconds
        far_wad = variance_wad_down(far, point.k_wad) * far_seconds
        if near_wad > far_wad:
            raise Refused("CalendarArbitrage", point.k_wad, near_wad, far_wad)


def check_move(standing: Smile, following: Smile, move_bps: int) -> None:
    """Variance moves by no more than a share of what stands: on the grids of both smiles."""
    for point in (*grid(standing), *grid(following)):
        standing_wad = variance_wad_down(standing, point.k_wad)
        next_wad = variance_wad_down(following, point.k_wad)
        if abs(standing_wad - next_wad) * BPS > standing_wad * move_bps:
            raise Refused("SmileMoveTooLarge", point.k_wad, standing_wad, next_wad)


def butterfly_wad(point: Point, years_wad: int) -> int:
    """g at a point, a few wei off."""
    square = _toward_zero(point.slope_wad * point.slope_wad, WAD)
    centre = WAD - _toward_zero(point.k_wad * point.slope_wad, 2 * point.variance_wad)
    return (
        centre * centre // WAD
        - years_wad * square // (4 * point.variance_wad)
        - years_wad * years_wad // WAD * square // (16 * WAD)
        + years_wad * point.curvature_wad // (2 * WAD)
    )


def grid(smile: Smile) -> list[Point]:
    """The smile at every point of its grid, from the left."""
    steps = steps_of(smile)
    return [point_at(smile, place * THETA_STEP_WAD) for place in range(-steps, steps + 1)]


def steps_of(smile: Smile) -> int:
    """Steps of the grid to each side: the last is at GRID_END_WAD or beyond, as asinh x ≤ ln(2·x + 1)."""
    return ln_wad(2 * GRID_END_WAD * PPB // smile.sigma_ppb + WAD) // THETA_STEP_WAD + 1


def point_at(smile: Smile, theta_wad: int) -> Point:
    """The smile at k = m + σ·sinh θ, each number a few wei off."""
    growth, decay = exp_wad(theta_wad), exp_wad(-theta_wad)
    sinh = _toward_zero(growth - decay, 2)
    cosh = (growth + decay) // 2
    rise = smile.b_ppb * smile.sigma_ppb * (_toward_zero(smile.rho_ppb * sinh, PPB) + cosh)
    curvature = smile.b_ppb * WAD // smile.sigma_ppb
    for _ in range(3):
        curvature = curvature * WAD // cosh
    tanh = _toward_zero(sinh * WAD, cosh)
    return Point(
        k_wad=smile.m_ppb * PPB + _toward_zero(smile.sigma_ppb * sinh, PPB),
        variance_wad=smile.a_ppb * PPB + _toward_zero(rise, PPB * PPB),
        slope_wad=_toward_zero(smile.b_ppb * (smile.rho_ppb * PPB + tanh), PPB),
        curvature_wad=curvature,
    )


def _toward_zero(x: int, denominator: int) -> int:
    """As the machine divides; the denominator is positive."""
    return x // denominator if x >= 0 else -(-x // denominator)
