"""INV-53 and INV-56: what one does leaves the others as they would have been, and comes to the same in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from holdfast.model import side_index
from holdfast.model.average import WINDOW_SECONDS
from holdfast.model.cash_pool import YEAR_SECONDS
from holdfast.model.options import class_of, is_option
from holdfast.sim.actions import ACTIONS, Scene, moved, prices_step
from holdfast.sim.actions.trade import capped_of
from holdfast.sim.invariants import Judgement, unless
from holdfast.sim.pairs.core import Branch, Case, Run, Trial, pair
from holdfast.sim.pairs.moves import accrue, accrue_interest, deposit, due, settle, settle_series, waiting
from holdfast.sim.pairs.reading import cash_tick, flow_digits, own_of, same_shares
from holdfast.sim.steps import Step
from holdfast.types import (
    SETTLEMENT,
    Account,
    InstrumentId,
    Market,
    Pool,
    Position,
    Series,
    Snapshot,
    underlying_of,
)
from holdfast.units import BPS, WAD, mul_wad_up

CHANNELS: Final = {
    "interest": "debt or credit changed: both indices move otherwise from then on, within the rate of the curve",
    "funding": "a trade moved the premium or the bases: K moves otherwise from then on, within its cap, there",
    "booking": "open funding is booked at the mark of then: touched before a price moves it comes at the mark before",
    "open interest": "a trade moved it: IM of whoever holds that market, or options beside it, follows",
    "deleveraging": "who is opposite pays his share: judged by INV-26, left out here",
    "write-off": "creditors pay: the credit index falls, shares stay",
    "insurance": "fund, fees and treasury belong to nobody who is judged here",
    "tokens": "what was withdrawn can't be withdrawn again: `Underfunded` until somebody pays back",
    "outflow": "what was withdrawn fills its vault's bucket: `OutflowExceeded`, but for principal, until it leaks",
}
"""All ways in which what one does reaches another who has no part in it. Whatever else differs is wrong."""

WAITING: Final = frozenset({"Underfunded", "OutflowExceeded"})
"""Refusals of those two channels."""

TRADES: Final = frozenset({"Filled", "SliceTaken", "Deleveraged"})

QUIET: Final = ("deposit", "withdraw", "borrow", "leave", "match", "lever", "hedge", "reduce", "cancel", "raise_floor",
    "start", "insure", "restart", "end", "take", "flash_take", "rescue", "set_operator", "donate", "open", "write_off",
    "deleverage", "settle", "distribute")  # fmt: skip
"""Actions of which somebody else must notice nothing but the channels."""


# With and without


def _apart(trial: Trial) -> Judgement:
    without, having = trial.run("without"), trial.run("with")
    if not having.done[0]:
        return
    done = (event for result in having.results[0] for event in result.events)
    touched = frozenset(trial.facts["accounts"]) | {a for e in done for a in _named_in(e.args, e.name)}
    traded: set[int] = {event.args["instrument"] for event in having.named("Filled", "Deleveraged")}
    sliced = {e.args["from"] for e in having.named("SliceTaken")} | {
        e.args["to"] for e in having.named("SliceTaken")
    }
    for snapshot in (trial.before, *having.snapshots):
        for account in snapshot.accounts:
            if account.id in sliced:
                traded |= {leg.instrument for leg in account.positions}
    cut = {event.args["instrument"] for event in having.named("Deleveraged")}
    skipped = touched | set(own_of(trial.before)) | _reached(trial, cut)
    later = range(1, len(having.branch.steps))
    waited = any("OutflowExceeded" in (without.error(place), having.error(place)) for place in later)
    looks = list(zip(without.snapshots, having.snapshots, strict=True))
    for a, b in looks[:1] if waited else looks:  # who had to wait is no longer where he would have been
        for account in a.accounts:
            if account.id not in skipped:
                yield _unmoved(trial, a, b, account, b.account(account.id), traded - cut)
    if not having.named("WrittenOff"):
        yield from _interest_of(trial, without, having)
    # The same things happened afterwards, too.
    for place in later:
        was, now = without.error(place), having.error(place)
        wrong = f"{having.branch.steps[place].text[-1]}: {was or 'done'} without, {now or 'done'} with"
        yield unless(was == now or bool(WAITING & {was, now}), wrong)


def _interest_of(trial: Trial, without: Run, having: Run) -> Judgement:
    """At once both indices are as they were; later they are between what they were and the highest rate, compound."""
    at_once = _indices(without.snapshots[0]), _indices(having.snapshots[0])
    yield unless(at_once[0] == at_once[1], f"credit and debt index {at_once[0]} without, {at_once[1]} with")
    ledger = trial.world.protocol.record.config["ledger"]
    # e^g − 1 ≤ g + g² for g ≤ 1.
    seconds = having.end.system.time - trial.before.system.time
    growth = Fraction(ledger["max_rate_bps"] * seconds, BPS * YEAR_SECONDS)
    for was, now in zip(_indices(trial.before), _indices(having.end), strict=True):
        most = was * (1 + growth + growth**2) + 2 * len(having.branch.steps)
        yield unless(was <= now and (growth > 1 or now <= most), f"an index went from {was} to {now}")


def _named_in(args: Any, name: str) -> set[int]:
    """Accounts that an event is about."""
    keys = ("account", "from", "to", "buyer", "seller", "taker", "maker", "makerAccount", "takerAccount")
    return {args[key] for key in keys if isinstance(args.get(key), int)} if name != "Transfer" else set()


def _reached(trial: Trial, cut: Iterable[int]) -> set[int]:
    """Who holds a market in which somebody was deleveraged."""
    found = set()
    for account in trial.before.accounts:
        if any(leg.instrument in cut for leg in account.positions):
            found.add(account.id)
    return found


def _unmoved(
    trial: Trial, a: Snapshot, b: Snapshot, was: Account, now: Account, traded: set[int]
) -> str | None:
    """Stored words are the same; what hangs on an index or K moves with it, and within its channel."""
    if was.holdings != now.holdings or was.owner != now.owner or was.auction != now.auction:
        return f"account {was.id}: {was} without, {now} with"
    # Who paid something in, or realised something, got shares at the index of then.
    realised = {event.args["account"] for event in trial.runs[1].named("Settled") if event.args["cashWad"]}
    paid_in = was.id in realised | {trial.facts["third"]} and _indices(a) != _indices(b)
    if not paid_in and not same_shares(was.cash_wad, a.system.pool, now.cash_wad, b.system.pool):
        return f"account {was.id} has {was.cash_wad} of cash without, {now.cash_wad} with: other shares"
    if len(was.positions) != len(now.positions):
        return f"account {was.id} holds {was.positions} without, {now.positions} with"
    for old, new in zip(was.positions, now.positions, strict=True):
        market, other = a.instruments[old.instrument], b.instruments[old.instrument]
        if (old.instrument, old.size_wad, old.base_wad, old.epoch) != (
            new.instrument, new.size_wad, new.base_wad, new.epoch,
        ):  # fmt: skip
            return f"account {was.id}: size {old.size_wad} without, {new.size_wad} with"
        if [(s.scale_wad, s.epoch) for s in (market.long, market.short)] != [
            (s.scale_wad, s.epoch) for s in (other.long, other.short)
        ]:
            return f"market {old.instrument}: {market} without, {other} with"
        if isinstance(market, Series):
            most = 0  # it pays no funding, and its settlement is one for all
        elif old.instrument in traded:
            most = _funding_most(trial, a, market, old.size_wad)
        else:  # booked at other moments at most
            times = len(trial.runs[1].branch.steps) + 2
            long, short = flow_digits(market.long_base_wad, market.short_base_wad, times)
            most = -(-abs(old.base_wad) * (long if old.base_wad > 0 else short) // WAD) + 2
            most += _booking_most(trial, a, market, old.size_wad)
        apart = abs(old.quote_wad - new.quote_wad)
        if apart > most:
            return f"account {was.id}: quote {apart} wei apart, funding can't be more than {most}"
    return _margins(a, b, was, now, traded)


def _indices(snapshot: Snapshot) -> tuple[int, int]:
    pool = snapshot.system.pool
    return pool.credit_index_wad, pool.debt_index_wad


def _funding_most(trial: Trial, at: Snapshot, market: Market, size_wad: int) -> int:
    """[wei] Both runs may have the cap against each other: twice the cap, at the highest of the marks on the way.

    Each accrual rounds within a digit of K for the base of the position; 1/A of digits is what its base is larger.
    """
    ledger = trial.world.protocol.record.config["ledger"]
    seconds = at.system.time - min(
        trial.before.market(market.instrument).long.accrued_at, trial.before.system.time
    )
    marks = [
        snapshot.market(market.instrument).price.spot_wad
        for snapshot in (trial.before, *trial.runs[0].snapshots)
    ]
    unit = Fraction(2 * max(marks) * ledger["funding_cap_bps"] * seconds, BPS * 3_600)
    share = Fraction(market.long_base_wad, max(1, market.short_base_wad))
    uneven = max(share, 1 / share) if share else Fraction(1)
    side = market.long if size_wad > 0 else market.short
    digits = 4 * (len(trial.runs[1].branch.steps) + 2) * Fraction(WAD, side.scale_wad)
    return int(abs(size_wad) * (unit + digits) * uneven / WAD) + 2


def _booking_most(trial: Trial, at: Snapshot, market: Market, size_wad: int) -> int:
    """[wei] Funding that was open when the runs parted, at the difference of the marks it may have been booked at."""
    ledger = trial.world.protocol.record.config["ledger"]
    was = trial.before.market(market.instrument)
    marks = [s.market(market.instrument).price.spot_wad for s in (trial.before, at, *trial.runs[0].snapshots)]
    open_ = side_index.funding(
        was.long.premium_ppb,
        max(marks) - min(marks),
        trial.before.system.time - was.long.accrued_at,
        ledger["funding_period_seconds"],
        ledger["funding_cap_bps"],
    )
    # The side that gets shares out what the other pays: as much a unit of size, as both sizes are the same.
    return -(-abs(size_wad * open_) // WAD) + abs(size_wad) // WAD + 1


def _margins(a: Snapshot, b: Snapshot, was: Account, now: Account, traded: set[int]) -> str | None:
    """MM hangs on sizes and marks alone; IM on open interest, too, and moves in its direction."""
    if was.health is None or now.health is None:
        return None if (was.health is None) == (now.health is None) else f"account {was.id} can't be assessed"
    old, new = was.health.margin, now.health.margin
    if (old.maintenance_wad, old.borrow_limit_wad) != (new.maintenance_wad, new.borrow_limit_wad):
        return f"account {was.id}: {old} without, {new} with"
    rises = falls = False
    classes = {class_of(InstrumentId(instrument)) for instrument in traded}
    for leg in was.positions:
        if class_of(leg.instrument) not in classes:
            continue
        x, y = (_interest(s, leg) for s in (a, b))
        rises, falls = rises or y > x, falls or y < x
    change = new.initial_wad - old.initial_wad
    if (change > 0 and not rises) or (change < 0 and not falls):
        return f"account {was.id}: IM moved by {change} wei, open interest didn't"
    return None


def _interest(snapshot: Snapshot, leg: Position) -> int:
    """What IM of a position follows: open interest of its side, or of all options of its underlying."""
    market = snapshot.instruments[leg.instrument]
    if is_option(leg.instrument):
        return capped_of(snapshot, market)[0]
    if leg.size_wad > 0:
        return mul_wad_up(market.long_base_wad, market.long.scale_wad)
    return mul_wad_up(market.short_base_wad, market.short.scale_wad)


@pair(53, judge=_apart)
def leaves_others(s: Scene) -> Case | None:
    """What one does changes nothing of others' claims, at once or later, but by the channels that are listed."""
    world, rng = s.world, s.rng
    names = [name for name in QUIET if name in ACTIONS]
    step = ACTIONS[rng.choice(names)](s)
    if step is None:
        return None
    step = replace(step, wait=0)
    after: list[Step] = []
    drift, wait = rng.gauss(0, 0.02), _next_look(s)
    prices = {m.underlying: moved(m.price.spot_wad, drift) for m in s.state.markets if m.price.spot_wad}
    after.append(waiting(prices_step(s, "price", prices), wait))
    others = [(a.id, p) for a in s.users for p in a.positions if a.id not in step.accounts]
    held = [(a, p.instrument) for a, p in others if p.size_wad or p.instrument in s.state.settled]
    later = [accrue_interest(world), accrue(world, rng.choice(s.state.markets).instrument)]
    later += [settle(world, *rng.choice(held))] if held else []
    for series in (one for one in s.series if one.expiry_at <= s.now + wait):
        covered = series.covered_at or (s.now + wait) // WINDOW_SECONDS * WINDOW_SECONDS  # by that price
        later.append(settle_series(world, series, covered))
        later += [settle(world, *one) for one in held if one[1] == series.instrument][:1]
    after += rng.sample(later, len(later))
    third = rng.choice([a for a in s.users if a.id not in step.accounts] or s.users)
    after.append(deposit(world, third.id, SETTLEMENT, s.log(1, 10**6), third.owner))
    after.append(waiting(accrue_interest(world), s.log(1, 100_000)))
    idle = Step(action="nothing", calls=(), text=("nobody does it",), opens=step.opens)
    return Case(
        branches=(
            Branch(name="without", steps=(idle, *after), looks=(1, 2)),
            Branch(name="with", steps=(step, *after), looks=(1, 2)),
        ),
        facts={"accounts": tuple(sorted(step.accounts)), "third": third.id},
    )


