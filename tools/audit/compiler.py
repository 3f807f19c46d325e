"""One standard-JSON compile through the project's own wrapper, with the settings of ape-config.yaml."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build" / "audit"
SOLC = ROOT / "tools" / "solc" / "solc-v0.8.37"
VERSION = "0.8.37"

_REMAPPINGS = (
    "@openzeppelin/=node_modules/@openzeppelin/",
    "@pythnetwork/=node_modules/@pythnetwork/",
    "solady/=node_modules/solady/src/",
)


def compile_sources(
    sources: Mapping[str, str], outputs: Sequence[str], remappings: Sequence[str] = ()
) -> dict[str, Any]:
    """The compiler's answer; imports come from the working copy. RuntimeError with its messages where it refuses."""
    request = {
        "language": "Solidity",
        "sources": {name: {"content": content} for name, content in sources.items()},
        "settings": {
            "viaIR": True,
            "optimizer": {"enabled": True, "runs": 1_000_000},
            "evmVersion": "cancun",
            "remappings": [*_REMAPPINGS, *remappings],
            "outputSelection": {
                "*": {"": ["ast"], "*": ["abi"]},
                **{name: {"": ["ast"], "*": list(outputs)} for name in sources},
            },
        },
    }
    answer = subprocess.run(
        [str(SOLC), "--standard-json", "--base-path", str(ROOT)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if answer.returncode:
        raise RuntimeError(answer.stderr.strip() or "the compiler failed")
    output: dict[str, Any] = json.loads(answer.stdout)
    if errors := [e["formattedMessage"] for e in output.get("errors", []) if e["severity"] == "error"]:
        raise RuntimeError("\n".join(errors))
    return output
