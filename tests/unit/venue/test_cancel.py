"""cancel
├── caller is neither owner nor operator      -> NotAuthorised
└── otherwise: the order counts as used up, emits Cancelled
    ├── new, partly matched or cancelled before
    ├── signed by another than the caller
    └── other orders are left alone

raiseNonceFloor
├── caller is neither owner nor operator      -> NotAuthorised
├── floor doesn't rise                        -> FloorNotRaised
└── otherwise: sets the floor of this account alone, emits NonceFloorRaised
"""

from __future__ import annotations

from holdfast.chain.anvil import Anvil
from holdfast.model.venue import CANCELLED
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.venue.conftest import MAKER, TAKER, Desk


def test_cancel__stranger__reverts(desk: Desk, roles: Roles, refused: Refused) -> None:
    with refused("NotAuthorised", account=MAKER, caller=roles.stranger):
        desk.venue.send("cancel", desk.buy().members(), sender=roles.stranger)


def test_cancel__new_order__is_used_up(desk: Desk) -> None:
    order = desk.buy()
    receipt = desk.venue.send("cancel", order.members(), sender=desk.maker.address)
    assert receipt.event("Cancelled").args == {"orderHash": desk.hash_of(order), "account": MAKER}
    assert desk.filled(order) == CANCELLED
    assert desk.filled(desk.buy(nonce=6)) == 0


def test_cancel__partly_matched_then_again__stays_used_up(desk: Desk) -> None:
    order = desk.buy()
    desk.match(order, desk.sell(), WAD)
    for _ in range(2):
        desk.venue.send("cancel", order.members(), sender=desk.maker.address)
        assert desk.filled(order) == CANCELLED


def test_cancel__operator__cancels_what_another_signed(desk: Desk, anvil: Anvil) -> None:
    operator = anvil.accounts[7]
    desk.authorise(MAKER, operator)
    order = desk.buy()
    desk.venue.send("cancel", order.members(), sender=operator)
    assert desk.filled(order) == CANCELLED


def test_raise_nonce_floor__stranger__reverts(desk: Desk, roles: Roles, refused: Refused) -> None:
    with refused("NotAuthorised", account=MAKER, caller=roles.stranger):
        desk.venue.send("raiseNonceFloor", MAKER, 1, sender=roles.stranger)


def test_raise_nonce_floor__not_higher__reverts(desk: Desk, refused: Refused) -> None:
    with refused("FloorNotRaised", floor=0, current=0):
        desk.venue.send("raiseNonceFloor", MAKER, 0, sender=desk.maker.address)
    desk.venue.send("raiseNonceFloor", MAKER, 9, sender=desk.maker.address)
    for floor in (8, 9):
        with refused("FloorNotRaised", floor=floor, current=9):
            desk.venue.send("raiseNonceFloor", MAKER, floor, sender=desk.maker.address)


def test_raise_nonce_floor__higher__sets_it_for_this_account(desk: Desk) -> None:
    receipt = desk.venue.send("raiseNonceFloor", MAKER, 2**256 - 1, sender=desk.maker.address)
    assert receipt.event("NonceFloorRaised").args == {"account": MAKER, "floor": 2**256 - 1}
    assert desk.venue.call("nonceFloorOf", MAKER) == 2**256 - 1
    assert desk.venue.call("nonceFloorOf", TAKER) == 0
