"""`ape run deploy`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from holdfast.chain.config import find_config, load_config
from holdfast.chain.deploy import CHANGED, DONE, KEPT, NOTE, deploy
from holdfast.chain.record import Deployment, deployment_path
from holdfast.chain.rpc import Rpc
from holdfast.cli.options import NETWORK_HELP, ChainCommand, load_key, signing


@click.command(
    cls=ChainCommand,
    short_help="Deploy Holdfast, or finish a deployment that was cut short.",
    epilog=NETWORK_HELP,
)
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    help="Parameters. Without it: the file in config/ whose chain_id is the node's.",
)
@click.option(
    "--deployment",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Record to write and to go on from. Without it: deployments/<chain-id>.json.",
)
@click.option("--fresh", is_flag=True, help="Begin a new deployment; the old record is renamed, not removed.")
@click.option("--verbose", is_flag=True, help="Print every step.")
@signing
def cli(
    rpc: Rpc,
    config_path: str | None,
    deployment: Path | None,
    fresh: bool,
    verbose: bool,
    keystore: Path | None,
) -> None:
    """Deploy Holdfast, or finish a deployment that was cut short.

    Contracts first, then their ties, the parameters of config/<network>.toml, and at last the hand-over: governor and
    guardian get their roles, the deployer gives up its own. The record is written after every step, and a step that
    is done already is not done again: run it as often as you like.

    On a local Anvil (chain 31337) missing tokens and price feeds are deployed as mocks, and the node's first account
    deploys. Elsewhere name a key by --keystore or HOLDFAST_KEY.

    \b
    Examples:
      ape run deploy
      ape run deploy --network ethereum:local:foundry
      ape run deploy --rpc http://127.0.0.1:8545 --config config/local.toml --verbose
    """
    chain_id = int(rpc.call("eth_chainId"), 16)
    config = load_config(config_path) if config_path else find_config(chain_id)[1]
    path = deployment or deployment_path(chain_id)
    outcomes: Counter[str] = Counter()
    console = Console(highlight=False, soft_wrap=True)

    def report(step: str, outcome: str) -> None:
        outcomes[outcome] += 1
        if verbose or outcome in (NOTE, CHANGED):
            console.print(f"{outcome:>5}  {step}", markup=False)

    with console.status("deploying"):
        record = deploy(rpc, config, path=path, sender=load_key(keystore), fresh=fresh, report=report)
    if outcomes[DONE]:
        _show(console, record)
        kept = f", {outcomes[KEPT]} were done before" if outcomes[KEPT] else ""
        console.print(f"Deployed on chain {chain_id}: {outcomes[DONE]} steps{kept}. Record: {path}")
    else:
        console.print(
            f"Nothing to do: all {outcomes[KEPT] + outcomes[CHANGED]} steps were done before. Record: {path}"
        )


def _show(console: Console, record: Deployment) -> None:
    table = Table("contract", "address", box=None, pad_edge=False)
    for name, contract in record.contracts.items():
        table.add_row(name, contract.address)
    console.print(table)
