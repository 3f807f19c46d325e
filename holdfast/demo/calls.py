"""What became of the options of a demo: by series, and by writer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from holdfast.demo.collect import Happened
from holdfast.demo.desk import Desk
from holdfast.demo.options import Writer
from holdfast.types import InstrumentId
from holdfast.units import mul_wad_down


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesStory:
    instrument: InstrumentId
    most_open_wad: int
    price_wad: int | None  # that it settled at; None: it didn't
    payoff_wad: int  # of one unit
    paid_wad: int  # to all holders


@dataclass(frozen=True, kw_only=True, slots=True)
class WriterStory:
    writer: Writer
    account: int
    trades: int
    refused: dict[str, int]  # by error
    lowest_health: float | None  # of what he had to hold; None: nothing
    most_maintenance_wad: int
    most_hedge_wad: int
    most_gamma_wad: int  # lowest: he is short of it
    auction_at: int | None
    equity_wad: int  # at the end


def series_stories(desk: Desk, events: Iterable[Happened]) -> list[SeriesStory]:
    """In the order of expiry and strike."""
    settled = {
        one.event.args["instrument"]: one.event.args for one in events if one.event.name == "SeriesSettled"
    }
    return [_series(desk, series, settled.get(series)) for series in desk.series]


def _series(desk: Desk, series: InstrumentId, settled: dict[str, Any] | None) -> SeriesStory:
    payoff = settled["payoffWad"] if settled else 0
    return SeriesStory(
        instrument=series,
        most_open_wad=max((point.open_wad.get(series, 0) for point in desk.points), default=0),
        price_wad=settled["priceWad"] if settled else None,
        payoff_wad=payoff,
        paid_wad=mul_wad_down(payoff, settled["openInterestWad"]) if settled else 0,
    )


def writer_stories(desk: Desk, events: Iterable[Happened]) -> list[WriterStory]:
    """In the order of the scenario."""
    began: dict[int, int] = {}
    for one in events:
        if one.event.name == "AuctionStarted":
            began.setdefault(one.event.args["account"], one.time)
    return [_writer(desk, writer, began) for writer in desk.options.writers]


def _writer(desk: Desk, writer: Writer, began: dict[int, int]) -> WriterStory:
    account, traded = desk.writers[writer.name].account, desk.traded[writer.name]
    points = [point.writers[writer.name] for point in desk.points]
    return WriterStory(
        writer=writer,
        account=account,
        trades=traded.trades,
        refused=dict(traded.refused),
        lowest_health=min((one.health for one in points if one.health is not None), default=None),
        most_maintenance_wad=max((one.maintenance_wad for one in points), default=0),
        most_hedge_wad=max((one.hedge_wad for one in points), default=0),
        most_gamma_wad=min((one.greeks.gamma_wad for one in points), default=0),
        auction_at=began.get(account),
        equity_wad=points[-1].equity_wad if points else 0,
    )


def smiles_set(events: Iterable[Happened]) -> int:
    return sum(one.event.name == "SmileSet" for one in events)


def most_lifted(desk: Desk) -> float:
    """How far hedging lifted the price at most, as a share of it."""
    return max((point.factor - 1 for point in desk.points), default=0.0)
