"""Stakers of the insurance fund, and those who would gain from it, on the whole deployment.

├── in just before fees          buys none of them: what is pending is split before shares are made
├── out just before a loss
│   ├── without notice           CoolingDown, and then the loss is there
│   ├── in the window, after a payment in the same block, or while slices go on   held
│   ├── in the window, a bankrupt account not yet in auction                      held, once anybody shows it
│   └── by a hold without end    it ends after a window
├── whale in, surplus, whale out the protocol's own part stays where it is
└── open interest for a moment
    ├── around a distribute      the same wei as without
    ├── with another refresh     moves nothing, ever
    └── once a day, for a month  the fees it costs are more than the share it gains
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.protocol import Protocol
from holdfast.chain.transactions import Receipt
from holdfast.units import WAD
from tests.attack.company import deployed_with, undone
from tests.conftest import GENESIS, Refused
from tests.stage import PEOPLE, TRADERS, Party, Stage, wads

DAY = 86_400


def staking(data: dict[str, Any]) -> None:
    """A fund that is near its target, and heals."""
    data["insurance"].update(
        min_share_bps=2_000, max_share_bps=8_000, least_target=Decimal(1_000), cooldown_seconds=2 * DAY
    )


@pytest.fixture(scope="module")
def healing() -> Iterator[Protocol]:
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        chain.rpc.call("anvil_setBlockTimestampInterval", 1)
        yield deployed_with(chain.rpc, staking)


@pytest.fixture
def stage(healing: Protocol) -> Iterator[Stage]:
    with undone(healing) as found:
        yield found


def stake(stage: Stage, party: Party, dollars: float) -> Receipt:
    return stage.send(stage.insurance, "stake", party.account, wads(dollars), by=party.address)


def worth(stage: Stage, party: Party) -> int:
    shares = stage.insurance.call("stakeOf", party.account).shares
    return int(stage.insurance.call("worthOf", shares))


def ask(stage: Stage, party: Party) -> int:
    shares = stage.insurance.call("stakeOf", party.account).shares
    receipt = stage.send(stage.insurance, "requestUnstake", party.account, shares, by=party.address)
    return int(receipt.event("UnstakeRequested").args["readyAt"])


def unstake(stage: Stage, party: Party) -> Receipt:
    return stage.send(stage.insurance, "unstake", party.account, by=party.address)


@pytest.fixture
def broken(stage: Stage) -> Party:
    """Will be bankrupt at 1,600: a long of 10 ETH at 2,000 with 2,050 dollars."""
    party, other = stage.party(2_050), stage.party(50_000)
    stage.trade(party, other, 10, 2_000)
    return party


def test_stake__just_before_fees__buys_none_of_them(stage: Stage) -> None:
    stage.insure(500)
    one, other = stage.party(20_000), stage.party(20_000)
    stage.trade(one, other, 20, 2_000)
    stage.trade(other, one, 20, 2_000)
    pending = stage.cash(stage.fees)
    assert pending == wads(56)  # 7 bp of 40,000, twice
    attacker = stage.party(100_000)

    stake(stage, attacker, 100_000)
    stage.send(stage.insurance, "distribute", by=attacker.address)

    assert worth(stage, attacker) <= wads(100_000)
    assert stage.cash(stage.fees) == 0


def test_unstake__without_notice__refused_and_the_loss_is_his(
    stage: Stage, broken: Party, refused: Refused
) -> None:
    stage.insure(500)
    staker = stage.party(1_500)
    stake(stage, staker, 1_500)
    stage.drift("ETH", 1_790)
    stage.price("ETH", 1_600)
    ready = ask(stage, staker)
    with refused("CoolingDown", account=staker.account, opensAt=ready):
        unstake(stage, staker)

    before, fund = worth(stage, staker), stage.cash(stage.fund)
    bidder = stage.party(50_000)
    stage.start(broken)
    paid = sum(e.args["paidWad"] for e in stage.take(broken, bidder).events if e.name == "Paid")

    lost = before - worth(stage, staker)
    assert paid > wads(1_500)  # 1,950 of deficit and the discount: all that was there, but for the reward
    assert abs(lost - before * (fund - stage.cash(stage.fund)) // fund) < wads(5), "pro rata, to the fees"
    stage.until(ready + 1)
    amount = unstake(stage, staker).event("Unstaked").args["amountWad"]
    assert amount < before // 4


def test_unstake__same_block_as_a_payment__held(stage: Stage, broken: Party, refused: Refused) -> None:
    """In the window at last; the first slice of a deficit has been paid for, the next will be."""
    stage.insure(5_000)
    staker = stage.party(1_500)
    stake(stage, staker, 1_500)
    ready = ask(stage, staker)
    stage.until(ready + 1)
    stage.drift("ETH", 1_790)
    stage.price("ETH", 1_600)
    bidder = stage.party(50_000)
    stage.start(broken)
    receipt = stage.take(broken, bidder, most=WAD // 10)
    assert receipt.event("Paid").args["paidWad"] > 0
    opens = stage.time + 3_600

    with refused("CoolingDown", account=staker.account, opensAt=opens):
        unstake(stage, staker)

    before = worth(stage, staker)
    stage.take(broken, bidder)
    assert worth(stage, staker) < before - wads(200)
    stage.until(stage.time + 3_601)
    assert unstake(stage, staker).event("Unstaked").args["amountWad"] < before - wads(200)


def test_unstake__bankrupt_account_not_in_auction__held_once_shown(
    stage: Stage, broken: Party, refused: Refused
) -> None:
    stage.insure(5_000)
    staker = stage.party(1_500)
    stake(stage, staker, 1_500)
    stage.until(ask(stage, staker) + 1)
    stage.drift("ETH", 1_790)
    with refused("NotInDeficit", account=staker.account, equityWad=0):
        stage.send(stage.insurance, "hold", staker.account, by="stranger")
    stage.price("ETH", 1_600)

    stage.send(stage.insurance, "hold", broken.account, by="stranger")

    with refused("CoolingDown", account=staker.account, opensAt=stage.time + 3_600):
        unstake(stage, staker)


def test_unstake__held_for_ever__leaves_after_a_window(stage: Stage, broken: Party) -> None:
    stage.insure(5_000)
    staker = stage.party(1_500)
    stake(stage, staker, 1_500)
    ready = ask(stage, staker)
    stage.drift("ETH", 1_790)
    stage.price("ETH", 1_600)
    latest = ready + 2 * DAY
    for time in (ready, ready + DAY, latest - 60):  # nobody sells it, somebody shows it again and again
        stage.until(time)
        stage.send(stage.insurance, "hold", broken.account, by="stranger")
    assert stage.insurance.call("windowOf", staker.account) == (latest, latest + 2 * DAY)

    stage.until(latest)

    assert unstake(stage, staker).event("Unstaked").args["amountWad"] >= wads(1_500)


def test_surplus__whale_comes_and_goes__own_part_stays(stage: Stage) -> None:
    """Counted with his stake the fund is far above its target; the protocol's own part is not."""
    stage.insure(1_100)
    whale = stage.party(1_000_000)
    stake(stage, whale, 1_000_000)
    stage.send(stage.insurance, "distribute", by=whale.address)
    assert stage.cash(stage.treasury) == 0
    ready = ask(stage, whale)
    stage.until(ready)
    stage.send(stage.insurance, "refreshTarget", by=whale.address)

    assert unstake(stage, whale).event("Unstaked").args["amountWad"] <= wads(1_000_000)

    assert stage.cash(stage.fund) >= wads(1_100)


