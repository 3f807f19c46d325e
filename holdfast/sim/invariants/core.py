"""What an invariant is, and the list of all of them in the order of `docs/invariants.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from holdfast.sim.ghost import Ghost
from holdfast.sim.steps import Transition


@dataclass(frozen=True, slots=True)
class Room:
    """How far a quantity was from its bound; negative: beyond it, and `wrong` says so."""

    left: float
    unit: str
    wrong: str | None


Judgement = Iterator[str | Room | None]
"""For every case that could be judged: None where all is well, else what is wrong; or a Room, which tells both."""

Judge = Callable[[Transition, Ghost], Judgement]


@dataclass(frozen=True, slots=True)
class Invariant:
    id: str
    name: str
    statement: str
    judge: Judge
    refusals: bool  # has something to say of an action that was refused, too


INVARIANTS: Final[list[Invariant]] = []


def invariant(number: int, *, refusals: bool = False) -> Callable[[Judge], Judge]:
    """Registers a judgement; its docstring is the statement, word for word as in the document."""

    def register(judge: Judge) -> Judge:
        statement = " ".join((judge.__doc__ or "").split())
        INVARIANTS.append(Invariant(f"INV-{number:02}", judge.__name__, statement, judge, refusals))
        return judge

    return register


def unless(holds: bool, wrong: str) -> str | None:
    """One judgement."""
    return None if holds else wrong


def at_most(value: int | Fraction, bound: int | Fraction, wrong: str, unit: str = "wei") -> Room:
    """One judgement of value ≤ bound, and how close it came."""
    return Room(float(bound - value), unit, None if value <= bound else wrong)
