"""The keepers as processes of their own: the very command that an operator runs, stepped.

One after the other looks at a new block, in the order in which their transactions will lie in the next one. So what a
keeper tries is tried on what those before it have sent, and no two of them ever race: whoever runs it, however slow the
machine, the node is asked the same things in the same order.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Final, Self

from holdfast.chain.anvil import follow_parent
from holdfast.chain.environment import PROJECT
from holdfast.errors import ChainError

STEP_SECONDS: Final = 300.0  # of the wall clock, after which a keeper that doesn't get on is given up
POLL_SECONDS: Final = 0.002
END_SECONDS: Final = 5.0


@dataclass
class Keeper:
    """One keeper, its process while it is up, and what it has recorded so far."""

    role: str
    command: list[str]
    record: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    block: int = -1  # newest one that it has dealt with
    _steps: IO[bytes] | None = None  # its standard input: a line, a look
    _file: BinaryIO | None = None
    _rest: bytes = b""  # of a line that isn't complete yet

    def start(self) -> None:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                bufsize=0,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                preexec_fn=follow_parent(),
            )
        self.process, self._steps = process, process.stdin

    def stop(self) -> None:
        """As an operator would: SIGTERM, and it has to end soon."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._steps is not None:
            self._steps.close()
            self._steps = None
        self.read()

    def step(self, block: int) -> None:
        """Lets it look at `block`, unless it has, and waits until it has dealt with it. ChainError where it has ended,
        or doesn't get on."""
        if self.process is None or self._steps is None or self.block >= block:
            return
        with suppress(BrokenPipeError):  # it has ended: below we say so
            self._steps.write(b"\n")
        deadline = time.monotonic() + STEP_SECONDS
        while self.block < block:
            self.check()
            if time.monotonic() > deadline:
                raise ChainError(
                    f"no sign of life from the {self.role} within {STEP_SECONDS:g} s; see {self.log}"
                )
            time.sleep(POLL_SECONDS)
            self.read()

    def read(self) -> None:
        """Takes in what was recorded since the last look."""
        if self._file is None:
            if not self.record.exists():
                return
            self._file = self.record.open("rb")
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            entry = json.loads(line)
            self.entries.append(entry)
            self.block = entry.get("block", self.block)

    def check(self) -> None:
        """ChainError with its last words if it has ended by itself."""
        if self.process is not None and self.process.poll() is not None:
            words = self.log.read_text().strip().splitlines()[-1:] or ["without a word"]
            raise ChainError(f"the {self.role} ended with code {self.process.returncode}: {words[0]}")

    def close(self) -> None:
        self.stop()
        if self._file is not None:
            self._file.close()
            self._file = None


class Crew:
    """Starts keepers, steps them, and ends them on leaving."""

    def __init__(self, url: str, deployment: Path, out: Path) -> None:
        self._common = ["--rpc", url, "--deployment", str(deployment), "--stepped"]
        self._out = out
        self.keepers: dict[str, Keeper] = {}

    def add(self, role: str, *options: str) -> None:
        record, log = self._out / f"{role}.jsonl", self._out / f"{role}.log"
        for file in (record, log):
            file.unlink(missing_ok=True)
        program = [sys.executable, "-m", "holdfast.cli.keeper", role]
        command = [*program, *self._common, "--record", str(record), *options]
        self.keepers[role] = Keeper(role=role, command=command, record=record, log=log)
        self.keepers[role].start()

    def step(self, block: int) -> None:
        """All that are up, one after the other in the order in which they were added."""
        for keeper in self.keepers.values():
            keeper.step(block)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:  # each is ended, whatever happens to the others
            for keeper in self.keepers.values():
                if keeper.process is not None:
                    keeper.process.terminate()  # all at once; `close` waits
                stack.callback(keeper.close)
