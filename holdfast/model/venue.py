"""The venue's rules: how an order is hashed, when two cross, what a match costs.

An order's hash is its EIP-712 digest, so it names one order on one chain at one contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.errors import Refused
from holdfast.model import typed_data
from holdfast.units import BPS, WAD, mul_div_up

DOMAIN_NAME: Final = "Holdfast Venue"

ORDER_MEMBERS: Final = (
    ("account", "uint64"),
    ("signer", "address"),
    ("instrument", "uint256"),
    ("sizeWad", "int256"),
    ("limitPriceWad", "uint256"),
    ("nonce", "uint256"),
    ("expiresAt", "uint40"),
    ("reduceOnly", "bool"),
    ("postOnly", "bool"),
)

CANCELLED: Final = 2**256 - 1
"""What `filledOf` says of a cancelled order, or standing bid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a trader signs."""

    account: int
    signer: str
    instrument: int
    size_wad: int  # buy (+) or sell (−)
    limit_price_wad: int  # pay at most, or receive at least
    nonce: int = 0
    expires_at: int = 2**40 - 1  # last second in which it may be matched
    reduce_only: bool = False
    post_only: bool = False

    def members(self) -> tuple[Any, ...]:
        """In the order of the Solidity struct, as the ABI takes them."""
        return (
            self.account,
            self.signer,
            self.instrument,
            self.size_wad,
            self.limit_price_wad,
            self.nonce,
            self.expires_at,
            self.reduce_only,
            self.post_only,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedOrder:
    order: Order
    signature: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """What a match hands to the ledger."""

    instrument: int
    buyer: int
    seller: int
    size_wad: int
    price_wad: int
    buyer_fee_wad: int
    seller_fee_wad: int


@dataclass(kw_only=True, slots=True)
class Venue:
    """The state that the contract keeps, and its checks in the contract's order.

    Signatures are not modelled: `matched` takes orders as signed by their signers.
    """

    chain_id: int
    address: str
    maker_fee_bps: int
    taker_fee_bps: int
    filled: dict[bytes, int] = field(default_factory=dict)
    floors: dict[int, int] = field(default_factory=dict)

    def hash_of(self, order: Order) -> bytes:
        return digest(order, self.chain_id, self.address)

    def matched(
        self,
        maker: Order,
        taker: Order,
        size_wad: int,
        *,
        now: int,
        authorised: Mapping[tuple[int, str], bool],  # (account, signer)
        positions: Mapping[tuple[int, int], int],  # (account, instrument) → signed size; absent: none
    ) -> Trade:
        """The trade, with both orders counted as matched that much. Refused where the contract reverts."""
        if size_wad == 0:
            raise Refused("ZeroSize")
        check_pair(maker, taker)
        before = dict(self.filled)
        try:
            for order in (maker, taker):
                self._use(order, size_wad, now, authorised, positions)
        except Refused:
            self.filled = before
            raise
        buys = maker.size_wad > 0
        price = maker.limit_price_wad
        maker_fee = fee_up(size_wad, price, self.maker_fee_bps)
        taker_fee = fee_up(size_wad, price, self.taker_fee_bps)
        return Trade(
            instrument=maker.instrument,
            buyer=maker.account if buys else taker.account,
            seller=taker.account if buys else maker.account,
            size_wad=size_wad,
            price_wad=price,
            buyer_fee_wad=maker_fee if buys else taker_fee,
            seller_fee_wad=taker_fee if buys else maker_fee,
        )

    def cancel(self, order: Order) -> None:
        self.filled[self.hash_of(order)] = CANCELLED

    def raise_nonce_floor(self, account: int, floor: int) -> None:
        current = self.floors.get(account, 0)
        if floor <= current:
            raise Refused("FloorNotRaised", floor, current)
        self.floors[account] = floor

    def _use(
        self,
        order: Order,
        size_wad: int,
        now: int,
        authorised: Mapping[tuple[int, str], bool],
        positions: Mapping[tuple[int, int], int],
    ) -> None:
        if now > order.expires_at:
            raise Refused("Expired", order.expires_at)
        floor = self.floors.get(order.account, 0)
        if order.nonce < floor:
            raise Refused("NonceBelowFloor", order.nonce, floor)
        order_hash = self.hash_of(order)
        filled = self.filled.get(order_hash, 0)
        remaining = max(0, abs(order.size_wad) - filled)
        if size_wad > remaining:
            raise Refused("OrderFilled", order_hash, remaining, size_wad)
        if not authorised.get((order.account, order.signer), False):
            raise Refused("NotAuthorised", order.account, order.signer)
        if order.reduce_only:
            check_reduces(order, positions.get((order.account, order.instrument), 0), size_wad)
        self.filled[order_hash] = filled + size_wad


def check_pair(maker: Order, taker: Order) -> None:
    """Do the two fit each other? Refused where they don't."""
    if maker.instrument != taker.instrument:
        raise Refused("InstrumentMismatch", maker.instrument, taker.instrument)
    if taker.post_only:
        raise Refused("PostOnly")
    if maker.size_wad * taker.size_wad >= 0:
        raise Refused("NotOpposite", maker.size_wad, taker.size_wad)
    buy, sell = (maker, taker) if maker.size_wad > 0 else (taker, maker)
    if buy.limit_price_wad < sell.limit_price_wad:
        raise Refused("NotCrossing", buy.limit_price_wad, sell.limit_price_wad)


def check_reduces(order: Order, position_wad: int, size_wad: int) -> None:
    """A reducing order is opposite to the position and no larger. Refused otherwise."""
    trade = size_wad if order.size_wad > 0 else -size_wad
    if position_wad * trade >= 0 or size_wad > abs(position_wad):
        raise Refused("ReduceOnly", order.account, position_wad, trade)


def fee_up(size_wad: int, price_wad: int, fee_bps: int) -> int:
    """⌈size·price·bps⌉: the trader may lose the wei."""
    return mul_div_up(size_wad, price_wad * fee_bps, WAD * BPS)


def digest(order: Order, chain_id: int, venue: str) -> bytes:
    """The 32 bytes to sign."""
    return typed_data.digest(DOMAIN_NAME, "Order", ORDER_MEMBERS, order.members(), chain_id, venue)
