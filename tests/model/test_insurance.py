"""model.insurance
├── hand-worked examples of docs/insurance.md  -> exactly these numbers
├── split      -> conserves, the fund rounds up, negative cash is nothing
├── pay
│   ├── at most what is wanted, there, and left of the cap
│   ├── what `capacity` promised, and a few wei more at most
│   └── conserves; other markets untouched
├── cap below what was drawn                   -> nothing, not a negative number
├── share      -> between its bounds, falls as the fund grows, exact within a digit
├── tail       -> the configured one is the worst percent of a Student t of 4, by mpmath; ES as an exact root
├── step       -> never beyond its bound, nor beyond what two refreshes in a row agree on
└── shares     -> stake and unstake in any order: nobody else's share falls, nothing is paid that isn't there
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import mpmath
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.chain.config import load_config
from holdfast.model.insurance import (
    DAY,
    DUST_WAD,
    YEAR,
    Exposure,
    Fund,
    Market,
    Params,
    Split,
    capacity_wad,
    distribute,
    pay,
    raw_target_wad,
    refreshed_wad,
    release,
    share_wad,
    shortfall_wad,
    split,
    stake,
    stepped_wad,
    surplus_wad,
    unstake,
    window,
    worth_wad,
)
from holdfast.units import BPS, WAD

ETH, BTC = 1, 2

repeatable = settings(deadline=None, derandomize=True, max_examples=200)
money = st.one_of(st.integers(0, 100), st.integers(0, 10**30))
funds = st.builds(
    Fund,
    fund_wad=money,
    fees_wad=st.integers(-(10**20), 10**30),
    treasury_wad=money,
    share_wad=st.integers(0, WAD),
    own_shares=money,
    staked_shares=money,
    markets=st.dictionaries(
        st.sampled_from([0, ETH, BTC]), st.builds(Market, cap_wad=money, drawn_wad=money), max_size=3
    ),
)


def test_split__of_the_docs__as_worked_by_hand() -> None:
    assert split(100 * WAD, 6 * WAD // 10) == Split(fund_wad=60 * WAD, treasury_wad=40 * WAD)
    assert split(1, 1) == Split(fund_wad=1, treasury_wad=0)
    assert split(-5, WAD) == Split(fund_wad=0, treasury_wad=0)


def test_pay__of_the_docs__as_worked_by_hand() -> None:
    fund = Fund(
        fund_wad=10 * WAD,
        fees_wad=100 * WAD,
        share_wad=6 * WAD // 10,
        markets={ETH: Market(cap_wad=50 * WAD, drawn_wad=20 * WAD)},
    )
    assert capacity_wad(fund, ETH) == 30 * WAD - DUST_WAD

    after, paid = pay(fund, ETH, 45 * WAD)

    assert paid == 30 * WAD
    assert after == Fund(
        fund_wad=40 * WAD,
        fees_wad=0,
        treasury_wad=40 * WAD,
        share_wad=6 * WAD // 10,
        markets={ETH: Market(cap_wad=50 * WAD, drawn_wad=50 * WAD)},
    )
    assert capacity_wad(after, ETH) == 0


def test_capacity__cap_below_drawn__nothing() -> None:
    fund = Fund(fund_wad=10 * WAD, markets={ETH: Market(cap_wad=5 * WAD, drawn_wad=20 * WAD)})

    assert capacity_wad(fund, ETH) == 0
    assert capacity_wad(fund, BTC) == 0


@repeatable
@given(st.integers(-(10**30), 10**30), st.integers(0, WAD))
def test_split__any_fees__conserves_and_favours_the_fund(fees: int, share: int) -> None:
    parts = split(fees, share)

    assert parts.fund_wad + parts.treasury_wad == max(0, fees)
    assert min(parts.fund_wad, parts.treasury_wad) >= 0
    assert 0 <= parts.fund_wad - Fraction(max(0, fees) * share, WAD) < 1


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


# How it heals


PARAMS = Params(
    min_share_bps=2_000,
    max_share_bps=8_000,
    slack_bps=1_000,
    move_bps=1_000,
    multiple_bps=15_000,
    tail_bps=36_915,
    max_age_seconds=3 * DAY,
    hold_seconds=3_600,
    cooldown_seconds=10 * DAY,
    window_seconds=2 * DAY,
    horizon_seconds=DAY,
    least_target_wad=200_000 * WAD,
)


def test_target__of_the_docs__as_worked_by_hand() -> None:
    markets = (
        Exposure(open_wad=1_000 * WAD, mark_wad=2_000 * WAD, volatility_wad=6 * WAD // 10),
        Exposure(open_wad=10 * WAD, mark_wad=60_000 * WAD, volatility_wad=5 * WAD // 10),
    )

    assert abs(shortfall_wad(6 * WAD // 10, 36_915, DAY) - 115_933 * 10**12) < 10**12  # 11.5933 %
    assert abs(shortfall_wad(5 * WAD // 10, 36_915, DAY) - 96_611 * 10**12) < 10**12
    raw = raw_target_wad(markets, PARAMS)
    assert abs(raw - 434_749 * WAD) < WAD
    with_options = raw_target_wad((replace(markets[0], options_wad=500 * WAD), markets[1]), PARAMS)
    assert abs(with_options - 608_649 * WAD) < WAD
    assert refreshed_wad(400_000 * WAD, raw, raw, PARAMS, DAY) == raw
    assert refreshed_wad(300_000 * WAD, raw, raw, PARAMS, DAY) == 330_000 * WAD
    assert refreshed_wad(300_000 * WAD, raw, raw, PARAMS, DAY // 2) == 315_000 * WAD
    assert refreshed_wad(205_000 * WAD, 0, 0, PARAMS, DAY) == 200_000 * WAD
    # There at one refresh, gone at the next one: nothing moves, up to what both have.
    assert refreshed_wad(300_000 * WAD, 250_000 * WAD, raw, PARAMS, DAY) == 300_000 * WAD
    assert refreshed_wad(300_000 * WAD, raw, 250_000 * WAD, PARAMS, DAY) == 300_000 * WAD
    assert refreshed_wad(300_000 * WAD, 310_000 * WAD, raw, PARAMS, DAY) == 310_000 * WAD


def test_share__of_the_docs__as_worked_by_hand() -> None:
    shares = [share_wad(fund * WAD, 400_000 * WAD, 2_000, 8_000) for fund in (0, 100_000, 400_000, 500_000)]

    assert shares == [8 * WAD // 10, 65 * WAD // 100, 2 * WAD // 10, 2 * WAD // 10]


def test_stakes__of_the_docs__as_worked_by_hand() -> None:
    fund, shares = stake(Fund(fund_wad=100_000 * WAD, treasury_wad=0), 300_000 * WAD)
    assert (fund.own_shares, shares) == (100_000 * WAD, 300_000 * WAD)

    fund, _ = pay(replace_caps(fund), ETH, 40_000 * WAD)
    assert worth_wad(shares, fund.fund_wad, fund.supply) == 270_000 * WAD
    fund, _ = distribute(replace(fund, fees_wad=20_000 * WAD, share_wad=6 * WAD // 10))
    assert worth_wad(shares, fund.fund_wad, fund.supply) == 279_000 * WAD
    fund, left = unstake(fund, shares // 3)

    assert left == 93_000 * WAD
    assert fund.fund_wad == 279_000 * WAD
    assert (
        surplus_wad(900_000 * WAD, fund.own_shares, fund.staked_shares, 200_000 * WAD, 1_000) == 80_000 * WAD
    )
    rich, surplus = release(replace(fund, fund_wad=900_000 * WAD), 200_000 * WAD, 1_000)
    assert surplus == 80_000 * WAD
    assert worth_wad(rich.staked_shares, rich.fund_wad, rich.supply) == 600_000 * WAD


def replace_caps(fund: Fund) -> Fund:
    return replace(fund, markets={ETH: Market(cap_wad=10**30)})


def test_tail__of_the_configuration__is_the_worst_percent_of_a_student_t() -> None:
    """McNeil, Frey, Embrechts, Quantitative Risk Management: ES = g(t)/(1 − α)·(ν + t²)/(ν − 1), here in its own σ."""
    with mpmath.workdps(40):
        nu, alpha = mpmath.mpf(4), mpmath.mpf("0.99")

        def density(t: mpmath.mpf) -> mpmath.mpf:
            constant = mpmath.gamma((nu + 1) / 2) / (mpmath.sqrt(nu * mpmath.pi) * mpmath.gamma(nu / 2))
            return constant * (1 + t * t / nu) ** (-(nu + 1) / 2)

        quantile = mpmath.findroot(
            lambda t: mpmath.mpf(1) / 2 + mpmath.quad(density, [0, t]) - alpha, mpmath.mpf("3.7")
        )
        shortfall = density(quantile) / (1 - alpha) * (nu + quantile**2) / (nu - 1)
        tail = shortfall * mpmath.sqrt((nu - 2) / nu)
        by_hand = mpmath.quad(lambda t: t * density(t), [quantile, mpmath.inf]) / (1 - alpha)
        z = mpmath.sqrt(2) * mpmath.erfinv(2 * alpha - 1)
        normal = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi) / (1 - alpha)

        assert abs(shortfall - by_hand) < mpmath.mpf(10) ** -12
        assert round(tail * BPS) == load_config("local").insurance.tail_bps == 36_915
        assert round(normal * BPS) == 26_652  # what a bell curve would have said


@repeatable
@given(st.integers(0, 10 * WAD), st.integers(0, 100_000), st.integers(0, 60 * DAY))
def test_shortfall__any__is_the_exact_root(volatility: int, tail: int, horizon: int) -> None:
    with mpmath.workdps(60):
        exact = mpmath.mpf(volatility) * tail / BPS * mpmath.sqrt(mpmath.mpf(horizon) / YEAR)
        off = shortfall_wad(volatility, tail, horizon) - exact

        assert -mpmath.mpf(volatility) * tail / BPS / WAD - 1 <= off < 1


@repeatable
@given(money, st.integers(1, 10**30), st.integers(0, BPS), st.integers(0, BPS))
def test_share__any_fund__between_its_bounds_and_exact(fund: int, target: int, low: int, high: int) -> None:
    low, high = sorted((low, high))
    share = share_wad(fund, target, low, high)

    assert low * WAD // BPS <= share <= high * WAD // BPS
    assert share_wad(fund + 1, target, low, high) <= share
    distance = max(Fraction(0), 1 - Fraction(fund, target))
    assert 0 <= share - (low + (high - low) * distance) * WAD / BPS < 1


@repeatable
@given(
    money,
    money,
    st.integers(0, BPS),
    st.lists(st.tuples(st.integers(0, 2 * DAY), money), min_size=1, max_size=6),
)
def test_step__any_refreshes__within_the_bound(
    target: int, before: int, move: int, refreshes: list[tuple[int, int]]
) -> None:
    at, most, least = target, Fraction(target), Fraction(target)
    for wait, raw in refreshes:
        step = Fraction(move * min(wait, DAY), BPS * DAY)
        most, least = most * (1 + step), least * (1 - step)
        then = at
        at = stepped_wad(at, before, raw, move, wait)

        assert at <= max(then, min(before, raw)) and at >= min(then, max(before, raw)), "both must agree"
        assert least <= at + len(refreshes) and at <= most
        assert stepped_wad(at, before, raw, move, 0) == at
        before = raw


@repeatable
@given(
    st.integers(WAD, 10**30),
    st.lists(st.tuples(st.sampled_from("sulifr"), st.integers(0, 10**28), st.integers(0, 100)), max_size=12),
)
def test_shares__any_order__nobody_elses_share_falls(seed: int, deeds: list[tuple[str, int, int]]) -> None:
    fund, stakes = replace_caps(Fund(fund_wad=seed, share_wad=WAD // 2)), []
    for kind, amount, part in deeds:
        before, _ = distribute(fund)
        if kind == "s" and before.fund_wad >= max(WAD, before.supply // 10**6):
            before = before if before.staked_shares else replace(before, own_shares=before.fund_wad)
            fund, shares = stake(fund, amount)
            stakes.append(shares)
            assert worth_wad(shares, fund.fund_wad, fund.supply) <= amount
        elif kind == "u" and stakes:
            shares = stakes.pop(part % len(stakes))
            fund, got = unstake(fund, shares)
            assert got <= before.fund_wad
        elif kind == "l":
            fund, _ = pay(fund, ETH, amount)
            continue
        elif kind == "i":
            fund = replace(fund, fund_wad=fund.fund_wad + amount)
            continue
        elif kind == "f":
            fund = replace(fund, fees_wad=fund.fees_wad + amount)
            continue
        elif kind == "r":
            fund, _ = release(distribute(fund)[0], amount + WAD, part)
        if before.staked_shares and fund.staked_shares:
            assert fund.fund_wad * before.supply >= before.fund_wad * fund.supply
        assert fund.fund_wad >= worth_wad(fund.staked_shares, fund.fund_wad, fund.supply) >= 0
        assert fund.staked_shares == sum(stakes)


@repeatable
@given(st.integers(0, 2**40), st.integers(0, 2**40), st.integers(1, 60 * DAY))
def test_window__any_hold__bounded_and_then_whole(ready: int, held: int, seconds: int) -> None:
    opens, closes = window(ready, held, seconds)

    assert ready <= opens <= ready + seconds
    assert closes - opens >= seconds
    assert opens >= min(held, ready + seconds)
