"""relax
├── caller has no role     -> AccessManagedUnauthorized
├── caller has a delay     -> AccessManagerNotScheduled, until it is scheduled and waited for
├── nothing is in force    -> nothing happens; grace goes on
└── otherwise              -> ends all of it, Relaxed
    ├── Halted             -> grace from now, GraceOpened
    └── cooldown           -> from now; never later than it was
"""

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.errors import Reverted
from tests.conftest import Clock, Refused, Roles
from tests.unit.breaker.world import ALL, CAUTIOUS, COOLDOWN, ETH, GRACE, HALTED, NORMAL, TRIGGER

DAY = 24 * 3_600


def test_relax__no_role__reverts(breaker: Contract, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.guardian):
        breaker.send("relax", ETH, sender=roles.guardian)


def test_relax__delay__must_be_waited_for(
    breaker: Contract,
    roles: Roles,
    clock: Clock,
    start: int,
    authority: Contract,
    permit: Callable[..., None],
) -> None:
    permit(roles.trader, breaker, "relax", delay=DAY)
    with pytest.raises(Reverted, match="AccessManagerNotScheduled"):
        breaker.send("relax", ETH, sender=roles.trader)

    authority.send("schedule", breaker.address, breaker.encode("relax", ETH), 0, sender=roles.trader)
    scheduled = clock.now
    clock.next(scheduled + DAY - 1)
    with pytest.raises(Reverted, match="AccessManagerNotReady"):
        breaker.send("relax", ETH, sender=roles.trader)
    clock.next(scheduled + DAY)
    breaker.send("relax", ETH, sender=roles.trader)


def test_relax__nothing_in_force__nothing(breaker: Contract, roles: Roles, clock: Clock, start: int) -> None:
    breaker.send("trip", ETH, HALTED, 20, sender=roles.guardian)
    clock.next(start + 20)

    receipt = breaker.send("relax", ETH, sender=roles.governor)

    assert receipt.logs == []
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, start + 20 + GRACE)
    assert breaker.call("readyAtOf", ETH, HALTED) == start + 20 + COOLDOWN


def test_relax__cautious__ends(breaker: Contract, roles: Roles, clock: Clock, start: int) -> None:
    breaker.send("trip", ETH, CAUTIOUS, 200, sender=roles.guardian)
    clock.next(start + 10)

    receipt = breaker.send("relax", ETH, sender=roles.governor)

    assert [event.name for event in receipt.events] == ["Relaxed"]
    assert receipt.event("Relaxed").args == {"underlying": ETH}
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, 0)
    assert breaker.call("readyAtOf", ETH, CAUTIOUS) == start + 10 + COOLDOWN


def test_relax__halted_and_cautious__both_end_with_grace(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("trip", ETH, CAUTIOUS, 200, sender=roles.guardian)
    clock.next(start + 1)
    breaker.send("trip", ETH, HALTED, 100, sender=roles.guardian)
    clock.next(start + 10)

    receipt = breaker.send("relax", ETH, sender=roles.governor)

    assert [event.name for event in receipt.events] == ["Relaxed", "GraceOpened"]
    assert receipt.event("GraceOpened").args == {"underlying": ETH, "until": start + 10 + GRACE}
    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, start + 10 + GRACE)
    for level in (CAUTIOUS, HALTED):
        assert breaker.call("readyAtOf", ETH, level) == start + 10 + COOLDOWN


def test_relax__cautious_after_halted__keeps_its_grace(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("trip", ETH, HALTED, 20, sender=roles.guardian)
    clock.next(start + 1)
    breaker.send("trip", ETH, CAUTIOUS, 200, sender=roles.guardian)
    clock.next(start + 30)

    breaker.send("relax", ETH, sender=roles.governor)

    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, start + 20 + GRACE)
    assert breaker.call("readyAtOf", ETH, HALTED) == start + 20 + COOLDOWN


def test_relax__reported_move__starts_no_cooldown(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportMove", ETH, sender=roles.keeper)
    clock.next(start + TRIGGER - 1)

    breaker.send("relax", ETH, sender=roles.governor)

    assert tuple(breaker.call("stateOf", ETH)) == (NORMAL, 0, 0)
    assert breaker.call("readyAtOf", ETH, CAUTIOUS) == 0


def test_relax__one__leaves_everything(breaker: Contract, roles: Roles, clock: Clock, start: int) -> None:
    breaker.send("trip", ETH, HALTED, 100, sender=roles.guardian)
    clock.next(start + 1)
    breaker.send("trip", ALL, HALTED, 100, sender=roles.guardian)
    clock.next(start + 2)

    breaker.send("relax", ETH, sender=roles.governor)

    assert breaker.call("stateOf", ETH).level == NORMAL
    assert tuple(breaker.call("stateOf", ALL)) == (HALTED, start + 101, 0)


def test_relax__then_trip__waits_from_then(
    breaker: Contract, roles: Roles, clock: Clock, start: int, refused: Refused
) -> None:
    breaker.send("trip", ETH, HALTED, 1_000, sender=roles.guardian)
    clock.next(start + 10)
    breaker.send("relax", ETH, sender=roles.governor)
    clock.next(start + 10 + COOLDOWN - 1)
    with refused("CoolingDown", underlying=ETH, readyAt=start + 10 + COOLDOWN):
        breaker.send("trip", ETH, HALTED, 10, sender=roles.guardian)

    clock.next(start + 10 + COOLDOWN)
    breaker.send("trip", ETH, HALTED, 10, sender=roles.guardian)
