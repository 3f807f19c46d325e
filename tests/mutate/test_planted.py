"""planted.toml
├── as it is ─── ten bugs of common kinds and subtler ones; each text stands exactly once; each compiles
├── load ─────── a stale edit, an incomplete one, two of one name -> refused by name
└── overlay ──── a project of links in which one file differs; nothing else may be edited; not in the project
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.chain.environment import PROJECT
from holdfast.mutate import planted
from holdfast.mutate.compiler import LEGACY, Compiler
from holdfast.mutate.errors import MutationError
from holdfast.mutate.planted import Bug
from holdfast.mutate.sources import Sources

CLASSIC = (
    "rounding", "accrual", "grace", "reward-twice", "dust", "stale-price", "empty-side", "replay", "cap-before",
    "no-delay",
)  # fmt: skip

BUG = """
[[bug]]
id = "one"
title = "A title."
expected = ["INV-01"]
edits = [{ file = "contracts/vault/Vault.sol", old = "%s", new = "" }]
"""


@pytest.fixture(scope="module")
def bugs() -> list[Bug]:
    return planted.load()


def test_load__as_it_is__has_the_classic_ten_and_more(bugs: list[Bug]) -> None:
    ids = [bug.id for bug in bugs]

    assert set(CLASSIC) <= set(ids)
    assert len(ids) >= 15


def test_load__as_it_is__each_changes_something(bugs: list[Bug]) -> None:
    for bug in bugs:
        assert bug.texts and all(text != Sources()[file] for file, text in bug.texts.items()), bug.id
        assert all(one.startswith("INV-") for one in bug.expected), bug.id


def test_load__as_it_is__each_compiles(bugs: list[Bug], compiler: Compiler) -> None:
    for bug in bugs:
        sources = Sources(edits=bug.contracts)
        for unit in bug.contracts:
            compiler.compile(sources.closure([unit]), LEGACY, {unit: {"*": ["abi"]}})


def write(folder: Path, text: str) -> Path:
    path = folder / "planted.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("old", "count"), [("this is gone", 0), ("uint256", 0)])
def test_load__text_not_there_once__stale(tmp_path: Path, old: str, count: int) -> None:
    count = Sources()["contracts/vault/Vault.sol"].count(old)
    with pytest.raises(
        MutationError, match=f"one is stale: contracts/vault/Vault.sol has '{old}' {count} times"
    ):
        planted.load(write(tmp_path, BUG % old))


def test_load__incomplete__refused(tmp_path: Path) -> None:
    with pytest.raises(MutationError, match="one has no title"):
        planted.load(write(tmp_path, (BUG % "x").replace("title", "#")))


def test_load__two_of_one_name__refused(tmp_path: Path) -> None:
    with pytest.raises(MutationError, match="more than one bug is called one"):
        planted.load(write(tmp_path, 2 * (BUG % "if (amount > held_) revert Underfunded(held_, amount);")))


def test_overlay__python_edit__only_that_file_differs(bugs: list[Bug], tmp_path: Path) -> None:
    bug = next(bug for bug in bugs if bug.id == "no-delay")

    environment = planted.overlay(bug, tmp_path / "project")

    copied, plan = tmp_path / "project", "holdfast/chain/plan.py"
    assert environment["PYTHONPATH"].split(":")[0] == str(copied)
    assert (copied / plan).read_text() == bug.texts[plan] != (PROJECT / plan).read_text()
    assert (copied / "holdfast/units.py").read_text() == (PROJECT / "holdfast/units.py").read_text()
    assert (copied / "contracts").resolve() == PROJECT / "contracts"


def test_overlay__other_folder__refused(bugs: list[Bug], tmp_path: Path) -> None:
    bug = Bug(id="odd", title="", expected=(), texts={"tools/find_python.sh": ""}, diff="")
    with pytest.raises(MutationError, match=r"odd edits tools/find_python.sh: only contracts"):
        planted.overlay(bug, tmp_path / "project")


def test_overlay__within_the_project__refused(bugs: list[Bug]) -> None:
    """A compiler that copies the project, links followed, would never end."""
    inside = PROJECT / ".build" / "copy"
    with pytest.raises(MutationError, match=r"copy lies in .*, which it should be a copy of"):
        planted.overlay(bugs[0], inside)
    assert not inside.exists()
