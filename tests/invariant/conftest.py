"""One campaign a session: Hypothesis draws the histories' characters, the real contracts play them in all worlds.

Fixed seed, no examples database: a run is the same everywhere. `HISTORIES` scales it. Each invariant and each action
that matters is then a test of its own over what the campaign saw.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from holdfast.chain.environment import PROJECT
from holdfast.sim.campaign import minimise, play
from holdfast.sim.director import Profile
from holdfast.sim.failure import Failure
from holdfast.sim.profiles import ADMIN, HOSTILE, OPTIONS, VENUES
from holdfast.sim.tally import Tally
from holdfast.sim.world import WORLDS, World

OUT: Final = PROJECT / "out" / "invariant"

HISTORIES: Final = int(os.environ.get("HISTORIES", "20"))
"""In each world, beside the crises."""

SEED: Final = 20_200_312

ENOUGH: Final = 3
"""Failures in a world after which it isn't played any further."""

SEEDS: Final = st.integers(0, 2**32 - 1)

MAKERS: Final = {"hostile": HOSTILE, "venues": VENUES, "options": OPTIONS}
"""What the characters of a world are drawn by, if it isn't as everywhere."""

CRISES: Final = tuple(
    replace(Profile.drawn(place), off=frozenset(), length=96, keeping=0.85, crash=crash, crash_all=True)
    for place, crash in enumerate((-0.6, -0.5, -0.4, -0.25, 0.6, 1.5))
)
"""Played first: nothing is off, everything falls or rises at once, and keepers are at work."""

THEFTS: Final = tuple(replace(ADMIN(place), off=frozenset(), length=96) for place in range(6))
"""Played next: all keys are stolen. Where tokens turn, that is what happens instead."""

TURNS: Final = tuple(replace(HOSTILE(place), off=frozenset(), length=96) for place in range(6))

FIRST: Final[dict[str, tuple[Profile, ...]]] = {"hostile": TURNS, "options": ()}
"""What is played first elsewhere; where there are options every history has its crisis."""


@dataclass
class Campaign:
    """What all worlds together did and saw."""

    tally: Tally = field(default_factory=Tally)
    failures: list[Failure] = field(default_factory=list)

    def of(self, invariant: str) -> Failure | None:
        return next((failure for failure in self.failures if failure.invariant == invariant), None)


def explore(world: World, campaign: Campaign) -> None:
    found: list[Failure] = []

    @seed(SEED)
    @settings(
        max_examples=HISTORIES,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(SEEDS.map(MAKERS.get(world.name, Profile.drawn)))
    def history(profile: Profile) -> None:
        if len(found) < ENOUGH and (failure := play(world, profile, campaign.tally)):
            found.append(failure)

    for profile in FIRST.get(world.name, CRISES + THEFTS):
        if len(found) < ENOUGH and (failure := play(world, profile, campaign.tally)):
            found.append(failure)
    history()
    known = {failure.invariant for failure in campaign.failures}
    for failure in found:
        if failure.invariant not in known:
            known.add(failure.invariant)
            campaign.failures.append(minimise(world, failure))


@pytest.fixture(scope="session")
def campaign(pytestconfig: pytest.Config) -> Iterator[Campaign]:
    found = Campaign()
    for name in WORLDS:
        with World.open(name) as world:
            explore(world, found)
    found.tally.write(OUT)
    (OUT / "failures.json").write_text(json.dumps([one.plain() for one in found.failures], indent=2) + "\n")
    pytestconfig.stash[TABLE] = found.tally.table()
    yield found


TABLE: Final = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if table := config.stash.get(TABLE, ""):
        terminalreporter.section("invariant campaign")
        terminalreporter.write_line(table)
