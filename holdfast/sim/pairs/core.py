"""What a property of pairs of runs is: where it applies it draws branches of one history, and judges where they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from holdfast.chain.artifacts import Event
from holdfast.sim.actions import Scene
from holdfast.sim.history import Result
from holdfast.sim.invariants import Judgement
from holdfast.sim.steps import Step
from holdfast.sim.world import World
from holdfast.types import Snapshot


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One way in which a history goes on."""

    name: str
    steps: tuple[Step, ...]
    looks: tuple[int, ...] = ()  # everything is read after these many steps, and always at the end


@dataclass(frozen=True, kw_only=True)
class Case:
    """Branches to compare, and what their comparison must know."""

    branches: tuple[Branch, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)  # bytes, tuples and plain values only


@dataclass(frozen=True)
class Run:
    """A branch as it went."""

    branch: Branch
    snapshots: Sequence[Snapshot]  # at its looks, then at its end
    results: Sequence[Sequence[Result]]  # of each step

    @property
    def end(self) -> Snapshot:
        return self.snapshots[-1]

    @cached_property
    def done(self) -> tuple[bool, ...]:
        """Which steps did what they are for."""
        return tuple(not results or results[-1].ok for results in self.results)

    @property
    def ok(self) -> bool:
        return all(self.done)

    def error(self, step: int) -> str:
        """Name of the refusal, empty where there was none."""
        found = self.results[step][-1].error if self.results[step] else None
        return "" if found is None else found.name

    @cached_property
    def events(self) -> list[Event]:
        return [event for results in self.results for result in results for event in result.events]

    def named(self, *names: str) -> list[Event]:
        return [event for event in self.events if event.name in names]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """All that a judgement may look at."""

    world: World
    fork: Run  # what the branches have in common: its end is where they part
    runs: Sequence[Run]
    facts: Mapping[str, Any]

    @property
    def before(self) -> Snapshot:
        return self.fork.end

    def run(self, name: str) -> Run:
        return next(run for run in self.runs if run.branch.name == name)


Planner = Callable[[Scene], Case | None]
"""Draws a case from a state; None where nothing of the kind makes sense."""

Judge = Callable[[Trial], Judgement]


@dataclass(frozen=True, slots=True)
class Pair:
    """A property of several runs on top of the same history."""

    id: str
    name: str
    statement: str
    plan: Planner
    judge: Judge


PAIRS: Final[list[Pair]] = []
"""In the order of `docs/invariants.md`."""


def pair(number: int, *, judge: Judge) -> Callable[[Planner], Planner]:
    """Registers what draws the cases; its docstring is the statement, word for word as in the document."""

    def register(plan: Planner) -> Planner:
        said = " ".join((plan.__doc__ or "").split())
        PAIRS.append(Pair(f"INV-{number:02}", plan.__name__, said, plan, judge))
        return plan

    return register
