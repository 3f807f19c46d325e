"""A saved failure, sent to a running Anvil: every call really happens there, and the chain stays where it fails.

.venv/bin/python -m holdfast.fuzz.replay out/fuzz/failures/inv-01-conservation-31f0c2aa --rpc http://127.0.0.1:8545
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Final

import click

from holdfast.chain.anvil import revert
from holdfast.chain.protocol import Protocol
from holdfast.chain.rpc import Rpc
from holdfast.errors import HoldfastError
from holdfast.fuzz.live import READER, Attached, same, send, word
from holdfast.fuzz.saved import Saved, Story, check_addresses, judged, load, title, when, write
from holdfast.sim.failure import Failure
from holdfast.sim.history import Block, Result, simulate
from holdfast.sim.pairs import PairFailure
from holdfast.sim.steps import Step
from holdfast.sim.world import World

__all__ = ["Sent", "Story", "check_addresses", "cli", "load", "look", "replay_on", "write"]

VIOLATED: Final = 1
BROKEN: Final = 2
"""Exit codes: the invariant fails still; the history could not be replayed."""

SHOWN: Final = ("Ledger", "Positions", "Liquidation", "Insurance", "Venue", "Oracle", "Breaker", "Lens")
"""Contracts whose addresses a replay tells."""

Say = Callable[[str], None]


@dataclass
class Answers:
    """One history, simulated and sent."""

    blocks: Sequence[Block]
    simulated: Sequence[Sequence[Result]]
    sent: Sequence[Sequence[Result]]

    @property
    def calls(self) -> Iterator[tuple[Result, Result]]:
        """(simulated, sent) of each call of the steps, in order."""
        for block, ours, theirs in zip(self.blocks, self.simulated, self.sent, strict=True):
            for call, one, other in zip(block.calls, ours, theirs, strict=True):
                if call.sender != READER:
                    yield one, other

    @property
    def unlike(self) -> int:
        """Answers that differ, reads of the Lens among them."""
        pairs = zip(self.simulated, self.sent, strict=True)
        return sum(
            not same(one, other) for ours, theirs in pairs for one, other in zip(ours, theirs, strict=True)
        )


@dataclass
class Sent:
    """A `through` for `run`: simulates a history, then really sends it, and keeps what both answered.

    Called again, it takes the chain back to where it began first: so the branches of a pair are sent one after the
    other, and the chain stays at the end of the last.
    """

    runs: list[Answers] = field(default_factory=list)
    _begin: str = ""  # snapshot of the node

    def __call__(self, rpc: Rpc, blocks: Sequence[Block], block: int) -> list[list[Result]]:
        if self._begin:
            revert(rpc, self._begin)
        self._begin = rpc.call("evm_snapshot")
        # Numbers without gaps: a chain would have to mine what lies in between, and no contract reads them.
        blocks = [replace(one, number=block + place) for place, one in enumerate(blocks, 1)]
        simulated = simulate(rpc, blocks, block)
        sent = send(rpc, blocks, block)
        self.runs.append(Answers(blocks, simulated, sent))
        return sent

    @property
    def unlike(self) -> int:
        return sum(run.unlike for run in self.runs)


def replay_on(path: Path, url: str | None, say: Say = print) -> int:
    """Replays a saved failure on the Anvil at `url`, or on one of its own until Ctrl-C, and tells what happens.

    The exit code: 0 where the invariants hold, VIOLATED where not, BROKEN where chain and simulation disagree.
    """
    saved = load(path)
    with _world(saved.failure.world, url) as world:
        check_addresses(world, saved.steps)
        say(
            f"{title(saved.failure)}: {len(saved.steps)} steps in the world {world.name!r}, sent to {_url(world)}"
        )
        sent = Sent()
        failure = judged(saved.machine, world, saved.failure, sent)
        for way, answers in zip(ways(saved.failure), sent.runs, strict=False):
            _tell(way, answers, world, say)
        say("")
        if sent.unlike:
            say(f"BROKEN: {sent.unlike} answers of the chain differ from the simulation")
        elif failure is None:
            say("Every invariant holds: whatever broke it is mended, or was never in this code.")
        else:
            say(f"VIOLATED: {title(failure)}: {failure.wrong}")
        _guide(saved, world, say)
        if url is None:
            say("\nThis Anvil runs until Ctrl-C.")
            _wait()
    return BROKEN if sent.unlike else VIOLATED if failure else 0


@contextmanager
def _world(name: str, url: str | None) -> Iterator[World]:
    if url is None:
        with World.open(name) as world:
            yield world
    else:
        with Attached(url) as chain:
            yield World.build(chain, name)


def _url(world: World) -> str:
    return world.protocol.rpc.url


@dataclass(frozen=True)
class Way:
    """One history that a failure is made of."""

    steps: tuple[Step, ...]
    before: tuple[str, ...] = ()  # what became of each step when it was found
    name: str = ""
    told: int = 0  # steps at its beginning that were told with another way


def ways(failure: Failure) -> list[Way]:
    """The steps; of a pair what its branches have in common, then each of them."""
    if not isinstance(failure, PairFailure):
        return [Way(failure.steps, failure.outcomes)]
    common = failure.steps[: failure.fork]
    return [
        Way(common, failure.outcomes[: failure.fork]),
        *(Way((*common, *one.steps), (), one.name, failure.fork) for one in failure.branches),
    ]


def _tell(way: Way, answers: Answers, world: World, say: Say) -> None:
    """Each call, and what came of it."""
    clock, block, calls = 1, world.block + 1, answers.calls
    if way.name:
        say(f"\nand then, {way.name}:")
    for place, step in enumerate(way.steps):
        clock += step.wait
        block += bool(step.wait)
        told = place < way.told
        if (step.wait or place == 0) and not told:
            say(f"block {block}: {when(step, clock)}")
        outcome = ""
        for line, (one, other) in zip(_lines(step), calls, strict=False):
            outcome = word(other)
            if not told:
                say(f"  {place + 1:>3} {step.action:<14} {line} -> {outcome}")
            if not same(one, other):
                say(f"{'':18} BUT the simulation says {word(one)}, or other events")
        before = way.before[place] if place < len(way.before) else ""
        if before not in ("", outcome, outcome.partition("(")[0]):
            say(f"{'':18} (when it was found: {before})")


def _lines(step: Step) -> list[str]:
    """One for each call."""
    return [*step.text, *["…"] * len(step.calls)][: len(step.calls)]


def _guide(saved: Saved, world: World, say: Say) -> None:
    """How to look around on a chain that stays."""
    protocol, people, url = world.protocol, world.people, _url(world)
    record = replace(protocol.record, path=saved.path.with_name("deployment.json"))
    record.save()
    file = _shown(saved.path.with_name("deployment.json"))
    head = protocol.rpc.call("eth_getBlockByNumber", "latest", False)
    number, time = int(head["number"], 16), int(head["timestamp"], 16)
    addresses = {name: protocol.contract(name).address for name in SHOWN}
    addresses |= {"keeper": people.keeper, "stranger": people.stranger}
    addresses |= {f"owner {place}": owner for place, owner in enumerate(people.owners)}
    touched = sorted(saved.steps[-1].accounts) or [1]
    lines = [
        "",
        f"The chain stays there: block {number}, time {time}. Each transaction is mined at once, whoever sends it.",
        *(f"  {name:<12} {address}" for name, address in addresses.items()),
        "",
        "Look around:",
        f"  .venv/bin/ape run status --rpc {url} --deployment {file}",
        f'  cast call {protocol.ledger.address} "accounts()(uint64)" --rpc-url {url}',
        *(
            f"  cast run {sent} --rpc-url {url}    # the last call, from inside"
            for sent in head["transactions"][-1:]
        ),
        "  .venv/bin/python",
        "    from holdfast.fuzz.replay import look",
        f'    protocol = look("{url}", "{file}")',
        f"    protocol.accounts({touched}), protocol.books().balanced",
    ]
    say("\n".join(lines))


def look(url: str, record: str) -> Protocol:
    """The protocol on a chain that a replay left behind; `record` is its deployment.json."""
    return Protocol.load(Rpc(url), Path(record))


def _shown(path: Path) -> Path:
    path, here = path.resolve(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _wait() -> None:
    """For Ctrl-C or SIGTERM."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    with suppress(KeyboardInterrupt):
        Event().wait()
    signal.signal(signal.SIGTERM, before)


@click.command(short_help="Replay a saved failure on a running Anvil.")
@click.argument("path", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--rpc", "url", metavar="URL", help="A fresh Anvil. Without it one is started, until Ctrl-C.")
def cli(path: Path, url: str | None) -> None:
    """Really send the history of a saved failure (its folder, or the .json in it), and leave the chain at the failing
    state.

    The same world is deployed at the same addresses; time, base fees and blocks are those of the history. The exit
    code is 0 where every invariant holds, 1 where one is violated, 2 where it could not be replayed.
    """
    try:
        code = replay_on(path, url, click.echo)
    except HoldfastError as error:
        click.echo(f"Error: {' '.join(str(error).split())}", err=True)
        code = BROKEN
    raise SystemExit(code)


if __name__ == "__main__":
    cli()
