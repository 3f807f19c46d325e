"""Somebody fills the depth of a market, so that nobody else can be sold into it.

Naive rule: a cap on what is sold at once, without an escape. Whoever owns both sides of a sale keeps it full.

├── accounts of his own, sold to himself     the depth is gone: the next one is sold what came back, a sliver
├── past the solvent phase of who waits      all of him is for sale
├── as time passes                           depth comes back, and slices with it
└── without equity                           nobody waits
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.protocol import Protocol
from holdfast.units import WAD
from tests.attack.company import deployed_with, undone
from tests.conftest import GENESIS
from tests.stage import PEOPLE, Party, Stage, wads

DEPTH, WINDOW = 20_000, 120  # [dollars of notional], [seconds]


def shallow(data: dict[str, Any]) -> None:
    data["auction"]["depth"] = {"ETH": DEPTH}
    data["auction"]["depth_seconds"] = WINDOW


@pytest.fixture(scope="module")
def built() -> Iterator[Protocol]:
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        yield deployed_with(chain.rpc, shallow)


@pytest.fixture
def shore(built: Protocol) -> Iterator[Stage]:
    with undone(built) as stage:
        yield stage


def fallen(stage: Stage, count: int, cash: float = 2_200) -> tuple[list[Party], Party]:
    """Accounts long 10 ETH each, below MM, and a rich one opposite."""
    other = stage.party(200_000)
    longs = [stage.party(cash) for _ in range(count)]
    for long in longs:
        stage.trade(long, other, 10, 2_000)
    stage.drift("ETH", 1_870)
    return longs, other


def free(stage: Stage) -> int:
    return int(stage.protocol.throttle.call("freeOf", 1))


def test_depth__filled_by_his_own__others_wait_for_the_solvent_phase_at_most(shore: Stage) -> None:
    (own, more, victim), _ = fallen(shore, 3)
    attacker, bidder = shore.party(50_000), shore.party(50_000)
    for party in (own, more, victim):
        shore.start(party)
    # He sells himself his own accounts, all that fits: the depth is gone.
    shore.until_started(victim, 100)
    shore.take(own, attacker)
    shore.take(more, attacker)
    assert free(shore) < wads(DEPTH) // 50

    part = shore.take(victim, bidder, most=WAD // 2).event("Taken").args["fractionWad"]
    assert 0 < part <= 2 * (DEPTH // WINDOW) * WAD // 18_700  # what came back in a second or two

    shore.until_started(victim, 180)
    assert shore.take(victim, bidder, most=WAD // 2).event("Taken").args["fractionWad"] > WAD // 4


def test_depth__gone__comes_back_with_time(shore: Stage) -> None:
    (one, two), _ = fallen(shore, 2)
    bidder = shore.party(50_000)
    shore.start(one)
    shore.start(two)
    shore.until_started(one, 90)
    first = shore.take(one, bidder).event("Taken").args["fractionWad"]
    left = free(shore)
    assert first > WAD // 2 and left < wads(DEPTH)

    shore.wait(30)

    back = free(shore) - left
    assert abs(back - wads(DEPTH) * 30 // WINDOW) <= 2
    second = shore.take(two, bidder).event("Taken").args["fractionWad"]
    assert second <= (free(shore) + wads(DEPTH)) * WAD // wads(18_700)


def test_depth__no_equity__nobody_waits(shore: Stage) -> None:
    shore.insure(100_000)
    (own, victim), _ = fallen(shore, 2)
    bidder = shore.party(50_000)
    shore.start(own)
    shore.until_started(own, 100)
    shore.take(own, bidder)
    shore.price("ETH", 1_700)
    assert shore.equity(victim) < 0

    shore.start(victim)

    assert shore.take(victim, bidder).event("Taken").args["fractionWad"] == WAD
