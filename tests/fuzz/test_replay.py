"""a saved failure
├── write
│   ├── a failure                    -> a folder with a test, its steps and a script; twice the same -> the same folder
│   ├── the test                     -> formatted as the project is; tells who does what, waits and base fees
│   └── given files (--with)         -> copied, and loaded by whoever replays
├── load
│   ├── what was written             -> the same steps
│   ├── nothing, two, or not one     -> ConfigError in one line
│   └── an unknown world             -> ConfigError
├── the written test
│   ├── the invariant fails          -> red, with its sentence and all steps
│   ├── it no longer does            -> green
│   ├── a step left out              -> its wait goes to the next one
│   ├── a step that isn't there      -> ConfigError
│   └── another deployment           -> ConfigError: addresses would mean nothing
├── drawn histories, really sent
│   └── each world                   -> answers, errors, events, gas and every read of the Lens as simulated
└── replay_on
    ├── a running Anvil              -> tells each call and what came of it, VIOLATED; the chain stays at that state
    ├── a healthy history            -> 0
    ├── a pair of runs               -> every way to go on is sent, each from where they part
    ├── an Anvil with other accounts, a low gas limit, few accounts -> as told, or one line
    ├── a chain that isn't fresh     -> one line
    ├── no node there, another chain, no Anvil -> one line
    └── no --rpc                     -> an Anvil of its own until Ctrl-C
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.environment import PROJECT
from holdfast.chain.protocol import Protocol
from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError, ConfigError
from holdfast.fuzz import machines
from holdfast.fuzz.live import READER, Attached, send
from holdfast.fuzz.replay import BROKEN, VIOLATED, Sent, Story, cli, load, look, replay_on, write
from holdfast.sim import pairs
from holdfast.sim.campaign import minimise, play, replay
from holdfast.sim.director import Profile
from holdfast.sim.failure import Failure
from holdfast.sim.history import Block, Call, Result
from holdfast.sim.invariants import INVARIANTS
from holdfast.sim.steps import Step, Transition, run
from holdfast.sim.tally import Tally
from holdfast.sim.world import WORLDS, World

PEACE: Final = '''"""An invariant that is false as soon as somebody is liquidated."""

from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants import Judgement, invariant, unless
from holdfast.sim.steps import Transition


@invariant(195)
def peace(t: Transition, g: Ghost) -> Judgement:
    """No auction ever starts."""
    for event in t.named("AuctionStarted"):
        yield unless(False, f"account {event.args['account']} is for sale")
'''

FALLS: Final = tuple(
    replace(Profile.drawn(seed), off=frozenset(), length=64, keeping=0.85, crash=-0.5, crash_all=True)
    for seed in range(8)
)
"""Histories in which all prices halve: in one of them or another somebody is liquidated."""

PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:ape_test")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test registers is forgotten after it."""
    before = list(INVARIANTS)
    monkeypatch.setattr(machines, "_loaded", set())
    yield
    INVARIANTS[:] = before


@pytest.fixture(scope="module")
def peace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("auditor") / "peace.py"
    file.write_text(PEACE)
    return file


@pytest.fixture(scope="module")
def failure(peace: Path) -> Iterator[Failure]:
    """Found and made small on the healthy contracts."""
    before, loaded = list(INVARIANTS), set(machines._loaded)
    try:
        machines.load_file(peace)
        with World.open("thin") as world:
            found = next(filter(None, (play(world, fall, Tally()) for fall in FALLS)))
            small = minimise(world, found, 20)
    finally:
        INVARIANTS[:] = before
        machines._loaded.clear()
        machines._loaded.update(loaded)
    assert small.invariant == "INV-195"
    assert len(small.steps) >= 3
    yield small


@pytest.fixture
def folder(failure: Failure, peace: Path, registry: None, tmp_path: Path) -> Path:
    return write(failure, tmp_path, extra=[peace])


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    """As a user starts it, but for the port."""
    with Anvil() as chain:
        yield chain


def data_of(folder: Path) -> Path:
    [found] = folder.glob("test_*.json")
    return found


def said(folder: Path, url: str) -> tuple[int, str]:
    lines: list[str] = []
    return replay_on(folder, url, lines.append), "\n".join(lines)


