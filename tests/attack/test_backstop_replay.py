"""A standing bid, used beyond what was signed.

Naive rule: the signature covers the terms, but not the chain, the contract, what was filled already, or who may still
sign.

├── on another chain, for another contract     -> BadSignature
├── with any member changed                    -> BadSignature
├── once more, after it was used up            -> BidUsedUp
├── in another form: the other s               -> the same count
├── after it was cancelled                     -> BidUsedUp
├── by who may no longer                       -> NotAuthorised
└── an order of the venue as a bid             -> BadSignature
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.model.backstop import StandingBid, bid_digest
from tests.backstop import a_crash, fill, permit_bids, standing
from tests.conftest import Refused
from tests.stage import Party, Stage, wads

SECP256K1 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def pro(stage: Stage) -> Party:
    party = stage.party(50_000)
    permit_bids(stage, party)
    return party


@pytest.fixture
def long(stage: Stage) -> Party:
    long, _ = a_crash(stage)
    stage.until_started(long, 60)
    return long


@pytest.fixture
def bid(stage: Stage, pro: Party) -> StandingBid:
    return standing(stage, pro, 4_500, 1_000)


def use(stage: Stage, long: Party, bid: StandingBid, signature: bytes) -> None:
    stage.send(stage.protocol.standing_bids, "fill", long.account, [bid.members()], [signature], by="keeper")


@pytest.mark.parametrize(("chain", "elsewhere"), [(1, False), (31_337, True)])
def test_replay__elsewhere__is_a_bad_signature(
    stage: Stage, pro: Party, long: Party, bid: StandingBid, refused: Refused, chain: int, elsewhere: bool
) -> None:
    contract = stage.venue if elsewhere else stage.protocol.standing_bids
    signature = bytes(pro.key.unsafe_sign_hash(bid_digest(bid, chain, contract.address)).signature)
    with refused("BadSignature", signer=pro.address):
        use(stage, long, bid, signature)


@pytest.mark.parametrize(
    "changes",
    [
        {"max_notional_wad": wads(18_000)},
        {"min_discount_bps": 0},
        {"deadline": 2**40 - 2},
        {"nonce": 10**6},
    ],
)
def test_replay__changed__is_a_bad_signature(
    stage: Stage, pro: Party, long: Party, bid: StandingBid, refused: Refused, changes: dict[str, Any]
) -> None:
    signature = stage.protocol.sign_bid(bid, pro.key)
    with refused("BadSignature", signer=pro.address):
        use(stage, long, replace(bid, **changes), signature)


def test_replay__once_more_in_any_form__is_used_up(
    stage: Stage, pro: Party, long: Party, bid: StandingBid, refused: Refused
) -> None:
    name = bid_digest(bid, stage.protocol.chain_id, stage.protocol.standing_bids.address)
    signature = stage.protocol.sign_bid(bid, pro.key)
    use(stage, long, bid, signature)
    with refused("BidUsedUp", bidHash=name):
        use(stage, long, bid, signature)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    other = r + (SECP256K1 - s).to_bytes(32, "big") + bytes([55 - v])
    with refused("BidUsedUp", bidHash=name):
        use(stage, long, bid, other)
    assert stage.size(pro) == wads(2.5)


def test_replay__dismissed__is_not_authorised(
    stage: Stage, pro: Party, long: Party, bid: StandingBid, refused: Refused
) -> None:
    helper = stage.party()
    stage.send(stage.ledger, "setOperator", helper.address, True, by=pro.address)
    his = replace(bid, signer=helper.address)
    stage.send(stage.ledger, "setOperator", helper.address, False, by=pro.address)
    with refused("NotAuthorised", account=pro.account, caller=helper.address):
        fill(stage, long, (helper, his))


def test_replay__order_of_the_venue__is_no_bid(
    stage: Stage, pro: Party, long: Party, bid: StandingBid, refused: Refused
) -> None:
    order = stage.order(pro, 1, 1_800)
    with refused("BadSignature", signer=pro.address):
        use(stage, long, bid, stage.protocol.sign(order, pro.key).signature)
