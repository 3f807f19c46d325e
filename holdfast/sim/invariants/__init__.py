"""The invariants of `docs/invariants.md`, as judgements of one transition.

An invariant looks at what was, what is and what was asked; it changes nothing. For every case that it could judge it
yields None where all is well, or what is wrong in words: so what was never judged can be told from what never failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants import (
    admin,
    backstop,
    incentives,
    insurance,
    keeping,
    liquidation,
    money,
    options,
    own,
    parameters,
    prices,
    surroundings,
    tokens,
    trades,
)
from holdfast.sim.invariants.core import INVARIANTS, Invariant, Judgement, Room, at_most, invariant, unless
from holdfast.sim.steps import Transition

__all__ = [
    "INVARIANTS",
    "Invariant",
    "Judgement",
    "Room",
    "at_most",
    "invariant",
    "judge",
    "judges",
    "unless",
]

INVARIANTS.sort(key=lambda one: one.id)

_ = (
    money,
    own,
    trades,
    liquidation,
    surroundings,
    prices,
    tokens,
    admin,
    backstop,
    incentives,
    insurance,
    keeping,
    options,
    parameters,
)  # imported for what they register


GOVERNMENT: Final = frozenset({"INV-32", "INV-44", "INV-46", "INV-47"})
"""Those that judge how a change came about; after a change that ends a history, they alone have a say."""


def judges(t: Transition) -> Iterator[Invariant]:
    """Those that have a say in what one transition did."""
    ends = t.ok and t.facts.get("ends")
    for one in INVARIANTS:
        if not (t.changed or one.refusals):
            continue  # the machine undid all of it
        if not ends or one.id in GOVERNMENT:
            yield one


def judge(t: Transition, g: Ghost) -> Iterator[tuple[Invariant, Room | str | None]]:
    """All invariants of one transition, each judgement by itself."""
    return ((one, judged) for one in judges(t) for judged in one.judge(t, g))
