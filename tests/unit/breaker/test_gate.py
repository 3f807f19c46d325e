"""reportDeficit
├── caller has no role              -> AccessManagedUnauthorized
├── a deficit
│   ├── the gate is ready           -> shut for GATE from now, GateShut; withdrawals alone are refused: Gated
│   ├── in the span already         -> no longer than the span, nothing told twice
│   ├── in the gap behind the span  -> nothing
│   └── after the gap               -> a new span
└── no deficit any more
    ├── shut                        -> open at once, GateOpened
    ├── another in the same span    -> shut again, until the span's end
    └── open                        -> nothing

Whatever is reported, and when -> open for GAP after each span that was shut for GATE at most
"""

import pytest

from holdfast.chain.contract import Contract
from holdfast.sim.history import Block, call, flat, simulate
from holdfast.types import Action
from tests.conftest import Clock, Refused, Roles
from tests.unit.breaker.world import ETH, GAP, GATE, item


def test_report_deficit__no_role__reverts(breaker: Contract, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.guardian):
        breaker.send("reportDeficit", True, sender=roles.guardian)


def test_report_deficit__ready__shuts_the_gate(
    breaker: Contract, roles: Roles, clock: Clock, start: int, refused: Refused
) -> None:
    receipt = breaker.send("reportDeficit", True, sender=roles.keeper)

    assert [(event.name, event.args) for event in receipt.events] == [("GateShut", {"until": start + GATE})]
    assert (breaker.call("gatedUntil"), breaker.call("gateReadyAt")) == (start + GATE, start + GATE + GAP)
    for items in ([], [item(ETH)]):
        with refused("Gated", until=start + GATE):
            breaker.call("check", Action.WITHDRAW, items, 0)
        for action in set(Action) - {Action.WITHDRAW}:
            breaker.call("check", action, items, 0)

    clock.set(start + GATE - 1)
    with refused("Gated", until=start + GATE):
        breaker.call("check", Action.WITHDRAW, [], 0)
    clock.set(start + GATE)
    breaker.call("check", Action.WITHDRAW, [], 0)
    assert breaker.call("gatedUntil") == 0


@pytest.mark.parametrize("later", [1, GATE - 1, GATE, GATE + 1, GATE + GAP - 1])
def test_report_deficit__again__never_prolongs(
    breaker: Contract, roles: Roles, clock: Clock, start: int, later: int
) -> None:
    breaker.send("reportDeficit", True, sender=roles.keeper)
    clock.next(start + later)

    receipt = breaker.send("reportDeficit", True, sender=roles.keeper)

    assert receipt.logs == []
    assert breaker.call("gatedUntil") == (start + GATE if later < GATE else 0)
    assert breaker.call("gateReadyAt") == start + GATE + GAP


def test_report_deficit__after_the_gap__shuts_anew(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportDeficit", True, sender=roles.keeper)
    clock.next(start + GATE + GAP)

    receipt = breaker.send("reportDeficit", True, sender=roles.keeper)

    assert receipt.event("GateShut").args == {"until": start + GATE + GAP + GATE}


def test_report_deficit__gone__opens_and_may_shut_within_the_span(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportDeficit", True, sender=roles.keeper)
    clock.next(start + 10)
    receipt = breaker.send("reportDeficit", False, sender=roles.keeper)
    assert [event.name for event in receipt.events] == ["GateOpened"]
    breaker.call("check", Action.WITHDRAW, [], 0)
    assert breaker.call("gateReadyAt") == start + GATE + GAP

    clock.next(start + 50)
    receipt = breaker.send("reportDeficit", True, sender=roles.keeper)

    assert receipt.event("GateShut").args == {"until": start + GATE}


def test_report_deficit__none_and_open__nothing(breaker: Contract, roles: Roles) -> None:
    assert breaker.send("reportDeficit", False, sender=roles.keeper).logs == []
    assert (breaker.call("gatedUntil"), breaker.call("gateReadyAt")) == (0, 0)


def test_report_deficit__every_second__open_longer_than_shut(
    breaker: Contract, roles: Roles, start: int
) -> None:
    """A stream of bankrupt accounts: somebody reports whenever he can."""
    step, seconds = 5, 3 * (GATE + GAP)
    report = call(breaker, "reportDeficit", True, sender=roles.keeper)
    check = call(breaker, "check", Action.WITHDRAW, [], 0, sender=roles.stranger)
    blocks = [Block([report, check], time=start + later) for later in range(0, seconds, step)]

    free = [result.ok for result in flat(simulate(breaker.rpc, blocks))[1::2]]

    span, gap = GATE // step, GAP // step
    assert free == ([False] * span + [True] * gap) * 3
