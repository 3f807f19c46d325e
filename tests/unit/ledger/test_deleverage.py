"""deleverage
├── caller has no right SEIZE          -> NotEngine
├── instrument isn't listed            -> NoSuchInstrument
├── account holds none of it           -> NoPosition
└── otherwise closes the position at the mark moved by the deficit in its favour, emits Deleveraged, and
    ├── a long                         gets more than the mark; the shorts get less, in proportion to their size
    ├── a short                        pays less than the mark, at least nothing
    ├── no deficit                     closes at the mark
    ├── odd numbers                    the opposite side may lose the wei
    ├── the whole opposite side        its epoch ends, with EpochEnded; the next begins whole
    ├── all but a millionth            its epoch ends too: what is left is folded into the bases
    ├── remains, with nobody opposite  close at the mark; no epoch ends
    └── a position closed before       -> NoPosition
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, named, wads
from tests.unit.ledger.world import FILLER, MOVER, SEIZE, STRANGER, Bench, open_position

UNLISTED = 99 << 168


@pytest.mark.parametrize("who", [FILLER, MOVER, STRANGER], ids=["filler", "mover", "stranger"])
def test_deleverage__no_right__reverts(bench: Bench, refused: Refused, who: str) -> None:
    long, _ = open_position(bench)
    with refused("NotEngine", caller=who, right=SEIZE):
        bench.close_out(long, by=who)


def test_deleverage__unlisted__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party()
    with refused("NoSuchInstrument", instrument=UNLISTED):
        bench.close_out(party, instrument=UNLISTED)


def test_deleverage__no_position__reverts(bench: Bench, refused: Refused) -> None:
    party = bench.party()
    with refused("NoPosition", account=party.account, instrument=bench.eth):
        bench.close_out(party)


@pytest.fixture
def shorts(bench: Bench) -> tuple[Party, Party, Party]:
    """A long of 10 against shorts of 12 and 4; another long has the other 6."""
    long, rest = bench.party(10_000), bench.party(10_000)
    large, small = bench.party(10_000), bench.party(10_000)
    bench.fill(long, large, 10, 2_000)
    bench.fill(rest, large, 2, 2_000)
    bench.fill(rest, small, 4, 2_000)
    bench.reprice("ETH", 1_900)
    return long, large, small


def test_deleverage__long__shorts_pay_in_proportion(bench: Bench, shorts: tuple[Party, Party, Party]) -> None:
    """10 of 16: A falls to 3/8. Closed at 1,905, 5 above the mark: 50 dollars, three quarters from the large one."""
    long, large, small = shorts
    before = bench.equity(large), bench.equity(small)

    receipt = bench.close_out(long, wads(50))

    assert named(receipt, "Deleveraged") == [
        {
            "instrument": bench.eth,
            "account": long.account,
            "sizeWad": wads(10),
            "priceWad": wads(1_905),
            "markWad": wads(1_900),
            "baseWad": wads(16),
            "scaleBeforeWad": WAD,
            "scaleAfterWad": WAD * 3 // 8,
        }
    ]
    assert bench.look(long).positions == () and bench.cash(long) == wads(10_000 - 950)
    assert (bench.size(large), bench.size(small)) == (-wads(4.5), -wads(1.5))
    assert before[0] - bench.equity(large) == wads(37.5)
    assert before[1] - bench.equity(small) == wads(12.5)
    market = bench.market()
    assert (market.long_base_wad, market.short_base_wad) == (wads(6), wads(16))
    assert market.short.flow_wad == -wads(19_050) // 16


def test_deleverage__short__longs_pay_in_proportion(bench: Bench) -> None:
    long, short = open_position(bench)
    other = bench.party(10_000)
    bench.fill(long, other, 10, 2_000)
    bench.reprice("ETH", 2_100)

    receipt = bench.close_out(short, wads(70))

    done = receipt.event("Deleveraged").args
    assert (done["sizeWad"], done["priceWad"]) == (-wads(10), wads(2_093))
    assert (done["scaleBeforeWad"], done["scaleAfterWad"]) == (WAD, WAD // 2)
    assert bench.cash(short) == wads(10_000 - 1_000 + 70)
    assert bench.equity(long) == wads(10_000 + 2_000 - 70)
    assert bench.size(long) == wads(10)


def test_deleverage__short_with_a_deficit_above_its_size__pays_nothing(bench: Bench) -> None:
    """A price is never below zero: what is more than the whole position stays as a debt."""
    long, short = open_position(bench, 10, 10_000)
    receipt = bench.close_out(short, wads(25_000))
    assert receipt.event("Deleveraged").args["priceWad"] == 0
    assert bench.cash(short) == wads(10_000 + 20_000)
    assert bench.equity(long) == wads(10_000 - 20_000)


def test_deleverage__no_deficit__closes_at_the_mark(bench: Bench, shorts: tuple[Party, Party, Party]) -> None:
    before = [bench.equity(party) for party in shorts]
    receipt = bench.close_out(shorts[0])
    assert receipt.event("Deleveraged").args["priceWad"] == wads(1_900)
    assert [bench.equity(party) for party in shorts] == before


def test_deleverage__odd_numbers__opposite_side_loses_the_wei(bench: Bench) -> None:
    long, rest, short = (bench.party(10_000) for _ in range(3))
    bench.fill(long, short, 0, 2_000, size_wad=wads(1) + 1)
    bench.fill(rest, short, 0, 2_000, size_wad=wads(2) + 1)
    before = bench.equity(short)
    got = bench.cash(long)

    bench.close_out(long, 7)

    assert bench.cash(long) - got == 7
    assert 7 <= before - bench.equity(short) <= 7 + 3 * 2_000  # three wei of size, and of cash
    assert -bench.size(short) - bench.size(rest) in range(4)  # more short than long


def test_deleverage__whole_opposite_side__ends_its_epoch(bench: Bench) -> None:
    long, short = open_position(bench)
    bench.reprice("ETH", 1_900)

    receipt = bench.close_out(long, wads(50))

    ended, done = named(receipt, "EpochEnded", "Deleveraged")
    assert ended == {
        "instrument": bench.eth,
        "long": False,
        "epoch": 0,
        "scaleWad": 0,
        "flowWad": -wads(1_905),
    }
    assert (done["scaleBeforeWad"], done["scaleAfterWad"]) == (WAD, 0)
    assert tuple(bench.positions.call("epochEndOf", bench.eth, False, 0)) == (-wads(1_905), 0)
    market = bench.market()
    assert (market.short.epoch, market.short.scale_wad, market.short.flow_wad) == (1, WAD, 0)
    assert (market.long_base_wad, market.short_base_wad) == (0, 0)
    assert bench.equity(short) == wads(10_000 + 950)


def test_deleverage__all_but_a_millionth__folds_what_is_left(bench: Bench) -> None:
    """10 − 5e-7 of 10 ETH are closed: A would be 5e-8. The short goes on with a base of 5e-7, and pays a dust."""
    long, rest, short = (bench.party(10_000) for _ in range(3))
    left = 5 * 10**11
    bench.fill(long, short, 0, 2_000, size_wad=wads(10) - left)
    bench.fill(rest, short, 0, 2_000, size_wad=left)
    before = bench.equity(short)

    receipt = bench.close_out(long)

    ended = receipt.event("EpochEnded").args
    assert (ended["epoch"], ended["scaleWad"]) == (0, left // 10)
    assert bench.size(short) == -left == -bench.size(rest)
    assert 0 <= before - bench.equity(short) <= 2 * 10**9 + 40_000
    bench.send(bench.ledger, "settle", short.account, bench.eth, by="stranger")
    raw = bench.positions.call("rawPositionOf", short.account, bench.eth)
    assert (raw.baseWad, raw.epoch) == (-left, 1)
    bench.fill(short, rest, 0, 2_000, size_wad=left)
    assert bench.look(short).positions == () and bench.market().short_base_wad == 0


def test_deleverage__nobody_opposite__ends_no_epoch(bench: Bench) -> None:
    """Thirds leave a few wei of the short. What its deficit is doesn't matter: nobody could bear it."""
    *longs, short = (bench.party(10_000) for _ in range(4))
    for long in longs:
        bench.fill(long, short, 1, 2_000)
    for long in longs:
        bench.close_out(long)
    assert bench.market().long_base_wad == 0 < bench.market().short_base_wad <= 3
    epoch = bench.market().long.epoch

    receipt = bench.close_out(short, wads(1))

    assert "EpochEnded" not in {event.name for event in receipt.events}
    done = receipt.event("Deleveraged").args
    assert done["scaleAfterWad"] == done["scaleBeforeWad"] == bench.market().long.scale_wad
    assert bench.market().long.epoch == epoch and bench.market().short_base_wad == 0


def test_deleverage__closed_before__reverts(bench: Bench, refused: Refused) -> None:
    long, short = open_position(bench)
    bench.close_out(long)
    with refused("NoPosition", account=short.account, instrument=bench.eth):
        bench.close_out(short)
    with refused("NoPosition", account=long.account, instrument=bench.eth):
        bench.close_out(long)
