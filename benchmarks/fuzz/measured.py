"""What one harness did in its time, and what it cost: the whole process tree, less what its start cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from holdfast.chain.environment import PROJECT


@dataclass(frozen=True, kw_only=True)
class Count:
    """What a harness says of itself."""

    actions: int = 0  # calls of a handler, or steps and waits of a history
    succeeded: int = 0
    judgements: int = 0
    transactions: int = 0  # of the protocol; a price step is one for each feed, and the oracle's
    broken: str = ""  # the first invariant that failed
    seconds: float = 0.0  # in which it did so, by its own clock

    def print(self) -> None:
        print(json.dumps(asdict(self)), flush=True)


@dataclass(frozen=True, kw_only=True)
class Cost:
    seconds: float  # by the clock
    cpu: float  # [seconds] user and system time, of it and all that it started


@dataclass(frozen=True, kw_only=True)
class Measured:
    name: str
    count: Count
    cost: Cost
    failed: str = ""  # why there is nothing to count

    @property
    def per_core(self) -> float:
        """Actions for each second of processor time."""
        return self.count.actions / max(self.cost.cpu, 1e-9)

    def plain(self) -> dict[str, Any]:
        c, cost = self.count, self.cost
        return {
            "name": self.name,
            **({"failed": self.failed} if self.failed else {}),
            **asdict(c),
            "wall_seconds": round(cost.seconds, 2),
            "cpu_seconds": round(cost.cpu, 2),
            "actions_per_second": round(c.actions / max(cost.seconds, 1e-9), 1),
            "actions_per_cpu_second": round(self.per_core, 1),
            "judgements_per_second": round(c.judgements / max(cost.seconds, 1e-9), 1),
            "succeeded_share": round(c.succeeded / max(c.actions, 1), 3),
        }


def timed(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> tuple[str, Cost]:
    """What it printed, its complaints among it, and what it cost: with all that it started and waited for."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as pipe:
        said = pipe.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return said, Cost(seconds=time.monotonic() - started, cpu=used.ru_utime + used.ru_stime)


def less(whole: Cost, start: Cost) -> Cost:
    """What the work cost without the start."""
    return Cost(seconds=max(0.0, whole.seconds - start.seconds), cpu=max(0.0, whole.cpu - start.cpu))


def python(name: str, module: str, seconds: float, *args: str, manifest: Path | None = None) -> Measured:
    """A harness in Python, `benchmarks.fuzz.<module>`: once for no time at all, once for good."""
    env = {"HOLDFAST_MANIFEST": str(manifest)} if manifest else {}
    command = [sys.executable, "-m", f"benchmarks.fuzz.{module}", *args, "--seconds"]
    _, start = timed([*command, "0"], PROJECT, env)
    said, whole = timed([*command, str(seconds)], PROJECT, env)
    lines = [line for line in said.splitlines() if line.startswith("{")]
    if not lines:
        return Measured(name=name, count=Count(), cost=less(whole, start), failed=said.strip()[-500:])
    return Measured(name=name, count=Count(**json.loads(lines[-1])), cost=less(whole, start))
