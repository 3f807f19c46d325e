"""Both sides of an instrument and the positions on them: exact twin of `contracts/libraries/SideIndex.sol`.

    size  = ⌊base·A⌋              toward minus infinity: less long, more short
    quote = ⌊|base|·K⌋ − cost     toward minus infinity: the holder may lose the wei
    value = size·mark + quote

What happens to a whole side is one write to (A, K). Markets, sides and positions are values: functions return new ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from holdfast.model.fixed_point import (
    mul_div_ceil,
    mul_div_down,
    mul_div_floor,
    mul_div_up,
    mul_wad_down,
    mul_wad_up,
    to_int,
    to_uint,
)
from holdfast.types import Side
from holdfast.units import BPS, WAD

SCALE_FLOOR: Final = 10**12
"""[wad] Below this A the epoch ends."""

EPOCH_DUST: Final = 10**9
"""[wad] What a position pays when it crosses an epoch and loses a part of a wei of its base."""

PPB: Final = 10**9
HOUR: Final = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Interest:
    """Unsigned base of each side."""

    underlying: int
    long_base_wad: int = 0
    short_base_wad: int = 0
    scaled: bool = False  # a side was deleveraged once
    settled: bool = False  # a series that was closed at its payoff


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    long: Side
    short: Side
    interest: Interest


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """As stored."""

    base_wad: int = 0  # signed
    cost_wad: int = 0  # paid (+) or received (−) for the open part, and |base|·K of that time
    epoch: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochEnd:
    """A side at the moment an epoch ended."""

    flow_wad: int
    scale_wad: int


class Closed(NamedTuple):
    """What a trade against a position left, and the cash it realised."""

    market: Market
    position: Position
    cash: int


def fresh(underlying: int, time: int) -> Market:
    side = Side(flow_wad=0, scale_wad=WAD, epoch=0, accrued_at=time, premium_ppb=0)
    return Market(long=side, short=side, interest=Interest(underlying=underlying))


def to_size(base: int, scale: int) -> int:
    """⌊base·A⌋"""
    return base if scale == WAD else mul_div_floor(base, scale, WAD)


def to_base(size: int, scale: int) -> int:
    """⌊size/A⌋: less long and more short than asked remains."""
    return size if scale == WAD else mul_div_floor(size, WAD, scale)


def side_of(m: Market, long: bool) -> Side:
    return m.long if long else m.short


def base_of(m: Market, long: bool) -> int:
    return m.interest.long_base_wad if long else m.interest.short_base_wad


def size_of(m: Market, p: Position) -> int:
    """Signed size of a position already brought to its side."""
    return to_size(p.base_wad, side_of(m, p.base_wad > 0).scale_wad)


def open_interest(m: Market, long: bool) -> int:
    """Of a side, rounded up."""
    return mul_wad_up(base_of(m, long), side_of(m, long).scale_wad)


# Funding


def funding(premium_ppb: int, mark_wad: int, elapsed: int, period_seconds: int, cap_bps_per_hour: int) -> int:
    """Funding per unit of size, toward zero; positive: longs pay."""
    rate = abs(premium_ppb) * HOUR
    cap = cap_bps_per_hour * (PPB // BPS) * period_seconds
    rate = min(rate, cap)
    f = mul_div_down(mark_wad, rate * elapsed, PPB * HOUR * period_seconds)
    return -f if premium_ppb < 0 else f


def apply_funding(m: Market, f: int) -> Market:
    """Both K brought forward by funding `f`, signed, per unit of size.

    The paying side is charged, rounded up; the other shares out what was charged, rounded down, and never gets more
    than the funding of its own size.
    """
    longs_pay = f > 0
    paying, receiving = side_of(m, longs_pay), side_of(m, not longs_pay)
    paying_base, receiving_base = base_of(m, longs_pay), base_of(m, not longs_pay)
    if paying_base == 0 or receiving_base == 0:
        return m
    taken = mul_wad_up(paying.scale_wad, abs(f))
    given = min(mul_wad_down(receiving.scale_wad, abs(f)), mul_div_down(paying_base, taken, receiving_base))
    m = _with_side(m, longs_pay, replace(paying, flow_wad=to_int(paying.flow_wad - taken, 112)))
    return _with_side(m, not longs_pay, replace(receiving, flow_wad=to_int(receiving.flow_wad + given, 112)))


def premium_after(premium_ppb: int, price: int, mark: int, size: int, interest: int) -> int:
    """After a fill of `size` at `price`: an average weighted by turnover of the open interest."""
    seen = mul_div_floor(price - mark, PPB, mark)
    return to_int(premium_ppb + mul_div_floor(seen - premium_ppb, size, size + interest), 32)


# Positions


def quote_of(p: Position, flow: int) -> int:
    """Cash side of a position at K: flow less cost. The holder may lose the wei."""
    return mul_div_floor(flow, abs(p.base_wad), WAD) - p.cost_wad


def set_to(p: Position, base: int, quote: int, flow: int) -> Position:
    """Base and cash side of a position at K; the flow of the past goes into the cost, rounded up."""
    cost = mul_div_ceil(flow, abs(base), WAD) - quote
    return replace(p, base_wad=to_int(base, 112), cost_wad=to_int(cost, 128))


def cross(p: Position, end: EpochEnd) -> Position:
    """Brought over the end of its epoch; where the base is rounded, toward zero, EPOCH_DUST pays for it."""
    quote = quote_of(p, end.flow_wad)
    base, lost = divmod(abs(p.base_wad) * end.scale_wad, WAD)
    p = set_to(p, -base if p.base_wad < 0 else base, quote - EPOCH_DUST if lost else quote, 0)
    return replace(p, epoch=p.epoch + 1)


def increase(m: Market, p: Position, size: int, paid: int) -> tuple[Market, Position]:
    """Add `size`, in the position's direction or opening it, for `paid`; both signed."""
    s = side_of(m, size > 0)
    base = to_base(size, s.scale_wad)
    p = set_to(p, p.base_wad + base, quote_of(p, s.flow_wad) - paid, s.flow_wad)
    return add_base(m, base, size > 0), replace(p, epoch=s.epoch)


