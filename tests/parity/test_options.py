"""Normal, Black76, Svi: contract = model, bit for bit
├── N and its density, any x               -> the same
├── time values, any ln(F/K) and √w        -> the same, also outside of the domain
├── prices and greeks, any option          -> the same
├── a smile in its word, variance, g       -> the same
├── variance between expiries, flat        -> the same
└── conditions of smiles, moves            -> the same, or the same refusal with its numbers
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given

from benchmarks.pricing import draw as points
from holdfast.chain.contract import Contract
from holdfast.errors import Refused, Reverted
from holdfast.model import svi
from holdfast.model.black76 import greeks, price_wad, time_value_wad
from holdfast.model.normal import cdf_wad, pdf_wad
from holdfast.model.svi import PPB, YEAR_SECONDS, Smile
from holdfast.units import BPS, WAD
from tests.parity.draw import amount, repeatable, seeds

POINTS = 200
GAS = 2**40


@pytest.fixture
def options(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockOptions")


def _smile(rng: random.Random) -> Smile:
    """Mostly one that could be, now and then one that couldn't."""
    wild = rng.random() < 0.2
    return Smile(
        a_ppb=rng.randint(-1_100 * PPB, 1_100 * PPB) if wild else rng.randint(-PPB // 20, PPB),
        b_ppb=rng.randint(0, 1_090 * PPB) if wild else rng.choice((0, rng.randint(0, PPB))),
        rho_ppb=rng.choice((-PPB, PPB, 0)) if wild else rng.randint(-PPB + 1, PPB - 1),
        m_ppb=rng.randint(-11 * PPB, 11 * PPB) if wild else rng.randint(-PPB // 2, PPB // 2),
        sigma_ppb=int(10 ** rng.uniform(3.9, 10.1)) if wild else int(10 ** rng.uniform(7, 9)),
    )


def _bent(rng: random.Random, smile: Smile) -> Smile:
    """The same but for a little."""
    return Smile(
        a_ppb=smile.a_ppb + rng.randint(-PPB // 50, PPB // 50),
        b_ppb=max(0, smile.b_ppb + rng.randint(-PPB // 50, PPB // 50)),
        rho_ppb=max(-PPB, min(PPB, smile.rho_ppb + rng.randint(-PPB // 50, PPB // 50))),
        m_ppb=smile.m_ppb + rng.randint(-PPB // 50, PPB // 50),
        sigma_ppb=smile.sigma_ppb + rng.randint(0, PPB // 50),
    )


def _in_range(smile: Smile) -> bool:
    try:
        svi.check_range(smile)
    except Refused:
        return False
    return True


def _same(options: Contract, function: str, twin: Callable[..., None], *args: Any) -> str:
    """Both let it pass or both refuse it alike; tells which."""
    wanted: Any = None
    try:
        twin(*args)
    except Refused as refusal:
        wanted = (refusal.name, refusal.values)
    found: Any = None
    try:
        options.call(function, *(one.fields if isinstance(one, Smile) else one for one in args), gas=GAS)
    except Reverted as reverted:
        found = (reverted.name, reverted.values)
    assert found == wanted, args
    return wanted[0] if wanted else "passes"


@repeatable
@given(seed=seeds)
def test_normal__any_x__as_the_model(options: Contract, seed: int) -> None:
    rng = random.Random(seed)
    xs = [rng.randint(-10 * WAD, 10 * WAD) for _ in range(POINTS)]
    xs += [0, 1, -1, 9 * WAD, 9 * WAD - 1, -9 * WAD, 2**255 - 1, -(2**255)]

    assert options.call("cdf", xs, gas=GAS) == [cdf_wad(x) for x in xs]
    assert options.call("pdf", xs, gas=GAS) == [pdf_wad(x) for x in xs]


@repeatable
@given(seed=seeds)
def test_time_value__any_point__as_the_model(options: Contract, seed: int) -> None:
    rng = random.Random(seed)
    cases = points(POINTS, seed)
    cases += [(rng.randint(-399 * WAD, 399 * WAD), amount(rng, 40)) for _ in range(POINTS)]
    cases += [(rng.randint(-3, 3), rng.randrange(6)) for _ in range(20)] + [(0, 2**190), (WAD, 0), (-WAD, 1)]

    lns, roots = zip(*cases, strict=True)
    found = options.call("timeValue", list(lns), list(roots), gas=GAS)
    assert found == [time_value_wad(*case) for case in cases]


@repeatable
@given(seed=seeds)
def test_price__any_option__as_the_model(options: Contract, seed: int) -> None:
    rng = random.Random(seed)
    cases = []
    for _ in range(60):
        forward = amount(rng, 38)
        strike = rng.choice((amount(rng, 38), int(forward * 10 ** rng.uniform(-1, 1)), forward, 0))
        cases.append((forward, strike, amount(rng, 22), rng.choice((0, 1, rng.randrange(4 * YEAR_SECONDS)))))

    for case, found in zip(cases, options.call("price", cases, gas=GAS), strict=True):
        call, put = (price_wad(*case[:3], is_call=side) for side in (True, False))
        assert tuple(found[:2]) == (call, put), case
        assert tuple(found[2]) == astuple(greeks(*case)), case


@repeatable
@given(seed=seeds)
def test_smile__any_smile__as_the_model(options: Contract, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(4):
        smile = _smile(rng)
        ks = [rng.randint(-40 * WAD, 40 * WAD) for _ in range(20)] + [0, smile.m_ppb * PPB, 2**79, -(2**79)]
        packed, unpacked = options.call("word", smile.fields)
        assert (packed, tuple(unpacked)) == (smile.word, smile.fields)
        if not _in_range(smile):
            continue
        wanted = [svi.variance_wad_down(smile, k) for k in ks]
        assert options.call("variance", smile.word, ks, gas=GAS) == wanted
        years = rng.randint(0, 2 * WAD)
        wanted = [svi.butterfly_wad(point, years) for point in svi.grid(smile)]
        assert options.call("butterflies", smile.fields, years, gas=GAS) == wanted


@repeatable
@given(seed=seeds)
def test_between__any_expiries__as_the_model(options: Contract, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        near = rng.choice((0, rng.randrange(YEAR_SECONDS)))
        far = near + rng.choice((0, rng.randrange(YEAR_SECONDS)))
        at = rng.choice((0, near, far, rng.randint(near, far), rng.randrange(3 * YEAR_SECONDS)))
        case = (rng.randrange(1_000 * WAD), near, rng.randrange(1_000 * WAD), far, at)
        assert options.call("totalVariance", *case) == svi.total_variance_wad_down(*case), case
        flat = (amount(rng, 22), rng.randint(0, 3 * BPS))
        assert options.call("flatVariance", *flat) == svi.flat_variance_wad_up(*flat), flat


def test_conditions__any_smiles__as_the_model(options: Contract) -> None:
    rng = random.Random(76)
    seen: dict[str, int] = {}
    for _ in range(120):
        smile, seconds = _smile(rng), int(10 ** rng.uniform(2, 7.8))
        other = _bent(rng, smile) if rng.random() < 0.7 else _smile(rng)
        later = seconds + rng.choice((0, seconds // 20, seconds))
        outcomes = [_same(options, "check", svi.check, smile, seconds)]
        if _in_range(smile) and _in_range(other):
            outcomes += [
                _same(options, "checkCalendar", svi.check_calendar, smile, seconds, other, later),
                _same(options, "checkMove", svi.check_move, smile, other, rng.choice((100, 1_000, 5_000))),
            ]
        for outcome in outcomes:
            seen[outcome] = seen.get(outcome, 0) + 1
    refusals = {
        "SmileOutOfRange",
        "VarianceTooLow",
        "WingTooSteep",
        "ButterflyArbitrage",
        "CalendarArbitrage",
        "WingsCross",
        "SmileMoveTooLarge",
    }
    assert refusals | {"passes"} <= set(seen), seen
