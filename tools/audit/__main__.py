"""python -m tools.audit [symbolic | slither]: both, or one of them. Prints a summary, writes out/audit/report.json.

Exit code 0 where nothing failed, else 1.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from tools.audit import slither, symbolic
from tools.audit.compiler import ROOT

REPORT = ROOT / "out" / "audit" / "report.json"
PARTS = {"symbolic": symbolic.run, "slither": slither.run}


def summary(report: dict[str, Any]) -> list[str]:
    lines = []
    for part, result in report.items():
        if part == "symbolic":
            proved = sum(
                row["intact"] == "holds" and row["broken"] == "counterexample" for row in result["lemmas"]
            )
            lines.append(f"symbolic: {proved} of {len(result['lemmas'])} checks hold and fail on broken code")
        else:
            explained = len(result.get("findings", []))
            lines.append(
                f"slither: {result['contracts']} contracts, {explained} findings under detectors that are on"
            )
        lines += [f"  FAIL {fault}" for fault in result["faults"]]
    return lines


def main() -> None:
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := [part for part in wanted if part not in PARTS]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    report = {part: PARTS[part]() for part in wanted}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    print("\n".join(summary(report)))
    print(f"report: {REPORT.relative_to(ROOT)}")
    sys.exit(any(result["faults"] for result in report.values()))


if __name__ == "__main__":
    main()
