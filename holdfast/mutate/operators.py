"""What a mutant may be: each operator proposes edits for one node of the syntax tree.

| operator   | edit |
|---|---|
| arithmetic | `+` ↔ `-`, `*` ↔ `/`, `%` → `*`, `<<` ↔ `>>`, `&` ↔ `|`, `+=` → `-=` or `=`, `++` ↔ `--`, `-x` → `x` |
| comparison | `<` → `<=` or `>=`, and so on: the boundary, and the opposite; `==` ↔ `!=` |
| boolean    | `&&` ↔ `||`, `!x` → `x`, a condition negated, the branches of `a ? b : c` exchanged, `true` ↔ `false` |
| rounding   | `…Down` ↔ `…Up`, `…Floor` ↔ `…Ceil`; unsigned `x / d` rounded up, `_ceilDiv(x, d)` rounded down |
| guard      | `if (…) revert …`, `if (…) return …` or `require(…)` removed |
| modifier   | a modifier of a function removed |
| event      | an `emit` removed |
| statement  | an assignment, call, `delete` or increment removed |
| swap       | two neighbouring arguments, or parts of an assigned tuple, of equal type exchanged |
| side       | a name of one side for that of the other: `long` ↔ `short`, `buyer` ↔ `seller`, `FUND` ↔ `FEES` |
| constant   | a number one more, or one less |

Types make some of them nonsense: those don't compile, and don't count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

from holdfast.mutate.mutants import Edit, Mutant
from holdfast.mutate.syntax import Node, Raw, Syntax, span_of

Operator = Callable[[Syntax, Node], Iterator[Edit]]

OPERATORS: Final[dict[str, Operator]] = {}

_ARITHMETIC: Final = {
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "**": "*", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "&",
}  # fmt: skip
_COMPARISON: Final = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
}  # fmt: skip
_DIRECTIONS: Final = (("Down", "Up"), ("Floor", "Ceil"))
_BARE: Final = {"mulDiv": "mulDivUp", "mulDivUp": "mulDiv", "mulWad": "mulWadUp", "mulWadUp": "mulWad"}
"""Solady's names: without a word they round down."""
_SIDES: Final = (
    ("long", "short"), ("buyer", "seller"), ("maker", "taker"), ("from", "to"), ("credit", "debt"), ("given", "got"),
    ("high", "low"), ("paying", "receiving"), ("own", "fund"), ("fund", "fees"), ("fund", "treasury"),
    ("initial", "maintenance"), ("spot", "ema"), ("mark", "ema"), ("buyer", "fee"),
)  # fmt: skip
_REFUSALS: Final = ("require", "revert", "assert")


def mutants(syntax: Syntax) -> list[Mutant]:
    """All that the operators propose for a source, in its order."""
    found: dict[tuple[int, int, str], Mutant] = {}
    for node in syntax.nodes:
        for name, operator in OPERATORS.items():
            for edit in operator(syntax, node):
                key = (edit.start, edit.end, edit.new)
                old = syntax.bytes[edit.start : edit.end].decode()
                if key in found or old == edit.new:
                    continue
                contract = node.within("ContractDefinition") or {}
                function = node.within("FunctionDefinition") or node.within("ModifierDefinition") or {}
                found[key] = Mutant(
                    file=syntax.file,
                    contract=contract.get("name", ""),
                    function=function.get("name") or function.get("kind", ""),
                    operator=name,
                    line=syntax.line(edit.start),
                    start=edit.start,
                    old=old,
                    new=edit.new,
                )
    return sorted(found.values(), key=lambda one: (one.start, len(one.old), one.operator, one.new))


def _operator(function: Operator) -> Operator:
    OPERATORS[function.__name__.strip("_")] = function
    return function


@_operator
def arithmetic(s: Syntax, node: Node) -> Iterator[Edit]:
    raw = node.raw
    if node.kind == "BinaryOperation" and (other := _ARITHMETIC.get(raw["operator"])):
        yield _token(s, raw["operator"], raw["leftExpression"], raw["rightExpression"], other)
    elif node.kind == "Assignment" and raw["operator"] != "=":
        for other in (_ARITHMETIC[raw["operator"][:-1]] + "=", "="):
            yield _token(s, raw["operator"], raw["leftHandSide"], raw["rightHandSide"], other)
    elif node.kind == "UnaryOperation" and raw["operator"] in ("++", "--"):
        start, end = s.span(raw)
        place = start if raw["prefix"] else end - 2
        yield Edit(start=place, end=place + 2, new="--" if raw["operator"] == "++" else "++")
    elif node.kind == "UnaryOperation" and raw["operator"] in ("-", "~"):
        start, _ = s.span(raw)
        yield Edit(start=start, end=start + 1, new="")


