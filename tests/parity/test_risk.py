"""Risk.assess, and the rate inside it: contract = model, bit for bit
├── any book, both modes, any parameters within bounds  -> the same margin, or the same refusal with its numbers
├── a lone rate                                         -> the same
└── parameters out of bounds                            -> refused alike, in the same order of checks
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given

from holdfast.chain.contract import Contract
from holdfast.errors import Refused, Reverted
from holdfast.model import risk
from holdfast.model.risk import Book, Collateral, Leg, assess, initial_rate_wad
from holdfast.sim.history import Block, call, simulate
from holdfast.types import AssetParams, InstrumentParams, Mode, perpetual
from holdfast.units import BPS
from tests.parity.draw import amount, repeatable, seeds, signed

BOOKS = 40
"""Books in one request."""


def _instrument_params(rng: random.Random) -> InstrumentParams:
    maintenance = rng.randint(risk.MIN_MAINTENANCE_BPS, BPS - 1)
    initial = rng.randint(maintenance + 1, BPS)
    return InstrumentParams(
        initial_bps=initial,
        maintenance_bps=maintenance,
        initial_max_bps=rng.randint(initial, BPS),
        knee_bps=rng.choice((0, BPS, rng.randint(0, BPS))),
        open_interest_cap_wad=min(amount(rng, 28), risk.MAX_OPEN_INTEREST_WAD),
    )


def _asset_params(rng: random.Random) -> AssetParams:
    maintenance = rng.randint(risk.MIN_HAIRCUT_BPS, BPS)
    return AssetParams(initial_haircut_bps=rng.randint(maintenance, BPS), maintenance_haircut_bps=maintenance)


def _open_interest(rng: random.Random, params: InstrumentParams | None) -> int:
    """Mostly about the knee and the cap, where the rate bends."""
    if params is None or rng.random() < 0.3:
        return amount(rng, 36)
    cap = params.open_interest_cap_wad
    return max(
        0, rng.choice((cap, cap * params.knee_bps // BPS, rng.randint(0, cap + 1))) + rng.randint(-1, 1)
    )


def _book(
    rng: random.Random, instruments: dict[Any, InstrumentParams], assets: dict[int, AssetParams]
) -> Book:
    def leg() -> Leg:
        # Now and then one that is not listed, or of another underlying.
        instrument = perpetual(rng.choice((1, 1, 1, 2, 3)) if rng.random() < 0.5 else 1)
        return Leg(
            instrument=instrument,
            size_wad=signed(rng, 36),
            quote_wad=signed(rng, 38),
            mark_wad=amount(rng, 26),
            ema_wad=amount(rng, 26),
            open_interest_wad=_open_interest(rng, instruments.get(instrument)),
        )

    def holding() -> Collateral:
        return Collateral(
            asset=rng.choice((1, 2, 3)),
            amount_wad=amount(rng, 38),
            price_wad=amount(rng, 26),
            ema_wad=amount(rng, 26),
        )

    return Book(
        cash_wad=signed(rng, 38),
        legs=tuple(leg() for _ in range(rng.choice((0, 1, 1, 2, 5)))),
        holdings=tuple(holding() for _ in range(rng.choice((0, 0, 1, 5)))),
    )


@pytest.fixture
def contract(deploy: Callable[..., Contract], authority: Contract) -> Contract:
    return deploy("Risk", authority.address)


@pytest.fixture
def curve(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockCurve")


@repeatable
@given(seed=seeds)
def test_assess__any_book__as_the_model(contract: Contract, roles: Any, seed: int) -> None:
    rng = random.Random(seed)
    instruments = {perpetual(1): _instrument_params(rng), perpetual(2): _instrument_params(rng)}
    assets = {1: _asset_params(rng), 2: _asset_params(rng)}
    books = [_book(rng, instruments, assets) for _ in range(BOOKS)]
    modes = [rng.choice((Mode.CROSS, Mode.CROSS, Mode.ISOLATED, Mode.NONE)) for _ in books]

    # The deployer is the authority's admin, and its word is law until functions get roles of their own.
    setting = [
        call(contract, "setInstrument", one, astuple(params), sender=roles.deployer)
        for one, params in instruments.items()
    ] + [
        call(contract, "setAsset", one, astuple(params), sender=roles.deployer)
        for one, params in assets.items()
    ]
    asking = [
        call(contract, "assess", mode, astuple(book), sender=roles.stranger)
        for mode, book in zip(modes, books, strict=True)
    ]
    results = simulate(contract.rpc, [Block(setting), Block(asking)])

    assert all(result.ok for result in results[0])
    for mode, book, result in zip(modes, books, results[1], strict=True):
        try:
            expected = assess(mode, book, instruments, assets)
        except Refused as refusal:
            assert result.error is not None
            assert (result.error.name, result.error.values) == (refusal.name, refusal.values)
            continue
        assert result.returned(contract, "assess") == astuple(expected), (mode, book)


@repeatable
@given(seed=seeds)
def test_initial_rate__any_market__as_the_model(curve: Contract, roles: Any, seed: int) -> None:
    rng = random.Random(seed)
    cases = []
    for _ in range(BOOKS):
        params = _instrument_params(rng)
        cases.append((_open_interest(rng, params), params))
    asking = [call(curve, "initialRate", oi, astuple(params), sender=roles.stranger) for oi, params in cases]
    results = simulate(curve.rpc, [Block(asking)])[0]

    for (open_interest, params), result in zip(cases, results, strict=True):
        assert result.returned(curve, "initialRate") == initial_rate_wad(open_interest, params)


@repeatable
@given(seed=seeds)
def test_bounds__any_numbers__refused_alike(contract: Contract, roles: Any, seed: int) -> None:
    rng = random.Random(seed)

    def near(*bounds: int) -> int:
        return max(0, rng.choice((*bounds, rng.randrange(BPS))) + rng.randint(-1, 1))

    for _ in range(4):
        instrument = InstrumentParams(
            initial_bps=near(501, BPS),
            maintenance_bps=near(risk.MIN_MAINTENANCE_BPS, 500, BPS),
            initial_max_bps=near(501, BPS),
            knee_bps=near(0, BPS),
            open_interest_cap_wad=near(amount(rng, 36), risk.MAX_OPEN_INTEREST_WAD),
        )
        asset = AssetParams(
            initial_haircut_bps=near(1, 1_000, BPS),
            maintenance_haircut_bps=near(risk.MIN_HAIRCUT_BPS, 1_000, BPS),
        )
        for function, key, params, check in (
            ("setInstrument", perpetual(1), instrument, risk.check_instrument),
            ("setAsset", 1, asset, risk.check_asset),
        ):
            expected: tuple[str, tuple[Any, ...]] | None = None
            try:
                check(params)  # type: ignore[operator]
            except Refused as refusal:
                expected = (refusal.name, refusal.values)
            try:
                contract.call(function, key, astuple(params), sender=roles.deployer)
                found = None
            except Reverted as reverted:
                found = (reverted.name, reverted.values)
            assert found == expected, params
