"""INV-44 to INV-49: what holds although a key is stolen."""

from __future__ import annotations

from typing import Final

from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import equity_of, maintenance_of, stored_of
from holdfast.sim.keys import Interval, by_hand, halted, keys_of, longest_open
from holdfast.sim.steps import Transition
from holdfast.types import EVERYTHING, SETTLEMENT, Level

ROLE_EVENTS: Final = {
    "RoleGranted", "RoleRevoked", "RoleAdminChanged", "RoleGuardianChanged", "RoleGrantDelayChanged",
    "TargetFunctionRoleUpdated", "TargetAdminDelayUpdated", "TargetClosed", "AuthorityUpdated",
}  # fmt: skip
"""Changes of who may do what."""


@invariant(44)
def guardian_harmless(t: Transition, g: Ghost) -> Judgement:
    """Whatever the guardian's key does, it moves nobody's money, nor equity or MM but by dropping a smile."""
    if t.step is None or t.speakers != {g.world.people.guardian}:
        return
    for before, after in zip(t.before.system.assets, t.after.system.assets, strict=True):
        same = (before.held, before.balance) == (after.held, after.balance)
        yield unless(same, f"tokens of asset {before.asset} moved")
    for was, now in t.pairs:
        yield unless(stored_of(was) == stored_of(now), f"account {was.id} changed")
        if t.named("SmileDropped"):
            continue
        yield unless(equity_of(was) == equity_of(now), f"account {was.id}: equity changed")
        yield unless(maintenance_of(was) == maintenance_of(now), f"account {was.id}: MM changed by decree")


@invariant(45)
def halts_bounded(t: Transition, g: Ghost) -> Judgement:
    """By hand a market is halted for at most twice the longest pause before it is free for a whole cooldown."""
    breaker = g.world.protocol.record.config["breaker"]
    most, cooldown = 2 * breaker["max_pause_seconds"], breaker["cooldown_seconds"]
    for underlying, interval in by_hand(g, t, Level.HALTED):
        lanes = (
            [market.underlying for market in t.before.markets] if underlying == EVERYTHING else [underlying]
        )
        for lane in lanes:
            known = keys_of(g)
            stretch = _stretch([*halted(known, lane), interval], cooldown)
            halts = sum(end - start for start, end in stretch)
            yield at_most(halts, most, f"underlying {lane}: halted for {halts} s in one stretch", "seconds")


def _stretch(halts: list[Interval], cooldown: int) -> list[Interval]:
    """The last of them, those that overlap made one, between which it was never free for a whole cooldown."""
    merged: list[Interval] = []
    for start, end in sorted(halts):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif merged and start - merged[-1][1] < cooldown:
            merged.append((start, end))
        else:
            merged = [(start, end)]
    return merged


@invariant(46)
def exit_before_loosening(t: Transition, g: Ghost) -> Judgement:
    """In the delay of each loosening nobody's way out is halted by hand without being free for a whole cooldown."""
    breaker = g.world.protocol.record.config["breaker"]
    keys, now = keys_of(g), t.after.system.time
    for event in t.named("OperationExecuted"):
        plot = keys.plots.get(event.args["operationId"])
        yield unless(plot is not None, "an operation was executed that nobody scheduled")
        if plot is None:
            continue
        for market in t.before.markets:
            closed = halted(keys, market.underlying, plot.since, now)
            free = longest_open(closed, plot.since, now)
            wanted = breaker["cooldown_seconds"]
            yield at_most(
                wanted,
                free,
                f"underlying {market.underlying}: free for {free} s at most before a change",
                "seconds",
            )


@invariant(47)
def roles_slower(t: Transition, g: Ghost) -> Judgement:
    """Who may do what changes only after the administrator's delay; a holder alone may give up his own role."""
    if t.step is None:
        return
    delay = g.world.protocol.record.config["access"]["admin_delay_seconds"]
    late = [keys_of(g).plots.get(event.args["operationId"]) for event in t.named("OperationExecuted")]
    for event in t.events:
        if event.name not in ROLE_EVENTS or event.address not in _authorities(g):
            continue
        if event.name == "RoleRevoked" and event.args["account"] in t.speakers:
            continue
        waited = [t.after.system.time - plot.since for plot in late if plot is not None]
        yield at_most(
            delay, max(waited, default=0), f"{event.name} without the administrator's delay", "seconds"
        )


def _authorities(g: Ghost) -> set[str]:
    return {g.world.protocol.contract(name).address for name in g.world.protocol.record.contracts}


@invariant(48)
def prices_bounded(t: Transition, g: Ghost) -> Judgement:
    """Whoever owns the feed, a price that enters lies within the bounds of its underlying and isn't of the future."""
    for event in t.named("PricePoked"):
        args = event.args
        low, high = keys_of(g).bounds.get(args["underlying"], (1, 0))  # none until a feed is set
        for feed in t.named("FeedSet"):
            if feed.args["underlying"] == args["underlying"]:
                low, high = feed.args["feed"].minWad, feed.args["feed"].maxWad
        yield unless(
            low <= args["spotWad"] <= high, f"underlying {args['underlying']}: {args['spotWad']} entered"
        )
        yield at_most(args["updatedAt"], t.after.system.time, "a price of the future entered", "seconds")


@invariant(49)
def cash_welcome(t: Transition, g: Ghost) -> Judgement:
    """Nobody keeps cash out at once: the settlement token's cap falls after the governor's delay alone."""
    if t.step is None or not t.events:
        return
    was, now = t.before.system.assets[SETTLEMENT], t.after.system.assets[SETTLEMENT]
    delayed = bool(t.named("OperationExecuted"))
    yield unless(delayed or now.cap >= was.cap, f"the cap of cash fell at once, from {was.cap} to {now.cap}")
