"""Programs that we start, and that end with us: by themselves, by a time limit, or when we are stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

END_SECONDS: Final = 10.0
"""How long a program may take to end when it is asked to."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int | None  # None: the time was up
    seconds: float
    output: str  # the end of what it said


class Processes:
    """Starts programs from any thread. After `stop` none is left, and none begins."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.stopped = False

    def run(
        self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], seconds: float, log: Path
    ) -> Ended:
        """Until it ends or its time is up. What it says goes to `log`."""
        began = time.monotonic()
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            with self._lock:
                if self.stopped:
                    return Ended(code=None, seconds=0.0, output="")
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env={**os.environ, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # so that what it starts can be ended with it
                )
                self._running.add(process)
            try:
                code: int | None = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _end(process)
                with self._lock:
                    self._running.discard(process)
        return Ended(code=code, seconds=time.monotonic() - began, output=_tail(log))

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            running = list(self._running)
        for process in running:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all of its group: Anvils and workers that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=END_SECONDS)
            if number == signal.SIGKILL or not _group_lives(process.pid):
                return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _tail(log: Path, most: int = 4_000) -> str:
    return log.read_bytes()[-most:].decode(errors="replace")
