"""operators, each on a snippet, with all that it proposes
├── arithmetic ── binary, compound, steps, minus
├── comparison ── the boundary and the opposite; equality
├── boolean ──── and, or, not; conditions; branches; literals
├── rounding ─── names, raw divisions of unsigned numbers, _ceilDiv
├── guard ────── if … revert, if … return, require; not an if with an else, nor one that does something
├── modifier, event, statement
├── swap ─────── equal types, neighbours, tuples; not equal texts
├── side ─────── names that are known where they stand
├── constant ─── up and down, never below zero; not the length of an array
├── comments, strings, assembly ── never touched
└── mutants ──── say where they stand, apply to their bytes alone, and show a diff
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.mutate.operators import OPERATORS, mutants
from holdfast.mutate.syntax import Syntax

from .conftest import Propose


@pytest.mark.parametrize(
    ("body", "edits"),
    [
        ("a + b;", [("+", "-")]),
        ("a - b;", [("-", "+")]),
        ("a * b;", [("*", "/")]),
        ("a / b;", [("/", "*")]),
        ("a % b;", [("%", "*")]),
        ("a << b;", [("<<", ">>")]),
        ("a & b;", [("&", "|")]),
        ("a | b;", [("|", "&")]),
        ("a += b;", [("+=", "-="), ("+=", "=")]),
        ("a >>= b;", [(">>=", "<<="), (">>=", "=")]),
        ("a++; --b;", [("++", "--"), ("--", "++")]),
        ("-i;", [("-", "")]),
        ("a = b;", []),
    ],
)
def test_arithmetic__any__proposes(propose: Propose, body: str, edits: list[tuple[str, str]]) -> None:
    assert propose("arithmetic", body) == edits


@pytest.mark.parametrize(
    ("token", "others"),
    [
        ("<", ["<=", ">="]),
        ("<=", ["<", ">"]),
        (">", ["<=", ">="]),
        (">=", ["<", ">"]),
        ("==", ["!="]),
        ("!=", ["=="]),
    ],
)
def test_comparison__any__boundary_and_opposite(propose: Propose, token: str, others: list[str]) -> None:
    assert propose("comparison", f"a {token} b;") == [(token, other) for other in others]


@pytest.mark.parametrize(
    ("body", "edits"),
    [
        ("x && y;", [("&&", "||")]),
        ("x || y;", [("||", "&&")]),
        ("!x;", [("!", "")]),
        ("x ? a : b;", [("a : b", "b : a")]),
        ("x = true;", [("true", "false")]),
        ("if (x) a = b;", [("x", "!(x)")]),
        ("if (x && y) a = b;", [("x && y", "!(x && y)"), ("&&", "||")]),
        ("if (a < b) a = b;", []),  # a comparison has an opposite of its own
        ("if (!x) a = b;", [("!", "")]),
    ],
)
def test_boolean__any__proposes(propose: Propose, body: str, edits: list[tuple[str, str]]) -> None:
    assert sorted(propose("boolean", body)) == sorted(edits)


LIBRARY = """
library M {
    function mulDown(uint256 x, uint256 y) internal pure returns (uint256) { return x * y; }
    function mulUp(uint256 x, uint256 y) internal pure returns (uint256) { return x * y; }
    function floorless(uint256 x) internal pure returns (uint256) { return x; }
}
"""
CEIL_DIV = (
    "function _ceilDiv(uint256 x, uint256 d) private pure returns (uint256) { return (x + d - 1) / d; }"
)


@pytest.mark.parametrize(
    ("body", "edits"),
    [
        ("M.mulDown(a, b);", [("mulDown", "mulUp")]),
        ("M.mulUp(a, b);", [("mulUp", "mulDown")]),
        ("M.floorless(a);", []),
        ("a / b;", [("a / b", "((a + (b - 1)) / b)")]),
        ("i / 2;", []),
        ("_ceilDiv(a * b, 3);", [("_ceilDiv(a * b, 3)", "((a * b) / (3))")]),
    ],
)
def test_rounding__any__turns(propose: Propose, body: str, edits: list[tuple[str, str]]) -> None:
    assert propose("rounding", body, members=CEIL_DIV, outside=LIBRARY) == edits


@pytest.mark.parametrize(
    ("body", "removed"),
    [
        ("if (x) revert Bad(a);", ["if (x) revert Bad(a);"]),
        ("if (x) { revert Bad(a); } a = b;", ["if (x) { revert Bad(a); }"]),
        ('if (x) revert("no; never");', ['if (x) revert("no; never");']),
        ("if (x) return;", ["if (x) return;"]),
        ('require(x, "no");', ['require(x, "no");']),
        ("if (x) revert Bad(a); else a = b;", []),
        ("if (x) { a = b; revert Bad(a); }", []),
        ("if (x) a = b;", []),
    ],
)
def test_guard__any__removed(propose: Propose, body: str, removed: list[str]) -> None:
    assert propose("guard", body, members="error Bad(uint256 n);") == [(one, "{ }") for one in removed]


def test_modifier__of_a_function__removed(propose: Propose) -> None:
    modifiers = "modifier once() { _; } modifier only(uint256 n) { if (n == 0) revert(); _; }"
    members = f"{modifiers} function g() external once only(1) {{}}"

    assert propose("modifier", "", members=members, whole=True) == [("once", ""), ("only(1)", "")]


def test_modifier__constructor_of_a_base__stays(propose: Propose) -> None:
    outside = "contract B { constructor(uint256 n) { n; } } contract D is B { constructor() B(1) { } }"

    assert propose("modifier", "", outside=outside, whole=True) == []


def test_event__any__removed(propose: Propose) -> None:
    assert propose("event", "emit Done( a );", members="event Done(uint256 n);") == [
        ("emit Done( a );", "{ }")
    ]


@pytest.mark.parametrize(
    ("body", "removed"),
    [
        ("a = b;", ["a = b;"]),
        ("s.push(a);", ["s.push(a);"]),
        ("delete s;", ["delete s;"]),
        ("a++;", ["a++;"]),
        ("(a, b) = (b, a);", ["(a, b) = (b, a);"]),
        ("if (x) a = b;", ["a = b;"]),
        ("for (uint256 n; n < a; ++n) b += n;", ["b += n;"]),  # not its step: the loop would never end
        ('require(x, "no");', []),
        ("uint256 c = a;", []),
        ("return;", []),
    ],
)
def test_statement__any__removed(propose: Propose, body: str, removed: list[str]) -> None:
    assert propose("statement", body, members="uint256[] s;") == [(one, "{ }") for one in removed]


@pytest.mark.parametrize(
    ("body", "edits"),
    [
        ("g(a, b, x, y);", [("a, b", "b, a"), ("x, y", "y, x")]),
        ("g(a, a, x, x);", []),
        ("g( a , b + 1, x, x);", [("a , b + 1", "b + 1 , a")]),
        ("(a, b) = (b, 7 + a);", [("a, b", "b, a"), ("b, 7 + a", "7 + a, b")]),
    ],
)
def test_swap__equal_types__exchanged(propose: Propose, body: str, edits: list[tuple[str, str]]) -> None:
    members = "function g(uint256 c, uint256 d, bool u, bool v) internal {}"

    assert propose("swap", body, members=members) == edits


SIDES = "struct S { uint256 longBase; uint256 shortBase; uint256 longOnly; } S s; uint256 FUND; uint256 FEES;"


@pytest.mark.parametrize(
    ("body", "edits"),
    [
        ("s.longBase + s.shortBase;", [("longBase", "shortBase"), ("shortBase", "longBase")]),
        ("s.longOnly;", []),
        ("FUND;", [("FUND", "FEES")]),
        ("uint256 buyerFee; uint256 sellerFee; buyerFee;", [("buyerFee", "sellerFee")]),
        ("uint256 buyerFee; buyerFee;", []),
    ],
)
def test_side__name_known_there__exchanged(propose: Propose, body: str, edits: list[tuple[str, str]]) -> None:
    assert propose("side", body, members=SIDES) == edits


@pytest.mark.parametrize(
    ("body", "edits"),
    [
        ("a = 7;", [("7", "6"), ("7", "8")]),
        ("a = 1_000;", [("1_000", "1001"), ("1_000", "999")]),
        ("a = 0;", [("0", "1")]),
        ("a = 1e18;", [("1e18", "(1e18 + 1)"), ("1e18", "(1e18 - 1)")]),
        ("a = 0xff;", [("0xff", "(0xff + 1)"), ("0xff", "(0xff - 1)")]),
        ("a = 2 hours;", [("2 hours", "(2 hours + 1)"), ("2 hours", "(2 hours - 1)")]),
        ("uint256[3] memory c; c;", []),
    ],
)
def test_constant__any__one_more_one_less(propose: Propose, body: str, edits: list[tuple[str, str]]) -> None:
    assert sorted(propose("constant", body)) == sorted(edits)


QUIET = """
// a + b < 1 && !x; if (x) revert();
contract C {
    /// @notice emit nothing: a - b == 2, mulDown(…)
    string public constant TEXT = "a + b // < 1 && !x /* ";
    string public constant OTHER = 'long buyer 7 "';

    function f(uint256 a) external pure returns (uint256 r) {
        /* 1 + 1; if (a < 1) revert(); */
        assembly ("memory-safe") {
            r := add(a, 41)
        }
    }
}
"""


def test_any__comment_string_or_assembly__never_touched(parse: Callable[[str], Syntax]) -> None:
    assert mutants(parse(QUIET)) == []


def test_any__comment_between_operands__passed_over(propose: Propose) -> None:
    assert propose("arithmetic", "a /* + */ - /* - */ b;") == [("-", "+")]
    assert propose("guard", "if (x) return /* ; */ ;") == [("if (x) return /* ; */ ;", "{ }")]


def test_mutant__wide_characters_before_it__applied_to_its_bytes(parse: Callable[[str], Syntax]) -> None:
    text = (
        "contract C {\n    // ⌊size·A⌋ toward −∞\n"
        "    function f(int256 b) external pure returns (int256) {\n        return -b;\n    }\n}\n"
    )
    (mutant,) = mutants(parse(text))

    assert mutant.apply(text) == text.replace("return -b", "return b")
    assert (mutant.contract, mutant.function, mutant.line) == ("C", "f", 4)
    assert "-        return -b;\n+        return b;" in mutant.diff(text)


def test_operators__all__are_tested_here() -> None:
    tested = {name.split("__")[0].removeprefix("test_") for name in globals() if name.startswith("test_")}

    assert set(OPERATORS) <= tested
