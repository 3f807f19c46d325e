"""The insurance fund: its target, its stakers, and who shows it a loss."""

from __future__ import annotations

from holdfast.model import insurance as model
from holdfast.sim.actions.scene import Scene, action
from holdfast.sim.stakes import stakes_of
from holdfast.sim.steps import Step, act, join
from holdfast.types import Account


@action(weight=1)
def refresh_target(s: Scene) -> Step:
    insurance = s.world.protocol.insurance
    return act(s.world, "refresh_target", insurance, "refreshTarget", sender=s.world.people.stranger)


@action(weight=4)
def stake(s: Scene) -> Step | None:
    """Mostly by somebody whose account holds cash alone; half of them give notice in the same breath."""
    able = [a for a in s.users if a.cash_wad > 0 and not a.positions and not a.holdings]
    account = s.pick(s.still(able), s.users)
    if account is None:
        return None
    cash = max(0, account.cash_wad)
    amount = s.amount(10**15, cash // 4, [cash])
    staking = _by(s, account, "stake", "stake", account.id, amount)
    if s.chance(0.5):
        return staking
    fund = s.state.system.fund
    supply = fund.own_shares + fund.staked_shares if fund.staked_shares else s.state.system.fund_wad
    shares = model.shares_for(amount, max(1, s.state.system.fund_wad), supply)
    notice = _by(s, account, "stake", "requestUnstake", account.id, shares // 2)
    return join("stake", [staking, notice], facts=staking.facts)


@action(weight=3)
def request_unstake(s: Scene) -> Step | None:
    staked = [a for a in s.users if stakes_of(s.ghost).of(a.id).shares]
    account = s.pick(s.still(staked), s.users, stray=0.05)
    if account is None:
        return None
    shares = stakes_of(s.ghost).of(account.id).shares
    wanted = s.rng.choice((shares, shares, s.amount(1, shares, [shares]), 0))
    return _by(s, account, "request_unstake", "requestUnstake", account.id, wanted)


@action(weight=4)
def unstake(s: Scene) -> Step | None:
    """Where something is requested, about one of the ends of its window."""
    known = stakes_of(s.ghost)
    leaving = [a for a in s.users if known.of(a.id).leaving]
    account = s.pick(s.still(leaving), s.users, stray=0.02)
    if account is None:
        return None
    wait = 0
    if known.of(account.id).leaving and s.chance(0.8):
        held = s.state.system.fund.held_until
        opens, closes = model.window(known.of(account.id).ready_at, held, known.params.window_seconds)
        due = closes if s.chance(0.15) else opens
        wait = max(0, due - s.now + s.rng.choice((-1, 0, 0, 1)))
    return _by(s, account, "unstake", "unstake", account.id, wait=wait)


@action(weight=1)
def hold(s: Scene) -> Step | None:
    deep = [a for a in s.users if a.health is not None and a.health.margin.equity_wad < 0]
    account = s.pick(deep, s.users, stray=0.05)
    if account is None or (not deep and s.chance(0.8)):
        return None
    insurance = s.world.protocol.insurance
    return act(
        s.world, "hold", insurance, "hold", account.id, sender=s.world.people.stranger,
        accounts=frozenset({account.id}), facts={"account": account.id},
    )  # fmt: skip


def _by(s: Scene, account: Account, name: str, function: str, *args: int, wait: int = 0) -> Step:
    return act(
        s.world, name, s.world.protocol.insurance, function, *args, sender=s.speaker(account),
        accounts=frozenset({account.id}), facts={"account": account.id}, wait=wait,
    )  # fmt: skip
