"""The plots of a demo run. Each figure is drawn once and saved as SVG (for the page) and as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("svg")  # no screen is needed

import matplotlib.dates as dates
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from holdfast.demo.collect import Point
from holdfast.demo.desk import Desk
from holdfast.demo.director import Outcome
from holdfast.demo.waterfall import Amount
from holdfast.model.liquidation import Params, discount_at_wad
from holdfast.page import BLUE, GREEN, GREY, INK, ORANGE, PLOTS, PURPLE, RED, SKY, svg
from holdfast.types import Grade, Level, expiry_of, strike_of
from holdfast.units import BPS, WAD

LINES: Final = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, "#7c6f00", "#475569")
KEEPER_COLOURS: Final = {
    "price_pusher": GREY,
    "liquidator": BLUE,
    "bidder": ORANGE,
    "backstop": SKY,
    "watchdog": INK,
}
STEP_COLOURS: Final = {
    "own equity": ORANGE,
    "insurance fund": GREEN,
    "deleveraged shorts": RED,
    "deleveraged longs": PURPLE,
    "credit index": INK,
    "bidders' discount": ORANGE,
    "backstop's discount": SKY,
    "insurance fund's share": GREEN,
    "start rewards": BLUE,
    "losses beyond equity": RED,
}
WORST: Final = 8  # accounts in the plot of health
HEALTH_TOP: Final = 4.0
ZOOM_SECONDS: Final = (2_400, 1_200)  # before and after the worst moment
WIDTH: Final = 10.0  # [inches]
DPI: Final = 110

Drawing = tuple[str, str, Figure]
"""Name of the file, what it shows, and the figure."""


def draw(outcome: Outcome) -> list[Drawing]:
    with plt.rc_context(PLOTS):
        return [
            ("price", "Price, slow price and gas", price(outcome)),
            ("health", "Health of the worst accounts", health(outcome)),
            ("auctions", "Auctions: when and at which discount slices were sold", auctions(outcome)),
            ("waterfall", "Who paid for the liquidations, and who got it", waterfall(outcome)),
            ("insurance", "Insurance fund", insurance(outcome)),
            ("keepers", "Keepers' profit after gas", keepers(outcome)),
            *_of_options(outcome),
        ]


def save(drawings: Sequence[Drawing], folder: Path) -> dict[str, str]:
    """Writes the PNGs; returns the SVG texts by name."""
    texts = {}
    with plt.rc_context(PLOTS):
        for name, _, figure in drawings:
            figure.savefig(folder / f"{name}.png", dpi=DPI, format="png")
            texts[name] = svg(figure)
            plt.close(figure)
    return texts


def price(outcome: Outcome) -> Figure:
    points, symbol, lead = outcome.series.points, _symbol(outcome), _lead(outcome)
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(WIDTH, 5.6), sharex=True, height_ratios=(3, 1), layout="constrained"
    )
    when = _times(points)
    top.plot(
        when, [point.ema_wad[lead] / WAD for point in points], color=ORANGE, lw=1.4, label="slow price (EMA)"
    )
    top.plot(when, [point.spot_wad[lead] / WAD for point in points], color=BLUE, lw=1.4, label="oracle price")
    started = [happened.time for happened in outcome.events if happened.event.name == "AuctionStarted"]
    if started:
        at = {point.time: point.spot_wad[lead] / WAD for point in points}
        top.plot(
            [_when(time) for time in started],
            [at.get(time, min(at.values())) for time in started],
            ls="none",
            marker="v",
            ms=6,
            mfc=RED,
            mec="white",
            mew=0.6,
            label="auction started",
        )
    _shade(top, points, outcome)
    top.set_title(f"{symbol} price")
    top.set_ylabel("dollars")
    top.yaxis.set_major_formatter(FuncFormatter(_thousands))
    top.legend(loc="best", ncols=2)
    gwei = [point.base_fee / 1e9 for point in points]
    bottom.fill_between(when, gwei, color=GREY, alpha=0.25, lw=0)
    bottom.plot(when, gwei, color=GREY, lw=1.2)
    bottom.set_ylim(bottom=0)
    bottom.set_title("Gas (base fee)")
    bottom.set_ylabel("gwei")
    _time_axis(bottom, outcome)
    return figure


def health(outcome: Outcome) -> Figure:
    points = outcome.series.points
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, 7.4), layout="constrained")
    shown = worst_accounts(outcome)
    known = {point.time: [v for a in shown if (v := point.health.get(a)) is not None] for point in points}
    worst = min(known, key=lambda time: min(known[time], default=HEALTH_TOP))
    zoom = [point for point in points if worst - ZOOM_SECONDS[0] <= point.time <= worst + ZOOM_SECONDS[1]]
    target = outcome.plan.config.auction.target_bps / BPS
    for axes, chosen in ((top, points), (bottom, zoom)):
        axes.axhspan(-99, 1, color=RED, alpha=0.07, lw=0)
        axes.axhline(1, color=INK, lw=1, label="maintenance margin: below it an auction is due")
        axes.axhline(target, color=GREEN, lw=1, ls=(0, (5, 3)), label=f"target of a slice: {target:g}")
        for place, account in enumerate(shown):
            _health_line(axes, chosen, outcome, account, LINES[place % len(LINES)])
        axes.set_ylabel("equity / MM")
        _shade(axes, chosen, outcome)
        axes.set_xlim(_when(chosen[0].time), _when(chosen[-1].time))
        _time_axis(axes, outcome)
    top.set_ylim(-0.5, HEALTH_TOP)
    bottom.set_ylim(max(-4.0, min([0.0, *known[worst]]) - 0.3), 2.0)
    top.set_title("The accounts that fell lowest: equity per maintenance margin")
    top.set_xlabel("")
    bottom.set_title("The same, around the worst moment (×: sold out)")
    handles, labels = top.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _health_line(axes: Axes, points: Sequence[Point], outcome: Outcome, account: int, colour: str) -> None:
    values = [_clipped(point.health.get(account)) for point in points]
    label = f"{account}: {outcome.traders[account].words}"
    axes.plot(_times(points), values, color=colour, lw=1.1, label=label)
    last = max((n for n, point in enumerate(points) if point.health.get(account) is not None), default=-1)
    if 0 <= last < len(points) - 1:
        axes.plot([_when(points[last].time)], [values[last]], marker="x", ms=7, mew=1.8, color=colour)


def worst_accounts(outcome: Outcome) -> list[int]:
    """Traders by their lowest health, those that never had a requirement left out."""
    lowest: dict[int, float] = {}
    for point in outcome.series.points:
        for account in outcome.traders:
            value = point.health.get(account)
            if value is not None:
                lowest[account] = min(value, lowest.get(account, value))
    return sorted(lowest, key=lambda account: (lowest[account], account))[:WORST]


def auctions(outcome: Outcome) -> Figure:
    params = auction_params(outcome)
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 4.2), layout="constrained")
    horizon = max([params.ramp_seconds * 1.25, *(sale["age"] for sale in sales(outcome))])
    curve = [horizon * step / 200 for step in range(201)]
    left.plot(
        curve,
        [discount_at_wad(int(age), params) / WAD * 100 for age in curve],
        color=GREY,
        lw=1.2,
        label="curve d(t)",
    )
    for insured, colour, label in ((False, BLUE, "solvent phase"), (True, RED, "insured phase")):
        chosen = [sale for sale in sales(outcome) if sale["insured"] is insured]
        if chosen:
            left.scatter(
                [sale["age"] for sale in chosen],
                [sale["d"] * 100 for sale in chosen],
                s=[12 + min(160.0, sale["discount"] / 15) for sale in chosen],
                color=colour,
                alpha=0.5,
                edgecolor="white",
                linewidth=0.5,
                label=f"slice sold, {label}",
            )
    left.set_title("Discount when sold")
    left.set_xlabel("seconds since the auction (re)started")
    left.set_ylabel("discount, % of MM")
    left.set_ylim(0, params.end_bps / 100 * 1.05)
    left.legend(loc="lower right", markerscale=0.8)

    hours = sorted({sale["time"] // 3600 * 3600 for sale in sales(outcome)})
    for part, colour, label, base in (
        ("kept", ORANGE, "kept by bidders", None),
        ("share", GREEN, "to the insurance fund", "kept"),
    ):
        sums = [_hourly(outcome, hour, part) for hour in hours]
        floor = [_hourly(outcome, hour, base) if base else 0.0 for hour in hours]
        right.bar(
            [_when(hour + 1800) for hour in hours],
            sums,
            bottom=floor,
            width=1 / 28,
            color=colour,
            label=label,
        )
    right.set_title("Discounts given, by hour")
    right.set_ylabel("dollars")
    right.yaxis.set_major_formatter(FuncFormatter(_thousands))
    right.set_xlim(_when(outcome.series.points[0].time), _when(outcome.series.points[-1].time))
    right.legend(loc="best")
    _time_axis(right, outcome, ticks=5)
    return figure


def sales(outcome: Outcome) -> list[dict[str, Any]]:
    """Each slice: when, how long after the (re)start, at which d, in which phase, and who got what [dollars]."""
    params = auction_params(outcome)
    began: dict[int, int] = {}
    insured: dict[int, bool] = {}
    found: list[dict[str, Any]] = []
    for happened in outcome.events:
        args = happened.event.args
        match happened.event.name:
            case "AuctionStarted":
                began[args["account"]], insured[args["account"]] = happened.time, False
            case "AuctionRestarted":
                began[args["account"]] = happened.time
            case "AuctionInsured":
                insured[args["account"]] = True
            case "Taken":
                age = happened.time - began[args["account"]]
                found.append(
                    {
                        "time": happened.time,
                        "account": args["account"],
                        "age": age,
                        "d": discount_at_wad(age, params) / WAD,
                        "insured": insured[args["account"]],
                        "fraction": args["fractionWad"] / WAD,
                        "discount": args["discountWad"] / WAD,
                        "share": args["fundShareWad"] / WAD,
                        "kept": (args["discountWad"] - args["fundShareWad"]) / WAD,
                        "insurance": args["insuranceWad"] / WAD,
                    }
                )
    return found


def waterfall(outcome: Outcome) -> Figure:
    """Two stairs of the same height: each step begins where the one before ended."""
    found = outcome.waterfall
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.8), layout="constrained", sharex=True)
    for axes, amounts, title in (
        (left, found.payers(), "Who paid"),
        (right, found.getters(), "Who got it"),
    ):
        _stairs(axes, amounts, found.paid_wad)
        axes.set_title(title)
        axes.set_xlabel("dollars")
        axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure


def _stairs(axes: Axes, amounts: Sequence[Amount], total_wad: int) -> None:
    """Bars from the top down, each with its amount where there is most room."""
    total, reached = total_wad / WAD, 0.0
    for place, amount in enumerate(amounts):
        width = amount.amount_wad / WAD
        axes.barh(place, width, left=reached, height=0.62, color=STEP_COLOURS.get(amount.name, GREY))
        end = reached + width
        if place + 1 < len(amounts):
            axes.plot([end, end], [place + 0.31, place + 0.69], color=GREY, lw=0.8)
        text = f"{width:,.2f}" + (f"  ({amount.times}×)" if amount.times else "")
        _, at, side, shift = max(
            (total - end, end, "left", 5),
            (reached, reached, "right", -5),
            (width, reached + width / 2, "center", 0),
        )
        axes.annotate(
            text,
            (at, place),
            xytext=(shift, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=9,
            color=INK if shift else "white",
        )
        reached = end
    axes.set_yticks(range(len(amounts)), [amount.name for amount in amounts])
    axes.set_ylim(len(amounts) - 0.5, -0.5)
    axes.set_xlim(0, total * 1.04 or 1)
    axes.grid(axis="y", visible=False)


def insurance(outcome: Outcome) -> Figure:
    points = outcome.series.points
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(WIDTH, 4.8), sharex=True, height_ratios=(2, 1.3), layout="constrained"
    )
    when = _times(points)
    top.plot(when, [point.fund_wad / WAD for point in points], color=GREEN, lw=1.6, drawstyle="steps-post")
    top.set_title("Cash of the insurance fund")
    top.set_ylabel("dollars")
    top.yaxis.set_major_formatter(FuncFormatter(_thousands))
    top.set_ylim(0, 1.12 * max(point.fund_wad for point in points) / WAD)
    flows = {"Taken": ("fundShareWad", 1), "FeesDistributed": ("fundWad", 1), "Paid": ("paidWad", -1)}
    for sign, colour, label in ((1, BLUE, "in: penalties and fees"), (-1, RED, "out: payments")):
        times, total, sums = [points[0].time], 0.0, [0.0]
        for happened in outcome.events:
            field, direction = flows.get(happened.event.name, ("", 0))
            if direction == sign and happened.time >= points[0].time:
                total += happened.event.args[field] / WAD
                times.append(happened.time)
                sums.append(total)
        times.append(points[-1].time)
        sums.append(total)
        bottom.plot(
            [_when(time) for time in times], sums, color=colour, lw=1.4, drawstyle="steps-post", label=label
        )
    bottom.set_title("Flows since the start, added up")
    bottom.set_ylabel("dollars")
    bottom.set_ylim(bottom=0)
    bottom.yaxis.set_major_formatter(FuncFormatter(_thousands))
    bottom.legend(loc="upper left")
    for axes in (top, bottom):
        _shade(axes, points, outcome, labelled=False)
    _time_axis(bottom, outcome)
    return figure


def keepers(outcome: Outcome) -> Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, 3.8), layout="constrained")
    for role, entries in outcome.records.items():
        told = [entry for entry in entries if "mined" in entry]
        profits = accumulate(  # a restarted keeper counts from zero
            sum(done["income_wad"] - done["cost_wad"] for done in entry["mined"]) / WAD for entry in told
        )
        axes.plot(
            [_when(entry["time"]) for entry in told],
            list(profits),
            color=KEEPER_COLOURS.get(role, INK),
            lw=1.5,
            drawstyle="steps-post",
            label=role.replace("_", " "),
        )
    axes.axhline(0, color=INK, lw=0.8)
    axes.set_title("Profit after gas, as the keepers record it")
    axes.set_ylabel("dollars")
    axes.yaxis.set_major_formatter(FuncFormatter(_thousands))
    axes.legend(loc="upper left")
    _shade(axes, outcome.series.points, outcome, labelled=False)
    _time_axis(axes, outcome)
    return figure


def _of_options(outcome: Outcome) -> list[Drawing]:
    if outcome.desk is None:
        return []
    return [
        ("options", "Options: price, open contracts and hedges", options(outcome, outcome.desk)),
        ("writers", "Their writers, side by side", writers(outcome, outcome.desk)),
    ]


def options(outcome: Outcome, desk: Desk) -> Figure:
    figure, (top, middle, bottom) = plt.subplots(
        3, 1, figsize=(WIDTH, 8.6), sharex=True, height_ratios=(1.3, 1, 1), layout="constrained"
    )
    points, symbol = desk.points, desk.options.underlying
    when, path = [_when(point.time) for point in points], outcome.plan.scenario.path
    alone = [path.at(symbol, point.time) for point in points]
    moved = [price * point.factor for price, point in zip(alone, points, strict=True)]
    top.plot(when, moved, color=BLUE, lw=1.4, label="price outside")
    top.plot(when, alone, color=GREY, lw=1.2, ls=(0, (5, 3)), label="had nobody hedged")
    top.set_title(f"{symbol}, and what hedging adds to it (dotted: expiries)")
    top.set_ylabel("dollars")
    top.yaxis.set_major_formatter(FuncFormatter(_thousands))
    top.legend(loc="upper left")

    stacks = [[point.open_wad.get(series, 0) / WAD for point in points] for series in desk.series]
    names = [f"{_when(expiry_of(one)):%H:%M}  {strike_of(one) / WAD:,.0f}" for one in desk.series]
    middle.stackplot(when, stacks, labels=names, colors=LINES, alpha=0.75, lw=0, step="post")
    middle.set_title("Open contracts")
    middle.set_ylabel(f"{symbol}")
    middle.legend(loc="upper right", title="expiry, strike")

    hedgers = [writer.name for writer in desk.options.writers if writer.hedges]
    for place, name in enumerate(hedgers):
        known = [point.writers[name] for point in points]
        owed = [(one.hedge_wad - one.greeks.delta_wad) / WAD for one in known]
        bottom.plot(when, owed, color=LINES[place % len(LINES)], lw=1.2, ls=(0, (2, 2)))
        held = [one.hedge_wad / WAD for one in known]
        bottom.plot(when, held, color=LINES[place % len(LINES)], lw=1.5, drawstyle="steps-post", label=name)
    bottom.set_title("Hedge of those who hedge (dotted: delta of what they sold)")
    bottom.set_ylabel(f"{symbol}")
    bottom.legend(loc="upper left")
    for axes in (top, middle, bottom):
        _expiries(axes, desk)
    _time_axis(bottom, outcome)
    return figure


def writers(outcome: Outcome, desk: Desk) -> Figure:
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, 7.0), sharex=True, layout="constrained")
    top.axhspan(-99, 1, color=RED, alpha=0.07, lw=0)
    top.axhline(1, color=INK, lw=1)
    for place, writer in enumerate(desk.options.writers):
        colour, known = LINES[place % len(LINES)], [point.writers[writer.name] for point in desk.points]
        when = [_when(point.time) for point in desk.points]
        label = f"{writer.name}, {writer.mode.name.lower()}"
        healths = [float("nan") if one.health is None else min(one.health, HEALTH_TOP) for one in known]
        top.plot(when, healths, color=colour, lw=1.4, label=label)
        needs = [one.maintenance_wad / WAD for one in known]
        bottom.plot(when, needs, color=colour, lw=1.4, drawstyle="steps-post")
    top.set_ylim(-0.5, HEALTH_TOP + 0.1)  # what has more goes along the edge
    top.set_title("Equity per maintenance margin")
    top.set_ylabel("equity / MM")
    figure.legend(loc="outside lower center", ncols=2)
    bottom.set_title("Maintenance margin")
    bottom.set_ylabel("dollars")
    bottom.set_ylim(bottom=0)
    bottom.yaxis.set_major_formatter(FuncFormatter(_thousands))
    for axes in (top, bottom):
        _expiries(axes, desk)
        _shade(axes, outcome.series.points, outcome, labelled=False)
    _time_axis(bottom, outcome)
    return figure


def _expiries(axes: Axes, desk: Desk) -> None:
    for expiry in desk.options.expiries:
        axes.axvline(_when(expiry), color=INK, lw=0.9, ls=(0, (1, 2)))


def auction_params(outcome: Outcome) -> Params:
    auction = outcome.plan.config.auction
    return Params(
        start_bps=auction.start_bps,
        end_bps=auction.end_bps,
        target_bps=auction.target_bps,
        fund_share_bps=auction.fund_share_bps,
        reward_share_bps=auction.reward_share_bps,
        reward_margin_bps=auction.reward_margin_bps,
        reward_gas=auction.reward_gas,
        reward_item_gas=auction.reward_item_gas,
        ramp_seconds=auction.ramp_seconds,
        solvent_seconds=auction.solvent_seconds,
        run_seconds=auction.run_seconds,
        dust_wad=int(auction.dust * WAD),
        reward_fund_wad=int(auction.reward_fund * WAD),
        gate_deficit_wad=int(auction.gate_deficit * WAD),
        tax_bps=auction.tax_bps,
    )


def _shade(axes: Axes, points: Sequence[Point], outcome: Outcome, *, labelled: bool = True) -> None:
    """Times in which the breaker let nobody take new risk, a price was contested, or a keeper was down."""
    spans: Mapping[str, tuple[str, list[tuple[int, int]]]] = {
        "no new risk (Cautious)": (ORANGE, _spans(points, lambda point: point.level >= Level.CAUTIOUS)),
        "price contested": (PURPLE, _spans(points, lambda point: point.grade >= Grade.CONTESTED)),
    }
    for role in dict.fromkeys(outage.role for outage in outcome.plan.scenario.outages):
        times = [(o.start, o.end) for o in outcome.plan.scenario.outages if o.role == role]
        spans = {**spans, f"{role.replace('_', ' ')} down": (GREY, times)}
    for label, (colour, found) in spans.items():
        for number, (start, end) in enumerate(found):
            told = label if labelled and number == 0 else None
            axes.axvspan(_when(start), _when(end), color=colour, alpha=0.18, lw=0, label=told)


def _spans(points: Sequence[Point], holds: Any) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    since = None
    for point in points:
        if holds(point) and since is None:
            since = point.time
        elif not holds(point) and since is not None:
            found.append((since, point.time))
            since = None
    if since is not None:
        found.append((since, points[-1].time))
    return found


def _hourly(outcome: Outcome, hour: int, part: str) -> float:
    return sum(sale[part] for sale in sales(outcome) if sale["time"] // 3600 * 3600 == hour)


def _clipped(value: float | None) -> float:
    """Beyond the plot's upper edge, and where there is no requirement, there is nothing to draw."""
    return float("nan") if value is None or value > HEALTH_TOP * 1.5 else value


def _symbol(outcome: Outcome) -> str:
    return next(iter(outcome.plan.scenario.path.prices))


def _lead(outcome: Outcome) -> int:
    return list(outcome.plan.config.underlyings).index(_symbol(outcome)) + 1


def _times(points: Sequence[Point]) -> list[datetime]:
    return [_when(point.time) for point in points]


def _when(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def _thousands(value: float, _: int) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _time_axis(axes: Axes, outcome: Outcome, ticks: int = 9) -> None:
    locator = dates.AutoDateLocator(minticks=4, maxticks=ticks)
    axes.xaxis.set_major_locator(locator)
    formats = ["%Y", "%b", "%-d %b", "%H:%M", "%H:%M", "%S.%f"]
    zeros = ["", "%Y", "%b", "%-d %b", "%H:%M", "%H:%M"]
    formatter = dates.ConciseDateFormatter(locator, formats=formats, zero_formats=zeros, show_offset=False)
    axes.xaxis.set_major_formatter(formatter)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    start = _when(outcome.plan.scenario.start)
    axes.set_xlabel(f"chain time (UTC), {start:%B %Y}")
