"""Somebody sends tokens straight to a vault.

Naive rule: what is owed is read from the token's balance, so a donation moves a share price, mints a claim for who
can trigger the count, or fills the cap.

├── before the first deposit    the first depositor gets exactly what he brought; nobody can inflate a share
├── between deposits            later depositors too
├── within a deposit            a token that arrives beside the deposit is nobody's
├── to the cap                  deposits go on: donations don't count
└── afterwards                  nobody can take it out, and interest and write-offs don't see it
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Stage, wads

GIFT = 10**9 * 10**6  # more than everything else together


@pytest.fixture
def donated(stage: Stage) -> Stage:
    """A billion dollars and a thousand bitcoin lie in the vaults, and nobody deposited them."""
    for symbol, raw in (("USDC", GIFT), ("WBTC", 1_000 * 10**8)):
        asset = stage.protocol.assets[symbol]
        stage.endow("stranger", symbol, raw)
        vault = stage.protocol.vaults[asset]
        stage.send(stage.protocol.tokens[asset], "transfer", vault.address, raw, by="stranger")
    return stage


def test_vault_donation__first_depositor__gets_what_he_brought(donated: Stage) -> None:
    smallest = donated.party()
    donated.deposit(smallest, "USDC", 0.000_001)
    assert donated.cash(smallest) == 10**12
    normal = donated.party(1_000, WBTC=0.5)
    assert donated.cash(normal) == wads(1_000)
    assert donated.ledger.call("balanceOf", normal.account, 2) == 5 * 10**7

    donated.withdraw(smallest, "USDC", 0.000_001)
    donated.withdraw(normal, "WBTC", 0.5)
    assert donated.cash(smallest) == 0


def test_vault_donation__donor__gets_nothing_back(donated: Stage, refused: Refused) -> None:
    donor = donated.party(1)
    with refused("BelowInitialMargin", account=donor.account, equityWad=-wads(1), initialWad=0):
        donated.withdraw(donor, "USDC", 2)
    with refused("InsufficientBalance", account=donor.account, asset=2, balance=0, wanted=10**8):
        donated.withdraw(donor, "WBTC", 1)
    surplus = donated.protocol.books().surplus
    assert (surplus[0], surplus[2]) == (GIFT, 1_000 * 10**8)


def test_vault_donation__cap__is_not_used_up(donated: Stage) -> None:
    vault = donated.protocol.vaults[0]
    assert vault.call("held") == 0 and vault.call("cap") == GIFT
    donated.party(1_000_000)
    assert vault.call("held") == 10**12


def test_vault_donation__beside_a_deposit__is_nobodys(stage: Stage) -> None:
    """The token sends a gift along, in the middle of a deposit."""
    attacker = stage.party(100)
    token = stage.protocol.tokens[0]
    before = stage.cash(attacker)
    stage.endow(attacker.address, "USDC", 10**8)
    stage.send(token, "transfer", stage.protocol.vaults[0].address, 5 * 10**7, by=attacker.address)

    stage.send(stage.ledger, "deposit", attacker.account, 0, 5 * 10**7, by=attacker.address)

    assert stage.cash(attacker) - before == wads(50)


def test_vault_donation__pools__do_not_see_it(donated: Stage) -> None:
    lender = donated.party(10_000)
    borrower = donated.party(WETH=1)
    donated.withdraw(borrower, "USDC", 1_000)
    donated.wait(365 * 86_400)

    # 10 % lent: 3 % a year, as without the billion beside it
    assert abs(donated.cash(lender) - wads(10_030)) < 10**6
    pool = donated.protocol.system().pool
    assert pool.credit_shares == 10_000 * WAD


def test_vault_donation__to_an_account__is_a_deposit_like_any(stage: Stage) -> None:
    """Cash may come from anybody; collateral may not."""
    party = stage.party(10)
    stage.deposit(party, "USDC", 5, by="stranger")
    assert stage.cash(party) == wads(15)
