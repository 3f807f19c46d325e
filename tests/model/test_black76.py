"""black76: prices of options on a forward
├── against mpmath, all over the domain  -> time value within ERROR_WAD; price within 1e-9, or 1e-12 of the forward
├── call and put                         -> differ by F − K to the wei, and keep their bounds
├── more variance                        -> never worth less by more than twice the error
├── a higher strike                      -> a call is never worth more by more than the error allows
├── published values                     -> Hull's futures option; rows of a peer's tests
├── extremes                             -> no variance, no time, no strike, no forward, 2500 % of volatility, 128 bits
├── the greeks                           -> against mpmath; against the slope of the price
├── an implied root                      -> gives the price back; zero where there is no time value
├── the worked example of docs/options.md
└── a sample of the long check           -> benchmarks/pricing.py runs it on a million points
"""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import erfc, exp, log, mp, mpf, pi, sqrt

from benchmarks.pricing import draw, worst_of
from holdfast.model.black76 import (
    ERROR_WAD,
    MAX_LN_WAD,
    YEAR_SECONDS,
    greeks,
    implied_root_wad_down,
    ln_moneyness_wad,
    price_wad,
    prices_wad,
    root_wad_down,
    time_value_wad,
)
from holdfast.units import WAD
from tests.model.spread import patient, spread

forwards = st.integers(-6_000, 12_000).map(lambda power: int(10 ** (power / 1_000) * WAD))
ratios = st.integers(-(10**6), 10**6).map(lambda n: n / 10**6 * 13.7)  # of ln(K/F)
roots = st.integers(-6_000, 1_300).map(lambda power: int(10 ** (power / 1_000) * WAD))


def exact_price(forward: int, strike: int, variance: int, is_call: bool) -> mpf:
    """In many digits, straight from the textbook's form; in wei."""
    with mp.workdps(60):
        f, k, s = mpf(forward), mpf(strike), sqrt(mpf(variance) / WAD)
        d1 = log(f / k) / s + s / 2
        sign = 1 if is_call else -1
        return sign * (f * _n(sign * d1) - k * _n(sign * (d1 - s)))


def _n(x: mpf) -> mpf:
    return erfc(-x / sqrt(mpf(2))) / 2


def allowed(forward: int, exact: mpf) -> mpf:
    return max(exact * mpf("1e-9"), forward * mpf("1e-12")) + 2


@st.composite
def options(draw: st.DrawFn) -> tuple[int, int, int]:
    """F, K and w: a third near the money in units of √w, where most is decided."""
    forward, root = draw(forwards), draw(roots)
    ln = draw(ratios | st.integers(-9_000, 9_000).map(lambda d: d / 1_000 * root / WAD))
    assume(abs(ln) <= 13.7)
    strike = int(forward * mpf(mp.e) ** ln)
    assume(strike > 10**9)
    return forward, strike, root * root // WAD + 1


@patient
@given(option=options(), is_call=st.booleans())
def test_price__anywhere_in_the_domain__agrees_with_mpmath(
    option: tuple[int, int, int], is_call: bool
) -> None:
    exact = exact_price(*option, is_call)
    assert abs(price_wad(*option, is_call) - exact) <= allowed(option[0], exact)


@patient
@given(ln=spread(-MAX_LN_WAD, MAX_LN_WAD), root=roots)
def test_time_value__anywhere_in_the_domain__is_within_its_error(ln: int, root: int) -> None:
    with mp.workdps(60):
        s, distance = mpf(root) / WAD, abs(mpf(ln)) / WAD
        a = distance / s - s / 2
        exact = (_n(-a) - exp(distance) * _n(-a - s)) * WAD
    assert abs(time_value_wad(ln, root) - exact) <= ERROR_WAD


@patient
@given(option=options())
def test_price__any_option__keeps_parity_and_bounds(option: tuple[int, int, int]) -> None:
    forward, strike, variance = option
    call, put = (price_wad(forward, strike, variance, side) for side in (True, False))
    assert call - put == forward - strike
    assert max(forward - strike, 0) <= call <= forward
    assert max(strike - forward, 0) <= put <= strike


@patient
@given(ln=spread(-200 * WAD, 200 * WAD), root=roots | st.integers(0, 2**100))
def test_time_value__any_numbers__is_a_share(ln: int, root: int) -> None:
    assert 0 <= time_value_wad(ln, root) <= WAD


def test_time_value__more_variance__never_less_by_more_than_twice_the_error() -> None:
    rng = random.Random(76)
    worst = 0
    for _ in range(200):
        ln = int(rng.uniform(-1, 1) ** 3 * MAX_LN_WAD)
        at = [int(10 ** rng.uniform(-4, 1.3) * WAD) for _ in range(40)]
        at = sorted(at + [one + rng.randint(1, 1_000) for one in at])
        found = [time_value_wad(ln, root) for root in at]
        worst = max(worst, *(a - b for a, b in pairwise(found)))
    assert worst <= 2 * ERROR_WAD


