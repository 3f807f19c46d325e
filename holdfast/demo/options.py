"""The options of a scenario: who writes calls, who buys them, how volatility moves, what hedging does to prices. Pure.

`[options]` of a scenario file:

    underlying         whose options
    volatility         rows [at, volatility of a year] at the money, geometric between two
    buys               rows [at, expiry, strike, contracts]: so many calls of every writer, times his size
    buyers             how many accounts buy, in turn, each with `buyer_cash`
    impact_bps         what a million dollars of net buying from the market maker adds to the outside price…
    half_life_seconds  …and in which time half of that is gone again
    [[options.writers]] name, mode, cash, size, hedges, and collateral (token = units) if there is some

Series are those that somebody buys. Two writers of the same size and cash who both hedge make the same trades: what
differs then is their margin alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from holdfast.keepers.prices import interpolate
from holdfast.model.svi import PPB, Smile
from holdfast.types import InstrumentId, Kind, Mode, instrument_id
from holdfast.units import BPS, WAD

SIGMA_PPB: Final = PPB // 10
RHO_PPB: Final = PPB // 5  # in a squeeze calls are what everybody wants
BEND: Final = 5  # b·σ is so small a part of the variance at the money
HEDGE_BPS: Final = 200  # of a writer's contracts: a smaller delta is left alone
UNITS: Final = 1_000_000  # [dollars] that `impact_bps` speaks of
MICRO: Final = 1_000_000  # parts of a unit that collateral is given in

Seconds = Callable[[Any], int]
"""A moment of the file, in seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """Somebody who sells calls."""

    name: str
    mode: Mode
    cash: int  # [whole units of the settlement token]
    size: float  # times the contracts of each buy
    hedges: bool  # his delta, by the perpetual
    collateral: Mapping[str, int] = field(default_factory=dict)  # token → amount [wad]


@dataclass(frozen=True, kw_only=True, slots=True)
class Buy:
    """Somebody lifts calls."""

    at: int
    expiry: int
    strike: int
    contracts: float


@dataclass(frozen=True, kw_only=True)
class Options:
    underlying: str
    volatility: tuple[tuple[int, ...], tuple[float, ...]]  # times, and what it is then
    buys: tuple[Buy, ...]  # in the order of time
    writers: tuple[Writer, ...]
    buyers: int
    buyer_cash: int
    impact_bps: float
    half_life_seconds: int

    def __post_init__(self) -> None:
        names = [writer.name for writer in self.writers]
        if not self.buys or not names or self.buyers < 1:
            raise ValueError("options: there must be buys, writers and buyers")
        if len(set(names)) != len(names):
            raise ValueError("options: two writers have the same name")
        numbers = (*self.volatility[1], self.half_life_seconds, *(buy.contracts for buy in self.buys))
        if not all(math.isfinite(number) and number > 0 for number in numbers):
            raise ValueError("options: volatility, contracts and half_life_seconds must be positive")
        if not math.isfinite(self.impact_bps) or self.impact_bps < 0:
            raise ValueError("options: impact_bps must not be negative")
        if any(writer.size <= 0 or writer.cash < 1 for writer in self.writers):
            raise ValueError("options: a writer needs size and cash")
        if any(amount <= 0 for writer in self.writers for amount in writer.collateral.values()):
            raise ValueError("options: collateral must be positive")

    @property
    def expiries(self) -> list[int]:
        return sorted({buy.expiry for buy in self.buys})

    @property
    def moments(self) -> list[int]:
        """Those that must not be passed over: somebody buys, something expires."""
        return sorted({buy.at for buy in self.buys} | set(self.expiries))

    def series(self, underlying: int) -> list[InstrumentId]:
        """By expiry, then by strike; `underlying`: its number in the deployment."""
        wanted = {(buy.expiry, buy.strike) for buy in self.buys}
        return [call_of(underlying, expiry, strike) for expiry, strike in sorted(wanted)]

    def volatility_at(self, time: int) -> float:
        return interpolate(*self.volatility, time)


