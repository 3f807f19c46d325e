"""Campaign
├── examples are the budget     -> exactly so many are played, and what they did adds up over machines
├── same seed                   -> the same counts, whatever the workers; another seed: others
├── calls are the budget        -> ends soon after
├── an invariant that fails
│   ├── told once for a machine -> minimised, saved, written as files; the campaign goes on
│   ├── stop_after              -> ends
│   ├── the next campaign       -> plays it first, and plays nothing else with replay_only
│   ├── not judged any more     -> kept, with a word
│   └── it fails no longer      -> dropped from the database with a word
├── others find something       -> played here too, once
├── a worker dies               -> replaced, its slice played again and counted once
├── an action raises            -> the campaign ends with that error; what was done until then is known
├── stopped                     -> what was being played counts, the outcome says so
└── afterwards                  -> no process is left: neither a worker nor an Anvil
in_turn                         -> each as often as it weighs, never long without any of them
Samples                         -> at most so many of each world, any as likely as any other
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis.database import InMemoryExampleDatabase

from holdfast.errors import ConfigError
from holdfast.fuzz import runner
from holdfast.fuzz.crew import Crew, Job, alive
from holdfast.fuzz.database import Failures, open_database
from holdfast.fuzz.outcome import Outcome, Plan
from holdfast.fuzz.runner import Campaign, Samples, in_turn
from holdfast.fuzz.worker import Session, Slice, contracts

from .test_database import failing

Plans = Callable[..., Plan]


def counts(outcome: Outcome) -> dict[str, Any]:
    """All that doesn't depend on the clock."""
    found = outcome.tally.report()
    for name in ("seconds", "calls_per_second", "spent"):
        del found[name]
    return found


def test_campaign__examples__exactly(plan: Plans) -> None:
    outcome = Campaign(plan(machines=("markets", "crisis"), examples=3, workers=2)).run()

    assert outcome.examples == outcome.tally.histories == 3
    assert outcome.tally.calls == sum(one.calls for one in outcome.machines.values()) > 200
    assert all(one.examples for one in outcome.machines.values())
    assert outcome.line[-1][1] == outcome.tally.calls
    assert sum(one.tried for one in outcome.tally.actions.values()) > 100
    assert sum(one.checked for one in outcome.tally.invariants.values()) > 1_000


def test_campaign__same_seed__same_counts(plan: Plans) -> None:
    first, parallel, other = (
        counts(Campaign(plan(examples=2, **changes)).run()) for changes in ({}, {"workers": 2}, {"seed": 6})
    )
    assert first == parallel != other


def test_campaign__calls__end(plan: Plans) -> None:
    outcome = Campaign(plan(calls=50)).run()

    *before, (_, calls) = outcome.line
    assert outcome.tally.calls == calls >= 50
    assert all(calls < 50 for _, calls in before)  # no slice began after it


@pytest.mark.usefixtures("registry")
def test_campaign__failure__told_once_kept_and_replayed(plan: Plans, never: Path, tmp_path: Path) -> None:
    campaign = Campaign(plan(examples=3, extras=(never,), seed=7))
    outcome = campaign.run()

    [found] = outcome.found
    assert (found.failure.invariant, found.failure.wrong) == ("INV-90", "somebody did")
    assert found.kept and not found.known and len(found.failure.steps) < 5
    assert outcome.machines["markets"].violations == 3  # each of the histories, told once
    assert outcome.tally.actions["look_in"].succeeded > 0
    names = sorted(path.name for path in found.files)
    assert (
        "never.py" in names and "replay.py" in names and any(name.startswith("test_inv_90") for name in names)
    )

    later = Campaign(plan(extras=(never,), replay_only=True)).run()
    [again] = later.found
    assert again.known and again.failure.steps == found.failure.steps
    assert later.tally.calls == 0

    _forget("INV-90")
    [note] = Campaign(plan(replay_only=True)).run().notes
    assert note.endswith("(an invariant of a file that this campaign wasn't given)")

    path = tmp_path / "calm.py"
    path.write_text(never.read_text().replace('t.action == "look_in"', 't.action == "nothing"'))
    calm = Campaign(plan(extras=(path,), replay_only=True))
    outcome = calm.run()
    assert outcome.found == []
    assert outcome.notes == [
        f"dropped from the database: INV-90 of machine markets, {len(again.failure.steps)} "
        "steps: no longer fails"
    ]
    assert open_database(str(tmp_path / "database")).saved() == []


def _forget(invariant: str) -> None:
    from holdfast.sim.invariants import INVARIANTS

    INVARIANTS[:] = [one for one in INVARIANTS if one.id != invariant]


