"""A limit that falls at once and rises over a ramp: exact twin of `contracts/libraries/Limits.sol`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from holdfast.errors import Refused
from holdfast.model.bounded import require_over, rises
from holdfast.model.ramp import left_until, value_at

BITS = 112


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    start: int  # where its way began,
    target: int  # …where it goes,
    arrives_at: int  # …and when it arrives
    standing: int  # the last but zero that the governor set
    stepped_at: int


def fresh(value: int, time: int) -> Limit:
    """There at once; counts as a step."""
    _check(value)
    return Limit(start=value, target=value, arrives_at=0, standing=value, stepped_at=time)


def value_of(limit: Limit, time: int, ramp_seconds: int) -> int:
    left = left_until(limit.arrives_at, time)
    return limit.target if left == 0 else value_at(limit.start, limit.target, left, ramp_seconds)


def moved(limit: Limit, value: int, time: int, ramp_seconds: int, epoch_seconds: int) -> Limit:
    """By the governor: up by a step an epoch and over a ramp, down at once."""
    if rises(limit.standing, value):
        require_over(limit.stepped_at, epoch_seconds, time)
        limit = replace(limit, stepped_at=time)
    _check(value)
    limit = replace(limit, standing=value or limit.standing)
    current = value_of(limit, time, ramp_seconds)
    if value <= current:
        return tightened(limit, value)
    if value == limit.target:
        return limit
    return replace(limit, start=current, target=value, arrives_at=time + ramp_seconds)


def tightened(limit: Limit, value: int) -> Limit:
    """By the guardian: at once, and what stands is left as it was."""
    return replace(limit, start=value, target=value, arrives_at=0)


def _check(value: int) -> None:
    if value >= 2**BITS:
        raise Refused("SafeCastOverflowedUintDowncast", BITS, value)
