"""stake, requestUnstake, unstake, hold
├── stake
│   ├── not authorised             -> NotAuthorised
│   ├── nothing, or too little     -> ZeroAmount
│   ├── the account holds more     -> StillHolds
│   ├── more than its cash         -> InsufficientCash
│   ├── fund below its least       -> FundTooSmall
│   ├── first                      -> a share a wei, beside the protocol's part
│   ├── later                      -> at what a share is worth
│   └── fees pending               -> split before, not bought
├── requestUnstake
│   ├── not authorised             -> NotAuthorised
│   ├── more than is staked        -> InsufficientShares
│   ├── again                      -> replaces, clock anew; zero takes it back
│   └── bears losses and earns until it has left
├── unstake
│   ├── nothing requested          -> NothingRequested
│   ├── before, after the window   -> CoolingDown, WindowClosed
│   ├── in it                      -> what it is worth now, pending fees included
│   ├── held                       -> later, by a window at most
│   └── withdrawals stopped        -> Blocked, whatever stops them
└── hold
    ├── no deficit                 -> NotInDeficit
    └── deficit, or a payment      -> nobody leaves until holdSeconds have passed
"""

from __future__ import annotations

import pytest

from holdfast.types import Action, Grade, Level
from holdfast.units import WAD
from tests.conftest import Clock, Refused, Roles
from tests.unit.insurance.world import ACCOUNT, ETH, FEES, FUND, PARAMS, TARGET, TREASURY, World, params

OTHER, BROKEN = 10, 11


@pytest.fixture
def staked(world: World, roles: Roles) -> int:
    """A fund of 100 with 300 staked beside, and its shares."""
    world.put(FUND, 100 * WAD)
    world.own(ACCOUNT, roles.trader, 500 * WAD)
    world.insurance.send("setCap", ETH, 1_000 * WAD, sender=roles.governor)
    world.insurance.send("stake", ACCOUNT, 300 * WAD, sender=roles.trader)
    return 300 * WAD


def request(world: World, roles: Roles, shares: int) -> int:
    receipt = world.insurance.send("requestUnstake", ACCOUNT, shares, sender=roles.trader)
    ready = receipt.event("UnstakeRequested").args["readyAt"]
    assert receipt.event("UnstakeRequested").args == {"account": ACCOUNT, "shares": shares, "readyAt": ready}
    return int(ready)


def test_stake__first__a_share_a_wei(world: World, staked: int) -> None:
    state = world.insurance.call("state")
    assert (state.ownShares, state.stakedShares) == (100 * WAD, 300 * WAD)
    assert world.cash(FUND, ACCOUNT) == (400 * WAD, 200 * WAD)
    assert tuple(world.insurance.call("stakeOf", ACCOUNT)) == (300 * WAD, 0, 0)
    assert world.insurance.call("worthOf", staked) == 300 * WAD


def test_stake__later__at_what_a_share_is_worth(world: World, roles: Roles, staked: int) -> None:
    world.put(FUND, 600 * WAD)  # the fund earned half of what it had
    world.own(OTHER, roles.keeper, 90 * WAD)

    receipt = world.insurance.send("stake", OTHER, 90 * WAD, sender=roles.keeper)

    assert receipt.event("Staked").args == {"account": OTHER, "amountWad": 90 * WAD, "shares": 60 * WAD}
    assert world.insurance.call("worthOf", staked) == 450 * WAD


def test_stake__fees_pending__are_not_bought(world: World, roles: Roles, staked: int) -> None:
    """The attack: come in just before a large distribution."""
    world.put(FEES, 1_000 * WAD)  # 600 of them for the fund
    world.own(OTHER, roles.keeper, 1_000 * WAD)

    world.insurance.send("stake", OTHER, 1_000 * WAD, sender=roles.keeper)

    assert world.cash(FEES, FUND, TREASURY) == (0, 2_000 * WAD, 400 * WAD)
    assert world.insurance.call("worthOf", world.insurance.call("stakeOf", OTHER).shares) == 1_000 * WAD
    assert world.insurance.call("worthOf", staked) == 750 * WAD


