"""Profit on paper, taken out as money.

Incident: Mango, 11 October 2022. One person on both sides of a position in a thin token: his buying pushed the price
of the oracle twenty-four-fold within an hour, the long's unrealised profit counted as collateral, and he borrowed
everything the lenders had, some 116 millions. The short couldn't pay, so nobody did.
Peer's rule: what may leave is equity, unrealised profit included, less a margin.
Ours: unrealised profit counts towards margin for new risk and never leaves: after a withdrawal cash is not negative,
or covered by collateral. What the short owes and can't pay is taken from the long, its counterparty, at the
bankruptcy price; before that the insurance fund pays, at most what is left of the market's cap.

├── on paper                  theirs: all of the lenders' money · ours: his own cash, not a cent more
├── borrowing on it           refused as well
├── after the short broke     both accounts together take out what they brought, and what the fund paid by rule
└── with an empty fund        …and not even that
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, Stage, wads

LENT = 400_000  # [dollars] of others
STAKE = 5_000  # [dollars] of each of his accounts
PUSH = 24
SIZE = 10


def equity_leaves(pool_wad: int, equity_wad: int, initial_wad: int) -> int:
    """What may leave by their rule: equity beyond the margin, as far as the pool goes."""
    return min(pool_wad, max(0, equity_wad - initial_wad))


@pytest.fixture
def lender(stage: Stage) -> Party:
    return stage.party(LENT)


@pytest.fixture
def long(stage: Stage, lender: Party) -> Party:
    return stage.party(STAKE)


@pytest.fixture
def short(stage: Stage, long: Party) -> Party:
    """The other half of the attacker. ETH has been pushed from 2,000 to 48,000, slowly enough to be believed."""
    short = stage.party(STAKE, owner=long.key)
    stage.trade(long, short, SIZE, 2_000)
    stage.drift("ETH", 2_000 * PUSH)
    return short


def test_paper_profit__withdraw__is_his_own_cash(
    stage: Stage, lender: Party, long: Party, short: Party, refused: Refused
) -> None:
    margin, cash = stage.health(long).margin, stage.cash(long)
    assert margin.equity_wad > wads(450_000)
    theirs = equity_leaves(wads(LENT), margin.equity_wad, margin.initial_wad)
    assert theirs == wads(LENT)  # everything

    with refused("UnrealisedProfit", account=long.account, cashWad=-(10**12), borrowLimitWad=0):
        raw = cash // 10**12 + 1
        stage.send(stage.ledger, "withdraw", long.account, 0, raw, long.address, by=long.address)
    stage.send(stage.ledger, "withdraw", long.account, 0, cash // 10**12, long.address, by=long.address)

    assert cash < wads(STAKE) and stage.cash(lender) == wads(LENT)


def test_paper_profit__on_another_asset__is_refused_too(stage: Stage, long: Party, short: Party) -> None:
    stage.party(WETH=100)  # somebody's ether lies here
    with pytest.raises(Reverted, match="InsufficientBalance"):
        stage.withdraw(long, "WETH", 1)


@pytest.mark.parametrize("fund", [0, 50_000])
def test_paper_profit__the_short_breaks__the_long_gives_it_back(
    stage: Stage, lender: Party, long: Party, short: Party, fund: int
) -> None:
    if fund:
        stage.insure(fund)
    kept = stage.cash(stage.fund)
    assert stage.equity(short) < -wads(450_000)
    stage.start(short)
    stage.deleverage(short)
    paid = kept + stage.cash(stage.fees) - stage.cash(stage.fund)

    out = 0
    for party in (long, short):
        if stage.look(party).positions:
            stage.send(stage.ledger, "settle", party.account, stage.eth, by="stranger")
        cash = stage.cash(party) // 10**12
        if cash > 0:
            stage.send(stage.ledger, "withdraw", party.account, 0, cash, party.address, by=party.address)
            out += cash * 10**12

    assert out <= wads(2 * STAKE) + min(paid, wads(fund + 10))  # the fund, and a few dollars of fees
    assert stage.cash(lender) == wads(LENT)
    assert stage.protocol.snapshot().system.pool.credit_index_wad == WAD  # no creditor lost anything
