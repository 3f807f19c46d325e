"""The numbers and the handle that tests of Insurance share."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any

from holdfast.chain.contract import Contract
from holdfast.model.insurance import Params
from holdfast.units import WAD

FUND, FEES, TREASURY = 1, 2, 3
ACCOUNT = 9
ETH, BTC = 1, 2

TARGET = 1_000 * WAD

PARAMS = Params(
    min_share_bps=6_000,
    max_share_bps=6_000,  # a constant share, unless the test says otherwise
    slack_bps=1_000,
    move_bps=1_000,
    multiple_bps=15_000,
    tail_bps=36_915,
    max_age_seconds=259_200,
    hold_seconds=3_600,
    cooldown_seconds=864_000,
    window_seconds=172_800,
    horizon_seconds=86_400,
    least_target_wad=TARGET,
)
SHARE_WAD = 6 * WAD // 10


def params(**changes: Any) -> tuple[Any, ...]:
    return astuple(replace(PARAMS, **changes))


@dataclass
class World:
    insurance: Contract
    ledger: Contract
    deployer: str

    def put(self, account: int, cash_wad: int) -> None:
        self.ledger.send("setCash", account, cash_wad, sender=self.deployer)

    def cash(self, *accounts: int) -> tuple[int, ...]:
        return tuple(self.ledger.call("cashOf", account) for account in accounts)

    def own(self, account: int, owner: str, cash_wad: int = 0) -> None:
        self.ledger.send("setOwner", account, owner, sender=self.deployer)
        self.put(account, cash_wad)
