"""How far a parameter may move in one step: exact twin of `contracts/libraries/Bounded.sol`."""

from __future__ import annotations

from typing import Final

from holdfast.errors import Refused
from holdfast.units import bps_down, bps_up

FALL_BPS: Final = 7_500
RISE_BPS: Final = 20_000
"""Of what stands: what a requirement may fall to, and a limit rise to."""


def falls(standing: int, following: int) -> bool:
    """Whether it is lower. Refused beyond a step."""
    if following < standing and following < (least := bps_up(standing, FALL_BPS)):
        raise Refused("StepTooLarge", following, least)
    return following < standing


def rises(standing: int, following: int) -> bool:
    """Whether it is higher. Refused beyond a step; from nothing it may rise to anything."""
    if standing and following > (most := bps_down(standing, RISE_BPS)):
        raise Refused("StepTooLarge", following, most)
    return following > standing


def require_over(stepped_at: int, epoch_seconds: int, time: int) -> None:
    if time < stepped_at + epoch_seconds:
        raise Refused("EpochNotOver", stepped_at + epoch_seconds)
