"""The insurance fund: exact twin of `contracts/insurance/`, as rules over three balances of cash and two of shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import isqrt
from typing import Final

from holdfast.units import BPS, WAD, mul_div_down, mul_div_up, mul_wad_up

DUST_WAD: Final = 10
"""More than moves may lose to the rounding of the ledger: `pay` can pay this much more than `capacity_wad` says."""

LEAST_FUND_WAD: Final = WAD
MOST_SHARES_PER_WAD: Final = 10**6
"""Nobody stakes beside a smaller fund, nor where a share is worth less than 1/this."""

MAX_VOLATILITY_WAD: Final = 10 * WAD

DAY: Final = 86_400
YEAR: Final = 365 * DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    """`IInsurance.Params`, field by field in its order."""

    min_share_bps: int
    max_share_bps: int
    slack_bps: int
    move_bps: int
    multiple_bps: int
    tail_bps: int
    max_age_seconds: int
    hold_seconds: int
    cooldown_seconds: int
    window_seconds: int
    horizon_seconds: int
    least_target_wad: int


# The curve


def share_wad(fund_wad: int, target_wad: int, min_bps: int, max_bps: int) -> int:
    """Share of the fees that goes to the fund: min + (max − min)·(1 − fund/target), min at target and above."""
    least = min_bps * WAD // BPS
    if fund_wad >= target_wad:
        return least
    return least + mul_div_up((max_bps - min_bps) * WAD // BPS, target_wad - fund_wad, target_wad)


def shortfall_wad(volatility_wad: int, tail_bps: int, horizon_seconds: int) -> int:
    """Expected shortfall of a unit of value: tail·σ·√(horizon/year)."""
    root = isqrt(mul_div_down(horizon_seconds * WAD, WAD, YEAR))
    return mul_div_up(volatility_wad * root, tail_bps, BPS * WAD)


def counted_volatility_wad(realised_wad: int, floor_wad: int) -> int:
    """What was realised in a year, between the floor and the bound."""
    return min(max(realised_wad, floor_wad), MAX_VOLATILITY_WAD)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """What a market adds to the target."""

    open_wad: int  # open interest
    options_wad: int = 0  # that of all series of its underlying: each counts as a unit of it
    mark_wad: int
    volatility_wad: int  # a year


def raw_target_wad(markets: Iterable[Exposure], p: Params) -> int:
    """multiple·Σ (OI + options)·mark·ES"""
    total = 0
    for market in markets:
        value = mul_wad_up(market.open_wad + market.options_wad, market.mark_wad)
        total += mul_wad_up(value, shortfall_wad(market.volatility_wad, p.tail_bps, p.horizon_seconds))
    return mul_div_up(total, p.multiple_bps, BPS)


def stepped_wad(target_wad: int, before_wad: int, raw_wad: int, move_bps: int, elapsed: int) -> int:
    """As near to what two refreshes agree on as the bound lets it; between the two it stays."""
    agreed = min(max(target_wad, min(before_wad, raw_wad)), max(before_wad, raw_wad))
    step = mul_div_down(target_wad, move_bps * min(elapsed, DAY), BPS * DAY)
    return min(max(agreed, target_wad - step), target_wad + step)


def refreshed_wad(target_wad: int, before_wad: int, raw_wad: int, p: Params, elapsed: int) -> int:
    """The target after `refreshTarget`."""
    return max(stepped_wad(target_wad, before_wad, raw_wad, p.move_bps, elapsed), p.least_target_wad)


def worth_wad(shares: int, fund_wad: int, supply: int) -> int:
    return 0 if supply == 0 else mul_div_down(shares, fund_wad, supply)


def shares_for(amount_wad: int, fund_wad: int, supply: int) -> int:
    return mul_div_down(amount_wad, supply, fund_wad)


def surplus_wad(fund_wad: int, own_shares: int, staked_shares: int, target_wad: int, slack_bps: int) -> int:
    """Of the protocol's own part, what is above target and slack."""
    kept = mul_div_up(target_wad, BPS + slack_bps, BPS)
    if staked_shares:
        kept += mul_div_up(staked_shares, fund_wad, own_shares + staked_shares)
    return max(0, fund_wad - kept)


