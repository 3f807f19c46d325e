"""docs/fuzzing.md
├── each example  -> loads as it stands; what it adds is played and judged
└── the options   -> those that the command has, all of them
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from holdfast.chain.environment import PROJECT
from holdfast.cli.fuzz import cli
from holdfast.fuzz import machines
from holdfast.sim import world as worlds
from holdfast.sim.actions import ACTIONS, WEIGHTS
from holdfast.sim.campaign import play
from holdfast.sim.director import Profile
from holdfast.sim.invariants import INVARIANTS
from holdfast.sim.tally import Tally
from holdfast.sim.world import World

PAGE: Final = (PROJECT / "docs" / "fuzzing.md").read_text()

EXAMPLES: Final = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def registries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test registers is forgotten after it."""
    monkeypatch.setattr(machines, "_loaded", set())
    known = (ACTIONS, WEIGHTS, machines.MACHINES, worlds.WORLDS, worlds.FUND_SEED)
    before, invariants = [dict(one) for one in known], list(INVARIANTS)
    yield
    for one, was in zip(known, before, strict=True):
        one.clear()  # type: ignore[attr-defined]
        one.update(was)  # type: ignore[attr-defined]
    INVARIANTS[:] = invariants


def loaded(number: int, folder: Path) -> None:
    file = folder / f"example_{number}.py"
    file.write_text(EXAMPLES[number])
    machines.load_file(file)


def test_examples__invariant_and_action__played_and_judged(tmp_path: Path) -> None:
    loaded(0, tmp_path)
    loaded(1, tmp_path)
    tally = Tally()
    profile = replace(
        Profile.drawn(1), length=40, off=frozenset(), weights={**WEIGHTS, "out_and_in": 40, "deposit": 40}
    )

    with World.open("local") as world:
        assert play(world, profile, tally) is None

    assert tally.invariants["INV-90"].checked > 0
    assert tally.actions["out_and_in"].succeeded > 0


def test_examples__world_and_machine__played(tmp_path: Path) -> None:
    loaded(2, tmp_path)
    machine, tally = machines.MACHINES["gold"], Tally()

    with World.open(machine.world) as world:
        assert world.protocol.decimals[world.protocol.assets["GOLD"]] == 3
        assert machine.play(world, replace(Profile.drawn(1), length=24), tally) is None

    assert tally.calls > 0
    assert len(EXAMPLES) == 3


def test_options__all_told() -> None:
    has = {name for one in cli.params for name in (*one.opts, *one.secondary_opts)}
    told = set(re.findall(r"--[a-z][a-z-]*", PAGE.partition("## Worked example")[0]))

    assert has == told
