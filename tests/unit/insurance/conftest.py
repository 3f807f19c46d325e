"""Insurance over a ledger that keeps cash alone. FUND, FEES and TREASURY are its accounts 1, 2 and 3."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Roles
from tests.unit.insurance.world import World, params


@pytest.fixture
def world(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> World:
    """The keeper stands in for the liquidation contract."""
    ledger = deploy("MockSurroundings")
    insurance = deploy("Insurance", authority.address, *[ledger.address] * 3, params())
    permit(roles.keeper, insurance, "pay")
    permit(roles.governor, insurance, "setCap", "setFloor", "setParams", "payTreasury")
    permit(roles.guardian, insurance, "tightenCap")
    return World(insurance, ledger, roles.deployer)
