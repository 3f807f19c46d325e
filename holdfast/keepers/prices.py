"""Where a price pusher takes its prices from. They come in as decimals and become integers here, once.

- `prices.csv`: a path replayed by chain time, with the columns at,ETH,BTC
- `latest.json`: what another program writes, {"ETH": 134.2, "BTC": "6050.5"}
- `ETH=200,BTC=8000`: prices that stay
"""

from __future__ import annotations

import csv
import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from holdfast.errors import ConfigError, HoldfastError
from holdfast.units import WAD, Wad

TICK_WAD = WAD // 10**8
"""Prices are kept to eight places, as most push feeds do."""


class SourceError(HoldfastError):
    """A price source has no answer now. The pusher tries again later: a price may age, never be guessed."""


class PriceSource(Protocol):
    def quotes(self, time: int) -> Mapping[str, Wad]:
        """Price of one whole unit by symbol [wad], as known at `time` [seconds]. SourceError where there is none."""


def to_wad(price: Any) -> Wad:
    """A positive decimal number as wad, to eight places. ValueError for anything else."""
    try:
        value = Decimal(str(price).strip())
    except InvalidOperation:
        raise ValueError(f"{price!r} is not a number") from None
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{price!r} is not a positive number")
    wad = int(value * 10**8) * TICK_WAD
    if wad == 0:
        raise ValueError(f"{price!r} is below the smallest price of 0.00000001")
    return Wad(wad)


@dataclass(frozen=True, slots=True)
class FixedPrices:
    prices: Mapping[str, Wad]

    def quotes(self, time: int) -> Mapping[str, Wad]:
        return self.prices


@dataclass(frozen=True, slots=True)
class FilePrices:
    """A JSON object of prices by symbol, read anew for each question. Its writer should replace it in one step."""

    path: Path

    def quotes(self, time: int) -> Mapping[str, Wad]:
        try:
            found = json.loads(self.path.read_text())
            return {str(symbol): to_wad(price) for symbol, price in found.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise SourceError(f"{self.path}: {error}") from error


@dataclass(frozen=True, slots=True)
class PricePath:
    """Prices at rising times. Between two times they move geometrically; outside of them they stay."""

    times: tuple[int, ...]  # [seconds]
    prices: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        if not self.times:
            raise ValueError("no prices")
        if any(after <= before for before, after in pairwise(self.times)):
            raise ValueError("times must rise")
        for symbol, column in self.prices.items():
            if len(column) != len(self.times):
                raise ValueError(f"{symbol}: {len(column)} prices for {len(self.times)} times")
            if not all(math.isfinite(price) and price > 0 for price in column):
                raise ValueError(f"{symbol}: prices must be positive numbers")

    @property
    def start(self) -> int:
        return self.times[0]

    @property
    def end(self) -> int:
        return self.times[-1]

    def at(self, symbol: str, time: int) -> float:
        return interpolate(self.times, self.prices[symbol], time)

    def quotes(self, time: int) -> Mapping[str, Wad]:
        """Never looks ahead: the price at `time` is all that is told."""
        return {symbol: to_wad(f"{self.at(symbol, time):.8f}") for symbol in self.prices}

    def write(self, path: Path) -> Path:
        """As CSV that `read` takes back without loss."""
        rows = [",".join(["at", *self.prices])]
        for place, time in enumerate(self.times):
            rows.append(",".join([str(time), *(repr(column[place]) for column in self.prices.values())]))
        path.write_text("\n".join(rows) + "\n")
        return path

    @classmethod
    def read(cls, path: Path) -> PricePath:
        """ConfigError names the file and the line."""
        try:
            with path.open(newline="") as file:
                return cls._parse(csv.reader(file))
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError(f"{path}: {error}") from None

    @classmethod
    def _parse(cls, rows: Iterator[list[str]]) -> PricePath:
        header = next(rows, [])
        if len(header) < 2 or header[0] != "at":
            raise ValueError("the first line must be at,<symbol>,…")
        times: list[int] = []
        columns: list[list[float]] = [[] for _ in header[1:]]
        for number, row in enumerate(rows, start=2):
            if len(row) != len(header):
                raise ValueError(f"line {number}: {len(row)} values for {len(header)} columns")
            try:
                times.append(int(row[0]))
                for column, cell in zip(columns, row[1:], strict=True):
                    column.append(float(cell))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
        prices = {symbol: tuple(column) for symbol, column in zip(header[1:], columns, strict=True)}
        return cls(times=tuple(times), prices=prices)


def interpolate(times: Sequence[int], values: Sequence[float], time: int) -> float:
    """The positive value at `time`, geometric between neighbours, constant outside."""
    after = bisect_right(times, time)
    if after == 0:
        return values[0]
    if after == len(times):
        return values[-1]
    share = (time - times[after - 1]) / (times[after] - times[after - 1])
    return float(values[after - 1] * (values[after] / values[after - 1]) ** share)


def open_source(text: str) -> PriceSource:
    """From what an operator gives on the command line. ConfigError where it isn't one of the three forms."""
    if "=" in text:
        try:
            pairs = [pair.split("=") for pair in text.split(",")]
            return FixedPrices({symbol.strip(): to_wad(price) for symbol, price in pairs})
        except ValueError as error:
            raise ConfigError(f"prices {text!r}: {error}") from None
    path = Path(text)
    if not path.exists():
        raise ConfigError(f"no price source {text!r}: give a .csv, a .json, or SYMBOL=PRICE,…")
    return FilePrices(path) if path.suffix == ".json" else PricePath.read(path)
