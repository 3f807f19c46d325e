"""INV-50 and INV-55: when time is booked, and by whom, changes nothing that rounding doesn't explain."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from holdfast.sim.actions import Scene
from holdfast.sim.invariants import Judgement, Room, at_most
from holdfast.sim.pairs.core import Branch, Case, Run, Trial, pair
from holdfast.sim.pairs.moves import accrue, accrue_interest, answers, nothing, poke, settle, waiting
from holdfast.sim.pairs.reading import cash_tick, compounding, equity_of, flow_digits, steepest
from holdfast.sim.steps import Step
from holdfast.types import Account, Market, Snapshot
from holdfast.units import BPS, WAD

LONGEST = 40_000
"""[seconds] Of a wait that a case draws."""


def _in_order(trial: Trial) -> Judgement:
    left, *others = trial.runs
    for run in others:
        if not (run.ok and left.ok):
            continue
        emptied = {event.args["account"] for event in run.named("Settled") if event.args["cashWad"]}
        tick = cash_tick(run.end.system.pool)
        yield _closest(
            _same(a, run.end.account(a.id), run, tick * (a.id in emptied)) for a in left.end.accounts
        )


def _same(a: Account, b: Account, run: Run, tick: int) -> Room:
    """The same claims, to the wei; who had a position without size paid out may lose a tick."""
    if not tick and (a.positions, a.cash_wad) == (b.positions, b.cash_wad) and a.health != b.health:
        return Room(
            -1, "wei", f"account {a.id} needs {a.health} left alone, {b.health} after {run.branch.name}"
        )
    worth_a, worth_b = equity_of(a), equity_of(b)
    if worth_a is None or worth_b is None:
        return Room(
            0, "wei", None if worth_a == worth_b else f"account {a.id} can be assessed in one run only"
        )
    if tick:
        return _between(a.id, run.branch.name, worth_b - worth_a, -tick, 0)
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
    """At one moment it makes no difference whether, in which order and by whom funding and interest are booked."""
    world, wait = s.world, s.log(1, LONGEST)
    steps = [accrue(world, market.instrument) for market in s.state.markets]
    held = [(a.id, p.instrument) for a in s.state.accounts for p in a.positions]
    steps += [settle(world, *one) for one in s.rng.sample(held, min(len(held), 8))]
    steps.append(accrue_interest(world))
    there = s.rng.sample(steps, len(steps))
    wait_first = nothing(world, wait)
    return Case(
        branches=(
            Branch(name="left alone", steps=(wait_first,)),
            Branch(name="one order", steps=(wait_first, *there)),
            Branch(name="the reverse", steps=(wait_first, *reversed(there))),
        )
    )


# At several moments instead of one


def _over_time(trial: Trial) -> Judgement:
    left, touched = trial.runs
    if not (left.ok and touched.ok):
        return
    if any(event.args["cashWad"] for event in touched.named("Settled")):
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
    if not drawn:
        yield _closest(
            _drifted(trial, a, touched.end.account(a.id), times, seconds) for a in left.end.accounts
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
    flow = sum(_flow_slack(end.market(p.instrument), p.base_wad, times) for p in a.positions)
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
    # What was open before is booked in both, so that they begin at the same moment.
    booked = (accrue_interest(world), *(accrue(world, market.instrument) for market in s.state.markets))
    return Case(
        branches=(
            Branch(name="left alone", steps=(*booked, nothing(world, whole))),
            Branch(name="touched", steps=(*booked, *touches)),
        )
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
    return accrue(world, s.rng.choice(markets).instrument)
