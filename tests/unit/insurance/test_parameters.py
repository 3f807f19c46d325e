"""setCap, tightenCap, setFloor, setParams, payTreasury
├── caller has no role                 -> AccessManagedUnauthorized
├── setCap
│   ├── above 128 bits                 -> BadCap
│   └── else                           -> stores, emits CapSet; what was drawn stays
├── tightenCap
│   ├── higher                         -> NotTighter
│   └── lower, or the same             -> stores, emits CapSet
├── setFloor
│   ├── above its bound                -> BadFloor
│   └── else                           -> stores, emits FloorSet
├── setParams
│   ├── beyond a bound                 -> BadParams
│   └── else                           -> pending fees split as before; stores, emits FundParamsSet
└── payTreasury                        -> withdraws settlement token from TREASURY
"""

from __future__ import annotations

import pytest

from holdfast.model.insurance import DUST_WAD, LEAST_FUND_WAD, MAX_VOLATILITY_WAD, MOST_SHARES_PER_WAD
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.insurance.world import BTC, ETH, FEES, FUND, TREASURY, World, params


@pytest.mark.parametrize(
    ("function", "args", "holder"),
    [
        ("setCap", (ETH, 1), "governor"),
        ("tightenCap", (ETH, 0), "guardian"),
        ("setFloor", (ETH, 1), "governor"),
        ("setParams", (params(),), "governor"),
        ("payTreasury", ("0x" + "11" * 20, 1), "governor"),
    ],
)
def test_parameters__stranger__reverts(
    world: World, roles: Roles, refused: Refused, function: str, args: tuple[object, ...], holder: str
) -> None:
    for name in {"governor", "guardian", "keeper", "stranger"} - {holder}:
        with refused("AccessManagedUnauthorized", caller=getattr(roles, name)):
            world.insurance.send(function, *args, sender=getattr(roles, name))


@pytest.mark.parametrize("cap", [0, 50 * WAD, 2**128 - 1])
def test_set_cap__any__stores_and_emits(world: World, roles: Roles, cap: int) -> None:
    world.insurance.send("setCap", ETH, 7, sender=roles.governor)

    event = world.insurance.send("setCap", ETH, cap, sender=roles.governor).event("CapSet")

    assert event.args == {"underlying": ETH, "capWad": cap}
    assert (world.insurance.call("capOf", ETH), world.insurance.call("capOf", BTC)) == (cap, 0)


def test_set_cap__beyond_128_bits__reverts(world: World, roles: Roles, refused: Refused) -> None:
    with refused("BadCap", capWad=2**128):
        world.insurance.send("setCap", ETH, 2**128, sender=roles.governor)


def test_set_cap__after_a_draw__counts_on(world: World, roles: Roles) -> None:
    world.put(1, 100)
    world.insurance.send("setCap", ETH, 10, sender=roles.governor)
    world.insurance.send("pay", ETH, 9, 8, sender=roles.keeper)

    world.insurance.send("setCap", ETH, 20, sender=roles.governor)

    assert (world.insurance.call("drawnOf", ETH), world.insurance.call("capacity", ETH)) == (8, 2)


def test_tighten_cap__higher__reverts(world: World, roles: Roles, refused: Refused) -> None:
    world.insurance.send("setCap", ETH, 10, sender=roles.governor)

    with refused("NotTighter", current=10, proposed=11):
        world.insurance.send("tightenCap", ETH, 11, sender=roles.guardian)


@pytest.mark.parametrize("cap", [10, 9, 0])
def test_tighten_cap__lower__stores_and_emits(world: World, roles: Roles, cap: int) -> None:
    world.insurance.send("setCap", ETH, 10, sender=roles.governor)

    event = world.insurance.send("tightenCap", ETH, cap, sender=roles.guardian).event("CapSet")

    assert event.args == {"underlying": ETH, "capWad": cap}
    assert world.insurance.call("capOf", ETH) == cap


