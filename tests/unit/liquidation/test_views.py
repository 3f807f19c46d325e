"""discountOf, quote, auctionOf
├── not in auction      -> NotInAuction; no auction
├── discountOf          -> d on the curve, d₁ after it
└── quote
    ├── healthy         -> Healthy
    ├── ran out         -> RanOut
    ├── breaker says no -> Blocked
    ├── bad fraction    -> BadFraction
    └── else            -> what a take at that time gives, insured or not
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.unit.liquidation.world import ACCOUNT, ETH, NO_AUCTION, TAKE, World, bid, health


def test_views__not_in_auction__reverts(world: World, refused: Refused) -> None:
    assert world.auction() == NO_AUCTION
    with refused("NotInAuction", account=ACCOUNT):
        world.liquidation.call("discountOf", ACCOUNT)
    with refused("NotInAuction", account=ACCOUNT):
        world.liquidation.call("quote", ACCOUNT, WAD)


@pytest.mark.parametrize(("elapsed", "percent"), [(1, 11), (40, 50), (80, 90), (81, 90), (5_000, 90)])
def test_discount_of__over_time__follows_the_curve(world: World, elapsed: int, percent: int) -> None:
    start = world.start()
    world.clock.set(start + elapsed)

    assert world.liquidation.call("discountOf", ACCOUNT) == percent * WAD // 100


def test_quote__healthy__reverts(world: World, refused: Refused) -> None:
    world.start()
    world.put(ACCOUNT, health(200))

    with refused("Healthy", account=ACCOUNT, equityWad=200 * WAD, maintenanceWad=200 * WAD):
        world.liquidation.call("quote", ACCOUNT, WAD)


def test_quote__ran_out__reverts(world: World, refused: Refused) -> None:
    start = world.start()
    world.clock.set(start + 201)

    with refused("RanOut", account=ACCOUNT, ranOutAt=start + 200):
        world.liquidation.call("quote", ACCOUNT, WAD)


def test_quote__breaker_says_no__reverts(world: World, refused: Refused) -> None:
    world.start()
    world.block(TAKE)

    with refused("Blocked", action=TAKE, underlying=ETH, level=2, grade=0, grace=False):
        world.liquidation.call("quote", ACCOUNT, WAD)


def test_quote__bad_fraction__reverts(world: World, refused: Refused) -> None:
    world.start()

    with refused("BadFraction", fractionWad=0):
        world.liquidation.call("quote", ACCOUNT, 0)


@pytest.mark.parametrize("equity", [180, 60, 1, 0, -100])
@pytest.mark.parametrize("wanted", [WAD, WAD // 3])
@pytest.mark.parametrize("insured", [False, True])
def test_quote__any_account__is_what_a_take_gives(
    world: World, equity: int, wanted: int, insured: bool
) -> None:
    start = world.start(health(0) if insured else None)
    world.put(ACCOUNT, health(equity))
    world.capacity(70)
    world.clock.set(start + 79)
    last = world.clock.now
    fraction, payment, gain = world.liquidation.call("quote", ACCOUNT, wanted)
    assert (fraction, payment) == world.liquidation.call(
        "take", bid(max_fraction=wanted), sender=world.keeper
    )

    # From here on d stands still.
    world.clock.set(max(last + 1, start + 80))
    fraction, payment, gain = world.liquidation.call("quote", ACCOUNT, wanted)
    taken = world.take(max_fraction=wanted).event("Taken").args

    assert (taken["fractionWad"], taken["paymentWad"]) == (fraction, payment)
    assert taken["discountWad"] - taken["fundShareWad"] == gain
