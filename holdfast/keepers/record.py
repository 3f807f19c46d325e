"""What a keeper did: one JSON object a line in `out/keeper/<role>.jsonl`, and one line for the operator's eyes.

Each line is written in one system call, so that a reader never sees half of one, even if the keeper is killed. The
record is a log: no keeper ever reads it back.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO


class Recorder:
    def __init__(self, path: Path, role: str, out: TextIO | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._role = role
        self._out = out or sys.stderr
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, **fields: Any) -> None:
        """`wall` [seconds] is this machine's clock; chain time is `time`."""
        entry = {"wall": round(time.time(), 3), "role": self._role, **fields}
        os.write(self._file, (json.dumps(entry, default=str) + "\n").encode())

    def say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {self._role:<12} {text}", file=self._out, flush=True)

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
