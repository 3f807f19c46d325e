"""tools.audit.solver.race, with shell commands for solvers
├── the first decides                -> its answer, nobody else is asked
├── the first gives up               -> the answer of whoever decides
├── the first is slow                -> the others are asked meanwhile, and it is ended
└── nobody decides                   -> unknown
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.audit import solver

FIRST, SECOND, THIRD = solver.NAMES


def raced(
    monkeypatch: pytest.MonkeyPatch, folder: Path, **commands: str
) -> tuple[str, dict[str, subprocess.Popen[bytes]]]:
    """The answer, and the processes that were started."""
    started: dict[str, subprocess.Popen[bytes]] = {}

    def launch(name: str, path: str) -> subprocess.Popen[bytes]:
        with Path(f"{path}.{name}").open("wb") as stdout:
            started[name] = subprocess.Popen(["sh", "-c", f"exec {commands[name]}"], stdout=stdout)
        return started[name]

    monkeypatch.setattr(solver, "launch", launch)
    return solver.race(str(folder / "query")), started


def test_race__first_decides__nobody_else_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(solver, "HEAD_START_SECONDS", 60.0)
    answer, started = raced(monkeypatch, tmp_path, **{FIRST: "echo unsat"})
    assert answer == "unsat\n"
    assert list(started) == [FIRST]


def test_race__first_gives_up__another_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(solver, "HEAD_START_SECONDS", 60.0)
    answer, _ = raced(
        monkeypatch, tmp_path, **{FIRST: "echo unknown", SECOND: "false", THIRD: "printf 'sat\\n(model)\\n'"}
    )
    assert answer == "sat\n(model)\n"


def test_race__first_is_slow__ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(solver, "HEAD_START_SECONDS", 0.0)
    answer, started = raced(
        monkeypatch, tmp_path, **{FIRST: "sleep 60", SECOND: "echo sat", THIRD: "sleep 60"}
    )
    assert answer == "sat\n"
    assert {started[name].wait(10) for name in (FIRST, THIRD)} == {-9}


def test_race__nobody_decides__unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer, started = raced(
        monkeypatch, tmp_path, **{FIRST: "echo unknown", SECOND: "echo timeout", THIRD: "false"}
    )
    assert answer == "unknown\n"
    assert list(started) == list(solver.NAMES)
