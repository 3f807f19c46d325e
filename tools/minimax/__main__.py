"""Where the coefficients of `contracts/libraries/Normal.sol` come from: prints them, with the error of each fit.

    .venv/bin/python -m tools.minimax

`mills` is N(−x)·e^(x²/2) as P(x)/Q(x), both of degree 6, with the least largest error that it leaves in the price of
an option: there it counts by e^(−a²/2), where a is the smaller of two arguments, so a² ≥ x² − 2·|ln(F/K)|. Lawson's
weights over linearised least squares (Sanathanan and Koerner), in many digits. `exp2` is 2^f on 0 ≤ f < 1 as a
polynomial of degree 9 that is exact at both ends, through nodes of Chebyshev.
"""

from __future__ import annotations

from mpmath import chebyfit, cos, erfc, exp, log, lu_solve, matrix, mp, mpf, nstr, pi, polyval, sqrt

MAX_LN = 14
"""|ln(F/K)| up to which the fit holds."""

NODES, ROUNDS, DIGITS = 160, 120, 60
P_DEGREE, Q_DEGREE, EXP2_DEGREE = 6, 6, 9

P_BITS = (232, 176, 120, 64 + 168, 176, 120, 64)
Q_BITS = (232, 176, 120, 64 + 168, 176, 120, 64)
EXP2_BITS = (232, 176, 120, 64 + 168, 176, 120, 64 + 168, 176, 120, 64)
"""Binary places of each coefficient, x⁰ first: 56 more with each step of Horner's rule, 168 less after a shift."""


def mills(x: mpf) -> mpf:
    return erfc(x / sqrt(mpf(2))) / 2 * exp(x * x / 2)


def fit_mills() -> tuple[mpf, list[mpf], list[mpf]]:
    """The largest weighted error, P and Q; coefficients of x⁰ first, Q(0) = 1 and P(0) = ½: N(0) is exact."""
    half = mpf(1) / 2
    end = sqrt(mpf(2 * MAX_LN + 75))
    xs = [end * (1 - cos(pi * (i + mpf(1) / 2) / NODES)) / 2 for i in range(NODES)]
    values = [mills(x) for x in xs]
    weights = [exp(-max(mpf(0), (x * x - 2 * MAX_LN) / 2)) for x in xs]
    powers = [[x**k for k in range(Q_DEGREE + 1)] for x in xs]
    lawson, below = [mpf(1)] * NODES, [mpf(1)] * NODES
    size = P_DEGREE + Q_DEGREE
    best: tuple[mpf, list[mpf], list[mpf]] | None = None
    for turn in range(ROUNDS):
        left, right = matrix(size, size), matrix(size, 1)
        rows = [
            power[1 : P_DEGREE + 1] + [-value * one for one in power[1:]]
            for power, value in zip(powers, values, strict=True)
        ]
        scales = [law * (weight / q) ** 2 for law, weight, q in zip(lawson, weights, below, strict=True)]
        for i in range(size):
            for j in range(i, size):
                left[i, j] = left[j, i] = sum(
                    scale * row[i] * row[j] for scale, row in zip(scales, rows, strict=True)
                )
            right[i] = sum(
                scale * row[i] * (value - half)
                for scale, row, value in zip(scales, rows, values, strict=True)
            )
        solved = list(lu_solve(left, right))
        p, q = [half, *solved[:P_DEGREE]], [mpf(1), *solved[P_DEGREE:]]
        below = [polyval(q[::-1], x) for x in xs]
        errors = [
            abs(weight * (value - polyval(p[::-1], x) / under))
            for x, weight, value, under in zip(xs, weights, values, below, strict=True)
        ]
        if best is None or max(errors) < best[0]:
            best = max(errors), p, q
        if turn >= 4:  # once the denominator has settled
            lawson = [law * error for law, error in zip(lawson, errors, strict=True)]
            mean = sum(lawson) / NODES
            lawson = [max(law / mean, mpf(10) ** -30) for law in lawson]
    assert best is not None
    return best


def fit_exp2() -> tuple[mpf, list[mpf]]:
    """The largest error and the coefficients, f⁰ first: 1 + f + f·(f − 1)·r(f), so octaves meet."""

    def r_of(f: mpf) -> mpf:
        if f in (0, 1):  # the limits
            return (1 + f) * log(2) - f if f else 1 - log(2)
        return (mpf(2) ** f - 1 - f) / (f * (f - 1))

    falling = chebyfit(r_of, [0, 1], EXP2_DEGREE - 1)
    r = falling[::-1]
    e = [mpf(1), mpf(1), *[mpf(0)] * (EXP2_DEGREE - 1)]
    for power, coefficient in enumerate(r):
        e[power + 2] += coefficient
        e[power + 1] -= coefficient
    return max(abs(polyval(e[::-1], mpf(i) / 999) - mpf(2) ** (mpf(i) / 999)) for i in range(1000)), e


def show(name: str, coefficients: list[mpf], bits: tuple[int, ...]) -> None:
    for power, (coefficient, places) in enumerate(zip(coefficients, bits, strict=True)):
        print(f"{name}{power} = {int(mp.nint(coefficient * mpf(2) ** places))}")


def main() -> None:
    mp.dps = DIGITS
    error, p, q = fit_mills()
    print(f"mills: at most {nstr(error, 3)} of the smaller of forward and strike")
    show("p", p, P_BITS)
    show("q", q, Q_BITS)
    error, e = fit_exp2()
    print(f"exp2: at most {nstr(error, 3)}")
    show("e", e, EXP2_BITS)


if __name__ == "__main__":
    main()
