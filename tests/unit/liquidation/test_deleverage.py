"""deleverage
├── not in auction                         -> NotInAuction
├── healthy                                -> Healthy
├── breaker says no                        -> Blocked
├── solvent, equity > 0                    -> StillSolvent with the time
├── fund could pay the deficit             -> InsuranceFirst with what it could
├── insured, equity > 0, still running     -> InsuranceFirst
├── no position there                      -> NothingToDeleverage
└── may be done
    ├── fund empty                         -> position's share of the deficit, price from the ledger, event
    ├── fund short                         -> it pays what it can, the opposite side its share of the rest
    ├── equity gone, not yet insured       -> insured in the same call
    ├── ran out                            -> fund pays all it is asked, the mark for the position
    ├── ran out once, restarted            -> still
    ├── ran out, equity > 0                -> at the mark, fund pays nothing
    ├── deficit above gross                -> the position's notional, no more
    ├── position after position            -> the whole deficit
    ├── last position, ledger off by a wei -> fund pays exactly what is owed
    ├── last position, collateral left     -> the curve begins anew, for what nobody could bid on alone
    └── health restored                    -> auction ends
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.unit.liquidation.world import (
    ACCOUNT,
    BTC,
    BTC_PERP,
    DELEVERAGE,
    ETH,
    ETH_PERP,
    NO_AUCTION,
    World,
    health,
)


def _positions(world: World) -> None:
    """Long 1 at 600 and short 2 at 200: gross 1,000."""
    world.around.send("setSize", ACCOUNT, ETH_PERP, WAD, sender=world.deployer)
    world.around.send("setSize", ACCOUNT, BTC_PERP, -2 * WAD, sender=world.deployer)


def _broke(world: World, equity: int = -50) -> int:
    start = world.start(health(equity))
    _positions(world)
    return start


def _deleverage(world: World, instrument: int = ETH_PERP):  # type: ignore[no-untyped-def]
    return world.liquidation.send("deleverage", ACCOUNT, instrument, sender=world.keeper)


def test_deleverage__not_in_auction__reverts(world: World, refused: Refused) -> None:
    world.put(ACCOUNT, health(-50))

    with refused("NotInAuction", account=ACCOUNT):
        _deleverage(world)


def test_deleverage__healthy__reverts(world: World, refused: Refused) -> None:
    _broke(world)
    world.put(ACCOUNT, health(200))

    with refused("Healthy", account=ACCOUNT, equityWad=200 * WAD, maintenanceWad=200 * WAD):
        _deleverage(world)


def test_deleverage__breaker_says_no__reverts(world: World, refused: Refused) -> None:
    _broke(world)
    world.block(DELEVERAGE)

    with refused("Blocked", action=DELEVERAGE, underlying=ETH, level=2, grade=0, grace=False):
        _deleverage(world)


@pytest.mark.parametrize("elapsed", [1, 201])
def test_deleverage__solvent__reverts(world: World, refused: Refused, elapsed: int) -> None:
    start = world.start()
    _positions(world)
    world.clock.next(start + elapsed)

    with refused("StillSolvent", account=ACCOUNT, equityWad=180 * WAD, insurableAt=start + 100):
        _deleverage(world)


@pytest.mark.parametrize("capacity", [50, 1_000])
def test_deleverage__fund_could_pay__reverts(world: World, refused: Refused, capacity: int) -> None:
    _broke(world)
    world.capacity(capacity)

    with refused("InsuranceFirst", account=ACCOUNT, capacityWad=capacity * WAD):
        _deleverage(world)


@pytest.mark.parametrize("equity", [0, 30])
def test_deleverage__no_deficit_and_running__reverts(world: World, refused: Refused, equity: int) -> None:
    _broke(world)
    world.put(ACCOUNT, health(equity))

    with refused("InsuranceFirst", account=ACCOUNT, capacityWad=0):
        _deleverage(world)


def test_deleverage__no_position__reverts(world: World, refused: Refused) -> None:
    world.start(health(-50))

    with refused("NothingToDeleverage", account=ACCOUNT):
        _deleverage(world)


def test_deleverage__fund_empty__takes_the_share(world: World) -> None:
    start = _broke(world)
    assert world.liquidation.call("deleverage", ACCOUNT, BTC_PERP, sender=world.keeper) == (
        -2 * WAD,
        200 * WAD,
    )

    receipt = _deleverage(world)

    assert receipt.event("DeficitDeleveraged").args == {
        "account": ACCOUNT,
        "instrument": ETH_PERP,
        "sizeWad": WAD,
        "priceWad": 600 * WAD,
        "deficitWad": 30 * WAD,
    }
    assert world.equity(ACCOUNT) == (-20 * WAD,)
    assert world.auction() == (start, start, ETH, True, False)


def test_deleverage__fund_short__pays_what_it_can(world: World) -> None:
    _broke(world)
    world.capacity(20)

    receipt = _deleverage(world)

    assert receipt.event("InsurancePaid").args == {
        "underlying": ETH,
        "account": ACCOUNT,
        "wantedWad": 20 * WAD,
        "paidWad": 20 * WAD,
    }
    assert receipt.event("DeficitDeleveraged").args["deficitWad"] == 18 * WAD


def test_deleverage__equity_gone__insured_in_the_same_call(world: World) -> None:
    start = world.start()
    _positions(world)
    world.put(ACCOUNT, health(-50))

    receipt = _deleverage(world)

    assert receipt.event("AuctionInsured").args == {"account": ACCOUNT, "equityWad": -50 * WAD}
    assert world.auction() == (start, start, ETH, True, False)


@pytest.mark.parametrize("restarted", [False, True])
def test_deleverage__ran_out__fund_pays_all(world: World, restarted: bool) -> None:
    start = _broke(world)
    world.capacity(1_000)
    world.clock.next(start + 201)
    if restarted:
        world.liquidation.send("restart", ACCOUNT, sender=world.keeper)

    receipt = _deleverage(world)

    assert receipt.event("InsurancePaid").args["paidWad"] == 50 * WAD
    assert receipt.event("DeficitDeleveraged").args["deficitWad"] == 0
    assert world.equity(ACCOUNT) == (0,)


def test_deleverage__last_second_of_the_run__reverts(world: World, refused: Refused) -> None:
    start = _broke(world)
    world.capacity(1_000)
    world.clock.next(start + 200)

    with refused("InsuranceFirst", account=ACCOUNT, capacityWad=1_000 * WAD):
        _deleverage(world)


def test_deleverage__ran_out_with_equity__closes_at_the_mark(world: World) -> None:
    start = _broke(world)
    world.put(ACCOUNT, health(30))
    world.capacity(1_000)
    world.clock.next(start + 201)

    receipt = _deleverage(world)

    assert receipt.event("DeficitDeleveraged").args["deficitWad"] == 0
    assert "InsurancePaid" not in [event.name for event in receipt.events]
    assert world.equity(ACCOUNT) == (30 * WAD,)


def test_deleverage__deficit_above_gross__pays_the_notional(world: World) -> None:
    _broke(world, -1_700)

    assert _deleverage(world).event("DeficitDeleveraged").args["deficitWad"] == 600 * WAD
    world.put(ACCOUNT, health(-1_100, gross=400, legs=1))
    receipt = _deleverage(world, BTC_PERP)

    assert receipt.event("DeficitDeleveraged").args["deficitWad"] == 400 * WAD
    # 700 of debt are left for the last step.
    assert world.equity(ACCOUNT) == (-700 * WAD,)
    assert world.auction() != NO_AUCTION


def test_deleverage__dust_position__has_no_share(world: World) -> None:
    world.start(health(-50, gross=0, legs=1))
    world.around.send("setSpot", ETH, 0, sender=world.deployer)
    world.around.send("setSize", ACCOUNT, ETH_PERP, 1, sender=world.deployer)

    assert _deleverage(world).event("DeficitDeleveraged").args["deficitWad"] == 0


def test_deleverage__position_after_position__closes_the_deficit_and_ends(world: World) -> None:
    _broke(world)

    _deleverage(world)
    world.put(ACCOUNT, health(-20, 80, gross=400, legs=1, underlyings=(BTC,)))
    receipt = _deleverage(world, BTC_PERP)

    assert receipt.event("DeficitDeleveraged").args["deficitWad"] == 20 * WAD
    assert receipt.event("AuctionEnded").args == {
        "account": ACCOUNT,
        "equityWad": 0,
        "maintenanceWad": 0,
    }
    assert world.auction() == NO_AUCTION


@pytest.mark.parametrize("ran_out", [False, True])
def test_deleverage__last_position_and_collateral_left__restarts_the_curve(
    world: World, ran_out: bool
) -> None:
    start = world.start(health(-700, gross=600, legs=1, holdings=1))
    world.around.send("setSize", ACCOUNT, ETH_PERP, WAD, sender=world.deployer)
    if ran_out:
        world.clock.next(start + 201)
        world.liquidation.send("restart", ACCOUNT, sender=world.keeper)
    time = world.clock.now + 50
    world.clock.next(time)

    receipt = _deleverage(world)

    # 600 of the 700 came from the opposite side; the rest is behind the collateral.
    assert world.equity(ACCOUNT) == (-100 * WAD,)
    assert receipt.event("AuctionRestarted").args == {"account": ACCOUNT}
    assert world.auction() == (start, time, ETH, True, ran_out)
    assert world.liquidation.call("discountOf", ACCOUNT) == WAD // 10


def test_deleverage__not_the_last_position__keeps_the_clock(world: World) -> None:
    start = _broke(world)

    receipt = _deleverage(world)

    assert "AuctionRestarted" not in [event.name for event in receipt.events]
    assert world.auction() == (start, start, ETH, True, False)


def test_deleverage__nothing_else_left__fund_pays_to_the_wei(world: World) -> None:
    start = world.start(health(-50, gross=600, legs=1))
    world.around.send("setSize", ACCOUNT, ETH_PERP, WAD, sender=world.deployer)
    world.around.send("setSlip", 2, sender=world.deployer)
    world.capacity(1_000)
    world.clock.next(start + 201)

    receipt = _deleverage(world)

    assert receipt.event("InsurancePaid").args["paidWad"] == 50 * WAD + 2
    assert receipt.event("AuctionEnded").args["equityWad"] == 0
    assert world.auction() == NO_AUCTION


def test_deleverage__insured_by_this_call__stays_insured_after_the_restart(world: World) -> None:
    start = world.start()
    world.around.send("setSize", ACCOUNT, ETH_PERP, WAD, sender=world.deployer)
    world.put(ACCOUNT, health(-700, gross=600, legs=1, holdings=1))
    time = world.clock.now + 20
    world.clock.next(time)

    receipt = _deleverage(world)

    names = [event.name for event in receipt.events]
    assert names.index("AuctionInsured") < names.index("AuctionRestarted")
    assert world.auction() == (start, time, ETH, True, False)


def test_deleverage__odd_notional__rounds_up(world: World) -> None:
    world.start(health(-50, gross=0, legs=1))
    world.around.send("setSpot", ETH, WAD // 2, sender=world.deployer)
    world.around.send("setSize", ACCOUNT, ETH_PERP, 3, sender=world.deployer)

    assert _deleverage(world).event("DeficitDeleveraged").args["deficitWad"] == 2
