"""A seat at the venue: an account with what it begins with, and the key that signs its orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eth_account.signers.local import LocalAccount

from holdfast.chain.protocol import Protocol
from holdfast.model.venue import Order, SignedOrder
from holdfast.types import SETTLEMENT

LIFE_SECONDS: Final = 3_600


class Seat:
    def __init__(self, protocol: Protocol, key: LocalAccount, account: int) -> None:
        self.key, self.account = key, account
        self._protocol, self._nonce = protocol, 0

    def order(self, instrument: int, size_wad: int, price_wad: int, now: int) -> SignedOrder:
        """A new one each time: buy (+) or sell (−), at that price or better."""
        self._nonce += 1
        order = Order(
            account=self.account,
            signer=self.key.address,
            instrument=instrument,
            size_wad=size_wad,
            limit_price_wad=price_wad,
            nonce=self._nonce,
            expires_at=now + LIFE_SECONDS,
        )
        return self._protocol.sign(order, self.key)


def endow(
    protocol: Protocol,
    owner: str,
    account: int,
    cash: int,  # [whole units of the settlement token]
    collateral: Mapping[str, int],  # token → amount [wad]
) -> None:
    """Deposits both."""
    protocol.fund(owner, account, SETTLEMENT, cash * 10 ** protocol.decimals[SETTLEMENT])
    for token, amount_wad in collateral.items():
        asset = protocol.assets[token]
        protocol.fund(owner, account, asset, amount_wad // 10 ** (18 - protocol.decimals[asset]))
