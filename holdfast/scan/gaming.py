"""The hunt for portfolios that lose more between the nodes of a grid than they are charged.

An account is charged by the grid; it loses by the continuum: any spot between the outermost nodes of the core, any
volatility between its lowest and its highest. For legs that are given (strikes, expiries), charge and loss of many
portfolios are products of matrices, so sizes are evolved a few hundred at a time; around that legs are moved and drawn
anew. `ratio` = worst loss in the continuum / charge. It is homogeneous of degree zero: size doesn't matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from holdfast.model.portfolio import DAY, TERM_SECONDS, Grid, ScanParams
from holdfast.scan.pricing import LEAST_STDEV, Floats, black76, black76_delta
from holdfast.units import BPS

YEAR: Final = 365 * DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Legs:
    """What a portfolio may hold beside the perpetual, per unit of spot."""

    strikes: Floats  # K/F
    days: Floats
    calls: np.ndarray  # bool
    vol: float  # a year; the smile is flat

    def __len__(self) -> int:
        return len(self.strikes)

    @property
    def signs(self) -> Floats:
        return np.where(self.calls, 1.0, -1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A portfolio and what it comes to. Sizes: the perpetual's, then the options'."""

    ratio: float
    charge: float
    loss: float
    spot: float  # where it loses most,
    vol: float  # …and by which shock
    legs: Legs
    sizes: Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """Neighbouring places of one volatility shock: profit and delta of one unit of each leg."""

    spots: Floats
    profits: Floats
    deltas: Floats


class Scan:
    """Charges and losses of any sizes of `legs`, in floating point: the model's own formulas."""

    def __init__(self, legs: Legs, params: ScanParams, grid: Grid, spots: int = 161, vols: int = 9) -> None:
        self._params, self._legs, self._grid = params, legs, grid
        seconds = np.maximum(legs.days * DAY, DAY)
        powers = np.where(seconds < TERM_SECONDS, params.near_power_bps, params.far_power_bps) / BPS
        self._power = (TERM_SECONDS / seconds) ** powers
        self._stdev = legs.vol * np.sqrt(legs.days * DAY / YEAR)
        self._now = self._values(np.array([1.0]), np.array([0.0]))[0]
        self._delta = np.concatenate(([1.0], self._deltas(np.array([1.0]), np.array([0.0]))[0]))

        core = 1 + np.array(grid.spots_bps) / BPS
        self._lines = [self._line(core, vol_bps / BPS) for vol_bps in grid.vols_bps]
        self._tails = self._profits(
            np.array([1 + one.spot_bps / BPS for one in grid.tails]),
            np.array([one.vol_bps / BPS for one in grid.tails]),
        )
        self._weights = np.array([one.weight_bps / BPS for one in grid.tails])

        low, high = core[0], core[-1]
        inside = legs.strikes[(legs.strikes > low) & (legs.strikes < high)]
        spot = np.unique(np.concatenate((np.linspace(low, high, spots), inside)))
        vol = np.linspace(min(grid.vols_bps) / BPS, max(grid.vols_bps) / BPS, vols)
        self._at = np.stack(np.meshgrid(spot, vol), axis=-1).reshape(-1, 2)
        self._continuum = self._profits(self._at[:, 0], self._at[:, 1])

    def charges(self, sizes: Floats) -> Floats:
        """IM of each row of sizes."""
        params, options = self._params, sizes[:, 1:]
        worst = np.maximum(np.max(-(sizes @ self._tails.T) * self._weights, axis=1), 0.0)
        slope = sizes[:, 0] + options[:, self._legs.calls].sum(axis=1)
        worst = np.maximum(worst, -slope * params.tail_bps / BPS)
        bound = worst
        for line in self._lines:
            profit = sizes @ line.profits.T
            worst = np.maximum(worst, -profit.min(axis=1))
            bound = np.maximum(bound, -self._bounds(sizes, line, profit).min(axis=1))
        bound = np.maximum(bound, worst)

        delta = sizes * self._delta
        net, gross = np.abs(delta.sum(axis=1)), np.abs(delta).sum(axis=1)
        floor = (params.net_delta_bps * net + params.gross_delta_bps * (gross - net) / 2) / BPS
        short = -np.minimum(options, 0.0).sum(axis=1)
        contingency = short * params.short_option_bps / BPS
        cap = np.maximum(options, 0.0) @ self._now + short + np.abs(sizes[:, 0])
        return np.maximum(worst, np.minimum(np.maximum(bound, floor) + contingency, cap))

    def _bounds(self, sizes: Floats, line: _Line, profit: Floats) -> Floats:
        """What no profit between two neighbours of a line lies below: tangents of what is long, chords of the rest."""
        long = np.maximum(sizes[:, 1:], 0.0)
        slopes = long @ line.deltas.T
        rest = profit - long @ line.profits[:, 1:].T
        width = np.diff(line.spots)
        chord = np.diff(rest, axis=1) / width
        down, up = -(slopes[:, :-1] + chord), slopes[:, 1:] + chord
        first, second = profit[:, :-1], profit[:, 1:]
        inner = (down > 0) & (up > 0)
        across = np.maximum(first - second + up * width, 0.0) / np.where(inner, down + up, 1.0)
        return np.where(inner, first - down * across, np.minimum(first, second))

    def _line(self, core: Floats, vol: float) -> _Line:
        """The core's spots, and the strikes that need one of their own at this volatility."""
        stdev = self._stdev * np.maximum(0.0, 1 + vol * self._power)
        pinned = self._legs.strikes[stdev * BPS < self._params.pin_bps]
        pinned = pinned[(pinned > core[0]) & (pinned < core[-1])]
        spots = np.unique(np.concatenate((core, pinned)))
        vols = np.full(len(spots), vol)
        return _Line(spots=spots, profits=self._profits(spots, vols), deltas=self._deltas(spots, vols))

    def losses(self, sizes: Floats) -> tuple[Floats, np.ndarray]:
        """Worst loss in the continuum of each row, and where."""
        profit = sizes @ self._continuum.T
        where = profit.argmin(axis=1)
        return -profit[np.arange(len(sizes)), where], where

    def best(self, sizes: Floats) -> Found:
        ratios = self.ratios(sizes)
        row = int(ratios.argmax())
        loss, where = self.losses(sizes[row : row + 1])
        spot, vol = self._at[where[0]]
        return Found(
            ratio=float(ratios[row]),
            charge=float(self.charges(sizes[row : row + 1])[0]),
            loss=float(loss[0]),
            spot=float(spot),
            vol=float(vol),
            legs=self._legs,
            sizes=sizes[row].copy(),
        )

    def ratios(self, sizes: Floats) -> Floats:
        charges = self.charges(sizes)
        return np.where(charges > 1e-12, self.losses(sizes)[0] / np.maximum(charges, 1e-12), 0.0)

    def _profits(self, spots: Floats, vols: Floats) -> Floats:
        """Profit of one unit of each: row a place, column the perpetual and then the options."""
        return np.column_stack((spots - 1, self._values(spots, vols) - self._now))

    def _deltas(self, spots: Floats, vols: Floats) -> Floats:
        stdev = np.maximum(self._stdev * np.maximum(0.0, 1 + vols[:, None] * self._power), LEAST_STDEV)
        return black76_delta(spots[:, None], self._legs.strikes, stdev, self._legs.signs)

    def _values(self, spots: Floats, vols: Floats) -> Floats:
        if not len(spots):
            return np.empty((0, len(self._legs)))
        stdev = self._stdev * np.maximum(0.0, 1 + vols[:, None] * self._power)
        return black76(spots[:, None], self._legs.strikes, stdev, self._legs.signs)


