"""The market maker: stands for the depth of all other venues.

Each block it signs a bid or an offer wherever somebody might want to trade, around the price of the outside world, and
puts them into the order file that bidders read. It trades with whoever matches them, and has capital to spare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from eth_account.signers.local import LocalAccount

from holdfast.chain.protocol import Protocol
from holdfast.demo.seat import Seat
from holdfast.keepers.orders import dump
from holdfast.units import BPS, WAD, mul_div_down, mul_div_up

SPREAD_BPS: Final = 20  # away from the outside price, each side


class Maker(Seat):
    def __init__(self, protocol: Protocol, key: LocalAccount, account: int, book: Path, depth: int) -> None:
        super().__init__(protocol, key, account)
        self._depth_wad = depth * WAD  # in each market, side and block
        self._book = book

    def quote(self, now: int, prices_wad: Mapping[str, int], wanted: Iterable[tuple[str, int]]) -> None:
        """Replaces the file with bids (+1) and offers (−1) around these prices; `wanted`: underlying and side."""
        orders = []
        for symbol, side in sorted(wanted):
            price = prices_wad[symbol]
            size = self.depth_wad(price)
            instrument = self._protocol.instruments[f"{symbol}-PERP"]
            orders.append(self.order(instrument, side * size, away(price, side), now))
        dump(orders, self._book)

    def depth_wad(self, price_wad: int) -> int:
        """How much of an underlying it trades in a block."""
        return mul_div_down(self._depth_wad, WAD, price_wad)


def away(price_wad: int, side: int) -> int:
    """A bid below and an offer above the price; both rounded in the maker's favour."""
    if side > 0:
        return mul_div_down(price_wad, BPS - SPREAD_BPS, BPS)
    return mul_div_up(price_wad, BPS + SPREAD_BPS, BPS)
