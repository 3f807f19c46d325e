"""What reports share: pages that open offline, drawings as text inside them, one style for both."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
INK, GREY, PALE = "#1f2937", "#6b7280", "#e5e7eb"

PLOTS: Final[dict[str, Any]] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "holdfast",  # the same run gives the same file
}
"""matplotlib's settings."""


def svg(figure: Figure) -> str:
    """A figure as an element of a page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def page(title: str, body: str) -> str:
    """A whole HTML file that needs no other."""
    return f"{_HEAD.replace('TITLE', html.escape(title))}{body}</body>\n</html>\n"


_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE</title>
<style>
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: #1f2937; background: #f8fafc;
       margin: 0 auto; max-width: 66rem; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.1rem; margin: 0 0 .75rem; }
.about { color: #6b7280; margin: .25rem 0 1.5rem; }
.verdict { border-radius: .5rem; padding: .8rem 1rem; margin-bottom: 1.5rem; font-variant-numeric: tabular-nums; }
.good { background: #ecfdf5; border: 1px solid #6ee7b7; color: #065f46; }
.bad { background: #fef2f2; border: 1px solid #fca5a5; color: #991b1b; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .75rem;
         margin-bottom: 1.5rem; }
.cards div, figure, section { background: white; border: 1px solid #e5e7eb; border-radius: .5rem; }
.cards div { padding: .7rem .85rem; }
.cards b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.cards small { font-size: .9rem; font-weight: 500; color: #6b7280; }
.cards span { font-size: .8rem; color: #6b7280; }
figure, section { margin: 0 0 1.5rem; padding: 1.1rem 1.25rem; }
figure svg { width: 100%; height: auto; display: block; }
figcaption { color: #6b7280; font-size: .88rem; margin-top: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
td, th { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #f1f5f9; text-align: left; vertical-align: top; }
.sums td:nth-child(2) { text-align: right; white-space: nowrap; font-weight: 600; padding-right: 1.5rem; }
.sums td:nth-child(3) { color: #6b7280; }
.wide { overflow-x: auto; }
details summary { cursor: pointer; font-weight: 600; }
footer { color: #6b7280; font-size: .85rem; }
@media print { body { background: white; } figure, section { break-inside: avoid; } }
details { margin: .3rem 0; }
pre { font: .78rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-x: auto; margin: .5rem 0 0; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .92em; }
th { color: #6b7280; font-weight: 600; }
.number { text-align: right; padding-right: 1.2rem; white-space: nowrap; }
.quiet { color: #6b7280; }
.small { font-size: .82rem; }
td:first-child { white-space: nowrap; }
.warn { background: #fffbeb; border: 1px solid #fcd34d; color: #92400e; }
</style>
</head>
<body>
"""
