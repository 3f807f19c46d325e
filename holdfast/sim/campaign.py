"""A campaign: many histories, each with a character of its own, every step of each judged by every invariant.

    tally = Tally()
    failure = play(world, profile, tally)      # None, or the first violation with the steps that lead to it

A history is grown in short chunks, so that what is done next follows from what has become of it. A failure is a list
of concrete calls from then on: `minimise` drops what isn't needed for it and keeps every time as it was.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from holdfast.sim.director import Director, Profile
from holdfast.sim.failure import Failure
from holdfast.sim.ghost import ENDED, Ghost
from holdfast.sim.history import simulate
from holdfast.sim.invariants import judges
from holdfast.sim.steps import LensRefused, Step, Stopwatch, Through, run
from holdfast.sim.tally import Tally
from holdfast.sim.world import World

MINIMISE_SECONDS: Final = 20.0

LENS: Final = "LENS"
"""The id of a failure to read."""


def play(world: World, profile: Profile, tally: Tally) -> Failure | None:
    """One history from beginning to end, or to its first violation."""
    started = time.monotonic()
    director, course = Director(world, profile), _Course(world, tally)
    tally.histories += 1
    failure = None
    while len(course.done) < profile.length and failure is None and not course.ended:
        clock = Stopwatch(tally.spent)
        planned = director.plan(course.state, course.ghost)
        clock.lap("plan")
        names = {id(step): name for name, step in planned}
        failure = course.go([step for _, step in planned], names)
    tally.seconds += time.monotonic() - started
    tally.last = tuple(course.done)
    return failure and replace(failure, profile=profile, calls_before=tally.calls)


def replay(world: World, steps: Sequence[Step], through: Through = simulate) -> Failure | None:
    """A known history, judged from its first step on."""
    return _Course(world, Tally()).go(steps, None, through)


class _Course:
    """A history as far as it has come."""

    def __init__(self, world: World, tally: Tally) -> None:
        self.world = world
        self.tally = tally
        self.ghost = Ghost(world)
        self.state = world.start
        self.done: list[Step] = []
        self._run: list[Step] = []  # what is done without the calls of what was refused: they changed nothing

    @property
    def ended(self) -> bool:
        return bool(self.ghost.memory.get(ENDED))

    def go(
        self, steps: Sequence[Step], names: Mapping[int, str] | None, through: Through = simulate
    ) -> Failure | None:
        """Runs and judges further steps: the first violation, if there is any. `names`: as what they are counted."""
        tally, ghost = self.tally, self.ghost
        try:
            transitions = run(self.world, self._run, steps, self.state, tally.spent, through)
        except LensRefused as refused:
            self.done += steps
            return self._failure(LENS, "lens answers", str(refused))
        clock = Stopwatch(tally.spent)
        for t in transitions:
            if t.step is not None:
                self.done.append(t.step)
                self._run.append(t.step if t.changed else replace(t.step, calls=()))
                if names is not None:
                    tally.count(names[id(t.step)], t)
            ghost.meet(t)
            for one in judges(t):
                if (wrong := tally.hear(one.id, one.judge(t, ghost))) is not None:
                    return self._failure(one.id, one.name, wrong)
            ghost.follow(t)
            self.state = t.after
            if self.ended:
                break  # nothing is promised from here on
        clock.lap("judge")
        return None

    def _failure(self, invariant: str, name: str, wrong: str) -> Failure:
        steps = tuple(self.done)
        return Failure(
            invariant=invariant, name=name, wrong=wrong, world=self.world.name, profile=None, steps=steps
        )


# Making a failure small


def minimise(world: World, failure: Failure, seconds: float = MINIMISE_SECONDS) -> Failure:
    """Drop steps in ever smaller pieces while the same invariant still fails; then the waits that don't matter."""
    deadline = time.monotonic() + seconds
    best = failure
    size = max(1, len(best.steps) // 2)
    while time.monotonic() < deadline:
        place, fell = 0, False
        while place < len(best.steps) and time.monotonic() < deadline:
            shorter = _without(best.steps, place, size)
            found = replay(world, shorter) if shorter else None
            if found is not None and found.invariant == best.invariant:
                best = replace(found, profile=best.profile, calls_before=best.calls_before)
                fell = True
            else:
                place += size
        if size == 1 and not fell:
            break
        size = size if fell and size == 1 else max(1, size // 2)
    return replace(best, outcomes=outcomes(world, best.steps))


def _without(steps: Sequence[Step], place: int, size: int) -> list[Step]:
    """The steps less some; whoever follows them waits for them too."""
    waits = sum(step.wait for step in steps[place : place + size])
    rest = list(steps[place + size :])
    if rest and waits:
        rest[0] = replace(rest[0], wait=rest[0].wait + waits)
    return [*steps[:place], *rest]


def outcomes(world: World, steps: Sequence[Step], through: Through = simulate) -> tuple[str, ...]:
    """What became of each step: "done" or why it was refused."""
    try:
        transitions = run(world, [], list(steps), world.start, through=through)
    except LensRefused:
        return ()
    return tuple("done" if t.ok else str(t.results[-1].error) for t in transitions if t.step is not None)
