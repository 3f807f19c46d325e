"""setCap
├── caller has no role           -> AccessManagedUnauthorized
├── it doesn't fit 128 bits      -> SafeCastOverflowedUintDowncast
└── otherwise                    -> up or down, CapSet
tightenCap
├── caller has no role           -> AccessManagedUnauthorized
├── not lower                    -> NotTighter
└── lower                        -> CapSet; below what is held it stops deposits alone
"""

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Refused, Roles
from tests.unit.vault.conftest import CAP


def test_set_cap__no_role__reverts(vault: Contract, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.guardian):
        vault.send("setCap", 1, sender=roles.guardian)


def test_set_cap__too_large__reverts(vault: Contract, roles: Roles, refused: Refused) -> None:
    with refused("SafeCastOverflowedUintDowncast", bits=128, value=2**128):
        vault.send("setCap", 2**128, sender=roles.governor)


@pytest.mark.parametrize("cap", [0, CAP - 1, CAP + 1, 2**128 - 1])
def test_set_cap__up_or_down__is_set(vault: Contract, roles: Roles, cap: int) -> None:
    vault.send("pull", roles.trader, 7, sender=roles.ledger)

    receipt = vault.send("setCap", cap, sender=roles.governor)

    assert [(event.name, event.args) for event in receipt.events] == [("CapSet", {"cap": cap})]
    assert vault.call("cap") == cap
    assert vault.call("held") == 7  # in the same word


def test_tighten_cap__no_role__reverts(vault: Contract, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.governor):
        vault.send("tightenCap", 1, sender=roles.governor)


@pytest.mark.parametrize("cap", [CAP, CAP + 1, 2**256 - 1])
def test_tighten_cap__not_lower__reverts(vault: Contract, roles: Roles, refused: Refused, cap: int) -> None:
    with refused("NotTighter", current=CAP, proposed=cap):
        vault.send("tightenCap", cap, sender=roles.guardian)


def test_tighten_cap__below_held__stops_deposits_alone(
    vault: Contract, roles: Roles, refused: Refused
) -> None:
    vault.send("pull", roles.trader, 500, sender=roles.ledger)

    receipt = vault.send("tightenCap", 400, sender=roles.guardian)

    assert [(event.name, event.args) for event in receipt.events] == [("CapSet", {"cap": 400})]
    with refused("CapExceeded", held=501, cap=400):
        vault.send("pull", roles.trader, 1, sender=roles.ledger)
    vault.send("push", roles.trader, 101, sender=roles.ledger)
    vault.send("pull", roles.trader, 1, sender=roles.ledger)
    assert vault.call("held") == 400
