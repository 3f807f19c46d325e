"""The drawings of a campaign's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib

matplotlib.use("svg")  # no screen is needed

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from holdfast.page import BLUE, GREEN, GREY, ORANGE, PALE, PLOTS, PURPLE, RED, SKY, svg

WIDTH: Final = 10.0  # [inches]
BINS: Final = 60
COLOURS: Final = (BLUE, SKY, GREEN, ORANGE, PURPLE, "#7c6f00", RED, "#475569", "#8b5cf6", "#94a3b8", PALE)

Drawn = tuple[str, str, str, str]
"""Name, title, the drawing, what to see in it."""


def draw(
    line: Sequence[tuple[float, int]], spent: Mapping[str, float], phases: Mapping[str, str]
) -> list[Drawn]:
    """`line`: (seconds, calls until then). `spent`: seconds by phase, whose names in words are `phases`."""
    with plt.rc_context(PLOTS):
        drawn = [
            (
                "throughput",
                "Calls a second",
                throughput(line),
                "All workers together. It starts at zero: the worlds are deployed first.",
            ),
            (
                "time",
                "Where the time went",
                shares(spent, phases),
                "Of all workers together, while the campaign played.",
            ),
        ]
        found = []
        for name, title, figure, caption in drawn:
            found.append((name, title, svg(figure), caption))
            plt.close(figure)
        return found


def throughput(line: Sequence[tuple[float, int]]) -> Figure:
    figure: Figure
    figure, axes = plt.subplots(figsize=(WIDTH, 2.4), layout="constrained")
    end = max((seconds for seconds, _ in line), default=0.0)
    width = max(1.0, end / BINS)
    calls = [0] * (int(end / width) + 1)
    before = 0
    for seconds, until in line:
        calls[int(seconds / width)] += until - before
        before = until
    edges = [place * width for place in range(len(calls))]
    spans = [min(width, max(end - start, width / 4)) for start in edges]
    axes.bar(
        edges,
        [count / span for count, span in zip(calls, spans, strict=True)],
        width=width * 0.92,
        align="edge",
        color=BLUE,
    )
    axes.set_xlim(0, max(end, width))
    axes.set_xlabel("seconds")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x", visible=False)
    return figure


def shares(spent: Mapping[str, float], phases: Mapping[str, str]) -> Figure:
    figure: Figure
    figure, axes = plt.subplots(figsize=(WIDTH, 1.5), layout="constrained")
    total = sum(spent.values()) or 1.0
    left = 0.0
    for place, name in enumerate(phases):
        part = 100 * spent.get(name, 0.0) / total
        if part:
            axes.barh(
                0, part, left=left, height=0.6, color=COLOURS[place], label=f"{phases[name]} {part:.0f} %"
            )
        left += part
    axes.set_xlim(0, 100)
    axes.set_axis_off()
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.05), ncols=4)
    figure.patch.set_edgecolor(GREY)
    return figure
