"""INV-39, INV-86 to INV-89 and INV-95 to INV-99: options, from their mark to what is left of a settled series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from holdfast.errors import Refused
from holdfast.model import options, portfolio, risk, surface
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.prices import pricing_of, variances_of
from holdfast.sim.invariants.reading import (
    assess,
    equity_of,
    health_of,
    holdings_book,
    interest_wad,
    maintenance_of,
    price_of,
    size_gap,
    size_slack,
    stored_of,
)
from holdfast.sim.series import average_wad, closed_at, cover_of, known_of
from holdfast.sim.steps import Transition
from holdfast.sim.surfaces import known_after, read_smile
from holdfast.sim.surfaces import known_of as known_of_smiles
from holdfast.types import Kind, Mode, expiry_of, kind_of, strike_of, underlying_of
from holdfast.units import WAD, mul_wad_down

UNCAPPED: Final = 2**200
"""[wad] More than anything is worth."""


@invariant(86)
def marks_exact(t: Transition, g: Ghost) -> Judgement:
    """An option's mark is what the model gives, to the wei: what it would pay now at least, spot or strike at most."""
    pricing = pricing_of(t, g)
    for series in t.after.series:
        spot, mark = price_of(t.after, series.underlying).spot_wad, series.mark_wad
        if series.settled:
            yield unless(mark == 0, f"{series.instrument:#x} is settled, and worth {mark}")
            continue
        meant = options.unit_wad(series.instrument, spot, pricing)
        yield None if mark == meant else f"{series.instrument:#x} is worth {mark}, not {meant}"
        least = options.payoff_wad(series.instrument, spot)
        most = spot if kind_of(series.instrument) == Kind.CALL else strike_of(series.instrument)
        yield at_most(least, mark, f"{series.instrument:#x} is worth {mark}, and pays {least}", "wei a unit")
        yield at_most(mark, most, f"{series.instrument:#x} is worth {mark} of {most}", "wei a unit")
        if series.expiry_at <= t.after.system.time:
            yield unless(mark == least, f"{series.instrument:#x} expired: worth {mark}, it pays {least}")


@invariant(87)
def longs_covered(t: Transition, g: Ghost) -> Judgement:
    """Who has nothing but options that he bought never needs more than they are worth."""
    for account in t.after.accounts:
        if account.id not in t.fresh or account.holdings or not account.positions or account.health is None:
            continue
        if all(options.is_option(leg.instrument) and leg.size_wad >= 0 for leg in account.positions):
            margin, quotes = account.health.margin, sum(leg.quote_wad for leg in account.positions)
            worth = margin.equity_wad - account.cash_wad - quotes
            if account.mode is Mode.PORTFOLIO:
                worth += len(account.positions)  # there their sum is rounded up
            most = max(margin.initial_wad, margin.maintenance_wad)
            yield at_most(most, worth, f"account {account.id} needs {most} for what is worth {worth}")


@invariant(88)
def smiles_bounded(t: Transition, g: Ghost) -> Judgement:
    """A smile admits no arbitrage and moves no further and no sooner than its rules let it, whoever feeds it."""
    known, now, realised = known_of_smiles(g), t.after.system.time, variances_of(g)
    for event in t.named("SmileSet"):
        underlying, expiry = event.args["underlying"], event.args["expiry"]
        smile, standing = read_smile(event.args["smile"]), known.surface(underlying)
        try:
            meant = surface.set_smile(standing, expiry, smile, realised.get(underlying, 0), now)
        except Refused as refused:
            yield f"{smile} of {expiry} was set, though {refused}"
            continue
        found = known_after(g, t).surface(underlying)
        yield None if found == meant else f"the surface is {found}, not {meant}"
        yield unless(g.world.people.smiler in t.speakers, f"{t.speakers} set a smile")
    for event in t.named("SmileDropped"):
        there = event.args["expiry"] in known.surface(event.args["underlying"]).smiles
        yield unless(there and g.world.people.guardian in t.speakers, f"{t.speakers} dropped a smile")


