"""Options on the stage: what stories of series share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdfast.keepers.sender import Mined, Sender
from holdfast.types import InstrumentId, Kind, Series, instrument_id
from holdfast.units import WAD
from tests.stage import PLACES, Party, Stage, key_of

ETH = 1
WINDOW, HOUR, DAY = 1_800, 3_600, 86_400
GROUP = instrument_id(Kind.CALL, ETH)
RATES = (1_000, 500, 5_000, 5_000, 1_000 * WAD)


@dataclass(frozen=True)
class Pit:
    """Three series on ETH that expire in a day; ETH at 2,000."""

    stage: Stage
    expiry: int

    def series(self, kind: Kind, strike: int) -> InstrumentId:
        return instrument_id(kind, ETH, self.expiry, strike * WAD)

    @property
    def call(self) -> InstrumentId:
        return self.series(Kind.CALL, 2_000)

    @property
    def put(self) -> InstrumentId:
        return self.series(Kind.PUT, 2_000)

    @property
    def nobodys(self) -> InstrumentId:
        return self.series(Kind.CALL, 2_500)

    def trade(self, buyer: Party, seller: Party, size: float, series: InstrumentId) -> None:
        mark = self.stage.protocol.risk.call("markOf", series) / WAD
        self.stage.trade(buyer, seller, size, mark, series)

    def listed(self) -> dict[int, Series]:
        return {one.instrument: one for one in self.stage.protocol.series()}

    def to_window(self, *prices: float) -> None:
        """ETH goes there, an hour for each, and is there when the window begins."""
        self.stage.until(self.expiry - WINDOW - HOUR * len(prices) - 120)
        for price in prices:
            self.stage.drift("ETH", price)

    def expire(self) -> None:
        """The first price after it."""
        self.stage.until(max(self.stage.time + 1, self.expiry + 60))
        for symbol, wad in list(self.stage.prices.items()):
            self.stage.say(symbol, wad / WAD)
        self.stage.poke()

    def keep(self, role: Any) -> list[Mined]:
        """One cycle of a keeper; everything that it sends is done."""
        stage, rpc = self.stage, self.stage.rpc
        sender = Sender(stage.protocol, key_of(PLACES["keeper"]), tip=0)
        block = int(rpc.call("eth_blockNumber"), 16)
        snapshot = stage.protocol.snapshot(role.accounts(block), block=block)
        sent = sender.send(role.decide(snapshot), block, 10 * stage.base_fee)
        assert all(attempt.tx for attempt in sent), sent
        mined: list[Mined] = []
        while len(mined) < len(sent):  # the node mines each by itself, but not at once
            mined += sender.follow(block + 1, stage.base_fee, 2_000 * WAD)
        assert all(one.receipt.status for one in mined)
        stage.time = int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        stage.check()
        return mined


def open_pit(stage: Stage) -> Pit:
    """Listed by the governor, after his delay."""
    protocol = stage.protocol
    delay = protocol.record.config["access"]["governor_delay_seconds"]
    found = Pit(stage, (stage.time + delay) // WINDOW * WINDOW + DAY)
    calls = [(protocol.risk, protocol.risk.encode("setInstrument", GROUP, RATES))]
    calls += [
        (protocol.positions, protocol.positions.encode("listInstrument", series))
        for series in (found.call, found.put, found.nobodys)
    ]
    for target, data in calls:
        stage.send(protocol.authority, "schedule", target.address, data, 0, by="governor")
    stage.wait(delay)
    for symbol, price in (("ETH", 2_000), ("BTC", 60_000)):
        stage.say(symbol, price)
    stage.poke()
    stage.wait(600)  # the grace after a gap in the prices
    for target, data in calls:
        stage.send(protocol.authority, "execute", target.address, data, by="governor")
    return found
