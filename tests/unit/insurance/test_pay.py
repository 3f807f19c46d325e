"""pay, capacity
├── caller has no role                 -> AccessManagedUnauthorized
├── everything is there                -> pays what is wanted, draws on the market
├── less is there than wanted          -> pays what is there
├── cap leaves less                    -> pays what is left of it
├── cap below what was drawn           -> pays nothing, moves nothing
├── pending fees                       -> distributed first, and counted
├── nothing wanted                     -> pays nothing
├── markets                            -> draw on their own caps alone
├── the ledger loses a wei in each move -> what capacity promised is paid all the same, and that wei too
└── capacity                           -> what pay then pays, less dust
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from holdfast.model.insurance import DUST_WAD, Fund, Market, capacity_wad, pay
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.insurance.world import ACCOUNT, BTC, ETH, FEES, FUND, SHARE_WAD, TREASURY, World


@pytest.fixture
def insurance(world: World, roles: Roles) -> Contract:
    world.insurance.send("setCap", ETH, 50 * WAD, sender=roles.governor)
    world.put(FUND, 100 * WAD)
    return world.insurance


def test_pay__stranger__reverts(insurance: Contract, roles: Roles, refused: Refused) -> None:
    for caller in (roles.stranger, roles.governor, roles.guardian):
        with refused("AccessManagedUnauthorized", caller=caller):
            insurance.send("pay", ETH, ACCOUNT, WAD, sender=caller)


@pytest.mark.parametrize(
    ("fund", "wanted", "paid"),
    [(100, 30, 30), (20, 30, 20), (100, 60, 50), (100, 50, 50), (0, 30, 0), (100, 0, 0)],
    ids=["all of it", "fund short", "cap short", "just the cap", "fund empty", "nothing wanted"],
)
def test_pay__within_limits__moves_and_draws(
    world: World, insurance: Contract, roles: Roles, fund: int, wanted: int, paid: int
) -> None:
    world.put(FUND, fund * WAD)
    assert insurance.call("pay", ETH, ACCOUNT, wanted * WAD, sender=roles.keeper) == paid * WAD

    receipt = insurance.send("pay", ETH, ACCOUNT, wanted * WAD, sender=roles.keeper)

    assert receipt.event("Paid").args == {
        "underlying": ETH,
        "account": ACCOUNT,
        "wantedWad": wanted * WAD,
        "paidWad": paid * WAD,
    }
    assert world.cash(FUND, ACCOUNT) == ((fund - paid) * WAD, paid * WAD)
    assert insurance.call("drawnOf", ETH) == paid * WAD
    assert (insurance.call("drawnOf", BTC), insurance.call("capOf", ETH)) == (0, 50 * WAD)
    assert [event.name for event in receipt.events] == ([] if paid == 0 else ["Moved"]) + ["Paid"]


def test_pay__cap_below_drawn__pays_nothing(world: World, insurance: Contract, roles: Roles) -> None:
    insurance.send("pay", ETH, ACCOUNT, 40 * WAD, sender=roles.keeper)
    insurance.send("tightenCap", ETH, 30 * WAD, sender=roles.guardian)
    assert insurance.call("capacity", ETH) == 0

    insurance.send("pay", ETH, ACCOUNT, WAD, sender=roles.keeper)

    assert world.cash(FUND, ACCOUNT) == (60 * WAD, 40 * WAD)
    assert insurance.call("drawnOf", ETH) == 40 * WAD


def test_pay__pending_fees__come_first(world: World, insurance: Contract, roles: Roles) -> None:
    world.put(FUND, 10 * WAD)
    world.put(FEES, 5 * WAD)

    receipt = insurance.send("pay", ETH, ACCOUNT, 20 * WAD, sender=roles.keeper)

    assert receipt.event("FeesDistributed").args == {"fundWad": 3 * WAD, "treasuryWad": 2 * WAD}
    assert receipt.event("Paid").args["paidWad"] == 13 * WAD
    assert world.cash(FUND, FEES, TREASURY, ACCOUNT) == (0, 0, 2 * WAD, 13 * WAD)


def test_pay__two_markets__draw_on_their_own_caps(world: World, insurance: Contract, roles: Roles) -> None:
    insurance.send("setCap", BTC, 5 * WAD, sender=roles.governor)

    insurance.send("pay", BTC, ACCOUNT, 9 * WAD, sender=roles.keeper)

    assert [insurance.call("drawnOf", market) for market in (0, ETH, BTC)] == [0, 0, 5 * WAD]
    assert [insurance.call("capacity", market) for market in (0, ETH, BTC)] == [0, 50 * WAD - DUST_WAD, 0]


@pytest.mark.parametrize("fund", [0, 7, 100 * WAD])
@pytest.mark.parametrize("fees", [-3, 0, 1, 33 * WAD + 1])
@pytest.mark.parametrize("wanted", [0, 1, 20 * WAD, 2**127])
def test_pay__any_balances__as_the_model(
    world: World, insurance: Contract, roles: Roles, fund: int, fees: int, wanted: int
) -> None:
    world.put(FUND, fund)
    world.put(FEES, fees)
    before = Fund(fund_wad=fund, fees_wad=fees, share_wad=SHARE_WAD, markets={ETH: Market(cap_wad=50 * WAD)})
    assert insurance.call("capacity", ETH) == capacity_wad(before, ETH)
    after, paid = pay(before, ETH, wanted)

    insurance.send("pay", ETH, ACCOUNT, wanted, sender=roles.keeper)

    assert world.cash(FUND, FEES, TREASURY, ACCOUNT) == (
        after.fund_wad,
        after.fees_wad,
        after.treasury_wad,
        paid,
    )


@pytest.mark.parametrize("fund", [0, 7, 100 * WAD])
@pytest.mark.parametrize("fees", [5, 33 * WAD + 1])
def test_pay__ledger_loses_wei__keeps_the_promise(
    world: World, insurance: Contract, roles: Roles, fund: int, fees: int
) -> None:
    insurance.send("setCap", ETH, 1_000 * WAD, sender=roles.governor)
    world.put(FUND, fund)
    world.put(FEES, fees)
    world.ledger.send("setMoveSlip", 2, sender=roles.deployer)
    promised = insurance.call("capacity", ETH)
    assert promised >= fund - DUST_WAD

    wanted = promised + 2 if promised else 0

    receipt = insurance.send("pay", ETH, ACCOUNT, wanted, sender=roles.keeper)

    assert receipt.event("Paid").args["paidWad"] == wanted
    assert min(world.cash(FUND, FEES)) >= 0
