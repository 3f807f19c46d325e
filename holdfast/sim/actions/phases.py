"""Stretches of a history in which the world is different: nobody keeps, nobody pushes prices, a feed is out of order,
all markets are closed, gas is dear.

    phases = Phases(profile.phases)
    phases.turn(scene, place)      # the step with which a phase begins or ends at this place, if one does
    phases.at(place)               # the mood of the moment: what never happens, how slowly time goes, what gas costs
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from holdfast.sim.actions.prices import fault_step, moved, prices_step
from holdfast.sim.actions.scene import Scene
from holdfast.sim.steps import Step
from holdfast.sim.world import GWEI

KEEPING: Final = frozenset(
    {"start", "insure", "restart", "end", "take", "flash_take", "deleverage", "write_off", "rescue"}
)
PUSHING: Final = frozenset(
    {"refresh", "drift", "jump", "misprint", "lie", "poke", "fail_feed", "mend_feed", "ripen"}
)


@dataclass(frozen=True, kw_only=True)
class Mood:
    """What a stretch of a history is like."""

    off: frozenset[str] = frozenset()  # actions that don't happen
    slow: int = 1  # waits are longer by this
    base_fee: int | None = None  # [wei a gas] of each block that begins in it

    @property
    def silent(self) -> bool:
        """Does nobody push prices?"""
        return self.off >= PUSHING

    @property
    def absent(self) -> bool:
        """Does nobody keep?"""
        return self.off >= KEEPING


MOODS: Final = {
    "absence": Mood(off=KEEPING, slow=3),
    "silence": Mood(off=PUSHING, slow=12),
    "outage": Mood(off=frozenset({"mend_feed"}), slow=6),
    "closure": Mood(off=PUSHING, slow=400),
    "dear": Mood(base_fee=2_000 * GWEI),
    "dearest": Mood(base_fee=5_000 * GWEI),
}
"""By kind. A closure lasts days: everything is silent, and opens with a gap."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """From step `start` on, for `length` steps, the world is of this kind."""

    kind: str  # of MOODS
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


def drawn_phases(rng: Random, opening: int, length: int) -> tuple[Phase, ...]:
    """None to two of them, after the opening."""
    return tuple(
        Phase(
            kind=rng.choice(sorted(MOODS)), start=rng.randint(opening, length - 8), length=rng.randint(4, 20)
        )
        for _ in range(rng.choice((0, 0, 1, 1, 2)))
    )


class Phases:
    """Where a history stands among its phases."""

    def __init__(self, phases: Sequence[Phase]) -> None:
        self._phases = tuple(phases)
        self._turned: set[tuple[Phase, bool]] = set()

    def at(self, place: int) -> Mood:
        """All moods of this place in one."""
        moods = [MOODS[phase.kind] for phase in self._phases if phase.start <= place < phase.end]
        fees = [mood.base_fee for mood in moods if mood.base_fee is not None]
        return Mood(
            off=frozenset().union(*(mood.off for mood in moods)),
            slow=max((mood.slow for mood in moods), default=1),
            base_fee=max(fees, default=None),
        )

    def turn(self, s: Scene, place: int) -> Step | None:
        """The step with which a phase begins or ends here; each of them once."""
        for phase in self._phases:
            for over, due in ((False, phase.start), (True, phase.end)):
                if place >= due and (phase, over) not in self._turned:
                    self._turned.add((phase, over))
                    step = _turn(s, phase.kind, over)
                    if step is not None:
                        return step
        return None


def _turn(s: Scene, kind: str, over: bool) -> Step | None:
    if kind == "outage":
        market = s.rng.choice(s.state.markets)
        if not over:
            return fault_step(s, [market.underlying], s.rng.randint(1, 7))
        return fault_step(s, [one.underlying for one in s.state.markets], 0)
    if kind == "closure" and not over:
        return replace(fault_step(s, [], 0), wait=s.rng.randint(3_600, 86_400))
    if kind in ("closure", "silence") and over:
        spread = 0.15 if kind == "closure" else 0.03
        gaps = {m.underlying: moved(m.price.spot_wad, s.rng.gauss(0, spread)) for m in s.state.markets}
        return replace(prices_step(s, "refresh", gaps), wait=s.rng.randint(1, 3_600))
    return None
