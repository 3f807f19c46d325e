"""`ape run status`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from holdfast.chain.contract import call_many
from holdfast.chain.protocol import Protocol, books_of
from holdfast.chain.rpc import Rpc
from holdfast.cli.options import NETWORK_HELP, ChainCommand
from holdfast.types import (
    SETTLEMENT,
    Account,
    Books,
    Grade,
    Level,
    Market,
    Restriction,
    Series,
    Snapshot,
    System,
)

PIPE_WIDTH: Final = 160
"""[columns] where there is no terminal to ask."""


@click.command(
    cls=ChainCommand,
    short_help="Markets, funds, backstops, restrictions and the worst accounts.",
    epilog=NETWORK_HELP,
)
@click.option(
    "--deployment",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Record of the deployment. Without it: deployments/<chain-id>.json.",
)
@click.option(
    "--worst", default=10, show_default=True, type=click.IntRange(min=0), help="How many accounts to show."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole snapshot as JSON instead of tables.")
def cli(rpc: Rpc, deployment: Path | None, worst: int, as_json: bool) -> None:
    """Show the protocol at the newest block: markets, money, backstops, restrictions, books, the worst accounts.

    Everything is read at one block, so the numbers fit together. Amounts are in the settlement token. The exit code
    is 2 when the books don't balance (INV-01): claims without tokens behind them.

    \b
    Examples:
      ape run status
      ape run status --worst 50
      ape run status --rpc http://127.0.0.1:8545 --json
    """
    protocol = Protocol.load(rpc, deployment)
    snapshot = protocol.snapshot()
    books, tranches = books_of(snapshot), _read_tranches(protocol, snapshot)
    uncovered = protocol.liquidation.call("uncoveredAccounts", block=snapshot.system.block)
    if as_json:
        balanced = {"claims_wad": books.claims_wad, "dust_wad": books.dust_wad, "balanced": books.balanced}
        added = {
            "uncovered_accounts": uncovered,
            "tranches": [asdict(one) for one in tranches],
            "books": {**asdict(books), **balanced},
        }
        click.echo(json.dumps({**asdict(snapshot), **added}, indent=2))
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = PIPE_WIDTH
        for table in (
            _markets(protocol, snapshot),
            _series(protocol, snapshot),
            _money(protocol, snapshot, books, uncovered),
            _backstops(protocol, snapshot, tranches),
            _accounts(protocol, snapshot, worst),
        ):
            console.print(table)
        console.print(_books_line(books))
    if not books.balanced:
        raise SystemExit(2)


def _markets(protocol: Protocol, snapshot: Snapshot) -> Table:
    system = snapshot.system
    table = _table(
        f"Markets at block {system.block}, chain {system.chain_id}",
        ["instrument"],
        [
            "price",
            "slow price",
            "grade",
            "age",
            "long",
            "short",
            "of cap",
            "premium",
            "insurance left",
            "depth used",
            "state",
        ],
    )
    for market in snapshot.markets:
        cap = market.params.open_interest_cap_wad
        table.add_row(
            protocol.name_of(market.instrument),
            _amount(market.price.spot_wad),
            _amount(market.price.ema_wad),
            _grade(market.price.grade),
            f"{system.time - market.price_updated_at} s",
            _amount(market.long_open_wad, 4),
            _amount(market.short_open_wad, 4),
            f"{100 * market.open_interest_wad / cap:.1f} %" if cap else "closed",
            f"{market.long.premium_ppb / 1e5:.2f} bp",
            _amount(market.insurance_capacity_wad),
            _depth(market),
            _restriction(market.restriction, system.time),
        )
    return table


def _series(protocol: Protocol, snapshot: Snapshot) -> Table:
    now = snapshot.system.time
    table = _table(
        "Series of options" if snapshot.series else "No series is open",
        ["series"],
        ["mark", "long", "short", "expiry", "state"],
    )
    for one in sorted(snapshot.series, key=lambda one: (one.underlying, one.expiry_at, one.instrument)):
        left = one.expiry_at - now
        table.add_row(
            protocol.name_of(one.instrument),
            _amount(one.mark_wad, 4),
            _amount(one.long_open_wad, 4),
            _amount(one.short_open_wad, 4),
            f"in {left} s" if left > 0 else f"{-left} s ago",
            _stage(one, left),
        )
    return table


def _stage(series: Series, left: int) -> str:
    """What may be done with it now."""
    if series.settled:
        return "settled, to be picked up"
    if left > 0:
        return "open"
    return "to be settled" if series.covered_at else "waits for a price"


def _depth(market: Market) -> str:
    if not market.depth_wad:
        return "no limit"
    return f"{Decimal(100 * (market.depth_wad - market.depth_free_wad)) / market.depth_wad:.1f} %"


def _money(protocol: Protocol, snapshot: Snapshot, books: Books, uncovered: int) -> Table:
    system = snapshot.system
    table = _table("Money", ["what"], ["amount", "note"])
    age = system.time - system.fund.refreshed_at
    table.add_row("insurance fund", _amount(system.fund_wad), f"account {system.fund_account}")
    table.add_row(
        "its target", _amount(system.fund.target_wad), f"{_of_target(system)}, computed {age} s ago"
    )
    table.add_row("staked in it", _amount(system.staked_wad), f"{_staked(system)}; {_held(system)}")
    table.add_row(
        "fees to distribute",
        _amount(system.fees_wad),
        f"{Decimal(system.fund_share_wad).scaleb(-16):.2f} % for the fund",
    )
    table.add_row("treasury", _amount(system.treasury_wad), f"account {system.treasury_account}")
    table.add_row(
        "cash of all accounts",
        _amount(books.cash_wad),
        f"credit index {_amount(system.pool.credit_index_wad, 6)}",
    )
    for symbol, number in protocol.assets.items():
        asset = system.assets[number]
        role = (
            "settlement token"
            if number == SETTLEMENT
            else f"haircut {asset.params.maintenance_haircut_bps / 100:g} %"
        )
        table.add_row(f"vault of {symbol}", _amount(asset.held * asset.unit_wad), role)
    table.add_row("withdrawals", _gate(system), f"{uncovered} accounts owe more than the fund can pay")
    table.add_row("everything", _restriction(system.restriction, system.time), "breaker, all markets")
    return table


def _gate(system: System) -> str:
    if system.gated_until > system.time:
        return f"[yellow]gated[/], {system.gated_until - system.time} s at most"
    if system.gate_ready_at > system.time:
        return f"open, for {system.gate_ready_at - system.time} s at least"
    return "open"


def _of_target(system: System) -> str:
    return f"{Decimal(100 * system.fund_wad) / system.fund.target_wad:.1f} % there"


def _staked(system: System) -> str:
    shares = system.fund.own_shares + system.fund.staked_shares
    share = Decimal(100 * system.fund.staked_shares) / shares if system.fund.staked_shares else Decimal(0)
    return f"{share:.2f} % of its shares"


def _held(system: System) -> str:
    left = system.fund.held_until - system.time
    return f"[yellow]held, {left} s left[/]" if left > 0 else "free to leave after its cooldown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tranche:
    """One market's backstop. Amounts and shares in the decimals of each."""

    underlying: int
    reserve: int  # account
    risk: int  # account
    assets: int  # what all shares are worth
    shares: int
    share_decimals: int
    staked: int  # at risk in this epoch
    lost: int  # below the highest point
    cap_wad: int  # most that may be lost
    queued: int  # shares that leave when the epoch ends
    owed: int  # to those who have left the queue
    epoch: int
    stopped_until: int  # [seconds] no takeover before


