"""Candles of any market (OHLCV as CSV) as a scenario.

Columns `timestamp,open,high,low,close,volume` in any order; timestamps are the candle's opening, ISO 8601 (UTC unless
they say otherwise) or epoch seconds or milliseconds. `.csv.gz` is read too.

Within a candle the price goes open → low → high → close where the candle rose, and open → high → low → close where it
fell. Gas, where no file gives it, follows the size of the moves: BASE_GWEI · (1 + GAS_SLOPE · range), range being
(high − low) / open of the candle brought to one hour by the square root of time, at most MAX_GWEI.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from holdfast.demo.scenario import Scenario
from holdfast.errors import ConfigError
from holdfast.keepers.prices import PricePath, interpolate

COLUMNS: Final = ("timestamp", "open", "high", "low", "close", "volume")
HOUR: Final = 3600
WINDOW_SECONDS: Final = 36 * HOUR
FALL_SHARE: Final = 0.75  # of the window, in which the worst fall is looked for
LEAD_SHARE: Final = 0.1  # of the window, shown before the fall begins

BASE_GWEI: Final = 20.0
GAS_SLOPE: Final = 40.0
MAX_GWEI: Final = 500.0


@dataclass(frozen=True, slots=True)
class Candle:
    time: int  # [seconds] of its opening
    open: float
    high: float
    low: float
    close: float


def load_candles(file: Path) -> list[Candle]:
    """ConfigError names the file, the line and what is wrong with it."""
    candles = _load(file, COLUMNS, _candle)
    if len(candles) < 2:
        raise ConfigError(f"{file}: a price path needs two candles or more")
    return candles


def load_gas(file: Path) -> list[tuple[int, float]]:
    """Times and gwei from a CSV with the columns `timestamp,gwei`. ConfigError as above."""
    return _load(file, ("timestamp", "gwei"), lambda cells: (_time(cells[0]), _positive("gwei", cells[1])))


def _load(file: Path, wanted: Sequence[str], parse: Callable[[Sequence[str]], Any]) -> list[Any]:
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{file}: not a CSV text ({error})") from None
    names = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in wanted if name not in names]
    if missing:
        fact = f"column {missing[0]!r} is missing" if names else "the file is empty"
        raise ConfigError(f"{file}: {fact}; the first line must name {','.join(wanted)}")
    places = [names.index(name) for name in wanted]
    found: list[Any] = []
    last = None
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        try:
            if len(row) != len(names):
                raise ValueError(f"{len(row)} values for {len(names)} columns")
            cells = [row[place].strip() for place in places]
            time = _time(cells[0])
            if last is not None and time <= last:
                raise ValueError(f"timestamps must rise, {cells[0]} doesn't")
            found.append(parse(cells))
            last = time
        except ValueError as error:
            raise ConfigError(f"{file}, line {line}: {error}") from None
    if not found:
        raise ConfigError(f"{file}: no rows after the first line")
    return found


def _candle(cells: Sequence[str]) -> Candle:
    opened, high, low, close = (
        _positive(name, cell) for name, cell in zip(COLUMNS[1:5], cells[1:5], strict=True)
    )
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError("open and close must lie between low and high")
    if _number("volume", cells[5]) < 0:
        raise ValueError(f"volume {cells[5]} is negative")
    return Candle(_time(cells[0]), opened, high, low, close)


def _number(name: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{name} {cell!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} {cell} is not a finite number")
    return value


def _positive(name: str, cell: str) -> float:
    value = _number(name, cell)
    if value <= 0:
        raise ValueError(f"{name} {cell} is not positive")
    return value


def _time(cell: str) -> int:
    if cell.isdigit():
        number = int(cell)
        return number // 1000 if number > 10**11 else number
    try:
        when = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"timestamp {cell!r} is neither ISO 8601 nor epoch seconds") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def from_candles(
    file: Path,
    *,
    symbol: str = "ETH",
    start: int | None = None,  # [seconds] both or neither bound may be given
    end: int | None = None,
    window_seconds: int = WINDOW_SECONDS,
    gas_file: Path | None = None,
) -> Scenario:
    """The candles between `start` and `end`; without them, of a file longer than the window, its worst fall."""
    candles = load_candles(file)
    if start is not None or end is not None:
        low, high = start or candles[0].time, end or candles[-1].time
        candles = [candle for candle in candles if low <= candle.time <= high]
    else:
        low, high = worst_window(candles, window_seconds)
        candles = candles[low:high]
    if len(candles) < 2:
        raise ConfigError(f"{file}: fewer than two candles in the chosen time")
    interval = min(after.time - before.time for before, after in pairwise(candles))
    times, prices = candle_path(candles, interval)
    if gas_file is None:
        known, gwei = [candle.time for candle in candles], [rule_gwei(candle, interval) for candle in candles]
    else:
        known, gwei = (list(column) for column in zip(*load_gas(gas_file), strict=True))
    first, last = (datetime.fromtimestamp(candles[place].time, UTC) for place in (0, -1))
    return Scenario(
        name=file.name.removesuffix(".gz").removesuffix(".csv"),
        about=f"{len(candles)} candles of {file.name}, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC",
        path=PricePath(times=tuple(times), prices={symbol: tuple(prices)}),
        gas_gwei=tuple(interpolate(known, gwei, time) for time in times),
    )


def candle_path(candles: Sequence[Candle], interval: int) -> tuple[list[int], list[float]]:
    """Four moments of each candle, a third of its interval apart; the last a second before the next may open."""
    times: list[int] = []
    prices: list[float] = []
    for candle in candles:
        rose = candle.close >= candle.open
        inner = (candle.low, candle.high) if rose else (candle.high, candle.low)
        moments = (0, interval // 3, 2 * interval // 3, interval - 1)
        times += [candle.time + moment for moment in moments]
        prices += [candle.open, *inner, candle.close]
    return times, prices


def rule_gwei(candle: Candle, interval: int) -> float:
    """Gas price that goes with the candle's move, by the rule at the head of this file."""
    hourly = (candle.high - candle.low) / candle.open * math.sqrt(HOUR / interval)
    return min(MAX_GWEI, BASE_GWEI * (1 + GAS_SLOPE * hourly))


def worst_window(candles: Sequence[Candle], window_seconds: int) -> tuple[int, int]:
    """Indices [first, last) of the part to replay: around the deepest fall from a high to a later candle's low."""
    if candles[-1].time - candles[0].time <= window_seconds:
        return 0, len(candles)
    peak, _ = worst_fall(candles, int(window_seconds * FALL_SHARE))
    opens = max(candles[0].time, candles[peak].time - int(window_seconds * LEAD_SHARE))
    closes = min(candles[-1].time, opens + window_seconds)
    opens = min(opens, max(candles[0].time, closes - window_seconds))
    first = next(place for place, candle in enumerate(candles) if candle.time >= opens)
    last = next(place for place in reversed(range(len(candles))) if candles[place].time <= closes)
    return first, last + 1


def worst_fall(candles: Sequence[Candle], within_seconds: int) -> tuple[int, int]:
    """Indices of the high and the later low between which the price fell by the largest share, in bounded time."""
    highs: deque[int] = deque()  # candidates for the high, falling
    worst, found = -math.inf, (0, 0)
    for place, candle in enumerate(candles):
        while highs and candles[highs[0]].time < candle.time - within_seconds:
            highs.popleft()
        if highs:
            fall = 1 - candle.low / candles[highs[0]].high
            if fall > worst:
                worst, found = fall, (highs[0], place)
        while highs and candles[highs[-1]].high <= candle.high:
            highs.pop()
        highs.append(place)
    return found
