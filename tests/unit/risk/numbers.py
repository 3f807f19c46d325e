"""The parameters that tests of Risk share, in the order of the Solidity structs."""

from __future__ import annotations

from holdfast.types import perpetual
from holdfast.units import WAD

ETH = perpetual(1)
BTC = perpetual(2)
WETH = 1

RAMP, COLLATERAL_RAMP, EPOCH = 3_600, 7_200, 86_400
RULES = (RAMP, COLLATERAL_RAMP, EPOCH)
HEARTBEAT = 3_600

CAP = 1_000 * WAD
PARAMS = (1_000, 500, 5_000, 6_000, CAP)  # initial, maintenance, initialMax, knee, cap
HAIRCUTS = (1_500, 1_000)  # initial, maintenance


def changed(params: tuple[int, ...], **changes: int) -> tuple[int, ...]:
    """changed(PARAMS, knee=7_000)"""
    names = ("initial", "maintenance", "initial_max", "knee", "cap")[: len(params)]
    return tuple({**dict(zip(names, params, strict=True)), **changes}.values())