def call_of(underlying: int, expiry: int, strike: int) -> InstrumentId:
    return instrument_id(Kind.CALL, underlying, expiry, strike * WAD)


def parse(data: Mapping[str, Any], seconds: Seconds) -> Options:
    """From the table of a scenario file. KeyError, TypeError or ValueError say what is wrong."""
    known = {*(entry.name for entry in fields(Options))}
    unknown = [name for name in data if name not in known]
    if unknown:
        raise ValueError(f"options has no {unknown[0]!r}: it knows {', '.join(sorted(known))}")
    times = tuple(seconds(at) for at, _ in data["volatility"])
    buys = [
        Buy(at=seconds(at), expiry=seconds(expiry), strike=int(strike), contracts=float(contracts))
        for at, expiry, strike, contracts in data["buys"]
    ]
    if list(times) != sorted(set(times)) or buys != sorted(buys, key=lambda buy: buy.at):
        raise ValueError("options: times must rise")
    return Options(
        underlying=data["underlying"],
        volatility=(times, tuple(float(volatility) for _, volatility in data["volatility"])),
        buys=tuple(buys),
        writers=tuple(_writer(entry) for entry in data["writers"]),
        buyers=int(data["buyers"]),
        buyer_cash=int(data["buyer_cash"]),
        impact_bps=float(data["impact_bps"]),
        half_life_seconds=int(data["half_life_seconds"]),
    )


def _writer(entry: Mapping[str, Any]) -> Writer:
    modes = {mode.name.lower(): mode for mode in Mode if mode is not Mode.NONE}
    if entry["mode"] not in modes:
        raise ValueError(f"writer {entry['name']!r}: mode must be one of {', '.join(modes)}")
    return Writer(
        name=entry["name"],
        mode=modes[entry["mode"]],
        cash=int(entry["cash"]),
        size=float(entry["size"]),
        hedges=bool(entry["hedges"]),
        collateral={
            token: round(float(units) * MICRO) * (WAD // MICRO)
            for token, units in entry.get("collateral", {}).items()
        },
    )


# Volatility


def smile(variance_ppb: int) -> Smile:
    """With that variance at the money, a little more to the sides, and more of it above than below."""
    bent = variance_ppb // BEND
    return Smile(
        a_ppb=variance_ppb - bent,
        b_ppb=bent * PPB // SIGMA_PPB,
        rho_ppb=RHO_PPB,
        m_ppb=0,
        sigma_ppb=SIGMA_PPB,
    )


def next_variance_ppb(wanted_ppb: int, standing_ppb: int | None, move_bps: int) -> int:
    """As near to `wanted` as an update may go, and a rounding less."""
    if standing_ppb is None:
        return wanted_ppb
    most = standing_ppb * move_bps // BPS * 99 // 100
    return min(max(wanted_ppb, standing_ppb - most), standing_ppb + most)


# Hedges


def hedge_wad(delta_wad: int, contracts_wad: int, most_wad: int) -> int:
    """Of the perpetual, to buy (+) or sell (−) now: all of the delta, unless that is little, or more than `most`."""
    if abs(delta_wad) * BPS <= contracts_wad * HEDGE_BPS:
        return 0
    return max(-most_wad, min(most_wad, -delta_wad))


# What hedging does to the price


@dataclass
class Pressure:
    """Net buying from the market maker [dollars], of which half is forgotten in each half-life."""

    impact_bps: float
    half_life_seconds: int
    dollars: float = 0.0
    time: int | None = None

    def add(self, time: int, dollars: float) -> None:
        if self.time is not None:
            self.dollars *= 0.5 ** ((time - self.time) / self.half_life_seconds)
        self.dollars, self.time = self.dollars + dollars, time

    @property
    def factor(self) -> float:
        """Of the outside price."""
        return math.exp(self.impact_bps / BPS * self.dollars / UNITS)


def variance_ppb(volatility: float) -> int:
    return round(volatility**2 * PPB)