def test_campaign__others_find_something__played_here_once(
    plan: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Failures(InMemoryExampleDatabase(), shared=True)
    monkeypatch.setattr(runner, "SHARED_SECONDS", 0.0)
    monkeypatch.setattr(runner, "open_database", lambda where: shared)
    campaign = Campaign(plan(machines=("markets", "crisis")))
    shared.save("markets", failing("INV-01"))
    shared.save("pairs", failing("INV-50"))  # not one of the machines of this campaign

    campaign._ask_others()
    campaign._ask_others()

    assert [(job.name, job.args[0], job.origin.invariant) for job in campaign._urgent] == [
        ("replay", "markets", "INV-01")
    ]


@pytest.mark.usefixtures("registry")
def test_campaign__stop_after__ends(plan: Plans, never: Path) -> None:
    outcome = Campaign(plan(examples=64, extras=(never,), stop_after=1)).run()

    assert len(outcome.found) == 1
    assert outcome.examples < 64


def test_campaign__worker_dies__again(plan: Plans) -> None:
    killed = []

    def kill(outcome: Outcome, what: str) -> None:
        assert campaign.crew is not None
        [seat] = campaign.crew.seats
        if seat.pid and outcome.tally.calls and not killed:
            killed.append(seat.pid)
            os.kill(seat.pid, signal.SIGKILL)

    campaign = Campaign(plan(examples=2, seed=8), kill)
    outcome = campaign.run()

    assert killed
    assert outcome.examples == outcome.tally.histories == 2
    assert len(outcome.line) == 2  # nothing was counted twice


@pytest.mark.usefixtures("registry")
def test_campaign__action_raises__ends(plan: Plans, tmp_path: Path) -> None:
    path = tmp_path / "raises.py"
    path.write_text(
        "from holdfast.sim.invariants import invariant\n"
        "@invariant(93)\ndef bad(t, g):\n    '''Bad.'''\n    yield str(1 / 0)\n"
    )
    campaign = Campaign(plan(examples=2, extras=(path,)))

    with pytest.raises(ZeroDivisionError) as caught:
        campaign.run()
    assert any("while machine markets played" in note for note in caught.value.__notes__)
    assert campaign.outcome.tally.calls == 0


def test_campaign__stopped__says_so(plan: Plans) -> None:
    def stop(outcome: Outcome, what: str) -> None:
        if outcome.tally.calls:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    outcome = Campaign(plan(seconds=600.0), stop).run()

    assert outcome.interrupted and outcome.tally.calls
    assert outcome.seconds < 600
    assert signal.getsignal(signal.SIGINT) is before


def test_crew__closed__no_process_left(plan: Plans) -> None:
    task = Slice(number=0, machine="markets", seed=1, examples=1_000, first=True)
    with Crew.local(2, Session("a", contracts())) as crew:
        crew.submit(Job("play", (Slice(number=0, machine="markets", seed=1, examples=1, first=True),)))
        while crew.busy:
            list(crew.wait(0.1))
        crew.submit(Job("play", (task,)))  # it will never end by itself
        pids = {seat.pid for seat in crew.seats} | {pid for seat in crew.seats for pid in seat.anvils}
        assert len(pids) >= 3 and all(pid and alive(pid) for pid in pids)

    assert not any(alive(pid) for pid in pids if pid)


def test_crew__other_contracts__refused() -> None:
    with Crew.local(1, Session("a", "other")) as crew:
        crew.submit(Job("play", ()))
        with pytest.raises(ConfigError, match="a worker has other contracts"):
            while True:
                list(crew.wait(0.1))


def test_alive__ended__no() -> None:
    assert alive(os.getpid())
    child = os.fork()
    if not child:
        os._exit(0)
    while alive(child):  # it has ended, but nobody asked how
        time.sleep(0.01)
    os.waitpid(child, 0)
    assert not alive(child)


def test_in_turn__weights__even() -> None:
    names = list(islice(in_turn({"a": 3, "b": 2, "c": 1}), 60))

    assert Counter(names) == {"a": 30, "b": 20, "c": 10}
    assert all({"a", "b"} <= set(names[place : place + 4]) for place in range(56))


def test_samples__many__few_of_each() -> None:
    samples = Samples(3, seed=1)
    for place in range(100):
        samples.offer("local", (place,))  # type: ignore[arg-type]
    samples.offer("thin", ("x",))  # type: ignore[arg-type]

    first, rest = samples.jobs(5.0)
    assert [job.args[0] for job in (*first, *rest)] == ["local", "thin"]
    kept = first[0].args[1]
    assert len(kept) == len(set(kept)) == 3 and max(kept)[0] > 10


def test_campaign__other_thread__no_signals(plan: Plans) -> None:
    """Where signals can't be caught it works all the same."""
    done: list[Outcome] = []
    campaign = Campaign(plan(examples=1))
    thread = threading.Thread(target=lambda: done.append(campaign.run()))
    thread.start()
    thread.join()

    assert done[0].examples == 1
