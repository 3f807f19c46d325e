"""INV-54: adversaries together get out no more than they put in and what the waterfall gives away by rule.

They own some of the accounts, run every keeper, say every price, and match, take, liquidate and deleverage each other
as they like. Everybody else lends his money and does nothing. In the end they close and withdraw whatever they can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Final

from holdfast.sim.actions import Scene
from holdfast.sim.director import Director, Profile
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants import Judgement, at_most, unless
from holdfast.sim.pairs.core import PAIRS, Pair, Run, Trial
from holdfast.sim.pairs.moves import (
    answers,
    due,
    fill,
    settle,
    settle_many,
    settle_series,
    unrealised,
    waiting,
    withdraw,
)
from holdfast.sim.pairs.reading import cash_tick, own_cash, own_of, same_shares
from holdfast.sim.series import closed_at
from holdfast.sim.steps import Step
from holdfast.sim.world import World
from holdfast.types import SETTLEMENT, Account, Mode, Snapshot, Traded
from holdfast.units import WAD

STILL_SECONDS: Final = 3_600
"""[seconds] While prices stand still nobody's margin can be used up in this time: funding is capped at a tenth of MM an
hour, interest costs less, and whoever traded or withdrew has IM or more. Nothing can be left to the waterfall."""

MOVES_PRICES: Final = frozenset({
    "drift", "jump", "misprint", "refresh", "patience", "set_smile", "drop_smile",
})  # fmt: skip
"""Of options, too."""

GOVERNS: Final = frozenset({
    "trip", "tighten", "loosen", "overreach", "distribute", "donate", "open", "list_series",
})  # fmt: skip
"""Left to others; opening is left out as an account opened for a bystander is none of theirs."""

BACKSTOP: Final = frozenset({
    "enter", "leave_tranche", "claim", "level_tranche", "settle_tranche", "take_over", "unwind", "buy_collateral",
    "fill_bids", "cancel_bid", "stop_takeovers",
})  # fmt: skip
"""Left to others, too: what a tranche gives away it gives on purpose, and INV-75 says how much at most."""


class Gang(Director):
    """Acts for the accounts of some owners only; the others are as if they weren't there."""

    def __init__(self, world: World, profile: Profile, owners: Sequence[str], still: bool) -> None:
        off = profile.off | GOVERNS | BACKSTOP | (MOVES_PRICES if still else frozenset())
        super().__init__(world, replace(profile, off=off, crash=0.0 if still else profile.crash))
        self.owners = frozenset(owners)
        self.still = still
        self.spent = 0  # [seconds] so far

    def plan(self, state: Snapshot, ghost: Ghost) -> list[tuple[str, Step]]:
        own = own_of(state)
        mine = tuple(a for a in state.accounts if a.owner in self.owners or a.id in own)
        planned = super().plan(replace(state, accounts=mine), ghost)
        return [
            (name, self._paced(step)) for name, step in planned if not (self.still and moves_prices(step))
        ]

    def _paced(self, step: Step) -> Step:
        """Where prices stand still, so nearly does time."""
        if not self.still:
            return step
        wait = min(step.wait, max(0, STILL_SECONDS - self.spent))
        self.spent += wait
        return replace(step, wait=wait)


def moves_prices(step: Step) -> bool:
    return step.action in ("price", "drift", "jump", "misprint")


def owners_of(world: World, rng: Random) -> tuple[str, ...]:
    """Some of them, and some aren't; a few at least of those whose accounts may hold anything.

    Whoever holds positions already is one of them: what he gains, those opposite lose."""
    people = world.people.owners
    cross = {a.owner for a in world.start.accounts if a.mode is Mode.CROSS} & {*people}
    able, rest = sorted(cross), sorted({*people} - cross)
    chosen = rng.sample(able, rng.randint(3, max(3, len(able) - 2))) + rng.sample(
        rest, rng.randint(0, len(rest))
    )
    holders = {a.owner for a in world.start.accounts if a.positions}
    return tuple(sorted({*chosen, *holders}))


def closing(world: World, state: Snapshot, owners: Sequence[str], number: int) -> list[Step]:
    """They trade each other's positions away at the mark, as far as margin permits, and realise what is settled."""
    steps: list[Step] = [settle_series(world, series, series.covered_at) for series in due(state)]
    steps += [settle_many(world, accounts, series) for series, accounts in unrealised(state).items()]
    going_on = (one for one in state.series if state.system.time < closed_at(one.instrument))
    traded: list[Traded] = [*state.markets, *going_on]
    for market in traded:
        legs = [
            [a.id, p.size_wad]
            for a in state.accounts
            if a.owner in owners and (p := a.position(market.instrument)) is not None
        ]
        steps += [settle(world, account, market.instrument) for account, size in legs if not size]
        longs, shorts = ([leg for leg in legs if leg[1] * sign > 0] for sign in (1, -1))
        for long in longs:
            for short in shorts:
                size = min(long[1], -short[1])
                if size > 0:
                    number += 1
                    steps.append(
                        fill(world, market, short[0], long[0], size, market.mark_wad, 10**6 + number)
                    )
                    long[1] -= size
                    short[1] += size
    return steps


