"""listAsset
├── caller isn't the governor       -> AccessManagedUnauthorized
├── a token with 19 decimals        -> UnsupportedDecimals
├── a vault that is listed already  -> AlreadyListed
└── otherwise emits AssetListed, and gives the next id: the first is the settlement token
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Refused, Roles

HERE = "0x" + "11" * 20  # nothing here is ever called
CONFIG = (200, 100, 50, 28_800, 200, 8_000, 1_000, 10_000)


@pytest.fixture
def ledger(deploy: Callable[..., Contract], authority: Contract) -> Contract:
    """Alone: its administrator is the deployer."""
    return deploy("Ledger", authority.address, HERE, HERE, HERE, CONFIG)


@pytest.fixture
def vault(
    deploy: Callable[..., Contract], authority: Contract, ledger: Contract
) -> Callable[[int], Contract]:
    def put(decimals: int) -> Contract:
        token = deploy("MockToken", "Token", "T", decimals)
        return deploy("Vault", authority.address, ledger.address, token.address, (10**30, 10**30, 1, 1, 1, 1))

    return put


def test_list_asset__anybody_else__reverts(
    ledger: Contract, vault: Callable[[int], Contract], roles: Roles, refused: Refused
) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.stranger):
        ledger.send("listAsset", vault(18).address, 1, sender=roles.stranger)


def test_list_asset__19_decimals__reverts(
    ledger: Contract, vault: Callable[[int], Contract], roles: Roles, refused: Refused
) -> None:
    with refused("UnsupportedDecimals", decimals=19):
        ledger.send("listAsset", vault(19).address, 1, sender=roles.deployer)


def test_list_asset__twice__reverts(
    ledger: Contract, vault: Callable[[int], Contract], roles: Roles, refused: Refused
) -> None:
    one, two = vault(6), vault(18)
    for contract in (one, two):
        ledger.send("listAsset", contract.address, 1, sender=roles.deployer)
    for contract in (one, two):
        with refused("AlreadyListed"):
            ledger.send("listAsset", contract.address, 2, sender=roles.deployer)


def test_list_asset__in_order__next_id_and_unit(
    ledger: Contract, vault: Callable[[int], Contract], roles: Roles
) -> None:
    for place, (decimals, underlying) in enumerate([(6, 0), (18, 1), (8, 2), (0, 3)]):
        contract = vault(decimals)
        receipt = ledger.send("listAsset", contract.address, underlying, sender=roles.deployer)
        assert receipt.event("AssetListed").args == {
            "asset": place,
            "vault": contract.address,
            "underlying": underlying,
            "unit": 10 ** (18 - decimals),
        }
        assert tuple(ledger.call("assetOf", place)) == (
            contract.address,
            underlying,
            10 ** (18 - decimals),
        )
        assert ledger.call("assets") == place + 1
