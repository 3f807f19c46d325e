"""Desk.isValidSignature, sellCollateral
├── order that shrinks its position, at its price            -> matched
│   ├── a digit worse, before or after the concession grew   -> BadSignature
│   ├── better than it asks                                  -> matched
│   └── of an option                                         -> by its own mark, not by that of its underlying
├── order of any other kind                                  -> not signed
│   ├── not reduce-only, or larger than the position
│   ├── that grows it, or in a market it isn't in
│   ├── of another account or signer, expired
│   ├── another hash, or no order at all
│   └── price can't be trusted
└── collateral
    ├── at its price less the concession                     -> sold, to whom the buyer says
    ├── dearer than the buyer bears                          -> TooDear
    ├── more than is held, cash, nothing                     -> NotHeld, ZeroAmount
    └── price can't be trusted                               -> PriceNotUsable
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.errors import Reverted
from holdfast.model.backstop import sell_price_wad, signature_of
from holdfast.model.venue import Order
from holdfast.types import InstrumentId, Kind, instrument_id, perpetual
from holdfast.units import WAD
from tests.backstop import USDC, Pool, a_crash
from tests.conftest import Refused
from tests.stage import Party, Stage, wads

MAGIC = bytes.fromhex("1626ba7e")
TEN = wads(10)


@pytest.fixture
def short(stage: Stage, pool: Pool) -> Party:
    """The desk holds 10 ETH at 1,800; this one is short as many."""
    long, short = a_crash(stage)
    stage.until_started(long, 135)
    pool.take_over(long)
    return short


def signs(pool: Pool, order: Order, given: Order | None = None) -> bool:
    """Would it sign, asked at the newest block?"""
    digest = pool.stage.protocol.order_digest(order)
    return bool(pool.desk.call("isValidSignature", digest, signature_of(given or order)) == MAGIC)


@pytest.mark.parametrize(
    ("seconds", "price"), [(0, 1_800.0), (900, 1_791.0), (1_800, 1_782.0), (2_400, 1_782.0)]
)
def test_order__at_its_price__matched_and_a_digit_worse_not(
    stage: Stage, pool: Pool, short: Party, refused: Refused, seconds: int, price: float
) -> None:
    at = pool.took_at + max(1, seconds)
    least = sell_price_wad(wads(1_800), min(max(1, seconds), 1_800) * (WAD // 100) // 1_800)
    assert abs(least - wads(price)) < wads(0.02)
    stage.until(at)
    with refused("BadSignature", signer=pool.desk.address):
        pool.trade(short, -TEN, least - 1)
    stage.time = at - 1
    stage.wait(1)
    assert signs(pool, pool.order(-TEN, least)) and signs(pool, pool.order(-1, 2 * least))
    assert not signs(pool, pool.order(-TEN, least - 1))
    stage.until(at + 1)
    pool.trade(short, -TEN, least)
    assert pool.size() == 0


def test_order__of_an_option__by_its_own_mark(stage: Stage, pool: Pool) -> None:
    call = listed(stage, Kind.CALL, 2_000)
    writer, holder = stage.party(3_000), stage.party(200_000)
    mark = int(stage.protocol.risk.call("markOf", call))
    stage.trade(holder, writer, 10, mark / WAD, call)
    stage.drift("ETH", 2_300)
    stage.start(writer)
    stage.until_started(writer, 135)
    pool.take_over(writer)
    held = pool.look().position(call)
    assert held is not None and held.size_wad < 0

    stage.wait(1_800)  # all of the concession
    mark = int(stage.protocol.risk.call("markOf", call))
    most = mark + mark // 100
    orders = [pool.order(-held.size_wad, price, instrument=call) for price in (most, most + 1, wads(2_300))]
    assert 0 < mark < wads(1_000)
    assert [signs(pool, order) for order in orders] == [True, False, False]


def listed(stage: Stage, kind: Kind, strike: float) -> InstrumentId:
    """An option of ether that lives for twenty days more; everybody's prices are new then."""
    delay = stage.protocol.record.config["access"]["governor_delay_seconds"]
    expiry = (stage.time + delay) // 1_800 * 1_800 + 20 * 86_400
    series = instrument_id(kind, 1, expiry, wads(strike))
    rates = 1_000, 500, 5_000, 10_000, wads(1_000)
    calls = [
        (stage.protocol.risk, ("setInstrument", instrument_id(Kind.CALL, 1), rates)),
        (stage.positions, ("listInstrument", series)),
    ]
    requests = [(contract.address, contract.encode(*call)) for contract, call in calls]
    for request in requests:
        stage.send(stage.protocol.authority, "schedule", *request, 0, by="governor")
    stage.time += delay
    stage.drift("ETH", 2_000)
    for request in requests:
        stage.send(stage.protocol.authority, "execute", *request, by="governor")
    return series