def test_stake__others_account__reverts(world: World, roles: Roles, refused: Refused, staked: int) -> None:
    for function, args in (("stake", (WAD,)), ("requestUnstake", (1,)), ("unstake", ())):
        with refused("NotAuthorised", account=ACCOUNT, caller=roles.stranger):
            world.insurance.send(function, ACCOUNT, *args, sender=roles.stranger)


def test_stake__nothing__reverts(world: World, roles: Roles, refused: Refused, staked: int) -> None:
    with refused("ZeroAmount"):
        world.insurance.send("stake", ACCOUNT, 0, sender=roles.trader)
    world.put(FUND, 4_000 * WAD)  # a share is worth ten wei
    with refused("ZeroAmount"):
        world.insurance.send("stake", ACCOUNT, 9, sender=roles.trader)
    world.insurance.send("stake", ACCOUNT, 10, sender=roles.trader)


@pytest.mark.parametrize(("legs", "holdings"), [(1, 0), (0, 1)])
def test_stake__more_than_cash_in_the_account__reverts(
    world: World, roles: Roles, refused: Refused, staked: int, legs: int, holdings: int
) -> None:
    health = ((10**21, 0, 0, 0), 10**21, 0, legs, holdings, 0, 0, [])
    world.ledger.send("setHealth", ACCOUNT, health, sender=world.deployer)

    with refused("StillHolds", account=ACCOUNT, legs=legs, holdings=holdings):
        world.insurance.send("stake", ACCOUNT, WAD, sender=roles.trader)


def test_stake__more_than_its_cash__reverts(
    world: World, roles: Roles, refused: Refused, staked: int
) -> None:
    wanted = 200 * WAD + 1
    with refused("InsufficientCash", account=ACCOUNT, cashWad=200 * WAD, wantedWad=wanted):
        world.insurance.send("stake", ACCOUNT, wanted, sender=roles.trader)


def test_stake__fund_below_its_least__reverts(world: World, roles: Roles, refused: Refused) -> None:
    world.own(ACCOUNT, roles.trader, 500 * WAD)
    world.put(FUND, WAD - 1)
    with refused("FundTooSmall", fundWad=WAD - 1, leastWad=WAD):
        world.insurance.send("stake", ACCOUNT, WAD, sender=roles.trader)

    world.put(FUND, WAD)

    world.insurance.send("stake", ACCOUNT, WAD, sender=roles.trader)


def test_stake__shares_almost_worthless__reverts(world: World, roles: Roles, refused: Refused) -> None:
    world.put(FUND, 2 * 10**6 * WAD)
    world.own(ACCOUNT, roles.trader, 2 * 10**6 * WAD)
    world.insurance.send("stake", ACCOUNT, 10**6 * WAD, sender=roles.trader)
    world.put(FUND, 3 * WAD - 1)  # all but a millionth was paid out

    with refused("FundTooSmall", fundWad=3 * WAD - 1, leastWad=3 * WAD):
        world.insurance.send("stake", ACCOUNT, WAD, sender=roles.trader)


def test_stake__inflated_by_a_gift__the_next_one_loses_nothing(world: World, roles: Roles) -> None:
    """The attack on the first depositor: one wei staked, a fortune given, so that the next one gets no share."""
    world.put(FUND, WAD)
    world.own(ACCOUNT, roles.trader, 10)
    world.insurance.send("stake", ACCOUNT, 1, sender=roles.trader)
    gift = 10**6 * WAD
    world.put(FUND, WAD + 1 + gift)
    world.own(OTHER, roles.keeper, 1_000 * WAD)

    world.insurance.send("stake", OTHER, 1_000 * WAD, sender=roles.keeper)

    worth = world.insurance.call("worthOf", world.insurance.call("stakeOf", OTHER).shares)
    assert 0 <= 1_000 * WAD - worth <= 2 * 10**6  # a wei of a share, of the million that one costs now
    assert world.insurance.call("worthOf", 1) < gift // 10**11  # the gift is the protocol's


