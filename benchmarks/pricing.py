"""How near the prices of options come to the exact ones, and what they cost: twin, bytecode, gas.

    make bench-pricing BENCH_ARGS="--points 1000000 --onchain 100000"

The judge is erfc in double precision, far finer than the bound; many digits (mpmath) judge the judge on a sample. The
bytecode must give what the twin gives, to the wei.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from math import erfc, exp, sqrt

from mpmath import erfc as long_erfc
from mpmath import exp as long_exp
from mpmath import mp, mpf
from mpmath import sqrt as long_sqrt

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.model.black76 import MAX_LN_WAD, time_value_wad
from holdfast.model.svi import Smile
from holdfast.units import WAD

RELATIVE = 1e-9
FLOOR = 1e-12
"""What a price may be off: the larger of this share of itself and that share of the forward."""
SAMPLE = 2_000
BATCH = 2_500
"""Points in one call."""
GAS_LIMIT = 2**40
TURNS = 1_000

Point = tuple[int, int]
"""ln(F/K) and √w."""


def draw(count: int, seed: int) -> list[Point]:
    """Points of the domain: √w from a millionth to 20; half of the strikes within 9·√w of the forward."""
    rng = random.Random(seed)
    points = []
    while len(points) < count:
        root = int(10 ** rng.uniform(-6, 1.3) * WAD)
        if rng.random() < 0.5:
            ln = int(rng.uniform(-9, 9) * root)
        else:
            ln = int(rng.uniform(-1, 1) ** 3 * MAX_LN_WAD)
        if abs(ln) <= MAX_LN_WAD:
            points.append((ln, root))
    return points


def reference(ln: float, root: float) -> float:
    """v in double precision."""
    distance = abs(ln)
    a = distance / root - root / 2
    return (erfc(a / sqrt(2)) - exp(distance) * erfc((a + root) / sqrt(2))) / 2


def long_reference(ln: int, root: int) -> mpf:
    """v in many digits."""
    with mp.workdps(50):
        distance, s = abs(mpf(ln)) / WAD, mpf(root) / WAD
        a = distance / s - s / 2
        two = long_sqrt(mpf(2))
        return (long_erfc(a / two) - long_exp(distance) * long_erfc((a + s) / two)) / 2


def worst_of(points: Sequence[Point], values_wad: Sequence[int]) -> float:
    """The largest error of a price, as a share of what it may be off: at most 1 is within the bound."""
    worst = 0.0
    for (ln, root), value in zip(points, values_wad, strict=True):
        exact = reference(ln / WAD, root / WAD)
        strike = exp(-ln / WAD)  # of a forward of one
        smaller = min(1.0, strike)
        error = abs(value / WAD - exact) * smaller
        cheaper = smaller * exact  # of call and put
        worst = max(worst, error / max(RELATIVE * cheaper, FLOOR))
    return worst


def judge_of_judge(points: Sequence[Point]) -> float:
    """How far the reference lies from many digits, at most."""
    return max(
        float(abs(long_reference(ln, root) - reference(ln / WAD, root / WAD))) for ln, root in points[:SAMPLE]
    )


def onchain(options: Contract, points: Sequence[Point]) -> list[int]:
    """What the bytecode makes of them."""
    found: list[int] = []
    for start in range(0, len(points), BATCH):
        lns, roots = zip(*points[start : start + BATCH], strict=True)
        found += options.call("timeValue", list(lns), list(roots), gas=GAS_LIMIT)
    return found


def gas_table(options: Contract) -> dict[str, float]:
    """Gas a turn, the loop itself left out."""
    smile = Smile(a_ppb=10**8, b_ppb=2 * 10**8, rho_ppb=-3 * 10**8, m_ppb=10**7, sigma_ppb=10**8)
    loop = options.call("gasOfLoop", TURNS, gas=GAS_LIMIT)

    def cost(function: str, *args: int) -> float:
        return (options.call(function, TURNS, *args, gas=GAS_LIMIT) - loop) / TURNS

    near, far = (-WAD // 20, WAD // 5), (WAD, WAD // 10)
    return {
        "ln": cost("gasOfLn"),
        "exp": cost("gasOfExp"),
        "square root of w": cost("gasOfRoot"),
        "N(x)": cost("gasOfCdf"),
        "v(k) of a smile": cost("gasOfVariance", smile.word),
        "time value": cost("gasOfTimeValue", *near),
        "time value, all but none": cost("gasOfTimeValue", *far),
        "call and put from ln(F/K) and the root": cost("gasOfPrices", *near),
        "price from F, K and w": cost("gasOfPrice"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=1_000_000, help="of the twin")
    parser.add_argument("--onchain", type=int, default=100_000, help="of them also through the bytecode")
    parser.add_argument("--seed", type=int, default=76)
    args = parser.parse_args()

    points = draw(args.points, args.seed)
    print(f"reference against {SAMPLE} points in many digits: off by {judge_of_judge(points):.2g} at most")
    begun = time.monotonic()
    values = [time_value_wad(ln, root) for ln, root in points]
    print(f"twin: {len(points)} points in {time.monotonic() - begun:.0f} s")
    off = max(
        abs(value / WAD - reference(ln / WAD, root / WAD))
        for (ln, root), value in zip(points, values, strict=True)
    )
    print(f"time value: off by {off:.2g} of the smaller of forward and strike at most")
    print(f"price: {worst_of(points, values):.2g} of what it may be off, at most")

    with Anvil() as anvil:
        options = deploy(anvil.rpc, artifact("MockOptions"), sender=anvil.accounts[0])
        begun = time.monotonic()
        found = onchain(options, points[: args.onchain])
        differing = sum(one != twin for one, twin in zip(found, values, strict=False))
        print(
            f"bytecode: {len(found)} points in {time.monotonic() - begun:.0f} s, {differing} differ from the twin"
        )
        for name, gas in gas_table(options).items():
            print(f"gas: {name:40} {gas:6.0f}")
    if differing:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
