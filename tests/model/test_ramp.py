"""Numbers on their way, and how far a step may go: the twins against numbers worked by hand
├── ramp
│   ├── at its ends                  -> where it came from, where it goes
│   ├── in between                   -> on the line, or behind it by less than one
│   ├── two looks                    -> apart by no more than the line, rounded up
│   └── turned round on its way      -> no jump
└── step
    ├── a requirement that falls     -> to three quarters, rounded up
    ├── a limit that rises           -> to twice itself; from nothing to anything
    └── the epoch                    -> over to the second
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model.bounded import falls, require_over, rises
from holdfast.model.ramp import left_until, value_at

values = st.integers(0, 2**112 - 1)
lengths = st.integers(1, 2**32 - 1)


@pytest.mark.parametrize(
    ("left", "up", "down"),
    [(100, 500, 600), (101, 500, 600), (99, 501, 599), (50, 550, 550), (1, 599, 501), (0, 600, 500)],
)
def test_value__hundred_in_a_hundred_seconds(left: int, up: int, down: int) -> None:
    assert (value_at(500, 600, left, 100), value_at(600, 500, left, 100)) == (up, down)


def test_value__between_two_digits__behind_the_line() -> None:
    assert [value_at(0, 1, left, 3) for left in (3, 2, 1, 0)] == [0, 0, 0, 1]
    assert [value_at(1, 0, left, 3) for left in (3, 2, 1, 0)] == [1, 1, 1, 0]


@given(start=values, target=values, length=lengths, data=st.data())
def test_value__anywhere__behind_the_line_by_less_than_one(
    start: int, target: int, length: int, data: st.DataObject
) -> None:
    left = data.draw(st.integers(0, length))

    value = value_at(start, target, left, length)

    line = target - Fraction((target - start) * left, length)
    behind = line - value if start < target else value - line
    assert 0 <= behind < 1
    assert min(start, target) <= value <= max(start, target)


@given(start=values, target=values, length=lengths, data=st.data())
def test_value__two_looks__no_further_apart_than_the_line(
    start: int, target: int, length: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, length))
    second = data.draw(st.integers(0, first))

    apart = value_at(start, target, second, length) - value_at(start, target, first, length)

    most = -(-abs(target - start) * (first - second) // length)
    assert 0 <= (apart if start <= target else -apart) <= most


@given(start=values, target=values, length=lengths, data=st.data())
def test_value__turned_round__goes_on_from_there(
    start: int, target: int, length: int, data: st.DataObject
) -> None:
    here = value_at(start, target, data.draw(st.integers(0, length)), length)

    assert value_at(here, start, length, length) == here


def test_left__until_it_arrives() -> None:
    assert [left_until(10, time) for time in (0, 9, 10, 11)] == [10, 1, 0, 0]


@pytest.mark.parametrize(("standing", "least"), [(1_000, 750), (1_001, 751), (1, 1), (4, 3), (0, 0)])
def test_falls__to_three_quarters(standing: int, least: int) -> None:
    assert falls(standing, standing) is False
    assert falls(standing, standing + 1) is False
    if least < standing:
        assert falls(standing, least) is True
    if least > 0:
        with pytest.raises(Refused) as caught:
            falls(standing, least - 1)
        assert (caught.value.name, caught.value.values) == ("StepTooLarge", (least - 1, least))


@pytest.mark.parametrize("standing", [1, 7, 10**30])
def test_rises__to_twice_itself(standing: int) -> None:
    assert rises(standing, standing) is False
    assert rises(standing, 2 * standing) is True
    with pytest.raises(Refused) as caught:
        rises(standing, 2 * standing + 1)
    assert (caught.value.name, caught.value.values) == ("StepTooLarge", (2 * standing + 1, 2 * standing))


def test_rises__from_nothing__to_anything() -> None:
    assert rises(0, 10**40) is True
    assert rises(0, 0) is False


def test_epoch__over_to_the_second() -> None:
    require_over(5, 10, 15)
    with pytest.raises(Refused) as caught:
        require_over(5, 10, 14)
    assert (caught.value.name, caught.value.values) == ("EpochNotOver", (15,))
