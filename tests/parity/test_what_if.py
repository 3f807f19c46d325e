"""WhatIf: contract = model, bit for bit
├── marginOf, any book, mode, trades and shifts     -> the same margin, or the same refusal with its numbers
├── …in Portfolio without options, at any levels    -> shifted volatilities or not: the same margin
├── unitOf, any option, spot and shift              -> the same, whatever `shift` said; ShiftOutOfRange
├── greeksOf, any book                              -> the same
└── liquidationPricesOf, any book                   -> the same: by the closed form and by halving
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given

from holdfast.chain.contract import Contract
from holdfast.errors import Refused
from holdfast.model import portfolio, risk, what_if
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.model.options import Pricing
from holdfast.model.portfolio import DAY, Rules
from holdfast.model.risk import Book, Collateral, Leg
from holdfast.model.surface import SmilePair
from holdfast.model.what_if import Judge, Trade
from holdfast.sim.history import Block, Result, call, simulate
from holdfast.types import (
    AssetParams,
    InstrumentParams,
    Kind,
    Level,
    Margin,
    Mode,
    instrument_id,
    kind_of,
    perpetual,
    underlying_of,
)
from holdfast.units import BPS, WAD
from tests.conftest import START
from tests.parity.draw import draw_pair, repeatable, seeds, words_of

BOOKS = 5
"""Books in one request."""

LEG_CAP = 12
LATER = START + 1_000
GAS = 2**36
UNDERLYINGS = {1: 1, 2: 2, 3: 2}
"""By asset. The first is netted."""

RULES = Rules(
    scans=dict.fromkeys((1, 2), LARGE_PARAMS),
    grids=dict.fromkeys((1, 2), LARGE),
    correlation_bps=7_000,
    leg_cap=LEG_CAP,
    netted={1: 1},
)
ASSETS = {
    1: AssetParams(initial_haircut_bps=1_500, maintenance_haircut_bps=1_000),
    2: AssetParams(initial_haircut_bps=2_500, maintenance_haircut_bps=1_700),
    3: AssetParams(initial_haircut_bps=500, maintenance_haircut_bps=1),
}
INSTRUMENTS = {
    one: InstrumentParams(
        initial_bps=1_000,
        maintenance_bps=500 + 7 * place,
        initial_max_bps=5_000,
        knee_bps=5_000,
        open_interest_cap_wad=10**6 * WAD,
    )
    for place, one in enumerate(
        instrument_id(kind, underlying) for kind in (Kind.PERPETUAL, Kind.CALL) for underlying in (1, 2)
    )
}


@dataclass(frozen=True)
class Bench:
    what_if: Contract
    shifted: Contract
    books: Contract
    surface: Contract
    deployer: str


@pytest.fixture
def bench(deploy: Callable[..., Contract], authority: Contract, roles: Any) -> Bench:
    """The real risk contract and portfolio models around a book that tests put together."""
    oracle, books, surface = deploy("MockSurroundings"), deploy("MockBook"), deploy("MockSmiles")
    scans = deploy("Scans", authority.address, DAY, RULES.correlation_bps)
    model = deploy("Portfolio", scans.address, surface.address, LEG_CAP)
    config = (1, 1, DAY, 0, 0, 0, 0)
    around = (oracle.address, books.address, surface.address, model.address)
    engine = deploy("Risk", authority.address, *around, config)
    shifted = deploy("ShiftedSurface", surface.address)
    own = deploy("Portfolio", scans.address, shifted.address, LEG_CAP)
    parts = (books, books, engine, shifted, own)
    found = deploy("WhatIf", *(part.address for part in parts))

    admin = roles.deployer
    for one in (1, 2):
        oracle.send("setHeartbeat", one, 10, sender=admin)
        scans.send("setScan", one, astuple(RULES.scans[one]), astuple(RULES.grids[one]), sender=admin)
    for asset, underlying in RULES.netted.items():
        scans.send("net", asset, underlying, sender=admin)
    for instrument, params in INSTRUMENTS.items():
        engine.send("setInstrument", instrument, astuple(params), sender=admin)
    for asset, haircuts in ASSETS.items():
        engine.send("setAsset", asset, astuple(haircuts), sender=admin)
    return Bench(found, shifted, books, surface, admin)


@dataclass(frozen=True)
class Market:
    """What a request's books are read against."""

    spots: dict[int, int]
    emas: dict[int, int]
    sides: dict[int, tuple[int, int]]  # long and short of a perpetual
    tallies: dict[int, int]
    levels: dict[int, Level]  # with EVERYTHING
    pairs: dict[tuple[int, int], SmilePair]

    def pair_of(self, underlying: int, expiry_at: int) -> SmilePair:
        return self.pairs[underlying, expiry_at]

    def judge(self, mode: Mode) -> Judge:
        def portfolio_model(book: Book, haircuts: Any, pricing: Pricing) -> Margin:
            offsets = risk.diversifies(book, RULES.netted, self.levels.__getitem__)
            return portfolio.assess(book, haircuts, RULES, pricing.variance_of, LATER, offsets=offsets)

        return lambda book, pricing: risk.assess(
            mode, book, INSTRUMENTS, ASSETS, pricing, lambda *asked: portfolio_model(*asked, pricing)
        )

    def open_interest(self, instrument: int, size_wad: int) -> int:
        underlying = underlying_of(instrument)
        if kind_of(instrument) is not Kind.PERPETUAL:
            return self.tallies[underlying]
        return self.sides[underlying][0 if size_wad > 0 else 1]

    def setting(self, bench: Bench) -> list[Any]:
        calls: list[Any] = []
        for one in (1, 2):
            price = (self.spots[one], self.emas[one], 0)
            calls += [
                call(bench.books, "setPrice", one, price, sender=bench.deployer),
                call(bench.books, "setSides", perpetual(one), *self.sides[one], sender=bench.deployer),
                call(bench.books, "setTally", one, self.tallies[one], sender=bench.deployer),
            ]
        calls += [
            call(bench.books, "setLevel", one, level, sender=bench.deployer)
            for one, level in self.levels.items()
        ]
        calls += [
            call(bench.surface, "set", one, expiry_at, words_of(pair), sender=bench.deployer)
            for (one, expiry_at), pair in self.pairs.items()
        ]
        return calls


