"""The real compiler, started once, and mutants of snippets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from holdfast.mutate.compiler import LEGACY, Compiler
from holdfast.mutate.operators import mutants
from holdfast.mutate.syntax import Syntax

Propose = Callable[..., list[tuple[str, str]]]


@pytest.fixture(scope="session")
def compiler() -> Iterator[Compiler]:
    with Compiler() as running:
        yield running


@pytest.fixture(scope="session")
def parse(compiler: Compiler) -> Callable[[str], Syntax]:
    """The syntax of a source."""

    def read(text: str) -> Syntax:
        answer = compiler.compile({"snippet.sol": text}, LEGACY, {"snippet.sol": {"": ["ast"]}})
        return Syntax("snippet.sol", text, answer["sources"]["snippet.sol"]["ast"])

    return read


@pytest.fixture(scope="session")
def propose(parse: Callable[[str], Syntax]) -> Propose:
    """propose("rounding", body, members="…", outside="…"): what that operator makes of the body of a function
    f(uint256 a, uint256 b, int256 i, bool x, bool y), as (old, new); for the whole source with `whole`."""

    def of(
        operator: str, body: str, *, members: str = "", outside: str = "", whole: bool = False
    ) -> list[tuple[str, str]]:
        function = f"function f(uint256 a, uint256 b, int256 i, bool x, bool y) public {{ {body} }}"
        text = f"pragma solidity ^0.8.30; {outside} contract C {{ {members} {function} }}"
        start = 0 if whole else text.index(function) + function.index("{")
        found = [one for one in mutants(parse(text)) if one.operator == operator and one.start >= start]
        return [(one.old, one.new) for one in found]

    return of
