"""What branches are compared by, and what rounding explains of a difference. All in wei; every bound is derived here.

One change of an account's cash. Cash is ⌊shares·I/W⌋, W = 10¹⁸; the new shares are ⌊(cash + Δ)·W/I⌋, less than a share
below exact. A share is worth I/W wei. So what is shown falls short of cash + Δ by at most ⌈I/W⌉, and by nothing where
I = W; it never exceeds it:                                              `cash_tick`

One change of a position. ⌈K·|base|/W⌉ goes into the cost, and ⌊K·|base|/W⌋ comes out of it: at most 1 wei against the
holder. Where A ≠ W the base of the size is rounded toward −∞, less than a wei of base, which is less than a wei of size
as A ≤ W; a size is shown rounded in the same direction, so one wei of size at most is lost:      `trade_tick`

All of this is against the holder. So of two ways to the same end, made of m and n such changes, the first can be
better by at most what the *second* lost: n ticks, whatever m is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from holdfast.model.cash_pool import YEAR_SECONDS
from holdfast.sim.world import World
from holdfast.types import Account, Pool, Snapshot, Traded
from holdfast.units import BPS, WAD


def equity_of(account: Account) -> int | None:
    """None where the contracts can't assess it."""
    return None if account.health is None else account.health.margin.equity_wad


def equities(snapshot: Snapshot, ids: Iterable[int]) -> int | None:
    """Their sum; None where one can't be assessed."""
    found = [equity_of(snapshot.account(one)) for one in ids]
    return None if None in found else sum(one for one in found if one is not None)


def own_of(snapshot: Snapshot) -> tuple[int, int, int]:
    """Fund, fees and treasury."""
    system = snapshot.system
    return system.fund_account, system.fees_account, system.treasury_account


def own_cash(snapshot: Snapshot) -> int:
    """What the three have together."""
    system = snapshot.system
    return system.fund_wad + system.fees_wad + system.treasury_wad


def cash_tick(pool: Pool) -> int:
    """What one change of cash may lose."""
    tick = 0
    for index in (pool.credit_index_wad, pool.debt_index_wad):
        if index != WAD:
            tick = max(tick, -(-index // WAD))
    return tick


def size_tick(market: Traded, unit_wad: int | None = None) -> int:
    """What the digit of size is worth that a change of a position may lose; `unit_wad`: if not at the mark."""
    if market.long.scale_wad == WAD == market.short.scale_wad:
        return 0
    return -(-(market.mark_wad if unit_wad is None else unit_wad) // WAD)


def trade_tick(snapshot: Snapshot, market: Traded) -> int:
    """What one side of one fill may lose, fee included: it is one change of cash and one of the position.

    A trade that turns a position over closes it, which rounds nothing, and opens the other one. Where the closed one
    has a size that no base gives exactly, that is the one digit of size more.
    """
    return cash_tick(snapshot.system.pool) + 1 + 2 * size_tick(market)


# What time alone may do


def flow_digits(long: int, short: int, times: int) -> tuple[int, int]:
    """How many digits of K (long, short) `times` accruals may differ from one of the same length, by the bases.

    f is rounded toward zero each time: less by up to `times`. The side that pays is charged ⌈A·f/W⌉: less by as much,
    as A ≤ W, or more by up to `times`; so within `times` + 1. The other side gets what was paid by base,
    ⌊taken·base/base⌋, or ⌊A·f/W⌋ if that is less: within the ratio of the bases times as much, and `times` for its own.
    Either side may be the one that pays.
    """
    if not long or not short:
        return 0, 0
    charged = times + 1
    return (
        max(charged, -(-charged * short // long) + times + 1),
        max(charged, -(-charged * long // short) + times + 1),
    )


def steepest(world: World) -> int:
    """[bps a year] The highest rate, and what it rises by when utilisation rises by one as fast as it ever does."""
    ledger = world.protocol.record.config["ledger"]
    return int(ledger["max_rate_bps"] + -(-_slope(ledger) * BPS // 1))


def _slope(ledger: Mapping[str, int]) -> Fraction:
    """Yearly rate by utilisation, where it is steepest."""
    kink = Fraction(ledger["kink_bps"], BPS)
    low = Fraction(ledger["kink_rate_bps"] - ledger["base_rate_bps"], BPS) / kink
    high = Fraction(ledger["max_rate_bps"] - ledger["kink_rate_bps"], BPS) / (1 - kink)
    return max(low, high)


def compounding(world: World, seconds: int) -> Fraction:
    """Share of itself by which an index may be higher for having been touched often in that time, instead of once.

    Touched once it grows by g = r(u)·t. Touched ever so often it grows by less than e^G − 1 ≤ G + G² for G = ρ·t ≤ 1,
    ρ the highest rate on the way. Utilisation u = debt/credit can rise by growth alone, from u to at most u·e^G, and r
    with it, by the slope of the curve: so by at most slope·(G + G²), which adds as much growth a year.
    """
    ledger = world.protocol.record.config["ledger"]
    years = Fraction(seconds, YEAR_SECONDS)
    most = Fraction(ledger["max_rate_bps"], BPS) * years
    if most > 1:
        return Fraction(10**9)  # nobody waits that long
    return most * most + _slope(ledger) * (most + most * most) * years


def shares_of(cash_wad: int, pool: Pool) -> tuple[Fraction, Fraction]:
    """Between which two numbers the shares lie that show as this cash; the upper one is excluded."""
    index = pool.debt_index_wad if cash_wad < 0 else pool.credit_index_wad
    return Fraction(cash_wad * WAD, index), Fraction((cash_wad + 1) * WAD, index)


def same_shares(a: int, pool_a: Pool, b: int, pool_b: Pool) -> bool:
    """May both be the same number of shares?"""
    low_a, high_a = shares_of(a, pool_a)
    low_b, high_b = shares_of(b, pool_b)
    return low_a < high_b and low_b < high_a