@invariant(89, refusals=True)
def witnesses_true(t: Transition, g: Ghost) -> Judgement:
    """A start shows the maintenance margin that its witness proves, by the model: never more than the whole."""
    shown = [(event.args["account"], event.args["maintenanceWad"]) for event in t.named("AuctionStarted")]
    if t.action == "start" and (refused := t.results[-1].error) is not None and refused.name == "Healthy":
        shown.append((t.facts["account"], refused.fields["maintenanceWad"]))
    for account, found in shown:
        was, witness = t.was[account], t.facts.get("witness", portfolio.ALL)
        meant = whole = maintenance_of(was)
        if was.mode is Mode.PORTFOLIO and witness != portfolio.ALL:
            book, scans = holdings_book(t.before, was), known_after(g, t).scans
            meant = assess(t.before, was.mode, book, pricing_of(t, g), scans, witness).maintenance_wad
        yield unless(found == meant, f"account {account}: {found} shown by {witness:#x}, not {meant}")
        yield at_most(found, whole, f"account {account}: {found} shown of {whole}")


@invariant(39)
def hedges_help(t: Transition, g: Ghost) -> Judgement:
    """A portfolio's IM is at most the sum of what its parts need by themselves, where no value caps what they need."""
    if t.step is None or not t.changed:
        return
    for account in t.after.accounts:
        if account.mode is not Mode.PORTFOLIO or account.id not in t.fresh & t.step.accounts:
            continue
        book = holdings_book(t.after, account)
        if len(book.legs) + len(book.holdings) > 1:
            alone = sum(_uncapped(t, g, book))
            together = health_of(account).margin.initial_wad
            # Between two nodes lines bound what a sum loses more loosely than what its parts lose.
            most = alone + alone // 100 + 10
            yield at_most(together, most, f"account {account.id}: {together} together, {alone} alone")


def _uncapped(t: Transition, g: Ghost, book: risk.Book) -> Iterator[int]:
    """What each leg and holding needs by itself, whatever it is worth."""
    pricing, scans = pricing_of(t, g), known_after(g, t).scans
    parts: list[tuple[int, tuple[risk.Leg, ...], tuple[risk.Collateral, ...]]] = [
        (underlying_of(leg.instrument), (leg,), ()) for leg in book.legs
    ]
    for holding in book.holdings:
        if holding.asset in scans.netted:
            parts.append((scans.netted[holding.asset], (), (holding,)))
        else:
            bare = replace(book, cash_wad=0, legs=(), holdings=(holding,))
            yield assess(t.after, Mode.PORTFOLIO, bare, pricing, scans).initial_wad
    for underlying, legs, holdings in parts:
        params, grid = scans.scans[underlying], scans.grids[underlying]
        exposure = portfolio.exposure_of(
            underlying, legs, holdings, params, pricing.variance_of, pricing.time
        )
        floor, contingency, _ = portfolio.add_ons(exposure, params)
        charged = portfolio.losses(exposure, params, grid, UNCAPPED)
        yield max(floor, portfolio.uncovered_loss(exposure, params), *charged) + contingency


@invariant(95)
def settlements_conserve(t: Transition, g: Ghost) -> Judgement:
    """A settlement gives longs no more than shorts pay; each holder gets his size times the payoff, in cash to come."""
    for event in t.named("SeriesSettled"):
        instrument, payoff = event.args["instrument"], event.args["payoffWad"]
        was, now = t.before.series_by_id.get(instrument), t.after.series_by_id.get(instrument)
        if was is None or now is None:
            empty = was is None or not (was.long_base_wad or was.short_base_wad)
            yield unless(empty, f"{instrument:#x} is gone")
            continue
        gets, pays = now.long.flow_wad - was.long.flow_wad, was.short.flow_wad - now.short.flow_wad
        # A unit of base, whatever the sides are: what deleveraging left between them hides no rounding the wrong way.
        unit = f"{instrument:#x}: a unit of base gets {gets} or pays {pays} at {payoff}"
        yield at_most(gets * WAD, was.long.scale_wad * payoff, unit, "wei/1e18")
        yield at_most(was.short.scale_wad * payoff, pays * WAD, unit, "wei/1e18")
        got, paid = was.long_base_wad * gets, was.short_base_wad * pays
        wrong = f"{instrument:#x}: longs got {got // WAD}, shorts paid {paid // WAD}"
        yield at_most(got, paid, wrong, "wei/1e18")
        lost = was.long_base_wad + was.short_base_wad + payoff * size_gap(was)
        yield at_most(paid - got, lost, wrong, "wei/1e18")
        for before, after in t.pairs:
            leg, left = before.position(instrument), after.position(instrument)
            if leg is None:
                continue
            yield unless(stored_of(before) == stored_of(after), f"account {before.id} was touched")
            gained = left.quote_wad - leg.quote_wad if left is not None else 0
            meant = mul_wad_down(leg.size_wad, payoff)
            slack = 2 + abs(leg.base_wad) // WAD + size_slack(payoff)
            above = 2 + payoff // WAD  # a wei of size
            yield at_most(gained, meant + above, f"account {before.id} gained {gained}, not {meant}")
            yield at_most(meant - gained, slack, f"account {before.id} gained {gained}, not {meant}")
            worth = gained - mul_wad_down(leg.size_wad, was.mark_wad)
            off = abs(equity_of(after) - equity_of(before) - worth)
            slack += size_slack(was.mark_wad)
            yield at_most(off, slack, f"account {before.id}: equity off by {off}")


