"""The numbers and the handle that tests of Liquidation share.

Everything around the auction is `MockSurroundings`. Made for working by hand: d rises by a hundredth a second from
10 % to 90 %; after the largest slice equity is 140 % of MM.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any

from holdfast.chain.contract import Contract
from holdfast.chain.transactions import Receipt
from holdfast.model.liquidation import Params
from holdfast.types import perpetual
from holdfast.units import WAD
from tests.conftest import Clock

ACCOUNT, TAKER, REWARDED, FUND = 7, 8, 9, 1_000
ETH, BTC, GAS = 1, 2, 3
ETH_PERP, BTC_PERP = perpetual(ETH), perpetual(BTC)
NOBODY = "0x" + "00" * 20

INCREASE, REDUCE, WITHDRAW, START, TAKE, DELEVERAGE, WRITE_OFF = range(7)

PARAMS = Params(
    start_bps=1_000,
    end_bps=9_000,
    target_bps=14_000,
    fund_share_bps=1_000,
    reward_share_bps=500,
    reward_margin_bps=5_000,
    reward_gas=60_000,
    reward_item_gas=5_000,
    ramp_seconds=80,
    solvent_seconds=100,
    run_seconds=200,
    dust_wad=10 * WAD,
    reward_fund_wad=30 * WAD,
    gate_deficit_wad=5 * WAD,
    tax_bps=0,
)

NO_AUCTION = (0, 0, 0, False, False)


def health(
    equity: int,
    maintenance: int = 200,
    *,
    initial: int | None = None,
    cash: int = 0,
    gross: int = 1_000,
    legs: int = 2,
    holdings: int = 0,
    dominant: int = ETH,
    underlyings: tuple[int, ...] = (ETH, BTC),
    scale: int = WAD,
) -> tuple[Any, ...]:
    """A Health in whole units of the settlement token."""
    required = maintenance * 2 if initial is None else initial
    margin = (equity * scale, required * scale, maintenance * scale, 0)
    items = tuple(scale << 24 | underlying for underlying in underlyings)
    return (margin, cash * scale, gross * scale, legs, holdings, 0, dominant, items)


@dataclass
class World:
    liquidation: Contract
    around: Contract  # ledger, positions, oracle, breaker, insurance fund
    clock: Clock
    deployer: str
    keeper: str  # owns TAKER

    def put(self, account: int, state: tuple[Any, ...]) -> None:
        self.around.send("setHealth", account, state, sender=self.deployer)

    def block(self, action: int) -> None:
        self.around.send("setBlocked", action, True, sender=self.deployer)

    def capacity(self, amount: int, market: int = ETH) -> None:
        self.around.send("setCapacity", market, amount * WAD, sender=self.deployer)

    def equity(self, *accounts: int) -> tuple[int, ...]:
        return tuple(self.around.call("healthOf", account).margin.equityWad for account in accounts)

    def start(self, state: tuple[Any, ...] | None = None) -> int:
        """An auction of ACCOUNT (equity 180, MM 200); returns its time. Gas is free, so is the start."""
        self.put(ACCOUNT, health(180) if state is None else state)
        time = self.clock.now + 10
        self.clock.next(time)
        self.liquidation.send("start", ACCOUNT, REWARDED, sender=self.keeper)
        return time

    def auction(self, account: int = ACCOUNT) -> tuple[Any, ...]:
        """Clock, market and stage."""
        return tuple(self.liquidation.call("auctionOf", account))[:5]

    def uncovered(self, account: int = ACCOUNT) -> tuple[bool, int]:
        """Is its deficit known to be more than the fund can pay, and of how many is it?"""
        flag = bool(self.liquidation.call("auctionOf", account).uncovered)
        return flag, int(self.liquidation.call("uncoveredAccounts"))

    def take(self, time: int | None = None, /, **changes: Any) -> Receipt:
        if time is not None:
            self.clock.next(time)
        return self.liquidation.send("take", bid(**changes), sender=self.keeper)


def bid(**changes: Any) -> tuple[Any, ...]:
    """A Bid for everything, at any price."""
    fields = {
        "account": ACCOUNT,
        "taker": TAKER,
        "max_fraction": WAD,
        "min_fraction": 0,
        "max_payment": 2**255 - 1,
        "min_discount": 0,
        "receiver": NOBODY,
        "data": b"",
    }
    unknown = changes.keys() - fields.keys()
    assert not unknown, unknown
    return tuple({**fields, **changes}.values())


def params(**changes: int) -> tuple[int, ...]:
    return astuple(replace(PARAMS, **changes))
