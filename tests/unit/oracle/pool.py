"""A real Uniswap V3 pool, as its authors compiled it: two tokens, and somebody who provides and trades."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from holdfast.chain.artifacts import Artifact, artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.chain.environment import PROJECT
from holdfast.chain.rpc import Rpc

PUBLISHED = PROJECT / "node_modules" / "@uniswap" / "v3-core" / "artifacts" / "contracts"
FEE = 3_000
LAST_TICK = 887_220  # of the ticks that a pool with this fee knows
LEAST_RATIO, MOST_RATIO = 4_295_128_740, 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_341


def published(name: str) -> Artifact:
    found: dict[str, Any] = json.loads((PUBLISHED / f"{name}.sol" / f"{name}.json").read_text())
    return Artifact(name=name, abi=found["abi"], bytecode=found["bytecode"].removeprefix("0x"))


@dataclass
class Pool:
    contract: Contract
    base: Contract  # 18 decimals
    quote: Contract  # 6 decimals
    user: Contract
    sender: str

    @property
    def base_first(self) -> bool:
        return int(self.base.address, 16) < int(self.quote.address, 16)

    @classmethod
    def create(cls, rpc: Rpc, sender: str, price: int, *, base_first: bool) -> Pool:
        """Of ether and dollars at this price, with plenty of both over the whole range, and ten moments remembered."""
        base = deploy(rpc, artifact("MockToken"), "Ether", "WETH", 18, sender=sender)
        while True:
            quote = deploy(rpc, artifact("MockToken"), "Dollar", "USDC", 6, sender=sender)
            if (int(base.address, 16) < int(quote.address, 16)) == base_first:
                break
        factory = deploy(rpc, published("UniswapV3Factory"), sender=sender)
        user = deploy(rpc, artifact("MockPoolUser"), sender=sender)
        factory.send("createPool", base.address, quote.address, FEE, sender=sender)
        contract = Contract(
            rpc, published("UniswapV3Pool"), factory.call("getPool", base.address, quote.address, FEE)
        )
        amounts = (10**18, price * 10**6) if base_first else (price * 10**6, 10**18)
        contract.send("initialize", math.isqrt((amounts[1] << 192) // amounts[0]), sender=sender)
        contract.send("increaseObservationCardinalityNext", 10, sender=sender)
        for token in (base, quote):
            token.send("mint", user.address, 10**30, sender=sender)
        user.send("mint", contract.address, -LAST_TICK, LAST_TICK, 10**19, sender=sender)
        return cls(contract, base, quote, user, sender)

    def sell(self, amount: int) -> None:
        """So much of the base [wei]; negative: buy as much of it."""
        first = self.base_first == (amount > 0)
        limit = LEAST_RATIO if first else MOST_RATIO
        self.user.send("swap", self.contract.address, first, amount, limit, sender=self.sender)

    def tick(self) -> int:
        return int(self.contract.call("slot0")[1])
