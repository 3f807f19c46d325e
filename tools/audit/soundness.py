"""Whether integers.py says `unsat` of anything that isn't: random formulas of small words, against Z3's own bits.

It is run by each audit before its proofs, for these rest on it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import z3

from tools.audit.integers import Integers

SEED = 20_260_101
FORMULAS = 120
BITS = 4


def _word(draw: random.Random, names: list[Any], depth: int) -> Any:
    """A term of BITS bits, made of what compiled code is made of."""
    if depth == 0:
        return draw.choice([*names, z3.BitVecVal(draw.randrange(1 << BITS), BITS)])
    a, b = (_word(draw, names, depth - 1) for _ in range(2))
    d = z3.BitVecVal(draw.randrange(1, 1 << BITS), BITS)
    cut = draw.randrange(1, BITS)
    sign = z3.Extract(cut - 1, cut - 1, a)
    low = z3.Extract(cut - 1, 0, a)
    choices: list[Callable[[], Any]] = [
        lambda: a + b,
        lambda: a - b,
        lambda: a * b,
        lambda: -a,
        lambda: ~a,
        lambda: z3.UDiv(a, b),
        lambda: z3.UDiv(a * b, b),
        lambda: z3.If(b == 0, z3.BitVecVal(0, BITS), z3.UDiv(a, b)),
        lambda: z3.URem(a, b),
        lambda: a / d,
        lambda: z3.If(_condition(draw, names, 1), a, b),
        lambda: z3.Concat(*[sign] * (BITS - cut), low),
        lambda: z3.Concat(z3.BitVecVal(0, BITS - cut), low),
        lambda: z3.Concat(low, z3.Extract(BITS - 1, cut, a)),
        lambda: z3.LShR(a, cut),
        lambda: a >> cut,
        lambda: a << cut,
        lambda: (a + (a >> (BITS - 1))) ^ (a >> (BITS - 1)),
        lambda: a ^ b,
        lambda: a & z3.BitVecVal((1 << cut) - 1, BITS),
        lambda: a | b,
    ]
    return draw.choice(choices)()


def _condition(draw: random.Random, names: list[Any], depth: int) -> Any:
    a, b = (_word(draw, names, depth) for _ in range(2))
    choices: list[Callable[[], Any]] = [
        lambda: a == b,
        lambda: a != b,
        lambda: z3.ULE(a, b),
        lambda: z3.ULT(a, b),
        lambda: z3.UGT(a, b),
        lambda: a <= b,
        lambda: a < b,
        lambda: a >= b,
        lambda: z3.Or(a == b, z3.ULT(a, b)),
        lambda: z3.Not(z3.And(a != b, a > b)),
    ]
    return draw.choice(choices)()


def _typed(draw: random.Random, name: Any) -> Any:
    """As Halmos tells an argument's type."""
    width = draw.randrange(1, BITS)
    low = z3.Extract(width - 1, 0, name)
    if draw.random() < 0.5:
        return name == z3.Concat(z3.BitVecVal(0, BITS - width), low)
    sign = z3.Extract(width - 1, width - 1, name)
    return name == z3.Concat(*[sign] * (BITS - width), low)


def disagreements(translate: Callable[[], Integers] = Integers) -> tuple[int, list[str]]:
    """How many of the formulas have no solution and are said to have none, and those that are said so wrongly."""
    draw = random.Random(SEED)
    agreed, wrong = 0, []
    for _ in range(FORMULAS):
        names = list(z3.BitVecs("x y z", BITS))
        conditions = [_typed(draw, name) for name in names if draw.random() < 0.5]
        conditions += [_condition(draw, names, 2) for _ in range(draw.randrange(2, 6))]
        integers = translate()
        for condition in conditions:
            integers.add(condition)
        integers.solver.set("rlimit", 500_000)
        if integers.solver.check() != z3.unsat:
            continue
        bits = z3.Solver()
        bits.add(*conditions)
        if bits.check() == z3.unsat:
            agreed += 1
        else:
            wrong.append(str(conditions))
    return agreed, wrong
