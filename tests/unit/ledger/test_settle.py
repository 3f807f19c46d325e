"""settle
├── instrument isn't listed                  -> NoSuchInstrument
├── account holds none of it                 -> NoPosition
└── otherwise, by anyone, emits Settled, and
    ├── a position with a size               stays as it is; nothing is paid
    ├── funding                              is brought up to now, and stays in the position
    └── a position that deleveraging closed  is paid out, its lane freed
settle_many
└── anybody, some of whom it is refused for   -> each of the others as by settle, once, in their order
"""

from __future__ import annotations

from tests.conftest import Refused
from tests.stage import wads
from tests.unit.ledger.world import Bench, open_position

UNLISTED = 99 << 168


def settle(bench: Bench, account: int, instrument: int | None = None) -> dict[str, object]:
    wanted = bench.eth if instrument is None else instrument
    receipt = bench.send(bench.ledger, "settle", account, wanted, by="stranger")
    return dict(receipt.event("Settled").args)


def test_settle__unlisted__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party()
    with refused("NoSuchInstrument", instrument=UNLISTED):
        settle(bench, party.account, UNLISTED)


def test_settle__no_position__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party()
    with refused("NoPosition", account=party.account, instrument=bench.eth):
        settle(bench, party.account)
    with refused("NoPosition", account=99, instrument=bench.eth):
        settle(bench, 99)


def test_settle__position_with_a_size__stays(bench: Bench) -> None:
    long, _ = open_position(bench)
    before = bench.look(long)
    assert settle(bench, long.account) == {"account": long.account, "instrument": bench.eth, "cashWad": 0}
    after = bench.look(long)
    assert (after.positions, after.cash_wad) == (before.positions, before.cash_wad)


def test_settle__funding__is_brought_up_to_now(bench: Bench) -> None:
    long, short = bench.party(10_000), bench.party(10_000)
    bench.fill(long, short, 10, 2_020)  # 1 %: 60 dollars a day for each
    bench.until(bench.time + 86_400)
    assert settle(bench, long.account)["cashWad"] == 0

    market = bench.market()
    assert (market.long.flow_wad, market.short.flow_wad) == (-wads(60), wads(60))
    assert market.long.accrued_at == bench.time
    assert bench.look(long).positions[0].quote_wad == -wads(20_200 + 600)
    assert bench.look(short).positions[0].quote_wad == wads(20_200 + 600)
    assert bench.cash(long) == wads(10_000)


def test_settle__deleveraged_away__is_paid_out(bench: Bench) -> None:
    long, short = open_position(bench)
    bench.reprice("ETH", 1_900)
    bench.close_out(long, wads(50))
    assert bench.size(short) == 0 and bench.positions.call("countOf", short.account) == 1

    assert settle(bench, short.account)["cashWad"] == wads(20_000 - 19_000 - 50)

    assert bench.cash(short) == wads(10_000 + 950)
    assert bench.positions.call("countOf", short.account) == 0
    assert tuple(bench.positions.call("rawPositionOf", short.account, bench.eth)) == (0, 0, 0)


def test_settle_many__some_are_refused__the_others_once_each(bench: Bench) -> None:
    (long, short), nobody = open_position(bench), bench.party()
    bench.reprice("ETH", 1_900)
    bench.close_out(long, wads(50))  # the short is paid out
    buyer, seller = bench.party(10_000), bench.party(10_000)
    bench.fill(buyer, seller, 1, 1_900)

    holders = [nobody.account, buyer.account, 99, short.account, seller.account]
    receipt = bench.send(bench.ledger, "settleMany", holders, bench.eth, by="stranger")

    settled = [event.args for event in receipt.events if event.name == "Settled"]
    paid = [(buyer, 0), (short, wads(950)), (seller, 0)]
    assert settled == [
        {"account": party.account, "instrument": bench.eth, "cashWad": cash_wad} for party, cash_wad in paid
    ]
    assert bench.cash(short) == wads(10_000 + 950)
