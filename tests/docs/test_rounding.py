"""docs/rounding.md
├── every function that divides     -> has its row
└── every row                       -> a function that divides
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
PAGE = ROOT / "docs" / "rounding.md"

HELPERS = {"FixedPoint", "Words"}
"""The divisions themselves: they have no direction but their name."""

_FUNCTION = re.compile(r"^\s*(?:function (\w+)|(constructor))\b")
_DIVISION = re.compile(r"mulDiv|mulWad|divUp|ceilDiv\(|[^/*] / [^/]|\bs?div\(|\brpow\(")
_ROW = re.compile(r"^\| `(\w+)\.(\w+)` \|", re.MULTILINE)


def dividing_functions() -> set[tuple[str, str]]:
    """(file, function) of every division in the contracts, mocks left out."""
    found = set()
    for path in CONTRACTS.rglob("*.sol"):
        if path.parent.name == "mocks" or path.stem in HELPERS:
            continue
        function = ""
        for line in path.read_text().splitlines():
            if match := _FUNCTION.match(line):
                function = match[1] or match[2]
            code = line.split("//")[0]
            declares = code.strip().startswith(("import", "uint256 private constant", "function _ceilDiv"))
            if function != "_ceilDiv" and not declares and _DIVISION.search(code):
                found.add((path.stem, function))
    return found


def rows() -> list[tuple[str, str]]:
    return _ROW.findall(PAGE.read_text())


def test_rounding__every_division__has_its_row() -> None:
    missing = dividing_functions() - set(rows())
    assert not missing, f"no row in {PAGE.name}: {sorted(missing)}"


def test_rounding__every_row__is_a_division() -> None:
    stale = set(rows()) - dividing_functions()
    assert not stale, f"{PAGE.name} names what doesn't divide: {sorted(stale)}"


def test_rounding__the_search__finds_something() -> None:
    assert len(dividing_functions()) > 40
