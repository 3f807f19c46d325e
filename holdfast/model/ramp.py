"""A number on its way to another: exact twin of `contracts/libraries/Ramp.sol`."""

from __future__ import annotations


def value_at(start: int, target: int, left_seconds: int, length_seconds: int) -> int:
    """Where it is. What is left of the way rounds up: a change is never ahead of its line."""
    if left_seconds >= length_seconds:
        return start
    left = -(-abs(target - start) * left_seconds // length_seconds)
    return target - left if start < target else target + left


def left_until(end_at: int, time: int) -> int:
    """Seconds until it arrives; zero if that is past."""
    return max(0, end_at - time)
