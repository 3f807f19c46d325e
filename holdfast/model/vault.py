"""Custody of one token: exact twin of `contracts/vault/Vault.sol`. What the token does is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace

from holdfast.errors import Refused
from holdfast.model import limits
from holdfast.model.limits import Limit
from holdfast.units import bps_down, mul_div_down


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What a vault is deployed with."""

    outflow_share_bps: int
    window_seconds: int
    ramp_seconds: int
    epoch_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Vault:
    rules: Rules
    cap: Limit
    floor: Limit
    held: int = 0  # owed to the ledger
    outflow: int = 0  # how full the bucket was,
    outflow_at: int = 0  # …when something last left that counts


def fresh(rules: Rules, cap: int, floor: int, time: int) -> Vault:
    return Vault(rules=rules, cap=limits.fresh(cap, time), floor=limits.fresh(floor, time))


def cap_of(vault: Vault, time: int) -> int:
    return limits.value_of(vault.cap, time, vault.rules.ramp_seconds)


def floor_of(vault: Vault, time: int) -> int:
    return limits.value_of(vault.floor, time, vault.rules.ramp_seconds)


def outflow_of(vault: Vault, time: int) -> tuple[int, int]:
    """How full the bucket is, and how much it holds."""
    capacity = max(floor_of(vault, time), bps_down(vault.held, vault.rules.outflow_share_bps))
    leaked = mul_div_down(capacity, time - vault.outflow_at, vault.rules.window_seconds)
    return max(0, vault.outflow - leaked), capacity


def pull(vault: Vault, amount: int, time: int, *, before: int, after: int) -> tuple[Vault, int]:
    """Credit what arrived of `amount`, given the vault's balance before and after the transfer."""
    if before < vault.held:
        raise Refused("Underfunded", before, vault.held)
    received = min(max(0, after - before), amount)
    if received == 0:
        raise Refused("NothingReceived")
    held, cap = vault.held + received, cap_of(vault, time)
    if held > cap:
        raise Refused("CapExceeded", held, cap)
    return replace(vault, held=held), received


def push(vault: Vault, amount: int, exempt: int, time: int) -> Vault:
    """All but `exempt` of it must fit the bucket."""
    if amount > vault.held:
        raise Refused("Underfunded", vault.held, amount)
    counted = max(0, amount - exempt)
    if counted:
        level, capacity = outflow_of(vault, time)
        available = max(0, capacity - level)
        if counted > available:
            raise Refused("OutflowExceeded", available, counted)
        vault = replace(vault, outflow=level + counted, outflow_at=time)
    return replace(vault, held=vault.held - amount)


def set_cap(vault: Vault, cap: int, time: int) -> Vault:
    return replace(vault, cap=_moved(vault, vault.cap, cap, time))


def tighten_cap(vault: Vault, cap: int, time: int) -> Vault:
    if cap >= (current := cap_of(vault, time)):
        raise Refused("NotTighter", current, cap)
    return replace(vault, cap=limits.tightened(vault.cap, cap))


def set_outflow_floor(vault: Vault, floor: int, time: int) -> Vault:
    return replace(vault, floor=_moved(vault, vault.floor, floor, time))


def tighten_outflow_floor(vault: Vault, floor: int, time: int) -> Vault:
    if floor >= (current := floor_of(vault, time)):
        raise Refused("NotTighter", current, floor)
    return replace(vault, floor=limits.tightened(vault.floor, floor))


def _moved(vault: Vault, limit: Limit, value: int, time: int) -> Limit:
    return limits.moved(limit, value, time, vault.rules.ramp_seconds, vault.rules.epoch_seconds)
