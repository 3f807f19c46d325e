"""Somebody knows the next price and acts in the block before it is poked, or around a spike.

Naive rule: one spot price for everything. The borrower takes out against the top of a spike, the winner carries home
a profit that exists for a second.

├── before a fall          withdraws down to IM: what is lost beyond the margin is bounded by the fall less IM
├── before any move        trades with himself at the old price: the accounts together gain nothing
├── after a move           an old order can't be filled: the band is around the new mark
├── at the top of a spike
│   ├── borrows            the slow price is the limit: nothing more than before the spike
│   ├── withdraws profit   unrealised: it stays
│   └── realises it        with an accomplice, who must post the way back as margin: nobody ends below zero
└── a spike that lasts     what the accomplice may lose beyond his margin is bounded by what the slow price believed
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, Stage, total, wads


@pytest.fixture
def honest(stage: Stage) -> Party:
    return stage.party(500_000)


@pytest.mark.parametrize("fall", [5, 9, 10, 14])
def test_price_sandwich__withdraw_before_a_fall__is_bounded(stage: Stage, honest: Party, fall: int) -> None:
    attacker = stage.party(5_000)
    stage.trade(attacker, honest, 10, 2_000)
    stage.say("ETH", 2_000 * (100 - fall) / 100)  # public, and not poked yet

    stage.withdraw(attacker, "USDC", 2_990)  # equity 2,000: 10 %
    with pytest.raises(Reverted, match="BelowInitialMargin"):
        stage.withdraw(attacker, "USDC", 0.01)
    stage.poke("ETH")

    deficit = max(0, -stage.equity(attacker))
    assert deficit == max(0, wads(20_000) * (fall - 10) // 100)


@pytest.mark.parametrize("fall", [10, 14])
def test_price_sandwich__borrow_before_a_fall__haircut_holds(stage: Stage, honest: Party, fall: int) -> None:
    attacker = stage.party(WETH=10)
    stage.say("ETH", 2_000 * (100 - fall) / 100)
    stage.withdraw(attacker, "USDC", 17_000)  # all that 85 % allow
    stage.poke("ETH")
    assert stage.equity(attacker) > 0


@pytest.mark.parametrize("move", [-14, -2, 2, 14])
def test_price_sandwich__trading_with_himself__gains_nothing(stage: Stage, honest: Party, move: int) -> None:
    one = stage.party(50_000)
    two = stage.party(50_000, owner=one.key)
    stage.trade(one, honest, 5, 2_000)
    stage.trade(honest, two, 5, 2_000)
    after_move = 2_000 * (100 + move) / 100
    outside = stage.equity(honest)
    before = total(stage, [one, two])
    stage.say("ETH", after_move)

    stage.trade(two, one, 10, 1_960)  # at both edges of the band around the old mark
    stage.trade(one, two, 7, 2_040)
    stage.poke("ETH")
    stage.trade(one, two, 3, after_move * 1.02)
    stage.trade(two, one, 2, after_move * 0.98)

    assert total(stage, [one, two]) <= before
    assert stage.equity(honest) == outside  # 5 short, 5 long: nothing was moved to or from him


def test_price_sandwich__old_order__is_outside_the_band(
    stage: Stage, honest: Party, refused: Refused
) -> None:
    attacker = stage.party(50_000)
    resting = stage.order(honest, 10, 2_000)
    stage.price("ETH", 1_900)
    with refused("PriceOutsideBand", priceWad=wads(2_000), markWad=wads(1_900), bandBps=200):
        stage.match((honest, resting), (attacker, stage.order(attacker, -10, 1_900)), wads(10))


def test_price_sandwich__borrow_at_the_top__slow_price_is_the_limit(stage: Stage, honest: Party) -> None:
    attacker = stage.party(WETH=10)
    stage.price("ETH", 2_280)  # +14 %: not yet Contested

    limit = stage.health(attacker).margin.borrow_limit_wad
    assert wads(17_000) <= limit < wads(17_010)  # as before, and two seconds of belief
    with pytest.raises(Reverted, match="BelowInitialMargin"):
        stage.withdraw(attacker, "USDC", 17_030)
    stage.withdraw(attacker, "USDC", 17_000)

    stage.price("ETH", 2_000)
    margin = stage.health(attacker).margin
    assert margin.equity_wad >= margin.initial_wad - wads(0.01)


def test_price_sandwich__profit_of_a_spike__is_not_paid_out(
    stage: Stage, honest: Party, refused: Refused
) -> None:
    attacker = stage.party(2_110)
    stage.trade(attacker, honest, 10, 2_000)
    stage.price("ETH", 2_280)
    assert stage.equity(attacker) == wads(2_100 + 2_800)

    with pytest.raises(Reverted, match="BelowInitialMargin"):
        stage.withdraw(attacker, "USDC", 1)  # IM 2,280, and the 280 back to the slow price on each of ten


@pytest.mark.parametrize("direction", [1, -1], ids=["up", "down"])
@pytest.mark.parametrize("lasts", [0, 300, 900])
def test_price_sandwich__realised_at_the_top__accomplice_posts_the_way_back(
    stage: Stage, honest: Party, direction: int, lasts: int
) -> None:
    attacker = stage.party(2_110)
    if direction > 0:
        stage.trade(attacker, honest, 10, 2_000)
    else:
        stage.trade(honest, attacker, 10, 2_000)
    top = 2_000 + 280 * direction
    stage.price("ETH", top)
    if lasts:
        stage.wait(lasts)
        stage.say("ETH", top)
        stage.poke("ETH")
    accomplice = stage.party(20_000, owner=attacker.key)
    if direction > 0:
        stage.trade(accomplice, attacker, 10, top)
    else:
        stage.trade(attacker, accomplice, 10, top)
    stage.send(  # the profit, in cash
        stage.ledger,
        "withdraw",
        attacker.account,
        0,
        stage.cash(attacker) // 10**12,
        attacker.address,
        by=attacker.address,
    )
    margin = stage.health(accomplice).margin
    spare = (margin.equity_wad - margin.initial_wad) // 10**12
    stage.send(
        stage.ledger, "withdraw", accomplice.account, 0, spare, accomplice.address, by=accomplice.address
    )

    slow = stage.protocol.markets()[0].price.ema_wad
    posted = stage.equity(accomplice)
    assert (
        posted >= wads(top) + abs(wads(top) - slow) * 10
    )  # 10 % of ten, and what the slow price doesn't believe

    stage.price("ETH", 2_000)

    assert posted - stage.equity(accomplice) == wads(2_800)  # the way back
    assert stage.equity(attacker) < WAD  # its profit is outside
    if not lasts:
        assert stage.look(accomplice).healthy and stage.equity(accomplice) > wads(1_600)
    elif lasts == 300:
        assert stage.equity(accomplice) > 0  # to be liquidated, and worth it
    else:  # a new price that stood for a quarter of an hour, and fell by 12 %: more than IM, as any such fall
        assert stage.equity(accomplice) > -wads(2_800 - 2_000)
