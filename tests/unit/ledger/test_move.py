"""move
├── caller has no right MOVE     -> NotEngine
├── either account doesn't exist -> NoSuchAccount
├── more than a signed number    -> Overflow
└── otherwise
    ├── takes from one, gives to the other, to the wei
    ├── below zero if need be: the engine knows why; no margin is asked
    ├── over debts: paid back on one side, made on the other
    └── to itself                changes nothing
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from tests.conftest import Refused
from tests.stage import wads
from tests.unit.ledger.world import FILLER, MOVE, OVERFLOW, SEIZER, STRANGER, Bench, open_position


@pytest.mark.parametrize("who", [FILLER, SEIZER, STRANGER], ids=["filler", "seizer", "stranger"])
def test_move__no_right__reverts(bench: Bench, refused: Refused, who: str) -> None:
    party = bench.party(10)
    with refused("NotEngine", caller=who, right=MOVE):
        bench.move(party, bench.treasury, 1, by=who)


def test_move__no_such_account__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party(10)
    with refused("NoSuchAccount", account=99):
        bench.move(party, 99, 1)
    with refused("NoSuchAccount", account=99):
        bench.move(99, party, 1)


def test_move__beyond_a_signed_number__reverts(bench: Bench) -> None:
    one, two = bench.party(10), bench.party()
    with pytest.raises(Reverted) as caught:
        bench.move(one, two, 2**255)
    assert caught.value.data == OVERFLOW


@pytest.mark.parametrize("wad", [0, 1, 10**18, 10 * 10**18])
def test_move__cash__to_the_wei(bench: Bench, wad: int) -> None:
    one, two = bench.party(10), bench.party(5)
    receipt = bench.move(one, two, wad)
    assert bench.cash(one) == wads(10) - wad
    assert bench.cash(two) == wads(5) + wad
    assert receipt.events == []  # whoever moves says why in its own


def test_move__below_zero__makes_a_debt(bench: Bench) -> None:
    one, _ = open_position(bench, 10, cash=2_000)
    two = bench.party()
    bench.move(one, two, wads(2_500))
    assert bench.cash(one) == -wads(500) and bench.cash(two) == wads(2_500)
    assert not bench.look(one).healthy


def test_move__over_debts__pays_and_makes(bench: Bench) -> None:
    bench.party(1_000)
    debtor, other = bench.indebted(100), bench.party(30)
    bench.move(other, debtor, wads(50))
    assert -wads(50.000_01) < bench.cash(debtor) <= -wads(50)
    assert -wads(20) <= bench.cash(other) < -wads(19.999_999)  # its cash earned something meanwhile


def test_move__to_itself__changes_nothing(bench: Bench) -> None:
    party = bench.party(10)
    bench.move(party, party, wads(25))
    assert bench.cash(party) == wads(10)
