"""Positions.listInstrument
├── caller isn't the governor          -> AccessManagedUnauthorized
├── listed already                     -> AlreadyListed
├── neither a plain perpetual nor an option -> UnsupportedKind
├── a series without its perpetual     -> NoSuchInstrument
├── its margin parameters aren't set   -> NotListed
└── otherwise its index is its underlying, emits InstrumentListed; both sides begin whole and empty
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract
from holdfast.errors import Reverted
from holdfast.types import Kind, instrument_id, perpetual
from holdfast.units import WAD
from tests.conftest import Clock, Refused, Roles
from tests.unit.ledger.test_list_asset import CONFIG, HERE

PARAMS = (1_000, 500, 5_000, 5_000, WAD)


@pytest.fixture
def positions(clock: Clock, deploy: Callable[..., Contract], authority: Contract, roles: Roles) -> Contract:
    """With margin parameters for the perpetuals of 1 and 2."""
    oracle = deploy("MockSurroundings")
    for underlying in (1, 2):
        oracle.send("setHeartbeat", underlying, 10, sender=roles.deployer)
    risk = deploy("Risk", authority.address, *[oracle.address] * 4, (1, 1, 1, 0, 0, 0, 0))
    ledger = deploy("Ledger", authority.address, HERE, risk.address, HERE, CONFIG)
    for instrument in (perpetual(1), perpetual(2)):
        risk.send("setInstrument", instrument, PARAMS, sender=roles.deployer)
    return Contract(ledger.rpc, artifact("Positions"), ledger.call("POSITIONS"))


def test_list_instrument__anybody_else__reverts(positions: Contract, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.stranger):
        positions.send("listInstrument", perpetual(1), sender=roles.stranger)


def test_list_instrument__twice__reverts(positions: Contract, roles: Roles, refused: Refused) -> None:
    positions.send("listInstrument", perpetual(1), sender=roles.deployer)
    with refused("AlreadyListed", instrument=perpetual(1)):
        positions.send("listInstrument", perpetual(1), sender=roles.deployer)


@pytest.mark.parametrize(
    "instrument",
    [
        instrument_id(Kind.PERPETUAL, 1, 1),
        instrument_id(Kind.PERPETUAL, 1, 0, 1),
        perpetual(0),
        perpetual(1 << 15),
        perpetual(1) | 3 << 184,
        perpetual(1) | 1 << 192,
    ],
    ids=["expiry", "strike", "nothing", "series", "kind", "beyond"],
)
def test_list_instrument__neither_perpetual_nor_option__reverts(
    positions: Contract, roles: Roles, refused: Refused, instrument: int
) -> None:
    with refused("UnsupportedKind", instrument=instrument):
        positions.send("listInstrument", instrument, sender=roles.deployer)


def test_list_instrument__without_parameters__reverts(
    positions: Contract, roles: Roles, refused: Refused
) -> None:
    with refused("NotListed", instrument=perpetual(3)):
        positions.send("listInstrument", perpetual(3), sender=roles.deployer)


def test_list_instrument__series_without_its_perpetual__reverts(
    positions: Contract, roles: Roles, refused: Refused
) -> None:
    series = instrument_id(Kind.CALL, 1, 1_800, WAD)
    with refused("NoSuchInstrument", instrument=perpetual(1)):
        positions.send("listInstrument", series, sender=roles.deployer)

    positions.send("listInstrument", perpetual(1), sender=roles.deployer)
    with pytest.raises(Reverted) as caught:
        positions.send("listInstrument", series, sender=roles.deployer)
    assert caught.value.name == "BadSeries"  # the next thing that is wrong with it


def test_list_instrument__in_order__begins_whole(positions: Contract, roles: Roles, clock: Clock) -> None:
    for index, instrument in ((2, perpetual(2)), (1, perpetual(1))):
        receipt = positions.send("listInstrument", instrument, sender=roles.deployer)
        assert receipt.event("InstrumentListed").args == {"instrument": instrument, "index": index}
        long, short, interest = positions.call("marketOf", instrument)
        fresh = (0, WAD, 0, clock.now, 0)
        assert tuple(long) == tuple(short) == fresh
        assert tuple(interest) == (0, 0, instrument >> 168, False, False)
    assert positions.call("instruments") == [0, perpetual(2), perpetual(1)]
