"""Black-76 for NumPy arrays, undiscounted.

The tail of the normal distribution is J. F. Hart's rational function (Computer Approximations, 1968, no. 5666, as given
by G. West, "Better approximations to cumulative normal functions", 2005): about 1e-15 absolute. Since
F·φ(d₁) = K·φ(d₂), a price takes one exponential.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_ABOVE: Final = (
    3.52624965998911e-02,
    0.700383064443688,
    6.37396220353165,
    33.912866078383,
    112.079291497871,
    221.213596169931,
    220.206867912376,
)
_BELOW: Final = (
    8.83883476483184e-02,
    1.75566716318264,
    16.064177579207,
    86.7807322029461,
    296.564248779674,
    637.333633378831,
    793.826512519948,
    440.413735824752,
)

LEAST_STDEV: Final = 1e-9
"""What σ√T is held to have at least: a price there is what the option pays, to 1e-9 of the spot."""


class Pricer:
    """Values of `size` options at once, in buffers of its own: nothing is allocated while it runs."""

    def __init__(self, size: int) -> None:
        self._d, self._x, self._below, self._bell, self._first = np.empty((5, size))
        self._up = np.empty(size, dtype=bool)

    def values(
        self, spot: float, strike: Floats, log: Floats, stdev: Floats, sign: Floats, out: Floats
    ) -> None:
        """out = sign·(F·N(sign·d₁) − K·N(sign·d₂)); log = ln(F/K), sign = ±1 for call and put."""
        n = len(strike)
        d, first, bell = self._d[:n], self._first[:n], self._bell[:n]
        np.divide(log, stdev, out=d)
        np.multiply(stdev, 0.5, out=first)
        np.add(d, first, out=d)  # d₁
        np.multiply(d, d, out=bell)
        np.multiply(bell, -0.5, out=bell)
        np.exp(bell, out=bell)
        np.multiply(bell, spot, out=bell)  # F·e^(−d₁²/2) = K·e^(−d₂²/2)

        np.multiply(d, sign, out=d)
        self._weighed(d, spot, bell, out)  # F·N(±d₁)
        np.multiply(stdev, sign, out=first)
        np.subtract(d, first, out=d)
        self._weighed(d, strike, bell, first)  # K·N(±d₂)

        np.subtract(out, first, out=out)
        np.multiply(out, sign, out=out)

    def _weighed(self, d: Floats, worth: float | Floats, bell: Floats, out: Floats) -> None:
        """out = worth·N(d); bell = worth·e^(−d²/2)"""
        up = self._up[: len(d)]
        self._tail(d, out)
        np.multiply(out, bell, out=out)
        np.greater(d, 0, out=up)
        np.subtract(worth, out, out=out, where=up)

    def _tail(self, d: Floats, out: Floats) -> None:
        """out = N(−|d|)·e^(d²/2)"""
        x, below = self._x[: len(d)], self._below[: len(d)]
        np.abs(d, out=x)
        np.minimum(x, 40.0, out=x)  # there the exponential is nothing, and this one finite
        np.multiply(x, _ABOVE[0], out=out)
        for term in _ABOVE[1:-1]:
            np.add(out, term, out=out)
            np.multiply(out, x, out=out)
        np.add(out, _ABOVE[-1], out=out)
        np.multiply(x, _BELOW[0], out=below)
        for term in _BELOW[1:-1]:
            np.add(below, term, out=below)
            np.multiply(below, x, out=below)
        np.add(below, _BELOW[-1], out=below)
        np.divide(out, below, out=out)


def black76(spot: Floats, strike: Floats, stdev: Floats, sign: Floats) -> Floats:
    """Values of options, whatever the arrays' shapes; for small things, where clarity beats buffers."""
    spot, strike, stdev, sign = np.broadcast_arrays(spot, strike, np.maximum(stdev, LEAST_STDEV), sign)
    log = np.log(spot / strike)
    out = np.empty(spot.size)
    pricer = Pricer(spot.size)
    # The spot is one number there: prices are homogeneous, so everything is taken per unit of spot.
    pricer.values(1.0, (strike / spot).ravel(), log.ravel(), stdev.ravel(), sign.ravel(), out)
    return out.reshape(spot.shape) * spot


def black76_delta(spot: Floats, strike: Floats, stdev: Floats, sign: Floats) -> Floats:
    """dV/dF = sign·N(sign·d₁), whatever the arrays' shapes."""
    stdev = np.maximum(stdev, LEAST_STDEV)
    d, sign = np.broadcast_arrays((np.log(spot / strike) / stdev + stdev / 2) * sign, sign)
    tail = np.empty(d.size)
    pricer = Pricer(d.size)
    flat = np.ascontiguousarray(d).ravel()
    pricer._tail(flat, tail)
    tail *= np.exp(-flat * flat / 2)
    return (np.where(flat > 0, 1 - tail, tail)).reshape(d.shape) * sign
