"""A ledger with everything around it, and three engines that tests command: each has one right.

Made for working by hand: ETH at 2,000 and BTC at 60,000, 10 % initial and 5 % maintenance margin, haircuts of 15 % and
10 %, a market that gets dearer beyond 50 ETH and ends at 100, slow prices that follow in seconds.
"""

from __future__ import annotations

from typing import Any

from holdfast.chain.protocol import Protocol
from holdfast.chain.transactions import Receipt
from holdfast.types import Mode
from holdfast.units import WAD
from tests.stage import NOBODY, Party, Stage, address_of, key_of, wads

FILL, MOVE, SEIZE = 1, 2, 4

FILLER, MOVER, SEIZER = (key_of(place).address for place in (17, 18, 19))
"""Unlocked addresses with one right each."""

STRANGER = address_of("stranger")

ETH, BTC = 1, 2
USDC, WETH, WBTC, FEE = 0, 1, 2, 3
"""Assets; FEE burns a tenth of each transfer, and counts as ETH. Four more are like WETH."""

OVERFLOW = bytes.fromhex("35278d12")
"""Solady's `Overflow()`: a number doesn't fit."""

MARKETS = 17  # one more than an account can hold
GOVERNOR_DELAY = 172_800


def parameters(fee_token: str) -> Any:
    def change(data: dict[str, Any]) -> None:
        eth, weth, perpetual = (
            data["underlyings"]["ETH"] | {"deviation_percent": 50},
            data["collateral"]["WETH"],
            data["instruments"]["ETH-PERP"] | {"open_interest_cap": 100},
        )
        others = [f"U{place:02}" for place in range(3, MARKETS + 1)]
        data["underlyings"] = {
            "ETH": eth,
            "BTC": data["underlyings"]["BTC"] | {"deviation_percent": 50},
            **dict.fromkeys(others, eth),
        }
        data["instruments"] = {
            f"{name}-PERP": perpetual | {"underlying": name} for name in data["underlyings"]
        }
        data["collateral"] |= {
            "FEE": weth | {"address": fee_token},
            **{f"W{place}": weth for place in range(4, 8)},
        }
        data["oracle"]["ema_half_life_seconds"] = 1

    return change


class Bench(Stage):
    def __init__(self, protocol: Protocol, time: int) -> None:
        super().__init__(protocol, time)
        self._free = [3, 4, *range(7, 17)]

    def check(self) -> None:
        """Not after every transaction here: `audit`, once, at the end of a test."""

    def audit(self) -> None:
        super().check()

    # Engines

    def fill(
        self,
        buyer: Party | int,
        seller: Party | int,
        size: float,
        price: float,
        *,
        instrument: int | None = None,
        fees: tuple[int, int] = (0, 0),  # [wad] of buyer and seller
        fee_account: int | None = None,
        by: str = FILLER,
        **exact: int,
    ) -> Receipt:
        """`exact` replaces size_wad or price_wad."""
        return self.send(
            self.ledger,
            "fill",
            (
                self.eth if instrument is None else instrument,
                *(who if isinstance(who, int) else who.account for who in (buyer, seller)),
                self.fees if fee_account is None else fee_account,
                exact.get("size_wad", wads(size)),
                exact.get("price_wad", wads(price)),
                *fees,
            ),
            by=by,
        )

    def move(self, source: Party | int, target: Party | int, wad: int, by: str = MOVER) -> Receipt:
        ids = [who if isinstance(who, int) else who.account for who in (source, target)]
        return self.send(self.ledger, "move", *ids, wad, by=by)

    def seize(
        self,
        source: Party,
        target: Party,
        fraction_wad: int = WAD,
        discount_wad: int = 0,
        receiver: str = NOBODY,
        by: str = SEIZER,
    ) -> Receipt:
        return self.send(
            self.ledger, "take", source.account, target.account, fraction_wad, discount_wad, receiver, by=by
        )

    def close_out(
        self, party: Party, deficit_wad: int = 0, instrument: int | None = None, by: str = SEIZER
    ) -> Receipt:
        wanted = self.eth if instrument is None else instrument
        return self.send(self.ledger, "deleverage", party.account, wanted, deficit_wad, by=by)

    def forgive(self, party: Party | int, by: str = SEIZER) -> Receipt:
        return self.send(self.ledger, "writeOff", party if isinstance(party, int) else party.account, by=by)

    # Prices

    def reprice(self, symbol: str, price: float) -> None:
        """A new price, believed: the slow one follows within seconds."""
        self.price(symbol, price)
        self.wait(60)

    def indebted(self, dollars: float, mode: Mode = Mode.CROSS) -> Party:
        """An account with that debt and nothing else."""
        party = self.party(mode=mode)
        self.move(party, self.treasury, wads(dollars))
        return party


def open_position(bench: Bench, size: float = 10, cash: float = 10_000) -> tuple[Party, Party]:
    """A long and a short of ETH at 2,000."""
    long, short = bench.party(cash), bench.party(cash)
    bench.fill(long, short, size, 2_000)
    return long, short
