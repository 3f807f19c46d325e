"""Forge's invariant runner over the captured state: `benchmarks/fuzz/forge`."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.fuzz.measured import Count, Measured, less, timed
from benchmarks.fuzz.subject import OUT, Subject
from holdfast.chain.binaries import native
from holdfast.chain.environment import PROJECT

PROJECT_FOLDER: Final = PROJECT / "benchmarks" / "fuzz" / "forge"
FAILURES: Final = OUT / "forge-failures"
TEST: Final = "invariant_shared()"
SOLC: Final = PROJECT / "tools" / "solc" / "solc-v0.8.37"


def fuzz(subject: Subject, seconds: float, cases: int, *, seed: int = 1) -> Measured:
    """`cases`: judgements in one look at everything. A call that reverted isn't judged by Forge: nothing changed."""
    shutil.rmtree(FAILURES, ignore_errors=True)  # Forge would play a known failure first
    alloc = OUT / "forge-alloc.json"
    subject.write(alloc)
    env = environment(subject, alloc, seed)
    _, _ = timed(command(), PROJECT_FOLDER, {**env, **bounds(0)})  # compiles
    _, start = timed(command(), PROJECT_FOLDER, {**env, **bounds(0)})
    said, whole = timed(command(), PROJECT_FOLDER, {**env, **bounds(seconds)})
    cost = less(whole, start)
    found = result(said)
    if found is None:
        return Measured(name="Forge", count=Count(), cost=cost, failed=said.strip()[-500:])
    metrics = found["kind"]["Invariant"]["metrics"].values()  # the totals leave out a run that failed
    calls, refused = (sum(one[key] for one in metrics) for key in ("calls", "reverts"))
    count = Count(
        actions=calls,
        succeeded=calls - refused,
        judgements=(calls - refused) * cases,
        broken=broken(found),
        seconds=cost.seconds,
    )
    return Measured(name="Forge", count=count, cost=cost)


def broken(found: Mapping[str, Any]) -> str:
    """The invariant that failed; empty: all held."""
    if found["status"] == "Success":
        return ""
    named = re.search(r"INV-\d+", found["reason"] or "")
    return named[0] if named else str(found["reason"])


def environment(subject: Subject, alloc: Path, seed: int = 1) -> dict[str, str]:
    return {
        "BENCH_ALLOC": str(alloc),
        "BENCH_TIME": str(subject.time),
        "BENCH_FEEDS": ",".join(subject.feeds),
        **{f"BENCH_{name.upper()}": address for name, address in subject.addresses.items()},
        "FOUNDRY_FUZZ_SEED": hex(seed),
    }


def result(said: str) -> dict[str, Any] | None:
    """Of the one test, from Forge's JSON; None where it didn't run."""
    for line in said.splitlines():
        if line.startswith("{"):
            for suite in json.loads(line).values():
                if isinstance(suite, dict) and TEST in suite.get("test_results", {}):
                    found: dict[str, Any] = suite["test_results"][TEST]
                    return found
    return None


def command() -> list[str]:
    return [str(native("forge")), "test", "--json", "--threads", "1", "--use", str(SOLC)]


def bounds(seconds: float) -> dict[str, str]:
    if not seconds:
        return {"FOUNDRY_INVARIANT_RUNS": "1", "FOUNDRY_INVARIANT_DEPTH": "1"}
    return {"FOUNDRY_INVARIANT_TIMEOUT": str(round(seconds))}
