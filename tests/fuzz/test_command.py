"""ape run fuzz
├── clean                       -> exit 0; the last line says what holds; report.json and an offline report.html
├── an auditor's file that fails-> exit 1; every file is there; the line on stderr without a terminal
├── Ctrl-C                      -> ends by itself, writes the report of what was done, leaves no process, exit 130
├── usage                       -> exit 2 in one line, nothing written
└── --list-machines             -> a line each
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast.chain.environment import PROJECT
from holdfast.fuzz.crew import alive
from holdfast.fuzz.machines import MACHINES

PROGRAM = [sys.executable, "-c", "from holdfast.cli.fuzz import cli; cli()"]


def fuzz(out: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, "--out", str(out), "--database", "none", "--workers", "1", *args]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)


def test_fuzz__clean__says_what_holds(tmp_path: Path) -> None:
    done = fuzz(tmp_path, "--examples", "2", "--machine", "markets", "--seed", "11", "--no-coverage")

    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(
        r"\d+ properties hold over [\d,]+ calls in 2 histories: judged [\d,]+ times, never violated", last
    )
    assert found["calls"] > 0 and found["seconds"] > 0 and found["calls_per_second"] > 0
    assert set(found["actions"]["lever"]) == {"tried", "succeeded", "reverted"}
    assert {"checked", "violations", "closest", "statement"} <= set(found["invariants"]["INV-01"])
    assert (found["seed"], found["workers"], found["examples"], found["failures"]) == (11, 1, 2, [])
    assert found["machines"]["markets"]["calls"] == found["calls"]
    assert set(found["spent"]) >= {"node", "judge", "decode", "plan"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]

    text = (tmp_path / "report.html").read_text()
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert not re.search(r"(src|href)=.?(https?:)?//|url\((?!#)|@import|<script", text)  # it opens offline


def test_fuzz__own_invariant_fails__exit_1(tmp_path: Path, never: Path) -> None:
    out = tmp_path / "out"
    done = fuzz(
        out,
        "--examples",
        "2",
        "--machine",
        "crisis",
        "--with",
        str(never),
        "--no-coverage",
        "--stop-after",
        "1",
    )

    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1].startswith("BROKEN: INV-90, found within ")
    assert "INV-90 nobody_looks: somebody did" in done.stdout
    [failure] = json.loads((out / "report.json").read_text())["failures"]
    assert (failure["machine"], failure["invariant"], failure["name"]) == ("crisis", "INV-90", "nobody_looks")
    names = {Path(path).name for path in failure["files"]}
    assert "replay.py" in names and {Path(name).suffix for name in names} == {".py", ".json"}
    assert all(Path(path).is_file() for path in failure["files"])
    assert "somebody did" in (out / "report.html").read_text()


def test_fuzz__interrupted__report_and_no_process(tmp_path: Path) -> None:
    command = [*PROGRAM, "--out", str(tmp_path), "--database", "none", "--workers", "2", "--no-coverage"]
    process = subprocess.Popen(
        [*command, "--machine", "markets", "--seconds", "600"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while (
        len(children := _children(process.pid)) < 5 and time.monotonic() < deadline
    ):  # with Python's own tracker
        time.sleep(0.1)
    assert process.stderr is not None
    assert any(
        re.search(r" [1-9][\d,]* calls", line) for line in process.stderr
    )  # the first that tells of some
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)

    assert process.returncode == 130, stderr
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["interrupted"] and found["calls"] > 0
    assert "The campaign was interrupted." in stdout
    assert len(children) >= 4  # two workers, two Anvils
    deadline = time.monotonic() + 5
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in children if alive(pid)]


def _children(pid: int) -> list[int]:
    """All processes under this one."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *_children(child)]
    return found


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--machine", "nonsense"], "'nonsense' is not one of"),
        (["--seconds", "-1"], "-1.0 is not in the range"),
        (["--rpc", "http://127.0.0.1:1"], "Error: --rpc needs --replay"),
        (["--database", "http://x"], "Error: --database http://x: not a folder"),
        (["--database", "redis://127.0.0.1:1/0"], "Error: no Redis answers at redis://127.0.0.1:1/0"),
        (["--dask", "tcp://127.0.0.1:1"], "Error: no Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, list) else "",
)
def test_fuzz__usage__exit_2(tmp_path: Path, args: list[str], told: str) -> None:
    done = fuzz(tmp_path / "out", *args)

    assert done.returncode == 2, done.stdout
    assert told in done.stderr and "Traceback" not in done.stderr


def test_fuzz__list_machines__a_line_each() -> None:
    done = subprocess.run([*PROGRAM, "--list-machines"], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(MACHINES)
