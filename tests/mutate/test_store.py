"""verdicts, from run to run
├── killed by a test   -> stands while the test exists, whatever else has changed
├── killed otherwise   -> stands
├── survived           -> stands until there is a judge that it hasn't met
└── cut short          -> no file, or a whole one
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.mutate import files
from holdfast.mutate.store import Store, Verdict
from holdfast.mutate.suite import Kill

TESTS = frozenset({"tests/a.py::test_one"})


def verdict(kind: str | None, by: str = "") -> Verdict:
    kill = Kill(kind=kind, by=by, reason="so", seconds=1.0, calls=3) if kind else None
    return Verdict(kill=kill, seconds=2.0, judges="old")


@pytest.mark.parametrize(
    ("kept", "judges", "stands"),
    [
        (verdict("test", "tests/a.py::test_one"), "old", True),
        (verdict("test", "tests/a.py::test_one"), "new", True),
        (verdict("test", "tests/a.py::test_gone"), "old", False),
        (verdict("invariant", "INV-01"), "new", True),
        (verdict("timeout", "tests"), "new", True),
        (verdict(None), "old", True),
        (verdict(None), "new", False),
    ],
)
def test_get__any__stands_or_not(tmp_path: Path, kept: Verdict, judges: str, stands: bool) -> None:
    store = Store(tmp_path)
    store.put("key", {}, kept)

    assert store.get("key", judges, TESTS) == (kept if stands else None)


def test_get__unknown__none(tmp_path: Path) -> None:
    assert Store(tmp_path).get("key", "old", TESTS) is None


def test_write__any__leaves_no_draft(tmp_path: Path) -> None:
    files.write_json(tmp_path / "deep" / "a.json", {"a": 1})

    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.json"]
    assert files.read_json(tmp_path / "deep" / "a.json") == {"a": 1}
    assert files.read_json(tmp_path / "none.json") is None
