"""start
├── equity ≥ MM                          -> Healthy
├── already in auction                   -> AlreadyInAuction
├── breaker says no                      -> Blocked
├── by a witness
│   ├── whose MM is above equity         -> started by what it proves: event and reward's share
│   ├── whose MM isn't                   -> Healthy, with what it proves
│   └── what comes after                 -> by the whole MM
└── equity < MM
    ├── equity > 0                       -> solvent; stores the clock and the market; emits AuctionStarted
    ├── equity ≤ 0                       -> insured at once; emits AuctionInsured too
    ├── anybody may start
    └── reward
        ├── equity is enough             -> account pays gas and margin
        ├── equity falls short           -> fund adds up to the bare gas, drawing on the dominant market
        ├── equity ≤ 0                   -> fund pays the bare gas
        ├── fund empty                   -> what equity gave
        ├── MM is small                  -> at most a share of the penalty
        ├── gas beyond the fund's bound  -> that is all it adds
        ├── gas is free, or has no price -> nothing moves
        └── more positions and collateral -> more gas
"""

from __future__ import annotations

import pytest

from holdfast.chain.transactions import Receipt
from holdfast.model.liquidation import gas_cost_wad, reward_gas, start_reward
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.liquidation.world import (
    ACCOUNT,
    ETH,
    GAS,
    PARAMS,
    REWARDED,
    START,
    World,
    health,
)

GWEI = 10**9


def _start(world: World, base_fee: int, caller: str | None = None) -> Receipt:
    world.clock.set(world.clock.now + 1)
    world.liquidation.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    return world.liquidation.send(
        "start", ACCOUNT, REWARDED, sender=caller or world.keeper, max_fee=base_fee, priority_fee=0
    )


@pytest.mark.parametrize("equity", [200, 201])
def test_start__healthy__reverts(world: World, refused: Refused, equity: int) -> None:
    world.put(ACCOUNT, health(equity))

    with refused("Healthy", account=ACCOUNT, equityWad=equity * WAD, maintenanceWad=200 * WAD):
        world.liquidation.send("start", ACCOUNT, REWARDED, sender=world.keeper)


def test_start__already_in_auction__reverts(world: World, refused: Refused) -> None:
    world.start()

    with refused("AlreadyInAuction", account=ACCOUNT):
        world.liquidation.send("start", ACCOUNT, REWARDED, sender=world.keeper)


def test_start__breaker_says_no__reverts(world: World, refused: Refused) -> None:
    world.put(ACCOUNT, health(180))
    world.block(START)

    with refused("Blocked", action=START, underlying=ETH, level=2, grade=0, grace=False):
        world.liquidation.send("start", ACCOUNT, REWARDED, sender=world.keeper)


WITNESS = 1 << 5


def _prove(world: World, maintenance: int) -> None:
    world.around.send("setProven", WITNESS, maintenance * WAD, sender=world.deployer)