def draw_market(rng: random.Random) -> Market:
    spots = {one: rng.choice((2_000 * WAD, rng.randint(10**15, 10**25))) for one in (1, 2)}
    expiries = [LATER - DAY, LATER, *(LATER + rng.randint(1, 3 * 10 ** rng.randint(2, 7)) for _ in range(2))]
    return Market(
        spots=spots,
        emas={one: spot * rng.randint(9_500, 10_500) // BPS for one, spot in spots.items()},
        sides={one: (rng.randint(0, 10**24), rng.randint(0, 10**24)) for one in (1, 2)},
        tallies={one: rng.randint(0, 10**24) for one in (1, 2)},
        levels={one: rng.choice((Level.NORMAL,) * 4 + (Level.CAUTIOUS,)) for one in (0, 1, 2)},
        pairs={(one, at): draw_pair(rng, max(1, at - LATER)) for one in (1, 2) for at in expiries},
    )


def draw_size(rng: random.Random) -> int:
    return rng.choice((-1, 1)) * rng.randint(1, 10 ** rng.randint(1, 22))


def draw_instrument(rng: random.Random, market: Market, underlying: int) -> int:
    kind = rng.choice((Kind.PERPETUAL, Kind.PERPETUAL, Kind.CALL, Kind.PUT))
    if kind is Kind.PERPETUAL:
        return perpetual(underlying)
    strike = market.spots[underlying] * rng.choice(
        (10_000, rng.randint(8_000, 12_500), rng.randint(100, 40_000))
    )
    return instrument_id(kind, underlying, rng.choice([at for _, at in market.pairs]), strike // BPS)


def leg_of(market: Market, instrument: int, size_wad: int, quote_wad: int = 0) -> Leg:
    underlying = underlying_of(instrument)
    return Leg(
        instrument=instrument,
        size_wad=size_wad,
        quote_wad=quote_wad,
        mark_wad=market.spots[underlying],
        ema_wad=market.emas[underlying],
        open_interest_wad=market.open_interest(instrument, size_wad),
    )


def draw_book(rng: random.Random, market: Market, mode: Mode) -> Book:
    legs: dict[int, Leg] = {}
    for _ in range(rng.choice((0, 1, 2, 3, 5))):
        underlying = 1 if mode is Mode.ISOLATED and rng.random() < 0.9 else rng.choice((1, 1, 2))
        instrument, size = draw_instrument(rng, market, underlying), rng.choice((0,) + (draw_size(rng),) * 9)
        legs[instrument] = leg_of(market, instrument, size, rng.randint(-(10**24), 10**24))
    assets = rng.sample(sorted(ASSETS), rng.choice((0, 1, 3))) if mode is not Mode.ISOLATED else []
    holdings = [
        Collateral(
            asset=asset,
            amount_wad=rng.randint(1, 10 ** rng.randint(1, 22)),
            price_wad=market.spots[UNDERLYINGS[asset]],
            ema_wad=market.emas[UNDERLYINGS[asset]],
        )
        for asset in assets
    ]
    book = Book(cash_wad=0, legs=tuple(legs.values()), holdings=tuple(holdings))
    try:  # cash that leaves it near its requirement: then there is something to find
        there = market.judge(mode)(book, what_if.pricing_at(market.pair_of, LATER))
    except Refused:
        return book
    spare = rng.randint(-1, 20) * there.maintenance_wad // 10
    return replace(book, cash_wad=there.maintenance_wad - there.equity_wad + spare)


def draw_trades(rng: random.Random, market: Market, book: Book) -> list[Trade]:
    """In what it holds or in something else; some close a position to the wei."""
    trades: list[Trade] = []
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        underlying = rng.choice((1, 1, 2))
        instrument = draw_instrument(rng, market, underlying)
        if book.legs and rng.random() < 0.6:
            instrument = rng.choice(book.legs).instrument
            underlying = underlying_of(instrument)
        held = sum(leg.size_wad for leg in book.legs if leg.instrument == instrument)
        held += sum(trade.size_wad for trade in trades if trade.instrument == instrument)
        size = -held if held and rng.random() < 0.3 else draw_size(rng)
        trades.append(
            Trade(
                instrument=instrument,
                size_wad=size,
                price_wad=rng.randint(0, 2 * market.spots[underlying]),
                mark_wad=market.spots[underlying],
                ema_wad=market.emas[underlying],
                open_interest_wad=market.open_interest(instrument, held + size),
            )
        )
    return trades


def played(
    bench: Bench, market: Market, books: list[tuple[Mode, Book]], *questions: list[Any]
) -> list[Result]:
    """The answers to one question about each book and so on, book by book."""
    asking = []
    for place, (mode, book) in enumerate(books):
        underlyings = [UNDERLYINGS[one.asset] for one in book.holdings]
        asking.append(call(bench.books, "put", mode, astuple(book), underlyings, sender=bench.deployer))
        asking += [replace(question[place], gas=GAS) for question in questions]
    setting = Block(market.setting(bench), time=LATER - 1)
    before, results = simulate(bench.what_if.rpc, [setting, Block(asking, time=LATER)])
    assert all(result.ok for result in before)
    step = 1 + len(questions)
    assert all(result.ok for result in results[::step])
    return [result for place, result in enumerate(results) if place % step]


SHIFTS = (-9_001, -9_000, 90_000, 90_001)
SEEN: Counter[str] = Counter()


@repeatable
@given(seed=seeds)
def test_margin_of__any__as_the_model(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    market = draw_market(rng)
    books, questions, expected = [], [], []
    for _ in range(BOOKS):
        mode = rng.choice((Mode.ISOLATED, Mode.CROSS, Mode.PORTFOLIO))
        book = draw_book(rng, market, mode)
        trades = draw_trades(rng, market, book)
        underlying = rng.choice((0, 0, 1, 2))
        price_bps = rng.choice((0, 0, rng.randint(-9_000, 30_000), rng.choice((-9_001, 90_000, 90_001))))
        vol_bps = rng.choice((0, 0, rng.randint(-9_000, 30_000), rng.choice(SHIFTS)))
        asked = [(trade.instrument, trade.size_wad, trade.price_wad) for trade in trades]
        question = (7, asked, underlying, price_bps, vol_bps)
        books.append((mode, book))
        questions.append(call(bench.what_if, "marginOf", question, sender=bench.deployer))
        try:
            found: Margin | Refused = what_if.margin_of(
                book,
                market.judge(mode),
                market.pair_of,
                LATER,
                UNDERLYINGS,
                trades=trades,
                underlying=underlying,
                price_shift_bps=price_bps,
                vol_shift_bps=vol_bps,
            )
        except Refused as refusal:
            found = refusal
        expected.append(found)
        SEEN[
            f"{mode.name}{' trades' * bool(trades)}{' price' * bool(price_bps)}{' vol' * bool(vol_bps)}"
        ] += 1

    for result, wanted in zip(played(bench, market, books, questions), expected, strict=True):
        if isinstance(wanted, Refused):
            assert result.error is not None
            assert (result.error.name, result.error.values) == (wanted.name, wanted.values)
        else:
            assert result.returned(bench.what_if, "marginOf") == astuple(wanted)


def test_margin_of__any_levels__offsets_as_the_risk_contract_has_it(bench: Bench) -> None:
    """Perpetuals don't mind volatilities: the model of the lens says what the engine's does, if it is told the same."""
    spots = {1: 2_000 * WAD, 2: 2_000 * WAD}
    market = replace(draw_market(random.Random(1)), spots=spots, emas=spots)
    held = {1: leg_of(market, perpetual(1), 5 * WAD), 2: leg_of(market, perpetual(2), -4 * WAD)}
    stock = {
        asset: Collateral(
            asset=asset, amount_wad=3 * WAD, price_wad=spots[underlying], ema_wad=spots[underlying]
        )
        for asset, underlying in UNDERLYINGS.items()
    }
    places = [((1, 2), ()), ((2,), (1,)), ((2,), (3, 1)), ((1,), (2,)), ((1,), (1,)), ((), (1, 2))]
    books = [
        Book(
            cash_wad=0,
            legs=tuple(map(held.__getitem__, legs)),
            holdings=tuple(map(stock.__getitem__, holdings)),
        )
        for legs, holdings in places
    ]
    needs: list[set[int]] = [set() for _ in books]
    questions = [
        [call(bench.what_if, "marginOf", (7, [], 0, 0, vol_bps), sender=bench.deployer)] * len(books)
        for vol_bps in (0, 2_500)
    ]
    for levels in product((Level.NORMAL, Level.CAUTIOUS), repeat=3):
        there = replace(market, levels=dict(enumerate(levels)))
        answers = played(bench, there, [(Mode.PORTFOLIO, book) for book in books], *questions)
        found = [result.returned(bench.what_if, "marginOf") for result in answers]
        for place, book in enumerate(books):
            wanted = there.judge(Mode.PORTFOLIO)(book, what_if.pricing_at(market.pair_of, LATER))
            assert found[2 * place] == found[2 * place + 1] == astuple(wanted)
            needs[place].add(wanted.initial_wad)
    gains = [len(one) == 2 for one in needs]
    assert gains == [True] * 3 + [False] * 3  # the others have nothing to offset


@repeatable
@given(seed=seeds)
def test_unit_of__any__as_the_model(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    market = draw_market(rng)
    asked = []
    while len(asked) < 2 * BOOKS:
        option = draw_instrument(rng, market, rng.choice((1, 2)))
        if kind_of(option) is not Kind.PERPETUAL:
            spot = rng.choice((0, market.spots[underlying_of(option)], rng.randint(1, 10**25)))
            asked.append((option, spot, rng.choice((0, *SHIFTS, rng.randint(-9_000, 30_000)))))
    questions = [call(bench.shifted, "unitOf", *one, sender=bench.deployer) for one in asked]
    setting = Block(market.setting(bench), time=LATER - 1)
    before, results = simulate(bench.what_if.rpc, [setting, Block(questions, time=LATER)])
    assert all(result.ok for result in before)

    for (option, spot_wad, shift_bps), result in zip(asked, results, strict=True):
        try:
            pricing = what_if.pricing_at(market.pair_of, LATER, shift_bps)
            wanted = what_if.unit_of(option, spot_wad, pricing)
        except Refused as refusal:
            assert result.error is not None
            assert (result.error.name, result.error.values) == (refusal.name, refusal.values)
        else:
            assert result.returned(bench.shifted, "unitOf") == astuple(wanted)


@repeatable
@given(seed=seeds)
def test_greeks_of__any__as_the_model(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    market = draw_market(rng)
    books = [(Mode.CROSS, draw_book(rng, market, Mode.CROSS)) for _ in range(BOOKS)]
    questions = [call(bench.what_if, "greeksOf", 7, sender=bench.deployer)] * BOOKS
    pricing = what_if.pricing_at(market.pair_of, LATER)

    for (_, book), result in zip(books, played(bench, market, books, questions), strict=True):
        wanted = [
            (one, *astuple(what_if.greeks_of(book, one, pricing, UNDERLYINGS))) for one in occurring(book)
        ]
        assert [tuple(one) for one in result.returned(bench.what_if, "greeksOf")] == wanted


@repeatable
@given(seed=seeds)
def test_liquidation_prices_of__any__as_the_model(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    market = draw_market(rng)
    books = []
    while len(books) < BOOKS:
        mode = rng.choice((Mode.ISOLATED, Mode.CROSS, Mode.CROSS, Mode.PORTFOLIO))
        book = draw_book(rng, market, mode)
        if refusal_of(market, mode, book) is None:
            books.append((mode, book))
    questions = [call(bench.what_if, "liquidationPricesOf", 7, sender=bench.deployer)] * BOOKS
    pricing = what_if.pricing_at(market.pair_of, LATER)

    for (mode, book), result in zip(books, played(bench, market, books, questions), strict=True):
        wanted = []
        for one in occurring(book):
            slope = what_if.slope_bps(book, one, UNDERLYINGS, INSTRUMENTS, ASSETS)
            slope = None if mode is Mode.PORTFOLIO else slope
            judge = market.judge(mode)
            found = what_if.liquidation_prices(
                book, judge, pricing, one, UNDERLYINGS, market.spots[one], slope
            )
            wanted.append((one, *found))
            SEEN["line" if slope is not None else "search"] += 1
        assert result.error is None, result.error
        assert [tuple(one) for one in result.returned(bench.what_if, "liquidationPricesOf")] == wanted


def test_they__saw_everything() -> None:
    """Books in each mode, each kind of question alone and together, and prices found in both ways."""
    assert {f"{mode.name} trades price vol" for mode in Mode if mode} <= set(SEEN)
    assert min(SEEN["line"], SEEN["search"]) > 20


def occurring(book: Book) -> list[int]:
    """Underlyings in the order in which they occur."""
    legs = [underlying_of(leg.instrument) for leg in book.legs]
    return list(dict.fromkeys([*legs, *(UNDERLYINGS[one.asset] for one in book.holdings)]))


def refusal_of(market: Market, mode: Mode, book: Book) -> Refused | None:
    try:
        market.judge(mode)(book, what_if.pricing_at(market.pair_of, LATER))
    except Refused as refusal:
        return refusal
    return None
