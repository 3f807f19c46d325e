"""A campaign: many histories, each with a character of its own, every step of each judged by every invariant.

    tally = Tally()
    failure = play(world, profile, tally)      # None, or the first violation with the steps that lead to it

A history is grown in short chunks, so that what is done next follows from what has become of it. A failure is a list
of concrete calls from then on: `minimise` drops what isn't needed for it and keeps every time as it was.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final, Self

from holdfast.sim.actions import ACTIONS, GAS_FEES, Scene, moved, prices_step, refresh
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants import INVARIANTS, judge
from holdfast.sim.steps import LensRefused, Step, Transition, run
from holdfast.sim.world import World
from holdfast.types import Account, Grade, Snapshot

CHUNK: Final = 4
"""Steps planned from one state."""

STALE_SOON: Final = 2_400
"""[seconds] An age of a price at which a diligent pusher acts."""

MINIMISE_SECONDS: Final = 20.0

LENS: Final = "LENS"
"""The id of a failure to read."""

WEIGHTS: Final[Mapping[str, float]] = {
    "deposit": 4, "rescue": 1, "withdraw": 5, "borrow": 3, "leave": 2, "donate": 1, "open": 1, "set_operator": 1,
    "match": 8, "lever": 6, "reduce": 6, "overfill": 2, "cancel": 1, "raise_floor": 1,
    "accrue": 1, "accrue_interest": 1, "settle": 2,
    "refresh": 3, "drift": 4, "jump": 2, "misprint": 1, "poke": 1,
    "start": 2, "insure": 2, "restart": 2, "end": 2, "take": 3, "flash_take": 2, "deleverage": 2, "write_off": 2,
    "distribute": 1, "trip": 1, "tighten": 1, "overreach": 2, "loosen": 1,
}  # fmt: skip
"""How often an action is tried, when nothing calls for another."""

PATIENCE: Final = "patience"
"""Not an action: wait until the slow price has followed, then refresh."""

KEEPING: Final = ("start", "insure", "restart", "end", "take", "flash_take", "deleverage", "write_off")


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

    @classmethod
    def drawn(cls, seed: int) -> Self:
        """All of it from one number; half of the actions may be off."""
        rng = Random(seed)
        optional = sorted(set(WEIGHTS) - {"match", "lever", "refresh"})
        return cls(
            seed=seed,
            length=rng.choice((64, 80, 96)),
            opening=rng.randint(8, 16),
            off=frozenset(rng.sample(optional, rng.randint(0, len(optional) // 2))),
            keeping=rng.choice((0.3, 0.6, 0.85)),
            haste=rng.choice((0.3, 0.6)),
            pushing=rng.choice((0.4, 0.9, 1.0)),
            crash=rng.choice((-0.6, -0.4, -0.25, -0.15, -0.08, 0.0, 0.08, 0.2, 0.5, 1.5)),
            crash_all=rng.random() < 0.5,
        )


@dataclass
class Tried:
    tried: int = 0
    succeeded: int = 0
    reverted: Counter[str] = field(default_factory=Counter)


@dataclass
class Checked:
    checked: int = 0
    violations: int = 0


@dataclass
class Tally:
    """What a campaign did, and what it saw."""

    calls: int = 0
    histories: int = 0
    seconds: float = 0.0
    actions: dict[str, Tried] = field(default_factory=lambda: {name: Tried() for name in ACTIONS})
    invariants: dict[str, Checked] = field(default_factory=lambda: {one.id: Checked() for one in INVARIANTS})
    events: Counter[str] = field(default_factory=Counter)

    def count(self, planned: str, t: Transition) -> None:
        assert t.step is not None
        self.calls += len(t.step.calls)
        tried = self.actions[planned]
        tried.tried += 1
        tried.succeeded += t.ok
        if not t.ok:
            tried.reverted[t.error] += 1
        self.events.update(event.name for event in t.events)

    def report(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "histories": self.histories,
            "seconds": round(self.seconds, 1),
            "calls_per_second": round(self.calls / self.seconds) if self.seconds else 0,
            "actions": {
                name: {
                    "tried": one.tried,
                    "succeeded": one.succeeded,
                    "reverted": dict(one.reverted.most_common()),
                }
                for name, one in self.actions.items()
            },
            "invariants": {
                name: {"checked": one.checked, "violations": one.violations}
                for name, one in self.invariants.items()
            },
            "events": dict(self.events.most_common()),
        }

    def write(self, folder: Path, **more: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps({**self.report(), **more}, indent=2) + "\n")

    def table(self) -> str:
        lines = [
            f"{self.calls} calls in {self.histories} histories, {self.seconds:.0f} s, "
            f"{self.calls / max(self.seconds, 0.001):.0f} calls a second",
            "",
            f"{'action':<16}{'tried':>7}{'done':>7}  refused by",
        ]
        for name, one in self.actions.items():
            refused = ", ".join(f"{error} {n}" for error, n in one.reverted.most_common(6))
            lines.append(f"{name:<16}{one.tried:>7}{one.succeeded:>7}  {refused}")
        lines += ["", f"{'invariant':<10}{'checked':>9}{'violated':>10}  statement"]
        for inv in INVARIANTS:
            seen = self.invariants[inv.id]
            lines.append(f"{inv.id:<10}{seen.checked:>9}{seen.violations:>10}  {inv.statement}")
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A violated invariant and a history that leads to it."""

    invariant: str
    name: str
    wrong: str
    world: str
    profile: Profile | None
    steps: tuple[Step, ...]
    outcomes: tuple[str, ...] = ()
    calls_before: int = 0  # of the campaign, until it was found

    def __str__(self) -> str:
        lines = [
            f"{self.invariant} {self.name}: {self.wrong}",
            f"world {self.world!r}, seed {self.profile.seed if self.profile else '-'}, {len(self.steps)} steps:",
        ]
        clock = 0
        outcomes = self.outcomes or ("",) * len(self.steps)
        for step, outcome in zip(self.steps, outcomes, strict=True):
            clock += step.wait
            fee = f", base fee {step.base_fee / 10**9:g} gwei" if step.base_fee else ""
            for place, line in enumerate(step.text):
                head = f"  +{clock:>7} s{fee}  {step.action:<14}" if place == 0 else " " * (27 + len(fee))
                lines.append(f"{head} {line}")
            if outcome:
                lines[-1] += f" -> {outcome}"
        return "\n".join(lines)

    def plain(self) -> dict[str, Any]:
        """All that is needed to run it again without this program."""
        return {
            "invariant": self.invariant,
            "wrong": self.wrong,
            "world": self.world,
            "seed": self.profile.seed if self.profile else None,
            "steps": [
                {
                    "action": step.action,
                    "text": list(step.text),
                    "wait": step.wait,
                    "baseFee": step.base_fee,
                    "calls": [
                        {"from": one.sender, "to": one.to, "input": "0x" + one.data.hex()}
                        for one in step.calls
                    ],
                }
                for step in self.steps
            ],
        }


