"""Histories step by step: what was done, what the Lens says before and after, and how to run it in bulk.

A step is one action: its calls, how long it waits before them, and the facts that invariants need to judge it. Steps
without a wait share their block with the step before, so that "before" and "after" have the same time and prices.

    transitions = run(world, done, following)     # `done` is replayed unread, `following` is read after every step
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from holdfast.chain.artifacts import Event
from holdfast.chain.contract import Contract
from holdfast.chain.views import read_account, read_market, read_system
from holdfast.errors import HoldfastError
from holdfast.sim.history import Block, Call, Result, call, simulate
from holdfast.types import Account, Snapshot

if TYPE_CHECKING:
    from holdfast.sim.world import World

OBSERVER: Final = "0x000000000000000000000000000000000000BEEF"
"""Who reads through the Lens inside a history."""

READ_GAS: Final = 2**36
"""[gas] Of one read; no read is ever short of it."""


class LensRefused(HoldfastError):
    """A read inside a history reverted: the Lens must always answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action."""

    action: str  # its name in the report
    calls: tuple[Call, ...]  # in order; the last one is the action itself
    text: tuple[str, ...]  # the calls as a person reads them
    wait: int = 0  # [seconds] before it; zero: in the block of the step before
    base_fee: int | None = None  # [wei a gas] of its block, where a block begins
    facts: Mapping[str, Any] = field(default_factory=dict)  # what was meant, for the invariants
    accounts: frozenset[int] = frozenset()  # that it may touch
    speakers: frozenset[str] = frozenset()  # who sent or validly signed


@dataclass
class Transition:
    """What one step did, or what time alone did (no step)."""

    before: Snapshot
    after: Snapshot
    step: Step | None = None
    results: Sequence[Result] = ()

    @property
    def action(self) -> str:
        return self.step.action if self.step else "time"

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was meant; empty where only time passed."""
        return self.step.facts if self.step else {}

    @property
    def speakers(self) -> frozenset[str]:
        return self.step.speakers if self.step else frozenset()

    @property
    def ok(self) -> bool:
        """Did the action itself succeed?"""
        return bool(self.results) and self.results[-1].ok

    @property
    def changed(self) -> bool:
        return self.step is None or any(result.ok for result in self.results)

    @property
    def error(self) -> str:
        """Name of the refusal; empty when there was none."""
        found = self.results[-1].error if self.results else None
        return "" if found is None else found.name

    @cached_property
    def events(self) -> list[Event]:
        return [event for result in self.results for event in result.events]

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    @cached_property
    def was(self) -> Mapping[int, Account]:
        """Accounts before, by id."""
        return {account.id: account for account in self.before.accounts}

    @cached_property
    def pairs(self) -> list[tuple[Account, Account]]:
        """Each account that there was before, with what became of it."""
        return [(self.was[account.id], account) for account in self.after.accounts if account.id in self.was]

    def pair(self, account: int) -> tuple[Account, Account]:
        return self.was[account], self.after.account(account)


def run(world: World, done: Sequence[Step], following: Sequence[Step], before: Snapshot) -> list[Transition]:
    """Plays all steps in one request; a transition for each wait and each step of `following`."""
    blocks, marks = _schedule(world, done, following, before.system.accounts)
    results = simulate(world.protocol.rpc, blocks, block=world.block)
    found: list[Transition] = []
    reader = _Reader(world.protocol.lens)
    for step, place, index in marks:
        after = reader.read(results[place][index : index + 3])
        if step is None:
            found.append(Transition(before, after))
        else:
            judged = results[place][index - len(step.calls) : index]
            found.append(Transition(before, after, step, judged))
        before = after
    return found


def _schedule(
    world: World, done: Sequence[Step], following: Sequence[Step], accounts: int
) -> tuple[list[Block], list[tuple[Step | None, int, int]]]:
    """The blocks, and where in them the reads after each of the following steps are: (step, block, first call)."""
    time = world.time + 1
    blocks: list[tuple[list[Call], int, int | None]] = [([], time, world.base_fee)]
    marks: list[tuple[Step | None, int, int]] = []
    reads = _reads(world, accounts + sum(step.action == "open" for step in following))

    def read(step: Step | None) -> None:
        calls = blocks[-1][0]
        marks.append((step, len(blocks) - 1, len(calls)))
        calls.extend(reads)

    if not done and following and following[0].wait == 0:
        read(None)
    for place, step in enumerate((*done, *following)):
        new = place >= len(done)
        if step.wait:
            time += step.wait
            blocks.append(([], time, step.base_fee))
            if new:
                read(None)
        blocks[-1][0].extend(step.calls)
        if new:
            read(step)
    return [Block(calls, time=time, base_fee=fee) for calls, time, fee in blocks], marks


def _reads(world: World, accounts: int) -> list[Call]:
    lens = world.protocol.lens
    return [
        call(lens, "system", sender=OBSERVER, gas=READ_GAS),
        call(lens, "markets", sender=OBSERVER, gas=READ_GAS),
        call(lens, "accountsOf", list(range(1, accounts + 1)), sender=OBSERVER, gas=READ_GAS),
    ]


class _Reader:
    """Decodes what the Lens said, and nothing twice in a row: most refused actions change nothing."""

    def __init__(self, lens: Contract) -> None:
        self._lens = lens
        self._known: dict[str, tuple[bytes, Any]] = {}

    def read(self, results: Sequence[Result]) -> Snapshot:
        system, markets, accounts = (
            self._part(name, result)
            for name, result in zip(("system", "markets", "accountsOf"), results, strict=True)
        )
        there = tuple(account for account in accounts if account.id <= system.accounts)
        return Snapshot(system=system, markets=markets, accounts=there)

    def _part(self, name: str, result: Result) -> Any:
        if not result.ok:
            raise LensRefused(f"Lens.{name} refused: {result.error}")
        data, parsed = self._known.get(name, (b"", None))
        if result.data != data:
            view = result.returned(self._lens, name)
            parsed = _PARSERS[name](view)
            self._known[name] = result.data, parsed
        return parsed


_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "system": read_system,
    "markets": lambda views: tuple(read_market(view) for view in views),
    "accountsOf": lambda views: tuple(read_account(view) for view in views),
}


def act(
    world: World, action: str, contract: Contract, function: str, *args: Any, sender: str, **options: Any
) -> Step:
    """A step of one call; `options` are Step's other fields, and the call's gas."""
    gas = options.pop("gas", None)
    request = call(contract, function, *args, sender=sender, **({"gas": gas} if gas else {}))
    speakers = frozenset(options.pop("speakers", ())) | {sender}
    text = (world.say(contract, function, args, sender),)
    return Step(action=action, calls=(request,), text=text, speakers=speakers, **options)


def join(action: str, steps: Iterable[Step], **options: Any) -> Step:
    """One step of several calls in a row."""
    steps = list(steps)
    return Step(
        action=action,
        calls=tuple(one for step in steps for one in step.calls),
        text=tuple(line for step in steps for line in step.text),
        speakers=frozenset().union(*(step.speakers for step in steps)),
        accounts=frozenset().union(*(step.accounts for step in steps)),
        **options,
    )