def test_request__more_than_is_staked__reverts(
    world: World, roles: Roles, refused: Refused, staked: int
) -> None:
    with refused("InsufficientShares", account=ACCOUNT, shares=staked, wanted=staked + 1):
        world.insurance.send("requestUnstake", ACCOUNT, staked + 1, sender=roles.trader)


def test_request__again__replaces(
    world: World, roles: Roles, refused: Refused, clock: Clock, staked: int
) -> None:
    first = request(world, roles, staked)
    clock.next(first)
    second = request(world, roles, staked // 3)
    assert second == first + PARAMS.cooldown_seconds
    assert tuple(world.insurance.call("stakeOf", ACCOUNT)) == (staked, staked // 3, second)

    request(world, roles, 0)

    with refused("NothingRequested", account=ACCOUNT):
        world.insurance.send("unstake", ACCOUNT, sender=roles.trader)


def test_unstake__outside_its_window__reverts(
    world: World, roles: Roles, refused: Refused, clock: Clock, staked: int
) -> None:
    ready = request(world, roles, staked)
    closes = ready + 2 * PARAMS.window_seconds
    assert world.insurance.call("windowOf", ACCOUNT) == (ready, closes)
    clock.next(ready - 1)
    with refused("CoolingDown", account=ACCOUNT, opensAt=ready):
        world.insurance.send("unstake", ACCOUNT, sender=roles.trader)

    clock.next(closes + 1)
    with refused("WindowClosed", account=ACCOUNT, closedAt=closes):
        world.insurance.send("unstake", ACCOUNT, sender=roles.trader)


@pytest.mark.parametrize("late", [0, 2 * PARAMS.window_seconds])
def test_unstake__in_its_window__pays_what_it_is_worth(
    world: World, roles: Roles, clock: Clock, staked: int, late: int
) -> None:
    """A loss of 200 and fees of 50 in the cooldown: three quarters of both are the stakers'."""
    ready = request(world, roles, staked // 3)
    world.insurance.send("pay", ETH, BROKEN, 200 * WAD, sender=roles.keeper)
    world.put(FEES, 50 * WAD)  # 30 of them for the fund
    clock.next(ready + late)

    receipt = world.insurance.send("unstake", ACCOUNT, sender=roles.trader)

    # 400 − 200 + 30 = 230 for 400 shares; a hundred of them leave.
    amount = 230 * WAD // 4
    assert receipt.event("Unstaked").args == {
        "account": ACCOUNT,
        "shares": 100 * WAD,
        "amountWad": amount,
    }
    assert world.cash(FUND, ACCOUNT, FEES) == (230 * WAD - amount, 200 * WAD + amount, 0)
    stake = world.insurance.call("stakeOf", ACCOUNT)
    assert (stake.shares, stake.leaving) == (200 * WAD, 0)
    state = world.insurance.call("state")
    assert (state.ownShares, state.stakedShares) == (100 * WAD, 200 * WAD)


def test_unstake__the_fund_is_empty__leaves_with_nothing(
    world: World, roles: Roles, clock: Clock, staked: int
) -> None:
    ready = request(world, roles, staked)
    world.insurance.send("pay", ETH, BROKEN, 500 * WAD, sender=roles.keeper)
    clock.next(ready)

    assert (
        world.insurance.send("unstake", ACCOUNT, sender=roles.trader).event("Unstaked").args["amountWad"] == 0
    )
    assert world.insurance.call("state").stakedShares == 0


def test_unstake__withdrawals_stopped__reverts(
    world: World, roles: Roles, refused: Refused, clock: Clock, staked: int
) -> None:
    ready = request(world, roles, staked)
    world.ledger.send("setBlocked", Action.WITHDRAW, True, sender=world.deployer)
    clock.next(ready)
    halted = {"level": Level.HALTED, "grade": Grade.FRESH, "grace": False}
    with refused("Blocked", action=Action.WITHDRAW, underlying=0, **halted):
        world.insurance.send("unstake", ACCOUNT, sender=roles.trader)

    world.ledger.send("setBlocked", Action.WITHDRAW, False, sender=world.deployer)

    assert world.insurance.send("unstake", ACCOUNT, sender=roles.trader).event("Unstaked")


def test_unstake__everybody_left__all_is_the_protocols_again(
    world: World, roles: Roles, clock: Clock, staked: int
) -> None:
    ready = request(world, roles, staked)
    clock.next(ready)
    world.insurance.send("unstake", ACCOUNT, sender=roles.trader)
    world.put(FUND, 160 * WAD)

    receipt = world.insurance.send("stake", ACCOUNT, 40 * WAD, sender=roles.trader)

    assert receipt.event("Staked").args["shares"] == 40 * WAD
    assert world.insurance.call("state").ownShares == 160 * WAD


def test_unstake__after_a_payment__is_held(
    world: World, roles: Roles, refused: Refused, clock: Clock, staked: int
) -> None:
    ready = request(world, roles, staked)
    clock.next(ready)
    world.insurance.send("pay", ETH, BROKEN, WAD, sender=roles.keeper)
    until = ready + PARAMS.hold_seconds
    clock.next(until - 1)
    with refused("CoolingDown", account=ACCOUNT, opensAt=until):
        world.insurance.send("unstake", ACCOUNT, sender=roles.trader)

    clock.next(until)

    assert world.insurance.send("unstake", ACCOUNT, sender=roles.trader).event("Unstaked")


def test_unstake__nothing_paid__isnt_held(world: World, roles: Roles, clock: Clock, staked: int) -> None:
    world.insurance.send("pay", 0, BROKEN, WAD, sender=roles.keeper)  # no cap: nothing is paid

    assert world.insurance.call("state").heldUntil == 0


def test_unstake__held_again_and_again__leaves_after_a_window(
    world: World, roles: Roles, refused: Refused, clock: Clock, staked: int
) -> None:
    """The attack: somebody keeps a bankrupt account in sight for ever, so that nobody ever leaves."""
    ready = request(world, roles, staked)
    world.put(BROKEN, -1)
    latest = ready + PARAMS.window_seconds
    clock.next(latest - 1)
    world.insurance.send("hold", BROKEN, sender=roles.stranger)
    assert world.insurance.call("windowOf", ACCOUNT) == (latest, latest + PARAMS.window_seconds)
    assert world.insurance.call("state").heldUntil > latest

    clock.next(latest)

    assert world.insurance.send("unstake", ACCOUNT, sender=roles.trader).event("Unstaked")


def test_hold__in_deficit__until_its_seconds_have_passed(world: World, roles: Roles, clock: Clock) -> None:
    world.put(BROKEN, -5)

    event = world.insurance.send("hold", BROKEN, sender=roles.stranger).event("Held")

    until = clock.now + PARAMS.hold_seconds
    assert event.args == {"account": BROKEN, "equityWad": -5, "until": until}
    assert world.insurance.call("state").heldUntil == until


@pytest.mark.parametrize("equity", [0, 1])
def test_hold__no_deficit__reverts(world: World, roles: Roles, refused: Refused, equity: int) -> None:
    world.put(BROKEN, equity)

    with refused("NotInDeficit", account=BROKEN, equityWad=equity):
        world.insurance.send("hold", BROKEN, sender=roles.stranger)


def test_hold__a_shorter_one__doesnt_shorten(world: World, roles: Roles) -> None:
    world.put(BROKEN, -1)
    world.insurance.send("hold", BROKEN, sender=roles.stranger)
    until = world.insurance.call("state").heldUntil
    world.insurance.send("setParams", params(hold_seconds=1), sender=roles.governor)

    world.insurance.send("hold", BROKEN, sender=roles.stranger)

    assert world.insurance.call("state").heldUntil == until


def test_capacity__stakes_and_surplus__a_promise_that_pay_keeps(
    world: World, roles: Roles, staked: int
) -> None:
    """What is staked pays like the rest, and no surplus leaves between promise and payment."""
    world.put(FUND, 2 * TARGET)
    world.insurance.send("setCap", ETH, 10 * TARGET, sender=roles.governor)
    promised = world.insurance.call("capacity", ETH)

    paid = world.insurance.send("pay", ETH, BROKEN, promised, sender=roles.keeper).event("Paid")

    assert paid.args["paidWad"] == promised >= 2 * TARGET - 10
