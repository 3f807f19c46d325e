"""Echidna over the captured state, as far as its machine can run it.

The binary that npm has is 2.0.2 of 2022: its machine knows the rules of London, our contracts are compiled for Cancun.
So it gets the same sources compiled for London (`subject.manifest_for_london`), the same world deployed from them, and
the same handler and invariants. The state is loaded by Echidna's own way to begin on a living chain: a list of events,
in which each contract is created with code and storage as they were.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.fuzz.measured import Cost, Count, Measured, less, timed
from benchmarks.fuzz.subject import LONDON, OUT, Bug, Subject, capture, manifest_for_london
from holdfast.chain.artifacts import using_manifest
from holdfast.chain.environment import PROJECT
from holdfast.mutate.compiler import Compiler
from holdfast.mutate.sources import Sources
from holdfast.sim.world import World

NAME: Final = "Echidna"

FOLDER: Final = PROJECT / "benchmarks" / "fuzz"
WORK: Final = OUT / "echidna"
ADDRESS: Final = "0x00a329c0648769A73afAc7F9381E08FB43dBEA72"
"""Where Echidna puts the contract to test."""

DEPLOYER: Final = "0x30000"

UNIT: Final = "benchmarks/fuzz/echidna/Campaign.sol"


WRITTEN: Final = "benchmarks/fuzz/echidna/Addresses.sol"
"""A unit that is there for the compiler only."""

CONTRACT: Final = "Campaign"
BIRTH: Final = 1_524_785_992
"""[seconds] When Echidna's chain begins."""

_HINTS: Final = json.dumps(
    {
        name: {}
        for name in ("payable", "constant_functions", "assert", "constants_used", "functions_relations")
    }
    | {"solc_versions": []}
)
_ANSWER: Final = json.dumps(
    {"success": True, "error": None, "results": {"printers": [{"description": _HINTS}]}}
)

STAND_INS: Final = {
    # Echidna asks this to compile, after it has emptied the folder; here that is done already.
    "crytic-compile": "mkdir -p crytic-export && cp compiled.json crytic-export/combined_solc.json",
    # Echidna asks this for constants to try and functions to leave out; the handler has neither.
    "slither": f"printf '%s' '{_ANSWER}'",
}
"""Programs that Echidna 2.0.2 doesn't run without; both need a Python environment of their own."""

GAS: Final = 4_000_000_000
SETTINGS: Final[Mapping[str, Any]] = {
    "evmVersion": LONDON,
    "viaIR": False,
    "optimizer": {"enabled": True, "runs": 200},
}
DEPTH: Final = 100
"""Calls of a sequence, as Forge's depth. Echidna plays whole sequences."""

MUCH: Final = 1_000_000_000
"""Calls: the time ends it."""


def captured(world_name: str, bug: Bug | None = None) -> Subject:
    """The world deployed from the London build, its accounts in the hands of the contract to test."""
    with (
        using_manifest(manifest_for_london(bug)),
        World.open(world_name, unlimited_code=True) as world,
    ):
        rpc, ledger = world.protocol.rpc, world.protocol.ledger
        for owner in {account.owner for account in world.start.accounts}:
            rpc.call("anvil_impersonateAccount", owner)
            rpc.call("anvil_setBalance", owner, hex(10**24))
            ledger.send("setOperator", ADDRESS, True, sender=owner)
        return capture(world)


def fuzz(subject: Subject, seconds: float, cases: int, *, seed: int = 1, hunt: bool = False) -> Measured:
    """`subject` is from `captured`. Echidna 2.0.2 doesn't say how far it came when time ends: so a first run tells how
    many sequences fit, and the second plays so many. `hunt`: until something breaks or time is up, and uncounted."""
    if binary() is None:
        return failed("@crytic/echidna isn't installed, or has no program for this machine")
    prepare(subject)
    said, start = run(1, seed, depth=1)
    if "passed!" not in said:
        return failed(said.strip()[-500:], start)
    if hunt:
        said, whole = run(MUCH, seed, seconds=seconds)
        cost = less(whole, start)
        found = "a property failed" if "failed!" in said else ""
        return Measured(name=NAME, count=Count(broken=found, seconds=cost.seconds), cost=cost)
    _, whole = run(DEPTH, seed)
    sequences = max(1, round(seconds / less(whole, start).seconds))
    said, whole = run(sequences * DEPTH, seed)
    cost = less(whole, start)
    calls = sequences * DEPTH
    found = "a property failed" if "failed!" in said else ""
    count = Count(actions=calls, judgements=calls * cases, broken=found, seconds=cost.seconds)
    return Measured(name=NAME, count=count, cost=cost)


def refusal(subject: Subject) -> str:
    """What it says to the contracts as `make build` compiles them; empty: it takes them."""
    prepare(subject)
    said, _ = run(1, 1, depth=1)
    return "" if "passed!" in said else said.strip().splitlines()[-1]


def failed(why: str, cost: Cost | None = None) -> Measured:
    return Measured(name=NAME, count=Count(), cost=cost or Cost(seconds=0, cpu=0), failed=why)


def binary() -> Path | None:
    """Of this machine; None where npm's package has none, or isn't installed."""
    kinds = {
        ("Linux", "x86_64"): "Ubuntu-18.04",
        ("Darwin", "x86_64"): "MacOS",
        ("Darwin", "arm64"): "MacOS-aarch64",
    }
    kind = kinds.get((platform.system(), platform.machine()))
    path = (
        FOLDER
        / "node_modules"
        / "@crytic"
        / "echidna"
        / "bin"
        / "echidna"
        / "2.0.2"
        / str(kind)
        / "echidna-test"
    )
    return path if path.is_file() else None


