"""Who may change what, and who tries."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

from holdfast.chain.contract import Contract
from holdfast.model.options import is_option
from holdfast.sim.actions.scene import MOST_PAYMENT, ZERO, Scene, action
from holdfast.sim.actions.trade import cross
from holdfast.sim.book import book_of
from holdfast.sim.keys import keys_of
from holdfast.sim.stakes import stakes_of
from holdfast.sim.steps import Step, act
from holdfast.sim.surfaces import known_of
from holdfast.types import InstrumentId, Level
from holdfast.units import WAD


@action(weight=1)
def trip(s: Scene) -> Step:
    people, breaker = s.world.people, s.world.protocol.breaker
    most = s.world.protocol.record.config["breaker"]["max_pause_seconds"]
    seconds = s.rng.choice((0, 1, 60, 600, most, most + 1))
    level = s.rng.choice((Level.CAUTIOUS, Level.CAUTIOUS, Level.HALTED, Level.NORMAL))
    underlying = s.rng.choice((0, *(market.underlying for market in s.state.markets)))
    sender = people.guardian if s.chance(0.9) else s.rng.choice((people.stranger, people.governor))
    return act(s.world, "trip", breaker, "trip", underlying, level, seconds, sender=sender)


@action(weight=1)
def tighten(s: Scene) -> Step:
    """The guardian asks for something tighter, or tries something looser."""
    protocol, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets[1:])
    instrument, p = s.margined(market)
    around = s.rng.choice((-1, 0, 1, 1))
    choice = s.rng.randrange(7)

    def ask(contract: Contract, function: str, *args: Any) -> Step:
        return act(s.world, "tighten", contract, function, *args, sender=people.guardian)

    if choice == 0:
        cap = p.open_interest_cap_wad * s.rng.choice((95, 100, 105)) // 100
        rates = p.initial_bps + around, p.maintenance_bps, p.initial_max_bps + around, p.knee_bps - around
        return ask(protocol.risk, "tightenInstrument", instrument, (*rates, cap))
    if choice == 1:
        haircuts = asset.params.initial_haircut_bps + around, asset.params.maintenance_haircut_bps
        return ask(protocol.risk, "tightenAsset", asset.asset, haircuts)
    if choice == 2:
        cap = max(0, asset.cap + s.rng.choice((-1, 0, 1)) * asset.cap // 100)
        return ask(protocol.vaults[asset.asset], "tightenCap", cap)
    if choice == 3:
        vault = s.rng.choice(s.assets)
        floor = max(0, vault.outflow_capacity * s.rng.choice((90, 99, 100, 101)) // 100)
        return ask(protocol.vaults[vault.asset], "tightenOutflowFloor", floor)
    if choice == 4:
        depth = market.depth_wad * s.rng.choice((24, 25, 50, 99, 100, 101)) // 100 + s.rng.choice((0, 0, 1))
        return ask(protocol.throttle, "tightenDepth", market.underlying, depth)
    if choice == 5:
        underlying, params, _ = scan_by(s, market.underlying, 100)
        return ask(protocol.scans, "tightenScan", underlying, max(0, params[5] + around))
    cap = max(0, market.insurance_cap_wad + s.rng.choice((-1, 0, 1)) * market.insurance_cap_wad // 50)
    return ask(protocol.insurance, "tightenCap", market.underlying, cap)


@action(weight=2)
def overreach(s: Scene) -> Step:
    """Somebody calls what is not his to call."""
    people = s.world.people
    contract, function, *args = s.rng.choice((*_engines(s), *_governed(s), *_administered(s), *_guarded(s)))
    thieves = people.stranger, people.stranger, people.guardian, people.governor, people.keeper
    sender = s.rng.choice(thieves)
    rights = ("trip", "revokeEngine", "stop", "dropSmile")
    if sender == people.guardian and (function.startswith("tighten") or function in rights):
        sender = people.stranger  # his right
    if sender == people.governor and function == "schedule":
        sender = people.stranger  # whoever is the administrator may schedule anything
    return act(s.world, "overreach", contract, function, *args, sender=sender)


@action(weight=1)
def nowhere(s: Scene) -> Step:
    """Accounts, assets, markets and orders that don't exist; nothing at all; oneself."""
    p = s.world.protocol
    account, asset = s.rng.choice(s.users), s.rng.choice(s.assets)
    market, gone, unit = s.rng.choice(s.state.markets), s.rng.choice((0, 10**6, 2**64 - 1)), 1
    other = InstrumentId(market.instrument + s.rng.choice((1, 2**128, 2**184, 7 << 168)))
    bid = WAD, 0, MOST_PAYMENT, 0, ZERO, b""
    deeds: tuple[Deed, ...] = (
        (p.ledger, "deposit", gone, 0, unit),
        (p.ledger, "deposit", account.id, 99, unit),
        (p.ledger, "deposit", account.id, asset.asset, 0),
        (p.ledger, "withdraw", gone, 0, unit, account.owner),
        (p.ledger, "withdraw", account.id, 99, unit, account.owner),
        (p.ledger, "withdraw", account.id, asset.asset, 0, account.owner),
        (p.ledger, "settle", gone, market.instrument),
        (p.ledger, "settle", account.id, other),
        (p.positions, "accrue", other),
        (p.oracle, "poke", [gone % 2**16]),
        (p.liquidation, "start", gone, account.id),
        (p.liquidation, "take", (gone, account.id, *bid)),
        (p.liquidation, "take", (account.id, account.id, *bid)),
        (p.liquidation, "deleverage", gone, market.instrument),
        (p.liquidation, "writeOff", gone),
        (p.liquidation, "reportDeficit", gone),
        (p.liquidation, "writeOff", s.state.system.fund_account),
        (p.insurance, "stake", gone, unit),
        (p.insurance, "stake", account.id, 0),
        (p.insurance, "requestUnstake", account.id, 2**127),
        (p.insurance, "unstake", gone),
        (p.insurance, "hold", gone),
        (p.venue, "raiseNonceFloor", gone, 1),
        (p.venue, "matchOrders", *cross(s, market, account, account, WAD)[1]),
        (p.venue, "matchOrders", *cross(s, replace(market, instrument=other), account, s.users[0], WAD)[1]),
    )
    contract, function, *args = s.rng.choice(deeds)
    return act(s.world, "nowhere", contract, function, *args, sender=account.owner)


