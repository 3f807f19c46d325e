"""One print of 0.0001, or of anything absurd, for a second.

Naive rule: whoever calls first liquidates everybody at it.

├── outside the bounds        refused with an event; the old price stays
├── inside, but a jump        Contested: nobody is seized, nothing is taken out, for as long as it stands alone
│   ├── the next honest one   and all is as it was; nobody lost anything
│   └── no new risk           Cautious for five minutes
└── a lasting fall            believed when the slow price is near: minutes, never "until somebody decides"
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.model.oracle import pushed_wad
from holdfast.types import Action, Grade, Level
from tests.conftest import Refused
from tests.stage import Party, Stage, named, wads


@pytest.fixture
def long(stage: Stage) -> Party:
    long = stage.party(2_700)
    stage.trade(long, stage.party(100_000), 10, 2_000)
    return long


def raw_print(stage: Stage, answer: int) -> None:
    stage.send(stage.protocol.feeds[1][0], "set", answer, by="deployer", check=False)


@pytest.mark.parametrize("answer", [10_000, 1, 0, -(2_000 * 10**8), 10**18, 2**255 - 1])
def test_single_print__outside_the_bounds__is_refused(
    stage: Stage, long: Party, answer: int, refused: Refused
) -> None:
    """0.0001 is 10,000 in eight decimals; the feed of ether is believed from 10 to 1,000,000."""
    raw_print(stage, answer)

    receipt = stage.poke("ETH")

    (refusal,) = named(receipt, "SourceRefused")
    assert refusal["priceWad"] == pushed_wad(answer, 8)
    assert named(receipt, "PriceRefused") == [{"underlying": 1, "votes": 0, "quorum": 1}]
    price = stage.protocol.markets()[0].price
    assert (price.spot_wad, price.grade) == (wads(2_000), Grade.FRESH)
    with refused("Healthy", account=long.account, equityWad=wads(2_690), maintenanceWad=wads(1_000)):
        stage.start(long)


@pytest.mark.parametrize("price", [10, 100, 1_500, 3_000, 900_000])
def test_single_print__inside_the_bounds__is_contested(
    stage: Stage, long: Party, price: int, refused: Refused
) -> None:
    short = stage.party(2_700)
    stage.trade(stage.party(100_000), short, 10, 2_000)
    stage.price("ETH", price)

    assert stage.health(long).grade == Grade.CONTESTED
    for victim in (long, short):  # one of the two is far below MM, if the print were believed
        if stage.look(victim).healthy:
            continue
        with refused(
            "Blocked",
            action=Action.START,
            underlying=1,
            level=Level.CAUTIOUS,
            grade=Grade.CONTESTED,
            grace=False,
        ):
            stage.start(victim)
    with pytest.raises(Reverted, match="Blocked"):
        stage.withdraw(long, "USDC", 1)
    with pytest.raises(Reverted, match="Blocked"):
        stage.trade(long, short, 0.1, price)

    stage.wait(58)
    for _ in range(3):  # the next print is honest, and so are those after it
        stage.price("ETH", 2_000)
        stage.wait(1_500)
    assert stage.equity(long) == wads(2_690) and stage.equity(short) == wads(2_696)
    stage.withdraw(long, "USDC", 1)


def test_single_print__jump__trips_cautious(stage: Stage, long: Party) -> None:
    receipt = stage.price("ETH", 1_500)

    poked, tripped = named(receipt, "PricePoked", "Tripped")
    assert poked["spotWad"] == wads(1_500)
    assert (tripped["underlying"], tripped["level"], tripped["until"]) == (
        1,
        Level.CAUTIOUS,
        stage.time + 300,
    )


def test_single_print__lasting_fall__is_believed_in_minutes(stage: Stage, long: Party) -> None:
    """From 2,000 to 1,600: 20 %. The slow price is within 15 % when 400·2^(−t/300) ≤ 1,600·0.15/0.85: 151 seconds."""
    stage.price("ETH", 1_600)
    said = stage.time - 1
    with pytest.raises(Reverted, match="Blocked"):
        stage.start(long)

    stage.until(said + 150)
    with pytest.raises(Reverted, match="Blocked"):
        stage.start(long)
    stage.start(long)
