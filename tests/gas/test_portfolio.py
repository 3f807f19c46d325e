"""Gas of portfolio margin: a perpetual and N − 1 options of one expiry, 21 scenarios, everything cold
├── the whole grid          -> within the limits
└── one scenario as witness -> within the limit of a start, less what a start takes by itself
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pytest

from holdfast.chain.contract import Contract
from holdfast.model import svi
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.model.portfolio import ALL, DAY
from holdfast.sim.history import Block, call, simulate
from holdfast.types import Kind, instrument_id, perpetual
from holdfast.units import BPS, WAD
from tests.conftest import START

SPOT = 2_000 * WAD
SMILE = svi.Smile(a_ppb=250_000_000, b_ppb=200_000_000, rho_ppb=-300_000_000, m_ppb=0, sigma_ppb=200_000_000)
LATER = START + 1_000
EXPIRY = LATER + 30 * DAY

WHOLE = {8: 350_000, 16: 650_000, 32: 1_250_000}
"""[gas] Most that a margin check may take, by the number of legs."""

WITNESSED = {16: 200_000}
"""[gas] Most that one scenario may take."""


@pytest.fixture
def ask(deploy: Callable[..., Contract], authority: Contract, roles: Any) -> Callable[..., int]:
    surface = deploy("MockSmiles")
    scans = deploy("Scans", authority.address, DAY, 7_000)
    portfolio = deploy("Portfolio", scans.address, surface.address, 32)
    seconds = EXPIRY - LATER
    scans.send("setScan", 1, astuple(LARGE_PARAMS), astuple(LARGE), sender=roles.deployer)
    pair = (SMILE.word, SMILE.word, seconds, seconds)
    surface.send("set", 1, EXPIRY, pair, sender=roles.deployer)

    def gas(legs: int, witness: int) -> int:
        """Of the call alone: without what a transaction and its data take."""
        asked = call(portfolio, "assessBy", (0, _legs(legs), []), [], True, witness, sender=roles.stranger)
        result = simulate(portfolio.rpc, [Block([asked], time=LATER)])[0][0]
        assert result.ok
        return result.gas_used - 21_000 - sum(16 if byte else 4 for byte in asked.data)

    return gas


def _legs(count: int) -> list[tuple[int, ...]]:
    """Strikes from 80 % to 120 %, calls and puts, half of them short."""
    found = [(perpetual(1), WAD, 0, SPOT, SPOT, 0, 0)]
    for i in range(count - 1):
        strike = SPOT * (8_000 + 4_000 * (i + 1) // count) // BPS
        kind = Kind.CALL if i % 3 else Kind.PUT
        found.append((instrument_id(kind, 1, EXPIRY, strike), WAD if i % 2 else -WAD, 0, SPOT, SPOT, 0, 0))
    return found


@pytest.mark.parametrize("legs", WHOLE)
def test_assess__the_whole_grid__within_the_limit(ask: Callable[..., int], legs: int) -> None:
    used = ask(legs, ALL)
    assert used <= WHOLE[legs]


@pytest.mark.parametrize("legs", WITNESSED)
def test_assess__one_scenario__within_the_limit(ask: Callable[..., int], legs: int) -> None:
    used = ask(legs, 1)
    assert used <= WITNESSED[legs]
