"""What is known of options, apart from the contracts: every price that entered, and when; which series settled, and how
their sides stood then."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from holdfast.model.average import WINDOW_SECONDS
from holdfast.model.options import is_option
from holdfast.model.positions import OPTION_TICK_BPS
from holdfast.sim.ghost import FOLLOWERS, Ghost
from holdfast.sim.steps import Transition
from holdfast.sim.world import World
from holdfast.types import Side, Snapshot, Traded, expiry_of
from holdfast.units import BPS


class Entry(NamedTuple):
    """A price that entered."""

    time: int  # [seconds] of its block
    price_wad: int


@dataclass
class Known:
    first: dict[int, int]  # [wad] the price before all entries, by underlying: it holds since ever
    entries: dict[int, list[Entry]] = field(
        default_factory=lambda: defaultdict(list)
    )  # by underlying, in order
    settled: dict[int, tuple[Side, Side] | None] = field(
        default_factory=dict
    )  # sides as it left them, if held


def known_of(g: Ghost) -> Known:
    found = g.memory.get("series")
    if found is None:
        found = g.memory["series"] = Known(dict(g.world.prices))
    return found


def heard(t: Transition) -> dict[int, Entry]:
    """What entered in a transition, by underlying."""
    now = t.after.system.time
    return {event.args["underlying"]: Entry(now, event.args["spotWad"]) for event in t.named("PricePoked")}


def average_wad(g: Ghost, underlying: int, expiry: int) -> int | None:
    """What an expiry settles at, summed up price by price; None as long as no price entered at or after it."""
    known = known_of(g)
    entries = known.entries[underlying]
    resumed = next((entry for entry in entries if entry.time >= expiry), None)
    if resumed is None:
        return None
    start = expiry - WINDOW_SECONDS
    inside = [entry for entry in entries if start <= entry.time < expiry]
    if not inside:
        return resumed.price_wad
    held = [entry.price_wad for entry in entries if entry.time < start]
    price, since, total = held[-1] if held else known.first[underlying], start, 0
    for entry in inside:
        total += price * (entry.time - since)
        price, since = entry.price_wad, entry.time
    return (total + price * (expiry - since)) // WINDOW_SECONDS


def cover_of(g: Ghost, underlying: int, expiry: int) -> int:
    """Where the oracle keeps what was known of an expiry: under the last boundary before the next price; 0: not yet."""
    later = [entry.time for entry in known_of(g).entries[underlying] if entry.time >= expiry]
    return later[0] // WINDOW_SECONDS * WINDOW_SECONDS if later else 0


def room_wad(world: World, snapshot: Snapshot, market: Traded) -> int:
    """How far from its mark a fill may be."""
    room = market.mark_wad * int(world.protocol.record.config["ledger"]["band_bps"])
    if is_option(market.instrument):
        room += snapshot.by_underlying[market.underlying].price.spot_wad * OPTION_TICK_BPS
    return room // BPS


def closed_at(series: int) -> int:
    """[seconds] From when on it isn't traded."""
    return expiry_of(series) - WINDOW_SECONDS


def _follow(g: Ghost, t: Transition) -> None:
    known = known_of(g)
    for underlying, entry in heard(t).items():
        known.entries[underlying].append(entry)
    for event in t.named("SeriesSettled"):
        series = t.after.series_by_id.get(event.args["instrument"])
        known.settled[event.args["instrument"]] = None if series is None else (series.long, series.short)


FOLLOWERS.append(_follow)
