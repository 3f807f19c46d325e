"""Histories step by step: what was done, what the Lens says before and after, and how to run it in bulk.

A step is one action: its calls, how long it waits before them, and the facts that invariants need to judge it. Steps
without a wait share their block with the step before, so that "before" and "after" have the same time and prices.

    transitions = run(world, done, following, before)     # `done` is replayed unread, `following` is read
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from holdfast.chain.abi import codec
from holdfast.chain.artifacts import Event
from holdfast.chain.contract import Contract
from holdfast.chain.rpc import Rpc
from holdfast.chain.views import read_account, read_market, read_series, read_system
from holdfast.errors import HoldfastError
from holdfast.sim.history import Block, Call, Result, call, simulate
from holdfast.types import Account, AtRisk, Market, Pool, Series, Snapshot, System

if TYPE_CHECKING:
    from holdfast.sim.world import World

OBSERVER: Final = "0x000000000000000000000000000000000000BEEF"
"""Who reads through the Lens inside a history."""

READ_GAS: Final = 2**36
"""[gas] Of one read; no read is ever short of it."""

PAGES: Final = 3
"""In so many parts the Lens is asked to list who is at risk, one at the end of each chunk."""

KNOWN: Final = 1 << 11
"""Answers of a kind that a reader remembers."""

RISK_BPS: Final = 12_000
"""Health below which the Lens is asked to list an account: some are, some not, most of the time."""


Through = Callable[[Rpc, Sequence[Block], int], list[list[Result]]]
"""What runs blocks on top of a block: `simulate`, or something that really sends them."""


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
    blocks: int = 1  # by how many the block number rises, where a block begins
    facts: Mapping[str, Any] = field(default_factory=dict)  # what was meant, for the invariants
    accounts: frozenset[int] = frozenset()  # that it may touch
    speakers: frozenset[str] = frozenset()  # who sent or validly signed
    wide: bool = False  # it may touch any account at all
    opens: int = 0  # accounts that it may open


@dataclass(frozen=True, slots=True)
class Listing:
    """What `Lens.atRisk` said."""

    asked: range  # about these accounts
    found: tuple[AtRisk, ...]
    following: int  # where the list goes on; 0: nowhere


@dataclass
class Transition:
    """What one step did, or what time alone did (no step).

    Not every account is read at every step: `fresh` are those whose worth was read at both ends. The others are carried
    on as they were read last: right in what is stored, unless something touched them that nobody named, which the next
    look at all of them (`whole`) shows.
    """

    before: Snapshot
    after: Snapshot
    step: Step | None = None
    results: Sequence[Result] = ()
    fresh: frozenset[int] = frozenset()
    whole: bool = False  # all accounts were read after it
    since: Mapping[int, Pool] = field(default_factory=dict)  # the pool when a fresh account was read before
    listing: Listing | None = None  # whom the Lens listed as at risk after it; None: it wasn't asked

    @cached_property
    def action(self) -> str:
        return self.step.action if self.step else "time"

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What was meant; empty where only time passed."""
        return self.step.facts if self.step else {}

    @cached_property
    def speakers(self) -> frozenset[str]:
        return self.step.speakers if self.step else frozenset()

    @cached_property
    def ok(self) -> bool:
        """Did the action itself succeed?"""
        return bool(self.results) and self.results[-1].ok

    @cached_property
    def changed(self) -> bool:
        return self.step is None or any(result.ok for result in self.results)

    @cached_property
    def error(self) -> str:
        """Name of the refusal; empty when there was none."""
        found = self.results[-1].error if self.results else None
        return "" if found is None else found.name

    @cached_property
    def events(self) -> list[Event]:
        return [event for result in self.results for event in result.events]

    @cached_property
    def _by_name(self) -> Mapping[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.name, []).append(event)
        return found

    def named(self, name: str) -> Sequence[Event]:
        return self._by_name.get(name, ())

    def heard(self, names: Iterable[str]) -> bool:
        """Was any of them emitted?"""
        return not self._by_name.keys().isdisjoint(names)

    @property
    def was(self) -> Mapping[int, Account]:
        """Accounts before, by id."""
        return self.before.by_id

    @cached_property
    def pairs(self) -> list[tuple[Account, Account]]:
        """Each account that there was before and that is fresh, with what became of it."""
        return [
            (self.was[account.id], account)
            for account in self.after.accounts
            if account.id in self.fresh and account.id in self.was
        ]

    def pair(self, account: int) -> tuple[Account, Account]:
        return self.was[account], self.after.account(account)


