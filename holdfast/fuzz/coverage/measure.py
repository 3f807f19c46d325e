"""Which of some histories to look at, and for how long."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from holdfast.fuzz.coverage.build import coverage_build
from holdfast.fuzz.coverage.counted import Coverage, Sample
from holdfast.fuzz.coverage.trace import EACH, Chain, Kind, Plan, plan
from holdfast.sim.steps import Step
from holdfast.sim.world import World

SECONDS: Final = 60.0

PLANNING: Final = 0.3
"""Share of the time in which histories are only looked at for what they promise."""

Progress = Callable[[int, int, float], None]
"""Told (histories done, histories given, share of all probes reached)."""


def measure(
    world: World,
    histories: Sequence[Sequence[Step]],
    *,
    seconds: float = SECONDS,
    progress: Progress | None = None,
) -> Coverage:
    """What histories of that world reach, as far as time allows; the first use compiles (half a minute more).

    All are run without probes first, which takes little; then those with probes, on a chain of their own, whose calls
    are of the rarest kinds. A history with nothing that wasn't seen often enough is passed over.
    However short the time, one history is played.
    """
    build = coverage_build()
    began = time.monotonic()
    coverage = Coverage(
        digest=build.digest,
        sources=build.sources,
        probes=build.probes,
        sample=Sample(offered=len(histories)),
    )
    plans = _plans(world, histories, began + PLANNING * seconds)
    if plans:
        with Chain.open(world, build) as chain:
            while plans and (not chain.found.histories or time.monotonic() < began + seconds):
                chosen = max(plans, key=lambda one: _promise(one, chain.seen))
                plans.remove(chosen)
                if not _promise(chosen, chain.seen):
                    break
                chain.play(chosen)
                if progress is not None:
                    reached = len(chain.found.hits.keys() & build.probes) / len(build.probes)
                    progress(chain.found.histories, len(histories), reached)
            found = chain.found
        coverage.hits.update({probe: hits for probe, hits in found.hits.items() if probe in build.probes})
        sample = coverage.sample
        sample.worlds[world.name] += found.histories
        sample.histories, sample.calls = found.histories, found.calls
        sample.traced, sample.diverged = found.traced, found.diverged
    coverage.seconds = time.monotonic() - began
    return coverage


def _plans(world: World, histories: Sequence[Sequence[Step]], deadline: float) -> list[Plan]:
    """At least one, and as many as time allows."""
    found: list[Plan] = []
    for steps in histories:
        if found and time.monotonic() > deadline:
            break
        if steps:
            found.append(plan(world, steps))
    return found


def _promise(one: Plan, seen: Counter[Kind]) -> float:
    """How much there is to be learned: kinds never seen count most."""
    return sum(1.0 / (1 + seen[kind]) ** 2 for kind in one.kinds if seen[kind] < EACH)
