"""Who an order is from
├── a key
│   ├── signed by another, garbled, cut or empty     -> BadSignature
│   ├── any member changed after signing             -> BadSignature
│   ├── signed for another contract                  -> BadSignature
│   ├── signed for another chain                     -> BadSignature
│   └── an operator of the account signs in its name -> matched
└── a contract (EIP-1271)
    ├── its owner signed                             -> matched
    ├── wrong magic value, revert, empty answer      -> BadSignature
    └── withdrawn between two matches                -> the second is BadSignature
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.contract import Contract
from holdfast.model.venue import digest
from holdfast.types import perpetual
from holdfast.units import WAD
from tests.conftest import Refused
from tests.unit.venue.conftest import CHAIN_ID, MAKER, TAKER, Desk

CHANGES: dict[str, dict[str, Any]] = {
    "account": {"account": 77},
    "instrument": {"instrument": perpetual(2)},
    "size": {"size_wad": 4 * WAD},
    "price": {"limit_price_wad": 2_001 * WAD},
    "nonce": {"nonce": 6},
    "expiry": {"expires_at": 2**40 - 2},
    "reduce_only": {"reduce_only": True},
    "post_only": {"post_only": True},
}


@pytest.mark.parametrize("name", CHANGES)
def test_signature__member_changed__reverts(desk: Desk, refused: Refused, name: str) -> None:
    signature = desk.sign(desk.buy())
    changed = replace(desk.buy(), **CHANGES[name])
    taker = desk.sell(instrument=changed.instrument, limit_price_wad=0)
    with refused("BadSignature", signer=desk.maker.address):
        desk.match(changed, taker, maker_signature=signature)


def test_signature__signer_changed__reverts(desk: Desk, refused: Refused) -> None:
    """The taker can't put its own name on the maker's order, nor sign it for the maker."""
    forged = desk.buy(signer=desk.taker.address)
    with refused("BadSignature", signer=desk.taker.address):
        desk.match(forged, desk.sell(), maker_signature=desk.sign(desk.buy()))
    with refused("BadSignature", signer=desk.maker.address):
        desk.match(desk.buy(), desk.sell(), maker_signature=desk.sign(desk.buy(), desk.taker))


@pytest.mark.parametrize("spoil", [bytes, lambda s: s[:-1], lambda s: s + b"\0", lambda s: bytes(65)])
def test_signature__malformed__reverts(desk: Desk, refused: Refused, spoil: Callable[[bytes], bytes]) -> None:
    bad = spoil(desk.sign(desk.sell())) if spoil is not bytes else b""
    with refused("BadSignature", signer=desk.taker.address):
        desk.match(desk.buy(), desk.sell(), taker_signature=bad)


def test_signature__other_half_of_the_curve__reverts(desk: Desk, refused: Refused) -> None:
    """(r, n − s) with the other v recovers the same key: only one of the two is accepted."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    signature = desk.sign(desk.buy())
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    mirrored = r + (order - s).to_bytes(32, "big") + bytes([55 - v])
    with refused("BadSignature", signer=desk.maker.address):
        desk.match(desk.buy(), desk.sell(), maker_signature=mirrored)


def test_signature__for_zero_address__reverts(desk: Desk, refused: Refused) -> None:
    """A failed recovery gives the zero address, which must not pass for a signer."""
    zero = "0x" + "00" * 20
    desk.authorise(MAKER, zero)
    with refused("BadSignature", signer=zero):
        desk.match(desk.buy(signer=zero), desk.sell(), maker_signature=bytes(65))


def test_signature__for_other_contract__reverts(
    desk: Desk, refused: Refused, deploy: Callable[..., Contract], authority: Contract
) -> None:
    twin = deploy("Venue", authority.address, desk.ledger.address, 3, 2, 5)
    order = desk.buy()
    elsewhere = desk.maker.unsafe_sign_hash(digest(order, CHAIN_ID, twin.address)).signature
    with refused("BadSignature", signer=desk.maker.address):
        desk.match(order, desk.sell(), maker_signature=bytes(elsewhere))


