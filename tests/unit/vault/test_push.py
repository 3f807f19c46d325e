"""push
├── caller isn't the ledger       -> NotLedger
├── more than is held             -> Underfunded, even if donations would cover it
├── more than the token has       -> TransferFailed
└── otherwise                     -> moves the tokens, Pushed
    └── a call back into the vault -> refused, after the books are closed
"""

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.vault.conftest import MakeVault


@pytest.fixture
def funded(vault: Contract, roles: Roles) -> Contract:
    """It holds 500."""
    vault.send("pull", roles.trader, 500, sender=roles.ledger)
    return vault


def test_push__not_the_ledger__reverts(funded: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NotLedger", caller=roles.deployer):
        funded.send("push", roles.deployer, 1, 0, sender=roles.deployer)


@pytest.mark.parametrize("amount", [1, 499, 500])
def test_push__held__moves(funded: Contract, token: Contract, roles: Roles, amount: int) -> None:
    receipt = funded.send("push", roles.stranger, amount, 0, sender=roles.ledger)

    assert [event.name for event in receipt.events] == ["Pushed", "Transfer"]
    assert receipt.event("Pushed").args == {"to": roles.stranger, "amount": amount, "exempt": 0}
    assert receipt.event("Transfer").args == {"from": funded.address, "to": roles.stranger, "value": amount}
    assert funded.call("held") == 500 - amount
    assert token.call("balanceOf", roles.stranger) == amount
    assert token.call("balanceOf", funded.address) == 500 - amount


def test_push__more_than_held__reverts(
    funded: Contract, token: Contract, roles: Roles, refused: Refused
) -> None:
    token.send("mint", funded.address, 1_000, sender=roles.stranger)

    with refused("Underfunded", available=500, needed=501):
        funded.send("push", roles.trader, 501, 0, sender=roles.ledger)


def test_push__more_than_the_balance__reverts(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles, refused: Refused
) -> None:
    token = deploy("MockRebasingToken")
    vault = make_vault(token)
    vault.send("pull", roles.trader, 500, sender=roles.ledger)
    token.send("rebase", WAD // 2, sender=roles.stranger)

    with refused("TransferFailed"):
        vault.send("push", roles.trader, 251, 0, sender=roles.ledger)
    vault.send("push", roles.trader, 250, 0, sender=roles.ledger)
    assert vault.call("held") == 250


def test_push__above_the_cap__still_moves(funded: Contract, roles: Roles) -> None:
    funded.send("tightenCap", 0, sender=roles.guardian)

    funded.send("push", roles.trader, 500, 0, sender=roles.ledger)

    assert funded.call("held") == 0


def test_push__fee_on_transfer__owes_less_by_the_amount(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles
) -> None:
    token = deploy("MockFeeToken", 100)
    vault = make_vault(token)
    vault.send("pull", roles.trader, 1_000, sender=roles.ledger)

    vault.send("push", roles.stranger, 200, 0, sender=roles.ledger)

    assert vault.call("held") == 790
    assert token.call("balanceOf", vault.address) == 790
    assert token.call("balanceOf", roles.stranger) == 198


@pytest.mark.parametrize("function", ["pull", "push"])
def test_push__calls_back__is_refused(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles, function: str
) -> None:
    token = deploy("MockReentrantToken", 6)
    vault = make_vault(token)
    vault.send("pull", roles.trader, 100, sender=roles.ledger)
    token.send(
        "arm",
        vault.address,
        vault.encode(function, roles.trader, 5, *([0] if function == "push" else [])),
        sender=roles.stranger,
    )

    vault.send("push", roles.trader, 60, 0, sender=roles.ledger)

    assert (token.call("calls"), token.call("lastSuccess")) == (1, False)
    assert vault.call("held") == 40


def test_push__calls_back_to_look__sees_closed_books(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles
) -> None:
    token = deploy("MockReentrantToken", 6)
    vault = make_vault(token)
    vault.send("pull", roles.trader, 100, sender=roles.ledger)
    token.send("arm", vault.address, vault.encode("held"), sender=roles.stranger)

    vault.send("push", roles.trader, 60, 0, sender=roles.ledger)

    assert int.from_bytes(token.call("lastResult"), "big") == 40
