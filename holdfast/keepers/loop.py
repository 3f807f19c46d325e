"""One loop for all keepers: read, decide, act, record. A cycle for each new block.

It looks for one every interval; or, where it is stepped, once for each line that comes in: then somebody else's clock
says when, and keepers of the same chain can be made to act one after the other.

When the node can't be reached the loop waits, longer each time, and goes on where the chain is then. Ctrl-C and SIGTERM
end it at once, wherever it is: nothing is lost, since nothing is kept.
"""

from __future__ import annotations

import random
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from types import FrameType
from typing import Any, Final, Protocol

from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError, HoldfastError
from holdfast.keepers.actions import Action
from holdfast.keepers.record import Recorder
from holdfast.keepers.sender import Attempt, Mined, Sender
from holdfast.types import Snapshot
from holdfast.units import WAD

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 30.0


class Stopped(BaseException):
    """Somebody asked us to end. Not an Exception, so that no retry swallows it."""


class Role(Protocol):
    """What makes a price pusher, a liquidator or a bidder of the loop."""

    name: str

    def accounts(self, block: int) -> Sequence[int]:
        """Those that it wants to see in the snapshot of this block."""

    def decide(self, snapshot: Snapshot) -> Sequence[Action]:
        """Reads what it needs beside the snapshot, then decides purely."""

    def income_wad(self, mined: Mined) -> int:
        """What a mined transaction brought, its gas not deducted [wad]."""

    def tell(self, snapshot: Snapshot) -> str:
        """The state of its world in a few words."""

    def ether_wad(self, snapshot: Snapshot) -> int:
        """Price of one ether, to value gas [wad]."""


@dataclass(frozen=True, slots=True)
class Head:
    hash: str
    number: int
    time: int  # [seconds]
    base_fee: int  # [wei]


class Loop:
    def __init__(
        self,
        rpc: Rpc,
        read: Callable[[int], Snapshot],  # of a block's number
        role: Role,
        sender: Sender,
        recorder: Recorder,
        *,
        interval_seconds: float = 1.0,
        steps: Iterable[object] | None = None,  # a look for each of them; None: one every interval
        rng: random.Random | None = None,
    ) -> None:
        self._rpc, self._read, self._role, self._sender, self._recorder = rpc, read, role, sender, recorder
        self._interval, self._steps = interval_seconds, steps
        self._rng = rng or random.Random()
        self.profit_wad = 0
        self._seen = ""
        self.cycles = 0

    def run(self, *, once: bool = False) -> None:
        """Until `Stopped` is raised in it, or no more steps come; with `once`, for one block, raising errors."""
        look = self._look if once else self._insist
        for _ in self._looks():
            look()
            if once:
                return

    def _looks(self) -> Iterator[object]:
        if self._steps is not None:
            yield from self._steps
            return
        while True:
            yield
            time.sleep(self._interval)

    def _insist(self) -> None:
        """Looks until it works."""
        failures, began = 0, time.monotonic()
        while True:
            try:
                self._look()
            except Exception as error:
                failures += 1
                pause = backoff_seconds(failures, self._rng)
                self._complain(error, failures, pause)
                time.sleep(pause)
                continue
            if failures:
                self._recorder.say(f"back after {time.monotonic() - began:.1f} s")
            return

    def _look(self) -> None:
        head = read_head(self._rpc)
        if head.hash != self._seen:
            self._cycle(head)
            self._seen = head.hash

    def _cycle(self, head: Head) -> None:
        began = time.perf_counter()
        snapshot = self._read(head.number)
        snapshot = replace(snapshot, system=replace(snapshot.system, base_fee=head.base_fee))
        mined = self._sender.follow(head.number, head.base_fee, self._role.ether_wad(snapshot))
        profit = sum(self._role.income_wad(done) - done.cost_wad for done in mined)
        self.profit_wad += profit
        attempts = self._sender.send(self._role.decide(snapshot), head.number, head.base_fee)
        self.cycles += 1
        self._recorder.write(
            block=head.number,
            time=head.time,
            base_fee=head.base_fee,
            attempts=[_attempt_fields(attempt) for attempt in attempts],
            mined=[self._mined_fields(done) for done in mined],
            waiting=self._sender.waiting,
            profit_wad=self.profit_wad,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )
        self._recorder.say(self._line(head, snapshot, attempts, mined))

    def _line(
        self, head: Head, snapshot: Snapshot, attempts: Sequence[Attempt], mined: Sequence[Mined]
    ) -> str:
        parts = [f"block {head.number}", self._role.tell(snapshot), f"gas {head.base_fee / 1e9:.0f} gwei"]
        for done in mined:
            outcome = "done" if done.receipt.status else "FAILED"
            parts.append(f"{outcome} {_name(done.action)} for {done.cost_wad / WAD:,.2f}")
        for attempt in attempts:
            outcome = (
                f"refused: {attempt.refused}" if attempt.refused else "sent" if attempt.tx else "would send"
            )
            parts.append(f"{outcome} {_name(attempt.action)} ({attempt.action.why})")
        parts.append(f"profit {self.profit_wad / WAD:+,.2f}")
        return " · ".join(parts)

    def _mined_fields(self, done: Mined) -> dict[str, Any]:
        return {
            "kind": type(done.action).__name__ if done.action else "Nothing",
            "tx": done.receipt.hash,
            "status": done.receipt.status,
            "gas_used": done.receipt.gas_used,
            "gas_price": done.receipt.gas_price,
            "cost_wad": done.cost_wad,
            "income_wad": self._role.income_wad(done),
        }

    def _complain(self, error: Exception, failures: int, pause: float) -> None:
        known = isinstance(error, HoldfastError)
        fact = str(error) if known else f"{type(error).__name__}: {error}"
        self._recorder.say(f"{fact} · attempt {failures}, again in {pause:.1f} s")
        kind = "lost" if isinstance(error, ChainError) else "error"
        details = {} if known else {"traceback": traceback.format_exc()}
        self._recorder.write(**{kind: fact, "attempt": failures, **details})


def backoff_seconds(failures: int, rng: random.Random) -> float:
    """Doubles with each failure up to a bound; scattered, so that many keepers don't return in step."""
    longest: float = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 16))
    return longest * (0.5 + rng.random() / 2)


def read_head(rpc: Rpc) -> Head:
    block = rpc.call("eth_getBlockByNumber", "latest", False)
    return Head(
        hash=block["hash"],
        number=int(block["number"], 16),
        time=int(block["timestamp"], 16),
        base_fee=int(block.get("baseFeePerGas") or "0x0", 16),
    )


@contextmanager
def until_stopped() -> Iterator[None]:
    """Ctrl-C and SIGTERM leave this block quietly. Main thread only."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):  # asked twice, we are already on our way
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _attempt_fields(attempt: Attempt) -> dict[str, Any]:
    action = attempt.action
    told = {
        field.name: getattr(action, field.name)
        for field in fields(action)
        if isinstance(getattr(action, field.name), int | str | tuple)
    }
    return {"kind": type(action).__name__, **told, "tx": attempt.tx, "refused": attempt.refused}


def _name(action: Action | None) -> str:
    if action is None:
        return "nothing"
    kind = type(action).__name__
    return f"{kind} of account {action.account}" if hasattr(action, "account") else kind
