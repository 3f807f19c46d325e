"""Halmos on tests/symbolic, twice: against the libraries, and each check once more against its broken copy.

Everything is compiled in one go and laid out as `forge build` would, since Halmos reads nothing else. A broken copy
lives in a source tree of its own, `broken/<check>/`, in which one file differs in one place (tools/audit/broken.toml).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.audit.compiler import BUILD, ROOT, compile_sources
from tools.audit.gates import lemmas, symbolic_faults, verdicts

LEMMAS = ROOT / "tests" / "symbolic"
BROKEN = Path(__file__).with_name("broken.toml")
SOLVER = Path(__file__).with_name("solver.py")
SECONDS_A_QUERY = 120

_CHECK = re.compile(r"(?:    ///[^\n]*\n)*    function (check_\w+)\(.*?\n    }\n\n?", re.DOTALL)
_OUTPUTS = ("abi", "evm.bytecode", "evm.deployedBytecode", "evm.methodIdentifiers", "metadata")


def declared() -> dict[str, Path]:
    """Check → the file it is in."""
    return {
        name: path for path in sorted(LEMMAS.glob("*.t.sol")) for name in _CHECK.findall(path.read_text())
    }


def broken_sources(check: str, path: Path, change: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The two files of a broken copy, and the remapping that makes the check import it. ValueError where the place that
    is to be broken isn't there exactly once."""
    library = (ROOT / change["file"]).read_text()
    if library.count(change["old"]) != 1:
        raise ValueError(
            f"{check}: {change['file']} has {library.count(change['old'])} times: {change['old']}"
        )
    alone = _CHECK.sub(lambda match: match[0] if match[1] == check else "", path.read_text())
    tree = f"broken/{check}"
    sources = {
        f"{tree}/{check}.t.sol": alone,
        f"{tree}/{change['file']}": library.replace(change["old"], change["new"]),
    }
    return sources, f"{tree}/{check}.t.sol:{change['file']}={tree}/{change['file']}"


def _lay_out(output: Mapping[str, Any], name: str, folder: Path) -> None:
    """What Forge would leave of one source."""
    target = folder / "out" / Path(name).name
    target.mkdir(parents=True, exist_ok=True)
    for contract, built in output["contracts"][name].items():
        code = {
            kind: {**built["evm"][kind], "object": "0x" + built["evm"][kind]["object"]}
            for kind in ("bytecode", "deployedBytecode")
        }
        artifact = {
            "abi": built["abi"],
            **code,
            "methodIdentifiers": built["evm"]["methodIdentifiers"],
            "metadata": json.loads(built["metadata"]),
            "ast": output["sources"][name]["ast"],
            "id": output["sources"][name]["id"],
        }
        (target / f"{contract}.json").write_text(json.dumps(artifact))


def build() -> dict[str, Path]:
    """Lays out `intact` and `broken` under .build/audit; the declared checks. ValueError for a check without its change
    or a change without its check."""
    checks = declared()
    changes = tomllib.loads(BROKEN.read_text())
    if odd := sorted(set(checks) ^ set(changes)):
        raise ValueError(f"{BROKEN.name} and {LEMMAS.name}/ disagree about {', '.join(odd)}")

    sources = {str(path.relative_to(ROOT)): path.read_text() for path in set(checks.values())}
    remappings, copies = [], {}
    for check, path in checks.items():
        added, remapping = broken_sources(check, path, changes[check])
        copies.update(added)
        remappings.append(remapping)
    output = compile_sources({**sources, **copies}, _OUTPUTS, remappings)

    for kind in ("intact", "broken"):
        shutil.rmtree(BUILD / kind, ignore_errors=True)
    for name in sources:
        _lay_out(output, name, BUILD / "intact")
    for name in copies:
        if name.endswith(".t.sol"):
            _lay_out(output, name, BUILD / "broken")
    return checks


def halmos(folder: Path) -> dict[str, Any]:
    """Runs every check in a folder; its JSON. Timeouts are per query. Never downloads a solver."""
    tools = BUILD / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    forge = tools / "forge"  # Halmos asks for a build first; it is there already
    forge.write_text("#!/bin/sh\nexit 0\n")
    forge.chmod(0o755)
    report = folder / "halmos.json"
    report.unlink(missing_ok=True)
    work = folder / "tmp"
    work.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "TMPDIR": str(work),
        "HALMOS_ALLOW_DOWNLOAD": "0",
    }
    with (folder / "halmos.log").open("wb") as log:
        subprocess.run(
            [
                "nice", "-n", "10", str(Path(sys.executable).with_name("halmos")),
                "--root", str(folder), "--no-status", "--json-output", str(report), "--function", "check_",
                "--solver-command", f"{sys.executable} {SOLVER}", "--solver-threads", "2",
                "--solver-timeout-assertion", f"{SECONDS_A_QUERY}s",
                "--panic-error-codes", "0x01,0x11,0x12", "--early-exit",
            ],
            cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    if not report.is_file():
        raise RuntimeError(f"Halmos left no report: see {folder / 'halmos.log'}")
    answer: dict[str, Any] = json.loads(report.read_text())
    return answer


def run() -> dict[str, Any]:
    """The symbolic half of the report."""
    from tools.audit import soundness  # needs Z3, which is in the audit's environment only

    agreed, wrong = soundness.disagreements()
    if wrong or not agreed:
        said = [f"no counterexample, says integers.py, of {formula}" for formula in wrong]
        return {"faults": said or ["integers.py decides nothing"], "lemmas": []}
    try:
        checks = build()
        intact, broken = (verdicts(halmos(BUILD / kind)) for kind in ("intact", "broken"))
    except (RuntimeError, ValueError) as error:
        return {"faults": [str(error)], "lemmas": []}
    rows = lemmas(checks, intact, broken)
    return {
        "faults": symbolic_faults(rows, intact),
        "lemmas": [{**vars(row), "file": str(checks[row.name].relative_to(ROOT))} for row in rows],
    }
