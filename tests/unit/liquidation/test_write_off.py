"""writeOff
├── positions or collateral left      -> StillHolds with their numbers
├── no debt                           -> NotInDebt
├── breaker says no                   -> Blocked
└── debt alone
    ├── fund has enough               -> it pays, nobody loses
    ├── fund short                    -> the ledger writes the rest off
    ├── in auction                    -> draws on its market; auction ends
    └── not in auction                -> draws on underlying 0
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.liquidation.world import ACCOUNT, ETH, NO_AUCTION, WRITE_OFF, World, health

DEBT = health(-70, 0, cash=-70, gross=0, legs=0, dominant=0, underlyings=())


@pytest.mark.parametrize(("legs", "holdings"), [(1, 0), (0, 1), (2, 3)])
def test_write_off__something_left__reverts(world: World, refused: Refused, legs: int, holdings: int) -> None:
    world.put(ACCOUNT, health(-70, cash=-70, legs=legs, holdings=holdings))

    with refused("StillHolds", account=ACCOUNT, legs=legs, holdings=holdings):
        world.liquidation.send("writeOff", ACCOUNT, sender=world.keeper)


@pytest.mark.parametrize("cash", [0, 5])
def test_write_off__no_debt__reverts(world: World, refused: Refused, cash: int) -> None:
    world.put(ACCOUNT, health(cash, 0, cash=cash, gross=0, legs=0))

    with refused("NotInDebt", account=ACCOUNT, cashWad=cash * WAD):
        world.liquidation.send("writeOff", ACCOUNT, sender=world.keeper)


def test_write_off__breaker_says_no__reverts(world: World, refused: Refused) -> None:
    world.put(ACCOUNT, DEBT)
    world.block(WRITE_OFF)

    with refused("Blocked", action=WRITE_OFF, underlying=0, level=2, grade=0, grace=False):
        world.liquidation.send("writeOff", ACCOUNT, sender=world.keeper)


@pytest.mark.parametrize(("capacity", "paid", "loss"), [(100, 70, 0), (70, 70, 0), (25, 25, 45), (0, 0, 70)])
def test_write_off__no_auction__draws_on_underlying_zero(
    world: World, roles: Roles, capacity: int, paid: int, loss: int
) -> None:
    world.put(ACCOUNT, DEBT)
    world.capacity(capacity, market=0)
    world.capacity(1_000, market=ETH)

    receipt = world.liquidation.send("writeOff", ACCOUNT, sender=roles.stranger)

    assert receipt.event("DebtWrittenOff").args == {
        "account": ACCOUNT,
        "insuranceWad": paid * WAD,
        "lossWad": loss * WAD,
    }
    assert receipt.event("InsurancePaid").args["underlying"] == 0
    assert "AuctionEnded" not in [event.name for event in receipt.events]
    assert world.around.call("cashOf", ACCOUNT) == 0


def test_write_off__in_auction__draws_on_its_market_and_ends(world: World) -> None:
    world.start(health(-70))
    world.put(ACCOUNT, DEBT)
    world.capacity(30, market=ETH)
    assert world.liquidation.call("writeOff", ACCOUNT, sender=world.keeper) == (30 * WAD, 40 * WAD)

    receipt = world.liquidation.send("writeOff", ACCOUNT, sender=world.keeper)

    assert receipt.event("InsurancePaid").args == {
        "underlying": ETH,
        "account": ACCOUNT,
        "wantedWad": 70 * WAD,
        "paidWad": 30 * WAD,
    }
    assert receipt.event("AuctionEnded").args == {
        "account": ACCOUNT,
        "equityWad": 0,
        "maintenanceWad": 0,
    }
    assert world.auction() == NO_AUCTION
