"""What a run found, as JSON for programs and as a page for people."""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from holdfast.mutate import files
from holdfast.mutate.draw import noun_of
from holdfast.mutate.engine import Judged, Outcome
from holdfast.page import page

STATES: Final = ("killed", "survived", "explained", "error")
WHYS: Final = ("invalid", "equivalent", "duplicate")


def plain(outcome: Outcome) -> dict[str, Any]:
    judged, plan = outcome.judged, outcome.plan
    return {
        "seed": plan.seed,
        "budget": plan.budget,
        "nouns": list(plan.nouns),
        "mode": str(plan.mode),
        "workers": outcome.workers,
        "possible": outcome.possible,
        "tests": outcome.tests,
        "campaignSeconds": plan.campaign,
        "share": round(outcome.share, 1),
        **{state: len(outcome.of(state)) for state in STATES},
        **{why: sum(one.why == why for one in outcome.passed) for why in WHYS},
        "interrupted": outcome.interrupted,
        "seconds": round(sum(outcome.seconds.values()), 1),
        "secondsByPhase": {name: round(seconds, 1) for name, seconds in outcome.seconds.items()},
        "killers": dict(Counter(one.verdict.kill.kind for one in _killed(judged))),  # type: ignore[union-attr]
        "perNoun": _figures(outcome, lambda mutant: noun_of(mutant.file)),
        "perContract": _figures(outcome, lambda mutant: mutant.file),
        "perOperator": _figures(outcome, lambda mutant: mutant.operator),
        "survivors": [_mutant(one) for one in outcome.of("survived")],
        "explainedMutants": [
            {**_mutant(one), "reason": one.explained.reason}
            for one in outcome.of("explained")
            if one.explained
        ],
        "kills": [
            {
                **{key: value for key, value in _mutant(one).items() if key != "diff"},
                "kill": one.verdict.kill.plain(),  # type: ignore[union-attr]
                "seconds": round(one.verdict.seconds, 1),  # type: ignore[union-attr]
                "explained": one.explained is not None,
            }
            for one in _killed(judged)
        ],
        "errors": [{**_mutant(one), "error": one.error} for one in outcome.of("error")],
        "passedOver": [{**one.mutant.plain(), "why": one.why, "told": one.told} for one in outcome.passed],
    }


def write(outcome: Outcome, folder: Path, target: float) -> Path:
    """report.json and report.html; the page."""
    figures = {**plain(outcome), "target": target}
    files.write_json(folder / "report.json", figures, indent=2)
    files.write(folder / "report.html", _page(outcome, figures, target))
    return folder / "report.html"


def verdict(outcome: Outcome, target: float) -> str:
    killed, survived, known = (len(outcome.of(state)) for state in ("killed", "survived", "explained"))
    apart = f", {known} explained apart" if known else ""
    errors = f", {len(outcome.of('error'))} couldn't be judged" if outcome.of("error") else ""
    word = "at least" if outcome.share >= target else "below"
    return (
        f"{killed} of {killed + survived} mutants killed ({outcome.share:.1f} %, {word} the target of {target:g} %)"
        f"{apart}{errors}"
    )


def _killed(judged: Iterable[Judged]) -> list[Judged]:
    return [one for one in judged if one.state == "killed"]


def _mutant(one: Judged) -> dict[str, Any]:
    return {**one.mutant.plain(), "changed": list(one.changed), "diff": one.diff}


def _figures(outcome: Outcome, key: Callable[[Any], str]) -> dict[str, dict[str, int]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in outcome.judged:
        found[key(one.mutant)][one.state] += 1
    for passed in outcome.passed:
        found[key(passed.mutant)][passed.why] += 1
    return {
        name: {state: counts[state] for state in (*STATES, *WHYS)} for name, counts in sorted(found.items())
    }


# The page


def _page(outcome: Outcome, figures: Mapping[str, Any], target: float) -> str:
    good = outcome.share >= target and not figures["error"] and not outcome.interrupted
    cards = [
        ("killed", figures["killed"]),
        ("survived", figures["survived"]),
        ("explained", figures["explained"]),
        ("equivalent or twice", figures["equivalent"] + figures["duplicate"]),
        ("don't compile", figures["invalid"]),
        ("minutes", f"{figures['seconds'] / 60:.1f}"),
    ]
    body = [
        "<h1>Mutation testing</h1>",
        f'<p class="about">Small faults put into the contracts, one at a time: {len(outcome.judged)} of '
        f"{outcome.possible} possible ones, drawn with seed {outcome.plan.seed}, against {outcome.tests} tests and "
        f"{outcome.plan.campaign:g} seconds of campaign.</p>",
        f'<p class="verdict {"good" if good else "bad"}">{html.escape(verdict(outcome, target))}</p>',
        '<div class="cards">',
        *(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in cards),
        "</div>",
        _mutants("Survivors", outcome.of("survived"), lambda one: ""),
        _mutants(
            "Explained", outcome.of("explained"), lambda one: one.explained.reason if one.explained else ""
        ),
        _mutants("Not judged", outcome.of("error"), lambda one: one.error),
        _table("By contract", figures["perContract"]),
        _table("By operator", figures["perOperator"]),
        _killers(figures["kills"]),
    ]
    return page("Holdfast: mutation testing", "\n".join(body))


def _mutants(title: str, judged: Sequence[Judged], told: Callable[[Judged], str]) -> str:
    if not judged:
        return ""
    rows = [
        f"<details open><summary>{html.escape(one.mutant.file)}:{one.mutant.line} "
        f'<span class="quiet">{html.escape(one.mutant.function)} · {one.mutant.operator} · {one.mutant.id}</span>'
        f"</summary>{f'<p>{html.escape(told(one))}</p>' if told(one) else ''}"
        f"<pre>{html.escape(one.diff)}</pre></details>"
        for one in judged
    ]
    return f"<section><h2>{title}</h2>{''.join(rows)}</section>"


def _table(title: str, figures: Mapping[str, Mapping[str, int]]) -> str:
    columns = (*STATES, *WHYS)
    head = "".join(f'<th class="number">{column}</th>' for column in columns)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(f'<td class="number">{counts[column] or ""}</td>' for column in columns)
        + "</tr>"
        for name, counts in figures.items()
    )
    return f'<section class="wide"><h2>{title}</h2><table><tr><th></th>{head}</tr>{rows}</table></section>'


def _killers(kills: Sequence[Mapping[str, Any]]) -> str:
    most = Counter((one["kill"]["kind"], one["kill"]["by"]) for one in kills).most_common(25)
    rows = "".join(
        f'<tr><td>{html.escape(by)}</td><td>{kind}</td><td class="number">{count}</td></tr>'
        for (kind, by), count in most
    )
    return (
        '<section class="wide"><h2>Who noticed most</h2><table>'
        f'<tr><th></th><th></th><th class="number">mutants</th></tr>{rows}</table></section>'
    )
