"""What runs in a worker: it opens the worlds it needs, each on an Anvil of its own, and keeps them for its life.

    answer = call(session, "play", slice)

Everything that comes in or goes out can be pickled, and nothing depends on an earlier call: a worker may be a process
of this machine, or on any machine with the same checkout.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from holdfast.chain.anvil import follow_parent
from holdfast.chain.artifacts import artifacts, manifest
from holdfast.errors import ConfigError
from holdfast.fuzz.machines import MACHINES, Extra, load
from holdfast.fuzz.replay import check_addresses
from holdfast.sim.failure import Failure
from holdfast.sim.steps import Step
from holdfast.sim.tally import Tally
from holdfast.sim.world import World

if TYPE_CHECKING:
    from holdfast.fuzz.coverage import Coverage

Steps = tuple[Step, ...]

SAMPLE: Final = 3
"""Histories that a slice brings along."""


@dataclass(frozen=True, slots=True)
class Session:
    """What all workers of one campaign share."""

    id: str
    contracts: str  # digest of the compiled contracts
    extras: tuple[Extra, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A piece of a campaign: so many examples of one machine."""

    number: int
    machine: str
    seed: int
    examples: int
    first: bool  # of this machine in this campaign
    seconds: float | None = None  # no example begins after that
    known: frozenset[str] = frozenset()  # invariants whose violation is known already
    sample: bool = False  # bring some histories along


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a slice."""

    examples: int
    tally: Tally
    seconds: float  # of it all
    opening: float  # [seconds] of it: to open the world
    failures: tuple[Failure, ...] = ()
    histories: tuple[Steps, ...] = ()  # some of those that were played


@dataclass(frozen=True, slots=True)
class Answer:
    pid: int
    anvils: tuple[int, ...]  # processes that are running for this worker
    seconds: float
    value: Any


@dataclass
class _Site:
    """The open worlds of one campaign in this process."""

    worlds: dict[str, tuple[World, ExitStack]] = field(default_factory=dict)

    def world(self, name: str) -> World:
        if name not in self.worlds:
            stack = ExitStack()
            self.worlds[name] = stack.enter_context(World.open(name)), stack
        return self.worlds[name][0]

    def close(self, name: str) -> None:
        found = self.worlds.pop(name, None)
        if found is not None:
            found[1].close()

    def close_all(self) -> None:
        for name in list(self.worlds):
            self.close(name)


_sites: Final[dict[str, _Site]] = {}
_lock: Final = threading.RLock()


def start() -> None:
    """First thing in a worker process of our own: it ends with its parent, and Ctrl-C isn't meant for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminated)
    os.setpgid(0, 0)
    if (follow := follow_parent()) is not None:
        follow()


def _terminated(number: int, frame: FrameType | None) -> None:
    close()
    os._exit(128 + number)


@atexit.register
def close(session: str | None = None) -> None:
    """Ends the Anvils of one campaign; of all without its id."""
    for key in [session] if session is not None else list(_sites):
        if (site := _sites.pop(key, None)) is not None:
            site.close_all()


def call(session: Session, name: str, *args: Any) -> Answer:
    """One of the TASKS. ConfigError where this worker can't take part in that campaign."""
    with _lock:
        began = time.monotonic()
        if session.contracts != contracts():
            raise ConfigError(
                "a worker has other contracts than this checkout: same commit, and `make build` there"
            )
        for extra in session.extras:
            load(extra)
        site = _sites.setdefault(session.id, _Site())
        value = TASKS[name](site, *args)
        anvils = tuple(world.chain.pid for world, _ in site.worlds.values())
        return Answer(os.getpid(), anvils, time.monotonic() - began, value)


def contracts() -> str:
    """Digest of all compiled contracts: workers must agree on it."""
    path = manifest()
    try:
        return _digest(path, path.stat().st_mtime_ns)
    except OSError:
        raise ConfigError(f"{path} isn't there: run `make build`") from None


@lru_cache
def _digest(path: Path, modified_ns: int) -> str:
    found = sorted((name, one.bytecode) for name, one in artifacts(path).items())
    return sha256(repr(found).encode()).hexdigest()[:16]


def play(site: _Site, task: Slice) -> Played:
    """Hypothesis draws profiles, the machine plays them. What goes wrong in a machine itself is raised here."""
    began = time.monotonic()
    machine, tally = MACHINES[task.machine], Tally()
    world = site.world(machine.world)
    opening = time.monotonic() - began
    failures: dict[str, Failure] = {}
    histories: list[Steps] = []
    trouble: list[BaseException] = []
    seen: set[str] = set()
    examples = draws = 0

    def full() -> bool:
        late = task.seconds is not None and time.monotonic() - began >= task.seconds
        return bool(trouble) or late or examples >= task.examples

    @seed(task.seed)
    @settings(
        max_examples=2 * task.examples + 8,
        deadline=None,
        database=None,  # a failure is kept as its steps, not as what was drawn
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(machine.profiles)
    def example(profile: Any) -> None:
        nonlocal examples, draws
        draws += 1
        simplest = draws == 1 and not task.first  # it comes first in every slice
        if full() or simplest or repr(profile) in seen:
            return
        seen.add(repr(profile))
        try:
            failure = machine.play(world, profile, tally)
        except BaseException as error:
            error.add_note(f"while machine {machine.name} played {profile!r}")
            trouble.append(error)
            return
        examples += 1
        if task.sample and len(histories) < SAMPLE:
            histories.append(tally.last)
        if failure is not None and failure.invariant not in task.known:
            failures.setdefault(failure.invariant, failure)

    example()
    tally.last = ()
    if trouble:
        site.close(machine.world)  # it may be the chain
        raise trouble[0]
    return Played(
        examples=examples,
        tally=tally,
        seconds=time.monotonic() - began,
        opening=opening,
        failures=tuple(failures.values()),
        histories=tuple(histories),
    )


def minimise(site: _Site, machine: str, failure: Failure, seconds: float) -> Failure:
    found = MACHINES[machine]
    return found.minimise(site.world(found.world), failure, seconds)


def replay(site: _Site, machine: str, plain: dict[str, Any]) -> Failure | str:
    """A saved failure once more: it still fails, or why it is one no longer."""
    found = MACHINES[machine]
    world, failure = site.world(found.world), found.restore(plain)
    try:
        check_addresses(world, failure.steps)
    except ConfigError as error:
        return str(error)
    return found.replay(world, failure) or "no longer fails"


def measure(site: _Site, world: str, histories: Sequence[Steps], seconds: float) -> Coverage:
    """Which lines and branches of the contracts those histories reach."""
    from holdfast.fuzz import coverage  # only who wants it pays for it

    return coverage.measure(site.world(world), histories, seconds=seconds)


TASKS: Final[dict[str, Callable[..., Any]]] = {one.__name__: one for one in (play, minimise, replay, measure)}
