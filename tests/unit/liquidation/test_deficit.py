"""reportDeficit, and who else tells the breaker of a deficit
├── the fund can pay it, or nearly        -> not uncovered, nothing told
├── more than that
│   ├── in auction, or not                -> told, counted once, DeficitReported; told again each time
│   ├── no auction                        -> by the market of its largest exposure; a start keeps what is known
│   └── by start, insure, take, deleverage of an account without equity
└── gone
    ├── reported                          -> told, if it was the last
    ├── another stands                    -> not told yet
    └── by end, or a write-off without an auction
"""

from __future__ import annotations

import pytest

from holdfast.chain.transactions import Receipt
from holdfast.units import WAD
from tests.conftest import Roles
from tests.unit.liquidation.world import ACCOUNT, BTC, ETH, ETH_PERP, TAKER, World, health

OTHER = 11


def seen(receipt: Receipt) -> list[bool]:
    """What the breaker was told."""
    return [event.args["uncovered"] for event in receipt.events if event.name == "DeficitSeen"]


def report(world: World, account: int = ACCOUNT, by: str | None = None) -> Receipt:
    return world.liquidation.send("reportDeficit", account, sender=by or world.keeper)


@pytest.mark.parametrize(("deficit", "uncovered"), [(-10, False), (0, False), (25, False), (26, True)])
@pytest.mark.parametrize("auction", [False, True])
def test_report_deficit__more_than_the_fund_can_pay__is_told(
    world: World, roles: Roles, deficit: int, uncovered: bool, auction: bool
) -> None:
    if auction:
        world.start()
    world.put(ACCOUNT, health(-deficit))
    world.capacity(20)  # 5 more are passed over
    assert world.liquidation.call("reportDeficit", ACCOUNT, sender=roles.stranger) is uncovered

    receipt = report(world, by=roles.stranger)

    assert seen(receipt) == [True] * uncovered
    told = [event.args for event in receipt.events if event.name == "DeficitReported"]
    assert told == [{"account": ACCOUNT, "uncovered": True}] * uncovered
    assert world.uncovered() == (uncovered, int(uncovered))


def test_report_deficit__again__is_told_and_counted_once(world: World) -> None:
    world.put(ACCOUNT, health(-50))
    report(world)

    receipt = report(world)

    assert seen(receipt) == [True]
    assert "DeficitReported" not in [event.name for event in receipt.events]
    assert world.uncovered() == (True, 1)


def test_report_deficit__no_auction__draws_on_its_largest_exposure(world: World) -> None:
    world.capacity(100, market=BTC)
    world.put(ACCOUNT, health(-50, dominant=BTC))
    assert seen(report(world)) == []

    world.put(ACCOUNT, health(-50, dominant=ETH))
    assert seen(report(world)) == [True]


def test_report_deficit__then_start__is_kept(world: World) -> None:
    world.put(ACCOUNT, health(-50))
    report(world)

    start = world.start(health(-50))

    assert world.auction() == (start, start, ETH, True, False)
    assert world.uncovered() == (True, 1)


@pytest.mark.parametrize("equity", [-50, -26, -25, 0, 180])
def test_start__no_equity__tells(world: World, equity: int) -> None:
    world.put(ACCOUNT, health(equity))
    world.capacity(20)

    receipt = world.liquidation.send("start", ACCOUNT, TAKER, sender=world.keeper)

    assert seen(receipt) == [True] * (equity < -25)


@pytest.mark.parametrize("function", ["insure", "take", "deleverage"])
def test_step__equity_gone_since_the_start__tells(world: World, function: str) -> None:
    world.start()
    world.put(ACCOUNT, health(-50, legs=1))
    world.around.send("setSize", ACCOUNT, ETH_PERP, WAD, sender=world.deployer)
    world.capacity(20)

    if function == "take":
        receipt = world.take()
    elif function == "insure":
        receipt = world.liquidation.send("insure", ACCOUNT, sender=world.keeper)
    else:
        receipt = world.liquidation.send("deleverage", ACCOUNT, ETH_PERP, sender=world.keeper)

    assert seen(receipt)[0] is True


def test_report_deficit__covered_again__is_told(world: World) -> None:
    world.start(health(-50))
    world.capacity(50)

    receipt = report(world)

    assert seen(receipt) == [False]
    assert receipt.event("DeficitReported").args == {"account": ACCOUNT, "uncovered": False}
    assert world.uncovered() == (False, 0)


def test_report_deficit__another_stands__not_told_yet(world: World) -> None:
    world.put(OTHER, health(-50))
    world.start(health(-50))
    report(world, OTHER)
    world.capacity(100)

    assert seen(report(world)) == []
    assert world.uncovered() == (False, 1)
    assert seen(report(world, OTHER)) == [False]


def test_end__uncovered__is_told(world: World) -> None:
    world.start(health(-50))
    world.put(ACCOUNT, health(300))

    receipt = world.liquidation.send("end", ACCOUNT, sender=world.keeper)

    assert seen(receipt) == [False]
    assert world.uncovered() == (False, 0)


@pytest.mark.parametrize("auction", [False, True])
def test_write_off__uncovered__is_told(world: World, auction: bool) -> None:
    debt = health(-50, 0, cash=-50, gross=0, legs=0, dominant=0, underlyings=())
    if auction:
        world.start(health(-50))
    world.put(ACCOUNT, debt)
    report(world)

    receipt = world.liquidation.send("writeOff", ACCOUNT, sender=world.keeper)

    assert seen(receipt) == [False]
    assert world.uncovered() == (False, 0)
