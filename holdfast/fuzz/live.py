"""Histories on a running chain: what `simulate` only works out, really sent.

    with Attached("http://127.0.0.1:8545") as chain:
        world = World.build(chain, "thin")
        results = send(world.protocol.rpc, blocks, world.block)

`send` takes and returns what `simulate` does, so the same code reads and judges either. A block's transactions wait in
the node's pool until the block is full; what the Lens is asked between two of them is asked of the pending block, which
has the same time, base fee and transactions so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

from holdfast.chain.abi import as_address
from holdfast.chain.anvil import Anvil
from holdfast.chain.config import LOCAL_CHAIN_ID
from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError, ConfigError, ConnectionLost, Reverted, RpcError
from holdfast.sim.history import PLENTY, Block, Call, Result
from holdfast.sim.steps import OBSERVER
from holdfast.sim.world import GENESIS

READER: Final = as_address(OBSERVER)
"""Whose calls change nothing and are never sent."""

ACCOUNTS: Final = 20
"""Of the test phrase; as many as any world asks for."""

TRACE: Final = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}


class Attached(Anvil):
    """An Anvil that somebody else started, made like those that we start: the same accounts, whatever it was told, and
    a clock that only we move. Leaving ends the connection, not the chain."""

    def __init__(self, url: str) -> None:
        super().__init__(accounts=ACCOUNTS)
        self._attached = Rpc(url)

    def start(self) -> Self:
        """ConfigError in one line where a history can't begin there."""
        rpc = self._attached
        _check_fresh(rpc)
        self._rpc = rpc
        if rpc.call("eth_accounts")[:1] != [self.accounts[0].lower()]:
            raise ConfigError(
                f"the Anvil at {rpc.url} has accounts of its own: start one with its usual phrase"
            )
        rpc.call("evm_setIntervalMining", 0)
        rpc.call("evm_setAutomine", True)
        rpc.call("anvil_autoImpersonateAccount", True)
        rpc.batch(("anvil_setBalance", (who, hex(PLENTY))) for who in self.accounts)
        rpc.call("anvil_setBlockTimestampInterval", 1)
        rpc.call("anvil_setNextBlockTimestamp", GENESIS + 1)
        return self

    def stop(self) -> None:
        self._attached.close()
        self._rpc = None

    @property
    def accounts(self) -> list[str]:
        return [as_address(self.signer(place)) for place in range(ACCOUNTS)]


def _check_fresh(rpc: Rpc) -> None:
    try:
        info = rpc.call("anvil_nodeInfo")
    except ConnectionLost:
        raise ConfigError(f"no node answers at {rpc.url}: start an Anvil, or leave out --rpc") from None
    except RpcError:
        raise ConfigError(
            f"the node at {rpc.url} isn't an Anvil: only there can time and senders be chosen"
        ) from None
    chain_id = int(info["environment"]["chainId"])
    head = rpc.call("eth_getBlockByNumber", "latest", False)
    number, time = int(head["number"], 16), int(head["timestamp"], 16)
    if chain_id != LOCAL_CHAIN_ID:
        raise ConfigError(
            f"the Anvil at {rpc.url} is chain {chain_id}, orders were signed for {LOCAL_CHAIN_ID}"
        )
    if number or time > GENESIS:
        raise ConfigError(
            f"the chain at {rpc.url} isn't fresh (block {number}, time {time}): start another by "
            ".venv/bin/python -m holdfast.chain.binaries anvil"
        )


# Sending