Deed = tuple[Any, ...]
"""A contract, a function of it, and its arguments."""


def _engines(s: Scene) -> tuple[Deed, ...]:
    """What contracts may ask of each other."""
    p, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    account, other = s.rng.choice(s.users), s.rng.choice(s.users)
    instrument, mark = market.instrument, market.price.spot_wad
    fill = instrument, account.id, other.id, s.state.system.fees_account, WAD, mark, 0, 0
    return (
        (p.ledger, "fill", fill),
        (p.ledger, "move", account.id, other.id, WAD),
        (p.ledger, "take", account.id, other.id, WAD, WAD, people.stranger),
        (p.ledger, "deleverage", account.id, instrument, WAD),
        (p.ledger, "writeOff", account.id),
        (p.positions, "trade", instrument, account.id, other.id, WAD, mark),
        (p.positions, "take", account.id, other.id, WAD),
        (p.positions, "deleverage", account.id, instrument, WAD),
        (p.positions, "settle", account.id, instrument),
        (p.vaults[asset.asset], "pull", account.owner, 1_000),
        (p.vaults[asset.asset], "push", people.stranger, max(1, asset.held), 0),
        (p.insurance, "pay", market.underlying, account.id, WAD),
        (p.breaker, "reportMove", market.underlying),
        (p.breaker, "reportDeficit", True),
        (p.breaker, "reportDeficit", False),
        (p.throttle, "draw", [], WAD),
        (p.breaker, "reportResume", market.underlying),
        (s.rng.choice(list(p.tranches.values())), "begin"),
        (s.rng.choice(p.feeds[market.underlying]), "set", 1),
        (s.rng.choice(p.feeds[market.underlying]), "setAt", 1, s.now),
    )


