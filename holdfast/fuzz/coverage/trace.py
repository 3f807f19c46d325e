"""Histories really sent to contracts with probes in them, and what the node says they read.

`debug_traceTransaction` with the `prestateTracer` lists every slot that a transaction read, reverted or not. It works
inside the node, so a call costs a millisecond, where its steps would take tens to be written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.chain.anvil import revert
from holdfast.chain.artifacts import using_manifest
from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError
from holdfast.fuzz.coverage.build import Build
from holdfast.fuzz.coverage.instrument import FIRST
from holdfast.sim.history import DEFAULT_GAS, PLENTY, Block, Call, Result, simulate
from holdfast.sim.steps import Step, run
from holdfast.sim.world import World

TRACER: Final = {"tracer": "prestateTracer", "tracerConfig": {"disableCode": True}}

GAS_FACTOR: Final = 16
"""Probes and code without optimiser need more gas than a call was given; cold reads are most of it."""

EACH: Final = 3
"""Calls traced of each kind: the same function with the same outcome, events and about the same gas."""

TOGETHER: Final = 8
"""Calls mined in one block."""

GAS_STEP: Final = 2_000
"""[gas] "About the same": a cold slot more or less."""

NODE: Final = ("--order", "fifo", "--prune-history", "8")
"""Transactions in the order they came; no memory of old states, which makes mining twice as fast."""

BLOCK_GAS: Final = 2**50

MOST_GAS: Final = 2**34
"""[gas] What no call needs, not even a read of everything."""


@dataclass
class Found:
    """What some histories reached."""

    hits: Counter[int] = field(default_factory=Counter)  # probe → calls that came by
    histories: int = 0
    calls: int = 0
    traced: int = 0
    diverged: int = 0  # calls that went another way than without probes


Kind = tuple[str, bytes, bytes, tuple[str, ...], int]
"""Where a call went, its function, its error, its events, and about how much gas it took."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A history, ready to be sent."""

    blocks: Sequence[Block]
    results: Sequence[Sequence[Result]]  # without probes
    kinds: frozenset[Kind]  # of its calls
    base_fee: int  # [wei] where it begins