def drawn(name: str, seed: int, length: int) -> tuple[tuple[Step, ...], list[Transition]]:
    """A history and what it comes to, simulated."""
    with World.open(name) as world:
        tally = Tally()
        assert play(world, replace(FALLS[0], seed=seed, length=length, opening=8), tally) is None
        return tally.last, run(world, [], tally.last, world.start)


# write


def test_write__failure__folder_with_test_steps_and_script(folder: Path, failure: Failure) -> None:
    stem = data_of(folder).stem

    assert re.fullmatch(r"test_inv_195_peace_[0-9a-f]{8}", stem)
    assert folder.name == stem.removeprefix("test_").replace("_", "-")
    assert {one.name for one in folder.iterdir()} == {
        f"{stem}.py", f"{stem}.json", "replay.py", "peace.py",
    }  # fmt: skip
    assert write(failure, folder.parent) == folder


def test_write__other_steps__another_folder(folder: Path, failure: Failure) -> None:
    later = replace(failure, steps=(*failure.steps[:-1], replace(failure.steps[-1], wait=77)))

    assert write(later, folder.parent) != folder


def test_write__test__tells_who_does_what_and_when(
    failure: Failure, peace: Path, registry: None, tmp_path: Path
) -> None:
    machines.load_file(peace)
    text = data_of(write(failure, tmp_path)).with_suffix(".py").read_text()
    comments = re.sub(r"\n +#     ", " ", text)

    assert "INV-195 peace: No auction ever starts." in text
    assert failure.wrong in text
    for number, step in enumerate(failure.steps, 1):
        assert f'story.step({number}, "{step.action}")' in text
        assert not step.wait or f"# {step.wait} s later, at second " in text
        for line in step.text:
            assert line in comments


def test_write__test_and_script__formatted_as_the_project_is(folder: Path) -> None:
    files = [str(data_of(folder).with_suffix(".py")), str(folder / "replay.py")]
    ruff = [str(PROJECT / ".venv" / "bin" / "ruff")]
    settings = ["--config", str(PROJECT / "pyproject.toml"), "--no-cache"]

    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([*ruff, *command, *settings, *files], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


# load


def test_load__written__same_steps(folder: Path, failure: Failure) -> None:
    for path in (folder, data_of(folder)):
        found = load(path)
        assert found.failure == replace(failure, profile=None, calls_before=0)
        assert found.machine is None


def test_load__machine__restored_by_it(failure: Failure, registry: None, tmp_path: Path) -> None:
    assert load(write(failure, tmp_path, machine="crisis")).machine == "crisis"
    with pytest.raises(ConfigError, match="there is no machine 'clockwork', but markets, "):
        load(write(failure, tmp_path, machine="clockwork"))


def test_load__nothing_there__config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds 0 saved failures"):
        load(tmp_path)
    with pytest.raises(ConfigError, match=r"nowhere\.json doesn't exist"):
        load(tmp_path / "nowhere.json")


def test_load__two__config_error(folder: Path) -> None:
    shutil.copy(data_of(folder), folder / "test_other.json")

    with pytest.raises(ConfigError, match="holds 2 saved failures"):
        load(folder)


@pytest.mark.parametrize("text", ["", "[]", '{"invariant": "INV-195"}', '{"steps": 3}'])
def test_load__not_a_failure__config_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "test_x.json").write_text(text)

    with pytest.raises(ConfigError, match="is not a saved failure"):
        load(tmp_path)


def test_load__unknown_world__config_error(folder: Path) -> None:
    data = data_of(folder)
    data.write_text(json.dumps({**json.loads(data.read_text()), "world": "flat"}))

    with pytest.raises(ConfigError, match="there is no world 'flat', but local, thin"):
        load(folder)


# The written test


def test_pytest__invariant_fails__red_then_green_when_mended(folder: Path) -> None:
    test = data_of(folder).with_suffix(".py")

    red = subprocess.run([*PYTEST, str(test)], capture_output=True, text=True, cwd=PROJECT)
    (folder / "peace.py").write_text(PEACE.replace("unless(False", "unless(True"))
    green = subprocess.run([*PYTEST, str(test)], capture_output=True, text=True, cwd=PROJECT)

    assert red.returncode == 1, red.stdout + red.stderr
    assert re.search(r"INV-195 peace: account \d+ is for sale", red.stdout)
    assert green.returncode == 0, green.stdout + green.stderr


