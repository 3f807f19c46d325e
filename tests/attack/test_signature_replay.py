"""A signed order, used again: elsewhere, after it was used up, after it was taken back.

Naive rule: the signature covers the order, but not the chain, the contract, what was matched already, or who may
still sign.

├── on another chain          of the same contracts at the same addresses
├── at another venue          of the same ledger
├── for another account       or with any other member changed
├── once more                 after a full fill, and beyond what a partial fill left
├── after it was cancelled    by itself, or by the nonce
├── in another form           the other s of the same signature: one order, one count
├── by who may no longer      an operator who was dismissed, after he signed
└── against itself            one account on both sides
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.model.venue import Order, digest
from tests.conftest import Refused
from tests.stage import Party, Stage, wads

SECP256K1 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TWO = wads(2)


@pytest.fixture
def maker(stage: Stage) -> Party:
    return stage.party(50_000)


@pytest.fixture
def taker(stage: Stage) -> Party:
    return stage.party(50_000)


@pytest.fixture
def order(stage: Stage, maker: Party) -> Order:
    """The maker sells 2 ETH at 2,000."""
    return stage.order(maker, -2, 2_000)


def use(
    stage: Stage, order: Order, signature: bytes, taker: Party, size_wad: int = TWO, venue: Any = None
) -> None:
    """Against a fresh order of the taker."""
    venue = venue or stage.venue
    buy = stage.order(taker, 10, 2_000)
    hashed = digest(buy, stage.protocol.chain_id, venue.address)
    signed = bytes(taker.key.unsafe_sign_hash(hashed).signature)
    args = (order.members(), signature, buy.members(), signed, size_wad)
    stage.send(venue, "matchOrders", *args, by="keeper")


def signed(stage: Stage, party: Party, order: Order) -> bytes:
    return stage.protocol.sign(order, party.key).signature


def test_replay__other_chain__is_a_bad_signature(
    stage: Stage, maker: Party, taker: Party, order: Order, refused: Refused
) -> None:
    elsewhere = digest(order, 1, stage.venue.address)
    signature = bytes(maker.key.unsafe_sign_hash(elsewhere).signature)
    with refused("BadSignature", signer=maker.address):
        use(stage, order, signature, taker)


def test_replay__chain_splits__old_signatures_die(
    stage: Stage, maker: Party, taker: Party, order: Order, refused: Refused
) -> None:
    """The same contracts go on under a new chain id: what was signed before is for the other half."""
    buy = stage.order(taker, 10, 2_000)
    args = (order.members(), signed(stage, maker, order), buy.members(), signed(stage, taker, buy), TWO)
    stage.rpc.call("anvil_setChainId", 31_338)
    try:
        with refused("BadSignature", signer=maker.address):
            stage.venue.call("matchOrders", *args)
    finally:
        stage.rpc.call("anvil_setChainId", 31_337)
    stage.venue.call("matchOrders", *args)


def test_replay__other_venue__is_a_bad_signature(
    stage: Stage, maker: Party, taker: Party, order: Order, refused: Refused
) -> None:
    authority = stage.protocol.authority
    other = stage.deploy("Venue", authority, stage.ledger, stage.fees, 2, 5)
    with refused("BadSignature", signer=maker.address):
        use(stage, order, signed(stage, maker, order), taker, venue=other)


@pytest.mark.parametrize(
    "change",
    [
        {"size_wad": -wads(3)},
        {"limit_price_wad": wads(1_990)},
        {"nonce": 10**6},
        {"expires_at": 2**39},
        {"reduce_only": True},
        {"post_only": True},
        {"instrument": 2 << 168},
    ],
    ids=lambda change: next(iter(change)),
)
def test_replay__changed_order__is_a_bad_signature(
    stage: Stage, maker: Party, taker: Party, order: Order, change: dict[str, Any], refused: Refused
) -> None:
    changed = replace(order, **change)
    if "instrument" in change:
        buy = stage.order(taker, 10, 2_000, change["instrument"])
        with refused("BadSignature", signer=maker.address):
            stage.send(
                stage.venue,
                "matchOrders",
                changed.members(),
                signed(stage, maker, order),
                buy.members(),
                signed(stage, taker, buy),
                TWO,
                by="keeper",
            )
        return
    with refused("BadSignature", signer=maker.address):
        use(stage, changed, signed(stage, maker, order), taker)


def test_replay__other_account_of_the_same_owner__is_a_bad_signature(
    stage: Stage, maker: Party, taker: Party, order: Order, refused: Refused
) -> None:
    second = stage.party(50_000, owner=maker.key)
    with refused("BadSignature", signer=maker.address):
        use(stage, replace(order, account=second.account), signed(stage, maker, order), taker)


def test_replay__used_up__is_used_up(
    stage: Stage, maker: Party, taker: Party, order: Order, refused: Refused
) -> None:
    signature = signed(stage, maker, order)
    name = stage.protocol.order_digest(order)
    use(stage, order, signature, taker, wads(1.5))
    with refused("OrderFilled", orderHash=name, remainingWad=wads(0.5), wantedWad=wads(0.5) + 1):
        use(stage, order, signature, taker, wads(0.5) + 1)
    use(stage, order, signature, taker, wads(0.5))
    with refused("OrderFilled", orderHash=name, remainingWad=0, wantedWad=1):
        use(stage, order, signature, taker, 1)
    assert stage.size(maker) == -TWO


def test_replay__cancelled__stays_cancelled(
    stage: Stage, maker: Party, taker: Party, order: Order, refused: Refused
) -> None:
    signature = signed(stage, maker, order)
    use(stage, order, signature, taker, wads(0.5))
    stage.send(stage.venue, "cancel", order.members(), by=maker.address)
    with refused("OrderFilled", orderHash=stage.protocol.order_digest(order), remainingWad=0, wantedWad=1):
        use(stage, order, signature, taker, 1)


def test_replay__nonce_floor__takes_back_all_before(
    stage: Stage, maker: Party, taker: Party, order: Order, refused: Refused
) -> None:
    floor = order.nonce + 1
    stage.send(stage.venue, "raiseNonceFloor", maker.account, floor, by=maker.address)
    with refused("NonceBelowFloor", nonce=order.nonce, floor=floor):
        use(stage, order, signed(stage, maker, order), taker)
    with refused("FloorNotRaised", floor=order.nonce, current=floor):
        stage.send(stage.venue, "raiseNonceFloor", maker.account, order.nonce, by=maker.address)


def test_replay__other_form_of_the_signature__counts_no_second_time(
    stage: Stage, maker: Party, taker: Party, order: Order, refused: Refused
) -> None:
    signature = signed(stage, maker, order)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    twin = r + (SECP256K1 - s).to_bytes(32, "big") + bytes([55 - v])
    with refused("BadSignature", signer=maker.address):
        use(stage, order, twin, taker)
    use(stage, order, signature, taker)
    with refused("OrderFilled", orderHash=stage.protocol.order_digest(order), remainingWad=0, wantedWad=TWO):
        use(stage, order, twin, taker)


def test_replay__dismissed_operator__signed_in_vain(
    stage: Stage, maker: Party, taker: Party, refused: Refused
) -> None:
    operator = stage.party()
    order = stage.order(maker, -2, 2_000, signer=operator.address)
    signature = signed(stage, operator, order)
    with refused("NotAuthorised", account=maker.account, caller=operator.address):
        use(stage, order, signature, taker)
    stage.send(stage.ledger, "setOperator", operator.address, True, by=maker.address)
    use(stage, order, signature, taker, wads(1))
    stage.send(stage.ledger, "setOperator", operator.address, False, by=maker.address)
    with refused("NotAuthorised", account=maker.account, caller=operator.address):
        use(stage, order, signature, taker, wads(1))


def test_replay__against_itself__is_no_trade(
    stage: Stage, maker: Party, order: Order, refused: Refused
) -> None:
    with refused("SameAccount", account=maker.account):
        use(stage, order, signed(stage, maker, order), maker)
