"""Tranche as a vault
├── deposit, mint, redeem, withdraw at rest        -> as ERC-4626 says, and the money is in the ledger
│   └── by somebody with an allowance              -> spends it
├── at risk                                        -> nothing in, nothing out, not even nothing
├── beyond the vault's cap, or what it holds       -> max says so
├── everything halted                              -> nobody out
├── request
│   ├── of nothing; of another without allowance   -> ZeroShares, ERC20InsufficientAllowance
│   ├── at risk                                    -> paid when the epoch ends, not before
│   └── several in an epoch                        -> at one price
├── claim
│   ├── too early; twice; by another               -> NotClaimable, ZeroShares, NotController
│   ├── while stopped                              -> paid
│   └── while halted                               -> when it ends
├── the next takeover                              -> pays the queue first
├── loss                                           -> all bear it alike, at most the cap
└── a token that keeps something for itself        -> Short
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.chain.rpc import Rpc
from holdfast.types import Action, Grade, Level
from tests.attack.company import deployed_with
from tests.backstop import USDC, Pool, a_crash
from tests.conftest import Refused, Roles
from tests.stage import Party, Stage, address_of, wads

MILLION = 10**6  # shares a unit of the token


@pytest.fixture
def carrying(stage: Stage, pool: Pool) -> Party:
    """At risk; the one who can buy it back."""
    long, short = a_crash(stage)
    stage.until_started(long, 135)
    pool.take_over(long)
    return short


def test_deposit__at_rest__is_cash_in_the_ledger(stage: Stage, pool: Pool) -> None:
    held = stage.protocol.vaults[0].call("held")
    party = stage.party()
    pool.deposit(party.address, 1_000)

    assert pool.shares(party.address) == 1_000 * USDC * MILLION
    assert (stage.cash(pool.risk), stage.cash(pool.reserve)) == (wads(101_000), 0)
    assert stage.protocol.vaults[0].call("held") == held + 1_000 * USDC
    assert pool.tokens(pool.contract.address) == 0 == pool.tokens(pool.desk.address)


def test_mint_and_withdraw__at_rest__as_previewed(stage: Stage, pool: Pool) -> None:
    party = stage.party()
    pool.approve(party.address, 500 * USDC)
    pool.send("mint", 500 * USDC * MILLION, party.address, by=party.address)
    assert pool.tokens(party.address) == 0
    pool.send("withdraw", 200 * USDC, party.address, party.address, by=party.address)
    assert pool.tokens(party.address) == 200 * USDC
    assert pool.shares(party.address) == 300 * USDC * MILLION


def test_redeem__for_another__spends_the_allowance(stage: Stage, pool: Pool, refused: Refused) -> None:
    owner, helper = address_of("stranger"), stage.party()
    with refused("ERC20InsufficientAllowance", spender=helper.address, allowance=0, needed=5 * MILLION):
        pool.send("redeem", 5 * MILLION, helper.address, owner, by=helper.address)
    pool.send("approve", helper.address, 5 * MILLION, by=owner)
    pool.send("redeem", 5 * MILLION, helper.address, owner, by=helper.address)
    assert pool.tokens(helper.address) == 5


def test_at_risk__nothing_in_or_out(stage: Stage, pool: Pool, carrying: Party, refused: Refused) -> None:
    who = address_of("stranger")
    pool.approve(who, USDC)
    assert [pool.contract.call(name, who) for name in ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem")] == [
        0, 0, 0, 0,
    ]  # fmt: skip
    with refused("ERC4626ExceededMaxDeposit", receiver=who, assets=1, max=0):
        pool.send("deposit", 1, who, by=who)
    with refused("ERC4626ExceededMaxRedeem", owner=who, shares=1, max=0):
        pool.send("redeem", 1, who, who, by=who)
    for function, args in (("deposit", (0, who)), ("redeem", (0, who, who)), ("settle", ())):
        with refused("CarriesRisk", legs=1, holdings=0):
            pool.send(function, *args, by=who)


def test_max__bounded_by_the_vault(stage: Stage, pool: Pool) -> None:
    who = address_of("stranger")
    vault = stage.protocol.vaults[0]
    assert pool.contract.call("maxDeposit", who) == vault.call("cap") - vault.call("held")
    debtor = stage.party(WBTC=10)
    stage.withdraw(debtor, "USDC", 90_000)
    assert pool.contract.call("maxRedeem", who) == pytest.approx(10_000 * USDC * MILLION, rel=1e-6)


def test_halted__nobody_out_until_it_ends(
    stage: Stage, pool: Pool, carrying: Party, refused: Refused
) -> None:
    who = address_of("stranger")
    pool.request(who, 1_000 * USDC * MILLION)
    pool.trade(carrying, -wads(10), wads(1_800))
    pool.send("settle")
    stage.send(stage.breaker, "trip", 0, Level.HALTED, 600, by="guardian")
    stage.send(pool.contract, "stop", 600, by="guardian")

    assert pool.contract.call("maxRedeem", who) == 0
    with refused(
        "Blocked", action=Action.WITHDRAW, underlying=0, level=Level.HALTED, grade=Grade.FRESH, grace=False
    ):
        pool.claim(who, 0)
    stage.time += 600
    pool.claim(who, 0)
    assert pool.tokens(who) == 1_000 * USDC


def test_request__refusals(stage: Stage, pool: Pool, refused: Refused) -> None:
    owner, thief = address_of("stranger"), stage.party().address
    with refused("ZeroShares"):
        pool.request(owner, 0)
    with refused("ERC20InsufficientAllowance", spender=thief, allowance=0, needed=1):
        pool.send("requestRedeem", 1, thief, owner, by=thief)


def test_request__at_risk__paid_alike_when_it_ends(stage: Stage, pool: Pool, refused: Refused) -> None:
    second = stage.party()
    pool.deposit(second.address, 50_000)
    long, short = a_crash(stage)
    stage.until_started(long, 135)
    pool.take_over(long)
    first = address_of("stranger")
    pool.request(first, 30_000 * USDC * MILLION)
    pool.request(second.address, 10_000 * USDC * MILLION)
    pool.request(first, 20_000 * USDC * MILLION)
    assert pool.contract.call("pendingRedeemRequest", 0, first) == 50_000 * USDC * MILLION
    assert pool.contract.call("claimableRedeemRequest", 0, first) == 0
    with refused("NotClaimable", requestId=0, epoch=0):
        pool.claim(first, 0)

    stage.drift("ETH", 1_500)  # 3,000 less for ten; its gain was 440
    pool.trade(short, -wads(10), wads(1_500))
    pool.send("settle")
    state = pool.state
    assert 0 < state.lostAmount < 3_000 * USDC
    lost = state.lostAmount
    assert pool.contract.call("claimableRedeemRequest", 0, first) == 50_000 * USDC * MILLION
    with refused("NotController", controller=first, caller=second.address):
        pool.send("claim", 0, first, second.address, by=second.address)
    pool.claim(first, 0)
    pool.claim(second.address, 0)
    with refused("ZeroShares"):
        pool.claim(first, 0)
    assert pool.tokens(first) == pytest.approx(50_000 * USDC - lost // 3, abs=2)
    assert pool.tokens(second.address) == pytest.approx(10_000 * USDC - lost // 15, abs=2)
    assert pool.state.owedAmount <= 1


def test_next_takeover__pays_the_queue_first(stage: Stage, pool: Pool) -> None:
    first = address_of("stranger")
    pool.request(first, 40_000 * USDC * MILLION)
    long, _ = a_crash(stage)
    stage.until_started(long, 135)
    receipt = pool.take_over(long)

    assert receipt.event("EpochSettled").args["assets"] == 40_000 * USDC
    assert receipt.event("Staked").args["amount"] == 60_000 * USDC
    assert stage.cash(pool.reserve) == wads(40_000)
    pool.claim(first, 0)
    assert pool.tokens(first) == 40_000 * USDC


def test_deposit__token_with_a_fee__refused(
    rpc: Rpc, deploy: Callable[..., Contract], roles: Roles, refused: Refused
) -> None:
    """What a token keeps for itself would be paid by the other holders."""
    token = deploy("MockHostileToken", "USDC", "USDC", 6)
    protocol = deployed_with(rpc, lambda data: data["settlement"].update(address=token.address))
    tranche, who = protocol.tranches[1], roles.trader
    token.send("mint", who, 2_000_000, sender=who)
    token.send("approve", tranche.address, 2_000_000, sender=who)
    tranche.send("deposit", 1_000_000, who, sender=who)
    token.send("setFee", 100, sender=who)
    with refused("Short", arrived=990_000, meant=1_000_000):
        tranche.send("deposit", 1_000_000, who, sender=who)
