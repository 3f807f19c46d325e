"""svi: smiles of annualised variance
├── published examples   -> Gatheral and Jacquier's (Vogt's) smile has butterfly arbitrage where they say; a peer's rows
├── v(k)                 -> against mpmath; at least what checkRange promises
├── the word             -> holds every smile; ignores what stands above it
├── g(k)                 -> against mpmath, and against the density by differences of prices
├── between two expiries -> linear in total variance; flat volatility before and after
├── time runs down       -> what had no arbitrage has none later
├── each condition       -> refused with its numbers
├── a move               -> within a share of what stands
└── the flat stand-in    -> variance and surcharge, up
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf, sqrt

from holdfast.errors import Refused
from holdfast.model.black76 import ln_moneyness_wad, price_wad
from holdfast.model.svi import (
    GRID_END_WAD,
    MAX_M_PPB,
    MAX_RHO_PPB,
    MAX_SIGMA_PPB,
    MAX_VARIANCE_PPB,
    MAX_WING_WAD,
    MIN_SIGMA_PPB,
    MIN_VARIANCE_PPB,
    PPB,
    YEAR_SECONDS,
    Smile,
    butterfly_wad,
    check,
    check_calendar,
    check_move,
    check_range,
    flat_variance_wad_up,
    grid,
    smile_of,
    total_variance_wad_down,
    variance_wad_down,
)
from holdfast.units import BPS, WAD
from tests.model.spread import patient, spread

# Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces" (2014), example 3.1, after Axel Vogt; T = 1.
VOGT: Final = Smile(
    a_ppb=-41_000_000, b_ppb=133_100_000, rho_ppb=306_000_000, m_ppb=358_600_000, sigma_ppb=415_300_000
)
CALM: Final = Smile(
    a_ppb=200_000_000, b_ppb=300_000_000, rho_ppb=-300_000_000, m_ppb=20_000_000, sigma_ppb=250_000_000
)
MONTH: Final = 30 * 86_400

smiles = st.builds(
    Smile,
    a_ppb=spread(-MAX_VARIANCE_PPB, MAX_VARIANCE_PPB) | spread(-PPB, PPB),
    b_ppb=spread(0, MAX_VARIANCE_PPB) | spread(0, PPB),
    rho_ppb=spread(-MAX_RHO_PPB, MAX_RHO_PPB),
    m_ppb=spread(-MAX_M_PPB, MAX_M_PPB) | spread(-PPB, PPB),
    sigma_ppb=spread(MIN_SIGMA_PPB, MAX_SIGMA_PPB) | spread(MIN_SIGMA_PPB, PPB),
)
ordinary = st.builds(
    Smile,
    a_ppb=spread(PPB // 50, PPB),
    b_ppb=spread(0, PPB // 2),
    rho_ppb=spread(-PPB * 8 // 10, PPB * 8 // 10),
    m_ppb=spread(-PPB // 5, PPB // 5),
    sigma_ppb=spread(PPB // 50, PPB),
)


def exact_variance(smile: Smile, k_wad: int) -> mpf:
    """[wad·ppb²] A unit in which every term but a root that isn't whole is an integer, so nothing is lost of it."""
    a, b, rho, m, sigma = smile.fields
    x, sigma_wad = k_wad - m * (WAD // PPB), sigma * (WAD // PPB)
    return a * (WAD // PPB) * PPB**2 + b * (rho * x + PPB * sqrt(mpf(x * x + sigma_wad * sigma_wad)))


def exact_g(smile: Smile, k_wad: int, years: mpf) -> mpf:
    """Durrleman's g, from derivatives of total variance in many digits."""
    with mp.workdps(50):
        a, b, rho, m, sigma = (mpf(one) / PPB for one in smile.fields)
        k = mpf(k_wad) / WAD
        root = sqrt((k - m) ** 2 + sigma**2)
        w = (a + b * (rho * (k - m) + root)) * years
        slope = b * (rho + (k - m) / root) * years
        curvature = b * sigma**2 / root**3 * years
        return (1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + mpf(1) / 4) + curvature / 2


def test_check__vogts_smile__has_butterfly_arbitrage_where_they_say() -> None:
    """Their figure shows g below zero for k from about 0.6 to 1.3 and nowhere else."""
    with pytest.raises(Refused, match="ButterflyArbitrage"):
        check(VOGT, YEAR_SECONDS)
    negative = [point.k_wad / WAD for point in grid(VOGT) if butterfly_wad(point, WAD) < 0]
    assert min(negative) > 0.6 and max(negative) < 1.3
    assert negative == [p.k_wad / WAD for p in grid(VOGT) if min(negative) <= p.k_wad / WAD <= max(negative)]


# tau, a, b, rho, m, sigma of total variance, forward, strike -> volatility: tests of lyra-utils (commit 759e962).
PEERS: Final = (
    ("0.00821917808219178", "0.00821917808219178", "0.01232876712328767", "-0.000821917808219178",
     "-0.000410958904109589", "0.000410958904109589", 1800, 1500, "1.1283132838354804"),
    ("0.038356164383561646", "0.027616438356164386", "0.041424657534246574", "0.003452054794520548",
     "0.001726027397260274", "0.000345205479452055", 1805, 2400, "1.0133571334275668"),
    ("0.2465753424657534", "0.17753424657534247", "0.17753424657534247", "0.05917808219178082",
     "0.02958904109589041", "0.0216986301369863", 1830, 1800, "0.8687530747337932"),
)  # fmt: skip


@pytest.mark.parametrize(("tau", "a", "b", "rho", "m", "sigma", "forward", "strike", "vol"), PEERS)
def test_variance__a_peers_rows__agree(
    tau: str, a: str, b: str, rho: str, m: str, sigma: str, forward: int, strike: int, vol: str
) -> None:
    years = mpf(tau)
    smile = Smile(
        a_ppb=round(mpf(a) / years * PPB),
        b_ppb=round(mpf(b) / years * PPB),
        rho_ppb=round(mpf(rho) * PPB),
        m_ppb=round(mpf(m) * PPB),
        sigma_ppb=round(mpf(sigma) * PPB),
    )
    k = -ln_moneyness_wad(forward * WAD, strike * WAD)
    assert abs(sqrt(mpf(variance_wad_down(smile, k)) / WAD) - mpf(vol)) < mpf(
        "1e-9"
    )  # parameters have nine places


@patient
@given(smile=smiles, k=spread(-40 * WAD, 40 * WAD))
def test_variance__any_smile__is_the_formula_rounded_down(smile: Smile, k: int) -> None:
    with mp.workdps(80):
        error = variance_wad_down(smile, k) * PPB**2 - exact_variance(smile, k)
    # A wei of the root counts b times.
    assert -(PPB**2) - smile.b_ppb * PPB <= error <= 0


@patient
@given(smile=smiles, k=spread(-40 * WAD, 40 * WAD))
def test_variance__a_smile_in_range__keeps_its_floor(smile: Smile, k: int) -> None:
    try:
        check_range(smile)
    except Refused:
        return
    assert variance_wad_down(smile, k) > (MIN_VARIANCE_PPB - 2_000) * PPB


@patient
@given(smile=smiles, above=spread(0, 2**56 - 1))
def test_word__any_smile__comes_back(smile: Smile, above: int) -> None:
    assert smile_of(smile.word | above << 200) == smile
    assert smile.word < 2**200


@patient
@given(smile=ordinary, years=spread(WAD // 1_000, 2 * WAD))
def test_butterfly__ordinary_smiles__agree_with_mpmath(smile: Smile, years: int) -> None:
    for point in grid(smile):
        exact = exact_g(smile, point.k_wad, mpf(years) / WAD)
        assert abs(mpf(butterfly_wad(point, years)) / WAD - exact) < mpf("1e-12") * (1 + abs(exact))


def test_butterfly__the_sign__is_that_of_the_price_of_a_butterfly() -> None:
    """Second differences of call prices in the strike, on the smile, are negative where g is."""

    def butterfly(k: mpf) -> int:
        strikes = [int(mp.exp(k + step * mpf("0.001")) * WAD) for step in (-1, 0, 1)]
        low, middle, high = (
            price_wad(WAD, strike, variance_wad_down(VOGT, -ln_moneyness_wad(WAD, strike)), True)
            for strike in strikes
        )
        wide, narrow = strikes[2] - strikes[1], strikes[1] - strikes[0]
        return low * wide - middle * (wide + narrow) + high * narrow

    for point in grid(VOGT):
        g, k = butterfly_wad(point, WAD), mpf(point.k_wad) / WAD
        if abs(g) > WAD // 500 and abs(k) < 1.5:
            assert (butterfly(k) < 0) == (g < 0), k


@patient
@given(smile=smiles)
def test_grid__any_smile__reaches_its_end_on_both_sides(smile: Smile) -> None:
    points = grid(smile)
    middle = smile.m_ppb * PPB
    assert points[0].k_wad <= middle - GRID_END_WAD + 10 and points[-1].k_wad >= middle + GRID_END_WAD - 10
    assert points[len(points) // 2].k_wad == middle
    assert [point.k_wad for point in points] == sorted(point.k_wad for point in points)


@patient
@given(smile=ordinary, seconds=spread(60, YEAR_SECONDS), share=spread(1, 1_000))
def test_check__time_runs_down__no_butterfly_arbitrage_appears(
    smile: Smile, seconds: int, share: int
) -> None:
    try:
        check(smile, seconds)
    except Refused:
        return
    check(smile, seconds * share // 1_000)


@patient
@given(near=ordinary, far=ordinary, gap=spread(1, YEAR_SECONDS), share=spread(0, 1_000))
def test_calendar__time_runs_down__no_arbitrage_appears(
    near: Smile, far: Smile, gap: int, share: int
) -> None:
    try:
        check_calendar(near, MONTH, far, MONTH + gap)
    except Refused:
        return
    gone = MONTH * share // 1_000
    check_calendar(near, MONTH - gone, far, MONTH - gone + gap)


@patient
@given(
    variances=st.tuples(spread(0, 100 * WAD), spread(0, 100 * WAD)),
    near=spread(0, YEAR_SECONDS),
    gap=spread(1, YEAR_SECONDS),
    at=spread(0, 3 * YEAR_SECONDS),
)
def test_total_variance__any_expiry__is_linear_between_and_flat_beyond(
    variances: tuple[int, int], near: int, gap: int, at: int
) -> None:
    far = near + gap
    ends = [mpf(one) * time / YEAR_SECONDS for one, time in zip(variances, (near, far), strict=True)]
    with mp.workdps(50):
        if at <= near:
            exact = mpf(variances[0]) * at / YEAR_SECONDS
        elif at >= far:
            exact = mpf(variances[1]) * at / YEAR_SECONDS
        else:
            exact = ends[0] + (ends[1] - ends[0]) * (at - near) / gap
    found = total_variance_wad_down(variances[0], near, variances[1], far, at)
    assert -1 - exact * mpf("1e-14") <= found - exact <= exact * mpf("1e-14")


def test_total_variance__worked_example_of_the_page__agrees() -> None:
    """25 % at 30 days, 36 % at 90: variances 0.0625 and 0.1296. At 60 days: (0.0625·30 + 0.1296·90)/2 = 6.7695 days."""
    found = total_variance_wad_down(625 * WAD // 10_000, MONTH, 1_296 * WAD // 10_000, 3 * MONTH, 2 * MONTH)
    assert found == 67_695 * WAD // 10_000 // 365


def test_variance__worked_example_of_the_page__agrees() -> None:
    """k − m = 0.6, σ = 0.25: the root is 0.65. v = 0.2 + 0.3·(−0.3·0.6 + 0.65) = 0.341."""
    assert variance_wad_down(CALM, 62 * WAD // 100) == 341 * WAD // 1_000
    check(CALM, MONTH)


@pytest.mark.parametrize(
    ("field", "value", "low", "high"),
    [
        ("a_ppb", MAX_VARIANCE_PPB + 1, -MAX_VARIANCE_PPB, MAX_VARIANCE_PPB),
        ("a_ppb", -MAX_VARIANCE_PPB - 1, -MAX_VARIANCE_PPB, MAX_VARIANCE_PPB),
        ("b_ppb", MAX_VARIANCE_PPB + 1, 0, MAX_VARIANCE_PPB),
        ("rho_ppb", PPB, -MAX_RHO_PPB, MAX_RHO_PPB),
        ("rho_ppb", -PPB, -MAX_RHO_PPB, MAX_RHO_PPB),
        ("m_ppb", MAX_M_PPB + 1, -MAX_M_PPB, MAX_M_PPB),
        ("sigma_ppb", MIN_SIGMA_PPB - 1, MIN_SIGMA_PPB, MAX_SIGMA_PPB),
        ("sigma_ppb", MAX_SIGMA_PPB + 1, MIN_SIGMA_PPB, MAX_SIGMA_PPB),
    ],
)
def test_check__a_parameter_out_of_range__SmileOutOfRange(
    field: str, value: int, low: int, high: int
) -> None:
    place = ("a_ppb", "b_ppb", "rho_ppb", "m_ppb", "sigma_ppb").index(field)
    with pytest.raises(Refused) as refusal:
        check(replace(CALM, **{field: value}), MONTH)
    assert (refusal.value.name, refusal.value.values) == ("SmileOutOfRange", (place, value, low, high))


def test_check__variance_below_its_floor__VarianceTooLow() -> None:
    flat = Smile(a_ppb=MIN_VARIANCE_PPB, b_ppb=0, rho_ppb=0, m_ppb=0, sigma_ppb=PPB)
    check(flat, MONTH)
    with pytest.raises(Refused) as refusal:
        check(replace(flat, a_ppb=MIN_VARIANCE_PPB - 1), MONTH)
    assert (refusal.value.name, refusal.value.values) == (
        "VarianceTooLow",
        (MIN_VARIANCE_PPB - 1, MIN_VARIANCE_PPB),
    )


def test_check__wings_of_two__pass_and_a_hair_more_don_t() -> None:
    """b·(1 + |ρ|)·T = 2 is what Lee's formula lets through."""
    steep = Smile(a_ppb=PPB, b_ppb=2 * PPB * 100 // 125, rho_ppb=PPB // 4, m_ppb=0, sigma_ppb=2 * PPB)
    check(steep, YEAR_SECONDS)
    with pytest.raises(Refused) as refusal:
        check(replace(steep, b_ppb=steep.b_ppb + 1), YEAR_SECONDS)
    assert (refusal.value.name, refusal.value.values) == (
        "WingTooSteep",
        (MAX_WING_WAD + 125 * PPB // 100, MAX_WING_WAD),
    )


def test_calendar__variance_falls_with_time__CalendarArbitrage() -> None:
    far = replace(CALM, a_ppb=20_000_000)
    check_calendar(CALM, MONTH, CALM, MONTH)
    with pytest.raises(Refused) as refusal:
        check_calendar(CALM, MONTH, far, MONTH * 11 // 10)
    name, (k, near_wad, far_wad) = refusal.value.name, refusal.value.values
    assert name == "CalendarArbitrage"
    assert (
        near_wad
        == variance_wad_down(CALM, k) * MONTH
        > far_wad
        == variance_wad_down(far, k) * MONTH * 11 // 10
    )


@pytest.mark.parametrize("rho", [-PPB // 2, PPB // 2])
def test_calendar__wings_cross_far_out__WingsCross(rho: int) -> None:
    near = replace(CALM, rho_ppb=0)
    far = replace(CALM, rho_ppb=rho, a_ppb=2 * CALM.a_ppb)
    with pytest.raises(Refused) as refusal:
        check_calendar(near, MONTH, far, MONTH * 3 // 2)
    wanted = (near.b_ppb * PPB * MONTH, far.b_ppb * (PPB - PPB // 2) * MONTH * 3 // 2)
    assert (refusal.value.name, refusal.value.values) == ("WingsCross", wanted)


def test_move__a_share_of_what_stands__and_no_more() -> None:
    flat = Smile(a_ppb=PPB, b_ppb=0, rho_ppb=0, m_ppb=0, sigma_ppb=PPB)
    for moved in (PPB * 3 // 2, PPB // 2):
        check_move(flat, replace(flat, a_ppb=moved), BPS // 2)
    for moved in (PPB * 3 // 2 + 1, PPB // 2 - 1):
        with pytest.raises(Refused) as refusal:
            check_move(flat, replace(flat, a_ppb=moved), BPS // 2)
        k = grid(flat)[0].k_wad
        assert (refusal.value.name, refusal.value.values) == ("SmileMoveTooLarge", (k, WAD, moved * PPB))


def test_move__only_the_standing_smile_is_bent_there__is_seen() -> None:
    """A narrow bottom that is filled lies between the points of the rounder smile's grid."""
    narrow = Smile(a_ppb=PPB // 10, b_ppb=3 * PPB // 10, rho_ppb=0, m_ppb=0, sigma_ppb=PPB // 50)
    round_one = replace(narrow, a_ppb=3 * PPB // 200, m_ppb=7 * PPB // 100, sigma_ppb=PPB // 2)
    move_bps = BPS // 2
    for point in grid(round_one):
        standing, following = (variance_wad_down(one, point.k_wad) for one in (narrow, round_one))
        assert abs(standing - following) * BPS <= standing * move_bps
    with pytest.raises(Refused, match="SmileMoveTooLarge"):
        check_move(narrow, round_one, move_bps)


def test_flat__variance_and_surcharge__up_and_never_below_the_floor() -> None:
    assert flat_variance_wad_up(WAD, 2_500) == WAD * 5 // 4
    assert flat_variance_wad_up(WAD + 1, 1) == WAD + 1 + (WAD // BPS + 1)
    assert flat_variance_wad_up(0, 2_500) == MIN_VARIANCE_PPB * PPB


def test_wings__far_out__total_variance_stays_below_what_lee_allows() -> None:
    k = 1_000 * WAD
    slope = mpf(variance_wad_down(CALM, k)) / k
    assert abs(slope - mpf(CALM.b_ppb * (PPB + CALM.rho_ppb)) / PPB**2) < mpf("0.001")
