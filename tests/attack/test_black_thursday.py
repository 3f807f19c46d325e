"""Collateral sold for nothing.

Incident: Black Thursday, 12 March 2020, Maker. Gas rose twentyfold within hours; keepers whose scripts capped their
gas price stood still, auctions ended with a single bid, and about a third of them were won at zero: some eight
millions of collateral for nothing, and a deficit of more than five.
Peer's rule: an English auction of a fixed lot. The highest bid that was mined wins, whatever it is; there is no other
floor than the competition, and what it doesn't bring is missing. Starting and bidding pay what they pay at any gas
price.
Ours: the price is a formula of equity and margin. A slice is paid for at equity less d·MM, never below zero while the
account is solvent, and whoever takes it takes its debts, too; so a bid of zero is refused until the discount is worth
all of the equity, and then costs the account that and nobody else anything. The start pays basefee · gas.

├── the only bidder bids nothing
│   ├── theirs              wins the lot: the whole debt is missing
│   ├── ours, at once       refused: the price is that of the formula
│   └── ours, at the end    gets the equity, at most MM; the debt goes with the lot, and nothing is missing
└── gas from 10 to 2,000 gwei
    ├── theirs              nobody with a cap comes: the one without wins at zero
    └── ours                the start pays more than it burns at each, and follows the base fee
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import ALL, GWEI, Party, Stage, wads

DEBT = 17_800  # [dollars] what the long owes for its ten ether, at 1,860 worth 18,600


@dataclass(frozen=True)
class KeeperBid:
    dollars: int
    most_gwei: int  # its script doesn't pay more for gas


USUAL = (KeeperBid(18_200, 30), KeeperBid(18_000, 40))
GREEDY = KeeperBid(0, 10_000)


def english_auction(bids: Sequence[KeeperBid], gwei: int) -> int:
    """What the lot brings by their rule: the highest bid that is mined."""
    return max((bid.dollars for bid in bids if bid.most_gwei >= gwei), default=0)


@pytest.fixture
def long(stage: Stage) -> Party:
    """Long of 10 ETH with 2,190 dollars: equity 790 and MM 930 at 1,860."""
    stage.insure(50_000)
    long = stage.party(2_200)
    stage.trade(long, stage.party(100_000), 10, 2_000)
    stage.drift("ETH", 1_860)
    assert stage.equity(long) == wads(18_600 - DEBT - 10)
    return long


@pytest.fixture
def greedy(stage: Stage) -> Party:
    return stage.party(100_000)


def test_black_thursday__one_bid_of_zero__theirs_is_a_deficit_ours_a_price(
    stage: Stage, long: Party, greedy: Party, refused: Refused
) -> None:
    assert DEBT - english_auction([*USUAL, GREEDY], gwei=10) < 0  # with competition the debt is covered
    assert DEBT - english_auction([*USUAL, GREEDY], gwei=200) == DEBT  # without it, all of it is missing

    stage.start(long)
    quoted = stage.liquidation.call("quote", long.account, ALL)
    fraction = quoted.fractionWad
    with pytest.raises(Exception, match="PaymentTooHigh"):
        stage.take(long, greedy, pay=0)

    fund, before, own = stage.cash(stage.fund), stage.equity(greedy), stage.equity(long)
    stage.until_started(long, 179)  # the last second in which the fund stands behind nobody
    taken = stage.take(long, greedy, pay=0).event("Taken").args

    assert fraction > 0 and taken["paymentWad"] == 0 and taken["insuranceWad"] == 0
    gained = stage.equity(greedy) - before
    assert 0 < gained <= own  # at most what the account had: no more than its MM
    assert stage.cash(stage.fund) >= fund  # its share of the discount, nothing out
    assert stage.equity(long) >= 0  # nothing is missing
    assert stage.size(greedy) > 0 and stage.health(greedy).margin.equity_wad > 0  # with the debt he took


def test_black_thursday__gas_twentyfold__a_start_still_pays(stage: Stage, greedy: Party) -> None:
    stage.insure(50_000)
    other = stage.party(2_000_000)
    prices, rewards = [10, 200, 2_000], []
    longs = [stage.party(221_000) for _ in prices]
    for long in longs:
        stage.trade(long, other, 1_000, 2_000)
    stage.drift("ETH", 1_870)
    for long, gwei in zip(longs, prices, strict=True):
        assert english_auction(USUAL, gwei) == (18_200 if gwei == 10 else 0)

        stage.base_fee = gwei * GWEI
        receipt = stage.start(long, greedy)

        reward = receipt.event("AuctionStarted").args["rewardWad"]
        burned = receipt.gas_used * gwei * GWEI * 1_870
        assert reward > burned, f"{gwei} gwei: {reward} for {burned}"
        rewards.append(reward * WAD // (gwei * GWEI))
    stage.base_fee = GWEI
    assert max(rewards) - min(rewards) <= 1  # in proportion to the base fee