def prepare(subject: Subject) -> None:
    """Compiles the campaign for the subject's addresses, and writes all that Echidna reads."""
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "etheno.json").write_text(json.dumps(list(events(subject))))
    (WORK / "Addresses.sol").write_text(addresses(subject))
    sources = Sources().with_edits({WRITTEN: addresses(subject)})
    texts = sources.closure([UNIT])
    outputs = ["abi", "evm.bytecode", "evm.deployedBytecode"]
    with Compiler() as compiler:
        answer = compiler.compile(texts, SETTINGS, {UNIT: {CONTRACT: outputs}, "*": {"": ["ast"]}})
    (WORK / "compiled.json").write_text(json.dumps(_combined(answer)))
    for name, text in STAND_INS.items():
        program = WORK / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)


def _combined(answer: Mapping[str, Any]) -> dict[str, Any]:
    """solc's --combined-json of a standard answer, as crytic-compile would leave it."""
    found = answer["contracts"][UNIT][CONTRACT]
    code, deployed = found["evm"]["bytecode"], found["evm"]["deployedBytecode"]
    by_id = sorted(answer["sources"].items(), key=lambda one: one[1]["id"])
    return {
        "contracts": {
            f"{UNIT}:{CONTRACT}": {
                "abi": json.dumps(found["abi"]),
                "bin": code["object"],
                "bin-runtime": deployed["object"],
                "srcmap": code["sourceMap"],
                "srcmap-runtime": deployed["sourceMap"],
            }
        },
        "sourceList": [_path(unit) for unit, _ in by_id],
        "sources": {_path(unit): {"AST": source["ast"]} for unit, source in by_id},
        "version": "0.8.37",
    }


def _path(unit: str) -> str:
    """Where it lies: Echidna reads all sources."""
    return str(WORK / "Addresses.sol" if unit == WRITTEN else PROJECT / unit)


def addresses(subject: Subject) -> str:
    """A library of constants: Echidna can hand nothing to a constructor."""
    constants = "".join(
        f"    address internal constant {name.upper()} = {address};\n"
        for name, address in subject.addresses.items()
    )
    feeds = "".join(f"        all[{place}] = {feed};\n" for place, feed in enumerate(subject.feeds))
    return (
        "// SPDX-License-Identifier: MIT\npragma solidity 0.8.37;\n\n"
        f"library Addresses {{\n{constants}\n"
        "    function feeds() internal pure returns (address[] memory all) {\n"
        f"        all = new address[]({len(subject.feeds)});\n{feeds}    }}\n}}\n"
    )


def events(subject: Subject) -> Iterator[dict[str, Any]]:
    """The state as Etheno would have seen it come about: contracts created as they are, then the clock put forward."""
    for address, account in subject.alloc.items():
        code = bytes.fromhex(account["code"][2:])
        if code:
            yield {
                "event": "ContractCreated",
                "from": DEPLOYER,
                "contract_address": address,
                "gas_used": hex(GAS),
                "gas_price": "0x0",
                "data": "0x" + creation(code, account["storage"]).hex(),
                "value": "0x0",
            }
    yield {"event": "BlockMined", "number_increment": "1", "timestamp_increment": str(subject.time - BIRTH)}


def creation(code: bytes, storage: Mapping[str, str]) -> bytes:
    """What leaves this code with this storage behind."""
    stores = b"".join(
        b"\x7f" + _word(value) + b"\x7f" + _word(slot) + b"\x55" for slot, value in storage.items()
    )
    size = len(code).to_bytes(4, "big")
    place = (len(stores) + 17).to_bytes(4, "big")
    # PUSH4 size, DUP1, PUSH4 place, PUSH1 0, CODECOPY, PUSH1 0, RETURN
    return stores + b"\x63" + size + b"\x80\x63" + place + b"\x60\x00\x39\x60\x00\xf3" + code


def _word(text: str) -> bytes:
    return int(text, 16).to_bytes(32, "big")


def config(calls: int, seed: int, depth: int, seconds: float) -> str:
    told = {
        "initialize": "etheno.json",
        "contractAddr": ADDRESS,
        "testMode": "property",
        "prefix": "echidna_",
        "testLimit": calls,
        "seqLen": depth,
        "shrinkLimit": 0,
        "maxTimeDelay": 400,
        "maxBlockDelay": 30,
        "codeSize": 0x10000,
        "testMaxGas": GAS,
        "propMaxGas": GAS,
        "coverage": True,  # its default: what is new is mutated further
        "seed": seed,
        "format": "text",
        **({"timeout": round(seconds)} if seconds else {}),
    }
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in told.items())


def run(calls: int, seed: int, *, depth: int = DEPTH, seconds: float = 0) -> tuple[str, Cost]:
    """`seconds`: after which it stops; zero: when the calls are done."""
    program = binary()
    assert program is not None
    (WORK / "echidna.yaml").write_text(config(calls, seed, depth, seconds))
    path = f"{WORK / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = [str(program), str(PROJECT / UNIT), "--contract", CONTRACT, "--config", "echidna.yaml"]
    return timed(command, WORK, {"PATH": path})
