"""The tests as judges of a mutant: which of them can see it, and in which order they are asked.

What each test costs and which contracts are deployed for it is measured once, on the contracts as they are (the
baseline); it is measured again when tests or contracts have changed. A mutant then meets the tests that see a contract
it changes: first those that have found most so far, then those of its own noun, the quick ones first.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast.chain.artifacts import MANIFEST_VARIABLE
from holdfast.chain.environment import PROJECT
from holdfast.mutate import files
from holdfast.mutate.errors import MutationError
from holdfast.mutate.processes import Processes

TASK_VARIABLE: Final = "HOLDFAST_MUTATE"

FOLDERS: Final = (
    *(f"tests/unit/{noun}" for noun in
      ("ledger", "liquidation", "risk", "options", "insurance", "oracle", "vault", "breaker", "venue", "backstop")),
    "tests/parity",
    "tests/flow",
    "tests/attack",
)  # fmt: skip
"""The fast tests of contracts."""

_READ: Final = (
    "tests/*.py",
    "holdfast/*.py",
    "holdfast/chain/*.py",
    "holdfast/model/*.py",
    "tests/protocol.toml",
)
"""What they rest on beside the contracts."""

INSIDE: Final = {"Ledger": ("Positions",), "Tranche": ("Desk",)}
"""Contracts that another one deploys."""

FIRST: Final = 12
"""Tests that have found most so far, asked in a run of their own: they are collected quickly."""

SPARE_SECONDS: Final = 60.0
"""A run on a mutant may take three times what it takes on the baseline, and this."""


@dataclass(frozen=True, kw_only=True)
class Test:
    name: str
    seconds: float
    sees: frozenset[str]  # contracts

    @property
    def file(self) -> str:
        return self.name.partition("::")[0]


@dataclass(frozen=True, kw_only=True)
class Kill:
    """Who noticed a mutant, and how."""

    kind: str  # test, invariant, timeout, error
    by: str  # name of the test, id of the invariant
    reason: str
    seconds: float
    calls: int = 0  # of the campaign until then

    def plain(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "by": self.by,
            "reason": self.reason,
            "seconds": round(self.seconds, 1),
            "calls": self.calls,
        }


class Suite:
    def __init__(self, processes: Processes, work: Path, root: Path = PROJECT) -> None:
        self._processes = processes
        self._work = work
        self.root = root
        self.tests: list[Test] = []
        self._kills: Counter[str] = Counter()

    @property
    def fingerprint(self) -> str:
        """Of all that decides what the tests say of a contract."""
        return files.hashed(self._fingerprint(folder) for folder in FOLDERS)

    def _fingerprint(self, folder: str) -> str:
        rest = [path for pattern in _READ for path in self.root.glob(pattern)]
        found = sorted({*(self.root / folder).rglob("*.py"), *rest})
        return files.hashed(f"{path.relative_to(self.root)}\0{path.read_text()}" for path in found)

    def measure(self, manifest: Path, key: str, folders: Sequence[str] = FOLDERS, workers: int = 1) -> int:
        """The baseline of each folder that isn't known by `key`; how many had to be run. MutationError where a test
        fails."""
        paths = {
            folder: self._work / "baseline" / f"{files.hashed([key, folder, self._fingerprint(folder)])}.json"
            for folder in folders
        }
        unknown = [folder for folder in folders if not paths[folder].exists()]
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(lambda folder: self._record(manifest, folder, paths[folder]), unknown):
                pass
        self.tests = [test for folder in folders for test in _tests(files.read_json(paths[folder]))]
        return len(unknown)

    def _record(self, manifest: Path, folder: str, path: Path) -> None:
        name = f"baseline-{folder.replace('/', '-')}"
        answer = self._run(manifest, name, [folder], None, record=True, seconds=3_600)
        if answer is None:
            raise MutationError(f"{folder} didn't end on the contracts as they are")
        if (failed := answer["failed"]) is not None:
            raise MutationError(f"on the contracts as they are, {failed['test']} fails: {failed['reason']}")
        files.write_json(path, answer)

    def found(self, test: str) -> None:
        """It noticed a mutant: it will be asked sooner."""
        self._kills[test] += 1

    def order(self, contracts: Iterable[str], noun: str) -> list[Test]:
        """The tests that see one of these contracts."""
        wanted = set(contracts)
        seen = [test for test in self.tests if test.sees & wanted]
        tiers = [f"tests/unit/{noun}/", "tests/unit/", "tests/parity/", "tests/flow/", "tests/attack/"]

        def rank(test: Test) -> tuple[float, int, float]:
            tier = next((place for place, tier in enumerate(tiers) if test.name.startswith(tier)), len(tiers))
            return -self._kills[test.name], tier, test.seconds

        return sorted(seen, key=rank)

    def judge(self, manifest: Path, mutant: str, tests: Sequence[Test]) -> Kill | None:
        """The first test that fails on these contracts; None where none does."""
        best = [test for test in tests[:FIRST] if self._kills[test.name]]
        for part in (best, tests[len(best) :]):
            if part and (kill := self._first_failure(manifest, mutant, part)):
                return kill
        return None

    def _first_failure(self, manifest: Path, mutant: str, tests: Sequence[Test]) -> Kill | None:
        seconds = 3 * sum(test.seconds for test in tests) + SPARE_SECONDS
        paths = list(dict.fromkeys(test.file for test in tests))
        answer = self._run(
            manifest, mutant, paths, [test.name for test in tests], record=False, seconds=seconds
        )
        if answer is None:
            return Kill(kind="timeout", by="tests", reason=f"not done after {seconds:.0f} s", seconds=seconds)
        failed = answer["failed"]
        if failed is None:
            return None
        return Kill(kind="test", by=failed["test"], reason=failed["reason"], seconds=answer["seconds"])

    def _run(
        self,
        manifest: Path,
        name: str,
        paths: Sequence[str],
        order: Sequence[str] | None,
        *,
        record: bool,
        seconds: float,
    ) -> dict[str, Any] | None:
        """pytest's answer; None where it didn't end in time. MutationError where it couldn't begin."""
        folder = self._work / "runs" / name
        task, out, log = folder / "task.json", folder / "answer.json", folder / "log.txt"
        out.unlink(missing_ok=True)
        files.write_json(task, {"order": order, "record": record, "out": str(out)})
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "holdfast.mutate.plugin"]
        command += ["-p", "no:cacheprovider", "-p", "no:randomly", "--no-header", "--tb=short", *paths]
        ended = self._processes.run(
            command,
            cwd=self.root,
            environment={MANIFEST_VARIABLE: str(manifest), TASK_VARIABLE: str(task)},
            seconds=seconds,
            log=log,
        )
        if ended.code is None:
            return None
        try:
            answer: dict[str, Any] = json.loads(out.read_bytes())
        except FileNotFoundError:
            raise MutationError(f"pytest ended without an answer, see {log}: {ended.output[-300:]}") from None
        if ended.code not in (0, 1) and answer["failed"] is None:
            raise MutationError(f"pytest ended with code {ended.code}, see {log}")
        return answer


def _tests(answer: dict[str, Any]) -> list[Test]:
    return [
        Test(
            name=name,
            seconds=test["seconds"],
            sees=frozenset(
                {*test["deployed"], *(one for outer in test["deployed"] for one in INSIDE.get(outer, ()))}
            ),
        )
        for name, test in answer["tests"].items()
    ]
