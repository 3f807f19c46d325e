"""A query about words, said again about integers, without the wrapping where it can't happen. Sound for `unsat` alone.

A word w is an integer that is w modulo 2**bits, with bounds. Sums and products then are just that; a comparison or a
division needs the one in [0, 2**bits) or in [−2**(bits−1), 2**(bits−1)). Where the bounds don't say that it is that one
already, Z3 is asked whether the conditions so far do; else it is got by a remainder. A quotient is a new integer, with
a = q·b + r. Halmos asks twice, first about products that could be anything: here they are products at once.

What isn't understood is a new unknown, so the new query holds wherever the old one does: `unsat` carries over, `sat`
doesn't: its arguments are tried on the words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import z3

ORACLE_UNITS = 400_000
"""Z3's resource units for one question about bounds: a fraction of a second."""

MEANINGS: dict[str, Callable[[Any, Any], Any]] = {
    "f_evm_bvmul": lambda a, b: a * b,
    "f_evm_bvudiv": lambda a, b: z3.If(b == 0, z3.BitVecVal(0, b.size()), z3.UDiv(a, b)),
    "f_evm_bvurem": lambda a, b: z3.If(b == 0, z3.BitVecVal(0, b.size()), z3.URem(a, b)),
    "f_evm_bvsdiv": lambda a, b: z3.If(b == 0, z3.BitVecVal(0, b.size()), a / b),
}
"""Halmos' names for the machine's operations; a division by zero gives zero."""


@dataclass(frozen=True)
class Word:
    """An integer expression, equal to a word modulo its size, and its bounds."""

    value: Any
    low: int
    high: int


def _whole(e: Any) -> Any:
    """What the lower bits of which an expression is."""
    while e.decl().kind() == z3.Z3_OP_EXTRACT and e.params()[1] == 0:
        e = e.children()[0]
    return e


def _sign(e: Any, top: int) -> bool:
    return bool(e.decl().kind() == z3.Z3_OP_EXTRACT and e.params() == [top, top])


