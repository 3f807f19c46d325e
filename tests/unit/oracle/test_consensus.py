"""poke, with three sources of which two are a quorum
├── all three answer                   -> the median, as of the second newest
├── one of them says anything          -> what the other two say
├── one has no vote                    -> the other two, their middle
├── two have no vote                   -> PriceRefused, the old price ages
├── the more certain of two            -> is believed, and contested where they are apart
├── no two are near                    -> divergent: Contested, Tripped(Cautious)
├── the median is there, its time isn't newer -> nothing happens
└── eight sources that burn all gas    -> the poke still ends
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Clock, Roles
from tests.unit.oracle.world import BTC, CONTESTED, FRESH, MAX, MIN, World, feed_of

BURN = 4  # MockBrokenFeed.Fault


@pytest.fixture
def now(venues: list[Contract], clock: Clock) -> int:
    return clock.now


@pytest.fixture
def say(venues: list[Contract], clock: Clock, roles: Roles) -> Callable[..., None]:
    """The venues answer these prices, as of `ago` seconds before `at`; the next block is at `at`."""

    def say(
        *prices: float | None, at: int, ago: tuple[int, ...] = (0, 0, 0), off: tuple[float, ...] = (0, 0, 0)
    ) -> None:
        for venue, price, late, wide in zip(venues, prices, ago, off, strict=True):
            words = (int((price or 0) * WAD), int(wide * WAD), at - late)
            venue.send("setAnswer", *words, sender=roles.deployer)
        clock.next(at)

    return say


def test_consensus__three__the_median_as_of_the_second_newest(
    world: World, now: int, say: Callable[..., None]
) -> None:
    say(101, 100.5, 102, at=now + 50, ago=(30, 10, 0))

    poked = world.poke(BTC).event("PricePoked").args

    assert (poked["spotWad"], poked["updatedAt"], poked["divergent"]) == (101 * WAD, now + 40, False)


@pytest.mark.parametrize("false", [MIN // WAD, 99, 102, MAX // WAD])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_consensus__one_false__changes_nothing(
    world: World, now: int, say: Callable[..., None], false: int, place: int
) -> None:
    prices = [101, 101, 101]
    prices[place] = false
    say(*prices, at=now + 50)

    receipt = world.poke(BTC)

    assert [event.name for event in receipt.events] == ["PricePoked"]
    assert world.price(BTC)[0] == 101 * WAD
    assert world.price(BTC)[2] == FRESH


@pytest.mark.parametrize("print_", [0.0001, 0, 1e15])
def test_consensus__one_without_a_vote__the_middle_of_the_others(
    world: World, now: int, venues: list[Contract], say: Callable[..., None], print_: float
) -> None:
    say(101, print_, 101.5, at=now + 50)

    receipt = world.poke(BTC)

    assert [event.name for event in receipt.events] == ["SourceRefused", "PricePoked"]
    assert receipt.events[0].args["source"] == venues[1].address
    assert world.price(BTC)[0] == 101_250_000_000_000_000_000


def test_consensus__two_without_a_vote__no_price(world: World, now: int, say: Callable[..., None]) -> None:
    say(None, 101, None, at=now + 50)

    receipt = world.poke(BTC)

    assert [event.name for event in receipt.events] == ["SourceRefused", "SourceRefused", "PriceRefused"]
    assert receipt.event("PriceRefused").args == {"underlying": BTC, "votes": 1, "quorum": 2}
    assert world.oracle.call("updatedAtOf", BTC) == now


def test_consensus__more_certain_of_two__is_believed(
    world: World, now: int, say: Callable[..., None]
) -> None:
    say(101, None, 101.5, at=now + 50, off=(0.5, 0, 0.1))

    poked = world.poke(BTC).event("PricePoked").args

    assert (poked["spotWad"], poked["divergent"]) == (101_500_000_000_000_000_000, False)


def test_consensus__no_two_are_near__contested(world: World, now: int, say: Callable[..., None]) -> None:
    say(98, 100, 102, at=now + 50)

    receipt = world.poke(BTC)

    assert [event.name for event in receipt.events] == ["PricePoked", "Tripped"]
    assert receipt.event("PricePoked").args["divergent"]
    assert world.price(BTC) == (100 * WAD, 100 * WAD, CONTESTED)

    say(98, 99.5, 99, at=now + 60)
    assert [event.name for event in world.poke(BTC).events] == ["PricePoked"]
    assert world.price(BTC)[2] == FRESH


@pytest.mark.parametrize(("beyond", "divergent"), [(0, False), (1, True)])
def test_consensus__at_the_divergence__agrees_and_beyond_it_does_not(
    world: World, now: int, venues: list[Contract], clock: Clock, roles: Roles, beyond: int, divergent: bool
) -> None:
    """100 is within a hundredth of a median up to 100/0.99."""
    median = 100 * WAD * 100 // 99 + beyond
    for venue, price in zip(venues, (100 * WAD, 110 * WAD, median), strict=True):
        venue.send("setAnswer", price, 0, now + 50, sender=roles.deployer)
    clock.next(now + 50)

    poked = world.poke(BTC).event("PricePoked").args

    assert (poked["spotWad"], poked["divergent"]) == (median, divergent)


def test_consensus__a_single_newer_answer__is_no_news(
    world: World, now: int, say: Callable[..., None]
) -> None:
    """One source alone can neither move the price nor make it look younger."""
    say(100, 105, 100, at=now + 50, ago=(50, 0, 50))

    assert world.poke(BTC).logs == []
    assert world.oracle.call("updatedAtOf", BTC) == now


def test_consensus__eight_that_burn__the_poke_ends(
    world: World, clock: Clock, roles: Roles, deploy: Callable[..., Contract]
) -> None:
    sources = [deploy("MockBrokenFeed") for _ in range(8)]
    world.oracle.send("setFeed", BTC, feed_of(*sources), sender=roles.governor)
    for source in sources:
        source.send("setFault", BURN, sender=roles.deployer)

    receipt = world.poke(BTC)

    assert [event.name for event in receipt.events] == ["SourceRefused"] * 8 + ["PriceRefused"]
    assert receipt.gas_used < 8 * world.oracle.call("SOURCE_GAS") + 200_000
