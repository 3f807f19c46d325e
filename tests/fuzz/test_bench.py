"""The benchmark's harnesses judge one subject, and judge it alike.

books
├── a world at its start          whole, in Solidity (Forge) and in Python
├── a vault that lost a token     INV-05 in both
└── a vault that owes less        INV-01 in both
captured
└── created for Echidna           the same code and storage lie there
london
└── opcodes of Cancun             said in another way
ours
└── the shared part               plays, counts, and leaves all invariants as they were
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest

from benchmarks.fuzz import echidna, forge, ours, shared
from benchmarks.fuzz.measured import timed
from benchmarks.fuzz.subject import OUT, Subject, capture, older
from holdfast.chain.anvil import revert
from holdfast.chain.transactions import submit, wait
from holdfast.sim.invariants import INVARIANTS
from holdfast.sim.world import World

HELD_SLOT = 1
"""Of a Vault: what it owes, in the lower half."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.open("local") as opened:
        yield opened


@pytest.fixture
def planted(world: World) -> Iterator[World]:
    """Everything done to it is undone."""
    snapshot = world.protocol.rpc.call("evm_snapshot")
    yield world
    revert(world.protocol.rpc, snapshot)


def judged_by_forge(subject: Subject) -> str:
    shutil.rmtree(forge.FAILURES, ignore_errors=True)
    alloc = OUT / "test-alloc.json"
    subject.write(alloc)
    env = {**forge.environment(subject, alloc), **forge.bounds(0)}
    said, _ = timed(forge.command(), forge.PROJECT_FOLDER, env)
    found = forge.result(said)
    assert found is not None, said
    return forge.broken(found)


def lose_token(world: World) -> None:
    """One USDC leaves the vault without a word."""
    token, vault = world.protocol.tokens[0], world.protocol.vaults[0].address
    token.send("transfer", world.people.stranger, 10**6, sender=impersonated(world, vault))


def owe_less(world: World) -> None:
    """The vault forgets what it owes of one USDC."""
    vault = world.protocol.vaults[0].address
    rpc = world.protocol.rpc
    word = int(rpc.call("eth_getStorageAt", vault, hex(HELD_SLOT), "latest"), 16) - 10**6
    rpc.call("anvil_setStorageAt", vault, hex(HELD_SLOT), f"0x{word:064x}")


def impersonated(world: World, address: str) -> str:
    world.protocol.rpc.call("anvil_impersonateAccount", address)
    world.protocol.rpc.call("anvil_setBalance", address, hex(10**18))
    return address


@pytest.mark.parametrize(
    ("plant", "expected"), [(lambda world: None, ""), (lose_token, "INV-05"), (owe_less, "INV-01")]
)
def test_books__state__judged_alike(planted: World, plant: Callable[[World], None], expected: str) -> None:
    plant(planted)
    assert shared.broken(planted.protocol.snapshot()) == expected
    assert judged_by_forge(capture(planted)) == expected


def test_creation__contract__same_code_and_storage(planted: World) -> None:
    rpc = planted.protocol.rpc
    address = planted.protocol.vaults[0].address
    account = capture(planted).alloc[address.lower()]
    created = echidna.creation(bytes.fromhex(account["code"][2:]), account["storage"])
    made = wait(rpc, submit(rpc, planted.people.stranger, None, created)).contract_address
    assert rpc.call("eth_getCode", made, "latest") == account["code"]
    for slot, value in account["storage"].items():
        found = rpc.call("eth_getStorageAt", made, hex(int(slot, 16)), "latest")
        assert int(found, 16) == int(value, 16)


def test_older__opcodes_of_cancun__said_otherwise() -> None:
    assert older("tstore(slot, tload(slot))") == "sstore(slot, sload(slot))"
    copied = older("mcopy(add(result, 0x20), add(add(buffer, 0x20), start), sub(end, start))")
    assert "mcopy" not in copied
    assert "lt(k, sub(end, start))" in copied
    assert "mload(add(add(add(buffer, 0x20), start), k))" in copied


def test_ours__shared_part__counts_and_restores() -> None:
    every = list(INVARIANTS)
    count = ours.fuzz("local", 0.5, shared=True, seed=0)
    assert (count.broken, count.actions > 0, count.judgements > 0) == ("", True, True)
    assert 0 < count.succeeded < count.actions
    assert every == INVARIANTS
