"""Where probes go: every statement, both sides of every decision, every function; and the source with them in it.

A probe is one read of a storage slot that nothing else uses: `sload(id)`. It may stand in any function (`pure` is read
as `view`, a word of the same length) and changes nothing but gas; and the node tells which slots a transaction read,
reverted or not.

    if (off > cap) revert TooFar(off);   →   __reach(1); if (__side(off > cap, 2)) { __reach(4); revert TooFar(off); }

Source maps would need no probes, but don't tell the truth: optimised code shares its reverts, and even without the
optimiser the compiler hoists operands over decisions and lets plain assignments vanish into the stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

FIRST: Final = 0x48460000
"""The first probe. Above every plain slot and array, below every hashed slot, and four bytes wide."""

PROBES: Final = "coverage/Probes.sol"

PROBES_SOURCE: Final = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

// Copies nothing to memory: the compiler may not leave out a read whose value is used.
function __reach(uint256 id) view {
    assembly ("memory-safe") {
        calldatacopy(0, sload(id), 0)
    }
}

function __side(bool condition, uint256 id) view returns (bool) {
    assembly ("memory-safe") {
        calldatacopy(0, sload(add(id, iszero(condition))), 0)
    }
    return condition;
}
"""

_IMPORT: Final = f'\nimport {{ __reach, __side }} from "{PROBES}";\n'

_SIMPLE: Final = frozenset(
    {
        "Break",
        "Continue",
        "EmitStatement",
        "ExpressionStatement",
        "Return",
        "RevertStatement",
        "VariableDeclarationStatement",
    }
)
"""Statements that end in a semicolon, which isn't part of their range."""

_COMPOUND: Final = frozenset(
    {"DoWhileStatement", "ForStatement", "IfStatement", "TryStatement", "WhileStatement"}
)

Node = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement; its line is where it begins."""

    probe: int
    line: int
    last_line: int


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One decision, with a probe for each way it can go."""

    kind: str  # if, ternary, and, or, loop, try
    line: int
    text: str  # of the condition
    sides: tuple[str, ...]  # what each way is called
    probes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function or a modifier. It counts as reached when its body is: what its modifiers refuse isn't."""

    name: str
    line: int
    probe: int


@dataclass(kw_only=True)
class Source:
    """What there is to reach in a file."""

    path: str
    lines: int
    statements: list[Statement] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)


class Probes:
    """Gives out probe numbers, over all files."""

    def __init__(self) -> None:
        self.next = FIRST

    def take(self, count: int = 1) -> tuple[int, ...]:
        taken = tuple(range(self.next, self.next + count))
        self.next += count
        return taken


def as_view(text: str) -> str:
    """Every `pure` as `view`, so that probes may stand there. Lengths and lines stay as they are."""
    return re.sub(r"\bpure\b", "view", text)


def instrument(path: str, text: str, ast: Node, probes: Probes) -> tuple[Source, str]:
    """What there is to reach, and the source with its probes. `ast` is the compiler's, of exactly this text."""
    writer = _Writer(path, text, probes)
    writer.unit(ast)
    return writer.source, as_view(writer.text()) + (_IMPORT if writer.source.functions else "")