def reduce(m: Market, p: Position, held: int, size: int, paid: int) -> Closed:
    """Take out `size`, against the position `held` and smaller than it, for `paid`; both signed.

    The share of the cash side that is realised is rounded down: the holder may lose the wei.
    """
    long = p.base_wad > 0
    s = side_of(m, long)
    base = to_base(size, s.scale_wad)
    quote = quote_of(p, s.flow_wad)
    share = mul_div_floor(quote, abs(size), abs(held))
    p = set_to(p, p.base_wad + base, quote - share, s.flow_wad)
    return Closed(add_base(m, base, long), p, share - paid)


def close(m: Market, p: Position, paid: int) -> Closed:
    """Close a position as a whole for `paid`, signed."""
    long = p.base_wad > 0
    cash = quote_of(p, side_of(m, long).flow_wad) - paid
    if p.base_wad:
        m = add_base(m, -p.base_wad, long)
    return Closed(m, replace(p, base_wad=0, cost_wad=0), cash)


def add_base(m: Market, base: int, long: bool) -> Market:
    """`base` signed as the position: a short's counts up when it grows more negative."""
    total = base_of(m, long) + (base if long else -base)
    return _with_base(m, long, to_uint(total, 112))


# Deleveraging


def deleverage(m: Market, long: bool, size: int, quote: int) -> tuple[Market, EpochEnd | None]:
    """Close `size` of the whole side for `quote` in cash: a long side gets it, a short side pays it.

    The epoch's end, where it ended, is for the position that come from it.
    """
    base = base_of(m, long)
    if base == 0:
        return m, None

    fall = mul_div_up(size, WAD, base) if long else mul_div_down(size, WAD, base)
    s = side_of(m, long)
    flow = s.flow_wad + mul_div_floor(quote if long else -quote, WAD, base)
    s = replace(s, scale_wad=max(0, s.scale_wad - fall), flow_wad=to_int(flow, 112))
    m = replace(_with_side(m, long, s), interest=replace(m.interest, scaled=True))
    if s.scale_wad >= SCALE_FLOOR:
        return m, None

    end = EpochEnd(flow_wad=s.flow_wad, scale_wad=s.scale_wad)
    m = _with_base(m, long, to_uint(mul_wad_down(base, s.scale_wad), 112))
    return _with_side(m, long, replace(s, flow_wad=0, scale_wad=WAD, epoch=s.epoch + 1)), end


def settle(m: Market, payoff_wad: int) -> Market:
    """Close both sides for a payoff a unit, once and for all: longs get it, shorts pay it. A stays zero.

    Per unit of base rounded toward minus infinity: a side may lose the wei.
    """
    long_wad = m.long.flow_wad + mul_wad_down(m.long.scale_wad, payoff_wad)
    short_wad = m.short.flow_wad - mul_wad_up(m.short.scale_wad, payoff_wad)
    return Market(
        long=replace(m.long, flow_wad=to_int(long_wad, 112), scale_wad=0),
        short=replace(m.short, flow_wad=to_int(short_wad, 112), scale_wad=0),
        interest=replace(m.interest, scaled=True, settled=True),
    )


def _with_side(m: Market, long: bool, s: Side) -> Market:
    return replace(m, long=s) if long else replace(m, short=s)


def _with_base(m: Market, long: bool, base: int) -> Market:
    if long:
        return replace(m, interest=replace(m.interest, long_base_wad=base))
    return replace(m, interest=replace(m.interest, short_base_wad=base))
