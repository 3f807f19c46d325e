"""How fast portfolios are revalued over a grid: NumPy against the exact model, one price after the other.

    .venv/bin/python -m benchmarks.scanning --positions 1000000

Both revalue the same random positions over the same scenarios; what they find for a sample of accounts must agree.
"""

from __future__ import annotations

import argparse
import time
from typing import Final

import numpy as np

from holdfast.model.black76 import ln_moneyness_wad
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.model.portfolio import DAY, Exposure, Option, place_at, power_wad, quote, shocked_spot
from holdfast.scan.revalue import Positions, profits, scenarios_of
from holdfast.units import BPS, WAD

SPOT: Final = 2_000
PER_ACCOUNT: Final = 16
YEAR: Final = 365 * DAY
CLOSE: Final = 1e-9  # of the notional held


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--positions", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sample", type=int, default=25, help="accounts that the exact model revalues too")
    asked = parser.parse_args()

    positions = draw(asked.positions, seed=1)
    wall, cpu = time.perf_counter(), time.process_time()
    found = profits(positions, SPOT, LARGE_PARAMS, LARGE, threads=asked.threads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"NumPy: {asked.positions:,} positions, {found.shape[1]} scenarios, {asked.threads} threads: "
        f"{wall:.2f} s, of processor time {cpu:.2f} s"
    )

    exact_cpu = time.process_time()
    worst = 0.0
    for account in range(asked.sample):
        exact, notional = exactly(positions, account)
        worst = max(worst, float(np.abs(exact - found[account]).max()) / notional)
    exact_cpu = time.process_time() - exact_cpu
    ratio = exact_cpu / (asked.sample * PER_ACCOUNT) / (cpu / asked.positions)
    print(f"one after the other, exactly: {asked.sample * PER_ACCOUNT:,} positions in {exact_cpu:.2f} s")
    print(
        f"a position costs {ratio:,.0f} times the processor time; largest difference {worst:.1e} of notional"
    )
    if worst > CLOSE:
        raise SystemExit("they disagree")


def draw(count: int, *, seed: int) -> Positions:
    """Accounts of a perpetual and options over four expiries."""
    rng = np.random.default_rng(seed)
    sign = rng.choice((1.0, -1.0), count)
    sign[::PER_ACCOUNT] = 0.0
    seconds = rng.choice((1, 7, 30, 90), count) * float(DAY)
    vol = rng.uniform(0.3, 1.2, count)
    return Positions(
        account=np.arange(count) // PER_ACCOUNT,
        size=np.round(rng.normal(size=count), 3),
        sign=sign,
        strike=np.round(SPOT * rng.uniform(0.6, 1.6, count)),
        stdev=vol * np.sqrt(seconds / YEAR),
        seconds=seconds,
    )


def exactly(positions: Positions, account: int) -> tuple[np.ndarray, float]:
    """Profit per scenario by the exact model, and the notional held."""
    spot_wad, linear_wad, puts_wad, options = SPOT * WAD, 0, 0, []
    for i in np.flatnonzero(positions.account == account):
        size_wad = round(positions.size[i] * 1_000) * WAD // 1_000
        if positions.sign[i] == 0:
            linear_wad += size_wad
            continue
        strike_wad, root_wad = round(positions.strike[i]) * WAD, int(positions.stdev[i] * WAD)
        ln, is_call = ln_moneyness_wad(spot_wad, strike_wad), bool(positions.sign[i] > 0)
        call_wad, delta_wad = quote(spot_wad, strike_wad, ln, root_wad)
        puts_wad += 0 if is_call else size_wad
        options.append(
            Option(
                size_wad=size_wad,
                strike_wad=strike_wad,
                log_wad=ln,
                root_wad=root_wad,
                power_wad=power_wad(int(positions.seconds[i]), LARGE_PARAMS),
                call_wad=call_wad,
                value_wad=call_wad if is_call else call_wad + strike_wad - spot_wad,
                delta_wad=delta_wad if is_call else delta_wad - WAD,
            )
        )
    book = Exposure(
        underlying=1,
        spot_wad=spot_wad,
        ema_wad=spot_wad,
        linear_wad=linear_wad,
        gross_linear_wad=abs(linear_wad),
        straight_wad=linear_wad - puts_wad,
        value_wad=0,
        options=tuple(options),
    )
    places = [
        place_at(book, *shocked_spot(spot_wad, round(spot * BPS)), round(vol * BPS))
        for spot, vol in scenarios_of(LARGE)
    ]
    held = float(np.abs(positions.size[positions.account == account]).sum()) * SPOT
    return np.array([place.profit_wad / WAD for place in places]), held


if __name__ == "__main__":
    main()