def _read_tranches(protocol: Protocol, snapshot: Snapshot) -> list[Tranche]:
    names = ("RESERVE", "RISK", "totalAssets", "totalSupply", "decimals", "params", "state")
    calls = [(tranche, name) for tranche in protocol.tranches.values() for name in names]
    found = call_many(protocol.rpc, calls, block=snapshot.system.block)
    tranches = []
    for place, underlying in enumerate(protocol.tranches):
        reserve, risk, assets, shares, decimals, params, state = found[
            place * len(names) : (place + 1) * len(names)
        ]
        tranches.append(
            Tranche(
                underlying=underlying,
                reserve=reserve,
                risk=risk,
                assets=assets,
                shares=shares,
                share_decimals=decimals,
                staked=state.stakedAmount,
                lost=state.lostAmount,
                cap_wad=params.lossCapWad,
                queued=state.queuedShares,
                owed=state.owedAmount,
                epoch=state.epoch,
                stopped_until=state.stoppedUntil,
            )
        )
    return tranches


def _backstops(protocol: Protocol, snapshot: Snapshot, tranches: Sequence[Tranche]) -> Table:
    unit, now = snapshot.system.assets[SETTLEMENT].unit_wad, snapshot.system.time
    table = _table(
        "Backstop" if tranches else "No market has a backstop",
        ["market"],
        [
            "assets",
            "shares",
            "at risk",
            "exposure",
            "lost",
            "of cap",
            "queued shares",
            "owed",
            "epoch",
            "state",
        ],
    )
    for one in tranches:
        shares = 10 ** (18 - one.share_decimals)
        table.add_row(
            protocol.symbols[one.underlying],
            _amount(one.assets * unit),
            _amount(one.shares * shares),
            _amount(one.staked * unit),
            ", ".join(_holds(protocol, snapshot.account(one.risk))) or "none",
            _amount(one.lost * unit),
            _amount(one.cap_wad),
            _amount(one.queued * shares),
            _amount(one.owed * unit),
            str(one.epoch),
            f"[yellow]stopped[/], {one.stopped_until - now} s left"
            if one.stopped_until > now
            else "takes over",
        )
    return table


