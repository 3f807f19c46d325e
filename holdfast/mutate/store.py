"""What became of each mutant, kept from run to run: a run that was cut short goes on, a second one repeats little."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.mutate import files
from holdfast.mutate.suite import Kill


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Killed, or survived so far."""

    kill: Kill | None
    seconds: float
    judges: str  # fingerprint of the tests and the campaign that it met


class Store:
    """`key`: hash of the mutated code. A mutant that was killed stays so while the test that did it exists; one that
    survived has to meet every judge that it hasn't met."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str, judges: str, tests: frozenset[str]) -> Verdict | None:
        kept: dict[str, Any] | None = files.read_json(self._folder / f"{key}.json")
        if kept is None:
            return None
        kill = kept["kill"] and Kill(**kept["kill"])
        stands = kill.kind != "test" or kill.by in tests if kill else kept["judges"] == judges
        return Verdict(kill=kill, seconds=kept["seconds"], judges=kept["judges"]) if stands else None

    def put(self, key: str, mutant: dict[str, Any], verdict: Verdict) -> None:
        kill = verdict.kill and verdict.kill.plain()
        value = {"mutant": mutant, "kill": kill, "seconds": verdict.seconds, "judges": verdict.judges}
        files.write_json(self._folder / f"{key}.json", value, indent=2)