# Reading


@dataclass(frozen=True, slots=True)
class _Look:
    """A place in a history where the Lens is asked: about which accounts, and what for."""

    step: Step | None  # the one it comes after; None: time, or a closer look before a step
    block: int
    call: int  # the read
    accounts: tuple[int, ...]
    everything: bool  # system and markets, too
    asked: range = range(0)  # and who of these is at risk


def run(
    world: World,
    done: Sequence[Step],
    following: Sequence[Step],
    before: Snapshot,
    spent: Counter[str] | None = None,
    through: Through = simulate,
) -> list[Transition]:
    """Plays all steps in one request. A transition for each wait and each step of `following`, and one at the end in
    which every account is looked at. `spent` [seconds] collects where the time goes."""
    clock = Stopwatch(spent)
    blocks, looks = _schedule(world, done, following, before.system.accounts)
    clock.lap("encode")
    results = through(world.protocol.rpc, blocks, world.block)
    clock.lap("node")
    found = _transitions(world, looks, results, before)
    clock.lap("decode")
    return found


class Stopwatch:
    """Where the time goes: `lap` books what has passed since the last one."""

    def __init__(self, spent: Counter[str] | None) -> None:
        self._spent, self._since = spent, time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        if self._spent is not None:
            self._spent[name] += now - self._since  # type: ignore[assignment]
        self._since = now


