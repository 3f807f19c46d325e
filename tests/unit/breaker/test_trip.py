"""trip
├── caller has no role                    -> AccessManagedUnauthorized
├── pause longer than MAX_PAUSE           -> PauseTooLong
├── it adds nothing to what stands        -> NotTighter
│   ├── level Normal, or no seconds
│   ├── the same level, no longer
│   └── Cautious that ends within Halted
├── too soon after a pause of that level  -> CoolingDown
│   ├── in force: no extension
│   ├── over, less than COOLDOWN ago
│   └── of everything: it holds for each underlying, too
└── otherwise                             -> in force until then, Tripped
    ├── Halted over Cautious, and Cautious beyond Halted
    ├── Halted is followed by grace, Cautious isn't
    └── neighbours in the word            -> unchanged
"""

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Refused, Roles
from tests.unit.breaker.world import ALL, CAUTIOUS, COOLDOWN, ETH, GRACE, HALTED, MAX_PAUSE, NORMAL


def test_trip__no_role__reverts(breaker: Contract, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.governor):
        breaker.send("trip", ETH, HALTED, 10, sender=roles.governor)


@pytest.mark.parametrize("level", [CAUTIOUS, HALTED])
@pytest.mark.parametrize("seconds", [MAX_PAUSE + 1, 2**32 - 1])
def test_trip__too_long__reverts(
    breaker: Contract, roles: Roles, refused: Refused, level: int, seconds: int
) -> None:
    with refused("PauseTooLong", pauseSeconds=seconds, maxSeconds=MAX_PAUSE):
        breaker.send("trip", ETH, level, seconds, sender=roles.guardian)


@pytest.mark.parametrize(("level", "seconds"), [(NORMAL, 10), (CAUTIOUS, 0), (HALTED, 0)])
def test_trip__nothing__reverts(
    breaker: Contract, roles: Roles, refused: Refused, level: int, seconds: int
) -> None:
    with refused("NotTighter", underlying=ETH, current=NORMAL, proposed=level, until=0):
        breaker.send("trip", ETH, level, seconds, sender=roles.guardian)


@pytest.mark.parametrize(
    ("standing", "proposed"),
    [
        ((CAUTIOUS, 100), (CAUTIOUS, 90)),  # at start + 10, so it would end when the other does
        ((HALTED, 100), (HALTED, 90)),
        ((HALTED, 100), (CAUTIOUS, 90)),
        ((HALTED, 100), (NORMAL, 500)),
    ],
)
def test_trip__no_tighter__reverts(
    breaker: Contract,
    roles: Roles,
    clock: Clock,
    start: int,
    refused: Refused,
    standing: tuple[int, int],
    proposed: tuple[int, int],
) -> None:
    breaker.send("trip", ETH, *standing, sender=roles.guardian)
    clock.next(start + 10)

    with refused("NotTighter", underlying=ETH, current=standing[0], proposed=proposed[0], until=start + 100):
        breaker.send("trip", ETH, *proposed, sender=roles.guardian)


@pytest.mark.parametrize("level", [CAUTIOUS, HALTED])
@pytest.mark.parametrize("later", [1, 50, 100, 100 + COOLDOWN - 1])
def test_trip__again_too_soon__reverts(
    breaker: Contract, roles: Roles, clock: Clock, start: int, refused: Refused, level: int, later: int
) -> None:
    breaker.send("trip", ETH, level, 100, sender=roles.guardian)
    assert breaker.call("readyAtOf", ETH, level) == start + 100 + COOLDOWN
    clock.next(start + later)

    with refused("CoolingDown", underlying=ETH, readyAt=start + 100 + COOLDOWN):
        breaker.send("trip", ETH, level, MAX_PAUSE, sender=roles.guardian)


@pytest.mark.parametrize("level", [CAUTIOUS, HALTED])
def test_trip__after_the_cooldown__is_in_force(
    breaker: Contract, roles: Roles, clock: Clock, start: int, level: int
) -> None:
    breaker.send("trip", ETH, level, 100, sender=roles.guardian)
    again = start + 100 + COOLDOWN
    clock.next(again)

    breaker.send("trip", ETH, level, 7, sender=roles.guardian)

    assert tuple(breaker.call("stateOf", ETH)) == (level, again + 7, 0)


