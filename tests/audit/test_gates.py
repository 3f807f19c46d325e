"""tools.audit.gates on what the tools really said (recorded beside this file)
├── verdicts
│   ├── proved, timed out                     -> as Halmos says
│   ├── a loop cut short                      -> proves nothing
│   └── a counterexample that Halmos doubts   -> not one
├── symbolic_faults
│   ├── all hold and fail where broken        -> none
│   ├── no check at all                       -> a fault
│   ├── timed out, never run, never declared  -> a fault each
│   └── holds on its broken copy too          -> a fault
├── slither_faults
│   ├── explained                             -> none
│   ├── new, or once more than explained      -> a fault
│   ├── explained but gone, off but silent    -> a fault
│   ├── nothing analysed, or not everything   -> a fault
│   ├── the planted finding missing           -> a fault
│   ├── a function that Slither can't read    -> a fault, unless explained
│   └── no reason                             -> a fault
└── the files themselves
    ├── broken.toml                           -> one change a check, and it can be made
    ├── triage.toml                           -> names contracts and functions that exist
    └── docs/audit.md                         -> has a row a check
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools.audit import gates, slither, symbolic
from tools.audit.compiler import ROOT

HERE = Path(__file__).parent
HALMOS: dict[str, Any] = json.loads((HERE / "halmos.json").read_text())
SLITHER: list[dict[str, Any]] = json.loads((HERE / "slither.json").read_text())

HOLDS = "check_floor_and_ceil__mirror_each_other"
TIMED_OUT = "check_mulDivDown__is_the_floor"
FOUND = slither.findings(SLITHER)
TRIAGE: dict[str, Any] = {
    "off": [{"detector": "assembly", "reason": "by hand"}],
    "finding": [
        {"detector": "arbitrary-send-erc20", "reason": "its own caller", "elements": {"Vault.pull": 1}},
        {
            "detector": "missing-zero-check",
            "reason": "can't be listed",
            "elements": {"Vault.constructor.token_": 1, "Vault.constructor.ledger_": 1},
        },
    ],
}


def judged(
    triage: dict[str, Any] = TRIAGE, found: list[gates.Finding] | None = None, **more: Any
) -> list[str]:
    facts: dict[str, Any] = {"analysed": {"Vault"}, "expected": {"Vault"}, "unparsed": (), "planted": ()}
    return gates.slither_faults(FOUND if found is None else found, triage, **{**facts, **more})


def rows(intact: str = "holds", broken: str = "counterexample") -> list[gates.Lemma]:
    return [gates.Lemma(name="check_it", intact=intact, broken=broken, seconds=1.0)]


def test_verdicts__as_recorded__holds_and_timeout() -> None:
    found = gates.verdicts(HALMOS)
    assert found[HOLDS][0] == "holds"
    assert found[TIMED_OUT][0] == "timeout"
    assert len(found) == 8


def test_verdicts__loop_cut_short__proves_nothing() -> None:
    output = copy.deepcopy(HALMOS)
    for results in output["test_results"].values():
        results[0]["num_bounded_loops"] = 1
    assert "loop cut short" in {verdict for verdict, _ in gates.verdicts(output).values()}


@pytest.mark.parametrize(("valid", "verdict"), [(True, "counterexample"), (False, "invalid counterexample")])
def test_verdicts__counterexample__only_if_valid(valid: bool, verdict: str) -> None:
    result = {"name": "check_it(uint256)", "exitcode": 1, "models": [{"is_valid": valid}], "time": [2.0]}
    assert gates.verdicts({"test_results": {"x": [result]}}) == {"check_it": (verdict, 2.0)}


@pytest.mark.parametrize("code", [3, 4, 5, 99])
def test_verdicts__other_exit_codes__never_hold(code: int) -> None:
    result = {"name": "check_it()", "exitcode": code, "models": [], "time": [0.1]}
    assert gates.verdicts({"test_results": {"x": [result]}})["check_it"][0] not in ("holds", "counterexample")


def test_verdicts__halmos_ran_nothing__empty() -> None:
    assert gates.verdicts({"exitcode": 1, "test_results": None}) == {}


def test_symbolic_faults__all_proved__none() -> None:
    assert gates.symbolic_faults(rows(), ["check_it"]) == []
    assert rows()[0].proved


def test_symbolic_faults__no_check__a_fault() -> None:
    assert gates.symbolic_faults([], []) == ["no check was run"]


@pytest.mark.parametrize("verdict", ["timeout", "counterexample", "not run", "stuck", "loop cut short"])
def test_symbolic_faults__does_not_hold__a_fault(verdict: str) -> None:
    assert gates.symbolic_faults(rows(intact=verdict), ["check_it"]) == [f"check_it: {verdict}"]


@pytest.mark.parametrize("verdict", ["holds", "timeout", "not run", "invalid counterexample"])
def test_symbolic_faults__broken_copy_unnoticed__a_fault(verdict: str) -> None:
    faults = gates.symbolic_faults(rows(broken=verdict), ["check_it"])
    assert faults == [f"check_it doesn't fail on its broken copy: {verdict}"]


def test_symbolic_faults__recorded_run__its_timeouts_fail() -> None:
    intact = gates.verdicts(HALMOS)
    broken = dict.fromkeys(intact, ("counterexample", 0.0))
    table = gates.lemmas(intact, intact, broken)
    assert f"{TIMED_OUT}: timeout" in gates.symbolic_faults(table, intact)
    assert len(gates.symbolic_faults(table, intact)) == 5


def test_symbolic_faults__ran_undeclared__a_fault() -> None:
    assert gates.symbolic_faults(rows(), ["check_it", "check_other"]) == [
        "check_other ran but is declared nowhere"
    ]


def test_lemmas__never_run__says_so() -> None:
    assert gates.lemmas(["check_it"], {}, {})[0].intact == "not run"


def test_slither_faults__explained__none() -> None:
    assert judged() == []


def test_slither_faults__new_finding__a_fault() -> None:
    new = gates.Finding(detector="reentrancy-eth", element="Vault.push", text="sends first")
    assert judged(found=[*FOUND, new]) == ["new finding: reentrancy-eth in Vault.push: sends first"]


def test_slither_faults__once_more_in_the_same_place__a_fault() -> None:
    pull = next(one for one in FOUND if one.element == "Vault.pull")
    assert [fault.split(":")[0] for fault in judged(found=[*FOUND, pull])] == ["new finding"]


def test_slither_faults__explained_but_gone__a_fault() -> None:
    left = [one for one in FOUND if one.element != "Vault.pull"]
    assert judged(found=left) == ["stale triage: arbitrary-send-erc20 in Vault.pull: 1 explained, 0 found"]


def test_slither_faults__off_but_silent__a_fault() -> None:
    left = [one for one in FOUND if one.detector != "assembly"]
    assert judged(found=left) == ["stale triage: assembly is switched off and finds nothing"]


def test_slither_faults__nothing_analysed__a_fault() -> None:
    faults = judged(analysed=(), expected=())
    assert "no contract was analysed" in faults


def test_slither_faults__one_contract_missing__a_fault() -> None:
    assert judged(expected={"Vault", "Ledger"}) == ["not analysed: Ledger"]


def test_slither_faults__planted_finding_missing__a_fault() -> None:
    assert judged(planted={"arbitrary-send-eth"}) == ["the planted arbitrary-send-eth was not found"]


def test_slither_faults__unreadable_function__a_fault_unless_explained() -> None:
    assert judged(unparsed={"Vault.push"}) == ["Slither can't read Vault.push"]
    known = {**TRIAGE, "unparsed": [{"element": "Vault.push", "reason": "its own error"}]}
    assert judged(known, unparsed={"Vault.push"}) == []
    assert judged(known) == ["stale triage: Slither reads Vault.push"]


def test_slither_faults__no_reason__a_fault() -> None:
    bare = copy.deepcopy(TRIAGE)
    bare["finding"][0]["reason"] = " "
    assert [fault.split(":")[0] for fault in judged(bare)] == ["triage without a reason"]


def test_findings__in_npm_packages__left_out() -> None:
    other = copy.deepcopy(SLITHER[0])
    other["elements"][0]["source_mapping"]["filename_relative"] = "node_modules/solady/src/utils/LibCall.sol"
    assert slither.findings([other]) == []


def test_broken__every_check__has_a_change_that_can_be_made() -> None:
    checks = symbolic.declared()
    changes = tomllib.loads(symbolic.BROKEN.read_text())
    assert checks and set(checks) == set(changes)
    for check, path in checks.items():
        sources, _ = symbolic.broken_sources(check, path, changes[check])
        alone = sources[f"broken/{check}/{check}.t.sol"]
        assert re.findall(r"function (check_\w+)", alone) == [check]
        assert f'from "{changes[check]["file"]}"' in alone, "the check must import the file that is broken"


def test_broken__place_not_there__refused() -> None:
    check, path = next(iter(symbolic.declared().items()))
    change = {"file": "contracts/libraries/FixedPoint.sol", "old": "nowhere to be found", "new": ""}
    with pytest.raises(ValueError, match="0 times"):
        symbolic.broken_sources(check, path, change)


def test_triage__every_element__exists() -> None:
    triage = tomllib.loads(slither.TRIAGE.read_text())
    source = "\n".join(slither.sources().values())
    source += "\n".join(path.read_text() for path in (ROOT / "interfaces").rglob("*.sol"))
    # Functions that Slither can't read may be inherited.
    bases = sorted(set(re.findall(r'from "(@openzeppelin/[^"]+)"', source)))
    inherited = source + "\n".join((ROOT / "node_modules" / base).read_text() for base in bases)
    found = [element for entry in triage["finding"] for element in entry["elements"]]
    unparsed = [entry["element"] for entry in triage["unparsed"]]
    assert found and not gone(found, source)
    assert not gone(unparsed, inherited)


def gone(elements: list[str], source: str) -> list[str]:
    return [e for e in elements if not all(re.search(rf"\b{part}\b", source) for part in e.split("."))]


def test_page__every_check__has_its_row() -> None:
    named = set(re.findall(r"`(check_\w+)`", (ROOT / "docs" / "audit.md").read_text()))
    assert named == set(symbolic.declared())
