"""Positions: what only the ledger may do, and what everybody may see.

├── trade, take, deleverage, settle   -> NotLedger, for anybody else; engines too
├── positionOf        projected to now; NoSuchInstrument
├── rawPositionOf     as stored
├── countOf           closed ones that nobody settled included
├── instrumentsOf     the last one moves up when one goes
├── marketOf          NoSuchInstrument
├── epochEndOf        zero before it ended
└── healthOf          with a hypothetical trade, strictly or not
"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.types import Grade, Item, Mode
from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import wads
from tests.unit.ledger.world import FILLER, SEIZER, STRANGER, Bench, open_position

UNLISTED = 99 << 168


@pytest.mark.parametrize("who", [FILLER, SEIZER, STRANGER], ids=["filler", "seizer", "stranger"])
@pytest.mark.parametrize("function", ["trade", "take", "deleverage", "settle"])
def test_positions__anybody_but_the_ledger__reverts(
    bench: Bench, refused: Refused, function: str, who: str
) -> None:
    args: dict[str, tuple[Any, ...]] = {
        "trade": (bench.eth, 1, 2, WAD, wads(2_000)),
        "take": (1, 2, WAD),
        "deleverage": (1, bench.eth, 0),
        "settle": (1, bench.eth),
    }
    with refused("NotLedger", caller=who):
        bench.send(bench.positions, function, *args[function], by=who)


def test_position_of__funding__is_projected_to_now(bench: Bench) -> None:
    long, short = bench.party(10_000), bench.party(10_000)
    bench.fill(long, short, 3, 2_020)
    bench.wait(3_600)
    assert tuple(bench.positions.call("positionOf", long.account, bench.eth)) == (
        wads(3),
        -wads(6_060 + 7.5),
    )
    assert tuple(bench.positions.call("positionOf", short.account, bench.eth)) == (
        -wads(3),
        wads(6_060 + 7.5),
    )
    stored = bench.positions.call("rawPositionOf", long.account, bench.eth)
    assert tuple(stored) == (wads(3), wads(6_060), 0)


@pytest.mark.parametrize("function", ["positionOf", "rawPositionOf"])
def test_position_of__unlisted__reverts(bench: Bench, refused: Refused, function: str) -> None:
    with refused("NoSuchInstrument", instrument=UNLISTED):
        bench.positions.call(function, 1, UNLISTED)
    assert not any(bench.positions.call(function, 99, bench.eth))


def test_market_of__unlisted__reverts(bench: Bench, refused: Refused) -> None:
    with refused("NoSuchInstrument", instrument=UNLISTED):
        bench.positions.call("marketOf", UNLISTED)
    with refused("NoSuchInstrument", instrument=UNLISTED):
        bench.positions.call("epochEndOf", UNLISTED, True, 0)


def test_count_of__closed_by_deleveraging__until_settled(bench: Bench) -> None:
    long, short = open_position(bench)
    bench.close_out(long)
    counts = [bench.positions.call("countOf", party.account) for party in (long, short)]
    assert counts == [0, 1]
    bench.send(bench.ledger, "settle", short.account, bench.eth, by="stranger")
    assert bench.positions.call("countOf", short.account) == 0


def test_instruments_of__one_goes__the_last_moves_up(bench: Bench) -> None:
    party, maker = bench.party(10_000), bench.party(100_000)
    third = bench.protocol.instruments["U03-PERP"]
    bench.fill(party, maker, 1, 2_000)
    bench.fill(party, maker, 0.1, 60_000, instrument=bench.btc)
    bench.fill(party, maker, 1, 2_000, instrument=third)
    assert bench.positions.call("instrumentsOf", party.account) == [bench.eth, bench.btc, third]
    bench.fill(maker, party, 1, 2_000)
    assert bench.positions.call("instrumentsOf", party.account) == [third, bench.btc]


def test_epoch_end_of__not_ended__is_zero(bench: Bench) -> None:
    for long in (True, False):
        assert tuple(bench.positions.call("epochEndOf", bench.eth, long, 0)) == (0, 0)


def test_instruments__all__index_zero_is_unused(bench: Bench) -> None:
    listed = bench.positions.call("instruments")
    assert listed[0] == 0
    assert listed[1:] == list(bench.protocol.instruments.values())


def query(bench: Bench, account: int, **changes: Any) -> tuple[Any, ...]:
    fields: dict[str, Any] = {
        "account": account,
        "mode": Mode.CROSS,
        "instrument": bench.eth,
        "extra": 0,
        "witness": 2**256 - 1,
        "cash": 0,
        "holdings": [],
        "underlyings": [],
    }
    return tuple({**fields, **changes}.values())


def test_health_of__with_a_trade_that_is_none__counts_it(bench: Bench) -> None:
    long, _ = open_position(bench, 10)
    health = bench.positions.call("healthOf", query(bench, long.account, extra=-wads(4), cash=wads(18_000)))
    assert health.grossWad == wads(12_000)
    assert health.margin.maintenanceWad == wads(600)
    assert health.margin.equityWad == wads(18_000 - 20_000 + 12_000)


def test_health_of__items__tell_value_grade_and_underlying(bench: Bench) -> None:
    long, _ = open_position(bench, 10)
    dust = (2, 10**12, wads(60_000), wads(60_000), Grade.STALE)  # six cents in bitcoin
    health = bench.positions.call("healthOf", query(bench, long.account, holdings=[dust], underlyings=[2]))
    assert (health.grade, health.dominant) == (Grade.STALE, 1)
    assert [Item.of_word(word) for word in health.items] == [
        Item(weight_wad=wads(20_000), grade=Grade.FRESH, underlying=1),
        Item(weight_wad=wads(0.06), grade=Grade.STALE, underlying=2),
    ]
