"""keys, and the invariants of a stolen one
├── halted        -> what overlaps is one, cut to the time asked for; another market's halts don't count
├── longest_open  -> the longest piece in none of them
├── followed      -> schedules come and go, halts are noted, relax ends them, bounds follow the feed
├── INV-32        -> a guardian's depth is between a share of the governor's and what there is, over the same time
├── INV-45        -> two pauses in a row are fine, a third isn't; after a whole cooldown it is
├── INV-46        -> a delay in which the door was never open for a cooldown is a violation
├── INV-47        -> a role that changes by itself is one
├── INV-48        -> a price beyond the bounds is one
└── INV-49        -> a cap of cash that falls at once is one
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.chain.artifacts import Event
from holdfast.sim.ghost import Ghost
from holdfast.sim.history import Result
from holdfast.sim.invariants import INVARIANTS, Room
from holdfast.sim.keys import Plot, halted, keys_of, longest_open
from holdfast.sim.steps import Step, Transition
from holdfast.sim.world import World
from holdfast.types import EVERYTHING, Level

from .conftest import Opened

ETH, BTC = 1, 2
HOUR = 3_600
LONGEST, COOLDOWN = 6 * HOUR, 12 * HOUR
T0 = 2_000_000_000
DELAY = 48 * HOUR


@pytest.fixture
def world(opened: Opened) -> World:
    return opened("local")


@pytest.fixture
def ghost(world: World) -> Ghost:
    return Ghost(world)


def at(world: World, now: int, *events: Event) -> Transition:
    """A step at that time in which this was heard, and nothing else changed."""
    t = Transition(
        world.start,
        replace(world.start, system=replace(world.start.system, time=now)),
        Step(action="plot", calls=(), text=()),
        (Result(1, 0, b"", []),),
    )
    t.__dict__["events"] = list(events)
    return t


def event(world: World, name: str, **args: Any) -> Event:
    return Event(name, args, world.protocol.authority.address)


def trip(world: World, underlying: int, start: int, seconds: int) -> Event:
    guardian = world.people.guardian
    return event(
        world, "Tripped", underlying=underlying, level=Level.HALTED, until=start + seconds, by=guardian
    )


def wrong(number: int, t: Transition, g: Ghost) -> list[str]:
    """What that invariant says of it."""
    judge = next(one.judge for one in INVARIANTS if one.id == f"INV-{number}")
    return list(words(judge(t, g)))


def words(judgement: Iterable[str | Room | None]) -> Iterable[str]:
    for one in judgement:
        said = one.wrong if isinstance(one, Room) else one
        if said is not None:
            yield said


def test_halted__overlaps__one_piece(ghost: Ghost) -> None:
    keys = keys_of(ghost)
    keys.halts[ETH] = [(100, 200), (500, 600)]
    keys.halts[EVERYTHING] = [(150, 300)]
    keys.halts[BTC] = [(0, 10_000)]

    assert halted(keys, ETH) == [(100, 300), (500, 600)]
    assert halted(keys, ETH, 120, 550) == [(120, 300), (500, 550)]


@pytest.mark.parametrize(
    "closed, free", [([], 100), ([(0, 100)], 0), ([(10, 20)], 80), ([(0, 60), (80, 100)], 20)]
)
def test_longest_open__pieces__the_longest(closed: list[tuple[int, int]], free: int) -> None:
    assert longest_open(closed, 0, 100) == free


def test_follow__schedule_halt_relax_feed__remembered(world: World, ghost: Ghost) -> None:
    keys, plot = keys_of(ghost), {"operationId": b"op", "target": "0x1", "data": b"data"}
    ghost.follow(at(world, T0, event(world, "OperationScheduled", schedule=T0 + DELAY, **plot)))
    ghost.follow(at(world, T0, trip(world, ETH, T0, LONGEST)))

    assert keys.plots == {b"op": Plot("0x1", b"data", T0, T0 + DELAY)}
    assert keys.halts[ETH] == [(T0, T0 + LONGEST)]

    bounds = SimpleNamespace(
        sources=[],
        quorum=1,
        divergenceBps=100,
        heartbeatSeconds=3_600,
        deviationPercent=15,
        minWad=7,
        maxWad=9,
    )
    ghost.follow(at(world, T0 + HOUR, event(world, "Relaxed", underlying=ETH)))
    ghost.follow(at(world, T0 + HOUR, event(world, "FeedSet", underlying=ETH, feed=bounds)))
    ghost.follow(at(world, T0 + HOUR, event(world, "OperationCanceled", operationId=b"op", nonce=1)))

    assert keys.plots == {}
    assert keys.halts[ETH] == [(T0, T0 + HOUR)]
    assert keys.bounds[ETH] == (7, 9)


def tightened(world: World, capacity_wad: int, seconds: int = 0) -> Transition:
    """The guardian has set the depth of ether."""
    said = event(world, "DepthSet", underlying=ETH, capacityWad=capacity_wad, windowSeconds=seconds)
    t = at(world, T0, said)
    t.step = Step(action="tighten", calls=(), text=(), speakers=frozenset({world.people.guardian}))
    markets = tuple(
        replace(market, depth_wad=capacity_wad, depth_seconds=seconds or market.depth_seconds)
        if market.underlying == ETH
        else market
        for market in world.start.markets
    )
    t.after = replace(t.after, markets=markets)
    return t


def test_governance_slow__guardians_depth__within_its_bounds(world: World, ghost: Ghost) -> None:
    depth = next(market.depth_wad for market in world.start.markets if market.underlying == ETH)
    least = keys_of(ghost).depths[ETH] // 4
    assert keys_of(ghost).depths[ETH] == depth == 4 * least

    assert [wrong(32, tightened(world, capacity), ghost) for capacity in (depth, least)] == [[], []]
    for capacity, seconds in ((depth + 1, 0), (least - 1, 0), (0, 0), (least, 1)):
        assert len(wrong(32, tightened(world, capacity, seconds), ghost)) == 1

    # Measured by what the governor set last.
    doubled = tightened(world, 2 * depth)
    doubled.__dict__["events"].append(event(world, "OperationExecuted", operationId=b"op", nonce=1))
    ghost.follow(doubled)
    assert len(wrong(32, tightened(world, 2 * least - 1), ghost)) == 1
    assert wrong(32, tightened(world, 2 * least), ghost) == []


def test_halts_bounded__third_in_a_row__violation(world: World, ghost: Ghost) -> None:
    keys_of(ghost).halts[ETH] = [(T0, T0 + LONGEST)]
    second = T0 + LONGEST + HOUR
    assert wrong(45, at(world, second, trip(world, EVERYTHING, second, LONGEST)), ghost) == []

    keys_of(ghost).halts[EVERYTHING] = [(second, second + LONGEST)]
    third = second + LONGEST + COOLDOWN - 1
    early = wrong(45, at(world, third, trip(world, ETH, third, 60)), ghost)
    assert early == [f"underlying {ETH}: halted for {2 * LONGEST + 60} s in one stretch"]
    assert wrong(45, at(world, third + 1, trip(world, ETH, third + 1, LONGEST)), ghost) == []


def test_exit__never_open_for_a_cooldown__violation(world: World, ghost: Ghost) -> None:
    keys = keys_of(ghost)
    keys.plots[b"op"] = Plot("0x1", b"", T0, T0 + DELAY)
    done = at(world, T0 + DELAY, event(world, "OperationExecuted", operationId=b"op", nonce=1))
    assert wrong(46, done, ghost) == []

    keys.halts[EVERYTHING] = [(T0 + n * 11 * HOUR, T0 + n * 11 * HOUR + HOUR) for n in range(5)]
    found = wrong(46, done, ghost)
    assert found[0] == f"underlying {ETH}: free for {10 * HOUR} s at most before a change"


def test_exit__nobody_scheduled_it__violation(world: World, ghost: Ghost) -> None:
    done = at(world, T0, event(world, "OperationExecuted", operationId=b"op", nonce=1))

    assert wrong(46, done, ghost) == ["an operation was executed that nobody scheduled"]


def test_roles__changed_at_once__violation(world: World, ghost: Ghost) -> None:
    granted = event(world, "RoleGranted", roleId=1, account=world.people.stranger)
    delay = world.protocol.record.config["access"]["admin_delay_seconds"]
    assert wrong(47, at(world, T0, granted), ghost) == ["RoleGranted without the administrator's delay"]

    keys_of(ghost).plots[b"op"] = Plot("0x1", b"", T0 - delay, T0)
    executed = event(world, "OperationExecuted", operationId=b"op", nonce=1)
    assert wrong(47, at(world, T0, executed, granted), ghost) == []
    assert wrong(47, at(world, T0 - 1, executed, granted), ghost) != []


def test_prices__beyond_the_bounds__violation(world: World, ghost: Ghost) -> None:
    low, high = keys_of(ghost).bounds[ETH]

    def poked(price: int, updated: int) -> Transition:
        return at(world, T0, event(world, "PricePoked", underlying=ETH, spotWad=price, updatedAt=updated))

    assert wrong(48, poked(low, T0), ghost) == wrong(48, poked(high, T0), ghost) == []
    assert wrong(48, poked(low - 1, T0), ghost) == [f"underlying {ETH}: {low - 1} entered"]
    assert wrong(48, poked(low, T0 + 1), ghost) == ["a price of the future entered"]


def test_cash__cap_falls_at_once__violation(world: World, ghost: Ghost) -> None:
    said, late = event(world, "CapSet", cap=1), event(world, "OperationExecuted", operationId=b"op", nonce=1)
    system = world.start.system
    assets = replace(system.assets[0], cap=1), *system.assets[1:]
    lower, delayed = at(world, T0, said), at(world, T0, said, late)
    for t in (lower, delayed):
        t.after = replace(t.after, system=replace(t.after.system, assets=assets))

    assert wrong(49, lower, ghost) == [f"the cap of cash fell at once, from {system.assets[0].cap} to 1"]
    assert wrong(49, delayed, ghost) == []
