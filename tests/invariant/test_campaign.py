"""campaign
├── every invariant of docs/invariants.md -> judged, and never violated
├── every step of the waterfall           -> reached, not merely tried
├── every action                          -> tried
├── the Lens                              -> always answers
└── the same profile twice                -> the same history
"""

from __future__ import annotations

import re

import pytest

from holdfast.chain.environment import PROJECT
from holdfast.sim.actions import ACTIONS
from holdfast.sim.campaign import LENS, play
from holdfast.sim.director import KEEPING, Profile
from holdfast.sim.invariants import INVARIANTS, Invariant
from holdfast.sim.pairs import statements
from holdfast.sim.tally import Tally
from holdfast.sim.world import World

from .conftest import Campaign

EVENTS = (
    "EpochEnded",
    "WrittenOff",
    "AuctionInsured",
    "Paid",
    "Accrued",
    "Tripped",
    "GraceOpened",
    "PriceRefused",
)
"""What must have happened at least once, whoever caused it."""


@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda one: f"{one.id}-{one.name}")
def test_invariant(campaign: Campaign, invariant: Invariant) -> None:
    failure = campaign.of(invariant.id)
    assert failure is None, f"\n{failure}"
    assert campaign.tally.invariants[invariant.id].checked > 0, f"{invariant.id} was never judged"


@pytest.mark.parametrize("action", KEEPING)
def test_campaign__waterfall__reached(campaign: Campaign, action: str) -> None:
    tried = campaign.tally.actions[action]
    assert tried.succeeded > 0, f"{action} never succeeded: {tried}"


@pytest.mark.parametrize("event", EVENTS)
def test_campaign__event__seen(campaign: Campaign, event: str) -> None:
    assert campaign.tally.events[event] > 0


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_campaign__action__tried(campaign: Campaign, action: str) -> None:
    assert campaign.tally.actions[action].tried > 0


def test_campaign__overreach__never_succeeds(campaign: Campaign) -> None:
    assert campaign.tally.actions["overreach"].succeeded == 0


def test_campaign__lens__always_answers(campaign: Campaign) -> None:
    assert campaign.of(LENS) is None, f"\n{campaign.of(LENS)}"


def test_play__same_profile__same_history() -> None:
    profile, tallies = Profile(seed=7, length=24, crash=-0.3), []
    for _ in range(2):
        with World.open("thin") as world:
            tally = Tally()
            assert play(world, profile, tally) is None
            tallies.append(tally.report() | {"seconds": 0, "calls_per_second": 0, "spent": {}})

    assert tallies[0] == tallies[1]


def test_documentation__lists_every_invariant() -> None:
    text = (PROJECT / "docs" / "invariants.md").read_text()
    listed = dict(re.findall(r"^\| (INV-\d\d) \| ([^|]+?) \|", text, re.MULTILINE))

    assert listed == {one.id: one.statement for one in INVARIANTS} | statements()
