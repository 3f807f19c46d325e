"""What tests of campaigns share: plans that are over in seconds, and a registry that forgets what a test added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.fuzz import machines
from holdfast.fuzz.outcome import Bundle, Plan
from holdfast.sim.actions import ACTIONS, WEIGHTS
from holdfast.sim.invariants import INVARIANTS

BUNDLE = Bundle(seconds=3, minimise=5, histories=2, coverage=5)

NEVER = '''\
"""An auditor's own: something that never holds, and something to do."""
from holdfast.sim.actions import action
from holdfast.sim.invariants import invariant, unless
from holdfast.sim.steps import act

@invariant(90)
def nobody_looks(t, g):
    """Nobody ever looks in."""
    yield unless(not (t.action == "look_in" and t.ok), "somebody did")

@action(weight=30)
def look_in(s):
    return act(s.world, "look_in", s.world.protocol.ledger, "accrueInterest", sender=s.world.people.stranger)
'''


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    """plan(examples=4, …): one worker, one machine, no coverage, a database of its own."""

    def make(**changes: Any) -> Plan:
        usual: dict[str, Any] = {
            "out": tmp_path / "out",
            "seed": 5,
            "machines": ("markets",),
            "bundle": BUNDLE,
            "workers": 1,
            "coverage": False,
            "database": str(tmp_path / "database"),
        }
        return Plan(**(usual | changes))

    return make


@pytest.fixture
def never(tmp_path: Path) -> Path:
    path = tmp_path / "never.py"
    path.write_text(NEVER)
    return path


@pytest.fixture
def registry() -> Iterator[None]:
    """Undoes what a file added to this process."""
    before, actions, weights = list(INVARIANTS), dict(ACTIONS), dict(WEIGHTS)
    yield
    INVARIANTS[:] = before
    for registered, kept in ((ACTIONS, actions), (WEIGHTS, weights)):
        registered.clear()
        registered.update(kept)  # type: ignore[attr-defined]
    machines._loaded.clear()
