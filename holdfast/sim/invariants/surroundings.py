"""INV-30 to INV-35: prices, breaker, governance, margin, limits, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from holdfast.model.positions import MAX_POSITIONS
from holdfast.model.side_index import quote_of, to_size
from holdfast.model.throttle import least_wad
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.prices import pricing_of
from holdfast.sim.invariants.reading import (
    allowed,
    assess,
    both_reduce,
    equity_of,
    holdings_book,
    items_of,
    maintenance_of,
    name_of,
    size_of,
)
from holdfast.sim.keys import keys_of
from holdfast.sim.steps import Transition
from holdfast.sim.surfaces import known_after, known_of
from holdfast.types import Action, Grade, Mode, underlying_of

SEIZING: Final = {Action.START, Action.TAKE, Action.DELEVERAGE}
"""Actions that pass over what is forbidden but too light to save the account."""

MAX_HOLDINGS: Final = 5

GOVERNED: Final = {
    "EngineSet", "AssetListed", "InstrumentListed", "FeedSet", "InstrumentParamsSet", "AssetParamsSet", "CapSet",
    "FloorSet", "FundParamsSet", "ParamsSet", "DepthSet", "OutflowFloorSet", "FeesSet", "Relaxed", "RoleGranted",
    "RoleRevoked", "TargetFunctionRoleUpdated", "ScanSet", "Netted", "CorrelationSet",
}  # fmt: skip

TIGHTENED: Final = {
    "EngineSet", "InstrumentParamsSet", "AssetParamsSet", "CapSet", "DepthSet", "OutflowFloorSet", "ScanSet",
}  # fmt: skip
"""Of these, what a guardian may cause; in which direction, the parameters themselves show."""


@invariant(30)
def prices_still(t: Transition, g: Ghost) -> Judgement:
    """A price changes by a poke alone, or is drawn to the slow one after a contest; it never goes back in time."""
    poked = {event.args["underlying"] for event in t.named("PricePoked")}
    for was in t.before.markets:
        now = t.after.market(was.instrument)
        if was.underlying in poked:
            yield unless(now.price_updated_at > was.price_updated_at, f"{name_of(was)}: an older price")
        else:
            same = was.price.spot_wad == now.price.spot_wad
            drawn = {was.price.grade, now.price.grade} & {Grade.SLOW, Grade.STALE}
            limits_stand = t.step is not None and not t.named("FeedSet")
            yield unless(
                was.price_updated_at == now.price_updated_at and (same or bool(drawn and not limits_stand)),
                f"{name_of(was)}: the price moved without a poke",
            )


@invariant(31, refusals=True)
def breaker_obeyed(t: Transition, g: Ghost) -> Judgement:
    """What the breaker's table forbids doesn't happen, and what it always allows isn't refused by it."""
    if t.step is None:
        return
    for event, action, key in (
        ("AuctionStarted", Action.START, "account"),
        ("AuctionRestarted", Action.START, "account"),
        ("Taken", Action.TAKE, "account"),
        ("DeficitDeleveraged", Action.DELEVERAGE, "account"),
        ("DebtWrittenOff", Action.WRITE_OFF, "account"),
    ):
        for found in t.named(event):
            was = t.was[found.args[key]]
            missing = max(0, maintenance_of(was) - equity_of(was)) if action in SEIZING else 0
            free = allowed(t.before, action, items_of(t.before, was), 2 * missing)
            yield unless(free, f"{action.name} of account {was.id}, {items_of(t.before, was)}")
    if t.action == "withdraw" and t.ok:
        now = t.after.account(t.facts["account"])
        yield unless(allowed(t.before, Action.WITHDRAW, items_of(t.after, now)), f"account {now.id} withdrew")
    for fill in t.named("Filled"):
        market = t.before.instruments[fill.args["instrument"]]
        for account in (fill.args["buyer"], fill.args["seller"]):
            was, now = t.pair(account)
            grew = abs(size_of(now, market)) > abs(size_of(was, market)) + 4
            if grew and t.action == "match":
                yield unless(
                    allowed(t.before, Action.INCREASE, items_of(t.after, now)),
                    f"account {account} added risk",
                )
    if t.action == "match" and t.error == "Blocked":
        yield unless(not both_reduce(t), "two reductions were blocked")


