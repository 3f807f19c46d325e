"""normal: N and its density
├── against mpmath, all over the range   -> within ERROR_WAD
├── N(−x) + N(x)                         -> one, to the wei
├── N over all of the range              -> falls nowhere by more than the error allows
├── beyond the end                       -> zero and one
├── published values                     -> the table of Abramowitz and Stegun, to its last digit
└── e^(−x²/2)                            -> never above one, whatever x
"""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import erfc, exp, mp, mpf, pi, sqrt

from holdfast.model.normal import END_X56, ERROR_WAD, bell_x64, cdf_wad, mills_x112, pdf_wad
from holdfast.units import WAD
from tests.model.spread import patient, spread

xs = spread(-10 * WAD, 10 * WAD)


@patient
@given(x=xs)
def test_cdf__any_x__is_within_its_error_of_mpmath(x: int) -> None:
    with mp.workdps(40):
        exact = erfc(-mpf(x) / WAD / sqrt(mpf(2))) / 2 * WAD
    assert abs(cdf_wad(x) - exact) <= ERROR_WAD


@patient
@given(x=xs)
def test_pdf__any_x__is_within_its_error_of_mpmath(x: int) -> None:
    with mp.workdps(40):
        exact = exp(-((mpf(x) / WAD) ** 2) / 2) / sqrt(2 * pi) * WAD
    assert abs(pdf_wad(x) - exact) <= ERROR_WAD


@patient
@given(x=xs)
def test_cdf__both_sides__add_up_to_one(x: int) -> None:
    assert cdf_wad(x) + cdf_wad(-x) == WAD


def test_cdf__all_of_the_range__never_falls_by_more_than_twice_the_error() -> None:
    rng = random.Random(76)
    points = sorted(rng.randint(-9 * WAD, 9 * WAD) for _ in range(20_000))
    points += [point + 1 for point in points]
    points.sort()
    found = [cdf_wad(point) for point in points]
    assert max(a - b for a, b in pairwise(found)) <= 2 * ERROR_WAD
    assert min(found) >= 0 and max(found) <= WAD


@pytest.mark.parametrize("x", [9 * WAD, 9 * WAD + 1, 2**255 - 1])
def test_cdf__beyond_the_end__is_zero_and_one(x: int) -> None:
    assert (cdf_wad(-x), cdf_wad(x), pdf_wad(x), pdf_wad(-x)) == (0, WAD, 0, 0)


# Abramowitz and Stegun, Handbook of Mathematical Functions (1964), table 26.1: P(x) and Z(x).
TABLE: Final = (
    ("0.00", "0.500000000000000", "0.398942280401433"),
    ("0.50", "0.691462461274013", "0.352065326764300"),
    ("1.00", "0.841344746068543", "0.241970724519143"),
    ("1.50", "0.933192798731142", "0.129517595665892"),
    ("2.00", "0.977249868051821", "0.053990966513188"),
    ("3.00", "0.998650101968370", "0.004431848411938"),
)


@pytest.mark.parametrize(("x", "p", "z"), TABLE)
def test_normal__published_table__agrees(x: str, p: str, z: str) -> None:
    half_digit = 500  # [wad] of the fifteenth
    x_wad, p_wad, z_wad = (int(mpf(one) * WAD + mpf("0.5")) for one in (x, p, z))
    assert abs(cdf_wad(x_wad) - p_wad) <= ERROR_WAD + half_digit
    assert abs(pdf_wad(x_wad) - z_wad) <= ERROR_WAD + half_digit


@patient
@given(x=spread(0, END_X56) | st.integers(0, 2**20))
def test_bell__any_x__is_at_most_one(x: int) -> None:
    assert 0 < bell_x64(x) <= 2**64


@patient
@given(x=spread(0, 32 << 56))
def test_mills__any_x__fits_its_words(x: int) -> None:
    assert 0 < mills_x112(x) <= 2**111
    # Horner's intermediate values, as in the contract: the widest are those before the shifts and the last numerator.
    assert _widest(x) < 2**256


def _widest(x: int) -> int:
    """The largest number that the contract holds on its way, from the twin's own coefficients."""
    widest = 0

    class Watched(int):
        def __add__(self, other: int) -> Watched:
            return Watched._seen(int(self) + other)

        def __mul__(self, other: int) -> Watched:
            return Watched._seen(int(self) * other)

        __rmul__ = __mul__

        def __rshift__(self, places: int) -> Watched:
            return Watched(int(self) >> places)

        @staticmethod
        def _seen(value: int) -> Watched:
            nonlocal widest
            widest = max(widest, value)
            return Watched(value)

    mills_x112(Watched(x))
    if x <= END_X56:
        bell_x64(Watched(x))
    return widest
