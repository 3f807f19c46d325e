"""The accepted price averaged over a window, for what expires: exact twin of `contracts/oracle/Average.sol`.

    sum(t)  = sum(since) + held·(t − since)                      a price holds from its block to the next one's
    average = ⌊(sum(end) − sum(end − WINDOW)) / WINDOW⌋          if a price entered in [end − WINDOW, end)
            = the first price that entered at or after the end   otherwise

The first price of all holds since ever. A history is a value: `advance` gives the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from holdfast.errors import Refused

WINDOW_SECONDS: Final = 1_800


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What was known when the first price entered after a boundary."""

    sum_wad_seconds: int  # up to since_at
    held_wad: int  # the price that stood from then on
    since_at: int  # block time

    def sum_at(self, time: int) -> int:
        return self.sum_wad_seconds + self.held_wad * (time - self.since_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """Of one underlying. Checkpoints lie under the last boundary that they cover."""

    sum_wad_seconds: int = 0  # up to the last acceptance
    accepted_at: int = 0
    price_wad: int = 0
    checkpoints: Mapping[int, Checkpoint] = field(default_factory=dict)
    resumed: Mapping[int, int] = field(
        default_factory=dict
    )  # of those that span a window: the price that ended it


def advance(history: History, price_wad: int, now: int) -> History:
    """A price enters."""
    held = history.price_wad or price_wad
    since, total = history.accepted_at, history.sum_wad_seconds
    checkpoints, resumed = dict(history.checkpoints), dict(history.resumed)
    boundary = now - now % WINDOW_SECONDS
    if since < boundary:
        checkpoints[boundary] = Checkpoint(sum_wad_seconds=total, held_wad=held, since_at=since)
        if since + WINDOW_SECONDS < boundary:
            resumed[boundary] = price_wad
    return History(
        sum_wad_seconds=total + held * (now - since),
        accepted_at=now,
        price_wad=price_wad,
        checkpoints=checkpoints,
        resumed=resumed,
    )


def settlement_wad(history: History, underlying: int, expiry_at: int, covered_at: int) -> int:
    """Refused where `Oracle.settlementOf` reverts."""
    if expiry_at < WINDOW_SECONDS or expiry_at % WINDOW_SECONDS:
        raise Refused("OffGrid", expiry_at, WINDOW_SECONDS)
    end = history.checkpoints.get(covered_at)
    if end is None or not end.since_at < expiry_at <= covered_at:
        raise Refused("NotCovered", underlying, expiry_at, covered_at)
    start_at = expiry_at - WINDOW_SECONDS
    if end.since_at < start_at:
        return history.resumed[covered_at]
    return (end.sum_at(expiry_at) - history.checkpoints[start_at].sum_at(start_at)) // WINDOW_SECONDS


def cover_of(history: History, expiry_at: int) -> int:
    """Where the checkpoint that covers a boundary lies; zero off the grid, and if no price entered since."""
    if expiry_at % WINDOW_SECONDS:
        return 0
    return min((boundary for boundary in history.checkpoints if boundary >= expiry_at), default=0)
