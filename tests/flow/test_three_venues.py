"""Ether from three venues, of which two are a quorum
├── one prints anything        -> nothing happens: same price, Fresh, nobody seized, trading goes on
├── one falls silent           -> the other two are enough
├── two are far apart          -> Contested, nobody seized, for less than the bound; then by the drawn price
├── the pusher with a source   -> tells all three
└── the pusher that only pokes -> knows what they agree on, and when they have news
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.protocol import Protocol
from holdfast.errors import Reverted
from holdfast.keepers import price_pusher
from holdfast.keepers.actions import Poke, SetPrice
from holdfast.keepers.prices import FixedPrices
from holdfast.keepers.roles import PricePusher
from holdfast.types import Grade
from holdfast.units import WAD
from tests.attack.company import deployed_with, undone
from tests.conftest import GENESIS
from tests.stage import PEOPLE, Party, Stage, key_of, named, wads


@pytest.fixture(scope="module")
def protocol_of_three() -> Iterator[Protocol]:
    def three(data: dict[str, Any]) -> None:
        data["underlyings"]["ETH"] |= {"sources": [{"kind": "settable"}] * 3, "quorum": 2}

    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as running:
        yield deployed_with(running.rpc, three)


@pytest.fixture
def stage(protocol_of_three: Protocol) -> Iterator[Stage]:
    with undone(protocol_of_three) as stage:
        yield stage


@pytest.fixture
def long(stage: Stage) -> Party:
    long = stage.party(2_700)
    stage.trade(long, stage.party(100_000), 10, 2_000)
    return long


def venue_says(stage: Stage, place: int, price: float, ago: int = 0) -> None:
    feed, time = stage.protocol.feeds[1][place], stage.time + 1 - ago
    stage.send(feed, "setAt", round(price * 10**8), time, by="deployer", check=False)


@pytest.mark.parametrize("price", [0.0001, 11, 1_500, 1_999, 900_000, 10**9])
def test_three__one_prints__nothing_happens(stage: Stage, long: Party, price: float) -> None:
    for place, said in enumerate((2_000, price, 2_000)):
        venue_says(stage, place, said)

    poked = named(stage.poke("ETH"), "PricePoked")

    assert [event["spotWad"] for event in poked] == [wads(2_000)]
    found = stage.protocol.markets()[0].price
    assert (found.spot_wad, found.grade) == (wads(2_000), Grade.FRESH)
    with pytest.raises(Reverted, match="Healthy"):
        stage.start(long)
    stage.trade(long, stage.party(1_000), 0.1, 2_000)


def test_three__one_is_silent__the_others_are_enough(stage: Stage) -> None:
    stage.wait(3_000)
    for place in (0, 2):
        venue_says(stage, place, 2_010)
    stage.poke("ETH")
    stage.wait(2_500)  # by now the first answers are too old to vote
    for place in (0, 2):
        venue_says(stage, place, 2_020)

    receipt = stage.poke("ETH")

    assert [event["source"] for event in named(receipt, "SourceRefused")] == [
        stage.protocol.feeds[1][1].address
    ]
    assert stage.protocol.markets()[0].price.spot_wad == wads(2_020)


def test_three__far_apart__contested_then_by_the_drawn_price(stage: Stage, long: Party) -> None:
    """A fall that goes on, seen differently by each: nobody is seized for 900 s, then at 85 % of the slow price."""
    begin = stage.time
    for spot in (*[1_700] * 12, 1_250):
        for place, share in enumerate((1, 0.97, 1.03)):
            venue_says(stage, place, spot * share)
        stage.poke("ETH")
        assert stage.health(long).grade == Grade.CONTESTED
        with pytest.raises(Reverted, match="Blocked"):
            stage.start(long)
        stage.wait(60)

    stage.until(begin + 4 + 900)  # the first poke was at begin + 4
    stage.start(long)

    price = stage.protocol.markets()[0].price
    assert price.grade == Grade.SLOW
    assert price.spot_wad == -(-price.ema_wad * 85 // 100) > wads(1_250)


def pusher(stage: Stage, prices: dict[str, int] | None) -> PricePusher:
    source = FixedPrices(prices) if prices else None
    policy = price_pusher.Policy(settable=prices is not None)
    return PricePusher(stage.protocol, key_of(0), source, policy, 1)


def test_three__pusher__tells_all(stage: Stage) -> None:
    role = pusher(stage, {"ETH": 1_950 * WAD})

    *answers, poke = role.decide(stage.protocol.snapshot())

    assert [(one.underlying, one.venue) for one in answers if isinstance(one, SetPrice)] == [
        (1, 0),
        (1, 1),
        (1, 2),
    ]
    assert len({one.subject for one in answers}) == 3
    assert isinstance(poke, Poke) and poke.underlyings == (1,)
    assert stage.protocol.feeds[1][0].call("owner") == key_of(0).address


def test_three__pusher_that_pokes__waits_for_two(stage: Stage) -> None:
    role = pusher(stage, None)
    venue_says(stage, 0, 1_900)
    assert role.decide(stage.protocol.snapshot()) == []

    venue_says(stage, 2, 1_910)

    (poke,) = role.decide(stage.protocol.snapshot())
    assert isinstance(poke, Poke) and "moved" in poke.why
    stage.poke("ETH")
    assert stage.protocol.markets()[0].price.spot_wad == wads(1_910)  # of 1,900, 1,910 and 2,000
    assert role.decide(stage.protocol.snapshot()) == []
