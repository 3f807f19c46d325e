"""insure, restart, end
├── all of them, not in auction            -> NotInAuction
├── insure
│   ├── already insured                    -> AlreadyInsured
│   ├── healthy                            -> Healthy
│   ├── breaker says no                    -> Blocked
│   ├── equity > 0 and too early           -> StillSolvent with the time
│   ├── equity > 0 and solventSeconds over -> insured, emits AuctionInsured
│   └── equity ≤ 0                         -> insured at once
├── restart
│   ├── in the last second of the run      -> StillRunning with the time
│   ├── healthy                            -> Healthy
│   ├── breaker says no                    -> Blocked
│   ├── solvent                            -> curve from d₀, stage and start kept, emits AuctionRestarted
│   └── insured                            -> remembers that it ran out
└── end
    ├── unhealthy                          -> Unhealthy
    ├── debt and nothing else              -> Unhealthy
    ├── breaker says no                    -> Blocked
    └── healthy                            -> forgotten, emits AuctionEnded; can be started again
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.unit.liquidation.world import (
    ACCOUNT,
    ETH,
    NO_AUCTION,
    START,
    TAKE,
    World,
    health,
)


@pytest.mark.parametrize("function", ["insure", "restart", "end"])
def test_phases__not_in_auction__reverts(world: World, refused: Refused, function: str) -> None:
    world.put(ACCOUNT, health(180))

    with refused("NotInAuction", account=ACCOUNT):
        world.liquidation.send(function, ACCOUNT, sender=world.keeper)


# insure


def test_insure__already_insured__reverts(world: World, refused: Refused) -> None:
    world.start(health(0))

    with refused("AlreadyInsured", account=ACCOUNT):
        world.liquidation.send("insure", ACCOUNT, sender=world.keeper)


def test_insure__healthy__reverts(world: World, refused: Refused) -> None:
    world.start()
    world.put(ACCOUNT, health(200))

    with refused("Healthy", account=ACCOUNT, equityWad=200 * WAD, maintenanceWad=200 * WAD):
        world.liquidation.send("insure", ACCOUNT, sender=world.keeper)


def test_insure__breaker_says_no__reverts(world: World, refused: Refused) -> None:
    world.start()
    world.put(ACCOUNT, health(0))
    world.block(TAKE)

    with refused("Blocked", action=TAKE, underlying=ETH, level=2, grade=0, grace=False):
        world.liquidation.send("insure", ACCOUNT, sender=world.keeper)


def test_insure__too_early__reverts(world: World, refused: Refused) -> None:
    start = world.start()
    world.clock.next(start + 99)

    with refused("StillSolvent", account=ACCOUNT, equityWad=180 * WAD, insurableAt=start + 100):
        world.liquidation.send("insure", ACCOUNT, sender=world.keeper)


@pytest.mark.parametrize(("elapsed", "equity"), [(100, 180), (150, 1), (1, 0), (1, -20)])
def test_insure__late_or_no_equity__insures(world: World, elapsed: int, equity: int) -> None:
    start = world.start()
    world.put(ACCOUNT, health(equity))
    world.clock.next(start + elapsed)

    receipt = world.liquidation.send("insure", ACCOUNT, sender=world.keeper)

    assert receipt.event("AuctionInsured").args == {"account": ACCOUNT, "equityWad": equity * WAD}
    assert world.auction() == (start, start, ETH, True, False)


# restart


def test_restart__last_second_of_the_run__reverts(world: World, refused: Refused) -> None:
    start = world.start()
    world.clock.next(start + 200)

    with refused("StillRunning", account=ACCOUNT, ranOutAt=start + 200):
        world.liquidation.send("restart", ACCOUNT, sender=world.keeper)


def test_restart__healthy__reverts(world: World, refused: Refused) -> None:
    start = world.start()
    world.put(ACCOUNT, health(200))
    world.clock.next(start + 201)

    with refused("Healthy", account=ACCOUNT, equityWad=200 * WAD, maintenanceWad=200 * WAD):
        world.liquidation.send("restart", ACCOUNT, sender=world.keeper)


def test_restart__breaker_says_no__reverts(world: World, refused: Refused) -> None:
    start = world.start()
    world.block(START)
    world.clock.next(start + 201)

    with refused("Blocked", action=START, underlying=ETH, level=2, grade=0, grace=False):
        world.liquidation.send("restart", ACCOUNT, sender=world.keeper)


@pytest.mark.parametrize(("equity", "insured"), [(180, False), (0, True)])
def test_restart__ran_out__begins_the_curve_anew(world: World, equity: int, insured: bool) -> None:
    start = world.start(health(equity))
    world.clock.set(start + 201)
    assert world.liquidation.call("discountOf", ACCOUNT) == WAD * 9 // 10
    world.clock.next(start + 300)

    receipt = world.liquidation.send("restart", ACCOUNT, sender=world.keeper)

    assert [event.name for event in receipt.events] == ["AuctionRestarted"]
    assert receipt.event("AuctionRestarted").args == {"account": ACCOUNT}
    assert world.auction() == (start, start + 300, ETH, insured, insured)
    assert world.liquidation.call("discountOf", ACCOUNT) == WAD // 10


def test_restart__twice__still_remembers(world: World) -> None:
    start = world.start(health(0))
    for time in (start + 201, start + 402):
        world.clock.next(time)
        world.liquidation.send("restart", ACCOUNT, sender=world.keeper)

    assert world.auction() == (start, start + 402, ETH, True, True)


# end


@pytest.mark.parametrize("state", [health(199), health(-1, 0, legs=0, gross=0)])
def test_end__unhealthy__reverts(world: World, refused: Refused, state: tuple[object, ...]) -> None:
    world.start()
    world.put(ACCOUNT, state)
    margin = state[0]

    with refused("Unhealthy", account=ACCOUNT, equityWad=margin[0], maintenanceWad=margin[2]):  # type: ignore[index]
        world.liquidation.send("end", ACCOUNT, sender=world.keeper)


def test_end__breaker_says_no__reverts(world: World, refused: Refused) -> None:
    world.start()
    world.put(ACCOUNT, health(200))
    world.block(TAKE)

    with refused("Blocked", action=TAKE, underlying=ETH, level=2, grade=0, grace=False):
        world.liquidation.send("end", ACCOUNT, sender=world.keeper)


@pytest.mark.parametrize("state", [health(200), health(0, 0, legs=0, gross=0, underlyings=(), dominant=0)])
def test_end__healthy__forgets_and_emits(world: World, state: tuple[object, ...]) -> None:
    world.start(health(0))
    world.put(ACCOUNT, state)
    margin = state[0]

    receipt = world.liquidation.send("end", ACCOUNT, sender=world.keeper)

    assert receipt.event("AuctionEnded").args == {
        "account": ACCOUNT,
        "equityWad": margin[0],  # type: ignore[index]
        "maintenanceWad": margin[2],  # type: ignore[index]
    }
    assert world.auction() == NO_AUCTION
    start = world.start()
    assert world.auction() == (start, start, ETH, False, False)
