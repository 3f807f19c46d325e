"""distribute, constructor
├── fees are there     -> split, emits FeesDistributed; the treasury loses the wei
├── nothing, or less   -> nothing moves, no event
├── the ledger loses a wei in each move -> FEES never ends in debt
├── anybody may call
├── share              -> grows with the distance to the target; the largest when that is too old
├── surplus
│   ├── above target and slack        -> leaves to the treasury
│   ├── held, or the target too old   -> stays
│   └── stakes beside                 -> of the protocol's part alone, and takes its shares with it
└── constructor        -> opens FUND, FEES and TREASURY; BadParams
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Clock, Refused, Roles
from tests.unit.insurance.world import (
    ACCOUNT,
    FEES,
    FUND,
    PARAMS,
    SHARE_WAD,
    TARGET,
    TREASURY,
    World,
    params,
)


@pytest.mark.parametrize(
    ("fees", "fund", "treasury"), [(100 * WAD, 60 * WAD, 40 * WAD), (1, 1, 0), (6, 4, 2)]
)
def test_distribute__fees_there__splits(
    world: World, roles: Roles, fees: int, fund: int, treasury: int
) -> None:
    world.put(FEES, fees)
    assert world.insurance.call("distribute") == (fund, treasury)

    receipt = world.insurance.send("distribute", sender=roles.stranger)

    assert receipt.event("FeesDistributed").args == {"fundWad": fund, "treasuryWad": treasury}
    assert world.cash(FUND, FEES, TREASURY) == (fund, 0, treasury)


@pytest.mark.parametrize("fees", [0, -5])
def test_distribute__nothing_there__does_nothing(world: World, roles: Roles, fees: int) -> None:
    world.put(FEES, fees)

    receipt = world.insurance.send("distribute", sender=roles.stranger)

    assert receipt.events == []
    assert world.cash(FUND, FEES, TREASURY) == (0, fees, 0)


@pytest.mark.parametrize("fees", [5, 1_000, 100 * WAD])
def test_distribute__ledger_loses_wei__fees_never_in_debt(world: World, roles: Roles, fees: int) -> None:
    world.put(FEES, fees)
    world.ledger.send("setMoveSlip", 2, sender=roles.deployer)

    split = world.insurance.send("distribute", sender=roles.stranger).event("FeesDistributed").args

    assert split["fundWad"] == fees * 6 // 10
    assert split["treasuryWad"] == fees - split["fundWad"] - 2
    assert world.cash(FEES) == (0,)


def test_constructor__good_share__opens_its_accounts(world: World) -> None:
    for account, name in enumerate(("FUND", "FEES", "TREASURY"), 1):
        assert world.insurance.call(name) == account
        assert world.ledger.call("ownerOf", account) == world.insurance.address
    assert world.insurance.call("shareWad") == SHARE_WAD
    state = world.insurance.call("state")
    assert (state.targetWad, state.ownShares, state.stakedShares) == (TARGET, 0, 0)


def test_constructor__share_above_one__reverts(
    world: World, deploy: Callable[..., Contract], authority: Contract, refused: Refused
) -> None:
    ledger = world.ledger.address
    with refused("BadParams", value=10_001, bound=10_000):
        deploy("Insurance", authority.address, ledger, ledger, ledger, params(max_share_bps=10_001))


def healing(world: World, roles: Roles, **changes: int) -> None:
    wanted = params(min_share_bps=2_000, max_share_bps=8_000, **changes)
    world.insurance.send("setParams", wanted, sender=roles.governor)


@pytest.mark.parametrize(
    ("fund", "share"), [(0, 80), (250, 65), (500, 50), (999, "20.06"), (1_000, 20), (5_000, 20)]
)
def test_share__below_target__grows_with_the_distance(
    world: World, roles: Roles, fund: int, share: int | str
) -> None:
    healing(world, roles, slack_bps=50_000)
    world.put(FUND, fund * WAD)
    world.put(FEES, 100 * WAD)
    meant = int(Decimal(share).scaleb(18))
    assert world.insurance.call("shareWad") == meant // 100

    world.insurance.send("distribute", sender=roles.stranger)

    assert world.cash(FUND, FEES, TREASURY) == (fund * WAD + meant, 0, 100 * WAD - meant)


def test_share__target_too_old__is_the_largest(world: World, roles: Roles, clock: Clock) -> None:
    healing(world, roles)
    world.put(FUND, 5_000 * WAD)
    refreshed = world.insurance.call("state").refreshedAt
    clock.set(refreshed + PARAMS.max_age_seconds)
    assert world.insurance.call("shareWad") == 2 * WAD // 10

    clock.set(refreshed + PARAMS.max_age_seconds + 1)

    assert world.insurance.call("shareWad") == 8 * WAD // 10
    world.insurance.send("refreshTarget", sender=roles.stranger)
    assert world.insurance.call("shareWad") == 2 * WAD // 10


@pytest.mark.parametrize(("fund", "surplus"), [(1_100, 0), (1_101, 1), (5_000, 3_900)])
def test_distribute__above_target_and_slack__surplus_leaves(
    world: World, roles: Roles, fund: int, surplus: int
) -> None:
    world.put(FUND, fund * WAD)

    receipt = world.insurance.send("distribute", sender=roles.stranger)

    assert world.cash(FUND, TREASURY) == ((fund - surplus) * WAD, surplus * WAD)
    assert [(event.name, event.args) for event in receipt.events if event.name != "Moved"] == (
        [("SurplusReleased", {"amountWad": surplus * WAD})] if surplus else []
    )


def test_distribute__above_target__waits_while_held(world: World, roles: Roles, clock: Clock) -> None:
    world.put(FUND, 5_000 * WAD)
    world.put(ACCOUNT, -1)
    held = world.insurance.send("hold", ACCOUNT, sender=roles.stranger).event("Held").args["until"]
    clock.next(held - 1)
    assert world.insurance.send("distribute", sender=roles.stranger).events == []

    clock.next(held)

    assert world.insurance.send("distribute", sender=roles.stranger).event("SurplusReleased")


def test_distribute__target_too_old__nothing_leaves(world: World, roles: Roles, clock: Clock) -> None:
    world.put(FUND, 5_000 * WAD)
    clock.next(world.insurance.call("state").refreshedAt + PARAMS.max_age_seconds + 1)

    assert world.insurance.send("distribute", sender=roles.stranger).events == []


def test_distribute__stakes_beside__only_the_protocols_part_counts(world: World, roles: Roles) -> None:
    """1,000 of the protocol's and 1,000 staked: nothing is surplus. Then the fund doubles."""
    world.put(FUND, TARGET)
    world.own(ACCOUNT, roles.trader, TARGET)
    world.insurance.send("stake", ACCOUNT, TARGET, sender=roles.trader)
    assert world.insurance.send("distribute", sender=roles.stranger).events == []
    world.put(FUND, 4 * TARGET)

    world.insurance.send("distribute", sender=roles.stranger)

    # Half of 4,000 is the protocol's: 2,000, of which 1,100 stay.
    assert world.cash(FUND, TREASURY) == (4 * TARGET - 900 * WAD, 900 * WAD)
    state = world.insurance.call("state")
    assert (state.ownShares, state.stakedShares) == (550 * WAD, TARGET)
    assert world.insurance.call("worthOf", TARGET) == 2 * TARGET
