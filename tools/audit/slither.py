"""Slither over every contract, from one compile of our own, against the triage file.

Slither's own ways to a compiler want a Solidity build it knows (and report nothing over nothing where they get less);
here it is handed the compiler's answer. A planted contract shows that findings come through.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.audit.compiler import ROOT, VERSION, compile_sources
from tools.audit.gates import Finding, slither_faults

TRIAGE = Path(__file__).with_name("triage.toml")
PLANTED = Path(__file__).with_name("Planted.sol")
MUST_FIND = frozenset({"arbitrary-send-eth", "uninitialized-state", "unchecked-transfer"})

_UNPARSED = re.compile(r"Impossible to generate IR for (\S+)")


def sources() -> dict[str, str]:
    """All contracts but the mocks, and the planted one."""
    paths = [path for path in sorted((ROOT / "contracts").rglob("*.sol")) if path.parent.name != "mocks"]
    return {str(path.relative_to(ROOT)): path.read_text() for path in [*paths, PLANTED]}


def element_name(element: Mapping[str, Any]) -> str:
    """`Contract.function.variable`; a file's name for what stands outside contracts."""
    parent = element.get("type_specific_fields", {}).get("parent")
    if parent and parent["type"] in ("contract", "function"):
        return f"{element_name(parent)}.{element['name']}"
    return str(element["name"])


def findings(raw: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Those that begin in a contract of ours or in the planted one; libraries from npm are others' business."""
    found = []
    for one in raw:
        first = one["elements"][0] if one["elements"] else None
        path = first["source_mapping"]["filename_relative"] if first else "contracts/"
        if path.startswith(("contracts/", "interfaces/", "tools/audit/")):
            name = element_name(first) if first else "everywhere"
            text = " ".join(str(one["description"]).split())[:240]
            found.append(Finding(detector=one["check"], element=name, text=text))
    return found


def analyse() -> tuple[list[Mapping[str, Any]], set[str], set[str], set[str]]:
    """(raw findings, contracts analysed, contracts compiled, functions that couldn't be read)."""
    from crytic_compile import CryticCompile
    from crytic_compile.compilation_unit import CompilationUnit
    from crytic_compile.compiler.compiler import CompilerVersion
    from crytic_compile.platform.solc_standard_json import SolcStandardJson, parse_standard_json_output
    from slither import Slither
    from slither.detectors import all_detectors
    from slither.detectors.abstract_detector import AbstractDetector

    output = compile_sources(sources(), ["abi"])
    nothing = {"object": "", "sourceMap": ""}  # Slither works on the syntax tree
    expected = set()
    for path, contracts in output["contracts"].items():
        for name, contract in contracts.items():
            contract["evm"] = {"bytecode": nothing, "deployedBytecode": nothing, "methodIdentifiers": {}}
            if path.startswith(("contracts/", "interfaces/", "tools/audit/")):
                expected.add(name)

    class Compiled(SolcStandardJson):
        def compile(self, crytic_compile: Any, **_: Any) -> None:
            unit = CompilationUnit(crytic_compile, "holdfast")
            unit.compiler_version = CompilerVersion("solc", VERSION, True, 1_000_000, True)
            parse_standard_json_output(output, unit, solc_working_dir=str(ROOT))

    said: list[str] = []

    class Listen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("ContractSolcParsing")
    logger.addHandler(Listen())
    logger.propagate = False
    os.chdir(ROOT)
    with contextlib.redirect_stderr(Path(os.devnull).open("w")):
        tool = Slither(CryticCompile(Compiled({"language": "Solidity", "sources": {}, "settings": {}})))
        for detector in vars(all_detectors).values():
            if inspect.isclass(detector) and issubclass(detector, AbstractDetector):
                tool.register_detector(detector)
        raw = [one for batch in tool.run_detectors() for one in batch]
    unparsed = {match[1] for line in said for match in [_UNPARSED.search(line)] if match}
    return raw, {contract.name for contract in tool.contracts}, expected, unparsed


def run() -> dict[str, Any]:
    """Slither's half of the report."""
    try:
        raw, analysed, expected, unparsed = analyse()
    except Exception as error:  # an analysis that breaks off is a fault, whatever broke it
        return {"faults": [f"Slither failed: {type(error).__name__}: {error}"], "contracts": 0}
    triage = tomllib.loads(TRIAGE.read_text())
    found = findings(raw)
    ours = [one for one in found if not one.element.startswith("Planted")]
    planted = {one.detector for one in found if one.element.startswith("Planted")}
    faults = slither_faults(
        ours,
        triage,
        analysed=analysed,
        expected=expected,
        unparsed=unparsed,
        planted=MUST_FIND - planted,
    )
    off = {entry["detector"] for entry in triage["off"]}
    return {
        "faults": faults,
        "contracts": len(expected & analysed),
        "findings": [vars(one) for one in ours if one.detector not in off],
        "switched_off": sum(one.detector in off for one in ours),
        "unparsed": sorted(unparsed),
    }
