"""A mutation run from the first compile to the last verdict.

    outcome = Engine(Plan(out=folder, seed=1, budget=80)).run()

1. The contracts as they are, compiled the fast way; the tests and the campaign on them, once.
2. Mutants in the order of the draw, compiled until `budget` of them count: what doesn't compile, compiles to the same
   bytes as before, or to the same as another mutant, is told apart and replaced by the next.
3. Each meets the tests that see it, then a short campaign. Whoever notices it first has killed it.
"""

from __future__ import annotations

import os
import queue
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast.chain.environment import PROJECT
from holdfast.mutate import campaign, explained, files
from holdfast.mutate.build import CACHE, Builder, Built, Mode
from holdfast.mutate.compiler import Compiler
from holdfast.mutate.draw import FOCUS, NOUNS, drawn, noun_of
from holdfast.mutate.errors import MutationError
from holdfast.mutate.explained import Explained
from holdfast.mutate.mutants import Mutant
from holdfast.mutate.operators import OPERATORS, mutants
from holdfast.mutate.processes import Processes
from holdfast.mutate.sources import Sources
from holdfast.mutate.store import Store, Verdict
from holdfast.mutate.suite import FOLDERS, Kill, Suite

TOLD: Final = 20
"""Compiled mutants between two lines of progress."""

_CAMPAIGN: Final = ("holdfast/sim", "holdfast/fuzz")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked for."""

    out: Path
    seed: int = 1
    budget: int = 80  # mutants
    nouns: tuple[str, ...] = FOCUS
    operators: tuple[str, ...] = tuple(OPERATORS)
    only: tuple[str, ...] = ()  # ids; none: as drawn
    workers: int | None = None  # None: as many as there are cores
    campaign: float = 20.0  # [seconds] for a mutant that the tests didn't notice; 0: none
    tests: tuple[str, ...] = FOLDERS
    mode: Mode = Mode.FAST
    fresh: bool = False  # forget earlier verdicts


@dataclass(kw_only=True)
class Judged:
    """A mutant that counts, and what became of it."""

    mutant: Mutant
    diff: str
    key: str  # hash of its code
    changed: tuple[str, ...]  # contracts
    verdict: Verdict | None = None
    known: bool = False  # from an earlier run
    error: str = ""  # it couldn't be judged
    explained: Explained | None = None

    @property
    def state(self) -> str:
        if self.error:
            return "error"
        if self.verdict is None:
            return "open"
        if self.verdict.kill is not None:
            return "killed"
        return "explained" if self.explained is not None else "survived"


@dataclass(frozen=True, kw_only=True)
class Passed:
    """A mutant that doesn't count."""

    mutant: Mutant
    why: str  # invalid, equivalent, duplicate
    told: str = ""


@dataclass(kw_only=True)
class Outcome:
    plan: Plan
    workers: int
    possible: int = 0  # mutants that the operators propose
    judged: list[Judged] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # by phase
    tests: int = 0
    interrupted: bool = False

    def of(self, state: str) -> list[Judged]:
        return [one for one in self.judged if one.state == state]

    @property
    def share(self) -> float:
        """[%] killed, of those that count and aren't explained."""
        killed, survived = len(self.of("killed")), len(self.of("survived"))
        return 100 * killed / (killed + survived) if killed + survived else 0.0


Tell = Callable[[str, Outcome], None]
"""Hears of each step, and of each verdict, as a line."""


