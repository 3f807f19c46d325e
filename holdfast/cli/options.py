"""What every command on a chain shares: which node, whose key, and errors in one line.

    @click.command(cls=ChainCommand)
    def cli(rpc: Rpc) -> None: ...

The node is the one Ape connects to (`--network ecosystem:network:provider`), or any other by its URL (`--rpc`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from ape.cli import ConnectedProviderCommand
from ape.cli.commands import parse_network
from ape.exceptions import ApeException
from eth_account import Account
from eth_account.signers.local import LocalAccount

from holdfast.chain.rpc import Rpc
from holdfast.errors import ConfigError, ConnectionLost, HoldfastError

KEY_VARIABLE: Final = "HOLDFAST_KEY"
PASSWORD_VARIABLE: Final = "HOLDFAST_PASSWORD"

NETWORK_HELP: Final = """\b
Which chain: --network chooses among Ape's networks (`ape networks list`), --rpc names a node by its URL.
For ethereum:local:foundry Ape uses the Anvil on its usual port, or starts one that ends with the command.
"""


class ChainCommand(ConnectedProviderCommand):
    """A command that gets `rpc`, the node to work on. Adds --network (as Ape's own commands have it) and --rpc."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = "Use the node at this http(s) address instead of one of Ape's networks."
        self.params.append(click.Option(["--rpc", "url"], metavar="URL", help=told))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            if error.param is None or error.param.name != "network":
                raise
            told = error.message.splitlines()[0].partition(" Options:")[0]
            raise click.ClickException(
                f"--network: {told} `ape networks list` shows those there are."
            ) from error

    def invoke(self, ctx: click.Context) -> Any:
        url = ctx.params.pop("url")
        with one_line_errors():
            if url is not None:
                return self._run(ctx, connected(url), False)
            with parse_network(ctx) as provider:
                own = getattr(provider, "process", None) is not None
                return self._run(ctx, connected(provider.http_uri or ""), own)

    def _run(self, ctx: click.Context, rpc: Rpc, own: bool) -> Any:
        if own:
            click.echo("No Anvil was running: Ape started one, which ends with this command.", err=True)
        params = {
            key: value for key, value in ctx.params.items() if key not in ("network", "provider_settings")
        }
        return ctx.invoke(self.callback, rpc=rpc, **params) if self.callback else None


def connected(url: str) -> Rpc:
    """A node that answers. ConfigError where it doesn't."""
    rpc = Rpc(url)
    try:
        rpc.call("eth_chainId")
    except ConnectionLost:
        raise ConfigError(f"no node answers at {url}: start one, or name another by --rpc") from None
    return rpc


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What can go wrong outside this program becomes one line on stderr and exit code 1; bugs keep their traceback."""
    try:
        yield
    except (HoldfastError, ApeException) as error:
        raise click.ClickException(" ".join(str(error).split())) from error


def signing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --keystore: `load_key` turns it, or HOLDFAST_KEY, into a key."""
    told = (
        f"Key file to sign with (Ape's, geth's or cast's), its password from {PASSWORD_VARIABLE} or a prompt. "
        f"Without it: the key in {KEY_VARIABLE}."
    )
    path = click.Path(path_type=Path)
    return click.option("--keystore", type=path, metavar="FILE", help=told)(command)


def load_key(keystore: Path | None) -> LocalAccount | None:
    """The key to sign with; None: leave it to the node."""
    secret: Any = os.environ.get(KEY_VARIABLE)
    if keystore is not None:
        password = os.environ.get(PASSWORD_VARIABLE) or click.prompt(
            f"Password of {keystore}", hide_input=True, err=True
        )
        try:
            secret = Account.decrypt(keystore.read_text(), password)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{keystore} can't be opened: {error}") from error
    if secret is None:
        return None
    try:
        return Account.from_key(secret)
    except ValueError:
        raise ConfigError(f"{KEY_VARIABLE} isn't a private key of 32 bytes") from None
