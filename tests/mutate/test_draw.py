"""drawn
├── same seed    -> same order; another seed -> another
├── whatever     -> everything once
└── the first    -> nouns by weight, each operator and file of a noun before any comes again
"""

from __future__ import annotations

from collections import Counter

from holdfast.mutate.draw import FOCUS, NOUNS, WEIGHTS, drawn, noun_of
from holdfast.mutate.mutants import Mutant


def mutant(file: str, operator: str, start: int) -> Mutant:
    return Mutant(
        file=file, contract="", function="", operator=operator, line=1, start=start, old="a", new="b"
    )


ALL = [
    mutant(file, operator, start)
    for noun in FOCUS
    for file in NOUNS[noun]
    for operator in ("guard", "swap", "side")
    for start in range(20)
]


def test_drawn__same_seed__same_order() -> None:
    assert drawn(ALL, 1) == drawn(list(reversed(ALL))[::-1], 1)
    assert drawn(ALL, 1) != drawn(ALL, 2)


def test_drawn__any__everything_once() -> None:
    assert Counter(one.id for one in drawn(ALL, 1)) == Counter(one.id for one in ALL)


def test_drawn__first_turns__nouns_by_weight() -> None:
    turn = sum(WEIGHTS.values())

    assert Counter(noun_of(one.file) for one in drawn(ALL, 1)[: 3 * turn]) == {
        noun: 3 * weight for noun, weight in WEIGHTS.items()
    }


def test_drawn__within_a_noun__operators_and_files_in_turn() -> None:
    ledger = [one for one in drawn(ALL, 1) if noun_of(one.file) == "ledger"]

    assert len({one.operator for one in ledger[:3]}) == 3
    assert len({(one.operator, one.file) for one in ledger[:21]}) == 21
