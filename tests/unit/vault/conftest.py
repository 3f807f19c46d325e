"""A vault of a plain token, with an address in the ledger's place and a trader who owns tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Roles

CAP = 1_000
FUNDS = 10_000

FLOOR = 1_000  # [token] as much as the cap: nothing is held back, unless a test lowers it
SHARE_BPS, WINDOW, RAMP, EPOCH = 1_000, 1_000, 3_600, 86_400
RULES = (SHARE_BPS, WINDOW, RAMP, EPOCH)


class MakeVault(Protocol):
    def __call__(self, token: Contract, cap: int = CAP) -> Contract: ...


@pytest.fixture
def make_vault(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> MakeVault:
    """A vault of this token; the trader has FUNDS of it and allows the vault to take them."""

    def make(token: Contract, cap: int = CAP) -> Contract:
        vault = deploy("Vault", authority.address, roles.ledger, token.address, (cap, FLOOR, *RULES))
        permit(roles.governor, vault, "setCap", "setOutflowFloor")
        permit(roles.guardian, vault, "tightenCap", "tightenOutflowFloor")
        token.send("mint", roles.trader, FUNDS, sender=roles.deployer)
        token.send("approve", vault.address, 2**256 - 1, sender=roles.trader)
        return vault

    return make


@pytest.fixture
def token(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockToken", "Dollar", "USD", 6)


@pytest.fixture
def vault(make_vault: MakeVault, token: Contract) -> Contract:
    return make_vault(token)
