"""Contracts on a chain: call, send, deploy.

counter = deploy(rpc, artifact("MockCounter"), 100, sender=alice)
counter.call("total")                              # 0
receipt = counter.send("count", 5, sender=alice)   # alice: an unlocked address, or an eth_account LocalAccount
receipt.event("Counted").args["total"]             # 5
counter.send("count", 500, sender=alice)           # raises Reverted: TooLarge(amount=500, limit=100)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from holdfast.chain.abi import as_address
from holdfast.chain.artifacts import Artifact, vocabulary
from holdfast.chain.rpc import Rpc
from holdfast.chain.transactions import Receipt, Sender, submit, wait
from holdfast.errors import DeploymentError, Reverted, RpcError

__all__ = ["Contract", "call_many", "deploy", "reverted"]


class Contract:
    """A contract at an address. Functions are named, or given by signature where a name is overloaded."""

    __slots__ = ("address", "artifact", "rpc")

    def __init__(self, rpc: Rpc, artifact: Artifact, address: Any) -> None:
        self.rpc = rpc
        self.artifact = artifact
        self.address = as_address(address)

    def __repr__(self) -> str:
        return f"<{self.artifact.name} {self.address}>"

    def encode(self, function: str, *args: Any) -> bytes:
        """Call data. EncodingError where the arguments don't fit."""
        return self.artifact.find(function, args).encode(*args)

    def decode(self, function: str, data: bytes) -> Any:
        """What `function` returned: None, the one value, or a tuple (named where the values have names)."""
        return self.artifact.find(function).decode(data)

    def call(
        self,
        function: str,
        *args: Any,
        sender: Any = None,
        block: int | str = "latest",
        gas: int | None = None,  # None: what the node gives a call
    ) -> Any:
        """What `function` returns on `block`, changing nothing. Reverted where it refuses."""
        found = self.artifact.find(function, args)
        request = {"to": self.address, "data": "0x" + found.encode(*args).hex()}
        if sender is not None:
            request["from"] = as_address(sender)
        if gas is not None:
            request["gas"] = hex(gas)
        try:
            answer = self.rpc.call("eth_call", request, _block(block))
        except RpcError as error:
            raise reverted(error) from error
        return found.decode(bytes.fromhex(answer[2:]))

    def submit(
        self,
        function: str,
        *args: Any,
        sender: Sender,
        value: int = 0,  # [wei]
        gas: int | None = None,
        max_fee: int | None = None,  # [wei a gas]
        priority_fee: int | None = None,  # [wei a gas]
    ) -> str:
        """Sends a transaction and returns its hash at once; `wait` waits for it."""
        data = self.encode(function, *args)
        try:
            return submit(self.rpc, sender, self.address, data, value, gas, max_fee, priority_fee)
        except RpcError as error:
            raise reverted(error) from error

    def send(
        self,
        function: str,
        *args: Any,
        sender: Sender,
        value: int = 0,  # [wei]
        gas: int | None = None,
        max_fee: int | None = None,  # [wei a gas]
        priority_fee: int | None = None,  # [wei a gas]
    ) -> Receipt:
        """Sends a transaction and waits for its receipt. Reverted where the contract refuses.

        Without `gas` an unlocked sender's transaction gets what the node gives it (Anvil: all of a block), a signed
        one the node's estimate and a quarter more.
        """
        sent = self.submit(
            function, *args, sender=sender, value=value, gas=gas, max_fee=max_fee, priority_fee=priority_fee
        )
        return wait(self.rpc, sent)


def deploy(
    rpc: Rpc, artifact: Artifact, *args: Any, sender: Sender, value: int = 0, gas: int | None = None
) -> Contract:
    """Creates a contract. Reverted where its constructor refuses, DeploymentError where no code came to lie there."""
    try:
        sent = submit(rpc, sender, None, artifact.creation(*args), value, gas)
    except RpcError as error:
        raise reverted(error) from error
    receipt = wait(rpc, sent)
    if (
        receipt.contract_address is None
        or rpc.call("eth_getCode", receipt.contract_address, "latest") == "0x"
    ):
        raise DeploymentError(f"{artifact.name} wasn't created")
    return Contract(rpc, artifact, receipt.contract_address)


def call_many(
    rpc: Rpc, calls: Iterable[tuple[Any, ...]], *, sender: Any = None, block: int | str = "latest"
) -> list[Any]:
    """The answers to many calls in one request: each a tuple (contract, function, *args). Reverted as with `call`.

    Give a block's number where the answers must belong together: "latest" may move between them.
    """
    found = [(contract.artifact.find(function, args), contract, args) for contract, function, *args in calls]
    origin = {} if sender is None else {"from": as_address(sender)}
    try:
        answers = rpc.batch(
            (
                "eth_call",
                ({**origin, "to": contract.address, "data": "0x" + one.encode(*args).hex()}, _block(block)),
            )
            for one, contract, args in found
        )
    except RpcError as error:
        raise reverted(error) from error
    return [one.decode(bytes.fromhex(answer[2:])) for (one, _, _), answer in zip(found, answers, strict=True)]


def reverted(error: RpcError) -> Reverted | RpcError:
    """A node's error as the contract's own, where it carries revert data or says "reverted"; else unchanged."""
    data = error.data.get("data") if isinstance(error.data, dict) else error.data
    if isinstance(data, str) and data.startswith("0x") and (error.code == 3 or "revert" in error.message):
        return vocabulary().revert(bytes.fromhex(data[2:]))
    if error.code == 3 or "execution reverted" in error.message:
        return vocabulary().revert(b"")
    return error


def _block(block: int | str) -> str:
    return hex(block) if isinstance(block, int) else block
