"""AuctionCurve: contract = model, bit for bit
├── d over any clock           -> the same
├── f*                         -> the same
├── slices of any account      -> the same, or the same refusal with its numbers
├── start rewards              -> the same
├── tax on priority fees       -> the same
└── shares of a deficit        -> the same
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given

from holdfast.chain.contract import Contract
from holdfast.errors import Refused
from holdfast.model.liquidation import (
    Slice,
    Terms,
    deficit_share_wad,
    discount_wad,
    largest_wad,
    penalty_share_wad,
    progress_wad,
    reward,
    slice_of,
    tax,
)
from holdfast.sim.history import Block, Result, call, simulate
from holdfast.units import BPS, WAD
from tests.parity.draw import amount, repeatable, seeds

CALLS = 60
"""Calls in one request."""


def _share(rng: random.Random) -> int:
    return rng.choice((0, 1, WAD - 1, WAD, WAD + 1, rng.randint(1, WAD), rng.randint(1, WAD)))


def _terms(rng: random.Random) -> Terms:
    maintenance = amount(rng, 36)
    d = rng.randint(0, WAD)
    # About the borders: zero, d·MM, MM; and anywhere below.
    border = rng.choice(
        (0, maintenance * d // WAD, maintenance, -amount(rng, 36), rng.randint(0, maintenance))
    )
    equity = min(border + rng.randint(-2, 2), maintenance - 1)
    full = max(0, maintenance * d // WAD - equity)
    return Terms(
        equity_wad=equity,
        maintenance_wad=maintenance,
        discount_wad=d,
        target_wad=max(d, rng.randint(WAD, 3 * WAD)) + 1,
        dust_wad=rng.choice((0, amount(rng, 36), maintenance // 2, maintenance + 1)),
        max_fraction_wad=_share(rng),
        depth_wad=rng.choice((WAD, WAD, _share(rng))),
        capacity_wad=rng.choice((0, amount(rng, 36), full, full + 1, rng.randint(0, full))),
        insured=equity <= 0 or rng.random() < 0.5,
        has_legs=rng.random() < 0.7,
    )


@pytest.fixture
def curve(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockCurve")


Ask = Callable[[str, list[tuple[Any, ...]]], list[Result]]


@pytest.fixture
def ask(curve: Contract, roles: Any) -> Ask:
    def many(function: str, cases: list[tuple[Any, ...]]) -> list[Result]:
        return simulate(
            curve.rpc, [Block([call(curve, function, *case, sender=roles.stranger) for case in cases])]
        )[0]

    return many


@repeatable
@given(seed=seeds)
def test_discount__any_clock__as_the_model(curve: Contract, ask: Ask, seed: int) -> None:
    rng = random.Random(seed)
    clocks = [
        (rng.choice((0, rng.randrange(300), amount(rng, 12))), rng.randint(1, 300)) for _ in range(CALLS)
    ]
    ends = [sorted((rng.randint(0, BPS), rng.randint(0, 3 * BPS))) for _ in range(CALLS)]

    passed = [progress_wad(*clock) for clock in clocks]
    for expected, result in zip(passed, ask("progress", clocks), strict=True):
        assert result.returned(curve, "progress") == expected
    curves = [(progress, *end) for progress, end in zip(passed, ends, strict=True)]
    for case, result in zip(curves, ask("discount", curves), strict=True):
        assert result.returned(curve, "discount") == discount_wad(*case), case


@repeatable
@given(seed=seeds)
def test_largest__any_account__as_the_model(curve: Contract, ask: Ask, seed: int) -> None:
    rng = random.Random(seed)
    cases = [
        (t.equity_wad, t.maintenance_wad, t.discount_wad, t.target_wad)
        for t in (_terms(rng) for _ in range(CALLS))
    ]

    for case, result in zip(cases, ask("largest", cases), strict=True):
        assert result.returned(curve, "largest") == largest_wad(*case), case


@repeatable
@given(seed=seeds)
def test_slice__any_account__as_the_model(curve: Contract, ask: Ask, seed: int) -> None:
    rng = random.Random(seed)
    cases = [_terms(rng) for _ in range(CALLS)]

    for terms, result in zip(cases, ask("slice", [(astuple(terms),) for terms in cases]), strict=True):
        try:
            expected = slice_of(terms)
        except Refused as refusal:
            assert result.error is not None, terms
            assert (result.error.name, result.error.values) == (refusal.name, refusal.values), terms
            continue
        assert result.returned(curve, "slice") == astuple(expected), terms


@repeatable
@given(seed=seeds)
def test_reward__any_account__as_the_model(curve: Contract, ask: Ask, seed: int) -> None:
    rng = random.Random(seed)
    cases = [
        (
            amount(rng, 30),
            rng.randint(0, 3 * BPS),
            amount(rng, 30),
            rng.choice((-1, 1)) * amount(rng, 30),
        )
        for _ in range(CALLS)
    ]
    shares = [(amount(rng, 30), rng.randint(0, 3 * BPS), rng.randint(0, BPS)) for _ in range(CALLS)]

    for case, result in zip(shares, ask("penaltyShare", shares), strict=True):
        assert result.returned(curve, "penaltyShare") == penalty_share_wad(*case), case
    for case, result in zip(cases, ask("reward", cases), strict=True):
        assert result.returned(curve, "reward") == astuple(reward(*case)), case


@repeatable
@given(seed=seeds)
def test_tax__any_slice__as_the_model(curve: Contract, ask: Ask, seed: int) -> None:
    rng = random.Random(seed)
    cases = []
    for _ in range(CALLS):
        discount, value = amount(rng, 30), rng.choice((-1, 1)) * amount(rng, 30)
        insurance = rng.choice((0, min(discount, max(0, discount - value)), rng.randint(0, discount)))
        share = rng.randint(0, discount)
        part = Slice(
            fraction_wad=_share(rng),
            payment_wad=value - discount,
            discount_wad=discount,
            insurance_wad=insurance,
        )
        wanted = rng.choice((0, discount - share, discount - share + 1, amount(rng, 30)))
        cases.append((part, share, wanted, rng.randint(0, BPS // 2)))

    asked = [(astuple(part), *rest) for part, *rest in cases]
    for case, result in zip(cases, ask("tax", asked), strict=True):
        left, share, taken = tax(*case)
        assert result.returned(curve, "tax") == (astuple(left), share, taken), case


@repeatable
@given(seed=seeds)
def test_deficit_share__any_book__as_the_model(curve: Contract, ask: Ask, seed: int) -> None:
    rng = random.Random(seed)
    cases = []
    for _ in range(CALLS):
        gross = amount(rng, 36)
        deficit = rng.choice((0, gross, gross + 1, rng.randint(0, gross), amount(rng, 36)))
        cases.append((deficit, rng.randint(0, gross), gross))

    for case, result in zip(cases, ask("deficitShare", cases), strict=True):
        assert result.returned(curve, "deficitShare") == deficit_share_wad(*case), case
