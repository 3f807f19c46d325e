"""INV-70 to INV-74: what keeps withdrawals in the queue, and what pays keepers."""

from __future__ import annotations

from holdfast.errors import Refused
from holdfast.model import liquidation
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import (
    auction_of,
    capacity_of,
    depth_of,
    equity_of,
    gas_price,
    health_of,
    items_of,
    name_of,
    slice_taken,
    tip_of,
)
from holdfast.sim.steps import Transition
from holdfast.types import Level
from holdfast.units import BPS, mul_wad_up


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
        shown = event.args["maintenanceWad"]  # what the starter has proved: INV-89
        meant = liquidation.start_reward(cost, g.params, margin.equity_wad, shown)
        fund = sum(one.args["paidWad"] for one in t.named("Paid"))
        own = event.args["rewardWad"] - fund
        yield unless(own == meant.own_wad, f"account {was.id} paid {own}, not {meant.own_wad}")
        yield at_most(fund, meant.fund_wad, f"the fund paid {fund}")


@invariant(72)
def priority_taxed(t: Transition, g: Ghost) -> Judgement:
    """Of what a taker pays to be first the set share goes to account and fund, at most all of his gain."""
    taxed = {event.args["account"]: event.args["taxWad"] for event in t.named("PriorityTaxed")}
    sold = [event.args["account"] for event in t.named("Taken")]
    for event in t.named("Taken"):
        args = event.args
        if sold.count(args["account"]) > 1:
            continue  # in parts: what each of them came to isn't seen
        was = t.was[args["account"]]
        items = health_of(was).legs + health_of(was).holdings
        paid = taxed.get(was.id, 0)
        wanted = liquidation.wanted_tax_wad(tip_of(t), g.params, items, gas_price(t, g))
        left = args["discountWad"] - args["fundShareWad"]
        yield at_most(paid, wanted, f"taxed {paid} of {wanted}")
        yield unless(
            paid == wanted or left == 0, f"taxed {paid} of {wanted}, and {left} of the gain are left"
        )
        try:
            part = slice_taken(t, g, was, args)
        except Refused:
            continue  # INV-21 says so
        gain = part.discount_wad - liquidation.fund_share_wad(part, g.params.fund_share_bps)
        yield unless(gain == left + paid, f"the taker gains {left} and gave {paid}: of {gain}")


@invariant(73, refusals=True)
def depth_respected(t: Transition, g: Ghost) -> Judgement:
    """In the solvent phase no slice but dust is larger than what depth has left; past its time nothing is throttled."""
    drawn = {event.args["underlying"] for event in t.named("DepthDrawn")}
    for event in t.named("Taken"):
        was, fraction = t.was[event.args["account"]], event.args["fractionWad"]
        insured = auction_of(was).insured or equity_of(was) <= 0
        most = depth_of(t, g, was, insured)
        margin = health_of(was).margin
        rest = mul_wad_up(margin.maintenance_wad, 10**18 - most)
        if rest >= g.params.dust_wad:
            yield at_most(fraction, most, f"account {was.id}: {fraction} sold at once, depth had {most}")
        touched = {item.underlying for item in items_of(t.before, was)}
        for market in t.before.markets:
            now = t.after.market(market.instrument)
            if market.underlying in touched and market.depth_wad:
                counted = market.underlying in drawn and now.depth_free_wad <= market.depth_free_wad
                yield unless(counted, f"{name_of(market)}: not counted")
    if t.error == "Throttled" and t.action in ("take", "flash_take"):
        was = t.was[t.facts["account"]]
        free = g.clock(was, t.after.system.time)[0] + g.params.solvent_seconds
        yield unless(t.after.system.time < free, f"account {was.id} was throttled past its time")


@invariant(74)
def triggers_justified(t: Transition, g: Ghost) -> Judgement:
    """A sentinel's report trips a market where its condition holds, once, to Cautious, for the time of a trigger."""
    config = g.world.protocol.record.config["sentinel"]
    now, underlying = t.after.system.time, None
    for event in t.named("DrawdownReported"):
        underlying = event.args["underlying"]
        at, drawn, capacity = g.marks.get(underlying, (0, 0, 0))
        known = next(m.insurance_drawn_wad for m in t.before.markets if m.underlying == underlying)
        since = known - drawn
        yield unless(now <= at + config["window_seconds"], f"a window of {now - at} s")
        enough = since > 0 and since * BPS >= capacity * config["drawdown_bps"]
        yield unless(enough, f"{since} drawn of {capacity}")
    for event in t.named("SilenceReported"):
        underlying, account = event.args["underlying"], t.was[event.args["account"]]
        since = g.clock(account, now)[1]
        over = since + g.params.run_seconds + config["silence_seconds"]
        yield unless(account.healthy is False and now > over, f"account {account.id} wasn't left alone")
        yield unless(g.silences[account.id] < since, f"account {account.id}: reported twice")
    for event in t.named("Tripped"):
        if event.args["by"] != g.world.protocol.sentinel.address:
            continue
        length = g.world.protocol.record.config["breaker"]["trigger_seconds"]
        args = event.args
        yield unless(
            (args["underlying"], args["level"], args["until"]) == (underlying, Level.CAUTIOUS, now + length),
            f"tripped {args}",
        )
