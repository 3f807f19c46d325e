"""Workers of a campaign: processes of this machine, or those of a Dask cluster. Each plays one thing at a time.

    with Crew.local(4, session) as crew:
        crew.submit(Job("play", (slice,)))
        for job, answer in crew.wait(0.5): ...

A worker that dies is replaced and its job done again, once. At the end no process is left: neither a worker nor an
Anvil that one of them started.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from holdfast.errors import ChainError, ConfigError, ConnectionLost
from holdfast.fuzz import worker
from holdfast.fuzz.worker import Answer, Session

END_SECONDS: Final = 5.0
"""How long a process may take to end before it is killed."""

LOOK_SECONDS: Final = 5.0
"""How often a cluster is asked who is there."""

CONNECT_SECONDS: Final = 5

ATTEMPTS: Final = 2


@dataclass(eq=False)
class Job:
    name: str  # of worker.TASKS
    args: tuple[Any, ...] = ()
    origin: Any = None  # what it is about, for whoever gave it
    attempts: int = 0


@dataclass(eq=False)
class Seat:
    """A place for one job at a time."""

    executor: Executor
    name: str
    job: Job | None = None
    future: Future[Answer] | None = None
    pid: int | None = None
    anvils: set[int] = field(default_factory=set)
    lost: bool = False  # its worker is gone


class Source(Protocol):
    """Where seats come from."""

    lost: tuple[type[BaseException], ...]  # raised where a worker is gone

    def seats(self) -> list[Seat]:
        """To begin with."""
        ...

    def look(self, seats: Sequence[Seat]) -> list[Seat]:
        """Those that are there now: the given ones that still are, and new ones."""
        ...

    def close(self, seats: Sequence[Seat]) -> None: ...


class Crew:
    def __init__(self, source: Source, session: Session) -> None:
        self._source = source
        self._session = session
        self._lost: tuple[type[BaseException], ...] = (*source.lost, ConnectionLost)
        self._again: list[Job] = []
        self._looked = time.monotonic()
        self.seats: list[Seat] = []

    @classmethod
    def local(cls, workers: int, session: Session) -> Self:
        """Processes of this machine."""
        return cls(_Processes(workers), session)

    @classmethod
    def cluster(cls, address: str, session: Session, most: int | None = None) -> Self:
        """The workers of the Dask scheduler at that address, at most so many. ConfigError where there are none."""
        return cls(_Cluster(address, session, most), session)

    def __enter__(self) -> Self:
        self.seats = self._source.seats()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close(self.seats)
        self.seats = []

    @property
    def free(self) -> int:
        """Jobs that can be begun now."""
        return max(0, sum(seat.job is None for seat in self.seats) - len(self._again))

    @property
    def busy(self) -> list[Job]:
        return [*(seat.job for seat in self.seats if seat.job is not None), *self._again]

    def submit(self, job: Job) -> None:
        """Begins a job; there must be a free seat."""
        seat = next(seat for seat in self.seats if seat.job is None)
        job.attempts += 1
        try:
            seat.future = seat.executor.submit(worker.call, self._session, job.name, *job.args)
        except self._source.lost:
            seat.lost = True
            self._again.append(job)
            self._look()
            return
        seat.job = job

    def wait(self, seconds: float) -> Iterator[tuple[Job, Answer]]:
        """What has been done meanwhile, as soon as there is something. Raises what a job raised."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
        while self._again and any(seat.job is None for seat in self.seats):
            self.submit(self._again.pop(0))
        futures = [seat.future for seat in self.seats if seat.future is not None]
        if futures:
            wait_for(futures, seconds, FIRST_COMPLETED)
        else:
            time.sleep(min(seconds, 0.1))
        for seat in list(self.seats):
            if seat.future is not None and seat.future.done():
                yield from self._taken(seat)

    def _taken(self, seat: Seat) -> Iterator[tuple[Job, Answer]]:
        job, future = seat.job, seat.future
        assert job is not None and future is not None
        seat.job = seat.future = None
        try:
            answer = future.result()
        except self._lost as error:
            seat.lost = not isinstance(error, ConnectionLost)  # else it is its Anvil that is gone
            if job.attempts >= ATTEMPTS:
                raise ChainError(f"two workers in a row were lost over {job.name} {job.args}") from error
            self._again.append(job)
            self._look()
            return
        seat.pid = answer.pid
        seat.anvils = set(answer.anvils)
        yield job, answer

    def _look(self) -> None:
        self._looked = time.monotonic()
        before, self.seats = self.seats, self._source.look(self.seats)
        for seat in before:
            if seat not in self.seats and seat.job is not None:
                self._again.append(seat.job)


