"""Liquidator: starts auctions that are due, and does every chore that keeps them going.

  none      → solvent     Start       equity < MM, and the reward covers the gas
  solvent   → insured     Insure      the solvent phase is over
  ran out   → restarted   Restart     the curve ran its time without a buyer, and there could be one
  unhealthy → unhealthy   Settle      positions in settled series: they are cash, and can't be deleveraged
  insured   → closed out  Deleverage  deficit, and the fund can't pay all of it or nobody bought in time
  debt left → none        WriteOff    nothing but debt is left
  any       → none        End         healthy again, or nothing left
  any                     ReportDeficit  more is owed than the fund can pay and no withdrawal waits; or the reverse

Starting is paid for by the protocol. The chores are not: `subsidy_wad` is what the operator lets one transaction lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.keepers.actions import (
    Action,
    Deleverage,
    End,
    Insure,
    ReportDeficit,
    Restart,
    Settle,
    Start,
    WriteOff,
)
from holdfast.keepers.view import GasPrice, gas_price, permitted
from holdfast.model.liquidation import Params, gas_cost_wad, reward_gas, start_reward, uncovered
from holdfast.types import Account, Auction, Health, Mode, Snapshot
from holdfast.types import Action as Right
from holdfast.units import BPS, WAD, Wad, bps_down, mul_div_down


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    reward_account: int  # account of the ledger that gets the start rewards
    ether_underlying: int  # whose price turns gas into the settlement token
    tip: int = 10**9  # [wei] above the base fee
    start_gas: int = 165_000  # [gas] what a start costs, with some to spare, …
    start_leg_gas: int = 12_000  # [gas] … and in portfolio mode each leg, by a witness
    chore_gas: int = 150_000  # [gas]
    deleverage_gas: int = 300_000  # [gas]
    take_gas: int = (
        300_000  # [gas] what a buyer spends; an auction that can't bring him that isn't begun anew
    )
    subsidy_wad: int = 25 * WAD  # most that one transaction may cost more than it brings
    most_actions: int = 20  # in one block; the rest is for the next


def decide(
    snapshot: Snapshot,
    params: Params,
    policy: Policy,
    witnesses: Mapping[int, int] | None = None,  # by account: scenarios that prove its breach
) -> list[Action]:
    """What is due now, the most endangered account first. At most one step for each account, legs excepted."""
    gas = gas_price(snapshot, policy.ether_underlying, policy.tip)
    if gas.ether_wad == 0:  # gas can't be valued, and the engine can't either
        return []
    actions: list[Action] = []
    for account in sorted(snapshot.accounts, key=_urgency):
        if account.health is not None:
            witness = (witnesses or {}).get(account.id)
            due = _due(snapshot, params, policy, gas, account, account.health, witness)
            actions += due or _report(snapshot, params, policy, gas, account, account.health)
    return actions[: policy.most_actions]


def expected_reward_wad(snapshot: Snapshot, params: Params, health: Health, ether_wad: int) -> Wad:
    """What `start` will pay: out of the account's equity the gas with its margin, else from the fund the bare gas."""
    units = reward_gas(params, health.legs + health.holdings)
    paid = start_reward(
        gas_cost_wad(snapshot.system.base_fee, units, ether_wad),
        params,
        health.margin.equity_wad,
        health.margin.maintenance_wad,
    )
    return Wad(paid.own_wad + min(paid.fund_wad, _fund_wad(snapshot, health.dominant)))


def best_gain_wad(params: Params, health: Health) -> int:
    """What a taker of everything could gain when the curve has run its course."""
    return bps_down(bps_down(health.margin.maintenance_wad, params.end_bps), BPS - params.fund_share_bps)


def _due(
    snapshot: Snapshot,
    params: Params,
    policy: Policy,
    gas: GasPrice,
    account: Account,
    health: Health,
    witness: int | None,
) -> list[Action]:
    chore = gas.cost_wad(policy.chore_gas) <= policy.subsidy_wad
    if health.legs == 0 and health.holdings == 0 and health.cash_wad < 0:
        if chore and permitted(snapshot, account, Right.WRITE_OFF, strict=True):
            return [WriteOff(account=account.id, why=f"owes {_dollars(-health.cash_wad)}, holds nothing")]
        return []
    healthy = health.margin.equity_wad >= health.margin.maintenance_wad
    settled = [leg.instrument for leg in account.positions if leg.instrument in snapshot.settled]
    bare = len(settled) == health.legs and not health.holdings  # an auction would have nothing to sell
    if settled and not healthy and (account.auction is not None or bare):
        why = f"{_health(account)}, the series is settled"
        parts = [Settle(accounts=(account.id,), instrument=series, why=why) for series in settled]
        return [*parts] if chore else []
    if account.auction is None:
        return [] if healthy else _start(snapshot, params, policy, gas, account, health, witness)
    if healthy:
        if chore and permitted(snapshot, account, Right.TAKE, strict=True):
            return [End(account=account.id, why=_health(account))]
        return []
    return _keep_going(snapshot, params, policy, gas, account, health, account.auction)


