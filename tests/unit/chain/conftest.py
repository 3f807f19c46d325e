"""One chain for all tests here; each test gets its own counter, so none needs a clean chain."""

from collections.abc import Iterator

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.chain.rpc import Rpc

LIMIT = 100


@pytest.fixture(scope="session")
def chain() -> Iterator[Anvil]:
    with Anvil(accounts=4) as running:
        yield running


@pytest.fixture(scope="session")
def rpc(chain: Anvil) -> Rpc:
    return chain.rpc


@pytest.fixture(scope="session")
def alice(chain: Anvil) -> str:
    return chain.accounts[0]


@pytest.fixture(scope="session")
def bob(chain: Anvil) -> str:
    return chain.accounts[1]


@pytest.fixture
def counter(rpc: Rpc, alice: str) -> Contract:
    return deploy(rpc, artifact("MockCounter"), LIMIT, sender=alice)
