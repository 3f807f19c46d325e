"""The machines of a campaign: each draws histories of one kind and plays them in one world.

A machine's `profiles` is a Hypothesis strategy; everything about a history follows from what it draws. An auditor adds
invariants and actions of his own with a file (`load_file`); every machine then has them.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from holdfast.errors import ConfigError
from holdfast.sim import campaign, pairs
from holdfast.sim.campaign import LENS
from holdfast.sim.director import Profile
from holdfast.sim.failure import Failure, failure_of
from holdfast.sim.history import simulate
from holdfast.sim.invariants import INVARIANTS
from holdfast.sim.profiles import ADMIN, CRISIS, HOSTILE, OPTIONS, VENUES
from holdfast.sim.steps import Through
from holdfast.sim.tally import Tally
from holdfast.sim.world import World

SEEDS: Final[SearchStrategy[int]] = st.binary(min_size=6, max_size=6).map(
    lambda drawn: int.from_bytes(drawn, "big")
)
"""Whole histories hang on one number: none is likelier than another, so that no two examples are alike."""


class Machine(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str: ...

    @property
    def world(self) -> str: ...

    @property
    def weight(self) -> int:
        """Its share of a campaign, among the weights of all."""
        ...

    @property
    def profiles(self) -> SearchStrategy[Any]:
        """Of what one example is drawn from."""
        ...

    @property
    def statements(self) -> dict[str, str]:
        """What it judges, by id."""
        ...

    def play(self, world: World, profile: Any, tally: Tally) -> Failure | None:
        """One example, to its end or to the first violation."""
        ...

    def minimise(self, world: World, failure: Failure, seconds: float) -> Failure:
        """The same violation with fewer steps."""
        ...

    def replay(self, world: World, failure: Failure, through: Through = simulate) -> Failure | None:
        """Does it still fail, with its steps run by `through`? None: no."""
        ...

    def restore(self, plain: Mapping[str, Any]) -> Failure:
        """What `Failure.plain` wrote."""
        ...


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """Histories of one kind, judged step by step."""

    name: str
    about: str
    world: str
    profile: Callable[[int], Profile]
    weight: int = 1

    @property
    def profiles(self) -> SearchStrategy[Profile]:
        return SEEDS.map(self.profile)

    @property
    def statements(self) -> dict[str, str]:
        return {one.id: one.statement for one in INVARIANTS}

    def play(self, world: World, profile: Profile, tally: Tally) -> Failure | None:
        return campaign.play(world, profile, tally)

    def minimise(self, world: World, failure: Failure, seconds: float) -> Failure:
        return campaign.minimise(world, failure, seconds)

    def replay(self, world: World, failure: Failure, through: Through = simulate) -> Failure | None:
        return campaign.replay(world, failure.steps, through)

    def restore(self, plain: Mapping[str, Any]) -> Failure:
        return failure_of(plain)


@dataclass(frozen=True, kw_only=True)
class Forks:
    """Histories that are forked; what is judged is how their branches differ."""

    name: str
    about: str
    world: str
    profile: Callable[[int], Profile] = Profile.drawn
    weight: int = 1

    @property
    def profiles(self) -> SearchStrategy[Profile]:
        return SEEDS.map(self.profile)

    @property
    def statements(self) -> dict[str, str]:
        return pairs.statements()

    def play(self, world: World, profile: Profile, tally: Tally) -> Failure | None:
        return pairs.play(world, profile, tally)

    def minimise(self, world: World, failure: Failure, seconds: float) -> Failure:
        return pairs.minimise(world, failure, seconds)

    def replay(self, world: World, failure: Failure, through: Through = simulate) -> Failure | None:
        return pairs.replay(world, failure, through)

    def restore(self, plain: Mapping[str, Any]) -> Failure:
        return pairs.restore(plain)


MACHINES: Final[dict[str, Machine]] = {
    machine.name: machine
    for machine in (
        Swarm(
            name="markets",
            about="everything public, each history with a random half of the actions left out",
            world="local",
            profile=Profile.drawn,
            weight=4,
        ),
        Swarm(
            name="crisis",
            about="scarce funds, full markets, remains of a deleveraging; all prices fall or rise, keepers at work",
            world="remains",
            profile=CRISIS,
            weight=3,
        ),
        Swarm(
            name="hostile",
            about="tokens that turn: fees, blacklists, pauses, callbacks into everything",
            world="hostile",
            profile=HOSTILE,
            weight=2,
        ),
        Swarm(
            name="admin",
            about="stolen keys: each role's holder does what the delays let him do",
            world="local",
            profile=ADMIN,
        ),
        Swarm(
            name="admin-thin",
            about="stolen keys where funds are scarce and markets full",
            world="thin",
            profile=ADMIN,
        ),
        Swarm(
            name="venues",
            about="three sources an underlying, of which one prints nonsense",
            world="venues",
            profile=VENUES,
        ),
        Swarm(
            name="options",
            about="options beside perpetuals: windows, expiries, settlements, listings; funds are scarce",
            world="options",
            profile=OPTIONS,
            weight=3,
        ),
        Forks(
            name="pairs",
            about="two ways to go on from the same history: order, splitting, adversaries together",
            world="local",
            weight=2,
        ),
        Forks(
            name="pairs-thin",
            about="the same where funds are scarce and markets full",
            world="thin",
        ),
        Forks(
            name="pairs-options",
            about="the same with options beside perpetuals: settled in any order, split, by adversaries",
            world="options",
            profile=OPTIONS,
        ),
    )
}
"""By name, in the order in which they are played."""


def chosen(names: tuple[str, ...]) -> list[Machine]:
    """Those machines, or all without a name. ConfigError where there is none of that name."""
    for name in names:
        if name not in MACHINES:
            raise ConfigError(f"there is no machine {name!r}: there are {', '.join(MACHINES)}")
    return [machine for machine in MACHINES.values() if not names or machine.name in names]


def statements() -> dict[str, str]:
    """What each invariant says, by id, of all machines."""
    said = {name: told for one in MACHINES.values() for name, told in one.statements.items()}
    said[LENS] = "The Lens answers every question inside every history."
    return said


# What an auditor adds


@dataclass(frozen=True, slots=True)
class Extra:
    """A Python file by its text: workers may be on another machine."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Extra:
        try:
            return cls(path.name, path.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} can't be read: {error}") from None


