"""reportMove
├── caller has no role          -> AccessManagedUnauthorized
├── a later Cautious stands     -> nothing happens
└── otherwise                   -> Cautious for TRIGGER from now, Tripped
    ├── beside Halted and grace, which stay
    └── no cooldown: neither waits for one nor starts one

reportResume
├── caller has no role          -> AccessManagedUnauthorized
├── Halted is in force          -> nothing happens: its own grace will follow
└── otherwise                   -> grace from now, GraceOpened
    ├── anew, if one is running
    ├── beside Cautious, which stays
    └── no cooldown
"""

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Refused, Roles
from tests.unit.breaker.world import CAUTIOUS, ETH, GRACE, HALTED, NORMAL, TRIGGER


@pytest.mark.parametrize("report", ["reportMove", "reportResume"])
def test_report__no_role__reverts(breaker: Contract, roles: Roles, refused: Refused, report: str) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.guardian):
        breaker.send(report, ETH, sender=roles.guardian)


def test_report_move__quiet__trips_cautious(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    receipt = breaker.send("reportMove", ETH, sender=roles.keeper)

    assert [event.name for event in receipt.events] == ["Tripped"]
    assert receipt.event("Tripped").args == {
        "underlying": ETH,
        "level": CAUTIOUS,
        "until": start + TRIGGER,
        "by": roles.keeper,
    }
    assert tuple(breaker.call("stateOf", ETH)) == (CAUTIOUS, start + TRIGGER, 0)
    clock.set(start + TRIGGER)
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, 0)


def test_report_move__again__lasts_from_the_last(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportMove", ETH, sender=roles.keeper)
    clock.next(start + 10)

    breaker.send("reportMove", ETH, sender=roles.keeper)

    assert breaker.call("stateOf", ETH).until == start + 10 + TRIGGER


@pytest.mark.parametrize("seconds", [TRIGGER + 10, 10 * TRIGGER])
def test_report_move__later_cautious_stands__nothing(
    breaker: Contract, roles: Roles, clock: Clock, start: int, seconds: int
) -> None:
    breaker.send("trip", ETH, CAUTIOUS, seconds, sender=roles.guardian)
    clock.next(start + 10)

    receipt = breaker.send("reportMove", ETH, sender=roles.keeper)

    assert receipt.logs == []
    assert breaker.call("stateOf", ETH).until == start + seconds


def test_report_move__in_grace__grace_stays(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("trip", ETH, HALTED, 20, sender=roles.guardian)
    clock.next(start + 25)

    breaker.send("reportMove", ETH, sender=roles.keeper)

    state = (CAUTIOUS, start + 25 + TRIGGER, start + 20 + GRACE)
    assert tuple(breaker.call("stateOf", ETH)) == state


def test_report_move__halted__halted_stays(breaker: Contract, roles: Roles, clock: Clock, start: int) -> None:
    breaker.send("trip", ETH, HALTED, 20, sender=roles.guardian)
    clock.next(start + 1)

    breaker.send("reportMove", ETH, sender=roles.keeper)

    assert tuple(breaker.call("stateOf", ETH)) == (HALTED, start + 20, 0)


def test_report_move__cooldown__neither_waits_nor_starts(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportMove", ETH, sender=roles.keeper)
    assert breaker.call("readyAtOf", ETH, CAUTIOUS) == 0
    clock.next(start + 1)
    breaker.send("trip", ETH, CAUTIOUS, TRIGGER + 1, sender=roles.guardian)
    clock.next(start + 10 + TRIGGER)

    breaker.send("reportMove", ETH, sender=roles.keeper)

    assert breaker.call("stateOf", ETH).until == start + 10 + 2 * TRIGGER


def test_report_resume__quiet__opens_grace(breaker: Contract, roles: Roles, clock: Clock, start: int) -> None:
    receipt = breaker.send("reportResume", ETH, sender=roles.keeper)

    assert [event.name for event in receipt.events] == ["GraceOpened"]
    assert receipt.event("GraceOpened").args == {"underlying": ETH, "until": start + GRACE}
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, start + GRACE)
    clock.set(start + GRACE)
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, 0)


def test_report_resume__in_grace__grace_anew(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportResume", ETH, sender=roles.keeper)
    clock.next(start + 10)

    breaker.send("reportResume", ETH, sender=roles.keeper)

    assert breaker.call("stateOf", ETH).graceUntil == start + 10 + GRACE


@pytest.mark.parametrize("later", [1, 20])
def test_report_resume__halted__its_own_grace_follows(
    breaker: Contract, roles: Roles, clock: Clock, start: int, later: int
) -> None:
    breaker.send("trip", ETH, HALTED, 20, sender=roles.guardian)
    clock.next(start + later)

    receipt = breaker.send("reportResume", ETH, sender=roles.keeper)

    assert receipt.logs == []
    clock.set(start + 21)
    assert breaker.call("stateOf", ETH).graceUntil == start + 20 + GRACE


def test_report_resume__cautious__stays(breaker: Contract, roles: Roles, clock: Clock, start: int) -> None:
    breaker.send("reportMove", ETH, sender=roles.keeper)
    clock.next(start + 1)

    breaker.send("reportResume", ETH, sender=roles.keeper)

    assert tuple(breaker.call("stateOf", ETH)) == (CAUTIOUS, start + TRIGGER, start + 1 + GRACE)


def test_report_resume__then_trip__halts_at_once(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportResume", ETH, sender=roles.keeper)
    clock.next(start + 1)

    breaker.send("trip", ETH, HALTED, 20, sender=roles.guardian)

    assert tuple(breaker.call("stateOf", ETH)) == (HALTED, start + 21, 0)
