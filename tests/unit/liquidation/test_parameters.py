"""setParams, params, constructor
├── caller has no role          -> AccessManagedUnauthorized
├── a number is out of bounds   -> BadParams with it and the bound, in the constructor too
├── within bounds               -> stores all of them, emits ParamsSet
├── running auctions            -> follow the new ones
└── constructor                 -> knows its surroundings; bounds as the model's
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import pytest

from holdfast.chain.contract import Contract
from holdfast.model import liquidation as model
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.liquidation.world import ACCOUNT, FUND, GAS, PARAMS, World, params

BOUNDS = [
    ({"target_bps": 30_001}, 30_001, 30_000),
    ({"start_bps": 9_001}, 9_001, 9_000),
    ({"end_bps": 14_000}, 14_001, 14_000),
    ({"end_bps": 9_000, "target_bps": 10_000}, 10_001, 10_000),
    ({"fund_share_bps": 5_001}, 5_001, 5_000),
    ({"reward_share_bps": 5_001}, 5_001, 5_000),
    ({"reward_margin_bps": 30_001}, 30_001, 30_000),
    ({"reward_gas": 60_001}, 60_001, 60_000),
    ({"reward_item_gas": 5_001}, 5_001, 5_000),
    ({"ramp_seconds": 0}, 1, 0),
    ({"ramp_seconds": 201}, 201, 200),
    ({"solvent_seconds": 201}, 201, 200),
    ({"run_seconds": 86_401}, 86_401, 86_400),
    ({"tax_bps": 50_001}, 50_001, 50_000),
    ({"dust_wad": 10_000 * WAD + 1}, 10_000 * WAD + 1, 10_000 * WAD),
    ({"reward_fund_wad": 10_000 * WAD + 1}, 10_000 * WAD + 1, 10_000 * WAD),
    ({"gate_deficit_wad": 1_000_000 * WAD + 1}, 1_000_000 * WAD + 1, 1_000_000 * WAD),
]


def test_set_params__stranger__reverts(world: World, roles: Roles, refused: Refused) -> None:
    for caller in (roles.stranger, roles.guardian, roles.keeper):
        with refused("AccessManagedUnauthorized", caller=caller):
            world.liquidation.send("setParams", params(), sender=caller)


@pytest.mark.parametrize(("changes", "value", "bound"), BOUNDS)
def test_set_params__out_of_bounds__reverts(
    world: World, roles: Roles, refused: Refused, changes: dict[str, int], value: int, bound: int
) -> None:
    with refused("BadParams", value=value, bound=bound):
        world.liquidation.send("setParams", params(**changes), sender=roles.governor)


@pytest.mark.parametrize(
    "chosen",
    [
        (0, 0, 10_001, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0),
        (
            29_999,
            29_999,
            30_000,
            5_000,
            5_000,
            30_000,
            60_000,
            5_000,
            *3 * (86_400,),
            *2 * (10**22,),
            10**24,
            50_000,
        ),
        astuple(PARAMS),
    ],
    ids=["lowest", "highest", "usual"],
)
def test_set_params__within_bounds__stores_and_emits(
    world: World, roles: Roles, chosen: tuple[int, ...]
) -> None:
    event = world.liquidation.send("setParams", chosen, sender=roles.governor).event("ParamsSet")

    assert event.args == {"params": chosen}
    assert world.liquidation.call("params") == chosen


def test_set_params__running_auction__follows(world: World, roles: Roles) -> None:
    start = world.start()
    world.clock.next(start + 40)

    world.liquidation.send("setParams", params(ramp_seconds=160), sender=roles.governor)

    assert world.liquidation.call("discountOf", ACCOUNT) == WAD * 3 // 10


def test_constructor__out_of_bounds__reverts(
    world: World, deploy: Callable[..., Contract], authority: Contract, refused: Refused
) -> None:
    here = world.around.address

    with refused("BadParams", value=1, bound=0):
        deploy("Liquidation", authority.address, *[here] * 5, GAS, params(ramp_seconds=0))


def test_constructor__good__knows_its_surroundings(world: World) -> None:
    for name in ("LEDGER", "POSITIONS", "BREAKER", "ORACLE", "INSURANCE", "THROTTLE"):
        assert world.liquidation.call(name) == world.around.address
    assert (world.liquidation.call("FUND"), world.liquidation.call("GAS_UNDERLYING")) == (FUND, GAS)


@pytest.mark.parametrize("name", [name for name in dir(model) if name.startswith("MAX_")])
def test_constants__model__has_the_same(world: World, name: str) -> None:
    assert world.liquidation.call(name) == getattr(model, name)