class Integers:
    """Translates the assertions of one query in turn; `solver` has the result."""

    def __init__(self) -> None:
        self.solver = z3.Solver()
        self._oracle = z3.Solver()
        self._oracle.set("rlimit", ORACLE_UNITS)
        self._arguments: list[Any] = []
        self._words: dict[int, Word] = {}
        self._formulas: dict[int, Any] = {}
        self._quotients: dict[tuple[int, int], tuple[Word, Word]] = {}
        self._factors: dict[int, tuple[Word, Word]] = {}
        self._masks: dict[int, Any] = {}
        self._kept: list[Any] = []  # ids are of live expressions only

    def add(self, assertion: Any) -> None:
        if not self._argument(assertion):
            self._define(self.formula(assertion))

    def _argument(self, assertion: Any) -> bool:
        """Halmos' way to give an argument its type: it equals its own lower bits, extended. Bounds say the same."""
        if assertion.decl().kind() != z3.Z3_OP_EQ or assertion.arg(1).decl().kind() != z3.Z3_OP_CONCAT:
            return False
        name, extended = assertion.children()
        *prefix, last = extended.children()
        if name.decl().kind() != z3.Z3_OP_UNINTERPRETED or name.num_args() or name.get_id() in self._words:
            return False
        if last.decl().kind() != z3.Z3_OP_EXTRACT or last.params()[1] != 0 or not last.arg(0).eq(name):
            return False
        top = last.params()[0]
        if len(prefix) == 1 and z3.is_bv_value(prefix[0]) and prefix[0].as_long() == 0:
            bounds = (0, (1 << top + 1) - 1)
        elif all(_sign(part, top) and part.arg(0).eq(name) for part in prefix):
            bounds = (-(1 << top), (1 << top) - 1)
        else:
            return False
        self._kept.append(name)
        self._words[name.get_id()] = self._new(*bounds)
        self._arguments.append(name)
        return True

    def arguments(self) -> list[tuple[Any, Any]]:
        """Each argument with its word in the model that was found."""
        model = self.solver.model()
        values = [model.eval(self._words[name.get_id()].value, True).as_long() for name in self._arguments]
        return [
            (name, z3.BitVecVal(value, name.size()))
            for name, value in zip(self._arguments, values, strict=True)
        ]

    def formula(self, e: Any) -> Any:
        if e.get_id() not in self._formulas:
            self._kept.append(e)
            self._formulas[e.get_id()] = self._formula(e)
        return self._formulas[e.get_id()]

    def word(self, e: Any) -> Word:
        if e.get_id() not in self._words:
            self._kept.append(e)
            self._words[e.get_id()] = self._word(e)
        return self._words[e.get_id()]

    def unsigned(self, e: Any) -> Word:
        return self._within(self.word(e), 0, 1 << e.size())

    def signed(self, e: Any) -> Word:
        half = 1 << (e.size() - 1)
        return self._within(self.word(e), -half, 2 * half)

    # Facts

    def _define(self, fact: Any) -> None:
        self.solver.add(fact)
        self._oracle.add(fact)

    def _certain(self, fact: Any) -> bool:
        return bool(self._oracle.check(z3.Not(fact)) == z3.unsat)

    def _new(self, low: int, high: int) -> Word:
        value = z3.FreshInt("w")
        self._kept.append(value)
        self._define(z3.And(value >= low, value <= high))
        return Word(value, low, high)

    def _keep(self, value: Any, low: int, high: int) -> Word:
        self._kept.append(value)
        return Word(value if low != high else z3.IntVal(low), low, high)

    def _within(self, w: Word, start: int, size: int) -> Word:
        """The integer in [start, start + size) that is w modulo size."""
        end = start + size
        low, high = w.low, w.high
        if low >= start and high < end:
            return w
        if low < start and self._certain(w.value >= start):
            low = start
        if high >= end and self._certain(w.value < end):
            high = end - 1
        if low >= start and high < end:
            return Word(w.value, low, high)
        for turns in (1, -1):  # a turn too low or too high as a whole
            moved = Word(w.value + turns * size, low + turns * size, high + turns * size)
            if moved.low >= start and moved.high < end:
                return self._keep(moved.value, moved.low, moved.high)
        if low >= start - size and high < end:
            return self._keep(z3.If(w.value < start, w.value + size, w.value), start, end - 1)
        if low >= start and high < end + size:
            return self._keep(z3.If(w.value >= end, w.value - size, w.value), start, end - 1)
        turns = z3.FreshInt("t")
        rest = self._new(start, end - 1)
        self._define(w.value == turns * size + rest.value)
        return rest

    # Conditions

    def _formula(self, e: Any) -> Any:
        kind = e.decl().kind()
        children = e.children()
        connectives: dict[int, Callable[..., Any]] = {
            z3.Z3_OP_AND: z3.And,
            z3.Z3_OP_OR: z3.Or,
            z3.Z3_OP_NOT: z3.Not,
            z3.Z3_OP_IMPLIES: z3.Implies,
            z3.Z3_OP_XOR: z3.Xor,
        }
        if kind in (z3.Z3_OP_TRUE, z3.Z3_OP_FALSE):
            return e
        if kind in connectives or (kind == z3.Z3_OP_ITE and z3.is_bool(children[1])):
            make = connectives.get(kind, z3.If)
            return z3.simplify(make(*map(self.formula, children)))
        if kind == z3.Z3_OP_EQ and z3.is_bool(children[0]):
            return self.formula(children[0]) == self.formula(children[1])
        if kind in (z3.Z3_OP_EQ, z3.Z3_OP_DISTINCT) and len(children) == 2 and z3.is_bv(children[0]):
            same = self._equal(*children)
            return same if kind == z3.Z3_OP_EQ else z3.Not(same)
        orders: dict[int, tuple[Callable[[Any], Word], bool, bool]] = {
            z3.Z3_OP_ULEQ: (self.unsigned, False, False),
            z3.Z3_OP_ULT: (self.unsigned, True, False),
            z3.Z3_OP_UGEQ: (self.unsigned, False, True),
            z3.Z3_OP_UGT: (self.unsigned, True, True),
            z3.Z3_OP_SLEQ: (self.signed, False, False),
            z3.Z3_OP_SLT: (self.signed, True, False),
            z3.Z3_OP_SGEQ: (self.signed, False, True),
            z3.Z3_OP_SGT: (self.signed, True, True),
        }
        if kind in orders:
            read, strict, turned = orders[kind]
            a, b = (read(child) for child in (reversed(children) if turned else children))
            if a.high < b.low + (not strict):
                return z3.BoolVal(True)
            if a.low >= b.high + (not strict):
                return z3.BoolVal(False)
            return a.value < b.value if strict else a.value <= b.value
        return z3.FreshBool("c")

    def _equal(self, left: Any, right: Any) -> Any:
        a, b = self.word(left), self.word(right)
        if max(a.high, b.high) - min(a.low, b.low) >= 1 << left.size():
            a, b = self.unsigned(left), self.unsigned(right)
        if a.low > b.high or b.low > a.high:
            return z3.BoolVal(False)
        return z3.simplify(a.value == b.value)

    # Words

    def _word(self, e: Any) -> Word:
        kind = e.decl().kind()
        children = e.children()
        bits = e.size()
        if z3.is_bv_value(e):
            number = e.as_signed_long()
            return self._keep(z3.IntVal(number), number, number)
        meaning = MEANINGS.get(e.decl().name().rpartition("_")[0])
        if kind == z3.Z3_OP_UNINTERPRETED and len(children) == 2 and meaning:
            return self.word(meaning(*children))
        if kind == z3.Z3_OP_ITE:
            return self._choice(*children)
        if kind == z3.Z3_OP_BADD:
            return self._fold(children, self._sum, bits)
        if kind == z3.Z3_OP_BMUL:
            return self._fold(children, self._product, bits)
        if kind in (z3.Z3_OP_BSUB, z3.Z3_OP_BNEG, z3.Z3_OP_BNOT):
            return self._difference(kind, children, bits)
        if kind == z3.Z3_OP_EXTRACT:
            return self._extract(*e.params(), children[0])
        if kind == z3.Z3_OP_CONCAT:
            return self._concat(children)
        if kind == z3.Z3_OP_ZERO_EXT:
            return self.unsigned(children[0])
        if kind == z3.Z3_OP_SIGN_EXT:
            return self.signed(children[0])
        if kind in (z3.Z3_OP_BUDIV, z3.Z3_OP_BUDIV_I):
            return self._quotient(*children)[0]
        if kind in (z3.Z3_OP_BUREM, z3.Z3_OP_BUREM_I):
            return self._quotient(*children)[1]
        if kind in (z3.Z3_OP_BLSHR, z3.Z3_OP_BASHR, z3.Z3_OP_BSHL) and z3.is_bv_value(children[1]):
            return self._shift(e, children[0], min(children[1].as_long(), bits))
        if kind in (z3.Z3_OP_BSDIV, z3.Z3_OP_BSDIV_I) and z3.is_bv_value(children[1]):
            return self._truncated(self.signed(children[0]), children[1].as_signed_long(), bits)
        if kind == z3.Z3_OP_BXOR and len(children) == 2:
            for mask, other in (children, children[::-1]):
                self.word(mask)
                if mask.get_id() in self._masks:
                    w = self.word(other)
                    value = z3.If(self._masks[mask.get_id()], -w.value - 1, w.value)
                    return self._keep(value, min(w.low, -w.high - 1), max(w.high, -w.low - 1))
        if kind == z3.Z3_OP_BAND and len(children) == 2:
            for mask, other in (children, children[::-1]):
                if z3.is_bv_value(mask) and (ones := mask.as_long() + 1) & (ones - 1) == 0:
                    return self._within(self.word(other), 0, ones)
        return self._new(0, (1 << bits) - 1)

    def _fold(self, children: list[Any], combine: Callable[[Word, Word], Word], bits: int) -> Word:
        result = self.word(children[0])
        for child in children[1:]:
            result = combine(result, self.word(child))
            if result.low < -(1 << bits) or result.high >= 1 << (bits + 1):
                result = self._within(result, 0, 1 << bits)
        return result

    def _sum(self, a: Word, b: Word) -> Word:
        return self._keep(a.value + b.value, a.low + b.low, a.high + b.high)

    def _product(self, a: Word, b: Word) -> Word:
        ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        value = z3.simplify(a.value * b.value) if a.low == a.high or b.low == b.high else a.value * b.value
        w = self._keep(value, min(ends), max(ends))
        self._factors[w.value.get_id()] = (a, b)
        return w

    def _difference(self, kind: int, children: list[Any], bits: int) -> Word:
        minus = [self.word(child) for child in children]
        if kind == z3.Z3_OP_BSUB:
            a, b = minus
            return self._keep(a.value - b.value, a.low - b.high, a.high - b.low)
        (a,) = minus
        off = 1 if kind == z3.Z3_OP_BNOT else 0
        return self._keep(-a.value - off, -a.high - off, -a.low - off)

    def _choice(self, condition: Any, then: Any, other: Any) -> Word:
        c = self.formula(condition)
        if z3.is_true(c) or self._certain(c):
            return self.word(then)
        if z3.is_false(c) or self._certain(z3.Not(c)):
            return self.word(other)
        a, b = self.word(then), self.word(other)
        return self._keep(z3.If(c, a.value, b.value), min(a.low, b.low), max(a.high, b.high))

    def _extract(self, high: int, low: int, of: Any) -> Word:
        if low == 0:
            return self.word(of)
        if low == high and (whole := _whole(of)).size() >= high + 1:  # a sign
            half = 1 << high
            w = self._within(self.word(whole), -half, 2 * half)
            return self._keep(z3.If(w.value < 0, z3.IntVal(1), z3.IntVal(0)), int(w.high < 0), int(w.low < 0))
        return self._floor(self.unsigned(of), 1 << low)

    def _concat(self, children: list[Any]) -> Word:
        last = children[-1]
        flat = children[:-1]
        top = last.size() - 1
        if all(_sign(c, top) and _whole(c.arg(0)).eq(_whole(last)) for c in flat):
            return self.signed(last)
        w = self.unsigned(last)
        shift = last.size()
        for child in reversed(flat):
            part = self.unsigned(child)
            if part.high:
                factor = 1 << shift
                w = self._keep(
                    part.value * factor + w.value, part.low * factor + w.low, part.high * factor + w.high
                )
            shift += child.size()
        return w

    def _shift(self, e: Any, of: Any, by: int) -> Word:
        kind = e.decl().kind()
        if kind == z3.Z3_OP_BSHL:
            w = self.word(of)
            return self._keep(w.value * (1 << by), w.low << by, w.high << by)
        if kind == z3.Z3_OP_BLSHR:
            return self._floor(self.unsigned(of), 1 << by)
        w = self.signed(of)
        if by >= of.size() - 1:
            self._masks[e.get_id()] = w.value < 0
        return self._floor(w, 1 << by)

    def _floor(self, a: Word, d: int) -> Word:
        """⌊a/d⌋ for a constant d."""
        if a.low // d == a.high // d:
            return self._keep(z3.IntVal(a.low // d), a.low // d, a.low // d)
        if a.low // d == -1 and a.high // d == 0:
            return self._keep(z3.If(a.value < 0, z3.IntVal(-1), z3.IntVal(0)), -1, 0)
        q = self._new(a.low // d, a.high // d)
        r = self._new(0, d - 1)
        self._define(a.value == q.value * d + r.value)
        return q

    def _truncated(self, a: Word, d: int, bits: int) -> Word:
        """a/d toward zero."""
        if d <= 0:
            return self._new(0, (1 << bits) - 1)
        q = self._new(min(-(-a.low // d), a.low // d), max(-(-a.high // d), a.high // d))
        r = self._new(1 - d, d - 1)
        self._define(a.value == q.value * d + r.value)
        self._define(z3.If(a.value >= 0, r.value >= 0, r.value <= 0))
        return q

    def _quotient(self, dividend: Any, divisor: Any) -> tuple[Word, Word]:
        a, b = self.unsigned(dividend), self.unsigned(divisor)
        key = (a.value.get_id(), b.value.get_id())
        if key not in self._quotients:
            self._quotients[key] = self._divide(a, b, (1 << dividend.size()) - 1)
        return self._quotients[key]

    def _divide(self, a: Word, b: Word, by_zero: int) -> tuple[Word, Word]:
        positive = b.low > 0 or self._certain(b.value > 0)
        zero = self._keep(z3.IntVal(0), 0, 0)
        if positive and a.value.get_id() in self._factors:
            for one, other in (pair := self._factors[a.value.get_id()], pair[::-1]):
                if one.value.eq(b.value) or (one.low == one.high == b.low == b.high):
                    return other, zero
        least = max(b.low, 1)
        q = self._new(a.low // max(b.high, 1), a.high // least if positive else by_zero)
        r = self._new(0, min(a.high, b.high - 1) if positive and b.high else a.high)
        exact = z3.And(a.value == q.value * b.value + r.value, r.value < b.value)
        if positive:
            self._define(exact)
        else:
            nothing = z3.And(q.value == by_zero, r.value == a.value)
            self._define(z3.If(b.value == 0, nothing, exact))
        return q, r


def ask(path: str) -> str:
    """`unsat`; `sat` with the arguments, where the words themselves agree that these are a solution; else `unknown`."""
    assertions = z3.parse_smt2_file(path)
    integers = Integers()
    for assertion in assertions:
        integers.add(assertion)
    verdict = integers.solver.check()
    if verdict == z3.unsat:
        return "unsat\n"
    if verdict == z3.sat and "(declare-fun f_evm_" not in Path(path).read_text():
        found = integers.arguments()
        words = z3.Solver()
        words.set("timeout", 5_000)
        words.add(*assertions, *(name == value for name, value in found))
        if words.check() == z3.sat:
            model = "".join(
                f"(define-fun {name} () (_ BitVec {name.size()}) #x{value.as_long():0{name.size() // 4}x})\n"
                for name, value in found
            )
            return f"sat\n(\n{model})\n"
    return "unknown\n"