def hunt(
    rng: np.random.Generator,
    params: ScanParams,
    grid: Grid,
    *,
    restarts: int,
    moves: int = 12,
    generations: int = 40,
    brood: int = 192,
    scan: type[Scan] = Scan,
) -> Found:
    """The largest ratio found; the more restarts the larger. `scan`: whose charges to beat."""
    best: Found | None = None
    for _ in range(restarts):
        legs = _draw(rng)
        found = _evolve(rng, scan(legs, params, grid), _seeds(rng, len(legs), brood), generations)
        for _ in range(moves):
            moved = _moved(rng, found.legs)
            start = found.sizes + rng.normal(size=(brood, len(moved) + 1)) * 0.1 * np.abs(found.sizes).max()
            start[0] = found.sizes
            tried = _evolve(rng, scan(moved, params, grid), start, generations)
            if tried.ratio > found.ratio:
                found = tried
        if best is None or found.ratio > best.ratio:
            best = found
    assert best is not None
    return best


def _evolve(rng: np.random.Generator, scan: Scan, sizes: Floats, generations: int) -> Found:
    """Sizes by elitist evolution: the best eighth breeds, with steps that shrink."""
    step = 0.5
    for _ in range(generations):
        order = np.argsort(-scan.ratios(sizes))[: max(1, len(sizes) // 8)]
        parents = sizes[order]
        parents /= np.maximum(np.abs(parents).max(axis=1, keepdims=True), 1e-12)
        children = parents[rng.integers(len(parents), size=len(sizes) - len(parents))]
        mask = rng.random(children.shape) < 0.4
        children = children + mask * rng.normal(size=children.shape) * step
        children[rng.random(children.shape) < 0.05] = 0.0
        sizes = np.concatenate((parents, children))
        step = max(step * 0.88, 1e-3)
    return scan.best(sizes)


def _draw(rng: np.random.Generator) -> Legs:
    """Two to eight options: about one place, or anywhere; of one expiry, or of several."""
    count = int(rng.integers(2, 9))
    width = float(rng.choice((0.005, 0.01, 0.02, 0.05, 0.2)))
    middle = 1 + float(rng.uniform(-0.16, 0.16))
    strikes = np.clip(middle + rng.uniform(-width, width, count), 0.3, 6.0)
    days = rng.choice((0.05, 0.25, 1.0, 2.0, 7.0, 30.0, 90.0), count)
    if rng.random() < 0.6:
        days[:] = days[0]
    return Legs(
        strikes=strikes,
        days=days,
        calls=rng.random(count) < 0.5,
        vol=float(rng.choice((0.15, 0.3, 0.6, 1.0))),
    )


def _moved(rng: np.random.Generator, legs: Legs) -> Legs:
    """Some strikes a little elsewhere."""
    scale = float(rng.choice((0.0005, 0.002, 0.01)))
    shift = rng.normal(size=len(legs)) * scale * (rng.random(len(legs)) < 0.5)
    return Legs(
        strikes=np.clip(legs.strikes + shift, 0.3, 6.0), days=legs.days, calls=legs.calls, vol=legs.vol
    )


def _seeds(rng: np.random.Generator, options: int, brood: int) -> Floats:
    """Perpetual and options of any sign; every other row without the perpetual."""
    sizes = rng.normal(size=(brood, options + 1))
    sizes[::2, 0] = 0.0
    return sizes
