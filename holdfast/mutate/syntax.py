"""A source as the compiler's syntax tree sees it: nodes with the bytes they stand on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Raw = Mapping[str, Any]

_SKIPPED: Final = ("InlineAssembly", "ImportDirective", "PragmaDirective", "StructuredDocumentation")

_COMMENT_OR_STRING: Final = re.compile(
    rb"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)


@dataclass(frozen=True)
class Node:
    """One node of the tree, with those it stands in (innermost last)."""

    raw: Raw
    parents: tuple[Raw, ...] = field(repr=False)

    @property
    def kind(self) -> str:
        return str(self.raw["nodeType"])

    @property
    def parent(self) -> Raw:
        return self.parents[-1] if self.parents else {}

    def within(self, kind: str) -> Raw | None:
        """The innermost of that kind it stands in."""
        return next((one for one in reversed(self.parents) if one["nodeType"] == kind), None)


class Syntax:
    """A source unit: its bytes, the same without comments, and its tree. Assembly and imports aren't visited."""

    def __init__(self, file: str, text: str, tree: Raw) -> None:
        self.file = file
        self.text = text
        self.bytes = text.encode()
        self.code = _COMMENT_OR_STRING.sub(_blank, self.bytes)
        """The bytes with comments blanked out, place for place."""
        self.nodes = list(_walk(tree, ()))

    def span(self, raw: Raw) -> tuple[int, int]:
        """First byte, and the one after the last."""
        return span_of(raw["src"])

    def source(self, raw: Raw) -> str:
        start, end = self.span(raw)
        return self.bytes[start:end].decode()

    def line(self, place: int) -> int:
        return self.bytes.count(b"\n", 0, place) + 1

    def find(self, token: str, start: int, end: int) -> int:
        """Where a token stands between two places, comments passed over."""
        place = self.code.find(token.encode(), start, end)
        assert place >= 0, f"no {token} in {self.file} between bytes {start} and {end}"
        return place

    def statement(self, raw: Raw) -> tuple[int, int]:
        """A statement with its semicolon, which the compiler doesn't count as part of it."""
        start, end = self.span(raw)
        if self.code[start:end].rstrip().endswith((b";", b"}")):
            return start, end
        return start, self.find(";", end, len(self.code)) + 1


def span_of(src: str) -> tuple[int, int]:
    start, length, _ = (int(part) for part in src.split(":"))
    return start, start + length


def _blank(found: re.Match[bytes]) -> bytes:
    text = found.group()
    return text if text[:1] in b"\"'" else re.sub(rb"[^\n]", b" ", text)


def _walk(raw: Raw, parents: tuple[Raw, ...]) -> Iterator[Node]:
    if raw["nodeType"] in _SKIPPED:
        return
    yield Node(raw, parents)
    inner = (*parents, raw)
    for value in raw.values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, Mapping) and "nodeType" in child:
                yield from _walk(child, inner)
