"""INV-70 to INV-74: what keeps withdrawals in the queue, and what pays keepers."""

from __future__ import annotations

from holdfast.model import liquidation
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import capacity_of, equity_of, gas_price, health_of
from holdfast.sim.steps import Transition


@invariant(70)
def gate_ends(t: Transition, g: Ghost) -> Judgement:
    """Withdrawals wait only for a deficit beyond the fund, for a bounded span, with a longer gap behind it."""
    breaker = g.world.protocol.record.config["breaker"]
    longest, gap = breaker["gate_seconds"], breaker["gate_gap_seconds"]
    now, was = t.after.system.time, t.before.system
    if t.after.system.gated_until:
        left = t.after.system.gated_until - now
        yield at_most(left, longest, f"withdrawals wait for {left} s more", "s")
        yield unless(t.after.system.gate_ready_at == t.after.system.gated_until + gap, "no gap behind it")
        if t.ok and t.action == "withdraw":
            yield "somebody withdrew while the gate was shut"
    for event in t.named("GateShut"):
        until = event.args["until"]
        anew = now >= was.gate_ready_at and until == now + longest
        same = now < until == was.gate_ready_at - gap
        yield unless(anew or same, f"shut until {until}, though not ready before {was.gate_ready_at}")
    for event in t.named("DeficitReported"):
        account = t.was[event.args["account"]]
        if not event.args["uncovered"]:
            continue
        market = account.auction.market if account.auction else health_of(account).dominant
        fund = min(capacity_of(t.before, market), capacity_of(t.after, market))
        owed = max(0, -equity_of(account))
        yield unless(owed > fund + g.params.gate_deficit_wad, f"{owed} owed, the fund has {fund}")


@invariant(71)
def rewards_exact(t: Transition, g: Ghost) -> Judgement:
    """A start takes from the account what the formula gives, and from the fund at most that: a share of the penalty."""
    for event in t.named("AuctionStarted"):
        was = t.was[event.args["account"]]
        health = health_of(was)
        gas = liquidation.reward_gas(g.params, health.legs + health.holdings)
        cost = liquidation.gas_cost_wad(t.after.system.base_fee, gas, gas_price(t, g))
        margin = health.margin
        meant = liquidation.start_reward(cost, g.params, margin.equity_wad, margin.maintenance_wad)
        fund = sum(one.args["paidWad"] for one in t.named("Paid"))
        own = event.args["rewardWad"] - fund
        yield unless(own == meant.own_wad, f"account {was.id} paid {own}, not {meant.own_wad}")
        yield at_most(fund, meant.fund_wad, f"the fund paid {fund}")
