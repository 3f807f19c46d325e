"""The insurance fund: exact twin of `contracts/insurance/Insurance.sol`, as rules over three balances of cash."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.units import bps_up

DUST_WAD: Final = 10
"""More than moves may lose to the rounding of the ledger: `pay` can pay this much more than `capacity_wad` says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    """Limit of one market, and what it has drawn of it."""

    cap_wad: int = 0
    drawn_wad: int = 0

    @property
    def headroom_wad(self) -> int:
        return max(0, self.cap_wad - self.drawn_wad)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fund:
    fund_wad: int = 0  # cash of FUND
    fees_wad: int = 0  # cash of FEES, not yet distributed
    treasury_wad: int = 0  # cash of TREASURY
    share_bps: int = 0  # of the fees, that goes to FUND
    markets: dict[int, Market] = field(default_factory=dict)

    def market(self, underlying: int) -> Market:
        return self.markets.get(underlying, Market())


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    fund_wad: int
    treasury_wad: int


def split(fees_wad: int, share_bps: int) -> Split:
    """Fees between fund and treasury; the treasury may lose the wei. Negative cash is nothing to split."""
    fees_wad = max(0, fees_wad)
    fund_wad = bps_up(fees_wad, share_bps)
    return Split(fund_wad=fund_wad, treasury_wad=fees_wad - fund_wad)


def distribute(fund: Fund) -> tuple[Fund, Split]:
    parts = split(fund.fees_wad, fund.share_bps)
    after = replace(
        fund,
        fund_wad=fund.fund_wad + parts.fund_wad,
        treasury_wad=fund.treasury_wad + parts.treasury_wad,
        fees_wad=fund.fees_wad - parts.fund_wad - parts.treasury_wad,
    )
    return after, parts


def capacity_wad(fund: Fund, underlying: int) -> int:
    """What `pay` could surely pay for a market now."""
    pending_wad = split(fund.fees_wad, fund.share_bps).fund_wad
    most_wad = min(max(0, fund.fund_wad) + pending_wad, fund.market(underlying).headroom_wad)
    return max(0, most_wad - DUST_WAD)


def pay(fund: Fund, underlying: int, wanted_wad: int) -> tuple[Fund, int]:
    """Pay up to `wanted_wad` for a market, pending fees first."""
    fund, _ = distribute(fund)
    market = fund.market(underlying)
    paid_wad = min(wanted_wad, max(0, fund.fund_wad), market.headroom_wad)
    drawn = replace(market, drawn_wad=market.drawn_wad + paid_wad)
    after = replace(fund, fund_wad=fund.fund_wad - paid_wad, markets={**fund.markets, underlying: drawn})
    return after, paid_wad
