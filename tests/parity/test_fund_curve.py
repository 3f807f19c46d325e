"""FundCurve: contract = model, bit for bit
├── share of the fees           -> the same
├── expected shortfall          -> the same
├── a step of the target        -> the same
├── shares and their worth      -> the same
└── surplus                     -> the same
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from holdfast.chain.contract import Contract
from holdfast.model import insurance
from holdfast.sim.history import Block, call, simulate
from holdfast.units import BPS, WAD
from tests.parity.draw import amount, repeatable, seeds

CALLS = 60
"""Calls in one request."""

Draw = Callable[[random.Random], tuple[int, ...]]


def _share(rng: random.Random) -> tuple[int, ...]:
    target = 1 + amount(rng, 36)
    fund = rng.choice((0, target - 1, target, target + 1, rng.randint(0, target), amount(rng, 36)))
    return (fund, target, *sorted((rng.randint(0, BPS), rng.randint(0, BPS))))


def _shortfall(rng: random.Random) -> tuple[int, ...]:
    return rng.randint(0, 10 * WAD), rng.randint(0, 100_000), rng.choice((0, 1, rng.randint(0, 5_184_000)))


def _stepped(rng: random.Random) -> tuple[int, ...]:
    target = amount(rng, 36)
    raw = rng.choice((0, target, target + 1, rng.randint(0, 2 * target), amount(rng, 36)))
    elapsed = rng.choice((0, 1, 86_399, 86_400, 86_401, rng.randint(0, 86_400), amount(rng, 9)))
    before = rng.choice((raw, target, amount(rng, 36)))
    return target, before, raw, rng.randint(0, BPS), elapsed


def _worth(rng: random.Random) -> tuple[int, ...]:
    supply = amount(rng, 36)
    return rng.randint(0, supply), amount(rng, 36), supply


def _bought(rng: random.Random) -> tuple[int, ...]:
    return amount(rng, 30), 1 + amount(rng, 36), amount(rng, 36)


def _surplus(rng: random.Random) -> tuple[int, ...]:
    fund = amount(rng, 36)
    target = rng.choice((amount(rng, 36), rng.randint(0, fund)))
    return fund, amount(rng, 36) + 1, rng.choice((0, amount(rng, 36))), target, rng.randint(0, 2**16 - 1)


CURVES: dict[str, tuple[Draw, Callable[..., int]]] = {
    "fundShare": (_share, insurance.share_wad),
    "shortfall": (_shortfall, insurance.shortfall_wad),
    "stepped": (_stepped, insurance.stepped_wad),
    "worth": (_worth, insurance.worth_wad),
    "sharesFor": (_bought, insurance.shares_for),
    "surplus": (_surplus, insurance.surplus_wad),
}


@pytest.fixture
def curve(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockCurve")


@pytest.mark.parametrize("function", CURVES)
@repeatable
@given(seed=seeds)
def test_curve__any_fund__as_the_model(curve: Contract, roles: Any, function: str, seed: int) -> None:
    rng = random.Random(seed)
    draw, model = CURVES[function]
    cases = [draw(rng) for _ in range(CALLS)]

    calls = [call(curve, function, *case, sender=roles.stranger) for case in cases]

    for case, result in zip(cases, simulate(curve.rpc, [Block(calls)])[0], strict=True):
        assert result.returned(curve, function) == model(*case), case
