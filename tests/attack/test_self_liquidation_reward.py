"""Liquidating oneself for the start reward, at any base fee, with the fullest accounts there can be.

Sixteen positions and five collaterals each: the reward follows the gas for every one of them. Many accounts are
started in one transaction, by a contract, so that everything that can be warm is warm.

Naive rule: the reward is a fixed sum, or a gas price times a generous guess, paid by the fund.

├── broke accounts      the fund pays: less than the base fee that the start burned, at 1 to 5,000 gwei
├── solvent accounts    they pay themselves: together nothing is gained
└── again and again     start, top up, end, fall: each round costs
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.protocol import Protocol
from holdfast.sim.history import Block, simulate
from holdfast.units import WAD
from tests.attack.company import deployed_with, to_be, undone, wide
from tests.conftest import GENESIS
from tests.stage import GWEI, PEOPLE, Party, Stage, total, wads

BASE_FEES = (1, 20, 300, 1_000, 5_000)  # [gwei]


@pytest.fixture(scope="module")
def built() -> Iterator[Protocol]:
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        yield deployed_with(chain.rpc, wide)


@pytest.fixture
def wide_stage(built: Protocol) -> Iterator[Stage]:
    with undone(built) as stage:
        stage.insure(10_000_000)
        yield stage


def full_accounts(stage: Stage, count: int, cash: float, size: float) -> list[Party]:
    """Accounts of one owner that hold all there is to hold, against another account of his."""
    other = stage.party(100_000_000)
    parties = []
    for _ in range(count):
        party = stage.party(owner=other.key)
        for symbol in stage.protocol.assets:
            stage.deposit(party, symbol, cash if symbol == "USDC" else 0.000_001)
        parties.append(party)
    for name, instrument in stage.protocol.instruments.items():
        price = 60_000 if name.startswith("BTC") else 2_000
        whole = wads(size * 2_000 / price)
        sell = stage.order(other, 0, price, instrument, size_wad=-whole * count)
        for party in parties:
            buy = stage.order(party, 0, price, instrument, size_wad=whole)
            stage.match((other, sell), (party, buy), whole)
    assert all(len(stage.look(party).positions) == 16 for party in parties)
    assert all(len(stage.look(party).holdings) == 5 for party in parties)
    return parties


def all_fall(stage: Stage, *shares: float) -> None:
    for share in shares:
        for symbol, wad in list(stage.prices.items()):
            stage.say(symbol, wad / WAD * share)
        stage.poke()
        stage.wait(1_800)


def test_reward__broke_and_full__burns_more_than_it_brings(wide_stage: Stage) -> None:
    stage = wide_stage
    parties = full_accounts(stage, 4, cash=70_000, size=20)
    all_fall(stage, 0.88, 0.9)
    assert all(stage.equity(party) < 0 for party in parties)
    purse = stage.party(1, owner=parties[0].key)
    batch = stage.deploy("MockBatch")
    calls = [stage.liquidation.encode("start", party.account, purse.account) for party in parties]
    start_all = to_be(stage, batch, "run", stage.liquidation.address, calls, by="stranger")
    purse_of = to_be(stage, stage.ledger, "cashOf", purse.account, by="stranger")
    price = stage.prices["ETH"]
    rewards = []
    for base_fee in BASE_FEES:
        history = [Block([purse_of, start_all, purse_of], time=stage.time + 1, base_fee=base_fee * GWEI)]
        before, started, after = simulate(stage.rpc, history)[0]

        assert started.ok, started.error
        brought = after.returned(stage.ledger, "cashOf") - before.returned(stage.ledger, "cashOf")
        burned = started.gas_used * base_fee * GWEI * price // WAD
        assert 0 < brought < burned, f"{base_fee} gwei"
        used = [event.args["gas"] for event in started.events if event.name == "Used"]
        paid = [event.args["paidWad"] for event in started.events if event.name == "Paid"]
        assert len(used) == len(paid) == len(parties)
        for gas, reward in zip(used, paid, strict=True):
            assert reward < gas * base_fee * GWEI * price // WAD, "not even the warmest one pays"
        rewards.append(brought)
    assert rewards == sorted(rewards)
    cap = sum(stage.health(party).margin.maintenance_wad for party in parties) // 20
    assert rewards[-1] <= cap


@pytest.mark.parametrize("base_fee", BASE_FEES)
def test_reward__solvent__is_their_own_money(stage: Stage, base_fee: int) -> None:
    stage.insure(1_000_000)
    other = stage.party(1_000_000)
    longs = [stage.party(221_000, owner=other.key) for _ in range(3)]
    for long in longs:
        stage.trade(long, other, 1_000, 2_000)
    stage.drift("ETH", 1_870)
    fund, before = stage.cash(stage.fund), total(stage, [*longs, other])
    stage.base_fee = base_fee * GWEI

    for long in longs:
        assert stage.start(long, other).event("AuctionStarted").args["rewardWad"] > 0

    assert total(stage, [*longs, other]) <= before
    assert stage.cash(stage.fund) == fund


def test_reward__again_and_again__each_round_costs(stage: Stage) -> None:
    stage.insure(1_000_000)
    other = stage.party(100_000)
    long = stage.party(2_200, owner=other.key)
    stage.trade(long, other, 10, 2_000)
    stage.base_fee = 5_000 * GWEI
    fund, before, topped_up, rounds = stage.cash(stage.fund), total(stage, [long, other]), 0, 0
    stage.drift("ETH", 1_870)
    for price in (1_869, 1_868, 1_867):
        stage.start(long, other)
        margin = stage.health(long).margin
        missing = (margin.maintenance_wad - margin.equity_wad) // 10**18 + 1
        stage.deposit(long, "USDC", missing)
        topped_up += wads(missing)
        stage.send(stage.liquidation, "end", long.account, by=long.address)
        stage.price("ETH", price)
        rounds += 1

    assert rounds == 3
    assert total(stage, [long, other]) <= before + topped_up
    assert stage.cash(stage.fund) == fund
