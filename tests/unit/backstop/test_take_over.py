"""Desk.takeOver
├── account not in auction                          -> NotInAuction
├── auction of another market                       -> WrongMarket
├── before the ramp and the wait are over           -> TooEarly, also after a restart and a halt
├── auction ran out                                 -> RanOut
├── takeovers stopped                               -> TakeoversStopped
├── restricted
│   ├── its market, or everything, is Cautious      -> Blocked
│   ├── a price of the account is Contested         -> Blocked
│   └── a price of the desk's own book is Contested -> Blocked
├── gain below the minimum                          -> DiscountBelowMinimum
├── loss cap reached                                -> LossCapReached
├── RISK in debt                                    -> RiskInDebt
├── nothing to stake                                -> NoRoom
├── leverage allows a part                          -> a part
│   └── and again                                   -> NoRoom
├── reward                                          -> follows the base fee, at most its share of the gain
└── begin                                           -> desk only
"""

from __future__ import annotations

import pytest

from holdfast.model.backstop import fraction_wad, least_gain_wad
from holdfast.types import Action, Grade, Level
from holdfast.units import BPS, WAD
from tests.backstop import USDC, Pool, a_crash
from tests.conftest import Refused
from tests.stage import GWEI, Party, Stage, address_of, wads

DUE = 135
"""[seconds] after a start: a ramp of 120 and a wait of 15."""


@pytest.fixture
def long(stage: Stage, pool: Pool) -> Party:
    """In auction: 10 ETH at 1,800, equity 490, MM 900."""
    return a_crash(stage)[0]


def test_take_over__not_in_auction__refused(stage: Stage, pool: Pool, refused: Refused) -> None:
    party = stage.party(100)
    with refused("NotInAuction", account=party.account):
        pool.take_over(party)


def test_take_over__other_market__refused(stage: Stage, long: Party, refused: Refused) -> None:
    stage.until_started(long, DUE)
    with refused("WrongMarket", account=long.account, market=1):
        Pool(stage, 2).take_over(long)


def test_take_over__a_second_early__refused_then_done(
    stage: Stage, pool: Pool, long: Party, refused: Refused
) -> None:
    opens = stage.time + DUE
    stage.until(opens - 1)
    with refused("TooEarly", account=long.account, opensAt=opens):
        pool.take_over(long)
    stage.until(opens)
    pool.take_over(long)


def test_take_over__restarted__waits_anew(stage: Stage, pool: Pool, long: Party, refused: Refused) -> None:
    started = stage.time
    stage.until(started + 901)
    with refused("RanOut", account=long.account, ranOutAt=started + 900):
        pool.take_over(long)
    stage.send(stage.liquidation, "restart", long.account, by="keeper")
    opens = stage.time + DUE
    with refused("TooEarly", account=long.account, opensAt=opens):
        pool.take_over(long)
    stage.until(opens)
    pool.take_over(long)


def test_take_over__after_a_halt__waits_anew(stage: Stage, pool: Pool, long: Party, refused: Refused) -> None:
    stage.send(stage.breaker, "trip", 1, Level.HALTED, 60, by="guardian")
    reopened = stage.time + 60 + 600
    stage.until(reopened + 10)
    with refused("TooEarly", account=long.account, opensAt=reopened + DUE):
        pool.take_over(long)
    stage.until(reopened + DUE)
    pool.take_over(long)


def test_take_over__stopped__refused_until_it_ends(
    stage: Stage, pool: Pool, long: Party, refused: Refused
) -> None:
    stage.send(pool.contract, "stop", 300, by="guardian")
    until = stage.time + 300
    stage.until(until - 1)
    with refused("TakeoversStopped", until=until):
        pool.take_over(long)
    stage.until(until)
    pool.take_over(long)


@pytest.mark.parametrize("underlying", [0, 1])
def test_take_over__cautious__refused(
    stage: Stage, pool: Pool, long: Party, refused: Refused, underlying: int
) -> None:
    """A bidder may still take; the tranche, whose money is others', may not."""
    stage.send(stage.breaker, "trip", underlying, Level.CAUTIOUS, 600, by="guardian")
    stage.until_started(long, DUE)
    with refused(
        "Blocked",
        action=Action.INCREASE,
        underlying=underlying,
        level=Level.CAUTIOUS,
        grade=Grade.FRESH,
        grace=False,
    ):
        pool.take_over(long)
    stage.take(long, stage.party(50_000))


