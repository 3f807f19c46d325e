"""model.side_index
├── the market of docs/ledger.md, step by step       -> exactly these numbers
├── size, base
│   ├── long rounds down, short away from zero       -> Σ size ≤ 0
│   └── out and back in                              -> never more long, never less short
├── funding
│   ├── premium under the cap, at it, over it        -> by hand
│   ├── one side empty                               -> nothing moves
│   ├── any market                                   -> charged ≥ shared out; nobody gets more than its own
│   └── a side that is a few wei                     -> no fortune
├── premium                                          -> between the old one and the fill's, by its share of turnover
├── positions
│   ├── increase, reduce, close                      -> cash and cash side add up, less a wei at most
│   └── a trade in parts                             -> realises no more than as a whole
├── deleveraging
│   ├── the example of docs/rounding.md              -> exactly these numbers
│   ├── any market                                   -> a long side falls by no less, a short one by no more than was
│   │                                                   closed; its cash is covered
│   ├── the whole side                               -> the epoch ends at a scale of nothing
│   ├── under the floor                              -> the epoch ends, bases are folded
│   └── nobody opposite                              -> nothing changes
├── settlement, any sides                            -> longs get no more than the payoff, shorts pay no less
├── crossing an epoch
│   ├── exact                                        -> free
│   ├── a part of a wei lost                         -> costs EPOCH_DUST, also where nothing is left
│   └── any positions                                -> total base ≥ Σ base, value not above what it was
└── what a word can't hold                           -> Overflow, MulDivFailed
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model import side_index as si
from holdfast.model.oracle import MAX_PRICE_WAD
from holdfast.model.side_index import EPOCH_DUST, SCALE_FLOOR, EpochEnd, Interest, Market, Position
from holdfast.types import Side
from holdfast.units import BPS, WAD

ETH = 1
PERIOD_SECONDS = 28_800
CAP_BPS = 50
HOUR = 3_600

repeatable = settings(deadline=None, derandomize=True, max_examples=300)

scales = st.one_of(st.just(WAD), st.integers(SCALE_FLOOR, WAD), st.integers(SCALE_FLOOR, 100 * SCALE_FLOOR))
bases = st.one_of(st.integers(1, 100), st.integers(1, 10**28))
flows = st.one_of(st.just(0), st.integers(-(10**26), 10**26), st.integers(-(10**4), 10**4))
costs = st.integers(-(10**34), 10**34)
quotes = st.one_of(st.integers(0, 100), st.integers(0, 10**33))


def side(scale: int = WAD, flow: int = 0, epoch: int = 0, premium: int = 0) -> Side:
    return Side(flow_wad=flow, scale_wad=scale, epoch=epoch, accrued_at=0, premium_ppb=premium)


def market(long: Side, short: Side, long_base: int, short_base: int) -> Market:
    interest = Interest(underlying=ETH, long_base_wad=long_base, short_base_wad=short_base, scaled=True)
    return Market(long=long, short=short, interest=interest)


markets = st.builds(market, st.builds(side, scales, flows), st.builds(side, scales, flows), bases, bases)


def value(m: Market, p: Position, mark: int) -> int:
    s = si.side_of(m, p.base_wad > 0)
    return si.size_of(m, p) * mark // WAD + si.quote_of(p, s.flow_wad)


# The example of docs/ledger.md


def opened() -> tuple[Market, Position, Position, Position]:
    """A long 3, B long 1, C short 4, all at 2,000."""
    m = si.fresh(ETH, time=0)
    m, a = si.increase(m, Position(), 3 * WAD, 6_000 * WAD)
    m, b = si.increase(m, Position(), WAD, 2_000 * WAD)
    m, c = si.increase(m, Position(), -4 * WAD, -8_000 * WAD)
    return m, a, b, c


def test_example__trade_funding_deleveraging__as_worked_by_hand() -> None:
    m, a, b, c = opened()
    assert [value(m, p, 2_000 * WAD) for p in (a, b, c)] == [0, 0, 0]

    # Funding of 10 a unit: longs pay 3·10 + 1·10, the short gets 4·10.
    m = si.apply_funding(m, 10 * WAD)
    assert (m.long.flow_wad, m.short.flow_wad) == (-10 * WAD, 10 * WAD)
    assert [value(m, p, 2_000 * WAD) // WAD for p in (a, b, c)] == [-30, -10, 40]

    # Mark 1,500. A closes 3 at 1,600, for 4,800: A_short = 1 − 3/4, K_short = 10 − 4,800/4.
    m, end = si.deleverage(m, False, 3 * WAD, 4_800 * WAD)
    m, a, cash = si.close(m, a, -4_800 * WAD)
    assert end is None
    assert (m.short.scale_wad, m.short.flow_wad) == (WAD // 4, -1_190 * WAD)
    assert cash == -1_230 * WAD  # −30 + 3·(1,600 − 2,000)
    assert si.size_of(m, c) == -WAD
    assert value(m, b, 1_500 * WAD) == -510 * WAD  # −10 + 1·(1,500 − 2,000)
    assert value(m, c, 1_500 * WAD) == 1_740 * WAD  # 40 + 3·(2,000 − 1,600) + 1·(2,000 − 1,500)

    # B closes 1 at the mark: the short side is empty, its epoch ends, and 1,740 in cash wait for C.
    m, end = si.deleverage(m, False, WAD, 1_500 * WAD)
    m, b, cash = si.close(m, b, -1_500 * WAD)
    assert end == EpochEnd(flow_wad=-1_565 * WAD, scale_wad=0)  # −1,190 − 1,500/4
    assert cash == -510 * WAD
    assert (m.short.scale_wad, m.short.flow_wad, m.short.epoch) == (WAD, 0, 1)
    c = si.cross(c, end)
    assert (c.base_wad, c.epoch) == (0, 1)
    assert si.close(m, c, 0).cash == 1_740 * WAD  # −1,230 − 510 + 1,740 = 0


# Sizes and bases


def test_size__of_odd_bases__less_long_more_short() -> None:
    assert si.to_size(3, WAD // 2) == 1  # 1.5
    assert si.to_size(-3, WAD // 2) == -2
    assert si.to_base(3, 2 * WAD // 3) == 4  # 4.5…
    assert si.to_base(-3, 2 * WAD // 3) == -5


@repeatable
@given(st.integers(-(10**28), 10**28).filter(bool), scales)
def test_base__any_size_out_and_in__never_a_gain(size: int, scale: int) -> None:
    back = si.to_size(si.to_base(size, scale), scale)

    assert back <= size
    # A wei of base, then a wei of size: with A ≤ 1 together less than two wei.
    assert size - back < 2


@repeatable
@given(st.lists(st.integers(1, 10**24), min_size=1, max_size=6), scales, scales)
def test_size__same_trades_on_both_sides__net_is_not_long(sizes: list[int], a: int, b: int) -> None:
    longs = [si.to_size(si.to_base(size, a), a) for size in sizes]
    shorts = [si.to_size(si.to_base(-size, b), b) for size in sizes]

    assert sum(longs) + sum(shorts) <= 0


# Funding


def test_funding__premium_of_the_docs__as_worked_by_hand() -> None:
    ppb = 4 * 10**6  # 0.4 % over 8 hours: 0.05 % of 2,000 = 1 an hour
    assert si.funding(ppb, 2_000 * WAD, HOUR, PERIOD_SECONDS, CAP_BPS) == WAD
    assert si.funding(-ppb, 2_000 * WAD, HOUR, PERIOD_SECONDS, CAP_BPS) == -WAD
    # 4 % over 8 hours is 0.5 % an hour: the cap, and with more still the cap.
    assert si.funding(10 * ppb, 2_000 * WAD, HOUR, PERIOD_SECONDS, CAP_BPS) == 10 * WAD
    assert si.funding(50 * ppb, 2_000 * WAD, HOUR, PERIOD_SECONDS, CAP_BPS) == 10 * WAD
    assert si.funding(ppb, 2_000 * WAD, 0, PERIOD_SECONDS, CAP_BPS) == 0
    # 1e-9 over 8 hours of 28,800 wei, one second: 1e-9 wei, toward zero
    assert si.funding(1, PERIOD_SECONDS, 1, PERIOD_SECONDS, CAP_BPS) == 0
    assert si.funding(-1, PERIOD_SECONDS, 1, PERIOD_SECONDS, CAP_BPS) == 0


@repeatable
@given(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, MAX_PRICE_WAD),
    st.integers(0, 10**8),
    st.integers(1, 10**6),
    st.integers(0, BPS),
)
def test_funding__anything__exact_within_a_wei_toward_zero(
    ppb: int, mark: int, elapsed: int, period: int, cap: int
) -> None:
    rate = min(Fraction(abs(ppb), 10**9 * period), Fraction(cap, BPS * HOUR))
    exact = mark * rate * elapsed

    found = si.funding(ppb, mark, elapsed, period, cap)

    assert 0 <= exact - abs(found) < 1
    assert found == 0 or (found > 0) == (ppb > 0)


@repeatable
@given(markets, st.integers(-(10**24), 10**24).filter(bool))
def test_apply_funding__any_market__charged_covers_shared(m: Market, f: int) -> None:
    after = si.apply_funding(m, f)

    long_change, short_change = (
        after.long.flow_wad - m.long.flow_wad,
        after.short.flow_wad - m.short.flow_wad,
    )
    paid, got = (-long_change, short_change) if f > 0 else (-short_change, long_change)
    payers, getters = (m.long, m.short) if f > 0 else (m.short, m.long)
    bases = m.interest.long_base_wad, m.interest.short_base_wad
    paying, getting = bases if f > 0 else bases[::-1]
    assert paid >= 0 and got >= 0
    assert got * getting <= paid * paying
    assert 0 <= paid - Fraction(payers.scale_wad * abs(f), WAD) < 1
    assert got <= Fraction(getters.scale_wad * abs(f), WAD)


def test_apply_funding__one_side_empty__nothing_moves() -> None:
    m = market(side(), side(), 0, 10)
    assert si.apply_funding(m, WAD) == m
    assert si.apply_funding(m, -WAD) == m


def test_apply_funding__receiver_of_a_wei__gets_the_funding_of_a_wei() -> None:
    m = market(side(), side(), 1, 10**12)
    for _ in range(1_000):
        m = si.apply_funding(m, -(10**24))

    assert m.long.flow_wad == 1_000 * 10**24  # not 10¹² times as much, which no word could hold
    assert m.short.flow_wad == -1_000 * 10**24


def test_apply_funding__more_than_a_word__refused() -> None:
    with pytest.raises(Refused, match="Overflow"):
        si.apply_funding(market(side(), side(flow=-(2**111)), 1, 1), -1)


# Premium


def test_premium__half_of_turnover__half_of_the_way() -> None:
    # Fill of 1 at +2 % into an open interest of 1, from 1 %: 1.5 %.
    assert si.premium_after(10**7, 102, 100, 1, 1) == 15 * 10**6
    assert si.premium_after(10**7, 98, 100, 1, 1) == -5 * 10**6
    assert si.premium_after(0, 102, 100, 7, 0) == 2 * 10**7  # the first fill says it all


@repeatable
@given(
    st.integers(-(10**9), 10**9),
    st.integers(1, 10**24),
    st.integers(-BPS, BPS),
    st.integers(1, 10**24),
    st.integers(0, 10**24),
)
def test_premium__any_fill__between_old_and_seen(
    ppb: int, mark: int, off: int, size: int, interest: int
) -> None:
    price = mark + mark * off // BPS
    seen = Fraction((price - mark) * 10**9, mark)
    exact = ppb + (seen - ppb) * Fraction(size, size + interest)

    found = si.premium_after(ppb, price, mark, size, interest)

    assert -2 < found - exact <= 0
    assert min(ppb, seen) - 2 < found <= max(ppb, seen)


def test_premium__no_mark__refused() -> None:
    with pytest.raises(Refused, match="MulDivFailed"):
        si.premium_after(0, 0, 0, 1, 1)


# Positions


@repeatable
@given(markets, st.booleans(), bases, costs, st.data())
def test_positions__any_change__cash_adds_up(
    m: Market, long: bool, base: int, cost: int, data: st.DataObject
) -> None:
    s = si.side_of(m, long)
    m = si.add_base(m, base if long else -base, long)
    p = Position(base_wad=base if long else -base, cost_wad=cost, epoch=s.epoch)
    held, before = si.size_of(m, p), si.quote_of(p, s.flow_wad)
    size = data.draw(st.integers(1, 10**27)) * (1 if long else -1)
    paid = data.draw(costs)

    _, more = si.increase(m, p, size, paid)
    assert -1 <= si.quote_of(more, s.flow_wad) - (before - paid) <= 0
    assert more.base_wad - p.base_wad == si.to_base(size, s.scale_wad)

    closed = si.close(m, p, paid)
    assert closed.cash == before - paid
    assert closed.position.base_wad == 0
    assert si.base_of(closed.market, long) == si.base_of(m, long) - base

    if abs(held) > 1:
        part = -data.draw(st.integers(1, abs(held) - 1)) * (1 if long else -1)
        less = si.reduce(m, p, held, part, paid)
        assert -1 <= si.quote_of(less.position, s.flow_wad) + less.cash - (before - paid) <= 0
        assert less.position.base_wad * p.base_wad > 0
        assert si.size_of(less.market, less.position) <= held + part
        assert less.cash <= Fraction(before * abs(part), abs(held)) - paid


@repeatable
@given(scales, flows, st.booleans(), st.integers(4, 10**26), costs, st.integers(1, 10**26), st.data())
def test_reduce__in_two_parts__realises_no_more(
    scale: int, flow: int, long: bool, base: int, cost: int, price: int, data: st.DataObject
) -> None:
    sign = 1 if long else -1
    m = market(side(scale, flow), side(scale, flow), base, base)
    p = Position(base_wad=sign * base, cost_wad=cost)
    held = si.size_of(m, p)
    if abs(held) < 4:
        return
    part = data.draw(st.integers(2, abs(held) - 2))
    first = data.draw(st.integers(1, part - 1))
    at = -(-part * price // WAD)  # the same cash for the whole and for both parts

    whole = si.reduce(m, p, held, -sign * part, -sign * at)
    once = si.reduce(m, p, held, -sign * first, 0)
    again = si.size_of(once.market, once.position)
    rest = part - first
    if rest >= abs(again):
        return
    twice = si.reduce(once.market, once.position, again, -sign * rest, -sign * at)

    assert value(twice.market, twice.position, price) + once.cash + twice.cash <= (
        value(whole.market, whole.position, price) + whole.cash
    )
    assert twice.position.base_wad <= whole.position.base_wad


# Deleveraging


@repeatable
@given(markets, st.booleans(), st.data(), quotes)
def test_deleverage__any_market__side_and_cash_are_covered(
    m: Market, long: bool, data: st.DataObject, quote: int
) -> None:
    s, base = si.side_of(m, long), si.base_of(m, long)
    size = data.draw(st.integers(0, base * s.scale_wad // WAD + 1))
    try:
        after, end = si.deleverage(m, long, size, quote)
    except Refused as refusal:
        assert refusal.name == "Overflow"
        assert quote * WAD // base > 2**110
        return

    closing = end or si.side_of(after, long)
    fell = Fraction(base * (s.scale_wad - closing.scale_wad), WAD)
    got = Fraction(base * (closing.flow_wad - s.flow_wad), WAD)
    if long:
        assert fell >= min(size, Fraction(base * s.scale_wad, WAD))
        assert fell - size < Fraction(base, WAD) + 1
        assert 0 <= quote - got < Fraction(base, WAD)
    else:
        assert 0 <= size - fell < Fraction(base, WAD) + 1
        assert 0 <= -got - quote < Fraction(base, WAD)
    assert after.interest.scaled
    assert si.side_of(after, not long) == si.side_of(m, not long)
    assert (end is not None) == (closing.scale_wad < SCALE_FLOOR)


def test_deleverage__of_the_rounding_page__as_worked_by_hand() -> None:
    m = market(side(), side(), 3 * WAD, 3 * WAD)

    m, end = si.deleverage(m, True, 1, 2_000)

    assert end is None
    assert (m.long.scale_wad, m.long.flow_wad) == (WAD - 1, 666)
    p = Position(base_wad=3 * WAD)
    assert (si.size_of(m, p), si.quote_of(p, m.long.flow_wad)) == (3 * WAD - 3, 1_998)


def test_deleverage__under_the_floor__folds_the_bases() -> None:
    m = market(side(), side(), 2 * 10**6, 2 * 10**6)

    m, end = si.deleverage(m, False, 2 * 10**6 - 1, 0)

    assert end == EpochEnd(flow_wad=0, scale_wad=WAD // (2 * 10**6))
    assert (m.short.scale_wad, m.short.epoch, m.interest.short_base_wad) == (WAD, 1, 1)
    assert (m.long, m.interest.long_base_wad) == (side(), 2 * 10**6)


def test_deleverage__at_the_floor__goes_on() -> None:
    m = market(side(), side(), 10**6, 10**6)

    m, end = si.deleverage(m, True, 10**6 - 1, 0)

    assert end is None
    assert (m.long.scale_wad, m.long.epoch) == (SCALE_FLOOR, 0)


def test_deleverage__nobody_opposite__nothing_changes() -> None:
    m = market(side(), side(), 5, 0)
    assert si.deleverage(m, False, 5, 10**20) == (m, None)


# Epochs


@repeatable
@given(scales, scales, flows, flows, st.integers(0, MAX_PRICE_WAD))
def test_settle__any_sides__within_a_wei_against_both(a: int, b: int, k: int, j: int, payoff: int) -> None:
    settled = si.settle(market(side(a, k), side(b, j), WAD, WAD), payoff)

    gets, pays = settled.long.flow_wad - k, j - settled.short.flow_wad
    assert gets <= Fraction(a * payoff, WAD) < gets + 1
    assert pays - 1 < Fraction(b * payoff, WAD) <= pays
    assert settled.long.scale_wad == settled.short.scale_wad == 0
    assert settled.interest.settled and settled.interest.scaled


def test_cross__exact__is_free() -> None:
    p = Position(base_wad=-4, cost_wad=-100, epoch=3)
    end = EpochEnd(flow_wad=-2 * WAD, scale_wad=WAD // 2)

    assert si.cross(p, end) == Position(base_wad=-2, cost_wad=-92, epoch=4)  # 4·(−2) + 100 = 92


@pytest.mark.parametrize(("base", "left"), [(5, 2), (-5, -2), (1, 0), (-1, 0)])
def test_cross__part_of_a_wei_lost__costs_the_dust(base: int, left: int) -> None:
    end = EpochEnd(flow_wad=0, scale_wad=WAD // 2)

    assert si.cross(Position(base_wad=base), end) == Position(base_wad=left, cost_wad=EPOCH_DUST, epoch=1)


def test_epoch_dust__covers_a_wei_at_any_price() -> None:
    assert EPOCH_DUST * WAD > MAX_PRICE_WAD


@repeatable
@given(
    st.lists(st.tuples(bases, costs), min_size=1, max_size=6),
    st.booleans(),
    st.integers(0, SCALE_FLOOR - 1),
    flows,
    st.integers(0, MAX_PRICE_WAD),
)
def test_cross__any_positions__never_a_gain(
    held: list[tuple[int, int]], long: bool, scale: int, flow: int, mark: int
) -> None:
    end = EpochEnd(flow_wad=flow, scale_wad=scale)
    total = sum(base for base, _ in held)
    after = 0
    for base, cost in held:
        p = Position(base_wad=base if long else -base, cost_wad=cost)
        crossed = si.cross(p, end)
        after += abs(crossed.base_wad)
        was = Fraction(p.base_wad * scale * mark, WAD * WAD) + Fraction(base * flow, WAD) - cost
        now = Fraction(crossed.base_wad * mark, WAD) - crossed.cost_wad
        assert now <= was

    assert after <= total * scale // WAD  # what the side's total is folded to


# Words


def test_words__one_too_many__refused() -> None:
    full = market(side(), side(), 2**112 - 1, 0)
    with pytest.raises(Refused, match="Overflow"):
        si.add_base(full, 1, True)
    with pytest.raises(Refused, match="Overflow"):
        si.add_base(full, 1, False)  # a short's base is negative
    with pytest.raises(Refused, match="Overflow"):
        si.increase(si.fresh(ETH, 0), Position(), 2**111, 0)
    with pytest.raises(Refused, match="Overflow"):
        si.increase(si.fresh(ETH, 0), Position(), 1, 2**127 + 1)
    with pytest.raises(Refused, match="Overflow"):
        si.increase(market(side(SCALE_FLOOR), side(), 0, 0), Position(), 2**92, 0)
    with pytest.raises(Refused, match="MulDivFailed"):
        si.deleverage(market(side(), side(), 1, 1), True, 2**200, 0)


def test_fresh__new_market__both_sides_at_one() -> None:
    m = si.fresh(ETH, time=7)
    assert m.long == m.short == replace(side(), accrued_at=7)
    assert m.interest == Interest(underlying=ETH)
