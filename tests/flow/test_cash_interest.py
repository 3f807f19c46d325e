"""Interest on negative cash: borrowers pay lenders, by how much of the cash is lent.

100,000 dollars of cash; 15,000 of it borrowed against 10 ETH. Utilisation 15 %: 2 % + 8 %·15/80 = 3.5 % a year.

├── a year             the debt is 15,525; the 525 go to all who have cash, no more
├── more is borrowed   the rate climbs; beyond the kink steeply
├── repaying           stops it; what was earned stays
└── a year of nothing  without debt cash doesn't grow, and time isn't charged for later
"""

from __future__ import annotations

import pytest

from tests.stage import Party, Stage, wads

YEAR = 365 * 86_400


@pytest.fixture
def lender(stage: Stage) -> Party:
    return stage.party(100_000)


@pytest.fixture
def borrower(stage: Stage, lender: Party) -> Party:
    borrower = stage.party(WETH=10)
    stage.withdraw(borrower, "USDC", 15_000)
    assert stage.cash(borrower) == wads(-15_000)
    assert stage.equity(borrower) == wads(5_000)
    return borrower


def test_cash_interest__a_year__goes_from_borrower_to_lender(
    stage: Stage, borrower: Party, lender: Party
) -> None:
    stage.wait(YEAR)

    paid = -stage.cash(borrower) - wads(15_000)
    got = stage.cash(lender) - wads(100_000)
    assert 0 <= paid - wads(525) <= 10**7  # up: the borrower may lose the wei
    assert 0 <= wads(525) - got <= 10**7  # down: so may the lender
    receipt = stage.send(stage.ledger, "accrueInterest", by="stranger")
    indices = receipt.event("InterestAccrued").args
    assert indices["debtIndexWad"] - wads(1.035) in range(2 * 10**9)  # and a second
    assert wads(1.005_25) - indices["creditIndexWad"] <= 2


def test_cash_interest__beyond_the_kink__climbs_steeply(stage: Stage, borrower: Party, lender: Party) -> None:
    stage.deposit(borrower, "WETH", 100)
    stage.withdraw(borrower, "USDC", 65_000)  # 80 % lent: the kink, 10 %
    debt = -stage.cash(borrower)
    stage.wait(YEAR // 365)
    at_the_kink = -stage.cash(borrower) - debt
    assert abs(at_the_kink - debt // 3_650) < wads(0.01)

    stage.drift("ETH", 2_000)
    stage.withdraw(borrower, "USDC", 10_000)  # 90 %: half way from 10 % to 100 %
    debt = -stage.cash(borrower)
    stage.wait(YEAR // 365)
    beyond = -stage.cash(borrower) - debt
    assert abs(beyond - debt * 55 // 36_500) < debt // 10_000


def test_cash_interest__repaid__stops(stage: Stage, borrower: Party, lender: Party) -> None:
    stage.wait(YEAR // 2)
    stage.deposit(borrower, "USDC", 15_400)  # more than the debt of 15,262.5
    assert stage.cash(borrower) > 0
    earned = stage.cash(lender)

    stage.wait(YEAR)

    assert stage.cash(lender) == earned
    stage.drift("ETH", 2_000)
    stage.withdraw(lender, "USDC", 100_262)
    stage.withdraw(borrower, "WETH", 10)  # nothing is owed


def test_cash_interest__without_debt__time_is_not_charged_later(stage: Stage, lender: Party) -> None:
    stage.wait(YEAR)
    assert stage.cash(lender) == wads(100_000)
    stage.drift("ETH", 2_000)
    borrower = stage.party(WETH=10)

    stage.withdraw(borrower, "USDC", 15_000)

    assert stage.cash(borrower) == wads(-15_000)
    pool = stage.protocol.system().pool
    assert pool.debt_index_wad == pool.credit_index_wad == 10**18
