"""Opens the market: accounts, deposits, and the first trades as real signed orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast.chain.anvil import Anvil
from holdfast.chain.contract import Contract
from holdfast.chain.protocol import Protocol
from holdfast.demo.maker import Maker
from holdfast.demo.scenario import Stage
from holdfast.demo.seat import endow
from holdfast.demo.traders import Pair, Trader, pair_up
from holdfast.errors import Reverted
from holdfast.model.venue import Order, SignedOrder
from holdfast.types import SETTLEMENT, Mode

MAKER, RELAYER, SPONSOR, FIRST_TRADER = 5, 6, 7, 11
"""Accounts of the node by what they are for; the others below belong to the deployment and the keepers."""

MAKER_CAPITAL: Final = 20_000_000  # [settlement token] stands for the rest of the world
MATCH_GAS: Final = 2_000_000


@dataclass
class Opening:
    """The market as it stands once it is open."""

    maker: Maker
    accounts: dict[int, int] = field(default_factory=dict)  # trader's number → account
    traders: Mapping[int, Trader] = field(default_factory=dict)  # account → trader
    trades: int = 0


class Floor:
    """Where traders come to trade: opens their accounts and matches their orders."""

    def __init__(
        self, chain: Anvil, protocol: Protocol, traders: Sequence[Trader], book: Path, stage: Stage
    ) -> None:
        self._chain, self._protocol, self._traders = chain, protocol, traders
        self._addresses = chain.accounts
        maker_key = chain.signer(MAKER)
        maker = protocol.open_account(self._addresses[MAKER], Mode.CROSS)
        self.opening = Opening(maker=Maker(protocol, maker_key, maker, book, stage.depth))
        endow(protocol, self._addresses[MAKER], maker, MAKER_CAPITAL, {})
        fund = protocol.insurance.call("FUND")
        endow(protocol, self._addresses[SPONSOR], fund, stage.insurance_fund, {})
        if stage.backstop:
            self._back(stage.backstop)

    def open(self, prices_wad: Mapping[str, int], now: int) -> Iterator[None]:
        """One step for each account and each trade."""
        for trader in self._traders:
            self._enter(trader)
            yield
        self.opening.traders = {self.opening.accounts[trader.number]: trader for trader in self._traders}
        early = [trader for trader in self._traders if not trader.late]
        orders: dict[tuple[int, str], SignedOrder] = {}
        for pair in pair_up(early):
            self._match(pair, orders, prices_wad, now, wait=True)
            yield

    def trade_late(self, pair: Pair, prices_wad: Mapping[str, int], now: int) -> bool:
        """Sends a latecomer's trade against the market maker, to be mined in the next block. False if it is refused."""
        try:
            self._match(pair, {}, prices_wad, now, wait=False)
        except Reverted:
            return False
        return True

    def _enter(self, trader: Trader) -> None:
        owner = self._addresses[FIRST_TRADER + trader.number]
        account = self._protocol.open_account(owner, trader.mode)
        self.opening.accounts[trader.number] = account
        endow(self._protocol, owner, account, trader.cash, trader.collateral)

    def _back(self, amount: int) -> None:
        """Somebody puts as much into the backstop of each market."""
        token, sponsor = self._protocol.tokens[SETTLEMENT], self._addresses[SPONSOR]
        raw = amount * 10 ** self._protocol.decimals[SETTLEMENT]
        for tranche in self._protocol.tranches.values():
            token.send("mint", sponsor, raw, sender=sponsor)
            token.send("approve", tranche.address, raw, sender=sponsor)
            tranche.send("deposit", raw, sponsor, sender=sponsor)

    def _match(
        self,
        pair: Pair,
        orders: dict[tuple[int, str], SignedOrder],
        prices_wad: Mapping[str, int],
        now: int,
        *,
        wait: bool,
    ) -> None:
        """Buyer and seller at the market's price; the buyer is the maker. Reverted where it is refused."""
        price = prices_wad[pair.underlying]
        sides = [
            self._order(orders, number, pair, sign, price, now)
            for number, sign in ((pair.buyer, 1), (pair.seller, -1))
        ]
        buy, sell = sides
        match(self._protocol, buy, sell, pair.size_wad, self._addresses[RELAYER], wait=wait)
        self.opening.trades += 1

    def _order(
        self,
        orders: dict[tuple[int, str], SignedOrder],
        number: int | None,
        pair: Pair,
        sign: int,
        price_wad: int,
        now: int,
    ) -> SignedOrder:
        instrument = self._protocol.instruments[f"{pair.underlying}-PERP"]
        if number is None:
            return self.opening.maker.order(instrument, sign * pair.size_wad, price_wad, now)
        known = orders.get((number, pair.underlying))
        if known is None:
            key = self._chain.signer(FIRST_TRADER + number)
            order = Order(
                account=self.opening.accounts[number],
                signer=key.address,
                instrument=instrument,
                size_wad=self._traders[number].legs[pair.underlying],
                limit_price_wad=price_wad,
                expires_at=now + 86_400,
            )
            known = orders[number, pair.underlying] = self._protocol.sign(order, key)
        return known


def match(
    protocol: Protocol,
    maker: SignedOrder,
    taker: SignedOrder,
    size_wad: int,
    relayer: str,
    *,
    wait: bool,
    tip: int = 10**9,  # [wei a gas]
) -> None:
    """At the maker's price; mined at once, or in the next block. Reverted where it would be refused now."""
    venue = protocol.venue
    sides = (maker.order.members(), maker.signature, taker.order.members(), taker.signature)
    arguments = (*sides, size_wad)
    if wait:
        venue.send("matchOrders", *arguments, sender=relayer, gas=MATCH_GAS)
    else:
        venue.call("matchOrders", *arguments, sender=relayer)
        venue.submit("matchOrders", *arguments, sender=relayer, gas=MATCH_GAS, **fees(venue, tip))


def fees(contract: Contract, tip: int) -> dict[str, int]:
    """Room for the base fee to double until it is mined; `tip` [wei a gas]."""
    block = contract.rpc.call("eth_getBlockByNumber", "latest", False)
    return {"max_fee": 2 * int(block["baseFeePerGas"], 16) + tip, "priority_fee": tip}