def _accounts(protocol: Protocol, snapshot: Snapshot, worst: int) -> Table | str:
    shown = sorted(filter(_at_risk, snapshot.accounts), key=_by_health)[:worst]
    title = (
        f"Worst {len(shown)} of {len(snapshot.accounts)} accounts by health"
        if shown
        else "No account is at risk"
    )
    table = _table(title, ["account", "owner"], ["health", "equity", "MM", "IM", "cash", "holds", "auction"])
    for account in shown:
        margin = account.health.margin if account.health else None
        table.add_row(
            str(account.id),
            f"{account.owner[:6]}…{account.owner[-4:]}",
            _health(account),
            _amount(margin.equity_wad) if margin else "?",
            _amount(margin.maintenance_wad) if margin else "?",
            _amount(margin.initial_wad) if margin else "?",
            _amount(account.cash_wad),
            ", ".join(_holds(protocol, account)),
            _auction(account),
        )
    return table


def _at_risk(account: Account) -> bool:
    """Holds something, owes something, or can't be assessed while it does."""
    return bool(account.positions or account.holdings or account.cash_wad < 0)


def _by_health(account: Account) -> tuple[int, int]:
    """Those that can't be assessed first, then by equity / MM; debt without a requirement counts as the worst."""
    if account.health is None:
        return (0, 0)
    if account.health_wad is None:
        return (1, account.health.margin.equity_wad) if account.cash_wad < 0 else (3, 0)
    return (2, account.health_wad)


def _holds(protocol: Protocol, account: Account) -> Sequence[str]:
    names = {number: symbol for symbol, number in protocol.assets.items()}
    positions = [
        f"{_amount(leg.size_wad, 4)} {protocol.name_of(leg.instrument)}" for leg in account.positions
    ]
    holdings = [
        f"{_amount(holding.amount * 10 ** (18 - protocol.decimals[holding.asset]), 4)} {names[holding.asset]}"
        for holding in account.holdings
    ]
    return positions + holdings


def _auction(account: Account) -> str:
    if account.auction is None:
        return ""
    phase = "insured" if account.auction.insured else "solvent"
    return f"{phase}, d = {_amount(account.auction.discount_wad)}"


def _health(account: Account) -> str:
    if account.health is None:
        return "[red]unknown[/]"
    if account.health_wad is None:
        return "[red]debt[/]" if account.cash_wad < 0 else "–"
    text = _amount(account.health_wad)
    return text if account.healthy else f"[red]{text}[/]"


def _grade(grade: Grade) -> str:
    name = grade.name.capitalize()
    return name if grade <= Grade.SLOW else f"[red]{name}[/]"


def _restriction(restriction: Restriction, now: int) -> str:
    if restriction.level != Level.NORMAL:
        return f"[yellow]{restriction.level.name.capitalize()}[/], {restriction.until - now} s left"
    if restriction.grace_until > now:
        return f"[yellow]grace[/], {restriction.grace_until - now} s left"
    return "Normal"


def _books_line(books: Books) -> str:
    verdict = "[green]balance[/]" if books.balanced else "[red]DON'T BALANCE (INV-01)[/]"
    claims, held = _amount(books.claims_wad, 6), _amount(books.held_wad, 6)
    return f"Books {verdict}: claims {claims}, held {held}, dust {books.dust_wad} wad"


def _amount(wad: int, places: int = 2) -> str:
    """For people; nothing is computed from it."""
    return f"{Decimal(wad).scaleb(-18):,.{places}f}"


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False
    )
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right")
    return table
