"""Somebody moves the price for a moment, so that the backstop takes over at it, or sells what it holds at it.

Naive rule: whoever has the price of this second may act on it.

├── pushed down: a long is made to fall due                -> no takeover, no fill, while it is contested or the market
│                                                             settles down
├── pushed up, while the desk is short: buy high           -> nothing is signed
├── pushed, and the gain of a takeover comes from the push -> the next price shows it; nobody entered or left meanwhile
└── pushed for long enough to be believed                  -> a price like any other; the cap holds
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.model.backstop import signature_of
from tests.backstop import USDC, Pool, a_crash, fill, permit_bids, standing
from tests.stage import Party, Stage, address_of, wads


@pytest.fixture
def pool(stage: Stage) -> Pool:
    found = Pool(stage)
    found.deposit("stranger", 100_000)
    return found


def test_push__down__neither_tranche_nor_bid_takes(stage: Stage, pool: Pool) -> None:
    pro = stage.party(50_000)
    permit_bids(stage, pro)
    long, _ = a_crash(stage)
    stage.until_started(long, 134)
    stage.price("ETH", 1_400)
    with pytest.raises(Reverted, match="Blocked"):
        pool.take_over(long)
    with pytest.raises(Reverted, match="Blocked"):
        fill(stage, long, (pro, standing(stage, pro, 18_000, 0)))

    stage.price("ETH", 1_800)  # back; the market is Cautious for a while yet
    with pytest.raises(Reverted, match="Blocked"):
        pool.take_over(long)
    stage.until(stage.time + 300)
    pool.take_over(long)


def test_push__up_while_it_is_short__nothing_is_signed(stage: Stage, pool: Pool) -> None:
    short, long = stage.party(2_500), stage.party(200_000)
    stage.trade(long, short, 10, 2_000)
    stage.drift("ETH", 2_180)
    stage.start(short)
    stage.until_started(short, 135)
    pool.take_over(short)
    stage.price("ETH", 2_600)
    with pytest.raises(Reverted, match="BadSignature"):
        pool.trade(long, wads(10), wads(2_600))
    order = pool.order(wads(10), wads(2_100))
    digest = stage.protocol.order_digest(order)
    assert pool.desk.call("isValidSignature", digest, signature_of(order)) == bytes.fromhex("ffffffff")


def test_push__believed__the_cap_holds(stage: Stage, pool: Pool) -> None:
    """A false price of 1,800 stood for an hour, and the desk took over at it; then it is 1,000."""
    pool.change(loss_cap_wad=wads(5_000))
    long, _ = a_crash(stage)
    stage.until_started(long, 135)
    pool.take_over(long)
    stage.drift("ETH", 1_000)
    assert stage.cash(pool.reserve) == wads(95_000)
    assert pool.total == 95_000 * USDC
    close(stage, pool, long)
    assert pool.contract.call("maxWithdraw", address_of("stranger")) >= 95_000 * USDC - 1


def close(stage: Stage, pool: Pool, long: Party) -> None:
    for account in (pool.risk, long.account):
        if stage.look(account).healthy is False:
            if stage.look(account).auction is None:
                stage.send(stage.liquidation, "start", account, stage.treasury, by="keeper")
            stage.send(stage.liquidation, "deleverage", account, stage.eth, by="keeper")