def _governed(s: Scene) -> tuple[Deed, ...]:
    """What is the governor's, after his delay."""
    p, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    now = market.params
    looser = (
        now.initial_bps - 1,
        now.maintenance_bps - 1,
        now.initial_max_bps,
        now.knee_bps,
        2 * now.open_interest_cap_wad,
    )
    return (
        (p.risk, "setInstrument", market.instrument, looser),
        (p.risk, "setAsset", asset.asset, (1, 1)),
        (p.oracle, "setFeed", market.underlying, ([ZERO], 1, 100, 3_600, 100, 1, 2**80)),
        (p.ledger, "setEngine", people.stranger, 7),
        (p.ledger, "listAsset", ZERO, 1),
        (p.positions, "listInstrument", market.instrument + 1),
        (p.vaults[asset.asset], "setCap", 2**111),
        (p.vaults[asset.asset], "setOutflowFloor", 2**111),
        (p.insurance, "setCap", market.underlying, 2**100),
        (p.insurance, "setFloor", market.underlying, 0),
        (p.insurance, "setParams", astuple(stakes_of(s.ghost).params)),
        (p.insurance, "payTreasury", people.stranger, 1),
        (p.liquidation, "setParams", astuple(s.ghost.params)),
        (p.throttle, "setDepth", market.underlying, 2**90, 1),
        (p.venue, "setFees", 0, 0),
        (s.rng.choice(list(p.tranches.values())), "setParams", (2**100, 1, 0, 0, 0, 1, 1, 0, 0)),
        (p.breaker, "relax", market.underlying),
        (p.scans, "setScan", *scan_by(s, market.underlying, 101)),
        (p.scans, "net", asset.asset, market.underlying),
        (p.scans, "setCorrelation", 10_000),
        (p.surface, "setSmile", market.underlying, s.now + 86_400, (10**9, 0, 0, 0, 10**8)),  # the feeder's
    )


def _administered(s: Scene) -> tuple[Deed, ...]:
    """What is the administrator's, after a longer one; and the doors of the access manager itself."""
    p, people = s.world.protocol, s.world.people
    authority, thief = p.authority, people.stranger
    managed = (
        p.breaker,
        p.oracle,
        p.surface,
        p.scans,
        p.risk,
        p.ledger,
        p.positions,
        p.insurance,
        p.liquidation,
        p.throttle,
        p.venue,
        *p.vaults,
        *p.tranches.values(),
    )
    target = s.rng.choice(managed)
    grant = authority.encode("grantRole", 1, thief, 0)
    free = p.ledger.artifact.find("setEngine").selector
    request = p.ledger.address, p.ledger.encode("setEngine", thief, 7)
    return (
        (authority, "grantRole", 1, thief, 0),
        (authority, "revokeRole", 2, people.guardian),
        (authority, "renounceRole", 2, ZERO),
        (authority, "labelRole", 1, "thief"),
        (authority, "setRoleAdmin", 1, 2),
        (authority, "setRoleGuardian", 1, 0),
        (authority, "setGrantDelay", 1, 0),
        (authority, "setTargetFunctionRole", p.ledger.address, [free], 2**64 - 1),
        (authority, "setTargetAdminDelay", target.address, 0),
        (authority, "setTargetClosed", target.address, True),
        (authority, "updateAuthority", target.address, thief),
        (authority, "multicall", [grant]),
        (authority, "execute", *request),
        (authority, "schedule", p.ledger.address, p.ledger.encode("open", 2), 0),
        (authority, "cancel", people.governor, *request),
        *((one, "setAuthority", thief) for one in s.rng.sample(managed, 6)),
    )


