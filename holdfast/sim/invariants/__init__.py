"""The invariants of `docs/invariants.md`, as judgements of one transition.

An invariant looks at what was, what is and what was asked; it changes nothing. For every case that it could judge it
yields None where all is well, or what is wrong in words: so what was never judged can be told from what never failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants import liquidation, money, own, prices, surroundings, trades
from holdfast.sim.invariants.core import INVARIANTS, Invariant, Judgement, Room, at_most, invariant, unless
from holdfast.sim.steps import Transition

__all__ = ["INVARIANTS", "Invariant", "Judgement", "Room", "at_most", "invariant", "judge", "unless"]

INVARIANTS.sort(key=lambda one: one.id)

_ = money, own, trades, liquidation, surroundings, prices  # imported for what they register


def judge(t: Transition, g: Ghost) -> Iterator[tuple[Invariant, Room | str | None]]:
    """All invariants of one transition, each judgement by itself."""
    for one in INVARIANTS:
        if not (t.changed or one.refusals):
            continue  # the machine undid all of it
        for wrong in one.judge(t, g):
            yield one, wrong
