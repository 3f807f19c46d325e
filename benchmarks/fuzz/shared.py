"""The invariants that all harnesses judge, in Python: `Books.sol` says the same in Solidity."""

from __future__ import annotations

from typing import Final

from holdfast.chain.protocol import books_of
from holdfast.model.risk import assess
from holdfast.sim.invariants.reading import holdings_book
from holdfast.types import Account, Margin, Snapshot
from holdfast.units import mul_wad_down, mul_wad_up

SHARED: Final = ("INV-01", "INV-02", "INV-03", "INV-04", "INV-05", "INV-06", "INV-33")

ACTIONS: Final = frozenset({
    "deposit", "withdraw", "borrow", "leave", "match", "lever", "reduce", "refresh", "drift", "jump", "poke",
    "start", "take", "accrue", "accrue_interest",
})  # fmt: skip
"""Those of ours that the handler of the others has, too; a wait comes with any of them."""


def cases(snapshot: Snapshot) -> int:
    """Judgements in one look: one for each market, side, vault, and account."""
    markets, assets, accounts = len(snapshot.markets), len(snapshot.system.assets), len(snapshot.accounts)
    return 1 + markets + 2 * markets + 3 + 2 * assets - 1 + 2 * 3 + accounts


def broken(snapshot: Snapshot) -> str:
    """The first invariant that doesn't hold; empty: all hold."""
    now, system, accounts = books_of(snapshot), snapshot.system, snapshot.accounts
    if now.dust_wad < 0:
        return "INV-01"
    for market in snapshot.markets:
        if now.net_size_wad[market.instrument]:
            return "INV-02"
        legs = [leg for a in accounts if (leg := a.position(market.instrument))]
        long = sum(leg.base_wad for leg in legs if leg.base_wad > 0)
        short = -sum(leg.base_wad for leg in legs if leg.base_wad < 0)
        if (market.long_base_wad, market.short_base_wad) != (long, short):
            return "INV-03"
    if not _pools(snapshot):
        return "INV-04"
    if any(now.surplus[asset.asset] < 0 for asset in system.assets) or any(now.collateral_dust.values()):
        return "INV-05"
    own = (system.fund_account, system.fees_account, system.treasury_account)
    if not all(_plain(snapshot.account(account)) for account in own):
        return "INV-06"
    if not all(
        account.health and account.health.margin == _margin(snapshot, account) for account in accounts
    ):
        return "INV-33"
    return ""


def _margin(snapshot: Snapshot, account: Account) -> Margin:
    """Perpetuals and collateral are all that the harnesses know."""
    book = holdings_book(snapshot, account)
    return assess(account.mode, book, snapshot.instrument_params, snapshot.asset_params)


def _pools(snapshot: Snapshot) -> bool:
    pool = snapshot.system.pool
    credits = [a.cash_wad for a in snapshot.accounts if a.cash_wad > 0]
    debts = [-a.cash_wad for a in snapshot.accounts if a.cash_wad < 0]
    credit = mul_wad_down(pool.credit_shares, pool.credit_index_wad) - sum(credits)
    debt = sum(debts) - mul_wad_up(pool.debt_shares, pool.debt_index_wad)
    return (
        0 <= credit <= len(snapshot.accounts)
        and 0 <= debt <= len(debts)
        and (pool.debt_shares == 0) == (not debts)
    )


def _plain(account: Account) -> bool:
    return account.cash_wad >= 0 and not account.positions and not account.holdings
