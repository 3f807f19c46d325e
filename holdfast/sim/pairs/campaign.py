"""Histories whose ends are compared: grown by the ordinary director, forked at several states, judged by all pairs.

failure = play(world, profile, tally)     # None, or the branch that fell out, on top of the history it grew from
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from holdfast.sim.actions import Scene
from holdfast.sim.director import Director, Profile
from holdfast.sim.failure import Failure, failure_of, frozen, thawed
from holdfast.sim.ghost import ENDED, Ghost
from holdfast.sim.history import simulate
from holdfast.sim.pairs.collusion import COLLUSION, Gang, closing, leaving, owners_of, refreshed
from holdfast.sim.pairs.core import PAIRS, Branch, Case, Pair, Run, Trial
from holdfast.sim.pairs.running import play_out, start
from holdfast.sim.steps import LensRefused, Step, Stopwatch, Through, Transition
from holdfast.sim.tally import Tally
from holdfast.sim.world import World

COLLUSIONS: Final = 0.2
"""Share of histories that belong to adversaries from beginning to end."""

CASES: Final = 2
"""Drawn after each chunk of a history."""

TRIES: Final = 6
"""How often a pair is drawn anew that has nothing to say of a state."""


@dataclass(frozen=True, kw_only=True)
class PairFailure(Failure):
    """Its steps are the common history and the worse branch; `branches` are all of them."""

    fork: int  # steps that the branches have in common
    branches: tuple[Branch, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    blamed: int = 0  # the branch that the steps end with

    def plain(self) -> dict[str, Any]:
        """As JSON, `failure_of` reads it back."""
        return {
            **super().plain(),
            "fork": self.fork,
            "blamed": self.blamed,
            "facts": frozen(dict(self.facts)),
            "branches": [
                {"name": one.name, "looks": list(one.looks), "steps": _plain_steps(self, one.steps)}
                for one in self.branches
            ],
        }

    def __str__(self) -> str:
        lines = [super().__str__(), f"the first {self.fork} steps in common; instead of the others:"]
        for place, branch in enumerate(self.branches):
            if place != self.blamed:
                lines += [
                    f"  {branch.name}:",
                    *(f"    +{s.wait} s {line}" for s in branch.steps for line in s.text),
                ]
        return "\n".join(lines)


def _plain_steps(failure: Failure, steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    bare = Failure(
        invariant=failure.invariant, name="", wrong="", world=failure.world, profile=None, steps=steps
    )
    return list(bare.plain()["steps"])


def restore(plain: Mapping[str, Any]) -> PairFailure:
    """What `PairFailure.plain` wrote; its profile is not kept."""
    bare = failure_of(plain)
    branches = tuple(
        Branch(
            name=one["name"],
            looks=tuple(one["looks"]),
            steps=failure_of({**plain, "outcomes": (), "steps": one["steps"]}).steps,
        )
        for one in plain["branches"]
    )
    return PairFailure(
        invariant=bare.invariant,
        name=bare.name,
        wrong=bare.wrong,
        world=bare.world,
        profile=None,
        steps=bare.steps,
        outcomes=bare.outcomes,
        fork=plain["fork"],
        branches=branches,
        facts=thawed(plain["facts"]),
        blamed=plain["blamed"],
    )


# Playing


def play(world: World, profile: Profile, tally: Tally, pairs: Sequence[Pair] = PAIRS) -> PairFailure | None:
    """One history, forked at several places, to its end or to the first pair of runs that differ."""
    began = time.monotonic()
    rng = Random(profile.seed ^ 0x7A1)
    tally.histories += 1
    if COLLUSION in pairs and (len(pairs) == 1 or rng.random() < COLLUSIONS):
        failure = collude(world, profile, tally, rng)
    else:
        failure = _forked(world, profile, tally, rng, [one for one in pairs if one is not COLLUSION])
    tally.seconds += time.monotonic() - began
    return failure


def _forked(
    world: World, profile: Profile, tally: Tally, rng: Random, pairs: Sequence[Pair]
) -> PairFailure | None:
    director, ghost = Director(world, profile), Ghost(world)
    common = start(world)
    waiting = list(pairs)
    rng.shuffle(waiting)
    while len(common.branch.steps) < profile.length and not ghost.memory.get(ENDED):
        common = _grown(world, director.plan(common.end, ghost), common, ghost, tally)
        scene = Scene(world, ghost, common.end, rng)
        for _ in range(CASES):
            one = waiting.pop(0)  # each in its turn, so that all are judged
            waiting.append(one)
            case = next((case for _ in range(TRIES) if (case := one.plan(scene)) is not None), None)
            if case is None:
                continue
            found = compare(world, one, common, case, tally)
            if found is not None:
                return replace(found, profile=profile, calls_before=tally.calls)
    tally.last = common.branch.steps
    return None


def _grown(world: World, planned: Sequence[tuple[str, Step]], common: Run, ghost: Ghost, tally: Tally) -> Run:
    """The history with these steps more, read at its new end only."""
    done = common.branch.steps
    steps = tuple(step for _, step in planned)
    chunk = play_out(
        world, done, Branch(name="common", steps=steps), common.end.system.accounts, spent=tally.spent
    )
    transitions = [
        Transition(common.end, chunk.end, step, results)
        for step, results in zip(steps, chunk.results, strict=True)
    ]
    for t in transitions:
        ghost.meet(t)  # what the end shows was done by one of them
    for (name, _), t in zip(planned, transitions, strict=True):
        tally.count(name, t)
        ghost.follow(t)
    branch = Branch(name="common", steps=(*done, *steps))
    return Run(branch, chunk.snapshots, (*common.results, *chunk.results))


def compare(
    world: World, one: Pair, common: Run, case: Case, tally: Tally, through: Through = simulate
) -> PairFailure | None:
    """Runs all branches and judges them; the first that is wrong."""
    done, accounts = common.branch.steps, common.end.system.accounts
    try:
        runs = [play_out(world, done, branch, accounts, through, tally.spent) for branch in case.branches]
    except LensRefused as refused:
        return _failure(one, str(refused), world, done, case)
    tally.calls += sum(len(step.calls) for branch in case.branches for step in branch.steps)
    clock = Stopwatch(tally.spent)
    trial = Trial(world=world, fork=common, runs=runs, facts=case.facts)
    if (wrong := tally.hear(one.id, one.judge(trial))) is not None:
        return _failure(one, wrong, world, done, case)
    clock.lap("judge")
    return None


def _failure(one: Pair, wrong: str, world: World, done: tuple[Step, ...], case: Case) -> PairFailure:
    blamed = len(case.branches) - 1
    steps = (*done, *(case.branches[blamed].steps if case.branches else ()))
    return PairFailure(
        invariant=one.id, name=one.name, wrong=wrong, world=world.name, profile=None, steps=steps,
        fork=len(done), branches=case.branches, facts=case.facts, blamed=max(0, blamed),
    )  # fmt: skip


def collude(world: World, profile: Profile, tally: Tally, rng: Random) -> PairFailure | None:
    """A history that is the adversaries' alone, to the last token they can withdraw."""
    owners, still, late = owners_of(world, rng), rng.random() < 0.5, rng.random() < 0.5
    director, ghost = Gang(world, profile, owners, still), Ghost(world)
    common = start(world)
    while director.done < profile.length:
        planned = director.plan(common.end, ghost)
        if planned:
            common = _grown(world, planned, common, ghost, tally)
    for turn, steps in enumerate((refreshed, closing, leaving, closing, leaving)):
        if steps is refreshed:
            last = refreshed(world, common.end, still, late)
        elif steps is closing:
            last = closing(world, common.end, owners, 1_000 * turn)
        else:
            last = leaving(world, common.end, owners)
        if last:
            common = _grown(world, [(step.action, step) for step in last], common, ghost, tally)
    tally.last = common.branch.steps
    facts = {"owners": owners, "still": still}
    found = compare(world, COLLUSION, common, Case(branches=(), facts=facts), tally)
    return found and replace(found, profile=profile, calls_before=tally.calls)


