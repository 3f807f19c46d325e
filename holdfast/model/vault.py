"""Custody of one token: exact twin of `contracts/vault/Vault.sol`. What the token does is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace

from holdfast.errors import Refused


@dataclass(frozen=True, kw_only=True, slots=True)
class Vault:
    cap: int
    held: int = 0  # owed to the ledger


def pull(vault: Vault, amount: int, *, before: int, after: int) -> tuple[Vault, int]:
    """Credit what arrived of `amount`, given the vault's balance before and after the transfer."""
    if before < vault.held:
        raise Refused("Underfunded", before, vault.held)
    received = min(max(0, after - before), amount)
    if received == 0:
        raise Refused("NothingReceived")
    held = vault.held + received
    if held > vault.cap:
        raise Refused("CapExceeded", held, vault.cap)
    return replace(vault, held=held), received


def push(vault: Vault, amount: int) -> Vault:
    if amount > vault.held:
        raise Refused("Underfunded", vault.held, amount)
    return replace(vault, held=vault.held - amount)


def set_cap(vault: Vault, cap: int) -> Vault:
    if cap >= 2**128:
        raise Refused("SafeCastOverflowedUintDowncast", 128, cap)
    return replace(vault, cap=cap)


def tighten_cap(vault: Vault, cap: int) -> Vault:
    if cap >= vault.cap:
        raise Refused("NotTighter", vault.cap, cap)
    return set_cap(vault, cap)
