"""Who may change what, and who tries."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

from holdfast.chain.contract import Contract
from holdfast.sim.actions.scene import ZERO, Scene, action
from holdfast.sim.steps import Step, act
from holdfast.types import Level
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
    p = market.params
    around = s.rng.choice((-1, 0, 1, 1))
    choice = s.rng.randrange(4)

    def ask(contract: Contract, function: str, *args: Any) -> Step:
        return act(s.world, "tighten", contract, function, *args, sender=people.guardian)

    if choice == 0:
        cap = p.open_interest_cap_wad * s.rng.choice((95, 100, 105)) // 100
        rates = p.initial_bps + around, p.maintenance_bps, p.initial_max_bps + around, p.knee_bps - around
        return ask(protocol.risk, "tightenInstrument", market.instrument, (*rates, cap))
    if choice == 1:
        haircuts = asset.params.initial_haircut_bps + around, asset.params.maintenance_haircut_bps
        return ask(protocol.risk, "tightenAsset", asset.asset, haircuts)
    if choice == 2:
        cap = max(0, asset.cap + s.rng.choice((-1, 0, 1)) * asset.cap // 100)
        return ask(protocol.vaults[asset.asset], "tightenCap", cap)
    cap = max(0, market.insurance_cap_wad + s.rng.choice((-1, 0, 1)) * market.insurance_cap_wad // 50)
    return ask(protocol.insurance, "tightenCap", market.underlying, cap)


@action(weight=2)
def overreach(s: Scene) -> Step:
    """Somebody calls what is not his to call."""
    protocol, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    account, other = s.rng.choice(s.users), s.rng.choice(s.users)
    p = market.params
    looser = (
        p.initial_bps - 1,
        p.maintenance_bps - 1,
        p.initial_max_bps,
        p.knee_bps,
        2 * p.open_interest_cap_wad,
    )
    fill = (
        market.instrument,
        account.id,
        other.id,
        s.state.system.fees_account,
        WAD,
        market.price.spot_wad,
        0,
        0,
    )
    calls: tuple[tuple[Any, ...], ...] = (
        (protocol.risk, "setInstrument", market.instrument, looser),
        (protocol.risk, "setAsset", asset.asset, (1, 1)),
        (protocol.oracle, "setFeed", market.underlying, (ZERO, 3_600, 100, 1, 2**80)),
        (protocol.ledger, "setEngine", people.stranger, 7),
        (protocol.ledger, "revokeEngine", protocol.liquidation.address),
        (protocol.ledger, "listAsset", ZERO, 1),
        (protocol.ledger, "fill", fill),
        (protocol.ledger, "move", account.id, other.id, WAD),
        (protocol.ledger, "take", account.id, other.id, WAD, WAD, people.stranger),
        (protocol.ledger, "deleverage", account.id, market.instrument, WAD),
        (protocol.ledger, "writeOff", account.id),
        (protocol.positions, "trade", market.instrument, account.id, other.id, WAD, market.price.spot_wad),
        (protocol.positions, "listInstrument", market.instrument + 1),
        (protocol.vaults[asset.asset], "setCap", 2**127),
        (protocol.vaults[asset.asset], "pull", account.owner, 1_000),
        (protocol.vaults[asset.asset], "push", people.stranger, max(1, asset.held)),
        (protocol.insurance, "setCap", market.underlying, 2**100),
        (protocol.insurance, "setFundShare", 0),
        (protocol.insurance, "pay", market.underlying, account.id, WAD),
        (protocol.insurance, "payTreasury", people.stranger, 1),
        (protocol.liquidation, "setParams", astuple(s.ghost.params)),
        (protocol.venue, "setFees", 0, 0),
        (protocol.breaker, "relax", market.underlying),
        (protocol.breaker, "reportMove", market.underlying),
        (protocol.authority, "grantRole", 1, people.stranger, 0),
    )  # fmt: skip
    contract, function, *args = s.rng.choice(calls)
    sender = s.rng.choice((people.stranger, people.stranger, people.guardian, people.governor, people.keeper))
    if function == "revokeEngine" and sender == people.guardian:
        sender = people.stranger  # his right, and the end of the history
    return act(s.world, "overreach", contract, function, *args, sender=sender)


@action(weight=1)
def loosen(s: Scene) -> Step | None:
    """The governor schedules a loosening, waits out the delay, or not quite, and executes it."""
    protocol, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    p = market.params
    rates = p.initial_bps, p.maintenance_bps, p.initial_max_bps, p.knee_bps
    vault, raised = protocol.vaults[asset.asset], p.open_interest_cap_wad + WAD
    wishes: tuple[tuple[Any, ...], ...] = (
        (protocol.breaker, "relax", market.underlying),
        (vault, "setCap", asset.cap + 1),
        (protocol.insurance, "setCap", market.underlying, market.insurance_cap_wad + WAD),
        (protocol.insurance, "payTreasury", people.governor, 1),
        (protocol.risk, "setInstrument", market.instrument, (*rates, raised)),
    )
    contract, function, *args = s.rng.choice(wishes)
    request = contract.address, contract.encode(function, *args)
    schedule = act(s.world, "loosen", protocol.authority, "schedule", *request, 0, sender=people.governor)
    execute = act(s.world, "loosen", protocol.authority, "execute", *request, sender=people.governor)
    if s.ghost.scheduled and s.chance(0.7):
        return execute
    wait = 0 if s.chance(0.5) else s.world.delay + s.rng.choice((-1, 0, 1))
    return replace(schedule, wait=0) if wait == 0 else replace(execute, wait=wait)
