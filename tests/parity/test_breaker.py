"""Breaker: contract = model
├── any history of trips, reports, relaxations and checks -> the same state, or the same refusal with its numbers
├── the table                                             -> the same
└── any periods                                           -> accepted or refused alike
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy, reverted
from holdfast.errors import Refused, Reverted, RpcError
from holdfast.model import breaker as model
from holdfast.sim.history import Block, call, simulate
from holdfast.types import Action, Grade, Item, Level
from tests.conftest import START, Roles

RULES = model.Rules(
    max_pause_seconds=100,
    cooldown_seconds=60,
    grace_seconds=20,
    trigger_seconds=15,
    gate_seconds=40,
    gate_gap_seconds=61,
)
UNDERLYINGS = [0, 1, 3, 4]  # the first three share a word
SOME: tuple[list[Item], ...] = ([], [Item(weight_wad=1, grade=Grade.FRESH, underlying=one) for one in (1, 4)])
SECONDS = [
    0,
    1,
    14,
    15,
    16,
    19,
    20,
    21,
    39,
    40,
    41,
    59,
    60,
    61,
    79,
    80,
    81,
    99,
    100,
    101,
]  # around every rule


@pytest.fixture(scope="module")
def breaker(anvil: Anvil, roles: Roles) -> Contract:
    rpc, admin = anvil.rpc, roles.deployer
    authority = deploy(rpc, artifact("Authority"), admin, sender=admin)
    breaker = deploy(rpc, artifact("Breaker"), authority.address, 100, 60, 20, 15, 40, 61, sender=admin)
    functions = ("trip", "relax", "reportMove", "reportResume", "reportDeficit")
    selectors = [breaker.artifact.find(name).selector for name in functions]
    authority.send("setTargetFunctionRole", breaker.address, selectors, 1, sender=admin)
    authority.send("grantRole", 1, roles.guardian, 0, sender=admin)
    return breaker


underlyings = st.sampled_from(UNDERLYINGS)
seconds = st.sampled_from(SECONDS) | st.integers(0, 200)
items = st.builds(
    Item,
    weight_wad=st.integers(0, 3),
    grade=st.sampled_from([Grade.FRESH, Grade.FRESH, Grade.SLOW, *Grade]),
    underlying=underlyings,
)
steps = st.tuples(
    st.sampled_from(SECONDS[1:]) | st.integers(1, 300),
    st.tuples(st.just("trip"), underlyings, st.sampled_from(Level), seconds)
    | st.tuples(st.just("trip"), underlyings, st.sampled_from(Level), seconds)
    | st.tuples(st.sampled_from(["relax", "reportMove", "reportResume"]), underlyings)
    | st.tuples(st.just("reportDeficit"), st.sampled_from([True, True, False]))
    | st.tuples(
        st.just("check"),
        st.sampled_from(Action),
        st.lists(items, max_size=4),
        st.sampled_from([0, 0, 1, 2, 5]),
    ),
)

TWINS: dict[str, Callable[..., Any]] = {
    "trip": model.trip,
    "relax": model.relax,
    "reportMove": model.report_move,
    "reportResume": model.report_resume,
    "reportDeficit": model.report_deficit,
    "check": model.check,
}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(history=st.lists(steps, min_size=1, max_size=30))
def test_breaker__any_history__as_the_model(
    breaker: Contract, roles: Roles, history: list[tuple[int, tuple[Any, ...]]]
) -> None:
    blocks, expected = [], []
    twin, now = model.Breaker(rules=RULES), START
    for later, (function, *args) in history:
        now += later
        words = [[item.word for item in arg] if isinstance(arg, list) else arg for arg in args]
        request = call(breaker, function, *words, sender=roles.guardian)
        blocks.append(Block([request, *looks(breaker, roles)], time=now))
        outcome: Any = None
        try:
            twin = TWINS[function](twin, *args, now) or twin
        except Refused as refusal:
            outcome = (refusal.name, refusal.values)
        expected.append((outcome, *states(twin, now)))

    for results, wanted in zip(simulate(breaker.rpc, blocks), expected, strict=True):
        error = results[0].error
        states_seen = [tuple(result.returned(breaker, "stateOf")) for result in results[1:5]]
        ready_seen = [result.returned(breaker, "readyAtOf") for result in results[5:-4]]
        reopened_seen = [result.returned(breaker, "reopenedAt") for result in results[-4:-2]]
        gate = [results[-2].returned(breaker, "gatedUntil"), results[-1].returned(breaker, "gateReadyAt")]
        found = (error and (error.name, error.values), states_seen, ready_seen, reopened_seen, gate)
        assert found == wanted


def looks(breaker: Contract, roles: Roles) -> Iterator[Any]:
    for underlying in UNDERLYINGS:
        yield call(breaker, "stateOf", underlying, sender=roles.stranger)
    for underlying in UNDERLYINGS:
        for level in (Level.CAUTIOUS, Level.HALTED):
            yield call(breaker, "readyAtOf", underlying, level, sender=roles.stranger)
    for some in SOME:
        yield call(breaker, "reopenedAt", [item.word for item in some], sender=roles.stranger)
    for function in ("gatedUntil", "gateReadyAt"):
        yield call(breaker, function, sender=roles.stranger)


def states(
    twin: model.Breaker, now: int
) -> tuple[list[tuple[int, int, int]], list[int], list[int], list[int]]:
    found = [model.state(twin, underlying, now) for underlying in UNDERLYINGS]
    ready = [
        twin.lane(underlying).ready_at(level)
        for underlying in UNDERLYINGS
        for level in (Level.CAUTIOUS, Level.HALTED)
    ]
    reopened = [model.reopened_at(twin, some, now) for some in SOME]
    gate = [model.gated_until(twin, now), model.gate_ready_at(twin)]
    return [(one.level, one.until, one.grace_until) for one in found], ready, reopened, gate


def test_allowed__every_combination__as_the_model(breaker: Contract, roles: Roles) -> None:
    questions = [
        (action, grade, level, grace, gated)
        for action in Action
        for grade in Grade
        for level in Level
        for grace in (False, True)
        for gated in (False, True)
    ]
    calls = [call(breaker, "allowed", *question, sender=roles.stranger) for question in questions]

    results = simulate(breaker.rpc, [Block(calls)])[0]

    assert [result.returned(breaker, "allowed") for result in results] == [
        model.allowed(*question) for question in questions
    ]


week = 7 * 24 * 3_600
periods = st.integers(0, 2**32 - 1) | st.integers(0, 100) | st.sampled_from([week - 1, week, week + 1])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rules=st.tuples(periods, periods, periods, periods, periods, periods))
def test_constructor__any_periods__as_the_model(
    breaker: Contract, roles: Roles, rules: tuple[int, ...]
) -> None:
    try:
        model.check_rules(
            model.Rules(
                max_pause_seconds=rules[0],
                cooldown_seconds=rules[1],
                grace_seconds=rules[2],
                trigger_seconds=rules[3],
                gate_seconds=rules[4],
                gate_gap_seconds=rules[5],
            )
        )
        wanted = None
    except Refused as refusal:
        wanted = (refusal.name, refusal.values)

    assert creation_error(breaker, roles, rules) == wanted


def creation_error(breaker: Contract, roles: Roles, args: tuple[int, ...]) -> Any:
    data = breaker.artifact.creation(roles.deployer, *args)
    try:
        breaker.rpc.call("eth_call", {"from": roles.deployer, "data": "0x" + data.hex()}, "latest")
    except RpcError as error:
        found = reverted(error)
        assert isinstance(found, Reverted)
        return found.name, found.values
    return None
