"""A desk that trades options of ETH: what tests of series and of portfolio mode share."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.types import Kind, instrument_id
from holdfast.units import WAD
from tests.stage import Party
from tests.unit.ledger.world import ETH, Bench

WINDOW = 1_800
CAP = 100
RATES = (1_000, 500, 5_000, 10_000, CAP * WAD)  # initial, maintenance, initial at the cap, knee
STRIKES = range(1_600, 2_410, 100)


@dataclass(frozen=True)
class Desk:
    """ETH options with a life of a day, listed by the governor; ETH at 2,000."""

    bench: Bench
    expiry: int

    def series(self, kind: Kind, strike: int) -> int:
        return instrument_id(kind, ETH, self.expiry, strike * WAD)

    @property
    def call(self) -> int:
        return self.series(Kind.CALL, 2_000)

    @property
    def put(self) -> int:
        return self.series(Kind.PUT, 2_000)

    def mark(self, series: int) -> int:
        return int(self.bench.protocol.risk.call("markOf", series))

    def fill(
        self, buyer: Party, seller: Party, size: float, series: int, price_wad: int | None = None
    ) -> None:
        price_wad = self.mark(series) if price_wad is None else price_wad
        self.bench.fill(buyer, seller, size, 0, instrument=series, price_wad=price_wad)

    def at(self, price: float, time: int) -> None:
        """ETH is at `price` from `time` on."""
        self.bench.until(time - 1)
        self.bench.say("ETH", price)
        self.bench.poke("ETH")
        assert self.bench.time == time

    def expire(self, price: float) -> None:
        """At that price all through the window, and a price after it."""
        self.at(price, self.expiry - WINDOW)
        self.at(price, self.expiry)

    def settle(self, series: int, covered: int | None = None) -> object:
        covered = self.expiry if covered is None else covered
        return self.bench.send(self.bench.positions, "settleSeries", series, covered, by="stranger")

    def realise(self, party: Party, series: int) -> int:
        receipt = self.bench.send(self.bench.ledger, "settle", party.account, series, by="stranger")
        return int(receipt.event("Settled").args["cashWad"])
