"""What many accounts gain in every scenario of a grid, in floating point.

    profits[account, scenario] = Σ size·(value(spot', σ') − value(spot, σ))

Scenarios are in the order of the cells: core by volatility, then spot; then the tails. Positions are worked through in
blocks that fit a cache, by as many threads as are asked for: NumPy computes outside the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.model.portfolio import DAY, TERM_SECONDS, Grid, ScanParams
from holdfast.scan.pricing import LEAST_STDEV, Floats, Pricer
from holdfast.units import BPS

BLOCK: Final = 8_192
"""Positions at once: a dozen arrays of them fit the cache of a core."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Positions:
    """Positions in one underlying, those of an account next to each other."""

    account: npt.NDArray[np.int64]  # ascending, from 0 without a gap
    size: Floats
    sign: Floats  # 1 call, −1 put, 0 perpetual
    strike: Floats  # of a perpetual: any above zero
    stdev: Floats  # √w
    seconds: Floats  # to expiry


def scenarios_of(grid: Grid) -> list[tuple[float, float]]:
    """(spot, volatility) shocks as shares, in the order of the cells."""
    core = [(spot, vol) for vol in grid.vols_bps for spot in grid.spots_bps]
    return [
        (spot / BPS, vol / BPS) for spot, vol in (*core, *((one.spot_bps, one.vol_bps) for one in grid.tails))
    ]


def profits(
    positions: Positions, spot: float, params: ScanParams, grid: Grid, *, threads: int = 2, block: int = BLOCK
) -> Floats:
    """A row for each account, a column for each scenario."""
    scenarios = scenarios_of(grid)
    count = int(positions.account[-1]) + 1 if len(positions.account) else 0
    starts = range(0, len(positions.size), block)

    def work(some: Sequence[int]) -> Floats:
        found = np.zeros((count, len(scenarios)))
        pricer = Pricer(block)
        for start in some:
            _add_block(found, positions, slice(start, start + block), spot, params, scenarios, pricer)
        return found

    shares = [starts[one::threads] for one in range(threads)]
    if threads == 1:
        return work(shares[0])
    with ThreadPoolExecutor(threads) as pool:
        total, *others = pool.map(work, shares)
    for other in others:
        total += other
    return total


def _add_block(
    found: Floats,
    positions: Positions,
    part: slice,
    spot: float,
    params: ScanParams,
    scenarios: Sequence[tuple[float, float]],
    pricer: Pricer,
) -> None:
    size, sign, strike = positions.size[part], positions.sign[part], positions.strike[part]
    account = positions.account[part]
    firsts = np.flatnonzero(np.diff(account, prepend=account[0] - 1))  # where an account begins
    linear = np.add.reduceat(np.where(sign == 0, size, 0.0), firsts)
    options = np.where(sign == 0, 0.0, size)

    seconds = np.maximum(positions.seconds[part], DAY)
    near = params.near_power_bps / BPS, params.far_power_bps / BPS
    power = (TERM_SECONDS / seconds) ** np.where(seconds < TERM_SECONDS, *near)
    stdev = np.maximum(positions.stdev[part], LEAST_STDEV)
    log = np.log(spot / strike)
    now, value = np.empty_like(size), np.empty_like(size)
    pricer.values(spot, strike, log, stdev, sign, now)
    base = np.add.reduceat(options * now, firsts)

    vol, shocked = 0.0, stdev
    rows = account[firsts]
    moved = np.empty_like(size)
    for column, (spot_move, vol_move) in enumerate(scenarios):
        if vol_move != vol:
            vol, shocked = vol_move, np.maximum(stdev * np.maximum(0.0, 1 + vol_move * power), LEAST_STDEV)
        np.add(log, np.log1p(spot_move), out=moved)
        pricer.values(spot * (1 + spot_move), strike, moved, shocked, sign, value)
        np.multiply(value, options, out=value)
        found[rows, column] += np.add.reduceat(value, firsts) - base + linear * (spot * spot_move)


def worst_losses(profit: Floats, grid: Grid) -> Floats:
    """The largest weighted loss of each account over its scenarios, at least zero."""
    core = len(grid.vols_bps) * len(grid.spots_bps)
    weights = np.array([1.0] * core + [one.weight_bps / BPS for one in grid.tails])
    return np.maximum(0.0, (-profit * weights).max(axis=1))
