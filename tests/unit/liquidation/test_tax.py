"""take: the tax on the priority fee
├── no tip, no share, no price of gas   -> nothing
├── a tip                               -> share of what the gas of the start reward costs at it; PriorityTaxed
│   ├── the account's part              -> lowers the discount, so raises the payment
│   ├── the fund's share of it          -> beside its share of the discount
│   └── insured                         -> the fund pays that much less
├── more than the taker gains           -> all of his gain, no more
├── the bid's bounds                    -> hold after it
└── quote                               -> none without a gas price, the same with one
"""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from holdfast.chain.transactions import Receipt
from holdfast.model.liquidation import Slice, taxed
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.liquidation.world import (
    ACCOUNT,
    FUND,
    GAS,
    PARAMS,
    TAKER,
    World,
    bid,
    health,
    params,
)

GWEI = 10**9
THIRTY = 30  # d = 40 %: half of the account, a discount of 40 and 4 of it the fund's


def take(world: World, tip: int, after: int = THIRTY, **bounds: int) -> Receipt:
    """At a base fee of a gwei; `tip` in gwei. 70,000 gas at 2,000 for a unit: 0.14 a gwei, and the share is 200 %."""
    world.liquidation.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    world.clock.next(world.auction()[0] + after)
    return world.liquidation.send(
        "take", bid(**bounds), sender=world.keeper, max_fee=(tip + 1) * GWEI, priority_fee=tip * GWEI
    )


TAXED = replace(PARAMS, tax_bps=20_000)


@pytest.fixture
def world(world: World, roles: Roles) -> World:
    world.liquidation.send("setParams", astuple(TAXED), sender=roles.governor)
    return world


def started(world: World, equity: int = 180) -> None:
    world.liquidation.rpc.call("anvil_setNextBlockBaseFeePerGas", "0x0")
    world.start(health(equity))


@pytest.mark.parametrize("case", ["no tip", "no share", "no price"])
def test_tax__nothing_to_tax__takes_nothing(world: World, roles: Roles, case: str) -> None:
    started(world)
    if case == "no share":
        world.liquidation.send("setParams", params(tax_bps=0), sender=roles.governor)
    if case == "no price":
        world.around.send("setSpot", GAS, 0, sender=world.deployer)

    receipt = take(world, 0 if case == "no tip" else 50)

    assert "PriorityTaxed" not in [event.name for event in receipt.events]
    assert world.equity(ACCOUNT, TAKER) == (140 * WAD, 10_036 * WAD)


def test_tax__a_tip__goes_to_the_account_and_the_fund(world: World) -> None:
    started(world)

    receipt = take(world, 50)

    # 0.14 · 50 · 200 % = 14: a tenth is the fund's.
    assert receipt.event("PriorityTaxed").args == {"account": ACCOUNT, "taker": TAKER, "taxWad": 14 * WAD}
    taken = receipt.event("Taken").args
    assert taken["discountWad"] == (40 - 126 / 10) * WAD
    assert taken["paymentWad"] == (50 + 126 / 10) * WAD
    assert taken["fundShareWad"] == (4 + 14 / 10) * WAD
    equities = (int(152.6 * WAD), 10_022 * WAD, int(5.4 * WAD))
    assert world.equity(ACCOUNT, TAKER, FUND) == equities


def test_tax__insured__the_fund_pays_less(world: World) -> None:
    started(world, -100)
    world.capacity(1_000)

    receipt = take(world, 50, max_fraction=WAD // 2)

    # Half of 100 is owed, and the discount is 40: 90 from the fund, but for the account's part of the tax.
    assert receipt.event("InsurancePaid").args["wantedWad"] == int((90 - 12.6) * WAD)
    assert receipt.event("Taken").args["paymentWad"] == int(-(90 - 12.6) * WAD)
    assert world.equity(ACCOUNT) == (-50 * WAD,)


def test_tax__more_than_the_gain__takes_all_of_it(world: World) -> None:
    started(world)

    receipt = take(world, 1_000)

    assert receipt.event("PriorityTaxed").args["taxWad"] == 36 * WAD
    assert world.equity(TAKER) == (10_000 * WAD,)


def test_tax__bounds_of_the_bid__hold_after_it(world: World, refused: Refused) -> None:
    started(world)
    with refused("DiscountTooSmall", discountWad=22 * WAD, minDiscountWad=22 * WAD + 1):
        take(world, 50, min_discount=22 * WAD + 1)
    with refused("PaymentTooHigh", paymentWad=626 * WAD // 10, maxPaymentWad=626 * WAD // 10 - 1):
        take(world, 50, after=THIRTY, max_payment=626 * WAD // 10 - 1)

    take(world, 50, after=THIRTY, min_discount=22 * WAD, max_payment=626 * WAD // 10)


def test_tax__odd_numbers__as_the_model(world: World) -> None:
    started(world)
    part = Slice(
        fraction_wad=WAD // 3,
        payment_wad=0,
        discount_wad=2 * WAD * 41 * (WAD // 3) // WAD,
        insurance_wad=0,
    )
    part = Slice(
        fraction_wad=part.fraction_wad,
        payment_wad=180 * part.fraction_wad - part.discount_wad,
        discount_wad=part.discount_wad,
        insurance_wad=0,
    )
    meant, share, tax = taxed(part, 7 * GWEI, TAXED, 2, 2_000 * WAD)

    receipt = take(world, 7, after=31, max_fraction=WAD // 3)

    taken = receipt.event("Taken").args
    assert (taken["paymentWad"], taken["discountWad"]) == (meant.payment_wad, meant.discount_wad)
    assert (taken["fundShareWad"], receipt.event("PriorityTaxed").args["taxWad"]) == (share, tax)


def test_quote__gas_price_of_the_call__counts(world: World) -> None:
    started(world)
    world.liquidation.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    world.clock.set(world.auction()[0] + THIRTY)
    assert world.liquidation.call("quote", ACCOUNT, WAD) == (WAD // 2, 50 * WAD, 36 * WAD)

    data = "0x" + world.liquidation.encode("quote", ACCOUNT, WAD).hex()
    request = {
        "to": world.liquidation.address,
        "data": data,
        "from": world.keeper,
        "gasPrice": hex(51 * GWEI),
    }
    answer = world.liquidation.rpc.call("eth_call", request, "latest")

    found = world.liquidation.decode("quote", bytes.fromhex(answer[2:]))
    assert tuple(found) == (WAD // 2, 626 * WAD // 10, 22 * WAD)
