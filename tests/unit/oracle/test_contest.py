"""A contest
├── lasts                             -> Contested for CONTESTED_SECONDS, then Slow
│   └── by then the spot handed out   -> at most the deviation from the slow price, in read, priceOf and spotOf
├── ends and begins again
│   ├── within twice that of its begin -> Slow and drawn at once
│   └── after it                      -> Contested again
├── never ends                        -> isn't Contested again either
├── of sources, with the spot near    -> Slow after the same time, at the spot itself
├── gets old                          -> Stale before all
└── begins or ends with new limits    -> as with a price
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Clock, Roles
from tests.unit.oracle.world import (
    BTC,
    CONTESTED,
    ETH,
    FRESH,
    HEARTBEAT,
    LONGEST,
    ONE,
    SLOW,
    SLOW_GRADE,
    STALE,
    World,
    feed_of,
)


@pytest.fixture
def poke_at(world: World, clock: Clock) -> Callable[[int, int], None]:
    def poke_at(time: int, price: int) -> None:
        world.say(price * ONE, time)
        clock.next(time)
        world.poke()

    return poke_at


def runaway(begin: int) -> list[tuple[int, int]]:
    """A spot that flees from its slow price: contested at every second."""
    return [(begin + 10 * step, 130 + 40 * step) for step in range(22)]


@pytest.mark.parametrize(
    ("after", "contested"), [(LONGEST - 1, True), (LONGEST, False), (LONGEST + 9, False)]
)
def test_contest__lasts__is_slow_after_the_bound_and_drawn(
    world: World,
    clock: Clock,
    start: int,
    poke_at: Callable[[int, int], None],
    after: int,
    contested: bool,
) -> None:
    begin = start + 5
    for time, price in runaway(begin):
        if time <= begin + after:
            poke_at(time, price)
            spot = price * WAD
    clock.set(begin + after)

    spot_wad, ema_wad, grade = world.price()

    assert spot * 100 > 110 * ema_wad
    assert (spot_wad, grade) == ((spot, CONTESTED) if contested else (ema_wad * 110 // 100, SLOW_GRADE))
    assert world.oracle.call("spotOf", ETH) == spot_wad
    assert tuple(world.oracle.call("read", [ETH])[0]) == (spot_wad, ema_wad, grade)


def test_contest__lasts__downwards_too(
    world: World, clock: Clock, start: int, poke_at: Callable[[int, int], None]
) -> None:
    """100 → 10: 90·0.99^t is a tenth of the slow price, 10 + 90·0.99^t, after 437 s."""
    for step in range(5):  # it stays there, and answers as often as it must
        poke_at(start + 5 + 90 * step, 10)

    spot_wad, ema_wad, grade = world.price()

    assert grade == SLOW_GRADE
    assert spot_wad == -(-ema_wad * 90 // 100) > 10 * WAD
    poke_at(start + 5 + 438, 10)
    assert world.price()[0] == 10 * WAD and world.price()[2] == FRESH


@pytest.mark.parametrize(
    ("again", "grade"),
    [(60, CONTESTED), (LONGEST - 2, CONTESTED), (LONGEST, SLOW_GRADE), (2 * LONGEST - 1, SLOW_GRADE)],
)
def test_contest__ends_and_begins_soon__shares_its_time(
    world: World, clock: Clock, start: int, poke_at: Callable[[int, int], None], again: int, grade: int
) -> None:
    """However a spot flickers: of any twice LONGEST it is Contested for LONGEST at most."""
    begin = start + 5
    poke_at(begin, 150)
    poke_at(begin + 1, 100)
    assert world.price()[2] == FRESH

    poke_at(begin + again, 150)

    assert world.price()[2] == grade


@pytest.mark.parametrize(("later", "grade"), [(2 * LONGEST - 1, SLOW_GRADE), (2 * LONGEST, CONTESTED)])
def test_contest__begins_after_a_pause__is_contested_again(
    world: World, clock: Clock, start: int, poke_at: Callable[[int, int], None], later: int, grade: int
) -> None:
    begin = start + 5
    poke_at(begin, 150)
    poke_at(begin + 1, 100)
    for time in range(begin + 90, begin + later, 90):
        poke_at(time, 100)

    poke_at(begin + later, 150)

    assert world.price()[2] == grade
    clock.set(begin + later + 20)
    assert world.price()[2] == grade


def test_contest__never_ends__is_not_contested_again(
    world: World, clock: Clock, start: int, roles: Roles, poke_at: Callable[[int, int], None]
) -> None:
    world.oracle.send("setFeed", ETH, feed_of(world.feed, max=10**7 * WAD), sender=roles.governor)
    price = 130
    for age in range(0, 3 * LONGEST, 10):
        poke_at(start + 5 + age, price)
        assert world.price()[2] == (CONTESTED if age < LONGEST else SLOW_GRADE)
        price = price * 115 // 100


def test_contest__of_sources__is_slow_at_the_spot_itself(
    world: World, clock: Clock, venues: list[Contract], roles: Roles
) -> None:
    begin = clock.now + 5
    for time in (begin, begin + 90, begin + 180, begin + 270):
        for venue, price in zip(venues, (98, 100, 102), strict=True):
            venue.send("setAnswer", price * WAD, 0, time, sender=roles.deployer)
        clock.next(time)
        world.poke(BTC)
        assert world.price(BTC) == (100 * WAD, 100 * WAD, CONTESTED if time < begin + LONGEST else SLOW_GRADE)


def test_contest__old__is_stale(
    world: World, clock: Clock, start: int, poke_at: Callable[[int, int], None]
) -> None:
    """Drawn all the same: 100 → 1,000 is contested until 218 s after, if nobody asked how old it is."""
    poke_at(start + 5, 1_000)
    clock.set(start + 5 + LONGEST + 5)
    spot_wad, ema_wad, grade = world.price()

    assert HEARTBEAT + SLOW < LONGEST
    assert (spot_wad, grade) == (ema_wad * 110 // 100, STALE)


def test_contest__narrower_deviation__begins_one(
    world: World, clock: Clock, start: int, roles: Roles, poke_at: Callable[[int, int], None]
) -> None:
    poke_at(start + 5, 105)
    clock.next(start + 6)
    world.oracle.send("setFeed", ETH, feed_of(world.feed, deviation=1), sender=roles.governor)
    assert world.price()[2] == CONTESTED

    clock.next(start + 7)
    world.oracle.send("setFeed", ETH, feed_of(world.feed), sender=roles.governor)
    assert world.price()[2] == FRESH
    clock.next(start + 6 + LONGEST - 150)
    world.oracle.send("setFeed", ETH, feed_of(world.feed, deviation=1), sender=roles.governor)
    assert world.price()[2] == CONTESTED  # in the time that the first one had
