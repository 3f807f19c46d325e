"""What a campaign did and saw, counted: it can be added up over workers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.model.options import is_option
from holdfast.sim.actions import ACTIONS
from holdfast.sim.invariants import INVARIANTS, Room
from holdfast.sim.steps import Step, Transition


@dataclass
class Tried:
    tried: int = 0
    succeeded: int = 0
    reverted: Counter[str] = field(default_factory=Counter)


@dataclass
class Checked:
    checked: int = 0
    violations: int = 0
    closest: float | None = None  # least room to the bound that was seen, where the judgement tells one
    unit: str = ""  # of `closest`

    def hear(self, judgements: Iterable[Room | str | None]) -> str | None:
        """Counts judgements up to the first of something wrong, which it returns."""
        for judged in judgements:
            self.checked += 1
            if judged is None:
                continue
            if isinstance(judged, Room):
                self.narrow(judged.left, judged.unit)
                judged = judged.wrong
            if judged is not None:
                self.violations += 1
                return judged
        return None

    def narrow(self, left: float | None, unit: str) -> None:
        if left is not None and (self.closest is None or left < self.closest):
            self.closest, self.unit = left, unit


@dataclass
class Tally:
    """What a campaign did, and what it saw."""

    calls: int = 0
    histories: int = 0
    seconds: float = 0.0
    actions: dict[str, Tried] = field(default_factory=lambda: {name: Tried() for name in ACTIONS})
    invariants: dict[str, Checked] = field(default_factory=lambda: {one.id: Checked() for one in INVARIANTS})
    events: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)  # [seconds] by what they went to
    last: tuple[Step, ...] = ()  # the history that was played last

    def count(self, planned: str, t: Transition) -> None:
        assert t.step is not None
        self.calls += len(t.step.calls)
        tried = self.actions.setdefault(planned, Tried())
        tried.tried += 1
        tried.succeeded += t.ok
        if not t.ok:
            tried.reverted[t.error] += 1
        self.events.update(event.name for event in t.events)
        of_options = (event.name for event in t.events if is_option(event.args.get("instrument", 0)))
        self.events.update(f"{name} of options" for name in of_options)

    def hear(self, invariant: str, judgements: Iterable[Room | str | None]) -> str | None:
        """Counts judgements up to the first of something wrong, which it returns."""
        if (seen := self.invariants.get(invariant)) is None:
            seen = self.invariants[invariant] = Checked()
        return seen.hear(judgements)

    def merge(self, other: Tally) -> None:
        """Adds what another campaign did and saw."""
        self.calls += other.calls
        self.histories += other.histories
        self.seconds += other.seconds
        for name, did in other.actions.items():
            mine = self.actions.setdefault(name, Tried())
            mine.tried += did.tried
            mine.succeeded += did.succeeded
            mine.reverted += did.reverted
        for name, saw in other.invariants.items():
            known = self.invariants.setdefault(name, Checked())
            known.checked += saw.checked
            known.violations += saw.violations
            known.narrow(saw.closest, saw.unit)
        self.events += other.events
        self.spent += other.spent

    def report(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "histories": self.histories,
            "seconds": round(self.seconds, 1),
            "calls_per_second": round(self.calls / self.seconds) if self.seconds else 0,
            "actions": {
                name: {
                    "tried": one.tried,
                    "succeeded": one.succeeded,
                    "reverted": dict(one.reverted.most_common()),
                }
                for name, one in self.actions.items()
            },
            "invariants": {
                name: {
                    "checked": one.checked,
                    "violations": one.violations,
                    "closest": one.closest,
                    "unit": one.unit,
                }
                for name, one in self.invariants.items()
            },
            "events": dict(self.events.most_common()),
            "spent": {name: round(seconds, 2) for name, seconds in self.spent.most_common()},
        }

    def write(self, folder: Path, **more: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps({**self.report(), **more}, indent=2) + "\n")

    def table(self) -> str:
        lines = [
            f"{self.calls} calls in {self.histories} histories, {self.seconds:.0f} s, "
            f"{self.calls / max(self.seconds, 0.001):.0f} calls a second",
            "",
            f"{'action':<16}{'tried':>7}{'done':>7}  refused by",
        ]
        for name, one in self.actions.items():
            refused = ", ".join(f"{error} {n}" for error, n in one.reverted.most_common(6))
            lines.append(f"{name:<16}{one.tried:>7}{one.succeeded:>7}  {refused}")
        lines += ["", f"{'invariant':<10}{'checked':>9}{'violated':>10}  statement"]
        for inv in INVARIANTS:
            seen = self.invariants[inv.id]
            lines.append(f"{inv.id:<10}{seen.checked:>9}{seen.violations:>10}  {inv.statement}")
        return "\n".join(lines)