def test_signature__for_other_chain__reverts(desk: Desk, refused: Refused) -> None:
    order = desk.buy()
    elsewhere = desk.maker.unsafe_sign_hash(digest(order, CHAIN_ID + 1, desk.venue.address)).signature
    with refused("BadSignature", signer=desk.maker.address):
        desk.match(order, desk.sell(), maker_signature=bytes(elsewhere))


def test_signature__after_chain_split__only_the_new_chain_counts(
    desk: Desk, anvil: Anvil, refused: Refused
) -> None:
    """The contract asks for the chain's id when it is called: orders of before the split are void on the new chain."""
    maker, taker = desk.buy(), desk.sell()

    def check_on(chain_id: int) -> None:
        signatures = [
            bytes(key.unsafe_sign_hash(digest(order, chain_id, desk.venue.address)).signature)
            for key, order in ((desk.maker, maker), (desk.taker, taker))
        ]
        desk.venue.call("matchOrders", maker.members(), signatures[0], taker.members(), signatures[1], WAD)

    check_on(CHAIN_ID)
    anvil.rpc.call("anvil_setChainId", CHAIN_ID + 1)
    try:
        assert desk.venue.call("hashOf", maker.members()) == digest(maker, CHAIN_ID + 1, desk.venue.address)
        with refused("BadSignature", signer=desk.maker.address):
            check_on(CHAIN_ID)
        check_on(CHAIN_ID + 1)
    finally:
        anvil.rpc.call("anvil_setChainId", CHAIN_ID)


def test_signature__operator__signs_for_the_account(desk: Desk, anvil: Anvil) -> None:
    operator = anvil.signer(7)
    desk.authorise(TAKER, operator)
    taker = desk.sell(signer=operator.address)
    desk.match(desk.buy(), taker, taker_signature=desk.sign(taker, operator))
    assert desk.filled(taker) == WAD


@pytest.fixture
def wallet(desk: Desk, deploy: Callable[..., Contract]) -> Contract:
    """Owned by the maker's key, and authorised for its account."""
    wallet = deploy("MockWallet", desk.maker.address)
    desk.authorise(MAKER, wallet)
    return wallet


HONEST, WRONG_MAGIC, REVERTS, NOTHING = range(4)


def test_signature__contract_approves__is_matched(desk: Desk, wallet: Contract) -> None:
    maker = desk.buy(signer=wallet.address)
    desk.match(maker, desk.sell())
    assert desk.filled(maker) == WAD


def test_signature__contract_with_foreign_signature__reverts(
    desk: Desk, wallet: Contract, refused: Refused
) -> None:
    maker = desk.buy(signer=wallet.address)
    with refused("BadSignature", signer=wallet.address):
        desk.match(maker, desk.sell(), maker_signature=desk.sign(maker, desk.taker))


@pytest.mark.parametrize("answer", [WRONG_MAGIC, REVERTS, NOTHING])
def test_signature__contract_refuses__reverts(
    desk: Desk, wallet: Contract, refused: Refused, answer: int
) -> None:
    maker = desk.buy(signer=wallet.address)
    desk.match(maker, desk.sell(), WAD)
    wallet.send("set", answer, sender=desk.keeper)
    with refused("BadSignature", signer=wallet.address):
        desk.match(maker, desk.sell(), WAD)
    assert desk.filled(maker) == WAD


def test_signature__contract_without_authority__reverts(
    desk: Desk, wallet: Contract, refused: Refused
) -> None:
    desk.authorise(MAKER, wallet, False)
    with refused("NotAuthorised", account=MAKER, caller=wallet.address):
        desk.match(desk.buy(signer=wallet.address), desk.sell())


def test_signature__key_cannot_sign_for_contract(desk: Desk, wallet: Contract, refused: Refused) -> None:
    """A contract that is no wallet approves nothing, whoever signs."""
    maker = desk.buy(signer=desk.ledger.address)
    desk.authorise(MAKER, desk.ledger)
    with refused("BadSignature", signer=desk.ledger.address):
        desk.match(maker, desk.sell())
