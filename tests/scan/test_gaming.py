"""scan.gaming: portfolios that lose more between the nodes than they are charged
├── a short hunt                           -> finds nothing above BOUND, the bound of docs/portfolio.md
├── a hunt against the nodes alone         -> finds much more, which the whole charge holds under the bound
├── what it finds                          -> the exact model charges the same, and it loses the same
└── any sizes of any legs                  -> charge as the exact model has it
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holdfast.model import portfolio
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.model.portfolio import DAY, place_at
from holdfast.model.risk import Leg
from holdfast.scan.gaming import Found, Legs, Scan, hunt
from holdfast.scan.pricing import Floats
from holdfast.types import Kind, instrument_id, perpetual
from holdfast.units import BPS, WAD

NOW = 1_900_000_000
YEAR = 365 * DAY

BOUND = 1.4
"""Loss in the continuum over IM: more than any hunt has found. What is left lies between the volatilities."""


class NodesAlone(Scan):
    """Charges without what lies between the nodes."""

    def _bounds(self, sizes: Floats, line: object, profit: Floats) -> Floats:
        return profit


@pytest.fixture(scope="module")
def found() -> Found:
    return hunt(np.random.default_rng(0), LARGE_PARAMS, LARGE, restarts=2)


def test_hunt__finds_nothing_above_the_bound(found: Found) -> None:
    assert 0.95 < found.ratio < BOUND


def test_hunt__against_nodes_alone__finds_much_that_the_whole_charge_covers() -> None:
    params = replace(LARGE_PARAMS, pin_bps=0)
    gamed = hunt(np.random.default_rng(1), params, LARGE, restarts=3, scan=NodesAlone)
    assert gamed.ratio > 2
    for charged in (params, LARGE_PARAMS):  # without strikes as places, and with them
        assert Scan(gamed.legs, charged, LARGE).ratios(gamed.sizes[None])[0] < BOUND


def test_found__by_the_exact_model__charged_and_lost_alike(found: Found) -> None:
    book = _exposure(found.legs, found.sizes)
    initial_wad, _ = portfolio.requirement(book, LARGE_PARAMS, LARGE)
    assert initial_wad / WAD == pytest.approx(found.charge, rel=1e-6)
    spot_wad = round(found.spot * WAD)
    move_wad = portfolio.ln_wad(spot_wad)
    loss_wad = -place_at(book, spot_wad, move_wad, round(found.vol * BPS)).profit_wad
    assert loss_wad / WAD == pytest.approx(found.loss, rel=1e-6)


def test_charges__any_portfolio__never_above_the_exact_model() -> None:
    rng = np.random.default_rng(3)
    for _ in range(12):
        count = int(rng.integers(1, 7))
        legs = Legs(
            strikes=np.round(1 + rng.uniform(-0.2, 0.2, count), 4),
            days=rng.choice((0.1, 1.0, 7.0, 30.0, 90.0), count),
            calls=rng.random(count) < 0.5,
            vol=0.6,
        )
        sizes = np.round(rng.normal(size=count + 1), 3)
        charge = float(Scan(legs, LARGE_PARAMS, LARGE).charges(sizes[None])[0])
        exact = portfolio.requirement(_exposure(legs, sizes), LARGE_PARAMS, LARGE)[0] / WAD
        # Here strikes of short options are places too, which can only lower what lies between.
        assert charge <= exact * (1 + 1e-6)
        if (sizes[1:] > 0).all():
            assert charge == pytest.approx(exact, rel=1e-6)


def _exposure(legs: Legs, sizes: Floats) -> portfolio.Exposure:
    """In the exact model, at a spot of one."""
    held = [_leg(perpetual(1), sizes[0])]
    for strike, days, call, size in zip(legs.strikes, legs.days, legs.calls, sizes[1:], strict=True):
        kind = Kind.CALL if call else Kind.PUT
        held.append(_leg(instrument_id(kind, 1, NOW + round(days * DAY), round(strike * WAD)), size))
    variance_wad = round(legs.vol**2 * WAD)

    def variance_of(underlying: int, expiry_at: int, k_wad: int) -> int:
        return variance_wad * (expiry_at - NOW) // YEAR

    return portfolio.exposure_of(1, held, (), LARGE_PARAMS, variance_of, NOW)


def _leg(instrument: int, size: float) -> Leg:
    return Leg(
        instrument=instrument,
        size_wad=round(size * WAD),
        quote_wad=0,
        mark_wad=WAD,
        ema_wad=WAD,
        open_interest_wad=0,
    )
