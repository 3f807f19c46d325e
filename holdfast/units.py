"""The two scales of Holdfast, and division that says which way it rounds.

`…Wad` values are integers scaled by 1e18, `…Bps` by 1e4. "Down" is toward minus infinity and "up" toward plus
infinity, also for negative numerators: rounding a debt up and its mirror image down stay each other's mirror.
Python's integers don't overflow; where the contracts would, the model checks the width itself.
"""

from __future__ import annotations

from typing import Final, NewType

Wad = NewType("Wad", int)
"""A number scaled by 1e18."""

Bps = NewType("Bps", int)
"""A number scaled by 1e4: 10_000 is one."""

WAD: Final = 10**18
BPS: Final = 10**4


def mul_div_down(x: int, y: int, denominator: int) -> int:
    """x·y / denominator, toward minus infinity. ZeroDivisionError where the contract reverts."""
    return x * y // denominator


def mul_div_up(x: int, y: int, denominator: int) -> int:
    """x·y / denominator, toward plus infinity. ZeroDivisionError where the contract reverts."""
    return -(-(x * y) // denominator)


def mul_wad_down(x: int, y: int) -> int:
    """x·y / 1e18, toward minus infinity."""
    return mul_div_down(x, y, WAD)


def mul_wad_up(x: int, y: int) -> int:
    """x·y / 1e18, toward plus infinity."""
    return mul_div_up(x, y, WAD)


def div_wad_down(x: int, y: int) -> int:
    """x·1e18 / y, toward minus infinity."""
    return mul_div_down(x, WAD, y)


def div_wad_up(x: int, y: int) -> int:
    """x·1e18 / y, toward plus infinity."""
    return mul_div_up(x, WAD, y)


def bps_down(x: int, bps: int) -> int:
    """x·bps / 1e4, toward minus infinity."""
    return mul_div_down(x, bps, BPS)


def bps_up(x: int, bps: int) -> int:
    """x·bps / 1e4, toward plus infinity."""
    return mul_div_up(x, bps, BPS)