_loaded: Final[set[str]] = set()


def load_file(path: Path) -> None:
    """Runs an auditor's file, whose @invariant and @action functions every machine has from then on.

    Once only: the same text again changes nothing. ConfigError where it fails, or takes an id that is taken.
    """
    load(Extra.read(path))


def load(extra: Extra) -> None:
    key = sha256(extra.text.encode()).hexdigest()[:12]
    if key in _loaded:
        return
    before = len(INVARIANTS)
    module = ModuleType(f"holdfast_with_{key}")
    module.__file__ = extra.name
    sys.modules[module.__name__] = module  # what it declares can be pickled and introspected
    try:
        exec(compile(extra.text, extra.name, "exec"), module.__dict__)
    except Exception as error:
        del INVARIANTS[before:]
        raise ConfigError(
            f"{extra.name}{_line(error, extra.name)}: {type(error).__name__}: {error}"
        ) from error
    taken = {one.id for one in INVARIANTS[:before]}
    for one in INVARIANTS[before:]:
        if one.id in taken:
            del INVARIANTS[before:]
            raise ConfigError(f"{extra.name}: {one.id} is taken: give {one.name!r} another number")
        taken.add(one.id)
    INVARIANTS.sort(key=lambda one: one.id)
    _loaded.add(key)


def _line(error: Exception, name: str) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    places = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    return f", line {places[-1]}" if places else ""
