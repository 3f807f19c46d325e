"""docs/roles.md says what the contracts and the plan say."""

from __future__ import annotations

import re

from holdfast.chain.environment import PROJECT
from holdfast.chain.plan import FEEDING, LOOSENING, TIGHTENING


def test_roles__table_names_exactly_the_functions_of_the_plan() -> None:
    text = (PROJECT / "docs" / "roles.md").read_text()
    table = text.split("## What each may do")[1].split("##")[0]
    rows = {}
    for line in table.splitlines():
        if match := re.match(r"\| (\w+)[^|]*\|([^|]*)\|([^|]*)\|", line):
            rows[match[1]] = tuple(frozenset(re.findall(r"`(\w+)`", cell)) for cell in match.groups()[1:])
    rows.pop("contract")
    assert rows == {
        name: (frozenset(LOOSENING.get(name, ())), frozenset(TIGHTENING.get(name, ())))
        for name in LOOSENING | TIGHTENING
    }


def test_roles__the_feeders_row__names_exactly_its_functions() -> None:
    text = (PROJECT / "docs" / "roles.md").read_text()
    (row,) = (line for line in text.splitlines() if line.startswith("| FEEDER |"))
    told = re.findall(r"`(\w+)\.(\w+)`", row.split("|")[4])
    assert set(told) == {(name, function) for name, functions in FEEDING.items() for function in functions}
