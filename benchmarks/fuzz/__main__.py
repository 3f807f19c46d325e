"""All harnesses in one run, one after the other, each for the same time: a table, and out/bench-fuzz/report.json.

python -m benchmarks.fuzz [--seconds 30] [--hunt 120] [--only forge --only ours] [--world local]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from benchmarks.fuzz import echidna, forge
from benchmarks.fuzz.measured import Measured, python
from benchmarks.fuzz.shared import cases
from benchmarks.fuzz.subject import BUGS, OUT, Bug, Subject, capture, manifest_with
from holdfast.chain.artifacts import using_manifest
from holdfast.sim.world import World

HARNESSES: Final = ("forge", "echidna", "ape", "ours", "ours-shared", "ours-2")

TARGETS: Final = (
    # what, of which to which, by the clock or by processor time, at least; None: told, not aimed for
    ("ours to Hypothesis over Ape, actions per CPU second", "ours", "ape", False, 100.0),
    ("two workers to Hypothesis over Ape, actions per second", "ours-2", "ape", True, 100.0),
    ("two workers to Hypothesis over Ape, actions per CPU second", "ours-2", "ape", False, None),
    ("ours to Forge, actions per CPU second", "ours", "forge", False, 0.5),
    ("two workers to one, actions per second", "ours-2", "ours", True, 1.8),
)


class Bench:
    """One world, captured once."""

    def __init__(self, world: str, seconds: float) -> None:
        self.world, self.seconds = world, seconds
        self.refusal = ""  # Echidna's, of the contracts as they are
        with World.open(world) as opened:
            self.subject, self.cases = capture(opened), cases(opened.start)

    def run(self, harness: str) -> Measured:
        seconds = self.seconds
        runs: Mapping[str, Callable[[], Measured]] = {
            "forge": lambda: forge.fuzz(self.subject, seconds, self.cases),
            "echidna": self._echidna,
            "ape": lambda: python("Hypothesis over Ape", "ape_machine", seconds, "--world", self.world),
            "ours": lambda: python("ours, everything on", "ours", seconds, "--world", self.world),
            "ours-shared": lambda: python(
                "ours, shared part", "ours", seconds, "--world", self.world, "--shared"
            ),
            "ours-2": lambda: python(
                "ours, two workers", "ours", seconds, "--world", self.world, "--workers", "2"
            ),
        }
        return runs[harness]()

    def _echidna(self) -> Measured:
        if echidna.binary() is None:
            return echidna.failed(
                "not installed: `make bench-fuzz` does it, where npm has it for this machine"
            )
        self.refusal = echidna.refusal(self.subject)
        return echidna.fuzz(echidna.captured(self.world), self.seconds, self.cases)

    def hunt(self, harness: str, bug: Bug, seconds: float) -> Measured:
        """How long until the planted bug is found."""
        if harness == "echidna":
            if echidna.binary() is None:
                return echidna.failed("not installed")
            return echidna.fuzz(echidna.captured(self.world, bug), seconds, self.cases, hunt=True)
        manifest = manifest_with(bug)
        if harness == "forge":
            with using_manifest(manifest), World.open(self.world) as opened:
                subject: Subject = capture(opened)
            return forge.fuzz(subject, seconds, self.cases)
        module, *more = ("ape_machine",) if harness == "ape" else ("ours", "--shared")
        if harness == "ours":
            more = []
        return python(harness, module, seconds, "--world", self.world, *more, manifest=manifest)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30, help="for each harness")
    parser.add_argument(
        "--hunt", type=float, default=60, help="seconds to find each planted bug in; 0: none planted"
    )
    parser.add_argument("--only", action="append", choices=HARNESSES, help="may be given more than once")
    parser.add_argument("--world", default="local")
    told = parser.parse_args()
    chosen = told.only or list(HARNESSES)

    bench = Bench(told.world, told.seconds)
    print(f"world {told.world}: the same {told.seconds:g} s for each, {os.cpu_count()} cores\n\n{HEAD}")
    found = {}
    for harness in chosen:
        found[harness] = bench.run(harness)
        print(_row(found[harness]), flush=True)
    if bench.refusal:
        print(
            f"\nEchidna ran the build for London. Of the contracts as they are it says:\n  {bench.refusal}\n"
        )
    ratios, load = _ratios(found), os.getloadavg()[0]
    print(f"load of the machine: {load:.1f} on {os.cpu_count()} cores")
    hunts: dict[str, dict[str, Any]] = {}
    for bug in BUGS if told.hunt else ():
        print(f"\nplanted, {bug.name}: {bug.about}")
        for harness in chosen:
            if harness != "ours-2":
                hunted = bench.hunt(harness, bug, told.hunt)
                hunts.setdefault(bug.name, {})[harness] = _hunted(hunted)
                print(f"  {harness:<14}{_told(hunted)}", flush=True)

    report = {
        "cores": os.cpu_count(),
        "seconds_each": told.seconds,
        "world": told.world,
        "harnesses": {name: one.plain() for name, one in found.items()},
        "echidna_on_the_build": bench.refusal,
        "ratios": ratios,
        "load": round(load, 1),
        "hunt_seconds": told.hunt,
        "hunts": hunts,
    }
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{OUT / 'report.json'}")


HEAD: Final = (
    f"{'harness':<22}{'actions':>9}{'/s':>9}{'/CPU s':>9}{'done':>7}{'judged/s':>10}{'wall s':>8}{'CPU s':>8}"
)


def _row(one: Measured) -> str:
    if one.failed:
        return f"{one.name:<22}failed: {' '.join(one.failed.split())[:200]}"
    plain = one.plain()
    done = f"{plain['succeeded_share']:.0%}" if one.count.succeeded else "?"
    row = (
        f"{one.name:<22}{one.count.actions:>9}{plain['actions_per_second']:>9}{plain['actions_per_cpu_second']:>9}"
        f"{done:>7}{plain['judgements_per_second']:>10.0f}{one.cost.seconds:>8.1f}{one.cost.cpu:>8.1f}"
    )
    return row + (f"  BROKEN: {one.count.broken}" if one.count.broken else "")


def _ratios(found: Mapping[str, Measured]) -> dict[str, Any]:
    """Of what was measured in this run."""
    ratios = {}
    for what, ours, theirs, clock, least in TARGETS:
        if ours not in found or theirs not in found or not found[theirs].count.actions:
            continue
        rates = [
            one.count.actions / one.count.seconds if clock else one.per_core
            for one in (found[ours], found[theirs])
        ]
        ratio = rates[0] / rates[1]
        ratios[what] = {"ratio": round(ratio, 2), "target": least}
        print(f"{what}: {ratio:.2f}" + ("" if least is None else f" (target {least:g})"))
    return ratios


def _hunted(one: Measured) -> dict[str, Any]:
    return {
        "found": one.count.broken,
        "seconds": round(one.count.seconds, 1),
        "actions": one.count.actions,
        **({"failed": one.failed} if one.failed else {}),
    }


def _told(one: Measured) -> str:
    if one.failed:
        return f"failed: {' '.join(one.failed.split())[:200]}"
    after = f"after {one.count.actions} actions, " if one.count.actions else "after "
    return f"{one.count.broken or 'not found'} {after}{one.count.seconds:.1f} s"


if __name__ == "__main__":
    main()
