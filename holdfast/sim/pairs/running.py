"""Running branches: one request for each, the common history replayed unread beneath it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from holdfast.sim.history import Block, Call, Result, simulate
from holdfast.sim.pairs.core import Branch, Run
from holdfast.sim.steps import Step, Stopwatch, Through, read, reader_of
from holdfast.sim.world import World
from holdfast.types import Mode, Snapshot


def start(world: World) -> Run:
    """A history in which nothing has happened yet."""
    return Run(Branch(name="common", steps=()), (world.start,), ())


def play_out(
    world: World,
    done: Sequence[Step],
    branch: Branch,
    accounts: int,
    through: Through = simulate,
    spent: Counter[str] | None = None,
) -> Run:
    """The branch on top of `done`, at whose end there are that many accounts. LensRefused where a read fails.
    `spent` [seconds] collects where the time goes."""
    clock = Stopwatch(spent)
    opened = accounts + sum(step.opens for step in branch.steps)
    looks = sorted({*branch.looks, len(branch.steps)})
    reads = [read(world, range(1, opened + 1))]
    now, number = world.time + 1, world.block + 1
    calls: list[Call] = []
    blocks = [Block(calls, time=now, number=number, base_fee=world.base_fee)]
    places: list[tuple[int, int, int]] = []  # (block, first call, how many) of each step and look in turn
    kinds: list[bool] = []  # is it a look?

    def add(what: Sequence[Call], look: bool) -> None:
        places.append((len(blocks) - 1, len(calls), len(what)))
        kinds.append(look)
        calls.extend(what)

    for place, step in enumerate((*done, *branch.steps)):
        if place >= len(done) and place - len(done) in looks:
            add(reads, True)
        if step.wait:
            now, number, calls = now + step.wait, number + step.blocks, []
            blocks.append(Block(calls, time=now, number=number, base_fee=step.base_fee))
        if place >= len(done):
            add(step.calls, False)
        else:
            calls.extend(step.calls)
    add(reads, True)
    clock.lap("encode")
    answers = through(world.protocol.rpc, blocks, world.block)
    clock.lap("node")
    found = [answers[block][first : first + count] for block, first, count in places]
    snapshots = tuple(_snapshot(world, *one) for one, look in zip(found, kinds, strict=True) if look)
    clock.lap("decode")
    return Run(branch, snapshots, tuple(one for one, look in zip(found, kinds, strict=True) if not look))


def _snapshot(world: World, answer: Result) -> Snapshot:
    system, markets, series, accounts = reader_of(world.protocol.lens).look(answer)
    there = tuple(account for account in accounts if account.mode is not Mode.NONE)
    return Snapshot(system=system, markets=markets, series=series, accounts=there)
