"""programs that are started
├── ends by itself      -> its code, and the end of what it said
├── takes too long      -> no code; neither it nor what it started is left
└── stop                -> ends what runs; nothing begins any more
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from holdfast.mutate.processes import Ended, Processes

SLEEPER = """
import subprocess, sys, pathlib
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""


def run(processes: Processes, folder: Path, code: str, *args: str, seconds: float = 60) -> Ended:
    return processes.run(
        [sys.executable, "-c", code, *args],
        cwd=folder,
        environment={"WORD": "hello"},
        seconds=seconds,
        log=folder / "log.txt",
    )


def gone(pid: int) -> bool:
    """Ended within a moment, or waiting for init to take note of it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if "\nState:\tZ" in status:
            return True
        time.sleep(0.05)
    return False


def test_run__ends_by_itself__code_and_words(tmp_path: Path) -> None:
    ended = run(Processes(), tmp_path, "import os, sys; print(os.environ['WORD']); sys.exit(3)")

    assert (ended.code, ended.output) == (3, "hello\n")


def test_run__too_long__nothing_is_left(tmp_path: Path) -> None:
    started = tmp_path / "child"
    ended = run(Processes(), tmp_path, SLEEPER, str(started), seconds=5)

    assert ended.code is None
    assert gone(int(started.read_text()))


def test_stop__something_runs__ends_it_and_begins_nothing(tmp_path: Path) -> None:
    processes, started, found = Processes(), tmp_path / "child", list[Ended]()
    thread = threading.Thread(target=lambda: found.append(run(processes, tmp_path, SLEEPER, str(started))))
    thread.start()
    while not (started.exists() and started.read_text()):
        time.sleep(0.02)

    processes.stop()
    thread.join(timeout=30)

    assert found and found[0].code != 0
    assert gone(int(started.read_text()))
    assert run(processes, tmp_path, "raise SystemExit(0)").code is None


@pytest.mark.parametrize("code", [0, 1])
def test_run__twice__each_by_itself(tmp_path: Path, code: int) -> None:
    assert run(Processes(), tmp_path, f"raise SystemExit({code})").code == code
