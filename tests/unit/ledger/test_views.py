"""Views of the ledger: they project interest and funding to now, and change nothing.

├── healthOf          NoSuchAccount; margin, cash, gross, counts; what is light doesn't weigh
├── isAuthorised      NoSuchAccount
├── cashOf            credit down, debt up
├── assetOf           NoSuchAsset
└── of accounts that don't exist: no owner, no mode, no cash, nothing held
"""

from __future__ import annotations

import pytest

from holdfast.types import Grade, Mode
from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import NOBODY, wads
from tests.unit.ledger.world import STRANGER, USDC, WETH, Bench


def test_health_of__no_such_account__reverts(bench: Bench, refused: Refused) -> None:
    with refused("NoSuchAccount", account=99):
        bench.ledger.call("healthOf", 99)


def test_health_of__a_mixed_account__adds_up(bench: Bench) -> None:
    """Long 2 ETH, short 0.05 BTC, half a WETH, 0.01 WBTC and 1,000 dollars."""
    mixed, maker = bench.party(1_000, WETH=0.5, WBTC=0.01), bench.party(100_000)
    bench.fill(mixed, maker, 2, 2_000)
    bench.fill(maker, mixed, 0.05, 60_000, instrument=bench.btc)
    bench.reprice("ETH", 1_900)

    health = bench.health(mixed)

    margin = health.margin
    assert margin.equity_wad == wads(1_000 - 200 + 950 + 600)
    assert margin.maintenance_wad == wads(190 + 150 + 95 + 60)
    assert margin.initial_wad == wads(380 + 300 + 142.5 + 90)
    assert margin.borrow_limit_wad == wads(0.85 * 1_550)
    assert (health.cash_wad, health.gross_wad) == (wads(1_000), wads(3_800 + 3_000))
    assert (health.legs, health.holdings, health.grade) == (2, 2, Grade.FRESH)
    assert health.dominant == 1
    assert [(item.underlying, item.weight_wad) for item in health.items] == [
        (1, wads(3_800)),
        (2, wads(3_000)),
        (1, wads(950)),
        (2, wads(600)),
    ]


def test_health_of__an_old_price__grades_its_item_and_the_whole(bench: Bench) -> None:
    party, maker = bench.party(1_000, WBTC=0.001), bench.party(100_000)
    bench.fill(party, maker, 2, 2_000)
    bench.wait(5_500)
    bench.say("ETH", 2_000)
    bench.poke("ETH")

    health = bench.health(party)

    assert health.grade == Grade.STALE
    assert [(item.underlying, item.grade) for item in health.items] == [(1, Grade.FRESH), (2, Grade.STALE)]


@pytest.mark.parametrize("kind", ["position", "collateral"])
def test_health_of__dominant__is_the_heaviest(bench: Bench, kind: str) -> None:
    party, maker = bench.party(10_000), bench.party(100_000)
    bench.fill(party, maker, 2, 2_000)
    if kind == "position":
        bench.fill(party, maker, 0.1, 60_000, instrument=bench.btc)
    else:
        bench.deposit(party, "WBTC", 0.1)
    assert bench.health(party).dominant == 2


def test_is_authorised__no_such_account__reverts(bench: Bench, refused: Refused) -> None:
    with refused("NoSuchAccount", account=99):
        bench.ledger.call("isAuthorised", 99, STRANGER)


def test_cash_of__with_interest__credit_down_and_debt_up(bench: Bench) -> None:
    lender = bench.party(1_000)
    debtor = bench.party(WETH=1)
    bench.withdraw(debtor, "USDC", 333.333_333)
    bench.wait(12_345)
    pool = bench.protocol.system().pool
    assert pool.debt_index_wad > pool.credit_index_wad > WAD
    assert bench.cash(lender) == wads(1_000) * pool.credit_index_wad // WAD
    owed = 333_333_333 * 10**12
    assert bench.cash(debtor) == -(-(-owed * pool.debt_index_wad) // WAD) or bench.cash(debtor) == (
        -owed * pool.debt_index_wad // WAD
    )


def test_asset_of__unlisted__reverts(bench: Bench, refused: Refused) -> None:
    count = bench.ledger.call("assets")
    assert count == 8
    with refused("NoSuchAsset", asset=count):
        bench.ledger.call("assetOf", count)
    assert bench.ledger.call("assetOf", USDC).vault == bench.protocol.vaults[USDC].address


def test_views__no_such_account__nothing(bench: Bench) -> None:
    assert bench.ledger.call("ownerOf", 99) == NOBODY
    assert bench.ledger.call("modeOf", 99) == Mode.NONE
    assert bench.ledger.call("cashOf", 99) == 0
    assert bench.ledger.call("balanceOf", 99, WETH) == 0
    assert bench.ledger.call("assetsOf", 99) == []


def test_views__engines_and_positions(bench: Bench) -> None:
    rights = {
        name: bench.ledger.call("engineRights", bench.protocol.contract(name).address)
        for name in ("Venue", "Liquidation", "Insurance", "Oracle")
    }
    assert rights == {"Venue": 1, "Liquidation": 6, "Insurance": 2, "Oracle": 0}
    assert bench.ledger.call("POSITIONS") == bench.positions.address
