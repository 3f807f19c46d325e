"""Signed cash in two scaled pools: exact twin of `contracts/libraries/CashPool.sol`. Formulas are in `docs/ledger.md`.

Positive balances are credit shares, negative ones debt shares; the holder may lose the wei in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from holdfast.errors import Refused
from holdfast.model.fixed_point import (
    PANIC_DIVISION,
    checked_int,
    mul_div_down,
    mul_div_floor,
    mul_div_up,
    mul_wad_down,
    mul_wad_up,
    to_int,
    to_uint,
)
from holdfast.types import Pool
from holdfast.units import BPS, WAD

INDEX_FLOOR: Final = 10**9
"""[wad] The credit index never falls below."""

YEAR_SECONDS: Final = 365 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """The interest rate, per year."""

    base_bps: int
    kink_bps: int  # utilisation at the kink
    kink_rate_bps: int
    max_rate_bps: int  # at utilisation 1


def fresh(time: int) -> Pool:
    """Empty, both indices at one."""
    return Pool(credit_shares=0, debt_shares=0, credit_index_wad=WAD, debt_index_wad=WAD, accrued_at=time)


def credit_of(p: Pool) -> int:
    return mul_wad_down(p.credit_shares, p.credit_index_wad)


def debt_of(p: Pool) -> int:
    return mul_wad_up(p.debt_shares, p.debt_index_wad)


def cash_of(p: Pool, shares: int) -> int:
    """Cash of signed shares; the holder may lose the wei."""
    return mul_div_floor(shares, p.debt_index_wad if shares < 0 else p.credit_index_wad, WAD)


def change(p: Pool, shares: int, delta: int) -> tuple[Pool, int]:
    """The pool and the shares after cash changed by `delta`; the holder may lose the wei."""
    cash = checked_int(cash_of(p, shares) + delta)
    following = to_int(mul_div_floor(cash, WAD, p.debt_index_wad if cash < 0 else p.credit_index_wad), 128)
    credit = p.credit_shares - max(shares, 0) + max(following, 0)
    debt = p.debt_shares - max(-shares, 0) + max(-following, 0)
    return replace(p, credit_shares=to_uint(credit, 128), debt_shares=to_uint(debt, 128)), following


def utilisation(p: Pool) -> int:
    """Debt over credit [wad], at most one."""
    credit, debt = credit_of(p), debt_of(p)
    return WAD if debt >= credit else mul_div_down(debt, WAD, credit)


def rate_of(c: Curve, u: int) -> int:
    """Yearly rate [wad] at utilisation `u`; the creditors may lose the wei."""
    kink = c.kink_bps * WAD // BPS
    if u <= kink:
        if kink == 0:
            raise Refused("Panic", PANIC_DIVISION)
        bps = c.base_bps * WAD + (c.kink_rate_bps - c.base_bps) * WAD * u // kink
    else:
        bps = c.kink_rate_bps * WAD + (c.max_rate_bps - c.kink_rate_bps) * WAD * (u - kink) // (WAD - kink)
    return bps // BPS


def accrue(p: Pool, c: Curve, time: int) -> Pool:
    """Both indices brought to `time`: debt grows by the rate, rounded up; credit shares out what debt pays, rounded
    down, and never grows faster than debt."""
    elapsed = time - p.accrued_at
    if elapsed == 0:
        return p
    p = replace(p, accrued_at=time)
    if p.debt_shares == 0 or p.credit_shares == 0:
        return p

    growth = rate_of(c, utilisation(p)) * elapsed // YEAR_SECONDS
    rise = mul_wad_up(p.debt_index_wad, growth)
    given = min(mul_div_down(p.debt_shares, rise, p.credit_shares), mul_wad_down(p.credit_index_wad, growth))
    return replace(
        p,
        debt_index_wad=to_uint(p.debt_index_wad + rise, 104),
        credit_index_wad=to_uint(p.credit_index_wad + given, 104),
    )


def write_down(p: Pool, loss: int) -> Pool:
    """`loss` taken from all credit, in one write to its index, rounded up: creditors may lose the wei."""
    if p.credit_shares == 0:
        raise Refused("DebtExceedsCredit", loss, 0)
    fall = mul_div_up(loss, WAD, p.credit_shares)
    if fall + INDEX_FLOOR > p.credit_index_wad:
        raise Refused("DebtExceedsCredit", loss, credit_of(p))
    return replace(p, credit_index_wad=p.credit_index_wad - fall)