def send(rpc: Rpc, blocks: Sequence[Block], block: int | str = "latest") -> list[list[Result]]:
    """As `simulate` with transactions, but mined: the chain is another one afterwards.

    ChainError where the chain isn't at `block`, or won't take or order the transactions as told.
    """
    latest = rpc.call("eth_getBlockByNumber", "latest", False)
    head, base_fee = int(latest["number"], 16), int(latest["baseFeePerGas"], 16)
    if isinstance(block, int) and head != block:
        raise ChainError(f"the history begins on block {block}, the chain is at {head}")
    senders = {call.sender for one in blocks for call in one.calls} - {READER}
    rpc.batch(("anvil_setBalance", (who, hex(PLENTY))) for who in sorted(senders))
    rpc.call("anvil_autoImpersonateAccount", True)
    rpc.call("evm_setAutomine", False)
    try:
        found = []
        for number, one in enumerate(blocks, head + 1):
            if one.overrides or one.time is None or one.number not in (None, number):
                raise ChainError(
                    "a block that is mined has a time, the next number, and the state that there is"
                )
            base_fee = base_fee if one.base_fee is None else one.base_fee
            found.append(_mine(rpc, one, one.time, base_fee))
        return found
    finally:
        rpc.call("evm_setBlockGasLimit", latest["gasLimit"])
        rpc.call("evm_setAutomine", True)


def _mine(rpc: Rpc, block: Block, time: int, base_fee: int) -> list[Result]:
    rpc.call("evm_setBlockGasLimit", hex(block.gas_limit))
    rpc.call("anvil_setNextBlockTimestamp", time)
    rpc.call("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    # One cap for all: the pool orders by it, and equals by their arrival. Each still pays what it would have paid.
    cap = max((_price(call, base_fee) for call in block.calls), default=base_fee)
    results: dict[int, Result] = {}
    sent: dict[int, str] = {}
    for place, call in enumerate(block.calls):
        if call.sender == READER:
            results[place] = _read(rpc, call)
        else:
            sent[place] = _submit(rpc, call, cap, _price(call, base_fee) - base_fee)
    rpc.call("evm_mine")
    mined = rpc.call("eth_getBlockByNumber", "latest", False)
    if mined["transactions"] != list(sent.values()):
        raise ChainError("the node left transactions out of a block, or put them into another order")
    results.update((place, _result(rpc, name)) for place, name in sent.items())
    return [results[place] for place in range(len(block.calls))]


def _price(call: Call, base_fee: int) -> int:
    """[wei a gas] What a transaction pays."""
    wanted = base_fee + call.priority_fee
    price = wanted if call.max_fee is None else min(wanted, call.max_fee)
    if price < base_fee:
        raise ChainError(f"a fee cap of {price} wei is under the base fee, {base_fee} wei")
    return price


def _body(call: Call) -> dict[str, Any]:
    return {
        "from": call.sender,
        "to": call.to,
        "data": "0x" + call.data.hex(),
        "value": hex(call.value),
        "gas": hex(call.gas),
    }


def _submit(rpc: Rpc, call: Call, cap: int, tip: int) -> str:
    fees = {"maxFeePerGas": hex(cap), "maxPriorityFeePerGas": hex(tip)}
    sent: str = rpc.call("eth_sendTransaction", {**_body(call), **fees})
    return sent


def _read(rpc: Rpc, call: Call) -> Result:
    try:
        answer = rpc.call("eth_call", _body(call), "pending")
    except RpcError as error:
        data = error.data if isinstance(error.data, str) else "0x"
        return Result(0, 0, b"", [], bytes.fromhex(data[2:]), error.message)
    return Result(1, 0, bytes.fromhex(answer[2:]), [])


def _result(rpc: Rpc, name: str) -> Result:
    receipt, trace = rpc.batch(
        [("eth_getTransactionReceipt", (name,)), ("debug_traceTransaction", (name, TRACE))]
    )
    data, gas_used = bytes.fromhex(trace.get("output", "0x")[2:]), int(receipt["gasUsed"], 16)
    if int(receipt["status"], 16) == 1:
        return Result(1, gas_used, data, receipt["logs"])
    return Result(0, gas_used, b"", [], data, trace.get("error", ""))


def same(one: Result, other: Result) -> bool:
    """Equal outcomes, gas aside: done or refused alike, with the same answer, numbers and events."""
    return (one.status, one.data, one.error_data, _logs(one)) == (
        other.status,
        other.data,
        other.error_data,
        _logs(other),
    )


def _logs(result: Result) -> list[tuple[str, list[str], str]]:
    return [(log["address"].lower(), log["topics"], log["data"]) for log in result.logs]


def word(result: Result) -> str:
    """`done`, or the typed error with its numbers."""
    error: Reverted | None = result.error
    return "done" if error is None else str(error)