@pytest.mark.parametrize("floor", [0, WAD, 10 * WAD])
def test_set_floor__up_to_its_bound__stores_and_emits(world: World, roles: Roles, floor: int) -> None:
    event = world.insurance.send("setFloor", ETH, floor, sender=roles.governor).event("FloorSet")

    assert event.args == {"underlying": ETH, "volatilityWad": floor}
    assert (world.insurance.call("floorOf", ETH), world.insurance.call("floorOf", BTC)) == (floor, 0)


def test_set_floor__beyond__reverts(world: World, roles: Roles, refused: Refused) -> None:
    with refused("BadFloor", volatilityWad=10 * WAD + 1):
        world.insurance.send("setFloor", ETH, 10 * WAD + 1, sender=roles.governor)


@pytest.mark.parametrize(
    "changes",
    [
        {"min_share_bps": 0, "max_share_bps": 10_000, "move_bps": 10_000},
        {"multiple_bps": 100_000, "tail_bps": 100_000, "horizon_seconds": 5_184_000},
        {"cooldown_seconds": 5_184_000, "window_seconds": 5_184_000, "hold_seconds": 5_184_000},
        {"cooldown_seconds": 1, "window_seconds": 1, "hold_seconds": 1, "max_age_seconds": 1},
        {"least_target_wad": WAD},
    ],
    ids=str,
)
def test_set_params__up_to_their_bounds__stores_and_emits(
    world: World, roles: Roles, changes: dict[str, int]
) -> None:
    event = world.insurance.send("setParams", params(**changes), sender=roles.governor).event("FundParamsSet")

    assert tuple(event.args["params"]) == params(**changes)
    assert tuple(world.insurance.call("params")) == params(**changes)


@pytest.mark.parametrize(
    ("changes", "value", "bound"),
    [
        ({"max_share_bps": 10_001}, 10_001, 10_000),
        ({"min_share_bps": 6_001}, 6_001, 6_000),
        ({"move_bps": 10_001}, 10_001, 10_000),
        ({"multiple_bps": 100_001}, 100_001, 100_000),
        ({"tail_bps": 100_001}, 100_001, 100_000),
        ({"max_age_seconds": 0}, 1, 0),
        ({"hold_seconds": 0}, 1, 0),
        ({"hold_seconds": 172_801}, 172_801, 172_800),
        ({"cooldown_seconds": 3_599}, 3_600, 3_599),
        ({"cooldown_seconds": 5_184_001}, 5_184_001, 5_184_000),
        ({"window_seconds": 5_184_001}, 5_184_001, 5_184_000),
        ({"horizon_seconds": 5_184_001}, 5_184_001, 5_184_000),
        ({"least_target_wad": WAD - 1}, WAD, WAD - 1),
    ],
    ids=str,
)
def test_set_params__beyond__reverts(
    world: World, roles: Roles, refused: Refused, changes: dict[str, int], value: int, bound: int
) -> None:
    with refused("BadParams", value=value, bound=bound):
        world.insurance.send("setParams", params(**changes), sender=roles.governor)


def test_set_params__fees_pending__are_split_by_the_old_share(world: World, roles: Roles) -> None:
    world.put(FEES, 100 * WAD)

    world.insurance.send("setParams", params(min_share_bps=0, max_share_bps=0), sender=roles.governor)

    assert world.cash(FUND, FEES, TREASURY) == (60 * WAD, 0, 40 * WAD)


def test_pay_treasury__governor__withdraws(world: World, roles: Roles) -> None:
    event = world.insurance.send("payTreasury", roles.stranger, 123, sender=roles.governor).event(
        "WithdrawnFrom"
    )

    assert event.args == {"account": TREASURY, "asset": 0, "amount": 123, "to": roles.stranger}


def test_constants__model__has_the_same(world: World) -> None:
    assert world.insurance.call("DUST_WAD") == DUST_WAD
    assert world.insurance.call("LEAST_FUND_WAD") == LEAST_FUND_WAD
    assert world.insurance.call("MAX_VOLATILITY_WAD") == MAX_VOLATILITY_WAD
    assert world.insurance.call("MOST_SHARES_PER_WAD") == MOST_SHARES_PER_WAD
