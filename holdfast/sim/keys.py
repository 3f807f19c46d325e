"""What is known of those who hold the keys: what is scheduled, what was halted by hand, which bounds prices have."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from holdfast.sim.ghost import ENDED, FOLLOWERS, Ghost
from holdfast.sim.steps import Transition
from holdfast.types import EVERYTHING, Level

Interval = tuple[int, int]
"""[seconds] From, until."""


@dataclass(frozen=True)
class Plot:
    """A call that is scheduled."""

    target: str
    data: bytes
    since: int  # [seconds] when it was scheduled
    ready: int  # [seconds] when it may be executed


@dataclass
class Keys:
    """What is known of those who hold them."""

    plots: dict[bytes, Plot] = field(default_factory=dict)  # by operation
    halts: dict[int, list[Interval]] = field(
        default_factory=lambda: defaultdict(list)
    )  # by hand, by underlying
    bounds: dict[int, tuple[int, int]] = field(default_factory=dict)  # [wad] of prices, by underlying
    depths: dict[int, int] = field(default_factory=dict)  # [wad] that the governor set last, by underlying


def keys_of(g: Ghost) -> Keys:
    found = g.memory.get("keys")
    if found is None:
        found = g.memory["keys"] = Keys()
        oracle = g.world.protocol.record.config["underlyings"]
        for underlying, symbol in g.world.protocol.symbols.items():
            low, high = (_wad(oracle[symbol][name]) for name in ("min_price", "max_price"))
            found.bounds[underlying] = low, high
        depths = g.world.protocol.record.config["auction"]["depth"]
        found.depths.update(
            {g.world.protocol.underlyings[name]: _wad(depth) for name, depth in depths.items()}
        )
    return found


def _wad(amount: object) -> int:
    return int(Decimal(str(amount)).scaleb(18))


def by_hand(g: Ghost, t: Transition, level: Level) -> list[tuple[int, Interval]]:
    """The restrictions of that level that somebody put on in this transition: underlying and interval."""
    oracle = g.world.protocol.oracle.address
    now = t.after.system.time
    return [
        (event.args["underlying"], (now, event.args["until"]))
        for event in t.named("Tripped")
        if event.args["level"] == level and event.args["by"] != oracle
    ]


def halted(keys: Keys, underlying: int, since: int = 0, until: int = 2**48) -> list[Interval]:
    """When an underlying was halted by hand, itself or with everything, between two times; in order, none overlap."""
    every = sorted({*keys.halts.get(underlying, ()), *keys.halts.get(EVERYTHING, ())})
    merged: list[Interval] = []
    for start, end in every:
        start, end = max(start, since), min(end, until)
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def longest_open(closed: list[Interval], since: int, until: int) -> int:
    """[seconds] The longest piece of a time that is in none of the intervals."""
    edges = [since, *(edge for interval in closed for edge in interval), until]
    return max(end - start for start, end in zip(edges[::2], edges[1::2], strict=True))


def _follow(g: Ghost, t: Transition) -> None:
    if t.step is None:
        return
    keys, now = keys_of(g), t.after.system.time
    for underlying, interval in by_hand(g, t, Level.HALTED):
        keys.halts[underlying].append(interval)
    for event in t.events:
        args = event.args
        if event.name == "OperationScheduled":
            keys.plots[args["operationId"]] = Plot(args["target"], args["data"], now, args["schedule"])
        elif event.name in ("OperationExecuted", "OperationCanceled"):
            keys.plots.pop(args["operationId"], None)
        elif event.name == "Relaxed":
            known = keys.halts[args["underlying"]]
            keys.halts[args["underlying"]] = [(start, min(end, now)) for start, end in known]
        elif event.name == "FeedSet":
            feed = args["feed"]
            keys.bounds[args["underlying"]] = feed.minWad, feed.maxWad
        elif event.name == "DepthSet" and t.named("OperationExecuted"):
            keys.depths[args["underlying"]] = args["capacityWad"]
    if t.ok and t.facts.get("ends"):
        g.memory[ENDED] = True


FOLLOWERS.append(_follow)
