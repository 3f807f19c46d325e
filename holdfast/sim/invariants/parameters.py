"""INV-65 to INV-69: how parameters move, and what may leave."""

from __future__ import annotations

from fractions import Fraction

from holdfast.model import envelope
from holdfast.model.bounded import FALL_BPS, RISE_BPS
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, Room, at_most, invariant, unless
from holdfast.sim.standing import exempt_of, is_step, known_of, steps_in
from holdfast.sim.steps import Transition
from holdfast.types import SETTLEMENT
from holdfast.units import BPS, WAD


@invariant(65)
def maintenance_ramps(t: Transition, g: Ghost) -> Judgement:
    """In a ramp MM moves by its whole self at most, whoever sets it; a maintenance haircut rises no faster."""
    ramp = g.world.protocol.record.config["risk"]["ramp_seconds"]
    seconds = t.after.system.time - t.before.system.time
    now = t.after.instrument_params
    for instrument, was in t.before.instrument_params.items():
        before, after = was.maintenance_bps, now[instrument].maintenance_bps
        most = -(-before * seconds // ramp)
        wrong = f"{instrument:#x}: MM went from {before} to {after} bps in {seconds} s"
        yield at_most(abs(after - before), most, wrong, "bps")
    for held, then in zip(t.before.system.assets[1:], t.after.system.assets[1:], strict=False):
        before, after = held.params.maintenance_haircut_bps, then.params.maintenance_haircut_bps
        most = -(-before * seconds // ramp)
        wrong = f"asset {held.asset}: MM rose from {before} to {after} bps in {seconds} s"
        yield at_most(after - before, most, wrong, "bps")


@invariant(66)
def collateral_ramps(t: Transition, g: Ghost) -> Judgement:
    """A haircut falls from 100 % to nothing in its ramp at the fastest: new collateral lends nothing at first."""
    ramp = g.world.protocol.record.config["risk"]["collateral_ramp_seconds"]
    seconds = t.after.system.time - t.before.system.time
    most = -(-BPS * seconds // ramp)
    for was, now in zip(t.before.system.assets[1:], t.after.system.assets[1:], strict=False):
        for before, after in (
            (was.params.initial_haircut_bps, now.params.initial_haircut_bps),
            (was.params.maintenance_haircut_bps, now.params.maintenance_haircut_bps),
        ):
            wrong = f"asset {was.asset}: a haircut fell from {before} to {after} bps in {seconds} s"
            yield at_most(before - after, most, wrong, "bps")


@invariant(67)
def steps_bounded(t: Transition, g: Ghost) -> Judgement:
    """What stands loosens by a step an epoch: a requirement by a quarter, a limit to twice itself, MM either way."""
    if t.step is None:
        return
    config = g.world.protocol.record.config
    for key, values in steps_in(g, t):
        name, of = key
        stand = known_of(g).stands.get(key)
        if stand is None or sum(stand.values) == 0:
            continue  # the first values
        for what, was, now in _falling(name, stand.values, values):
            wrong = f"{name} of {of}: {what} fell from {was} to {now}"
            yield at_most(Fraction(was * FALL_BPS, BPS), now, wrong, "its unit")
        for what, was, now in _rising(name, stand.values, values):
            if was:
                wrong = f"{name} of {of}: {what} rose from {was} to {now}"
                yield at_most(now, Fraction(was * RISE_BPS, BPS), wrong, "its unit")
        if is_step(name, stand.values, values):
            epoch = config["risk" if name.endswith("ParamsSet") else "vault"]["epoch_seconds"]
            passed = t.after.system.time - stand.stepped_at
            yield at_most(epoch, passed, f"{name} of {of}: two steps in {passed} s", "seconds")


Numbers = list[tuple[str, int, int]]
"""What it is, what stood, and what was set."""


def _falling(name: str, was: tuple[int, ...], now: tuple[int, ...]) -> Numbers:
    if name == "InstrumentParamsSet":
        rates = zip(("initial", "maintenance", "initial at the cap"), was, now, strict=False)
        return [*rates, ("what lies beyond the knee", BPS - was[3], BPS - now[3])]
    if name == "AssetParamsSet":
        return list(zip(("initial haircut", "maintenance haircut"), was, now, strict=True))
    return []


def _rising(name: str, was: tuple[int, ...], now: tuple[int, ...]) -> Numbers:
    if name == "InstrumentParamsSet":
        return [("maintenance", was[1], now[1]), ("the cap", was[4], now[4])]
    if name == "AssetParamsSet":
        return [("maintenance haircut", was[1], now[1])]
    return [("the limit", was[0], now[0])]


@invariant(68)
def envelopes_hold(t: Transition, g: Ghost) -> Judgement:
    """A listed market's MM survives a heartbeat: move, funding, fees and reward, as when it was listed or lowered."""
    config = g.world.protocol.record.config
    costs = envelope.Costs(
        funding_cap_bps=config["ledger"]["funding_cap_bps"],
        max_fee_bps=config["ledger"]["max_fee_bps"],
        reward_cap_bps=config["risk"]["reward_cap_bps"],
    )
    volatility_wad = config["risk"]["volatility_floor_bps"] * WAD // BPS
    judged = known_of(g).judged
    for instrument, params in t.before.instrument_params.items():
        maintenance = params.maintenance_bps
        found = envelope.terms(volatility_wad, judged.get(instrument, 0), maintenance, costs)
        wrong = f"{instrument:#x}: MM of {maintenance} bps against {found.sum_bps}"
        yield at_most(found.sum_bps, maintenance, wrong, "bps")


@invariant(69, refusals=True)
def outflows_bounded(t: Transition, g: Ghost) -> Judgement:
    """What leaves a vault fits its bucket, but for slices sold and one's own principal, which never wait for it."""
    if t.step is None:
        return
    if t.error == "OutflowExceeded":
        yield _refused(t, g)
        return
    sold = bool(t.named("SliceTaken"))
    for was, now in zip(t.before.system.assets, t.after.system.assets, strict=False):
        pushed = [event for event in t.named("Pushed") if event.address == was.vault]
        counted = 0
        for event in pushed:
            amount, exempt = event.args["amount"], event.args["exempt"]
            counted += max(0, amount - exempt)
            if not sold:
                accounts = [e.args["account"] for e in t.named("Withdrawn") if e.args["asset"] == was.asset]
                own = sum(exempt_of(g, t, account, amount) for account in accounts)
                free = own if was.asset == SETTLEMENT else 0
                yield at_most(exempt, free, f"asset {was.asset}: {exempt} were exempt", "units")
        if counted:
            room = max(0, was.outflow_capacity - was.outflow)
            wrong = f"asset {was.asset}: {counted} left where {room} fit"
            yield at_most(counted, room, wrong, "units")
            yield unless(now.outflow == was.outflow + counted, f"asset {was.asset}: {now.outflow} counted")
        elif pushed:
            # A bucket that shrank since the last count has leaked less since then.
            shrank = now.outflow_capacity < was.outflow_capacity
            counts = now.outflow > was.outflow and not shrank
            yield unless(not counts, f"asset {was.asset}: what is exempt was counted")


def _refused(t: Transition, g: Ghost) -> Room | str | None:
    """Only who withdraws may be told to wait, and only for what goes beyond his principal and the room there is."""
    facts = t.facts.get("withdrawn", t.facts)  # by a taker with code, before its margin is checked
    if t.action in ("take", "flash_take") and facts is t.facts:
        return f"{t.action} had to wait for the limit on outflows"
    if t.action not in ("withdraw", "flash_take") or facts.get("absurd"):
        return None
    asset = t.before.system.assets[facts["asset"]]
    free = exempt_of(g, t, facts["account"], facts["amount"]) if asset.asset == SETTLEMENT else 0
    room = max(0, asset.outflow_capacity - asset.outflow)
    return unless(facts["amount"] - free > room, f"{facts['amount']} were refused, {free} free, {room} fit")
