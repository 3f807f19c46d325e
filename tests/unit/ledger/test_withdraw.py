"""withdraw
├── account doesn't exist                       -> NoSuchAccount
├── caller is neither owner nor operator        -> NotAuthorised
├── asset isn't listed                          -> NoSuchAsset
├── amount is zero                              -> ZeroAmount
├── collateral: more than the balance           -> InsufficientBalance
├── what is left
│   ├── has an old price                        -> Blocked
│   ├── is in a halted market                   -> Blocked
│   ├── equity < IM                             -> BelowInitialMargin
│   └── cash < −borrow limit                    -> UnrealisedProfit
├── everything is halted                        -> Blocked
├── the vault has lent it out                   -> Underfunded
├── more than fits the vault's bucket           -> OutflowExceeded, for what is beyond free principal
├── to the zero address                         -> the token's refusal
└── otherwise emits Withdrawn, sends the tokens, and
    ├── cash                                    goes down in wad, to any address, by owner or operator
    ├── equity = IM, cash = −limit              is allowed, to the wei
    ├── collateral                              the whole of it frees the lane, a part doesn't
    ├── free principal                          what was paid in, up to a limit; goes out whatever the bucket says
    └── without positions and collateral        no price is asked, and no market
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.types import Action, Grade, Level
from tests.conftest import Refused
from tests.stage import NOBODY, wads
from tests.unit.ledger.world import STRANGER, USDC, WBTC, WETH, Bench, open_position

ELSEWHERE = "0x" + "Ab" * 20


def test_withdraw__no_such_account__reverts(bench: Bench, refused: Refused) -> None:
    with refused("NoSuchAccount", account=99):
        bench.send(bench.ledger, "withdraw", 99, USDC, 1, STRANGER, by="stranger")


def test_withdraw__stranger__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party(10)
    with refused("NotAuthorised", account=party.account, caller=STRANGER):
        bench.send(bench.ledger, "withdraw", party.account, USDC, 1, STRANGER, by="stranger")


def test_withdraw__no_such_asset__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party(10)
    with refused("NoSuchAsset", asset=99):
        bench.send(bench.ledger, "withdraw", party.account, 99, 1, STRANGER, by=party.address)


@pytest.mark.parametrize("asset", [USDC, WETH])
def test_withdraw__zero__reverts(bench: Bench, refused: Refused, asset: int) -> None:
    party = bench.party(10, WETH=1)
    with refused("ZeroAmount"):
        bench.send(bench.ledger, "withdraw", party.account, asset, 0, STRANGER, by=party.address)


def test_withdraw__more_collateral_than_there_is__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party(WBTC=1)
    with refused("InsufficientBalance", account=party.account, asset=WBTC, balance=10**8, wanted=10**8 + 1):
        bench.send(bench.ledger, "withdraw", party.account, WBTC, 10**8 + 1, STRANGER, by=party.address)
    with refused("InsufficientBalance", account=party.account, asset=WETH, balance=0, wanted=1):
        bench.send(bench.ledger, "withdraw", party.account, WETH, 1, STRANGER, by=party.address)


def blocked(underlying: int, level: Level, grade: Grade) -> dict[str, object]:
    return {
        "action": Action.WITHDRAW,
        "underlying": underlying,
        "level": level,
        "grade": grade,
        "grace": False,
    }


def test_withdraw__old_price__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party(10, WETH=1)
    bench.wait(5_500)
    with refused("Blocked", **blocked(1, Level.NORMAL, Grade.STALE)):
        bench.withdraw(party, "USDC", 1)


def test_withdraw__price_of_a_light_holding__counts_too(bench: Bench, refused: Refused) -> None:
    """Dust doesn't shield from liquidation, but it does stop a withdrawal: the owner can take it out first."""
    party = bench.party(10, WETH=1, WBTC=0.000_000_01)
    bench.wait(5_500)
    bench.say("ETH", 2_000)
    bench.poke("ETH")
    with refused("Blocked", **blocked(2, Level.NORMAL, Grade.STALE)):
        bench.withdraw(party, "USDC", 1)
    bench.withdraw(party, "WBTC", 0.000_000_01)
    bench.withdraw(party, "USDC", 1)


@pytest.mark.parametrize("level", [Level.CAUTIOUS, Level.HALTED])
def test_withdraw__restricted_market__only_halted_reverts(
    bench: Bench, level: Level, refused: Refused
) -> None:
    party = bench.party(10, WETH=1)
    bench.send(bench.breaker, "trip", 1, level, 60, by="guardian")
    if level == Level.CAUTIOUS:
        bench.withdraw(party, "USDC", 1)
        return
    with refused("Blocked", **blocked(1, Level.HALTED, Grade.FRESH)):
        bench.withdraw(party, "USDC", 1)


def test_withdraw__everything_halted__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party(10)
    bench.send(bench.breaker, "trip", 0, Level.HALTED, 60, by="guardian")
    with refused("Blocked", **blocked(0, Level.HALTED, Grade.FRESH)):
        bench.withdraw(party, "USDC", 1)


def test_withdraw__below_initial_margin__reverts(bench: Bench, refused: Refused) -> None:
    long, _ = open_position(bench, 10, cash=3_000)  # IM 2,000
    with refused(
        "BelowInitialMargin",
        account=long.account,
        equityWad=wads(2_000) - 10**12,
        initialWad=wads(2_000),
    ):
        bench.withdraw(long, "USDC", 1_000.000_001)
    bench.withdraw(long, "USDC", 1_000)
    assert bench.equity(long) == wads(2_000)


