"""What a campaign is doing right now: a few lines that change on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from holdfast.fuzz.outcome import Outcome
from holdfast.fuzz.runner import Tell
from holdfast.sim.tally import Checked

QUIET_SECONDS: Final = 10.0
"""Without a terminal there is a line so often."""

BAR: Final = 30
"""[columns]"""


@contextmanager
def progress() -> Iterator[Tell]:
    """On a terminal everything at a glance; on a pipe plain lines, on stderr both."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    with Live(console=Console(stderr=True), refresh_per_second=4, transient=True) as live:
        yield lambda outcome, what: live.update(screen(outcome, what))


class Lines:
    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told = 0.0

    def __call__(self, outcome: Outcome, what: str) -> None:
        now = time.monotonic() - self._began
        if now - self._told >= QUIET_SECONDS:
            self._told = now
            click.echo(f"{now:5.0f} s  {line(outcome, what)}", err=True)


def line(outcome: Outcome, what: str) -> str:
    tally = outcome.tally
    tried = [one for one in tally.actions.values() if one.tried]
    judged = sum(bool(one.checked) for one in outcome.invariants.values())
    succeeded = sum(one.succeeded > 0 for one in tried)
    failed = ", ".join(sorted({found.failure.invariant for found in outcome.found}))
    parts = [
        what,
        f"{tally.calls:,} calls",
        f"{outcome.calls_per_second:,.0f}/s",
        f"{outcome.examples:,} examples",
        f"actions {succeeded}/{len(tried)} succeeded",
        f"invariants {judged}/{len(outcome.invariants)} judged",
        f"FAILED: {failed}" if failed else "none failed",
    ]
    return "  ".join(parts)


def share(outcome: Outcome) -> float | None:
    """Of the budget that is spent; None: unknown."""
    plan = outcome.plan
    shares = [
        outcome.seconds / plan.budget if plan.budget else 0.0,
        outcome.examples / plan.examples if plan.examples else 0.0,
        outcome.tally.calls / plan.calls if plan.calls else 0.0,
    ]
    return min(1.0, max(shares)) if any((plan.budget, plan.examples, plan.calls)) else None


def screen(outcome: Outcome, what: str) -> RenderableType:
    head = Table.grid(padding=(0, 2))
    head.add_row(
        ProgressBar(total=1.0, completed=share(outcome) or 0.0, width=BAR),
        f"[bold]{outcome.tally.calls:,}[/] calls",
        f"[bold]{outcome.calls_per_second:,.0f}[/]/s",
        f"{outcome.examples:,} examples",
        f"{outcome.seconds:.0f} s",
        f"{outcome.workers} workers",
        what,
    )
    rows: list[RenderableType] = [head, actions(outcome), margins(outcome)]
    for found in outcome.found:
        rows.append(
            Text(f"{found.failure.invariant} {found.failure.name}: {found.failure.wrong}", "bold red")
        )
    return Group(*rows)


def actions(outcome: Outcome) -> Text:
    """Successes of each, those without any in another colour."""
    text = Text("done  ", "dim")
    for name, one in outcome.tally.actions.items():
        if one.tried:
            text.append(f"{name} ", "" if one.succeeded else "yellow")
            text.append(f"{one.succeeded}/{one.tried}  ", "dim" if one.succeeded else "yellow")
    return text


def margins(outcome: Outcome) -> Text:
    """The least room to each bound that was seen."""
    text = Text("room  ", "dim")
    for name, one in outcome.invariants.items():
        if one.violations:
            text.append(f"{name} {one.violations} violated  ", "bold red")
        elif one.closest is not None:
            text.append(f"{name} ")
            text.append(f"{room(one)}  ", "dim")
    return text


def room(one: Checked) -> str:
    """How close it came; empty where nothing tells."""
    if one.closest is None:
        return ""
    value = one.closest
    shown = f"{value:,.0f}" if value == int(value) and abs(value) < 10**9 else f"{value:.3g}"
    return f"{shown} {one.unit}".strip()
