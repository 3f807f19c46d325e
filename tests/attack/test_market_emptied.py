"""The last position of a market is liquidated, and something goes below zero.

Incident: dYdX, 10 October 2025. In the crash one trade closed all of an isolated market's open interest. What was
left of its collateral was moved to the shared pool before the insurance fund had paid; a pool saw a negative balance,
the application panicked, and the chain stood still for eight hours.
Peer's rule: close → hand the market's collateral over → ask the fund; a pool below zero is impossible, so it halts.
Ours: one transaction closes, pays and ends. There are no pools by market: an account may owe in between, and nothing
is handed over but to accounts. The fund pays into the account in the same call, to the wei of what it owes when it
holds nothing else.

├── the last long is taken, the fund pays        theirs: halted · ours: done; the last two close, all leave
└── the last long is deleveraged, the fund pays  the last short goes with it; the next ones begin anew
tests/flow/test_last_position.py has the rest: both close, an empty fund, epochs.
"""

from __future__ import annotations

import pytest

from tests.stage import Party, Stage, named, wads


class Halted(Exception):
    """The chain stands still."""


def close_then_move_then_pay(market: int, shared: int, deficit: int, fund: int) -> tuple[int, int]:
    """By their rule: pools after the last position of a market was closed with a deficit."""
    market -= deficit
    if market < 0:
        raise Halted(f"collateral pool at {market}")  # before the fund is asked
    paid = min(deficit, fund)
    return shared + market + paid, fund - paid


def close_and_pay_at_once(market: int, shared: int, deficit: int, fund: int) -> tuple[int, int]:
    """The same with the fund first."""
    paid = min(deficit, fund)
    return shared + market + paid - deficit, fund - paid


@pytest.fixture
def short(stage: Stage) -> Party:
    return stage.party(20_000)


@pytest.fixture
def broken(stage: Stage, short: Party) -> Party:
    """The only long of the market: 10 ETH at 2,000, equity −200 at 1,770; the fund could pay ten times that."""
    stage.insure(2_000)
    long = stage.party(2_110)
    stage.trade(long, short, 10, 2_000)
    stage.drift("ETH", 1_880)
    stage.price("ETH", 1_770)
    assert stage.equity(long) == wads(-200)
    return long


def leave(stage: Stage, party: Party) -> None:
    everything = stage.cash(party) // 10**12
    stage.send(stage.ledger, "withdraw", party.account, 0, everything, party.address, by=party.address)
    assert 0 <= stage.cash(party) < 10**12


def test_emptied__taken__the_fund_pays_in_the_same_call(stage: Stage, broken: Party, short: Party) -> None:
    with pytest.raises(Halted):
        close_then_move_then_pay(market=0, shared=20_000, deficit=200, fund=2_000)
    assert close_and_pay_at_once(market=0, shared=20_000, deficit=200, fund=2_000) == (20_000, 1_800)

    bidder = stage.party(50_000)
    stage.start(broken)
    receipt = stage.take(broken, bidder)
    taken, paid = receipt.event("Taken").args, named(receipt, "Paid")[0]
    assert paid["account"] == broken.account and paid["paidWad"] == taken["insuranceWad"] >= wads(200)
    assert stage.look(broken).positions == () and stage.cash(broken) == 0
    assert stage.liquidation.call("auctionOf", broken.account).startedAt == 0

    stage.trade(short, bidder, 10, 1_770)  # the last two: no open interest is left
    market = stage.market()
    assert (market.long_base_wad, market.short_base_wad) == (0, 0)
    for party in (short, bidder):
        leave(stage, party)
    assert stage.cash(stage.fund) > 0 and stage.cash(stage.treasury) >= 0


def test_emptied__deleveraged__the_fund_pays_and_the_market_begins_anew(
    stage: Stage, broken: Party, short: Party
) -> None:
    stage.start(broken)
    stage.until_started(broken, 901)  # nobody came: the run is over
    for symbol, price in (("ETH", 1_770), ("BTC", 60_000)):
        stage.price(symbol, price)
    fund = stage.cash(stage.fund)

    receipt = stage.deleverage(broken)

    assert named(receipt, "Paid")[0]["paidWad"] >= wads(199) and stage.cash(stage.fund) < fund
    assert stage.cash(broken) == 0 and stage.look(broken).positions == ()
    market = stage.market()
    assert (market.long_base_wad, market.short_base_wad) == (0, 0)
    stage.send(stage.ledger, "settle", short.account, stage.eth, by="stranger")
    stage.trade(short, stage.party(5_000), 1, 1_770)  # the market goes on
    assert stage.size(short) == wads(1)
