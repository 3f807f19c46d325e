"""The moment in which seizing is allowed again, after a halt, a dead feed, or a contested price.

Incident: no single one; a finding that audits keep repeating (Perennial, Flat Money, Exactly and others, 2023 and
2024): accounts that could neither pay nor trade are liquidated in the first transaction after a pause.
Peer's rule: a pause stops everything alike, and ends for everybody at once. Who is below maintenance then is
liquidated by whoever is first; an auction that ran on meanwhile stands at its largest discount.
Ours: deposits and reductions are never paused. After it there is a grace period in which nobody is seized, and clocks
of auctions begin anew.

├── after a halt                       ten minutes of grace
│   ├── owners top up and reduce       during the halt and the grace
│   └── who did nothing                is put up after it, from the smallest discount
├── a halt in the middle of an auction its clock begins anew: the pause doesn't set the price
├── a halt and the insured phase       the time in which bidders come first begins anew too
├── a dead feed in the middle          the same
├── a contested price in the middle    blocks while it lasts, by itself; the curve goes on behind it, to d₁ at most
└── a chain of pauses                  can't be chained: the guardian must let go
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.types import Action, Grade, Level
from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, Stage, discount_at, named, wads

HALT, GRACE, HALF_LIFE = 200, 600, 300


@pytest.fixture
def bidder(stage: Stage) -> Party:
    return stage.party(100_000)


@pytest.fixture
def long(stage: Stage, bidder: Party) -> Party:
    """Long of 10 ETH with 2,200 dollars: equity 890 and MM 935 at 1,870."""
    long = stage.party(2_200)
    stage.trade(long, stage.party(100_000), 10, 2_000)
    return long


def at_unpause(paused: bool, equity_wad: int, maintenance_wad: int) -> bool:
    """Is it liquidated, by their rule?"""
    return not paused and equity_wad < maintenance_wad


def halt(stage: Stage, seconds: int = HALT, underlying: int = 1) -> int:
    """When it ends."""
    stage.send(stage.breaker, "trip", underlying, Level.HALTED, seconds, by="guardian")
    return stage.time + seconds


def blocked(action: Action, level: Level, grace: bool) -> dict[str, object]:
    return {"action": action, "underlying": 1, "level": level, "grade": Grade.FRESH, "grace": grace}


def test_unpause__first_second__is_grace(stage: Stage, long: Party, bidder: Party, refused: Refused) -> None:
    ends = halt(stage)
    stage.price("ETH", 1_870)
    with refused("Blocked", **blocked(Action.START, Level.HALTED, False)):
        stage.start(long)
    stage.deposit(long, "USDC", 10)
    margin = stage.health(long).margin

    stage.until(ends)
    assert at_unpause(False, margin.equity_wad, margin.maintenance_wad)  # theirs: in this very second
    with refused("Blocked", **blocked(Action.START, Level.NORMAL, True)):
        stage.start(long)
    stage.until(ends + GRACE - 1)
    with refused("Blocked", **blocked(Action.START, Level.NORMAL, True)):
        stage.start(long)
    stage.start(long)


def test_unpause__owner__has_time_to_top_up(stage: Stage, long: Party) -> None:
    ends = halt(stage)
    stage.price("ETH", 1_870)
    stage.until(ends + 10)
    stage.deposit(long, "USDC", 50)
    stage.until(ends + GRACE)

    with pytest.raises(Reverted, match="Healthy"):
        stage.start(long)


def test_unpause__reducing__is_open_in_the_halt(stage: Stage, long: Party) -> None:
    short = stage.party(100_000)
    stage.trade(stage.party(10_000), short, 5, 2_000)
    halt(stage)
    stage.trade(short, long, 5, 1_980)  # both only close
    assert stage.size(long) == wads(5) and stage.size(short) == 0


def test_unpause__halt_within_an_auction__begins_its_clock_anew(
    stage: Stage, long: Party, bidder: Party
) -> None:
    stage.drift("ETH", 1_870)
    stage.start(long)
    ends = halt(stage)
    before = stage.equity(long)

    stage.until(ends + GRACE)  # the first second in which anybody may take
    taken = stage.take(long, bidder).event("Taken").args

    fraction = taken["fractionWad"]
    assert taken["discountWad"] == wads(935) * 5 // 100 * fraction // WAD  # d₀, not d₁
    assert before - stage.equity(long) == taken["discountWad"]
    assert stage.equity(long) > wads(850)


def test_unpause__halt_within_an_auction__bidders_come_before_the_fund(
    stage: Stage, long: Party, bidder: Party, refused: Refused
) -> None:
    stage.insure(10_000)
    stage.drift("ETH", 1_870)
    stage.start(long)
    ends = halt(stage)
    equity = stage.equity(long)

    stage.until(ends + GRACE)
    with refused("StillSolvent", account=long.account, equityWad=equity, insurableAt=ends + GRACE + 180):
        stage.send(stage.liquidation, "insure", long.account, by=bidder.address)
    stage.until(ends + GRACE + 180)
    receipt = stage.send(stage.liquidation, "insure", long.account, by=bidder.address)
    assert named(receipt, "AuctionInsured")


def test_unpause__dead_feed_within_an_auction__begins_its_clock_anew(
    stage: Stage, long: Party, bidder: Party
) -> None:
    stage.drift("ETH", 1_880)
    stage.price("ETH", 1_870)
    stage.start(long)
    stage.wait(5_500)
    stage.price("ETH", 1_870)
    back = stage.time

    stage.until(back + GRACE - 1)
    with pytest.raises(Reverted, match="Blocked"):
        stage.take(long, bidder)
    taken = stage.take(long, bidder).event("Taken").args

    assert taken["discountWad"] <= wads(935) * discount_at(3) // WAD * taken["fractionWad"] // WAD


def test_unpause__contested_in_the_middle__blocks_by_itself_and_the_curve_goes_on(
    stage: Stage, long: Party, bidder: Party
) -> None:
    """ETH falls by another 17 % right after the start; nobody may take until the slow price is near, 74 s later."""
    stage.deposit(long, "USDC", 2_200)
    stage.trade(long, bidder, 10, 2_000)
    stage.drift("ETH", 1_840)  # 20 ETH: 4,380 − 3,200 = 1,180 and MM 1,840
    stage.start(long)
    started = stage.time
    stage.deposit(long, "USDC", 4_950)  # equity 6,130
    stage.price("ETH", 1_530)  # −70, with 10,000 of hope
    stage.deposit(long, "USDC", 1_000)  # equity 930, MM 1,530: still unhealthy, solvent
    assert stage.health(long).grade == Grade.CONTESTED
    contested = stage.time
    while stage.health(long).grade == Grade.CONTESTED:
        with pytest.raises(Reverted, match="Blocked"):
            stage.take(long, bidder)
        stage.wait(9)
    assert stage.time - contested <= HALF_LIFE  # a jump of less than twice the deviation
    maintenance = stage.ahead(long).margin.maintenance_wad

    taken = stage.take(long, bidder).event("Taken").args

    d = taken["discountWad"] * WAD // (maintenance * taken["fractionWad"] // WAD)
    assert d <= discount_at(stage.time - started)
    assert taken["paymentWad"] >= 0


def test_unpause__pauses__cannot_be_chained(stage: Stage, long: Party, refused: Refused) -> None:
    stage.drift("ETH", 1_870)
    ends = halt(stage, 21_600)
    stage.until(ends + 1)
    with refused("CoolingDown", underlying=1, readyAt=ends + 43_200):
        halt(stage, 21_600)
    everything = halt(stage, 21_600, underlying=0)  # once more, with everything

    stage.until(everything)
    stage.say("ETH", 1_870)
    stage.poke("ETH")
    stage.until(everything + GRACE + 10)
    stage.say("ETH", 1_870)
    stage.poke("ETH")
    stage.until(stage.time + GRACE + 1)
    stage.start(long)  # and no second halt before this was possible
    with refused("CoolingDown", underlying=0, readyAt=everything + 43_200):
        halt(stage, 21_600, underlying=0)
