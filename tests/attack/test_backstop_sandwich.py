"""Somebody comes for one takeover and leaves with its gain.

He deposits a hundred times what is there just before the takeover, makes the desk take over, buys the position back
from it at the mark, and leaves: others waited with their money, he has most of the gain, and no risk.

Naive rule: totalAssets counts the gain at once, and whoever holds shares then gets his part.

├── in, take over, buy back, out, in a few seconds  -> he has what vested in those seconds
├── in after the gain, before it has vested         -> he pays for it
├── in before it is even booked                     -> the same
├── in before a queue has left                      -> the same: what it leaves is for those who stay
├── in at risk, when the mark is low                -> nobody enters at risk
└── who was there and stayed                        -> has the gain
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from tests.backstop import USDC, Pool, a_crash
from tests.stage import Party, Stage, address_of, wads


@pytest.fixture
def pool(stage: Stage) -> Pool:
    found = Pool(stage)
    found.deposit("stranger", 10_000)
    return found


def out(pool: Pool, party: Party) -> int:
    shares = pool.shares(party.address)
    pool.send("redeem", shares, party.address, party.address, by=party.address)
    return pool.tokens(party.address)


def test_sandwich__in_and_out__gains_nothing(stage: Stage, pool: Pool) -> None:
    long, _ = a_crash(stage)
    thief, hand = stage.party(), stage.party(100_000)
    stage.until_started(long, 131)
    pool.deposit(thief.address, 1_000_000)
    pool.take_over(long)
    pool.trade(hand, -wads(10), wads(1_800))
    pool.send("settle")
    gain = pool.state.vestingAmount
    assert gain > 400 * USDC

    assert out(pool, thief) <= 1_000_000 * USDC + gain * 3 // 86_400  # what vested in those seconds
    stage.wait(86_400)
    worth = pool.contract.call("maxWithdraw", address_of("stranger"))
    assert worth >= 10_000 * USDC + gain * 99 // 100


def test_sandwich__in_while_it_vests__pays_for_it(stage: Stage, pool: Pool) -> None:
    long, short = a_crash(stage)
    stage.until_started(long, 135)
    pool.take_over(long)
    pool.trade(short, -wads(10), wads(1_800))
    pool.send("settle")
    gain = pool.state.vestingAmount
    thief = stage.party()
    pool.deposit(thief.address, 1_000_000)
    stage.wait(86_400)

    assert out(pool, thief) <= 1_000_000 * USDC
    worth = pool.contract.call("maxWithdraw", address_of("stranger"))
    assert worth == pytest.approx(10_000 * USDC + gain, abs=3)


def test_sandwich__in_before_it_is_booked__pays_for_it(stage: Stage, pool: Pool) -> None:
    """All is sold, and nobody has ended the epoch: his deposit does."""
    long, short = a_crash(stage)
    stage.until_started(long, 135)
    pool.take_over(long)
    pool.trade(short, -wads(10), wads(1_800))
    thief = stage.party()
    pool.deposit(thief.address, 1_000_000)
    gain = pool.state.vestingAmount
    assert gain > 400 * USDC
    stage.wait(86_400)
    assert out(pool, thief) <= 1_000_000 * USDC
    worth = pool.contract.call("maxWithdraw", address_of("stranger"))
    assert worth == pytest.approx(10_000 * USDC + gain, abs=3)


def test_sandwich__in_behind_a_queue__pays_for_what_it_left(stage: Stage, pool: Pool) -> None:
    """Nine tenths wait to leave, and leave the profit to those who stay: the next who enters would have most of it."""
    long, short = a_crash(stage)
    patient = stage.party()
    pool.deposit(patient.address, 90_000)
    stage.until_started(long, 135)
    pool.take_over(long)
    pool.request(patient.address, pool.shares(patient.address))
    pool.trade(short, -wads(10), wads(1_800))
    thief = stage.party()
    seen = pool.contract.call("previewDeposit", 1_000_000 * USDC)
    pool.deposit(thief.address, 1_000_000)
    assert pool.shares(thief.address) == pytest.approx(seen, rel=1e-9)
    gain = pool.state.vestingAmount
    assert gain > 400 * USDC
    stage.wait(86_400)

    assert out(pool, thief) <= 1_000_000 * USDC
    worth = pool.contract.call("maxWithdraw", address_of("stranger"))
    assert worth == pytest.approx(10_000 * USDC + gain, abs=3)


def test_sandwich__in_at_risk__refused(stage: Stage, pool: Pool) -> None:
    """The mark is pushed down for a moment; a share at it would be cheap."""
    long, _ = a_crash(stage)
    stage.until_started(long, 135)
    pool.take_over(long)
    thief = stage.party()
    pool.approve(thief.address, 1_000_000 * USDC)
    stage.price("ETH", 1_600)
    assert pool.total < 10_000 * USDC
    for function in ("deposit", "mint"):
        with pytest.raises(Reverted, match="ERC4626ExceededMax"):
            pool.send(function, 1_000_000, thief.address, by=thief.address)
