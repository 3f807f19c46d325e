"""Backstop: fills standing bids that an auction has come to, lets tranches take over what nobody bought, and ends their
epochs.

  auction at a bid's terms   → FillBids        gain ≥ the bid's minimum of the slice's MM
  auction unsold             → TakeOver        ramp and wait are over, the tranche has room, nothing is restricted
  tranche at rest again      → SettleTranche   something was staked, or somebody waits to leave

A takeover pays a reward out of its gain; the rest is service: `subsidy_wad` is what the operator lets one transaction
lose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.errors import Refused
from holdfast.keepers.actions import Action, FillBids, SettleTranche, TakeOver
from holdfast.keepers.bidder import auction_terms, exposure_wad, gain_wad
from holdfast.keepers.view import GasPrice, gas_price, permitted
from holdfast.model import backstop, liquidation
from holdfast.model.backstop import SignedBid
from holdfast.types import Account, Auction, Health, Snapshot
from holdfast.types import Action as Right
from holdfast.units import WAD


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    ether_underlying: int  # whose price turns gas into the settlement token
    tip: int = 10**9  # [wei] above the base fee
    take_over_gas: int = 1_000_000  # [gas]
    fill_gas: int = 600_000  # [gas]
    settle_gas: int = 400_000  # [gas]
    subsidy_wad: int = 25 * WAD  # most that one transaction may cost more than it brings


@dataclass(frozen=True, kw_only=True, slots=True)
class TrancheView:
    """What a keeper must know of a tranche beside its accounts."""

    reserve: int  # account
    risk: int  # account
    params: backstop.Params
    unit_wad: int
    lost: int
    staked: int
    queued: int  # shares
    owed: int
    stopped_until: int  # [seconds]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A bid and what is left of it."""

    signed: SignedBid
    remaining_wad: int


def decide(
    snapshot: Snapshot,
    params: liquidation.Params,
    tranches: Mapping[int, TrancheView],  # by underlying
    bids: Sequence[Standing],
    policy: Policy,
) -> list[Action]:
    """What is due now: one step for each account and each tranche."""
    gas = gas_price(snapshot, policy.ether_underlying, policy.tip)
    if gas.ether_wad == 0:
        return []
    actions: list[Action] = []
    for account in snapshot.accounts:
        if account.auction is not None and account.health is not None and account.healthy is False:
            found = _on_auction(snapshot, params, tranches, bids, policy, gas, account)
            actions += [found] if found is not None else []
    if gas.cost_wad(policy.settle_gas) <= policy.subsidy_wad:
        for market, tranche in tranches.items():
            if (tranche.staked or tranche.queued) and not _carries_risk(snapshot, tranche):
                actions.append(SettleTranche(market=market, why="no risk is left"))
    return actions


def _on_auction(
    snapshot: Snapshot,
    params: liquidation.Params,
    tranches: Mapping[int, TrancheView],
    bids: Sequence[Standing],
    policy: Policy,
    gas: GasPrice,
    account: Account,
) -> Action | None:
    health, auction = account.health, account.auction
    assert health is not None and auction is not None
    if snapshot.system.time > auction.restarted_at + params.run_seconds:
        return None
    if not permitted(snapshot, account, Right.TAKE) or not permitted(
        snapshot, account, Right.INCREASE, strict=True
    ):
        return None
    fill = _fill(snapshot, params, bids, account, health, auction)
    if fill is not None and gas.cost_wad(policy.fill_gas) <= policy.subsidy_wad:
        return fill
    tranche = tranches.get(auction.market)
    if tranche is None or account.id == tranche.risk:
        return None
    return _take_over(snapshot, params, tranche, policy, gas, account, health, auction)


def _fill(
    snapshot: Snapshot,
    params: liquidation.Params,
    bids: Sequence[Standing],
    account: Account,
    health: Health,
    auction: Auction,
) -> FillBids | None:
    """The lowest bid whose terms are met."""
    exposure = exposure_wad(snapshot, account, health)
    for standing in sorted(bids, key=lambda one: one.signed.bid.min_discount_bps):
        bid = standing.signed.bid
        alive = bid.market == auction.market and snapshot.system.time <= bid.deadline
        if not alive or standing.remaining_wad <= 0 or bid.taker == account.id:
            continue
        most = backstop.share_wad(standing.remaining_wad, exposure)
        part = _slice(snapshot, params, account, most)
        if part is not None and _pays(params, part, health, bid.min_discount_bps):
            why = f"{part.fraction_wad / WAD:.0%} for at least {bid.min_discount_bps} bps of MM"
            return FillBids(account=account.id, bids=(standing.signed,), why=why)
    return None


def _take_over(
    snapshot: Snapshot,
    params: liquidation.Params,
    tranche: TrancheView,
    policy: Policy,
    gas: GasPrice,
    account: Account,
    health: Health,
    auction: Auction,
) -> TakeOver | None:
    p, now = tranche.params, snapshot.system.time
    due = now >= auction.restarted_at + params.ramp_seconds + p.wait_seconds
    if not due or now < tranche.stopped_until:
        return None
    room = _room(snapshot, tranche, exposure_wad(snapshot, account, health))
    part = _slice(snapshot, params, account, room) if room else None
    if part is None or not _pays(params, part, health, p.min_discount_bps):
        return None
    gain = gain_wad(params, part)
    bare = liquidation.gas_cost_wad(snapshot.system.base_fee, p.reward_gas, gas.ether_wad)
    reward = backstop.reward_wad(bare, gain, p.reward_cap_bps)
    if gas.cost_wad(policy.take_over_gas) > reward + policy.subsidy_wad:
        return None
    why = f"{part.fraction_wad / WAD:.0%} unsold, gain {gain / WAD:,.2f}"
    return TakeOver(account=account.id, market=auction.market, why=why)


def _room(snapshot: Snapshot, tranche: TrancheView, exposure: int) -> int:
    """Share of an exposure that the tranche may take over."""
    risk = _account(snapshot, tranche.risk)
    if risk is None or risk.health is None or not permitted(snapshot, risk, Right.INCREASE, strict=True):
        return 0
    equity = risk.health.margin.equity_wad
    if not _carries_risk(snapshot, tranche):
        reserve = _account(snapshot, tranche.reserve)
        left = tranche.params.loss_cap_wad // tranche.unit_wad - tranche.lost
        if equity < 0 or left <= 0 or reserve is None:
            return 0
        free = equity + reserve.cash_wad - tranche.owed * tranche.unit_wad
        equity = min(left * tranche.unit_wad, free)
    own = exposure_wad(snapshot, risk, risk.health)
    return backstop.fraction_wad(equity, own, exposure, tranche.params.leverage_bps)


def _slice(
    snapshot: Snapshot, params: liquidation.Params, account: Account, most: int
) -> liquidation.Slice | None:
    assert account.health is not None and account.auction is not None
    try:
        terms = auction_terms(snapshot, params, account.health.margin, account.auction, account.health)
        return liquidation.slice_of(replace(terms, max_fraction_wad=most))
    except Refused:
        return None


def _pays(params: liquidation.Params, part: liquidation.Slice, health: Health, least_bps: int) -> bool:
    least = backstop.least_gain_wad(health.margin.maintenance_wad, part.fraction_wad, least_bps)
    return gain_wad(params, part) >= least


def _carries_risk(snapshot: Snapshot, tranche: TrancheView) -> bool:
    risk = _account(snapshot, tranche.risk)
    return risk is not None and bool(risk.positions or risk.holdings)


def _account(snapshot: Snapshot, number: int) -> Account | None:
    return next((account for account in snapshot.accounts if account.id == number), None)
