"""read, priceOf, spotOf, updatedAtOf, feedOf
├── unknown underlying, or never accepted -> Invalid, zeros; never reverts
├── by age                                -> Fresh | Slow | Stale, at the second
├── too far from the slow price           -> Contested, at the second, and no longer
├── more than one holds                   -> the worst: Stale before Contested before Slow
├── the slow price                        -> projected to now
├── spotOf                                -> the stored spot, however old
└── read of many                          -> as priceOf of each, in order
"""

import pytest

from holdfast.units import WAD
from tests.conftest import Clock
from tests.unit.oracle.world import (
    BTC,
    CONTESTED,
    ETH,
    FRESH,
    HEARTBEAT,
    INVALID,
    ONE,
    SLOW,
    SLOW_GRADE,
    STALE,
    UNKNOWN,
    World,
)


@pytest.mark.parametrize("underlying", [0, UNKNOWN, 2**16 - 1])
def test_read__unknown__is_invalid(world: World, underlying: int) -> None:
    assert world.price(underlying) == (0, 0, INVALID)
    assert tuple(world.oracle.call("read", [underlying])[0]) == (0, 0, INVALID)
    assert world.oracle.call("spotOf", underlying) == 0
    assert world.oracle.call("updatedAtOf", underlying) == 0
    assert tuple(world.oracle.call("feedOf", underlying)) == ([], 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("age", "grade"),
    [
        (1, FRESH),
        (HEARTBEAT, FRESH),
        (HEARTBEAT + 1, SLOW_GRADE),
        (HEARTBEAT + SLOW, SLOW_GRADE),
        (HEARTBEAT + SLOW + 1, STALE),
        (10**9, STALE),
    ],
)
def test_read__age__grades(world: World, clock: Clock, start: int, age: int, grade: int) -> None:
    assert world.price()[2] == FRESH

    clock.set(start + age)

    assert world.price() == (100 * WAD, 100 * WAD, grade)


@pytest.mark.parametrize(("elapsed", "grade"), [(1, CONTESTED), (60, CONTESTED), (61, FRESH)])
def test_read__jump__is_contested_until_the_slow_price_came_near(
    world: World, clock: Clock, start: int, elapsed: int, grade: int
) -> None:
    """100 → 120 at a deviation of 10 %: as long as 20·0.99^t > 0.1·(120 − 20·0.99^t), so 0.99^t > 6/11: t ≤ 60."""
    world.say(120 * ONE, start + 5)
    clock.next(start + 5)
    world.poke()

    clock.set(start + 5 + elapsed)

    assert world.price()[2] == grade


def test_read__jump_and_the_same_again_and_again__contested_ends_as_soon(
    world: World, clock: Clock, start: int
) -> None:
    """Poking a price that stays doesn't hold the slow price back."""
    for elapsed in range(0, 61, 10):
        world.say(120 * ONE, start + 5 + elapsed)
        clock.next(start + 5 + elapsed)
        world.poke()
        assert world.price()[2] == CONTESTED

    clock.set(start + 5 + 61)
    assert world.price()[2] == FRESH


@pytest.mark.parametrize(
    ("elapsed", "grade"),
    [
        (HEARTBEAT, CONTESTED),
        (HEARTBEAT + 1, CONTESTED),
        (HEARTBEAT + SLOW, CONTESTED),
        (HEARTBEAT + SLOW + 1, STALE),
    ],
)
def test_read__several_hold__the_worst(
    world: World, clock: Clock, start: int, elapsed: int, grade: int
) -> None:
    """100 → 1,000: contested as long as 900·0.99^t > 0.1·(1,000 − 900·0.99^t), t ≤ 218."""
    world.say(1_000 * ONE, start + 5)
    clock.next(start + 5)
    world.poke()

    clock.set(start + 5 + elapsed)

    assert world.price()[2] == grade


def test_read__slow_price__is_projected_to_now(world: World, clock: Clock, start: int) -> None:
    world.say(105 * ONE, start + 5)
    clock.next(start + 5)
    world.poke()
    clock.set(start + 8)

    # 105 − 5·0.99³ = 105 − 5·0.970299
    assert world.price() == (105 * WAD, 100_148_505_000_000_000_000, FRESH)


def test_read__slow_price_above__comes_down(world: World, clock: Clock, start: int) -> None:
    world.say(95 * ONE, start + 5)
    clock.next(start + 5)
    world.poke()
    clock.set(start + 8)

    assert world.price() == (95 * WAD, 99_851_495_000_000_000_000, FRESH)


def test_read__many__as_each(world: World, clock: Clock, start: int, broken: object) -> None:
    world.say(120 * ONE, start + 5)
    clock.next(start + 5)
    world.poke()
    clock.set(start + 5 + 30)
    underlyings = [BTC, UNKNOWN, ETH, ETH, 0]

    prices = world.oracle.call("read", underlyings)

    assert [tuple(price) for price in prices] == [world.price(underlying) for underlying in underlyings]
    assert [price.grade for price in prices] == [FRESH, INVALID, CONTESTED, CONTESTED, INVALID]
    assert world.oracle.call("read", []) == []


def test_spot_of__any_age__is_the_stored_spot(world: World, clock: Clock, start: int) -> None:
    world.say(120 * ONE, start + 5)
    clock.next(start + 5)
    world.poke()
    assert world.oracle.call("spotOf", ETH) == 120 * WAD

    clock.set(start + 5 + HEARTBEAT + SLOW + 1)

    assert world.oracle.call("spotOf", ETH) == 120 * WAD
