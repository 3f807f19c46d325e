"""Liquidation amid mocks; the keeper owns TAKER, which is rich. Gas is priced at 2,000."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Clock, Roles
from tests.unit.liquidation.world import ACCOUNT, BTC, ETH, GAS, PARAMS, TAKER, World, health


@pytest.fixture
def world(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> World:
    around = deploy("MockSurroundings")
    here = around.address
    liquidation = deploy("Liquidation", authority.address, *[here] * 5, GAS, astuple(PARAMS))
    permit(roles.governor, liquidation, "setParams")
    for underlying, spot in ((ETH, 600), (BTC, 200), (GAS, 2_000)):
        around.send("setSpot", underlying, spot * WAD, sender=roles.deployer)
    around.send("setOwner", ACCOUNT, roles.trader, sender=roles.deployer)
    around.send("setOwner", TAKER, roles.keeper, sender=roles.deployer)
    world = World(liquidation, around, clock, roles.deployer, roles.keeper)
    world.put(TAKER, health(10_000, initial=1_000))
    liquidation.rpc.call("anvil_setNextBlockBaseFeePerGas", "0x0")
    return world
