"""constructor of the ledger
├── a band, fee, or kink above everything    -> BadConfig
├── a rate curve that falls                  -> BadConfig
├── a kink at nothing or at everything       -> BadConfig
├── a funding period of nothing              -> BadConfig
└── otherwise deploys the positions, which belong to it alone
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract
from tests.conftest import Refused
from tests.unit.ledger.test_list_asset import CONFIG, HERE

BAND, FEE, FUNDING, PERIOD, BASE, KINK, KINK_RATE, MAX = range(8)


def changed(**places: int) -> tuple[int, ...]:
    config = list(CONFIG)
    for place, value in places.items():
        config[globals()[place]] = value
    return tuple(config)


@pytest.mark.parametrize(
    ("config", "value", "bound"),
    [
        (changed(BAND=10_001), 10_001, 10_000),
        (changed(FEE=10_001), 10_001, 10_000),
        (changed(PERIOD=0), 1, 0),
        (changed(BASE=1_001), 1_001, 1_000),
        (changed(KINK_RATE=10_001), 10_001, 10_000),
        (changed(KINK=0), 1, 0),
        (changed(KINK=10_000), 10_000, 9_999),
    ],
)
def test_constructor__bad_config__reverts(
    deploy: Callable[..., Contract],
    authority: Contract,
    refused: Refused,
    config: tuple[int, ...],
    value: int,
    bound: int,
) -> None:
    with refused("BadConfig", value=value, bound=bound):
        deploy("Ledger", authority.address, HERE, HERE, HERE, config)


def test_constructor__good_config__deploys_the_positions(
    deploy: Callable[..., Contract], authority: Contract
) -> None:
    ledger = deploy("Ledger", authority.address, HERE, HERE, HERE, CONFIG)
    found = Contract(ledger.rpc, artifact("Positions"), ledger.call("POSITIONS"))
    assert found.call("LEDGER") == ledger.address
    assert (found.call("BAND_BPS"), found.call("FUNDING_CAP_BPS")) == (200, 50)
    assert found.call("FUNDING_PERIOD_SECONDS") == 28_800
    assert ledger.call("MAX_FEE_BPS") == 100
    assert ledger.call("accounts") == 0 and ledger.call("assets") == 0
    pool = ledger.call("pool")
    assert (pool.creditShares, pool.debtShares) == (0, 0)
    assert pool.creditIndexWad == pool.debtIndexWad == 10**18
