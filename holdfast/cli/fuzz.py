"""`ape run fuzz`."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError, HoldfastError
from holdfast.fuzz import replay, report
from holdfast.fuzz.machines import MACHINES
from holdfast.fuzz.outcome import BUNDLES, Plan
from holdfast.fuzz.progress import progress
from holdfast.fuzz.runner import Campaign

OUT = PROJECT / "out" / "fuzz"
WIDTH = 140
"""[columns] Where there is no terminal."""

BROKEN, UNUSABLE, INTERRUPTED = 1, 2, 130
"""Exit codes: an invariant failed; the campaign couldn't be played; Ctrl-C."""


def _machines(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        for machine in MACHINES.values():
            click.echo(
                f"{machine.name:<12} world {machine.world:<8} weight {machine.weight}  {machine.about}"
            )
        ctx.exit()


@click.command(short_help="Every invariant against drawn histories on the real contracts, on all cores.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    metavar="N",
    help="How long to play. Without any budget: 300 (that of --profile).",
)
@click.option(
    "--examples", type=click.IntRange(min=1), metavar="N", help="How many examples to play, of all machines."
)
@click.option("--calls", type=click.IntRange(min=1), metavar="N", help="How many calls to play, about.")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Processes, each with chains of its own. Without it: one a core; with --dask all of its workers.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Same seed and --examples: same histories. Without it another one each time.",
)
@click.option(
    "--profile",
    type=click.Choice(list(BUNDLES)),
    default="default",
    show_default=True,
    help="How thorough: sets the time to play, to minimise, and the sample for coverage.",
)
@click.option(
    "--machine",
    "machines",
    multiple=True,
    type=click.Choice(list(MACHINES)),
    help="Only this one; may be repeated.",
)
@click.option(
    "--list-machines", is_flag=True, is_eager=True, expose_value=False, callback=_machines, help="And exit."
)
@click.option(
    "--coverage/--no-coverage",
    default=True,
    show_default=True,
    help="Measure which lines and branches of the contracts a sample of the histories reached.",
)
@click.option(
    "--with",
    "extras",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE.py",
    help="Your own @invariant and @action functions (docs/fuzzing.md); may be repeated.",
)
@click.option(
    "--database",
    metavar="WHERE",
    help="Where failures are kept: a folder, redis://host:port/0 (shared by several machines), or none. "
    "Without it: .hypothesis/holdfast.",
)
@click.option(
    "--dask", metavar="ADDRESS", help="Play on the workers of the Dask scheduler at tcp://host:port."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=OUT,
    show_default="out/fuzz",
    metavar="FOLDER",
    help="Where report.html, report.json and the failures go.",
)
@click.option(
    "--stop-after",
    type=click.IntRange(min=1),
    metavar="N",
    help="End after so many failures. Without it: go on, and tell each only once.",
)
@click.option(
    "--minimise",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Spent on making a failure small; 0: leave it as it was found.",
)
@click.option("--replay-only", is_flag=True, help="Only play what is in the database.")
@click.option(
    "--replay",
    "saved",
    type=click.Path(path_type=Path, exists=True),
    metavar="FOLDER",
    help="No campaign: send a saved failure to a running Anvil (--rpc, or one of its own).",
)
@click.option(
    "--rpc", metavar="URL", help="With --replay: the Anvil to send it to; it is left where it failed."
)
def cli(
    seconds: float | None,
    examples: int | None,
    calls: int | None,
    workers: int | None,
    seed: int | None,
    profile: str,
    machines: tuple[str, ...],
    coverage: bool,
    extras: tuple[Path, ...],
    database: str | None,
    dask: str | None,
    out: Path,
    stop_after: int | None,
    minimise: float | None,
    replay_only: bool,
    saved: Path | None,
    rpc: str | None,
) -> None:
    """Play drawn histories on the compiled contracts and judge every step by every invariant.

    Several machines draw: markets as usual, crises, hostile tokens, stolen admin keys, pairs of runs. Workers start
    Anvils of their own, which end with them. A failure is made small, kept for the next campaign, which plays it first,
    and written as a test and a script that replay it.

    \b
    Examples:
      ape run fuzz
      ape run fuzz --seconds 60 --machine crisis --no-coverage
      ape run fuzz --with my_invariants.py --stop-after 1
      ape run fuzz --examples 200 --seed 7 --workers 1
      ape run fuzz --dask tcp://10.0.0.1:8786 --database redis://10.0.0.1:6379/0

    Exit code: 0 when every invariant held, 1 when one failed, 2 when the campaign couldn't be played.
    """
    with _one_line_errors():
        if saved is not None:
            raise SystemExit(replay.replay_on(saved, rpc, say=click.echo))
        if rpc is not None:
            raise ConfigError("--rpc needs --replay")
        bundle = BUNDLES[profile]
        if minimise is not None:
            bundle = replace(bundle, minimise=minimise)
        plan = Plan(
            out=out,
            seed=secrets.randbelow(2**32) if seed is None else seed,
            machines=machines,
            bundle=bundle,
            seconds=seconds,
            examples=examples,
            calls=calls,
            workers=workers,
            coverage=coverage,
            extras=extras,
            database=database,
            dask=dask,
            stop_after=stop_after,
            replay_only=replay_only,
        )
        _play(plan)


def _play(plan: Plan) -> None:
    """Whatever happens, a report of what was done until then."""
    with progress() as tell:
        campaign = Campaign(plan, tell)
        click.echo(f"seed {plan.seed}, machines {', '.join(campaign.outcome.machines)}", err=True)
        try:
            outcome = campaign.run()
        finally:
            page = report.write(campaign.outcome, plan.out)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    console.print(report.table(outcome))
    click.echo(f"\nReport: {report.shown(page)} (with report.json beside it)")
    click.echo(report.verdict(outcome))
    raise SystemExit(BROKEN if outcome.found else INTERRUPTED if outcome.interrupted else 0)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """As in the other commands, but exit code 1 is taken: it says that an invariant failed."""
    try:
        yield
    except HoldfastError as error:
        trouble = click.ClickException(" ".join(str(error).split()))
        trouble.exit_code = UNUSABLE
        raise trouble from error
