"""`ape run certify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from holdfast.chain.artifacts import Event, vocabulary
from holdfast.chain.protocol import Protocol
from holdfast.chain.rpc import Rpc
from holdfast.cli.options import NETWORK_HELP, ChainCommand
from holdfast.model.certificate import Certificate, Deleveraging, certify
from holdfast.units import WAD

SPAN = 2_000
"""[blocks] In one request for events."""


@click.command(cls=ChainCommand, short_help="Was every deleveraging exact and pro rata?", epilog=NETWORK_HELP)
@click.option(
    "--deployment",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Record of the deployment. Without it: deployments/<chain-id>.json.",
)
@click.option(
    "--from-block", default=0, show_default=True, type=click.IntRange(min=0), help="The first block."
)
@click.option("--json", "as_json", is_flag=True, help="Print the certificates as JSON instead of a table.")
def cli(rpc: Rpc, deployment: Path | None, from_block: int, as_json: bool) -> None:
    """Certify each deleveraging of the chain from its events alone.

    The opposite side must have borne exactly the deficit, everybody on it in proportion to his position, and no more of
    it was closed than the position, up to the last digit of the scale. The exit code is 2 where one of them fails.

    \b
    Examples:
      ape run certify
      ape run certify --from-block 1000 --json
    """
    protocol = Protocol.load(rpc, deployment)
    found = [certify(done) for done in deleveragings(protocol, from_block)]
    if as_json:
        click.echo(json.dumps([_plain(one) for one in found], indent=2))
    else:
        Console(highlight=False, width=160).print(_table(protocol, found))
        wrong = sum(not one.certified for one in found)
        click.echo(f"{len(found)} deleveragings, {len(found) - wrong} certified")
    if not all(one.certified for one in found):
        raise SystemExit(2)


def deleveragings(protocol: Protocol, from_block: int = 0) -> Iterator[Deleveraging]:
    """In the order in which they happened."""
    last = int(protocol.rpc.call("eth_blockNumber"), 16)
    closed: Event | None = None
    ended = False
    for event in _events(protocol, from_block, last):
        if event.name == "Deleveraged":
            closed = event
        elif event.name == "EpochEnded":
            ended = True
        elif event.name == "DeficitDeleveraged" and closed is not None:
            args = closed.args
            yield Deleveraging(
                account=args["account"],
                instrument=args["instrument"],
                size_wad=args["sizeWad"],
                price_wad=args["priceWad"],
                mark_wad=args["markWad"],
                deficit_wad=event.args["deficitWad"],
                base_wad=args["baseWad"],
                scale_before_wad=args["scaleBeforeWad"],
                scale_after_wad=args["scaleAfterWad"],
                epoch_ended=ended,
            )
            closed, ended = None, False


def _events(protocol: Protocol, first: int, last: int) -> Iterator[Event]:
    addresses = [protocol.positions.address, protocol.liquidation.address]
    for start in range(first, last + 1, SPAN):
        request = {
            "address": addresses,
            "fromBlock": hex(start),
            "toBlock": hex(min(last, start + SPAN - 1)),
        }
        for log in protocol.rpc.call("eth_getLogs", request):
            event = vocabulary().event(log)
            if event is not None:
                yield event


def _table(protocol: Protocol, found: list[Certificate]) -> Table:
    table = Table(title="Deleveragings")
    columns = (
        "account",
        "market",
        "size",
        "mark",
        "price",
        "deficit",
        "A",
        "A'",
        "overshoot [wei]",
        "certified",
    )
    for column in columns:
        table.add_column(column, justify="left" if column in ("market", "certified") else "right")
    for one in found:
        done = one.of
        table.add_row(
            str(done.account),
            protocol.name_of(done.instrument),
            *(
                f"{value / WAD:,.6f}"
                for value in (done.size_wad, done.mark_wad, done.price_wad, done.deficit_wad)
            ),
            f"{done.scale_before_wad / WAD:.9f}",
            f"{done.scale_after_wad / WAD:.9f}",
            f"{float(one.overshoot_wad):.3f}",
            "yes" if one.certified else "; ".join(one.wrong),
        )
    return table


def _plain(one: Certificate) -> dict[str, Any]:
    exact = {name: str(getattr(one, name)) for name in ("borne_wad", "closed_wad", "overshoot_wad")}
    return {**asdict(one.of), **exact, "certified": one.certified, "wrong": list(one.wrong)}
