"""The keepers as processes of their own: the very command that an operator runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from holdfast.chain.anvil import follow_parent
from holdfast.chain.environment import PROJECT
from holdfast.errors import ChainError

INTERVAL_SECONDS: Final = 0.01  # between a keeper's looks for a new block
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
    _file: BinaryIO | None = None
    _rest: bytes = b""  # of a line that isn't complete yet

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                preexec_fn=follow_parent(),
            )

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
    """Starts keepers, waits until they have dealt with a block, and ends them on leaving."""

    def __init__(self, url: str, deployment: Path, out: Path) -> None:
        self._common = ["--rpc", url, "--deployment", str(deployment), "--interval", str(INTERVAL_SECONDS)]
        self._out = out
        self.keepers: dict[str, Keeper] = {}
        self.slow_blocks = 0  # blocks that some keeper didn't deal with in time

    def add(self, role: str, *options: str) -> None:
        record, log = self._out / f"{role}.jsonl", self._out / f"{role}.log"
        for file in (record, log):
            file.unlink(missing_ok=True)
        program = [sys.executable, "-m", "holdfast.cli.keeper", role]
        command = [*program, *self._common, "--record", str(record), *options]
        self.keepers[role] = Keeper(role=role, command=command, record=record, log=log)
        self.keepers[role].start()

    def wait(self, block: int, seconds: float, *, necessary: bool = False) -> bool:
        """Until all that are up have dealt with `block`, at most so long. ChainError where one has ended, or where it
        was necessary."""
        deadline = time.monotonic() + seconds
        behind = [keeper for keeper in self.keepers.values() if keeper.process is not None]
        while True:
            for keeper in behind:
                keeper.read()
            behind = [keeper for keeper in behind if keeper.block < block]
            if not behind:
                return True
            for keeper in behind:
                keeper.check()
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
        if necessary:
            names = ", ".join(keeper.role for keeper in behind)
            raise ChainError(f"no sign of life from {names} within {seconds:g} s; see {self._out}")
        self.slow_blocks += 1
        return False

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