def test_price__a_higher_strike__never_a_dearer_call_by_more_than_the_error_allows() -> None:
    rng = random.Random(77)
    for _ in range(100):
        forward, variance = 1_000 * WAD, int(10 ** rng.uniform(-6, 1) * WAD)
        strikes = sorted(int(forward * 10 ** rng.uniform(-2, 2)) for _ in range(30))
        calls = [price_wad(forward, strike, variance, True) for strike in strikes]
        assert max(b - a for a, b in pairwise(calls)) <= 2 * forward * ERROR_WAD // WAD


def test_price__hulls_futures_option__is_1_12() -> None:
    """Options, Futures, and Other Derivatives, "Black's model": F = K = 20, r = 9 %, σ = 25 %, four months."""
    put = price_wad(20 * WAD, 20 * WAD, WAD // 16 * 4 // 12, is_call=False)
    assert round(float(mpf(put) / WAD * exp(mpf("-0.09") * 4 / 12)), 2) == 1.12


# Forward, strike, volatility, seconds, discount -> call, put: of the tests of derivexyz/v2-core (commit 7736900d).
PEERS: Final = (
    ("1500", "1500", "1", 604_800, "1", "82.805080668634559515", "82.805080668634559515"),
    (
        "1000",
        "1200",
        "0.25",
        2_592_000,
        "0.9991784198737006",
        "0.137082128426579297",
        "199.972766103166719631",
    ),
    ("1000", "700", "0.75", 172_800, "0.9998904169635637", "299.967125089526177817", "0.00000000045708468"),
    (
        "1000",
        "700",
        "25",
        31_536_000,
        "0.9801986733067553",
        "980.198673306755267731",
        "686.139071314728653306",
    ),
    (
        "1000",
        "700",
        "5",
        31_536_000,
        "0.9801986733067553",
        "970.034553583819047162",
        "675.974951591792546424",
    ),
)


@pytest.mark.parametrize(("forward", "strike", "vol", "seconds", "discount", "call", "put"), PEERS)
def test_price__a_peers_rows__agree(
    forward: str, strike: str, vol: str, seconds: int, discount: str, call: str, put: str
) -> None:
    f, k = int(forward) * WAD, int(strike) * WAD
    variance = int(mpf(vol) ** 2 * seconds / YEAR_SECONDS * WAD)
    for is_call, wanted in ((True, call), (False, put)):
        found = mpf(price_wad(f, k, variance, is_call)) / WAD * mpf(discount)
        assert abs(found - mpf(wanted)) <= max(mpf(wanted) * mpf("1e-9"), int(forward) * mpf("1e-12"))


LARGEST: Final = 2**128 - 1


@pytest.mark.parametrize(
    ("forward", "strike", "variance", "call", "put"),
    [
        (1_000 * WAD, 700 * WAD, 0, 300 * WAD, 0),  # no variance
        (700 * WAD, 1_000 * WAD, 0, 0, 300 * WAD),
        (1_000 * WAD, 1_000 * WAD, 0, 0, 0),
        (1_000 * WAD, 0, 16 * WAD, 1_000 * WAD, 0),  # no strike
        (0, 1_000 * WAD, 16 * WAD, 0, 1_000 * WAD),  # no forward
        (0, 0, WAD, 0, 0),
        (1, LARGEST, 16 * WAD, 0, LARGEST - 1),
        (LARGEST, 1, 16 * WAD, LARGEST - 1, 0),
        (1_000 * WAD, 700 * WAD, 625 * WAD, 1_000 * WAD, 700 * WAD),  # 2500 %
        (LARGEST, LARGEST, 2**180, LARGEST, LARGEST),
    ],
)
def test_price__extremes__are_the_limits(
    forward: int, strike: int, variance: int, call: int, put: int
) -> None:
    assert price_wad(forward, strike, variance, True) == call
    assert price_wad(forward, strike, variance, False) == put


def test_price__a_second_before_expiry__is_all_but_intrinsic() -> None:
    variance = WAD // YEAR_SECONDS  # 100 %
    assert price_wad(1_000 * WAD, 990 * WAD, variance, True) == 10 * WAD
    at_the_money = price_wad(1_000 * WAD, 1_000 * WAD, variance, True)
    exact = exact_price(1_000 * WAD, 1_000 * WAD, variance, True)
    assert abs(at_the_money - exact) <= allowed(1_000 * WAD, exact)


@patient
@given(option=options())
def test_greeks__anywhere_in_the_domain__agree_with_mpmath(option: tuple[int, int, int]) -> None:
    forward, strike, variance = option
    seconds = 30 * 86_400
    found = greeks(forward, strike, variance, seconds)
    with mp.workdps(60):
        f, s, t = mpf(forward) / WAD, sqrt(mpf(variance) / WAD), mpf(seconds) / YEAR_SECONDS
        d1 = log(mpf(forward) / strike) / s + s / 2
        density = exp(-d1 * d1 / 2) / sqrt(2 * pi)
        wanted = (_n(d1), density / (f * s), f * density * sqrt(t), f * density * s / (2 * t))
    # The density is off by ERROR_WAD, and the argument by what the wei of ln and √w make of it.
    off = (ERROR_WAD + 3 * (WAD / (s * WAD) + abs(d1) / s)) * 2
    scales = (1, 1 / (f * s), f * sqrt(t), f * s / (2 * t))
    for one, exact, scale in zip(
        (found.call_delta_wad, found.gamma_wad, found.vega_wad, found.theta_wad), wanted, scales, strict=True
    ):
        assert abs(one - exact * WAD) <= off * scale + exact * WAD * mpf("1e-9") + 2


def test_greeks__slope_of_the_price__agrees() -> None:
    forward, strike, vol, seconds = 2_000 * WAD, 2_200 * WAD, mpf("0.8"), 60 * 86_400

    def price(f: mpf, sigma: mpf, left: int) -> mpf:
        variance = int(sigma**2 * left / YEAR_SECONDS * WAD)
        return mpf(price_wad(int(f * WAD), strike, variance, True)) / WAD

    found = greeks(forward, strike, int(vol**2 * seconds / YEAR_SECONDS * WAD), seconds)
    h = mpf("0.01")
    f = mpf(forward) / WAD
    slope = (price(f + h, vol, seconds) - price(f - h, vol, seconds)) / (2 * h)
    bend = (price(f + 1, vol, seconds) - 2 * price(f, vol, seconds) + price(f - 1, vol, seconds)) / 1
    by_vol = (price(f, vol + h / 100, seconds) - price(f, vol - h / 100, seconds)) / (2 * h / 100)
    by_time = (price(f, vol, seconds + 60) - price(f, vol, seconds - 60)) / 120 * YEAR_SECONDS
    for one, wanted in (
        (found.call_delta_wad, slope),
        (found.gamma_wad, bend),
        (found.vega_wad, by_vol),
        (found.theta_wad, by_time),
    ):
        assert abs(mpf(one) / WAD / wanted - 1) < mpf("1e-6")


@pytest.mark.parametrize(
    ("forward", "strike", "variance", "seconds", "delta"),
    [
        (1_000 * WAD, 700 * WAD, 0, 100, WAD),
        (700 * WAD, 1_000 * WAD, 0, 100, 0),
        (1_000 * WAD, 1_000 * WAD, 0, 100, WAD // 2),
        (0, 1_000 * WAD, WAD, 100, 0),
        (1_000 * WAD, 0, WAD, 100, WAD),
        (1_000 * WAD, 700 * WAD, 0, 0, WAD),
    ],
)
def test_greeks__nothing_to_differentiate__delta_alone(
    forward: int, strike: int, variance: int, seconds: int, delta: int
) -> None:
    found = greeks(forward, strike, variance, seconds)
    assert found.call_delta_wad == delta
    assert (found.gamma_wad, found.vega_wad, found.theta_wad) == (0, 0, 0)


def test_price__worked_example_of_the_page__agrees() -> None:
    """F = 2,000, K = 2,200, σ = 80 %, 73 days: w = 0.128, d₁ = −0.08751, d₂ = −0.44529."""
    forward, strike, variance = 2_000 * WAD, 2_200 * WAD, 128 * WAD // 1_000
    assert root_wad_down(variance) // 10**12 == 357_770
    assert round(mpf(ln_moneyness_wad(forward, strike)) / WAD, 6) == mpf("-0.095310")
    found = greeks(forward, strike, variance, 73 * 86_400)
    assert found.call_delta_wad // 10**13 == 46_513
    assert found.gamma_wad // 10**9 == 555_407  # 0.000555
    assert (found.vega_wad // 10**16, found.theta_wad // 10**16) == (355_46, 710_92)
    call, put = (price_wad(forward, strike, variance, side) for side in (True, False))
    assert (call * 100 // WAD, put * 100 // WAD) == (208_53, 408_53)
    assert prices_wad(forward, strike, time_value_wad(-95_310 * 10**12, 357_770 * 10**12))[0] // WAD == 208


def test_price__a_sample_of_the_long_check__stays_within_the_bound() -> None:
    points = draw(20_000, seed=1)
    assert worst_of(points, [time_value_wad(ln, root) for ln, root in points]) <= 1


# The implied root


@given(forward=forwards, ratio=st.floats(-2, 2), root=st.floats(1e-4, 4), is_call=st.booleans())
def test_implied_root__gives_the_price_back(forward: int, ratio: float, root: float, is_call: bool) -> None:
    strike = int(forward * 2.718281828**ratio)
    price = price_wad(forward, strike, int(root**2 * WAD), is_call)
    found = implied_root_wad_down(forward, strike, price, is_call)
    again = price_wad(forward, strike, found**2 // WAD, is_call)
    assert abs(again - price) <= 2 + max(forward, strike) * 2 * ERROR_WAD // WAD


@pytest.mark.parametrize(("forward", "price"), [(2_000, 0), (2_200, 100), (2_200, 99)])
def test_implied_root__no_time_value__is_zero(forward: int, price: int) -> None:
    assert implied_root_wad_down(forward * WAD, 2_100 * WAD, price * WAD, True) == 0