def _schedule(
    world: World, done: Sequence[Step], following: Sequence[Step], accounts: int
) -> tuple[list[Block], list[_Look]]:
    """The blocks, and the looks in them.

    Around a step those accounts are read which it may touch and a bystander in turn; around one that may touch
    anybody, all. What the protocol's own accounts hold, the system tells.
    """
    own = frozenset(own_cash(world.start.system))
    clock = world.time + 1
    number = world.block + 1
    blocks = [Block([], time=clock, number=number, base_fee=world.base_fee)]
    looks: list[_Look] = []
    known: frozenset[int] = frozenset()  # read since the last call that changed anything

    def look(step: Step | None, ids: Iterable[int], everything: bool, asked: range = range(0)) -> None:
        calls, chosen = blocks[-1].calls, tuple(sorted(ids))
        looks.append(_Look(step, len(blocks) - 1, len(calls), chosen, everything, asked))
        calls.extend(_reads(world, looks[-1]))

    for place, step in enumerate((*done, *following)):
        new = place >= len(done)
        accounts += step.opens if new else 0
        if step.wait:
            clock, number = clock + step.wait, number + step.blocks
            blocks.append(Block([], time=clock, number=number, base_fee=step.base_fee))
            known = frozenset()
        if new:
            everybody = range(1, accounts + 1)
            bystander = 1 + place * 7 % accounts
            wanted = frozenset(everybody if step.wide else (step.accounts | {bystander}) - own)
            if step.opens:
                wanted |= frozenset(range(accounts - step.opens + 1, accounts + 1))
            if step.wait or place == 0:
                look(None, wanted, True)
            elif wanted - known:
                look(None, wanted - known, False)
        blocks[-1].calls.extend(step.calls)
        if new:
            look(step, wanted, True)
            known = wanted
    rest = frozenset(range(1, accounts + 1)) - known
    if following:
        part = -(-accounts // PAGES)
        first = 1 + part * ((len(done) + len(following)) % PAGES)
        look(None, rest, False, range(first, min(first + part, accounts + 1)))
    return blocks, looks


def read(world: World, accounts: Iterable[int], everything: bool = True) -> Call:
    """What the Lens is asked: about these accounts, and about everything else."""
    question = "look" if everything else "accountsOf"
    return call(world.protocol.lens, question, list(accounts), sender=OBSERVER, gas=READ_GAS)


def _reads(world: World, look: _Look) -> list[Call]:
    first = read(world, look.accounts, look.everything)
    if not look.asked:
        return [first]
    lens, asked = world.protocol.lens, look.asked
    return [first, call(lens, "atRisk", asked[0], len(asked), RISK_BPS, sender=OBSERVER, gas=READ_GAS)]


def _transitions(
    world: World, looks: Sequence[_Look], results: Sequence[Sequence[Result]], before: Snapshot
) -> list[Transition]:
    found: list[Transition] = []
    reader = reader_of(world.protocol.lens)
    people = {account.id: account for account in before.accounts}
    pools = dict.fromkeys(people, before.system.pool)
    fresh: frozenset[int] = frozenset()
    for place, look in enumerate(looks):
        answer, *more = results[look.block][look.call : look.call + 1 + bool(look.asked)]
        since = {at: pools[at] for at in look.accounts if at in pools}
        system, markets, series, seen = (
            reader.look(answer)
            if look.everything
            else (before.system, before.markets, before.series, reader.accounts(answer))
        )
        people.update((account.id, account) for account in seen)
        if look.everything:
            for own, cash in own_cash(system).items():  # their worth is read with everybody's
                pools[own] = system.pool
                if people[own].cash_wad != cash:
                    people[own] = replace(people[own], cash_wad=cash)
        there = tuple(people[at] for at in sorted(people) if at <= system.accounts)
        after = Snapshot(system=system, markets=markets, series=series, accounts=there)
        read = frozenset(look.accounts)
        if look.step is not None:
            judged = results[look.block][look.call - len(look.step.calls) : look.call]
            found.append(Transition(before, after, look.step, judged, fresh & read))
            fresh = read
        else:
            fresh = read if look.everything else fresh | read
            if look.everything or place == len(looks) - 1:
                listing = reader.listing(look.asked, more[0]) if more else None
                found.append(Transition(before, after, fresh=read, since=since, listing=listing))
        if look.everything or place == len(looks) - 1:
            found[-1].whole = fresh.issuperset(account.id for account in there)
        pools.update(dict.fromkeys(read, system.pool))
        before = after
    return found


def own_cash(system: System) -> dict[int, int]:
    """Cash of the protocol's own accounts: fund, fees and treasury."""
    return {
        system.fund_account: system.fund_wad,
        system.fees_account: system.fees_wad,
        system.treasury_account: system.treasury_wad,
    }


class Reader:
    """Decodes what the Lens said, and seldom anything twice: most of what is read has not changed."""

    def __init__(self, lens: Contract) -> None:
        answer = next(entry for entry in lens.artifact.abi if entry.get("name") == "look")["outputs"]
        system, markets, series, accounts = answer
        system, markets, series = codec(system), codec(markets), codec(series)
        account = codec({**accounts, "type": "tuple"})
        self._lens = lens
        self._system = lru_cache(KNOWN)(lambda data: read_system(system.decode(data, 0)))
        self._markets = lru_cache(KNOWN)(lambda data: tuple(map(read_market, markets.decode(data, 0))))
        self._series = lru_cache(KNOWN)(lambda data: tuple(map(read_series, series.decode(data, 0))))
        self._account = lru_cache(KNOWN)(lambda data: read_account(account.decode(data, 0)))

    def look(self, result: Result) -> tuple[System, tuple[Market, ...], tuple[Series, ...], list[Account]]:
        data = self._data("look", result)
        system, markets, series, accounts = (
            int.from_bytes(data[at : at + 32], "big") for at in (0, 32, 64, 96)
        )
        return (
            self._system(data[system:markets]),
            self._markets(data[markets:series]),
            self._series(data[series:accounts]),
            self._accounts(data[accounts:]),
        )

    def listing(self, asked: range, result: Result) -> Listing:
        found, following = self._lens.decode("atRisk", self._data("atRisk", result))
        return Listing(asked, tuple(map(AtRisk.of_word, found)), following)

    def accounts(self, result: Result) -> list[Account]:
        return self._accounts(self._data("accountsOf", result)[32:])

    def _accounts(self, data: bytes) -> list[Account]:
        count = int.from_bytes(data[:32], "big")
        starts = [32 + int.from_bytes(data[at : at + 32], "big") for at in range(32, 32 + 32 * count, 32)]
        return [self._account(data[start:end]) for start, end in pairwise([*starts, len(data)])]

    def _data(self, name: str, result: Result) -> bytes:
        if not result.ok:
            raise LensRefused(f"Lens.{name} refused: {result.error}")
        return result.data


reader_of: Final = lru_cache(8)(Reader)
"""The one of a Lens: what it knows already outlasts a request."""


# Writing steps


def act(
    world: World, action: str, contract: Contract, function: str, *args: Any, sender: str, **options: Any
) -> Step:
    """A step of one call; `options` are Step's other fields, and the call's gas and tip [wei a gas]."""
    gas, tip = options.pop("gas", None), options.pop("tip", 0)
    limit = {"gas": gas} if gas else {}
    request = call(contract, function, *args, sender=sender, priority_fee=tip, **limit)
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