# A failure once more


def replay(world: World, failure: Failure, through: Through = simulate) -> PairFailure | None:
    """The same branches on top of the same history."""
    assert isinstance(failure, PairFailure)
    return _again(world, failure, failure.steps[: failure.fork], through)


def _again(
    world: World, failure: PairFailure, done: Sequence[Step], through: Through = simulate
) -> PairFailure | None:
    one = next(pair for pair in PAIRS if (pair.id, pair.name) == (failure.invariant, failure.name))
    common = play_out(
        world, (), Branch(name="common", steps=tuple(done)), world.start.system.accounts, through
    )
    case = Case(branches=failure.branches, facts=failure.facts)
    found = compare(world, one, common, case, Tally(), through)
    return found and replace(found, profile=failure.profile, calls_before=failure.calls_before)


def minimise(world: World, failure: Failure, seconds: float = 20.0) -> PairFailure:
    """Drop what the branches have in common, in ever smaller pieces, while the same property still fails."""
    assert isinstance(failure, PairFailure)
    deadline = time.monotonic() + seconds
    best = failure
    size = max(1, best.fork // 2)
    while time.monotonic() < deadline and best.fork:
        place, fell = 0, False
        while place < best.fork and time.monotonic() < deadline:
            shorter = _without(best.steps[: best.fork], place, size)
            found = _again(world, best, shorter)
            if found is not None:
                best, fell = found, True
            else:
                place += size
        if size == 1 and not fell:
            break
        size = size if fell and size == 1 else max(1, size // 2)
    return replace(best, outcomes=_outcomes(world, best))


def _without(steps: Sequence[Step], place: int, size: int) -> tuple[Step, ...]:
    """The steps less some; whoever follows them waits for them too."""
    wait = sum(step.wait for step in steps[place : place + size])
    rest = list(steps[place + size :])
    if rest and wait:
        rest[0] = replace(rest[0], wait=rest[0].wait + wait)
    return (*steps[:place], *rest)


def _outcomes(world: World, failure: PairFailure) -> tuple[str, ...]:
    run = play_out(world, (), Branch(name="all", steps=failure.steps), world.start.system.accounts)
    return tuple("done" if ok else run.error(place) for place, ok in enumerate(run.done))


def statements(pairs: Iterable[Pair] = PAIRS) -> dict[str, str]:
    """By id, in the order of ids."""
    return {one.id: one.statement for one in sorted(pairs, key=lambda one: one.id)}
