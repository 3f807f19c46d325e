"""How margin parameters move: the twin against numbers worked by hand
├── the example of docs/risk.md       -> on its line, and refused beyond a step
├── any history of governance
│   ├── initial above maintenance     -> at every moment, margins and haircuts
│   ├── maintenance margin            -> by its whole self in a ramp at most
│   └── a word                        -> moves no maintenance margin, and lowers no haircut, at once
└── new collateral                    -> lends from nothing
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model import parameters
from holdfast.model.parameters import Rules, asset_at, instrument_at, set_asset, set_instrument
from holdfast.types import AssetParams, InstrumentId, InstrumentParams, perpetual
from holdfast.units import BPS, WAD

RULES = Rules(ramp_seconds=3_600, collateral_ramp_seconds=7_200, epoch_seconds=86_400)
PERP: InstrumentId = perpetual(1)
PARAMS = InstrumentParams(
    initial_bps=1_000, maintenance_bps=500, initial_max_bps=5_000, knee_bps=5_000, open_interest_cap_wad=WAD
)
HAIRCUTS = AssetParams(initial_haircut_bps=1_500, maintenance_haircut_bps=1_000)
DAY = 86_400


def test_maintenance__the_example_of_the_page() -> None:
    state = set_instrument(None, PARAMS, 0, RULES)
    raised = replace(PARAMS, maintenance_bps=600)
    state = set_instrument(state, raised, DAY, RULES)

    looks = {0: 500, 35: 500, 36: 501, 1_800: 550, 3_600: 600}
    assert {t: instrument_at(state, DAY + t, RULES).maintenance_bps for t in looks} == looks
    first = set_instrument(None, PARAMS, 0, RULES)
    for maintenance, refusal in ((1_001, ("StepTooLarge", 1_001, 1_000)), (374, ("StepTooLarge", 374, 375))):
        with pytest.raises(Refused) as caught:
            set_instrument(first, replace(PARAMS, initial_bps=2_000, maintenance_bps=maintenance), DAY, RULES)
        assert (caught.value.name, *caught.value.values) == refusal
    with pytest.raises(Refused, match="EpochNotOver"):
        set_instrument(state, replace(raised, open_interest_cap_wad=2 * WAD), 2 * DAY - 1, RULES)


def test_collateral__new__lends_from_nothing() -> None:
    state = set_asset(None, HAIRCUTS, 0, RULES)

    found = [asset_at(state, time, RULES) for time in (0, 3_600, 7_200)]
    cuts = [(one.initial_haircut_bps, one.maintenance_haircut_bps) for one in found]
    assert cuts == [(10_000, 10_000), (5_750, 5_500), (1_500, 1_000)]


@settings(deadline=None, derandomize=True, max_examples=150)
@given(seed=st.integers(0, 2**64 - 1))
def test_any_history__ordered_and_slow(seed: int) -> None:
    rng, time = Random(seed), 0
    state = set_instrument(None, PARAMS, 0, RULES)
    cuts = set_asset(None, HAIRCUTS, 0, RULES)
    known, known_cuts = instrument_at(state, 0, RULES), asset_at(cuts, 0, RULES)
    for _ in range(60):
        passed = rng.choice((0, 1, 600, 3_600, DAY))
        time += passed
        margin, haircuts = instrument_at(state, time, RULES), asset_at(cuts, time, RULES)
        most = -(-known.maintenance_bps * passed // RULES.ramp_seconds)
        assert abs(margin.maintenance_bps - known.maintenance_bps) <= most
        assert margin.initial_bps > margin.maintenance_bps
        assert BPS >= haircuts.initial_haircut_bps >= haircuts.maintenance_haircut_bps
        fell = known_cuts.maintenance_haircut_bps - haircuts.maintenance_haircut_bps
        assert fell <= -(-BPS * passed // RULES.collateral_ramp_seconds)
        with suppress(Refused):
            state = _moved(rng, state, time)
        with suppress(Refused):
            cuts = _cut(rng, cuts, time)
        known, known_cuts = instrument_at(state, time, RULES), asset_at(cuts, time, RULES)
        assert known.maintenance_bps == margin.maintenance_bps  # by nobody's word
        assert known_cuts.maintenance_haircut_bps == haircuts.maintenance_haircut_bps
        assert known_cuts.initial_haircut_bps >= haircuts.initial_haircut_bps


def _moved(rng: Random, state: parameters.InstrumentState, time: int) -> parameters.InstrumentState:
    base = rng.choice((state.standing, state.asked))
    asked = replace(
        base,
        maintenance_bps=base.maintenance_bps * rng.choice((75, 80, 100, 100, 150, 200)) // 100,
        initial_bps=min(BPS, base.initial_bps * rng.choice((75, 100, 120, 250)) // 100),
    )
    asked = replace(asked, initial_max_bps=max(asked.initial_bps, base.initial_max_bps))
    if rng.random() < 0.3:
        return parameters.tighten_instrument(PERP, state, asked, time, RULES)
    return set_instrument(state, asked, time, RULES)


def _cut(rng: Random, state: parameters.AssetState, time: int) -> parameters.AssetState:
    base = rng.choice((state.standing or state.asked, state.asked))
    asked = AssetParams(
        initial_haircut_bps=min(BPS, base.initial_haircut_bps * rng.choice((75, 100, 130, 300)) // 100),
        maintenance_haircut_bps=min(BPS, base.maintenance_haircut_bps * rng.choice((75, 100, 200)) // 100),
    )
    act = parameters.tighten_asset if rng.random() < 0.3 else set_asset
    return act(state, asked, time, RULES)
