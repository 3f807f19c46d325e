"""crew: keepers as processes, stepped
├── step            one after the other, in the order of their coming; the next begins when the last has recorded
│   └── dealt with  a keeper that knows the block, or is down, isn't asked
├── ended           ChainError with its last words
├── silent          ChainError with its log
└── stop, start     it ends; what it recorded stays; the next life goes on
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.demo import crew
from holdfast.demo.crew import Crew, Keeper
from holdfast.errors import ChainError

FAKE = """
import json, sys, time
name, seconds, diary, record = sys.argv[1:]
def tell(path, text):
    with open(path, "a") as file:
        file.write(text + "\\n")
for block, _ in enumerate(sys.stdin, start=1):
    tell(diary, f"{name} begins")
    if seconds == "dies":
        sys.exit("I can't go on")
    if seconds == "hangs":
        continue
    time.sleep(float(seconds))
    tell(diary, f"{name} ends")
    tell(record, json.dumps({"block": block}))
"""

Add = Callable[..., Keeper]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def few(tmp_path: Path) -> Iterator[Crew]:
    with Crew("", tmp_path / "deployment.json", tmp_path) as found:
        yield found


@pytest.fixture
def add(few: Crew, tmp_path: Path, diary: Path) -> Add:
    """add(name, seconds that a look takes): one that is up."""

    def make(name: str, seconds: object) -> Keeper:
        record, log = tmp_path / f"{name}.jsonl", tmp_path / f"{name}.log"
        command = [sys.executable, "-c", FAKE, name, str(seconds), str(diary), str(record)]
        keeper = few.keepers[name] = Keeper(role=name, command=command, record=record, log=log)
        keeper.start()
        return keeper

    return make


def test_step__one_after_the_other(few: Crew, add: Add, diary: Path) -> None:
    add("slow", 0.2), add("quick", 0)
    few.step(1)
    few.step(2)
    look = ["slow begins", "slow ends", "quick begins", "quick ends"]
    assert diary.read_text().splitlines() == 2 * look


def test_step__dealt_with_or_down__isnt_asked(few: Crew, add: Add, diary: Path) -> None:
    add("one", 0)
    down = add("other", 0)
    few.step(1)
    down.stop()
    few.step(1)
    few.step(2)
    assert diary.read_text().splitlines() == [
        f"{name} {what}" for name in ("one", "other", "one") for what in ("begins", "ends")
    ]


def test_step__ended__says_its_last_words(few: Crew, add: Add) -> None:
    add("mortal", "dies")
    with pytest.raises(ChainError, match="the mortal ended with code 1: I can't go on"):
        few.step(1)
    with pytest.raises(ChainError, match="the mortal ended"):  # there is nobody left who reads
        few.step(2)


def test_step__silent__is_given_up(few: Crew, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "STEP_SECONDS", 0.3)
    add("idler", "hangs")
    with pytest.raises(ChainError, match=r"no sign of life from the idler within 0.3 s; see .*idler.log"):
        few.step(1)


def test_stop__and_start__goes_on(few: Crew, add: Add) -> None:
    keeper = add("one", 0)
    few.step(1)
    keeper.stop()
    keeper.start()
    few.step(1)  # it knows
    assert [entry["block"] for entry in keeper.entries] == [1]