@_operator
def comparison(s: Syntax, node: Node) -> Iterator[Edit]:
    raw = node.raw
    if node.kind == "BinaryOperation":
        for other in _COMPARISON.get(raw["operator"], ()):
            yield _token(s, raw["operator"], raw["leftExpression"], raw["rightExpression"], other)


@_operator
def boolean(s: Syntax, node: Node) -> Iterator[Edit]:
    raw = node.raw
    if node.kind == "BinaryOperation" and raw["operator"] in ("&&", "||"):
        other = "||" if raw["operator"] == "&&" else "&&"
        yield _token(s, raw["operator"], raw["leftExpression"], raw["rightExpression"], other)
    elif node.kind == "UnaryOperation" and raw["operator"] == "!":
        start, _ = s.span(raw)
        yield Edit(start=start, end=start + 1, new="")
    elif node.kind == "Literal" and raw["kind"] == "bool":
        start, end = s.span(raw)
        yield Edit(start=start, end=end, new="false" if raw["value"] == "true" else "true")
    elif node.kind == "Conditional":
        yield _exchanged(s, raw["trueExpression"], raw["falseExpression"])
    elif node.kind == "IfStatement" and not _negatable(raw["condition"]):
        start, end = s.span(raw["condition"])
        yield Edit(start=start, end=end, new=f"!({s.source(raw['condition'])})")


def _negatable(condition: Raw) -> bool:
    """Another edit negates it already."""
    return condition.get("operator") in (*_COMPARISON, "!")


@_operator
def rounding(s: Syntax, node: Node) -> Iterator[Edit]:
    raw = node.raw
    if node.kind == "FunctionCall" and raw["kind"] == "functionCall":
        callee = raw["expression"]
        name, (start, end) = _name(callee)
        if name == "_ceilDiv":
            x, d = (s.source(argument) for argument in raw["arguments"])
            start, end = s.span(raw)
            yield Edit(start=start, end=end, new=f"(({x}) / ({d}))")
        elif name in _BARE and callee["nodeType"] == "MemberAccess" and _of_library(callee):
            yield Edit(start=start, end=end, new=_BARE[name])
        else:
            for one, other in _DIRECTIONS:
                for word, instead in ((one, other), (other, one)):
                    if name.endswith(word):
                        yield Edit(start=start, end=end, new=name.removesuffix(word) + instead)
    elif node.kind == "BinaryOperation" and raw["operator"] == "/" and _type(raw).startswith("uint"):
        x, d = s.source(raw["leftExpression"]), s.source(raw["rightExpression"])
        start, end = s.span(raw)
        yield Edit(start=start, end=end, new=f"(({x} + ({d} - 1)) / {d})")


def _of_library(callee: Raw) -> bool:
    """Told from a function of ours by its file: Solady's only."""
    return "FixedPoint" not in _type(callee["expression"])


@_operator
def guard(s: Syntax, node: Node) -> Iterator[Edit]:
    raw = node.raw
    if node.kind == "IfStatement":
        checks = not raw.get("falseBody") and _leaves(raw["trueBody"])
    else:
        checks = node.kind == "ExpressionStatement" and _called(raw["expression"]) == "require"
    if checks:
        start, end = s.statement(raw)
        yield Edit(start=start, end=end, new="{ }")


def _leaves(body: Raw) -> bool:
    """It does nothing but refuse, or return."""
    if body["nodeType"] == "Block":
        return len(body["statements"]) == 1 and _leaves(body["statements"][0])
    if body["nodeType"] == "ExpressionStatement":
        return _called(body["expression"]) == "revert"
    return body["nodeType"] in ("RevertStatement", "Return")


@_operator
def modifier(s: Syntax, node: Node) -> Iterator[Edit]:
    if node.kind == "ModifierInvocation" and node.raw.get("kind") == "modifierInvocation":
        start, end = s.span(node.raw)
        yield Edit(start=start, end=end, new="")


@_operator
def event(s: Syntax, node: Node) -> Iterator[Edit]:
    if node.kind == "EmitStatement":
        start, end = s.statement(node.raw)
        yield Edit(start=start, end=end, new="{ }")


