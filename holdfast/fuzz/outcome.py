"""What a campaign is asked for, and what it comes to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from holdfast.fuzz.database import Saved
from holdfast.sim.failure import Failure
from holdfast.sim.tally import Checked, Tally

if TYPE_CHECKING:
    from holdfast.fuzz.coverage import Coverage


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """How thorough a campaign is."""

    seconds: float  # to play, where no other budget is given
    minimise: float  # [seconds] for a failure
    histories: int  # of each world, whose coverage is measured
    coverage: float  # [seconds] for a world


BUNDLES: Final = {
    "quick": Bundle(seconds=45, minimise=10, histories=8, coverage=20),
    "default": Bundle(seconds=300, minimise=30, histories=60, coverage=60),
    "deep": Bundle(seconds=3_600, minimise=180, histories=600, coverage=600),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked for. Without any of the three budgets: the seconds of the bundle."""

    out: Path
    seed: int
    machines: tuple[str, ...] = ()  # none: all
    bundle: Bundle = BUNDLES["default"]
    seconds: float | None = None
    examples: int | None = None
    calls: int | None = None
    workers: int | None = None  # None: as many as there are cores, or workers in the cluster
    coverage: bool = True
    extras: tuple[Path, ...] = ()  # files with invariants and actions of an auditor
    database: str | None = None
    dask: str | None = None
    stop_after: int | None = None  # failures
    replay_only: bool = False

    @property
    def budget(self) -> float | None:
        """[seconds] to play. None: no limit of time."""
        if self.seconds is None and self.examples is None and self.calls is None:
            return self.bundle.seconds
        return self.seconds


@dataclass
class MachineSums:
    """What one machine came to."""

    about: str
    world: str
    slices: int = 0
    examples: int = 0
    calls: int = 0
    seconds: float = 0.0  # of all workers together
    violations: int = 0


@dataclass
class Found:
    """A failure of this campaign."""

    machine: str
    failure: Failure
    seconds: float  # since the campaign began to play; 0: known from an earlier one
    saved: Saved | None = None  # by an earlier campaign
    kept: bool = False  # minimised, saved, written
    files: list[Path] = field(default_factory=list)

    @property
    def known(self) -> bool:
        return self.saved is not None


@dataclass
class Outcome:
    """As far as the campaign has come."""

    plan: Plan
    workers: int = 0
    seconds: float = 0.0  # of playing
    whole_seconds: float = 0.0  # with all that comes before and after
    tally: Tally = field(default_factory=Tally)
    machines: dict[str, MachineSums] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)  # of what these machines judge, by id
    found: list[Found] = field(default_factory=list)
    spent: dict[str, float] = field(  # [seconds of all workers] by what they went to
        default_factory=lambda: defaultdict(float)
    )
    line: list[tuple[float, int]] = field(default_factory=list)  # (seconds, calls until then)
    notes: list[str] = field(default_factory=list)
    coverage: Coverage | None = None
    interrupted: bool = False

    @property
    def examples(self) -> int:
        return sum(one.examples for one in self.machines.values())

    @property
    def calls_per_second(self) -> float:
        return self.tally.calls / self.seconds if self.seconds else 0.0

    @property
    def invariants(self) -> dict[str, Checked]:
        """Those of its machines, judged or not, in the order of their ids."""
        names = {*self.statements, *(name for name, one in self.tally.invariants.items() if one.checked)}
        return {name: self.tally.invariants.get(name, Checked()) for name in sorted(names)}

    @property
    def idle_actions(self) -> list[str]:
        """Tried, but never with success."""
        return [name for name, one in self.tally.actions.items() if one.tried and not one.succeeded]

    @property
    def untried_actions(self) -> list[str]:
        return [name for name, one in self.tally.actions.items() if not one.tried]

    @property
    def unjudged(self) -> list[str]:
        """Invariants that nothing was ever seen of."""
        return [name for name, one in self.invariants.items() if not one.checked]
