"""Who chooses what happens next: the character of a history, and how one is grown from the state as it is.

A history is grown in short chunks, so that what is done next follows from what has become of it. Everything follows
from the profile, and the profile from one number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, Self

from holdfast.sim.actions import ACTIONS, GAS_FEES, WEIGHTS, Scene, moved, prices_step, refresh
from holdfast.sim.actions.backstop import backstopped
from holdfast.sim.actions.phases import Mood, Phase, Phases, drawn_phases
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.reading import KEEPING
from holdfast.sim.stakes import stakes_of
from holdfast.sim.steps import Step
from holdfast.sim.world import World
from holdfast.types import Account, Grade, Snapshot

CALM, OPENING, BUSY = 16, 8, 6
"""Steps planned from one state: fewer where what is done next depends on what has become of it."""

KEPT: Final = 3
"""Steps of keepers among them."""

UPSETTING: Final = frozenset({"jump", "misprint", "plot", "strike", "ripen"})
"""Actions after which nothing more is planned from the same state."""

STALE_SOON: Final = 2_400
"""[seconds] An age of a price at which a diligent pusher acts."""

LEAVING: Final = 0.15
"""Share of steps that go to a stake that has given notice, when there is one: its window is all it waits for."""

SELDOM: Final = frozenset({*KEEPING, "settle_series", "unwind"})
"""Actions that are seldom tried twice from the same state: their condition is gone."""

SETTLING: Final = 0.2
"""Share of steps that go to a series that can be settled, when there is one."""

UNWINDING: Final = 0.25
"""Share of steps that go to what a desk has taken over, while it holds any."""

HEDGING: Final = 0.3
"""Share of steps while positions are built that go to what stands beside an option, where options are held."""

PATIENCE: Final = "patience"
"""Not an action: wait until the slow price has followed, then refresh."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The character of a history. Leaving actions out altogether (a swarm) finds what the average never shows."""

    seed: int
    length: int = 80
    opening: int = 14  # steps in which positions are built before anything happens
    off: frozenset[str] = frozenset()  # actions that never happen
    keeping: float = 0.5  # share of steps that go to accounts in trouble, when there are any
    haste: float = 0.5  # share of steps without a wait
    pushing: float = 0.8  # share of chunks in which an old price is renewed
    crash: float = 0.0  # relative move of one or all prices after the opening
    crash_all: bool = False
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)  # how often each action is tried
    phases: tuple[Phase, ...] = ()  # stretches in which the world is different

    @classmethod
    def drawn(cls, seed: int) -> Self:
        """All of it from one number; half of the actions may be off."""
        rng = Random(seed)
        usual = {name for name, weight in WEIGHTS.items() if weight}
        optional = sorted(usual - {"match", "lever", "refresh"})
        length, opening = rng.choice((64, 80, 96)), rng.randint(8, 16)
        return cls(
            seed=seed,
            length=length,
            opening=opening,
            off=frozenset(rng.sample(optional, rng.randint(0, len(optional) // 2))),
            keeping=rng.choice((0.3, 0.6, 0.85)),
            haste=rng.choice((0.3, 0.6)),
            pushing=rng.choice((0.4, 0.9, 1.0)),
            crash=rng.choice((-0.6, -0.4, -0.25, -0.15, -0.08, 0.0, 0.08, 0.2, 0.5, 1.5)),
            crash_all=rng.random() < 0.5,
            phases=drawn_phases(rng, opening, length),
        )


class Director:
    """Chooses what happens next."""

    def __init__(self, world: World, profile: Profile) -> None:
        self.world = world
        self.profile = profile
        self.rng = Random(profile.seed)
        self.phases = Phases(profile.phases)
        self.done = 0
        self.crashed = False

    def plan(self, state: Snapshot, ghost: Ghost) -> list[tuple[str, Step]]:
        """The next chunk."""
        scene = Scene(self.world, ghost, state, self.rng)
        steps: list[tuple[str, Step]] = []
        waited, renewed = 0, min(market.price_updated_at for market in state.markets)
        kept, size = 0, self._size(scene)
        while len(steps) < size and kept < KEPT and not (steps and steps[-1][0] in UPSETTING):
            place = self.done + len(steps)
            mood = self.phases.at(place)
            step = self.phases.turn(scene, place)
            if step is not None:
                name = step.action
            else:
                age = scene.now + waited - renewed
                name = self._next(scene, age, mood)
                if name in SELDOM and any(name == other for other, _ in steps):
                    name = self._next(scene, age, mood)
                step = self._act(scene, name)
                name = "refresh" if name == PATIENCE else name
            if step is None:
                continue
            if name == "ripen":  # to a time, not for a time
                step = replace(step, wait=max(1, step.wait - waited))
            step = self._timed(step, len(steps), mood)
            if step.wait and state.system.time + waited + step.wait > 2**32 - 10**7:
                continue
            waited += step.wait
            if name == "refresh":
                renewed = scene.now + waited
            scene.touched.update(step.accounts)
            kept += name in KEEPING
            steps.append((name, step))
        self.done += len(steps)
        return steps

    def _size(self, s: Scene) -> int:
        if self.done < self.profile.opening:
            return OPENING
        return BUSY if any(troubled(account) for account in s.lots) else CALM

    def _act(self, s: Scene, name: str) -> Step | None:
        if name == PATIENCE:
            return replace(refresh(s), wait=self.rng.randint(200, 900))
        if name == "jump" and not self.crashed:
            return self._crash(s)
        return ACTIONS[name](s)

    def _next(self, s: Scene, age: int, mood: Mood) -> str:
        """`age` [seconds] of the oldest price by then."""
        profile, rng = self.profile, self.rng
        if self.done >= profile.opening and not self.crashed and profile.crash and not mood.silent:
            return "jump"
        if age > STALE_SOON and rng.random() < profile.pushing and not mood.silent:
            return "refresh"
        if self.done < profile.opening:
            if rng.random() < HEDGING and any(one.long_base_wad for one in s.series):
                return "hedge"
            return rng.choice(("lever", "lever", "lever", "match", "borrow", "borrow", "deposit"))
        trouble = [account for account in s.lots if troubled(account)]
        bare = [account for account in trouble if is_bare(account)]
        keeping = 0 if mood.absent else profile.keeping
        kept = self._keep(s, trouble, bare) if rng.random() < keeping else None
        if kept and (kept != PATIENCE or not mood.silent):  # which ends with a price
            return kept
        names = [name for name in profile.weights if name not in profile.off | mood.off]
        for name, share, waits in self._waiting(s):
            if waits and name in names and rng.random() < share:
                return name
        return rng.choices(names, [profile.weights[name] for name in names])[0]

    def _waiting(self, s: Scene) -> Iterator[tuple[str, float, bool]]:
        """What seldom can be done, its share of steps, and whether it can now."""
        yield "unstake", LEAVING, any(stake.leaving for stake in stakes_of(s.ghost).held.values())
        yield "settle_series", SETTLING, any(one.covered_at for one in s.series)
        desks = {one.risk for one in self.world.backstops.values()}
        yield "unwind", UNWINDING, any(a.positions for a in s.state.accounts if a.id in desks)

    def _keep(self, s: Scene, trouble: Sequence[Account], bare: Sequence[Account]) -> str | None:
        """What a keeper would do about it; None where it is nothing that this history knows."""
        useful: list[str] = []
        for account in trouble:
            assert account.health is not None
            if account.health.grade > Grade.SLOW:
                useful.append(PATIENCE)  # nobody may act on this price yet
            elif not s.seizable(account):
                continue  # halted, or in its grace
            elif account.auction is None:
                useful += ["start"] * 3
            elif account.healthy:
                useful.append("end")
            else:
                deep = account.auction.insured or account.health.margin.equity_wad <= 0
                bare_lot = not account.positions and account.health.margin.equity_wad <= 0
                over = s.ghost.clock(account, s.now)[1] + s.ghost.params.run_seconds
                if s.now > over:
                    useful += ["restart"] * 3 + (["deleverage"] * 2 if deep else ["insure"]) + ["take"]
                else:
                    useful += backstopped(s, account)
                    useful += (
                        ["take"] * (8 if bare_lot else 3)
                        + ["flash_take"]
                        + (["deleverage"] * 3 if deep else ["insure"])
                    )
        deficits = any(account.health and account.health.margin.equity_wad < 0 for account in trouble)
        useful += ["write_off"] * (3 * len(bare)) + ["rescue"] * (len(trouble) > 0)
        useful += ["report_deficit"] * deficits + ["watch"] * any(a.auction is not None for a in trouble)
        useful = [name for name in useful if name not in self.profile.off]
        return self.rng.choice(useful) if useful else None

    def _crash(self, s: Scene) -> Step:
        """The move that the profile has in store, once."""
        self.crashed = True
        hit = s.state.markets if self.profile.crash_all else (s.rng.choice(s.state.markets),)
        return prices_step(
            s, "price", {m.underlying: moved(m.price.spot_wad, self.profile.crash) for m in hit}
        )

    def _timed(self, step: Step, place: int, mood: Mood) -> Step:
        """With a wait, unless it has one; and now and then with another base fee."""
        rng = self.rng
        if not step.wait and (rng.random() >= self.profile.haste or (place == 0 and rng.random() < 0.5)):
            high = 20_000 if rng.random() < 0.04 else 400
            step = replace(step, wait=max(1, round(math.exp(rng.uniform(0, math.log(high))))) * mood.slow)
        if step.wait and mood.base_fee is not None:
            step = replace(step, base_fee=mood.base_fee)
        elif step.wait and rng.random() < 0.2:
            low, high = GAS_FEES
            step = replace(step, base_fee=round(math.exp(rng.uniform(math.log(low), math.log(high)))))
        return step


def is_bare(account: Account) -> bool:
    """Nothing left but debt?"""
    return account.cash_wad < 0 and not account.positions and not account.holdings


def troubled(account: Account) -> bool:
    """Does it need a keeper?"""
    return account.healthy is False or account.auction is not None or is_bare(account)
