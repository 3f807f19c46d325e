"""deposit
├── account doesn't exist                    -> NoSuchAccount
├── asset isn't listed                       -> NoSuchAsset
├── collateral
│   ├── from a stranger                      -> NotAuthorised
│   ├── to an isolated account               -> CollateralInIsolated
│   └── a sixth one                          -> TooManyHoldings
├── amount is zero                           -> ZeroAmount
├── no allowance                             -> TransferFromFailed
├── above the vault's cap                    -> CapExceeded
└── otherwise moves the tokens into the vault, emits Deposited, and
    ├── cash                                 is credited in wad, from anybody, to any account
    ├── cash into debt                       pays it back first
    ├── collateral                           is credited in its own decimals, from owner and operator
    ├── collateral held already              takes no second lane
    ├── a token that keeps a fee             is credited as it arrived
    └── everything halted, every price dead  is welcome all the same
"""

from __future__ import annotations

import pytest

from holdfast.types import Level, Mode
from tests.conftest import Refused
from tests.stage import wads
from tests.unit.ledger.world import FEE, STRANGER, USDC, WBTC, WETH, Bench


def test_deposit__no_such_account__reverts(bench: Bench, refused: Refused) -> None:
    with refused("NoSuchAccount", account=99):
        bench.send(bench.ledger, "deposit", 99, USDC, 1, by="stranger")


def test_deposit__no_such_asset__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party()
    with refused("NoSuchAsset", asset=99):
        bench.send(bench.ledger, "deposit", party.account, 99, 1, by=party.address)


def test_deposit__collateral_from_a_stranger__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party()
    with refused("NotAuthorised", account=party.account, caller=STRANGER):
        bench.send(bench.ledger, "deposit", party.account, WETH, 1, by="stranger")


def test_deposit__collateral_to_isolated__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party(mode=Mode.ISOLATED)
    with refused("CollateralInIsolated", asset=WETH):
        bench.send(bench.ledger, "deposit", party.account, WETH, 1, by=party.address)


def test_deposit__sixth_collateral__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party(WETH=1, WBTC=1, W4=1, W5=1, W6=1)
    with refused("TooManyHoldings", account=party.account, cap=5):
        bench.deposit(party, "W7", 1)
    bench.deposit(party, "W6", 1)  # more of what it has


@pytest.mark.parametrize("asset", [USDC, WETH])
def test_deposit__zero__reverts(bench: Bench, refused: Refused, asset: int) -> None:
    party = bench.party()
    with refused("ZeroAmount"):
        bench.send(bench.ledger, "deposit", party.account, asset, 0, by=party.address)


def test_deposit__no_allowance__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party()
    with refused("TransferFromFailed"):
        bench.send(bench.ledger, "deposit", party.account, USDC, 1, by=party.address)


def test_deposit__above_the_cap__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party()
    vault = bench.protocol.vaults[WBTC]
    bench.send(vault, "tightenCap", 5 * 10**8, by="guardian")
    with refused("CapExceeded", held=5 * 10**8 + 1, cap=5 * 10**8):
        bench.deposit(party, "WBTC", 5.000_000_01)
    bench.deposit(party, "WBTC", 5)


@pytest.mark.parametrize("mode", [Mode.ISOLATED, Mode.CROSS])
def test_deposit__cash_from_anybody__is_credited_in_wad(bench: Bench, mode: Mode) -> None:
    party = bench.party(mode=mode)
    bench.endow("stranger", "USDC", 10**9)
    before = bench.protocol.vaults[USDC].call("held")

    receipt = bench.send(bench.ledger, "deposit", party.account, USDC, 12_345_678, by="stranger")

    assert receipt.event("Deposited").args == {
        "account": party.account,
        "asset": USDC,
        "from": STRANGER,
        "amount": 12_345_678,
    }
    assert bench.cash(party) == 12_345_678 * 10**12
    assert bench.protocol.vaults[USDC].call("held") - before == 12_345_678
    assert bench.protocol.tokens[USDC].call("balanceOf", STRANGER) == 10**9 - 12_345_678


def test_deposit__cash_into_debt__pays_it_back(bench: Bench) -> None:
    bench.party(1_000)
    debtor = bench.indebted(100)
    bench.deposit(debtor, "USDC", 40)
    assert -wads(60.000_001) < bench.cash(debtor) < -wads(60)  # and a few seconds of interest
    bench.deposit(debtor, "USDC", 100)
    assert wads(39.999_99) < bench.cash(debtor) < wads(40)
    assert bench.protocol.system().pool.debt_shares == 0


@pytest.mark.parametrize(("symbol", "asset", "decimals"), [("WETH", WETH, 18), ("WBTC", WBTC, 8)])
def test_deposit__collateral__is_credited_in_its_decimals(
    bench: Bench, symbol: str, asset: int, decimals: int
) -> None:
    party = bench.party()
    receipt = bench.deposit(party, symbol, 1.25)

    assert receipt.event("Deposited").args == {
        "account": party.account,
        "asset": asset,
        "from": party.address,
        "amount": 125 * 10**decimals // 100,
    }
    assert bench.ledger.call("balanceOf", party.account, asset) == 125 * 10**decimals // 100
    assert bench.ledger.call("assetsOf", party.account) == [asset]
    assert bench.cash(party) == 0


def test_deposit__collateral_by_an_operator__is_the_owners(bench: Bench) -> None:
    party = bench.party()
    bench.send(bench.ledger, "setOperator", STRANGER, True, by=party.address)
    receipt = bench.deposit(party, "WETH", 1, by="stranger")
    assert receipt.event("Deposited").args["from"] == STRANGER
    assert bench.ledger.call("balanceOf", party.account, WETH) == 10**18


def test_deposit__collateral_held_already__takes_no_second_lane(bench: Bench) -> None:
    party = bench.party(WETH=1)
    bench.deposit(party, "WETH", 2)
    assert bench.ledger.call("assetsOf", party.account) == [WETH]
    assert bench.ledger.call("balanceOf", party.account, WETH) == 3 * 10**18


def test_deposit__fee_on_transfer__is_credited_as_it_arrived(bench: Bench) -> None:
    party = bench.party()
    receipt = bench.deposit(party, "FEE", 1)  # a tenth is burned on the way
    assert receipt.event("Deposited").args["amount"] == 9 * 10**17
    assert bench.ledger.call("balanceOf", party.account, FEE) == 9 * 10**17
    assert bench.protocol.vaults[FEE].call("held") == 9 * 10**17


def test_deposit__everything_halted_and_stale__is_welcome(bench: Bench) -> None:
    party = bench.party(1_000)
    bench.fill(party, bench.party(1_000), 1, 2_000)
    bench.wait(10_000)
    bench.send(bench.breaker, "trip", 0, Level.HALTED, 3_600, by="guardian")

    bench.deposit(party, "USDC", 1)
    bench.deposit(party, "WETH", 1)

    assert bench.cash(party) == wads(1_001)
