"""planted bugs on trial
├── found by an invariant   -> found; as expected, or told which was expected
├── the campaign broke      -> not found, and said so
├── nothing                 -> not found, with what was played in vain
├── the control             -> isn't counted among the bugs
└── --only an unknown one   -> refused by name
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from holdfast.cli.mutate import cli
from holdfast.mutate.planted import Bug
from holdfast.mutate.suite import Kill
from holdfast.mutate.trial import CONTROL, Trial, Trials, line

BUG = Bug(id="grace", title="A title.", expected=("INV-31",), texts={}, diff="")


def trial(kind: str = "", by: str = "", bug: Bug = BUG) -> Trial:
    kill = Kill(kind=kind, by=by, reason="so", seconds=7.0, calls=1_234) if kind else None
    return Trial(
        bug=bug, kill=kill, machine="crisis" if kind == "invariant" else "", steps=5, calls=1_234, seconds=7.0
    )


@pytest.mark.parametrize(
    ("one", "found", "told"),
    [
        (trial("invariant", "INV-31"), True, "grace INV-31 1,234 calls 7 s 5 steps crisis"),
        (trial("invariant", "INV-01"), True, "grace INV-01 1,234 calls 7 s 5 steps crisis (expected INV-31)"),
        (trial("error", "IndexError"), False, "grace broke: IndexError 1,234 calls 7 s"),
        (trial(), False, "grace nothing found 1,234 calls 7 s"),
        (trial(bug=CONTROL), False, "none nothing found 1,234 calls 7 s"),
        (
            trial("invariant", "INV-01", CONTROL),
            True,
            "none INV-01 1,234 calls 7 s 5 steps crisis (expected nothing)",
        ),
    ],
)
def test_line__any__tells_who_found_it(one: Trial, found: bool, told: str) -> None:
    assert one.found is found
    assert " ".join(line(one).split()) == told


def test_write__control__not_counted(tmp_path: Path) -> None:
    trials = Trials([CONTROL, BUG], seconds=1, seed=1, workers=1, tests=False)
    trials.found += [trial(bug=CONTROL), trial("invariant", "INV-31")]

    trials.write(tmp_path)

    written = json.loads((tmp_path / "planted.json").read_text())
    assert (written["found"], written["of"]) == (1, 1)
    assert [one["id"] for one in written["bugs"]] == ["none", "grace"]


def test_command__unknown_bug__refused() -> None:
    result = CliRunner().invoke(cli, ["--planted", "--only", "nowhere"])

    assert result.exit_code == 1
    assert "there is no planted bug nowhere" in result.output


def test_command__unknown_mutant__refused() -> None:
    result = CliRunner().invoke(cli, ["--list", "--noun", "insurance", "--only", "nowhere"])

    assert result.exit_code == 1
    assert "there is no mutant nowhere (any more) in insurance" in result.output


def test_command__list__same_seed_same_order() -> None:
    one, again, other = (
        CliRunner().invoke(cli, ["--list", "--noun", "insurance", "--operator", "guard", "--seed", seed])
        for seed in ("1", "1", "2")
    )

    assert one.exit_code == 0
    assert one.output == again.output != other.output
    assert sorted(one.output.splitlines()) == sorted(other.output.splitlines())