@_operator
def statement(s: Syntax, node: Node) -> Iterator[Edit]:
    if node.kind != "ExpressionStatement" or node.parent.get("loopExpression") is node.raw:
        return
    expression = node.raw["expression"]
    if expression["nodeType"] not in ("Assignment", "FunctionCall", "UnaryOperation"):
        return
    if _called(expression) not in _REFUSALS:
        start, end = s.statement(node.raw)
        yield Edit(start=start, end=end, new="{ }")


@_operator
def swap(s: Syntax, node: Node) -> Iterator[Edit]:
    raw = node.raw
    parts: list[Any] = []
    if node.kind == "FunctionCall":
        parts = raw["arguments"]
    elif node.kind == "TupleExpression" and node.parent.get("nodeType") in ("Assignment", "Return"):
        parts = raw["components"]
    for one, other in pairwise(parts):
        if one and other and _type(one) == _type(other) and s.source(one) != s.source(other):
            yield _exchanged(s, one, other)


@_operator
def side(s: Syntax, node: Node) -> Iterator[Edit]:
    if node.kind not in ("Identifier", "MemberAccess"):
        return
    name, (start, end) = _name(node.raw)
    known = _members(s) if node.kind == "MemberAccess" else _in_scope(s, node)
    for one, other in _SIDES:
        for word, instead in ((one, other), (other, one)):
            renamed = _renamed(name, word, instead)
            if renamed != name and renamed in known:
                yield Edit(start=start, end=end, new=renamed)


@_operator
def constant(s: Syntax, node: Node) -> Iterator[Edit]:
    raw = node.raw
    if node.kind != "Literal" or raw["kind"] != "number" or node.within("ArrayTypeName"):
        return
    start, end = s.span(raw)
    text = s.source(raw)
    whole = re.fullmatch(r"[0-9_]+", text) is not None
    for step in (1, -1):
        if whole and int(text) + step >= 0:
            yield Edit(start=start, end=end, new=str(int(text) + step))
        elif not whole:
            yield Edit(start=start, end=end, new=f"({text} {'+' if step > 0 else '-'} 1)")


# Words for nodes


def _token(s: Syntax, token: str, left: Raw, right: Raw, new: str) -> Edit:
    """The operator between two expressions."""
    place = s.find(token, s.span(left)[1], s.span(right)[0])
    return Edit(start=place, end=place + len(token), new=new)


def _exchanged(s: Syntax, one: Raw, other: Raw) -> Edit:
    (start, middle), (after, end) = s.span(one), s.span(other)
    between = s.bytes[middle:after].decode()
    return Edit(start=start, end=end, new=s.source(other) + between + s.source(one))


def _name(raw: Raw) -> tuple[str, tuple[int, int]]:
    """The last word of a name, and where it stands."""
    if raw["nodeType"] == "Identifier":
        return str(raw["name"]), span_of(raw["src"])
    if raw["nodeType"] == "MemberAccess":
        return str(raw["memberName"]), span_of(raw["memberLocation"])
    return "", (0, 0)


def _called(expression: Raw) -> str:
    return _name(expression["expression"])[0] if expression["nodeType"] == "FunctionCall" else ""


def _type(raw: Raw) -> str:
    return str(raw["typeDescriptions"].get("typeString") or "")


def _renamed(name: str, word: str, instead: str) -> str:
    """With one word of it exchanged: `longBaseWad`, `_long`, `isLong`, `LONG`."""
    if name.isupper():
        return instead.upper() if name == word.upper() else name
    renamed = re.sub(rf"^(_?){word}(?=[A-Z_]|$)", rf"\g<1>{instead}", name)
    if renamed == name:
        renamed = re.sub(rf"(?<=[a-z]){word.title()}(?=[A-Z_]|$)", instead.title(), name)
    return renamed


def _members(s: Syntax) -> set[str]:
    """All names that stand behind a dot somewhere in the source."""
    return {node.raw["memberName"] for node in s.nodes if node.kind == "MemberAccess"}


def _in_scope(s: Syntax, node: Node) -> set[str]:
    """Variables of the function it stands in, and those of the contract."""
    function, contract = node.within("FunctionDefinition"), node.within("ContractDefinition")
    return {
        one.raw["name"]
        for one in s.nodes
        if one.kind == "VariableDeclaration"
        and (
            one.parent is contract or (function is not None and one.within("FunctionDefinition") is function)
        )
    }
