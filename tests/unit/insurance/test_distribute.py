"""distribute, constructor
├── fees are there     -> split, emits FeesDistributed; the treasury loses the wei
├── nothing, or less   -> nothing moves, no event
├── the ledger loses a wei in each move -> FEES never ends in debt
├── anybody may call
└── constructor        -> opens FUND, FEES and TREASURY; BadShare
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.insurance.world import FEES, FUND, SHARE_BPS, TREASURY, World


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
    assert world.insurance.call("fundShareBps") == SHARE_BPS


def test_constructor__share_above_one__reverts(
    world: World, deploy: Callable[..., Contract], authority: Contract, refused: Refused
) -> None:
    with refused("BadShare", shareBps=10_001):
        deploy("Insurance", authority.address, world.ledger.address, 10_001)
