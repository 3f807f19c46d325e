"""settlementOf, coverOf
├── the expiry is no multiple of the window         -> OffGrid; coverOf says zero
├── no price entered at or after it                 -> NotCovered; coverOf says zero
├── a price entered at or after it
│   ├── each price of the window counts for as long as it stood; what entered at the expiry or later doesn't
│   ├── a price that entered at the start counts for all of it
│   ├── one within the window: the price before it counts until then
│   ├── nobody poked in the last minutes            -> the last price is held until the expiry
│   ├── none within the window                      -> the first that entered after it
│   ├── boundaries were skipped                     -> NotCovered without the right hint; coverOf gives it
│   └── the first price of all                      -> has stood since ever
└── whatever comes later                            -> the same price
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Clock, Refused
from tests.unit.oracle.world import ETH, ONE, UNKNOWN, World

WINDOW = 1_800


@pytest.fixture
def boundary(start: int) -> int:
    """The first one after the first price, 100, with a whole window in between."""
    return start - start % WINDOW + 2 * WINDOW


def enter(world: World, clock: Clock, price: int, time: int) -> None:
    """ETH is at `price`, whole dollars, from `time` on."""
    world.say(price * ONE, time)
    clock.next(time)
    assert "PricePoked" in [event.name for event in world.poke().events]


def settled(oracle: Contract, expiry: int, covered: int | None = None) -> int:
    return int(oracle.call("settlementOf", ETH, expiry, expiry if covered is None else covered))


def test_window_seconds__is_half_an_hour(world: World) -> None:
    assert world.oracle.call("WINDOW_SECONDS") == WINDOW


@pytest.mark.parametrize("off", [1, -1, WINDOW // 2])
def test_settlement_of__off_the_grid__reverts(
    world: World, clock: Clock, boundary: int, refused: Refused, off: int
) -> None:
    enter(world, clock, 100, boundary + WINDOW)

    with refused("OffGrid", expiryAt=boundary + off, windowSeconds=WINDOW):
        settled(world.oracle, boundary + off)
    assert world.oracle.call("coverOf", ETH, boundary + off) == 0


def test_settlement_of__less_than_a_window__reverts(world: World, start: int, refused: Refused) -> None:
    with refused("OffGrid", expiryAt=0, windowSeconds=WINDOW):
        settled(world.oracle, 0)


def test_settlement_of__before_a_price_at_or_after_it__reverts(
    world: World, clock: Clock, boundary: int, refused: Refused
) -> None:
    enter(world, clock, 110, boundary - 1)
    clock.set(boundary + 5)

    with refused("NotCovered", underlying=ETH, expiryAt=boundary, coveredAt=boundary):
        settled(world.oracle, boundary)
    assert world.oracle.call("coverOf", ETH, boundary) == 0


def test_settlement_of__unknown_underlying__reverts(world: World, boundary: int, refused: Refused) -> None:
    with refused("NotCovered", underlying=UNKNOWN, expiryAt=boundary, coveredAt=boundary):
        world.oracle.call("settlementOf", UNKNOWN, boundary, boundary)


def test_settlement_of__prices_of_a_window__weigh_by_the_time_they_stood(
    world: World, clock: Clock, boundary: int
) -> None:
    enter(world, clock, 100, boundary - WINDOW)
    enter(world, clock, 109, boundary - 900)
    enter(world, clock, 118, boundary - 300)
    enter(world, clock, 500, boundary)

    assert settled(world.oracle, boundary) == (100 * 900 + 109 * 600 + 118 * 300) * WAD // WINDOW == 106 * WAD
    assert world.oracle.call("coverOf", ETH, boundary) == boundary


def test_settlement_of__price_before_the_window__counts_until_the_next(
    world: World, clock: Clock, boundary: int
) -> None:
    enter(world, clock, 90, boundary - WINDOW - 7)
    enter(world, clock, 99, boundary - WINDOW + 200)
    enter(world, clock, 500, boundary + 3)

    assert settled(world.oracle, boundary) == (90 * 200 + 99 * 1_600) * WAD // WINDOW == 98 * WAD


def test_settlement_of__rounds_down(world: World, clock: Clock, boundary: int) -> None:
    enter(world, clock, 100, boundary - WINDOW)
    enter(world, clock, 101, boundary - 1)
    enter(world, clock, 101, boundary)

    assert settled(world.oracle, boundary) == 100 * WAD + WAD // WINDOW


def test_settlement_of__late_price__doesnt_change_it(world: World, clock: Clock, boundary: int) -> None:
    enter(world, clock, 100, boundary - WINDOW)
    enter(world, clock, 118, boundary - 900)
    enter(world, clock, 300, boundary + 1)
    before = settled(world.oracle, boundary)

    for later in (2, 900, WINDOW, 5 * WINDOW):
        enter(world, clock, 700, boundary + later)
        assert settled(world.oracle, boundary) == before == 109 * WAD


def test_settlement_of__outage_from_within_the_window__holds_the_last_price(
    world: World, clock: Clock, boundary: int, refused: Refused
) -> None:
    resumed = boundary + 10 * WINDOW
    enter(world, clock, 100, boundary - WINDOW)
    enter(world, clock, 109, boundary - 1_200)
    enter(world, clock, 700, resumed + 77)

    for wrong in (boundary, boundary + WINDOW, boundary - WINDOW, resumed + WINDOW, resumed + 77, 0):
        with refused("NotCovered", underlying=ETH, expiryAt=boundary, coveredAt=wrong):
            settled(world.oracle, boundary, wrong)
    assert world.oracle.call("coverOf", ETH, boundary) == resumed
    assert settled(world.oracle, boundary, resumed) == 106 * WAD


def test_settlement_of__no_price_in_the_window__is_the_first_after_it(
    world: World, clock: Clock, boundary: int
) -> None:
    resumed = boundary + 3 * WINDOW
    enter(world, clock, 100, boundary - WINDOW - 1)
    enter(world, clock, 250, resumed)
    enter(world, clock, 400, resumed + 9)

    for expiry in (boundary, boundary + WINDOW, resumed):
        assert world.oracle.call("coverOf", ETH, expiry) == resumed
        assert settled(world.oracle, expiry, resumed) == 250 * WAD


def test_settlement_of__cover_of_a_later_expiry__isnt_taken(
    world: World, clock: Clock, boundary: int, refused: Refused
) -> None:
    """A later checkpoint begins after the expiry: it says nothing of it."""
    enter(world, clock, 100, boundary)
    enter(world, clock, 200, boundary + WINDOW)

    with refused("NotCovered", underlying=ETH, expiryAt=boundary, coveredAt=boundary + WINDOW):
        settled(world.oracle, boundary, boundary + WINDOW)
    assert settled(world.oracle, boundary, boundary) == 100 * WAD


def test_settlement_of__first_price_of_all__has_stood_since_ever(
    world: World, clock: Clock, start: int
) -> None:
    first = start - start % WINDOW
    enter(world, clock, 118, first + WINDOW - 300)
    enter(world, clock, 500, first + WINDOW)

    assert settled(world.oracle, first) == 100 * WAD
    assert settled(world.oracle, first + WINDOW) == (100 * 1_500 + 118 * 300) * WAD // WINDOW == 103 * WAD
