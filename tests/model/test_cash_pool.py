"""model.cash_pool
├── the pool of docs/ledger.md, step by step       -> exactly these numbers
├── rate
│   ├── at nothing, kink, full, and between        -> by hand
│   ├── any curve and utilisation                  -> the exact rate, rounded down; never falls as utilisation rises
│   └── a year in many small steps                 -> compound interest, to the sixth digit, from below
├── change
│   ├── any shares and delta                       -> cash is what it should be, less at most a share; totals follow
│   └── there and back                             -> never a profit
├── accrue
│   ├── nobody in debt, nobody in credit           -> only the clock moves
│   ├── any pool                                   -> credit gets no more than debt pays, to the last digit
│   └── a pool of a few wei over years             -> claims stay within what is held
├── write-down
│   ├── any loss                                   -> credit loses the loss and at most a wei a holder more
│   └── more than there is                         -> DebtExceedsCredit
└── what a word can't hold                         -> Overflow
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import exp, mp, mpf

from holdfast.errors import Refused
from holdfast.model import cash_pool as cp
from holdfast.model.cash_pool import INDEX_FLOOR, YEAR_SECONDS, Curve
from holdfast.types import Pool
from holdfast.units import BPS, WAD

CURVE = Curve(base_bps=200, kink_bps=8_000, kink_rate_bps=1_000, max_rate_bps=10_000)

repeatable = settings(deadline=None, derandomize=True, max_examples=300)

indices = st.one_of(st.just(WAD), st.integers(WAD // 10, 10 * WAD), st.integers(INDEX_FLOOR, 10**30))
shares = st.one_of(st.integers(0, 20), st.integers(0, 10**30))
amounts = st.one_of(st.integers(0, 20), st.integers(0, 10**30))
times = st.one_of(st.integers(0, 60), st.integers(0, 2 * YEAR_SECONDS))


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    base, kink, most = sorted(draw(st.integers(0, 2**16 - 1)) for _ in range(3))
    return Curve(base_bps=base, kink_bps=draw(st.integers(1, BPS - 1)), kink_rate_bps=kink, max_rate_bps=most)


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    return Pool(
        credit_shares=draw(shares),
        debt_shares=draw(shares),
        credit_index_wad=draw(indices),
        debt_index_wad=draw(indices),
        accrued_at=0,
    )


def claims(p: Pool) -> Fraction:
    """Credit less debt, nothing rounded."""
    return Fraction(p.credit_shares * p.credit_index_wad - p.debt_shares * p.debt_index_wad, WAD)


# The example of docs/ledger.md


def test_example__interest_and_write_down__as_worked_by_hand() -> None:
    p, lender = cp.change(cp.fresh(0), 0, 1_000 * WAD)
    p, borrower = cp.change(p, 0, -500 * WAD)
    assert cp.utilisation(p) == WAD // 2
    assert cp.rate_of(CURVE, WAD // 2) == 7 * WAD // 100  # 2 % + (10 % − 2 %)·50/80

    p = cp.accrue(p, CURVE, YEAR_SECONDS)
    assert (p.debt_index_wad, p.credit_index_wad) == (107 * WAD // 100, 1_035 * WAD // 1_000)
    assert cp.cash_of(p, borrower) == -535 * WAD  # 35 more owed…
    assert cp.cash_of(p, lender) == 1_035 * WAD  # …35 more due

    p, borrower = cp.change(p, borrower, 535 * WAD)  # forgiven,
    p = cp.write_down(p, 535 * WAD)  # and taken from the lender
    assert (borrower, p.debt_shares, p.credit_index_wad) == (0, 0, WAD // 2)  # 1.035 − 535/1,000
    assert cp.cash_of(p, lender) == 500 * WAD  # what was never lent


def test_cash__of_odd_shares__holder_loses_the_wei() -> None:
    p = replace(cp.fresh(0), credit_index_wad=3 * WAD // 2, debt_index_wad=3 * WAD // 2)
    assert [cp.cash_of(p, n) for n in (0, 1, 2, 3, -1, -2, -3)] == [0, 1, 3, 4, -2, -3, -5]

    p, some = cp.change(p, 0, 2)  # 1.33 shares
    assert (some, cp.cash_of(p, some)) == (1, 1)
    p, some = cp.change(p, 0, -2)
    assert (some, cp.cash_of(p, some)) == (-2, -3)
    assert (p.credit_shares, p.debt_shares) == (1, 2)


# Rate


def test_rate__of_the_docs__as_worked_by_hand() -> None:
    percent = WAD // 100
    assert cp.rate_of(CURVE, 0) == 2 * percent
    assert cp.rate_of(CURVE, 40 * percent) == 6 * percent
    assert cp.rate_of(CURVE, 80 * percent) == 10 * percent
    assert cp.rate_of(CURVE, 90 * percent) == 55 * percent  # halfway from 10 % to 100 %
    assert cp.rate_of(CURVE, WAD) == 100 * percent


@repeatable
@given(curves(), st.integers(0, WAD), st.integers(0, WAD))
def test_rate__any_curve__exact_rounded_down_and_rising(c: Curve, u: int, v: int) -> None:
    u, v = sorted((u, v))
    share, kink = Fraction(u, WAD), Fraction(c.kink_bps, BPS)
    low, high = (c.base_bps, c.kink_rate_bps) if share <= kink else (c.kink_rate_bps, c.max_rate_bps)
    way = share / kink if share <= kink else (share - kink) / (1 - kink)
    exact = (low + (high - low) * way) / BPS * WAD

    # Two divisions, a ten-thousandth of a wei and a wei.
    assert 0 <= exact - cp.rate_of(c, u) < Fraction(10_002, 10_000)
    assert cp.rate_of(c, u) <= cp.rate_of(c, v)


def test_accrue__a_year_in_small_steps__compounds_from_below() -> None:
    """Only debt's side: kept at one utilisation by a curve that is flat."""
    flat = Curve(base_bps=1_000, kink_bps=5_000, kink_rate_bps=1_000, max_rate_bps=1_000)
    p = replace(cp.fresh(0), credit_shares=10**24, debt_shares=10**23)
    steps = 3_650
    for step in range(1, steps + 1):
        p = cp.accrue(p, flat, YEAR_SECONDS * step // steps)

    with mp.workdps(40):
        by_steps = (1 + mpf(1) / 10 / steps) ** steps
        assert abs(mpf(p.debt_index_wad) / WAD - by_steps) < mpf(10) ** -14
        assert 0 < exp(mpf(1) / 10) - mpf(p.debt_index_wad) / WAD < mpf(10) ** -5


# Change


@repeatable
@given(pools(), st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30))
def test_change__any_holder__loses_at_most_a_share(p: Pool, held: int, delta: int) -> None:
    p = replace(p, credit_shares=p.credit_shares + max(0, held), debt_shares=p.debt_shares + max(0, -held))
    wanted = cp.cash_of(p, held) + delta

    after, following = cp.change(p, held, delta)

    index = p.credit_index_wad if wanted >= 0 else p.debt_index_wad
    lost = wanted - cp.cash_of(after, following)
    assert 0 <= lost <= index // WAD + 1
    assert after.credit_shares - p.credit_shares == max(0, following) - max(0, held)
    assert after.debt_shares - p.debt_shares == max(0, -following) - max(0, -held)
    assert claims(after) - claims(p) <= delta


