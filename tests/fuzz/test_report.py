"""report
├── verdict                     -> holds, with how many calls; BROKEN, with which; nothing played
├── warnings                    -> what was never judged, never succeeded, never tried; notes; interruption
├── spent                       -> parts that add up to what the workers had
├── as_json                     -> plain JSON
├── page                        -> what people and contracts say is text, never markup
├── replaced                    -> the old file stays where the new one can't be written
└── table, screen, line         -> can be shown as they are
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from holdfast.fuzz import report
from holdfast.fuzz.outcome import Found, MachineSums, Outcome, Plan
from holdfast.fuzz.progress import line, room, screen, share
from holdfast.sim.failure import Failure
from holdfast.sim.tally import Checked, Tally, Tried

from .test_database import STEP


def outcome(**changes: object) -> Outcome:
    tally = Tally(
        calls=1_200,
        histories=12,
        seconds=8.0,
        actions={
            "match": Tried(tried=10, succeeded=7),
            "strike": Tried(tried=4, succeeded=0),
            "plot": Tried(),
        },
        invariants={"INV-01": Checked(checked=900, closest=3.0, unit="wei"), "INV-02": Checked()},
    )
    tally.actions["strike"].reverted["<b>Odd</b>"] += 4
    tally.spent.update({"node": 5, "judge": 2})
    made = Outcome(
        plan=Plan(out=Path(), seed=3, examples=24),
        workers=2,
        seconds=6.0,
        tally=tally,
        machines={"markets": MachineSums(about="all", world="local", examples=12, calls=1_200)},
        statements={"INV-01": "One. More.", "INV-02": "Two.", "INV-77": "Never met."},
        line=[(2.0, 400), (6.0, 1_200)],
    )
    made.spent["open"] = 1.0
    for name, value in changes.items():
        setattr(made, name, value)
    return made


FOUND = Found(
    "markets",
    Failure(
        invariant="INV-02",
        name="sides",
        wrong="1 < 2 & so on",
        world="local",
        profile=None,
        steps=(STEP,),
        calls_before=70,
    ),
    2.5,
    files=[Path("failures/test_inv_02.py")],
)


def test_verdict__all_cases() -> None:
    assert report.verdict(outcome()) == (
        "1 properties hold over 1,200 calls in 12 histories: judged 900 times, never violated"
    )
    assert report.verdict(outcome(found=[FOUND])) == (
        "BROKEN: INV-02, found within 1,200 calls in 12 histories"
    )
    assert report.verdict(outcome(tally=Tally(), found=[FOUND])) == (
        "BROKEN: INV-02, as before; nothing else was played"
    )
    assert (
        report.verdict(outcome(tally=Tally())) == "Nothing was played: nothing that failed before fails now"
    )


def test_warnings__what_the_verdict_does_not_say() -> None:
    assert report.warnings(outcome(notes=["a word"], interrupted=True)) == [
        "The campaign was interrupted.",
        "Never judged: INV-02, INV-77.",
        "Tried, but never succeeded: strike.",
        "Never tried: plot.",
        "a word",
    ]
    assert report.warnings(outcome(tally=Tally())) == []


def test_spent__adds_up() -> None:
    spent = report.spent(outcome())

    assert spent == {"node": 5.0, "judge": 2.0, "other": 1.0, "open": 1.0, "idle": 3.0}
    assert sum(spent.values()) == 2 * 6.0


def test_as_json__plain() -> None:
    found = json.loads(json.dumps(report.as_json(outcome(found=[FOUND]))))

    assert (found["calls"], found["seconds"], found["calls_per_second"]) == (1_200, 6.0, 200.0)
    assert found["actions"]["match"] == {"tried": 10, "succeeded": 7, "reverted": {}}
    assert found["invariants"]["INV-01"] == {
        "checked": 900, "violations": 0, "closest": 3.0, "unit": "wei", "statement": "One. More."
    }  # fmt: skip
    assert found["never_judged"] == ["INV-02", "INV-77"]
    assert found["never_succeeded"] == ["strike"] and found["never_tried"] == ["plot"]
    assert found["coverage"] is None
    [failure] = found["failures"]
    assert (failure["calls_before"], failure["seconds"], failure["known"], failure["steps"]) == (
        70,
        2.5,
        False,
        1,
    )


def test_page__text_is_no_markup() -> None:
    text = report.render(outcome(found=[FOUND]))

    assert "1 &lt; 2 &amp; so on" in text and "1 < 2 & so on" not in text
    assert "&lt;b&gt;Odd" in text and "<b>Odd" not in text
    assert 'class="verdict bad"' in text and 'class="verdict warn"' in text


def test_replaced__fails__old_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    report.replaced(path, "old")

    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError):
        report.replaced(path, "new")
    assert path.read_text() == "old"


def test_screen_and_table__shown() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=140)
    console.print(screen(outcome(found=[FOUND]), "playing"))
    console.print(report.table(outcome(found=[FOUND])))
    shown = stream.getvalue()

    assert "match 7/10" in shown and "INV-01 3 wei" in shown and "INV-02 sides: 1 < 2 & so on" in shown
    assert "pytest failures/test_inv_02.py" in shown and "Never tried: plot." in shown
    assert line(outcome(), "playing") == (
        "playing  1,200 calls  200/s  12 examples  actions 1/2 succeeded  invariants 1/3 judged  none failed"
    )
    assert share(outcome()) == 0.5


@pytest.mark.parametrize(
    ("closest", "unit", "told"),
    [
        (None, "", ""),
        (0.0, "wei", "0 wei"),
        (1.5e21, "wei", "1.5e+21 wei"),
        (-3.0, "s", "-3 s"),
        (0.25, "", "0.25"),
    ],
)
def test_room__shown(closest: float | None, unit: str, told: str) -> None:
    assert room(Checked(closest=closest, unit=unit)) == told
