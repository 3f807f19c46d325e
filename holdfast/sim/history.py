"""Whole histories in one request: blocks of calls on the real bytecode, nothing persisted.

    results = simulate(rpc, [Block([call(ledger, "deposit", ...), ...], time=t), ...])

`eth_simulateV1` runs them with exact transaction semantics: cold and warm access, transient storage, gas, logs and
revert data; state carries over from call to call and block to block. It is a standard method, so any node will do.
Nonces needn't be given. Senders needn't own ether: each is given plenty, and pays the base fee out of it.

`validation=True` makes a call a transaction: it pays the base fee and its tip, and BASEFEE and GASPRICE read so.
`validation=False` is eth_call's world, in which a call without a fee of its own sees both as 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from holdfast.chain.abi import as_address
from holdfast.chain.artifacts import Event, vocabulary
from holdfast.chain.contract import Contract
from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError, Reverted, RpcError

PLENTY: Final = 10**30
"""[wei] What each sender owns when the history starts; it outlasts any gas bill."""

DEFAULT_GAS: Final = 5_000_000
"""[gas] A call's limit, if it has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A transaction to be. It can't create a contract (Anvil's method refuses that): deploy first, or override code."""

    to: str
    data: bytes
    sender: str
    value: int = 0  # [wei]
    gas: int = DEFAULT_GAS
    max_fee: int | None = None  # [wei a gas] None: the base fee and the tip
    priority_fee: int = 0  # [wei a gas] the tip


@dataclass(frozen=True, slots=True)
class Block:
    """Calls that share a block."""

    calls: list[Call]
    time: int | None = None  # [seconds] rises from block to block; None: the node's usual step
    number: int | None = None  # rises too; None: the next
    base_fee: int | None = None  # [wei a gas] None: that of the block before
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by address, as in eth_call
    gas_limit: int = 2**50  # [gas] no block is ever full


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a call."""

    status: int  # 1: done, 0: reverted
    gas_used: int
    data: bytes  # what it returned, when done
    logs: list[dict[str, Any]] = field(repr=False)
    error_data: bytes = b""  # revert data, when reverted
    message: str = ""  # the node's words, when reverted

    @property
    def ok(self) -> bool:
        return self.status == 1

    @property
    def events(self) -> list[Event]:
        """The events that some compiled contract declares, in order."""
        found = map(vocabulary().event, self.logs)
        return [event for event in found if event is not None]

    @property
    def error(self) -> Reverted | None:
        """Why it reverted; None when it didn't. `Empty` without revert data: out of gas, for one (see `message`)."""
        return None if self.ok else vocabulary().revert(self.error_data)

    def returned(self, contract: Contract, function: str) -> Any:
        """What `function` returned. Reverted where it refused."""
        if error := self.error:
            raise error
        return contract.decode(function, self.data)


def call(contract: Contract, function: str, *args: Any, sender: Any, **options: Any) -> Call:
    """A call of a contract's function; `options` are Call's other fields."""
    return Call(
        to=contract.address, data=contract.encode(function, *args), sender=as_address(sender), **options
    )


def simulate(
    rpc: Rpc, blocks: Sequence[Block], block: int | str = "latest", validation: bool = True
) -> list[list[Result]]:
    """Runs the blocks on top of `block` and returns a result for each call.

    ChainError where the history can't be one: times or numbers that don't rise, a fee cap under the base fee, a value
    that its sender doesn't own. Nothing has run then.
    """
    if not blocks:
        return []
    base = hex(block) if isinstance(block, int) else block
    _check_rising([one.time for one in blocks], "time")
    _check_rising([one.number for one in blocks], "number")
    base_fee = blocks[0].base_fee
    if base_fee is None:
        base_fee = int(rpc.call("eth_getBlockByNumber", base, False)["baseFeePerGas"], 16)
    request = {"blockStateCalls": _requests(blocks, base_fee, validation), "validation": validation}
    try:
        answers = rpc.call("eth_simulateV1", request, base)
    except RpcError as error:
        raise ChainError(f"the node can't run this history: {error}") from error
    found = [[_result(one) for one in answer["calls"]] for answer in answers]
    if len(found) != len(blocks):  # where numbers jump, some nodes report the empty blocks in between
        full = iter([results for results in found if results])
        found = [next(full, []) if one.calls else [] for one in blocks]
    if [len(results) for results in found] != [len(one.calls) for one in blocks]:
        raise ChainError("the node's answer doesn't match the blocks asked for")
    return found


def _check_rising(values: Iterable[int | None], name: str) -> None:
    """Nodes differ in whether they check."""
    given = [value for value in values if value is not None]
    for before, after in pairwise(given):
        if after <= before:
            raise ChainError(f"the {name} of a block must exceed that of the block before: {before}, {after}")


def _requests(blocks: Sequence[Block], base_fee: int, validation: bool) -> list[dict[str, Any]]:
    rich = {
        sender: {"balance": hex(PLENTY)} for sender in {call.sender for one in blocks for call in one.calls}
    }
    requests = []
    for place, one in enumerate(blocks):
        base_fee = base_fee if one.base_fee is None else one.base_fee
        requests.append(
            {
                "blockOverrides": _hexed(
                    time=one.time, number=one.number, baseFeePerGas=base_fee, gasLimit=one.gas_limit
                ),
                "stateOverrides": _merged(rich if place == 0 else {}, one.overrides),
                "calls": [_call(request, base_fee, validation) for request in one.calls],
            }
        )
    return requests


def _call(request: Call, base_fee: int, validation: bool) -> dict[str, Any]:
    body = {
        "from": request.sender,
        "to": request.to,
        "input": "0x" + request.data.hex(),
        "gas": hex(request.gas),
    }
    if request.value:
        body["value"] = hex(request.value)
    max_fee = request.max_fee
    if max_fee is None and validation:
        max_fee = base_fee + request.priority_fee
    if max_fee is not None:
        if validation and max_fee < base_fee:
            raise ChainError(f"a fee cap of {max_fee} wei is under the base fee, {base_fee} wei")
        body["maxFeePerGas"] = hex(max_fee)
        body["maxPriorityFeePerGas"] = hex(request.priority_fee)
    return body


def _hexed(**fields: int | None) -> dict[str, str]:
    return {name: hex(value) for name, value in fields.items() if value is not None}


def _merged(
    first: Mapping[str, Mapping[str, Any]], second: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    merged = {address: dict(fields) for address, fields in first.items()}
    for address, fields in second.items():
        merged.setdefault(as_address(address), {}).update(fields)
    return merged


def _result(found: Mapping[str, Any]) -> Result:
    status = int(found["status"], 16)
    data = bytes.fromhex(found["returnData"][2:])
    gas_used = int(found["gasUsed"], 16)
    if status == 1:
        return Result(status, gas_used, data, found["logs"])
    error = found.get("error") or {}
    reason = error.get("data")
    error_data = bytes.fromhex(reason[2:]) if isinstance(reason, str) and len(reason) > 2 else data
    return Result(status, gas_used, b"", [], error_data, error.get("message", ""))


def flat(results: Iterable[Iterable[Result]]) -> list[Result]:
    """All results in one row."""
    return [result for block in results for result in block]
