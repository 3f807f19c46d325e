"""A feed stops. Somebody acts on the price of an hour and a half ago.

Incident: dYdX, 10 October 2025. After a halt of eight hours the chain went on with the prices of before: accounts
were liquidated at them, and others traded at them; users were paid back nearly half a million.
Peer's rule: the last price is used, however old. The debtor takes out what his collateral was worth once, the bidder
seizes at a price of yesterday.
Ours: a price is graded by its age at every use. Late, it is believed; too late, nothing that seizes, lends or lets go
uses it. When the feed comes back there is a grace period before anybody is seized.

├── Slow (one hour)     still believed: all goes on
├── Stale (1.5 hours)
│   ├── withdraw        refused, unless nothing needs a price
│   ├── new risk        refused
│   ├── seizing         start, take and deleverage are refused
│   └── always open     deposits, reductions, paying debt
├── the restart         theirs: liquidated at the old price · ours: Blocked, and healthy at the first new one
├── it comes back       ten minutes of grace: top up, nobody is seized at the first new price
└── one of two          who has nothing in the dead market goes on as ever
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.types import Action, Grade, Level
from tests.conftest import Refused
from tests.stage import Party, Stage, wads

SLOW, STALE = 3_700, 5_500  # [seconds]


@pytest.fixture
def maker(stage: Stage) -> Party:
    return stage.party(100_000)


@pytest.fixture
def long(stage: Stage, maker: Party) -> Party:
    """Long 10 ETH with 2,690 dollars of cash and a bitcoin's hundredth."""
    long = stage.party(2_700, WBTC=0.01)
    stage.trade(long, maker, 10, 2_000)
    return long


def liquidated(stored_price: float, size: float, cash: float, entry: float, maintenance: float) -> bool:
    """By their rule: at the stored price, of whatever age."""
    return cash + size * (stored_price - entry) < size * stored_price * maintenance


def blocked(action: Action, grade: Grade = Grade.STALE) -> dict[str, object]:
    return {"action": action, "underlying": 1, "level": Level.NORMAL, "grade": grade, "grace": False}


def test_stale_price__slow__is_still_believed(stage: Stage, long: Party, maker: Party) -> None:
    stage.wait(SLOW)
    assert stage.health(long).grade == Grade.SLOW
    stage.withdraw(long, "USDC", 100)
    stage.trade(long, maker, 0.1, 2_000)


def test_stale_price__withdraw__is_refused(stage: Stage, long: Party, maker: Party, refused: Refused) -> None:
    idle = stage.party(50)
    stage.wait(STALE)

    with refused("Blocked", **blocked(Action.WITHDRAW)):
        stage.withdraw(long, "USDC", 1)
    with refused("Blocked", **blocked(Action.WITHDRAW)):
        stage.withdraw(long, "WBTC", 0.01)  # its position in ether still needs a price
    stage.withdraw(idle, "USDC", 50)  # cash alone needs none


def test_stale_price__new_risk__is_refused(stage: Stage, long: Party, maker: Party, refused: Refused) -> None:
    stage.wait(STALE)
    with refused("Blocked", **blocked(Action.INCREASE)):
        stage.trade(long, maker, 1, 2_000)
    with refused("Blocked", **blocked(Action.INCREASE)):
        stage.trade(maker, long, 11, 2_000)  # a flip is new risk too


def test_stale_price__seizing__is_refused(stage: Stage, long: Party, maker: Party, refused: Refused) -> None:
    stage.drift("ETH", 1_780)
    stage.price("ETH", 1_700)  # 2,690 + 600 − 3,000 = 290, MM 910
    other = stage.party(50_000)
    stage.start(long)
    stage.wait(STALE)

    for action, function, args in (
        (Action.TAKE, "take", (stage.bid(long, other),)),
        (Action.TAKE, "insure", (long.account,)),
        (Action.START, "restart", (long.account,)),
        (Action.DELEVERAGE, "deleverage", (long.account, stage.eth)),
    ):
        with refused("Blocked", **blocked(action)):
            stage.send(stage.liquidation, function, *args, by=other.address)


def test_stale_price__restart__nobody_is_seized_at_the_price_of_before(
    stage: Stage, maker: Party, refused: Refused
) -> None:
    """The last price before the outage was 1,870, the low of a bad minute; when all is back it is 1,990."""
    account = stage.party(2_200)
    stage.trade(account, maker, 10, 2_000)
    stage.price("ETH", 1_870)
    stage.wait(STALE)  # nobody got around to it
    assert liquidated(1_870, size=10, cash=2_190, entry=2_000, maintenance=0.05)
    assert not liquidated(1_990, size=10, cash=2_190, entry=2_000, maintenance=0.05)
    assert not stage.look(account).healthy

    with refused("Blocked", **blocked(Action.START)):
        stage.start(account)

    stage.price("ETH", 1_990)
    stage.until(stage.time + 700)
    with pytest.raises(Reverted, match="Healthy"):
        stage.start(account)


def test_stale_price__always_open__deposit_and_reduce(stage: Stage, long: Party, maker: Party) -> None:
    stage.drift("ETH", 1_780)
    stage.wait(STALE)

    stage.deposit(long, "USDC", 100)
    stage.deposit(long, "WBTC", 0.01)
    stage.trade(maker, long, 4, 1_780)  # both make less of it

    assert stage.size(long) == wads(6) and stage.size(maker) == wads(-6)


def test_stale_price__comes_back__nobody_is_seized_for_ten_minutes(
    stage: Stage, long: Party, refused: Refused
) -> None:
    stage.drift("ETH", 1_780)
    stage.wait(STALE)
    stage.price("ETH", 1_700)  # far below MM, by the first price in a long time
    stage.say("BTC", 60_000)
    stage.poke("BTC")
    assert not stage.look(long).healthy
    resumed = stage.time - 2

    with refused(
        "Blocked", action=Action.START, underlying=1, level=Level.NORMAL, grade=Grade.FRESH, grace=True
    ):
        stage.start(long)
    stage.deposit(long, "USDC", 700)  # 990 against 910: saved
    stage.until(resumed + 700)
    with pytest.raises(Reverted, match="Healthy"):
        stage.start(long)


def test_stale_price__comes_back__who_does_nothing_is_seized_after_it(stage: Stage, long: Party) -> None:
    stage.drift("ETH", 1_780)
    stage.wait(STALE)
    stage.price("ETH", 1_700)
    stage.say("BTC", 60_000)
    stage.poke("BTC")
    stage.until(stage.time + 601)

    stage.start(long)


def test_stale_price__in_another_market__does_not_matter(stage: Stage, maker: Party) -> None:
    only_ether = stage.party(2_700)
    stage.trade(only_ether, maker, 1, 2_000)
    stage.wait(STALE // 2)
    stage.price("ETH", 2_000)
    stage.wait(STALE // 2 + 1)  # bitcoin is Stale, ether is Fresh
    stage.trade(only_ether, maker, 1, 2_000)
    stage.withdraw(only_ether, "USDC", 1)
