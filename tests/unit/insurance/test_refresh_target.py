"""refreshTarget
├── nothing open            -> falls by its bound, never below the least
├── open interest           -> multiple·Σ OI·mark·ES, as worked by hand, reached step by step
├── options                 -> counted with the perpetual, a unit each
├── realised volatility     -> counts between floor and bound
├── for one refresh alone   -> moves nothing, neither up nor down
├── same second             -> doesn't move
├── after a silence         -> a day counts, no more
├── fees pending            -> split by the share as it was
└── anybody may call
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.model.insurance import Exposure, counted_volatility_wad, raw_target_wad, refreshed_wad
from holdfast.types import perpetual
from holdfast.units import WAD
from tests.conftest import Clock, Roles
from tests.unit.insurance.world import BTC, ETH, FEES, FUND, PARAMS, TARGET, TREASURY, World, params

DAY = 86_400


@pytest.fixture
def refreshed(world: World) -> int:
    return int(world.insurance.call("state").refreshedAt)


def put_markets(world: World, roles: Roles) -> tuple[Exposure, ...]:
    found = (
        Exposure(open_wad=1_000 * WAD, mark_wad=2_000 * WAD, volatility_wad=6 * WAD // 10),
        Exposure(open_wad=10 * WAD, mark_wad=60_000 * WAD, volatility_wad=5 * WAD // 10),
    )
    for underlying, market in zip((ETH, BTC), found, strict=True):
        world.ledger.send("setOpenInterest", perpetual(underlying), market.open_wad, sender=world.deployer)
        world.ledger.send("setSpot", underlying, market.mark_wad, sender=world.deployer)
        world.insurance.send("setFloor", underlying, market.volatility_wad, sender=roles.governor)
    return found


def test_refresh__nothing_open__falls_by_its_bound_to_the_least(
    world: World, roles: Roles, clock: Clock, refreshed: int
) -> None:
    world.insurance.send("setParams", params(least_target_wad=950 * WAD), sender=roles.governor)
    seen = []
    for day in (0.5, 1, 2):
        clock.next(refreshed + int(day * DAY))
        receipt = world.insurance.send("refreshTarget", sender=roles.stranger)
        seen.append(receipt.event("TargetRefreshed").args["targetWad"])
        assert receipt.event("TargetRefreshed").args["rawWad"] == 0

    assert seen == [950 * WAD, 950 * WAD, 950 * WAD]
    world.insurance.send("setParams", params(least_target_wad=WAD), sender=roles.governor)
    clock.next(refreshed + 3 * DAY)
    world.insurance.send("refreshTarget", sender=roles.stranger)
    assert world.insurance.call("state").targetWad == 855 * WAD  # a tenth of 950 less


def test_refresh__open_interest__as_worked_by_hand(
    world: World, roles: Roles, clock: Clock, refreshed: int
) -> None:
    markets = put_markets(world, roles)
    raw = raw_target_wad(markets, PARAMS)
    # A day: √(1/365) = 0.0523424. ETH 0.6·3.6915·0.0523424 = 11.5934 % of 2,000,000; BTC 9.6612 % of 600,000.
    assert abs(raw - 15 * (231_868 + 57_967) * WAD // 10) < 20 * WAD

    seen = []
    for day in (1, 2):
        clock.next(refreshed + day * DAY)
        receipt = world.insurance.send("refreshTarget", sender=roles.stranger)
        seen.append(receipt.event("TargetRefreshed").args)

    assert seen == [{"rawWad": raw, "targetWad": TARGET}, {"rawWad": raw, "targetWad": 1_100 * WAD}]
    state = world.insurance.call("state")
    assert (state.targetWad, state.rawWad, state.refreshedAt) == (1_100 * WAD, raw, refreshed + 2 * DAY)


def test_refresh__options__count_as_units_of_their_underlying(world: World, roles: Roles) -> None:
    eth, btc = put_markets(world, roles)
    world.ledger.send("setTally", ETH, 500 * WAD + 1, sender=world.deployer)

    receipt = world.insurance.send("refreshTarget", sender=roles.stranger)

    raw = raw_target_wad((replace(eth, options_wad=500 * WAD + 1), btc), PARAMS)
    assert raw > raw_target_wad((eth, btc), PARAMS)
    assert receipt.event("TargetRefreshed").args["rawWad"] == raw


def test_refresh__for_one_refresh_alone__moves_nothing(
    world: World, roles: Roles, clock: Clock, refreshed: int
) -> None:
    """The attack: open interest is there in one moment of each day, whoever looks in between."""
    for day in range(1, 4):
        world.ledger.send("setSpot", ETH, 2_000 * WAD, sender=world.deployer)
        world.insurance.send("setFloor", ETH, WAD, sender=roles.governor)
        for second, base in ((0, 10**6 * WAD), (1, 1)):
            world.ledger.send("setOpenInterest", perpetual(ETH), base, sender=world.deployer)
            clock.next(refreshed + day * DAY + 10 * second)
            world.insurance.send("refreshTarget", sender=roles.stranger)

    assert world.insurance.call("state").targetWad == TARGET


@pytest.mark.parametrize("realised", [0, WAD // 2, 6 * WAD // 10, 2 * WAD, 10 * WAD, 11 * WAD])
def test_refresh__realised_volatility__counts_between_floor_and_bound(
    world: World, roles: Roles, realised: int
) -> None:
    market, _ = put_markets(world, roles)
    world.ledger.send("setOpenInterest", perpetual(BTC), 0, sender=world.deployer)
    world.ledger.send("setVolatility", ETH, realised, sender=world.deployer)
    counted = counted_volatility_wad(realised, market.volatility_wad)
    assert counted == max(6 * WAD // 10, min(realised, 10 * WAD))

    receipt = world.insurance.send("refreshTarget", sender=roles.stranger)

    raw = raw_target_wad([replace(market, volatility_wad=counted)], PARAMS)
    assert receipt.event("TargetRefreshed").args["rawWad"] == raw


def test_refresh__many_days__arrives(world: World, roles: Roles, clock: Clock, refreshed: int) -> None:
    raw = raw_target_wad(put_markets(world, roles), PARAMS)
    target, before, days = TARGET, 0, 0
    while target != raw:
        days += 1
        clock.next(refreshed + days * DAY)
        world.insurance.send("refreshTarget", sender=roles.stranger)
        target, before = refreshed_wad(target, before, raw, PARAMS, DAY), raw
        assert world.insurance.call("state").targetWad == target

    assert days == 65  # one to be found twice, and 1.1^63.7 = 434.75


def test_refresh__same_second__doesnt_move(world: World, roles: Roles, clock: Clock, refreshed: int) -> None:
    put_markets(world, roles)
    for time in (DAY, DAY + 1):
        clock.next(refreshed + time)
        world.insurance.send("refreshTarget", sender=roles.stranger)

    assert world.insurance.call("state").targetWad == TARGET + TARGET // (10 * DAY)  # a second of a day


def test_refresh__after_a_silence__a_day_counts(
    world: World, roles: Roles, clock: Clock, refreshed: int
) -> None:
    put_markets(world, roles)
    world.insurance.send("refreshTarget", sender=roles.stranger)
    first = world.insurance.call("state")
    assert first.targetWad <= TARGET
    clock.next(first.refreshedAt + 100 * DAY)

    world.insurance.send("refreshTarget", sender=roles.stranger)

    assert world.insurance.call("state").targetWad == 1_100 * WAD


def test_refresh__fees_pending__split_by_the_share_as_it_was(
    world: World, roles: Roles, clock: Clock, refreshed: int
) -> None:
    world.insurance.send("setParams", params(min_share_bps=0, max_share_bps=10_000), sender=roles.governor)
    put_markets(world, roles)
    world.insurance.send("refreshTarget", sender=roles.stranger)
    world.put(FUND, TARGET // 2)
    world.put(FEES, 100 * WAD)
    clock.next(world.insurance.call("state").refreshedAt + DAY)

    world.insurance.send("refreshTarget", sender=roles.stranger)

    assert world.cash(FUND, FEES, TREASURY) == (550 * WAD, 0, 50 * WAD)
    assert world.insurance.call("shareWad") == WAD // 2  # 550 of 1,100
