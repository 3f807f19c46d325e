"""Options from their first trade to the last cash, with keepers that do what they would
├── before the expiry        the Lens has marks and open interest, by names that people read; nobody settles anything
│   └── little gas           who holds one is told in pages: it stops and says where
├── in an outage             the series waits for a price
├── after it                 watchdog: every series, held or not, then all holders in one call; nothing is left to read
├── one who is bankrupt by it  liquidator: settles what he holds and writes him off, without an auction
├── one in auction             liquidator: settles the series first, and deleverages the rest
└── a portfolio that fell      liquidator: starts it by the fewest scenarios that prove it
"""

from __future__ import annotations

import pytest

from holdfast.cli.status import _series as series_table
from holdfast.keepers import liquidator, watchdog
from holdfast.keepers.actions import Settle, SettleSeries, Start
from holdfast.keepers.roles import Liquidator, Watchdog
from holdfast.keepers.sender import Mined
from holdfast.types import Mode
from holdfast.units import WAD
from tests.flow.pit import ETH, Pit
from tests.stage import Stage, wads


@pytest.fixture
def dog(stage: Stage) -> Watchdog:
    return Watchdog(stage.protocol, watchdog.Policy(ether_underlying=ETH, tip=0))


@pytest.fixture
def starter(stage: Stage) -> Liquidator:
    reward = stage.party().account
    policy = liquidator.Policy(reward_account=reward, ether_underlying=ETH, tip=0)
    return Liquidator(stage.protocol, policy)


def kinds(mined: list[Mined]) -> list[str]:
    return [type(one.action).__name__ for one in mined]


def settling(mined: list[Mined]) -> list[Mined]:
    return [one for one in mined if isinstance(one.action, Settle | SettleSeries)]


