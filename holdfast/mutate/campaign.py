"""Runs the fuzz campaign on a mutant, and tells what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast.chain.artifacts import MANIFEST_VARIABLE
from holdfast.chain.environment import PROJECT
from holdfast.mutate.errors import MutationError
from holdfast.mutate.processes import Processes
from holdfast.mutate.suite import Kill

SPARE_SECONDS: Final = 90.0
"""To open the worlds, and to end the last slice."""


@dataclass(frozen=True, kw_only=True)
class Hunted:
    """A campaign that has ended."""

    kill: Kill | None
    machine: str  # that found it
    steps: int  # of the history
    calls: int  # in all
    seconds: float  # of playing


def hunt(
    processes: Processes,
    work: Path,
    manifest: Path,
    *,
    seconds: float,
    workers: int,
    seed: int,
    minimise: float = 0.0,
    root: Path = PROJECT,
    environment: Mapping[str, str] | None = None,
) -> Hunted:
    """All machines on these contracts, until the first violation or so many seconds. One that hangs is a kill."""
    out = work / "campaign.json"
    out.unlink(missing_ok=True)
    limit = seconds + minimise + SPARE_SECONDS
    ended = processes.run(
        [
            sys.executable,
            "-m",
            "holdfast.mutate.hunt",
            str(out),
            str(seconds),
            str(workers),
            str(seed),
            str(minimise),
        ],
        cwd=root,
        environment={MANIFEST_VARIABLE: str(manifest), **(environment or {})},
        seconds=limit,
        log=work / "campaign.txt",
    )
    if ended.code is None:
        kill = Kill(kind="timeout", by="campaign", reason=f"not done after {limit:.0f} s", seconds=limit)
        return Hunted(kill=kill, machine="", steps=0, calls=0, seconds=limit)
    try:
        answer: dict[str, Any] = json.loads(out.read_bytes())
    except FileNotFoundError:
        raise MutationError(
            f"the campaign ended without an answer, see {work / 'campaign.txt'}: {ended.output[-300:]}"
        ) from None
    found = answer["found"]
    kill = found and Kill(
        kind=found["kind"],
        by=found["by"],
        reason=f"{found['name']}: {found['reason']}".removeprefix(": "),
        seconds=found["seconds"],
        calls=found["calls"],
    )
    return Hunted(
        kill=kill,
        machine=found["machine"] if found else "",
        steps=found["steps"] if found else 0,
        calls=answer["calls"],
        seconds=answer["seconds"],
    )
