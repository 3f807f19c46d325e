"""fill
├── caller has no right FILL               -> NotEngine
├── buyer is the seller                    -> SameAccount
├── size is zero                           -> ZeroAmount
├── instrument isn't listed                -> NoSuchInstrument
├── price outside the band                 -> PriceOutsideBand
├── open interest above the cap            -> OpenInterestCapExceeded
├── a fee above the bound                  -> FeeTooHigh
├── an account doesn't exist               -> NoSuchAccount
├── new risk in a restricted market, or at an old price  -> Blocked
├── new risk, and equity < IM              -> BelowInitialMargin
├── less risk, equity < IM, health worse   -> BelowInitialMargin
├── the mode doesn't admit it              -> NotIsolated
└── otherwise emits Filled, and
    ├── opens, adds to, takes from, closes, or turns a position around
    ├── pays what is realised              into cash; the rest stays in the position
    ├── takes the fees                     from each side, to the fee account
    ├── moves the premium                  by turnover
    ├── less risk                          is allowed below IM, and in a restricted market
    └── IM rises                           with the market's open interest, beyond the knee
"""

from __future__ import annotations

import pytest

from holdfast.types import Action, Grade, Level, Mode
from tests.conftest import Refused
from tests.stage import Party, wads
from tests.unit.ledger.world import FILL, MOVER, SEIZER, STRANGER, Bench, open_position

UNLISTED = 99 << 168


@pytest.fixture
def pair(bench: Bench) -> tuple[Party, Party]:
    return bench.party(10_000), bench.party(10_000)


@pytest.mark.parametrize("who", [MOVER, SEIZER, STRANGER], ids=["mover", "seizer", "stranger"])
def test_fill__no_right__reverts(bench: Bench, pair: tuple[Party, Party], refused: Refused, who: str) -> None:
    with refused("NotEngine", caller=who, right=FILL):
        bench.fill(*pair, 1, 2_000, by=who)


def test_fill__with_itself__reverts(bench: Bench, pair: tuple[Party, Party], refused: Refused) -> None:
    with refused("SameAccount", account=pair[0].account):
        bench.fill(pair[0], pair[0], 1, 2_000)


def test_fill__zero_size__reverts(bench: Bench, pair: tuple[Party, Party], refused: Refused) -> None:
    with refused("ZeroAmount"):
        bench.fill(*pair, 0, 2_000)


def test_fill__unlisted__reverts(bench: Bench, pair: tuple[Party, Party], refused: Refused) -> None:
    with refused("NoSuchInstrument", instrument=UNLISTED):
        bench.fill(*pair, 1, 2_000, instrument=UNLISTED)


@pytest.mark.parametrize("price", [1_960, 2_040])
def test_fill__edge_of_the_band__is_the_last_price(
    bench: Bench, pair: tuple[Party, Party], refused: Refused, price: int
) -> None:
    outside = wads(price) + (1 if price > 2_000 else -1)
    with refused("PriceOutsideBand", priceWad=outside, markWad=wads(2_000), bandBps=200):
        bench.fill(*pair, 1, 0, price_wad=outside)
    bench.fill(*pair, 1, price)


def test_fill__above_the_cap__reverts(bench: Bench, refused: Refused) -> None:
    rich = bench.party(10**6), bench.party(10**6)
    with refused(
        "OpenInterestCapExceeded",
        instrument=bench.eth,
        openInterestWad=wads(100) + 1,
        capWad=wads(100),
    ):
        bench.fill(*rich, 0, 2_000, size_wad=wads(100) + 1)
    bench.fill(*rich, 100, 2_000)
    bench.fill(rich[1], rich[0], 30, 2_000)  # shrinking is never refused
    other = bench.party(10**6)
    bench.fill(other, rich[0], 70, 2_000)  # nor is passing on


def test_fill__cap_below_what_is_open__only_growth_reverts(bench: Bench, refused: Refused) -> None:
    long, short = open_position(bench, 10)
    bench.send(
        bench.protocol.risk,
        "tightenInstrument",
        bench.eth,
        (1_000, 500, 5_000, 5_000, wads(5)),
        by="guardian",
    )
    with refused("OpenInterestCapExceeded", instrument=bench.eth, openInterestWad=wads(11), capWad=wads(5)):
        bench.fill(long, short, 1, 2_000)
    bench.fill(short, long, 1, 2_000)


def test_fill__fee_above_the_bound__reverts(
    bench: Bench, pair: tuple[Party, Party], refused: Refused
) -> None:
    most = wads(20)  # 1 % of 2,000
    for fees in ((most + 1, 0), (0, most + 1)):
        with refused("FeeTooHigh", feeWad=most + 1, maxWad=most):
            bench.fill(*pair, 1, 2_000, fees=fees)
    bench.fill(*pair, 1, 2_000, fees=(most, most))