def washed(stage: Stage, parties: tuple[Party, Party], size: float) -> None:
    """Open interest for a moment, the same person on both sides; the target is computed while it is there."""
    one, other = parties
    stage.trade(one, other, size, 2_000)
    stage.send(stage.insurance, "refreshTarget", by=one.address)
    stage.send(stage.insurance, "distribute", by=one.address)
    stage.trade(other, one, size, 2_000)


@pytest.mark.parametrize("attacked", [False, True])
def test_wash__around_a_distribute__moves_nothing(stage: Stage, attacked: bool) -> None:
    """Pending fees of others are split by the share as it was, whatever is open in between."""
    stage.insure(500)
    others, sides = [(stage.party(50_000), stage.party(50_000)) for _ in range(2)]
    stage.trade(*others, 20, 2_000)
    stage.until(stage.time + DAY)
    stage.say("ETH", 2_000)
    stage.poke()
    share = stage.insurance.call("shareWad")
    assert share == wads(0.5)  # 500 of 1,000
    if attacked:
        washed(stage, sides, 100)
        assert stage.insurance.call("state").targetWad == wads(1_000)  # nobody else has seen it
    else:
        stage.send(stage.insurance, "distribute", by="stranger")

    own = wads(2 * 140) if attacked else 0  # what the attacker paid: 7 bp of 200,000, twice
    split = stage.cash(stage.fund) - wads(500), stage.cash(stage.treasury)
    assert split[0] == (wads(28) + (own // 2)) // 2 and split[1] == split[0]


def test_wash__somebody_else_refreshes__moves_nothing(stage: Stage) -> None:
    """Two refreshes in a row must find it; one a day by anybody else, at any time, is enough."""
    stage.insure(500)
    sides = stage.party(100_000), stage.party(100_000)
    time = stage.time
    for day in range(1, 6):
        stage.until(time + day * DAY)
        stage.say("ETH", 2_000)
        stage.poke()
        washed(stage, sides, 200)
        stage.until(stage.time + 600)
        stage.send(stage.insurance, "refreshTarget", by="stranger")

    assert stage.insurance.call("state").targetWad == wads(1_000)


def test_wash__once_a_day_for_a_month__costs_more_than_it_gains(stage: Stage) -> None:
    """Where nobody else ever refreshes. A staker holds the target up by open interest that is there for the moment of
    each refresh; he owns more than half of the fund, and a market of others pays fees every day."""
    gains = []
    for attack in (False, True):
        snapshot, time = stage.rpc.call("evm_snapshot"), stage.time
        stage.insure(400)
        attacker = stage.party(2_000)
        stake(stage, attacker, 500)
        sides = stage.party(100_000), stage.party(100_000)
        crowd = stage.party(50_000), stage.party(50_000)
        start = sum(stage.equity(party) for party in (attacker, *sides)) + worth(stage, attacker)
        for day in range(1, 31):
            stage.until(time + day * DAY)
            stage.say("ETH", 2_000)
            stage.poke()
            stage.trade(*crowd, 10, 2_000)
            stage.trade(*reversed(crowd), 10, 2_000)
            if attack:
                washed(stage, sides, 200)
            else:
                stage.send(stage.insurance, "refreshTarget", by="stranger")
        stage.send(stage.insurance, "distribute", by="stranger")
        end = sum(stage.equity(party) for party in (attacker, *sides)) + worth(stage, attacker)
        gains.append(end - start)
        target = stage.insurance.call("state").targetWad
        assert (target > wads(10_000)) == attack
        stage.rpc.call("evm_revert", snapshot)
        stage.time, stage.dust_wad, stage._free = time, None, list(TRADERS)
    quiet, washing = gains

    assert quiet > 0 > washing