def test_series__before_the_expiry__are_seen_and_left_alone(
    pit: Pit, dog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, protocol = pit.stage, pit.stage.protocol
    long, short = stage.party(20_000), stage.party(20_000)
    pit.trade(long, short, 3, pit.call)

    seen = pit.listed()
    assert list(seen) == [pit.call, pit.put, pit.nobodys]
    assert (seen[pit.call].long_open_wad, seen[pit.call].short_open_wad) == (3 * WAD, 3 * WAD)
    assert seen[pit.put].long_base_wad == 0
    for one in seen.values():
        assert one.mark_wad == protocol.risk.call("markOf", one.instrument) > 0
        assert (one.settled, one.covered_at, one.expiry_at) == (False, 0, pit.expiry)
    (leg,) = stage.look(long).positions
    assert (leg.instrument, leg.mark_wad) == (pit.call, seen[pit.call].mark_wad)
    assert protocol.holders(pit.call) == (long.account, short.account)
    monkeypatch.setattr("holdfast.chain.protocol.RISK_CHUNK", 2)
    assert protocol.holders(pit.call) == (long.account, short.account)
    assert protocol.lens.call("holdersOf", short.account + 1, 5, pit.call) == ([], 0)
    assert protocol.lens.call("holdersOf", 0, long.account, pit.call) == ([long.account], long.account + 1)
    assert protocol.name_of(pit.call).startswith("ETH-20") and protocol.name_of(pit.call).endswith("-2000-C")
    table = series_table(protocol, protocol.snapshot())
    assert table.row_count == 3 and list(table.columns[-1].cells) == ["open"] * 3

    assert settling(pit.keep(dog)) == []


def test_holders_of__little_gas__stops_and_says_where(pit: Pit) -> None:
    lens, (long, short) = pit.stage.protocol.lens, (pit.stage.party(20_000), pit.stage.party(20_000))
    pit.trade(long, short, 3, pit.call)
    spare, words, place, calls = lens.call("SPARE_GAS"), [], 1, 0
    while place:
        found, after = lens.call("holdersOf", place, short.account, pit.call, gas=spare + 50_000)
        assert after == 0 or after > place
        words, place, calls = words + list(found), after, calls + 1
    assert words == [long.account, short.account] and calls > 1
    assert lens.call("holdersOf", 1, short.account, pit.call, gas=spare) == ([], 1)


def test_series__after_the_expiry__are_settled_and_picked_up(pit: Pit, dog: Watchdog) -> None:
    stage, protocol = pit.stage, pit.stage.protocol
    long, short, other = (stage.party(20_000) for _ in range(3))
    pit.trade(long, short, 3, pit.call)
    pit.trade(long, other, 2, pit.call)
    pit.trade(other, long, 1, pit.put)
    cash = {party: stage.cash(party) for party in (long, short, other)}
    premiums = {party: sum(leg.quote_wad for leg in stage.look(party).positions) for party in cash}
    pit.to_window(2_200)

    stage.until(pit.expiry + 60)
    stage.wait(1)
    waiting = pit.listed()[pit.call]
    assert (waiting.covered_at, waiting.settled, waiting.mark_wad) == (0, False, 200 * WAD)
    assert settling(pit.keep(dog)) == []  # no price since

    pit.expire()
    assert {one.covered_at for one in pit.listed().values()} == {pit.expiry}
    done = settling(pit.keep(dog))
    assert kinds(done) == ["SettleSeries"] * 3
    assert all(one.receipt.gas_used <= watchdog.Policy(ether_underlying=ETH).series_gas for one in done)

    left = pit.listed()
    assert list(left) == [pit.call, pit.put]
    assert all(
        one.settled and one.long_open_wad == one.mark_wad == one.covered_at == 0 for one in left.values()
    )
    assert protocol.snapshot().settled == {pit.call, pit.put}
    assert stage.cash(long) == cash[long]  # until somebody picks it up
    assert stage.look(long).position(pit.call).mark_wad == 0  # type: ignore[union-attr]

    done = settling(pit.keep(dog))
    assert [one.action.accounts for one in done] == [
        (long.account, short.account, other.account),
        (long.account, other.account),
    ]
    policy = watchdog.Policy(ether_underlying=ETH)
    for one in done:
        assert one.receipt.gas_used <= policy.settle_gas * len(one.action.accounts)
    assert {party: stage.cash(party) - before for party, before in cash.items()} == {
        long: wads(1_000) + premiums[long],
        short: -wads(600) + premiums[short],
        other: -wads(400) + premiums[other],
    }
    assert pit.listed() == {} and protocol.holders(pit.call) == ()
    assert settling(pit.keep(dog)) == []


def test_settle_many__somebody_was_faster__passes_him_over(pit: Pit, dog: Watchdog) -> None:
    stage = pit.stage
    long, short, nobody = stage.party(20_000), stage.party(20_000), stage.party(5)
    pit.trade(long, short, 3, pit.call)
    pit.to_window(2_200)
    pit.expire()
    pit.keep(dog)
    stage.send(stage.ledger, "settle", long.account, pit.call, by=long.address)

    everybody = [long.account, nobody.account, short.account, short.account, 9_999]
    receipt = stage.send(stage.ledger, "settleMany", everybody, pit.call, by="stranger")

    settled = [event.args for event in receipt.events if event.name == "Settled"]
    assert settled == [{"account": short.account, "instrument": pit.call, "cashWad": settled[0]["cashWad"]}]
    assert pit.listed() == {}


def test_bankrupt_by_a_series__settled_and_written_off(pit: Pit, dog: Watchdog, starter: Liquidator) -> None:
    stage = pit.stage
    long, short = stage.party(20_000), stage.party(2_300)
    pit.trade(long, short, 10, pit.call)
    pit.to_window(2_200, 2_400)  # everybody slept while he became unhealthy
    pit.expire()
    assert kinds(settling(pit.keep(dog)))[0] == "SettleSeries"
    assert stage.equity(short) < -wads(1_000) and stage.look(short).auction is None

    assert kinds(pit.keep(starter)) == ["Settle"]
    assert stage.look(short).positions == () and stage.cash(short) < -wads(1_000)
    assert kinds(pit.keep(starter)) == ["WriteOff"]
    assert stage.cash(short) == 0


def test_in_auction__the_series_first_then_the_rest(pit: Pit, dog: Watchdog, starter: Liquidator) -> None:
    stage = pit.stage
    long, short = stage.party(40_000), stage.party(2_600)
    pit.trade(long, short, 10, pit.call)
    stage.trade(long, short, 1, 2_000)
    pit.to_window(2_200, 2_400)
    assert kinds(pit.keep(starter)) == ["Start"]
    pit.expire()
    pit.keep(dog)
    assert stage.equity(short) < 0 and len(stage.look(short).positions) == 2

    assert kinds(pit.keep(starter)) == ["Settle"]
    assert kinds(pit.keep(starter)) == ["Deleverage"]
    left = stage.look(short)  # the other side of his perpetual bore what was missing
    assert (left.positions, left.auction) == ((), None) and 0 <= left.cash_wad < wads(0.01)
    assert pit.keep(starter) == []


def test_portfolio_that_fell__started_by_the_fewest_scenarios(pit: Pit, starter: Liquidator) -> None:
    stage = pit.stage
    party, maker = stage.party(7_500, Mode.PORTFOLIO, WETH=10), stage.party(10**6)
    pit.trade(maker, party, 1, pit.call)
    stage.trade(maker, party, 20, 2_000)
    stage.drift("ETH", 4_300)
    there = stage.ahead(party).margin
    assert 0 < there.equity_wad < there.maintenance_wad

    (started,) = pit.keep(starter)

    assert isinstance(started.action, Start) and started.action.witness
    (event,) = [one for one in started.events if one.name == "AuctionStarted"]
    assert there.equity_wad < event.args["maintenanceWad"] <= there.maintenance_wad
    cells = [1 << bit for bit in range(256) if started.action.witness >> bit & 1]
    assert 1 <= len(cells) <= 3
    if len(cells) > 1:  # none of them is for nothing
        for cell in cells:
            less = stage.ledger.call("healthBy", party.account, started.action.witness - cell).margin
            assert less.maintenanceWad <= less.equityWad
