"""The oracle with a real breaker and one settable feed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Clock, Roles
from tests.unit.oracle.world import BTC, ETH, GRACE, ONE, RULES, TRIGGER, World, feed_of


@pytest.fixture
def world(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> World:
    """No feed is set yet; the governor may set one, without delay."""
    breaker = deploy("Breaker", authority.address, 3_600, 3_600, GRACE, TRIGGER, 0, 1)
    oracle = deploy("Oracle", authority.address, breaker.address, *RULES)
    permit(oracle, breaker, "reportMove", "reportResume")
    permit(roles.governor, oracle, "setFeed")
    feed = deploy("SettableFeed", roles.deployer, 8)
    return World(oracle, breaker, feed, roles.keeper, roles.deployer)


@pytest.fixture
def start(world: World, clock: Clock, roles: Roles) -> int:
    """ETH has a first price of 100, of this time."""
    time = clock.now + 1_000
    world.say(100 * ONE, time)
    clock.next(time)
    world.oracle.send("setFeed", ETH, feed_of(world.feed), sender=roles.governor)
    return time


@pytest.fixture
def venues(world: World, deploy: Callable[..., Contract], clock: Clock, roles: Roles) -> list[Contract]:
    """BTC has three sources that say 100 as of now; two of them are a quorum."""
    feeds = [deploy("MockBrokenFeed") for _ in range(3)]
    time = clock.now + 1_000
    for feed in feeds:
        feed.send("setAnswer", 100 * WAD, 0, time, sender=roles.deployer)
    clock.next(time)
    world.oracle.send("setFeed", BTC, feed_of(*feeds), sender=roles.governor)
    return feeds


@pytest.fixture
def broken(world: World, deploy: Callable[..., Contract], clock: Clock, roles: Roles, start: int) -> Contract:
    """BTC's feed can be broken; its first price is 100, of `start`, too."""
    feed = deploy("MockBrokenFeed")
    feed.send("setAnswer", 100 * WAD, 0, start, sender=roles.deployer)
    clock.next(start + 1)
    world.oracle.send("setFeed", BTC, feed_of(feed), sender=roles.governor)
    return feed