def leaving(world: World, state: Snapshot, owners: Sequence[str]) -> list[Step]:
    """All that may be withdrawn now: cash that is free, or everything where there is neither position nor debt."""
    steps: list[Step] = []
    unit = state.system.assets[SETTLEMENT].unit_wad
    for a in state.accounts:
        if a.owner not in owners or a.health is None:
            continue
        margin = a.health.margin
        free = max(0, margin.equity_wad - margin.initial_wad)
        cash = min(free, max(0, a.cash_wad + margin.borrow_limit_wad)) // unit
        if cash:
            steps.append(withdraw(world, a.id, SETTLEMENT, cash, a.owner))
        if not a.positions and a.cash_wad >= 0:
            steps += [withdraw(world, a.id, h.asset, h.amount, a.owner) for h in a.holdings]
    return steps


def refreshed(world: World, state: Snapshot, still: bool, late: bool) -> list[Step]:
    """Prices that may be used for withdrawing; where they stand still they are so. `late`: past all expiries."""
    if still:
        return []
    prices = {m.underlying: m.price.spot_wad for m in state.markets if m.price.spot_wad}
    ends = [series.expiry_at - state.system.time for series in state.series if late and not series.settled]
    return [waiting(answers(world, prices), max([0, *ends])), waiting(answers(world, prices), 3_000)]


# The judgement


def _plan(s: Scene) -> None:
    """Adversaries get out what they put in, and what fund and creditors pay by rule; no wei at still prices."""
    return  # a whole history is the case: see `campaign.collude`


def _extracted(trial: Trial) -> Judgement:
    owners, still = frozenset(trial.facts["owners"]), trial.facts["still"]
    run = trial.fork
    begin, now = trial.world.start, run.end
    honest = [a for a in begin.accounts if a.owner not in owners and a.id not in own_of(begin)]
    out = taken_out(trial.world, run)
    unit = begin.system.assets[SETTLEMENT].unit_wad
    paid = sum(event.args["paidWad"] for event in run.named("Paid"))
    lost = sum(event.args["lossWad"] for event in run.named("WrittenOff"))
    theirs = [a for a in begin.accounts if a.owner in owners]
    # What they have left counts at the marks: a loan is theirs to pay back, out of collateral if need be.
    left = sum(a.cash_wad + _worth(a, now) for a in now.accounts if a.owner in owners)
    got = out[SETTLEMENT] * unit + left - sum(a.cash_wad + _worth(a, begin) for a in theirs)
    yield at_most(
        got,
        paid + lost,
        f"they took out {got} wei more than they put in: the fund paid {paid}, creditors {lost}",
    )
    for asset, amount in out.items():
        if asset != SETTLEMENT:
            amount -= sum(h.amount for a in theirs for h in a.holdings if h.asset == asset)
            yield at_most(amount, 0, f"they took out {amount} of asset {asset} that wasn't theirs", "units")
    for was in honest:
        a = now.account(was.id)
        kept = (a.positions, a.holdings) == (was.positions, was.holdings)
        yield unless(kept, f"account {was.id} was left alone and holds {a} instead of {was}")
        # Shares are the same; the index falls by ⌈loss/shares⌉ a write-off, shared by all creditors.
        if not lost:
            yield at_most(
                was.cash_wad - a.cash_wad,
                0,
                f"account {was.id}, a bystander, lost {was.cash_wad - a.cash_wad} wei",
            )
        yield unless(
            same_shares(was.cash_wad, begin.system.pool, a.cash_wad, now.system.pool),
            f"account {was.id}, a bystander, had {was.cash_wad} and has {a.cash_wad}: other shares of the pool",
        )
    drained = sum(was.cash_wad - now.account(was.id).cash_wad for was in honest)
    yield at_most(drained, lost + len(honest), f"bystanders lost {drained} wei, {lost} were written off")
    fell = own_cash(begin) - own_cash(now)
    rounding = (len(run.branch.steps) + 2) * 4 * cash_tick(now.system.pool)
    yield at_most(
        fell, paid + lost + rounding, f"fund, fees and treasury fell by {fell} wei, {paid} were paid"
    )
    if still and _stood(trial.world, run):
        yield unless(not lost and not paid, f"at still prices the fund paid {paid}, creditors {lost}")
        weak = [a for a in now.accounts if a.owner in owners and not a.healthy]
        yield unless(not weak, f"at still prices accounts became unhealthy: {weak}")


def _stood(world: World, run: Run) -> bool:
    """Did prices and, nearly, time?"""
    spots = {m.underlying: m.price.spot_wad for m in world.start.markets}
    moved = any(event.args["spotWad"] != spots[event.args["underlying"]] for event in run.named("PricePoked"))
    return not moved and run.end.system.time - world.time <= STILL_SECONDS + 60


def _worth(account: Account, now: Snapshot) -> int:
    """Of the positions, at the marks, rounded toward −∞."""
    return sum(
        p.size_wad * now.instruments[p.instrument].mark_wad // WAD + p.quote_wad for p in account.positions
    )


def taken_out(world: World, run: Run) -> dict[int, int]:
    """What left the vaults less what came in, by asset, in its own decimals, whoever sent it: it was all theirs."""
    assets = {a.token: a for a in world.start.system.assets}
    found = {a.asset: 0 for a in world.start.system.assets}
    for event in run.named("Transfer"):
        asset = assets.get(event.address)
        if asset is not None:
            found[asset.asset] += event.args["value"] * (event.args["from"] == asset.vault)
            found[asset.asset] -= event.args["value"] * (event.args["to"] == asset.vault)
    return found


COLLUSION: Final = Pair("INV-54", "no_extraction", " ".join((_plan.__doc__ or "").split()), _plan, _extracted)
PAIRS.append(COLLUSION)
