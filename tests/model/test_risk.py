"""model.risk
├── hand-worked examples of docs/risk.md       -> exactly these numbers
├── against exact fractions                    -> E down, IM and MM up, limit down; each by less than the stated wei
├── MM and IM
│   ├── a larger size or amount                -> never less
│   ├── more open interest                     -> IM never less, MM the same
│   └── IM ≥ MM, and both ≥ 0
├── split over two accounts                    -> never a lower requirement
├── worse of mark and slow price, by direction -> long above it, short below it
├── open interest at knee, cap, and zero cap   -> initial, initialMax, initialMax
├── haircuts never set                         -> equity counts, margin doesn't
├── a book its mode doesn't admit              -> NotIsolated, CollateralInIsolated, NotListed, UnknownMode
├── underlyings of a book                      -> offset each other unless a level isn't Normal, theirs or everything's
└── parameters out of bounds                   -> BadParams with value and bound
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model import risk
from holdfast.model.risk import Book, Collateral, Leg, assess, initial_rate_wad
from holdfast.types import AssetParams, InstrumentParams, Level, Margin, Mode, perpetual
from holdfast.units import BPS, WAD

ETH, BTC, WETH = perpetual(1), perpetual(2), 1

PARAMS = InstrumentParams(
    initial_bps=1_000,
    maintenance_bps=500,
    initial_max_bps=5_000,
    knee_bps=5_000,
    open_interest_cap_wad=1_000 * WAD,
)
HAIRCUTS = AssetParams(initial_haircut_bps=1_500, maintenance_haircut_bps=1_000)
INSTRUMENTS = {ETH: PARAMS, BTC: replace(PARAMS, maintenance_bps=333, knee_bps=3_333)}
ASSETS = {WETH: HAIRCUTS}

LONG = Leg(
    instrument=ETH,
    size_wad=2 * WAD,
    quote_wad=-3_900 * WAD,
    mark_wad=2_000 * WAD,
    ema_wad=1_950 * WAD,
    open_interest_wad=750 * WAD,
)
HELD = Collateral(asset=WETH, amount_wad=3 * WAD, price_wad=2_000 * WAD, ema_wad=1_900 * WAD)

repeatable = settings(deadline=None, derandomize=True, max_examples=150)

quantities = st.integers(0, 10**30)
prices = st.integers(1, 10**26)
# Drawn from one wide range most would lie below the knee, where the rate is flat.
open_interests = st.one_of(
    st.integers(0, 1_100 * WAD), st.integers(334 * WAD, 1_000 * WAD), st.integers(500 * WAD, 1_000 * WAD)
)
legs = st.builds(
    Leg,
    instrument=st.sampled_from([ETH, BTC]),
    size_wad=st.integers(-(10**30), 10**30),
    quote_wad=st.integers(-(10**35), 10**35),
    mark_wad=prices,
    ema_wad=prices,
    open_interest_wad=open_interests,
)
holdings = st.builds(
    Collateral, asset=st.sampled_from([WETH, 2]), amount_wad=quantities, price_wad=prices, ema_wad=prices
)


def _cross(book: Book) -> Margin:
    return assess(Mode.CROSS, book, INSTRUMENTS, ASSETS)


def test_assess__long_of_the_docs__as_worked_by_hand() -> None:
    assert _cross(Book(cash_wad=500 * WAD, legs=(LONG,))) == Margin(
        equity_wad=600 * WAD, initial_wad=1_300 * WAD, maintenance_wad=200 * WAD, borrow_limit_wad=0
    )


def test_assess__short_above_its_slow_price__needs_no_gap() -> None:
    short = replace(LONG, size_wad=-2 * WAD, quote_wad=4_100 * WAD)

    assert _cross(Book(cash_wad=500 * WAD, legs=(short,))) == Margin(
        equity_wad=600 * WAD, initial_wad=1_200 * WAD, maintenance_wad=200 * WAD, borrow_limit_wad=0
    )


def test_assess__short_below_its_slow_price__needs_the_gap() -> None:
    short = replace(LONG, size_wad=-2 * WAD, ema_wad=2_030 * WAD)

    assert _cross(Book(cash_wad=0, legs=(short,))).initial_wad == (1_200 + 2 * 30) * WAD


def test_assess__collateral_of_the_docs__as_worked_by_hand() -> None:
    assert _cross(Book(cash_wad=-1_000 * WAD, holdings=(HELD,))) == Margin(
        equity_wad=5_000 * WAD,
        initial_wad=1_155 * WAD,
        maintenance_wad=600 * WAD,
        borrow_limit_wad=4_845 * WAD,
    )


def test_assess__collateral_below_its_slow_price__counts_at_the_price() -> None:
    margin = _cross(Book(cash_wad=0, holdings=(replace(HELD, ema_wad=2_500 * WAD),)))

    assert (margin.initial_wad, margin.borrow_limit_wad) == (900 * WAD, 5_100 * WAD)


def test_assess__one_wei_long__rounds_equity_down_and_requirement_up() -> None:
    leg = replace(LONG, size_wad=1, quote_wad=0, mark_wad=WAD // 2, ema_wad=WAD // 2)

    margin = _cross(Book(cash_wad=0, legs=(leg,)))

    assert (margin.equity_wad, margin.maintenance_wad, margin.initial_wad) == (0, 1, 1)
    assert _cross(Book(cash_wad=0, legs=(replace(leg, size_wad=-1),))).equity_wad == -1


def test_assess__haircuts_never_set__needs_its_whole_value() -> None:
    margin = _cross(Book(cash_wad=0, holdings=(replace(HELD, asset=9, ema_wad=2_000 * WAD),)))

    assert margin == Margin(
        equity_wad=6_000 * WAD,
        initial_wad=6_000 * WAD,
        maintenance_wad=6_000 * WAD,
        borrow_limit_wad=0,
    )


@pytest.mark.parametrize(
    ("open_interest", "rate"),
    [(0, "0.1"), (500, "0.1"), (750, "0.3"), (999, "0.4992"), (1_000, "0.5"), (5_000, "0.5")],
)
def test_initial_rate__rises_from_knee_to_cap(open_interest: int, rate: str) -> None:
    assert initial_rate_wad(open_interest * WAD, PARAMS) == Fraction(rate) * WAD


@pytest.mark.parametrize(
    ("params", "open_interest_wad", "bps"),
    [
        (replace(PARAMS, open_interest_cap_wad=0), 0, 1_000),
        (replace(PARAMS, open_interest_cap_wad=0), 1, 5_000),
        (replace(PARAMS, knee_bps=BPS), 1_000 * WAD, 1_000),
        (replace(PARAMS, knee_bps=BPS), 1_000 * WAD + 1, 5_000),
        (replace(PARAMS, knee_bps=0), 0, 1_000),
    ],
    ids=["cap 0, nothing open", "cap 0", "knee at the cap", "beyond both", "knee 0"],
)
def test_initial_rate__at_the_edges(params: InstrumentParams, open_interest_wad: int, bps: int) -> None:
    assert initial_rate_wad(open_interest_wad, params) == bps * WAD // BPS


@repeatable
@given(open_interests, open_interests, st.sampled_from([*INSTRUMENTS.values()]))
def test_initial_rate__more_open_interest__never_less(one: int, two: int, params: InstrumentParams) -> None:
    low, high = sorted((one, two))
    assert initial_rate_wad(low, params) <= initial_rate_wad(high, params)


@repeatable
@given(open_interests, st.sampled_from([*INSTRUMENTS.values()]))
def test_initial_rate__against_exact_fractions__rounds_up(
    open_interest: int, params: InstrumentParams
) -> None:
    cap = params.open_interest_cap_wad
    knee = cap * params.knee_bps // BPS
    beyond = Fraction(min(max(0, open_interest - knee), cap - knee), cap - knee)
    exact = (params.initial_bps + (params.initial_max_bps - params.initial_bps) * beyond) * Fraction(WAD, BPS)

    assert initial_rate_wad(open_interest, params) == -(-exact // 1)


@repeatable
@given(st.integers(-(10**35), 10**35), st.lists(legs, max_size=4), st.lists(holdings, max_size=3))
def test_assess__against_exact_fractions__rounds_as_stated(
    cash: int, some_legs: list[Leg], some_holdings: list[Collateral]
) -> None:
    margin = _cross(Book(cash_wad=cash, legs=tuple(some_legs), holdings=tuple(some_holdings)))
    equity, initial, maintenance, limit = Fraction(cash), Fraction(0), Fraction(0), Fraction(0)
    for leg in some_legs:
        params, size = INSTRUMENTS[leg.instrument], abs(leg.size_wad)
        notional = Fraction(size * leg.mark_wad, WAD)
        knee = Fraction(params.open_interest_cap_wad * params.knee_bps, BPS)
        beyond = max(Fraction(0), leg.open_interest_wad - knee) / (params.open_interest_cap_wad - knee)
        rise = (params.initial_max_bps - params.initial_bps) * min(Fraction(1), beyond)
        against = leg.mark_wad - leg.ema_wad if leg.size_wad > 0 else leg.ema_wad - leg.mark_wad
        equity += Fraction(leg.size_wad * leg.mark_wad, WAD) + leg.quote_wad
        maintenance += notional * params.maintenance_bps / BPS
        initial += notional * (params.initial_bps + rise) / BPS + Fraction(size * max(0, against), WAD)
    for holding in some_holdings:
        haircuts = ASSETS.get(holding.asset, risk.NEVER_SET)
        value = Fraction(holding.amount_wad * holding.price_wad, WAD)
        lower = Fraction(holding.amount_wad * min(holding.price_wad, holding.ema_wad), WAD)
        lends = lower * (BPS - haircuts.initial_haircut_bps) / BPS
        equity += value
        maintenance += value * haircuts.maintenance_haircut_bps / BPS
        initial += value - lends
        limit += lends

    items = len(some_legs) + len(some_holdings)
    # The rate is rounded up to a wad and the knee down to one, so IM errs by their share of notional too.
    slack = sum(Fraction(abs(leg.size_wad) * leg.mark_wad, WAD) * Fraction(2, WAD) for leg in some_legs)
    assert -items <= margin.equity_wad - equity <= 0
    assert 0 <= margin.maintenance_wad - maintenance <= 2 * items
    assert 0 <= margin.initial_wad - initial <= 3 * items + slack
    assert -items <= margin.borrow_limit_wad - limit <= 0


@repeatable
@given(legs, st.integers(0, 10**30))
def test_assess__larger_position__never_needs_less(leg: Leg, more: int) -> None:
    larger = replace(leg, size_wad=leg.size_wad + (more if leg.size_wad > 0 else -more))
    small, large = (_cross(Book(cash_wad=0, legs=(one,))) for one in (leg, larger))
    if leg.size_wad == 0:
        assert (small.maintenance_wad, small.initial_wad) == (0, 0)
    assert small.maintenance_wad <= large.maintenance_wad
    assert leg.size_wad == 0 or small.initial_wad <= large.initial_wad


@repeatable
@given(holdings, quantities)
def test_assess__more_collateral__needs_and_lends_more(holding: Collateral, more: int) -> None:
    larger = replace(holding, amount_wad=holding.amount_wad + more)
    small, large = (_cross(Book(cash_wad=0, holdings=(one,))) for one in (holding, larger))
    assert small.maintenance_wad <= large.maintenance_wad
    assert small.equity_wad - small.initial_wad <= large.equity_wad - large.initial_wad + 1
    assert small.borrow_limit_wad <= large.borrow_limit_wad


@repeatable
@given(st.lists(legs, max_size=4), st.lists(holdings, max_size=3))
def test_assess__any_book__initial_is_at_least_maintenance(
    some_legs: list[Leg], some_holdings: list[Collateral]
) -> None:
    margin = _cross(Book(cash_wad=0, legs=tuple(some_legs), holdings=tuple(some_holdings)))
    assert 0 <= margin.maintenance_wad <= margin.initial_wad


@repeatable
@given(st.lists(holdings, max_size=3))
def test_assess__borrowing_to_the_limit__keeps_initial_margin(some_holdings: list[Collateral]) -> None:
    margin = _cross(Book(cash_wad=0, holdings=tuple(some_holdings)))
    # What may be borrowed leaves equity = IM, but for the wei between value rounded down and up.
    assert 0 <= margin.initial_wad - (margin.equity_wad - margin.borrow_limit_wad) <= len(some_holdings)


@repeatable
@given(legs, st.integers(0, 100))
def test_assess__position_split_over_accounts__never_needs_less(leg: Leg, percent: int) -> None:
    part = leg.size_wad * percent // 100
    whole = _cross(Book(cash_wad=0, legs=(leg,)))
    parts = [
        _cross(Book(cash_wad=0, legs=(replace(leg, size_wad=size),))) for size in (part, leg.size_wad - part)
    ]
    assert sum(one.maintenance_wad for one in parts) >= whole.maintenance_wad
    assert sum(one.initial_wad for one in parts) >= whole.initial_wad


@repeatable
@given(legs, st.lists(open_interests, min_size=2, max_size=4))
def test_assess__crowded_market__raises_initial_and_leaves_maintenance(leg: Leg, levels: list[int]) -> None:
    margins = [
        _cross(Book(cash_wad=0, legs=(replace(leg, open_interest_wad=level),))) for level in sorted(levels)
    ]
    assert all(a.initial_wad <= b.initial_wad for a, b in pairwise(margins))
    assert len({one.maintenance_wad for one in margins}) == 1


def test_assess__isolated_with_one_underlying__as_cross() -> None:
    book = Book(cash_wad=500 * WAD, legs=(LONG,))

    assert assess(Mode.ISOLATED, book, INSTRUMENTS, ASSETS) == _cross(book)


@pytest.mark.parametrize(
    ("mode", "book", "error", "values"),
    [
        (
            Mode.ISOLATED,
            Book(cash_wad=0, legs=(LONG, replace(LONG, instrument=BTC))),
            "NotIsolated",
            (1, 2),
        ),
        (Mode.ISOLATED, Book(cash_wad=0, holdings=(HELD,)), "CollateralInIsolated", (WETH,)),
        (
            Mode.CROSS,
            Book(cash_wad=0, legs=(replace(LONG, instrument=perpetual(7)),)),
            "NotListed",
            (perpetual(7),),
        ),
        (Mode.NONE, Book(cash_wad=0), "UnknownMode", (Mode.NONE,)),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_assess__book_not_admitted__refused(
    mode: Mode, book: Book, error: str, values: tuple[int, ...]
) -> None:
    with pytest.raises(Refused) as caught:
        assess(mode, book, INSTRUMENTS, ASSETS)
    assert (caught.value.name, caught.value.values) == (error, values)


@pytest.mark.parametrize(
    ("restricted", "offsets"), [(None, True), (0, False), (1, False), (2, False), (3, True)]
)
def test_diversifies__a_level_that_is_not_normal__no_offsets(restricted: int | None, offsets: bool) -> None:
    def level_of(underlying: int) -> Level:
        return Level.CAUTIOUS if underlying == restricted else Level.NORMAL

    two_legs = Book(cash_wad=0, legs=(LONG, replace(LONG, instrument=BTC)))
    covered = Book(cash_wad=0, legs=(replace(LONG, instrument=BTC),), holdings=(HELD,))
    assert risk.diversifies(two_legs, {}, level_of) is offsets
    assert risk.diversifies(covered, {WETH: 1}, level_of) is offsets
    alone = Book(cash_wad=0, legs=(LONG, LONG), holdings=(HELD,))
    assert risk.diversifies(alone, {}, level_of) and risk.diversifies(alone, {WETH: 1}, level_of)


INSTRUMENT_BOUNDS = [
    ({"maintenance_bps": 24}, 24, 25),
    ({"maintenance_bps": 10_001}, 10_001, 10_000),
    ({"initial_bps": 500}, 500, 501),
    ({"initial_bps": 10_001}, 10_001, 10_000),
    ({"initial_max_bps": 999}, 999, 1_000),
    ({"initial_max_bps": 10_001}, 10_001, 10_000),
    ({"knee_bps": 10_001}, 10_001, 10_000),
    ({"open_interest_cap_wad": 2 * 10**27 + 1}, 2 * 10**27 + 1, 2 * 10**27),
]


@pytest.mark.parametrize(("change", "value", "bound"), INSTRUMENT_BOUNDS)
def test_check_instrument__out_of_bounds__refused(change: dict[str, int], value: int, bound: int) -> None:
    with pytest.raises(Refused) as caught:
        risk.check_instrument(replace(PARAMS, **change))
    assert (caught.value.name, caught.value.values) == ("BadParams", (value, bound))


@pytest.mark.parametrize(
    ("maintenance", "initial", "value", "bound"),
    [
        (0, 1_500, 0, 1),
        (1_000, 999, 999, 1_000),
        (1_000, 10_001, 10_001, 10_000),
        (10_001, 10_001, 10_001, 10_000),
    ],
)
def test_check_asset__out_of_bounds__refused(maintenance: int, initial: int, value: int, bound: int) -> None:
    with pytest.raises(Refused) as caught:
        risk.check_asset(AssetParams(initial_haircut_bps=initial, maintenance_haircut_bps=maintenance))
    assert (caught.value.name, caught.value.values) == ("BadParams", (value, bound))


def test_check__good_parameters__pass() -> None:
    risk.check_instrument(PARAMS)
    risk.check_asset(HAIRCUTS)
