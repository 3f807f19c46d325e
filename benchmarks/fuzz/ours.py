"""Our own campaign: whole histories in one request each, drawn from the state that they have reached.

    python -m benchmarks.fuzz.ours --seconds 30 [--shared] [--workers 2] [--world local]

`--shared` leaves only the actions and invariants that the other harnesses have; without it everything is on.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Final

from benchmarks.fuzz.measured import Count
from benchmarks.fuzz.shared import ACTIONS, SHARED
from holdfast.sim.actions import WEIGHTS
from holdfast.sim.campaign import play
from holdfast.sim.director import Profile
from holdfast.sim.invariants import INVARIANTS
from holdfast.sim.tally import Tally
from holdfast.sim.world import World

WEIGHED: Final[Mapping[str, float]] = {
    name: weight for name, weight in WEIGHTS.items() if name in ACTIONS and weight
}


def profile(seed: int, shared: bool) -> Profile:
    drawn = Profile.drawn(seed)
    return replace(drawn, off=frozenset(WEIGHTS) - ACTIONS, weights=WEIGHED, phases=()) if shared else drawn


@contextmanager
def judging(ids: Sequence[str] | None) -> Iterator[None]:
    """Only these invariants meanwhile."""
    every = list(INVARIANTS)
    if ids is not None:
        INVARIANTS[:] = [one for one in every if one.id in ids]
    try:
        yield
    finally:
        INVARIANTS[:] = every


def fuzz(world: str, seconds: float, shared: bool, seed: int) -> Count:
    """One worker until its time is up or something broke."""
    tally, waits, failure = Tally(), 0, None
    with World.open(world) as opened, judging(SHARED if shared else None):
        started = time.monotonic()
        while time.monotonic() - started < seconds and failure is None:
            failure = play(opened, profile(seed, shared), tally)
            waits += sum(step.wait > 0 for step in tally.last)
            seed += 1
        took = time.monotonic() - started
    return Count(
        actions=sum(one.tried for one in tally.actions.values()) + waits,
        succeeded=sum(one.succeeded for one in tally.actions.values()) + waits,
        judgements=sum(one.checked for one in tally.invariants.values()),
        transactions=tally.calls,
        broken=failure.invariant if failure else "",
        seconds=took,
    )


def _work(pipe: Connection, world: str, seconds: float, shared: bool, seed: int) -> None:
    pipe.send(fuzz(world, seconds, shared, seed))


def together(world: str, seconds: float, shared: bool, workers: int) -> Count:
    """Workers that share nothing, each with a node of its own."""
    context = multiprocessing.get_context("spawn")
    started = []
    for place in range(workers):
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, world, seconds, shared, place * 1_000_000))
        process.start()
        theirs.close()
        started.append((process, ours))
    found = [ours.recv() for _, ours in started]
    for process, _ in started:
        process.join()
    return Count(
        actions=sum(one.actions for one in found),
        succeeded=sum(one.succeeded for one in found),
        judgements=sum(one.judgements for one in found),
        transactions=sum(one.transactions for one in found),
        broken=next((one.broken for one in found if one.broken), ""),
        seconds=max(one.seconds for one in found),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--world", default="local")
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    if told.workers == 1:
        fuzz(told.world, told.seconds, told.shared, told.seed).print()
    else:
        together(told.world, told.seconds, told.shared, told.workers).print()


if __name__ == "__main__":
    main()
