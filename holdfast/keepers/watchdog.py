"""Watchdog: the upkeep that nobody is paid for and no other keeper does.

  deficit that nobody showed  → Hold             the fund would lose by it, and stakes could leave ahead of the loss
  fund drawn since the mark   → ReportDrawdown   by the Sentinel's share of what it could pay then, within the window
  auction ran out, left alone → ReportSilence    somebody could gain by it, anybody may take it, and nobody came
  series expired, price known → SettleSeries     as soon as the oracle can say what it settles at
  window over                 → Mark             the market can still draw
  series settled, still held  → Settle           its holders, as many at once as the subsidy pays for
  target old                  → RefreshTarget    a share of the age from which it isn't trusted
  fees or surplus waiting     → Distribute       the operator's minimum, together

Nothing of it pays: `subsidy_wad` is what the operator lets one transaction lose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.keepers.actions import (
    Action,
    Distribute,
    Hold,
    Mark,
    RefreshTarget,
    ReportDrawdown,
    ReportSilence,
    Settle,
    SettleSeries,
)
from holdfast.keepers.liquidator import best_gain_wad
from holdfast.keepers.view import GasPrice, gas_price, permitted
from holdfast.model import insurance
from holdfast.model.liquidation import Params
from holdfast.types import Account, Level, Snapshot
from holdfast.types import Action as Right
from holdfast.units import BPS, WAD, mul_div_up


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    ether_underlying: int  # whose price turns gas into the settlement token
    tip: int = 10**9  # [wei] above the base fee
    mark_gas: int = 110_000  # [gas] also of a report of a drawdown
    silence_gas: int = 250_000  # [gas]
    hold_gas: int = 150_000  # [gas]
    series_gas: int = 120_000  # [gas] of settling a series, however many hold it
    settle_gas: int = 60_000  # [gas] of each holder of one that is settled
    most_holders: int = 100  # in one transaction
    fund_gas: int = 300_000  # [gas] of a refresh or a distribution
    take_gas: int = 300_000  # [gas] what a buyer spends; nobody is silent about what can't bring him that
    refresh_share_bps: int = 3_333  # of the age from which a target isn't trusted
    minimum_fees_wad: int = 1_000 * WAD  # fees and surplus that are worth a distribution
    subsidy_wad: int = 25 * WAD  # most that one transaction may cost


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the Sentinel and the fund go by."""

    window_seconds: int
    drawdown_bps: int
    silence_seconds: int
    max_age_seconds: int  # of a target
    slack_bps: int  # above it, before surplus leaves
    hold_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What a market draws of the fund, and the Sentinel's mark of it."""

    underlying: int  # zero is what is written off without an auction
    drawn_wad: int
    cap_wad: int
    marked_at: int  # [seconds] zero: never
    marked_drawn_wad: int
    marked_capacity_wad: int


def decide(
    snapshot: Snapshot,
    params: Params,
    rules: Rules,
    lines: Sequence[Line],
    reported: Mapping[int, int],  # by account in auction: the run whose silence was reported last [seconds]
    holders: Mapping[int, Sequence[int]],  # by settled series: accounts that have their part still to pick up
    policy: Policy,
) -> list[Action]:
    """What is due now; first what can't wait."""
    gas = gas_price(snapshot, policy.ether_underlying, policy.tip)
    if gas.ether_wad == 0:  # gas can't be valued
        return []

    def affordable(units: int) -> bool:
        return gas.cost_wad(units) <= policy.subsidy_wad

    actions: list[Action] = []
    if affordable(policy.hold_gas):
        actions += _hold(snapshot, params, rules)
    if affordable(policy.mark_gas):
        actions += _drawdowns(snapshot, rules, lines)
    if affordable(policy.silence_gas):
        actions += _silences(snapshot, params, rules, reported, policy, gas)
    if affordable(policy.series_gas):
        actions += _expired(snapshot)
    if affordable(policy.mark_gas):
        actions += _marks(snapshot, rules, lines)
    if affordable(policy.settle_gas):
        actions += _settled(holders, policy, gas)
    if affordable(policy.fund_gas):
        actions += _fund(snapshot, rules, policy)
    return actions


def _hold(snapshot: Snapshot, params: Params, rules: Rules) -> list[Action]:
    """One account holds all stakes. Anew when half of the last hold is over; for dust nobody is held."""
    if 2 * (snapshot.system.fund.held_until - snapshot.system.time) >= rules.hold_seconds:
        return []
    deficits = {account.id: _deficit_wad(account) for account in snapshot.accounts}
    worst = max(deficits, key=lambda number: deficits[number], default=None)
    if worst is None or deficits[worst] <= params.gate_deficit_wad:
        return []
    return [Hold(account=worst, why=f"deficit {deficits[worst] / WAD:,.2f}")]


