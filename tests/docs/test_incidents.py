"""docs/incidents.md
├── every row            -> a test that exists, and says what happened
└── every such test      -> has its row
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "incidents.md"
ATTACKS = ROOT / "tests" / "attack"

_ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| \[(\w+\.py)\]\(\.\./tests/attack/(\w+\.py)\) \|$")


def rows() -> list[tuple[str, ...]]:
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    found = [match.groups() for line in table if (match := _ROW.match(line))]
    assert len(found) == len(table), "a row that isn't one"
    return found


def story(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text())) or ""


def told() -> set[str]:
    """Tests whose first lines tell an incident."""
    return {file.name for file in ATTACKS.glob("test_*.py") if "\nIncident: " in story(file)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[-1].removesuffix(".py"))
def test_incidents__row__has_its_test(row: tuple[str, ...]) -> None:
    *_, shown, linked = row
    assert shown == linked
    file = ATTACKS / linked
    assert file.is_file(), f"{linked} is not there"
    assert "def test_" in file.read_text()


def test_incidents__tests_that_tell_one__have_their_row() -> None:
    listed = {row[-1] for row in rows()}
    assert told() <= listed, f"no row for {sorted(told() - listed)}"
    assert len(told()) >= 9


@pytest.mark.parametrize("name", sorted(told()))
def test_incidents__story__names_both_rules(name: str) -> None:
    text = story(ATTACKS / name)
    for part in ("\nIncident: ", "\nPeer's rule: ", "\nOurs: "):
        assert part in text, f"{name} doesn't say {part.strip()}"
