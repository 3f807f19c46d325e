"""`ape run keeper`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from eth_account import Account
from eth_account.signers.local import LocalAccount

from holdfast.chain.anvil import MNEMONIC
from holdfast.chain.config import LOCAL_CHAIN_ID
from holdfast.chain.rpc import Rpc
from holdfast.cli.options import KEY_VARIABLE, NETWORK_HELP, ChainCommand, load_key, signing
from holdfast.errors import ConfigError
from holdfast.keepers.roles import ROLES
from holdfast.keepers.run import Settings, run

LOCAL_ACCOUNTS = {"price_pusher": 0, "liquidator": 3, "bidder": 4, "backstop": 5, "watchdog": 6}
"""Accounts of the local node that a role uses unless told otherwise; the deployer's own feeds make it the pusher."""


class Amount(click.ParamType):
    """A number of whole tokens, kept exact."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value} is not an amount", param, ctx)
        return amount


@click.command(
    cls=ChainCommand,
    short_help="Run one keeper until it is stopped: price_pusher, liquidator, bidder, backstop or watchdog.",
    epilog=NETWORK_HELP,
)
@click.argument("role", type=click.Choice(ROLES))
@click.option(
    "--deployment",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Record of the deployment. Without it: deployments/<chain-id>.json.",
)
@signing
@click.option(
    "--account",
    type=click.IntRange(0, 999),
    metavar="N",
    help="Local chain only: sign with account N of Anvil's well-known phrase instead. "
    "Without it: 0 for the price pusher (it deployed the feeds), 3 for the liquidator, 4 for the bidder, "
    "5 for the backstop, 6 for the watchdog.",
)
@click.option(
    "--interval",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.001),
    metavar="SECONDS",
    help="How often to look for a new block. Each new block is one cycle.",
)
@click.option(
    "--stepped",
    is_flag=True,
    help="Look when a line comes in on standard input, not every interval; end when no more can come.",
)
@click.option("--once", is_flag=True, help="Do one cycle on the newest block, then end.")
@click.option("--dry-run", is_flag=True, help="Decide and try, but send nothing.")
@click.option(
    "--tip",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="GWEI",
    help="What to add to the base fee; higher is earlier in the block.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to add one JSON line for each cycle. Without it: out/keeper/<role>.jsonl.",
)
@click.option(
    "--prices",
    metavar="SOURCE",
    help="price_pusher: a .csv to replay by chain time (at,ETH,…), a .json that another program keeps up to date, "
    "or ETH=200,BTC=8000. Without it feeds are left to their own writers and only brought into the oracle.",
)
@click.option(
    "--deviation",
    default=25,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="BPS",
    help="price_pusher: move of the source that calls for a new answer; half a heartbeat of age does, too.",
)
@click.option(
    "--subsidy",
    default="25",
    show_default=True,
    type=Amount(),
    metavar="AMOUNT",
    help="liquidator, backstop, watchdog: most that one transaction may cost more than it brings. "
    "With 0 it does only what pays; a watchdog does nothing then.",
)
@click.option(
    "--margin-account",
    type=click.IntRange(min=1),
    metavar="ID",
    help="liquidator, bidder: account in the ledger that gets rewards and slices. "
    "Without it: the key's first cross account, opened where there is none.",
)
@click.option(
    "--deposit",
    default="0",
    type=Amount(),
    metavar="AMOUNT",
    help="liquidator, bidder: put so much of the settlement token into an account that had to be opened. "
    "The local chain mints it.",
)
@click.option(
    "--orders",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="bidder: signed orders, one JSON object a line, against which it unloads. Without it: it keeps what it takes.",
)
@click.option(
    "--bids",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="backstop: standing bids, one JSON object a line, to fill where an auction is at their terms. "
    "Without it: tranches alone.",
)
@click.option(
    "--min-profit",
    default="5",
    show_default=True,
    type=Amount(),
    metavar="AMOUNT",
    help="bidder: what a slice must bring after gas, risk and the cost of unloading.",
)
@click.option(
    "--utilisation",
    default=8_000,
    show_default=True,
    type=click.IntRange(0, 10_000),
    metavar="BPS",
    help="bidder: share of its equity that initial margin may bind.",
)
@click.option(
    "--latency",
    default=36,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="bidder: time from taking a slice to having unloaded it; the move to be feared in it is its edge.",
)
@click.option(
    "--risk",
    default=1.5,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="MULTIPLE",
    help="bidder: how many standard deviations of the price it wants to be paid for.",
)
@click.option(
    "--refresh-share",
    default=3_333,
    show_default=True,
    type=click.IntRange(1, 10_000),
    metavar="BPS",
    help="watchdog: share of the age from which the fund's target isn't trusted, at which it computes it anew.",
)
@click.option(
    "--min-fees",
    default="1000",
    show_default=True,
    type=Amount(),
    metavar="AMOUNT",
    help="watchdog: fees and surplus of the fund that are worth a distribution.",
)
def cli(
    rpc: Rpc,
    role: str,
    deployment: Path | None,
    keystore: Path | None,
    account: int | None,
    interval: float,
    stepped: bool,
    once: bool,
    dry_run: bool,
    tip: float,
    record: Path | None,
    prices: str | None,
    deviation: int,
    subsidy: Decimal,
    margin_account: int | None,
    deposit: Decimal,
    orders: Path | None,
    bids: Path | None,
    min_profit: Decimal,
    utilisation: int,
    latency: int,
    risk: float,
    refresh_share: int,
    min_fees: Decimal,
) -> None:
    """Run one keeper until Ctrl-C or SIGTERM.

    \b
    price_pusher  keeps the oracle within a deviation and a heartbeat of its source
    liquidator    starts auctions and does the chores behind them
    bidder        buys slices when the discount pays for the risk, and unloads them
    backstop      fills standing bids, lets tranches take over what nobody bought, ends their epochs
    watchdog      marks, reports, refreshes, distributes, settles series: the upkeep that nobody is paid for

    A keeper reads the newest block, decides, sends what would succeed now, and adds a line to its record. It keeps
    nothing that the chain can't tell it again: kill it and start it as you like, and run as many as you like. When
    the node is lost it waits and goes on.

    \b
    Examples:
      ape run keeper price_pusher --prices ETH=2000,BTC=60000
      ape run keeper liquidator --subsidy 0
      ape run keeper bidder --deposit 500000 --once --dry-run
      ape run keeper liquidator --rpc https://node.example --keystore keeper.json
    """
    chain_id = int(rpc.call("eth_chainId"), 16)
    settings = Settings(
        role=role,
        interval_seconds=interval,
        stepped=stepped,
        once=once,
        dry_run=dry_run,
        tip_gwei=tip,
        record=record,
        prices=prices,
        deviation_bps=deviation,
        subsidy=subsidy,
        margin_account=margin_account,
        deposit=deposit,
        orders=orders,
        bids=bids,
        minimum_profit=min_profit,
        utilisation_bps=utilisation,
        latency_seconds=latency,
        risk_multiple=risk,
        refresh_share_bps=refresh_share,
        minimum_fees=min_fees,
    )
    run(rpc, deployment, _key(chain_id, role, keystore, account), settings)


def _key(chain_id: int, role: str, keystore: Path | None, account: int | None) -> LocalAccount:
    """ConfigError where there is no key to sign with."""
    if account is None:
        key = load_key(keystore)
        if key is not None:
            return key
    if chain_id != LOCAL_CHAIN_ID:
        fact = "--account is for local chains" if account is not None else "no key"
        raise ConfigError(f"{fact}: name one by --keystore, or put it into {KEY_VARIABLE}")
    number = LOCAL_ACCOUNTS[role] if account is None else account
    Account.enable_unaudited_hdwallet_features()
    return Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")


if __name__ == "__main__":
    cli()
