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
from holdfast.types import Account, Auction, Health, Snapshot
from holdfast.types import Action as Right
from holdfast.units import BPS, WAD, Wad, bps_down, mul_div_down


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    reward_account: int  # account of the ledger that gets the start rewards
    ether_underlying: int  # whose price turns gas into the settlement token
    tip: int = 10**9  # [wei] above the base fee
    start_gas: int = 120_000  # [gas] what a start costs, with some to spare, …
    start_leg_gas: int = 15_000  # [gas] … for each position or collateral
    chore_gas: int = 150_000  # [gas]
    deleverage_gas: int = 300_000  # [gas]
    take_gas: int = (
        300_000  # [gas] what a buyer spends; an auction that can't bring him that isn't begun anew
    )
    subsidy_wad: int = 25 * WAD  # most that one transaction may cost more than it brings
    most_actions: int = 20  # in one block; the rest is for the next

    def gas_of_start(self, items: int) -> int:
        """[gas] Of an account with so many positions and collaterals. What it really costs: tests/gas/snapshot.json."""
        return self.start_gas + self.start_leg_gas * items


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
            case = _Case(snapshot, params, policy, gas, account, account.health, witness)
            actions += _due(case) or _report(case)
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


@dataclass(frozen=True, slots=True)
class _Case:
    """An account about which something is decided, and what that hangs on."""

    snapshot: Snapshot
    params: Params
    policy: Policy
    gas: GasPrice
    account: Account
    health: Health
    witness: int | None

    @property
    def equity_wad(self) -> int:
        return self.health.margin.equity_wad

    @property
    def text(self) -> str:
        wad = self.account.health_wad
        return "no requirement" if wad is None else f"health {wad / WAD:.3f}"

    def affords(self, units: int) -> bool:
        """May a chore of that much gas be done?"""
        return self.gas.cost_wad(units) <= self.policy.subsidy_wad

    def may(self, right: Right, strict: bool = False) -> bool:
        return permitted(self.snapshot, self.account, right, strict=strict)


def _due(c: _Case) -> list[Action]:
    account, health = c.account, c.health
    chore = c.affords(c.policy.chore_gas)
    if health.legs == 0 and health.holdings == 0 and health.cash_wad < 0:
        if chore and c.may(Right.WRITE_OFF, strict=True):
            return [WriteOff(account=account.id, why=f"owes {_dollars(-health.cash_wad)}, holds nothing")]
        return []
    healthy = c.equity_wad >= health.margin.maintenance_wad
    settled = [leg.instrument for leg in account.positions if leg.instrument in c.snapshot.settled]
    bare = len(settled) == health.legs and not health.holdings  # an auction would have nothing to sell
    if settled and not healthy and (account.auction is not None or bare):
        why = f"{c.text}, the series is settled"
        parts = [Settle(accounts=(account.id,), instrument=series, why=why) for series in settled]
        return [*parts] if chore else []
    if account.auction is None:
        return [] if healthy else _start(c)
    if healthy:
        if chore and c.may(Right.TAKE, strict=True):
            return [End(account=account.id, why=c.text)]
        return []
    return _keep_going(c, account.auction)


def _report(c: _Case) -> list[Action]:
    """Where nothing else can be done about an account: what the gate of withdrawals must know."""
    if not c.affords(c.policy.chore_gas):
        return []
    account, system = c.account, c.snapshot.system
    market = account.auction.market if account.auction else c.health.dominant
    stands = uncovered(c.equity_wad, _fund_wad(c.snapshot, market), c.params)
    known = account.auction is not None and account.auction.uncovered
    if stands and not system.gated_until and system.time >= system.gate_ready_at:
        why = f"deficit {_dollars(-c.equity_wad)}, more than the fund has"
        return [ReportDeficit(account=account.id, why=why)]
    if known and not stands and system.gated_until:
        return [ReportDeficit(account=account.id, why="its deficit is covered again")]
    return []


def _start(c: _Case) -> list[Action]:
    if not c.may(Right.START):
        return []
    income = expected_reward_wad(c.snapshot, c.params, c.health, c.gas.ether_wad)
    cost = c.gas.cost_wad(c.policy.gas_of_start(c.health.legs + c.health.holdings))
    if cost > income + c.policy.subsidy_wad:
        return []
    why = f"{c.text}, reward {_dollars(income)} for gas {_dollars(cost)}"
    reward_account = c.policy.reward_account
    return [Start(account=c.account.id, reward_account=reward_account, witness=c.witness, why=why)]


def _keep_going(c: _Case, auction: Auction) -> list[Action]:
    """The next step of an auction that isn't over. Takes and deleveraging enter the insured phase by themselves."""
    account, now, equity = c.account, c.snapshot.system.time, c.equity_wad
    ran_out = now > auction.restarted_at + c.params.run_seconds
    chore = c.affords(c.policy.chore_gas)

    short = _fund_wad(c.snapshot, auction.market) < -equity
    unsold = auction.insured and (ran_out or auction.ran_out)
    if equity < 0 and (short or unsold) and account.positions:
        if not c.affords(c.policy.deleverage_gas) or not c.may(Right.DELEVERAGE):
            return []
        why = f"deficit {_dollars(-equity)}, " + ("more than the fund has" if short else "nobody took it")
        return [
            Deleverage(account=account.id, instrument=leg.instrument, why=why) for leg in account.positions
        ]
    over = equity > 0 and now >= auction.started_at + c.params.solvent_seconds
    if not auction.insured and (over or ran_out):
        if chore and c.may(Right.TAKE):
            return [Insure(account=account.id, why=c.text)]
        return []
    if ran_out and chore and c.may(Right.START):
        if best_gain_wad(c.params, c.health) <= c.gas.cost_wad(c.policy.take_gas):
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


def _dollars(amount_wad: int) -> str:
    return f"{amount_wad / WAD:,.2f}"
