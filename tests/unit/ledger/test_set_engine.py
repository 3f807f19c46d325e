"""setEngine, revokeEngine
├── caller without the role        -> AccessManagedUnauthorized
├── setEngine                      gives exactly these rights, emits EngineSet; the last word counts
└── revokeEngine                   takes all of them, emits EngineSet with none
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Refused, Roles
from tests.unit.ledger.test_list_asset import CONFIG, HERE
from tests.unit.ledger.world import FILL, MOVE, SEIZE


@pytest.fixture
def ledger(deploy: Callable[..., Contract], authority: Contract) -> Contract:
    return deploy("Ledger", authority.address, HERE, HERE, HERE, CONFIG)


@pytest.mark.parametrize(("function", "args"), [("setEngine", (HERE, 7)), ("revokeEngine", (HERE,))])
def test_set_engine__anybody_else__reverts(
    ledger: Contract, roles: Roles, refused: Refused, function: str, args: tuple[Any, ...]
) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.stranger):
        ledger.send(function, *args, sender=roles.stranger)


@pytest.mark.parametrize("rights", [FILL, MOVE, SEIZE, MOVE | SEIZE, 7])
def test_set_engine__rights__are_exactly_these(
    ledger: Contract, roles: Roles, refused: Refused, rights: int
) -> None:
    engine = roles.keeper
    receipt = ledger.send("setEngine", engine, rights, sender=roles.deployer)
    assert receipt.event("EngineSet").args == {"engine": engine, "rights": rights}
    assert ledger.call("engineRights", engine) == rights

    calls = {
        FILL: ("fill", ((0, 1, 1, 1, 0, 0, 0, 0),), "SameAccount"),
        MOVE: ("move", (1, 1, 0), "NoSuchAccount"),
        SEIZE: ("take", (1, 1, 0, 0, HERE), "SameAccount"),
    }
    for right, (function, args, next_refusal) in calls.items():
        if rights & right:
            with refused(next_refusal, account=1):
                ledger.send(function, *args, sender=engine)
        else:
            with refused("NotEngine", caller=engine, right=right):
                ledger.send(function, *args, sender=engine)


def test_set_engine__again__last_word_counts(ledger: Contract, roles: Roles) -> None:
    for rights in (7, FILL, 0):
        ledger.send("setEngine", roles.keeper, rights, sender=roles.deployer)
        assert ledger.call("engineRights", roles.keeper) == rights


def test_revoke_engine__an_engine__has_no_rights_left(
    ledger: Contract, roles: Roles, refused: Refused
) -> None:
    ledger.send("setEngine", roles.keeper, 7, sender=roles.deployer)
    receipt = ledger.send("revokeEngine", roles.keeper, sender=roles.deployer)
    assert receipt.event("EngineSet").args == {"engine": roles.keeper, "rights": 0}
    assert ledger.call("engineRights", roles.keeper) == 0
    with refused("NotEngine", caller=roles.keeper, right=MOVE):
        ledger.send("move", 1, 1, 0, sender=roles.keeper)
