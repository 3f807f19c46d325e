"""The numbers and the handle that tests of Insurance share."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.chain.contract import Contract

FUND, FEES, TREASURY = 1, 2, 3
ACCOUNT = 9
ETH, BTC = 1, 2

SHARE_BPS = 6_000


@dataclass
class World:
    insurance: Contract
    ledger: Contract
    deployer: str

    def put(self, account: int, cash_wad: int) -> None:
        self.ledger.send("setCash", account, cash_wad, sender=self.deployer)

    def cash(self, *accounts: int) -> tuple[int, ...]:
        return tuple(self.ledger.call("cashOf", account) for account in accounts)