def _guarded(s: Scene) -> tuple[Deed, ...]:
    """What is the guardian's, at once."""
    p = s.world.protocol
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets[1:])
    now = market.params
    rates = now.initial_bps + 1, now.maintenance_bps, now.initial_max_bps + 1, now.knee_bps, 0
    return (
        (p.breaker, "trip", market.underlying, Level.HALTED, 60),
        (p.risk, "tightenInstrument", market.instrument, rates),
        (
            p.risk,
            "tightenAsset",
            asset.asset,
            (asset.params.initial_haircut_bps + 1, asset.params.maintenance_haircut_bps),
        ),
        (p.ledger, "revokeEngine", p.liquidation.address),
        (p.vaults[asset.asset], "tightenCap", 0),
        (p.vaults[asset.asset], "tightenOutflowFloor", 0),
        (p.insurance, "tightenCap", market.underlying, 0),
        (p.throttle, "tightenDepth", market.underlying, market.depth_wad),
        (s.rng.choice(list(p.tranches.values())), "stop", 60),
        (p.surface, "dropSmile", market.underlying, s.now + 86_400),
        (p.scans, "tightenScan", market.underlying, 10_000),
    )


@action(weight=2)
def loosen(s: Scene) -> Step | None:
    """The governor schedules a loosening, waits out the delay, or not quite, and executes it."""
    known = [plot for plot in keys_of(s.ghost).plots.values() if plot.ready <= s.now + s.world.delay + 1]
    if known and s.chance(0.7):
        plot = s.rng.choice(known)
        wait = max(0, plot.ready - s.now + s.rng.choice((-1, 0, 0, 1)))
        return executing(s, "loosen", plot.target, plot.data, wait=wait if s.chance(0.8) else 0)
    protocol, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    instrument, p = s.margined(market)
    cap, collateral = p.open_interest_cap_wad, s.rng.choice(s.assets[1:])
    vault = protocol.vaults[asset.asset]
    # MM a little up or down, IM beside it; haircuts, too.
    maintenance = p.maintenance_bps * s.rng.choice((75, 99, 100, 100, 101, 150, 200)) // 100
    initial = max(maintenance + 1, p.initial_bps * s.rng.choice((90, 100, 100, 120)) // 100)
    rates = initial, maintenance, max(initial, p.initial_max_bps), p.knee_bps
    cuts = collateral.params
    lower = cuts.initial_haircut_bps * s.rng.choice((75, 90, 100, 150)) // 100
    haircuts = (
        min(10_000, lower),
        min(10_000, lower, cuts.maintenance_haircut_bps * s.rng.choice((75, 100, 200)) // 100),
    )
    treasury = s.state.system.treasury_wad // s.assets[0].unit_wad
    wishes: tuple[tuple[Any, ...], ...] = (
        (protocol.breaker, "relax", market.underlying),
        (vault, "setCap", asset.cap + s.rng.choice((1, asset.cap, asset.cap + 1))),
        (vault, "setOutflowFloor", s.rng.choice((1, 2, 3)) * asset.outflow_capacity),
        (protocol.insurance, "setCap", market.underlying, market.insurance_cap_wad + WAD),
        (protocol.insurance, "setFloor", market.underlying, s.log(10**17, 10**19)),
        (protocol.insurance, "payTreasury", people.governor, s.amount(1, max(1, treasury), [treasury])),
        (protocol.throttle, "setDepth", market.underlying, market.depth_wad * s.rng.choice((1, 2)), 60),
        _other_params(s),
        (protocol.scans, "net", collateral.asset, market.underlying),
    )
    margins: tuple[tuple[Any, ...], ...] = (  # where most can go wrong
        (protocol.risk, "setInstrument", instrument, (*rates, cap + s.rng.choice((0, WAD, cap)))),
        (protocol.risk, "setAsset", collateral.asset, haircuts),
        s.rng.choice(_scanned(s, protocol.scans, market.underlying)),
    )
    contract, function, *args = s.rng.choice(margins if s.chance(0.4) else wishes)
    return scheduling(s, "loosen", contract, function, *args)


def _scanned(s: Scene, scans: Contract, underlying: int) -> tuple[Deed, ...]:
    """Scenarios and correlation moved by as much as a step, less, or a little more."""
    percent = s.rng.choice((74, 75, 90, 101, 150, 200, 201))
    correlation = known_of(s.ghost).scans.correlation_bps * percent // 100
    return (
        (scans, "setScan", *scan_by(s, underlying, percent)),
        (scans, "setCorrelation", min(2**16 - 1, correlation)),
    )


def scan_by(s: Scene, underlying: int, percent: int) -> tuple[Any, ...]:
    """The scan of an underlying with a few of its numbers at so many percent, as `Scans.setScan` takes it."""
    known = known_of(s.ghost).scans
    underlying = underlying if underlying in known.scans else min(known.scans)
    params, grid = known.scans[underlying], known.grids[underlying]
    names = s.rng.sample(("maintenance_bps", "short_option_bps", "tail_bps", "net_delta_bps"), 2)
    params = replace(params, **{name: getattr(params, name) * percent // 100 for name in names})
    if s.chance(0.5):
        grid = replace(grid, spots_bps=tuple(spot * percent // 100 for spot in grid.spots_bps))
    return underlying, astuple(params), astuple(grid)


def _other_params(s: Scene) -> Deed:
    """A tranche that may lose more, or less than it has lost."""
    market = s.rng.choice(sorted(s.world.backstops))
    now = book_of(s.ghost).tranches[market].twin.params
    cap = max(0, now.loss_cap_wad + s.rng.choice((-1, 1)) * s.log(1, now.loss_cap_wad or WAD))
    return s.world.backstops[market].tranche, "setParams", astuple(replace(now, loss_cap_wad=cap))


def scheduling(s: Scene, name: str, contract: Contract, function: str, *args: Any, when: int = 0) -> Step:
    """The governor asks for a call, for as soon as may be or for `when` [seconds]."""
    request = contract.address, contract.encode(function, *args)
    step = act(
        s.world, name, s.world.protocol.authority, "schedule", *request, when, sender=s.world.people.governor
    )
    return replace(step, text=(f"{step.text[0]} = {s.world.say(contract, function, args, '')}",))


def executing(s: Scene, name: str, target: str, data: bytes, *, wait: int) -> Step:
    """The governor executes what was scheduled. It may touch anybody; after some of it nothing is promised any more."""
    facts = {"moves": (0,), **({"ends": True} if is_final(s, data) else {})}
    return act(
        s.world, name, s.world.protocol.authority, "execute", target, data, sender=s.world.people.governor,
        wait=wait, wide=True, accounts=frozenset(s.own), facts=facts,
    )  # fmt: skip


def is_final(s: Scene, data: bytes) -> bool:
    """Is nothing promised any more after this call? A series lies on a grid, whoever asks for it: that ends nothing."""
    listing = s.world.protocol.positions.artifact.find("listInstrument").selector
    if data[:4] == listing and is_option(int.from_bytes(data[4:36], "big")):
        return False
    return data[:4] in _final_calls(s)


def _final_calls(s: Scene) -> set[bytes]:
    """Selectors after whose execution nothing is promised any more."""
    p = s.world.protocol
    wishes: tuple[tuple[Contract, str], ...] = (
        (p.ledger, "setEngine"),
        (p.ledger, "listAsset"),
        (p.positions, "listInstrument"),
        *(
            (p.authority, name)
            for name in ("grantRole", "setTargetFunctionRole", "updateAuthority", "setRoleAdmin")
        ),
        (p.authority, "setTargetAdminDelay"),
    )
    return {contract.artifact.find(function).selector for contract, function in wishes}
