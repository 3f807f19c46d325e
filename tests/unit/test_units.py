"""units: division that says which way it rounds, also below zero."""

from fractions import Fraction
from math import ceil, floor

from hypothesis import given
from hypothesis import strategies as st

from holdfast.units import (
    BPS,
    WAD,
    bps_down,
    bps_up,
    div_wad_down,
    div_wad_up,
    mul_div_down,
    mul_div_up,
    mul_wad_down,
    mul_wad_up,
)

SIGNED = st.integers(-(2**255), 2**255)
POSITIVE = st.integers(1, 2**256)


@given(SIGNED, SIGNED, POSITIVE)
def test_mul_div__any_numbers__down_is_floor_and_up_is_ceiling(x: int, y: int, denominator: int) -> None:
    exact = Fraction(x * y, denominator)

    assert mul_div_down(x, y, denominator) == floor(exact)
    assert mul_div_up(x, y, denominator) == ceil(exact)
    assert mul_div_up(x, y, denominator) == -mul_div_down(-x, y, denominator)


def test_scales__worked_examples() -> None:
    third = WAD // 3
    assert (mul_wad_down(third, 2), mul_wad_up(third, 2)) == (0, 1)
    assert (mul_wad_down(-third, 2), mul_wad_up(-third, 2)) == (-1, 0)
    assert (div_wad_down(1, 3), div_wad_up(1, 3)) == (third, third + 1)
    assert (bps_down(BPS + 1, 1), bps_up(BPS + 1, 1)) == (1, 2)
