"""model.liquidation
├── hand-worked examples of docs/liquidation.md  -> exactly these numbers
├── d
│   ├── at the start, in the middle, at the end, long after
│   └── over time                                -> never falls, stays within d₀ and d₁, off by less than a wei
├── f*
│   ├── against exact fractions                  -> up, by less than a wei; at most 1
│   ├── after it                                 -> equity ≥ T·MM, and hardly more
│   └── E ≤ d·MM, and MM = 0                     -> 1
├── slice
│   ├── solvent                                  -> payment ≥ 0, discount ≤ f·d·MM, no insurance
│   ├── insured, E > 0                           -> fund adds up to its capacity, account keeps its rest of equity
│   ├── insured, E ≤ 0, with positions           -> the whole shortfall is paid or f shrinks; deficit falls pro rata
│   ├── insured, E ≤ 0, collateral alone         -> sold in full, the rest stays as debt
│   ├── health (E > 0)                           -> equity/MM never falls
│   ├── bid of nothing, or beyond everything     -> BadFraction
│   ├── fund empty, E ≤ 0                        -> BadFraction(0)
│   └── remainder is dust                        -> whole; DustRemainder where the bid doesn't allow it
├── fund's share of the discount                 -> of what the account pays alone
├── reward
│   ├── account, then fund                       -> as worked by hand
│   ├── fund's part                              -> never above the bare gas, never with the margin
│   └── never above its cap, never above equity
├── share of a deficit                           -> covers it, at most the notional, zero gross is no trap
└── parameters out of bounds                     -> BadParams with value and bound
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model import liquidation
from holdfast.model.liquidation import (
    Params,
    Reward,
    Slice,
    Terms,
    check_params,
    deficit_share_wad,
    discount_at_wad,
    fund_share_wad,
    gas_cost_wad,
    largest_wad,
    penalty_share_wad,
    reward,
    reward_gas,
    slice_of,
    start_reward,
    tax,
    taxed,
    uncovered,
    wanted_tax_wad,
)
from holdfast.units import BPS, WAD

PARAMS = Params(
    start_bps=1_000,
    end_bps=9_000,
    target_bps=14_000,
    fund_share_bps=1_000,
    reward_share_bps=500,
    reward_margin_bps=5_000,
    reward_gas=60_000,
    reward_item_gas=5_000,
    ramp_seconds=80,
    solvent_seconds=100,
    run_seconds=200,
    dust_wad=10 * WAD,
    reward_fund_wad=500 * WAD,
    gate_deficit_wad=10 * WAD,
    tax_bps=20_000,
)
TERMS = Terms(
    equity_wad=180 * WAD,
    maintenance_wad=200 * WAD,
    discount_wad=WAD * 4 // 10,
    target_wad=WAD * 14 // 10,
    dust_wad=10 * WAD,
)

repeatable = settings(deadline=None, derandomize=True, max_examples=200)

money = st.one_of(st.integers(0, 1_000), st.integers(0, 10**30))
# A wide range of integers is drawn small more often than not: percents reach every part of it.
percents = st.integers(1, 99)
shares = st.one_of(
    st.sampled_from([1, WAD - 1, WAD]),
    st.builds(lambda percent, off: percent * WAD // 100 + off, percents, st.integers(-9, 9)),
)


@st.composite
def terms(draw: st.DrawFn, *, insured: bool, solvent: bool | None = None) -> Terms:
    """E < MM; `solvent` fixes the sign of equity."""
    maintenance = draw(money)
    if solvent is True:
        assume(maintenance > 1)
        equity = min(maintenance - 1, max(1, maintenance * draw(percents) // 100 + draw(st.integers(-2, 2))))
    elif solvent is False:
        equity = -draw(money)
        assume(equity < maintenance)
    else:
        equity = maintenance - 1 - draw(money)
    discount = draw(st.one_of(st.just(0), shares))
    return Terms(
        equity_wad=equity,
        maintenance_wad=maintenance,
        discount_wad=discount,
        target_wad=WAD + draw(st.one_of(st.just(1), shares)),
        dust_wad=0,
        max_fraction_wad=draw(shares),
        capacity_wad=draw(st.one_of(money, percents.map(lambda percent: maintenance * percent // 100))),
        insured=insured,
        has_legs=draw(st.booleans()),
    )


def test_slice__half_of_the_docs__as_worked_by_hand() -> None:
    part = slice_of(TERMS)

    assert part == Slice(fraction_wad=WAD // 2, payment_wad=50 * WAD, discount_wad=40 * WAD, insurance_wad=0)
    assert fund_share_wad(part, 1_000) == 4 * WAD


def test_slice__insured_of_the_docs__shrinks_to_the_fund() -> None:
    part = slice_of(
        replace(TERMS, equity_wad=-100 * WAD, discount_wad=WAD, insured=True, capacity_wad=150 * WAD)
    )

    assert part == Slice(
        fraction_wad=WAD // 2,
        payment_wad=-150 * WAD,
        discount_wad=100 * WAD,
        insurance_wad=150 * WAD,
    )
    assert fund_share_wad(part, 1_000) == 0


def test_slice__insured_and_rich_fund__takes_everything() -> None:
    part = slice_of(
        replace(TERMS, equity_wad=-100 * WAD, discount_wad=WAD, insured=True, capacity_wad=500 * WAD)
    )

    assert part == Slice(
        fraction_wad=WAD, payment_wad=-300 * WAD, discount_wad=200 * WAD, insurance_wad=300 * WAD
    )


def test_slice__insured_with_equity_left__fund_adds_what_it_can() -> None:
    poor = slice_of(
        replace(TERMS, equity_wad=50 * WAD, discount_wad=WAD, insured=True, capacity_wad=30 * WAD)
    )
    rich = slice_of(
        replace(TERMS, equity_wad=50 * WAD, discount_wad=WAD, insured=True, capacity_wad=900 * WAD)
    )

    assert poor == Slice(
        fraction_wad=WAD, payment_wad=-30 * WAD, discount_wad=80 * WAD, insurance_wad=30 * WAD
    )
    assert rich == Slice(
        fraction_wad=WAD, payment_wad=-150 * WAD, discount_wad=200 * WAD, insurance_wad=150 * WAD
    )
    assert (fund_share_wad(poor, 1_000), fund_share_wad(rich, 1_000)) == (5 * WAD, 5 * WAD)


def test_slice__solvent_beyond_equity__costs_nothing() -> None:
    part = slice_of(replace(TERMS, equity_wad=50 * WAD, discount_wad=WAD, capacity_wad=900 * WAD))

    assert part == Slice(fraction_wad=WAD, payment_wad=0, discount_wad=50 * WAD, insurance_wad=0)


def test_slice__collateral_alone_and_fund_short__leaves_debt() -> None:
    part = slice_of(
        replace(
            TERMS,
            equity_wad=-100 * WAD,
            discount_wad=WAD,
            insured=True,
            capacity_wad=150 * WAD,
            has_legs=False,
        )
    )

    assert part == Slice(
        fraction_wad=WAD, payment_wad=-300 * WAD, discount_wad=200 * WAD, insurance_wad=150 * WAD
    )


def test_slice__debt_alone__fund_pays_it() -> None:
    part = slice_of(
        replace(TERMS, equity_wad=-7, maintenance_wad=0, insured=True, capacity_wad=5, has_legs=False)
    )

    assert part == Slice(fraction_wad=WAD, payment_wad=-7, discount_wad=0, insurance_wad=5)


@pytest.mark.parametrize("wanted", [0, WAD + 1])
def test_slice__bid_of_nothing_or_too_much__refused(wanted: int) -> None:
    with pytest.raises(Refused) as caught:
        slice_of(replace(TERMS, max_fraction_wad=wanted))
    assert (caught.value.name, caught.value.values) == ("BadFraction", (wanted,))


def test_slice__deficit_and_empty_fund__refused() -> None:
    with pytest.raises(Refused) as caught:
        slice_of(replace(TERMS, equity_wad=-1, insured=True, capacity_wad=0))
    assert (caught.value.name, caught.value.values) == ("BadFraction", (0,))


def test_slice__remainder_is_dust__whole() -> None:
    # f* = 0.95: a remainder of 10 is not dust, one of less than 10.000…1 is.
    almost = replace(TERMS, equity_wad=90 * WAD)

    assert slice_of(almost).fraction_wad == WAD * 95 // 100
    assert slice_of(replace(almost, dust_wad=10 * WAD + 1)).fraction_wad == WAD


def test_slice__remainder_is_dust_but_bid_smaller__refused() -> None:
    for wanted in (WAD * 96 // 100, WAD - 1):  # above f*, and just below everything
        with pytest.raises(Refused) as caught:
            slice_of(replace(TERMS, equity_wad=90 * WAD, dust_wad=10 * WAD + 1, max_fraction_wad=wanted))
        assert (caught.value.name, caught.value.values) == ("DustRemainder", (10 * WAD, 10 * WAD + 1))


@pytest.mark.parametrize(
    ("elapsed", "d"), [(0, "0.1"), (1, "0.11"), (40, "0.5"), (80, "0.9"), (81, "0.9"), (10**9, "0.9")]
)
def test_discount__of_the_docs__as_worked_by_hand(elapsed: int, d: str) -> None:
    assert discount_at_wad(elapsed, PARAMS) == Fraction(d) * WAD


@repeatable
@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(1, 86_400),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
)
def test_discount__over_time__never_falls(one: int, two: int, ramp: int, a: int, b: int) -> None:
    (early, late), (start, end) = sorted((one, two)), sorted((a, b))
    params = replace(PARAMS, ramp_seconds=ramp, start_bps=start, end_bps=end)
    d = discount_at_wad(early, params)

    assert start * WAD // BPS <= d <= discount_at_wad(late, params) <= end * WAD // BPS
    exact = (start + (end - start) * min(Fraction(1), Fraction(early, ramp))) * Fraction(WAD, BPS)
    assert 0 <= exact - d < 2


@repeatable
@given(terms(insured=False, solvent=True))
def test_largest__against_exact_fractions__rounds_up(t: Terms) -> None:
    f = largest_wad(t.equity_wad, t.maintenance_wad, t.discount_wad, t.target_wad)
    exact = Fraction(t.target_wad * t.maintenance_wad - WAD * t.equity_wad) / (
        (t.target_wad - t.discount_wad) * t.maintenance_wad
    )

    assert 0 < f <= WAD
    # d·MM rounds down in the test for "whole", which can only leave f* itself to say so.
    assert f == min(WAD, -(-exact * WAD // 1))


@repeatable
@given(terms(insured=False, solvent=True))
def test_largest__after_it__reaches_the_target(t: Terms) -> None:
    f = largest_wad(t.equity_wad, t.maintenance_wad, t.discount_wad, t.target_wad)
    assume(f < WAD)
    part = slice_of(replace(t, max_fraction_wad=WAD))
    assert part.fraction_wad == f

    equity = t.equity_wad - part.discount_wad
    maintenance = Fraction(t.maintenance_wad * (WAD - f), WAD)
    beyond = equity - maintenance * t.target_wad / WAD
    # A wei of the fraction is worth T·MM wei of wei, and the discount lost two wei at most.
    assert 0 <= beyond <= Fraction(t.maintenance_wad * t.target_wad, WAD * WAD) + 2


@repeatable
@given(money, money, st.integers(0, WAD))
def test_largest__equity_within_the_discount__everything(maintenance: int, lack: int, d: int) -> None:
    equity = maintenance * d // WAD - lack

    assert largest_wad(equity, maintenance, d, WAD * 14 // 10) == WAD


@repeatable
@given(terms(insured=False, solvent=True))
def test_slice__solvent__system_pays_nothing(t: Terms) -> None:
    part = slice_of(t)

    assert part.payment_wad >= 0
    assert part.insurance_wad == 0
    assert part.discount_wad <= Fraction(part.fraction_wad * t.discount_wad * t.maintenance_wad, WAD * WAD)
    assert part.payment_wad + part.discount_wad == part.fraction_wad * t.equity_wad // WAD


@repeatable
@given(st.one_of(terms(insured=False, solvent=True), terms(insured=True, solvent=True)))
def test_slice__equity_positive__health_never_falls(t: Terms) -> None:
    part = slice_of(t)

    equity = t.equity_wad - part.discount_wad + part.insurance_wad
    maintenance = Fraction(t.maintenance_wad * (WAD - part.fraction_wad), WAD)
    # Cross-multiplied, and MM may be zero after it.
    assert equity * t.maintenance_wad >= maintenance * t.equity_wad


@repeatable
@given(terms(insured=True, solvent=True))
def test_slice__insured_with_equity__never_creates_a_deficit(t: Terms) -> None:
    part = slice_of(t)

    assert part.insurance_wad <= t.capacity_wad
    assert t.equity_wad - part.discount_wad + part.insurance_wad >= 0
    own = part.discount_wad - part.insurance_wad
    assert 0 <= own <= part.fraction_wad * t.equity_wad // WAD


@repeatable
@given(terms(insured=True, solvent=False))
def test_slice__insured_deficit__falls_pro_rata_or_is_refused(t: Terms) -> None:
    assume(t.has_legs)
    try:
        part = slice_of(t)
    except Refused as refusal:
        assert (refusal.name, refusal.values) == ("BadFraction", (0,))
        full = t.maintenance_wad * t.discount_wad // WAD - t.equity_wad
        assert t.capacity_wad * WAD < full
        return

    assert part.fraction_wad <= t.max_fraction_wad
    assert part.insurance_wad == -part.payment_wad <= t.capacity_wad
    after = t.equity_wad - part.discount_wad + part.insurance_wad
    exact = Fraction(t.equity_wad * (WAD - part.fraction_wad), WAD)
    assert 0 <= after - exact < 1  # the fund, never the lenders, loses the wei


@repeatable
@given(terms(insured=True, solvent=False))
def test_slice__collateral_alone__always_for_sale(t: Terms) -> None:
    part = slice_of(replace(t, has_legs=False))

    assert part.fraction_wad == t.max_fraction_wad
    assert part.insurance_wad == min(t.capacity_wad, -part.payment_wad)


def test_reward__of_the_docs__as_worked_by_hand() -> None:
    gas = reward_gas(PARAMS, 8)
    cost = gas_cost_wad(100 * 10**9, gas, 2_000 * WAD)

    assert (gas, cost) == (100_000, 20 * WAD)
    params = replace(PARAMS, reward_share_bps=5_000, reward_fund_wad=18 * WAD)
    assert penalty_share_wad(1_000 * WAD, 9_000, 5_000) == 450 * WAD
    for equity, maintenance, own, fund in (
        (500, 1_000, 30, 0),
        (12, 1_000, 12, 8),
        (-5, 1_000, 0, 18),  # the fund's own bound
        (500, 40, 18, 0),
        (-5, 20, 0, 9),
    ):
        paid = start_reward(cost, params, equity * WAD, maintenance * WAD)
        assert paid == Reward(own_wad=own * WAD, fund_wad=fund * WAD)


def test_uncovered__more_than_the_fund_and_what_is_passed_over() -> None:
    params = replace(PARAMS, gate_deficit_wad=10)
    found = [uncovered(-deficit, 90, params) for deficit in (0, 90, 100, 101)]

    assert found == [False, False, False, True]
    assert not uncovered(101, 0, params)


@repeatable
@given(money, st.integers(0, 30_000), money, st.one_of(money, money.map(lambda x: -x)))
def test_reward__any_account__is_bounded(cost: int, margin: int, share: int, equity: int) -> None:
    paid = reward(cost, margin, share, equity)

    assert 0 <= paid.own_wad <= max(0, equity)
    assert 0 <= paid.fund_wad <= cost
    assert paid.own_wad + paid.fund_wad <= share
    assert paid.own_wad + paid.fund_wad <= cost * (BPS + margin) // BPS
    # The margin comes from the account alone, so a starter with nothing at stake can't gain on it.
    assert paid.fund_wad == 0 or paid.own_wad + paid.fund_wad <= cost


def test_tax__of_the_docs__as_worked_by_hand() -> None:
    """Two items, 50 gwei on top, 2,000 for a unit: 70,000 gas cost 7; twice that is taken back."""
    assert wanted_tax_wad(50 * 10**9, PARAMS, 2, 2_000 * WAD) == 14 * WAD
    part = Slice(fraction_wad=WAD // 2, payment_wad=50 * WAD, discount_wad=40 * WAD, insurance_wad=0)
    left, share, taken = taxed(part, 50 * 10**9, PARAMS, 2, 2_000 * WAD)

    assert taken == 14 * WAD
    assert share == 54 * WAD // 10
    assert left == replace(part, payment_wad=626 * WAD // 10, discount_wad=274 * WAD // 10)
    assert taxed(part, 0, PARAMS, 2, 2_000 * WAD) == (part, 4 * WAD, 0)


@repeatable
@given(terms(insured=True, solvent=False) | terms(insured=False, solvent=True), money, st.integers(0, 5_000))
def test_tax__any_slice__takes_from_the_taker_alone(t: Terms, wanted: int, share_bps: int) -> None:
    try:
        part = slice_of(replace(t, has_legs=False))
    except Refused:
        return
    share = fund_share_wad(part, share_bps)
    left, fund, taken = tax(part, share, wanted, share_bps)

    gain, kept = part.discount_wad - share, left.discount_wad - fund
    assert taken == min(wanted, gain) == gain - kept
    assert fund - share == -(-taken * share_bps // BPS)
    assert left.payment_wad - part.payment_wad == part.discount_wad - left.discount_wad >= 0
    assert 0 <= left.insurance_wad <= part.insurance_wad
    # The account is no worse off, and nothing is insured that it doesn't need.
    worth = part.insurance_wad - part.discount_wad
    assert left.insurance_wad - left.discount_wad >= worth
    assert left.insurance_wad == 0 or left.insurance_wad <= -left.payment_wad


@repeatable
@given(terms(insured=False, solvent=True), st.integers(0, WAD))
def test_slice__depth_short__no_more_than_that_or_all_where_the_rest_is_dust(t: Terms, depth: int) -> None:
    try:
        part = slice_of(replace(t, depth_wad=depth))
    except Refused as refusal:
        assert refusal.name in ("BadFraction", "DustRemainder")
        return
    rest = t.maintenance_wad * (WAD - depth) // WAD
    assert part.fraction_wad <= depth or (part.fraction_wad == WAD and rest <= t.dust_wad)


def test_deficit_share__of_the_docs__as_worked_by_hand() -> None:
    assert deficit_share_wad(50 * WAD, 600 * WAD, 1_000 * WAD) == 30 * WAD
    assert deficit_share_wad(20 * WAD, 400 * WAD, 400 * WAD) == 20 * WAD
    assert deficit_share_wad(2_000 * WAD, 600 * WAD, 1_000 * WAD) == 600 * WAD
    assert deficit_share_wad(5, 0, 0) == 0


@repeatable
@given(money, st.lists(money, min_size=1, max_size=8))
def test_deficit_share__leg_after_leg__covers_what_it_can(deficit: int, notionals: list[int]) -> None:
    left, gross = deficit, sum(notionals)
    for notional in notionals:
        share = deficit_share_wad(left, notional, gross)
        assert 0 <= share <= notional
        assert left >= gross or 0 <= share - Fraction(left * notional, gross) < 1
        left, gross = max(0, left - share), gross - notional
    assert left == max(0, deficit - sum(notionals))


def test_check_params__good_ones__pass() -> None:
    check_params(PARAMS)


BOUNDS = [
    ({"target_bps": 30_001}, 30_001, 30_000),
    ({"start_bps": 9_001}, 9_001, 9_000),
    ({"end_bps": 14_000}, 14_001, 14_000),
    ({"end_bps": 9_000, "target_bps": 10_000}, 10_001, 10_000),
    ({"fund_share_bps": 5_001}, 5_001, 5_000),
    ({"reward_share_bps": 5_001}, 5_001, 5_000),
    ({"reward_margin_bps": 30_001}, 30_001, 30_000),
    ({"reward_gas": 60_001}, 60_001, 60_000),
    ({"reward_item_gas": 5_001}, 5_001, 5_000),
    ({"ramp_seconds": 0}, 1, 0),
    ({"ramp_seconds": 201}, 201, 200),
    ({"solvent_seconds": 201}, 201, 200),
    ({"run_seconds": 86_401}, 86_401, 86_400),
    ({"tax_bps": 50_001}, 50_001, 50_000),
    ({"dust_wad": 10_000 * WAD + 1}, 10_000 * WAD + 1, 10_000 * WAD),
    ({"reward_fund_wad": 10_000 * WAD + 1}, 10_000 * WAD + 1, 10_000 * WAD),
    ({"gate_deficit_wad": 1_000_000 * WAD + 1}, 1_000_000 * WAD + 1, 1_000_000 * WAD),
]


@pytest.mark.parametrize(("change", "value", "bound"), BOUNDS)
def test_check_params__out_of_bounds__refused(change: dict[str, int], value: int, bound: int) -> None:
    with pytest.raises(Refused) as caught:
        liquidation.check_params(replace(PARAMS, **change))
    assert (caught.value.name, caught.value.values) == ("BadParams", (value, bound))
