"""A grid of scenarios to start from.

Its core (spot by steps of 4 %, volatility up by 40 % or down by 22 % at 30 days) and its weights (12 % of notional over
the size of the move) are those that Paradex publishes for large underlyings. It differs in three ways: the outermost
steps of the core have both volatilities, so that the core is a rectangle; of the tails one down and two up are left;
and the slope at infinity takes the place of all that lie farther up.
"""

from __future__ import annotations

from typing import Final

from holdfast.model.portfolio import Grid, ScanParams, Scenario

LARGE: Final = Grid(
    spots_bps=(-1_600, -1_200, -800, -400, 0, 400, 800, 1_200, 1_600),
    vols_bps=(4_000, -2_200),
    tails=(
        Scenario(spot_bps=-6_600, vol_bps=4_000, weight_bps=1_800),
        Scenario(spot_bps=5_000, vol_bps=4_000, weight_bps=2_400),
        Scenario(spot_bps=50_000, vol_bps=4_000, weight_bps=240),
    ),
)
"""For an underlying as liquid as ether."""

LARGE_PARAMS: Final = ScanParams(
    maintenance_bps=5_000,
    worst=3,
    net_delta_bps=200,
    gross_delta_bps=100,
    pin_bps=200,
    short_option_bps=50,
    tail_bps=1_200,
    near_power_bps=3_000,
    far_power_bps=1_300,
)