# The fund


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
    share_wad: int = 0  # of the fees, that goes to FUND now
    own_shares: int = 0
    staked_shares: int = 0
    markets: dict[int, Market] = field(default_factory=dict)

    def market(self, underlying: int) -> Market:
        return self.markets.get(underlying, Market())

    @property
    def supply(self) -> int:
        return self.own_shares + self.staked_shares


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    fund_wad: int
    treasury_wad: int


def split(fees_wad: int, share_wad: int) -> Split:
    """Fees between fund and treasury; the treasury may lose the wei. Negative cash is nothing to split."""
    fees_wad = max(0, fees_wad)
    fund_wad = mul_wad_up(fees_wad, share_wad)
    return Split(fund_wad=fund_wad, treasury_wad=fees_wad - fund_wad)


def distribute(fund: Fund) -> tuple[Fund, Split]:
    parts = split(fund.fees_wad, fund.share_wad)
    after = replace(
        fund,
        fund_wad=fund.fund_wad + parts.fund_wad,
        treasury_wad=fund.treasury_wad + parts.treasury_wad,
        fees_wad=fund.fees_wad - parts.fund_wad - parts.treasury_wad,
    )
    return after, parts


def release(fund: Fund, target_wad: int, slack_bps: int) -> tuple[Fund, int]:
    """Surplus to the treasury: it takes own shares with it, rounded up, so that stakers never lose."""
    amount = surplus_wad(fund.fund_wad, fund.own_shares, fund.staked_shares, target_wad, slack_bps)
    burned = mul_div_up(amount, fund.supply, fund.fund_wad) if amount and fund.staked_shares else 0
    after = replace(
        fund,
        fund_wad=fund.fund_wad - amount,
        treasury_wad=fund.treasury_wad + amount,
        own_shares=fund.own_shares - burned,
    )
    return after, amount


def stake(fund: Fund, amount_wad: int) -> tuple[Fund, int]:
    """Pending fees first. Where nobody has a stake, all is the protocol's, at one share a wei."""
    fund, _ = distribute(fund)
    if not fund.staked_shares:
        fund = replace(fund, own_shares=fund.fund_wad)
    shares = shares_for(amount_wad, fund.fund_wad, fund.supply)
    return replace(
        fund, fund_wad=fund.fund_wad + amount_wad, staked_shares=fund.staked_shares + shares
    ), shares


def unstake(fund: Fund, shares: int) -> tuple[Fund, int]:
    """Pending fees first: they were earned."""
    fund, _ = distribute(fund)
    amount = worth_wad(shares, fund.fund_wad, fund.supply)
    return replace(fund, fund_wad=fund.fund_wad - amount, staked_shares=fund.staked_shares - shares), amount


def window(ready_at: int, held_until: int, window_seconds: int) -> tuple[int, int]:
    """When a stake may leave: held back by losses for a window at most, and a whole one is left behind that."""
    opens = min(max(held_until, ready_at), ready_at + window_seconds)
    return opens, ready_at + 2 * window_seconds


def capacity_wad(fund: Fund, underlying: int) -> int:
    """What `pay` could surely pay for a market now."""
    pending_wad = split(fund.fees_wad, fund.share_wad).fund_wad
    most_wad = min(max(0, fund.fund_wad) + pending_wad, fund.market(underlying).headroom_wad)
    return max(0, most_wad - DUST_WAD)


def pay(fund: Fund, underlying: int, wanted_wad: int) -> tuple[Fund, int]:
    """Pay up to `wanted_wad` for a market, pending fees first. No share changes: every one is worth less."""
    fund, _ = distribute(fund)
    market = fund.market(underlying)
    paid_wad = min(wanted_wad, max(0, fund.fund_wad), market.headroom_wad)
    drawn = replace(market, drawn_wad=market.drawn_wad + paid_wad)
    after = replace(fund, fund_wad=fund.fund_wad - paid_wad, markets={**fund.markets, underlying: drawn})
    return after, paid_wad
