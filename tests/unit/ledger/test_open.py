"""open
├── mode is None            -> UnknownMode
├── mode is no mode at all  -> refused without data
└── otherwise
    ├── gives the next id to the caller, emits AccountOpened
    └── the account holds and owes nothing; many per owner
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.types import Mode
from tests.conftest import Refused
from tests.unit.ledger.world import STRANGER, Bench


def test_open__mode_none__reverts(bench: Bench, refused: Refused) -> None:
    with refused("UnknownMode", mode=Mode.NONE):
        bench.send(bench.ledger, "open", Mode.NONE, by="stranger")


def test_open__no_mode__reverts(bench: Bench) -> None:
    with pytest.raises(Reverted) as caught:
        bench.send(bench.ledger, "open", max(Mode) + 1, by="stranger")
    assert caught.value.name == "Empty"


@pytest.mark.parametrize("mode", [Mode.ISOLATED, Mode.CROSS, Mode.PORTFOLIO])
def test_open__a_mode__next_id_belongs_to_the_caller(bench: Bench, mode: Mode) -> None:
    before = bench.ledger.call("accounts")
    receipt = bench.send(bench.ledger, "open", mode, by="stranger")

    assert receipt.event("AccountOpened").args == {"account": before + 1, "owner": STRANGER, "mode": mode}
    assert bench.ledger.call("accounts") == before + 1
    found = bench.look(before + 1)
    assert (found.owner, found.mode) == (STRANGER, mode)
    assert (found.cash_wad, found.positions, found.holdings) == (0, (), ())


def test_open__twice__two_accounts_of_one_owner(bench: Bench) -> None:
    one, two = (
        bench.send(bench.ledger, "open", Mode.CROSS, by="stranger").event("AccountOpened").args["account"]
        for _ in range(2)
    )
    assert two == one + 1
    assert bench.ledger.call("ownerOf", one) == bench.ledger.call("ownerOf", two) == STRANGER
