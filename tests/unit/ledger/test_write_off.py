"""writeOff
├── caller has no right SEIZE       -> NotEngine
├── account doesn't exist           -> NoSuchAccount
├── it holds something              -> StillHolds
├── it owes nothing                 -> NotInDebt
├── more is owed than all cash      -> DebtExceedsCredit
├── nobody has cash                 -> DebtExceedsCredit
└── otherwise
    ├── the debt is gone            emits WrittenOff with the loss and the new index
    ├── all cash bears it           in proportion, up to a wei
    └── other debts                 stay as they are
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import up, wads
from tests.unit.ledger.world import FILLER, MOVER, SEIZE, STRANGER, Bench, open_position


@pytest.mark.parametrize("who", [FILLER, MOVER, STRANGER], ids=["filler", "mover", "stranger"])
def test_write_off__no_right__reverts(bench: Bench, refused: Refused, who: str) -> None:
    debtor = bench.indebted(10)
    with refused("NotEngine", caller=who, right=SEIZE):
        bench.forgive(debtor, by=who)


def test_write_off__no_such_account__reverts(bench: Bench, refused: Refused) -> None:
    with refused("NoSuchAccount", account=99):
        bench.forgive(99)


def test_write_off__holds_something__reverts(bench: Bench, refused: Refused) -> None:
    long, short = open_position(bench)
    bench.move(long, short, wads(20_000))
    with refused("StillHolds", account=long.account, legs=1, holdings=0):
        bench.forgive(long)
    bench.deposit(long, "WETH", 1)
    bench.deposit(long, "WBTC", 1)
    with refused("StillHolds", account=long.account, legs=1, holdings=2):
        bench.forgive(long)


def test_write_off__a_closed_position_not_settled__reverts(bench: Bench, refused: Refused) -> None:
    """Its cash isn't in the account yet: anyone settles it first."""
    long, short = open_position(bench)
    bench.close_out(long)
    bench.move(short, long, wads(20_000))
    with refused("StillHolds", account=short.account, legs=1, holdings=0):
        bench.forgive(short)
    bench.send(bench.ledger, "settle", short.account, bench.eth, by="stranger")
    bench.forgive(short)


@pytest.mark.parametrize("cash", [0, 5])
def test_write_off__owes_nothing__reverts(bench: Bench, refused: Refused, cash: float) -> None:
    party = bench.party(cash)
    with refused("NotInDebt", account=party.account, cashWad=wads(cash)):
        bench.forgive(party)


def test_write_off__more_than_all_cash__reverts(bench: Bench, refused: Refused) -> None:
    """A debt of 100 whose cash was spent on another loss: 100 of credit can't bear 100."""
    debtor = bench.indebted(100)
    credit = bench.protocol.system().pool
    assert credit.credit_shares == wads(100)
    bench.send(bench.ledger, "accrueInterest", by="stranger")
    owed = -bench.ahead(debtor).cash_wad
    pool = bench.protocol.system().pool

    with refused(
        "DebtExceedsCredit",
        debtWad=owed,
        creditWad=_ahead_credit(bench),
    ):
        bench.forgive(debtor)
    assert pool.debt_shares == wads(100)


def test_write_off__nobody_has_cash__reverts(bench: Bench, refused: Refused) -> None:
    """Who was lent to has lost it, and the gain opposite is still open."""
    debtor = bench.party()
    loser, winner, heir = (bench.party(WETH=10) for _ in range(3))
    bench.move(debtor, loser, wads(30))
    bench.fill(loser, winner, 1, 2_000)
    bench.fill(heir, loser, 1, 1_960)
    assert bench.protocol.system().pool.credit_shares == 0

    with refused("DebtExceedsCredit", debtWad=-bench.cash(debtor), creditWad=0):
        bench.forgive(debtor)


def _ahead_credit(bench: Bench) -> int:
    """[wad] All credit, a second from now: it is the treasury's alone."""
    return bench.ahead(bench.treasury).cash_wad


def test_write_off__all_cash__bears_it_in_proportion(bench: Bench) -> None:
    one, two = bench.party(600), bench.party(300)
    other = bench.indebted(50)  # 50 with the treasury: 950 + 90 of credit
    debtor = bench.indebted(90)
    owed = {who: -bench.ahead(who).cash_wad for who in (debtor, other)}
    had = {who: bench.ahead(who).cash_wad for who in (one, two)}

    receipt = bench.forgive(debtor)

    written = receipt.event("WrittenOff").args
    assert (written["account"], written["lossWad"]) == (debtor.account, owed[debtor])
    pool = bench.protocol.system().pool
    assert written["creditIndexWad"] == pool.credit_index_wad
    fall = up(owed[debtor], WAD, pool.credit_shares)
    assert WAD + 10**12 > pool.credit_index_wad + fall > WAD  # a little interest before
    assert bench.cash(debtor) == 0
    assert -bench.cash(other) == owed[other]
    for who, cash in had.items():
        assert abs(cash - bench.cash(who) - cash * fall // (pool.credit_index_wad + fall)) <= 2


def test_write_off__no_debt_left__interest_stops(bench: Bench) -> None:
    lender = bench.party(1_000)
    bench.forgive(bench.indebted(10))
    cash = bench.cash(lender)
    assert wads(989) < cash < wads(991)
    bench.wait(365 * 86_400)
    assert bench.cash(lender) == cash
