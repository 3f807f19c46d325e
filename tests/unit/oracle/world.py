"""The numbers and the handle that tests of the oracle share.

Made for working by hand: prices around 100, a slow price that keeps 99 % of its distance a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdfast.chain.contract import Contract
from holdfast.chain.transactions import Receipt
from holdfast.units import WAD

ETH = 1
BTC = 2
UNKNOWN = 9
ONE = 10**8  # the feeds have 8 decimals
DECAY_WAD = 99 * WAD // 100
VARIANCE_DECAY_WAD = 999 * WAD // 1_000
SLOW = 60  # [seconds]
LONGEST = 200  # [seconds] Contested, of any twice as many
RULES = (DECAY_WAD, VARIANCE_DECAY_WAD, SLOW, LONGEST)
"""As the constructor takes them."""
HEARTBEAT = 100  # [seconds]
DEVIATION = 10  # [%]
DIVERGENCE = 100  # [bps]
MIN = 10 * WAD
MAX = 1_000 * WAD
GRACE = 600
TRIGGER = 300

FRESH, SLOW_GRADE, CONTESTED, STALE, INVALID = range(5)


@dataclass
class World:
    oracle: Contract
    breaker: Contract
    feed: Contract  # of ETH
    keeper: str
    deployer: str

    def say(self, answer: int, time: int) -> None:
        """The source of ETH answers this as of `time`."""
        self.feed.send("setAt", answer, time, sender=self.deployer)

    def poke(self, *underlyings: int) -> Receipt:
        return self.oracle.send("poke", list(underlyings or (ETH,)), sender=self.keeper)

    def price(self, underlying: int = ETH) -> tuple[int, int, int]:
        """(spot, slow price, grade)"""
        found = self.oracle.call("priceOf", underlying)
        return found.spotWad, found.emaWad, found.grade


def feed_of(*of: Contract, **changes: Any) -> tuple[Any, ...]:
    """A Feed as setFeed takes it."""
    fields = {
        "sources": [source.address for source in of],
        "quorum": len(of) // 2 + 1,
        "divergence": DIVERGENCE,
        "heartbeat": HEARTBEAT,
        "deviation": DEVIATION,
        "min": MIN,
        "max": MAX,
    }
    return tuple({**fields, **changes}.values())
