"""A breaker with a guardian, a governor and a keeper who stands in for the oracle."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Roles
from tests.unit.breaker.world import COOLDOWN, GAP, GATE, GRACE, MAX_PAUSE, TRIGGER


@pytest.fixture
def breaker(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> Contract:
    breaker = deploy("Breaker", authority.address, MAX_PAUSE, COOLDOWN, GRACE, TRIGGER, GATE, GAP)
    permit(roles.guardian, breaker, "trip")
    permit(roles.governor, breaker, "relax")
    permit(roles.keeper, breaker, "reportMove", "reportResume", "reportDeficit")
    return breaker


@pytest.fixture
def start(breaker: Contract, clock: Clock) -> int:
    """The time of the next transaction."""
    time = clock.now + 1_000
    clock.set(time - 1)
    clock.next(time)
    return time
