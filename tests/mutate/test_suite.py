"""the tests as judges
├── order ─── only those that see the contract; who found most first, then its own noun, the quick ones first
├── measure ─ what a test deploys, by itself and by its fixtures; what a contract deploys counts too
└── measure ─ a test that fails on the contracts as they are -> refused by name
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.chain.artifacts import MANIFEST
from holdfast.mutate.errors import MutationError
from holdfast.mutate.processes import Processes
from holdfast.mutate.suite import Suite, Test


def test(name: str, seconds: float, *sees: str) -> Test:
    return Test(name=name, seconds=seconds, sees=frozenset(sees))


test.__test__ = False  # type: ignore[attr-defined]
Test.__test__ = False  # type: ignore[attr-defined]

FLOW = test("tests/flow/test_a.py::test_story", 0.1, "Ledger", "Risk")
SLOW = test("tests/unit/risk/test_b.py::test_slow", 2.0, "Risk")
QUICK = test("tests/unit/risk/test_b.py::test_quick", 0.2, "Risk")
OTHER = test("tests/unit/vault/test_c.py::test_vault", 0.1, "Vault")


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(Processes(), tmp_path)


def test_order__any__own_noun_first_quick_first(suite: Suite) -> None:
    suite.tests = [FLOW, SLOW, OTHER, QUICK]

    assert suite.order(["Risk"], "risk") == [QUICK, SLOW, FLOW]
    assert suite.order(["Ledger", "Vault"], "risk") == [OTHER, FLOW]


def test_order__after_kills__who_found_most_first(suite: Suite) -> None:
    suite.tests = [FLOW, SLOW, QUICK]
    for found in (FLOW, SLOW, FLOW):
        suite.found(found.name)

    assert suite.order(["Risk"], "risk") == [FLOW, SLOW, QUICK]


def test_measure__real_tests__know_what_they_deploy(suite: Suite) -> None:
    fresh = suite.measure(
        MANIFEST, "key", ["tests/unit/risk/test_set_asset.py", "tests/flow/test_to_the_wei.py"]
    )
    by_folder = {one.file: one for one in suite.tests}

    assert fresh == 2
    assert "Risk" in by_folder["tests/unit/risk/test_set_asset.py"].sees
    assert "Ledger" not in by_folder["tests/unit/risk/test_set_asset.py"].sees
    assert {"Ledger", "Positions", "Risk"} <= by_folder["tests/flow/test_to_the_wei.py"].sees
    assert suite.measure(MANIFEST, "key", ["tests/unit/risk/test_set_asset.py"]) == 0


def test_measure__fails_as_it_is__refused(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "unit" / "risk"
    folder.mkdir(parents=True)
    (folder / "test_no.py").write_text("def test_never() -> None:\n    assert 1 == 2\n")
    suite = Suite(Processes(), tmp_path / "work", root=tmp_path)

    with pytest.raises(
        MutationError, match=r"as they are, tests/unit/risk/test_no.py::test_never fails: assert 1 == 2"
    ):
        suite.measure(MANIFEST, "key", ["tests/unit/risk"])
