"""setCap, setOutflowFloor
├── caller has no role            -> AccessManagedUnauthorized
├── it doesn't fit 112 bits       -> SafeCastOverflowedUintDowncast
├── lower                         -> at once
├── higher, up to what stood      -> over the ramp
├── higher than that, in an epoch -> EpochNotOver
├── more than a step              -> StepTooLarge
├── a step after an epoch         -> over the ramp
├── asked for again on its way    -> goes on
└── from zero                     -> to twice what stood before it
tightenCap, tightenOutflowFloor
├── caller has no role            -> AccessManagedUnauthorized
├── not lower                     -> NotTighter, with what it is now
└── lower                         -> at once; a cap below what is held stops deposits alone
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import START, Clock, Refused, Roles
from tests.unit.vault.conftest import CAP, EPOCH, FLOOR, RAMP

assert CAP == FLOOR  # one number for both in what follows

LIMITS = [
    ("cap", "setCap", "tightenCap", "CapSet"),
    ("outflowFloor", "setOutflowFloor", "tightenOutflowFloor", "OutflowFloorSet"),
]
each = pytest.mark.parametrize(("view", "set_", "tighten", "event"), LIMITS, ids=["cap", "floor"])

SINCE = START + 2 * EPOCH


@each
def test_set__no_role__reverts(
    vault: Contract, roles: Roles, refused: Refused, view: str, set_: str, tighten: str, event: str
) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.guardian):
        vault.send(set_, 1, sender=roles.guardian)
    with refused("AccessManagedUnauthorized", caller=roles.governor):
        vault.send(tighten, 1, sender=roles.governor)


@each
def test_set__too_large__reverts(
    vault: Contract,
    roles: Roles,
    clock: Clock,
    refused: Refused,
    view: str,
    set_: str,
    tighten: str,
    event: str,
) -> None:
    clock.set(SINCE)
    with refused("StepTooLarge", value=2**112, bound=2 * CAP):
        vault.send(set_, 2**112, sender=roles.governor)


@each
@pytest.mark.parametrize("value", [0, 1, CAP - 1, CAP])
def test_set__lower__at_once(
    vault: Contract, roles: Roles, view: str, set_: str, tighten: str, event: str, value: int
) -> None:
    vault.send("pull", roles.trader, 7, sender=roles.ledger)

    receipt = vault.send(set_, value, sender=roles.governor)

    (found,) = receipt.events
    assert (found.name, tuple(found.args.values())) == (event, (value, 0))
    assert vault.call(view) == value
    assert vault.call("held") == 7


@each
def test_set__a_step__over_the_ramp(
    vault: Contract, roles: Roles, clock: Clock, view: str, set_: str, tighten: str, event: str
) -> None:
    clock.next(SINCE)
    receipt = vault.send(set_, 2 * CAP, sender=roles.governor)

    (found,) = receipt.events
    assert (found.name, tuple(found.args.values())) == (event, (2 * CAP, SINCE + RAMP))
    looks = {0: CAP, 3: CAP, 4: CAP + 1, RAMP // 2: 1_500, RAMP - 1: 1_999, RAMP: 2_000, RAMP + 1: 2_000}
    for elapsed, value in looks.items():
        if elapsed:
            clock.set(SINCE + elapsed)
        assert vault.call(view) == value, elapsed


@each
def test_set__more_than_a_step__reverts(
    vault: Contract,
    roles: Roles,
    clock: Clock,
    refused: Refused,
    view: str,
    set_: str,
    tighten: str,
    event: str,
) -> None:
    clock.set(SINCE)
    with refused("StepTooLarge", value=2 * CAP + 1, bound=2 * CAP):
        vault.send(set_, 2 * CAP + 1, sender=roles.governor)


@each
def test_set__a_second_step_in_an_epoch__reverts(
    vault: Contract,
    roles: Roles,
    clock: Clock,
    refused: Refused,
    view: str,
    set_: str,
    tighten: str,
    event: str,
) -> None:
    clock.next(SINCE)
    vault.send(set_, CAP + 1, sender=roles.governor)
    clock.next(SINCE + EPOCH - 1)
    with refused("EpochNotOver", until=SINCE + EPOCH):
        vault.send(set_, CAP + 2, sender=roles.governor)
    clock.next(SINCE + EPOCH)
    vault.send(set_, CAP + 2, sender=roles.governor)
    clock.set(SINCE + EPOCH + RAMP)
    assert vault.call(view) == CAP + 2


@each
def test_set__asked_for_again__goes_on(
    vault: Contract, roles: Roles, clock: Clock, view: str, set_: str, tighten: str, event: str
) -> None:
    clock.next(SINCE)
    vault.send(set_, 2 * CAP, sender=roles.governor)
    clock.next(SINCE + RAMP // 2)
    receipt = vault.send(set_, 2 * CAP, sender=roles.governor)

    assert tuple(receipt.event(event).args.values()) == (2 * CAP, SINCE + RAMP)
    assert vault.call(view) == 1_500
    clock.set(SINCE + RAMP)
    assert vault.call(view) == 2_000


@each
def test_set__what_the_guardian_tightened__goes_back_over_the_ramp(
    vault: Contract, roles: Roles, clock: Clock, view: str, set_: str, tighten: str, event: str
) -> None:
    vault.send(tighten, 0, sender=roles.guardian)
    clock.next(START + 100)  # no step, so no epoch
    vault.send(set_, CAP, sender=roles.governor)
    clock.set(START + 100 + RAMP // 2)
    assert vault.call(view) == CAP // 2


@each
def test_set__from_zero__to_twice_what_stood(
    vault: Contract,
    roles: Roles,
    clock: Clock,
    refused: Refused,
    view: str,
    set_: str,
    tighten: str,
    event: str,
) -> None:
    vault.send(set_, 0, sender=roles.governor)
    clock.next(SINCE)
    with refused("StepTooLarge", value=2 * CAP + 1, bound=2 * CAP):
        vault.send(set_, 2 * CAP + 1, sender=roles.governor)
    vault.send(set_, 2 * CAP, sender=roles.governor)


@each
@pytest.mark.parametrize("value", [CAP, CAP + 1, 2**256 - 1])
def test_tighten__not_lower__reverts(
    vault: Contract,
    roles: Roles,
    refused: Refused,
    view: str,
    set_: str,
    tighten: str,
    event: str,
    value: int,
) -> None:
    with refused("NotTighter", current=CAP, proposed=value):
        vault.send(tighten, value, sender=roles.guardian)


@each
def test_tighten__on_its_way_up__stops_there(
    vault: Contract,
    roles: Roles,
    clock: Clock,
    refused: Refused,
    view: str,
    set_: str,
    tighten: str,
    event: str,
) -> None:
    clock.next(SINCE)
    vault.send(set_, 2 * CAP, sender=roles.governor)
    clock.next(SINCE + RAMP // 2)
    with refused("NotTighter", current=1_500, proposed=1_500):
        vault.send(tighten, 1_500, sender=roles.guardian)
    vault.send(tighten, 1_200, sender=roles.guardian)
    clock.set(SINCE + RAMP)
    assert vault.call(view) == 1_200


def test_tighten_cap__below_held__stops_deposits_alone(
    vault: Contract, roles: Roles, refused: Refused
) -> None:
    vault.send("pull", roles.trader, 500, sender=roles.ledger)

    receipt = vault.send("tightenCap", 400, sender=roles.guardian)

    assert [(event.name, event.args) for event in receipt.events] == [
        ("CapSet", {"cap": 400, "arrivesAt": 0})
    ]
    with refused("CapExceeded", held=501, cap=400):
        vault.send("pull", roles.trader, 1, sender=roles.ledger)
    vault.send("push", roles.trader, 101, 0, sender=roles.ledger)
    vault.send("pull", roles.trader, 1, sender=roles.ledger)
    assert vault.call("held") == 400
