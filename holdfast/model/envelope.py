"""What a maintenance margin must survive between two prices: exact twin of `contracts/risk/Envelope.sol`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt
from typing import Final

from holdfast.units import BPS, WAD, mul_div_up

SIGMAS: Final = 3
YEAR: Final = 365 * 86_400
HOUR: Final = 3_600


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """What is the same for every market."""

    funding_cap_bps: int  # an hour
    max_fee_bps: int
    reward_cap_bps: int  # of MM


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What an account may lose in one heartbeat, as shares of its notional."""

    move_bps: int
    funding_bps: int
    fees_bps: int
    reward_bps: int

    @property
    def sum_bps(self) -> int:
        return self.move_bps + self.funding_bps + self.fees_bps + self.reward_bps


@lru_cache(1 << 8)
def terms(volatility_wad: int, heartbeat_seconds: int, maintenance_bps: int, costs: Costs) -> Terms:
    """Each rounds up. What follows the move is measured on the notional that the move has left."""
    root_wad = isqrt(heartbeat_seconds * WAD * WAD // YEAR) + 1  # above the exact one
    move_bps = mul_div_up(SIGMAS * volatility_wad * root_wad, BPS, WAD * WAD)
    grown = BPS + move_bps
    return Terms(
        move_bps=move_bps,
        funding_bps=mul_div_up(costs.funding_cap_bps * heartbeat_seconds, grown, HOUR * BPS),
        fees_bps=mul_div_up(costs.max_fee_bps, grown, BPS),
        reward_bps=mul_div_up(costs.reward_cap_bps * maintenance_bps, grown, BPS * BPS),
    )
