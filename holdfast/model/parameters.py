"""How margin parameters move: exact twin of what governs them in `contracts/risk/Risk.sol`.

What stands is what the governor set last, and steps are measured from it; what is asked may be tighter, by the
guardian's word; what is effective is on its way there. A state is frozen, and each call gives the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from holdfast.errors import Refused
from holdfast.model.bounded import falls, require_over, rises
from holdfast.model.ramp import left_until, value_at
from holdfast.model.risk import MAX_INITIAL_BPS, NEVER_SET, check_asset, check_instrument, check_within
from holdfast.types import AssetParams, InstrumentId, InstrumentParams
from holdfast.units import BPS


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the contract is deployed with."""

    ramp_seconds: int
    collateral_ramp_seconds: int
    epoch_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class InstrumentState:
    """Where the parameters of an instrument stand."""

    asked: InstrumentParams
    standing: InstrumentParams
    from_bps: int = 0
    arrives_at: int = 0
    stepped_at: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """One haircut on its way."""

    to_bps: int = 0
    from_bps: int = 0
    arrives_at: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetState:
    """Where the haircuts of an asset stand. Nothing stands before the governor's first word."""

    initial: Lane
    maintenance: Lane
    standing: AssetParams | None = None
    stepped_at: int = 0

    @property
    def asked(self) -> AssetParams:
        return AssetParams(
            initial_haircut_bps=self.initial.to_bps, maintenance_haircut_bps=self.maintenance.to_bps
        )


# Instruments


def instrument_at(state: InstrumentState, time: int, rules: Rules) -> InstrumentParams:
    """What is effective."""
    left = left_until(state.arrives_at, time)
    if left == 0:
        return state.asked
    to = state.asked.maintenance_bps
    return replace(state.asked, maintenance_bps=value_at(state.from_bps, to, left, rules.ramp_seconds))


def set_instrument(
    state: InstrumentState | None, asked: InstrumentParams, time: int, rules: Rules
) -> InstrumentState:
    check_instrument(asked)
    if state is None:
        return InstrumentState(asked=asked, standing=asked, stepped_at=time)
    steps = steps_of(state.standing, asked)
    if steps:
        require_over(state.stepped_at, rules.epoch_seconds, time)
    cap_wad = asked.open_interest_cap_wad or state.standing.open_interest_cap_wad
    standing = replace(asked, open_interest_cap_wad=cap_wad)
    moved = _moving(state, asked, time, rules)
    return replace(moved, standing=standing, stepped_at=time if steps else state.stepped_at)


def steps_of(standing: InstrumentParams, asked: InstrumentParams) -> bool:
    """Whether it is a step from what stands. Refused where it is too large a one."""
    return any(
        [
            falls(standing.initial_bps, asked.initial_bps),
            falls(standing.maintenance_bps, asked.maintenance_bps),
            rises(standing.maintenance_bps, asked.maintenance_bps),
            falls(standing.initial_max_bps, asked.initial_max_bps),
            falls(BPS - standing.knee_bps, BPS - asked.knee_bps),
            rises(standing.open_interest_cap_wad, asked.open_interest_cap_wad),
        ]
    )


def tighten_instrument(
    instrument: InstrumentId, state: InstrumentState | None, asked: InstrumentParams, time: int, rules: Rules
) -> InstrumentState:
    check_instrument(asked)
    if state is None:
        raise Refused("NotListed", instrument)
    current = state.asked
    if (
        asked.maintenance_bps != current.maintenance_bps
        or asked.initial_bps < current.initial_bps
        or asked.initial_max_bps < current.initial_max_bps
        or asked.knee_bps > current.knee_bps
        or asked.open_interest_cap_wad > current.open_interest_cap_wad
    ):
        raise Refused("NotTighter")
    return _moving(state, asked, time, rules)


def _moving(state: InstrumentState, asked: InstrumentParams, time: int, rules: Rules) -> InstrumentState:
    """The maintenance margin goes on its way from where it is now; one that goes there already goes on."""
    start, target = instrument_at(state, time, rules).maintenance_bps, asked.maintenance_bps
    check_within(asked.initial_bps, max(start, target) + 1, MAX_INITIAL_BPS)
    if target == state.asked.maintenance_bps:
        return replace(state, asked=asked)
    return replace(state, asked=asked, from_bps=start, arrives_at=time + rules.ramp_seconds)


# Assets

UNKNOWN: Final = AssetState(initial=Lane(), maintenance=Lane())


def asset_at(state: AssetState | None, time: int, rules: Rules) -> AssetParams:
    """What is effective."""
    if state is None:
        return NEVER_SET
    return AssetParams(
        initial_haircut_bps=_lane_at(state.initial, time, rules),
        maintenance_haircut_bps=_lane_at(state.maintenance, time, rules),
    )


def set_asset(state: AssetState | None, asked: AssetParams, time: int, rules: Rules) -> AssetState:
    check_asset(asked)
    standing = state.standing if state is not None else None
    stepped_at = state.stepped_at if state is not None else 0
    if standing is None:
        stepped_at = time
    elif asset_steps_of(standing, asked):
        require_over(stepped_at, rules.epoch_seconds, time)
        stepped_at = time
    moved = _asset_moving(state, asked, time, rules)
    return replace(moved, standing=asked, stepped_at=stepped_at)


def asset_steps_of(standing: AssetParams, asked: AssetParams) -> bool:
    """As `steps_of`."""
    return any(
        [
            falls(standing.initial_haircut_bps, asked.initial_haircut_bps),
            falls(standing.maintenance_haircut_bps, asked.maintenance_haircut_bps),
            rises(standing.maintenance_haircut_bps, asked.maintenance_haircut_bps),
        ]
    )


def tighten_asset(state: AssetState | None, asked: AssetParams, time: int, rules: Rules) -> AssetState:
    check_asset(asked)
    current = NEVER_SET if state is None else state.asked
    if (
        asked.maintenance_haircut_bps != current.maintenance_haircut_bps
        or asked.initial_haircut_bps < current.initial_haircut_bps
    ):
        raise Refused("NotTighter")
    return _asset_moving(state, asked, time, rules)


def _asset_moving(state: AssetState | None, asked: AssetParams, time: int, rules: Rules) -> AssetState:
    """The initial haircut rises at once; everything else goes on its way from where it is now."""
    current, before = asset_at(state, time, rules), state or UNKNOWN
    initial = _lane(before.initial, current.initial_haircut_bps, asked.initial_haircut_bps, time, rules)
    if asked.initial_haircut_bps >= current.initial_haircut_bps:
        initial = Lane(to_bps=asked.initial_haircut_bps)
    start, target = current.maintenance_haircut_bps, asked.maintenance_haircut_bps
    return replace(before, initial=initial, maintenance=_lane(before.maintenance, start, target, time, rules))


def _lane(lane: Lane, start: int, target: int, time: int, rules: Rules) -> Lane:
    if target == lane.to_bps:
        return lane
    if start == target:
        return Lane(to_bps=target)
    return Lane(to_bps=target, from_bps=start, arrives_at=time + _length(start, target, rules))


def _lane_at(lane: Lane, time: int, rules: Rules) -> int:
    left = left_until(lane.arrives_at, time)
    if left == 0:
        return lane.to_bps
    return value_at(lane.from_bps, lane.to_bps, left, _length(lane.from_bps, lane.to_bps, rules))


def _length(start: int, target: int, rules: Rules) -> int:
    """[seconds] Of the whole way."""
    return rules.collateral_ramp_seconds if target < start else rules.ramp_seconds
