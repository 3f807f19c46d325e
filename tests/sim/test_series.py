"""series
├── average_wad  -> by hand: inside the window, from before it, nothing in it, nothing after it
├── cover_of     -> the boundary before the next price
├── INV-95       -> longs that get more than shorts pay, a side that rounds the wrong way, an account that gets too much
├── INV-96       -> another price than the average, too early, twice; refused though it is due
├── INV-97       -> a side that moves, a base that grows
├── INV-98       -> a tally that isn't the sum
├── INV-99       -> a fill in the window; a refusal before it
├── INV-86       -> below what it would pay, above its bound
├── INV-87       -> longs that need more than they are worth
├── INV-88       -> a smile that moved too far, too soon, by somebody else; one dropped that wasn't there
├── INV-89       -> a witness that shows another margin than it proves, or more than the whole
├── INV-39       -> a book that needs more together
└── INV-43       -> a desk that sells below, or buys above, its price; one that refuses a price of its own
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_utils import keccak

from holdfast.chain.artifacts import Event
from holdfast.model import portfolio
from holdfast.model.svi import Smile
from holdfast.model.venue import Order
from holdfast.sim.book import book_of
from holdfast.sim.ghost import Ghost
from holdfast.sim.history import Result
from holdfast.sim.invariants import INVARIANTS, Room
from holdfast.sim.invariants.prices import pricing_of
from holdfast.sim.invariants.reading import assess, holdings_book
from holdfast.sim.series import Entry, average_wad, cover_of, known_of
from holdfast.sim.steps import Step, Transition
from holdfast.sim.surfaces import known_of as known_of_smiles
from holdfast.sim.world import World
from holdfast.types import Account, Margin, Mode, Position, Series, Snapshot
from holdfast.units import BPS, WAD

from .conftest import Opened

ETH = 1
WINDOW = 1_800
EXPIRY = 2_000_000_000 // WINDOW * WINDOW


@pytest.fixture
def world(opened: Opened) -> World:
    return opened("options")


@pytest.fixture
def ghost(world: World) -> Ghost:
    return Ghost(world)


@pytest.fixture
def series(world: World) -> Series:
    """Which nobody holds."""
    return next(one for one in world.start.series if not one.long_base_wad)


def entered(g: Ghost, *entries: tuple[int, int]) -> None:
    """Prices in whole tokens, at seconds from the expiry."""
    known_of(g).first[ETH] = 1_000 * WAD
    known_of(g).entries[ETH] = [Entry(EXPIRY + at, price * WAD) for at, price in entries]


@pytest.mark.parametrize(
    ("entries", "average"),
    [
        ([], None),
        ([(-900, 2_000)], None),  # nothing since
        ([(-900, 2_000), (1, 5_000)], 1_500),  # half of the window at the price of before
        ([(-WINDOW, 2_000), (-900, 3_000), (0, 5_000)], 2_500),
        ([(-WINDOW - 1, 2_000), (-600, 5_000), (0, 7_000)], 3_000),
        ([(-WINDOW - 1, 2_000), (3_000, 7_000), (3_100, 8_000)], 7_000),  # nobody came in the window
    ],
)
def test_average__by_hand__as_summed(
    ghost: Ghost, entries: list[tuple[int, int]], average: int | None
) -> None:
    entered(ghost, *entries)

    assert average_wad(ghost, ETH, EXPIRY) == (None if average is None else average * WAD)


@pytest.mark.parametrize(
    ("entries", "cover"),
    [
        ([(-1, 1)], None),
        ([(0, 1)], 0),
        ([(WINDOW - 1, 1)], 0),
        ([(WINDOW, 1)], WINDOW),
        ([(5_000, 1)], 3_600),
    ],
)
def test_cover__next_price__boundary_before_it(
    ghost: Ghost, entries: list[tuple[int, int]], cover: int | None
) -> None:
    entered(ghost, *entries)

    assert cover_of(ghost, ETH, EXPIRY) == (0 if cover is None else EXPIRY + cover)


def wrong(number: int, t: Transition, g: Ghost) -> list[str]:
    """What that invariant says of it."""
    judge = next(one.judge for one in INVARIANTS if one.id == f"INV-{number}")
    said = [one.wrong if isinstance(one, Room) else one for one in judge(t, g)]
    return [one for one in said if one is not None]


def changed(snapshot: Snapshot, series: Series, **fields: Any) -> Snapshot:
    """With one series otherwise."""
    kept = tuple(
        replace(one, **fields) if one.instrument == series.instrument else one for one in snapshot.series
    )
    return replace(snapshot, series=kept)


def at(snapshot: Snapshot, time: int) -> Snapshot:
    return replace(snapshot, system=replace(snapshot.system, time=time))


def step(
    world: World, before: Snapshot, after: Snapshot, *events: Event, error: str = "", **facts: Any
) -> Transition:
    action = "settle_series" if "covered" in facts else "match"
    t = Transition(before, after, Step(action=action, calls=(), text=(), facts=facts))
    t.results = (Result(0 if error else 1, 0, b"", []),)
    t.__dict__["events"] = list(events)
    t.__dict__["error"] = error
    t.fresh = frozenset(account.id for account in after.accounts)
    return t


def settled(world: World, series: Series, price: int, payoff: int, held: int = 0) -> Event:
    args = {"instrument": series.instrument, "priceWad": price, "payoffWad": payoff, "openInterestWad": held}
    return Event("SeriesSettled", args, world.protocol.positions.address)


def holding(account: Account, series: Series, size: int, quote: int) -> Account:
    leg = Position(
        instrument=series.instrument, size_wad=size, quote_wad=quote, mark_wad=0, base_wad=size, cost_wad=0, epoch=0
    )  # fmt: skip
    return replace(account, positions=(leg,))


def closed(snapshot: Snapshot, series: Series, long: int, short: int) -> Snapshot:
    """After a settlement that moves both K by so much."""
    sides = {"long": replace(series.long, flow_wad=long, scale_wad=0)}
    sides["short"] = replace(series.short, flow_wad=short, scale_wad=0)
    return changed(snapshot, series, settled=True, mark_wad=0, **sides)


def with_accounts(snapshot: Snapshot, *accounts: Account) -> Snapshot:
    known = {account.id: account for account in accounts}
    return replace(snapshot, accounts=tuple(known.get(one.id, one) for one in snapshot.accounts))


def test_settlements_conserve__longs_get_more__violation(world: World, ghost: Ghost, series: Series) -> None:
    base, payoff = 10 * WAD, 3 * WAD
    before = changed(world.start, series, long_base_wad=base, short_base_wad=base)

    def flows(long: int, short: int) -> Transition:
        return step(world, before, closed(before, series, long, short), settled(world, series, 0, payoff))

    assert wrong(95, flows(payoff, -payoff), ghost) == []
    assert wrong(95, flows(payoff - 1, -payoff), ghost) == []
    assert len(wrong(95, flows(payoff + 1, -payoff), ghost)) == 2  # a unit of base, and all of them
    assert len(wrong(95, flows(payoff, -payoff - 10**6), ghost)) == 1


def test_settlements_conserve__deleveraged_side_rounds_the_wrong_way__violation(
    world: World, ghost: Ghost, series: Series
) -> None:
    """Two thirds of a side are left, rounded against it: what it pays too little is less than what that is worth."""
    scale, payoff = 2 * WAD // 3 + 1, 3 * WAD + 1
    assert scale * payoff % WAD
    before = changed(
        world.start, series, short=replace(series.short, scale_wad=scale), long_base_wad=2 * WAD, short_base_wad=3 * WAD
    )  # fmt: skip

    def pays(short: int) -> list[str]:
        after = closed(before, series, payoff, -short)
        return wrong(95, step(world, before, after, settled(world, series, 0, payoff)), ghost)

    assert pays(-(-scale * payoff // WAD)) == []
    assert len(pays(scale * payoff // WAD)) == 1


def test_settlements_conserve__account_gets_too_much__violation(
    world: World, ghost: Ghost, series: Series
) -> None:
    payoff, someone = 3 * WAD, next(one for one in world.start.accounts if one.health and not one.positions)
    before = with_accounts(changed(world.start, series, mark_wad=0), holding(someone, series, 2 * WAD, 0))
    paid = closed(before, series, payoff, -payoff)
    assert someone.health is not None
    margin = someone.health.margin

    def gains(gained: int, equity: int) -> Transition:
        there = holding(someone, series, 2 * WAD, gained)
        health = replace(someone.health, margin=replace(margin, equity_wad=margin.equity_wad + equity))
        after = with_accounts(paid, replace(there, health=health))
        return step(world, before, after, settled(world, series, 0, payoff))

    assert wrong(95, gains(6 * WAD, 6 * WAD), ghost) == []
    assert len(wrong(95, gains(7 * WAD, 7 * WAD), ghost)) == 1
    assert len(wrong(95, gains(6 * WAD, 7 * WAD), ghost)) == 1


Judged = Callable[..., list[str]]


@pytest.fixture
def judged(world: World, ghost: Ghost, series: Series) -> Judged:
    """INV-96 of a settlement at a price that stood all along; the first series that nobody holds is a call."""
    expiry, strike = series.expiry_at, series.instrument & (1 << 128) - 1
    price = strike + 50 * WAD
    known_of(ghost).first[series.underlying] = price
    known_of(ghost).entries[series.underlying] = [Entry(expiry - 10, price), Entry(expiry + 5, price)]

    def judge(
        at_price: int = 0, payoff: int = 50 * WAD, time: int = 60, error: str = "", covered: int = expiry
    ) -> list[str]:
        now = at(world.start, expiry + time)
        events = () if error else (settled(world, series, price + at_price, payoff),)
        t = step(world, now, now, *events, error=error, series=series.instrument, covered=covered)
        return wrong(96, t, ghost)

    return judge


def test_settlements_averaged__as_it_is__holds(judged: Judged, series: Series) -> None:
    assert judged() == []
    assert judged(error="NotCovered", covered=series.expiry_at + WINDOW) == []


@pytest.mark.parametrize(
    "otherwise", [{"at_price": 1, "payoff": 50 * WAD + 1}, {"payoff": 49 * WAD}, {"time": -1}], ids=str
)
def test_settlements_averaged__otherwise__violation(judged: Judged, otherwise: dict[str, int]) -> None:
    assert len(judged(**otherwise)) == 1


def test_settlements_averaged__twice_or_refused__violation(
    judged: Judged, ghost: Ghost, series: Series
) -> None:
    assert len(judged(error="NotCovered")) == 1
    assert len(judged(error="AlreadySettled")) == 1
    assert len(judged(covered=series.expiry_at + WINDOW)) == 1

    known_of(ghost).settled[series.instrument] = series.long, series.short
    assert judged(error="AlreadySettled") == []
    assert len(judged()) == 1


def test_settled_still__moves_or_grows__violation(world: World, ghost: Ghost, series: Series) -> None:
    before = changed(world.start, series, settled=True, long_base_wad=WAD)
    known_of(ghost).settled[series.instrument] = series.long, series.short

    def then(**fields: Any) -> list[str]:
        return wrong(97, step(world, before, changed(before, series, **fields)), ghost)

    assert then() == then(long_base_wad=0) == []
    assert len(then(long=replace(series.long, flow_wad=1))) == 1
    assert len(then(settled=False)) == 1
    assert len(then(long_base_wad=WAD + 1)) == 1


def test_tallies__not_the_sum__violation(world: World, ghost: Ghost, series: Series) -> None:
    assert wrong(98, step(world, world.start, world.start), ghost) == []

    more = changed(world.start, series, long_base_wad=WAD)
    assert len(wrong(98, step(world, more, more), ghost)) == 1
    fewer = replace(world.start, series=tuple(one for one in world.start.series if one is not series))
    assert len(wrong(98, step(world, fewer, fewer), ghost)) == 1


def test_trading_ends__in_the_window__violation(world: World, ghost: Ghost, series: Series) -> None:
    filled = Event("Filled", {"instrument": series.instrument}, world.protocol.ledger.address)
    before, begun = (at(world.start, series.expiry_at - WINDOW + late) for late in (-1, 0))

    assert wrong(99, step(world, before, before, filled), ghost) == []
    assert len(wrong(99, step(world, begun, begun, filled), ghost)) == 1

    known = {"instrument": series.instrument, "error": "TradingClosed"}
    assert wrong(99, step(world, begun, begun, **known), ghost) == []
    assert len(wrong(99, step(world, before, before, **known), ghost)) == 1


def test_marks__out_of_bounds__violation(world: World, ghost: Ghost) -> None:
    series = world.start.series[0]  # would pay something
    assert wrong(86, step(world, world.start, world.start), ghost) == []

    spot = world.prices[series.underlying]
    for mark in (series.mark_wad + 1, 0, spot + 1):
        off = changed(world.start, series, mark_wad=mark)
        assert len(wrong(86, step(world, off, off), ghost)) == 1 + (mark in (0, spot + 1))


def test_longs__need_more_than_their_worth__violation(world: World, ghost: Ghost, series: Series) -> None:
    someone = next(one for one in world.start.accounts if one.health and not one.holdings and one.cash_wad)
    assert someone.health is not None

    def needs(initial: int) -> list[str]:
        margin = replace(
            someone.health.margin, equity_wad=someone.cash_wad + 100, initial_wad=initial, maintenance_wad=50
        )
        there = replace(holding(someone, series, WAD, 0), health=replace(someone.health, margin=margin))
        now = with_accounts(world.start, there)
        return wrong(87, step(world, now, now), ghost)

    assert needs(100) == []
    assert len(needs(101)) == 1


def fed(world: World, smile: Smile, expiry: int) -> Event:
    args = {"underlying": ETH, "expiry": expiry, "smile": smile.fields}
    return Event("SmileSet", args, world.protocol.surface.address)


def test_smiles__beyond_the_rules__violation(world: World, ghost: Ghost, series: Series) -> None:
    rules = known_of_smiles(ghost).smiles
    level = rules.volatility_floor_bps**2 * 10  # [1e-9] as variance, which nothing realised exceeds here
    expiry, by = series.expiry_at, world.people.smiler

    def sets(
        percent: int, seconds: int, who: str = by, name: str = "SmileSet"
    ) -> tuple[Transition, list[str]]:
        flat = Smile(a_ppb=level * percent // 100, b_ppb=0, rho_ppb=0, m_ppb=0, sigma_ppb=10**8)
        now = at(world.start, world.time + seconds)
        t = step(world, now, now, replace(fed(world, flat, expiry), name=name))
        t.__dict__["speakers"] = frozenset({who})
        return t, wrong(88, t, ghost)

    first, said = sets(100, 10)
    assert said == []
    assert len(sets(1_000, 10)[1]) == 1  # far from what stands in
    assert len(sets(100, 10, world.people.stranger)[1]) == 1
    assert len(sets(100, 10, world.people.guardian, "SmileDropped")[1]) == 1  # there is none

    ghost.follow(first)
    most = 100 + rules.move_bps // 100
    assert sets(most, 10 + rules.interval_seconds)[1] == []
    assert len(sets(most + 1, 10 + rules.interval_seconds)[1]) == 1
    assert len(sets(most, 9 + rules.interval_seconds)[1]) == 1
    assert sets(100, 20, world.people.guardian, "SmileDropped")[1] == []


def netting(world: World, series: Series) -> Account:
    """A portfolio account that holds an option beside its collateral, as the contract would show it."""
    account = next(one for one in world.start.accounts if one.mode is Mode.PORTFOLIO and one.holdings)
    return holding(account, series, -WAD, 0)


def shown(world: World, ghost: Ghost, account: Account, witness: int = portfolio.ALL) -> Margin:
    """What the model says of it at the start."""
    now = step(world, world.start, world.start)
    book, scans = holdings_book(world.start, account), known_of_smiles(ghost).scans
    return assess(world.start, account.mode, book, pricing_of(now, ghost), scans, witness)


def test_witnesses__show_what_they_prove__else_violation(world: World, ghost: Ghost, series: Series) -> None:
    account, few = netting(world, series), 1 << 3
    whole, part = shown(world, ghost, account), shown(world, ghost, account, few)
    assert 0 < part.maintenance_wad < whole.maintenance_wad
    assert account.health is not None
    before = with_accounts(world.start, replace(account, health=replace(account.health, margin=whole)))

    def starts(found: int, **facts: int) -> list[str]:
        args = {"account": account.id, "maintenanceWad": found}
        event = Event("AuctionStarted", args, world.protocol.liquidation.address)
        return wrong(89, step(world, before, before, event, account=account.id, **facts), ghost)

    assert starts(whole.maintenance_wad) == starts(part.maintenance_wad, witness=few) == []
    assert len(starts(part.maintenance_wad)) == 1
    assert len(starts(whole.maintenance_wad, witness=few)) == 1
    assert len(starts(whole.maintenance_wad + 1)) == 2


def test_hedges__more_together__violation(world: World, ghost: Ghost, series: Series) -> None:
    account = netting(world, series)
    margin = shown(world, ghost, account)

    def needs(initial: int) -> list[str]:
        assert account.health is not None
        health = replace(account.health, margin=replace(margin, initial_wad=initial))
        t = step(world, world.start, with_accounts(world.start, replace(account, health=health)))
        assert t.step is not None
        t.step = replace(t.step, accounts=frozenset({account.id}))
        return wrong(39, t, ghost)

    assert needs(margin.initial_wad) == []
    assert len(needs(2 * margin.initial_wad)) == 1


def test_desks__beyond_their_price__violation(world: World, ghost: Ghost, series: Series) -> None:
    one = world.backstops[ETH]
    book_of(ghost).tranches[ETH].took_at = world.time - one.params.unwind_seconds  # all of the concession
    mark, bps = series.mark_wad, one.params.concession_bps

    def fills(side: str, price: int) -> list[str]:
        other = "buyer" if side == "seller" else "seller"
        args = {"instrument": series.instrument, side: one.risk, other: 1, "priceWad": price}
        filled = Event("Filled", args, world.protocol.ledger.address)
        return wrong(43, step(world, world.start, world.start, filled), ghost)

    least, most = -(-mark * (BPS - bps) // BPS), mark * (BPS + bps) // BPS
    assert fills("seller", least) == fills("buyer", most) == []
    assert len(fills("seller", least - 1)) == len(fills("buyer", most + 1)) == 1
    assert len(fills("buyer", world.prices[ETH])) == 1


def test_desks__refuse_their_own_price__violation(world: World, ghost: Ghost, series: Series) -> None:
    one = world.backstops[ETH]
    book_of(ghost).tranches[ETH].took_at = world.time
    before = with_accounts(world.start, holding(world.start.account(one.risk), series, 2 * WAD, 0))
    refusal = keccak(text="BadSignature(address)")[:4] + bytes(12) + bytes.fromhex(one.desk.address[2:])

    def refuses(price: int = series.mark_wad, size: int = -2 * WAD, **fields: Any) -> list[str]:
        order = Order(
            **{"account": one.risk, "signer": one.desk.address, "reduce_only": True, **fields},
            instrument=series.instrument, size_wad=size, limit_price_wad=price,
        )  # fmt: skip
        t = step(world, before, before, error="BadSignature", orders=((b"", order, b"", True),))
        t.results = (Result(0, 0, b"", [], error_data=refusal),)
        return wrong(43, t, ghost)

    assert len(refuses()) == len(refuses(series.mark_wad + 1)) == len(refuses(size=-1)) == 1
    for rightly in (
        refuses(series.mark_wad - 1), refuses(size=-2 * WAD - 1), refuses(size=1), refuses(reduce_only=False),
        refuses(expires_at=world.time - 1), refuses(account=1), refuses(signer=world.people.stranger),
    ):  # fmt: skip
        assert rightly == []
