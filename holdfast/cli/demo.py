"""`ape run demo`."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from holdfast.chain.config import Config, load_config
from holdfast.chain.environment import PROJECT
from holdfast.cli.options import one_line_errors
from holdfast.demo import report
from holdfast.demo.candles import WINDOW_SECONDS, from_candles
from holdfast.demo.director import Director, Plan
from holdfast.demo.scenario import DEFAULT, Scenario, find_scenario
from holdfast.errors import ConfigError

WIDTH = 120
"""[columns] Where there is no terminal."""
QUIET_SECONDS = 10.0
"""Without a terminal there is no bar, but a line so often."""


@click.command(short_help="A market, its keepers and a crash on a local chain, with a report at the end.")
@click.option(
    "--scenario",
    metavar="NAME",
    help="Prices, gas and who has how much: one of scenarios/ by its name, or a .toml file of your own.  "
    f"[default: {DEFAULT}]",
)
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Candles to replay instead: timestamp,open,high,low,close,volume, timestamps ISO 8601 or epoch. "
    "Of a long file the part around its worst fall is replayed.",
)
@click.option("--symbol", default="ETH", show_default=True, help="With --prices: whose candles they are.")
@click.option(
    "--from",
    "start",
    metavar="TIME",
    help="With --prices: first candle, ISO 8601, instead of the worst fall.",
)
@click.option("--to", "end", metavar="TIME", help="With --prices: last candle.")
@click.option(
    "--window",
    default=WINDOW_SECONDS // 3600,
    show_default=True,
    type=click.IntRange(1, 24 * 14),
    metavar="HOURS",
    help="With --prices: how much of a long file to replay.",
)
@click.option(
    "--gas-csv",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="With --prices: timestamp,gwei. Without it gas follows the size of the candles (see docs/demo.md).",
)
@click.option(
    "--traders", default=40, show_default=True, type=click.IntRange(6, 200), help="How many accounts trade."
)
@click.option(
    "--seed", default=1, show_default=True, type=int, help="Of the traders; the same seed gives the same run."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=PROJECT / "out" / "demo",
    show_default="out/demo",
    metavar="FOLDER",
    help="Where report.html, report.json, the plots and the keepers' records go.",
)
@click.option(
    "--config", default="local", show_default=True, metavar="FILE", help="Parameters of the deployment."
)
def cli(
    scenario: str | None,
    prices: Path | None,
    symbol: str,
    start: str | None,
    end: str | None,
    window: int,
    gas_csv: Path | None,
    traders: int,
    seed: int,
    out: Path,
    config: str,
) -> None:
    """Replay a crash through the real contracts.

    Starts an Anvil of its own, deploys, opens a market of a few dozen traders with mixed leverage, lets keeper
    processes loose (price pusher, liquidator, bidder), and replays prices and gas: by default Black Thursday, 12 and
    13 March 2020. At the end a table, a report that opens offline, and the books: who paid for what was lacking, to the
    wei, and whether they balance (INV-01). The exit code follows both.

    \b
    Examples:
      ape run demo
      ape run demo --scenario cascade
      ape run demo --scenario gamma-squeeze
      ape run demo --prices eth_1h.csv
      ape run demo --prices eth_5m.csv --from 2025-10-10T18:00 --to 2025-10-11T06:00 --seed 7
    """
    with one_line_errors():
        if prices is not None and scenario is not None:
            raise ConfigError("--scenario and --prices exclude each other")
        if prices is not None:
            told = from_candles(
                prices,
                symbol=symbol,
                start=_time(start),
                end=_time(end),
                window_seconds=window * 3600,
                gas_file=gas_csv,
            )
        else:
            for option, value in (("--from", start), ("--to", end), ("--gas-csv", gas_csv)):
                if value is not None:
                    raise ConfigError(f"{option} needs --prices")
            told = find_scenario(scenario or DEFAULT)
        parameters = load_config(config)
        told = complete(told, parameters)
        plan = Plan(scenario=told, config=parameters, seed=seed, traders=traders, out=out)
        console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
        console.print(f"[bold]{told.name}[/]: {told.about}")
        with _ends_cleanly(), _progress() as tell:
            outcome = Director(plan, tell).run()
            tell("drawing the report", 0.99)
            page = report.write(outcome, out)
            tell("done", 1.0)
    console.print(report.table(outcome))
    click.echo(f"\nReport: {_shown(page)} (with report.json and PNGs beside it)")
    click.echo(report.accounted(outcome.waterfall))
    click.echo(report.verdict(outcome.sums))
    raise SystemExit(0 if report.sound(outcome) else 1)


def complete(scenario: Scenario, config: Config) -> Scenario:
    """With a price for every underlying of the configuration, and with nothing that it doesn't know."""
    writers = scenario.options.writers if scenario.options is not None else ()
    for kind, wanted, known in (
        ("underlying", scenario.path.prices, config.underlyings),
        ("collateral", [token for writer in writers for token in writer.collateral], config.collateral),
    ):
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ConfigError(f"the configuration has no {kind} {unknown[0]}: it knows {', '.join(known)}")
    return scenario.with_symbols(
        {name: float(entry.price or 0) for name, entry in config.underlyings.items()}
    )


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not a time like 2025-10-10T18:00") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """A bar on a terminal; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda text, share: bar.update(task, description=text, completed=share)


class _Lines:
    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told = -QUIET_SECONDS

    def __call__(self, text: str, share: float) -> None:
        now = time.monotonic() - self._began
        if now - self._told >= QUIET_SECONDS:
            self._told = now
            click.echo(f"{now:5.0f} s {share:4.0%}  {text}", err=True)


@contextmanager
def _ends_cleanly() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the keepers and the chain, then this program."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nstopped: keepers and chain have ended", err=True)
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _shown(path: Path) -> Path:
    """Relative where that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