def test_story__all_steps__fails_as_it_did(folder: Path, failure: Failure) -> None:
    with Story.open(data_of(folder)) as story:
        for number, step in enumerate(failure.steps, 1):
            story.step(number, step.action)
        found = story.play()

    assert found is not None
    assert (found.invariant, found.wrong, found.steps) == (failure.invariant, failure.wrong, failure.steps)


def test_story__step_left_out__next_waits_for_it(folder: Path, failure: Failure) -> None:
    with Story.open(data_of(folder)) as story:
        story.step(len(failure.steps), failure.steps[-1].action)
        found = story.play()

    assert [one.wait for one in story.told] == [sum(one.wait for one in failure.steps)]
    assert found is None


def test_story__no_such_step__config_error(folder: Path, failure: Failure) -> None:
    last = len(failure.steps)
    with Story.open(data_of(folder)) as story:
        for number, action in ((0, "match"), (last + 1, "start"), (last, "lunch")):
            with pytest.raises(ConfigError, match=f"that is '{action}' isn't number {number}"):
                story.step(number, action)
        story.step(last, failure.steps[-1].action)
        with pytest.raises(ConfigError, match="isn't number 1"):
            story.step(1, failure.steps[0].action)


def test_story__other_deployment__config_error(folder: Path) -> None:
    data = data_of(folder)
    data.write_text(data.read_text().replace("Liquidation.start(", "Auctioneer.start("))

    expected = r"another deployment: .*Auctioneer\.start went to 0x\w{40}, which is Liquidation"
    with pytest.raises(ConfigError, match=expected), Story.open(data):
        pass


# Really sent


@pytest.mark.parametrize("name", WORLDS)
def test_send__drawn_history__chain_answers_as_simulated(name: str, anvil: Anvil) -> None:
    steps, expected = drawn(name, seed=11, length=40)
    sent = Sent()

    with Attached(anvil.url) as chain:
        world = World.build(chain, name)
        found = run(world, [], steps, world.start, through=sent)
        final = world.protocol.snapshot()

    assert sent.unlike == 0
    calls = list(sent.runs[0].calls)
    assert len(calls) == sum(len(step.calls) for step in steps)
    assert [one.gas_used for one, _ in calls] == [other.gas_used for _, other in calls]
    assert any(one.ok for one, _ in calls)
    assert any(not one.ok for one, _ in calls)
    if all(step.blocks == 1 for step in steps):
        assert [(t.before, t.after) for t in found] == [(t.before, t.after) for t in expected]
    assert found[-1].whole
    assert final == found[-1].after


def test_sent__again__from_the_same_block(anvil: Anvil) -> None:
    steps, _ = drawn("thin", seed=3, length=24)
    sent = Sent()

    with Attached(anvil.url) as chain:
        world = World.build(chain, "thin")
        first = run(world, [], steps, world.start, through=sent)
        second = run(world, [], steps[:12], world.start, through=sent)
        third = run(world, [], steps, world.start, through=sent)
        final = world.protocol.snapshot()

    assert sent.unlike == 0 and len(sent.runs) == 3
    assert [t.after for t in first] == [t.after for t in third]
    assert final == third[-1].after != second[-1].after


def test_send__order_and_blocks__as_told(anvil: Anvil) -> None:
    steps, _ = drawn("thin", seed=3, length=24)

    with Attached(anvil.url) as chain:
        world = World.build(chain, "thin")
        run(world, [], steps, world.start, through=Sent())
        blocks = [
            chain.rpc.call("eth_getBlockByNumber", hex(number), True)
            for number in range(world.block + 1, int(chain.rpc.call("eth_blockNumber"), 16) + 1)
        ]

    told: list[tuple[int, int, list[str]]] = [(world.time + 1, world.base_fee, [])]
    for step in steps:
        if step.wait:
            last = told[-1]
            told.append((last[0] + step.wait, last[1] if step.base_fee is None else step.base_fee, []))
        told[-1][2].extend("0x" + one.data.hex() for one in step.calls)
    assert [
        (
            int(one["timestamp"], 16),
            int(one["baseFeePerGas"], 16),
            [sent["input"] for sent in one["transactions"]],
        )
        for one in blocks
    ] == told
    assert any(len(one["transactions"]) > 1 for one in blocks)


