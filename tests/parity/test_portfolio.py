"""Portfolio.assess and Scans: contract = model, bit for bit
├── any book, grid, parameters, smiles, witness   -> the same margin, or the same refusal with its numbers
├── a leg too many, an underlying not scanned     -> refused alike
└── a grid as it is read back                     -> the one that was set
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

import pytest
from hypothesis import given

from holdfast.chain.contract import Contract
from holdfast.errors import Refused
from holdfast.model import portfolio
from holdfast.model.portfolio import ALL, DAY, Grid, Rules, ScanParams, Scenario, assess
from holdfast.model.risk import Book, Collateral, Leg
from holdfast.model.surface import pair_variance_wad_down
from holdfast.sim.history import Block, call, simulate
from holdfast.types import AssetParams, Kind, instrument_id
from holdfast.units import BPS, WAD
from tests.conftest import START
from tests.parity.draw import draw_pair, repeatable, seeds, words_of

BOOKS = 12
"""Books in one request."""

LEG_CAP = 8
LATER = START + 1_000


@dataclass(frozen=True)
class System:
    portfolio: Contract
    scans: Contract
    surface: Contract


@pytest.fixture
def system(deploy: Callable[..., Contract], authority: Contract) -> System:
    surface = deploy("MockSmiles")
    scans = deploy("Scans", authority.address, DAY, 7_000)
    return System(deploy("Portfolio", scans.address, surface.address, LEG_CAP), scans, surface)


def _params(rng: random.Random) -> ScanParams:
    net = rng.randint(1, 1_000)
    return ScanParams(
        maintenance_bps=rng.randint(1, BPS),
        worst=rng.randint(1, 8),
        net_delta_bps=net,
        gross_delta_bps=rng.randint(1, net),
        pin_bps=rng.choice((0, 100, 300, BPS)),
        short_option_bps=rng.choice((0, rng.randint(0, 300))),
        tail_bps=rng.choice((0, rng.randint(0, 3_000))),
        near_power_bps=rng.randint(0, 5_000),
        far_power_bps=rng.randint(0, 5_000),
    )


def _grid(rng: random.Random) -> Grid:
    spots = {0, *(rng.randint(-9_000, 9_000) for _ in range(rng.randint(0, 8)))}
    return Grid(
        spots_bps=tuple(sorted(spots)),
        vols_bps=tuple(rng.randint(-9_000, 9_000) for _ in range(rng.randint(1, 3))),
        tails=tuple(
            Scenario(
                spot_bps=rng.randint(-9_999, 80_000),
                vol_bps=rng.randint(-9_000, 20_000),
                weight_bps=rng.randint(0, BPS),
            )
            for _ in range(rng.randint(0, 4))
        ),
    )


def _book(rng: random.Random, spots: dict[int, int], expiries: list[int]) -> Book:
    pinned = rng.random() < 0.25
    """Long options on one underlying, about its spot: what loses most at a strike of its own."""

    def leg() -> Leg:
        underlying = rng.choice((1, 1, 1, 2, 2, 3)) if rng.random() < 0.9 and not pinned else 1
        spot = spots.get(underlying, WAD)
        kind = rng.choice((Kind.PERPETUAL, Kind.CALL, Kind.CALL, Kind.PUT, Kind.PUT))
        near = rng.choice(
            (spot, spot * rng.randint(9_000, 11_000) // BPS, spot * rng.randint(1, 50_000) // BPS)
        )
        if pinned:
            near = spot * rng.randint(9_800, 10_200) // BPS
        return Leg(
            instrument=instrument_id(kind, underlying, rng.choice(expiries), near or 1)
            if kind
            else instrument_id(kind, underlying),
            size_wad=(1 if pinned else rng.choice((-1, 1))) * rng.randint(1, 10 ** rng.randint(1, 26)),
            quote_wad=rng.randint(-(10**26), 10**26),
            mark_wad=spot,
            ema_wad=spot * rng.randint(9_500, 10_500) // BPS,
            open_interest_wad=0,
        )

    def holding() -> Collateral:
        asset = rng.choice((1, 2, 3))
        price = spots[asset] if asset < 3 else rng.randint(1, 10**24)
        return Collateral(
            asset=asset,
            amount_wad=rng.randint(1, 10**25),
            price_wad=price,
            ema_wad=price * rng.randint(9_500, 10_500) // BPS,
        )

    return Book(
        cash_wad=rng.randint(-(10**26), 10**26),
        legs=tuple(leg() for _ in range(rng.choice((0, 1, 2, 4, 6, 8, 9)))),
        holdings=tuple(holding() for _ in range(rng.choice((0, 0, 1, 3)))),
    )


@repeatable
@given(seed=seeds)
def test_assess__any_book__as_the_model(system: System, roles: Any, seed: int) -> None:
    rng = random.Random(seed)
    spots = {one: rng.choice((2_000 * WAD, rng.randint(1, 10 ** rng.randint(0, 25)))) for one in (1, 2)}
    expiries = [LATER - DAY, *(LATER + rng.randint(0, 3 * 10 ** rng.randint(2, 7)) for _ in range(3))]
    rules = Rules(
        scans={one: _params(rng) for one in (1, 2)},
        grids={one: _grid(rng) for one in (1, 2)},
        correlation_bps=7_000,
        leg_cap=LEG_CAP,
        netted={1: 1, 2: 2},
    )
    pairs = {(one, at): draw_pair(rng, at - LATER) for one in (1, 2) for at in expiries}
    books = [_book(rng, spots, expiries) for _ in range(BOOKS)]
    haircuts = [_haircuts(rng, len(book.holdings)) for book in books]
    offsets = [rng.random() < 0.7 for _ in books]
    witnesses = [rng.choice((ALL, rng.getrandbits(30), 1 << rng.randint(0, 20))) for _ in books]

    def variance_of(underlying: int, expiry_at: int, k_wad: int) -> int:
        return pair_variance_wad_down(pairs[underlying, expiry_at], k_wad)

    deployer = roles.deployer
    setting = [
        call(
            system.scans,
            "setScan",
            one,
            astuple(rules.scans[one]),
            astuple(rules.grids[one]),
            sender=deployer,
        )
        for one in (1, 2)
    ]
    setting += [call(system.scans, "net", one, one, sender=deployer) for one in (1, 2)]
    setting += [
        call(system.surface, "set", one, at, words_of(pair), sender=deployer)
        for (one, at), pair in pairs.items()
    ]
    asking = [
        call(
            system.portfolio,
            "assessBy",
            astuple(book),
            [astuple(one) for one in cuts],
            diversifies,
            witness,
            sender=roles.stranger,
        )
        for book, cuts, diversifies, witness in zip(books, haircuts, offsets, witnesses, strict=True)
    ]
    results = simulate(system.portfolio.rpc, [Block(setting, time=START), Block(asking, time=LATER)])

    assert all(result.ok for result in results[0])
    for i, result in enumerate(results[1]):
        try:
            expected = assess(
                books[i], haircuts[i], rules, variance_of, LATER, offsets=offsets[i], witness=witnesses[i]
            )
        except Refused as refusal:
            assert result.error is not None
            assert (result.error.name, result.error.values) == (refusal.name, refusal.values)
            continue
        assert result.returned(system.portfolio, "assessBy") == astuple(expected), (books[i], witnesses[i])


def _haircuts(rng: random.Random, count: int) -> list[AssetParams]:
    found = []
    for _ in range(count):
        maintenance = rng.randint(1, BPS)
        found.append(
            AssetParams(
                initial_haircut_bps=rng.randint(maintenance, BPS), maintenance_haircut_bps=maintenance
            )
        )
    return found


def test_grid__any__is_read_back_as_it_was_set(system: System, roles: Any) -> None:
    rng = random.Random(7)
    for underlying in range(1, 12):
        params, grid = _params(rng), _grid(rng)
        system.scans.send("setScan", underlying, astuple(params), astuple(grid), sender=roles.deployer)
        assert _plain(system.scans.call("scanOf", underlying)) == _plain((astuple(params), astuple(grid)))


def _plain(value: Any) -> Any:
    """Lists and named tuples as tuples."""
    return tuple(_plain(one) for one in value) if isinstance(value, (list, tuple)) else value


def test_model__power__at_its_bounds() -> None:
    params = _params(random.Random(1))
    assert portfolio.power_wad(portfolio.TERM_SECONDS, params) == WAD
    assert portfolio.power_wad(0, params) == portfolio.power_wad(DAY, params)
