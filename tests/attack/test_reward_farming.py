"""Liquidating oneself for the start reward. The attacker owns every account here, and the fund is rich.

├── solvent accounts     the reward comes out of his own equity: together he gains nothing
├── broke accounts       many in one transaction, all slots warm: the fund adds less than each start burns
└── the same one again   refused; after a top-up and `end` it is healthy, and no withdrawal leads back below MM
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import GWEI, Party, Stage, named, total, wads


@pytest.fixture
def rich(stage: Stage) -> Stage:
    stage.insure(1_000_000)
    return stage


def _longs(
    stage: Stage,
    count: int,
    *,
    cash: float,
    eth: float = 0,
    btc: float = 0,
    borrows: float = 0,
    **collateral: float,
) -> list[Party]:
    """Accounts of one owner, long against another account of the same owner."""
    other = stage.party(500_000)
    longs = [stage.party(cash, owner=other.key, **collateral) for _ in range(count)]
    for long in longs:
        if eth:
            stage.trade(long, other, eth, 2_000)
        if btc:
            stage.trade(long, other, btc, 60_000, stage.btc)
        if borrows:
            stage.withdraw(long, "USDC", borrows)
    return longs


def _start_all(stage: Stage, victims: list[Party], reward: Party) -> tuple[list[int], list[int]]:
    """Starts all of them in one transaction. Gas that each start used, and what the fund paid for it [wad]."""
    batch = stage.deploy("MockBatch")
    calls = [stage.liquidation.encode("start", victim.account, reward.account) for victim in victims]
    receipt = stage.send(batch, "run", stage.liquidation.address, calls, by="keeper")
    used = [event.args["gas"] for event in receipt.events if event.name == "Used"]
    paid = [event.args["paidWad"] for event in receipt.events if event.name == "Paid"]
    return used, paid


def test_farming__solvent_accounts__gains_nothing(rich: Stage) -> None:
    longs = _longs(rich, 2, cash=1_100, eth=5)
    purse = rich.party(1, owner=longs[0].key)
    rich.drift("ETH", 1_860)
    rich.base_fee = 100 * GWEI
    fund, before = rich.cash(rich.fund), total(rich, [*longs, purse])

    for long in longs:
        started = named(rich.start(long, purse), "AuctionStarted")[0]
        assert started["rewardWad"] > 0
        assert started["equityWad"] > started["rewardWad"]

    assert total(rich, [*longs, purse]) <= before
    assert rich.cash(rich.fund) == fund


@pytest.mark.parametrize(
    ("price", "holds"),
    [
        (1_600, {"cash": 1_100, "eth": 5}),
        (1_600, {"cash": 1_800, "eth": 5, "btc": 0.1}),
        (1_550, {"cash": 0, "borrows": 1_690, "WETH": 1}),
        (1_550, {"cash": 0, "eth": 6, "WETH": 1}),
        (1_550, {"cash": 0, "eth": 6, "btc": 0.05, "WETH": 1, "WBTC": 0.003}),
    ],
    ids=["one position", "two positions", "one collateral", "one of each", "two of each"],
)
def test_farming__broke_accounts_in_one_transaction__burns_more_than_the_fund_pays(
    rich: Stage, price: float, holds: dict[str, float]
) -> None:
    longs = _longs(rich, 4, **holds)
    purse = rich.party(1, owner=longs[0].key)
    rich.drift("ETH", 1_800)
    rich.drift("ETH", price)
    assert all(rich.equity(long) < 0 for long in longs)
    rich.base_fee = 20 * GWEI

    used, paid = _start_all(rich, longs, purse)

    assert len(used) == len(paid) == 4
    for gas, reward in zip(used, paid, strict=True):
        burned = gas * rich.base_fee * wads(price) // WAD
        assert 0 < reward < burned
    # The bounds of the parameters say no less of the last, warmest one.
    items = rich.health(longs[-1]).legs + rich.health(longs[-1]).holdings
    most = rich.liquidation.call("MAX_REWARD_GAS") + items * rich.liquidation.call("MAX_REWARD_ITEM_GAS")
    assert most < min(used)


def test_farming__the_same_account_again__is_refused(rich: Stage, refused: Refused) -> None:
    (long,) = _longs(rich, 1, cash=1_100, eth=5)
    purse = rich.party(1, owner=long.key)
    rich.drift("ETH", 1_860)
    rich.start(long, purse)

    with refused("AlreadyInAuction", account=long.account):
        rich.start(long, purse)

    rich.deposit(long, "USDC", 100)
    rich.send(rich.liquidation, "end", long.account, by=long.address)
    margin = rich.health(long).margin
    with refused(
        "Healthy", account=long.account, equityWad=margin.equity_wad, maintenanceWad=margin.maintenance_wad
    ):
        rich.start(long, purse)
    # Equity ≥ MM is not enough to withdraw: that takes IM, of which MM is a part.
    assert margin.equity_wad < margin.initial_wad
    with refused(
        "BelowInitialMargin",
        account=long.account,
        equityWad=margin.equity_wad - wads(1),
        initialWad=margin.initial_wad,
    ):
        rich.withdraw(long, "USDC", 1)
