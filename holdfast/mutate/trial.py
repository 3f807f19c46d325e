"""The planted bugs on trial: compiled as they would be deployed, and hunted by the tests, the campaign, or both."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from holdfast.chain.environment import PROJECT
from holdfast.mutate import campaign, files, planted
from holdfast.mutate.build import CACHE, Builder, Built, Mode
from holdfast.mutate.compiler import Compiler
from holdfast.mutate.draw import noun_of
from holdfast.mutate.errors import MutationError
from holdfast.mutate.planted import Bug
from holdfast.mutate.processes import Processes
from holdfast.mutate.sources import Sources
from holdfast.mutate.suite import Kill, Suite

CONTROL: Final = Bug(
    id="none", title="The contracts as they are: nothing may be found.", expected=(), texts={}, diff=""
)
"""Tried first: what is found here says nothing about a bug."""

MINIMISE_SECONDS: Final = 20.0
"""For the history that is shown; not counted in the time until it was found."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A bug, and who found it."""

    bug: Bug
    kill: Kill | None = None
    machine: str = ""
    steps: int = 0  # of the history that shows it
    calls: int = 0  # until it was found, or in all
    seconds: float = 0.0

    @property
    def found(self) -> bool:
        """A campaign that merely breaks has found nothing: no invariant says what is wrong."""
        return self.kill is not None and self.kill.kind != "error"

    @property
    def as_expected(self) -> bool:
        return self.kill is not None and self.kill.by in self.bug.expected

    def plain(self) -> dict[str, Any]:
        return {
            "id": self.bug.id,
            "title": self.bug.title,
            "expected": list(self.bug.expected),
            "found": self.found,
            "asExpected": self.as_expected,
            "kill": self.kill and self.kill.plain(),
            "machine": self.machine,
            "steps": self.steps,
            "calls": self.calls,
            "seconds": round(self.seconds, 1),
            "diff": self.bug.diff,
        }


class Trials:
    def __init__(
        self,
        bugs: Sequence[Bug],
        *,
        seconds: float,
        seed: int,
        workers: int | None,
        tests: bool,
        fresh: bool = False,
        tell: Callable[[str], None] = lambda line: None,
        cache: Path = CACHE,
    ) -> None:
        self.bugs = bugs
        self.seconds = seconds
        self.seed = seed
        self.workers = workers or os.cpu_count() or 1
        self.tests = tests
        self.fresh = fresh
        self.tell = tell
        self.interrupted = False
        self.found: list[Trial] = []
        self._cache = cache
        self._builder = Builder(Sources(), Mode.RELEASE, cache)
        self._processes = Processes()
        self._suite = Suite(self._processes, cache)

    def run(self) -> list[Trial]:
        """One after the other, each with all workers."""
        try:
            with Compiler() as compiler:
                self.tell("compile the contracts as they are …")
                base = self._builder.baseline(compiler)
                if self.tests:
                    manifest = self._cache / "manifests" / f"release-{base.bytes_hash}.json"
                    files.write_json(manifest, self._builder.manifest(compiler, base))
                    self._suite.measure(manifest, base.bytes_hash, workers=self.workers)
                for bug in self.bugs:
                    trial = self._tried(bug, base, compiler)
                    self.found.append(trial)
                    self.tell(line(trial))
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self._processes.stop()
        return self.found

    def write(self, folder: Path) -> None:
        value = {
            "seconds": self.seconds,
            "workers": self.workers,
            "seed": self.seed,
            "tests": self.tests,
            "found": sum(one.found for one in self.found if one.bug is not CONTROL),
            "of": sum(bug is not CONTROL for bug in self.bugs),
            "bugs": [one.plain() for one in self.found],
        }
        files.write_json(folder / "planted.json", value, indent=2)

    def _tried(self, bug: Bug, base: Built, compiler: Compiler) -> Trial:
        built = self._builder.build(compiler, bug.contracts) if bug.contracts else base
        if built.error or built.too_large:
            raise MutationError(f"{bug.id}: {built.error or 'too large to be deployed'}")
        if bug.contracts and not built.changed_from(base):
            raise MutationError(f"{bug.id} changes nothing: the bytecode is the same")
        folder = self._cache / "trials" / bug.id
        shutil.rmtree(folder, ignore_errors=True)
        manifest = folder / "manifest.json"
        files.write_json(manifest, self._builder.manifest(compiler, built))
        if self.tests and bug.contracts and not bug.others:
            nouns = [noun_of(file) for file in bug.contracts]
            changed = [name for name, code in built.codes.items() if code != base.codes[name]]
            kill = self._suite.judge(manifest, bug.id, self._suite.order(changed, nouns[0]))
            if kill is not None:
                return Trial(bug=bug, kill=kill, seconds=kill.seconds)
        with TemporaryDirectory() as outside:
            root, environment = PROJECT, {}
            if bug.others:
                root = Path(outside) / "project"
                environment = planted.overlay(bug, root)
            hunted = campaign.hunt(
                self._processes,
                folder,
                manifest,
                seconds=self.seconds,
                workers=self.workers,
                seed=self.seed,
                minimise=MINIMISE_SECONDS,
                root=root,
                environment=environment,
            )
        kill = hunted.kill
        return Trial(
            bug=bug,
            kill=kill,
            machine=hunted.machine,
            steps=hunted.steps,
            calls=kill.calls if kill else hunted.calls,
            seconds=kill.seconds if kill else hunted.seconds,
        )


def line(one: Trial) -> str:
    by = "nothing found"
    if one.kill is not None:
        by = one.kill.by if one.found else f"broke: {one.kill.by}"
        by = by.removeprefix("tests/")
    expected = (
        "" if one.as_expected or not one.found else f"  (expected {', '.join(one.bug.expected) or 'nothing'})"
    )
    history = f" {one.steps:>3} steps  {one.machine}" if one.machine else ""
    return f"{one.bug.id:<24} {by:<14} {one.calls:>9,} calls {one.seconds:>6.0f} s{history}{expected}"


def table(trials: Sequence[Trial]) -> str:
    return "\n".join(line(one) for one in trials)
