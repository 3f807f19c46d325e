"""INV-50 and INV-55: when time is booked, and by whom, changes nothing that rounding doesn't explain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from holdfast.model.options import is_option
from holdfast.sim.actions import Scene
from holdfast.sim.invariants import Judgement, Room, at_most, unless
from holdfast.sim.pairs.core import Branch, Case, Run, Trial, pair
from holdfast.sim.pairs.moves import (
    accrue,
    accrue_interest,
    answers,
    due,
    nothing,
    poke,
    settle,
    settle_many,
    settle_series,
    unrealised,
    waiting,
)
from holdfast.sim.pairs.reading import cash_tick, compounding, equity_of, flow_digits, steepest
from holdfast.sim.steps import Step
from holdfast.types import Account, Market, Series, Snapshot, underlying_of
from holdfast.units import BPS, WAD, mul_wad_down

LONGEST = 40_000
"""[seconds] Of a wait that a case draws."""


def _in_order(trial: Trial) -> Judgement:
    left, others = trial.runs[0], [run for run in trial.runs[1:] if run.ok]
    if not left.ok:
        return
    for run in others:
        paid = Counter(event.args["account"] for event in run.named("Settled") if event.args["cashWad"])
        tick = cash_tick(run.end.system.pool)
        yield _closest(_same(a, run.end.account(a.id), run, paid[a.id], tick) for a in left.end.accounts)
        for one in left.end.series:
            other = run.end.series_by_id.get(one.instrument)
            if (
                one.settled
            ):  # bases go with those who realise theirs; with the last of them it is shown no more
                kept = other is None or (one.long, one.short) == (other.long, other.short)
            else:
                kept = _without_dust(one, left, run) == other
            yield unless(kept, f"{one} left alone, {other} after {run.branch.name}")
        if run is not others[0]:
            first = others[0]
            yield _closest(
                _as_paid(first.end.account(b.id), b, paid[b.id] * tick, run.branch.name)
                for b in run.end.accounts
            )


def _without_dust(series: Series, left: Run, run: Run) -> Series:
    """What is left of its bases when those of positions without size that were paid out have gone."""
    held = {(a.id, p.instrument) for a in run.end.accounts for p in a.positions}
    sizeless = [(a.id, p) for a in left.end.accounts for p in a.positions if not p.size_wad]
    gone = [p for id, p in sizeless if p.instrument == series.instrument and (id, p.instrument) not in held]
    long = sum(p.base_wad for p in gone if p.base_wad > 0 and p.epoch == series.long.epoch)
    short = -sum(p.base_wad for p in gone if p.base_wad < 0 and p.epoch == series.short.epoch)
    return replace(
        series,
        long_base_wad=series.long_base_wad - long,
        short_base_wad=series.short_base_wad - short,
        long_open_wad=mul_wad_down(series.long_base_wad - long, series.long.scale_wad),
        short_open_wad=mul_wad_down(series.short_base_wad - short, series.short.scale_wad),
    )


def _as_paid(a: Account, b: Account, most: int, name: str) -> Room:
    """Whatever the order, the same is left to realise, and the rest is cash."""
    if _legs(a) != _legs(b):
        return Room(-1, "wei", f"account {a.id} holds {a.positions} in one order, {b.positions} after {name}")
    apart = abs(a.cash_wad - b.cash_wad)
    return at_most(apart, most, f"account {a.id}: {apart} wei of cash apart after {name}")


def _same(a: Account, b: Account, run: Run, paid: int, tick: int) -> Room:
    """The same claims, to the wei; who had positions without size paid out may lose a tick each time."""
    if not paid and (a.positions, a.cash_wad) == (b.positions, b.cash_wad) and a.health != b.health:
        return Room(
            -1, "wei", f"account {a.id} needs {a.health} left alone, {b.health} after {run.branch.name}"
        )
    worth_a, worth_b = equity_of(a), equity_of(b)
    if worth_a is None or worth_b is None:
        return Room(
            0, "wei", None if worth_a == worth_b else f"account {a.id} can be assessed in one run only"
        )
    if paid:
        return _between(a.id, run.branch.name, worth_b - worth_a, -paid * tick, 0)
    kept = (a.cash_wad, _legs(a), a.holdings) == (b.cash_wad, _legs(b), b.holdings)
    return Room(
        0 if kept else -1,
        "wei",
        None if kept else f"account {a.id}: {a} left alone, {b} after {run.branch.name}",
    )


def _legs(account: Account) -> tuple[tuple[int, int, int], ...]:
    """What positions are worth; one that has neither size nor cash may be gone."""
    found = ((p.instrument, p.size_wad, p.quote_wad) for p in account.positions)
    return tuple(sorted(leg for leg in found if leg[1] or leg[2]))


def _closest(rooms: Iterable[Room]) -> Room:
    """The worst of them: what is wrong first, then what left least."""
    return min(rooms, key=lambda room: (room.wrong is None, room.left))


def _between(account: int, name: str, gain: int, low: int | Fraction, high: int | Fraction) -> Room:
    """Is the gain within its bounds?"""
    low, high = int(low), int(high)
    wrong = f"account {account} gained {gain} wei by {name}, not within [{low}, {high}]"
    return at_most(max(gain - high, low - gain), 0, wrong)


@pair(50, judge=_in_order)
def order_of_accrual(s: Scene) -> Case | None:
    """At one moment it makes no difference whether, in what order and by whom funding, interest, payoffs are booked."""
    world, wait, paying = s.world, s.log(1, LONGEST), unrealised(s.state)
    steps = [accrue(world, instrument) for instrument in s.state.instruments]
    held = [(a.id, p.instrument) for a in s.state.accounts for p in a.positions if p.instrument not in paying]
    steps += [settle(world, *one) for one in s.rng.sample(held, min(len(held), 8))]
    steps.append(accrue_interest(world))
    alone = [settle(world, account, series) for series, accounts in paying.items() for account in accounts]
    batches = [settle_many(world, accounts, series) for series, accounts in paying.items()]
    there, many = (s.rng.sample(all_, len(all_)) for all_ in (steps + alone, steps + batches))
    first = nothing(world, wait), *(settle_series(world, one, one.covered_at) for one in due(s.state))
    return Case(
        branches=(
            Branch(name="left alone", steps=first),
            Branch(name="one order", steps=(*first, *there)),
            Branch(name="the reverse", steps=(*first, *reversed(there))),
            *((Branch(name="many at once", steps=(*first, *many)),) if batches else ()),
        )
    )


# At several moments instead of one


def _over_time(trial: Trial) -> Judgement:
    left, touched = trial.runs
    if not (left.ok and touched.ok):
        return
    late = (r.events for results in touched.results[trial.facts["booked"] :] for r in results)
    if any(event.name == "Settled" and event.args["cashWad"] for events in late for event in events):
        return  # a position without size became cash: it earns interest from then on
    spots = {m.underlying: m.price.spot_wad for m in trial.before.markets}
    poked = touched.named("PricePoked")
    if any(event.args["spotWad"] != spots[event.args["underlying"]] for event in poked):
        return  # the source had another answer in store
    times = len(touched.branch.steps) + 1
    seconds = touched.end.system.time - trial.before.system.time
    drawn = any(
        market.price.spot_wad != touched.end.market(market.instrument).price.spot_wad
        for market in left.end.markets
    )  # to a slow price, by whose digits the marks are then apart
    told = {event.args["underlying"] for event in poked}  # each price tells anew how much prices move
    for series in left.end.series:
        marks = series.mark_wad, touched.end.instruments[series.instrument].mark_wad
        wrong = f"series {series.instrument:#x}: {marks[0]} left alone, {marks[1]} touched without a price"
        yield unless(series.underlying in told or marks[0] == marks[1], wrong)
    if not drawn:
        yield _closest(
            _drifted(trial, a, touched.end.account(a.id), times, seconds)
            for a in left.end.accounts
            if not any(is_option(p.instrument) and underlying_of(p.instrument) in told for p in a.positions)
        )
    for market in left.end.markets:
        other = touched.end.market(market.instrument)
        most = _slow_slack(trial, market, seconds, times)
        apart = abs(market.price.ema_wad - other.price.ema_wad)
        yield at_most(
            apart,
            most if poked else 0,
            f"slow price {market.price.ema_wad} left alone, {other.price.ema_wad} poked",
        )


def _slow_slack(trial: Trial, market: Market, seconds: int, times: int) -> int:
    """[wei] How far two slow prices may be apart that were stored at different moments.

    They are spot ± D·decay^t, D the distance when it was stored. decay^t loses less than 2t + 40 digits: each of its
    squares twice those of its root and one more, and each of their products one. Each storing rounds a wei more. D is
    at most what is left of it now, and a wei, at the beginning of its age: twice as much for each half-life.
    """
    before = trial.before.market(market.instrument)
    age = trial.before.system.time - before.price_updated_at
    half_life: int = trial.world.protocol.record.config["oracle"]["ema_half_life_seconds"]
    left = abs(before.price.spot_wad - before.price.ema_wad) + 1
    halves = min(age // half_life + 1, 80)  # of what is left then nobody sees a wei
    return (left << halves) * (2 * (seconds + age) + 40 * times) // WAD + 1 + times


def _drifted(trial: Trial, a: Account, b: Account, times: int, seconds: int) -> Room:
    """Gain by having been touched: funding within digits of K, interest between simple and compound."""
    worth_a, worth_b = equity_of(a), equity_of(b)
    if worth_a is None or worth_b is None or a.health is None or b.health is None:
        return Room(
            0, "wei", None if worth_a == worth_b else f"account {a.id} can be assessed in one run only"
        )
    if [(p[0], p[1]) for p in _legs(a)] != [(p[0], p[1]) for p in _legs(b)] or a.holdings != b.holdings:
        return Room(-1, "wei", f"account {a.id} holds {a.positions} left alone, {b.positions} touched")
    if a.health.margin.maintenance_wad != b.health.margin.maintenance_wad:
        return Room(
            -1, "wei", f"account {a.id} needs {a.health.margin} left alone, {b.health.margin} touched"
        )
    end = trial.runs[0].end
    perpetuals = [p for p in a.positions if not is_option(p.instrument)]  # a series pays no funding
    flow = sum(_flow_slack(end.market(p.instrument), p.base_wad, times) for p in perpetuals)
    low, high = _interest_slack(trial, end, a.cash_wad, times, seconds)
    return _between(a.id, "being touched", worth_b - worth_a, low - flow, high + flow)


def _flow_slack(market: Market, base_wad: int, times: int) -> int:
    """[wei] Digits of K for that base, and the wei that it is rounded to."""
    long, short = flow_digits(market.long_base_wad, market.short_base_wad, times)
    # A stored base of an epoch before is larger than today's: then this is more than there is room for.
    return -(-abs(base_wad) * (long if base_wad > 0 else short) // WAD) + 2


def _interest_slack(
    trial: Trial, end: Snapshot, cash_wad: int, times: int, seconds: int
) -> tuple[Fraction, Fraction]:
    """Least and most that this cash can gain.

    Interest that is booked often is compound: debt pays more, credit gets more. Against that, each booking rounds
    growth, rate and utilisation down, a digit each (utilisation's times the slope of the curve), and both indices once.
    """
    steep = -(-steepest(trial.world) // BPS)
    digits = Fraction(times * (4 + steep) * abs(cash_wad), WAD) * 2 + 2
    more = compounding(trial.world, seconds) * abs(cash_wad) + digits
    return (-digits, more) if cash_wad >= 0 else (-more, digits)


@pair(55, judge=_over_time)
def time_in_parts(s: Scene) -> Case | None:
    """Doing nothing for a while, or strangers booking, poking and settling all along, leaves the same claims."""
    world, whole = s.world, s.log(2, LONGEST)
    count = s.rng.randint(1, 6)
    cuts = sorted(s.rng.randrange(1, whole) for _ in range(count)) if whole > count else [1]
    touches: list[Step] = []
    before = 0
    for cut in cuts:
        touches.append(waiting(_touch(s), cut - before))
        before = cut
    touches.append(nothing(world, whole - before))
    # What was open before is booked in both, so that they begin at the same moment; what is due is settled and paid.
    booked = (
        accrue_interest(world),
        *(accrue(world, market.instrument) for market in s.state.markets),
        *(settle_series(world, series, series.covered_at) for series in due(s.state)),
        *(settle_many(world, accounts, series) for series, accounts in unrealised(s.state).items()),
    )
    return Case(
        branches=(
            Branch(name="left alone", steps=(*booked, nothing(world, whole))),
            Branch(name="touched", steps=(*booked, *touches)),
        ),
        facts={"booked": len(booked)},
    )


def _touch(s: Scene) -> Step:
    """What a stranger may do; a source may say the same again."""
    world, markets = s.world, s.state.markets
    held = [(a.id, p.instrument) for a in s.state.accounts for p in a.positions if p.size_wad]
    choice = s.rng.random()
    if choice < 0.2:
        return accrue_interest(world)
    if choice < 0.4 and held:
        return settle(world, *s.rng.choice(held))
    if choice < 0.5:
        return poke(world, [market.underlying for market in markets])
    if choice < 0.7:
        return answers(world, {m.underlying: m.price.spot_wad for m in markets if m.price.spot_wad})
    return accrue(world, s.traded().instrument)
