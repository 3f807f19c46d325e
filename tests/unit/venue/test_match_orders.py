"""matchOrders
├── size is zero                              -> ZeroSize
├── instruments differ                        -> InstrumentMismatch
├── taker is post-only                        -> PostOnly
├── not one buy and one sell                  -> NotOpposite
├── limits don't cross                        -> NotCrossing
├── one of the two orders, maker or taker
│   ├── is past its last second               -> Expired
│   ├── has a nonce below the floor           -> NonceBelowFloor
│   ├── has less left than is wanted          -> OrderFilled
│   ├── is signed by another                  -> BadSignature (test_signatures.py)
│   ├── has a signer without authority        -> NotAuthorised
│   └── is reduce-only and wouldn't reduce    -> ReduceOnly
├── the ledger refuses                        -> its error; nothing counts as matched
└── otherwise
    ├── hands the trade to the ledger at the maker's price, fees rounded up
    ├── emits Matched
    └── counts the size for both orders, until they are used up
"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.model.venue import Order, fee_up
from holdfast.types import perpetual
from holdfast.units import WAD
from tests.conftest import START, Clock, Refused, Roles
from tests.unit.venue.conftest import ETH, FEES, MAKER, MAKER_BPS, PRICE, TAKER, TAKER_BPS, Desk

BOTH = pytest.mark.parametrize("side", ["maker", "taker"])


def pair(desk: Desk, side: str, **changes: Any) -> tuple[Order, Order, Order]:
    """Maker's order, taker's order, and the one of them that has the changes."""
    maker = desk.buy(**(changes if side == "maker" else {}))
    taker = desk.sell(**(changes if side == "taker" else {}))
    return maker, taker, maker if side == "maker" else taker


def test_match_orders__zero_size__reverts(desk: Desk, refused: Refused) -> None:
    with refused("ZeroSize"):
        desk.match(desk.buy(), desk.sell(), 0)


def test_match_orders__other_instrument__reverts(desk: Desk, refused: Refused) -> None:
    with refused("InstrumentMismatch", maker=ETH, taker=perpetual(2)):
        desk.match(desk.buy(), desk.sell(instrument=perpetual(2)))


def test_match_orders__post_only_taker__reverts(desk: Desk, refused: Refused) -> None:
    with refused("PostOnly"):
        desk.match(desk.buy(), desk.sell(post_only=True))


def test_match_orders__post_only_maker__is_matched(desk: Desk) -> None:
    maker = desk.buy(post_only=True)
    desk.match(maker, desk.sell())
    assert desk.filled(maker) == WAD


@pytest.mark.parametrize(("maker", "taker"), [(1, 1), (-1, -1), (1, 0), (0, 1), (0, -1), (-1, 0), (0, 0)])
def test_match_orders__not_opposite__reverts(desk: Desk, refused: Refused, maker: int, taker: int) -> None:
    with refused("NotOpposite", makerSizeWad=maker, takerSizeWad=taker):
        desk.match(desk.buy(size_wad=maker), desk.sell(size_wad=taker), 1)


def test_match_orders__buyer_pays_less_than_seller_wants__reverts(desk: Desk, refused: Refused) -> None:
    with refused("NotCrossing", buyLimitWad=PRICE - 1, sellLimitWad=PRICE):
        desk.match(desk.buy(limit_price_wad=PRICE - 1), desk.sell())
    with refused("NotCrossing", buyLimitWad=PRICE - 1, sellLimitWad=PRICE):
        desk.match(desk.buy(size_wad=-WAD), desk.sell(size_wad=WAD, limit_price_wad=PRICE - 1))


@BOTH
def test_match_orders__expired__reverts(desk: Desk, clock: Clock, refused: Refused, side: str) -> None:
    maker, taker, _ = pair(desk, side, expires_at=START + 99)
    clock.next(START + 100)
    with refused("Expired", expiresAt=START + 99):
        desk.match(maker, taker)


@BOTH
def test_match_orders__last_second__is_matched(desk: Desk, clock: Clock, side: str) -> None:
    maker, taker, order = pair(desk, side, expires_at=START + 100)
    clock.next(START + 100)
    desk.match(maker, taker)
    assert desk.filled(order) == WAD


@BOTH
def test_match_orders__nonce_below_floor__reverts(desk: Desk, refused: Refused, side: str) -> None:
    maker, taker, order = pair(desk, side)
    desk.venue.send("raiseNonceFloor", order.account, 6, sender=order.signer)
    with refused("NonceBelowFloor", nonce=5, floor=6):
        desk.match(maker, taker)


@BOTH
def test_match_orders__nonce_at_floor__is_matched(desk: Desk, side: str) -> None:
    maker, taker, order = pair(desk, side)
    desk.venue.send("raiseNonceFloor", order.account, 5, sender=order.signer)
    desk.match(maker, taker)
    assert desk.filled(order) == WAD


@BOTH
def test_match_orders__more_than_left__reverts(desk: Desk, refused: Refused, side: str) -> None:
    maker, taker, order = pair(desk, side, size_wad=2 * WAD if side == "maker" else -2 * WAD)
    desk.match(maker, taker, WAD + 1)
    with refused("OrderFilled", orderHash=desk.hash_of(order), remainingWad=WAD - 1, wantedWad=WAD):
        desk.match(maker, taker, WAD)


@BOTH
def test_match_orders__used_up__reverts(desk: Desk, refused: Refused, side: str) -> None:
    maker, taker, order = pair(desk, side, size_wad=WAD if side == "maker" else -WAD)
    desk.match(maker, taker)
    with refused("OrderFilled", orderHash=desk.hash_of(order), remainingWad=0, wantedWad=1):
        desk.match(maker, taker, 1)


@BOTH
def test_match_orders__cancelled__reverts(desk: Desk, refused: Refused, side: str) -> None:
    maker, taker, order = pair(desk, side)
    desk.venue.send("cancel", order.members(), sender=order.signer)
    with refused("OrderFilled", orderHash=desk.hash_of(order), remainingWad=0, wantedWad=1):
        desk.match(maker, taker, 1)


@BOTH
def test_match_orders__signer_without_authority__reverts(desk: Desk, refused: Refused, side: str) -> None:
    maker, taker, order = pair(desk, side)
    desk.authorise(order.account, order.signer, False)
    with refused("NotAuthorised", account=order.account, caller=order.signer):
        desk.match(maker, taker)


@BOTH
@pytest.mark.parametrize("position", [0, 1, WAD, -1, -(WAD - 1)])
def test_match_orders__reduce_only_would_not_reduce__reverts(
    desk: Desk, refused: Refused, side: str, position: int
) -> None:
    """A buying maker and a selling taker, the position mirrored for the second."""
    maker, taker, order = pair(desk, side, reduce_only=True)
    sign = 1 if side == "maker" else -1
    desk.ledger.send("setPosition", order.account, ETH, sign * position, sender=desk.keeper)
    with refused("ReduceOnly", account=order.account, positionWad=sign * position, tradeWad=sign * WAD):
        desk.match(maker, taker)


@BOTH
@pytest.mark.parametrize("size", [1, WAD - 1, WAD])
def test_match_orders__reduce_only_reduces__is_matched(desk: Desk, side: str, size: int) -> None:
    maker, taker, order = pair(desk, side, reduce_only=True)
    position = -WAD if side == "maker" else WAD
    desk.ledger.send("setPosition", order.account, ETH, position, sender=desk.keeper)
    desk.match(maker, taker, size)
    assert desk.filled(order) == size


def test_match_orders__ledger_refuses__counts_nothing(desk: Desk, refused: Refused) -> None:
    desk.ledger.send("setRefusing", True, sender=desk.keeper)
    with refused("FillRefused", sizeWad=WAD):
        desk.match(desk.buy(), desk.sell())
    assert (desk.filled(desk.buy()), desk.filled(desk.sell())) == (0, 0)


def test_match_orders__maker_buys__ledger_gets_makers_price(desk: Desk) -> None:
    maker, taker = desk.buy(limit_price_wad=PRICE + 7), desk.sell(limit_price_wad=PRICE - 9)
    size = WAD // 3
    maker_fee, taker_fee = (fee_up(size, PRICE + 7, bps) for bps in (MAKER_BPS, TAKER_BPS))

    receipt = desk.match(maker, taker, size)

    expected = (ETH, MAKER, TAKER, FEES, size, PRICE + 7, maker_fee, taker_fee)
    assert desk.ledger.call("lastFill") == expected
    assert receipt.event("Matched").args == {
        "makerHash": desk.hash_of(maker),
        "takerHash": desk.hash_of(taker),
        "instrument": ETH,
        "maker": MAKER,
        "taker": TAKER,
        "takerSizeWad": -size,
        "priceWad": PRICE + 7,
        "makerFeeWad": maker_fee,
        "takerFeeWad": taker_fee,
    }


def test_match_orders__maker_sells__ledger_gets_makers_price(desk: Desk) -> None:
    maker = desk.sell(limit_price_wad=PRICE - 9)
    taker = desk.buy(limit_price_wad=2**256 - 1)  # at any price
    maker_fee, taker_fee = (fee_up(WAD, PRICE - 9, bps) for bps in (MAKER_BPS, TAKER_BPS))

    receipt = desk.match(maker, taker)

    assert desk.ledger.call("lastFill") == (ETH, MAKER, TAKER, FEES, WAD, PRICE - 9, taker_fee, maker_fee)
    assert receipt.event("Matched").args["takerSizeWad"] == WAD


def test_match_orders__fees_by_hand(desk: Desk) -> None:
    """2 and 5 hundredths of a percent of 2,000 · 1.5 = 3,000; and of one wei of it, rounded up to one."""
    desk.match(desk.buy(), desk.sell(), 3 * WAD // 2)
    fill = desk.ledger.call("lastFill")
    assert (fill.buyerFeeWad, fill.sellerFeeWad) == (6 * WAD // 10, 15 * WAD // 10)
    desk.match(desk.buy(), desk.sell(), 1)
    fill = desk.ledger.call("lastFill")
    assert (fill.buyerFeeWad, fill.sellerFeeWad) == (1, 1)


def test_match_orders__partial_fills__add_up(desk: Desk) -> None:
    maker = desk.buy(size_wad=3 * WAD)
    first, second = desk.sell(size_wad=-WAD), desk.sell(size_wad=-2 * WAD, nonce=6)
    desk.match(maker, first, WAD)
    assert (desk.filled(maker), desk.filled(first)) == (WAD, WAD)
    desk.match(maker, second, WAD // 2)
    desk.match(maker, second, 3 * WAD // 2)
    assert (desk.filled(maker), desk.filled(second)) == (3 * WAD, 2 * WAD)


def test_match_orders__largest_order__is_matched_in_parts(desk: Desk) -> None:
    """|−2²⁵⁵| has no positive twin: such an order can still be matched in parts."""
    taker = desk.sell(size_wad=-(2**255))
    desk.match(desk.buy(), taker, WAD)
    assert desk.filled(taker) == WAD


def test_match_orders__anybody__may_match(desk: Desk, roles: Roles) -> None:
    maker, taker = desk.buy(), desk.sell()
    desk.venue.send(
        "matchOrders",
        maker.members(),
        desk.sign(maker),
        taker.members(),
        desk.sign(taker),
        WAD,
        sender=roles.stranger,
    )
    assert desk.filled(maker) == WAD
