"""setFeed
├── caller has no role                         -> AccessManagedUnauthorized
├── underlying is 0                            -> ReservedUnderlying
├── sources, quorum, divergence, heartbeat, deviation or bounds out of range -> BadFeed
├── a source has no code, or comes twice       -> NoSource, RepeatedSource
├── the feed is good
│   ├── emits FeedSet and pokes it at once
│   └── feedOf gives it back
├── the source says nothing yet                -> set, Invalid
├── it replaces another
│   ├── the stored price stays until the new source has a newer one
│   └── a longer heartbeat ends Stale          -> grace all the same
└── neighbours                                 -> unchanged
"""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Clock, Refused, Roles
from tests.unit.oracle.world import (
    BTC,
    ETH,
    FRESH,
    GRACE,
    HEARTBEAT,
    INVALID,
    MAX,
    ONE,
    SLOW,
    SLOW_GRADE,
    STALE,
    World,
    feed_of,
)

TOO_LONG = 2**16 * 10


def test_set_feed__no_role__reverts(world: World, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.stranger):
        world.oracle.send("setFeed", ETH, feed_of(world.feed), sender=roles.stranger)


def test_set_feed__underlying_0__reverts(world: World, roles: Roles, refused: Refused) -> None:
    with refused("ReservedUnderlying"):
        world.oracle.send("setFeed", 0, feed_of(world.feed), sender=roles.governor)


@pytest.mark.parametrize(
    ("changes", "value", "bound"),
    [
        ({"sources": []}, 0, 1),
        ({"quorum": 0}, 0, 1),
        ({"quorum": 2}, 2, 1),
        ({"divergence": 0}, 0, 1),
        ({"divergence": 10_001}, 10_001, 10_000),
        ({"heartbeat": 0}, 0, 10),
        ({"heartbeat": 5}, 5, 10),
        ({"heartbeat": 101}, 101, 10),
        ({"heartbeat": TOO_LONG}, TOO_LONG, TOO_LONG - 10),
        ({"heartbeat": 2**32 - 6}, 2**32 - 6, TOO_LONG - 10),
        ({"deviation": 0}, 0, 1),
        ({"deviation": 101}, 101, 100),
        ({"min": 0}, 0, 1),
        ({"min": MAX}, MAX, MAX),
        ({"min": MAX + 1}, MAX + 1, MAX),
    ],
    ids=str,
)
def test_set_feed__out_of_range__reverts(
    world: World, roles: Roles, refused: Refused, changes: dict[str, Any], value: int, bound: int
) -> None:
    with refused("BadFeed", underlying=ETH, value=value, bound=bound):
        world.oracle.send("setFeed", ETH, feed_of(world.feed, **changes), sender=roles.governor)


@pytest.mark.parametrize(
    "changes",
    [
        {"divergence": 1},
        {"divergence": 10_000},
        {"heartbeat": 10},
        {"heartbeat": TOO_LONG - 10},
        {"deviation": 1},
        {"deviation": 100},
        {"min": 1, "max": 2},
        {"max": 2**88 - 1},
    ],
    ids=str,
)
def test_set_feed__at_the_edge_of_the_range__is_set(
    world: World, roles: Roles, changes: dict[str, Any]
) -> None:
    feed = feed_of(world.feed, **changes)

    world.oracle.send("setFeed", ETH, feed, sender=roles.governor)

    assert tuple(world.oracle.call("feedOf", ETH)) == feed


@pytest.mark.parametrize(
    ("count", "quorum", "bound"), [(2, 1, 2), (3, 1, 2), (3, 4, 3), (8, 4, 5), (8, 9, 8)], ids=str
)
def test_set_feed__quorum_is_no_majority__reverts(
    world: World,
    roles: Roles,
    refused: Refused,
    deploy: Callable[..., Contract],
    count: int,
    quorum: int,
    bound: int,
) -> None:
    feed = feed_of(*(deploy("MockBrokenFeed") for _ in range(count)), quorum=quorum)

    with refused("BadFeed", underlying=ETH, value=quorum, bound=bound):
        world.oracle.send("setFeed", ETH, feed, sender=roles.governor)


def test_set_feed__eight_sources__and_no_more(
    world: World, roles: Roles, refused: Refused, deploy: Callable[..., Contract]
) -> None:
    sources = [deploy("MockBrokenFeed") for _ in range(9)]

    world.oracle.send("setFeed", ETH, feed_of(*sources[:8]), sender=roles.governor)
    assert world.oracle.call("feedOf", ETH)[0] == [source.address for source in sources[:8]]
    with refused("BadFeed", underlying=ETH, value=9, bound=8):
        world.oracle.send("setFeed", ETH, feed_of(*sources), sender=roles.governor)