# Processes of this machine


class _Processes:
    lost: tuple[type[BaseException], ...] = (BrokenProcessPool, CancelledError)

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._begun = 0

    def seats(self) -> list[Seat]:
        return [self._seat() for _ in range(self._workers)]

    def look(self, seats: Sequence[Seat]) -> list[Seat]:
        for seat in seats:
            if seat.lost:
                seat.executor.shutdown(wait=False)
                ended(seat.anvils)
        return [self._seat() if seat.lost else seat for seat in seats]

    def close(self, seats: Sequence[Seat]) -> None:
        for seat in seats:
            if seat.future is not None and not seat.future.done() and seat.pid is not None:
                _signal(seat.pid, signal.SIGTERM)
            seat.executor.shutdown(wait=False, cancel_futures=True)
        processes = {seat.pid for seat in seats if seat.pid is not None}
        ended(processes | {pid for seat in seats for pid in seat.anvils})
        for seat in seats:
            seat.executor.shutdown(wait=True)

    def _seat(self) -> Seat:
        context = multiprocessing.get_context("spawn")  # nothing of this process, threads least of all
        executor = ProcessPoolExecutor(1, mp_context=context, initializer=worker.start)
        self._begun += 1
        seat = Seat(_Deaf(executor), f"worker {self._begun}")
        greeting = seat.executor.submit(os.getpid)
        greeting.add_done_callback(lambda done: setattr(seat, "pid", _pid(done)))
        return seat


class _Deaf(Executor):
    """Ctrl-C goes to all processes of a terminal. Those that begin here don't hear it: what they have done counts."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with _deaf():
            return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


@contextmanager
def _deaf() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _pid(done: Future[int]) -> int | None:
    return None if done.cancelled() or done.exception() is not None else done.result()


def ended(processes: set[int]) -> None:
    """Waits for them to end; those that don't are terminated, then killed."""
    for last in (None, signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + END_SECONDS
        for pid in processes:
            if last is not None:
                _signal(pid, last)
        while (processes := {pid for pid in processes if alive(pid)}) and time.monotonic() < deadline:
            time.sleep(0.01)


def alive(pid: int) -> bool:
    """Is there a process of that id that still runs?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # where nobody has asked yet how it ended, it is still listed
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return sys.platform != "linux"


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


# The workers of a cluster


class _Cluster:
    """Each worker of a Dask cluster is one seat, however many threads it has."""

    def __init__(self, address: str, session: Session, most: int | None) -> None:
        try:
            from distributed import Client, KilledWorker
            from distributed.comm.core import CommClosedError
        except ImportError:
            raise ConfigError("a Dask cluster needs the package: pip install 'holdfast[cluster]'") from None
        self.lost: tuple[type[BaseException], ...] = (KilledWorker, CancelledError, CommClosedError)
        self._session = session
        self._most = most
        try:
            self._client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(f"no Dask scheduler answers at {address}: {error}") from None

    def seats(self) -> list[Seat]:
        found = self.look([])
        if not found:
            self._client.close()
            raise ConfigError("that Dask scheduler has no workers: start `dask worker ADDRESS` in a checkout")
        return found

    def look(self, seats: Sequence[Seat]) -> list[Seat]:
        there = list(self._client.scheduler_info(n_workers=-1)["workers"])
        kept = [seat for seat in seats if seat.name in there]
        for seat in kept:
            seat.lost = False
        fresh = [name for name in there if name not in {seat.name for seat in kept}]
        room = len(fresh) if self._most is None else max(0, self._most - len(kept))
        return [*kept, *(self._seat(name) for name in fresh[:room])]

    def close(self, seats: Sequence[Seat]) -> None:
        with suppress(Exception):  # whoever doesn't answer any longer has nothing left to close
            self._client.run(
                worker.close, self._session.id, workers=[seat.name for seat in seats], on_error="ignore"
            )
        self._client.close()

    def _seat(self, name: str) -> Seat:
        executor = self._client.get_executor(workers=[name], allow_other_workers=False, pure=False)
        return Seat(executor, name)
