"""What is left of a demo run: a table on the terminal, report.html for people, report.json for machines, PNGs."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from string import Template
from typing import Any, Final

from rich.table import Table

from holdfast.demo.calls import (
    SeriesStory,
    WriterStory,
    most_lifted,
    series_stories,
    smiles_set,
    writer_stories,
)
from holdfast.demo.collect import Sums
from holdfast.demo.desk import Desk
from holdfast.demo.director import Outcome
from holdfast.demo.figures import draw, save
from holdfast.demo.journal import Line, journal
from holdfast.demo.waterfall import Amount, Waterfall
from holdfast.page import page
from holdfast.units import WAD

ONE_UNIT_WAD: Final = 10**12
"""The smallest amount of the settlement token (six decimals): more dust than that would be somebody's money."""

CAPTIONS: Final = {
    "price": "What the oracle held, its slow price, and the moments in which auctions began; "
    "below it what a transaction cost.",
    "health": "Each line is one account. Below 1 anybody may start its auction; a slice brings it back to the target.",
    "waterfall": "Left: who paid for the liquidations, in the order in which they are asked. Right: who got it. "
    "Both are the same money, to the wei; each amount is what the payer's own contract says it paid.",
    "auctions": "Left: every slice on the curve that the discount follows, the larger the dearer. "
    "Right: what the accounts paid for being sold, and who got it.",
    "insurance": "The fund starts with a gift, lives on its share of penalties and trading fees, "
    "and pays where an account can't.",
    "options": "Top: the price as it was, and as it would have been had nobody hedged. Middle: open contracts of each "
    "series; each ends where it settles. Bottom: what a writer who hedges owes of the underlying, and what he holds.",
    "writers": "Those who sold the same contracts and hedge them alike differ in their margin alone; whose calls are "
    "covered by collateral needs the less the deeper they are in the money. A line along the upper edge: more than "
    "that. Where a line ends the account holds nothing any more.",
    "keepers": "Rewards and discounts less gas and the cost of unloading. Price pusher and watchdog earn nothing: "
    "somebody has to pay them. What the price did to the bidder's stock is only in the table.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    what: str
    value: str
    note: str = ""


def balanced(sums: Sums) -> bool:
    """INV-01: no claim without a token, and no token gone astray."""
    return sums.books.balanced and sums.books.dust_wad < ONE_UNIT_WAD


def verdict(sums: Sums) -> str:
    books = sums.books
    claims, held, dust = (_exact(value) for value in (books.claims_wad, books.held_wad, books.dust_wad))
    if balanced(sums):
        return f"INV-01 holds: the books balance to the wei. Claims {claims} + dust {dust} = held {held}"
    return f"INV-01 IS BROKEN: the books don't balance. Claims {claims}, held {held}, difference {dust}"


def accounted(waterfall: Waterfall) -> str:
    """Who paid for the deficits: one line, or one for each thing that doesn't fit."""
    if waterfall.reconciled:
        return f"Deficits {_exact(waterfall.lacked_wad)} = paid by others {_exact(waterfall.others_wad)}, to the wei"
    return "\n".join(f"WHO PAID IS UNCLEAR: {fact}" for fact in waterfall.discrepancies)


def sound(outcome: Outcome) -> bool:
    """The books balance, and it is known to the wei who paid for what."""
    return balanced(outcome.sums) and outcome.waterfall.reconciled


def rows(outcome: Outcome) -> list[Row]:
    sums = outcome.sums
    worst = f"account {sums.worst_account}" if sums.worst_account is not None else ""
    found = [
        Row(
            what="Accounts liquidated",
            value=f"{sums.liquidated} of {sums.traders}",
            note=f"{sums.auctions} auctions",
        ),
        Row(what="Slices sold", value=str(sums.slices)),
        Row(
            what="Penalty paid",
            value=_money(sums.penalty_wad),
            note="discounts out of the accounts' own equity",
        ),
        Row(what="Start rewards", value=_money(sums.rewards_wad)),
    ]
    for keeper in sums.keepers:
        failed = f", {keeper.failed} failed" if keeper.failed else ""
        found.append(
            Row(
                what=f"Profit of the {keeper.role.replace('_', ' ')}",
                value=_money(keeper.profit_wad),
                note=f"{_money(keeper.gas_wad)} for gas of {keeper.transactions:,} transactions{failed}",
            )
        )
    found += [
        Row(
            what="Insurance fund in",
            value=_money(sums.insurance_in_wad),
            note=f"penalties {_money(sums.insurance_penalty_wad)}, fees {_money(sums.insurance_fees_wad)}",
        ),
        Row(
            what="Insurance fund out",
            value=_money(sums.insurance_out_wad),
            note=f"of {_money(sums.insurance_seed_wad)} at the start",
        ),
        Row(
            what="Bad debt",
            value=_money(sums.bad_debt_wad),
            note=f"deleveraged {_money(sums.deleveraged_wad)}, written off {_money(sums.written_off_wad)}, "
            f"left {_money(sums.left_wad)}",
        ),
        *_payers(outcome.waterfall),
        *_options(outcome),
        Row(what="Worst time unhealthy", value=f"{sums.worst_seconds_below} s", note=worst),
        Row(
            what="Run",
            value=f"{outcome.seconds:.0f} s",
            note=f"{len(outcome.series.points):,} blocks, seed {outcome.plan.seed}, {outcome.trades} trades",
        ),
    ]
    return found


def _payers(waterfall: Waterfall) -> list[Row]:
    """Beside the insurance fund, who has a row of his own."""
    return [
        Row(what=f"Paid by {payer.name}", value=_money(payer.amount_wad), note=f"{payer.times} times")
        for payer in waterfall.payers()
        if payer.name.startswith(("deleveraged", "credit"))
    ]


def _options(outcome: Outcome) -> list[Row]:
    """A row for all series, and one for each writer of them."""
    if outcome.desk is None:
        return []
    series = series_stories(outcome.desk, outcome.events)
    settled = [one for one in series if one.price_wad is not None]
    return [
        Row(
            what="Paid to holders of calls",
            value=_money(sum(one.paid_wad for one in series)),
            note=f"{len(settled)} of {len(series)} series settled; hedging lifted the price by "
            f"{most_lifted(outcome.desk):+.1%} at most",
        ),
        *(
            Row(what=f"Left to the {one.writer.name}", value=_money(one.equity_wad), note=_fate(one))
            for one in writer_stories(outcome.desk, outcome.events)
        ),
    ]


def _fate(story: WriterStory) -> str:
    lowest = "" if story.lowest_health is None else f", lowest health {story.lowest_health:.2f}"
    end = "never in auction" if story.auction_at is None else f"in auction at {_clock(story.auction_at)}"
    refused = sum(story.refused.values())
    began = _began(story.writer.cash, story.writer.collateral)
    return f"{story.writer.mode.name.lower()}, of {began}{lowest}, {end}" + (
        f", {refused} trades refused" if refused else ""
    )


def table(outcome: Outcome) -> Table:
    found = Table(
        title=outcome.plan.scenario.name, title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    found.add_column("")
    found.add_column("dollars", justify="right")
    found.add_column("", style="dim")
    for row in rows(outcome):
        found.add_row(row.what, row.value, row.note)
    return found


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Amounts in whole units of the settlement token; `exact_wad` has the ones that are summed, to the wei."""
    sums, scenario = outcome.sums, outcome.plan.scenario
    return {
        "balanced": balanced(sums),
        "reconciled": outcome.waterfall.reconciled,
        "bad_debt": _number(sums.bad_debt_wad),
        "accounts": sums.traders,
        "liquidated": sums.liquidated,
        "auctions": sums.auctions,
        "slices": sums.slices,
        "penalty": _number(sums.penalty_wad),
        "start_rewards": _number(sums.rewards_wad),
        "keeper_profit": _number(sums.keeper_profit_wad),
        "keepers": {
            keeper.role: {
                "profit": _number(keeper.profit_wad),
                "income": _number(keeper.income_wad),
                "gas": _number(keeper.gas_wad),
                "gas_used": keeper.gas_used,
                "transactions": keeper.transactions,
                "failed": keeper.failed,
            }
            for keeper in sums.keepers
        },
        "watchdog": [
            {"at": _stamp(line.time), "did": line.what, "why": line.why, "done": line.done}
            for line in _watchdog(outcome)
        ],
        "insurance_in": _number(sums.insurance_in_wad),
        "insurance_out": _number(sums.insurance_out_wad),
        "waterfall": {
            "paid": _amounts(outcome.waterfall.payers()),
            "got": _amounts(outcome.waterfall.getters()),
            "deficits_wad": str(outcome.waterfall.lacked_wad),
            "paid_by_others_wad": str(outcome.waterfall.others_wad),
            "discrepancies": outcome.waterfall.discrepancies,
        },
        **({"options": _options_json(outcome, outcome.desk)} if outcome.desk is not None else {}),
        "worst_seconds_below_maintenance": sums.worst_seconds_below,
        "seconds": round(outcome.seconds, 1),
        "scenario": scenario.name,
        "from": _stamp(scenario.start),
        "to": _stamp(scenario.end),
        "seed": outcome.plan.seed,
        "blocks": len(outcome.series.points),
        "last_block": outcome.last_block,
        "exact_wad": {
            "claims": str(sums.books.claims_wad),
            "held": str(sums.books.held_wad),
            "dust": str(sums.books.dust_wad),
            "bad_debt": str(sums.bad_debt_wad),
            "keeper_profit": str(sums.keeper_profit_wad),
            "insurance_in": str(sums.insurance_in_wad),
            "insurance_out": str(sums.insurance_out_wad),
        },
    }


def _options_json(outcome: Outcome, desk: Desk) -> dict[str, Any]:
    return {
        "series": {
            outcome.name_of(one.instrument): {
                "most_open": _number(one.most_open_wad),
                "settled_at": None if one.price_wad is None else _number(one.price_wad),
                "payoff": _number(one.payoff_wad),
                "paid": _number(one.paid_wad),
            }
            for one in series_stories(desk, outcome.events)
        },
        "writers": {
            one.writer.name: {
                "mode": one.writer.mode.name.lower(),
                "account": one.account,
                "cash": one.writer.cash,
                "collateral": {token: _number(wad) for token, wad in one.writer.collateral.items()},
                "equity": _number(one.equity_wad),
                "lowest_health": None if one.lowest_health is None else round(one.lowest_health, 4),
                "most_maintenance": _number(one.most_maintenance_wad),
                "most_hedge": _number(one.most_hedge_wad),
                "lowest_gamma": _number(one.most_gamma_wad),
                "auction_at": None if one.auction_at is None else _stamp(one.auction_at),
                "trades": one.trades,
                "refused": one.refused,
            }
            for one in writer_stories(desk, outcome.events)
        },
        "smiles": {"sent": desk.smiles_sent, "set": smiles_set(outcome.events)},
        "lifted_by_hedging": round(most_lifted(desk), 6),
    }


def _amounts(amounts: Sequence[Amount]) -> dict[str, dict[str, Any]]:
    return {
        amount.name: {
            "dollars": _number(amount.amount_wad),
            "wad": str(amount.amount_wad),
            "times": amount.times,
        }
        for amount in amounts
    }


def write(outcome: Outcome, folder: Path) -> Path:
    """All files; returns the page."""
    drawings = draw(outcome)
    texts = save(drawings, folder)
    (folder / "report.json").write_text(json.dumps(as_json(outcome), indent=2) + "\n")
    page = folder / "report.html"
    page.write_text(render(outcome, [(name, title, texts[name]) for name, title, _ in drawings]))
    return page


def render(outcome: Outcome, figures: Sequence[tuple[str, str, str]]) -> str:
    sums, scenario = outcome.sums, outcome.plan.scenario
    cards = [
        (f"{sums.liquidated}<small> of {sums.traders}</small>", "accounts liquidated"),
        (str(sums.slices), "slices sold"),
        (_short(sums.penalty_wad), "penalty paid"),
        (_short(sums.keeper_profit_wad), "keepers' profit after gas"),
        (f"+{_short(sums.insurance_in_wad)}", f"insurance in, −{_short(sums.insurance_out_wad)} out"),
        (_short(sums.bad_debt_wad), "bad debt"),
        (f"{sums.worst_seconds_below}<small> s</small>", "worst time unhealthy"),
    ]
    body = Template(_BODY).substitute(
        name=html.escape(scenario.name),
        about=html.escape(scenario.about),
        period=f"{_stamp(scenario.start)} to {_stamp(scenario.end)}",
        verdict=html.escape(f"{verdict(sums)}\n{accounted(outcome.waterfall)}").replace("\n", "<br>"),
        state="good" if sound(outcome) else "bad",
        cards="".join(f"<div><b>{value}</b><span>{label}</span></div>" for value, label in cards),
        rows="".join(
            f"<tr><td>{html.escape(row.what)}</td><td>{html.escape(row.value)}</td><td>{html.escape(row.note)}</td></tr>"
            for row in rows(outcome)
        ),
        figures="".join(
            f'<figure id="{name}"><h2>{html.escape(title)}</h2>{svg}'
            f"<figcaption>{html.escape(CAPTIONS[name])}</figcaption></figure>"
            for name, title, svg in figures
        ),
        options=_options_html(outcome, outcome.desk) if outcome.desk is not None else "",
        watchdog="".join(map(_journal_row, _watchdog(outcome))),
        traders="".join(_trader_row(outcome, account) for account in sorted(outcome.traders)),
        seed=outcome.plan.seed,
        seconds=f"{outcome.seconds:.0f}",
        blocks=f"{len(outcome.series.points):,}",
    )
    return page(f"Holdfast: {scenario.name}", body)


def _options_html(outcome: Outcome, desk: Desk) -> str:
    series = "".join(_series_row(outcome, one) for one in series_stories(desk, outcome.events))
    writers = "".join(map(_writer_row, writer_stories(desk, outcome.events)))
    return Template(_OPTIONS).substitute(series=series, writers=writers)


def _series_row(outcome: Outcome, story: SeriesStory) -> str:
    return _cells(
        outcome.name_of(story.instrument),
        f"{story.most_open_wad / WAD:,.1f}",
        "not settled" if story.price_wad is None else _money(story.price_wad),
        _money(story.payoff_wad),
        _money(story.paid_wad),
    )


def _writer_row(story: WriterStory) -> str:
    writer = story.writer
    return _cells(
        writer.name,
        writer.mode.name.lower(),
        "yes" if writer.hedges else "no",
        _began(writer.cash, writer.collateral),
        _money(story.equity_wad),
        "" if story.lowest_health is None else f"{story.lowest_health:.2f}",
        _money(story.most_maintenance_wad),
        f"{story.most_hedge_wad / WAD:,.1f}",
        f"{story.most_gamma_wad / WAD:,.2f}",
        "never" if story.auction_at is None else _clock(story.auction_at),
        f"{sum(story.refused.values())} of {story.trades + sum(story.refused.values())}",
    )


def _cells(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def _watchdog(outcome: Outcome) -> list[Line]:
    records, symbols = outcome.records.get("watchdog", ()), list(outcome.plan.config.underlyings)
    return journal(records, symbols, outcome.name_of)


def _journal_row(line: Line) -> str:
    verdict = {True: "done", False: "failed", None: ""}[line.done]
    cells = [_stamp(line.time), line.what, line.why, verdict, _money(line.cost_wad) if verdict else ""]
    return _cells(*cells)


def _trader_row(outcome: Outcome, account: int) -> str:
    trader = outcome.traders[account]
    legs = ", ".join(f"{size / WAD:+,.3f} {symbol}" for symbol, size in trader.legs.items())
    mine = [happened.event for happened in outcome.events if happened.event.args.get("account") == account]
    taken = [event.args for event in mine if event.name == "Taken"]
    penalty = sum(max(0, args["discountWad"] - args["insuranceWad"]) for args in taken)
    cells = [
        str(account),
        trader.style,
        trader.mode.name.lower(),
        f"{trader.leverage:.1f}×" if trader.leverage else "",
        legs,
        _began(trader.cash, trader.collateral),
        str(len(taken)) if taken else "",
        _money(penalty) if taken else "",
    ]
    return _cells(*cells)


def _began(cash: int, collateral: Mapping[str, int]) -> str:
    """What somebody came with."""
    return " and ".join(
        [f"{cash:,}", *(f"{amount / WAD:,.6g} {token}" for token, amount in collateral.items())]
    )


def _money(wad: int) -> str:
    return f"{Decimal(wad).scaleb(-18):,.2f}"


def _exact(wad: int) -> str:
    return f"{Decimal(wad).scaleb(-18):,.18f}"


def _short(wad: int) -> str:
    value = wad / WAD
    if abs(value) >= 100_000:
        return f"{value / 1_000:,.0f}k"
    return f"{value:,.0f}"


def _number(wad: int) -> float:
    return round(wad / WAD, 6)


def _clock(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%H:%M}"


def _stamp(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"


_BODY: Final = """<h1>$name</h1>
<p class="about">$about · $period</p>
<p class="verdict $state">$verdict</p>
<div class="cards">$cards</div>
<section><h2>In figures <small style="font-weight:400;color:#6b7280">(dollars)</small></h2>
<table class="sums">$rows</table></section>
$figures
$options
<section><details><summary>What the watchdog did</summary><div class="wide"><table class="small">
<tr><th>at</th><th>action</th><th>why</th><th></th><th>gas</th></tr>$watchdog</table></div></details></section>
<section><details><summary>The traders</summary><div class="wide"><table class="small">
<tr><th>account</th><th>style</th><th>mode</th><th>leverage</th><th>positions</th><th>margin</th><th>slices sold</th>
<th>penalty</th></tr>$traders</table></div></details></section>
<footer>Seed $seed, $blocks blocks, $seconds seconds. All contracts, keepers and trades are real; the chain is a local
Anvil, the market maker stands for the depth of other venues, and the clock stands still while nothing happens.</footer>
"""

_OPTIONS: Final = """<section><h2>Options, by series <small style="font-weight:400;color:#6b7280">(dollars)</small></h2>
<div class="wide"><table class="small"><tr><th>series</th><th>most open</th><th>settled at</th><th>payoff</th>
<th>paid to holders</th></tr>$series</table></div></section>
<section><h2>Their writers, side by side <small style="font-weight:400;color:#6b7280">(dollars)</small></h2>
<div class="wide"><table class="small"><tr><th>writer</th><th>mode</th><th>hedges</th><th>began with</th><th>left</th>
<th>lowest health</th><th>largest MM</th><th>largest hedge</th><th>lowest gamma</th><th>in auction</th>
<th>trades refused</th></tr>$writers</table></div></section>
"""