def test_set_feed__source_without_code__reverts(world: World, roles: Roles, refused: Refused) -> None:
    feed = feed_of(world.feed, sources=[roles.stranger])

    with refused("NoSource", underlying=ETH, source=roles.stranger):
        world.oracle.send("setFeed", ETH, feed, sender=roles.governor)


def test_set_feed__source_twice__reverts(
    world: World, roles: Roles, refused: Refused, deploy: Callable[..., Contract]
) -> None:
    """One venue with two votes would be a quorum of its own."""
    feed = feed_of(world.feed, deploy("MockBrokenFeed"), world.feed)

    with refused("RepeatedSource", underlying=ETH, source=world.feed.address):
        world.oracle.send("setFeed", ETH, feed, sender=roles.governor)


def test_set_feed__good__is_set_and_poked(world: World, roles: Roles, clock: Clock) -> None:
    time = clock.now + 10
    world.say(100 * ONE, time)
    clock.next(time)

    receipt = world.oracle.send("setFeed", ETH, feed_of(world.feed), sender=roles.governor)

    assert [event.name for event in receipt.events] == ["FeedSet", "PricePoked"]
    assert receipt.event("FeedSet").args["underlying"] == ETH
    feed = receipt.event("FeedSet").args["feed"]
    assert tuple(feed) == feed_of(world.feed)
    assert receipt.event("PricePoked").args == {
        "underlying": ETH,
        "spotWad": 100 * WAD,
        "emaWad": 100 * WAD,
        "updatedAt": time,
        "varianceWad": 0,
        "divergent": False,
    }
    assert world.oracle.call("feedOf", ETH) == feed
    assert world.oracle.call("updatedAtOf", ETH) == time
    assert world.price() == (100 * WAD, 100 * WAD, FRESH)


def test_set_feed__source_is_silent__is_set_and_invalid(world: World, roles: Roles) -> None:
    receipt = world.oracle.send("setFeed", ETH, feed_of(world.feed), sender=roles.governor)

    assert [event.name for event in receipt.events] == ["FeedSet", "SourceRefused", "PriceRefused"]
    assert world.price() == (0, 0, INVALID)
    assert world.oracle.call("updatedAtOf", ETH) == 0


def test_set_feed__replacement__keeps_the_price_until_a_newer_one(
    world: World, roles: Roles, clock: Clock, start: int, deploy: Callable[..., Contract]
) -> None:
    other = deploy("SettableFeed", roles.deployer, 18)
    other.send("setAt", 90 * WAD, start, sender=roles.deployer)
    clock.next(start + 20)

    receipt = world.oracle.send("setFeed", ETH, feed_of(other, heartbeat=10), sender=roles.governor)

    assert [event.name for event in receipt.events] == ["FeedSet"]  # as of the same time: no news
    assert world.price() == (100 * WAD, 100 * WAD, SLOW_GRADE)  # by the new heartbeat

    other.send("setAt", 90 * WAD, start + 1, sender=roles.deployer)
    clock.next(start + 21)
    world.poke()
    assert world.price()[0] == 90 * WAD
    assert world.oracle.call("updatedAtOf", ETH) == start + 1


def test_set_feed__longer_heartbeat_ends_stale__opens_grace(
    world: World, roles: Roles, clock: Clock, start: int
) -> None:
    late = start + HEARTBEAT + SLOW + 1
    clock.set(late)
    assert world.price()[2] == STALE
    clock.next(late + 1)

    receipt = world.oracle.send("setFeed", ETH, feed_of(world.feed, heartbeat=1_000), sender=roles.governor)

    assert world.price()[2] == FRESH
    assert receipt.event("GraceOpened").args == {"underlying": ETH, "until": late + 1 + GRACE}


def test_set_feed__one_of_two__leaves_the_other(
    world: World, roles: Roles, clock: Clock, start: int, broken: Contract
) -> None:
    before = world.oracle.call("feedOf", BTC), world.price(BTC), world.oracle.call("updatedAtOf", BTC)

    world.oracle.send("setFeed", ETH, feed_of(world.feed, deviation=50), sender=roles.governor)

    assert (
        world.oracle.call("feedOf", BTC),
        world.price(BTC),
        world.oracle.call("updatedAtOf", BTC),
    ) == before