def _report(
    snapshot: Snapshot, params: Params, policy: Policy, gas: GasPrice, account: Account, health: Health
) -> list[Action]:
    """Where nothing else can be done about an account: what the gate of withdrawals must know."""
    if gas.cost_wad(policy.chore_gas) > policy.subsidy_wad:
        return []
    system, deficit = snapshot.system, -health.margin.equity_wad
    market = account.auction.market if account.auction else health.dominant
    stands = uncovered(health.margin.equity_wad, _fund_wad(snapshot, market), params)
    known = account.auction is not None and account.auction.uncovered
    if stands and not system.gated_until and system.time >= system.gate_ready_at:
        return [ReportDeficit(account=account.id, why=f"deficit {_dollars(deficit)}, more than the fund has")]
    if known and not stands and system.gated_until:
        return [ReportDeficit(account=account.id, why="its deficit is covered again")]
    return []


def _start(
    snapshot: Snapshot,
    params: Params,
    policy: Policy,
    gas: GasPrice,
    account: Account,
    health: Health,
    witness: int | None,
) -> list[Action]:
    if not permitted(snapshot, account, Right.START):
        return []
    income = expected_reward_wad(snapshot, params, health, gas.ether_wad)
    legs = health.legs if account.mode is Mode.PORTFOLIO else 0
    cost = gas.cost_wad(policy.start_gas + policy.start_leg_gas * legs)
    if cost > income + policy.subsidy_wad:
        return []
    why = f"{_health(account)}, reward {_dollars(income)} for gas {_dollars(cost)}"
    return [Start(account=account.id, reward_account=policy.reward_account, witness=witness, why=why)]


def _keep_going(
    snapshot: Snapshot,
    params: Params,
    policy: Policy,
    gas: GasPrice,
    account: Account,
    health: Health,
    auction: Auction,
) -> list[Action]:
    """The next step of an auction that isn't over. Takes and deleveraging enter the insured phase by themselves."""
    now, equity = snapshot.system.time, health.margin.equity_wad
    ran_out = now > auction.restarted_at + params.run_seconds
    chore = gas.cost_wad(policy.chore_gas) <= policy.subsidy_wad

    short = _fund_wad(snapshot, auction.market) < -equity
    unsold = auction.insured and (ran_out or auction.ran_out)
    if equity < 0 and (short or unsold) and account.positions:
        affordable = gas.cost_wad(policy.deleverage_gas) <= policy.subsidy_wad
        if not affordable or not permitted(snapshot, account, Right.DELEVERAGE):
            return []
        why = f"deficit {_dollars(-equity)}, " + ("more than the fund has" if short else "nobody took it")
        return [
            Deleverage(account=account.id, instrument=leg.instrument, why=why) for leg in account.positions
        ]
    over = equity > 0 and now >= auction.started_at + params.solvent_seconds
    if not auction.insured and (over or ran_out):
        if chore and permitted(snapshot, account, Right.TAKE):
            return [Insure(account=account.id, why=_health(account))]
        return []
    if ran_out and chore and permitted(snapshot, account, Right.START):
        if best_gain_wad(params, health) <= gas.cost_wad(policy.take_gas):
            return []  # nobody could profit from it: wait for cheaper gas, or a larger requirement
        return [Restart(account=account.id, why=f"no buyer for {now - auction.restarted_at} s")]
    return []


def _urgency(account: Account) -> tuple[int, int, int]:
    """Lowest equity per MM first; debt without a requirement can't grow worse, so it comes last."""
    if account.health is None or account.health.margin.maintenance_wad == 0:
        return 1, 0, account.id
    margin = account.health.margin
    return 0, mul_div_down(margin.equity_wad, WAD, margin.maintenance_wad), account.id


def _fund_wad(snapshot: Snapshot, underlying: int) -> int:
    """What the insurance fund could pay for a market now."""
    return max(
        (market.insurance_capacity_wad for market in snapshot.markets if market.underlying == underlying),
        default=0,
    )


def _health(account: Account) -> str:
    wad = account.health_wad
    return "no requirement" if wad is None else f"health {wad / WAD:.3f}"


def _dollars(amount_wad: int) -> str:
    return f"{amount_wad / WAD:,.2f}"
