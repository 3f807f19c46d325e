"""A failure that others can have: a folder with its steps, a test and a script.

out/fuzz/failures/inv-01-conservation-31f0c2aa/
    test_inv_01_conservation_31f0c2aa.py      red until the bug is gone; may then move into tests/, with its .json
    test_inv_01_conservation_31f0c2aa.json    the steps, as calls
    replay.py                                 sends them to a running Anvil and leaves it at the failing state

folder = write(failure)
failure = load(folder).failure
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError
from holdfast.fuzz.machines import MACHINES, Machine, load_file, statements
from holdfast.sim.campaign import outcomes, replay
from holdfast.sim.failure import Failure, failure_of
from holdfast.sim.history import simulate
from holdfast.sim.pairs import PairFailure
from holdfast.sim.steps import Step, Through
from holdfast.sim.world import WORLDS, World

OUT: Final = PROJECT / "out" / "fuzz" / "failures"

WIDTH: Final = 110
"""[columns] Of the written test."""


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What the .json of a failure holds."""

    failure: Failure
    machine: str | None  # that found it; None: none of those that have a name
    path: Path

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.failure.steps


# Writing


def write(
    failure: Failure, folder: Path = OUT, *, machine: str | None = None, extra: Sequence[Path] = ()
) -> Path:
    """Makes a folder for the failure in `folder`. The same failure gets the same folder. `extra` are files that the
    campaign was given beside (`--with`): they are copied, so that the folder is all that others need."""
    plain = failure.plain()
    stem = _stem(failure, plain)
    place = folder / stem.removeprefix("test_").replace("_", "-")
    place.mkdir(parents=True, exist_ok=True)
    copied = [Path(shutil.copy(file, place / file.name)).name for file in extra]
    data = {"machine": machine, "with": copied, **plain}
    (place / f"{stem}.json").write_text(json.dumps(data, indent=1) + "\n")
    (place / f"{stem}.py").write_text(_test(failure, stem))
    (place / "replay.py").write_text(SCRIPT.format(title=title(failure), stem=stem))
    return place


def _stem(failure: Failure, plain: Mapping[str, Any]) -> str:
    calls = [[step["wait"], step["baseFee"], step["calls"]] for step in plain["steps"]]
    digest = hashlib.sha256(json.dumps([failure.world, calls]).encode()).hexdigest()[:8]
    name = "".join(sign if sign.isalnum() else "_" for sign in f"{failure.invariant}_{failure.name}".lower())
    return f"test_{name}_{digest}"


def title(failure: Failure) -> str:
    return f"{failure.invariant} {failure.name}"


SCRIPT: Final = '''"""Sends the history that breaks {title} to a running Anvil and leaves it at the failing state.

    .venv/bin/python replay.py --rpc http://127.0.0.1:8545

Without --rpc it starts an Anvil of its own, which runs until Ctrl-C.
"""

import sys
from pathlib import Path

from holdfast.fuzz.replay import cli

if __name__ == "__main__":
    cli([str(Path(__file__).with_name("{stem}.json")), *sys.argv[1:]])
'''

TEST: Final = '''"""{head}

The steps are calls on the real bytecode, in {stem}.json beside this file.
A step may be left out: whoever follows it waits for it too.
"""

from pathlib import Path

from holdfast.fuzz.replay import Story

STEPS = Path(__file__).with_suffix(".json")


def {name}() -> None:
    with Story.open(STEPS) as story:
{steps}
        failure = story.play()

    assert failure is None, f"\\n{{failure}}"
'''


def _test(failure: Failure, stem: str) -> str:
    statement = statements().get(failure.invariant, "")
    seed = f", seed {failure.profile.seed}" if failure.profile else ""
    head = [
        f"{title(failure)}: {statement}" if statement else title(failure),
        f"Broken by {len(failure.steps)} steps in the world {failure.world!r}{seed}: {failure.wrong}",
    ]
    digest = stem.rpartition("_")
    return TEST.format(
        head="\n\n".join("\n".join(textwrap.wrap(_prose(line), WIDTH)) for line in head),
        stem=stem,
        name=f"{digest[0]}__{digest[2]}",
        steps="\n".join(_steps(failure)),
    )


def _prose(text: str) -> str:
    """As it may stand in a docstring."""
    return text.replace("\\", "/").replace('"""', "'''")


def _steps(failure: Failure) -> Iterator[str]:
    clock = 1
    fork = failure.fork if isinstance(failure, PairFailure) and failure.branches else None
    for place, (step, outcome) in enumerate(zip(failure.steps, outcomes_of(failure), strict=True)):
        clock += step.wait
        if place == fork:
            yield from _fork(failure)
        if step.wait or step.base_fee or place == 0:
            yield f"        # {when(step, clock)}"
        lines = [*step.text[:-1], f"{step.text[-1]} -> {outcome}" if outcome else step.text[-1]]
        for line in lines:
            yield _comment(line)
        yield f'        story.step({place + 1}, "{step.action}")\n'


