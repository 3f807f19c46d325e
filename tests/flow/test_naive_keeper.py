"""One caller alone keeps the market: no index, no events, no memory, and every other bot is dead.

It asks the Lens who is at risk, and then tries every door there is on each of them, in no clever order. A crash breaks
two dozen accounts: some below maintenance, some bankrupt, some with collateral and debt alone; the fund is too small.

├── it finds all of them               at every look exactly those that a look at everybody finds
├── and there is nothing left to do    nobody below maintenance, nothing in auction, no debt without an owner
├── whoever was healthy throughout     is as he was, but for deleveraging and write-offs
└── it earns what the keepers would    discounts and rewards
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.chain.rpc import Rpc
from holdfast.errors import Reverted
from holdfast.model.lens import at_risk
from holdfast.units import BPS, WAD
from tests.stage import Party, Stage, wads

ROUNDS = 12
PAUSE = 45  # [seconds] between two looks
HISTORY = ("eth_getLogs", "eth_newFilter", "eth_getFilterLogs", "eth_getFilterChanges", "eth_subscribe")


@pytest.fixture
def caller(stage: Stage) -> Party:
    return stage.party(300_000)


@pytest.fixture
def crowd(stage: Stage, caller: Party) -> list[Party]:
    """Longs of ETH and shorts of BTC from twice to ten times their margin, two borrowers, and who trades with them."""
    stage.insure(400)
    other = stage.party(2_000_000)
    crowd = [other, stage.party(50_000), stage.party()]
    for place in range(12):
        long = stage.party(2_050 + 400 * place)
        stage.trade(long, other, 10, 2_000)
        crowd.append(long)
    for place in range(8):
        short = stage.party(6_150 + 500 * place)
        stage.trade(other, short, 1, 60_000, stage.btc)
        crowd.append(short)
    for owes in (1_550, 1_690):
        debtor = stage.party(WETH=1)
        stage.withdraw(debtor, "USDC", owes)
        crowd.append(debtor)
    return crowd


@pytest.fixture
def blind(stage: Stage, crowd: list[Party], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From here on nobody can ask for an event."""
    call = Rpc.call

    def answer(self: Rpc, method: str, *args: Any) -> Any:
        assert method not in HISTORY, "the caller has no index"
        return call(self, method, *args)

    monkeypatch.setattr(Rpc, "call", answer)
    yield


def doors(stage: Stage, caller: Party, account: int) -> Iterator[tuple[Any, ...]]:
    """All that anybody may do to an account."""
    yield "start", account, caller.account
    yield "take", stage.bid(account, caller.account)
    yield "insure", account
    for instrument in stage.protocol.instruments.values():
        yield "deleverage", account, instrument
    yield "writeOff", account
    yield "restart", account
    yield "end", account


def keep(stage: Stage, caller: Party) -> set[str]:
    """One look and a try at each door. Which opened."""
    opened = set()
    for risky in stage.protocol.at_risk():
        for function, *args in doors(stage, caller, risky.account):
            try:
                stage.send(stage.liquidation, function, *args, by=caller.address, check=False)
            except Reverted:
                continue
            opened.add(function)
    stage.check()
    return opened


def unhealthy(stage: Stage) -> set[int]:
    return {
        account.id
        for account in stage.protocol.accounts()
        if not account.healthy or account.auction is not None
    }


def test_naive_keeper__alone_after_a_crash__leaves_nothing_to_do(
    stage: Stage, crowd: list[Party], caller: Party, blind: None
) -> None:
    before = stage.equity(caller)
    stage.drift("BTC", 63_600)  # shorts lose 3,600
    stage.drift("ETH", 1_850)
    stage.price("ETH", 1_640)  # longs lose 3,600: the two weakest are far beyond their margin
    fallen = unhealthy(stage)
    bankrupt = {party.account for party in crowd if stage.equity(party) < 0}
    assert len(fallen) >= 10 and len(bankrupt) >= 3 and caller.account not in fallen

    opened: set[str] = set()
    for _ in range(ROUNDS):
        listed = stage.protocol.at_risk()
        meant = [at_risk(account, BPS) for account in stage.protocol.accounts()]
        assert listed == tuple(one for one in meant if one is not None)
        if not listed:
            break
        opened |= keep(stage, caller)
        stage.wait(PAUSE)
        for symbol, wad in list(stage.prices.items()):  # the feeds live; nobody but the caller pokes
            stage.say(symbol, wad / WAD)
        stage.send(stage.oracle, "poke", list(stage.protocol.symbols), by=caller.address)

    assert stage.protocol.at_risk() == () and unhealthy(stage) == set()
    assert all(account.cash_wad >= 0 or account.holdings for account in stage.protocol.accounts())
    assert stage.liquidation.call("auctionOf", min(fallen)).startedAt == 0
    assert opened == {"start", "take", "deleverage", "writeOff"}
    safe = crowd[1]
    assert 0 <= wads(50_000) - stage.cash(safe) < wads(150)  # cash bears a write-off at most
    assert stage.equity(caller) > before + wads(100)
