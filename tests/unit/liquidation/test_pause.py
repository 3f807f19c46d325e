"""After a halt and its grace, the clock of an auction begins anew
├── reopened after the start
│   ├── discountOf      -> counts from there; d₀ while it lies ahead
│   ├── take            -> at the discount of the new clock, and not ran out
│   ├── insure          -> solventSeconds count from there
│   ├── restart         -> not before runSeconds from there
│   └── deleverage      -> ran out only runSeconds from there
├── reopened before the start                   -> nothing changes
└── a market that the account is not in         -> nothing changes
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.unit.liquidation.world import ACCOUNT, ETH, ETH_PERP, World, health

PAUSE = 150  # [seconds] from the start to the end of the grace


def _paused(world: World, start: int, seconds: int = PAUSE, market: int = ETH) -> int:
    world.around.send("setReopened", market, start + seconds, sender=world.deployer)
    return start + seconds


@pytest.mark.parametrize(("elapsed", "percent"), [(100, 10), (PAUSE, 10), (PAUSE + 40, 50), (PAUSE + 99, 90)])
def test_discount_of__after_a_pause__counts_from_its_end(world: World, elapsed: int, percent: int) -> None:
    start = world.start()
    _paused(world, start)
    world.clock.set(start + elapsed)

    assert world.liquidation.call("discountOf", ACCOUNT) == percent * WAD // 100


def test_take__after_a_pause__at_the_new_clock(world: World) -> None:
    start = world.start()
    reopened = _paused(world, start)

    taken = world.take(reopened + 30).event("Taken").args

    assert (taken["fractionWad"], taken["discountWad"]) == (WAD // 2, 40 * WAD)


def test_take__after_a_pause__runs_as_long_again(world: World, refused: Refused) -> None:
    start = world.start()
    reopened = _paused(world, start)

    with refused("RanOut", account=ACCOUNT, ranOutAt=reopened + 200):
        world.take(reopened + 201)


def test_insure__after_a_pause__waits_again(world: World, refused: Refused) -> None:
    start = world.start()
    reopened = _paused(world, start)
    world.clock.next(reopened + 99)
    with refused("StillSolvent", account=ACCOUNT, equityWad=180 * WAD, insurableAt=reopened + 100):
        world.liquidation.send("insure", ACCOUNT, sender=world.keeper)

    world.clock.next(reopened + 100)
    world.liquidation.send("insure", ACCOUNT, sender=world.keeper)

    assert world.auction() == (start, start, ETH, True, False)


def test_restart__after_a_pause__waits_again(world: World, refused: Refused) -> None:
    start = world.start()
    reopened = _paused(world, start)
    world.clock.next(reopened + 200)
    with refused("StillRunning", account=ACCOUNT, ranOutAt=reopened + 200):
        world.liquidation.send("restart", ACCOUNT, sender=world.keeper)

    world.clock.next(reopened + 201)
    world.liquidation.send("restart", ACCOUNT, sender=world.keeper)

    assert world.auction() == (reopened, reopened + 201, ETH, False, False)


def test_deleverage__after_a_pause__ran_out_later(world: World, refused: Refused) -> None:
    start = world.start(health(-50))
    world.around.send("setSize", ACCOUNT, ETH_PERP, WAD, sender=world.deployer)
    world.capacity(1_000)
    reopened = _paused(world, start)
    world.clock.next(reopened + 200)
    with refused("InsuranceFirst", account=ACCOUNT, capacityWad=1_000 * WAD):
        world.liquidation.send("deleverage", ACCOUNT, ETH_PERP, sender=world.keeper)

    world.clock.next(reopened + 201)
    world.liquidation.send("deleverage", ACCOUNT, ETH_PERP, sender=world.keeper)

    assert world.equity(ACCOUNT) == (0,)


@pytest.mark.parametrize(
    ("seconds", "market"), [(-10, ETH), (PAUSE, 77)], ids=["before the start", "elsewhere"]
)
def test_discount_of__another_pause__changes_nothing(world: World, seconds: int, market: int) -> None:
    start = world.start()
    _paused(world, start, seconds, market)
    world.clock.set(start + 40)

    assert world.liquidation.call("discountOf", ACCOUNT) == WAD // 2
