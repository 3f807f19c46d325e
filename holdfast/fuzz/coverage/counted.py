"""What was reached of what there is to reach: numbers by file, lines and branches by name, and lcov for other tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from holdfast.errors import ConfigError
from holdfast.fuzz.coverage.instrument import Branch, Function, Source

KINDS: Final = ("lines", "branches", "functions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One way that a decision can go."""

    branch: Branch
    name: str
    hits: int

    def __str__(self) -> str:
        return f"{self.branch.line}: {self.branch.kind} {self.branch.text} · {self.name}"


@dataclass(kw_only=True)
class Sample:
    """What was looked at."""

    worlds: Counter[str] = field(default_factory=Counter)  # name → histories
    offered: int = 0  # histories; those that brought nothing new weren't played
    histories: int = 0
    calls: int = 0
    traced: int = 0
    diverged: int = 0  # calls that went another way than without probes: 0, or the numbers aren't exact

    def add(self, other: Sample) -> None:
        self.worlds.update(other.worlds)
        self.offered += other.offered
        self.histories += other.histories
        self.calls += other.calls
        self.traced += other.traced
        self.diverged += other.diverged


@dataclass(frozen=True)
class Reached:
    """A file and the calls that came by."""

    source: Source
    probes: frozenset[
        int
    ]  # those in deployed code; the rest runs at deployment or nowhere, and doesn't count
    hits: Counter[int]

    @cached_property
    def lines(self) -> dict[int, int]:
        """Line on which statements begin → calls that executed one of them."""
        found: dict[int, int] = {}
        for one in self.source.statements:
            if one.probe in self.probes:
                found[one.line] = max(found.get(one.line, 0), self.hits[one.probe])
        return dict(sorted(found.items()))

    @cached_property
    def shown(self) -> dict[int, int]:
        """As `lines`, with the further lines of long statements."""
        found: dict[int, int] = {}
        for one in self.source.statements:
            if one.probe in self.probes:
                for line in range(one.line + 1, one.last_line + 1):
                    found[line] = max(found.get(line, 0), self.hits[one.probe])
        return found | self.lines

    @cached_property
    def sides(self) -> list[Side]:
        return [
            Side(branch=branch, name=name, hits=self.hits[probe])
            for branch in self.source.branches
            for name, probe in zip(branch.sides, branch.probes, strict=True)
            if probe in self.probes
        ]

    @cached_property
    def functions(self) -> list[tuple[Function, int]]:
        return [(one, self.hits[one.probe]) for one in self.source.functions if one.probe in self.probes]

    def report(self) -> dict[str, Any]:
        missed = [line for line, hits in self.lines.items() if not hits]
        return {
            "lines": {**_share(self.lines.values()), "missed": _ranges(missed, list(self.lines))},
            "branches": {
                **_share(side.hits for side in self.sides),
                "missed": [
                    {
                        "line": side.branch.line,
                        "kind": side.branch.kind,
                        "text": side.branch.text,
                        "side": side.name,
                    }
                    for side in self.sides
                    if not side.hits
                ],
            },
            "functions": {
                **_share(hits for _, hits in self.functions),
                "missed": [one.name for one, hits in self.functions if not hits],
            },
        }

    def lcov(self) -> Iterator[str]:
        yield f"SF:{self.source.path}"
        for one, _ in self.functions:
            yield f"FN:{one.line},{one.name}"
        for one, hits in self.functions:
            yield f"FNDA:{hits},{one.name}"
        yield from (f"FNF:{len(self.functions)}", f"FNH:{sum(hits > 0 for _, hits in self.functions)}")
        for block, branch in enumerate(self.source.branches):
            sides = [self.hits[probe] for probe in branch.probes if probe in self.probes]
            for place, hits in enumerate(sides):
                yield f"BRDA:{branch.line},{block},{place},{hits if any(sides) else '-'}"
        yield from (f"BRF:{len(self.sides)}", f"BRH:{sum(side.hits > 0 for side in self.sides)}")
        for line, hits in self.lines.items():
            yield f"DA:{line},{hits}"
        yield from (f"LF:{len(self.lines)}", f"LH:{sum(hits > 0 for hits in self.lines.values())}")
        yield "end_of_record"


@dataclass(kw_only=True)
class Coverage:
    """Which statements, branches and functions some histories reached. Pickles, and adds up."""

    digest: str  # of the build
    sources: tuple[Source, ...]
    probes: frozenset[int]
    hits: Counter[int] = field(default_factory=Counter)  # probe → calls that came by
    sample: Sample = field(default_factory=Sample)
    seconds: float = 0.0

    def merge(self, other: Coverage) -> None:
        """Adds what another sample reached. ConfigError where its contracts were others."""
        if other.digest != self.digest:
            raise ConfigError(
                f"coverage of other contracts ({other.digest}, not {self.digest}) can't be added"
            )
        self.hits.update(other.hits)
        self.sample.add(other.sample)
        self.seconds += other.seconds

    @property
    def files(self) -> list[Reached]:
        """Those with anything to reach."""
        found = [Reached(source, self.probes, self.hits) for source in self.sources]
        return [one for one in found if one.lines]

    def report(self) -> dict[str, Any]:
        """As it goes into a JSON file."""
        files = {one.source.path: one.report() for one in self.files}
        total = {
            kind: {key: sum(file[kind][key] for file in files.values()) for key in ("covered", "total")}
            for kind in KINDS
        }
        return {
            "files": files,
            "total": total,
            "sample": {
                "histories": self.sample.histories,
                "offered": self.sample.offered,
                "calls": self.sample.calls,
                "traced": self.sample.traced,
                "diverged": self.sample.diverged,
                "worlds": dict(sorted(self.sample.worlds.items())),
            },
            "seconds": round(self.seconds, 1),
        }

    def summary(self) -> str:
        """In one line."""
        total = self.report()["total"]
        shares = ", ".join(f"{kind} {percent(**total[kind])}" for kind in KINDS)
        return f"coverage: {shares} ({self.sample.calls} calls in {self.sample.histories} histories)"

    def lcov(self) -> str:
        """The format that editors, genhtml and CI services read."""
        return "".join(f"{line}\n" for one in self.files for line in ("TN:", *one.lcov()))

    def write(self, folder: Path) -> list[Path]:
        """`lcov.info` and `coverage.html`."""
        from holdfast.fuzz.coverage.page import coverage_page  # it needs this module

        folder.mkdir(parents=True, exist_ok=True)
        texts = {"lcov.info": self.lcov(), "coverage.html": coverage_page(self)}
        for name, text in texts.items():
            (folder / name).write_text(text)
        return [folder / name for name in texts]


def percent(covered: int, total: int) -> str:
    """Rounded down: 100 % is said of all, not of nearly all."""
    return f"{100 * covered // total} %" if total else "–"


def _share(hits: Iterable[int]) -> dict[str, int]:
    found = list(hits)
    return {"covered": sum(one > 0 for one in found), "total": len(found)}


def _ranges(missed: list[int], lines: list[int]) -> list[list[int]]:
    """First and last line of each run of missed lines; lines with nothing on them don't part a run."""
    found: list[list[int]] = []
    before: int | None = None
    gone = set(missed)
    for line in lines:
        if line in gone:
            if before is not None and found and found[-1][1] == before:
                found[-1][1] = line
            else:
                found.append([line, line])
        before = line
    return found
