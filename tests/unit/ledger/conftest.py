"""The ledger on a chain of its own; each test's doings are undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast.chain.anvil import Anvil, revert
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import deploy
from holdfast.chain.protocol import Protocol
from holdfast.types import Kind, instrument_id
from tests.attack.company import deployed_with
from tests.conftest import GENESIS
from tests.stage import PEOPLE, Stage, address_of
from tests.unit.ledger.desk import RATES, STRIKES, WINDOW, Desk
from tests.unit.ledger.world import (
    ETH,
    FILL,
    FILLER,
    GOVERNOR_DELAY,
    MOVE,
    MOVER,
    SEIZE,
    SEIZER,
    Bench,
    parameters,
)


@pytest.fixture(scope="session")
def workshop() -> Iterator[tuple[Protocol, int]]:
    """Deployed, and the engines have their rights: governance gave them, two days later. With the time it is now."""
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        fee_token = deploy(chain.rpc, artifact("MockFeeToken"), 1_000, sender=address_of("stranger"))
        protocol = deployed_with(chain.rpc, parameters(fee_token.address))
        stage = Stage(protocol, GENESIS + 600)
        calls = [
            protocol.ledger.encode("setEngine", engine, right)
            for engine, right in ((FILLER, FILL), (MOVER, MOVE), (SEIZER, SEIZE))
        ]
        for data in calls:
            stage.send(protocol.authority, "schedule", protocol.ledger.address, data, 0, by="governor")
        stage.wait(GOVERNOR_DELAY)
        for data in calls:
            stage.send(protocol.authority, "execute", protocol.ledger.address, data, by="governor")
        for symbol in protocol.underlyings:
            stage.say(symbol, 60_000 if symbol == "BTC" else 2_000)
        stage.poke()
        stage.wait(600)  # the grace after a gap in the prices
        yield protocol, stage.time


@pytest.fixture
def bench(workshop: tuple[Protocol, int]) -> Iterator[Bench]:
    protocol, time = workshop
    snapshot = protocol.rpc.call("evm_snapshot")
    bench = Bench(protocol, time)
    yield bench
    bench.audit()
    revert(protocol.rpc, snapshot)


@pytest.fixture
def desk(bench: Bench) -> Desk:
    """Its series are listed by the governor."""
    protocol = bench.protocol
    expiry = (bench.time + GOVERNOR_DELAY) // WINDOW * WINDOW + 86_400
    found = Desk(bench, expiry)
    group = instrument_id(Kind.CALL, ETH)
    listed = [found.series(kind, strike) for strike in STRIKES for kind in (Kind.CALL, Kind.PUT)]
    calls = [(protocol.risk, protocol.risk.encode("setInstrument", group, RATES))]
    calls += [(bench.positions, bench.positions.encode("listInstrument", series)) for series in listed]
    for target, data in calls:
        bench.send(protocol.authority, "schedule", target.address, data, 0, by="governor")
    bench.wait(GOVERNOR_DELAY)
    for symbol in protocol.underlyings:
        bench.say(symbol, 60_000 if symbol == "BTC" else 2_000)
    bench.poke()
    bench.wait(600)  # the grace after a gap in the prices
    for target, data in calls:
        bench.send(protocol.authority, "execute", target.address, data, by="governor")
    return found
