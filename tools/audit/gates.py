"""What makes an audit fail, decided on what the tools said. Pure; knows neither tool nor file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VERDICTS = {
    0: "holds",
    1: "counterexample",
    2: "timeout",
    3: "stuck",
    4: "every path reverts",
    5: "error",
}
"""Halmos' exit codes of one check."""


@dataclass(frozen=True, kw_only=True)
class Lemma:
    """What became of one check, against the library and against its broken copy."""

    name: str
    intact: str
    broken: str
    seconds: float

    @property
    def proved(self) -> bool:
        return self.intact == "holds" and self.broken == "counterexample"


def verdicts(output: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    """Check → (verdict, seconds), of Halmos' --json-output. A loop cut short proves nothing; a model that Halmos
    itself calls invalid is no counterexample."""
    found = {}
    for results in (output.get("test_results") or {}).values():
        for result in results:
            verdict = VERDICTS.get(result["exitcode"], f"exit code {result['exitcode']}")
            if verdict == "holds" and result.get("num_bounded_loops"):
                verdict = "loop cut short"
            if verdict == "counterexample" and not any(m["is_valid"] for m in result.get("models") or []):
                verdict = "invalid counterexample"
            seconds = (result.get("time") or [0.0])[0]
            found[result["name"].split("(")[0]] = (verdict, round(seconds, 1))
    return found


def lemmas(
    declared: Iterable[str], intact: Mapping[str, tuple[str, float]], broken: Mapping[str, tuple[str, float]]
) -> list[Lemma]:
    """One row a declared check, whether or not Halmos ran it."""
    absent = ("not run", 0.0)
    return [
        Lemma(
            name=name,
            intact=intact.get(name, absent)[0],
            broken=broken.get(name, absent)[0],
            seconds=intact.get(name, absent)[1],
        )
        for name in sorted(declared)
    ]


def symbolic_faults(rows: Sequence[Lemma], intact: Collection[str]) -> list[str]:
    """Sentences; empty where everything was proved and every check was seen to fail."""
    faults = [] if rows else ["no check was run"]
    for row in rows:
        if row.intact != "holds":
            faults.append(f"{row.name}: {row.intact}")
        if row.broken != "counterexample":
            faults.append(f"{row.name} doesn't fail on its broken copy: {row.broken}")
    faults += [
        f"{name} ran but is declared nowhere" for name in sorted(set(intact) - {row.name for row in rows})
    ]
    return faults


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One of Slither's: its detector, and the first of its elements, `Contract.function.variable`."""

    detector: str
    element: str
    text: str


def slither_faults(
    found: Sequence[Finding],
    triage: Mapping[str, Any],
    *,
    analysed: Collection[str],
    expected: Collection[str],
    unparsed: Collection[str],
    planted: Collection[str],
) -> list[str]:
    """Sentences; empty where all findings are explained, all explanations used, and all contracts analysed.

    analysed, expected: contract names that Slither saw, and that the compiler did. unparsed: functions that Slither
    couldn't read. planted: detectors that the planted contract must set off and didn't.
    """
    faults = []
    if not analysed:
        faults.append("no contract was analysed")
    if missing := sorted(set(expected) - set(analysed)):
        faults.append(f"not analysed: {', '.join(missing)}")
    faults += [f"the planted {detector} was not found" for detector in sorted(planted)]

    off = {entry["detector"] for entry in triage.get("off", [])}
    explained: Counter[tuple[str, str]] = Counter()
    for entry in triage.get("finding", []):
        for element, count in entry["elements"].items():
            explained[entry["detector"], element] += count
    reported = Counter((one.detector, one.element) for one in found if one.detector not in off)
    texts = {(one.detector, one.element): one.text for one in found}
    for key in sorted(reported | explained):
        detector, element = key
        if reported[key] > explained[key]:
            faults.append(f"new finding: {detector} in {element}: {texts[key]}")
        elif reported[key] < explained[key]:
            faults.append(
                f"stale triage: {detector} in {element}: {explained[key]} explained, {reported[key]} found"
            )
    silent = off - {one.detector for one in found}
    faults += [f"stale triage: {detector} is switched off and finds nothing" for detector in sorted(silent)]

    known = {entry["element"] for entry in triage.get("unparsed", [])}
    faults += [f"Slither can't read {element}" for element in sorted(set(unparsed) - known)]
    faults += [f"stale triage: Slither reads {element}" for element in sorted(known - set(unparsed))]

    for kind in ("off", "finding", "unparsed"):
        faults += [
            f"triage without a reason: {entry}"
            for entry in triage.get(kind, [])
            if not entry.get("reason", "").strip()
        ]
    return faults
