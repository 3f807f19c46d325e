"""Bugs written by hand: tests/mutate/planted.toml. Each is something a person could have written.

    [[bug]]
    id = "k-before-accrual"
    title = "One sentence: what is wrong."
    expected = ["INV-08"]              # who should notice
    edits = [{ file = "contracts/…", old = "exactly once in the file", new = "…" }]

An edit may be of any file that is part of a deployment: contracts, `holdfast/chain/`, `config/`.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast.chain.environment import PROJECT
from holdfast.mutate.errors import MutationError
from holdfast.mutate.mutants import diff_of
from holdfast.mutate.sources import Sources

FILE: Final = PROJECT / "tests" / "mutate" / "planted.toml"

_COPIED: Final = ("holdfast", "config")
"""What an edit of something else than a contract may be in; everything else is linked."""


@dataclass(frozen=True, kw_only=True)
class Bug:
    id: str
    title: str
    expected: tuple[str, ...]
    texts: Mapping[str, str]  # the whole edited file, by its path
    diff: str

    @property
    def contracts(self) -> dict[str, str]:
        return {file: text for file, text in self.texts.items() if file.endswith(".sol")}

    @property
    def others(self) -> dict[str, str]:
        return {file: text for file, text in self.texts.items() if not file.endswith(".sol")}


def load(path: Path = FILE, root: Path = PROJECT) -> list[Bug]:
    """MutationError where an entry is incomplete, or its text isn't there exactly once."""
    bugs = [_bug(entry, path.name, root) for entry in tomllib.loads(path.read_text())["bug"]]
    ids = [bug.id for bug in bugs]
    if twice := {one for one in ids if ids.count(one) > 1}:
        raise MutationError(f"{path.name}: more than one bug is called {twice.pop()}")
    return bugs


def _bug(entry: Mapping[str, Any], name: str, root: Path) -> Bug:
    missing = {"id", "title", "expected", "edits"} - set(entry)
    if missing:
        raise MutationError(f"{name}: {entry.get('id', 'a bug')} has no {', '.join(sorted(missing))}")
    texts: dict[str, str] = {}
    for edit in entry["edits"]:
        file, old, new = edit["file"], edit["old"], edit["new"]
        text = texts.get(file) or Sources(root)[file]
        if (count := text.count(old)) != 1:
            raise MutationError(f"{name}: {entry['id']} is stale: {file} has {old!r} {count} times, not once")
        texts[file] = text.replace(old, new)
    diff = "\n".join(f"{file}\n{diff_of(file, Sources(root)[file], text)}" for file, text in texts.items())
    return Bug(
        id=entry["id"], title=entry["title"], expected=tuple(entry["expected"]), texts=texts, diff=diff
    )


def overlay(bug: Bug, folder: Path, root: Path = PROJECT) -> dict[str, str]:
    """A copy of the project in which everything but the contracts is edited as the bug says; what to put into the
    environment of a Python that should use it. It is made of links, so it can't lie in the project itself: whoever
    copies that would never end."""
    if folder.is_relative_to(root):
        raise MutationError(f"{folder} lies in {root}, which it should be a copy of")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for entry in root.iterdir():
        if entry.name in _COPIED:
            shutil.copytree(entry, folder / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif entry.name != ".git":
            (folder / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
    for file, text in bug.others.items():
        if file.partition("/")[0] not in _COPIED:
            raise MutationError(
                f"{bug.id} edits {file}: only contracts, {' and '.join(_COPIED)} can be edited"
            )
        (folder / file).write_text(text)
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}