def test_withdraw__unrealised_profit__reverts(bench: Bench, refused: Refused) -> None:
    long, _ = open_position(bench, 10, cash=3_000)
    bench.reprice("ETH", 2_500)  # 5,000 of profit, on paper; IM 2,500
    with refused("UnrealisedProfit", account=long.account, cashWad=-(10**12), borrowLimitWad=0):
        bench.withdraw(long, "USDC", 3_000.000_001)
    bench.withdraw(long, "USDC", 3_000)
    assert bench.cash(long) == 0 and bench.equity(long) == wads(5_000)


def test_withdraw__to_the_borrow_limit__not_a_wei_more(bench: Bench, refused: Refused) -> None:
    """Profit covers the margin, so that the limit alone binds: 85 % of a WETH."""
    bench.party(10_000)
    party = bench.party(1_000, WETH=1)
    bench.fill(party, bench.party(100_000), 3, 2_000)
    bench.reprice("ETH", 3_000)
    limit = wads(3_000 * 0.85)
    with refused("UnrealisedProfit", account=party.account, cashWad=-limit - 10**12, borrowLimitWad=limit):
        bench.withdraw(party, "USDC", 1_000 + 2_550.000_001)
    bench.withdraw(party, "USDC", 1_000 + 2_550)
    assert bench.cash(party) == -limit


def test_withdraw__lent_out__reverts(bench: Bench, refused: Refused) -> None:
    lender = bench.party(1_000)
    borrower = bench.party(WETH=1)
    held = bench.protocol.vaults[USDC].call("held")
    bench.withdraw(borrower, "USDC", 600)
    with refused("Underfunded", available=held - 600 * 10**6, needed=1_000 * 10**6):
        bench.withdraw(lender, "USDC", 1_000)


def test_withdraw__to_nobody__reverts(bench: Bench) -> None:
    party = bench.party(10)
    with pytest.raises(Reverted, match="TransferFailed"):
        bench.send(bench.ledger, "withdraw", party.account, USDC, 1, NOBODY, by=party.address)


@pytest.mark.parametrize("by_operator", [False, True], ids=["owner", "operator"])
def test_withdraw__cash__goes_to_any_address(bench: Bench, by_operator: bool) -> None:
    party = bench.party(10)
    if by_operator:
        bench.send(bench.ledger, "setOperator", STRANGER, True, by=party.address)
    sender = STRANGER if by_operator else party.address
    held = bench.protocol.vaults[USDC].call("held")

    receipt = bench.send(bench.ledger, "withdraw", party.account, USDC, 4_000_001, ELSEWHERE, by=sender)

    seen = receipt.event("Withdrawn").args
    assert {**seen, "to": seen["to"].lower()} == {
        "account": party.account,
        "asset": USDC,
        "to": ELSEWHERE.lower(),
        "amount": 4_000_001,
    }
    assert bench.protocol.tokens[USDC].call("balanceOf", ELSEWHERE) == 4_000_001
    assert held - bench.protocol.vaults[USDC].call("held") == 4_000_001
    assert bench.cash(party) == wads(10) - 4_000_001 * 10**12


def test_withdraw__collateral__whole_frees_the_lane(bench: Bench) -> None:
    party = bench.party(WETH=1, WBTC=2, W4=3)
    bench.withdraw(party, "WETH", 0.25)
    assert bench.ledger.call("assetsOf", party.account) == [WETH, WBTC, 4]
    bench.withdraw(party, "WETH", 0.75)
    assert bench.ledger.call("assetsOf", party.account) == [4, WBTC]  # the last one moves up
    assert bench.ledger.call("balanceOf", party.account, WETH) == 0
    assert bench.protocol.tokens[WETH].call("balanceOf", party.address) == 10**18


def test_withdraw__nothing_priced_left__asks_no_price_and_no_market(bench: Bench) -> None:
    party = bench.party(10, WETH=1)
    bench.wait(10_000)
    bench.send(bench.breaker, "trip", 1, Level.HALTED, 60, by="guardian")
    bench.withdraw(party, "WETH", 1)  # the last thing with a price: without debt it may go
    bench.withdraw(party, "USDC", 10)
    assert bench.look(party).holdings == () and bench.cash(party) == 0


def test_withdraw__free_principal__what_was_paid_in_up_to_a_limit(bench: Bench) -> None:
    limit = bench.ledger.call("FREE_PRINCIPAL_WAD")
    assert limit == wads(10_000)
    party, other = bench.party(6_000), bench.party(100_000)

    def free() -> int:
        return int(bench.ledger.call("freePrincipalOf", party.account))

    assert free() == wads(6_000)
    bench.move(other, party, wads(700))  # what others lost is no principal
    assert free() == wads(6_000)
    bench.withdraw(party, "USDC", 4_000)
    assert free() == wads(2_000)
    bench.withdraw(party, "USDC", 2_700)
    assert free() == 0
    bench.deposit(party, "USDC", 0.000_001)
    assert free() == 10**12  # a unit of the token, exactly
    bench.deposit(party, "USDC", 50_000)
    assert free() == limit
    bench.withdraw(party, "USDC", 10_000)
    assert free() == 0


def test_withdraw__bucket_is_full__principal_alone_leaves(bench: Bench, refused: Refused) -> None:
    whale, small, vault = bench.party(500_000_000), bench.party(500), bench.protocol.vaults[USDC]
    capacity = vault.call("outflow")[1]
    with refused("OutflowExceeded", available=capacity, amount=capacity + 1):
        bench.withdraw(whale, "USDC", (capacity + 1) / 10**6 + 10_000)
    bench.withdraw(whale, "USDC", capacity / 10**6 + 10_000)

    bench.time += 1
    with pytest.raises(Reverted, match="OutflowExceeded"):
        bench.withdraw(whale, "USDC", 10_000)
    bench.withdraw(small, "USDC", 500)

    bench.wait(vault.call("WINDOW_SECONDS"))
    bench.withdraw(whale, "USDC", 10_000)
