"""take
├── caller may not act for the taker       -> NotAuthorised
├── the account itself                     -> SelfTake
├── not in auction                         -> NotInAuction
├── healthy                                -> Healthy
├── breaker says no                        -> Blocked
├── beyond the run                         -> RanOut with the time
├── nothing wanted, or more than all       -> BadFraction
├── remainder is dust, bid smaller         -> DustRemainder
├── slice below the bid's minimum          -> FractionTooSmall
├── payment above the bid's maximum        -> PaymentTooHigh
├── gain below the bid's minimum           -> DiscountTooSmall
├── taker ends below IM                    -> TakerBelowInitialMargin
├── taker's prices unusable                -> Blocked
└── a slice is taken
    ├── solvent                            -> amounts, events field by field, receiver passed on
    ├── over time                          -> discount follows the clock, anew after a restart
    ├── odd amounts                        -> the fund's share rounds up
    ├── largest slice                      -> health restored, auction ends
    ├── smaller                            -> auction goes on
    ├── solvent beyond equity              -> for nothing, auction ends empty
    ├── equity ≤ 0, not yet insured        -> insured in the same call, AuctionInsured
    ├── insured                            -> fund pays the account; share of the rest alone
    ├── insured, everything                -> fund pays exactly what the account then owes, to the wei
    ├── insured, fund short                -> slice shrinks, BadFraction where nothing is left
    ├── collateral alone, fund short       -> debt stays, auction stays
    └── callback
        ├── data                           -> called with the slice, before margin is checked
        ├── no data                        -> not called
        └── reenters                       -> ReentrancyGuardReentrantCall, for every function
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Refused
from tests.unit.liquidation.world import (
    ACCOUNT,
    ETH,
    ETH_PERP,
    FUND,
    NO_AUCTION,
    NOBODY,
    REWARDED,
    TAKE,
    TAKER,
    World,
    bid,
    health,
    params,
)

# Thirty seconds in: d = 40 %. With equity 180 and MM 200, f* = (280 − 180)/(1.0·200) = 1/2.
THIRTY = 30


# Refusals


def test_take__not_authorised__reverts(world: World, refused: Refused) -> None:
    world.start()

    with refused("NotAuthorised", account=TAKER, caller=world.deployer):
        world.liquidation.send("take", bid(), sender=world.deployer)


def test_take__the_account_itself__reverts(world: World, refused: Refused) -> None:
    world.start()
    owner = world.around.call("ownerOf", ACCOUNT)

    with refused("SelfTake", account=ACCOUNT):
        world.liquidation.send("take", bid(taker=ACCOUNT), sender=owner)


def test_take__not_in_auction__reverts(world: World, refused: Refused) -> None:
    world.put(ACCOUNT, health(180))

    with refused("NotInAuction", account=ACCOUNT):
        world.take()


def test_take__healthy__reverts(world: World, refused: Refused) -> None:
    world.start()
    world.put(ACCOUNT, health(200))

    with refused("Healthy", account=ACCOUNT, equityWad=200 * WAD, maintenanceWad=200 * WAD):
        world.take()


def test_take__breaker_says_no__reverts(world: World, refused: Refused) -> None:
    world.start()
    world.block(TAKE)

    with refused("Blocked", action=TAKE, underlying=ETH, level=2, grade=0, grace=False):
        world.take()


def test_take__beyond_the_run__reverts(world: World, refused: Refused) -> None:
    start = world.start()

    with refused("RanOut", account=ACCOUNT, ranOutAt=start + 200):
        world.take(start + 201)


def test_take__last_second_of_the_run__succeeds(world: World) -> None:
    start = world.start()

    assert world.take(start + 200).event("Taken").args["fractionWad"] == WAD


@pytest.mark.parametrize("wanted", [0, WAD + 1])
def test_take__bad_fraction__reverts(world: World, refused: Refused, wanted: int) -> None:
    world.start()

    with refused("BadFraction", fractionWad=wanted):
        world.take(max_fraction=wanted)


def test_take__remainder_is_dust__reverts(world: World, refused: Refused) -> None:
    start = world.start(health(88))

    # f* = 0.96. All but 4 % of MM 200 would leave 8, less than the dust of 10.
    with refused("DustRemainder", remainderWad=8 * WAD, dustWad=10 * WAD):
        world.take(start + THIRTY, max_fraction=WAD * 96 // 100)


def test_take__slice_too_small__reverts(world: World, refused: Refused) -> None:
    start = world.start()

    with refused("FractionTooSmall", fractionWad=WAD // 2, minFractionWad=WAD // 2 + 1):
        world.take(start + THIRTY, min_fraction=WAD // 2 + 1)


def test_take__payment_too_high__reverts(world: World, refused: Refused) -> None:
    start = world.start()

    with refused("PaymentTooHigh", paymentWad=50 * WAD, maxPaymentWad=50 * WAD - 1):
        world.take(start + THIRTY, max_payment=50 * WAD - 1)


def test_take__gain_too_small__reverts(world: World, refused: Refused) -> None:
    start = world.start()

    # 40 less the fund's tenth.
    with refused("DiscountTooSmall", discountWad=36 * WAD, minDiscountWad=36 * WAD + 1):
        world.take(start + THIRTY, min_discount=36 * WAD + 1)


def test_take__taker_below_initial_margin__reverts(world: World, refused: Refused) -> None:
    start = world.start()
    world.put(TAKER, health(963, initial=1_000))

    with refused("TakerBelowInitialMargin", taker=TAKER, equityWad=999 * WAD, initialWad=1_000 * WAD):
        world.take(start + THIRTY)


def test_take__taker_just_at_initial_margin__succeeds(world: World) -> None:
    start = world.start()
    world.put(TAKER, health(964, initial=1_000))

    world.take(start + THIRTY)

    assert world.equity(TAKER) == (1_000 * WAD,)


# Slices


def test_take__solvent__moves_and_emits(world: World) -> None:
    start = world.start()
    receiver = "0x" + "22" * 20

    receipt = world.take(
        start + THIRTY,
        min_fraction=WAD // 2,
        max_payment=50 * WAD,
        min_discount=36 * WAD,
        receiver=receiver,
    )

    assert [event.name for event in receipt.events] == ["Took", "Moved", "Taken", "AuctionEnded"]
    assert receipt.event("Took").args == {
        "from": ACCOUNT,
        "to": TAKER,
        "fractionWad": WAD // 2,
        "discountWad": 40 * WAD,
        "receiver": receiver,
    }
    assert receipt.event("Moved").args == {"from": TAKER, "to": FUND, "amountWad": 4 * WAD}
    assert receipt.event("Taken").args == {
        "account": ACCOUNT,
        "taker": TAKER,
        "fractionWad": WAD // 2,
        "paymentWad": 50 * WAD,
        "discountWad": 40 * WAD,
        "fundShareWad": 4 * WAD,
        "insuranceWad": 0,
    }
    assert receipt.event("AuctionEnded").args == {
        "account": ACCOUNT,
        "equityWad": 140 * WAD,
        "maintenanceWad": 100 * WAD,
    }
    assert world.equity(ACCOUNT, TAKER, FUND) == (140 * WAD, 10_036 * WAD, 4 * WAD)
    assert world.auction() == NO_AUCTION


def test_take__returns__slice_and_payment(world: World) -> None:
    start = world.start()
    world.clock.set(start + THIRTY)

    assert world.liquidation.call("take", bid(), sender=world.keeper) == (WAD // 2, 50 * WAD)


@pytest.mark.parametrize(("elapsed", "discount"), [(1, 22), (30, 80), (80, 180), (199, 180)])
def test_take__over_time__discount_follows_the_clock(world: World, elapsed: int, discount: int) -> None:
    # A tenth of an account of MM 2,000: 2 for each percent of d.
    start = world.start(health(1_900, 2_000))

    taken = world.take(start + elapsed, max_fraction=WAD // 10).event("Taken").args

    assert taken["discountWad"] == discount * WAD
    assert taken["paymentWad"] == (190 - discount) * WAD


def test_take__fund_share__rounds_up(world: World) -> None:
    start = world.start()

    # d = 41 %, so 82 for everything.
    taken = world.take(start + 31, max_fraction=123_456_789_012_345_678).event("Taken").args

    assert taken["discountWad"] == 10_123_456_699_012_345_596
    assert taken["fundShareWad"] == 1_012_345_669_901_234_560


def test_take__after_a_restart__runs_as_long_again(world: World, refused: Refused) -> None:
    start = world.start()
    world.clock.next(start + 300)
    world.liquidation.send("restart", ACCOUNT, sender=world.keeper)

    assert world.take(start + 330, max_fraction=WAD // 10).event("Taken").args["discountWad"] == 8 * WAD
    with refused("RanOut", account=ACCOUNT, ranOutAt=start + 500):
        world.take(start + 501)


def test_take__smaller_than_the_largest__auction_goes_on(world: World) -> None:
    start = world.start()

    receipt = world.take(start + THIRTY, max_fraction=WAD // 10)

    assert receipt.event("Taken").args["fractionWad"] == WAD // 10
    # 180 − 0.1·0.4·200 = 172 < 180 = 0.9·200.
    assert world.equity(ACCOUNT) == (172 * WAD,)
    assert world.auction() == (start, start, ETH, False, False)


def test_take__small_but_enough__ends(world: World) -> None:
    start = world.start(health(199))

    # At d = 11 %, a tenth costs 2.2 and takes 20 of MM away: 196.8 ≥ 180.
    receipt = world.take(start + 1, max_fraction=WAD // 10)

    assert receipt.event("AuctionEnded").args["maintenanceWad"] == 180 * WAD
    assert world.auction() == NO_AUCTION


def test_take__solvent_beyond_equity__for_nothing(world: World) -> None:
    start = world.start(health(50))

    receipt = world.take(start + 80)

    # d·MM = 180, but there are 50.
    assert receipt.event("Taken").args == {
        "account": ACCOUNT,
        "taker": TAKER,
        "fractionWad": WAD,
        "paymentWad": 0,
        "discountWad": 50 * WAD,
        "fundShareWad": 5 * WAD,
        "insuranceWad": 0,
    }
    assert world.auction() == NO_AUCTION
    assert world.equity(ACCOUNT) == (0,)


def test_take__equity_gone__insured_in_the_same_call(world: World) -> None:
    start = world.start()
    world.put(ACCOUNT, health(-100))
    world.capacity(1_000)

    receipt = world.take(start + THIRTY)

    assert receipt.event("AuctionInsured").args == {"account": ACCOUNT, "equityWad": -100 * WAD}
    assert receipt.event("InsurancePaid").args == {
        "underlying": ETH,
        "account": ACCOUNT,
        "wantedWad": 180 * WAD,
        "paidWad": 180 * WAD,
    }
    # d·MM = 80 for the taker, 100 for the deficit; nothing of it for the fund.
    assert receipt.event("Taken").args == {
        "account": ACCOUNT,
        "taker": TAKER,
        "fractionWad": WAD,
        "paymentWad": -180 * WAD,
        "discountWad": 80 * WAD,
        "fundShareWad": 0,
        "insuranceWad": 180 * WAD,
    }
    assert world.equity(ACCOUNT, TAKER) == (0, 10_080 * WAD)
    assert world.auction() == NO_AUCTION


def test_take__insured_with_equity__fund_adds(world: World) -> None:
    start = world.start(health(50))
    world.clock.next(start + 100)
    world.liquidation.send("insure", ACCOUNT, sender=world.keeper)
    world.capacity(30)

    receipt = world.take(start + 120)

    # d·MM = 180 = 50 of the account's own and 30 of the fund's; the rest nobody pays.
    assert receipt.event("Taken").args == {
        "account": ACCOUNT,
        "taker": TAKER,
        "fractionWad": WAD,
        "paymentWad": -30 * WAD,
        "discountWad": 80 * WAD,
        "fundShareWad": 5 * WAD,
        "insuranceWad": 30 * WAD,
    }
    assert world.equity(ACCOUNT, TAKER, FUND) == (0, 10_075 * WAD, 5 * WAD)


def test_take__insured_and_fund_short__shrinks(world: World) -> None:
    start = world.start(health(-100))
    world.capacity(140)

    receipt = world.take(start + 80)

    # d·MM + 100 = 280 for everything, so 140 buys one half.
    taken = receipt.event("Taken").args
    assert (taken["fractionWad"], taken["discountWad"], taken["insuranceWad"]) == (
        WAD // 2,
        90 * WAD,
        140 * WAD,
    )
    assert world.equity(ACCOUNT) == (-50 * WAD,)
    assert world.auction() == (start, start, ETH, True, False)


def test_take__insured_and_fund_empty__reverts(world: World, refused: Refused) -> None:
    world.start(health(-100))

    with refused("BadFraction", fractionWad=0):
        world.take()


@pytest.mark.parametrize("slip", [-1, 2])
def test_take__everything_insured__fund_pays_to_the_wei(world: World, slip: int) -> None:
    start = world.start(health(-100))
    world.capacity(1_000)
    world.around.send("setSlip", slip, sender=world.deployer)

    receipt = world.take(start + 80)

    assert receipt.event("Taken").args["insuranceWad"] == 280 * WAD + slip
    assert receipt.event("AuctionEnded").args["equityWad"] == 0
    assert world.auction() == NO_AUCTION


def test_take__market_of_the_start__is_drawn_on(world: World) -> None:
    start = world.start(health(-100, dominant=2))
    world.put(ACCOUNT, health(-100, dominant=ETH))
    world.capacity(1_000, market=2)

    assert world.take(start + 80).event("InsurancePaid").args["underlying"] == 2


def test_take__collateral_alone_and_fund_short__leaves_the_debt(world: World) -> None:
    start = world.start(health(-100, legs=0, holdings=1, gross=0))
    world.capacity(60)

    receipt = world.take(start + 80)

    assert receipt.event("Taken").args["insuranceWad"] == 60 * WAD
    # Of the 120 that the fund didn't pay, it gets its share, as of any discount that the account pays.
    assert world.equity(ACCOUNT, TAKER, FUND) == (-220 * WAD, 10_168 * WAD, 12 * WAD)
    assert world.auction() == (start, start, ETH, True, False)


# Callback


@pytest.fixture
def mock_taker(world: World, deploy: Callable[..., Contract]) -> Contract:
    taker = deploy("MockTaker")
    world.around.send("setOwner", TAKER, taker.address, sender=world.deployer)
    return taker


def test_take__with_data__calls_the_taker_before_checking(world: World, mock_taker: Contract) -> None:
    start = world.start()
    # Broke, until the callback makes it rich.
    world.put(TAKER, health(-10_000, initial=1_000))
    rich = world.around.encode("setHealth", TAKER, health(10_000, initial=1_000))
    mock_taker.send("plan", world.around.address, rich, sender=world.deployer)
    world.clock.next(start + THIRTY)

    receipt = mock_taker.send("take", world.liquidation.address, bid(data=b"hello"), sender=world.deployer)

    assert receipt.event("TookOver").args == {
        "account": ACCOUNT,
        "taker": TAKER,
        "fractionWad": WAD // 2,
        "paymentWad": 50 * WAD,
        "data": b"hello",
    }
    names = [event.name for event in receipt.events]
    assert names.index("Taken") < names.index("TookOver") < names.index("AuctionEnded")


def test_take__takers_prices_unusable__reverts(world: World, mock_taker: Contract, refused: Refused) -> None:
    world.start()
    world.put(TAKER, health(10_000, initial=1_000, underlyings=(77,)))
    # From here on nothing may be taken: the account was looked at before, the taker will be after.
    shut = world.around.encode("setBlocked", TAKE, True)
    mock_taker.send("plan", world.around.address, shut, sender=world.deployer)

    with refused("Blocked", action=TAKE, underlying=77, level=2, grade=0, grace=False):
        mock_taker.send("take", world.liquidation.address, bid(data=b"x"), sender=world.deployer)


def test_take__without_data__does_not_call(world: World, mock_taker: Contract) -> None:
    world.start()

    receipt = mock_taker.send("take", world.liquidation.address, bid(), sender=world.deployer)

    assert "TookOver" not in [event.name for event in receipt.events]


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("start", (ACCOUNT, REWARDED)),
        ("insure", (ACCOUNT,)),
        ("restart", (ACCOUNT,)),
        ("end", (ACCOUNT,)),
        ("take", (bid(data=b"again"),)),
        ("deleverage", (ACCOUNT, ETH_PERP)),
        ("writeOff", (ACCOUNT,)),
        ("reportDeficit", (ACCOUNT,)),
    ],
)
def test_take__callback_reenters__reverts(
    world: World, mock_taker: Contract, refused: Refused, function: str, args: tuple[Any, ...]
) -> None:
    world.start()
    again = world.liquidation.encode(function, *args)
    mock_taker.send("plan", world.liquidation.address, again, sender=world.deployer)

    with refused("ReentrancyGuardReentrantCall"):
        mock_taker.send("take", world.liquidation.address, bid(data=b"x"), sender=world.deployer)


def test_take__no_receiver__passes_none(world: World) -> None:
    world.start()

    assert world.take().event("Took").args["receiver"] == NOBODY


def test_take__no_fund_share__moves_nothing(world: World, roles: Any) -> None:
    world.liquidation.send("setParams", params(fund_share_bps=0), sender=roles.governor)
    start = world.start()

    receipt = world.take(start + THIRTY)

    assert receipt.event("Taken").args["fundShareWad"] == 0
    assert "Moved" not in [event.name for event in receipt.events]
