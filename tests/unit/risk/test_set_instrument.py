"""setInstrument
├── caller has no role                -> AccessManagedUnauthorized
├── a number is out of bounds         -> BadParams with it and the bound
└── within bounds
    ├── stores, emits InstrumentParamsSet
    ├── a cap of zero                 -> allowed: positions can only shrink
    └── looser than before            -> allowed
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from holdfast.model import risk as model
from holdfast.types import perpetual
from tests.conftest import Refused, Roles
from tests.unit.risk.numbers import BTC, ETH, PARAMS, changed


def test_set_instrument__stranger__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    for caller in (roles.stranger, roles.guardian):
        with refused("AccessManagedUnauthorized", caller=caller):
            risk.send("setInstrument", ETH, PARAMS, sender=caller)


@pytest.mark.parametrize(
    ("change", "value", "bound"),
    [
        ({"maintenance": 24}, 24, 25),
        ({"maintenance": 10_001}, 10_001, 10_000),
        ({"initial": 500}, 500, 501),
        ({"initial": 10_001}, 10_001, 10_000),
        ({"initial_max": 999}, 999, 1_000),
        ({"initial_max": 10_001}, 10_001, 10_000),
        ({"knee": 10_001}, 10_001, 10_000),
        ({"cap": 2 * 10**27 + 1}, 2 * 10**27 + 1, 2 * 10**27),
    ],
)
def test_set_instrument__out_of_bounds__reverts(
    risk: Contract, roles: Roles, refused: Refused, change: dict[str, int], value: int, bound: int
) -> None:
    with refused("BadParams", value=value, bound=bound):
        risk.send("setInstrument", BTC, changed(PARAMS, **change), sender=roles.governor)


@pytest.mark.parametrize(
    "params",
    [
        (26, 25, 26, 0, 0),
        (10_000, 9_999, 10_000, 10_000, 2 * 10**27),
        changed(PARAMS, initial=600, knee=9_000),
    ],
    ids=["lowest", "highest", "looser"],
)
def test_set_instrument__within_bounds__stores_and_emits(
    risk: Contract, roles: Roles, params: tuple[int, ...]
) -> None:
    event = risk.send("setInstrument", ETH, params, sender=roles.governor).event("InstrumentParamsSet")

    assert event.args == {"instrument": ETH, "params": params}
    assert risk.call("instrumentParams", ETH) == params
    assert risk.call("instrumentParams", perpetual(9)) == (0, 0, 0, 0, 0)


def test_constants__model__has_the_same(risk: Contract) -> None:
    for name in ("MIN_MAINTENANCE_BPS", "MAX_INITIAL_BPS", "MIN_HAIRCUT_BPS", "MAX_OPEN_INTEREST_WAD"):
        assert risk.call(name) == getattr(model, name)
