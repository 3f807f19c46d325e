"""world
├── every name        -> opens, balanced, everybody funded; the same addresses each time
├── feeds             -> fail in every way, and are never believed then; work again when mended
├── decimals          -> 2, 6, 8 and 18 are all there
├── hostile           -> all tokens may turn; elsewhere none
└── props             -> the attacker owns an account and operates others; what is evil isn't used by anybody
"""

from __future__ import annotations

from random import Random

import pytest

from holdfast.sim.actions.prices import fault_step
from holdfast.sim.actions.scene import Scene
from holdfast.sim.ghost import Ghost
from holdfast.sim.steps import run
from holdfast.sim.world import WORLDS, World

from .conftest import Opened

ETH = 1


@pytest.mark.parametrize("name", WORLDS)
def test_open__each__balanced_and_funded(opened: Opened, name: str) -> None:
    world = opened(name)

    assert all(asset.balance == asset.held > 0 for asset in world.start.system.assets)
    assert all(account.healthy for account in world.start.accounts)
    assert world.chain.rpc is world.protocol.rpc
    with World.open(name) as again:
        assert again.protocol.record.addresses == world.protocol.record.addresses
        assert again.time == world.time
        assert again.start == world.start


def test_worlds__decimals__all_kinds(opened: Opened) -> None:
    found = {decimals for name in WORLDS for decimals in opened(name).protocol.decimals}

    assert {2, 6, 8, 18} <= found


@pytest.mark.parametrize("fault", range(1, 8))
def test_feed__each_fault__refused_and_mended(opened: Opened, fault: int) -> None:

    world = opened("thin")
    s = Scene(world, Ghost(world), world.start, Random(0))
    failed, mended = fault_step(s, [ETH], fault), fault_step(s, [ETH], 0)

    first, last = [t for t in run(world, [], [failed, mended], world.start) if t.step is not None]

    assert first.ok and last.ok
    assert [event.args["underlying"] for event in first.named("PriceRefused")] in ([ETH], [])
    assert not first.named("PricePoked")
    assert first.after.markets == first.before.markets


def test_hostile__tokens__all_of_one_world(opened: Opened) -> None:
    assert sorted(opened("hostile").hostile) == [0, 1, 2]
    assert not opened("local").hostile and not opened("thin").hostile


def test_props__attacker__owns_and_operates(opened: Opened) -> None:
    world = opened("thin")
    attacker = world.props.attacker.address

    assert [a for a in world.start.accounts if a.owner == attacker]
    assert {owner for owner, who in world.operators if who == attacker} == set(world.people.owners[:3])
    assert all(
        world.protocol.oracle.call("feedOf", u)[0] != [world.props.evil_feed.address] for u in world.feeds
    )
    assert all(asset.vault != world.props.evil_vault.address for asset in world.start.system.assets)
