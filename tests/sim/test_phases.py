"""phases
├── turn      -> a phase begins and ends, each once, at its place
├── at        -> the moods of all that hold here in one
├── outage    -> one feed fails, all are mended at its end
├── closure   -> time goes fast, nobody pushes; it opens with a gap
└── Director
    ├── absence   -> no keeper's step in it
    ├── silence   -> no price in it
    └── dear gas  -> each block of it costs so much
"""

from __future__ import annotations

from random import Random

import pytest

from holdfast.sim.actions import WEIGHTS, Scene
from holdfast.sim.actions.phases import KEEPING, MOODS, PUSHING, Phase, Phases, drawn_phases
from holdfast.sim.campaign import play
from holdfast.sim.director import Profile
from holdfast.sim.ghost import Ghost
from holdfast.sim.steps import Step
from holdfast.sim.tally import Tally
from holdfast.sim.world import GWEI

from .conftest import Opened

START, LENGTH = 20, 12


@pytest.fixture
def scene(opened: Opened) -> Scene:
    world = opened("thin")
    return Scene(world, Ghost(world), world.start, Random(3))


def lived(opened: Opened, kind: str) -> tuple[Step, ...]:
    """The steps of a history with one phase of that kind, in which it falls."""
    tally = Tally()
    phase = Phase(kind=kind, start=START, length=LENGTH)
    profile = Profile(seed=5, length=40, crash=-0.4, crash_all=True, phases=(phase,), haste=0.3)
    assert play(opened("thin"), profile, tally) is None
    return tally.last


@pytest.mark.parametrize("kind", ("outage", "closure"))
def test_turn__a_phase__begins_and_ends_once(scene: Scene, kind: str) -> None:
    phases = Phases([Phase(kind=kind, start=3, length=2)])

    turns = [phases.turn(scene, place) is not None for place in range(8)]

    assert turns == [False, False, False, True, False, True, False, False]


def test_at__two_moods__both(scene: Scene) -> None:
    phases = Phases([Phase(kind="absence", start=0, length=5), Phase(kind="dearest", start=3, length=5)])

    mood = phases.at(4)

    assert (mood.off, mood.base_fee, mood.absent, mood.silent) == (KEEPING, 5_000 * GWEI, True, False)
    assert phases.at(6).off == frozenset()
    assert phases.at(9) == phases.at(100)


def test_outage__turns__fails_and_mends(scene: Scene) -> None:
    phases = Phases([Phase(kind="outage", start=0, length=1)])
    begin, end = phases.turn(scene, 0), phases.turn(scene, 1)

    assert begin is not None and begin.action == "fail_feed" and len(begin.calls) == 2
    assert end is not None and end.action == "mend_feed" and len(end.calls) == len(scene.state.markets) + 1


def test_closure__end__a_gap_in_every_market(scene: Scene) -> None:
    phases = Phases([Phase(kind="closure", start=0, length=1)])
    phases.turn(scene, 0)
    end = phases.turn(scene, 1)

    assert end is not None and len(end.calls) == len(scene.state.markets) + 1


def test_drawn__kinds_and_places__after_the_opening() -> None:
    found = [phase for seed in range(200) for phase in drawn_phases(Random(seed), 14, 80)]

    assert {phase.kind for phase in found} == set(MOODS)
    assert all(14 <= phase.start <= 72 for phase in found)


def test_phases__names__are_actions() -> None:
    assert set(WEIGHTS) >= (KEEPING | PUSHING)


@pytest.mark.parametrize("kind, names", [("absence", KEEPING), ("silence", PUSHING | {"price"})])
def test_director__phase__none_of_it(opened: Opened, kind: str, names: frozenset[str]) -> None:
    during = lived(opened, kind)[START : START + LENGTH]

    assert not names & {step.action for step in during}


def test_director__dear_gas__each_block_of_it(opened: Opened) -> None:
    during = lived(opened, "dearest")[START : START + LENGTH]

    fees = {step.base_fee for step in during if step.wait}
    assert fees == {5_000 * GWEI}
