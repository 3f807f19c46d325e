"""Thousands of dust operations, to pump the wei that each rounding leaves.

Everything runs on the real bytecode, in one simulated history each. The attackers own every account that takes part.

Naive rule: a rounding goes half up, or for the caller; a thousand times a wei of a bitcoin's price is money.

├── dust trades          back and forth, sizes of a few wei, ugly prices; before and after deleveraging
├── dust deposits        in and out, at indices above and below one
├── dust takes           slices of a billionth, against one slice of the same sum
├── settling             every second, with funding running
└── dust funding         wash trades of a wei can't move the premium at no cost
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from holdfast.chain.protocol import books_of
from holdfast.chain.views import read_account, read_health, read_market, read_system
from holdfast.sim.history import Block, Call, Result, call, simulate
from holdfast.types import Books, Snapshot
from holdfast.units import WAD
from tests.attack.company import to_be
from tests.stage import Party, Stage, address_of

ROUNDS = 600
WEI = 1


def play(stage: Stage, *blocks: list[Call]) -> list[list[Result]]:
    """A second apart."""
    history = [Block(calls, time=stage.time + 1 + place) for place, calls in enumerate(blocks)]
    return simulate(stage.rpc, history)


def healths(stage: Stage, parties: list[Party]) -> list[Call]:
    return [to_be(stage, stage.ledger, "healthOf", party.account, by="keeper") for party in parties]


def equity_of(stage: Stage, results: list[Result]) -> int:
    """[wad] Together."""
    return sum(read_health(result.returned(stage.ledger, "healthOf")).margin.equity_wad for result in results)


def audit(stage: Stage) -> list[Call]:
    """Calls for all that the books need."""
    lens, everybody = stage.protocol.lens, list(range(1, stage.ledger.call("accounts") + 1))
    asked = (("system",), ("markets",), ("accountsOf", everybody))
    return [call(lens, *one, sender=address_of("keeper"), gas=100_000_000) for one in asked]


def books_after(stage: Stage, results: list[Result]) -> Books:
    names = ("system", "markets", "accountsOf")
    system, markets, accounts = (
        result.returned(stage.protocol.lens, name) for result, name in zip(results, names, strict=True)
    )
    return books_of(
        Snapshot(
            system=read_system(system),
            markets=tuple(map(read_market, markets)),
            accounts=tuple(map(read_account, accounts)),
        )
    )


def matches(
    stage: Stage, maker: Party, taker: Party, size: int, price_wad: int, sizes: list[int]
) -> list[Call]:
    """One pair of orders, matched a little at a time; the taker buys if `size` is positive."""
    sell = replace(stage.order(maker, 0, 0, size_wad=-size), limit_price_wad=price_wad)
    buy = replace(stage.order(taker, 0, 0, size_wad=size), limit_price_wad=price_wad)
    signed = [
        stage.protocol.sign(sell, maker.key).signature,
        stage.protocol.sign(buy, taker.key).signature,
    ]
    return [
        to_be(
            stage,
            stage.venue,
            "matchOrders",
            sell.members(),
            signed[0],
            buy.members(),
            signed[1],
            one,
            by="keeper",
        )
        for one in sizes
    ]


@pytest.fixture
def pair(stage: Stage) -> list[Party]:
    one = stage.party(50_000)
    return [one, stage.party(50_000, owner=one.key)]


def scaled(stage: Stage) -> None:
    """A third of the shorts was deleveraged before: their A is an endless fraction."""
    loser, holder, short = stage.party(2_130), stage.party(50_000), stage.party(50_000)
    stage.trade(loser, short, 10, 2_000)
    stage.trade(holder, short, 20.000_000_007, 2_000)
    stage.drift("ETH", 1_890)
    stage.price("ETH", 1_780)
    stage.start(loser)
    stage.deleverage(loser)
    stage.drift("ETH", 2_000)
    assert stage.market().short.scale_wad not in (0, WAD)


@pytest.mark.parametrize("deleveraged", [False, True], ids=["fresh", "deleveraged"])
@pytest.mark.parametrize("price", [2_000 * WAD + 1, 2_013_333_333_333_333_333_333], ids=["flat", "ugly"])
def test_rounding_pump__dust_trades__together_gain_nothing(
    stage: Stage, pair: list[Party], deleveraged: bool, price: int
) -> None:
    if deleveraged:
        scaled(stage)
    one, two = pair
    stage.trade(one, two, 1, 2_000)  # a position to shave at
    sizes = [1 + place % 7 for place in range(ROUNDS // 2)]
    whole = sum(sizes)
    there = matches(stage, one, two, whole, price, sizes)
    back = matches(stage, two, one, whole, price, sizes[::-1])

    look = healths(stage, pair)

    results, audited = play(stage, look + there + back + look, audit(stage))

    trades = results[2:-2]
    assert all(result.ok for result in trades), next(r.error for r in trades if not r.ok)
    assert equity_of(stage, results[-2:]) < equity_of(stage, results[:2])
    assert books_after(stage, audited).balanced, "INV-01"


def interest(stage: Stage) -> None:
    """Three months at high utilisation: the credit index is above one."""
    borrower = stage.party(WETH=10)
    stage.withdraw(borrower, "USDC", 8_333.333_333)
    stage.wait(90 * 86_400)
    assert stage.protocol.system().pool.credit_index_wad > WAD


def loss(stage: Stage) -> None:
    """A write-off: the credit index is below one, and a debt index is around too."""
    debtor, borrower = stage.party(WETH=1), stage.party(WBTC=1)
    stage.withdraw(debtor, "USDC", 1_650)
    stage.withdraw(borrower, "USDC", 3_333.333_333)
    stage.drift("ETH", 1_780)
    stage.price("ETH", 1_560)
    stage.start(debtor)
    stage.take(debtor, stage.party(3_000))
    stage.write_off(debtor)
    assert stage.protocol.system().pool.credit_index_wad < WAD


@pytest.mark.parametrize("index", [interest, loss], ids=["above one", "below one"])
def test_rounding_pump__dust_deposits__gain_nothing(stage: Stage, index: Callable[[Stage], None]) -> None:
    attacker = stage.party(100)
    stage.party(10_000)
    index(stage)
    stage.endow(attacker.address, "USDC", ROUNDS)
    out = (attacker.account, 0, 1, attacker.address)
    calls = [
        to_be(stage, stage.ledger, *step, by=attacker.address)
        for _ in range(ROUNDS // 2)
        for step in (("deposit", attacker.account, 0, 1), ("withdraw", *out))
    ]
    look = healths(stage, [attacker])

    (first, *results, last) = play(stage, look + calls + look)[0]

    assert all(result.ok for result in results), next(r.error for r in results if not r.ok)
    assert -ROUNDS * 3 <= equity_of(stage, [last]) - equity_of(stage, [first]) <= 0


@pytest.fixture
def victim(stage: Stage) -> Party:
    """An ugly portfolio in auction, at d = 52.5 %."""
    victim = stage.party(1_500, WETH=0.333_333_333_333_333_333, WBTC=0.012_345_67)
    stage.trade(victim, stage.party(100_000), 10.000_000_001, 2_001.337)
    stage.drift("ETH", 1_900)
    stage.drift("ETH", 1_800.123)
    assert not stage.look(victim).healthy
    stage.start(victim)
    stage.until_started(victim, 60)
    return victim


@pytest.mark.parametrize("fraction", [1, 10**9, 10**12 + 7, 10**14 // 3], ids=["wei", "1e-9", "1e-6", "3e-5"])
def test_rounding_pump__dust_takes__gain_no_more_than_one_slice(
    stage: Stage, victim: Party, fraction: int
) -> None:
    taker = stage.party(100_000)
    stage.until_started(victim, 100)
    margin = stage.ahead(victim).margin
    bid = stage.bid(victim, taker, most=fraction)
    dust = [to_be(stage, stage.liquidation, "take", bid, by=taker.address)] * ROUNDS

    look = healths(stage, [taker, victim])

    results, audited = play(stage, look + dust + look, audit(stage))

    assert books_after(stage, audited).balanced, "INV-01"
    many = results[2:-2]
    assert all(result.ok for result in many), next(r.error for r in many if not r.ok)
    gain, lost = (
        equity_of(stage, results[place - 2 :][:1]) - equity_of(stage, results[place:][:1]) for place in (0, 1)
    )

    # d·MM falls as the account shrinks; at the undiminished size it is a bound, and the fund gets a tenth of it.
    discount = margin.maintenance_wad * 90 // 100 * fraction // WAD * ROUNDS
    assert gain <= discount * 9 // 10 + 10 * ROUNDS  # ten wei a take: three items and their parts
    assert lost >= -discount - 10 * ROUNDS
    assert gain + lost <= 10  # between them nothing is created


def test_rounding_pump__settling_every_second__gains_nothing(stage: Stage, pair: list[Party]) -> None:
    one, two = pair
    stage.trade(one, two, 3.333_333_333, 2_013.37)  # longs owe funding
    steps = [
        [to_be(stage, stage.ledger, "settle", party.account, stage.eth, by="stranger") for party in pair]
        for _ in range(ROUNDS // 4)
    ]
    untouched = play(stage, healths(stage, pair), *[[] for _ in steps], healths(stage, pair))
    settled = play(stage, healths(stage, pair), *steps, healths(stage, pair))

    assert all(result.ok for block in settled for result in block)
    assert equity_of(stage, settled[-1]) <= equity_of(stage, untouched[-1])
    for place in (0, 1):
        found, expected = (
            equity_of(stage, results[-1][place : place + 1]) for results in (settled, untouched)
        )
        assert abs(found - expected) <= 8 * len(steps), "a wei a step, for each unit of base"


def test_rounding_pump__wash_trades_of_a_wei__move_no_premium(stage: Stage, pair: list[Party]) -> None:
    """The premium is an average by turnover: a wei against ten thousand units of open interest is nothing."""
    one, two = pair
    maker, taker = stage.party(1_000_000), stage.party(1_000_000)
    stage.trade(maker, taker, 1_000, 2_002)  # premium 0.1 %: a million parts of a billion
    stage.trade(one, two, 1, 2_002)
    before = stage.market().long.premium_ppb
    assert before == 10**6
    upper = matches(stage, one, two, ROUNDS, 2_040 * WAD, [WEI] * ROUNDS)
    lower = matches(stage, one, two, ROUNDS, 1_960 * WAD, [WEI] * ROUNDS)

    for calls, sign in ((upper, 1), (lower, -1)):
        view = to_be(stage, stage.positions, "marketOf", stage.eth, by="keeper")
        results, looked = play(stage, calls, [view])
        assert all(result.ok for result in results)
        long, _, _ = looked[0].returned(stage.positions, "marketOf")
        assert abs(long.premiumPpb - before) <= ROUNDS, "rounding may move it a part in a billion each time"
        assert sign * (long.premiumPpb - before) <= ROUNDS
