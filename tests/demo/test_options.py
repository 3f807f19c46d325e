"""options of a scenario
├── a bad table             -> ValueError or KeyError with the fact
├── series                  what is bought, each once, by expiry and strike
├── smiles                  free of arbitrage within days; at the money as asked; steps are such as the surface takes
├── hedge_wad               all of the delta, unless that is little or too much
└── Pressure                half is gone in a half-life
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.demo.options import (
    HEDGE_BPS,
    Pressure,
    hedge_wad,
    next_variance_ppb,
    parse,
    smile,
    variance_ppb,
)
from holdfast.model import svi
from holdfast.types import Mode, expiry_of, strike_of
from holdfast.units import BPS, WAD

HOUR = 3_600
WRITER = {"name": "one", "mode": "cross", "cash": 1_000, "size": 1, "hedges": True}
GOOD: dict[str, Any] = {
    "underlying": "ETH",
    "volatility": [[0, 0.5], [HOUR, 1.0]],
    "buys": [[10, 4 * HOUR, 2_100, 5], [20, 2 * HOUR, 2_200, 5], [30, 4 * HOUR, 2_100, 7]],
    "buyers": 2,
    "buyer_cash": 500,
    "impact_bps": 10,
    "half_life_seconds": 600,
    "writers": [WRITER],
}


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"colour": 1}, "options has no 'colour'"),
        ({"buys": []}, "there must be buys, writers and buyers"),
        ({"buyers": 0}, "there must be buys, writers and buyers"),
        ({"writers": [WRITER, WRITER]}, "two writers have the same name"),
        (
            {"writers": [WRITER | {"mode": "fancy"}]},
            "writer 'one': mode must be one of isolated, cross, portfolio",
        ),
        ({"writers": [WRITER | {"size": 0}]}, "a writer needs size and cash"),
        ({"writers": [WRITER | {"collateral": {"WETH": 0}}]}, "collateral must be positive"),
        ({"volatility": [[HOUR, 0.5], [0, 1.0]]}, "times must rise"),
        ({"volatility": [[0, 0]]}, "must be positive"),
        ({"buys": [[20, HOUR, 1, 1], [10, HOUR, 1, 1]]}, "times must rise"),
        ({"half_life_seconds": 0}, "must be positive"),
        ({"impact_bps": -1}, "impact_bps must not be negative"),
    ],
)
def test_parse__a_bad_table__says_what_is_wrong(change: dict[str, Any], fact: str) -> None:
    with pytest.raises(ValueError, match=fact):
        parse(GOOD | change, int)


def test_parse__what_is_missing__is_named() -> None:
    with pytest.raises(KeyError, match="impact_bps"):
        parse({key: value for key, value in GOOD.items() if key != "impact_bps"}, int)


def test_series__are_what_is_bought() -> None:
    options = parse(GOOD, int)
    found = [(expiry_of(series), strike_of(series) // WAD) for series in options.series(1)]
    assert found == [(2 * HOUR, 2_200), (4 * HOUR, 2_100)]
    assert options.moments == [10, 20, 30, 2 * HOUR, 4 * HOUR]
    assert options.writers[0].mode is Mode.CROSS and options.writers[0].collateral == {}
    covered = parse(GOOD | {"writers": [WRITER | {"collateral": {"WETH": 1.5}}]}, int)
    assert covered.writers[0].collateral == {"WETH": 3 * WAD // 2}
    assert options.volatility_at(HOUR // 2) == pytest.approx(math.sqrt(0.5))


@given(volatility=st.floats(0.1, 3), seconds=st.integers(1, 3 * 86_400))
def test_smile__admits_no_arbitrage(volatility: float, seconds: int) -> None:
    found = smile(variance_ppb(volatility))
    svi.check(found, seconds)
    assert svi.variance_wad_down(found, 0) == pytest.approx(volatility**2 * WAD, rel=1e-6)
    svi.check_calendar(found, seconds, found, 2 * seconds)


@given(standing=st.floats(0.2, 3), wanted=st.floats(0.2, 3), move_bps=st.integers(100, 5_000))
def test_next_variance__is_a_step_that_the_surface_takes(
    standing: float, wanted: float, move_bps: int
) -> None:
    before, goal = variance_ppb(standing), variance_ppb(wanted)
    after = next_variance_ppb(goal, before, move_bps)
    svi.check_move(smile(before), smile(after), move_bps)
    assert abs(goal - after) <= abs(goal - before) and (goal - after) * (goal - before) >= 0
    assert after == goal or abs(after - before) * BPS >= before * move_bps * 0.98
    assert next_variance_ppb(goal, None, move_bps) == goal


def test_hedge__all_of_the_delta_within_reason() -> None:
    contracts, most = 100 * WAD, 30 * WAD
    little = contracts * HEDGE_BPS // BPS
    assert hedge_wad(little, contracts, most) == hedge_wad(-little, contracts, most) == 0
    assert hedge_wad(-little - 1, contracts, most) == little + 1
    assert hedge_wad(10 * WAD, contracts, most) == -10 * WAD
    assert (hedge_wad(-50 * WAD, contracts, most), hedge_wad(50 * WAD, contracts, most)) == (most, -most)


def test_pressure__half_is_gone_in_a_half_life() -> None:
    pressure = Pressure(impact_bps=100, half_life_seconds=600)
    assert pressure.factor == 1
    pressure.add(1_000, 2_000_000)
    assert pressure.factor == pytest.approx(math.exp(0.02))
    pressure.add(1_600, 0)
    assert pressure.dollars == pytest.approx(1_000_000)
    pressure.add(1_600, -1_000_000)
    assert pressure.factor == pytest.approx(1)
