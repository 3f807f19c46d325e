"""What Python reads of a living protocol
├── accounts    as the ledger says, in the order asked, all of them in chunks; unknown ids are marked
├── markets     sides, open interest, price, restriction, insurance
├── system      pools, vaults, fund
├── snapshot    all at one block
├── books       INV-01: claims are covered, after deposits, trades, fees, price moves and time
└── one account that can't be assessed doesn't hide the others
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.protocol import Protocol, books_of
from holdfast.chain.views import read_health
from holdfast.errors import RpcError
from holdfast.model.insurance import DUST_WAD
from holdfast.model.venue import Order, fee_up
from holdfast.types import Grade, Level, Mode
from holdfast.units import WAD
from tests.conftest import GENESIS, Clock

USDC = 10**6
KEYS = Anvil()  # for its keys alone: the chain's accounts come from the same phrase
ALICE, BOB, KEEPER = KEYS.signer(5), KEYS.signer(6), KEYS.signer(7)


REFUSES = "0x3661018010600c5760805ff35b5f5ffd"  # calldatasize > 0x180 ? revert : return 128 zeros


def open_and_fund(protocol: Protocol) -> tuple[int, int]:
    """Two accounts with 10,000 USDC each, the second with 2 WETH besides."""
    ids = []
    for owner in (ALICE.address, BOB.address):
        ids.append(protocol.open_account(owner, Mode.CROSS))
        protocol.fund(owner, ids[-1], 0, 10_000 * USDC)
    protocol.fund(BOB.address, ids[1], protocol.assets["WETH"], 2 * WAD)
    return ids[0], ids[1]


def trade(protocol: Protocol, alice: int, bob: int, size_wad: int, nonce: int = 0) -> None:
    """Alice buys, Bob sells, at the mark."""
    instrument = protocol.instruments["ETH-PERP"]
    price = protocol.oracle.call("priceOf", 1).spotWad
    buy = Order(
        account=alice,
        signer=ALICE.address,
        instrument=instrument,
        size_wad=size_wad,
        limit_price_wad=price,
        nonce=nonce,
    )
    sell = replace(buy, account=bob, signer=BOB.address, size_wad=-size_wad)
    protocol.match(protocol.sign(buy, ALICE), protocol.sign(sell, BOB), abs(size_wad), KEEPER.address)


def test_accounts__after_a_trade__are_what_the_ledger_says(protocol: Protocol) -> None:
    alice, bob = open_and_fund(protocol)
    trade(protocol, alice, bob, 3 * WAD)

    buyer, seller = protocol.accounts([alice, bob])

    notional = 3 * 2_000 * WAD
    config = protocol.record.config["venue"]
    fees = [fee_up(3 * WAD, 2_000 * WAD, config[key]) for key in ("maker_fee_bps", "taker_fee_bps")]
    assert (buyer.id, buyer.owner, buyer.mode, buyer.holdings) == (alice, ALICE.address, Mode.CROSS, ())
    assert buyer.cash_wad == 10_000 * WAD - fees[0]
    assert seller.cash_wad == 10_000 * WAD - fees[1]
    assert [(leg.instrument, leg.size_wad, leg.quote_wad) for leg in buyer.positions] == [
        (protocol.instruments["ETH-PERP"], 3 * WAD, -notional)
    ]
    position = seller.position(protocol.instruments["ETH-PERP"])
    assert position is not None
    assert (position.size_wad, position.quote_wad, position.base_wad) == (-3 * WAD, notional, -3 * WAD)
    assert [(holding.asset, holding.amount) for holding in seller.holdings] == [(1, 2 * WAD)]
    assert buyer.health is not None
    assert buyer.health.margin.equity_wad == 10_000 * WAD - fees[0]
    assert buyer.health.margin.maintenance_wad == notional * 5 // 100
    assert buyer.healthy and buyer.auction is None
    assert buyer.health_wad == buyer.health.margin.equity_wad * WAD // buyer.health.margin.maintenance_wad
    assert buyer.health == read_health(protocol.ledger.call("healthOf", alice))


def test_accounts__unknown_id__is_marked(protocol: Protocol) -> None:
    missing = protocol.accounts([999])[0]
    assert (missing.id, missing.mode, missing.health, missing.healthy) == (999, Mode.NONE, None, None)


def test_accounts__more_than_a_chunk__all_in_order(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast.chain.protocol.CHUNK", 4)
    there = protocol.ledger.call("accounts")
    for _ in range(10):
        protocol.open_account(ALICE.address, Mode.ISOLATED)
    assert [account.id for account in protocol.accounts()] == list(range(1, there + 11))
    assert [account.id for account in protocol.accounts([7, 2, 7])] == [7, 2, 7]


def test_accounts__node_finds_a_chunk_too_much__halves_it(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        protocol.open_account(ALICE.address, Mode.ISOLATED)
    call = protocol.lens.call
    sizes = []

    def narrow(function: str, *args: object, **options: object) -> object:
        sizes.append(len(args[0]))  # type: ignore[arg-type]
        if sizes[-1] > 2:
            raise RpcError(-32003, "out of gas")
        return call(function, *args, **options)

    monkeypatch.setattr(type(protocol.lens), "call", lambda self, *args, **options: narrow(*args, **options))
    assert [account.id for account in protocol.accounts(range(1, 9))] == list(range(1, 9))
    assert sizes == [8, 4, 2, 2, 4, 2, 2]


def test_look__is_system_markets_series_and_accounts(protocol: Protocol) -> None:
    alice, bob = open_and_fund(protocol)
    trade(protocol, alice, bob, 3 * WAD)
    lens = protocol.lens
    parts = tuple(lens.call(name) for name in ("system", "markets", "series"))
    assert lens.call("look", [bob, alice]) == (*parts, lens.call("accountsOf", [bob, alice]))


def test_markets__after_a_trade(protocol: Protocol) -> None:
    alice, bob = open_and_fund(protocol)
    trade(protocol, alice, bob, 3 * WAD)
    market = protocol.snapshot().market(protocol.instruments["ETH-PERP"])
    assert (market.long_open_wad, market.short_open_wad, market.open_interest_wad) == (
        3 * WAD,
        3 * WAD,
        3 * WAD,
    )
    assert (market.price.spot_wad, market.price.grade) == (2_000 * WAD, Grade.FRESH)
    assert (market.restriction.level, market.restriction.until) == (Level.NORMAL, 0)
    fees = 6_000 * WAD * 7 // 10_000  # 2 and 5 bps of the notional; half of it is for the fund
    assert (market.insurance_capacity_wad, market.insurance_drawn_wad) == (fees // 2 - DUST_WAD, 0)


def test_system__vaults_and_fund(protocol: Protocol) -> None:
    _, bob = open_and_fund(protocol)
    protocol.fund(BOB.address, protocol.system().fund_account, 0, 500 * USDC)
    system = protocol.system()
    assert system.chain_id == protocol.chain_id
    assert system.accounts == bob
    assert [asset.held for asset in system.assets] == [20_500 * USDC, 2 * WAD, 0]
    assert system.fund_wad == 500 * WAD
    assert system.assets[0].price is None and system.assets[1].price is not None


def test_snapshot__earlier_block__is_of_that_block(protocol: Protocol) -> None:
    alice, bob = open_and_fund(protocol)
    before = protocol.snapshot()
    trade(protocol, alice, bob, WAD)
    assert protocol.snapshot(block=before.system.block) == before
    assert protocol.snapshot().system.block == before.system.block + 1


def test_books__through_trades_prices_and_time__balance(protocol: Protocol) -> None:
    """INV-01, and the dust never shrinks."""
    clock = Clock(protocol.rpc)
    alice, bob = open_and_fund(protocol)
    dust = 0
    for step, (size, price) in enumerate(((3, 2_000), (-1, 2_050), (2, 1_930), (-4, 1_990))):
        clock.next(GENESIS + 1_200 + 600 * step)
        protocol.set_price(1, price * WAD)
        trade(protocol, alice, bob, size * WAD, nonce=step)
        books = protocol.books()
        assert books.balanced, ("INV-01", books)
        assert books.dust_wad >= dust
        dust = books.dust_wad
        assert dust < 1_000 and set(books.net_size_wad.values()) == {0}
    assert books.held_wad == 20_000 * WAD
    assert books.surplus == {0: 0, 1: 0, 2: 0}


def test_books__donation__is_surplus_not_claim(protocol: Protocol) -> None:
    open_and_fund(protocol)
    protocol.tokens[0].send("mint", protocol.vaults[0].address, 7, sender=KEEPER.address)
    books = protocol.books()
    assert books.surplus[0] == 7 and books.dust_wad == 0 and books.balanced


def test_books__a_claim_without_a_token__does_not_balance(protocol: Protocol) -> None:
    alice, _ = open_and_fund(protocol)
    snapshot = protocol.snapshot()
    accounts = tuple(
        replace(account, cash_wad=account.cash_wad + (account.id == alice)) for account in snapshot.accounts
    )
    assert not books_of(replace(snapshot, accounts=accounts)).balanced


def test_accounts__one_cannot_be_assessed__others_can(protocol: Protocol) -> None:
    """When Risk refuses every book with a position in it, no health is made up for those who hold one."""
    alice, bob = open_and_fund(protocol)
    idle = protocol.open_account(KEEPER.address, Mode.ISOLATED)
    trade(protocol, alice, bob, WAD)
    protocol.rpc.call("anvil_setCode", protocol.risk.address, REFUSES)
    *traders, other = protocol.accounts([alice, bob, idle])
    for account in traders:
        assert account.health is None and account.healthy is None and account.health_wad is None
        assert account.cash_wad > 9_990 * WAD and account.positions[0].size_wad in (WAD, -WAD)
    assert other.health is not None and other.healthy
