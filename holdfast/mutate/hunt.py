"""The fuzz campaign as a judge of a mutant: a program of its own, so that it sees the mutant's contracts alone.

    python -m holdfast.mutate.hunt OUT SECONDS WORKERS SEED MINIMISE

plays the machines of `ape run fuzz`, all of them and with their weights, until one finds something or the time is up.
OUT becomes {found: null or {kind, by, name, reason, machine, steps, seconds, calls}, calls, examples, seconds}. A
campaign that can't play at all (the contracts can't be deployed, a machine breaks) has found something, too: "error".
"""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path
from typing import Any

from holdfast.fuzz.outcome import Bundle, Plan
from holdfast.fuzz.runner import Campaign
from holdfast.mutate import files


def hunt(folder: Path, seconds: float, workers: int, seed: int, minimise: float) -> dict[str, Any]:
    plan = Plan(
        out=folder,
        seed=seed,
        seconds=seconds,
        workers=workers,
        coverage=False,
        database="none",  # neither what others found, nor for others
        stop_after=1,
        bundle=Bundle(seconds=seconds, minimise=minimise, histories=0, coverage=0.0),
    )
    began = time.monotonic()
    campaign = Campaign(plan)
    found: dict[str, Any] | None = None
    try:
        campaign.run()
    except Exception as error:  # a machine that breaks on these contracts has noticed them
        traceback.print_exc()
        found = {
            "kind": "error",
            "by": type(error).__name__,
            "name": "",
            "reason": " ".join(str(error).split())[:300],
            "machine": "",
            "steps": 0,
            "seconds": time.monotonic() - began,
            "calls": campaign.outcome.tally.calls,
        }
    outcome = campaign.outcome
    if outcome.found:
        first = outcome.found[0]
        found = {
            "kind": "invariant",
            "by": first.failure.invariant,
            "name": first.failure.name,
            "reason": first.failure.wrong[:300],
            "machine": first.machine,
            "steps": len(first.failure.steps),
            "seconds": first.seconds,
            "calls": first.failure.calls_before,
        }
    return {
        "found": found,
        "calls": outcome.tally.calls,
        "examples": outcome.examples,
        "seconds": outcome.seconds,
    }


def main() -> None:
    out, seconds, workers, seed, minimise = sys.argv[1:]
    path = Path(out)
    answer = hunt(path.parent / "campaign", float(seconds), int(workers), int(seed), float(minimise))
    files.write_json(path, answer)


if __name__ == "__main__":
    main()