def _next_look(s: Scene) -> int:
    """[seconds] Until prices move: some while, or until a series expires."""
    ahead = [series.expiry_at - s.now for series in s.series if series.expiry_at > s.now]
    return min(ahead) + s.log(1, 900) if ahead and s.chance(0.3) else s.log(1, 4_000)


# In either order


def _either_order(trial: Trial) -> Judgement:
    first, second = trial.run("one first"), trial.run("the other first")
    if any(event.args["paidWad"] for run in trial.runs for event in run.named("Paid")):
        return  # the fund is used: first come, first served
    outcomes = [first.error(0), first.error(1)], [second.error(1), second.error(0)]
    if WAITING & {*outcomes[0], *outcomes[1]}:
        return  # the vault is empty: first come, first served
    if (
        trial.facts.get("settles")
        and outcomes[0] != outcomes[1]
        and MARGINAL & {outcomes[0][1], outcomes[1][1]}
    ):
        return  # what holders are worth goes from the spot to the average
    yield unless(
        outcomes[0] == outcomes[1], f"refused with {outcomes[0]} in one order, {outcomes[1]} in the other"
    )
    if outcomes[0] != outcomes[1] or not first.ok:
        return
    own = own_of(trial.before)
    for a in first.end.accounts:
        b = second.end.account(a.id)
        if a.id not in own:
            yield unless(a == b, f"account {a.id}: {a} in one order, {b} in the other")
            continue
        # Fees and the fund's share of both: two changes of cash, each rounded.
        apart, most = abs(a.cash_wad - b.cash_wad), 2 * cash_tick(first.end.system.pool)
        yield unless(apart <= most, f"account {a.id}: {apart} wei apart, more than {most}")
    pools = first.end.system.pool, second.end.system.pool
    yield unless(_near(*pools), f"pools {pools[0]} in one order, {pools[1]} in the other")
    for listed in ("markets", "series"):
        one, other = (getattr(run.end, listed) for run in (first, second))
        yield unless(one == other, f"{listed} {one} in one order, {other} in the other")
    for one, other in zip(first.end.system.assets, second.end.system.assets, strict=True):
        yield unless(one == other, f"asset {one} in one order, {other} in the other")


