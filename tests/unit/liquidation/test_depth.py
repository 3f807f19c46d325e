"""take, quote: the depth of the markets
├── solvent, within solventSeconds
│   ├── some depth is free       -> the slice is no larger
│   ├── none is free             -> Throttled, with when it ends
│   └── what is left is dust     -> everything, whatever is free
├── past solventSeconds          -> not throttled
├── insured, or equity is gone   -> not throttled
└── every take                   -> is counted
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.unit.liquidation.world import ACCOUNT, World, health


def free(world: World, fraction: int) -> None:
    world.around.send("setFraction", fraction, sender=world.deployer)


@pytest.mark.parametrize("fraction", [WAD // 4, 1, WAD // 2 - 1])
def test_take__depth_short__slice_is_no_larger(world: World, fraction: int) -> None:
    start = world.start()
    free(world, fraction)

    taken = world.take(start + 30).event("Taken").args  # f* is a half

    assert taken["fractionWad"] == fraction
    assert world.around.call("drawn") == fraction


def test_take__no_depth__is_throttled_until_the_time_is_over(world: World, refused: Refused) -> None:
    start = world.start()
    free(world, 0)
    world.clock.set(start + 98)

    with refused("Throttled", account=ACCOUNT, freeAt=start + 100):
        world.liquidation.call("quote", ACCOUNT, WAD)
    with refused("Throttled", account=ACCOUNT, freeAt=start + 100):
        world.take(start + 99)

    assert world.take(start + 100).event("Taken").args["fractionWad"] == WAD
    assert world.around.call("drawn") == WAD


@pytest.mark.parametrize("equity", [0, -50])
def test_take__equity_gone__is_not_throttled(world: World, equity: int) -> None:
    start = world.start()
    world.put(ACCOUNT, health(equity))
    world.capacity(1_000)
    free(world, 0)

    assert world.take(start + 30).event("Taken").args["fractionWad"] == WAD


def test_take__rest_is_dust__everything(world: World) -> None:
    """MM 200, dust 10: 96 % would leave 8."""
    start = world.start(health(20))
    free(world, WAD * 96 // 100)
    assert world.liquidation.call("discountOf", ACCOUNT)
    assert world.take(start + 30).event("Taken").args["fractionWad"] == WAD


def test_take__dust_account__is_never_throttled(world: World) -> None:
    start = world.start(health(4, 9))
    free(world, 0)

    assert world.take(start + 30).event("Taken").args["fractionWad"] == WAD
