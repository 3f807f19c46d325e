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

from holdfast.sim.director import KEEPING, Director, Profile
from holdfast.sim.failure import Failure
from holdfast.sim.ghost import Ghost
from holdfast.sim.history import simulate
from holdfast.sim.invariants import judge
from holdfast.sim.steps import LensRefused, Step, Stopwatch, Through, run
from holdfast.sim.tally import Tally
from holdfast.sim.world import World
from holdfast.types import Snapshot

ENDED: Final = "ended"
"""What a ghost remembers where governance has taken away what all promises rest on."""

MINIMISE_SECONDS: Final = 20.0

LENS: Final = "LENS"
"""The id of a failure to read."""


def play(world: World, profile: Profile, tally: Tally) -> Failure | None:
    """One history from beginning to end, or to its first violation."""
    started = time.monotonic()
    director, ghost = Director(world, profile), Ghost(world)
    state = world.start
    done: list[Step] = []
    tally.histories += 1
    failure = None
    while len(done) < profile.length and failure is None and not ghost.memory.get(ENDED):
        clock = Stopwatch(tally.spent)
        planned = director.plan(state, ghost)
        clock.lap("plan")
        steps = [step for _, step in planned]
        names = {id(step): name for name, step in planned}
        found = _judged(world, done, steps, state, ghost, tally, names)
        if isinstance(found, Failure):
            failure = replace(found, profile=profile, calls_before=tally.calls)
        else:
            state = found
            done += steps
    tally.seconds += time.monotonic() - started
    tally.last = tuple(done)
    return failure


def replay(world: World, steps: Sequence[Step], through: Through = simulate) -> Failure | None:
    """A known history, judged from its first step on."""
    found = _judged(world, [], list(steps), world.start, Ghost(world), Tally(), None, through)
    return found if isinstance(found, Failure) else None


def _judged(
    world: World,
    done: list[Step],
    steps: list[Step],
    state: Snapshot,
    ghost: Ghost,
    tally: Tally,
    names: Mapping[int, str] | None,
    through: Through = simulate,
) -> Snapshot | Failure:
    """Run and judge `steps` on top of `done`: the state they lead to, or the first violation."""
    reached = list(done)
    try:
        transitions = run(world, done, steps, state, tally.spent, through)
    except LensRefused as refused:
        return _failure(LENS, "lens answers", str(refused), world, [*done, *steps])
    clock = Stopwatch(tally.spent)
    for t in transitions:
        if t.step is not None:
            reached.append(t.step)
            if names is not None:
                tally.count(names[id(t.step)], t)
        ghost.meet(t)
        for one, judged in judge(t, ghost):
            if (wrong := tally.see(one.id, judged)) is not None:
                return _failure(one.id, one.name, wrong, world, reached)
        ghost.follow(t)
        state = t.after
        if ghost.memory.get(ENDED):
            break  # nothing is promised from here on
    clock.lap("judge")
    return state


def _failure(inv: str, name: str, wrong: str, world: World, steps: Sequence[Step]) -> Failure:
    return Failure(invariant=inv, name=name, wrong=wrong, world=world.name, profile=None, steps=tuple(steps))


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


def reached(tally: Tally, names: Sequence[str] = KEEPING) -> list[str]:
    """Those of the actions that never once succeeded."""
    return [name for name in names if tally.actions[name].succeeded == 0]
