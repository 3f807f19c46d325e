"""tightenInstrument
├── caller has no role                         -> AccessManagedUnauthorized
├── never set                                  -> NotListed
├── anything looser, or MM moved either way    -> NotTighter
├── tighter, but out of bounds                 -> BadParams
└── tighter, or the same                       -> stores, emits InstrumentParamsSet
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Refused, Roles
from tests.unit.risk.numbers import BTC, CAP, ETH, PARAMS, changed


def test_tighten_instrument__stranger__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    for caller in (roles.stranger, roles.governor):
        with refused("AccessManagedUnauthorized", caller=caller):
            risk.send("tightenInstrument", ETH, PARAMS, sender=caller)


def test_tighten_instrument__never_set__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NotListed", instrument=BTC):
        risk.send("tightenInstrument", BTC, PARAMS, sender=roles.guardian)


@pytest.mark.parametrize(
    "change",
    [
        {"initial": 999},
        {"maintenance": 499},
        {"maintenance": 501},
        {"initial_max": 4_999},
        {"knee": 6_001},
        {"cap": CAP + 1},
        {"initial": 2_000, "cap": CAP + 1},
    ],
)
def test_tighten_instrument__looser__reverts(
    risk: Contract, roles: Roles, refused: Refused, change: dict[str, int]
) -> None:
    with refused("NotTighter"):
        risk.send("tightenInstrument", ETH, changed(PARAMS, **change), sender=roles.guardian)


def test_tighten_instrument__out_of_bounds__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    with refused("BadParams", value=10_001, bound=10_000):
        risk.send("tightenInstrument", ETH, changed(PARAMS, initial_max=10_001), sender=roles.guardian)


@pytest.mark.parametrize("params", [PARAMS, (1_001, 500, 5_001, 5_999, CAP - 1), (10_000, 500, 10_000, 0, 0)])
def test_tighten_instrument__tighter__stores_and_emits(
    risk: Contract, roles: Roles, params: tuple[int, ...]
) -> None:
    event = risk.send("tightenInstrument", ETH, params, sender=roles.guardian).event("InstrumentParamsSet")

    assert event.args == {"instrument": ETH, "params": params, "fromBps": 0, "arrivesAt": 0}
    assert risk.call("instrumentParams", ETH) == params
