"""The average that an expiry settles at, against exact fractions of a curve that is drawn second by second
├── settlement_wad, any prices at any times  -> the mean of the window's seconds; none entered in it: the first after it
├── a price at or after the expiry           -> none yet: refused; then final, whatever comes
└── cover_of                                 -> the one checkpoint that is accepted
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model.average import WINDOW_SECONDS, History, advance, cover_of, settlement_wad

ETH = 1
T = 400 * WINDOW_SECONDS

gaps = (
    st.integers(1, 900)
    | st.sampled_from((1, WINDOW_SECONDS - 1, WINDOW_SECONDS, WINDOW_SECONDS + 1))
    | st.integers(1, 20_000)
)
prices = st.integers(1, 2**88 - 1) | st.integers(1, 1_000)
paths = st.lists(st.tuples(gaps, prices), min_size=1, max_size=40)


def entered(path: list[tuple[int, int]], first: int = T) -> list[tuple[int, int]]:
    """(time, price) of what entered."""
    found, time = [], first
    for gap, price in path:
        time += gap
        found.append((time, price))
    return found


def played(events: list[tuple[int, int]]) -> History:
    history = History()
    for time, price in events:
        history = advance(history, price, time)
    return history


def fair(events: list[tuple[int, int]], expiry: int) -> int | None:
    """What it should be, from the prices alone; None as long as nothing entered at or after the expiry."""
    start = expiry - WINDOW_SECONDS
    later = [price for time, price in events if time >= expiry]
    if not later:
        return None
    if not any(start <= time < expiry for time, _ in events):
        return later[0]
    standing = [(0, events[0][1]), *events, (expiry + 1, 0)]  # the first price has stood since ever
    mean = (
        sum(
            Fraction(price) * max(0, min(until, expiry) - max(since, start))
            for (since, price), (until, _) in pairwise(standing)
        )
        / WINDOW_SECONDS
    )
    return floor(mean)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(path=paths, shift=st.integers(0, WINDOW_SECONDS))
def test_settlement_wad__any_prices__is_the_mean_of_the_window(
    path: list[tuple[int, int]], shift: int
) -> None:
    events = entered(path, T + shift)
    history, last = played(events), events[-1][0]
    for expiry in range(T, last + 2 * WINDOW_SECONDS, WINDOW_SECONDS):
        wanted, cover = fair(events, expiry), cover_of(history, expiry)
        if wanted is None:
            assert cover == 0
            with pytest.raises(Refused, match="NotCovered"):
                settlement_wad(history, ETH, expiry, expiry)
            continue
        assert settlement_wad(history, ETH, expiry, cover) == wanted, expiry
        for other in history.checkpoints:
            if other != cover:
                with pytest.raises(Refused, match="NotCovered"):
                    settlement_wad(history, ETH, expiry, other)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(path=paths, more=paths)
def test_settlement_wad__once_known__never_changes(
    path: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    events = entered(path)
    before = played(events)
    after = played([*events, *entered(more, events[-1][0])])
    for expiry in range(T, events[-1][0] + 1, WINDOW_SECONDS):
        cover = cover_of(before, expiry)
        if cover:
            assert cover_of(after, expiry) == cover
            assert settlement_wad(after, ETH, expiry, cover) == settlement_wad(before, ETH, expiry, cover)


def test_settlement_wad__example_of_the_page() -> None:
    history = played([(T, 100), (T + 900, 109), (T + 1_500, 118), (T + 1_800, 500)])

    assert settlement_wad(history, ETH, T + 1_800, T + 1_800) == 106


@pytest.mark.parametrize("expiry", [0, T + 1, T - 1])
def test_settlement_wad__off_the_grid__refused(expiry: int) -> None:
    with pytest.raises(Refused, match="OffGrid"):
        settlement_wad(played([(T, 100)]), ETH, expiry, T)
    assert cover_of(played([(T, 100)]), T + 1) == 0
