"""model.insurance
├── hand-worked examples of docs/insurance.md  -> exactly these numbers
├── split      -> conserves, the fund rounds up, negative cash is nothing
├── pay
│   ├── at most what is wanted, there, and left of the cap
│   ├── what `capacity` promised, and a few wei more at most
│   └── conserves; other markets untouched
└── cap below what was drawn                   -> nothing, not a negative number
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.insurance import DUST_WAD, Fund, Market, Split, capacity_wad, distribute, pay, split
from holdfast.units import BPS, WAD

ETH, BTC = 1, 2

repeatable = settings(deadline=None, derandomize=True, max_examples=200)
money = st.one_of(st.integers(0, 100), st.integers(0, 10**30))
funds = st.builds(
    Fund,
    fund_wad=money,
    fees_wad=st.integers(-(10**20), 10**30),
    treasury_wad=money,
    share_bps=st.integers(0, BPS),
    markets=st.dictionaries(
        st.sampled_from([0, ETH, BTC]), st.builds(Market, cap_wad=money, drawn_wad=money), max_size=3
    ),
)


def test_split__of_the_docs__as_worked_by_hand() -> None:
    assert split(100 * WAD, 6_000) == Split(fund_wad=60 * WAD, treasury_wad=40 * WAD)
    assert split(1, 1) == Split(fund_wad=1, treasury_wad=0)
    assert split(-5, 6_000) == Split(fund_wad=0, treasury_wad=0)


def test_pay__of_the_docs__as_worked_by_hand() -> None:
    fund = Fund(
        fund_wad=10 * WAD,
        fees_wad=100 * WAD,
        share_bps=6_000,
        markets={ETH: Market(cap_wad=50 * WAD, drawn_wad=20 * WAD)},
    )
    assert capacity_wad(fund, ETH) == 30 * WAD - DUST_WAD

    after, paid = pay(fund, ETH, 45 * WAD)

    assert paid == 30 * WAD
    assert after == Fund(
        fund_wad=40 * WAD,
        fees_wad=0,
        treasury_wad=40 * WAD,
        share_bps=6_000,
        markets={ETH: Market(cap_wad=50 * WAD, drawn_wad=50 * WAD)},
    )
    assert capacity_wad(after, ETH) == 0


def test_capacity__cap_below_drawn__nothing() -> None:
    fund = Fund(fund_wad=10 * WAD, markets={ETH: Market(cap_wad=5 * WAD, drawn_wad=20 * WAD)})

    assert capacity_wad(fund, ETH) == 0
    assert capacity_wad(fund, BTC) == 0


@repeatable
@given(st.integers(-(10**30), 10**30), st.integers(0, BPS))
def test_split__any_fees__conserves_and_favours_the_fund(fees: int, share: int) -> None:
    parts = split(fees, share)

    assert parts.fund_wad + parts.treasury_wad == max(0, fees)
    assert min(parts.fund_wad, parts.treasury_wad) >= 0
    assert 0 <= parts.fund_wad - Fraction(max(0, fees) * share, BPS) < 1


@repeatable
@given(funds, st.sampled_from([0, ETH, BTC]), money)
def test_pay__any_fund__keeps_its_promise(fund: Fund, market: int, wanted: int) -> None:
    after, paid = pay(fund, market, wanted)

    promised = min(wanted, capacity_wad(fund, market))
    assert promised <= paid <= min(wanted, promised + DUST_WAD)
    assert after.fund_wad >= 0
    assert (
        after.fund_wad + after.fees_wad + after.treasury_wad + paid
        == fund.fund_wad + fund.fees_wad + fund.treasury_wad
    )
    assert after.market(market).drawn_wad == fund.market(market).drawn_wad + paid
    for other in {0, ETH, BTC} - {market}:
        assert after.market(other) == fund.market(other)


@repeatable
@given(funds)
def test_distribute__twice__second_is_nothing(fund: Fund) -> None:
    once, _ = distribute(fund)
    again, parts = distribute(once)

    assert parts == Split(fund_wad=0, treasury_wad=0)
    assert again == once