# Growing a history


class Director:
    """Chooses what happens next."""

    def __init__(self, world: World, profile: Profile) -> None:
        self.world = world
        self.profile = profile
        self.rng = Random(profile.seed)
        self.done = 0
        self.crashed = False

    def plan(self, state: Snapshot, ghost: Ghost) -> list[tuple[str, Step]]:
        """The next chunk."""
        scene = Scene(self.world, ghost, state, self.rng)
        steps: list[tuple[str, Step]] = []
        waited = 0
        while len(steps) < CHUNK:
            name = self._next(scene, waited)
            if name in KEEPING and any(name == other for other, _ in steps):
                name = self._next(scene, waited)  # seldom the same twice: its condition is gone
            if name == PATIENCE:
                name, step = "refresh", refresh(scene)
                step = step and replace(step, wait=self.rng.randint(200, 900))
            elif name == "jump" and not self.crashed:
                step = self._crash(scene)
            else:
                step = ACTIONS[name](scene)
            if step is None:
                continue
            step = self._timed(step, len(steps))
            if step.wait and state.system.time + waited + step.wait > 2**32 - 10**7:
                continue
            waited += step.wait
            steps.append((name, step))
        self.done += len(steps)
        return steps

    def _next(self, s: Scene, waited: int) -> str:
        profile, rng = self.profile, self.rng
        if self.done >= profile.opening and not self.crashed and profile.crash:
            return "jump"
        age = s.now + waited - min(market.price_updated_at for market in s.state.markets)
        if age > STALE_SOON and rng.random() < profile.pushing:
            return "refresh"
        if self.done < profile.opening:
            return rng.choice(("lever", "lever", "lever", "match", "borrow", "borrow", "deposit"))
        trouble = [a for a in s.users if a.healthy is False or a.auction is not None]
        bare = [a for a in s.users if a.cash_wad < 0 and not a.positions and not a.holdings]
        if rng.random() < profile.keeping and (kept := self._keep(s.state, s.ghost, trouble, bare)):
            return kept
        names = [name for name in WEIGHTS if name not in profile.off]
        return rng.choices(names, [WEIGHTS[name] for name in names])[0]

    def _keep(
        self, state: Snapshot, ghost: Ghost, trouble: Sequence[Account], bare: Sequence[Account]
    ) -> str | None:
        """What a keeper would do about it; None where it is nothing that this history knows."""
        useful: list[str] = []
        for account in trouble:
            assert account.health is not None
            if account.health.grade > Grade.SLOW:
                useful.append(PATIENCE)  # nobody may act on this price yet
            elif account.auction is None:
                useful += ["start"] * 3
            elif account.healthy:
                useful.append("end")
            else:
                deep = account.auction.insured or account.health.margin.equity_wad <= 0
                bare_lot = not account.positions and account.health.margin.equity_wad <= 0
                useful += (
                    ["take"] * (8 if bare_lot else 3)
                    + ["flash_take"]
                    + (["deleverage"] * 3 if deep else ["insure"])
                )
                over = ghost.clock(account, state.system.time)[1] + ghost.params.run_seconds
                if state.system.time > over or self.rng.random() < 0.1:
                    useful.append("restart")
        useful += ["write_off"] * (3 * len(bare)) + ["rescue"] * (len(trouble) > 0)
        useful = [name for name in useful if name not in self.profile.off]
        return self.rng.choice(useful) if useful else None

    def _crash(self, s: Scene) -> Step:
        """The move that the profile has in store, once."""
        self.crashed = True
        hit = s.state.markets if self.profile.crash_all else (s.rng.choice(s.state.markets),)
        return prices_step(
            s, "price", {m.underlying: moved(m.price.spot_wad, self.profile.crash) for m in hit}
        )

    def _timed(self, step: Step, place: int) -> Step:
        """With a wait, unless it has one; and now and then with another base fee."""
        rng = self.rng
        if not step.wait and (rng.random() >= self.profile.haste or (place == 0 and rng.random() < 0.5)):
            high = 20_000 if rng.random() < 0.04 else 400
            step = replace(step, wait=max(1, round(math.exp(rng.uniform(0, math.log(high))))))
        if step.wait and rng.random() < 0.2:
            low, high = GAS_FEES
            step = replace(step, base_fee=round(math.exp(rng.uniform(math.log(low), math.log(high)))))
        return step


