"""What is left of a campaign: a table on the terminal, report.html for people, report.json for machines."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from holdfast.fuzz import figures
from holdfast.fuzz.outcome import Found, Outcome
from holdfast.fuzz.progress import room
from holdfast.page import page
from holdfast.sim.tally import Tried

PHASES: Final = {
    "node": "node: calls and reads",
    "decode": "decoding what was read",
    "judge": "judging",
    "plan": "planning",
    "encode": "encoding",
    "other": "rest of a history",
    "draw": "Hypothesis",
    "open": "opening worlds",
    "minimise": "minimising failures",
    "replay": "replaying old failures",
    "idle": "waiting",
}
"""What workers' time goes to, while a campaign plays."""

REFUSALS: Final = 4
"""Errors that are shown of an action; report.json has all."""


def write(outcome: Outcome, folder: Path) -> Path:
    """report.json, report.html and the coverage beside them, each whole or not at all; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    if outcome.coverage is not None:
        outcome.coverage.write(folder)
    replaced(folder / "report.json", json.dumps(as_json(outcome), indent=2) + "\n")
    path = folder / "report.html"
    replaced(path, render(outcome))
    return path


def replaced(path: Path, text: str) -> None:
    """Who looks meanwhile sees the old file or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


# For machines


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Times in seconds. `seconds` is the time of playing, from the start of the workers on."""
    counted = outcome.tally.report()
    said = outcome.statements
    return {
        "calls": outcome.tally.calls,
        "seconds": round(outcome.seconds, 2),
        "calls_per_second": round(outcome.calls_per_second, 1),
        "actions": counted["actions"],
        "invariants": {
            name: {
                "checked": one.checked,
                "violations": one.violations,
                "closest": one.closest,
                "unit": one.unit,
                "statement": said.get(name, ""),
            }
            for name, one in outcome.invariants.items()
        },
        "workers": outcome.workers,
        "seed": outcome.plan.seed,
        "machines": {
            name: {
                "about": one.about,
                "world": one.world,
                "examples": one.examples,
                "calls": one.calls,
                "seconds": round(one.seconds, 2),
                "violations": one.violations,
            }
            for name, one in outcome.machines.items()
        },
        "histories": outcome.tally.histories,
        "examples": outcome.examples,
        "events": counted["events"],
        "coverage": outcome.coverage.report() if outcome.coverage is not None else None,
        "failures": [failure_json(found) for found in outcome.found],
        "never_succeeded": outcome.idle_actions,
        "never_tried": outcome.untried_actions,
        "never_judged": outcome.unjudged,
        "throughput": [[round(seconds, 2), calls] for seconds, calls in outcome.line],
        "spent": {name: round(seconds, 2) for name, seconds in spent(outcome).items()},
        "whole_seconds": round(outcome.whole_seconds, 2),
        "interrupted": outcome.interrupted,
        "notes": outcome.notes,
    }


def failure_json(found: Found) -> dict[str, Any]:
    failure = found.failure
    return {
        "machine": found.machine,
        "invariant": failure.invariant,
        "name": failure.name,
        "wrong": failure.wrong,
        "world": failure.world,
        "seed": failure.profile.seed if failure.profile else None,
        "steps": len(failure.steps),
        "calls_before": failure.calls_before,
        "seconds": round(found.seconds, 2),
        "known": found.known,
        "files": [str(path) for path in found.files],
        "text": str(failure),
    }


def spent(outcome: Outcome) -> dict[str, float]:
    """[seconds of all workers together] while the campaign played, by what they went to."""
    tally, jobs = outcome.tally, outcome.spent
    parts: dict[str, float] = {
        name: tally.spent[name] for name in ("node", "decode", "judge", "plan", "encode")
    }
    parts["other"] = max(0.0, tally.seconds - sum(parts.values()))
    parts |= {name: jobs[name] for name in ("draw", "open", "minimise", "replay")}
    parts["idle"] = max(0.0, outcome.workers * outcome.seconds - sum(parts.values()))
    return {name: seconds for name, seconds in parts.items() if seconds >= 0.005}


# For people


def verdict(outcome: Outcome) -> str:
    """What can be said from then on, in one sentence."""
    judged = [one for one in outcome.invariants.values() if one.checked]
    over = f"{outcome.tally.calls:,} calls in {outcome.tally.histories:,} histories"
    broken = sorted({found.failure.invariant for found in outcome.found})
    if broken and not outcome.tally.calls:
        return f"BROKEN: {', '.join(broken)}, as before; nothing else was played"
    if broken:
        return f"BROKEN: {', '.join(broken)}, found within {over}"
    if not outcome.tally.calls:
        return "Nothing was played" + (
            "" if outcome.interrupted else ": nothing that failed before fails now"
        )
    checks = sum(one.checked for one in judged)
    return f"{len(judged)} properties hold over {over}: judged {checks:,} times, never violated"


def warnings(outcome: Outcome) -> list[str]:
    """What that sentence doesn't say."""
    found = []
    if outcome.interrupted:
        found.append("The campaign was interrupted.")
    if outcome.tally.calls:
        if outcome.unjudged:
            found.append(f"Never judged: {', '.join(outcome.unjudged)}.")
        if outcome.idle_actions:
            found.append(f"Tried, but never succeeded: {', '.join(outcome.idle_actions)}.")
        if outcome.untried_actions:
            found.append(f"Never tried: {', '.join(outcome.untried_actions)}.")
    return [*found, *outcome.notes]


