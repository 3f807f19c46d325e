"""Deleveraging leaves a few wei on one side, and nobody on the other.

Three longs of 1 ETH against one short of 3, and ETH falls so fast that all three break. Each is closed against the
short. Thirds can't be written in 18 digits, so a wei or three of the short stay behind, without a counterparty.

├── the numbers        more short than long, never the other way round
├── time passes        nobody pays funding to nobody
├── a withdrawal       three wei don't lock up the winner's money
└── a new market       grows on the remains
"""

from __future__ import annotations

import pytest

from tests.stage import Party, Stage, wads


@pytest.fixture
def short(stage: Stage) -> Party:
    return stage.party(20_000)


@pytest.fixture
def remains(stage: Stage, short: Party) -> int:
    """Size of the short [wei] when all longs are gone."""
    longs = [stage.party(231) for _ in range(3)]
    for long in longs:
        stage.trade(long, short, 1, 2_020)  # above the mark: longs will owe funding
    stage.drift("ETH", 1_820)
    stage.price("ETH", 1_780)
    for long in longs:
        assert stage.equity(long) < 0
        stage.start(long)
    for long in longs:
        stage.deleverage(long)
        assert stage.look(long).positions == ()
    return -stage.size(short)


def test_empty_opposite_side__remains__are_short_never_long(stage: Stage, short: Party, remains: int) -> None:
    market = stage.market()
    assert market.long_base_wad == 0
    assert 0 < remains <= 3
    assert market.short_base_wad == remains
    assert market.short.epoch == 1
    # The short was paid by each long at his bankruptcy price, and keeps it.
    assert stage.equity(short) > wads(20_000 + 3 * 200)


def test_empty_opposite_side__funding__moves_nothing(stage: Stage, short: Party, remains: int) -> None:
    assert stage.market().long.premium_ppb > 0
    before = stage.equity(short)
    flows = (stage.market().long.flow_wad, stage.market().short.flow_wad)

    stage.wait(30 * 86_400)
    stage.send(stage.positions, "accrue", stage.eth, by="stranger")

    assert (stage.market().long.flow_wad, stage.market().short.flow_wad) == flows
    assert stage.equity(short) == before


def test_empty_opposite_side__winner__withdraws_all_but_the_margin_of_three_wei(
    stage: Stage, short: Party, remains: int
) -> None:
    stage.drift("ETH", 1_780)
    stage.send(stage.ledger, "settle", short.account, stage.eth, by=short.address)
    assert -stage.size(short) == remains  # a wei can't be settled away: it has a size
    everything = (stage.cash(short) - 1_000_000) // 10**12

    stage.send(stage.ledger, "withdraw", short.account, 0, everything, short.address, by=short.address)

    assert stage.protocol.tokens[0].call("balanceOf", short.address) == everything
    assert stage.cash(short) < 2 * 10**12


def test_empty_opposite_side__new_trades__grow_on_the_remains(
    stage: Stage, short: Party, remains: int
) -> None:
    stage.drift("ETH", 1_780)
    one, two = stage.party(10_000), stage.party(10_000)

    stage.trade(one, two, 4, 1_780)
    stage.drift("ETH", 1_880)

    assert stage.size(one) == wads(4) and stage.size(two) == wads(-4)
    assert wads(10_395) < stage.equity(one) <= wads(10_400 - 3.56)
    assert wads(9_595) < stage.equity(two) <= wads(9_600 - 1.424)
    stage.trade(two, one, 4, 1_880)
    assert stage.look(one).positions == () and stage.look(two).positions == ()
    assert stage.market().short_base_wad == remains