class Chain:
    """A world on contracts with probes, on an Anvil of its own."""

    def __init__(self, world: World) -> None:
        self._rpc = world.protocol.rpc
        self._nonces: dict[str, int] = {}
        self.seen: Counter[Kind] = Counter()  # calls by kind; each is traced EACH times
        self.found = Found()

    @classmethod
    @contextmanager
    def open(cls, like: World, build: Build) -> Iterator[Chain]:
        """The same world again: ChainError where its contracts came to lie elsewhere."""
        options: dict[str, Any] = {"unlimited_code": True, "gas_limit": BLOCK_GAS, "extra": NODE}
        with using_manifest(build.manifest), World.open(like.name, **options) as world:
            there, here = (one.protocol.record.addresses for one in (like, world))
            if there != here or like.time != world.time:
                raise ChainError(
                    f"world {like.name!r} with probes isn't the one without: {there} at {like.time}"
                )
            world.protocol.rpc.call("anvil_autoImpersonateAccount", True)
            yield cls(world)

    def play(self, plan: Plan) -> None:
        """Adds what one history reaches, from the start of the world; afterwards the chain is there again."""
        snapshot = self._rpc.call("evm_snapshot")
        self._rpc.call("evm_setAutomine", False)
        try:
            self._prepare(plan.blocks)
            base_fee = plan.base_fee
            for block, results in zip(plan.blocks, plan.results, strict=True):
                base_fee = base_fee if block.base_fee is None else block.base_fee
                self._mine(block, base_fee, results)
            self.found.histories += 1
        finally:
            self._rpc.call("evm_setAutomine", True)
            revert(self._rpc, snapshot)

    def _prepare(self, blocks: Sequence[Block]) -> None:
        senders = {call.sender for block in blocks for call in block.calls}
        self._rpc.batch(("anvil_setBalance", (who, hex(PLENTY))) for who in sorted(senders))
        counts = self._rpc.batch(("eth_getTransactionCount", (who, "latest")) for who in sorted(senders))
        self._nonces = {who: int(count, 16) for who, count in zip(sorted(senders), counts, strict=True)}

    def _mine(self, block: Block, base_fee: int, expected: Sequence[Result]) -> None:
        """A few calls at a time, in blocks of the same second: to trace a call the node runs those before it again."""
        for at in range(0, len(block.calls), TOGETHER):
            part = slice(at, at + TOGETHER)
            self._mine_part(block.calls[part], block.time, base_fee, expected[part])

    def _mine_part(
        self, calls: Sequence[Call], time: int | None, base_fee: int, expected: Sequence[Result]
    ) -> None:
        rpc, found = self._rpc, self.found
        rpc.call("evm_setNextBlockTimestamp", time)
        rpc.call("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
        sent = [
            rpc.call("eth_sendTransaction", self._transaction(call, base_fee, _gas(call, result)))
            for call, result in zip(calls, expected, strict=True)
        ]
        rpc.call("evm_mine")
        receipts = rpc.batch(("eth_getTransactionReceipt", (name,)) for name in sent)
        for place, (call, result, receipt) in enumerate(zip(calls, expected, receipts, strict=True)):
            if receipt is None or int(receipt["transactionIndex"], 16) != place:
                raise ChainError("the node left transactions out of a block, or put them into another order")
            same = int(receipt["status"], 16) == result.status and len(receipt["logs"]) == len(result.logs)
            found.diverged += not same
            found.calls += 1
            kind = kind_of(call, result)
            self.seen[kind] += 1
            if self.seen[kind] <= EACH:
                found.traced += 1
                found.hits.update(_read(rpc.call("debug_traceTransaction", sent[place], TRACER)))

    def _transaction(self, call: Call, base_fee: int, gas: int) -> dict[str, Any]:
        nonce = self._nonces[call.sender]
        self._nonces[call.sender] = nonce + 1
        tip = call.priority_fee
        return {
            "from": call.sender,
            "to": call.to,
            "data": "0x" + call.data.hex(),
            "value": hex(call.value),
            "gas": hex(gas),
            "nonce": hex(nonce),
            "maxFeePerGas": hex(base_fee + tip if call.max_fee is None else call.max_fee),
            "maxPriorityFeePerGas": hex(tip),
        }


def _gas(call: Call, result: Result) -> int:
    """[gas] So much more that probes don't matter; but who was refused for want of gas gets no more than he had."""
    starved = not result.ok and call.gas < DEFAULT_GAS
    return call.gas if starved else min(call.gas * GAS_FACTOR, MOST_GAS)


def _read(accounts: dict[str, Any]) -> set[int]:
    """The probes among the slots that were read."""
    found = set()
    for account in accounts.values():
        for slot in account.get("storage", ()):
            place = int(slot, 16)
            if FIRST <= place < FIRST + 2**20:
                found.add(place)
    return found


def kind_of(call: Call, result: Result) -> Kind:
    """Calls of a kind go the same way, or nearly."""
    topics = tuple(log["topics"][0] for log in result.logs if log["topics"])
    return call.to, call.data[:4], result.error_data[:4], topics, result.gas_used // GAS_STEP


def plan(world: World, steps: Sequence[Step]) -> Plan:
    """The history as blocks of calls, and what comes of each without probes. The Lens is read around the last step
    only: what it is asked on the way goes the same way."""
    captured: list[tuple[Sequence[Block], list[list[Result]]]] = []

    def through(rpc: Rpc, blocks: Sequence[Block], block: int | str = "latest") -> list[list[Result]]:
        captured.append((blocks, simulate(rpc, blocks, block)))
        return captured[-1][1]

    run(world, steps[:-1], steps[-1:], world.start, through=through)
    ((blocks, results),) = captured
    kinds = {
        kind_of(call, result)
        for block, found in zip(blocks, results, strict=True)
        for call, result in zip(block.calls, found, strict=True)
    }
    return Plan(blocks=blocks, results=results, kinds=frozenset(kinds), base_fee=world.base_fee)