class _Writer:
    """Walks one file. Offsets are bytes, as the compiler counts."""

    def __init__(self, path: str, text: str, probes: Probes) -> None:
        self._bytes = text.encode()
        self._probes = probes
        self._edits: list[tuple[tuple[int, ...], int, bytes]] = []  # (order, end of what it replaces, text)
        self.source = Source(path=path, lines=text.count("\n") + 1)

    # Text

    def text(self) -> str:
        parts, at = [], 0
        for order, end, text in sorted(self._edits, key=lambda edit: edit[0]):
            parts += [self._bytes[at : order[0]], text]
            at = max(order[0], end)
        return b"".join((*parts, self._bytes[at:])).decode()

    def _open(self, start: int, end: int, rank: int, text: str) -> None:
        """Before what lies from `start` to `end`: outer ones first, equal ones by rank."""
        self._edits.append(((start, 1, start - end, rank), start, text.encode()))

    def _close(self, start: int, end: int, text: str) -> None:
        """After it: inner ones first."""
        self._edits.append(((end, 0, end - start), end, text.encode()))

    def _replace(self, start: int, end: int, text: str) -> None:
        self._edits.append(((start, 2), end, text.encode()))

    def _line(self, offset: int) -> int:
        return self._bytes.count(b"\n", 0, offset) + 1

    def _words(self, node: Node) -> str:
        start, end = _range(node)
        return " ".join(self._bytes[start:end].decode().split())

    # Functions

    def unit(self, ast: Node) -> None:
        for node in ast["nodes"]:
            if node["nodeType"] == "ContractDefinition":
                for part in node["nodes"]:
                    self._function(part, node["name"])
            else:
                self._function(node, "")

    def _function(self, node: Node, contract: str) -> None:
        """Constructors are left out: what runs at deployment is no part of a campaign."""
        if node["nodeType"] not in ("FunctionDefinition", "ModifierDefinition") or not node.get("body"):
            return
        if node.get("kind") == "constructor":
            return
        (probe,) = self._probes.take()
        name = node["name"] or node["kind"]
        start, _ = _range(node["body"])
        self.source.functions.append(
            Function(
                name=f"{contract}.{name}" if contract else name, line=self._line(_range(node)[0]), probe=probe
            )
        )
        self._open(start + 1, start + 1, 0, f" __reach({probe}); ")
        self._statements(node["body"]["statements"])

    # Statements

    def _statements(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self._statement(node)

    def _statement(self, node: Node) -> None:
        kind = node["nodeType"]
        if kind in ("Block", "UncheckedBlock"):
            self._statements(node["statements"])
        elif kind == "InlineAssembly":
            self._yul_block(node["AST"])
        elif kind in _SIMPLE or kind in _COMPOUND:
            if kind != "VariableDeclarationStatement" or node.get("initialValue"):
                self._probe(node)
            self._parts(node)

    def _probe(self, node: Node) -> None:
        (probe,) = self._probes.take()
        start, end = _range(node)
        kind = node["nodeType"]
        inner = {
            "IfStatement": "condition",
            "WhileStatement": "condition",
            "TryStatement": "externalCall",
        }.get(kind)
        head = _range(node[inner])[1] if inner else start if kind in _COMPOUND else end
        self.source.statements.append(
            Statement(probe=probe, line=self._line(start), last_line=self._line(max(head - 1, start)))
        )
        self._open(start, end, 1, f"__reach({probe}); ")

    def _parts(self, node: Node) -> None:
        kind = node["nodeType"]
        if kind == "IfStatement":
            self._decision("if", node["condition"], ("true", "false"))
            self._body(node["trueBody"])
            if node.get("falseBody"):
                self._body(node["falseBody"])
        elif kind in ("ForStatement", "WhileStatement", "DoWhileStatement"):
            for header in ("initializationExpression", "loopExpression"):
                if node.get(header):
                    self._expressions(node[header])
            if node.get("condition"):
                self._decision("loop", node["condition"], ("goes on", "ends"))
            self._body(node["body"])
        elif kind == "TryStatement":
            self._expressions(node["externalCall"])
            self._clauses(node)
        else:
            self._expressions(node)

    def _body(self, node: Node) -> None:
        """What a decision leads to: in braces, so that probes fit in."""
        if node["nodeType"] not in ("Block", "UncheckedBlock"):
            start, end = _range(node)
            end = self._end(node)
            self._open(start, _range(node)[1], 0, "{ ")
            self._close(start, end, " }")
        self._statement(node)

    def _end(self, node: Node) -> int:
        """Where a statement really ends, its semicolon included."""
        kind = node["nodeType"]
        if kind in _SIMPLE or kind == "DoWhileStatement":
            _, end = _range(node)
            if self._bytes[end - 1 : end] == b";":
                return end
            found = re.compile(rb"\s*;").match(self._bytes, end)
            assert found, f"{self.source.path}: no semicolon after {self._words(node)!r}"
            return found.end()
        if kind == "IfStatement":
            return self._end(node.get("falseBody") or node["trueBody"])
        if kind in ("ForStatement", "WhileStatement"):
            return self._end(node["body"])
        return _range(node)[1]

    def _clauses(self, node: Node) -> None:
        clauses = node["clauses"]
        probes = self._probes.take(len(clauses))
        sides = tuple("answers" if place == 0 else "fails" for place in range(len(clauses)))
        self._branch("try", node["externalCall"], sides, probes)
        for clause, probe in zip(clauses, probes, strict=True):
            start, _ = _range(clause["block"])
            self._open(start + 1, start + 1, 0, f" __reach({probe}); ")
            self._statements(clause["block"]["statements"])

    # Expressions

    def _expressions(self, node: Node) -> None:
        """Decisions inside of expressions."""
        kind = node.get("nodeType")
        if kind == "Conditional":
            self._decision("ternary", node["condition"], ("true", "false"))
            self._expressions(node["trueExpression"])
            self._expressions(node["falseExpression"])
        elif kind == "BinaryOperation" and node["operator"] in ("&&", "||"):
            both = ("goes on", "decides") if node["operator"] == "&&" else ("decides", "goes on")
            self._decision("and" if node["operator"] == "&&" else "or", node["leftExpression"], both)
            self._expressions(node["rightExpression"])
        else:
            for child in _children(node):
                self._expressions(child)

    def _decision(self, kind: str, condition: Node, sides: tuple[str, str]) -> None:
        start, end = _range(condition)
        probes = self._probes.take(2)
        self._branch(kind, condition, sides, probes)
        self._open(start, end, 2, "__side(")
        self._close(start, end, f", {probes[0]})")
        self._expressions(condition)

    def _branch(self, kind: str, condition: Node, sides: tuple[str, ...], probes: tuple[int, ...]) -> None:
        self.source.branches.append(
            Branch(
                kind=kind,
                line=self._line(_range(condition)[0]),
                text=self._words(condition),
                sides=sides,
                probes=probes,
            )
        )

    # Assembly

    def _yul_block(self, block: Node) -> None:
        for node in block["statements"]:
            kind = node["nodeType"]
            if kind == "YulFunctionDefinition":
                self._yul_block(node["body"])
            elif kind == "YulBlock":
                self._yul_block(node)
            else:
                self._yul_statement(node)

    def _yul_statement(self, node: Node) -> None:
        kind = node["nodeType"]
        (probe,) = self._probes.take()
        start, end = _range(node)
        head = _range(node["condition"])[1] if kind == "YulIf" else end
        self.source.statements.append(
            Statement(probe=probe, line=self._line(start), last_line=self._line(max(head - 1, start)))
        )
        self._open(start, end, 1, f"{_read(probe)} ")
        if kind == "YulIf":
            self._yul_if(node)
        elif kind == "YulForLoop":
            self._yul_block(node["body"])
        elif kind == "YulSwitch":
            for case in node["cases"]:
                self._yul_block(case["body"])

    def _yul_if(self, node: Node) -> None:
        """`if c { … }` → `{ let d := c if iszero(d) { not taken } if d { taken … } }`"""
        start, end = _range(node)
        condition_start, condition_end = _range(node["condition"])
        body_start, _ = _range(node["body"])
        taken, passed = self._probes.take(2)
        self._branch("if", node["condition"], ("true", "false"), (taken, passed))
        name = f"decision_{taken}"
        self._replace(start, condition_start, f"{{ let {name} := ")
        self._close(condition_start, condition_end, f" if iszero({name}) {{ {_read(passed)} }} if {name} ")
        self._open(body_start + 1, body_start + 1, 0, f" {_read(taken)} ")
        self._close(start, end, " }")
        self._yul_block(node["body"])


def _read(probe: int) -> str:
    return f"calldatacopy(0, sload({probe}), 0)"


def _range(node: Node) -> tuple[int, int]:
    start, length, _ = (int(part) for part in node["src"].split(":"))
    return start, start + length


def _children(node: Node) -> Iterator[Node]:
    for value in node.values():
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, dict) and "nodeType" in child:
                yield child