def test_start_by__witness_proves_it__starts_by_what_it_proves(world: World) -> None:
    world.put(ACCOUNT, health(100, 200))
    _prove(world, 120)

    world.liquidation.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
    receipt = world.liquidation.send(
        "startBy", ACCOUNT, REWARDED, WITNESS, sender=world.keeper, max_fee=100 * GWEI, priority_fee=0
    )

    event = receipt.event("AuctionStarted").args
    assert (event["equityWad"], event["maintenanceWad"]) == (100 * WAD, 120 * WAD)
    assert event["rewardWad"] == 120 * WAD * 9 // 10 // 20  # a twentieth of 90 % of what was proved
    assert world.auction()[0] == world.clock.now
    fraction, _, _ = world.liquidation.call("quote", ACCOUNT, WAD)
    equity = 100 * WAD - event["rewardWad"]
    assert fraction == -(-(280 * WAD - equity) * WAD // (260 * WAD))  # T·MM − E over (T − d)·MM, by all of it


@pytest.mark.parametrize("proved", [0, 99, 100])
def test_start_by__witness_proves_too_little__reverts(world: World, refused: Refused, proved: int) -> None:
    world.put(ACCOUNT, health(100, 200))
    _prove(world, proved)

    with refused("Healthy", account=ACCOUNT, equityWad=100 * WAD, maintenanceWad=proved * WAD):
        world.liquidation.send("startBy", ACCOUNT, REWARDED, WITNESS, sender=world.keeper)


def test_start_by__all_cells__as_start(world: World, refused: Refused) -> None:
    world.put(ACCOUNT, health(180))

    receipt = world.liquidation.send("startBy", ACCOUNT, REWARDED, 2**256 - 1, sender=world.keeper)

    assert receipt.event("AuctionStarted").args["maintenanceWad"] == 200 * WAD
    with refused("AlreadyInAuction", account=ACCOUNT):
        world.liquidation.send("startBy", ACCOUNT, REWARDED, WITNESS, sender=world.keeper)


@pytest.mark.parametrize("equity", [180 * WAD, 200 * WAD - 1, 1])
def test_start__solvent__stores_and_emits(world: World, roles: Roles, equity: int) -> None:
    world.put(ACCOUNT, health(equity, 200 * WAD, scale=1))

    receipt = _start(world, 0, roles.stranger)

    assert [event.name for event in receipt.events] == ["AuctionStarted"]
    assert receipt.event("AuctionStarted").args == {
        "account": ACCOUNT,
        "by": roles.stranger,
        "equityWad": equity,
        "maintenanceWad": 200 * WAD,
        "rewardWad": 0,
    }
    now = world.clock.now
    assert world.auction() == (now, now, ETH, False, False)


@pytest.mark.parametrize("equity", [0, -30])
def test_start__no_equity__insured_at_once(world: World, equity: int) -> None:
    world.put(ACCOUNT, health(equity))

    receipt = _start(world, 0)

    names = [event.name for event in receipt.events]
    assert names[:2] == ["AuctionStarted", "AuctionInsured"]
    assert names[2:] == (["DeficitReported", "DeficitSeen"] if equity < 0 else [])
    assert receipt.event("AuctionInsured").args == {"account": ACCOUNT, "equityWad": equity * WAD}
    now = world.clock.now
    assert world.auction() == (now, now, ETH, True, False)


# At 100 gwei and 2,000 a unit, 70,000 gas (two positions) cost 14; with the margin of a half, 21.
@pytest.mark.parametrize(
    ("equity", "maintenance", "capacity", "own", "fund"),
    [
        (180, 1_000, 100, 21, 0),
        (21, 1_000, 100, 21, 0),
        (20, 1_000, 100, 20, 0),
        (14, 1_000, 100, 14, 0),
        (12, 1_000, 100, 12, 2),
        (0, 1_000, 100, 0, 14),
        (-50, 1_000, 100, 0, 14),
        (-50, 1_000, 5, 0, 5),
        (12, 1_000, 0, 12, 0),
        (180, 200, 100, 9, 0),  # a twentieth of 90 % of MM
        (3, 100, 100, 3, 1.5),
        (-50, 200, 100, 0, 9),
    ],
)
def test_start__reward__comes_from_the_account_then_the_fund(
    world: World, equity: int, maintenance: int, capacity: int, own: float, fund: float
) -> None:
    world.put(ACCOUNT, health(equity, maintenance))
    world.capacity(capacity)

    receipt = _start(world, 100 * GWEI)

    own, fund = int(own * WAD), int(fund * WAD)
    assert receipt.event("AuctionStarted").args["rewardWad"] == own + fund
    assert world.equity(ACCOUNT, REWARDED) == (equity * WAD - own, own + fund)
    moved = [event.args for event in receipt.events if event.name == "Moved"]
    assert moved == ([{"from": ACCOUNT, "to": REWARDED, "amountWad": own}] if own else [])
    paid = [
        (event.args["underlying"], event.args["paidWad"])
        for event in receipt.events
        if "wantedWad" in event.args
    ]
    asked = own < min(14 * WAD, maintenance * WAD * 9 // 200)
    assert paid == ([(ETH, fund)] if asked else [])


def test_start__reward__is_what_the_model_says(world: World) -> None:
    state = health(33, 700, legs=3, holdings=2)
    world.put(ACCOUNT, state)
    base_fee = 123_456_789_012

    receipt = _start(world, base_fee)

    cost = gas_cost_wad(base_fee, reward_gas(PARAMS, 5), 2_000 * WAD)
    expected = start_reward(cost, PARAMS, 33 * WAD, 700 * WAD)
    assert receipt.event("AuctionStarted").args["rewardWad"] == expected.own_wad
    assert cost == base_fee * 85_000 * 2_000


def test_start__gas_beyond_the_funds_bound__adds_that(world: World) -> None:
    world.put(ACCOUNT, health(-50, 100_000))
    world.capacity(10_000)

    receipt = _start(world, 1_000 * GWEI)

    assert receipt.event("AuctionStarted").args["rewardWad"] == 30 * WAD  # of 140 for the gas


def test_start__gas_without_price__pays_nothing(world: World) -> None:
    world.put(ACCOUNT, health(180))
    world.around.send("setSpot", GAS, 0, sender=world.deployer)

    receipt = _start(world, 100 * GWEI)

    assert [event.name for event in receipt.events] == ["AuctionStarted"]
