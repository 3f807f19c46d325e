"""What is allowed when: exact twin of `contracts/breaker/Breaker.sol`. The table is in `docs/breaker.md`, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.errors import Refused
from holdfast.types import EVERYTHING, Action, Grade, Item, Level, Restriction

MAX_MAX_PAUSE_SECONDS: Final = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    max_pause_seconds: int
    cooldown_seconds: int
    grace_seconds: int
    trigger_seconds: int
    gate_seconds: int = 0
    gate_gap_seconds: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """One underlying. Cautious and Halted run side by side."""

    halted_until: int = 0
    cautious_until: int = 0
    halted_ready_at: int = 0  # when its cooldown ends
    cautious_ready_at: int = 0

    def ready_at(self, level: Level) -> int:
        return self.halted_ready_at if level == Level.HALTED else self.cautious_ready_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    rules: Rules
    lanes: Mapping[int, Lane] = field(default_factory=dict)
    gated_until: int = 0  # as stored: zero while no deficit stands
    gate_span_ends_at: int = 0  # of the last span

    def lane(self, underlying: int) -> Lane:
        return self.lanes.get(underlying, Lane())


def check_rules(rules: Rules) -> None:
    """Refused where the constructor reverts."""
    if rules.max_pause_seconds > MAX_MAX_PAUSE_SECONDS:
        raise Refused("BadPeriod", rules.max_pause_seconds, MAX_MAX_PAUSE_SECONDS)
    if rules.grace_seconds > rules.max_pause_seconds:
        raise Refused("BadPeriod", rules.grace_seconds, rules.max_pause_seconds)
    if rules.trigger_seconds > rules.max_pause_seconds:
        raise Refused("BadPeriod", rules.trigger_seconds, rules.max_pause_seconds)
    if rules.cooldown_seconds <= rules.grace_seconds:
        raise Refused("BadPeriod", rules.cooldown_seconds, rules.grace_seconds)
    if rules.gate_seconds > rules.max_pause_seconds:
        raise Refused("BadPeriod", rules.gate_seconds, rules.max_pause_seconds)
    if rules.gate_gap_seconds <= rules.gate_seconds:
        raise Refused("BadPeriod", rules.gate_gap_seconds, rules.gate_seconds)


def allowed(action: Action, grade: Grade, level: Level, grace: bool, gated: bool = False) -> bool:
    """The table, written the other way round than in Solidity: what each action needs."""
    priced = grade in (Grade.FRESH, Grade.SLOW)
    running = level != Level.HALTED
    return {
        Action.INCREASE: priced and level == Level.NORMAL,
        Action.REDUCE: True,
        Action.WITHDRAW: priced and running and not gated,
        Action.START: priced and running and not grace,
        Action.TAKE: priced and running and not grace,
        Action.DELEVERAGE: priced and running and not grace,
        Action.WRITE_OFF: running and not grace,  # nothing priced is left
    }[action]


def state(breaker: Breaker, underlying: int, now: int) -> Restriction:
    """Of this underlying alone."""
    lane = breaker.lane(underlying)
    if now < lane.halted_until:
        return Restriction(level=Level.HALTED, until=lane.halted_until, grace_until=0)
    grace_until = lane.halted_until + breaker.rules.grace_seconds
    if now >= grace_until:
        grace_until = 0
    if now < lane.cautious_until:
        return Restriction(level=Level.CAUTIOUS, until=lane.cautious_until, grace_until=grace_until)
    return Restriction(level=Level.NORMAL, until=0, grace_until=grace_until)


def reopened_at(breaker: Breaker, items: Iterable[Item], now: int) -> int:
    """When seizing was allowed again after the last halt that is over, of any of them or of everything; 0 if none."""
    underlyings = (EVERYTHING, *(item.underlying for item in items))
    halts = (breaker.lane(underlying).halted_until for underlying in underlyings)
    ends = (until + breaker.rules.grace_seconds for until in halts if until)
    return max((end for end in ends if end <= now), default=0)


def check(breaker: Breaker, action: Action, items: Iterable[Item], tolerance_wad: int, now: int) -> None:
    """Refused where it is blocked: by everything, or by items that are together worth the tolerance or more."""
    if action == Action.WITHDRAW and now < breaker.gated_until:
        raise Refused("Gated", breaker.gated_until)
    everything = state(breaker, EVERYTHING, now)
    grace = everything.grace_until != 0
    if not allowed(action, Grade.FRESH, everything.level, grace):
        raise Refused("Blocked", action, EVERYTHING, everything.level, Grade.FRESH, grace)
    blocked_wad = 0
    for item in items:
        found = state(breaker, item.underlying, now)
        level, grace = max(found.level, everything.level), found.grace_until != 0
        if allowed(action, item.grade, level, grace):
            continue
        blocked_wad += item.weight_wad
        if blocked_wad >= tolerance_wad:
            raise Refused("Blocked", action, item.underlying, level, item.grade, grace)


def trip(breaker: Breaker, underlying: int, level: Level, pause_seconds: int, now: int) -> Breaker:
    rules, lane = breaker.rules, breaker.lane(underlying)
    if pause_seconds > rules.max_pause_seconds:
        raise Refused("PauseTooLong", pause_seconds, rules.max_pause_seconds)
    until = now + pause_seconds
    standing = lane.halted_until if level == Level.HALTED else max(lane.halted_until, lane.cautious_until)
    if level == Level.NORMAL or until <= max(standing, now):
        current = state(breaker, underlying, now)
        raise Refused("NotTighter", underlying, current.level, level, current.until)
    ready_at = max(lane.ready_at(level), breaker.lane(EVERYTHING).ready_at(level))
    if now < ready_at:
        raise Refused("CoolingDown", underlying, ready_at)

    ready_at = until + rules.cooldown_seconds
    if level == Level.HALTED:
        lane = replace(lane, halted_until=until, halted_ready_at=ready_at)
    else:
        lane = replace(lane, cautious_until=until, cautious_ready_at=ready_at)
    return _with(breaker, underlying, lane)


def report_move(breaker: Breaker, underlying: int, now: int) -> Breaker:
    lane, until = breaker.lane(underlying), now + breaker.rules.trigger_seconds
    if until <= max(lane.cautious_until, now):
        return breaker
    return _with(breaker, underlying, replace(lane, cautious_until=until))


def report_resume(breaker: Breaker, underlying: int, now: int) -> Breaker:
    lane = breaker.lane(underlying)
    if now <= lane.halted_until:
        return breaker
    return _with(breaker, underlying, replace(lane, halted_until=now))


def report_deficit(breaker: Breaker, uncovered: bool, now: int) -> Breaker:
    if not uncovered:
        return replace(breaker, gated_until=0)
    until = breaker.gate_span_ends_at
    if now >= gate_ready_at(breaker):
        until = now + breaker.rules.gate_seconds
    if now >= until:
        return breaker
    return replace(breaker, gated_until=until, gate_span_ends_at=until)


def gated_until(breaker: Breaker, now: int) -> int:
    """Until when withdrawals wait at most; 0 if the gate is open."""
    return breaker.gated_until if now < breaker.gated_until else 0


def gate_ready_at(breaker: Breaker) -> int:
    """From when on a report can shut the gate anew."""
    end = breaker.gate_span_ends_at
    return end + breaker.rules.gate_gap_seconds if end else 0


def relax(breaker: Breaker, underlying: int, now: int) -> Breaker:
    lane, ready_at = breaker.lane(underlying), now + breaker.rules.cooldown_seconds
    if now < lane.halted_until:
        lane = replace(lane, halted_until=now, halted_ready_at=min(lane.halted_ready_at, ready_at))
    if now < lane.cautious_until:
        lane = replace(lane, cautious_until=now, cautious_ready_at=min(lane.cautious_ready_at, ready_at))
    return _with(breaker, underlying, lane)


def _with(breaker: Breaker, underlying: int, lane: Lane) -> Breaker:
    return replace(breaker, lanes={**breaker.lanes, underlying: lane})
