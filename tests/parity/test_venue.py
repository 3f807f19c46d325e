"""Venue: contract = model = eth_account's EIP-712, on generated orders and sequences of matches."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from holdfast.chain.anvil import Anvil
from holdfast.chain.contract import Contract
from holdfast.errors import Refused, Reverted
from holdfast.model.typed_data import VERSION
from holdfast.model.venue import DOMAIN_NAME, ORDER_MEMBERS, Order, Venue, digest
from holdfast.types import perpetual
from holdfast.units import WAD
from tests.conftest import START, Clock, Roles

CHAIN_ID = 31337
ROUNDS = 120
EDGES = (0, 1, 2, 3, WAD - 1, WAD, WAD + 1, 2_000 * WAD, 2**120)


@pytest.fixture
def ledger(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockVenueLedger")


@pytest.fixture
def venue(deploy: Callable[..., Contract], authority: Contract, ledger: Contract) -> Contract:
    return deploy("Venue", authority.address, ledger.address, 3, 2, 5)


def random_order(rng: random.Random) -> Order:
    return Order(
        account=rng.getrandbits(rng.choice((1, 8, 64))),
        signer=Account.from_key(keccak(rng.randbytes(32))).address,
        instrument=rng.getrandbits(rng.choice((8, 192, 256))),
        size_wad=rng.choice((-1, 1)) * rng.getrandbits(rng.choice((1, 64, 255))),
        limit_price_wad=rng.getrandbits(rng.choice((1, 64, 256))),
        nonce=rng.getrandbits(rng.choice((1, 64, 256))),
        expires_at=rng.getrandbits(40),
        reduce_only=rng.random() < 0.5,
        post_only=rng.random() < 0.5,
    )


def eip712(order: Order, chain_id: int, address: str) -> bytes:
    """As eth_account writes it: an encoding that shares no line with ours."""
    names = [name for name, _ in ORDER_MEMBERS]
    message = encode_typed_data(
        {"name": DOMAIN_NAME, "version": VERSION, "chainId": chain_id, "verifyingContract": address},
        {"Order": [{"name": name, "type": kind} for name, kind in ORDER_MEMBERS]},
        dict(zip(names, order.members(), strict=True)),
    )
    return keccak(b"\x19" + message.version + message.header + message.body)


def test_hash__contract_model_and_eth_account_agree(venue: Contract) -> None:
    rng = random.Random(712)
    for _ in range(40):
        order = random_order(rng)
        expected = eip712(order, CHAIN_ID, venue.address)
        assert digest(order, CHAIN_ID, venue.address) == expected
        assert venue.call("hashOf", order.members()) == expected


def test_hash__every_member_counts(venue: Contract) -> None:
    order = random_order(random.Random(1))
    changed: dict[str, Any] = {
        "account": order.account ^ 1,
        "signer": Account.from_key(keccak(b"another")).address,
        "instrument": order.instrument ^ 1,
        "size_wad": order.size_wad + 1,
        "limit_price_wad": order.limit_price_wad ^ 1,
        "nonce": order.nonce ^ 1,
        "expires_at": order.expires_at ^ 1,
        "reduce_only": not order.reduce_only,
        "post_only": not order.post_only,
    }
    hashes = {
        venue.call("hashOf", replace(order, **{name: value}).members()) for name, value in changed.items()
    }
    assert len(hashes | {digest(order, CHAIN_ID, venue.address)}) == len(ORDER_MEMBERS) + 1


def test_match__contract_does_what_the_model_says(
    venue: Contract, ledger: Contract, anvil: Anvil, roles: Roles, clock: Clock
) -> None:
    """Matches, cancellations and raised floors on a small set of orders, so that they run into one another."""
    rng = random.Random(20)
    keys = [anvil.signer(8), anvil.signer(9)]
    model = Venue(chain_id=CHAIN_ID, address=venue.address, maker_fee_bps=2, taker_fee_bps=5)
    authorised = {(account, keys[account % 2].address): True for account in (1, 2, 3, 4)}
    positions = {(1, perpetual(1)): 2 * WAD, (2, perpetual(1)): -3 * WAD, (3, perpetual(1)): 0}
    for account, who in authorised:
        ledger.send("setAuthorised", account, who, True, sender=roles.keeper)
    for (account, instrument), size in positions.items():
        ledger.send("setPosition", account, instrument, size, sender=roles.keeper)

    def pick() -> Order:
        account = rng.choice((1, 2, 3, 4, 5))
        return Order(
            account=account,
            signer=keys[account % 2].address,
            instrument=perpetual(rng.choice((1, 1, 1, 1, 2))),
            size_wad=rng.choice((-1, -1, 1, 1, 0)) * rng.choice((1, WAD, 2 * WAD)),
            limit_price_wad=rng.choice((2_000 * WAD, 2_000 * WAD, 1_999 * WAD, 0, 2**100)),
            nonce=rng.randrange(3),
            expires_at=rng.choice((2**40 - 1, 2**40 - 1, START + 50)),
            reduce_only=rng.random() < 0.2,
            post_only=rng.random() < 0.1,
        )

    outcomes: dict[str, int] = {}
    for step in range(ROUNDS):
        if rng.random() < 0.05:
            order = pick()
            if (order.account, order.signer) in authorised:
                model.cancel(order)
                venue.send("cancel", order.members(), sender=order.signer)
        if rng.random() < 0.02:
            model.raise_nonce_floor(1, model.floors.get(1, 0) + 1)
            venue.send("raiseNonceFloor", 1, model.floors[1], sender=keys[1].address)
        maker, taker = pick(), pick()
        if maker.size_wad * taker.size_wad > 0 and rng.random() < 0.8:
            taker = replace(taker, size_wad=-taker.size_wad)
        size = rng.choice((1, WAD // 2, WAD, 0)) if rng.random() < 0.95 else 5 * WAD
        now = START + 2 * step + 2
        clock.next(now)
        expected = _told(
            lambda m=maker, t=taker, s=size, n=now: model.matched(
                m, t, s, now=n, authorised=authorised, positions=positions
            )
        )
        found = _told(lambda m=maker, t=taker, s=size: _match(venue, ledger, keys, m, t, s, roles.keeper))
        assert found == expected, (step, maker, taker, size)
        outcomes[expected[0]] = outcomes.get(expected[0], 0) + 1
    for order_hash, filled in model.filled.items():
        assert venue.call("filledOf", order_hash) == filled
    # Each outcome was met: a generator that no longer reaches one proves nothing about it.
    assert set(outcomes) == {
        "ZeroSize", "InstrumentMismatch", "PostOnly", "NotOpposite", "NotCrossing", "Expired", "NonceBelowFloor",
        "OrderFilled", "NotAuthorised", "ReduceOnly", "traded",
    }, outcomes  # fmt: skip


def _told(act: Callable[[], Any]) -> tuple[str, tuple[Any, ...]]:
    try:
        trade = act()
    except (Refused, Reverted) as error:
        return error.name, tuple(error.values)
    return "traded", trade if isinstance(trade, tuple) else (
        trade.instrument,
        trade.buyer,
        trade.seller,
        trade.size_wad,
        trade.price_wad,
        trade.buyer_fee_wad,
        trade.seller_fee_wad,
    )


def _match(
    venue: Contract, ledger: Contract, keys: list[Any], maker: Order, taker: Order, size: int, keeper: str
) -> tuple[Any, ...]:
    signatures = [
        bytes(keys[order.account % 2].unsafe_sign_hash(digest(order, CHAIN_ID, venue.address)).signature)
        for order in (maker, taker)
    ]
    venue.send(
        "matchOrders", maker.members(), signatures[0], taker.members(), signatures[1], size, sender=keeper
    )
    fill = ledger.call("lastFill")
    return (
        fill.instrument,
        fill.buyer,
        fill.seller,
        fill.sizeWad,
        fill.priceWad,
        fill.buyerFeeWad,
        fill.sellerFeeWad,
    )
