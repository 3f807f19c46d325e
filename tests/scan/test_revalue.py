"""scan.revalue and scan.pricing
├── random accounts                        -> profits per scenario as the exact model has them
├── any number of threads, any block       -> the same
└── options at and far from the strike, with hardly any time -> what they pay
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scanning import SPOT, draw, exactly
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.scan.pricing import black76, black76_delta
from holdfast.scan.revalue import profits, scenarios_of, worst_losses


def test_profits__random_accounts__as_the_exact_model() -> None:
    positions = draw(400, seed=2)
    found = profits(positions, SPOT, LARGE_PARAMS, LARGE, threads=1)
    assert found.shape == (25, len(scenarios_of(LARGE)))
    for account in range(6):
        exact, notional = exactly(positions, account)
        assert np.abs(exact - found[account]).max() < 1e-12 * notional
    assert (worst_losses(found, LARGE) >= np.maximum(0, -found[:, : 9 * 2].min(axis=1))).all()


def test_profits__however_divided__the_same() -> None:
    positions = draw(500, seed=4)
    whole = profits(positions, SPOT, LARGE_PARAMS, LARGE, threads=1)
    for threads, block in ((2, 64), (3, 7), (1, 1)):
        parts = profits(positions, SPOT, LARGE_PARAMS, LARGE, threads=threads, block=block)
        assert parts == pytest.approx(whole, abs=1e-9)


def test_black76__without_time__what_it_pays() -> None:
    strike = np.array([0.5, 0.999, 1.0, 1.001, 3.0])
    call = black76(np.array([1.0]), strike, np.array([0.0]), np.array([1.0]))
    assert call == pytest.approx(np.maximum(0, 1 - strike), abs=1e-9)
    assert black76_delta(np.array([1.0]), strike, np.array([0.0]), np.array([-1.0])) == pytest.approx(
        [0, 0, -0.5, -1, -1], abs=1e-9
    )
