"""The throttle's twin against numbers worked by hand
├── the example of the docs          -> as worked by hand
├── the guardian lowers a depth     -> to a quarter of the governor's at most; at no time more is free than without him
├── any history                      -> the level stays within capacity, and no fraction takes more than is free
└── nobody draws for a window        -> all of it is free
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model.throttle import Buckets, draw, fraction_of, free_wad, set_depth, tighten_depth
from holdfast.types import Grade, Item
from holdfast.units import WAD, mul_wad_up

ETH, BTC = 1, 2
NOW = 1_000


def item(underlying: int, weight_wad: int) -> Item:
    return Item(weight_wad=weight_wad, grade=Grade.FRESH, underlying=underlying)


def test_example__of_the_docs__as_worked_by_hand() -> None:
    """1,000 in 100 s; 800 were taken 20 s ago, so 400 are free: a fifth of a position of 2,000."""
    buckets = set_depth({}, ETH, 1_000 * WAD, 100, NOW)
    buckets = draw(buckets, [item(ETH, 1_600 * WAD)], WAD // 2, NOW)
    assert free_wad(buckets[ETH], NOW) == 200 * WAD
    assert free_wad(buckets[ETH], NOW + 20) == 400 * WAD

    assert fraction_of(buckets, [item(ETH, 2_000 * WAD)], NOW + 20) == WAD // 5
    assert fraction_of(buckets, [item(BTC, 10**30)], NOW + 20) == WAD
    # A position and a collateral of the same underlying are sold into the same market.
    assert fraction_of(buckets, [item(ETH, 1_000 * WAD), item(ETH, 1_000 * WAD)], NOW + 20) == WAD // 5
    assert free_wad(buckets[ETH], NOW + 80) == 1_000 * WAD


def test_tighten__by_hand__a_quarter_of_the_governors_is_left() -> None:
    """400 of 1,000 are free, and 600 taken; of 700, 100 are free; of 250, none, and half of them 50 s later."""
    buckets = draw(set_depth({}, ETH, 1_000 * WAD, 100, NOW), [item(ETH, 600 * WAD)], WAD, NOW)
    assert free_wad(buckets[ETH], NOW) == 400 * WAD
    buckets = tighten_depth(buckets, ETH, 700 * WAD, NOW)
    assert free_wad(buckets[ETH], NOW) == 100 * WAD
    buckets = tighten_depth(buckets, ETH, 250 * WAD, NOW)
    assert free_wad(buckets[ETH], NOW) == 0
    assert free_wad(buckets[ETH], NOW + 50) == 125 * WAD
    with pytest.raises(Refused, match="BadDepth"):
        tighten_depth(buckets, ETH, 250 * WAD - 1, NOW)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(1, 10**24), st.integers(1, 300), st.data())
def test_tighten__any_depth__never_more_is_free_than_without(
    capacity: int, window: int, data: st.DataObject
) -> None:
    draws = st.tuples(st.integers(0, 200), st.integers(0, 10**24))
    buckets = set_depth({}, ETH, capacity, window, NOW)
    buckets = draw(buckets, [item(ETH, data.draw(st.integers(0, 10**24)))], WAD, NOW)
    now = NOW + data.draw(st.integers(0, 200))
    tighter = tighten_depth(buckets, ETH, data.draw(st.integers(-(-capacity // 4), capacity)), now)
    for later, weight in data.draw(st.lists(draws, max_size=4)):
        now += later
        free, left = free_wad(buckets[ETH], now), free_wad(tighter[ETH], now)
        assert free is not None and left is not None and left <= free + 1  # what leaked is rounded down
        buckets, tighter = (draw(one, [item(ETH, weight)], WAD, now) for one in (buckets, tighter))


weights = st.integers(0, 10**24)
takes = st.lists(st.tuples(st.integers(0, 200), st.lists(weights, min_size=1, max_size=3)), max_size=12)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(takes, st.integers(1, 10**24), st.integers(1, 300))
def test_history__slices_that_fit__never_more_than_is_free(
    history: list[tuple[int, list[int]]], capacity: int, window: int
) -> None:
    buckets: Buckets = set_depth({}, ETH, capacity, window, NOW)
    now = NOW
    for later, found in history:
        now += later
        items = [item(ETH, weight) for weight in found]
        free = free_wad(buckets[ETH], now)
        assert free is not None and 0 <= free <= capacity
        fraction = fraction_of(buckets, items, now)
        assert sum(found) * fraction // WAD <= free
        taken = sum(mul_wad_up(weight, fraction) for weight in found)

        buckets = draw(buckets, items, fraction, now)

        left = free_wad(buckets[ETH], now)
        assert left == max(0, free - taken)
    assert free_wad(buckets[ETH], now + window) == capacity