def table(outcome: Outcome) -> RenderableType:
    """The summary for the terminal."""
    parts: list[RenderableType] = []
    for found in outcome.found:
        parts += [Text(str(found.failure), "red"), _replay_hint(found), Text()]
    if outcome.tally.calls:
        parts += [_actions(outcome), Text(), _invariants(outcome), Text(), _machines(outcome), Text()]
    if outcome.coverage is not None:
        parts.append(Text(outcome.coverage.summary()))
    parts += [Text(warning, "yellow") for warning in warnings(outcome)]
    return Group(*parts)


def _replay_hint(found: Found) -> RenderableType:
    known = "known from before" if found.known else f"after {found.failure.calls_before:,} calls"
    tests = [path for path in found.files if path.name.startswith("test_") and path.suffix == ".py"]
    again = f"; again: pytest {shown(tests[0])}" if tests else ""
    return Text(f"machine {found.machine}, {known}{again}", "dim")


def _table(*columns: tuple[str, bool]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name, number in columns:
        made.add_column(name, justify="right" if number else "left", no_wrap=number)
    return made


def _actions(outcome: Outcome) -> Table:
    made = _table(("action", False), ("tried", True), ("done", True), ("refused by", False))
    for name, one in outcome.tally.actions.items():
        if one.tried:
            style = None if one.succeeded else "yellow"
            made.add_row(name, f"{one.tried:,}", f"{one.succeeded:,}", _refusals(one), style=style)
    return made


def _refusals(one: Tried) -> str:
    return ", ".join(
        f"{error or 'nothing said'} {count:,}" for error, count in one.reverted.most_common(REFUSALS)
    )


def _invariants(outcome: Outcome) -> Table:
    made = _table(("invariant", False), ("judged", True), ("broken", True), ("least room", True), ("", False))
    said = outcome.statements
    for name, one in outcome.invariants.items():
        style = "red" if one.violations else None if one.checked else "yellow"
        made.add_row(
            name,
            f"{one.checked:,}",
            f"{one.violations:,}",
            room(one),
            _first(said.get(name, "")),
            style=style,
        )
    return made


def _first(statement: str) -> str:
    """Its first sentence."""
    head, dot, _ = statement.partition(". ")
    return head + dot.strip()


def _machines(outcome: Outcome) -> Table:
    made = _table(("machine", False), ("examples", True), ("calls", True), ("", False))
    for name, one in outcome.machines.items():
        made.add_row(name, f"{one.examples:,}", f"{one.calls:,}", one.about)
    return made


# The page


def render(outcome: Outcome) -> str:
    failed = bool(outcome.found)
    parts = [
        "<h1>Fuzz campaign</h1>",
        f'<p class="about">{_text(_about(outcome))}</p>',
        f'<p class="verdict {"bad" if failed else "good" if outcome.tally.calls else "warn"}">'
        f"{_text(verdict(outcome))}</p>",
    ]
    if said := warnings(outcome):
        parts.append(f'<p class="verdict warn">{"<br>".join(map(_text, said))}</p>')
    parts.append(
        f'<div class="cards">{"".join(_card(value, label) for value, label in _cards(outcome))}</div>'
    )
    parts += [_failure(found) for found in outcome.found]
    if outcome.tally.calls:
        parts += [_figure(*drawn) for drawn in figures.draw(outcome.line, spent(outcome), PHASES)]
        parts += [_invariant_section(outcome), _action_section(outcome), _event_section(outcome)]
    parts.append(_coverage_section(outcome))
    parts.append(_machine_section(outcome))
    parts.append(
        f"<footer>Seed {outcome.plan.seed}. Every call ran on the compiled contracts, on local chains; only tokens, "
        "feeds and takers are mocks. Amounts, orders and prices were drawn from the state of each history.</footer>\n"
    )
    return page("Holdfast: fuzz campaign", "\n".join(part for part in parts if part))


def _about(outcome: Outcome) -> str:
    names = ", ".join(outcome.machines)
    return f"{names} · {outcome.workers} workers · seed {outcome.plan.seed} · {outcome.seconds:,.0f} s of playing"


def _cards(outcome: Outcome) -> list[tuple[str, str]]:
    tally = outcome.tally
    per_core = tally.calls / tally.seconds if tally.seconds else 0.0
    judged = sum(one.checked for one in outcome.invariants.values())
    return [
        (f"{tally.calls:,}", "calls"),
        (f"{tally.histories:,}", "histories"),
        (f"{outcome.calls_per_second:,.0f}", "calls a second"),
        (f"{per_core:,.0f}", "a second and worker"),
        (f"{judged:,}", "judgements"),
        (str(len(outcome.found)), "failures"),
    ]


def _card(value: str, label: str) -> str:
    return f"<div><b>{_text(value)}</b><span>{_text(label)}</span></div>"


def _failure(found: Found) -> str:
    failure = found.failure
    when = "known from an earlier campaign" if found.known else f"after {failure.calls_before:,} calls"
    files = "".join(f"<li><code>{_text(shown(path))}</code></li>" for path in found.files)
    return (
        f"<section><h2>{_text(failure.invariant)} {_text(failure.name)}: {_text(failure.wrong)}</h2>"
        f'<p class="quiet">Machine {_text(found.machine)}, {when}; {len(failure.steps)} steps.</p>'
        f"<pre>{_text(str(failure))}</pre>{f'<ul class=small>{files}</ul>' if files else ''}</section>"
    )


def _figure(name: str, title: str, drawing: str, caption: str) -> str:
    return f'<figure id="{name}"><h2>{_text(title)}</h2>{drawing}<figcaption>{_text(caption)}</figcaption></figure>'


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: frozenset[int]) -> str:
    """A table; cells are HTML."""

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="number">{value}</{tag}>' if place in numbers else f"<{tag}>{value}</{tag}>"
            for place, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="wide"><table class="small"><tr>{cells("th", header)}</tr>{body}</table></div>'


