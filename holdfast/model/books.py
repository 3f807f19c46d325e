"""INV-01 in the twin: what is claimed of the settlement token against what its vault holds."""

from __future__ import annotations

from fractions import Fraction

from holdfast.model import side_index
from holdfast.model.ledger import Ledger
from holdfast.model.oracle import MAX_PRICE_WAD
from holdfast.model.positions import Moment
from holdfast.types import SETTLEMENT, Books
from holdfast.units import WAD


def books(ledger: Ledger, now: Moment) -> Books:
    """To the wei, funding and interest projected to now.

    Claims are rounded as each holder would see them, so they fluctuate within a wei a holder; `exact_dust` doesn't.
    """
    held_wad = ledger.vaults[SETTLEMENT].held * ledger.assets[SETTLEMENT].unit_wad
    sizes: dict[int, int] = dict.fromkeys(ledger.positions.markets, 0)
    quote_wad = 0
    for account, instrument in ledger.positions.positions:
        size, quote = ledger.positions.position_of(now, account, instrument)
        sizes[instrument] += size
        quote_wad += quote
    collateral = {
        asset: ledger.vaults[asset].held
        - sum(ledger.balance_of(account, asset) for account in ledger.accounts)
        for asset in ledger.assets
        if asset != SETTLEMENT
    }
    return Books(
        block=0,
        cash_wad=sum(ledger.cash_of(now, account) for account in ledger.accounts),
        quote_wad=quote_wad,
        held_wad=held_wad,
        balance_wad=held_wad,
        net_size_wad=sizes,
        collateral_dust=collateral,
    )


def exact_dust(ledger: Ledger, now: Moment) -> Fraction:
    """Tokens held less claims [wad], no claim rounded, at the worst marks there can be.

    Where a market is short on balance that is a mark of nothing, where it is long the highest that an oracle holds.
    Between two ends of an epoch no operation lowers it: see `docs/rounding.md`.
    """
    pool = ledger.pool_at(now)
    claims = Fraction(
        pool.credit_shares * pool.credit_index_wad - pool.debt_shares * pool.debt_index_wad, WAD
    )
    sizes: dict[int, Fraction] = dict.fromkeys(ledger.positions.markets, Fraction(0))
    for account, instrument in ledger.positions.positions:
        m, p = ledger.positions.current(now, account, instrument)
        side = side_index.side_of(m, p.base_wad > 0)
        claims += Fraction(abs(p.base_wad) * side.flow_wad, WAD) - p.cost_wad
        sizes[instrument] += Fraction(p.base_wad * side.scale_wad, WAD)
    claims += sum(max(size, Fraction(0)) for size in sizes.values()) * Fraction(MAX_PRICE_WAD, WAD)
    return ledger.vaults[SETTLEMENT].held * ledger.assets[SETTLEMENT].unit_wad - claims