@invariant(32)
def governance_slow(t: Transition, g: Ghost) -> Judgement:
    """Nothing loosens without its delay; the guardian only tightens; nobody else changes anything."""
    if t.step is None:
        return
    late = t.named("OperationExecuted")
    for event in late:
        since = g.scheduled.get(event.args["operationId"])
        if since is None:
            yield "an operation was executed that nobody had scheduled"
        else:
            due, time = since + g.world.delay, t.after.system.time
            yield at_most(due, time, f"an operation was executed {due - time} s early", "s")
    guardian = g.world.people.guardian in t.speakers
    for event in t.events:
        if event.name in GOVERNED and not late:
            given_up = event.name == "RoleRevoked" and event.args["account"] in t.speakers
            tighter = given_up or (guardian and event.name in TIGHTENED)
            yield unless(tighter, f"{event.name} without governance")
        reporters = g.world.protocol.oracle.address, g.world.protocol.sentinel.address
        if event.name == "Tripped" and event.args["by"] not in reporters:
            pause = event.args["until"] - t.after.system.time
            most = g.world.protocol.record.config["breaker"]["max_pause_seconds"]
            yield unless(guardian and 0 < pause <= most, f"a pause of {pause} s")
        if event.name == "Stopped":
            stop = event.args["until"] - t.after.system.time
            yield unless(guardian and 0 <= stop <= 86_400, f"takeovers stopped for {stop} s")
    if late:
        return
    params = t.after.instrument_params
    for instrument, old in t.before.instrument_params.items():
        new = params[instrument]
        tighter = (
            new.maintenance_bps == old.maintenance_bps
            and new.initial_bps >= old.initial_bps
            and new.initial_max_bps >= old.initial_max_bps
            and new.knee_bps <= old.knee_bps
            and new.open_interest_cap_wad <= old.open_interest_cap_wad
        )
        yield unless(tighter, f"{instrument:#x} loosened: {old} -> {new}")
    for underlying, scan in known_of(g).scans.scans.items():
        following = known_after(g, t).scans.scans[underlying]
        same = replace(following, short_option_bps=scan.short_option_bps) == scan
        tighter = same and following.short_option_bps >= scan.short_option_bps
        yield unless(tighter, f"{scan} loosened: {following}")
    for was, now in zip(t.before.markets, t.after.markets, strict=True):
        capped = now.insurance_cap_wad <= was.insurance_cap_wad
        yield unless(
            capped, f"{name_of(was)}: insurance cap {was.insurance_cap_wad} -> {now.insurance_cap_wad}"
        )
        if t.named("DepthSet"):
            # Slower, never at a standstill: what can't be sold becomes debt.
            least = least_wad(keys_of(g).depths.get(was.underlying, 0))
            narrower = least <= now.depth_wad <= was.depth_wad and now.depth_seconds == was.depth_seconds
            yield unless(narrower, f"{name_of(was)}: depth {was.depth_wad} -> {now.depth_wad}, least {least}")
    for held, then in zip(t.before.system.assets, t.after.system.assets, strict=True):
        tighter = (
            then.cap <= held.cap
            and then.vault == held.vault
            and then.params.initial_haircut_bps >= held.params.initial_haircut_bps
            and then.params.maintenance_haircut_bps == held.params.maintenance_haircut_bps
        )
        yield unless(tighter, f"asset {held.asset} loosened")
    left = t.before.system.treasury_wad - t.after.system.treasury_wad
    creditor = bool(t.named("WrittenOff"))  # it may lose as any other
    yield unless(left <= 1 or creditor, f"{left} wei left the treasury without governance")


@invariant(33)
def margin_shown(t: Transition, g: Ghost) -> Judgement:
    """Equity, IM, MM and borrow limit of an account are what its book and the parameters give, to the wei."""
    pricing, scans = pricing_of(t, g), known_after(g, t).scans
    for account in t.after.accounts:
        if account.id not in t.fresh:
            continue
        if account.health is None:
            yield f"account {account.id} can't be assessed"
            continue
        meant = assess(t.after, account.mode, holdings_book(t.after, account), pricing, scans)
        margin, found = account.health.margin, account.health.items
        yield None if margin == meant else f"account {account.id}: {margin}, not {meant}"
        items = items_of(t.after, account)
        yield None if found == items else f"account {account.id}: {found}, not {items}"


@invariant(34)
def within_limits(t: Transition, g: Ghost) -> Judgement:
    """An account holds no more than its lanes and what its mode admits."""
    if t.step is None or not t.changed:
        return
    for account in t.after.accounts:
        if account.id not in t.step.accounts:
            continue
        yield unless(len(account.positions) <= MAX_POSITIONS, f"account {account.id}: too many positions")
        yield unless(len(account.holdings) <= MAX_HOLDINGS, f"account {account.id}: too many collaterals")
        if account.mode is Mode.ISOLATED:
            kinds = {underlying_of(leg.instrument) for leg in account.positions}
            yield unless(len(kinds) <= 1 and not account.holdings, f"account {account.id}: not isolated")


@invariant(35, refusals=True)
def refusals_named(t: Transition, g: Ghost) -> Judgement:
    """A call with arguments in range is refused by a named error, never by a panic or in silence."""
    if t.step is None or t.ok or t.facts.get("absurd"):
        return
    unnamed = t.error in ("Panic", "Empty", "Unknown")
    yield f"{t.action} failed with {t.results[-1].error}" if unnamed else None


@invariant(36)
def positions_shown(t: Transition, g: Ghost) -> Judgement:
    """Size and quote of a position are what its base and cost give at its side's scale and flow, to the wei."""
    flows = {
        market.instrument: g.flows(market, t.after.system.time) for market in t.after.instruments.values()
    }
    for account in t.after.accounts:
        if account.id not in t.fresh:
            continue
        for leg in account.positions:
            market = t.after.instruments[leg.instrument]
            stored = g.current(market, leg)
            long = leg.base_wad > 0
            scale = (market.long if long else market.short).scale_wad
            meant = to_size(stored.base_wad, scale), quote_of(stored, flows[leg.instrument][not long])
            found = leg.size_wad, leg.quote_wad
            yield unless(found == meant, f"account {account.id}: size and quote {found}, not {meant}")