@pytest.mark.parametrize("place", [0, 1, 2], ids=["buyer", "seller", "fee account"])
def test_fill__no_such_account__reverts(
    bench: Bench, pair: tuple[Party, Party], refused: Refused, place: int
) -> None:
    who = [pair[0].account, pair[1].account, bench.fees]
    who[place] = 99
    with refused("NoSuchAccount", account=99):
        bench.fill(who[0], who[1], 1, 2_000, fee_account=who[2])


@pytest.mark.parametrize("level", [Level.CAUTIOUS, Level.HALTED])
def test_fill__new_risk_in_a_restricted_market__reverts(bench: Bench, refused: Refused, level: Level) -> None:
    long, short = open_position(bench)
    other = bench.party(10_000)
    bench.send(bench.breaker, "trip", 1, level, 60, by="guardian")
    blocked = {
        "action": Action.INCREASE,
        "underlying": 1,
        "level": level,
        "grade": Grade.FRESH,
        "grace": False,
    }
    with refused("Blocked", **blocked):
        bench.fill(long, short, 1, 2_000)
    with refused("Blocked", **blocked):
        bench.fill(short, other, 1, 2_000)  # one shrinks, the other is new
    with refused("Blocked", **blocked):
        bench.fill(short, long, 10.1, 2_000)  # turning around is new
    bench.fill(short, long, 1, 2_000)
    assert bench.size(long) == wads(9)


def test_fill__new_risk_at_an_old_price__reverts(bench: Bench, refused: Refused) -> None:
    long, short = open_position(bench)
    bench.wait(5_500)
    with refused(
        "Blocked",
        action=Action.INCREASE,
        underlying=1,
        level=Level.NORMAL,
        grade=Grade.STALE,
        grace=False,
    ):
        bench.fill(long, short, 1, 2_000)
    bench.fill(short, long, 1, 2_000)


def test_fill__new_risk_below_im__reverts(bench: Bench, refused: Refused) -> None:
    poor, rich = bench.party(1_000), bench.party(10_000)
    with refused(
        "BelowInitialMargin",
        account=poor.account,
        equityWad=wads(1_000),
        initialWad=wads(1_000.2),
    ):
        bench.fill(poor, rich, 5.001, 2_000)
    with refused(
        "BelowInitialMargin",
        account=poor.account,
        equityWad=wads(1_000) - 1,
        initialWad=wads(1_000),
    ):
        bench.fill(rich, poor, 5, 2_000, fees=(0, 1))
    bench.fill(poor, rich, 5, 2_000)


def test_fill__less_risk_below_im__unless_health_gets_worse(bench: Bench, refused: Refused) -> None:
    poor, rich = bench.party(2_000), bench.party(10_000)
    bench.fill(poor, rich, 10, 2_000)
    bench.reprice("ETH", 1_880)  # equity 800, MM 940
    bench.fill(rich, poor, 5, 1_880, fees=(0, wads(94)))  # costs 94, and sets 470 of MM free
    margin = bench.health(poor).margin
    assert (margin.equity_wad, margin.maintenance_wad) == (wads(706), wads(470))

    bench.reprice("ETH", 1_760)  # equity 106, MM 440: closing half may cost half of 106
    with refused("BelowInitialMargin", account=poor.account, equityWad=wads(53) - 1, initialWad=wads(440)):
        bench.fill(rich, poor, 2.5, 1_740, fees=(0, wads(3) + 1))
    bench.fill(rich, poor, 2.5, 1_740, fees=(0, wads(3)))
    assert bench.equity(poor) == wads(53)


def test_fill__second_underlying_in_isolated__reverts(bench: Bench, refused: Refused) -> None:
    isolated, maker = bench.party(10_000, mode=Mode.ISOLATED), bench.party(100_000)
    bench.fill(isolated, maker, 1, 2_000)
    with refused("NotIsolated", underlying=1, other=2):
        bench.fill(isolated, maker, 0.01, 60_000, instrument=bench.btc)


# What it does


def test_fill__opens__both_sides(bench: Bench, pair: tuple[Party, Party]) -> None:
    long, short = pair
    receipt = bench.fill(long, short, 3, 2_010, fees=(wads(4), wads(1)))

    assert receipt.event("Filled").args == {
        "instrument": bench.eth,
        "buyer": long.account,
        "seller": short.account,
        "sizeWad": wads(3),
        "priceWad": wads(2_010),
        "buyerFeeWad": wads(4),
        "sellerFeeWad": wads(1),
    }
    assert tuple(bench.positions.call("rawPositionOf", long.account, bench.eth)) == (
        wads(3),
        wads(6_030),
        0,
    )
    assert tuple(bench.positions.call("rawPositionOf", short.account, bench.eth)) == (
        -wads(3),
        -wads(6_030),
        0,
    )
    assert (bench.cash(long), bench.cash(short), bench.cash(bench.fees)) == (
        wads(9_996),
        wads(9_999),
        wads(5),
    )
    market = bench.market()
    assert market.long_base_wad == market.short_base_wad == wads(3)


