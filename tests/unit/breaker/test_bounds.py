"""How long the guardian can keep a market from being seized, whatever he does
├── alone or with everything -> at most 2·MAX_PAUSE in a row
└── then                     -> free for COOLDOWN − GRACE at least
"""

from holdfast.chain.contract import Contract
from holdfast.sim.history import Block, call, simulate
from holdfast.types import Action
from tests.conftest import Roles
from tests.unit.breaker.world import ALL, COOLDOWN, ETH, GRACE, HALTED, MAX_PAUSE, item

STEP = 5  # [seconds] each period is a multiple


def test_trip__at_every_chance__leaves_time_to_seize(breaker: Contract, roles: Roles, start: int) -> None:
    """The most that a guardian can do is to try everything every time."""
    tries = [
        call(breaker, "trip", ETH, HALTED, MAX_PAUSE, sender=roles.guardian),
        call(breaker, "trip", ALL, HALTED, MAX_PAUSE, sender=roles.guardian),
    ]
    check = call(breaker, "check", Action.TAKE, [item(ETH)], 0, sender=roles.stranger)

    for first, later in ((tries[:1], tries[1:]), (tries[1:], tries[:1]), (tries, [])):
        blocks = [Block([*first, check], time=start)]
        blocks += [
            Block([*(later if step * STEP >= MAX_PAUSE else []), *first, check], time=start + step * STEP)
            for step in range(1, 4 * (2 * MAX_PAUSE + COOLDOWN) // STEP)
        ]
        free = [results[-1].ok for results in simulate(breaker.rpc, blocks)]

        blocked_runs, free_runs = runs(free, False), runs(free, True)
        assert max(blocked_runs) * STEP <= 2 * MAX_PAUSE + GRACE
        assert min(free_runs) * STEP >= COOLDOWN - GRACE
        assert len(free_runs) >= 3


def runs(values: list[bool], wanted: bool) -> list[int]:
    """Lengths of the unbroken runs of `wanted`, the last one left out: it is cut off."""
    found, length = [], 0
    for value in values:
        if value == wanted:
            length += 1
        elif length:
            found.append(length)
            length = 0
    return found
