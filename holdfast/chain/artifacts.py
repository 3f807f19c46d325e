"""Compiled contracts by name, and what any of them may say: the errors and events of all of them together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
from eth_hash.auto import keccak

from holdfast.chain.abi import Codec, as_address, codec, group
from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError, DeploymentError, EncodingError, Reverted

MANIFEST: Final = PROJECT / ".build" / "__local__.json"
"""What `make build` writes."""

MANIFEST_VARIABLE: Final = "HOLDFAST_MANIFEST"
"""In the environment: the path of another manifest to use instead (a mutant, a build with coverage)."""

_STANDARD_ERRORS: Final = (
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)


@dataclass(frozen=True, slots=True)
class Function:
    """One function, error or constructor: its four bytes, and how its values are written and read."""

    name: str
    signature: str
    selector: bytes
    inputs: Codec
    outputs: Codec
    names: tuple[str, ...]
    output_count: int

    def encode(self, *args: Any) -> bytes:
        """Call data. EncodingError where the arguments don't fit."""
        try:
            return self.selector + self.inputs.encode(args)
        except EncodingError as error:
            raise EncodingError(f"{self.signature}: {error}") from None

    def decode(self, data: bytes) -> Any:
        """What it returned: None, the one value, or a tuple of them (named where they have names)."""
        try:
            values = self.outputs.decode(data, 0)
        except EncodingError as error:
            hint = "; is there a contract at this address?" if not data else ""
            raise EncodingError(f"{self.signature} returned {len(data)} bytes: {error}{hint}") from None
        if self.output_count == 0:
            return None
        return values[0] if self.output_count == 1 else values


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it was emitted. An indexed text, array or struct is its 32-byte hash."""

    name: str
    args: dict[str, Any]
    address: str


@dataclass(frozen=True)
class EventType:
    """An event as declared."""

    name: str
    names: tuple[str, ...]
    indexed: tuple[str, ...]
    topics: tuple[Codec, ...]
    data: Codec

    def decode(self, topics: list[bytes], data: bytes, address: str) -> Event:
        values = {
            name: topic if part.dynamic or part.type[-1] in ")]" else part.decode(topic, 0)
            for name, part, topic in zip(self.indexed, self.topics, topics[1:], strict=True)
        }
        rest = iter(self.data.decode(data, 0))
        return Event(
            self.name, {name: values[name] if name in values else next(rest) for name in self.names}, address
        )


@dataclass(frozen=True)
class Artifact:
    """A compiled contract. `bytecode` is what creates it; `deployed_size` [bytes] is what then lies on the chain."""

    name: str
    abi: list[dict[str, Any]] = field(repr=False)
    bytecode: str = field(repr=False, default="")
    deployed_size: int = 0

    @cached_property
    def functions(self) -> dict[str, list[Function]]:
        """By name; more than one where the name is overloaded."""
        found: dict[str, list[Function]] = {}
        for entry in self.abi:
            if entry["type"] == "function":
                found.setdefault(entry["name"], []).append(function(entry))
        return found

    @cached_property
    def constructor(self) -> Codec:
        inputs: list[dict[str, Any]] = next(
            (entry.get("inputs", []) for entry in self.abi if entry["type"] == "constructor"), []
        )
        return group(inputs, "constructor")

    def find(self, name: str, args: tuple[Any, ...] | None = None) -> Function:
        """The function by its name, or by its signature where the number of `args` doesn't decide."""
        found = self.functions.get(name.partition("(")[0], [])
        if "(" in name:
            found = [one for one in found if one.signature == name]
        elif args is not None and len(found) > 1:
            found = [one for one in found if len(one.names) == len(args)]
        if len(found) == 1:
            return found[0]
        overloads = ", ".join(one.signature for one in self.functions.get(name.partition("(")[0], []))
        raise EncodingError(
            f"{self.name} has no one function {name}" + (f"; it has {overloads}" if overloads else "")
        )

    def creation(self, *args: Any) -> bytes:
        """The data of the transaction that creates it. DeploymentError where there is no code to create."""
        if not self.bytecode:
            raise DeploymentError(f"{self.name} is abstract or an interface: there is nothing to deploy")
        if "_" in self.bytecode:
            raise DeploymentError(f"{self.name} needs a library linked into it")
        try:
            return bytes.fromhex(self.bytecode.removeprefix("0x")) + self.constructor.encode(args)
        except EncodingError as error:
            raise EncodingError(f"{self.name}: {error}") from None


def function(entry: Mapping[str, Any]) -> Function:
    """From one ABI entry of type function or error."""
    inputs = group(entry.get("inputs", []), f"{entry['name']}_inputs")
    outputs = group(entry.get("outputs", []), f"{entry['name']}_result")
    signature = entry["name"] + inputs.type
    names = tuple(part.get("name", "") or f"arg{place}" for place, part in enumerate(entry.get("inputs", [])))
    selector = keccak(signature.encode())[:4]
    return Function(entry["name"], signature, selector, inputs, outputs, names, len(entry.get("outputs", [])))