def _drawdowns(snapshot: Snapshot, rules: Rules, lines: Sequence[Line]) -> list[Action]:
    actions: list[Action] = []
    for line in lines:
        since = line.drawn_wad - line.marked_drawn_wad
        # Up, and never nothing: as the Sentinel asks it.
        needed = max(1, mul_div_up(line.marked_capacity_wad, rules.drawdown_bps, BPS))
        if _in_window(snapshot, rules, line) and since >= needed:
            why = f"drew {since / WAD:,.2f} of {line.marked_capacity_wad / WAD:,.2f}"
            actions.append(ReportDrawdown(underlying=line.underlying, why=why))
    return actions


def _silences(
    snapshot: Snapshot,
    params: Params,
    rules: Rules,
    reported: Mapping[int, int],
    policy: Policy,
    gas: GasPrice,
) -> list[Action]:
    """One for each market, and none where new risk is forbidden already: a run's silence can be reported only once."""
    found: dict[int, Action] = {}
    for account in snapshot.accounts:
        auction, health = account.auction, account.health
        if auction is None or health is None or account.healthy is not False:
            continue
        quiet = snapshot.system.time - auction.restarted_at - params.run_seconds
        if quiet <= rules.silence_seconds or auction.restarted_at <= reported.get(account.id, 0):
            continue
        if not permitted(snapshot, account, Right.TAKE, strict=True) or _restricted(snapshot, auction.market):
            continue
        if best_gain_wad(params, health) <= gas.cost_wad(policy.take_gas):
            continue  # nobody could profit from it: that is no silence
        why = f"nobody came for {quiet} s after its run"
        found.setdefault(auction.market, ReportSilence(account=account.id, why=why))
    return list(found.values())


def _expired(snapshot: Snapshot) -> list[Action]:
    return [
        SettleSeries(
            instrument=one.instrument,
            covered_at=one.covered_at,
            why=f"expired {snapshot.system.time - one.expiry_at} s ago",
        )
        for one in snapshot.series
        if one.covered_at
    ]


def _settled(holders: Mapping[int, Sequence[int]], policy: Policy, gas: GasPrice) -> list[Action]:
    """One transaction a series."""
    most = min(policy.most_holders, policy.subsidy_wad // max(1, gas.cost_wad(policy.settle_gas)))
    return [
        Settle(accounts=tuple(held[:most]), instrument=series, why=f"{len(held)} accounts hold it still")
        for series, held in holders.items()
        if held
    ]


def _marks(snapshot: Snapshot, rules: Rules, lines: Sequence[Line]) -> list[Action]:
    """A market at its cap draws nothing more, so there is nothing to watch."""
    return [
        Mark(underlying=line.underlying, why="the last window is over" if line.marked_at else "no window yet")
        for line in lines
        if line.drawn_wad < line.cap_wad and not _in_window(snapshot, rules, line)
    ]


def _fund(snapshot: Snapshot, rules: Rules, policy: Policy) -> list[Action]:
    """At most one of them: a refresh splits the fees, too."""
    system = snapshot.system
    age = system.time - system.fund.refreshed_at
    if age * BPS >= policy.refresh_share_bps * rules.max_age_seconds:
        return [RefreshTarget(why=f"the target is {age} s old")]
    waiting = max(0, system.fees_wad) + _surplus_wad(snapshot, rules)
    if waiting > 0 and waiting >= policy.minimum_fees_wad:
        return [Distribute(why=f"{waiting / WAD:,.2f} of fees and surplus wait")]
    return []


def _surplus_wad(snapshot: Snapshot, rules: Rules) -> int:
    """What a distribution would let leave: nothing while stakes are held, nothing on an old target."""
    system, fund = snapshot.system, snapshot.system.fund
    if system.time < fund.held_until or system.time > fund.refreshed_at + rules.max_age_seconds:
        return 0
    own, staked = fund.own_shares, fund.staked_shares
    return insurance.surplus_wad(system.fund_wad, own, staked, fund.target_wad, rules.slack_bps)


def _in_window(snapshot: Snapshot, rules: Rules, line: Line) -> bool:
    return line.marked_at != 0 and snapshot.system.time <= line.marked_at + rules.window_seconds


def _restricted(snapshot: Snapshot, underlying: int) -> bool:
    """Is new risk in that market forbidden by a level?"""
    lanes = [market.restriction for market in snapshot.markets if market.underlying == underlying]
    return any(lane.level != Level.NORMAL for lane in (snapshot.system.restriction, *lanes))


def _deficit_wad(account: Account) -> int:
    return max(0, -account.health.margin.equity_wad) if account.health is not None else 0