def play(world: World, profile: Profile, tally: Tally) -> Failure | None:
    """One history from beginning to end, or to its first violation."""
    started = time.monotonic()
    director, ghost = Director(world, profile), Ghost(world)
    state = world.start
    done: list[Step] = []
    tally.histories += 1
    failure = None
    while len(done) < profile.length and failure is None:
        planned = director.plan(state, ghost)
        steps = [step for _, step in planned]
        names = {id(step): name for name, step in planned}
        found = _judged(world, done, steps, state, ghost, tally, names)
        if isinstance(found, Failure):
            failure = replace(found, profile=profile, calls_before=tally.calls)
        else:
            state = found
            done += steps
    tally.seconds += time.monotonic() - started
    return failure


def replay(world: World, steps: Sequence[Step]) -> Failure | None:
    """A known history, judged from its first step on."""
    found = _judged(world, [], list(steps), world.start, Ghost(world), Tally(), None)
    return found if isinstance(found, Failure) else None


def _judged(
    world: World,
    done: list[Step],
    steps: list[Step],
    state: Snapshot,
    ghost: Ghost,
    tally: Tally,
    names: Mapping[int, str] | None,
) -> Snapshot | Failure:
    """Run and judge `steps` on top of `done`: the state they lead to, or the first violation."""
    reached = list(done)
    try:
        transitions = run(world, done, steps, state)
    except LensRefused as refused:
        return _failure(LENS, "lens answers", str(refused), world, [*done, *steps])
    for t in transitions:
        if t.step is not None:
            reached.append(t.step)
            if names is not None:
                tally.count(names[id(t.step)], t)
        ghost.meet(t)
        for one, wrong in judge(t, ghost):
            tally.invariants[one.id].checked += 1
            if wrong is not None:
                tally.invariants[one.id].violations += 1
                return _failure(one.id, one.name, wrong, world, reached)
        ghost.follow(t)
        state = t.after
    return state


def _failure(inv: str, name: str, wrong: str, world: World, steps: Sequence[Step]) -> Failure:
    return Failure(invariant=inv, name=name, wrong=wrong, world=world.name, profile=None, steps=tuple(steps))


# Making a failure small


def minimise(world: World, failure: Failure, seconds: float = MINIMISE_SECONDS) -> Failure:
    """Drop steps in ever smaller pieces while the same invariant still fails; then the waits that don't matter."""
    deadline = time.monotonic() + seconds
    best = failure
    size = max(1, len(best.steps) // 2)
    while time.monotonic() < deadline:
        place, fell = 0, False
        while place < len(best.steps) and time.monotonic() < deadline:
            shorter = _without(best.steps, place, size)
            found = replay(world, shorter) if shorter else None
            if found is not None and found.invariant == best.invariant:
                best = replace(found, profile=best.profile, calls_before=best.calls_before)
                fell = True
            else:
                place += size
        if size == 1 and not fell:
            break
        size = size if fell and size == 1 else max(1, size // 2)
    return replace(best, outcomes=_outcomes(world, best.steps))


def _without(steps: Sequence[Step], place: int, size: int) -> list[Step]:
    """The steps less some; whoever follows them waits for them too."""
    waits = sum(step.wait for step in steps[place : place + size])
    rest = list(steps[place + size :])
    if rest and waits:
        rest[0] = replace(rest[0], wait=rest[0].wait + waits)
    return [*steps[:place], *rest]


def _outcomes(world: World, steps: Sequence[Step]) -> tuple[str, ...]:
    try:
        transitions = run(world, [], list(steps), world.start)
    except LensRefused:
        return ()
    return tuple("done" if t.ok else str(t.results[-1].error) for t in transitions if t.step is not None)


def reached(tally: Tally, names: Sequence[str] = KEEPING) -> list[str]:
    """Those of the actions that never once succeeded."""
    return [name for name in names if tally.actions[name].succeeded == 0]