def _event(entry: Mapping[str, Any]) -> tuple[tuple[bytes, int], EventType]:
    inputs = [{**part, "name": part["name"] or f"arg{place}"} for place, part in enumerate(entry["inputs"])]
    indexed = [part for part in inputs if part["indexed"]]
    topic = keccak((entry["name"] + group(inputs, "event").type).encode())
    described = EventType(
        entry["name"],
        tuple(part["name"] for part in inputs),
        tuple(part["name"] for part in indexed),
        tuple(codec(part) for part in indexed),
        group([part for part in inputs if not part["indexed"]], entry["name"]),
    )
    return (topic, len(indexed)), described


class Vocabulary:
    """Errors by selector and events by topic, from any number of ABIs."""

    def __init__(self, abis: list[list[dict[str, Any]]]) -> None:
        self.errors: dict[bytes, Function] = {}
        self.events: dict[tuple[bytes, int], EventType] = {}
        for entry in (*_STANDARD_ERRORS, *(entry for abi in abis for entry in abi)):
            if entry["type"] == "error":
                error = function(entry)
                self.errors.setdefault(error.selector, error)
            elif entry["type"] == "event":
                key, described = _event(entry)
                self.events.setdefault(key, described)

    def revert(self, data: bytes) -> Reverted:
        """Revert data as an exception (returned, not raised)."""
        if not data:
            return Reverted("Empty")
        error = self.errors.get(data[:4])
        if error is None:
            return Reverted("Unknown", {}, data)
        try:
            values = error.inputs.decode(data, 4)
        except EncodingError:
            return Reverted("Unknown", {}, data)
        return Reverted(error.name, dict(zip(error.names, values, strict=True)), data)

    def event(self, log: Mapping[str, Any]) -> Event | None:
        """A log of a receipt as an event; None where no artifact declares it."""
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        described = self.events.get((topics[0], len(topics) - 1)) if topics else None
        if described is None:
            return None
        return described.decode(topics, bytes.fromhex(log["data"][2:]), as_address(log["address"]))


class _Code(msgspec.Struct):
    bytecode: str = ""


class _ContractType(msgspec.Struct):
    contractName: str
    abi: list[dict[str, Any]] = []
    deploymentBytecode: _Code | None = None
    runtimeBytecode: _Code | None = None


class _Manifest(msgspec.Struct):
    contractTypes: dict[str, _ContractType] = {}


@lru_cache(8)
def _load(path: Path, modified_ns: int) -> tuple[dict[str, Artifact], Vocabulary]:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} can't be read ({error}): run `make clean build`") from error
    found = {}
    for name, kind in manifest.contractTypes.items():
        code, deployed = (
            part.bytecode if part else "" for part in (kind.deploymentBytecode, kind.runtimeBytecode)
        )
        found[name] = Artifact(name, kind.abi, code.removeprefix("0x"), len(deployed.removeprefix("0x")) // 2)
    return found, Vocabulary([artifact.abi for artifact in found.values()])


def _loaded(path: Path) -> tuple[dict[str, Artifact], Vocabulary]:
    try:
        modified_ns = path.stat().st_mtime_ns
    except FileNotFoundError:
        raise ConfigError("the contracts aren't compiled: run `make build`") from None
    return _load(path, modified_ns)


def manifest() -> Path:
    """The one in use: `using_manifest`, else HOLDFAST_MANIFEST, else what `make build` wrote."""
    if _chosen:
        return _chosen[-1]
    told = os.environ.get(MANIFEST_VARIABLE)
    return Path(told) if told else MANIFEST


_chosen: Final[list[Path]] = []


@contextmanager
def using_manifest(path: Path) -> Iterator[None]:
    """Everything that names no manifest of its own uses this one meanwhile."""
    _chosen.append(path)
    try:
        yield
    finally:
        _chosen.pop()


def artifacts(path: Path | None = None) -> dict[str, Artifact]:
    """All compiled contracts by name; read again when a build changed them. ConfigError before the first build."""
    return _loaded(path or manifest())[0]


def artifact(name: str, path: Path | None = None) -> Artifact:
    """One of them. ConfigError where there is no such contract."""
    try:
        return artifacts(path)[name]
    except KeyError:
        raise ConfigError(
            f"no compiled contract is called {name}: run `make build`, or check the name"
        ) from None


def vocabulary(path: Path | None = None) -> Vocabulary:
    """The errors and events of all compiled contracts together."""
    return _loaded(path or manifest())[1]
