"""explained.toml
├── as it is ── every entry's lines stand in their file
├── load ────── a line that is gone, an unknown key -> refused; no file -> nothing
└── fits ────── by file and text, wherever the line is; not another edit of the same line
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.mutate import explained
from holdfast.mutate.errors import MutationError
from holdfast.mutate.explained import Explained
from holdfast.mutate.mutants import Mutant
from holdfast.mutate.sources import Sources

FILE = "contracts/vault/Vault.sol"
LINE = "if (amount > held_) revert Underfunded(held_, amount);"

ENTRY = """
[[explained]]
file = "contracts/vault/Vault.sol"
old = "%s"
new = "x"
reason = "It is so."
"""


def test_load__as_it_is__none_is_stale() -> None:
    explained.load(Sources())


def test_load__no_file__nothing(tmp_path: Path) -> None:
    assert explained.load(Sources(), tmp_path / "none.toml") == []


def test_load__line_is_gone__stale(tmp_path: Path) -> None:
    path = tmp_path / "explained.toml"
    path.write_text(ENTRY % "if (amount >> held_)")
    with pytest.raises(
        MutationError, match=r"entry 1 is stale: contracts/vault/Vault.sol has no line 'if \(amount"
    ):
        explained.load(Sources(), path)


def test_load__part_of_a_line__stale(tmp_path: Path) -> None:
    path = tmp_path / "explained.toml"
    path.write_text(ENTRY % LINE[:-1])
    with pytest.raises(MutationError, match="entry 1 is stale"):
        explained.load(Sources(), path)


def test_load__unknown_key__refused(tmp_path: Path) -> None:
    path = tmp_path / "explained.toml"
    path.write_text((ENTRY % LINE).replace("reason", "because"))
    with pytest.raises(MutationError, match="entry 1: because, reason missing or unknown"):
        explained.load(Sources(), path)


def mutant(text: str, old: str, new: str) -> Mutant:
    start = text.encode().index(LINE.encode()) + LINE.encode().index(old.encode())
    return Mutant(
        file=FILE,
        contract="Vault",
        function="push",
        operator="comparison",
        line=1,
        start=start,
        old=old,
        new=new,
    )


@pytest.mark.parametrize(("new", "fits"), [(">=", True), ("<", False)])
def test_fits__same_edit_of_the_line__only_then(new: str, fits: bool) -> None:
    one = Explained(file=FILE, old=LINE, new=LINE.replace(">", ">="), reason="It is so.")
    text = Sources()[FILE]

    assert one.fits(mutant(text, ">", new), text) is fits


def test_fits__lines_moved__still() -> None:
    one = Explained(file=FILE, old=LINE, new=LINE.replace(">", ">="), reason="It is so.")
    moved = "// a line more\n\n" + Sources()[FILE]

    assert one.fits(mutant(moved, ">", ">="), moved)
