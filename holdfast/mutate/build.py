"""Mutated sources into contracts: only what an edit reaches is compiled, and never twice.

    builder = Builder(Sources(), FAST)
    built = builder.build(compiler, {"contracts/vault/Vault.sol": mutated})
    if not built.changed_from(builder.baseline(compiler)): ...    # the same bytes: no mutant at all

Two ways to compile. RELEASE is that of `make build`. FAST is four times as fast: without the intermediate language
where a contract compiles so, and with a trick for the Ledger, which contains the code of Positions: it is compiled
against a stub of Positions, whose constructor runs code that was compiled before (see `_stub`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast.chain.environment import PROJECT
from holdfast.mutate import files
from holdfast.mutate.compiler import CODE, LEGACY, RELEASE, VIA_IR, Compiler
from holdfast.mutate.errors import CompileError, MutationError
from holdfast.mutate.sources import Sources
from holdfast.mutate.syntax import Raw, Syntax

CACHE: Final = PROJECT / ".build" / "mutants"

LEDGER: Final = "contracts/ledger/Ledger.sol"
POSITIONS: Final = "contracts/ledger/Positions.sol"

DEEP: Final = (POSITIONS, "contracts/oracle/Oracle.sol", "contracts/risk/PortfolioMargin.sol")
"""Units that compile by the intermediate language alone."""

MAX_CODE: Final = 24_576
"""[bytes] A contract that is larger can't be deployed: that wouldn't be the mutant's fault, so it doesn't count."""

STUB_ARGS: Final = 6 * 32
"""[bytes] Arguments of the constructor of Positions."""


class Mode(StrEnum):
    FAST = "fast"
    RELEASE = "release"


class Code(msgspec.Struct, frozen=True):
    """A compiled contract, hexadecimal without 0x."""

    abi: list[dict[str, Any]]
    creation: str
    runtime: str


@dataclass(frozen=True, kw_only=True)
class Built:
    """Contracts by name; or why there are none."""

    codes: Mapping[str, Code]
    error: str = ""

    @property
    def bytes_hash(self) -> str:
        """Equal where all code is equal."""
        return files.hashed(f"{name} {code.creation}" for name, code in sorted(self.codes.items()))

    def changed_from(self, baseline: Built) -> bool:
        return any(code.creation != baseline.codes[name].creation for name, code in self.codes.items())

    @property
    def too_large(self) -> list[str]:
        return [name for name, code in self.codes.items() if len(code.runtime) > 2 * MAX_CODE]


class Builder:
    """Builds edited sources. Results are kept in .build/mutants by the hash of all that went into them."""

    def __init__(self, sources: Sources, mode: Mode, cache: Path = CACHE) -> None:
        self.sources = sources
        self.mode = mode
        self.cache = cache
        self._trees: dict[str, Raw] = {}

    def baseline(self, compiler: Compiler) -> Built:
        """Everything, unedited. MutationError where that doesn't compile."""
        built = self._cached("base", self.sources, self.sources.own, compiler)
        if built.error:
            raise MutationError(f"the contracts don't compile as they are: {built.error}")
        return built

    def build(self, compiler: Compiler, edits: Mapping[str, str]) -> Built:
        """What the edited units reach, mocks too. `error` is set where it doesn't compile."""
        reached = sorted({unit for edited in edits for unit in self.sources.users(edited)})
        return self._cached("code", self.sources.with_edits(edits), reached, compiler)

    def tree(self, compiler: Compiler, unit: str) -> Raw:
        """The syntax tree of an unedited unit."""
        if unit not in self._trees:
            answer = compiler.compile(self.sources.closure([unit]), LEGACY, {unit: {"": ["ast"]}})
            self._trees[unit] = answer["sources"][unit]["ast"]
        return self._trees[unit]

    def syntax(self, compiler: Compiler, unit: str) -> Syntax:
        return Syntax(unit, self.sources[unit], self.tree(compiler, unit))

    def manifest(self, compiler: Compiler, built: Built) -> dict[str, Any]:
        """As `make build` writes it, with the built contracts in place of their own."""
        codes = {**self.baseline(compiler).codes, **built.codes}
        return {
            "contractTypes": {
                name: {
                    "contractName": name,
                    "abi": code.abi,
                    "deploymentBytecode": {"bytecode": "0x" + code.creation},
                    "runtimeBytecode": {"bytecode": "0x" + code.runtime},
                }
                for name, code in codes.items()
            }
        }

    # Compiling

    def _cached(self, kind: str, sources: Sources, units: list[str], compiler: Compiler) -> Built:
        texts = sources.closure(units)
        key = files.hashed([VERSION, self.mode, *units, *(f"{name}\0{text}" for name, text in texts.items())])
        path = self.cache / kind / f"{key}.json"
        if (kept := files.read_json(path)) is not None:
            return Built(codes=msgspec.convert(kept["codes"], dict[str, Code]), error=kept["error"])
        try:
            built = Built(codes=self._compiled(sources, units, compiler))
        except CompileError as error:
            built = Built(codes={}, error=str(error))
        files.write_json(path, {"codes": msgspec.to_builtins(built.codes), "error": built.error})
        return built

    def _compiled(self, sources: Sources, units: list[str], compiler: Compiler) -> dict[str, Code]:
        if self.mode is Mode.RELEASE:
            return _codes(compiler, sources.closure(units), RELEASE, units)
        rest = [unit for unit in units if not any(deep in sources.closure([unit]) for deep in DEEP)]
        codes = _codes(compiler, sources.closure(rest), LEGACY, rest) if rest else {}
        for unit in set(units) - set(rest) - {LEDGER}:
            codes |= _codes(compiler, sources.closure([unit]), VIA_IR, [unit])
        if LEDGER in units:
            inner = codes.get("Positions") or self.baseline(compiler).codes["Positions"]
            stubbed = sources.with_edits({POSITIONS: self._stub(compiler, inner.creation)})
            codes |= _codes(compiler, stubbed.closure([LEDGER]), LEGACY, [LEDGER])
        return codes

    def _stub(self, compiler: Compiler, creation: str) -> str:
        """Positions with empty functions. Its constructor puts the real creation code on the chain, and runs it from
        there in its own place: the same sender, the same storage, and the runtime code it returns is its own."""
        syntax = self.syntax(compiler, POSITIONS)
        length = len(creation) // 2 + STUB_ARGS
        loader = f"61{length:04x}80600a5f395ff3"  # returns all that follows it
        edits = []
        for node in syntax.nodes:
            if node.raw.get("mutability") == "immutable":  # never assigned here
                place = syntax.find(" immutable", *syntax.span(node.raw))
                edits.append((place, place + len(" immutable"), ""))
            if node.kind != "FunctionDefinition" or not node.raw.get("body"):
                continue
            start, end = syntax.span(node.raw["body"])
            if node.raw["kind"] == "constructor":
                names = ", ".join(one["name"] for one in node.raw["parameters"]["parameters"])
                edits.append((start, end, _CONSTRUCTOR % (loader + creation, names)))
            else:
                edits.append((start, end, "{ revert(); }"))
        raw = syntax.bytes
        for start, end, new in sorted(edits, reverse=True):
            raw = raw[:start] + new.encode() + raw[end:]
        return raw.decode()


_CONSTRUCTOR: Final = """{
        bytes memory code = abi.encodePacked(hex"%s", abi.encode(%s));
        assembly {
            let held := create(0, add(code, 32), mload(code))
            let done := delegatecall(gas(), held, 0, 0, 0, 0)
            returndatacopy(0, 0, returndatasize())
            if done { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }"""

VERSION: Final = sha256(
    json.dumps([LEGACY, VIA_IR, RELEASE]).encode() + Path(__file__).read_bytes()
).hexdigest()
"""Of this way to build: what another one built is not looked at."""


def _codes(
    compiler: Compiler, texts: Mapping[str, str], settings: Mapping[str, Any], units: Iterable[str]
) -> dict[str, Code]:
    answer = compiler.compile(texts, settings, {unit: {"*": CODE} for unit in units})
    return {
        name: Code(
            abi=one["abi"],
            creation=one["evm"]["bytecode"]["object"],
            runtime=one["evm"]["deployedBytecode"]["object"],
        )
        for contracts in answer.get("contracts", {}).values()
        for name, one in contracts.items()
    }
