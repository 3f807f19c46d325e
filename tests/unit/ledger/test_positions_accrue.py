"""Positions.accrue
├── instrument isn't listed   -> NoSuchInstrument
├── no premium, nobody in it  moves the clock, no flow, no event
├── a premium                 by anyone, emits Accrued: longs pay shorts, or the other way round
├── twice in a block          once
├── the cap                   50 bp an hour at most
└── sides of different size   what one pays is what the other gets, less a wei
"""

from __future__ import annotations

import pytest

from tests.conftest import Refused
from tests.stage import Party, named, wads
from tests.unit.ledger.world import Bench, open_position


def accrue(bench: Bench, seconds: int) -> list[dict[str, object]]:
    """That long after the last transaction; the event, if there was one."""
    bench.until(bench.time + seconds)
    receipt = bench.send(bench.positions, "accrue", bench.eth, by="stranger")
    return [dict(event.args) for event in receipt.events if event.name == "Accrued"]


def test_accrue__unlisted__reverts(bench: Bench, refused: Refused) -> None:
    with refused("NoSuchInstrument", instrument=99 << 168):
        bench.send(bench.positions, "accrue", 99 << 168, by="stranger")


@pytest.mark.parametrize("somebody", [False, True])
def test_accrue__no_premium__moves_only_the_clock(bench: Bench, somebody: bool) -> None:
    if somebody:
        open_position(bench)
    assert accrue(bench, 3_600) == []
    market = bench.market()
    assert (market.long.flow_wad, market.short.flow_wad) == (0, 0)
    assert market.long.accrued_at == market.short.accrued_at == bench.time


@pytest.mark.parametrize(("price", "sign"), [(2_020, 1), (1_980, -1)])
def test_accrue__premium__one_side_pays_the_other(bench: Bench, price: float, sign: int) -> None:
    """1 % of 2,000 in eight hours: 2.5 an hour for each."""
    bench.fill(bench.party(10_000), bench.party(10_000), 3, price)
    assert accrue(bench, 3_600) == [
        {
            "instrument": bench.eth,
            "fundingWad": sign * wads(2.5),
            "longFlowWad": -sign * wads(2.5),
            "shortFlowWad": sign * wads(2.5),
        }
    ]


def test_accrue__again__adds_up(bench: Bench) -> None:
    bench.fill(bench.party(10_000), bench.party(10_000), 3, 2_020)
    flows = [accrue(bench, 1_800)[0]["longFlowWad"] for _ in range(3)]
    assert flows == [-wads(1.25), -wads(2.5), -wads(3.75)]


def test_accrue__sides_of_different_base__pays_what_it_takes(bench: Bench) -> None:
    """After a deleveraging of half the shorts their base is twice the longs', at A = ½."""
    loser, holder, short = bench.party(10_000), bench.party(10_000), bench.party(10_000)
    bench.fill(loser, short, 5, 2_000)
    bench.fill(holder, short, 5, 2_000)
    bench.close_out(loser)
    bench.fill(holder, bench.party(10_000), 10, 2_020)  # premium: 1 %·10/15
    market = bench.market()
    assert (market.long_base_wad, market.short.scale_wad) == (wads(15), 5 * 10**17)
    assert market.short_base_wad == wads(30)

    event = accrue(bench, 3_600)[0]

    taken, given = -int(event["longFlowWad"]), int(event["shortFlowWad"])  # type: ignore[call-overload]
    before = market.short.flow_wad
    assert abs(taken - int(event["fundingWad"])) <= 1  # type: ignore[call-overload]
    paid, got = taken * 15, (given - before) * 30
    assert 0 <= paid - got <= 60
    assert wads(1.66) < taken < wads(1.67)


def test_accrue__cap__fifty_basis_points_an_hour(bench: Bench) -> None:
    """The band allows 2 %, 25 bp an hour; a premium further out can only stem from a mark that moved… and doesn't."""
    long, short = bench.party(10_000), bench.party(10_000)
    bench.fill(long, short, 1, 2_040)
    event = accrue(bench, 3_600)[0]
    assert event["fundingWad"] == wads(5)  # 25 bp of 2,000


def test_accrue__by_a_trade__comes_first(bench: Bench) -> None:
    long, short = bench.party(10_000), bench.party(10_000)
    bench.fill(long, short, 3, 2_020)
    bench.until(bench.time + 3_600)
    receipt = bench.fill(short, long, 3, 2_000)
    assert named(receipt, "Accrued")[0]["fundingWad"] == wads(2.5)
    assert bench.cash(long) == wads(10_000 - 60 - 7.5)
    assert isinstance(long, Party) and bench.cash(short) == wads(10_000 + 60 + 7.5)
