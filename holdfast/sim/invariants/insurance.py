"""INV-80 to INV-84: how the fund heals, and who has which part in it."""

from __future__ import annotations

from dataclasses import replace

from holdfast.model import insurance
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import fund_of
from holdfast.sim.stakes import stakes_of
from holdfast.sim.steps import Transition
from holdfast.types import Snapshot, System
from holdfast.units import BPS, WAD, mul_div_down, mul_div_up


def _share(system: System, p: insurance.Params) -> int:
    fresh = system.time <= system.fund.refreshed_at + p.max_age_seconds
    fund = system.fund_wad if fresh else 0
    return insurance.share_wad(fund, system.fund.target_wad, p.min_share_bps, p.max_share_bps)


def _digit(snapshot: Snapshot) -> int:
    """[wei] What a share of credit is worth: how far rounding may move cash, once a move."""
    return snapshot.system.pool.credit_index_wad // WAD + 2


@invariant(80)
def share_exact(t: Transition, g: Ghost) -> Judgement:
    """The fund gets its share of the fees, and that is what its distance from the target gives, to the wei."""
    p, system = stakes_of(g).params, t.before.system
    meant = _share(system, p)
    yield unless(system.fund_share_wad == meant, f"a share of {system.fund_share_wad}, not {meant}")
    for event in t.named("FeesDistributed"):
        parts, args = insurance.split(system.fees_wad, meant), event.args
        yield unless(args["fundWad"] == parts.fund_wad, f"the fund got {args['fundWad']} of {parts}")
        off = parts.treasury_wad - args["treasuryWad"]
        yield unless(abs(off) <= 2 * _digit(t.before), f"the treasury got {args['treasuryWad']} of {parts}")


@invariant(81)
def surplus_above_target(t: Transition, g: Ghost) -> Judgement:
    """Surplus leaves from the protocol's own part alone, above a fresh target and its slack, and never while held."""
    p, system = stakes_of(g).params, t.before.system
    state = system.fund
    for event in t.named("SurplusReleased"):
        fund, _ = insurance.distribute(fund_of(t.before))
        amount = event.args["amountWad"]
        _, meant = insurance.release(fund, state.target_wad, p.slack_bps)
        slack = 4 * _digit(t.before)
        yield at_most(abs(amount - meant), slack, f"a surplus of {amount} left, not {meant}")
        yield unless(system.time >= state.held_until, "surplus left while a loss may be on its way")
        yield unless(system.time <= state.refreshed_at + p.max_age_seconds, "surplus left on an old target")
        left, kept = t.after.system.fund_wad, mul_div_up(state.target_wad, BPS + p.slack_bps, BPS)
        own = left - t.after.system.staked_wad
        yield at_most(kept - own, slack, f"{kept - own} wei too little are left of the protocol's part")


@invariant(82)
def stakers_in_step(t: Transition, g: Ghost) -> Judgement:
    """No share of the fund gains or loses by who comes or goes, and a stake leaves within its window alone."""
    known, was, now = stakes_of(g), t.before.system, t.after.system
    if t.step is None:
        return
    before, after = fund_of(t.before), fund_of(t.after)
    insurer = g.world.protocol.insurance.address
    came = [event for event in t.named("Staked") if event.address == insurer]  # not in a tranche
    if came and not before.staked_shares:
        before = replace(before, own_shares=insurance.distribute(before)[0].fund_wad)
    same = after.supply == before.supply
    moved = came or t.named("Unstaked") or t.named("SurplusReleased")
    yield unless(same or bool(moved), f"{t.action} made or burned shares of the fund")
    if moved and before.supply and after.supply and before.staked_shares + len(came):
        # After its part of the pending fees nobody's share is worth less, but for rounding.
        worth = insurance.distribute(before)[0].fund_wad
        lost = mul_div_down(worth * after.supply - after.fund_wad * before.supply, 1, before.supply)
        slack = 6 * _digit(t.before) * max(1, -(-after.supply // before.supply))
        yield at_most(lost, slack, f"shares lost {lost} wei by {t.action}")
    for event in t.named("Unstaked"):
        stake = known.of(event.args["account"])
        opens, closes = insurance.window(stake.ready_at, was.fund.held_until, known.params.window_seconds)
        yield unless(opens <= now.time <= closes, f"left at {now.time}, window {opens} to {closes}")
        yield unless(event.args["shares"] == stake.leaving <= stake.shares, f"{stake}: {event.args}")
        fund, _ = insurance.distribute(fund_of(t.before))
        meant, got = insurance.worth_wad(stake.leaving, fund.fund_wad, fund.supply), event.args["amountWad"]
        yield at_most(got - meant, 4 * _digit(t.before), f"paid {got} for what was worth {meant}")
    paid = [event for event in t.named("Paid") if event.args["paidWad"]]
    if paid:
        until = now.time + known.params.hold_seconds
        yield unless(now.fund.held_until >= until, "the fund paid, and nobody is held")


@invariant(83)
def target_bounded(t: Transition, g: Ghost) -> Judgement:
    """The target moves in a refresh alone, by no more than its bound for the time since the last one."""
    p, was, now = stakes_of(g).params, t.before.system.fund, t.after.system.fund
    refreshed = t.named("TargetRefreshed")
    if not refreshed:
        same = (was.target_wad, was.refreshed_at) == (now.target_wad, now.refreshed_at)
        yield unless(same, f"{t.action} moved the target from {was} to {now}")
        return
    elapsed = t.after.system.time - was.refreshed_at
    meant = insurance.refreshed_wad(was.target_wad, was.raw_wad, refreshed[-1].args["rawWad"], p, elapsed)
    yield unless(now.target_wad == meant, f"a target of {now.target_wad}, not {meant}")
    most = mul_div_down(was.target_wad, p.move_bps, BPS)
    moved = abs(now.target_wad - was.target_wad)
    raised = now.target_wad == p.least_target_wad
    yield at_most(0 if raised else moved, most, f"the target moved by {moved} at once")


@invariant(84)
def shares_backed(t: Transition, g: Ghost) -> Judgement:
    """Staked shares are the sum of all stakes, and what they are worth is never more than the fund has."""
    system = t.after.system
    fund = fund_of(t.after)
    worth = insurance.worth_wad(fund.staked_shares, fund.fund_wad, fund.supply)
    yield unless(system.staked_wad == worth, f"stakes shown as {system.staked_wad}, worth {worth}")
    yield at_most(worth, fund.fund_wad, f"stakes worth {worth} in a fund of {fund.fund_wad}")
    if t.step is None:
        total = sum(stake.shares for stake in stakes_of(g).held.values())
        yield unless(total == fund.staked_shares, f"{fund.staked_shares} staked shares, stakes of {total}")