def _invariant_section(outcome: Outcome) -> str:
    said = outcome.statements
    rows = [
        (
            _flag(name, bool(one.violations), not one.checked),
            f"{one.checked:,}",
            f"{one.violations:,}",
            _text(room(one)),
            _text(said.get(name, "")),
        )
        for name, one in outcome.invariants.items()
    ]
    header = ("", "judged", "broken", "least room", "statement")
    return f"<section><h2>Invariants</h2>{_rows(header, rows, frozenset({1, 2, 3}))}</section>"


def _action_section(outcome: Outcome) -> str:
    rows = []
    for name, one in outcome.tally.actions.items():
        done = 100 * one.succeeded / one.tried if one.tried else 0
        bar = (
            f'<svg width="90" height="9" role="img" aria-label="{done:.0f} %"><rect width="90" height="9" rx="2" '
            f'fill="#e5e7eb"/><rect width="{0.9 * done:.1f}" height="9" rx="2" fill="#009E73"/></svg>'
        )
        rows.append(
            (
                _flag(name, False, not one.succeeded),
                f"{one.tried:,}",
                f"{one.succeeded:,}",
                bar,
                _text(_refusals(one)),
            )
        )
    header = ("", "tried", "done", "", "refused by")
    return f"<section><h2>Actions</h2>{_rows(header, rows, frozenset({1, 2}))}</section>"


def _event_section(outcome: Outcome) -> str:
    rows = [(_text(name), f"{count:,}") for name, count in outcome.tally.events.most_common()]
    found = _rows(("event", "times"), rows, frozenset({1}))
    return f"<section><details><summary>Events that contracts emitted</summary>{found}</details></section>"


def _coverage_section(outcome: Outcome) -> str:
    if outcome.coverage is None:
        return ""
    return (
        f"<section><h2>Coverage</h2><p>{_text(outcome.coverage.summary())}</p>"
        '<p class="quiet">Line by line: <a href="coverage.html">coverage.html</a></p></section>'
    )


def _machine_section(outcome: Outcome) -> str:
    rows = [
        (
            _text(name),
            f"{one.examples:,}",
            f"{one.calls:,}",
            f"{one.seconds:,.0f}",
            _text(one.world),
            _text(one.about),
        )
        for name, one in outcome.machines.items()
    ]
    header = ("machine", "examples", "calls", "seconds", "world", "")
    return f"<section><h2>Machines</h2>{_rows(header, rows, frozenset({1, 2, 3}))}</section>"


def _flag(name: str, bad: bool, empty: bool) -> str:
    colour = "#991b1b" if bad else "#92400e" if empty else ""
    return f'<b style="color:{colour}">{_text(name)}</b>' if colour else _text(name)


def _text(value: Any) -> str:
    return html.escape(str(value))


def shown(path: Path) -> Path:
    """Relative where that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