def _near(a: Pool, b: Pool) -> bool:
    """Indices are the same; totals may differ by a share for each change of the protocol's own cash."""
    same = (a.credit_index_wad, a.debt_index_wad, a.debt_shares) == (
        b.credit_index_wad,
        b.debt_index_wad,
        b.debt_shares,
    )
    return same and abs(a.credit_shares - b.credit_shares) <= 6


COMMUTING: Final = ("deposit", "withdraw", "borrow", "leave", "match", "lever", "hedge", "reduce", "settle", "accrue",
    "cancel", "raise_floor", "start", "end", "take", "insure", "rescue", "donate", "accrue_interest",
    "restart")  # fmt: skip

BESIDE: Final = ("deposit", "withdraw", "borrow", "leave", "match", "lever", "hedge", "reduce", "accrue", "cancel",
    "raise_floor", "donate", "accrue_interest")  # fmt: skip
"""Actions whose amounts don't follow from what an account is worth: a settlement commutes with its holders', too."""

MARGINAL: Final = frozenset({"BelowInitialMargin", "UnrealisedProfit", "OpenInterestCapExceeded"})
"""Refusals for what an account is worth, or for how much is open."""


@pair(56, judge=_either_order)
def either_order(s: Scene) -> Case | None:
    """Two actions of different accounts in different markets, or one and a settlement, end alike in either order."""
    rng, ripe = s.rng, due(s.state)
    if ripe and s.chance(0.5):
        return _beside_settlement(s, rng.choice(ripe))
    markets = list(s.state.markets)
    rng.shuffle(markets)
    mine, yours = markets[: len(markets) // 2], markets[len(markets) // 2 :]
    steps = []
    taken: set[int] = set()
    for own, foreign in ((mine, yours), (yours, mine)):
        apart = {m.underlying for m in foreign}
        able = [
            a
            for a in s.users
            if a.id not in taken and not any(underlying_of(leg.instrument) in apart for leg in a.positions)
        ]
        chosen = rng.sample(able, min(len(able), max(2, len(s.users) // 2)))
        step = _plan_among(s, chosen, own, COMMUTING)
        if step is None or step.wide or step.opens:
            return None
        taken |= {a.id for a in chosen}
        steps.append(replace(step, wait=0))
    if steps[0].accounts & steps[1].accounts:
        return None
    return Case(
        branches=(
            Branch(name="one first", steps=(steps[0], steps[1])),
            Branch(name="the other first", steps=(steps[1], steps[0])),
        )
    )


def _beside_settlement(s: Scene, series: Series) -> Case | None:
    """A settlement, and what anybody does at the same moment."""
    step = _plan_among(s, s.users, list(s.state.markets), BESIDE)
    if step is None:
        return None
    first, then = settle_series(s.world, series, series.covered_at), replace(step, wait=0)
    return Case(
        branches=(
            Branch(name="one first", steps=(first, then)),
            Branch(name="the other first", steps=(then, first)),
        ),
        facts={"settles": True},
    )


def _plan_among(
    s: Scene, accounts: list[Account], markets: list[Market], names: Sequence[str]
) -> Step | None:
    """An action of these accounts in these markets, and in series of their underlyings, and of nobody else."""
    if not accounts or not markets:
        return None
    there = {a.id for a in accounts} | s.own
    underlyings = {market.underlying for market in markets}
    state = replace(
        s.state,
        accounts=tuple(a for a in s.state.accounts if a.id in there),
        markets=tuple(markets),
        series=tuple(one for one in s.state.series if one.underlying in underlyings),
    )
    ghost = copy(s.ghost)
    ghost.tickets = {}  # an order of before may be of anybody
    scene = Scene(s.world, ghost, state, s.rng)
    for _ in range(6):
        step = ACTIONS[s.rng.choice(names)](scene)
        if step is not None and step.accounts <= there:
            return step
    return None