@pytest.mark.parametrize(
    "changes",
    [
        {"reduce_only": False},
        {"size_wad": -TEN - 1},
        {"size_wad": TEN},
        {"size_wad": -(2**255)},
        {"size_wad": 0},
        {"instrument": perpetual(2)},
        {"account": 1},
        {"signer": "0x" + "11" * 20},
        {"expires_at": 1_000},
    ],
)
def test_order__of_another_kind__not_signed(
    stage: Stage, pool: Pool, short: Party, changes: dict[str, Any]
) -> None:
    stage.wait(1)
    order = pool.order(-TEN, wads(1_800))
    assert signs(pool, order)
    assert not signs(pool, replace(order, **changes))


def test_order__another_hash__not_signed(stage: Stage, pool: Pool, short: Party) -> None:
    stage.wait(1)
    order = pool.order(-TEN, wads(1_800))
    assert not signs(pool, order, replace(order, nonce=order.nonce + 1))
    with pytest.raises(Reverted):
        pool.desk.call("isValidSignature", stage.protocol.order_digest(order), b"")


def test_order__price_not_trusted__not_signed(stage: Stage, pool: Pool, short: Party) -> None:
    stage.price("ETH", 1_400)
    assert not signs(pool, pool.order(-TEN, wads(5_000)))
    stage.wait(600)
    assert signs(pool, pool.order(-TEN, wads(5_000)))


def test_order__filled_in_parts__the_rest_with_another(
    stage: Stage, pool: Pool, short: Party, refused: Refused
) -> None:
    pool.trade(short, -wads(4), wads(1_800))
    assert pool.size() == wads(6)
    with refused("BadSignature", signer=pool.desk.address):
        pool.trade(short, -wads(7), wads(1_800))
    pool.trade(short, -wads(6), wads(1_800))
    assert pool.size() == 0


def test_order__of_a_short__bought_back_at_most_at_its_price(
    stage: Stage, pool: Pool, refused: Refused
) -> None:
    short, long = stage.party(2_500), stage.party(200_000)
    stage.trade(long, short, 10, 2_000)
    stage.drift("ETH", 2_180)
    stage.start(short)
    stage.until_started(short, 135)
    pool.take_over(short)
    assert pool.size() == -TEN

    at = pool.took_at + 1_800
    stage.until(at)
    with refused("BadSignature", signer=pool.desk.address):
        pool.trade(long, TEN, wads(2_201.8) + 1)
    stage.until(at + 1)
    pool.trade(long, TEN, wads(2_201.8))
    pool.send("settle")


@pytest.fixture
def bitcoin(stage: Stage, pool: Pool) -> Party:
    """The desk holds 0.05 WBTC beside 10 ETH."""
    long, short = stage.party(600, WBTC=0.05), stage.party(20_000)
    stage.trade(long, short, 10, 2_000)
    stage.drift("ETH", 1_750)
    stage.start(long)
    stage.until_started(long, 140)
    pool.take_over(long)
    pool.approve("keeper", 10_000 * USDC)
    return short


def buy(pool: Pool, asset: int, amount: int, most: int, to: str) -> Any:
    return pool.stage.send(pool.desk, "sellCollateral", asset, amount, most, to, by="keeper")


def test_collateral__at_its_price__sold(stage: Stage, pool: Pool, bitcoin: Party) -> None:
    token = stage.protocol.tokens[2]
    stage.until(pool.took_at + 1_800)
    receipt = buy(pool, 2, 1_000_000, 594 * USDC, bitcoin.address)  # 0.01 at 59,400

    assert receipt.event("CollateralSold").args["paidAmount"] == 594 * USDC
    assert token.call("balanceOf", bitcoin.address) == 1_000_000
    assert pool.look().holdings[0].amount == 4_000_000
    assert buy(pool, 2, 1, 1_000, bitcoin.address).event("CollateralSold").args["paidAmount"] == 594


def test_collateral__refusals(stage: Stage, pool: Pool, bitcoin: Party, refused: Refused) -> None:
    stage.until(pool.took_at + 1_800)
    with refused("TooDear", amount=594 * USDC, mostAmount=594 * USDC - 1):
        buy(pool, 2, 1_000_000, 594 * USDC - 1, bitcoin.address)
    with refused("NotHeld", asset=2, held=5_000_000, wanted=5_000_001):
        buy(pool, 2, 5_000_001, 2**200, bitcoin.address)
    with refused("NotHeld", asset=0, held=0, wanted=1):
        buy(pool, 0, 1, 2**200, bitcoin.address)
    with refused("ZeroAmount"):
        buy(pool, 2, 0, 2**200, bitcoin.address)
    stage.price("BTC", 80_000)
    with refused("PriceNotUsable", underlying=2):
        buy(pool, 2, 1, 2**200, bitcoin.address)
