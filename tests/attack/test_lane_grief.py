"""Filling up another's lanes: sixteen positions and five collaterals fit an account, and no more.

Naive rule: anybody may deposit anything for anybody, or send him a slice; five dusts later he can't post collateral.

├── collateral      only the owner and his operators bring it in
├── positions       only by his own signature
├── slices          only to an account of the caller
├── rewards         cash alone
├── settle, accrue  add nothing
└── cash            is welcome from anybody: it takes no lane
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from tests.conftest import Refused
from tests.stage import Party, Stage, address_of, wads

STRANGER = address_of("stranger")


@pytest.fixture
def victim(stage: Stage) -> Party:
    return stage.party(5_000)


@pytest.mark.parametrize("symbol", ["WETH", "WBTC"])
def test_lane_grief__collateral__is_the_owners_to_bring(
    stage: Stage, victim: Party, symbol: str, refused: Refused
) -> None:
    with refused("NotAuthorised", account=victim.account, caller=STRANGER):
        stage.deposit(victim, symbol, 0.000_000_01, by="stranger")

    stage.send(stage.ledger, "setOperator", STRANGER, True, by=victim.address)
    stage.deposit(victim, symbol, 0.01, by="stranger")
    stage.send(stage.ledger, "setOperator", STRANGER, False, by=victim.address)
    with refused("NotAuthorised", account=victim.account, caller=STRANGER):
        stage.deposit(victim, symbol, 0.01, by="stranger")


def test_lane_grief__operator_of_another__is_nobody_here(
    stage: Stage, victim: Party, refused: Refused
) -> None:
    other = stage.party()
    stage.send(stage.ledger, "setOperator", STRANGER, True, by=other.address)
    with refused("NotAuthorised", account=victim.account, caller=STRANGER):
        stage.deposit(victim, "WETH", 1, by="stranger")


def test_lane_grief__position__needs_his_signature(stage: Stage, victim: Party, refused: Refused) -> None:
    attacker = stage.party(50_000)
    forged = stage.order(victim, 0.000_001, 2_000)
    own = stage.order(attacker, -0.000_001, 2_000)
    with refused("BadSignature", signer=victim.address):
        stage.match((attacker, own), (Party(victim.account, attacker.key), forged), 10**12)
    claimed = stage.order(victim, 0.000_001, 2_000, signer=attacker.address)
    with refused("NotAuthorised", account=victim.account, caller=attacker.address):
        stage.match((attacker, own), (Party(victim.account, attacker.key), claimed), 10**12)


def test_lane_grief__slice__goes_to_the_callers_account(
    stage: Stage, victim: Party, refused: Refused
) -> None:
    attacker = stage.party(2_200)
    stage.trade(attacker, stage.party(50_000), 10, 2_000)
    stage.drift("ETH", 1_870)
    stage.start(attacker)
    with refused("NotAuthorised", account=victim.account, caller=attacker.address):
        stage.send(stage.liquidation, "take", stage.bid(attacker, victim), by=attacker.address)


def test_lane_grief__reward_and_cash__take_no_lane(stage: Stage, victim: Party) -> None:
    attacker = stage.party(2_200)
    stage.trade(attacker, stage.party(50_000), 10, 2_000)
    stage.drift("ETH", 1_870)
    stage.start(attacker, victim)
    for _ in range(20):
        stage.deposit(victim, "USDC", 0.000_001, by="stranger")

    seen = stage.look(victim)
    assert seen.positions == () and seen.holdings == ()
    assert seen.cash_wad > wads(5_000)
    stage.deposit(victim, "WETH", 1)
    stage.trade(victim, stage.party(50_000), 1, 1_870)


def test_lane_grief__settle__opens_nothing(stage: Stage, victim: Party) -> None:
    with pytest.raises(Reverted, match="NoPosition"):
        stage.send(stage.ledger, "settle", victim.account, stage.eth, by="stranger")
    stage.send(stage.positions, "accrue", stage.eth, by="stranger")
    assert stage.positions.call("countOf", victim.account) == 0
