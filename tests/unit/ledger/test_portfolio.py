"""An account in portfolio mode
├── a covered call                             -> needs less than in cross margin; equity is the same
├── two underlyings                            -> offset each other, until one of them is restricted
├── an underlying without a grid               -> NotScanned, as buyer, as seller, as taker
├── by a witness                               -> never more; all of it: the whole
├── below IM
│   ├── a trade takes a hedge away             -> BelowInitialMargin, though the position only became smaller
│   └── a trade makes what hurts smaller       -> passes
├── a slice of a hedged book                   -> half of everything; its margin halves, so hedges stayed together
└── its legs                                   -> no fewer than an account has room for
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.types import Kind, Level, Mode, perpetual
from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party
from tests.unit.ledger.desk import Desk
from tests.unit.ledger.world import BTC, ETH, Bench

UNSCANNED = 3
ALL = 2**256 - 1
CELLS = 21
DUST = 100
"""[wei] That rounding adds to a margin, a few a scenario."""


@pytest.fixture
def maker(bench: Bench) -> Party:
    return bench.party(10**7)


def hedged(desk: Desk, maker: Party, cash: float = 20_000) -> Party:
    """Long 10 ETH, and a put for each of them."""
    party = desk.bench.party(cash, Mode.PORTFOLIO)
    desk.bench.fill(party, maker, 10, 2_000)
    desk.fill(party, maker, 10, desk.put)
    return party


def impoverish(bench: Bench, party: Party) -> None:
    """A dollar less than IM is left of its equity."""
    margin = bench.health(party).margin
    bench.move(party, bench.treasury, margin.equity_wad - margin.initial_wad + WAD)
    assert bench.health(party).margin.equity_wad < bench.health(party).margin.initial_wad


def test_margin__covered_call__needs_less_than_in_cross(desk: Desk, maker: Party) -> None:
    writers = [desk.bench.party(1_000, mode, WETH=5) for mode in (Mode.PORTFOLIO, Mode.CROSS)]
    call = desk.series(Kind.CALL, 2_200)
    for writer in writers:
        desk.fill(maker, writer, 5, call, desk.mark(call))

    portfolio, cross = (desk.bench.health(writer).margin for writer in writers)
    assert abs(portfolio.equity_wad - cross.equity_wad) < WAD  # premiums of two seconds
    assert portfolio.borrow_limit_wad == cross.borrow_limit_wad
    assert portfolio.maintenance_wad < cross.maintenance_wad


def test_margin__two_underlyings__offset_until_one_is_restricted(bench: Bench, maker: Party) -> None:
    party = bench.party(50_000, Mode.PORTFOLIO)
    bench.fill(party, maker, 30, 2_000)
    both = bench.health(party).margin
    bench.fill(maker, party, 1, 60_000, instrument=bench.btc)
    alone, both = both, bench.health(party).margin

    assert alone.maintenance_wad < both.maintenance_wad < 2 * alone.maintenance_wad
    assert alone.initial_wad < both.initial_wad < 2 * alone.initial_wad
    for underlying in (BTC, 0):
        bench.send(bench.breaker, "trip", underlying, Level.CAUTIOUS, 60, by="guardian")
        restricted = bench.health(party).margin
        assert restricted.initial_wad == 2 * alone.initial_wad
        assert restricted.maintenance_wad == both.maintenance_wad  # nobody is liquidated by a restriction
        bench.wait(60)
        assert bench.health(party).margin == both


def test_fill__no_grid__reverts(bench: Bench, maker: Party, refused: Refused) -> None:
    party, other = bench.party(50_000, Mode.PORTFOLIO), bench.party(50_000)
    instrument = perpetual(UNSCANNED)
    for buyer, seller in ((party, maker), (maker, party)):
        with refused("NotScanned", underlying=UNSCANNED):
            bench.fill(buyer, seller, 1, 2_000, instrument=instrument)
    bench.fill(other, maker, 1, 2_000, instrument=instrument)
    bench.seize(other, party)  # without a check; the auction asks for its health
    with refused("NotScanned", underlying=UNSCANNED):
        bench.ledger.call("healthOf", party.account)


def test_health_by__a_witness__never_more(desk: Desk, maker: Party) -> None:
    party = desk.bench.party(20_000, Mode.PORTFOLIO)
    desk.bench.fill(party, maker, 10, 2_000)
    ask = desk.bench.ledger.call
    whole = ask("healthOf", party.account)

    assert ask("healthBy", party.account, ALL) == whole
    proved = [ask("healthBy", party.account, 1 << cell) for cell in range(CELLS)]
    for one in proved:
        assert one.margin.maintenanceWad <= whole.margin.maintenanceWad
        assert one.margin.initialWad <= whole.margin.initialWad
        assert (one.margin.equityWad, one.items) == (whole.margin.equityWad, whole.items)
    assert (
        0
        < min(one.margin.maintenanceWad for one in proved)
        < max(one.margin.maintenanceWad for one in proved)
    )
    cross = desk.bench.party(1_000)
    assert ask("healthBy", cross.account, 0) == ask("healthOf", cross.account)


def test_trade__below_initial_margin__a_hedge_stays(desk: Desk, maker: Party) -> None:
    party = hedged(desk, maker)
    impoverish(desk.bench, party)

    with pytest.raises(Reverted) as caught:
        desk.fill(maker, party, 2, desk.put)
    assert caught.value.name == "BelowInitialMargin"
    account, equity, initial = caught.value.values
    assert account == party.account and equity < initial
    assert desk.bench.size(party, desk.put) == 10 * WAD


def test_trade__below_initial_margin__what_hurts_shrinks(desk: Desk, maker: Party) -> None:
    party = hedged(desk, maker)
    impoverish(desk.bench, party)
    before = desk.bench.health(party).margin

    desk.bench.fill(maker, party, 4, 2_000)

    after = desk.bench.health(party).margin
    assert after.maintenance_wad < before.maintenance_wad
    assert desk.bench.size(party) == 6 * WAD


def test_take__half_of_a_hedged_book__keeps_its_hedge(desk: Desk, maker: Party) -> None:
    party, taker = hedged(desk, maker), desk.bench.party(50_000, Mode.PORTFOLIO)
    before = desk.bench.ahead(party).margin

    desk.bench.seize(party, taker, WAD // 2)

    for holder in (party, taker):
        assert [desk.bench.size(holder, one) for one in (perpetual(ETH), desk.put)] == [5 * WAD, 5 * WAD]
        margin = desk.bench.health(holder).margin
        assert abs(2 * margin.maintenance_wad - before.maintenance_wad) <= DUST
        assert abs(2 * margin.initial_wad - before.initial_wad) <= DUST
    alone = desk.bench.party(50_000, Mode.PORTFOLIO)
    desk.bench.fill(alone, maker, 5, 2_000)
    assert desk.bench.health(alone).margin.maintenance_wad > desk.bench.health(party).margin.maintenance_wad


def test_legs__cap__no_fewer_than_there_is_room_for(bench: Bench) -> None:
    assert bench.protocol.portfolio.call("LEG_CAP") >= bench.positions.call("MAX_POSITIONS")
