"""Source units as the compiler knows them: names, texts, and what imports what."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from holdfast.chain.environment import PROJECT
from holdfast.mutate.errors import MutationError

_IMPORT: Final = re.compile(r"""^\s*import\b[^;]*?["']([^"']+)["']\s*;""", re.MULTILINE)

_PACKAGES: Final = {
    "@openzeppelin/": "node_modules/@openzeppelin/",
    "@pythnetwork/": "node_modules/@pythnetwork/",
    "solady/": "node_modules/solady/src/",
}


class Sources:
    """All Solidity files of the project, and what they import. A unit's name is its path from the project's root."""

    def __init__(self, root: Path = PROJECT, edits: Mapping[str, str] | None = None) -> None:
        """`edits`: texts that stand in for those on disk."""
        self.root = root
        self._texts: dict[str, str] = dict(edits or {})

    def __getitem__(self, unit: str) -> str:
        """MutationError where there is no such file."""
        if unit not in self._texts:
            path = self.root / unit
            for prefix, folder in _PACKAGES.items():
                if unit.startswith(prefix):
                    path = self.root / folder / unit.removeprefix(prefix)
            try:
                self._texts[unit] = path.read_bytes().decode()
            except FileNotFoundError:
                raise MutationError(f"there is no source {unit}") from None
        return self._texts[unit]

    def with_edits(self, edits: Mapping[str, str]) -> Sources:
        changed = Sources(self.root)
        changed._texts = {**self._texts, **edits}
        return changed

    def imports(self, unit: str) -> list[str]:
        """What it imports itself."""
        return list(_imports(unit, self[unit]))

    def closure(self, units: Iterable[str]) -> dict[str, str]:
        """These and all that they need, by name."""
        found: dict[str, str] = {}
        waiting = list(units)
        while waiting:
            unit = waiting.pop()
            if unit not in found:
                found[unit] = self[unit]
                waiting += self.imports(unit)
        return dict(sorted(found.items()))

    @cached_property
    def own(self) -> list[str]:
        """The units of this project's contracts, mocks too."""
        return sorted(
            path.relative_to(self.root).as_posix() for path in (self.root / "contracts").glob("*/*.sol")
        )

    def users(self, unit: str) -> list[str]:
        """Those of our units that have `unit` in their closure."""
        return [one for one in self.own if unit in self.closure([one])]


@lru_cache(1_024)
def _imports(unit: str, text: str) -> tuple[str, ...]:
    folder = posixpath.dirname(unit)
    return tuple(
        posixpath.normpath(posixpath.join(folder, name)) if name.startswith(".") else name
        for name in _IMPORT.findall(text)
    )
