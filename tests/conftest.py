"""What tests of contracts share: one Anvil, a clean chain for each test, roles, a clock, and exact refusals.

`chain` undoes everything after each test. Deploy in fixtures of your own on top of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil, revert
from holdfast.chain.artifacts import artifact
from holdfast.chain.config import load_config
from holdfast.chain.contract import Contract
from holdfast.chain.contract import deploy as deploy_artifact
from holdfast.chain.deploy import deploy as deploy_protocol
from holdfast.chain.protocol import Protocol
from holdfast.chain.rpc import Rpc
from holdfast.errors import Reverted
from tests.stage import PEOPLE, Stage

GENESIS = 1_900_000_000
"""[seconds] When the chain of the tests begins, so that runs are alike."""

START = GENESIS + 1_000_000
"""[seconds] The first block of a test is mined here, unless the test says otherwise."""

GAS = 10_000_000
"""[gas] What a transaction gets, if the test doesn't say."""


@pytest.fixture(scope="session")
def anvil() -> Iterator[Anvil]:
    with Anvil(timestamp=GENESIS) as running:
        yield running


@pytest.fixture
def chain(anvil: Anvil) -> Iterator[Anvil]:
    """The chain as it was born; what a test does to it is undone."""
    snapshot = anvil.rpc.call("evm_snapshot")
    yield anvil
    revert(anvil.rpc, snapshot)


@pytest.fixture
def rpc(chain: Anvil) -> Rpc:
    return chain.rpc


class Clock:
    """Block time [seconds]."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    @property
    def now(self) -> int:
        """Of the newest block."""
        return int(self._rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def next(self, time: int) -> None:
        """The next block, so the next transaction, is mined at `time`."""
        self._rpc.call("anvil_setNextBlockTimestamp", time)

    def set(self, time: int) -> None:
        """Mine an empty block at `time`: calls see it."""
        self.next(time)
        self._rpc.call("evm_mine")


@pytest.fixture
def clock(rpc: Rpc) -> Clock:
    clock = Clock(rpc)
    clock.set(START)
    return clock


@dataclass(frozen=True)
class Roles:
    """Unlocked addresses by what they are for."""

    deployer: str  # deploys, and is the authority's admin
    governor: str
    guardian: str
    ledger: str  # stands in for a calling contract
    trader: str
    keeper: str
    stranger: str  # has no right at all


@pytest.fixture(scope="session")
def roles(anvil: Anvil) -> Roles:
    return Roles(*anvil.accounts[:7])


class Deployed(Contract):
    """Sends with gas to spare. Anvil's estimate is made at the time of the block before: at its own time, a
    transaction may need more, or be refused no longer."""

    __slots__ = ()

    def submit(self, function: str, *args: Any, gas: int | None = None, **options: Any) -> str:
        return super().submit(function, *args, gas=gas or GAS, **options)


@pytest.fixture
def deploy(rpc: Rpc, roles: Roles) -> Callable[..., Contract]:
    """deploy("Vault", *constructor arguments)"""

    def put(name: str, *args: Any, sender: str | None = None) -> Contract:
        found = deploy_artifact(rpc, artifact(name), *args, sender=sender or roles.deployer)
        return Deployed(rpc, found.artifact, found.address)

    return put


@pytest.fixture
def authority(deploy: Callable[..., Contract], roles: Roles) -> Contract:
    """The real access manager; the deployer is its admin."""
    return deploy("Authority", roles.deployer)


@pytest.fixture
def permit(authority: Contract, roles: Roles) -> Callable[..., None]:
    """permit(account, contract, "setCap", …, delay=0) gives the account a role of its own for these functions."""
    fresh = count(1)

    def give(account: Any, contract: Contract, *functions: str, delay: int = 0) -> None:
        role = next(fresh)
        selectors = [contract.artifact.find(name).selector for name in functions]
        authority.send("setTargetFunctionRole", contract.address, selectors, role, sender=roles.deployer)
        address = account.address if isinstance(account, Contract) else account
        authority.send("grantRole", role, address, delay, sender=roles.deployer)

    return give


Refused = Callable[..., AbstractContextManager[None]]


@pytest.fixture(scope="session")
def refused() -> Refused:
    """with refused("CapExceeded", held=11, cap=10): … requires exactly this error with exactly these numbers."""

    @contextmanager
    def expect(name: str, **fields: Any) -> Iterator[None]:
        with pytest.raises(Reverted) as caught:
            yield
        assert (caught.value.name, caught.value.fields) == (name, fields)

    return expect


CONFIG = Path(__file__).parent / "protocol.toml"


@pytest.fixture(scope="session")
def theatre() -> Iterator[Protocol]:
    """The whole protocol on a chain of its own, put there by the function that `ape run deploy` calls, with the pinned
    parameters of tests/protocol.toml: those of config/ may be tuned without touching a test."""
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as running:
        yield Protocol(running.rpc, deploy_protocol(running.rpc, load_config(CONFIG)))


@pytest.fixture
def stage(theatre: Protocol) -> Iterator[Stage]:
    """The stage for a story: ETH at 2,000 and BTC at 60,000, nothing restricted; what happens on it is undone."""
    snapshot = theatre.rpc.call("evm_snapshot")
    yield Stage(theatre, GENESIS + 600)
    revert(theatre.rpc, snapshot)


@pytest.fixture
def protocol(theatre: Protocol) -> Iterator[Protocol]:
    """The same deployment without people on it, its prices Fresh; what a test does to it is undone."""
    snapshot = theatre.rpc.call("evm_snapshot")
    Clock(theatre.rpc).set(GENESIS + 600)
    yield theatre
    revert(theatre.rpc, snapshot)
