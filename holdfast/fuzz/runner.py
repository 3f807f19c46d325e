"""A campaign from its first Anvil to its last.

    outcome = Campaign(Plan(out=folder, seed=1, examples=100)).run()

Saved failures are played first. Then slices of all machines in turn, each by its weight, until the budget is spent;
a new failure is made small in between, saved, and written as files that replay it. Slices are numbered, and what is
in one follows from the campaign's seed and its number: who plays it, and when, makes no difference.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from random import Random
from types import FrameType
from typing import Final
from uuid import uuid4

from holdfast.fuzz import machines, replay
from holdfast.fuzz.crew import Crew, Job
from holdfast.fuzz.database import Saved, open_database
from holdfast.fuzz.machines import Extra, Machine
from holdfast.fuzz.outcome import Found, MachineSums, Outcome, Plan
from holdfast.fuzz.worker import Answer, Played, Session, Slice, Steps, contracts
from holdfast.sim.campaign import LENS
from holdfast.sim.failure import Failure

SLICE: Final = 16
"""Examples in a slice, at most."""

SLICE_SECONDS: Final = 3.0
"""Where time is limited, a slice begins no example after that: progress can be seen, and Ctrl-C is quick."""

LEAVE_SECONDS: Final = 8.0
"""How long slices may take to end after Ctrl-C."""

POLL_SECONDS: Final = 0.25

SHARED_SECONDS: Final = 15.0
"""How often a shared database is asked what others have found."""

Tell = Callable[[Outcome, str], None]
"""Hears of progress several times a second: the outcome so far, and what is being done."""


class Campaign:
    def __init__(self, plan: Plan, tell: Tell = lambda outcome, what: None) -> None:
        """ConfigError where the plan can't be followed."""
        extras = tuple(Extra.read(path) for path in plan.extras)
        for extra in extras:
            machines.load(extra)
        self.plan = plan
        self._tell = tell
        self._machines: list[Machine] = machines.chosen(plan.machines)
        self._failures = open_database(plan.database)
        self._session = Session(uuid4().hex, contracts(), extras)
        self.outcome = Outcome(
            plan=plan,
            machines={one.name: MachineSums(about=one.about, world=one.world) for one in self._machines},
            statements={name: said for one in self._machines for name, said in one.statements.items()},
        )
        self.crew: Crew | None = None
        self._known: set[tuple[str, str]] = set()  # (machine, invariant) whose violation is told
        self._seen: set[bytes] = set()  # saved failures that were looked at
        self._urgent: list[Job] = []  # before any slice
        self._samples = Samples(plan.bundle.histories, plan.seed)
        self._born = time.monotonic()
        self._began: float | None = None  # to play
        self._asked_others = self._born
        self._asked_to_stop: float | None = None

    def run(self) -> Outcome:
        """Leaves no process behind, whatever happens; `self.outcome` tells how far it came when this raises."""
        outcome = self.outcome
        try:
            with self._stoppable(), self._crew() as crew:
                self.crew = crew
                outcome.workers = len(crew.seats)
                self._work(crew, self._replays(), "replaying what failed before")
                if not self.plan.replay_only:
                    self._work(crew, self._slices(), "playing")
                if self.plan.coverage and self._asked_to_stop is None:
                    for jobs in self._samples.jobs(self.plan.bundle.coverage):
                        self._work(crew, iter(jobs), "measuring coverage")
        finally:
            outcome.interrupted = self._asked_to_stop is not None
            for found in outcome.found:
                if not found.kept:
                    self._keep(found)
            outcome.whole_seconds = time.monotonic() - self._born
        return outcome

    def _crew(self) -> Crew:
        if self.plan.dask is not None:
            return Crew.cluster(self.plan.dask, self._session, self.plan.workers)
        return Crew.local(self.plan.workers or os.cpu_count() or 1, self._session)

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """The first Ctrl-C or SIGTERM lets what is being played end; the second doesn't."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            if self._asked_to_stop is not None:
                raise KeyboardInterrupt
            self._asked_to_stop = time.monotonic()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except KeyboardInterrupt:
            self._asked_to_stop = time.monotonic()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _work(self, crew: Crew, jobs: Iterator[Job], what: str) -> None:
        """Does them all, and what they give rise to."""
        while True:
            while crew.free and self._asked_to_stop is None:
                job = self._urgent.pop(0) if self._urgent else next(jobs, None)
                if job is None:
                    break
                crew.submit(job)
            if not crew.busy or self._left(crew):
                return
            for job, answer in crew.wait(POLL_SECONDS):
                self._done(job, answer)
            if self._began is not None and what == "playing":
                self.outcome.seconds = time.monotonic() - self._began
                self._ask_others()
            self._tell(self.outcome, "stopping" if self._asked_to_stop is not None else what)

    def _left(self, crew: Crew) -> bool:
        """Asked to stop, and nothing that is worth to wait for?"""
        if self._asked_to_stop is None:
            return False
        late = time.monotonic() - self._asked_to_stop > LEAVE_SECONDS
        return late or all(job.name != "play" for job in crew.busy)

    def _done(self, job: Job, answer: Answer) -> None:
        self.outcome.spent[job.name] += answer.seconds
        match job.name, job.origin, answer.value:
            case "play", Slice() as task, Played() as played:
                self._played(task, played)
            case "minimise", Found() as found, Failure() as failure:
                found.failure = replace(failure, calls_before=found.failure.calls_before)
                self._keep(found)
            case "replay", Saved() as saved, (Failure() | str()) as became:
                self._replayed(saved, became)
            case "measure", _, coverage:
                if self.outcome.coverage is None:
                    self.outcome.coverage = coverage
                else:
                    self.outcome.coverage.merge(coverage)

    # What was saved

    def _replays(self) -> Iterator[Job]:
        for saved in self._failures.saved():
            self._seen.add(saved.value)
            if saved.machine not in self.outcome.machines:
                self._note(f"not replayed: {saved} (not one of the machines of this campaign)")
            elif not self._judges(saved):
                self._note(f"not replayed: {saved} (an invariant of a file that this campaign wasn't given)")
            else:
                yield Job("replay", (saved.machine, saved.plain), saved)

    def _judges(self, saved: Saved) -> bool:
        """Could this campaign see it fail?"""
        mine = [one for one in self._machines if one.name == saved.machine]
        return any(saved.invariant == LENS or saved.invariant in one.statements for one in mine)

    def _replayed(self, saved: Saved, failure: Failure | str) -> None:
        if isinstance(failure, str):
            self._failures.drop(saved)
            self._note(f"dropped from the database: {saved}: {failure}")
            return
        if failure.invariant != saved.invariant:
            self._note(f"fails otherwise now, by {failure.invariant}: {saved}")
        if (saved.machine, failure.invariant) in self._known:
            return
        self._known.add((saved.machine, failure.invariant))
        found = Found(saved.machine, failure, 0.0, saved)
        self.outcome.found.append(found)
        self._small(found)

    def _ask_others(self) -> None:
        """What other machines have added to a shared database is played here, too."""
        if not self._failures.shared or time.monotonic() - self._asked_others < SHARED_SECONDS:
            return
        self._asked_others = time.monotonic()
        for saved in self._failures.saved():
            news = saved.value not in self._seen and (saved.machine, saved.invariant) not in self._known
            self._seen.add(saved.value)
            if news and self._judges(saved):
                self._urgent.append(Job("replay", (saved.machine, saved.plain), saved))

    # What is new

    def _slices(self) -> Iterator[Job]:
        """Of all machines in turn, each by its weight, until the budget is spent."""
        plan, self._began = self.plan, time.monotonic()
        left = plan.examples
        size = SLICE if left is None else max(1, min(SLICE, left // (4 * len(self._machines))))
        begun: set[str] = set()
        turns = in_turn({one.name: one.weight for one in self._machines})
        for number, name in enumerate(turns):
            seconds = None if plan.budget is None else plan.budget - (time.monotonic() - self._began)
            if (
                (seconds is not None and seconds <= 0)
                or (left is not None and left <= 0)
                or (plan.calls is not None and self.outcome.tally.calls >= plan.calls)
                or (plan.stop_after is not None and len(self.outcome.found) >= plan.stop_after)
            ):
                return
            examples = size if left is None else min(size, left)
            left = None if left is None else left - examples
            timed = plan.calls is not None or seconds is not None
            task = Slice(
                number=number,
                machine=name,
                seed=int.from_bytes(sha256(f"{plan.seed} {number}".encode()).digest()[:8], "big"),
                examples=examples,
                first=name not in begun,
                seconds=min(SLICE_SECONDS, seconds or SLICE_SECONDS) if timed else None,
                known=frozenset(invariant for machine, invariant in self._known if machine == name),
                sample=plan.coverage,
            )
            begun.add(name)
            yield Job("play", (task,), task)

    def _played(self, task: Slice, played: Played) -> None:
        assert self._began is not None
        outcome, tally = self.outcome, played.tally
        sums = outcome.machines[task.machine]
        for failure in played.failures:
            self._failed(task.machine, failure)
        outcome.tally.merge(tally)
        sums.slices += 1
        sums.examples += played.examples
        sums.calls += tally.calls
        sums.seconds += played.seconds
        sums.violations += sum(one.violations for one in tally.invariants.values())
        outcome.spent["open"] += played.opening
        outcome.spent["draw"] += max(0.0, played.seconds - played.opening - tally.seconds)
        outcome.line.append((time.monotonic() - self._began, outcome.tally.calls))
        for history in played.histories:
            self._samples.offer(sums.world, history)

    def _failed(self, machine: str, failure: Failure) -> None:
        """Told once for each machine and invariant."""
        assert self._began is not None
        if (machine, failure.invariant) in self._known:
            return
        self._known.add((machine, failure.invariant))
        failure = replace(failure, calls_before=self.outcome.tally.calls + failure.calls_before)
        found = Found(machine, failure, time.monotonic() - self._began)
        self.outcome.found.append(found)
        self._small(found)

    def _small(self, found: Found) -> None:
        if self.plan.bundle.minimise:
            job = Job("minimise", (found.machine, found.failure, self.plan.bundle.minimise), found)
            self._urgent.append(job)

    def _keep(self, found: Found) -> None:
        """For later campaigns, and for people."""
        found.kept = True
        plain, saved = found.failure.plain(), found.saved.plain if found.saved is not None else {}
        if any(plain[part] != saved.get(part) for part in ("invariant", "steps")):
            self._failures.save(found.machine, found.failure)
            if found.saved is not None:
                self._failures.drop(found.saved)  # there is a better one now
        folder = replay.write(
            found.failure, self.plan.out / "failures", machine=found.machine, extra=self.plan.extras
        )
        found.files = sorted(path for path in folder.iterdir() if path.is_file())

    def _note(self, text: str) -> None:
        self.outcome.notes.append(text)


class Samples:
    """Some histories of each world, any as likely as any other."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._rng = Random(seed)
        self._offered: Counter[str] = Counter()
        self._kept: dict[str, list[Steps]] = {}

    def offer(self, world: str, history: Steps) -> None:
        kept = self._kept.setdefault(world, [])
        self._offered[world] += 1
        if len(kept) < self._size:
            kept.append(history)
        elif (place := self._rng.randrange(self._offered[world])) < self._size:
            kept[place] = history

    def jobs(self, seconds: float) -> list[list[Job]]:
        """To measure all of them; the first by itself, as it may have to compile."""
        jobs = [Job("measure", (world, kept, seconds)) for world, kept in self._kept.items()]
        return [jobs[:1], jobs[1:]]


def in_turn(weights: dict[str, int]) -> Iterator[str]:
    """Names for ever, each as often as it weighs, and evenly: never long without any of them."""
    credit = dict.fromkeys(weights, 0)
    while True:
        for name, weight in weights.items():
            credit[name] += weight
        first = max(credit, key=lambda name: credit[name])
        credit[first] -= sum(weights.values())
        yield first
