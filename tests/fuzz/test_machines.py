"""machines
├── each                      -> opens a world that there is, and draws profiles that differ
├── chosen                    -> those of the names, in their own order; an unknown name is a ConfigError
└── load_file
    ├── adds                  -> invariants and actions, for every machine
    ├── the same text again   -> nothing more
    ├── an id that is taken   -> ConfigError, and nothing of the file stays
    ├── an error in it        -> ConfigError with its line
    └── no file               -> ConfigError
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from holdfast.errors import ConfigError
from holdfast.fuzz.machines import MACHINES, chosen, load_file
from holdfast.sim.actions import ACTIONS
from holdfast.sim.invariants import INVARIANTS
from holdfast.sim.tally import Tally
from holdfast.sim.world import WORLDS


@pytest.mark.parametrize("name", MACHINES)
def test_machine__profiles__differ(name: str) -> None:
    drawn = set()

    @settings(max_examples=40, database=None, deadline=None, phases=(Phase.generate,))
    @given(MACHINES[name].profiles)
    def draw(profile: object) -> None:
        drawn.add(repr(profile))

    draw()
    assert len(drawn) >= 35
    assert MACHINES[name].world in WORLDS


def test_chosen__names__in_order() -> None:
    assert [one.name for one in chosen(("crisis", "markets"))] == ["markets", "crisis"]
    assert [one.name for one in chosen(())] == list(MACHINES)


def test_chosen__unknown__refused() -> None:
    with pytest.raises(ConfigError, match=r"no machine 'nonsense': there are markets,"):
        chosen(("nonsense",))


@pytest.mark.usefixtures("registry")
def test_load_file__adds__once(never: Path) -> None:
    load_file(never)
    load_file(never)

    assert [one.id for one in INVARIANTS].count("INV-90") == 1
    assert "look_in" in ACTIONS
    assert MACHINES["admin"].statements["INV-90"] == "Nobody ever looks in."
    assert "INV-90" in Tally().invariants and "look_in" in Tally().actions


@pytest.mark.usefixtures("registry")
def test_load_file__id_taken__nothing_stays(tmp_path: Path) -> None:
    path = tmp_path / "taken.py"
    path.write_text(
        "from holdfast.sim.invariants import invariant\n"
        "@invariant(91)\ndef fresh(t, g):\n    yield\n@invariant(1)\ndef mine(t, g):\n    yield\n"
    )
    before = [one.id for one in INVARIANTS]

    with pytest.raises(ConfigError, match=r"taken.py: INV-01 is taken: give 'mine' another number"):
        load_file(path)
    assert [one.id for one in INVARIANTS] == before


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\ny = 1 / 0\n", "bad.py, line 2: ZeroDivisionError"),
        ("def f(:\n", "bad.py, line 1: SyntaxError"),
    ],
    ids=["raises", "syntax"],
)
def test_load_file__error__line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)

    with pytest.raises(ConfigError) as caught:
        load_file(path)
    assert str(caught.value).startswith(told)


def test_load_file__no_file__refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load_file(tmp_path / "none.py")
