"""constructor
├── the longest pause is over a week            -> BadPeriod
├── grace or trigger exceed the longest pause   -> BadPeriod
├── the cooldown is not longer than the grace   -> BadPeriod
├── the gate is longer than the longest pause, or than the gap behind it -> BadPeriod
└── otherwise                                   -> keeps its arguments
"""

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Refused
from tests.unit.breaker.world import COOLDOWN, GAP, GATE, GRACE, MAX_PAUSE, TRIGGER

WEEK = 7 * 24 * 3_600


@pytest.mark.parametrize(
    ("periods", "value", "bound"),
    [
        ((WEEK + 1, COOLDOWN, GRACE, TRIGGER, GATE, GAP), WEEK + 1, WEEK),
        ((MAX_PAUSE, 5_000, MAX_PAUSE + 1, TRIGGER, GATE, GAP), MAX_PAUSE + 1, MAX_PAUSE),
        ((MAX_PAUSE, COOLDOWN, GRACE, MAX_PAUSE + 1, GATE, GAP), MAX_PAUSE + 1, MAX_PAUSE),
        ((MAX_PAUSE, GRACE, GRACE, TRIGGER, GATE, GAP), GRACE, GRACE),
        ((0, 0, 0, 0, 0, 1), 0, 0),
        ((MAX_PAUSE, COOLDOWN, GRACE, TRIGGER, MAX_PAUSE + 1, 2_000), MAX_PAUSE + 1, MAX_PAUSE),
        ((MAX_PAUSE, COOLDOWN, GRACE, TRIGGER, GATE, GATE), GATE, GATE),
    ],
)
def test_constructor__out_of_bounds__reverts(
    deploy: Callable[..., Contract],
    authority: Contract,
    refused: Refused,
    periods: tuple[int, ...],
    value: int,
    bound: int,
) -> None:
    with refused("BadPeriod", value=value, bound=bound):
        deploy("Breaker", authority.address, *periods)


@pytest.mark.parametrize(
    "periods",
    [
        (WEEK, 2**32 - 1, WEEK, WEEK, WEEK, 2**32 - 1),
        (MAX_PAUSE, MAX_PAUSE + 1, MAX_PAUSE, MAX_PAUSE, MAX_PAUSE, MAX_PAUSE + 1),
        (0, 1, 0, 0, 0, 1),
    ],
)
def test_constructor__at_the_bounds__keeps_its_arguments(
    deploy: Callable[..., Contract], authority: Contract, periods: tuple[int, ...]
) -> None:
    breaker = deploy("Breaker", authority.address, *periods)

    names = ("MAX_PAUSE", "COOLDOWN", "GRACE", "TRIGGER", "GATE", "GATE_GAP")
    assert tuple(breaker.call(f"{name}_SECONDS") for name in names) == periods
    assert breaker.call("authority") == authority.address