class Engine:
    def __init__(
        self,
        plan: Plan,
        tell: Tell = lambda line, outcome: None,
        *,
        cache: Path = CACHE,
        root: Path = PROJECT,
        triage: Path = explained.FILE,
    ) -> None:
        """MutationError where an explanation is stale."""
        self.plan = plan
        self._tell = tell
        self._cache = cache
        self.sources = Sources(root)
        self.builder = Builder(self.sources, plan.mode, cache)
        self.processes = Processes()
        self.suite = Suite(self.processes, cache, root)
        self._store = Store(cache / "verdicts" / plan.mode)
        self._explained = explained.load(self.sources, triage)
        workers = plan.workers or os.cpu_count() or 1
        self.outcome = Outcome(plan=plan, workers=workers)
        self._compilers: queue.Queue[Compiler] = queue.Queue()
        for _ in range(workers):
            self._compilers.put(Compiler())

    def run(self) -> Outcome:
        """Leaves no process behind, whatever happens; `self.outcome` tells how far it came when this raises."""
        outcome = self.outcome
        try:
            manifest, base = self._baseline()
            with self._phase("measure the tests"):
                self.suite.measure(manifest, base.bytes_hash, self.plan.tests, outcome.workers)
            outcome.tests = len(self.suite.tests)
            if self.plan.campaign:
                with self._phase("play the campaign on the contracts as they are"):
                    self._control(manifest, base)
            with self._phase("compile"):
                self._select(base)
            self._tell(_counted(outcome), outcome)
            with self._phase("judge"):
                self._judge_all()
        except KeyboardInterrupt:
            outcome.interrupted = True
        finally:
            self.close()
        return outcome

    def close(self) -> None:
        """`run` does so itself."""
        self.processes.stop()
        while not self._compilers.empty():
            self._compilers.get().close()

    def candidates(self) -> list[Mutant]:
        """All that the operators propose, in the order of the draw."""
        with self._compiler() as compiler:
            found = [
                mutant
                for noun in self.plan.nouns
                for unit in NOUNS[noun]
                for mutant in mutants(self.builder.syntax(compiler, unit))
                if mutant.operator in self.plan.operators
            ]
        self.outcome.possible = len(found)
        if self.plan.only:
            by_id = {one.id: one for one in found}
            unknown = [one for one in self.plan.only if one not in by_id]
            if unknown:
                raise MutationError(
                    f"there is no mutant {unknown[0]} (any more) in {', '.join(self.plan.nouns)}"
                )
            return [by_id[one] for one in self.plan.only]
        return drawn(found, self.plan.seed)

    def _baseline(self) -> tuple[Path, Built]:
        with self._phase("compile the contracts as they are"), self._compiler() as compiler:
            base = self.builder.baseline(compiler)
            path = self._cache / "manifests" / f"{self.plan.mode}-{base.bytes_hash}.json"
            if not path.exists():
                files.write_json(path, self.builder.manifest(compiler, base))
        return path, base

    def _control(self, manifest: Path, base: Built) -> None:
        """MutationError where the campaign finds something without any mutant: it would have killed them all."""
        passed = (
            self._cache / "baseline" / f"{files.hashed(['campaign', base.bytes_hash, self._judges()])}.json"
        )
        if passed.exists():
            return
        kill = self._hunt(self._cache / "runs" / "baseline-campaign", manifest)
        if kill is not None and not self.processes.stopped:
            raise MutationError(
                f"the campaign doesn't hold on the contracts as they are: {kill.by}, {kill.reason}"
            )
        files.write_json(passed, {"passed": True})

    def _hunt(self, folder: Path, manifest: Path) -> Kill | None:
        return campaign.hunt(
            self.processes,
            folder,
            manifest,
            seconds=self.plan.campaign,
            workers=1,
            seed=self.plan.seed,
            root=self.sources.root,
        ).kill

    # Which mutants count

    def _select(self, base: Built) -> None:
        """The first `budget` of the draw that count; the same ones whoever compiles what, and when."""
        outcome, seen = self.outcome, {base.bytes_hash}
        candidates = iter(self.candidates())
        with self._pool() as pool:
            ahead: list[tuple[Mutant, Future[Built]]] = []
            while len(outcome.judged) < self.plan.budget:
                while len(ahead) < 2 * outcome.workers and (mutant := next(candidates, None)) is not None:
                    ahead.append((mutant, pool.submit(self._compiled, mutant)))
                if not ahead:
                    break
                mutant, future = ahead.pop(0)
                self._admit(mutant, future.result(), base, seen)
                if (tried := len(outcome.judged) + len(outcome.passed)) % TOLD == 0:
                    self._tell(f"{tried} compiled, {len(outcome.judged)} of them count", outcome)
            for _, future in ahead:
                future.cancel()

    def _compiled(self, mutant: Mutant) -> Built:
        with self._compiler() as compiler:
            return self.builder.build(compiler, {mutant.file: mutant.apply(self.sources[mutant.file])})

    def _admit(self, mutant: Mutant, built: Built, base: Built, seen: set[str]) -> None:
        passed, text = self.outcome.passed, self.sources[mutant.file]
        if built.error:
            passed.append(Passed(mutant=mutant, why="invalid", told=built.error))
        elif built.too_large:
            told = f"{', '.join(built.too_large)} can't be deployed any more: too large"
            passed.append(Passed(mutant=mutant, why="invalid", told=told))
        elif not built.changed_from(base):
            passed.append(Passed(mutant=mutant, why="equivalent", told="the same bytecode"))
        elif built.bytes_hash in seen:
            passed.append(Passed(mutant=mutant, why="duplicate", told="the same bytecode as another mutant"))
        else:
            seen.add(built.bytes_hash)
            changed = tuple(
                name for name, code in built.codes.items() if code.creation != base.codes[name].creation
            )
            self.outcome.judged.append(
                Judged(
                    mutant=mutant,
                    diff=mutant.diff(text),
                    key=built.bytes_hash,
                    changed=changed,
                    explained=next((one for one in self._explained if one.fits(mutant, text)), None),
                )
            )

    # What becomes of them

    def _judge_all(self) -> None:
        judges = self._judges()
        tests = frozenset(test.name for test in self.suite.tests)
        waiting = []
        for one in self.outcome.judged:
            kept = None if self.plan.fresh else self._store.get(one.key, judges, tests)
            if kept is None:
                waiting.append(one)
                continue
            one.verdict, one.known = kept, True
            if kept.kill is not None and kept.kill.kind == "test":
                self.suite.found(kept.kill.by)
        if known := len(self.outcome.judged) - len(waiting):
            self._tell(f"{known} known from an earlier run", self.outcome)
        with self._pool() as pool:
            for future in [pool.submit(self._judge, one, judges) for one in waiting]:
                future.result()

    def _judges(self) -> str:
        """All that a survivor has met."""
        root = self.sources.root
        parts = [path.read_text() for folder in _CAMPAIGN for path in sorted((root / folder).rglob("*.py"))]
        met = [self.suite.fingerprint, *self.plan.tests, str(self.plan.campaign), str(self.plan.seed)]
        return files.hashed([*met, *(parts if self.plan.campaign else [])])

    def _judge(self, one: Judged, judges: str) -> None:
        if self.processes.stopped:
            return
        began = time.monotonic()
        folder = self._cache / "runs" / one.mutant.id
        manifest = folder / "manifest.json"
        try:
            built = self._compiled(one.mutant)  # kept from before
            with self._compiler() as compiler:
                files.write_json(manifest, self.builder.manifest(compiler, built))
            tests = self.suite.order(one.changed, noun_of(one.mutant.file))
            kill = self.suite.judge(manifest, one.mutant.id, tests)
            if kill is None and self.plan.campaign:
                kill = self._hunt(folder, manifest)
        except MutationError as error:
            one.error = str(error)
        else:
            if self.processes.stopped:
                return  # cut short: what looks like a timeout is none
            one.verdict = Verdict(kill=kill, seconds=time.monotonic() - began, judges=judges)
            self._store.put(one.key, {**one.mutant.plain(), "diff": one.diff}, one.verdict)
            if kill is not None and kill.kind == "test":
                self.suite.found(kill.by)
            shutil.rmtree(folder, ignore_errors=True)
        self._tell(_line(one), self.outcome)

    # Threads

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        """What hasn't begun when something fails doesn't begin any more."""
        pool = ThreadPoolExecutor(self.outcome.workers)
        try:
            yield pool
        except BaseException:
            self.processes.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        pool.shutdown(wait=True)

    @contextmanager
    def _compiler(self) -> Iterator[Compiler]:
        compiler = self._compilers.get()
        try:
            yield compiler
        finally:
            self._compilers.put(compiler)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self._tell(f"{name} …", self.outcome)
        try:
            yield
        finally:
            self.outcome.seconds[name] = time.monotonic() - began


def _counted(outcome: Outcome) -> str:
    whys = [one.why for one in outcome.passed]
    apart = ", ".join(f"{whys.count(why)} {why}" for why in ("invalid", "equivalent", "duplicate"))
    return f"{len(outcome.judged)} mutants of {outcome.possible} possible; passed over: {apart}"


def _line(one: Judged) -> str:
    mutant = one.mutant
    where = f"{mutant.file.removeprefix('contracts/')}:{mutant.line}"
    head = f"{one.state:<9} {where:<34} {mutant.operator:<10}"
    if one.error:
        return f"{head} {one.error}"
    assert one.verdict is not None
    kill = one.verdict.kill
    return f"{head} {kill.by if kill else mutant.id} ({one.verdict.seconds:.0f} s)"


def survivors(judged: Sequence[Judged]) -> str:
    """Their diffs, for people."""
    return "\n\n".join(
        f"{one.mutant.id}  {one.mutant.operator} in {one.mutant.contract or one.mutant.file}"
        f"{'.' + one.mutant.function if one.mutant.function else ''}, {one.mutant.file}:{one.mutant.line}\n{one.diff}"
        for one in judged
    )