@pytest.mark.parametrize("level", [CAUTIOUS, HALTED])
def test_trip__everything_cools_down__reverts_for_each(
    breaker: Contract, roles: Roles, clock: Clock, start: int, refused: Refused, level: int
) -> None:
    breaker.send("trip", ALL, level, 100, sender=roles.guardian)
    clock.next(start + 100 + COOLDOWN - 1)

    with refused("CoolingDown", underlying=ETH, readyAt=start + 100 + COOLDOWN):
        breaker.send("trip", ETH, level, 10, sender=roles.guardian)


def test_trip__one_cools_down__leaves_everything_ready(breaker: Contract, roles: Roles, start: int) -> None:
    breaker.send("trip", ETH, HALTED, 100, sender=roles.guardian)

    breaker.send("trip", ALL, HALTED, 200, sender=roles.guardian)

    assert breaker.call("stateOf", ALL).level == HALTED


@pytest.mark.parametrize("level", [CAUTIOUS, HALTED])
def test_trip__longest__emits_and_ends_by_itself(
    breaker: Contract, roles: Roles, clock: Clock, start: int, level: int
) -> None:
    receipt = breaker.send("trip", ETH, level, MAX_PAUSE, sender=roles.guardian)

    end = start + MAX_PAUSE
    assert [event.name for event in receipt.events] == ["Tripped"]
    assert receipt.event("Tripped").args == {
        "underlying": ETH,
        "level": level,
        "until": end,
        "by": roles.guardian,
    }
    clock.set(end - 1)
    assert tuple(breaker.call("stateOf", ETH)) == (level, end, 0)
    clock.set(end)
    grace = end + GRACE if level == HALTED else 0
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, grace)
    clock.set(end + GRACE - 1)
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, grace)
    clock.set(end + GRACE)
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, 0)


def test_trip__halted_within_cautious__cautious_comes_back(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("trip", ETH, CAUTIOUS, 200, sender=roles.guardian)
    clock.next(start + 10)
    breaker.send("trip", ETH, HALTED, 20, sender=roles.guardian)
    assert tuple(breaker.call("stateOf", ETH)) == (HALTED, start + 30, 0)

    clock.set(start + 30)
    assert tuple(breaker.call("stateOf", ETH)) == (CAUTIOUS, start + 200, start + 30 + GRACE)
    clock.set(start + 30 + GRACE)
    assert tuple(breaker.call("stateOf", ETH)) == (CAUTIOUS, start + 200, 0)


def test_trip__cautious_beyond_halted__follows_it(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("trip", ETH, HALTED, 20, sender=roles.guardian)
    clock.next(start + 10)
    breaker.send("trip", ETH, CAUTIOUS, 11, sender=roles.guardian)
    assert tuple(breaker.call("stateOf", ETH)) == (HALTED, start + 20, 0)

    clock.set(start + 20)
    assert tuple(breaker.call("stateOf", ETH)) == (CAUTIOUS, start + 21, start + 20 + GRACE)


@pytest.mark.parametrize("underlying", [ALL, 1, 3, 4, ETH, 6, 7, 8, 2**16 - 1])
def test_trip__one__leaves_its_neighbours(
    breaker: Contract, roles: Roles, start: int, underlying: int
) -> None:
    everyone = [ALL, 1, 2, 3, 4, 5, 6, 7, 8, 2**16 - 2, 2**16 - 1]

    breaker.send("trip", underlying, HALTED, 100, sender=roles.guardian)

    levels = {other: breaker.call("stateOf", other).level for other in everyone}
    assert levels == {other: HALTED if other == underlying else NORMAL for other in everyone}


def test_trip__neighbours_in_turn__all_in_force(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    for later, underlying in enumerate((4, ETH, 6, 7)):
        clock.next(start + later)
        breaker.send("trip", underlying, HALTED, 100, sender=roles.guardian)

    for later, underlying in enumerate((4, ETH, 6, 7)):
        assert tuple(breaker.call("stateOf", underlying)) == (HALTED, start + later + 100, 0)