def test_send__fees__each_pays_its_own_and_order_stays(anvil: Anvil) -> None:
    alice, bob, carol = anvil.accounts[:3]
    calls = [
        Call(to=carol, data=b"", sender=alice, value=1, priority_fee=1),
        Call(to=carol, data=b"", sender=bob, value=2, priority_fee=50, max_fee=130),
        Call(to=carol, data=b"", sender=alice, value=3, priority_fee=99),
    ]
    head = anvil.rpc.call("eth_getBlockByNumber", "latest", False)
    now = int(head["timestamp"], 16)

    send(anvil.rpc, [Block(calls, time=now + 5, base_fee=100)], int(head["number"], 16))

    mined = anvil.rpc.call("eth_getBlockByNumber", "latest", True)["transactions"]
    paid = [anvil.rpc.call("eth_getTransactionReceipt", one["hash"])["effectiveGasPrice"] for one in mined]
    assert [int(one["value"], 16) for one in mined] == [1, 2, 3]
    assert [int(price, 16) for price in paid] == [101, 130, 199]


def test_send__what_a_chain_cannot_do__chain_error(anvil: Anvil) -> None:
    rpc, now = anvil.rpc, int(anvil.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    call = Call(to=READER, data=b"", sender=anvil.accounts[0], max_fee=5)

    with pytest.raises(ChainError, match="begins on block 7, the chain is at 0"):
        send(rpc, [Block([], time=now + 1)], 7)
    with pytest.raises(ChainError, match="the next number"):
        send(rpc, [Block([], time=now + 1, number=2)], 0)
    with pytest.raises(ChainError, match="a fee cap of 5 wei is under the base fee, 9 wei"):
        send(rpc, [Block([call], time=now + 1, base_fee=9)], 0)
    assert rpc.call("anvil_getAutomine") is True


# replay_on


def test_replay_on__running_anvil__violated_and_left_there(
    folder: Path, failure: Failure, anvil: Anvil
) -> None:
    code, text = said(folder, anvil.url)
    plain = re.sub(r" +", " ", text)

    assert code == VIOLATED
    assert f"VIOLATED: INV-195 peace: {failure.wrong}" in text
    for number, (step, outcome) in enumerate(zip(failure.steps, failure.outcomes, strict=True), 1):
        assert f" {number} {step.action} {step.text[-1]} -> {outcome}" in plain
    assert "BUT" not in text and "when it was found" not in text

    protocol = look(anvil.url, str(folder / "deployment.json"))
    [account] = re.findall(r"account (\d+) is for sale", failure.wrong)
    assert protocol.accounts([int(account)])[0].auction is not None
    assert f"ape run status --rpc {anvil.url} --deployment " in text
    assert protocol.ledger.address in text
    assert anvil.rpc.call("anvil_getAutomine") is True


def test_replay_on__explored__transactions_still_work(folder: Path, anvil: Anvil) -> None:
    said(folder, anvil.url)
    protocol = look(anvil.url, str(folder / "deployment.json"))
    account, before = protocol.accounts()[-1], protocol.system().time

    protocol.ledger.send("deposit", account.id, 0, 5, sender=account.owner)

    assert protocol.system().time == before + 1
    first, last = (
        anvil.rpc.call("eth_getBlockByNumber", which, False)["gasLimit"] for which in ("0x0", "latest")
    )
    assert first == last


def test_replay_on__mended__zero(folder: Path, anvil: Anvil) -> None:
    (folder / "peace.py").write_text(PEACE.replace("unless(False", "unless(True"))

    code, text = said(folder, anvil.url)

    assert code == 0
    assert "Every invariant holds" in text


def test_replay_on__other_outcome_than_when_found__told(folder: Path, anvil: Anvil) -> None:
    data = data_of(folder)
    plain = json.loads(data.read_text())
    plain["outcomes"][0] = "NotOwner(who=3)"
    data.write_text(json.dumps(plain))

    assert "(when it was found: NotOwner(who=3))" in said(folder, anvil.url)[1]


def test_replay_on__chain_disagrees__broken(
    folder: Path, anvil: Anvil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(rpc: Rpc, blocks: list[Block], block: int | str) -> list[list[Result]]:
        found = send(rpc, blocks, block)
        for calls, results in zip((one.calls for one in blocks), found, strict=True):
            for place, call in enumerate(calls):
                if call.sender != READER:
                    results[place] = replace(results[place], logs=[])
                    return found
        raise AssertionError

    monkeypatch.setattr("holdfast.fuzz.replay.send", other)
    code, text = said(folder, anvil.url)

    assert code == BROKEN
    assert "BROKEN: 1 answers of the chain differ" in text
    assert "BUT the simulation says done, or other events" in text


@pytest.mark.parametrize(
    "options",
    [{"accounts": 3}, {"gas_limit": 60_000_000, "hardfork": "osaka"}, {"base_fee": 10**12}],
    ids=["three_accounts", "osaka", "dear"],
)
def test_replay_on__other_options__same(folder: Path, options: dict[str, object]) -> None:
    with Anvil(**options) as chain:  # type: ignore[arg-type]
        assert said(folder, chain.url)[0] == VIOLATED


REFUSED: Final = {
    "isn't fresh (block 1, ": {},
    "has accounts of its own": {"mnemonic": "abandon " * 11 + "about"},
    "is chain 7, orders were signed for 31337": {"chain_id": 7},
    "isn't fresh (block 0, time 1999999999)": {"timestamp": 1_999_999_999},
}


@pytest.mark.parametrize("told", REFUSED)
def test_replay_on__unfit_chain__one_line(
    told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Anvil(**REFUSED[told]) as chain:  # type: ignore[arg-type]
        if not REFUSED[told]:
            chain.rpc.call("evm_mine")
        with pytest.raises(SystemExit) as ended:
            cli([str(folder), "--rpc", chain.url])

    captured = capsys.readouterr()
    assert ended.value.code == BROKEN
    assert told in captured.err
    assert captured.err.count("\n") == 1 and captured.out == ""


def test_replay_on__nobody_there__one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SystemExit) as ended:
            cli([str(folder), "--rpc", url])

    assert ended.value.code == BROKEN
    assert capsys.readouterr().err == (
        f"Error: no node answers at {url}: start an Anvil, or leave out --rpc\n"
    )


def test_replay_on__pair__all_ways_sent(
    anvil: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(trial: pairs.Trial) -> Iterator[str | None]:
        yield "nothing is ever the same" if len(trial.fork.branch.steps) > 10 else None

    plan = next(one for one in pairs.PAIRS if one.name == "order_of_accrual").plan
    unlucky = pairs.Pair("INV-97", "unlucky", "All is the same.", plan, judge)
    monkeypatch.setattr("holdfast.sim.pairs.campaign.PAIRS", [unlucky])
    with World.open("local") as world:
        found = pairs.play(world, replace(FALLS[0], length=24), Tally(), [unlucky])
    assert found is not None and len(found.branches) == 3
    folder = write(found, tmp_path, machine="pairs")

    code, text = said(folder, anvil.url)
    test = data_of(folder).with_suffix(".py").read_text()

    assert code == VIOLATED, text
    assert [f"and then, {one.name}:" in text for one in found.branches] == [True] * 3
    assert test.index("Here the ways part") < test.index(f"story.step({found.fork + 1},")
    with Story.open(data_of(folder)) as story:
        for number, step in enumerate(found.steps, 1):
            if number != 3:
                story.step(number, step.action)
        told = story.failure
        assert isinstance(told, pairs.PairFailure) and told.fork == found.fork - 1
        assert story.play() is not None


def test_script__no_rpc__own_anvil_until_ctrl_c(folder: Path, failure: Failure) -> None:
    script = subprocess.Popen(
        [sys.executable, "-u", str(folder / "replay.py")],
        stdout=subprocess.PIPE, text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert script.stdout is not None
    lines: list[str] = []
    while not lines or "until Ctrl-C" not in lines[-1]:
        lines.append(script.stdout.readline())
        assert lines[-1], "".join(lines)
    [url] = set(re.findall(r"http://127\.0\.0\.1:\d+", "".join(lines)))
    protocol = look(url, str(folder / "deployment.json"))
    assert isinstance(protocol, Protocol) and protocol.system().accounts >= 10

    script.send_signal(signal.SIGINT)

    assert script.wait(20) == VIOLATED
    with pytest.raises(ChainError):
        Rpc(url).call("eth_chainId")


def test_replay__steps_of_a_saved_failure__as_found(folder: Path, failure: Failure) -> None:
    saved = load(folder)
    with World.open("thin") as world:
        found = replay(world, saved.steps)

    assert found is not None and found.wrong == failure.wrong
