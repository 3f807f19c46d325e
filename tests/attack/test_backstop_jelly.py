"""Somebody makes the backstop hold his losing side.

He trades with himself: short on one account with as little margin as it takes, long on another. He drives the price up
until the short is sold, sees to it that nobody buys, and drives it further: the backstop's loss is his long's gain.

Naive rule: one vault behind all markets takes whatever nobody bought, with all that it has.

├── short of ten times the tranche's stake, price trebled  -> the loss is at most the cap; the reserve and the other
│                                                             market's tranche have lost nothing
├── again, as soon as it is settled                        -> there is nothing left to stake
└── the tranche bust                                       -> the opposite side pays: the gain is cut
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.units import WAD
from tests.backstop import USDC, Pool
from tests.stage import Party, Stage, address_of, wads

CAP = 20_000


@pytest.fixture
def pools(stage: Stage) -> tuple[Pool, Pool]:
    """100,000 dollars in each tranche; that of ether may lose 20,000."""
    eth, btc = Pool(stage, 1), Pool(stage, 2)
    eth.deposit("stranger", 100_000)
    btc.deposit("stranger", 100_000)
    eth.change(loss_cap_wad=wads(CAP))
    return eth, btc


def squeezed(stage: Stage, pool: Pool) -> tuple[Party, Party]:
    """His two accounts, after the tranche has taken over what it may of the short, and ETH went to three times."""
    short, long = stage.party(22_000), stage.party(22_000)
    stage.trade(long, short, 100, 2_000)
    stage.drift("ETH", 2_120)
    stage.start(short)
    stage.until_started(short, 135)
    pool.take_over(short)
    assert pool.size() < 0
    stage.drift("ETH", 6_000)
    return short, long


def close_out(stage: Stage, *losers: Party | int) -> None:
    """What the waterfall does about accounts below zero: the fund is empty, so the opposite side pays."""
    for account in losers:
        at = account if isinstance(account, int) else account.account
        if stage.look(at).auction is None:
            stage.send(stage.liquidation, "start", at, stage.treasury, by="keeper")
        stage.send(stage.liquidation, "deleverage", at, stage.eth, by="keeper")
        if stage.cash(at) < 0:
            stage.send(stage.liquidation, "writeOff", at, by="keeper")


def test_jelly__price_trebled__loss_at_most_the_cap_and_nobody_elses(
    stage: Stage, pools: tuple[Pool, Pool]
) -> None:
    eth, btc = pools
    highest = eth.total
    short, _ = squeezed(stage, eth)
    assert stage.equity(eth.risk) < 0

    assert highest - eth.total == CAP * USDC
    assert stage.cash(eth.reserve) == wads(80_000)
    close_out(stage, short, eth.risk)
    eth.send("settle")
    assert highest - eth.total == CAP * USDC == eth.state.lostAmount
    assert btc.total == 100_000 * USDC and btc.state.lostAmount == 0
    who = address_of("stranger")
    eth.send("redeem", eth.shares(who), who, who, by=who)
    assert eth.tokens("stranger") == pytest.approx(80_000 * USDC, abs=2)


def test_jelly__again__nothing_left_to_stake(stage: Stage, pools: tuple[Pool, Pool]) -> None:
    eth, _ = pools
    short, _ = squeezed(stage, eth)
    close_out(stage, short, eth.risk)
    eth.send("settle")

    again, other = stage.party(700_000), stage.party(700_000)
    stage.trade(other, again, 500, 6_000)
    stage.drift("ETH", 7_200)
    stage.start(again)
    stage.until_started(again, 135)
    with pytest.raises(Reverted, match="LossCapReached"):
        eth.take_over(again)


def test_jelly__bust__the_attacker_pays_for_the_rest(stage: Stage, pools: tuple[Pool, Pool]) -> None:
    """His long of 100 gained 400,000 on paper; what he can take home is what was really staked against him."""
    eth, _ = pools
    short, long = squeezed(stage, eth)
    assert stage.equity(long) > wads(400_000)
    close_out(stage, short, eth.risk)

    put_in = 2 * 22_000
    took_home = (stage.equity(long) + max(0, stage.equity(short))) // WAD
    assert took_home - put_in <= CAP
