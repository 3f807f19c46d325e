"""What a history has done to parameters, kept apart from the contracts: what stands, which heartbeats margins were held
against, and what may leave the vaults."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.model.ledger import FREE_PRINCIPAL_WAD, PRINCIPAL_UNIT_WAD
from holdfast.sim.ghost import FOLLOWERS, Ghost
from holdfast.sim.steps import Transition
from holdfast.types import SETTLEMENT, underlying_of

Key = tuple[str, int]
"""The event that tells of a parameter, and the instrument, or the asset, that it is of."""

STEPS: Final = {"InstrumentParamsSet", "AssetParamsSet", "CapSet", "OutflowFloorSet"}
"""Events of parameters that move by steps."""


@dataclass(frozen=True)
class Stand:
    """What the governor set last, and when he last took a step from what he had set before."""

    values: tuple[int, ...]
    stepped_at: int


@dataclass
class Known:
    stands: dict[Key, Stand] = field(default_factory=dict)
    heartbeats: dict[int, int] = field(default_factory=dict)  # [seconds] of the feeds, by underlying
    judged: dict[int, int] = field(default_factory=dict)  # …as margins were held against them, by instrument
    principal: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # [PRINCIPAL_UNIT_WAD]


def known_of(g: Ghost) -> Known:
    found = g.memory.get("standing")
    if found is None:
        found = g.memory["standing"] = _at_start(g)
    return found


def _at_start(g: Ghost) -> Known:
    """From the configuration, but for times and principal, which are asked once for a world, of its first block."""
    world, known = g.world, Known()
    protocol, cache = world.protocol, world.__dict__.setdefault("_standing", {})
    if not cache:
        for instrument in world.start.instrument_params:
            state = protocol.risk.call("instrumentState", instrument, block=world.block)
            cache["InstrumentParamsSet", instrument] = Stand(tuple(state.standing), state.steppedAt)
        for asset in world.start.system.assets:
            state = protocol.risk.call("assetState", asset.asset, block=world.block)
            if asset.asset != SETTLEMENT:
                cache["AssetParamsSet", asset.asset] = Stand(tuple(state.standing), state.steppedAt)
            limits = protocol.vaults[asset.asset].call("limits", block=world.block)
            for name, limit in zip(("CapSet", "OutflowFloorSet"), limits, strict=True):
                cache[name, asset.asset] = Stand((limit.standing,), limit.steppedAt)
        for account in world.start.accounts:
            free = protocol.ledger.call("freePrincipalOf", account.id, block=world.block)
            cache["principal", account.id] = free // PRINCIPAL_UNIT_WAD
    known.stands = {key: stand for key, stand in cache.items() if isinstance(stand, Stand)}
    known.principal.update({key[1]: value for key, value in cache.items() if key[0] == "principal"})
    underlyings = protocol.record.config["underlyings"]
    known.heartbeats = {
        underlying: underlyings[symbol]["heartbeat_seconds"]
        for underlying, symbol in protocol.symbols.items()
    }
    known.judged = {one: known.heartbeats[underlying_of(one)] for one in world.start.instrument_params}
    return known


def steps_in(g: Ghost, t: Transition) -> list[tuple[Key, tuple[int, ...]]]:
    """What the governor set in this transition."""
    if not t.named("OperationExecuted"):
        return []
    vaults = {vault.address: asset for asset, vault in enumerate(g.world.protocol.vaults)}
    found: list[tuple[Key, tuple[int, ...]]] = []
    for event in t.events:
        args: dict[str, Any] = event.args
        if event.name == "InstrumentParamsSet":
            found.append(((event.name, args["instrument"]), tuple(args["params"])))
        elif event.name == "AssetParamsSet":
            found.append(((event.name, args["asset"]), tuple(args["params"])))
        elif event.name in ("CapSet", "OutflowFloorSet") and event.address in vaults:
            value = args["cap" if event.name == "CapSet" else "floor"]
            found.append(((event.name, vaults[event.address]), (value,)))
    return found


def is_step(name: str, standing: tuple[int, ...], values: tuple[int, ...]) -> bool:
    """Whether it moves a number that steps are counted for."""
    if name == "InstrumentParamsSet":
        was, now = standing, values
        fell = any(now[place] < was[place] for place in (0, 1, 2))
        return fell or now[1] > was[1] or now[3] > was[3] or now[4] > was[4]
    if name == "AssetParamsSet":
        return values[0] < standing[0] or values[1] != standing[1]
    return values[0] > standing[0]


def _follow(g: Ghost, t: Transition) -> None:
    if t.step is None or not t.events:
        return
    known, now = known_of(g), t.after.system.time
    for event in t.named("FeedSet"):
        known.heartbeats[event.args["underlying"]] = event.args["feed"].heartbeatSeconds
    for key, values in steps_in(g, t):
        _set(known, key, values, now)
    unit_wad = t.after.system.assets[SETTLEMENT].unit_wad
    for event in t.events:
        args = event.args
        if event.name == "Deposited" and args["asset"] == SETTLEMENT:
            paid = args["amount"] * unit_wad // PRINCIPAL_UNIT_WAD
            most = FREE_PRINCIPAL_WAD // PRINCIPAL_UNIT_WAD
            known.principal[args["account"]] = min(most, known.principal[args["account"]] + paid)
        elif event.name == "Withdrawn" and args["asset"] == SETTLEMENT:
            used = -(-exempt_of(g, t, args["account"], args["amount"]) * unit_wad // PRINCIPAL_UNIT_WAD)
            known.principal[args["account"]] -= used


def _set(known: Known, key: Key, values: tuple[int, ...], now: int) -> None:
    name, of = key
    stand = known.stands.get(key)
    if name == "InstrumentParamsSet" and (stand is None or values[1] < stand.values[1]):
        known.judged[of] = known.heartbeats.get(underlying_of(of), 0)
    if stand is None or sum(stand.values) == 0:
        known.stands[key] = Stand(values, now)
        return
    kept = (*values[:-1], values[-1] or stand.values[-1]) if name != "AssetParamsSet" else values
    known.stands[key] = Stand(kept, now if is_step(name, stand.values, values) else stand.stepped_at)


def exempt_of(g: Ghost, t: Transition, account: int, amount: int) -> int:
    """How much of a withdrawal of cash no limit holds."""
    unit_wad = t.after.system.assets[SETTLEMENT].unit_wad
    return min(amount, known_of(g).principal[account] * PRINCIPAL_UNIT_WAD // unit_wad)


FOLLOWERS.append(_follow)
