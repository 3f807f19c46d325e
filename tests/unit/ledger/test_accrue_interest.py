"""accrueInterest
├── nobody owes            the indices stand still, however long
├── somebody owes
│   ├── the debt index     grows by the rate at the utilisation, up
│   ├── the credit index   by what that pays, shared by all credit, down
│   ├── beyond the kink    steeper
│   ├── more owed than lent  at the highest rate
│   └── nobody lends       the indices stand still: there is nobody to pay
├── twice in a block       changes nothing the second time
├── in steps               no less for the protocol than at once
└── by anyone              emits InterestAccrued, once for all accounts
"""

from __future__ import annotations

import pytest

from holdfast.chain.anvil import revert
from holdfast.sim.history import Block, simulate
from holdfast.units import WAD
from tests.attack.company import to_be
from tests.stage import Party, wads
from tests.unit.ledger.world import Bench

YEAR = 365 * 86_400


def lent(bench: Bench, credit: float, debt: float) -> tuple[Party, Party]:
    """A lender and a debtor, and nobody else with cash; the tokens of the debt are gone."""
    lender = bench.party(credit)
    debtor = bench.party(WETH=100)
    bench.withdraw(debtor, "USDC", debt)
    pool = bench.protocol.system().pool
    assert pool.credit_shares == wads(credit) and pool.debt_shares == wads(debt)
    return lender, debtor


def accrued(bench: Bench, seconds: int) -> tuple[int, int]:
    """Credit and debt index, that many seconds after the last transaction."""
    bench.until(bench.time + seconds)
    event = bench.send(bench.ledger, "accrueInterest", by="stranger").event("InterestAccrued").args
    pool = bench.protocol.system().pool
    assert (pool.credit_index_wad, pool.debt_index_wad) == (event["creditIndexWad"], event["debtIndexWad"])
    assert pool.accrued_at == bench.time
    return event["creditIndexWad"], event["debtIndexWad"]


def test_accrue_interest__no_debt__stands_still(bench: Bench) -> None:
    bench.party(1_000)
    assert accrued(bench, YEAR) == (WAD, WAD)


@pytest.mark.parametrize(
    ("debt", "rate_bps"),
    [(200, 400), (400, 600), (800, 1_000), (900, 5_500), (1_000, 10_000)],
    ids=["20 %", "40 %", "kink", "90 %", "all"],
)
def test_accrue_interest__a_year__at_the_rate_of_the_utilisation(
    bench: Bench, debt: float, rate_bps: int
) -> None:
    """2 % + 8 %·u/80 % up to the kink, then 10 % + 90 %·(u − 80 %)/20 %."""
    lent(bench, 1_000, debt)
    credit, owed = accrued(bench, YEAR)

    assert owed == WAD + WAD * rate_bps // 10_000
    paid = wads(debt) * rate_bps // 10_000
    assert credit == WAD + paid * WAD // wads(1_000)


def test_accrue_interest__more_owed_than_lent__highest_rate(bench: Bench) -> None:
    """A loss moved by an engine: 100 of credit against 150 of debt. u counts as one."""
    debtor = bench.indebted(100)
    bench.move(debtor, bench.party(), wads(50))
    bench.forgive(bench.indebted(20))  # and the credit lost a part
    pool = bench.protocol.system().pool
    assert pool.debt_shares * pool.debt_index_wad > pool.credit_shares * pool.credit_index_wad
    _, owed = accrued(bench, YEAR)
    assert abs(owed - 2 * WAD) < 2 * 10**14  # 100 % a year, from a few seconds before


def test_accrue_interest__nobody_lends__stands_still(bench: Bench) -> None:
    """A loss is realised; the gain opposite is still open, so nobody has cash."""
    loser, winner, heir = (bench.party(WETH=10) for _ in range(3))
    bench.fill(loser, winner, 1, 2_000)
    bench.fill(heir, loser, 1, 1_960)
    pool = bench.protocol.system().pool
    assert (pool.credit_shares, pool.debt_shares) == (0, wads(40))

    assert accrued(bench, YEAR) == (WAD, WAD)
    assert bench.cash(loser) == wads(-40)


def test_accrue_interest__twice_in_a_block__once(bench: Bench) -> None:
    lent(bench, 1_000, 500)
    first = accrued(bench, 1_000)
    call_again = to_be(bench, bench.ledger, "accrueInterest", by="stranger")
    results = simulate(bench.rpc, [Block([call_again, call_again], time=bench.time + 1)])[0]
    one, two = (result.events[0].args for result in results)
    assert one == two
    assert one["debtIndexWad"] > first[1]


def test_accrue_interest__in_steps__favours_the_protocol(bench: Bench) -> None:
    lender, debtor = lent(bench, 1_000, 500)
    snapshot, time = bench.rpc.call("evm_snapshot"), bench.time
    at_once = accrued(bench, 1_000)
    revert(bench.rpc, snapshot)
    bench.time, bench.dust_wad = time, None
    for _ in range(9):
        accrued(bench, 100)
    in_steps = accrued(bench, 100)

    assert in_steps[1] >= at_once[1]  # the debt compounds
    assert in_steps[0] - at_once[0] <= in_steps[1] - at_once[1]
    assert bench.cash(lender) - wads(1_000) <= -bench.cash(debtor) - wads(500)
