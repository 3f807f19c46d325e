"""`coverage.html`: a table by file, then each file with what was reached of it. Opens offline."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from holdfast.chain.environment import PROJECT
from holdfast.fuzz.coverage.counted import KINDS, Coverage, Reached, Side, percent
from holdfast.page import page

_STYLE: Final = """<style>
.source { display: grid; grid-template-columns: 3.2rem 4.2rem 1fr; font: .78rem/1.5 ui-monospace, SFMono-Regular,
          Menlo, Consolas, monospace; overflow-x: auto; background: white; }
.source > * { white-space: pre; padding: 0 .4rem; }
.source i { font-style: normal; color: #6b7280; text-align: right; }
.hit { background: #ecfdf5; } .missed { background: #fee2e2; } .partly { background: #fffbeb; }
.side { color: #92400e; background: #fef3c7; border-radius: .25rem; padding: 0 .3rem; margin-left: .8rem; }
td.number b { font-weight: 600; }
</style>"""


def coverage_page(coverage: Coverage) -> str:
    """The whole page."""
    report = coverage.report()
    sample = report["sample"]
    worlds = ", ".join(f"{count} in {name}" for name, count in sample["worlds"].items())
    about = (
        f"{sample['calls']:,} calls in {sample['histories']:,} histories ({worlds}), {sample['traced']:,} of them "
        f"traced: a call much like others traced before isn't traced again. The numbers beside the lines count traced "
        f"calls. Constructors aren't counted."
    )
    body = [
        _STYLE,
        "<h1>Coverage of the contracts</h1>",
        f'<p class="about">{html.escape(about)}</p>',
        _warning(sample["diverged"]),
        coverage_table(report),
        *(_file(one) for one in coverage.files),
    ]
    return page("Holdfast: coverage", "\n".join(part for part in body if part))


def coverage_table(report: Mapping[str, Any], link: str = "") -> str:
    """Shares by file. `link`: the page that the file names lead to, if it isn't this one."""
    rows = [
        f'<tr><td><a href="{html.escape(link)}#{_anchor(path)}">{html.escape(path)}</a></td>{_cells(file)}</tr>'
        for path, file in report["files"].items()
    ]
    total = f"<tr><th>all</th>{_cells(report['total'])}</tr>"
    head = "".join(f'<th class="number">{kind}</th>' for kind in KINDS)
    return (
        f'<section class="wide"><table><tr><th>file</th>{head}</tr>{total}{"".join(rows)}</table></section>'
    )


def _warning(diverged: int) -> str:
    if not diverged:
        return ""
    return (
        '<p class="verdict warn">Calls that went another way with probes than without, since probes need gas: '
        f"{diverged:,}. From there on their histories are others.</p>"
    )


def _cells(shares: Mapping[str, Any]) -> str:
    return "".join(
        f'<td class="number"><b>{percent(shares[kind]["covered"], shares[kind]["total"])}</b> '
        f'<span class="quiet small">{shares[kind]["covered"]}/{shares[kind]["total"]}</span></td>'
        for kind in KINDS
    )


def _file(one: Reached) -> str:
    report = one.report()
    shares = ", ".join(f"{kind} {percent(report[kind]['covered'], report[kind]['total'])}" for kind in KINDS)
    gone = ", ".join(html.escape(name) for name in report["functions"]["missed"])
    return (
        f'<section id="{_anchor(one.source.path)}"><details><summary>{html.escape(one.source.path)} '
        f'<span class="quiet small">{shares}</span></summary>'
        + (f"<p>Never entered: {gone}</p>" if gone else "")
        + f'<div class="source">{"".join(_rows(one))}</div></details></section>'
    )


def _rows(one: Reached) -> Iterator[str]:
    """Line number, traced calls, source; behind a decision the ways it never went."""
    sides: dict[int, list[Side]] = defaultdict(list)
    for side in one.sides:
        if not side.hits:
            sides[side.branch.line].append(side)
    for number, text in enumerate(_text(one.source.path), 1):
        hits = one.shown.get(number)
        kind = "" if hits is None else "missed" if not hits else "partly" if sides[number] else "hit"
        notes = "".join(
            f'<span class="side">{html.escape(_note(side))}</span>' for side in sides[number] if hits
        )
        count = "" if number not in one.lines else str(hits)
        yield (
            f'<i>{number}</i><i class="{kind}">{count}</i>'
            f'<span class="{kind}">{html.escape(text) or " "}{notes}</span>'
        )


def _note(side: Side) -> str:
    return f"{side.branch.text} never {_NEVER.get(side.name, side.name)}"


_NEVER: Final = {"goes on": "goes on", "ends": "ends", "decides": "decides alone"}


def _text(path: str) -> list[str]:
    return (PROJECT / Path(path)).read_text().splitlines()


def _anchor(path: str) -> str:
    return path.replace("/", "-").replace(".", "-")