@repeatable
@given(pools(), shares, amounts)
def test_change__there_and_back__never_a_profit(p: Pool, held: int, amount: int) -> None:
    p = replace(p, credit_shares=p.credit_shares + held)
    before = cp.cash_of(p, held)

    p, more = cp.change(p, held, amount)
    p, less = cp.change(p, more, -amount)

    assert cp.cash_of(p, less) <= before
    assert less <= held


@repeatable
@given(pools(), st.lists(amounts, min_size=2, max_size=4))
def test_change__in_parts__never_a_profit(p: Pool, parts: list[int]) -> None:
    once, whole = cp.change(p, 0, sum(parts))
    held = 0
    for part in parts:
        p, held = cp.change(p, held, part)

    assert cp.cash_of(p, held) <= cp.cash_of(once, whole)


# Accrue


def test_accrue__nobody_in_debt__only_the_clock_moves() -> None:
    p, _ = cp.change(cp.fresh(0), 0, 100)
    assert cp.accrue(p, CURVE, YEAR_SECONDS) == replace(p, accrued_at=YEAR_SECONDS)


def test_accrue__nobody_in_credit__only_the_clock_moves() -> None:
    p, _ = cp.change(cp.fresh(0), 0, -100)
    assert cp.accrue(p, CURVE, YEAR_SECONDS) == replace(p, accrued_at=YEAR_SECONDS)


def test_accrue__at_the_same_time__nothing() -> None:
    p = Pool(credit_shares=9, debt_shares=9, credit_index_wad=WAD, debt_index_wad=WAD, accrued_at=5)
    assert cp.accrue(p, CURVE, 5) is p


