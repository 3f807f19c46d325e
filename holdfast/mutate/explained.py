"""Survivors that are known and explained: tests/mutate/explained.toml.

    [[explained]]
    file = "contracts/…/….sol"
    old = "the changed line, or lines, as they stand"
    new = "what the mutant makes of them"
    reason = "why nothing can notice, or why nobody needs to"

An entry fits a mutant by file and text, wherever the line has moved to. One whose text is gone is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.chain.environment import PROJECT
from holdfast.mutate.errors import MutationError
from holdfast.mutate.mutants import Mutant
from holdfast.mutate.sources import Sources

FILE: Final = PROJECT / "tests" / "mutate" / "explained.toml"


@dataclass(frozen=True, kw_only=True)
class Explained:
    file: str
    old: str
    new: str
    reason: str

    def fits(self, mutant: Mutant, text: str) -> bool:
        return self.file == mutant.file and (self.old, self.new) == changed_lines(mutant, text)


def load(sources: Sources, path: Path = FILE) -> list[Explained]:
    """MutationError where an entry is incomplete or stale."""
    if not path.exists():
        return []
    entries: Sequence[dict[str, str]] = tomllib.loads(path.read_text()).get("explained", [])
    found = []
    for place, entry in enumerate(entries, 1):
        wrong = {"file", "old", "new", "reason"} ^ set(entry)
        if wrong:
            raise MutationError(f"{path.name}: entry {place}: {', '.join(sorted(wrong))} missing or unknown")
        one = Explained(
            file=entry["file"], old=plain(entry["old"]), new=plain(entry["new"]), reason=entry["reason"]
        )
        if f"\n{one.old}\n" not in f"\n{plain(sources[one.file])}\n":
            raise MutationError(f"{path.name}: entry {place} is stale: {one.file} has no line {one.old!r}")
        found.append(one)
    return found


def plain(text: str) -> str:
    """Without what stands around the words of a line."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def changed_lines(mutant: Mutant, text: str) -> tuple[str, str]:
    """The whole lines it touches, before and after."""
    raw = text.encode()
    end = mutant.start + len(mutant.old.encode())
    first = raw.rfind(b"\n", 0, mutant.start) + 1
    last = raw.find(b"\n", end)
    last = len(raw) if last < 0 else last
    head, tail = raw[first : mutant.start].decode(), raw[end:last].decode()
    return plain(head + mutant.old + tail), plain(head + mutant.new + tail)