@invariant(96, refusals=True)
def settlements_averaged(t: Transition, g: Ghost) -> Judgement:
    """A series settles once, after its expiry, at the average of all prices in its window: as soon as it is known."""
    for event in t.named("SeriesSettled"):
        instrument, price, payoff = (event.args[name] for name in ("instrument", "priceWad", "payoffWad"))
        series = t.before.series_by_id.get(instrument)
        if series is None or instrument in known_of(g).settled:
            yield f"{instrument:#x} settled twice"
            continue
        expiry, meant = expiry_of(instrument), average_wad(g, series.underlying, expiry_of(instrument))
        yield unless(t.after.system.time >= expiry, f"{instrument:#x} settled before its expiry")
        yield unless(price == meant, f"{instrument:#x} settled at {price}, the average is {meant}")
        due = options.payoff_wad(instrument, price)
        yield unless(payoff == due, f"{instrument:#x} pays {payoff}, not {due}")
        held = interest_wad(series, True)
        yield unless(event.args["openInterestWad"] == held, f"{instrument:#x}: {held} were open")
    if t.action != "settle_series":
        return
    instrument = t.facts["series"]
    cover = cover_of(g, underlying_of(instrument), expiry_of(instrument))
    if t.error == "AlreadySettled":
        yield unless(instrument in known_of(g).settled, f"{instrument:#x} isn't settled")
    elif not t.ok:
        yield unless(cover != t.facts["covered"], f"{instrument:#x}: refused though covered: {t.error}")
    else:
        yield unless(cover == t.facts["covered"], f"{instrument:#x}: settled by another hint than {cover}")


@invariant(97)
def settled_still(t: Transition, g: Ghost) -> Judgement:
    """A settled series never moves again: its sides stand as it left them, and bases only go."""
    settled = known_of(g).settled
    for was in t.before.series:
        if was.instrument not in settled:
            continue
        now = t.after.series_by_id.get(was.instrument)
        if now is None:
            continue  # nobody holds it any more
        kept = settled[was.instrument]
        yield unless(
            (now.long, now.short) == kept and now.settled, f"{was.instrument:#x} moved: {now}, not {kept}"
        )
        fewer = now.long_base_wad <= was.long_base_wad and now.short_base_wad <= was.short_base_wad
        yield unless(fewer, f"{was.instrument:#x} grew: {was} -> {now}")


@invariant(98)
def tallies_match(t: Transition, g: Ghost) -> Judgement:
    """What counts towards the cap of an underlying's options is the open interest of all that aren't settled."""
    for market in t.after.markets:
        series = [one for one in t.after.series if one.underlying == market.underlying and not one.settled]
        total = sum(interest_wad(one, True) for one in series)
        yield unless(
            market.tally_wad == total, f"underlying {market.underlying}: {market.tally_wad}, not {total}"
        )
        count = market.tally_series
        yield unless(
            count == len(series), f"underlying {market.underlying}: {count} series, not {len(series)}"
        )


@invariant(99, refusals=True)
def trading_ends(t: Transition, g: Ghost) -> Judgement:
    """An option is traded until its window begins, and not a second longer."""
    now = t.after.system.time
    for fill in t.named("Filled"):
        series = fill.args["instrument"]
        if options.is_option(series):
            yield at_most(now, closed_at(series) - 1, f"{series:#x} was traded in its window", "s")
    if t.error == "TradingClosed" and t.action == "match":
        series = t.facts["instrument"]
        yield unless(
            options.is_option(series) and now >= closed_at(series), "refused before the window began"
        )
