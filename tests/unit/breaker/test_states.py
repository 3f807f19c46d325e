"""Every state of the breaker, and how it ends
├── every action × grade × level × level of everything × grace × gate -> as the table says
├── no state blocks deposit, adding margin and reducing together      -> two of them ask nobody
└── every state, time walked forward                                   -> ends by itself; each step only loosens
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from holdfast.chain.contract import Contract
from holdfast.sim.history import Block, call, simulate
from holdfast.types import Action, Grade, Level
from tests.conftest import Roles
from tests.unit.breaker.world import (
    ALL,
    CAUTIOUS,
    ETH,
    GATE,
    GRACE,
    HALTED,
    MAX_PAUSE,
    NORMAL,
    TRIGGER,
    expected,
    item,
)

# How to get into a state 20 seconds after the first trip: level and grace of one lane.
LANES: dict[tuple[Level, bool], tuple[tuple[Any, ...], ...]] = {
    (NORMAL, False): (),
    (CAUTIOUS, False): ((CAUTIOUS, 500),),
    (HALTED, False): ((HALTED, 500),),
    (NORMAL, True): ((HALTED, 10),),
    (CAUTIOUS, True): ((HALTED, 10), (CAUTIOUS, 500)),
}
STATES = list(product(LANES, LANES, (False, True)))
QUESTIONS = list(product(Action, Grade))
LONGEST = max(MAX_PAUSE + GRACE, TRIGGER, GATE)
"""[seconds] After which nothing is left of any state, whatever was done at its start."""


def blocks_of(breaker: Contract, roles: Roles, start: int, state: Any, times: list[int]) -> list[Block]:
    """The state is made, and every question asked at each of the times."""
    one, everything, gated = state
    made = [
        call(breaker, "trip", underlying, *trip, sender=roles.guardian)
        for underlying, lane in ((ETH, one), (ALL, everything))
        for trip in LANES[lane]
    ]
    if gated:
        made.append(call(breaker, "reportDeficit", True, sender=roles.keeper))
    asked = [
        call(breaker, "check", action, [item(ETH, grade)], 0, sender=roles.stranger)
        for action, grade in QUESTIONS
    ]
    return [Block(made, time=start), *(Block(asked, time=time) for time in times)]


@pytest.mark.parametrize("state", STATES, ids=str)
def test_states__every_question__as_the_table(
    breaker: Contract, roles: Roles, start: int, state: Any
) -> None:
    one, everything, gated = state
    made, answers = simulate(breaker.rpc, blocks_of(breaker, roles, start, state, [start + 20]))
    assert all(result.ok for result in made)

    level, grace = max(one[0], everything[0]), one[1] or everything[1]
    free = {question for question, result in zip(QUESTIONS, answers, strict=True) if result.ok}
    # Everything has no price of its own.
    meant = {(action, grade) for action, grade in QUESTIONS if expected(action, grade, level, grace, gated)}
    assert free == meant
    # Deposits ask nobody, and neither do reductions: margin may be added and risk be reduced in each of them.
    assert all((Action.REDUCE, grade) in free for grade in Grade)


@pytest.mark.parametrize("state", STATES, ids=str)
def test_states__time_passes__each_ends_by_itself(
    breaker: Contract, roles: Roles, start: int, state: Any
) -> None:
    times = [start + 20, *range(start + 25, start + LONGEST + 5, 25), start + LONGEST + 1]
    walked = simulate(breaker.rpc, blocks_of(breaker, roles, start, state, times))[1:]

    before: set[tuple[Action, Grade]] = set()
    for answers in walked:
        free = {question for question, result in zip(QUESTIONS, answers, strict=True) if result.ok}
        halted = (Action.START, Grade.FRESH) in before and (Action.START, Grade.FRESH) not in free
        assert before <= free and not halted, "time alone tightens nothing"
        before = free
    assert before == {one for one in QUESTIONS if expected(*one, NORMAL, False, False)}
