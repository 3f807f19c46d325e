"""a run
├── a real mutant         -> killed by a test that sees it; report tells by which
├── the same run again    -> everything known, nobody asked
├── that test taken away  -> asked again, survives
└── an explained one      -> apart: neither killed nor survived
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.mutate import report
from holdfast.mutate.build import CACHE
from holdfast.mutate.engine import Engine, Outcome, Plan
from holdfast.mutate.mutants import Mutant

TESTS = ("tests/unit/insurance/test_parameters.py",)
OTHERS = ("tests/unit/risk/test_set_asset.py",)

CAP = "if (capWad > type(uint128).max) revert BadCap(capWad);"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Verdicts of its own; what is compiled is shared with everybody."""
    folder = tmp_path_factory.mktemp("mutants")
    for name in ("base", "code"):
        (CACHE / name).mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(CACHE / name)
    return folder


@pytest.fixture(scope="module")
def plan(cache: Path) -> Plan:
    """The boundary of a cap, judged by one file of tests."""
    candidates = Plan(out=cache / "out", nouns=("insurance",), operators=("comparison",), workers=1)
    with closing(Engine(candidates, cache=cache)) as engine:
        mutant = next(one for one in engine.candidates() if is_cap(one))
    return replace(candidates, only=(mutant.id,), campaign=0.0, tests=TESTS)


def is_cap(one: Mutant) -> bool:
    return one.function == "_setCap" and (one.old, one.new) == (">", ">=")


def run(plan: Plan, cache: Path, **more: Path) -> tuple[Outcome, list[str]]:
    lines: list[str] = []
    outcome = Engine(plan, lambda line, _: lines.append(line), cache=cache, **more).run()
    return outcome, lines


def test_run__boundary_moved__killed_and_then_known(plan: Plan, cache: Path) -> None:
    outcome, _ = run(plan, cache)
    (one,) = outcome.judged
    assert one.state == "killed" and not one.known
    assert one.verdict is not None and one.verdict.kill is not None
    assert one.verdict.kill.kind == "test"
    assert one.verdict.kill.by.startswith("tests/unit/insurance/test_parameters.py::test_set_cap")

    report.write(outcome, plan.out, 90)
    written = json.loads((plan.out / "report.json").read_text())
    assert (written["killed"], written["survived"], written["survivors"]) == (1, 0, [])
    assert written["perOperator"]["comparison"]["killed"] == 1
    assert report.verdict(outcome, 90).startswith("1 of 1 mutants killed (100.0 %")

    again, lines = run(plan, cache)
    (kept,) = again.judged
    assert kept.known and kept.verdict is not None and kept.verdict.kill is not None
    assert kept.verdict.kill.by == one.verdict.kill.by
    assert "1 known from an earlier run" in lines


def test_run__nobody_looks__survives_with_its_diff(plan: Plan, cache: Path) -> None:
    outcome, _ = run(replace(plan, tests=OTHERS), cache)

    assert [one.state for one in outcome.judged] == ["survived"]
    (survivor,) = report.plain(outcome)["survivors"]
    assert survivor["file"] == "contracts/insurance/Insurance.sol"
    assert survivor["operator"] == "comparison"
    assert f"-        {CAP}\n+        {CAP.replace('>', '>=')}" in survivor["diff"]
    assert outcome.share == 0


def test_run__explained__apart(plan: Plan, cache: Path, tmp_path: Path) -> None:
    triage = tmp_path / "explained.toml"
    triage.write_text(
        f'[[explained]]\nfile = "contracts/insurance/Insurance.sol"\nold = "{CAP}"\n'
        f'new = "{CAP.replace(">", ">=")}"\nreason = "For this test."\n'
    )
    outcome, _ = run(replace(plan, tests=OTHERS), cache, triage=triage)

    assert [one.state for one in outcome.judged] == ["explained"]
    figures = report.plain(outcome)
    assert (figures["killed"], figures["survived"], figures["explained"]) == (0, 0, 1)
    assert figures["explainedMutants"][0]["reason"] == "For this test."
