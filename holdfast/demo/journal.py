"""What a keeper did, out of its record: a line for each transaction, with what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One transaction."""

    time: int  # [seconds] of the block that the keeper saw
    what: str  # the action, and what it is about
    why: str
    done: bool | None  # False: it failed; None: replaced by a dearer one, or not seen any more
    cost_wad: int  # of its gas


def journal(
    entries: Iterable[Mapping[str, Any]], symbols: Sequence[str], name_of: Callable[[int], str]
) -> list[Line]:
    """In the order of sending. `symbols`: of the underlyings, from number 1 on; `name_of`: an instrument."""
    told = [entry for entry in entries if "attempts" in entry]  # the others say that the node was lost
    mined = {done["tx"]: done for entry in told for done in entry["mined"]}
    lines = []
    for entry in told:
        for attempt in entry["attempts"]:
            if attempt["tx"] is None:
                continue
            done = mined.get(attempt["tx"])
            lines.append(
                Line(
                    time=entry["time"],
                    what=_what(attempt, symbols, name_of),
                    why=attempt["why"],
                    done=None if done is None else bool(done["status"]),
                    cost_wad=0 if done is None else done["cost_wad"],
                )
            )
    return lines


def _what(attempt: Mapping[str, Any], symbols: Sequence[str], name_of: Callable[[int], str]) -> str:
    kind = str(attempt["kind"])
    if "account" in attempt:
        return f"{kind} of account {attempt['account']}"
    if "underlying" in attempt:
        number = attempt["underlying"]
        return f"{kind} of {symbols[number - 1] if number else 'what is written off'}"
    if "instrument" in attempt:
        return f"{kind} of {name_of(attempt['instrument'])}"
    return kind