def test_fill__adds__at_another_price(bench: Bench) -> None:
    long, short = open_position(bench, 2)
    bench.fill(long, short, 1, 2_030)
    for party, sign in ((long, 1), (short, -1)):
        position = bench.look(party).positions[0]
        assert (position.size_wad, position.cost_wad) == (sign * wads(3), sign * wads(6_030))
        assert bench.cash(party) == wads(10_000)


def test_fill__takes_from__realises_its_part(bench: Bench) -> None:
    long, short = open_position(bench, 4)
    bench.reprice("ETH", 2_100)
    bench.fill(short, long, 1, 2_100)
    for party, sign in ((long, 1), (short, -1)):
        position = bench.look(party).positions[0]
        assert (position.size_wad, position.cost_wad) == (sign * wads(3), sign * wads(6_000))
        assert bench.cash(party) == wads(10_000 + sign * 100)


def test_fill__closes__leaves_nothing(bench: Bench) -> None:
    long, short = open_position(bench, 4)
    bench.reprice("ETH", 2_100)
    bench.fill(short, long, 4, 2_100)
    for party, sign in ((long, 1), (short, -1)):
        assert bench.look(party).positions == ()
        assert bench.cash(party) == wads(10_000 + sign * 400)


def test_fill__turns_around__realises_all_and_opens_the_rest(bench: Bench) -> None:
    long, short = open_position(bench, 4)
    bench.reprice("ETH", 2_100)
    bench.fill(short, long, 5, 2_100)
    for party, sign in ((long, 1), (short, -1)):
        position = bench.look(party).positions[0]
        assert (position.size_wad, position.cost_wad) == (-sign * wads(1), -sign * wads(2_100))
        assert bench.cash(party) == wads(10_000 + sign * 400)


def test_fill__passes_on__one_shrinks_another_opens(bench: Bench) -> None:
    long, _ = open_position(bench, 4)
    other = bench.party(10_000)
    bench.fill(other, long, 4, 2_000)
    assert (bench.size(other), bench.size(long)) == (wads(4), 0)
    assert bench.market().long_base_wad == wads(4)


def test_fill__odd_wei__rounds_the_quote_up_for_both(bench: Bench, pair: tuple[Party, Party]) -> None:
    """One number changes hands, so nothing is lost between them."""
    long, short = pair
    bench.fill(long, short, 0, 0, size_wad=1, price_wad=wads(2_000) + 1)
    costs = [bench.look(party).positions[0].cost_wad for party in pair]
    assert costs == [2_001, -2_001]


def test_fill__premium__is_weighted_by_turnover(bench: Bench, pair: tuple[Party, Party]) -> None:
    bench.fill(*pair, 1, 2_020)  # nothing was open: 1 %
    assert bench.market().long.premium_ppb == bench.market().short.premium_ppb == 10_000_000
    bench.fill(*pair, 3, 1_980)  # −1 % with 3 against 1: 1 % − 2 %·3/4
    assert bench.market().long.premium_ppb == -5_000_000
    bench.fill(pair[1], pair[0], 4, 2_000)  # 0 with 4 against 4
    assert bench.market().short.premium_ppb == -2_500_000


def test_fill__fee_account_is_a_party__nets_out(bench: Bench, pair: tuple[Party, Party]) -> None:
    long, short = pair
    bench.fill(long, short, 1, 2_000, fees=(wads(4), wads(1)), fee_account=short.account)
    assert bench.cash(long) == wads(9_996) and bench.cash(short) == wads(10_004)


@pytest.mark.parametrize(("open_interest", "rate_bps"), [(50, 1_000), (60, 1_800), (75, 3_000), (100, 5_000)])
def test_fill__initial_margin__rises_beyond_the_knee(bench: Bench, open_interest: int, rate_bps: int) -> None:
    """10 % up to 50 ETH; 50 % at 100; linear between. MM stays."""
    crowd = bench.party(10**6), bench.party(10**6)
    bench.fill(*crowd, open_interest, 2_000)
    margin = bench.health(crowd[0]).margin
    assert margin.initial_wad == wads(2_000 * open_interest) * rate_bps // 10_000
    assert margin.maintenance_wad == wads(100 * open_interest)
