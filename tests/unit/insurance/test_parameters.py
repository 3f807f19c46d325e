"""setCap, tightenCap, setFundShare, payTreasury
├── caller has no role                 -> AccessManagedUnauthorized
├── setCap
│   ├── above 128 bits                 -> BadCap
│   └── else                           -> stores, emits CapSet; what was drawn stays
├── tightenCap
│   ├── higher                         -> NotTighter
│   └── lower, or the same             -> stores, emits CapSet
├── setFundShare
│   ├── above one                      -> BadShare
│   └── else                           -> stores, emits FundShareSet
└── payTreasury                        -> withdraws settlement token from TREASURY
"""

from __future__ import annotations

import pytest

from holdfast.model.insurance import DUST_WAD
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.insurance.world import BTC, ETH, TREASURY, World


@pytest.mark.parametrize(
    ("function", "args", "holder"),
    [
        ("setCap", (ETH, 1), "governor"),
        ("tightenCap", (ETH, 0), "guardian"),
        ("setFundShare", (1,), "governor"),
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


@pytest.mark.parametrize("share", [0, 1, 10_000])
def test_set_fund_share__at_most_one__stores_and_emits(world: World, roles: Roles, share: int) -> None:
    event = world.insurance.send("setFundShare", share, sender=roles.governor).event("FundShareSet")

    assert event.args == {"shareBps": share}
    assert world.insurance.call("fundShareBps") == share


def test_set_fund_share__above_one__reverts(world: World, roles: Roles, refused: Refused) -> None:
    with refused("BadShare", shareBps=10_001):
        world.insurance.send("setFundShare", 10_001, sender=roles.governor)


def test_pay_treasury__governor__withdraws(world: World, roles: Roles) -> None:
    event = world.insurance.send("payTreasury", roles.stranger, 123, sender=roles.governor).event(
        "WithdrawnFrom"
    )

    assert event.args == {"account": TREASURY, "asset": 0, "amount": 123, "to": roles.stranger}


def test_constants__model__has_the_same(world: World) -> None:
    assert world.insurance.call("DUST_WAD") == DUST_WAD
