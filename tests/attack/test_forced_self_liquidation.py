"""An account that makes itself liquidatable, to hand its position to somebody who must take it.

Incident: JELLY, 26 March 2025, Hyperliquid. Somebody sold a small token short against himself, withdrew the margin,
and the vault inherited the short; then he bought the token, up to four times its price. The vault, which shared its
money with other strategies, stood at a loss of some twelve millions until the market was closed by hand at another
price.
Peer's rule: margin leaves down to the maintenance level; what then falls below it the vault takes over at the mark,
whole, however large, and holds until it can sell.
Ours: a withdrawal leaves equity ≥ IM, and so does a trade that isn't a reduction: no step of one's own leads below
MM. Nobody must take anything. What isn't bought and can't be paid by the market's line of insurance is closed against
the other side, which is where the profit of the squeeze is.

├── to MM by withdrawing         theirs: allowed · ours: BelowInitialMargin
├── to MM by losing to oneself   at the edge of the band: stops at IM, too
└── the squeeze                  theirs: the vault's loss · ours: his own long pays; the fund at most the market's cap
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, Stage, wads

STAKE = 40_000  # [dollars] of each account
SIZE = 100  # [ETH] short at 2,000: IM 20,000, MM 10,000
SQUEEZE = 4
CAP = 30_000  # [dollars] what the fund has


@pytest.fixture
def long(stage: Stage) -> Party:
    return stage.party(STAKE)


@pytest.fixture
def short(stage: Stage, long: Party) -> Party:
    short = stage.party(STAKE, owner=long.key)
    stage.trade(long, short, SIZE, 2_000)
    return short


def may_leave_down_to(equity: float, maintenance: float) -> float:
    """By their rule."""
    return equity - maintenance


def vault_loss(size: float, taken_at: float, price: float, margin: float) -> float:
    """By their rule: the vault holds the short that it had to take, and the margin that came with it."""
    return max(0.0, size * (price - taken_at) - margin)


def test_forced__withdrawing__stops_at_initial_margin(stage: Stage, short: Party, refused: Refused) -> None:
    margin = stage.health(short).margin
    equity, maintenance = margin.equity_wad / WAD, margin.maintenance_wad / WAD
    assert may_leave_down_to(equity, maintenance) > equity - 20_000  # theirs: half of the margin that we keep

    stage.withdraw(short, "USDC", 19_900)
    after = stage.equity(short)
    with refused(
        "BelowInitialMargin",
        account=short.account,
        equityWad=after - wads(1_000),
        initialWad=wads(20_000),
    ):
        stage.withdraw(short, "USDC", 1_000)
    stage.withdraw(short, "USDC", (after - wads(20_000)) / WAD)
    assert stage.equity(short) == wads(20_000)
    with pytest.raises(Reverted, match="Healthy"):
        stage.start(short)


def test_forced__losing_to_oneself__stops_at_initial_margin(stage: Stage, long: Party, short: Party) -> None:
    stage.withdraw(short, "USDC", 19_000)
    worse = 0
    while worse < 50:
        try:
            stage.trade(long, short, 2, 1_960)  # sells more, 2 % under the mark, to himself
        except Reverted as error:
            assert error.name == "BelowInitialMargin"
            break
        worse += 1
    assert worse < 50
    margin = stage.health(short).margin
    assert margin.equity_wad >= margin.initial_wad == 2 * margin.maintenance_wad


def test_forced__squeeze__his_own_long_pays(stage: Stage, long: Party, short: Party) -> None:
    lender = stage.party(500_000)
    stage.insure(CAP)
    stage.withdraw(short, "USDC", 19_900)
    brought = 2 * STAKE - 19_900
    assert vault_loss(SIZE, 2_000, 2_000 * SQUEEZE, margin=10_000) == 590_000  # theirs, for 40,000 of his

    stage.drift("ETH", 2_000 * SQUEEZE)
    assert stage.equity(short) < -wads(570_000)
    stage.start(short)
    stage.deleverage(short)

    out = 0
    for party in (long, short):
        if stage.look(party).positions:
            stage.send(stage.ledger, "settle", party.account, stage.eth, by="stranger")
        cash = stage.cash(party) // 10**12
        if cash > 0:
            stage.send(stage.ledger, "withdraw", party.account, 0, cash, party.address, by=party.address)
            out += cash * 10**12
    assert out <= wads(brought + CAP + 200)  # and the fees of his own trade
    assert stage.cash(lender) == wads(500_000)
    assert stage.liquidation.call("auctionOf", short.account).startedAt == 0
