"""`ape run mutate`."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import closing
from pathlib import Path
from types import FrameType

import click

from holdfast.chain.environment import PROJECT
from holdfast.cli.options import one_line_errors
from holdfast.mutate import planted, report
from holdfast.mutate.build import Mode
from holdfast.mutate.draw import FOCUS, NOUNS
from holdfast.mutate.engine import Engine, Outcome, Plan, survivors
from holdfast.mutate.operators import OPERATORS
from holdfast.mutate.trial import CONTROL, Trial, Trials, table


@click.command(short_help="Mutants of the contracts through the tests and a short campaign.")
@click.option(
    "--budget", default=80, show_default=True, type=click.IntRange(1), help="How many mutants count."
)
@click.option("--seed", default=1, show_default=True, type=int, help="Of the draw, and of the campaigns.")
@click.option(
    "--noun",
    "nouns",
    multiple=True,
    type=click.Choice(tuple(NOUNS)),
    help=f"What is mutated; may be repeated. Without it: {', '.join(FOCUS)}.",
)
@click.option(
    "--operator",
    "operators",
    multiple=True,
    type=click.Choice(tuple(OPERATORS)),
    help="Only these kinds of mutants.",
)
@click.option(
    "--only", multiple=True, metavar="ID", help="Only this mutant, or this planted bug; may be repeated."
)
@click.option(
    "--target", default=90.0, show_default=True, type=click.FloatRange(0, 100), help="[%] to be killed."
)
@click.option(
    "--campaign",
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a mutant is fuzzed that no test noticed; 0: not at all.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Mutants at a time.  [default: as many as there are cores]"
)
@click.option(
    "--release", is_flag=True, help="Compile as `make build` does: slower, the very code that is deployed."
)
@click.option("--fresh", is_flag=True, help="Forget what became of them in earlier runs.")
@click.option(
    "--list", "listed", is_flag=True, help="Only tell which mutants there are, in the order of the draw."
)
@click.option("--planted", "bugs", is_flag=True, help="The bugs of tests/mutate/planted.toml instead.")
@click.option(
    "--campaign-only", is_flag=True, help="With --planted: the fuzz campaign alone, on all workers."
)
@click.option(
    "--seconds",
    default=300.0,
    show_default=True,
    help="With --planted: how long the campaign may take for each.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=PROJECT / "out" / "mutate",
    show_default="out/mutate",
    metavar="FOLDER",
    help="Where report.json and report.html go.",
)
def cli(
    budget: int,
    seed: int,
    nouns: tuple[str, ...],
    operators: tuple[str, ...],
    only: tuple[str, ...],
    target: float,
    campaign: float,
    workers: int | None,
    release: bool,
    fresh: bool,
    listed: bool,
    bugs: bool,
    campaign_only: bool,
    seconds: float,
    out: Path,
) -> None:
    """Put small faults into the contracts, one at a time, and see whether anything notices.

    Each mutant meets the fast tests that can see it, then a short campaign of `ape run fuzz`; whoever fails first has
    killed it. Verdicts are kept in .build/mutants: a run that was cut short goes on, a second one repeats little.
    Exit code 1 where fewer than --target percent were killed, those in tests/mutate/explained.toml apart.

    \b
    Examples:
      ape run mutate
      ape run mutate --noun risk --operator rounding --budget 20
      ape run mutate --only 3f0c1a9be211 --fresh
      ape run mutate --planted --campaign-only --seconds 300
    """
    signal.signal(signal.SIGTERM, _stop)
    with one_line_errors():
        if bugs:
            _planted(only, campaign_only, seconds, seed, workers, fresh, out)
            return
        plan = Plan(
            out=out,
            seed=seed,
            budget=budget,
            nouns=nouns or (tuple(NOUNS) if only else FOCUS),
            operators=operators or tuple(OPERATORS),
            only=only,
            workers=workers,
            campaign=campaign,
            mode=Mode.RELEASE if release else Mode.FAST,
            fresh=fresh,
        )
        engine = Engine(plan, _Lines())
        if listed:
            with closing(engine):
                found = engine.candidates()
            for mutant in found:
                click.echo(
                    f"{mutant.id} {mutant.file}:{mutant.line} {mutant.operator}: {mutant.old!r} → {mutant.new!r}"
                )
            return
        outcome = engine.run()
        page = report.write(outcome, out, target)
    if left := outcome.of("survived"):
        click.echo(f"\n{survivors(left)}")
    for one in outcome.of("killed"):
        if one.explained is not None:
            click.echo(
                f"\nexplained as unkillable, but killed: {one.mutant.id} in {one.mutant.file}", err=True
            )
    click.echo(f"\nReport: {page} (with report.json beside it)")
    click.echo(report.verdict(outcome, target))
    if outcome.interrupted:
        raise SystemExit(130)
    raise SystemExit(0 if outcome.share >= target and not outcome.of("error") else 1)


def _planted(
    only: tuple[str, ...],
    campaign_only: bool,
    seconds: float,
    seed: int,
    workers: int | None,
    fresh: bool,
    out: Path,
) -> None:
    bugs = planted.load()
    if unknown := [one for one in only if one not in {bug.id for bug in bugs}]:
        raise click.ClickException(
            f"there is no planted bug {unknown[0]}: {', '.join(bug.id for bug in bugs)}"
        )
    chosen = [bug for bug in bugs if bug.id in only] if only else [CONTROL, *bugs]
    trials = Trials(
        chosen,
        seconds=seconds,
        seed=seed,
        workers=workers,
        tests=not campaign_only,
        fresh=fresh,
        tell=lambda line: click.echo(line, err=True),
    )
    found: list[Trial] = trials.run()
    trials.write(out)
    click.echo(table(found))
    real = [one for one in found if one.bug is not CONTROL]
    missed = [one.bug.id for one in real if not one.found]
    also = f"; not: {', '.join(missed)}" if missed else ""
    click.echo(f"\n{len(real) - len(missed)} of {len(real)} planted bugs found{also}")
    if odd := [one.kill for one in found if one.bug is CONTROL and one.kill is not None]:
        told = f"{odd[0].by}: {odd[0].reason}"
        click.echo(f"The campaign doesn't hold on the contracts as they are: {told}", err=True)
    if trials.interrupted:
        raise SystemExit(130)
    raise SystemExit(1 if missed or odd else 0)


def _stop(number: int, frame: FrameType | None) -> None:
    """Asked to end, it ends what it started, too, as on Ctrl-C."""
    raise KeyboardInterrupt


class _Lines:
    """Progress on stderr: one line a verdict, with how many are done."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str, outcome: Outcome) -> None:
        done = sum(one.state != "open" for one in outcome.judged)
        count = f"{done}/{len(outcome.judged)}" if done else ""
        click.echo(f"{time.monotonic() - self._began:5.0f} s {count:>7}  {line}", err=True)
        sys.stderr.flush()
