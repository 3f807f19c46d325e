"""The first depositor makes a share so dear that the next one's money rounds away.

Naive rule: shares = assets · supply / balance. One unit in, a large gift, and whoever deposits less than the gift gets
nothing; the one share owns it all.

├── gift to the ledger account, before the victim  -> the victim loses nothing worth a cent, the giver nearly all
├── gift of tokens to the contracts                -> counts for nothing
└── gift to RISK in an epoch                       -> a profit that vests, for whoever was there
"""

from __future__ import annotations

import pytest

from tests.backstop import USDC, Pool, a_crash
from tests.stage import Party, Stage, wads


@pytest.fixture
def pool(stage: Stage) -> Pool:
    return Pool(stage)


def gift(stage: Stage, thief: Party, account: int, dollars: int) -> None:
    stage.deposit(account, "USDC", dollars, by=thief.address)


@pytest.mark.parametrize(("dollars", "victims"), [(1_000, 100), (1_000_000, 1_000), (100_000, 0.5)])
def test_gift__before_the_victim__costs_the_giver(
    stage: Stage, pool: Pool, dollars: int, victims: float
) -> None:
    thief, victim = stage.party(), stage.party()
    pool.deposit(thief.address, 0.000_001)
    gift(stage, thief, pool.reserve, dollars)
    pool.deposit(victim.address, victims)

    worth = pool.contract.call("previewRedeem", pool.shares(victim.address))
    lost = round(victims * USDC) - worth
    his = pool.contract.call("previewRedeem", pool.shares(thief.address))
    assert lost <= dollars * USDC // 10**6 + 2
    assert his < dollars * USDC * 6 // 10  # the virtual shares have the other half
    assert dollars * USDC - his > 1_000 * lost


def test_gift__of_tokens__counts_for_nothing(stage: Stage, pool: Pool) -> None:
    thief = stage.party()
    pool.deposit(thief.address, 1)
    price = pool.contract.call("previewRedeem", 10**12)
    token = stage.protocol.tokens[0]
    stage.endow(thief.address, "USDC", 2_000 * USDC)
    for target in (pool.contract, pool.desk):
        stage.send(token, "transfer", target.address, 1_000 * USDC, by=thief.address)
    assert pool.contract.call("previewRedeem", 10**12) == price


def test_gift__to_risk_in_an_epoch__vests_for_whoever_was_there(stage: Stage, pool: Pool) -> None:
    thief, victim = stage.party(), stage.party()
    pool.deposit(thief.address, 10_000)
    long, short = a_crash(stage)
    stage.until_started(long, 135)
    pool.take_over(long)
    before = pool.total
    gift(stage, thief, pool.risk, 10_000)
    assert pool.total == before
    pool.trade(short, -wads(10), wads(1_800))
    pool.deposit(victim.address, 100)
    worth = pool.contract.call("previewRedeem", pool.shares(victim.address))
    assert worth < 51 * USDC  # he has paid for what still vests…
    stage.wait(86_400)
    worth = pool.contract.call("previewRedeem", pool.shares(victim.address))
    assert 99 * USDC < worth <= 100 * USDC  # …and has it in a day