def test_take_over__contested__refused_until_it_is_believed(
    stage: Stage, pool: Pool, long: Party, refused: Refused
) -> None:
    stage.until_started(long, DUE)
    stage.price("ETH", 1_500)  # a sixth below the slow price
    with refused(
        "Blocked",
        action=Action.INCREASE,
        underlying=1,
        level=Level.CAUTIOUS,
        grade=Grade.CONTESTED,
        grace=False,
    ):
        pool.take_over(long)
    stage.until(stage.time + 400)
    pool.take_over(long)


def test_take_over__own_book_contested__refused(stage: Stage, pool: Pool, refused: Refused) -> None:
    """It holds bitcoin from an account of ether's market; then bitcoin jumps, and another account falls due."""
    first, other = stage.party(600, WBTC=0.05), stage.party(2_500)
    short = stage.party(200_000)
    stage.trade(first, short, 10, 2_000)
    stage.trade(other, short, 10, 2_000)
    stage.drift("ETH", 1_750)
    stage.start(first)
    stage.until_started(first, DUE)
    pool.take_over(first)
    stage.start(other)
    stage.until_started(other, DUE)
    stage.price("BTC", 80_000)
    with refused(
        "Blocked",
        action=Action.INCREASE,
        underlying=2,
        level=Level.CAUTIOUS,
        grade=Grade.CONTESTED,
        grace=False,
    ):
        pool.take_over(other)


def test_take_over__gain_below_the_minimum__refused(stage: Stage, pool: Pool, refused: Refused) -> None:
    long, _ = a_crash(stage, cash=2_100)  # equity 90: nothing to give away before the fund may add to it
    stage.until_started(long, DUE)
    margin = stage.ahead(long).margin
    gain = margin.equity_wad - -(-margin.equity_wad // 10)
    least = least_gain_wad(margin.maintenance_wad, WAD, 2_000)
    assert gain < least == wads(180)
    with refused("DiscountBelowMinimum", gainWad=gain, leastWad=least):
        pool.take_over(long)


def test_take_over__leverage_allows_a_part__takes_a_part_and_no_more(
    stage: Stage, pool: Pool, refused: Refused
) -> None:
    pool.change(loss_cap_wad=wads(4_000))
    long, _ = a_crash(stage)
    stage.until_started(long, DUE)
    receipt = pool.take_over(long)

    taken = receipt.event("TakenOver").args
    assert receipt.event("Staked").args == {"amount": 4_000 * USDC}
    assert taken["fractionWad"] == fraction_wad(wads(4_000), 0, wads(18_000), 30_000) == WAD * 2 // 3
    health = stage.ahead(pool.risk)
    assert health.gross_wad <= health.margin.equity_wad * 30_000 // BPS
    # What it gained makes a little more room, which the price takes away again
    stage.price("ETH", 1_790)
    health = stage.ahead(pool.risk)
    assert health.gross_wad < health.margin.equity_wad * 30_000 // BPS
    stage.price("ETH", 1_690)
    health = stage.ahead(pool.risk)
    with refused("NoRoom", equityWad=health.margin.equity_wad, exposureWad=health.gross_wad):
        pool.take_over(long)


def test_take_over__nothing_to_stake__refused(stage: Stage, refused: Refused) -> None:
    long, _ = a_crash(stage)
    stage.until_started(long, DUE)
    with refused("NoRoom", equityWad=0, exposureWad=0):
        Pool(stage).take_over(long)


def test_take_over__cap_of_zero__reached(stage: Stage, pool: Pool, refused: Refused) -> None:
    pool.change(loss_cap_wad=0)
    long, _ = a_crash(stage)
    stage.until_started(long, DUE)
    with refused("LossCapReached", lostAmount=0, capAmount=0):
        pool.take_over(long)


@pytest.mark.parametrize(("gwei", "reward"), [(0.1, 0.144), (1, 1.44), (100, 22.05)])
def test_take_over__reward__follows_the_base_fee_up_to_its_share(
    stage: Stage, pool: Pool, gwei: float, reward: float
) -> None:
    long, _ = a_crash(stage, cash=2_500)
    stage.until_started(long, DUE)
    stage.base_fee = int(gwei * GWEI)
    before = pool.tokens("keeper")
    args = pool.take_over(long).event("TakenOver").args

    capped = args["gainWad"] * 500 // BPS // 10**12
    assert args["rewardAmount"] == min(round(reward * USDC), capped) == pool.tokens("keeper") - before
    assert (args["rewardAmount"] == capped) is (gwei == 100)


def test_begin__anybody_else__refused(pool: Pool, refused: Refused) -> None:
    with refused("NotDesk", caller=address_of("keeper")):
        pool.send("begin")
