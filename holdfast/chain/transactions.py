"""Transactions: sent by an unlocked address or signed here, and their receipts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias

from eth_account.signers.local import LocalAccount

from holdfast.chain.abi import as_address
from holdfast.chain.artifacts import Event, vocabulary
from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError, Reverted, RpcError

Sender: TypeAlias = str | LocalAccount
"""An address that the node holds the key of (or impersonates), or a key of our own."""

GAS_MARGIN: Final = (5, 4)  # a gas limit over the node's estimate…
GAS_ROOM: Final = (
    100_000  # …and above that: an estimate on the newest block doesn't see what accrues until the next
)
FIRST_PAUSE_SECONDS: Final = 0.0005
LONGEST_PAUSE_SECONDS: Final = 0.25


@dataclass(frozen=True)
class Receipt:
    """A mined transaction."""

    hash: str
    status: int  # 1: done, 0: reverted
    gas_used: int
    gas_price: int  # [wei a gas] what it paid
    block_number: int
    contract_address: str | None
    logs: list[dict[str, Any]] = field(repr=False)

    @cached_property
    def events(self) -> list[Event]:
        """The events that some compiled contract declares, in order."""
        found = map(vocabulary().event, self.logs)
        return [event for event in found if event is not None]

    def event(self, name: str) -> Event:
        """The one event of that name. ChainError where there is none, or more than one."""
        found = [event for event in self.events if event.name == name]
        if len(found) != 1:
            raise ChainError(f"{len(found)} events {name} among {[event.name for event in self.events]}")
        return found[0]


def submit(
    rpc: Rpc,
    sender: Sender,
    to: str | None,
    data: bytes,
    value: int = 0,  # [wei]
    gas: int | None = None,
    max_fee: int | None = None,  # [wei a gas]
    priority_fee: int | None = None,  # [wei a gas]
) -> str:
    """Sends a transaction (`to` None creates a contract) and returns its hash. RpcError where the node refuses."""
    request: dict[str, Any] = {"data": "0x" + data.hex(), "value": hex(value)}
    if to is not None:
        request["to"] = to
    for name, number in (("gas", gas), ("maxFeePerGas", max_fee), ("maxPriorityFeePerGas", priority_fee)):
        if number is not None:
            request[name] = hex(number)
    if isinstance(sender, LocalAccount):
        sent: str = rpc.call("eth_sendRawTransaction", _signed(rpc, sender, request))
    else:
        request["from"] = as_address(sender)
        if gas is None:
            with suppress(RpcError):  # it would revert: let it, the receipt says so
                request["gas"] = hex(_limit(rpc.call("eth_estimateGas", request)))
        sent = rpc.call("eth_sendTransaction", request)
    return sent


def wait(rpc: Rpc, sent: str, timeout: float = 120.0, *, check: bool = True) -> Receipt:
    """The receipt of a sent transaction. Reverted where it failed (unless `check` is off), ChainError after `timeout`
    [seconds]: it may still be mined later."""
    deadline = time.monotonic() + timeout
    pause = FIRST_PAUSE_SECONDS
    while (found := rpc.call("eth_getTransactionReceipt", sent)) is None:
        if time.monotonic() > deadline:
            raise ChainError(f"transaction {sent} wasn't mined within {timeout:g} seconds")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    receipt = _receipt(found)
    if check and receipt.status == 0:
        raise _reason(rpc, receipt)
    return receipt


def _limit(estimate: str) -> int:
    return int(estimate, 16) * GAS_MARGIN[0] // GAS_MARGIN[1] + GAS_ROOM


def _receipt(found: Mapping[str, Any]) -> Receipt:
    created = found.get("contractAddress")
    return Receipt(
        hash=found["transactionHash"],
        status=int(found["status"], 16),
        gas_used=int(found["gasUsed"], 16),
        gas_price=int(found.get("effectiveGasPrice", "0x0"), 16),
        block_number=int(found["blockNumber"], 16),
        contract_address=as_address(created) if created else None,
        logs=found["logs"],
    )


def _reason(rpc: Rpc, receipt: Receipt) -> Reverted:
    """Why it failed: receipts don't say, a trace does."""
    tracer = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
    try:
        trace = rpc.call("debug_traceTransaction", receipt.hash, tracer)
    except RpcError:  # a node without the debug methods
        return Reverted("Unknown", {"transaction": receipt.hash})
    data = bytes.fromhex(trace.get("output", "0x")[2:])
    if not data and "revert" not in trace.get("error", "").lower():
        return Reverted("Empty", {"reason": trace.get("error", "")})
    return vocabulary().revert(data)


def _signed(rpc: Rpc, account: LocalAccount, request: dict[str, Any]) -> str:
    """The raw transaction, with what is missing filled in from the node in one request."""
    origin = {**request, "from": account.address}
    questions: list[tuple[str, tuple[Any, ...]]] = [
        ("eth_chainId", ()),
        ("eth_getTransactionCount", (account.address, "pending")),
        ("eth_getBlockByNumber", ("latest", False)),
    ]
    if "gas" not in request:
        questions.append(("eth_estimateGas", (origin,)))
    if "maxPriorityFeePerGas" not in request:
        questions.append(("eth_maxPriorityFeePerGas", ()))
    answers = dict(zip((method for method, _ in questions), rpc.batch(questions), strict=True))
    estimate = _limit(answers.get("eth_estimateGas", "0x0"))
    tip = int(request.get("maxPriorityFeePerGas") or answers["eth_maxPriorityFeePerGas"], 16)
    base_fee = int(answers["eth_getBlockByNumber"]["baseFeePerGas"], 16)
    max_fee = int(request["maxFeePerGas"], 16) if "maxFeePerGas" in request else 2 * base_fee + tip
    transaction = {
        **request,
        "chainId": int(answers["eth_chainId"], 16),
        "nonce": int(answers["eth_getTransactionCount"], 16),
        "gas": int(request["gas"], 16) if "gas" in request else estimate,
        "maxPriorityFeePerGas": min(tip, max_fee),
        "maxFeePerGas": max_fee,
        "type": 2,
    }
    return "0x" + bytes(account.sign_transaction(transaction).raw_transaction).hex()
