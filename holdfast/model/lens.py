"""Twin of the one thing that `Lens` computes: which accounts a keeper may have something to do with."""

from __future__ import annotations

from typing import Final

from holdfast.types import Account, AtRisk
from holdfast.units import BPS

LEAST: Final = -(1 << 63)
MOST: Final = (1 << 63) - 1


def health_bps(equity_wad: int, maintenance_wad: int) -> int:
    """equity / MM, rounded down: who is below a threshold is listed below it. Without a requirement: LEAST for a debt,
    MOST for everybody else."""
    if maintenance_wad == 0:
        return LEAST if equity_wad < 0 else MOST
    return max(LEAST, min(MOST, equity_wad * BPS // maintenance_wad))


def at_risk(account: Account, threshold_bps: int) -> AtRisk | None:
    """What a look at all of the account says of it; None: nothing to do."""
    margin = account.health.margin if account.health is not None else None
    health = None if margin is None else health_bps(margin.equity_wad, margin.maintenance_wad)
    in_auction = account.auction is not None
    if health is not None and health >= threshold_bps and not in_auction:
        return None
    return AtRisk(account=account.id, health_bps=health, in_auction=in_auction)
