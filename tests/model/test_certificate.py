"""Certificates of deleveraging
├── any deleveraging of the twin      -> certified, in exact fractions
├── a wei, a digit or an epoch off    -> not certified, and told why
└── nobody opposite                   -> at the mark, or not certified
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from holdfast.model import side_index
from holdfast.model.certificate import Deleveraging, certify
from holdfast.model.positions import bankruptcy_quote
from holdfast.model.side_index import Interest, Market, Side
from holdfast.units import WAD, mul_div_down

sizes = st.integers(1, 10**27) | st.integers(1, 100)
marks = st.integers(10**12, 10**24)


@st.composite
def done(draw: st.DrawFn) -> Deleveraging:
    """By the twin of the contracts, on any market."""
    long = draw(st.booleans())  # of the position that is closed
    base, scale = draw(sizes), draw(st.integers(side_index.SCALE_FLOOR, WAD))
    open_wad = base * scale // WAD
    assume(open_wad > 0)
    size = draw(st.integers(1, open_wad))
    mark = draw(marks)
    notional = size * mark // WAD
    deficit = draw(st.integers(0, notional) | st.sampled_from([0, 1, notional]))
    side = Side(flow_wad=0, scale_wad=scale, epoch=0, accrued_at=0, premium_ppb=0)
    market = Market(
        long=side,
        short=side,
        interest=Interest(underlying=1, long_base_wad=base, short_base_wad=base),
    )
    signed = size if long else -size
    quote = bankruptcy_quote(signed, mark, deficit)
    after, end = side_index.deleverage(market, not long, size, quote)
    now = end.scale_wad if end else side_index.side_of(after, not long).scale_wad
    return Deleveraging(
        account=1,
        instrument=1,
        size_wad=signed,
        price_wad=mul_div_down(quote, WAD, size),
        mark_wad=mark,
        deficit_wad=deficit,
        base_wad=base,
        scale_before_wad=scale,
        scale_after_wad=now,
        epoch_ended=end is not None,
    )


@settings(max_examples=500, deadline=None, derandomize=True)
@given(done())
def test_certify__by_the_twin__is_certified(one: Deleveraging) -> None:
    found = certify(one)

    assert found.certified, found.wrong
    # Pro rata: any part of the opposite side shrinks by the share of the whole that was closed.
    share = Fraction(one.scale_before_wad - one.scale_after_wad, one.scale_before_wad)
    interest = Fraction(one.base_wad * one.scale_before_wad, WAD)
    assert found.closed_wad == interest * share
    assert abs(found.overshoot_wad) <= Fraction(one.base_wad, WAD)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(done(), st.integers(2, 10**6), st.sampled_from([-1, 1]))
def test_certify__another_scale__is_not(one: Deleveraging, digits: int, sign: int) -> None:
    moved = one.scale_after_wad + sign * digits
    assume(moved >= 0)

    assert not certify(replace(one, scale_after_wad=moved)).certified


@settings(max_examples=100, deadline=None, derandomize=True)
@given(done(), st.sampled_from([-1, 1]))
def test_certify__another_deficit__is_not(one: Deleveraging, sign: int) -> None:
    beyond = 6 + 2 * abs(one.size_wad) // WAD

    assert not certify(replace(one, deficit_wad=one.deficit_wad + sign * beyond)).certified


def worked(**changes: int | bool) -> Deleveraging:
    """Ten of sixteen, closed at 1,905 for a mark of 1,900: 50 dollars borne, A falls to 3/8."""
    one = Deleveraging(
        account=7,
        instrument=1,
        size_wad=10 * WAD,
        price_wad=1_905 * WAD,
        mark_wad=1_900 * WAD,
        deficit_wad=50 * WAD,
        base_wad=16 * WAD,
        scale_before_wad=WAD,
        scale_after_wad=WAD * 3 // 8,
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def test_certify__worked_by_hand() -> None:
    found = certify(worked())

    assert found.certified
    assert (found.borne_wad, found.closed_wad, found.overshoot_wad) == (50 * WAD, 10 * WAD, 0)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"deficit_wad": 50 * WAD + 20}, "deficit"),
        ({"price_wad": 1_895 * WAD}, "borne"),
        ({"scale_after_wad": WAD * 3 // 8 - 17}, "A' is"),
        ({"epoch_ended": True}, "epoch"),
        ({"base_wad": 0, "deficit_wad": 0}, "nobody"),
    ],
)
def test_certify__one_number_off__says_which(changes: dict[str, int], word: str) -> None:
    found = certify(worked(**changes))

    assert not found.certified
    assert word in " ".join(found.wrong)


def test_certify__nobody_opposite__at_the_mark() -> None:
    bare = {"base_wad": 0, "deficit_wad": 0, "price_wad": 1_900 * WAD, "scale_after_wad": WAD}

    assert certify(worked(**bare)).certified
