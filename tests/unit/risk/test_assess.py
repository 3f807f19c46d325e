"""assess
├── mode is None                                   -> UnknownMode
├── a leg was never set                            -> NotListed
├── Isolated
│   ├── holds collateral                           -> CollateralInIsolated
│   ├── legs of two underlyings                    -> NotIsolated
│   └── legs of one underlying                     -> as Cross
├── Isolated, Cross: by any witness                -> the same
└── Cross
    ├── legs and collateral                        -> their sum
    ├── collateral that was never set              -> counts for equity alone
    └── nothing                                    -> cash
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from holdfast.types import Mode
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.risk.numbers import BTC, ETH, PARAMS, WETH

# Worked by hand in docs/risk.md.
LONG = (ETH, 2 * WAD, -3_900 * WAD, 2_000 * WAD, 1_950 * WAD, 800 * WAD, 0)
HELD = (WETH, 3 * WAD, 2_000 * WAD, 1_900 * WAD, 0)


def test_assess__mode_none__reverts(risk: Contract, refused: Refused) -> None:
    with refused("UnknownMode", mode=Mode.NONE):
        risk.call("assess", Mode.NONE, (0, (), ()))


def test_assess__leg_never_set__reverts(risk: Contract, refused: Refused) -> None:
    with refused("NotListed", instrument=BTC):
        risk.call("assess", Mode.CROSS, (0, (LONG, (BTC, *LONG[1:])), ()))


def test_assess__isolated_with_collateral__reverts(risk: Contract, refused: Refused) -> None:
    with refused("CollateralInIsolated", asset=WETH):
        risk.call("assess", Mode.ISOLATED, (0, (LONG,), (HELD,)))


def test_assess__isolated_with_two_underlyings__reverts(
    risk: Contract, roles: Roles, refused: Refused
) -> None:
    risk.send("setInstrument", BTC, PARAMS, sender=roles.governor)

    with refused("NotIsolated", underlying=1, other=2):
        risk.call("assess", Mode.ISOLATED, (0, (LONG, LONG, (BTC, *LONG[1:])), ()))


def test_assess__isolated_with_one_underlying__as_cross(risk: Contract) -> None:
    book = (500 * WAD, (LONG, LONG), ())

    assert risk.call("assess", Mode.ISOLATED, book) == risk.call("assess", Mode.CROSS, book)


@pytest.mark.parametrize("witness", [0, 1, 2**256 - 1])
def test_assess_by__linear_mode__any_witness_is_the_same(risk: Contract, witness: int) -> None:
    book = (500 * WAD, (LONG, LONG), ())

    for mode in (Mode.ISOLATED, Mode.CROSS):
        assert risk.call("assessBy", mode, book, witness) == risk.call("assess", mode, book)


def test_assess__legs_and_collateral__their_sum(risk: Contract) -> None:
    margin = risk.call("assess", Mode.CROSS, (500 * WAD, (LONG,), (HELD,)))

    # Open interest stands half way between knee and cap: 10 % + (50 % − 10 %) / 2 = 30 % of 4,000.
    assert margin.equityWad == (500 + 100 + 6_000) * WAD
    assert margin.initialWad == (1_200 + 100 + 1_155) * WAD
    assert margin.maintenanceWad == (200 + 600) * WAD
    assert margin.borrowLimitWad == 4_845 * WAD


def test_assess__collateral_never_set__counts_for_equity_alone(risk: Contract) -> None:
    margin = risk.call("assess", Mode.CROSS, (0, (), ((9, *HELD[1:]),)))

    assert tuple(margin) == (6_000 * WAD, 6_000 * WAD, 6_000 * WAD, 0)


def test_assess__nothing_but_cash__is_equity(risk: Contract) -> None:
    assert tuple(risk.call("assess", Mode.CROSS, (-7, (), ()))) == (-7, 0, 0, 0)
