"""The breaker's twin against stories worked by hand
├── trip, reports, relax -> one story, second by second
├── check                -> everything first, then the items together
├── the table            -> a deposit is never asked about, a reduction never blocked
└── a guardian           -> can't keep a market from being seized, whatever he tries
"""

from __future__ import annotations

from dataclasses import astuple
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model.breaker import (
    Breaker,
    Rules,
    allowed,
    check,
    relax,
    reopened_at,
    report_move,
    report_resume,
    state,
    trip,
)
from holdfast.types import EVERYTHING, Action, Grade, Item, Level

RULES = Rules(max_pause_seconds=100, cooldown_seconds=60, grace_seconds=20, trigger_seconds=15)
QUIET = Breaker(rules=RULES)
ETH = 1
NOW = 1_000


def seen(breaker: Breaker, now: int) -> tuple[Any, ...]:
    return astuple(state(breaker, ETH, now))


def test_story__second_by_second() -> None:
    after_move = report_move(QUIET, ETH, NOW)
    assert seen(after_move, NOW) == (Level.CAUTIOUS, NOW + 15, 0)
    assert seen(after_move, NOW + 15) == (Level.NORMAL, 0, 0)

    halted = trip(after_move, ETH, Level.HALTED, 10, NOW + 5)
    assert seen(halted, NOW + 14) == (Level.HALTED, NOW + 15, 0)
    assert seen(halted, NOW + 15) == (Level.NORMAL, 0, NOW + 35)
    assert seen(halted, NOW + 35) == (Level.NORMAL, 0, 0)

    with pytest.raises(Refused) as refusal:
        trip(halted, ETH, Level.HALTED, 100, NOW + 74)
    assert (refusal.value.name, refusal.value.values) == ("CoolingDown", (ETH, NOW + 75))
    again = trip(halted, ETH, Level.HALTED, 100, NOW + 75)

    relaxed = relax(again, ETH, NOW + 80)
    assert seen(relaxed, NOW + 80) == (Level.NORMAL, 0, NOW + 100)
    assert relaxed.lane(ETH).halted_ready_at == NOW + 140

    resumed = report_resume(relaxed, ETH, NOW + 90)
    assert seen(resumed, NOW + 90) == (Level.NORMAL, 0, NOW + 110)


def item(underlying: int, value: int = 1, grade: Grade = Grade.FRESH) -> Item:
    return Item(weight_wad=value, grade=grade, underlying=underlying)


def test_check__everything__decides_first() -> None:
    halted = trip(QUIET, EVERYTHING, Level.HALTED, 10, NOW)
    check(halted, Action.REDUCE, [item(ETH, 1, Grade.INVALID)], 0, NOW)

    with pytest.raises(Refused) as refusal:
        check(halted, Action.TAKE, [item(ETH)], 100, NOW + 10)
    assert refusal.value.values == (Action.TAKE, EVERYTHING, Level.NORMAL, Grade.FRESH, True)

    check(halted, Action.TAKE, [item(ETH)], 0, NOW + 30)


def test_check__items__are_passed_over_while_they_are_light() -> None:
    """ETH is halted and worth 70; a dead feed's 30 make it 100."""
    halted = trip(QUIET, ETH, Level.HALTED, 10, NOW)
    items = [item(ETH, 70), item(2, 10**6), item(3, 30, Grade.STALE)]

    check(halted, Action.TAKE, items, 101, NOW)
    for tolerance, named in ((100, (3, Level.NORMAL, Grade.STALE)), (70, (ETH, Level.HALTED, Grade.FRESH))):
        with pytest.raises(Refused) as refusal:
            check(halted, Action.TAKE, items, tolerance, NOW)
        assert refusal.value.values == (Action.TAKE, *named, False)


def test_reopened_at__counts_what_is_over() -> None:
    halted = trip(QUIET, ETH, Level.HALTED, 10, NOW)

    assert reopened_at(halted, [item(ETH)], NOW + 29) == 0
    assert reopened_at(halted, [item(ETH)], NOW + 30) == NOW + 30
    assert reopened_at(halted, [item(2)], NOW + 30) == 0


def test_allowed__every_state__lets_reduce() -> None:
    assert all(allowed(Action.REDUCE, *one) for one in product(Grade, Level, (False, True)))
    assert not [action for action in Action if "DEPOSIT" in action.name]


attempts = st.lists(
    st.tuples(
        st.integers(0, 130) | st.sampled_from([1, 20, 59, 60, 61, 100, 120]),
        st.sampled_from([ETH, EVERYTHING]),
        st.sampled_from([Level.HALTED, Level.HALTED, Level.CAUTIOUS]),
        st.integers(1, 100) | st.just(100),
    ),
    max_size=40,
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(attempts=attempts)
def test_trip__any_attempts__leave_time_to_seize(attempts: list[tuple[int, int, Level, int]]) -> None:
    """Between two windows of COOLDOWN − GRACE in one piece, a guardian blocks 2·(MAX_PAUSE + GRACE) at most."""
    breaker, now = QUIET, NOW
    times = []
    for later, underlying, level, seconds in attempts:
        now += later
        try:
            breaker = trip(breaker, underlying, level, seconds, now)
        except Refused:
            continue
        if level == Level.HALTED:
            times.append((now, now + seconds + RULES.grace_seconds))

    blocked = 0
    for (start, end), (following, _) in pairwise([*times, (10**9, 0)]):
        blocked += min(end, following) - start
        assert blocked <= 2 * (RULES.max_pause_seconds + RULES.grace_seconds)
        if following - end >= RULES.cooldown_seconds - RULES.grace_seconds:
            blocked = 0