@repeatable
@given(pools(), curves(), times)
def test_accrue__any_pool__credit_gets_no_more_than_debt_pays(p: Pool, c: Curve, time: int) -> None:
    try:
        after = cp.accrue(p, c, time)
    except Refused as refusal:
        assert refusal.name == "Overflow"
        return

    assert claims(after) <= claims(p)
    assert after.debt_index_wad >= p.debt_index_wad
    assert after.credit_index_wad >= p.credit_index_wad
    # Nobody's credit grows faster than debt does.
    assert after.credit_index_wad * p.debt_index_wad <= after.debt_index_wad * p.credit_index_wad


@repeatable
@given(st.integers(10**18, 10**30), st.integers(10**18, 10**30), indices, indices, times)
def test_accrue__pool_of_some_size__credit_gets_what_debt_pays(
    credit: int, debt: int, credit_index: int, debt_index: int, time: int
) -> None:
    p = Pool(
        credit_shares=credit,
        debt_shares=debt,
        credit_index_wad=credit_index,
        debt_index_wad=debt_index,
        accrued_at=0,
    )
    if cp.utilisation(p) == WAD:
        return
    after = cp.accrue(p, CURVE, time)

    paid = debt * (after.debt_index_wad - debt_index) // WAD
    got = credit * (after.credit_index_wad - credit_index) // WAD
    # The credit index is rounded down, debt's rate was rounded by a digit of its index.
    assert 0 <= paid - got <= credit // WAD + debt // WAD + 2


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(st.integers(1, YEAR_SECONDS), min_size=1, max_size=60),
)
def test_accrue__a_few_wei_over_years__claims_stay_covered(credit: int, debt: int, waits: list[int]) -> None:
    p, lender = cp.change(cp.fresh(0), 0, credit)
    p, borrower = cp.change(p, 0, -min(debt, credit))
    held = credit - min(debt, credit)

    for wait in waits:
        try:
            p = cp.accrue(p, CURVE, p.accrued_at + wait)
        except Refused as refusal:
            assert refusal.name == "Overflow"
            return
        assert cp.cash_of(p, lender) + cp.cash_of(p, borrower) <= held


# Write-down


@repeatable
@given(pools(), amounts, st.lists(shares, max_size=4))
def test_write_down__any_loss__taken_from_all_credit(p: Pool, loss: int, holders: list[int]) -> None:
    p = replace(p, credit_shares=p.credit_shares + sum(holders))
    before = sum(cp.cash_of(p, held) for held in holders)
    try:
        after = cp.write_down(p, loss)
    except Refused as refusal:
        assert refusal.name == "DebtExceedsCredit"
        floor = Fraction(p.credit_shares * INDEX_FLOOR, WAD)
        assert loss > cp.credit_of(p) - floor - Fraction(p.credit_shares, WAD) - 1
        return

    lost = claims(p) - claims(after)
    assert 0 <= lost - loss < Fraction(p.credit_shares, WAD) + Fraction(1, WAD)
    assert sum(cp.cash_of(after, held) for held in holders) <= before
    assert after.credit_index_wad >= INDEX_FLOOR
    assert replace(after, credit_index_wad=p.credit_index_wad) == p


def test_write_down__more_than_there_is__refused() -> None:
    p, _ = cp.change(cp.fresh(0), 0, 10 * WAD)
    assert cp.write_down(p, 10 * WAD - 10 * INDEX_FLOOR).credit_index_wad == INDEX_FLOOR
    with pytest.raises(Refused) as caught:
        cp.write_down(p, 10 * WAD - 10 * INDEX_FLOOR + 1)
    assert (caught.value.name, caught.value.values) == (
        "DebtExceedsCredit",
        (10 * WAD - 10**10 + 1, 10 * WAD),
    )
    with pytest.raises(Refused) as caught:
        cp.write_down(cp.fresh(0), 1)
    assert (caught.value.name, caught.value.values) == ("DebtExceedsCredit", (1, 0))


# Words


def test_words__one_too_many__refused() -> None:
    with pytest.raises(Refused, match="Overflow"):
        cp.change(cp.fresh(0), 0, 2**127)
    with pytest.raises(Refused, match="Overflow"):
        cp.accrue(
            Pool(
                credit_shares=1, debt_shares=1, credit_index_wad=WAD, debt_index_wad=2**104 - 1, accrued_at=0
            ),
            CURVE,
            YEAR_SECONDS,
        )