def _fork(failure: Failure) -> Iterator[str]:
    """What a pair does instead of the steps that follow."""
    assert isinstance(failure, PairFailure)
    yield "        # Here the ways part: all of them are run and compared, whichever of the steps below stand."
    for place, branch in enumerate(failure.branches):
        if place != failure.blamed:
            yield _comment(f"{branch.name}:")
            for step in branch.steps:
                waited = f"{step.wait} s later, " if step.wait else ""
                yield from (
                    _comment(f"- {waited if not place else ''}{line}") for place, line in enumerate(step.text)
                )
    yield _comment(f"{failure.branches[failure.blamed].name}:")


def _comment(line: str) -> str:
    return textwrap.fill(
        _prose(line),
        WIDTH,
        initial_indent="        # ",
        subsequent_indent="        #     ",
        break_on_hyphens=False,
    )


def outcomes_of(failure: Failure) -> Sequence[str]:
    return failure.outcomes or ("",) * len(failure.steps)


def when(step: Step, clock: int) -> str:
    waited = f"{step.wait} s later, " if step.wait else ""
    fee = f", base fee {step.base_fee / 10**9:,.9g} gwei" if step.base_fee else ""
    return f"{waited}at second {clock}{fee}"


# Reading


def load(path: Path) -> Saved:
    """From a failure's folder, or the .json in it. ConfigError where there is none."""
    found = sorted(path.glob("test_*.json")) if path.is_dir() else [path]
    if len(found) != 1:
        raise ConfigError(f"{path} holds {len(found)} saved failures (test_*.json), not one")
    try:
        data = json.loads(found[0].read_text())
        for name in data.get("with", ()):
            load_file(found[0].with_name(name))
        machine = data.get("machine")
        failure = _machine(machine).restore(data) if machine else failure_of(data)
    except FileNotFoundError:
        raise ConfigError(f"{path} doesn't exist") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{found[0]} is not a saved failure: {error!r}") from None
    if failure.world not in WORLDS:
        raise ConfigError(f"{found[0]}: there is no world {failure.world!r}, but {', '.join(WORLDS)}")
    return Saved(failure=failure, machine=machine, path=found[0])


def _machine(name: str) -> Machine:
    """ConfigError where there is none of that name."""
    try:
        return MACHINES[name]
    except KeyError:
        raise ConfigError(f"there is no machine {name!r}, but {', '.join(MACHINES)}") from None


SAID: Final = re.compile(r"[^:(]+: [^(]+\.\w+\(")
"""`who: Contract.function(`, as `World.say` has it."""


def check_addresses(world: World, steps: Sequence[Step]) -> None:
    """ConfigError where the steps were recorded on a deployment with other addresses: they would mean nothing."""
    for step in steps:
        for one, text in zip(step.calls, step.text, strict=False):
            target = world.name_of(one.to)
            if f": {target}." not in text and SAID.match(text):
                raise ConfigError(
                    f"the history was recorded on another deployment: {text.partition('(')[0]} went to {one.to}, "
                    f"which is {target} in today's world {world.name!r}"
                )


# In a test


@dataclass
class Story:
    """A saved history, told step by step."""

    saved: Saved
    world: World
    told: list[Step] = field(default_factory=list)
    _places: list[int] = field(default_factory=list)  # of the told steps among the saved ones

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """On a chain of its own. ConfigError where today's world isn't the one that the steps were recorded in."""
        saved = load(path)
        with World.open(saved.failure.world) as world:
            check_addresses(world, saved.steps)
            yield cls(saved, world)

    def step(self, number: int, action: str) -> None:
        """The saved step of that number, counted from 1; numbers rise."""
        place, following = number - 1, self._places[-1] + 1 if self._places else 0
        if not following <= place < len(self.saved.steps) or self.saved.steps[place].action != action:
            raise ConfigError(
                f"{self.saved.path}: the next of its steps that is {action!r} isn't number {number}"
            )
        skipped, step = self.saved.steps[following:place], self.saved.steps[place]
        waited = sum(one.wait for one in skipped)
        self.told.append(replace(step, wait=step.wait + waited) if waited else step)
        self._places.append(place)

    @property
    def failure(self) -> Failure:
        """As it was saved, with the steps that are told."""
        failure = self.saved.failure
        if isinstance(failure, PairFailure):
            left_out = sum(one not in self._places for one in range(failure.fork))
            failure = replace(failure, fork=failure.fork - left_out)
        return replace(failure, steps=tuple(self.told))

    def play(self) -> Failure | None:
        """All steps told so far, judged: the first violation of any invariant, or None."""
        found = judged(self.saved.machine, self.world, self.failure)
        if found is not None and not found.outcomes:
            found = replace(found, outcomes=outcomes(self.world, found.steps))
        return found


def judged(
    machine: str | None, world: World, failure: Failure, through: Through = simulate
) -> Failure | None:
    """Does it still fail? By the machine that found it; None: none of those that have a name."""
    if machine is None:
        return replay(world, failure.steps, through)
    return _machine(machine).replay(world, failure, through)
