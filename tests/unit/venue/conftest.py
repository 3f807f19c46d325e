"""A real venue on a mocked ledger, and a desk that writes, signs and matches orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from holdfast.chain.anvil import Anvil
from holdfast.chain.contract import Contract
from holdfast.chain.transactions import Receipt
from holdfast.model.venue import Order, digest
from holdfast.types import perpetual
from holdfast.units import WAD
from tests.conftest import Clock, Roles

CHAIN_ID = 31337
MAKER, TAKER, FEES = 11, 12, 3  # accounts of the mocked ledger
ETH = perpetual(1)
MAKER_BPS, TAKER_BPS = 2, 5
PRICE = 2_000 * WAD


@dataclass(frozen=True)
class Desk:
    """The maker buys, the taker sells, at one price; tests say what is different."""

    venue: Contract
    ledger: Contract
    maker: LocalAccount
    taker: LocalAccount
    keeper: str

    def buy(self, **changes: Any) -> Order:
        return replace(self._order(MAKER, self.maker.address, 3 * WAD), **changes)

    def sell(self, **changes: Any) -> Order:
        return replace(self._order(TAKER, self.taker.address, -3 * WAD), **changes)

    def _order(self, account: int, signer: str, size_wad: int) -> Order:
        return Order(
            account=account, signer=signer, instrument=ETH, size_wad=size_wad, limit_price_wad=PRICE, nonce=5
        )

    def hash_of(self, order: Order) -> bytes:
        return digest(order, CHAIN_ID, self.venue.address)

    def sign(self, order: Order, key: LocalAccount | None = None) -> bytes:
        key = key or (self.maker if order.account == MAKER else self.taker)
        return bytes(key.unsafe_sign_hash(self.hash_of(order)).signature)

    def match(
        self,
        maker: Order,
        taker: Order,
        size_wad: int = WAD,
        *,
        maker_signature: bytes | None = None,
        taker_signature: bytes | None = None,
    ) -> Receipt:
        return self.venue.send(
            "matchOrders",
            maker.members(),
            self.sign(maker) if maker_signature is None else maker_signature,
            taker.members(),
            self.sign(taker) if taker_signature is None else taker_signature,
            size_wad,
            sender=self.keeper,
        )

    def filled(self, order: Order) -> int:
        found: int = self.venue.call("filledOf", self.hash_of(order))
        return found

    def authorise(self, account: int, who: Any, authorised: bool = True) -> None:
        self.ledger.send("setAuthorised", account, who, authorised, sender=self.keeper)


@pytest.fixture
def ledger(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockVenueLedger")


@pytest.fixture
def venue(deploy: Callable[..., Contract], authority: Contract, ledger: Contract) -> Contract:
    return deploy("Venue", authority.address, ledger.address, FEES, MAKER_BPS, TAKER_BPS)


@pytest.fixture
def desk(venue: Contract, ledger: Contract, anvil: Anvil, roles: Roles, clock: Clock) -> Desk:
    desk = Desk(venue, ledger, anvil.signer(8), anvil.signer(9), roles.keeper)
    desk.authorise(MAKER, desk.maker)
    desk.authorise(TAKER, desk.taker)
    return desk
