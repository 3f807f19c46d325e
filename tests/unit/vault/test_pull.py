"""pull
├── caller isn't the ledger              -> NotLedger
├── the balance is below what is owed    -> Underfunded
├── the transfer fails                   -> TransferFromFailed
├── nothing arrived                      -> NothingReceived
├── it would exceed the cap              -> CapExceeded
└── otherwise                            -> credits what arrived, at most the amount; Pulled
    ├── a fee on the transfer            -> credits less
    ├── a donation, before or meanwhile  -> isn't credited
    ├── a positive rebase                -> isn't credited
    └── a call back into the vault       -> refused
"""

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.vault.conftest import CAP, FLOOR, FUNDS, RULES, MakeVault


def test_pull__not_the_ledger__reverts(vault: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NotLedger", caller=roles.trader):
        vault.send("pull", roles.trader, 1, sender=roles.trader)


def test_pull__plain__credits_the_amount(vault: Contract, token: Contract, roles: Roles) -> None:
    receipt = vault.send("pull", roles.trader, 400, sender=roles.ledger)

    assert [event.name for event in receipt.events] == ["Transfer", "Pulled"]
    assert receipt.event("Transfer").args == {"from": roles.trader, "to": vault.address, "value": 400}
    pulled = receipt.event("Pulled")
    assert pulled.address == vault.address
    assert pulled.args == {"from": roles.trader, "amount": 400, "received": 400}
    assert vault.call("held") == 400
    assert token.call("balanceOf", vault.address) == 400
    assert token.call("balanceOf", roles.trader) == FUNDS - 400


def test_pull__returns_what_arrived(vault: Contract, roles: Roles) -> None:
    assert vault.call("pull", roles.trader, 400, sender=roles.ledger) == 400


@pytest.mark.parametrize("held", [0, 400])
def test_pull__cap__is_the_last_that_fits(vault: Contract, roles: Roles, refused: Refused, held: int) -> None:
    if held:
        vault.send("pull", roles.trader, held, sender=roles.ledger)

    with refused("CapExceeded", held=CAP + 1, cap=CAP):
        vault.send("pull", roles.trader, CAP + 1 - held, sender=roles.ledger)

    vault.send("pull", roles.trader, CAP - held, sender=roles.ledger)
    assert vault.call("held") == CAP


def test_pull__no_allowance__reverts(
    vault: Contract, token: Contract, roles: Roles, refused: Refused
) -> None:
    token.send("approve", vault.address, 9, sender=roles.trader)

    with refused("TransferFromFailed"):
        vault.send("pull", roles.trader, 10, sender=roles.ledger)


def test_pull__zero__reverts(vault: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NothingReceived"):
        vault.send("pull", roles.trader, 0, sender=roles.ledger)


def test_pull__donation_before__is_not_credited(vault: Contract, token: Contract, roles: Roles) -> None:
    token.send("mint", vault.address, 5_000, sender=roles.stranger)

    assert vault.send("pull", roles.trader, 10, sender=roles.ledger).event("Pulled").args["received"] == 10
    assert vault.call("held") == 10


@pytest.mark.parametrize(
    ("fee_bps", "amount", "received"), [(100, 1_000, 990), (100, 99, 99), (9_999, 1, 1), (100, 1_010, 1_000)]
)
def test_pull__fee_on_transfer__credits_what_arrived(
    deploy: Callable[..., Contract],
    make_vault: MakeVault,
    roles: Roles,
    fee_bps: int,
    amount: int,
    received: int,
) -> None:
    vault = make_vault(deploy("MockFeeToken", fee_bps))

    receipt = vault.send("pull", roles.trader, amount, sender=roles.ledger)

    assert receipt.event("Pulled").args == {"from": roles.trader, "amount": amount, "received": received}
    assert vault.call("held") == received


def test_pull__fee_takes_all__reverts(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles, refused: Refused
) -> None:
    vault = make_vault(deploy("MockFeeToken", 10_000))

    with refused("NothingReceived"):
        vault.send("pull", roles.trader, 100, sender=roles.ledger)


def test_pull__negative_rebase__stops_until_it_is_filled(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles, refused: Refused
) -> None:
    token = deploy("MockRebasingToken")
    vault = make_vault(token)
    vault.send("pull", roles.trader, 500, sender=roles.ledger)

    token.send("rebase", 99 * WAD // 100, sender=roles.stranger)

    with refused("Underfunded", available=495, needed=500):
        vault.send("pull", roles.trader, 100, sender=roles.ledger)
    token.send("mint", vault.address, 6, sender=roles.stranger)  # arrives as ⌊6/0.99⌋ shares, worth 5
    vault.send("pull", roles.trader, 100, sender=roles.ledger)


def test_pull__positive_rebase__is_not_credited(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles
) -> None:
    token = deploy("MockRebasingToken")
    vault = make_vault(token)
    vault.send("pull", roles.trader, 500, sender=roles.ledger)

    token.send("rebase", 2 * WAD, sender=roles.stranger)
    vault.send("pull", roles.trader, 100, sender=roles.ledger)

    assert vault.call("held") == 600
    assert token.call("balanceOf", vault.address) == 1_100


def test_pull__donation_meanwhile__is_not_credited(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles
) -> None:
    token = deploy("MockReentrantToken", 6)
    vault = make_vault(token)
    token.send("arm", token.address, token.encode("mint", vault.address, 77), sender=roles.stranger)

    receipt = vault.send("pull", roles.trader, 10, sender=roles.ledger)

    assert receipt.event("Pulled").args["received"] == 10
    assert (token.call("calls"), token.call("lastSuccess")) == (1, True)
    assert token.call("balanceOf", vault.address) == 87
    assert vault.call("held") == 10


@pytest.mark.parametrize("function", ["pull", "push"])
def test_pull__calls_back__is_refused(
    deploy: Callable[..., Contract], make_vault: MakeVault, roles: Roles, function: str
) -> None:
    token = deploy("MockReentrantToken", 6)
    vault = make_vault(token)
    vault.send("pull", roles.trader, 10, sender=roles.ledger)
    token.send(
        "arm",
        vault.address,
        vault.encode(function, roles.trader, 5, *([0] if function == "push" else [])),
        sender=roles.stranger,
    )

    vault.send("pull", roles.trader, 10, sender=roles.ledger)

    assert (token.call("calls"), token.call("lastSuccess")) == (1, False)
    assert vault.call("held") == 20


def test_pull__token_without_code__reverts(
    make_vault: MakeVault,
    deploy: Callable[..., Contract],
    authority: Contract,
    roles: Roles,
    refused: Refused,
) -> None:
    vault = deploy("Vault", authority.address, roles.ledger, roles.stranger, (CAP, FLOOR, *RULES))

    with refused("TransferFromFailed"):
        vault.send("pull", roles.trader, 10, sender=roles.ledger)
