"""A mutant: a few bytes of one source, replaced."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What an operator proposes: bytes `start` to `end` of the source become `new`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """An edit of a file of the project, with where it stands and who proposed it."""

    file: str
    contract: str  # contract, library or "" for what stands outside
    function: str  # or modifier; "" outside
    operator: str
    line: int
    start: int  # [bytes]
    old: str
    new: str

    @cached_property
    def id(self) -> str:
        """The same as long as the edit, its line's place and what it edits are the same."""
        told = "\0".join((self.file, str(self.start), self.old, self.new))
        return sha256(told.encode()).hexdigest()[:12]

    def apply(self, text: str) -> str:
        raw = text.encode()
        old = self.old.encode()
        assert raw[self.start : self.start + len(old)] == old, f"{self.file} has changed since it was read"
        return (raw[: self.start] + self.new.encode() + raw[self.start + len(old) :]).decode()

    def diff(self, text: str) -> str:
        """Against the original text, with two lines around it."""
        return diff_of(self.file, text, self.apply(text))

    def plain(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "file": self.file,
            "line": self.line,
            "contract": self.contract,
            "function": self.function,
            "operator": self.operator,
            "old": self.old,
            "new": self.new,
        }


def diff_of(file: str, before: str, after: str) -> str:
    """Unified, without the two lines that would only repeat the name."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), file, file, lineterm="", n=2)
    return "\n".join(list(lines)[2:])
