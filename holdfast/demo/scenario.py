"""What happens to the market: prices and gas over time. From a scenario file, or from anybody's candles.

A scenario file (`scenarios/*.toml`) has `name`, `about`, `columns` = ["at", <symbol>…, "gas_gwei"] and `points`, one
row per known moment. Between two points prices and gas move geometrically. `outages` may say when which keeper is down:
`role`, `from`, `until`. `[stage]` may say who has how much, where it isn't as on an ordinary day. `[options]`: see
`holdfast.demo.options`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from holdfast.chain.environment import PROJECT
from holdfast.demo.options import Options
from holdfast.demo.options import parse as parse_options
from holdfast.errors import ConfigError
from holdfast.keepers.prices import PricePath, interpolate

FOLDER: Final = PROJECT / "scenarios"
DEFAULT: Final = "black-thursday"

GWEI: Final = 10**9
ROLES: Final = ("price_pusher", "liquidator", "bidder", "backstop", "watchdog")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A keeper is down."""

    role: str
    start: int  # [seconds]
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Who has how much. Whole units of the settlement token."""

    insurance_fund: int = 100_000  # at the start
    bidder: int = 250_000
    depth: int = 100_000  # of the market maker, in each market, side and block
    backstop: int = 0  # in each market; zero: there is nobody behind the auctions, and no keeper for it

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, least = getattr(self, entry.name), 0 if entry.name == "backstop" else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"stage: {entry.name} must be a whole number from {least} on, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    about: str
    path: PricePath
    gas_gwei: tuple[float, ...]  # of an ordinary transaction, at the path's times
    outages: tuple[Outage, ...] = ()
    stage: Stage = Stage()
    options: Options | None = None

    def __post_init__(self) -> None:
        if len(self.gas_gwei) != len(self.path.times):
            raise ValueError(f"{len(self.gas_gwei)} gas prices for {len(self.path.times)} times")
        if not all(math.isfinite(gwei) and gwei > 0 for gwei in self.gas_gwei):
            raise ValueError("gas prices must be positive numbers")
        if self.options is not None and self.options.underlying not in self.path.prices:
            raise ValueError(f"options: there is no price of {self.options.underlying!r}")

    @property
    def start(self) -> int:
        return self.path.start

    @property
    def end(self) -> int:
        return self.path.end

    def base_fee_at(self, time: int) -> int:
        """[wei]"""
        return int(interpolate(self.path.times, self.gas_gwei, time) * GWEI)

    def with_symbols(self, first_prices: Mapping[str, float]) -> Scenario:
        """Adds the symbols that the path lacks: each starts at its given price and makes the lead's relative moves."""
        lead = next(iter(self.path.prices.values()))
        followers = {
            symbol: tuple(first * price / lead[0] for price in lead)
            for symbol, first in first_prices.items()
            if symbol not in self.path.prices
        }
        path = PricePath(times=self.path.times, prices={**self.path.prices, **followers})
        return replace(self, path=path)


def known_scenarios() -> dict[str, Path]:
    """Those of the project, by name."""
    return {file.stem: file for file in sorted(FOLDER.glob("*.toml"))}


def find_scenario(wanted: str) -> Scenario:
    """By the name of one in scenarios/, or from a `.toml` file. ConfigError lists the names that there are."""
    known = known_scenarios()
    if wanted in known:
        return load_scenario(known[wanted])
    if not wanted.endswith(".toml"):
        raise ConfigError(f"no scenario {wanted!r}: there are {', '.join(known)}, or give a .toml file")
    return load_scenario(Path(wanted))


def load_scenario(file: Path) -> Scenario:
    """ConfigError says in one line what is wrong with the file."""
    try:
        data = tomllib.loads(file.read_text())
        return _scenario(data)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        fact = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{file}: {fact}") from None


def _scenario(data: Mapping[str, Any]) -> Scenario:
    columns, points = data["columns"], data["points"]
    if len(columns) < 3 or columns[0] != "at" or columns[-1] != "gas_gwei":
        raise ValueError('columns must be ["at", <symbol>…, "gas_gwei"]')
    if len(points) < 2:
        raise ValueError("a scenario needs two points or more")
    for number, row in enumerate(points, start=1):
        if len(row) != len(columns):
            raise ValueError(f"point {number}: {len(row)} values for {len(columns)} columns")
    path = PricePath(
        times=tuple(_seconds(row[0]) for row in points),
        prices={symbol: _floats(points, place) for place, symbol in enumerate(columns[1:-1], start=1)},
    )
    return Scenario(
        name=data["name"],
        about=data["about"],
        path=path,
        gas_gwei=_floats(points, len(columns) - 1),
        outages=tuple(_outage(entry) for entry in data.get("outages", ())),
        stage=_stage(data.get("stage", {})),
        options=parse_options(data["options"], _seconds) if "options" in data else None,
    )


def _outage(entry: Mapping[str, Any]) -> Outage:
    outage = Outage(role=entry["role"], start=_seconds(entry["from"]), end=_seconds(entry["until"]))
    if outage.role not in ROLES:
        raise ValueError(f"outage of {outage.role!r}: the keepers are {', '.join(ROLES)}")
    if outage.end <= outage.start:
        raise ValueError(f"outage of the {outage.role} ends before it begins")
    return outage


def _stage(entries: Mapping[str, Any]) -> Stage:
    names = [entry.name for entry in fields(Stage)]
    unknown = [name for name in entries if name not in names]
    if unknown:
        raise ValueError(f"stage has no {unknown[0]!r}: it knows {', '.join(names)}")
    return Stage(**entries)


def _floats(points: Sequence[Sequence[Any]], place: int) -> tuple[float, ...]:
    return tuple(float(row[place]) for row in points)


def _seconds(when: Any) -> int:
    if not isinstance(when, datetime):
        raise ValueError(f"{when!r} is not a time")
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def next_step(path: PricePath, now: int, *, tolerance: float, shortest: int, longest: int) -> int:
    """The first time after `now` at which some price has left ±`tolerance` (a logarithm) around its value now.

    Not before now + shortest and not after now + longest.
    """
    limit = now + longest
    for symbol, column in path.prices.items():
        anchor = math.log(path.at(symbol, now))
        limit = min(limit, _first_exit(path.times, column, now, anchor, tolerance, limit))
    return max(limit, now + shortest)


def _first_exit(
    times: Sequence[int], column: Sequence[float], now: int, anchor: float, tolerance: float, limit: int
) -> int:
    for place in range(1, len(times)):
        before, after = times[place - 1], times[place]
        if after <= now:
            continue
        if before >= limit:
            break
        first, last = math.log(column[place - 1]), math.log(column[place])
        if abs(last - anchor) >= tolerance:
            goal = anchor + math.copysign(tolerance, last - anchor)
            return min(limit, before + math.ceil((goal - first) / (last - first) * (after - before) - 1e-9))
    return limit
