"""Loop, and keepers as processes
├── a cycle for each new block, none without one
├── stepped                        a look for each step, and no rest in between; ends with them
├── roles on a real chain
│   ├── price pusher brings the price in, then rests
│   ├── liquidator starts what fell, then rests
│   └── bidder takes a slice, then unloads it
├── errors
│   ├── the node is lost           -> waits longer each time, goes on afterwards
│   ├── a bug                      -> recorded with its traceback, tried again
│   └── with --once                -> raised
├── processes
│   ├── Ctrl-C, SIGTERM            -> end within two seconds, with code 0: at rest, waiting for a lost node,
│   │                                 and while a node doesn't answer
│   ├── proxy gone and back        -> goes on
│   ├── killed and started again   -> needs nothing, repeats nothing
│   └── stepped                    -> a look for each line; ends when no more can come
└── backoff                        doubles up to a bound, scattered
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import ConnectionLost
from holdfast.keepers import bidder, liquidator, price_pusher
from holdfast.keepers.loop import LONGEST_PAUSE_SECONDS, Loop, Stopped, backoff_seconds
from holdfast.keepers.orders import dump
from holdfast.keepers.prices import FixedPrices
from holdfast.keepers.record import Recorder
from holdfast.keepers.roles import Bidder, Liquidator, PricePusher, margin_account
from holdfast.keepers.sender import Sender
from holdfast.model.venue import Order
from holdfast.types import perpetual
from holdfast.units import WAD
from tests.keepers.scene import BIDDER, GWEI, LIQUIDATOR, PUSHER, SHORT, Process, Scene


class Idle:
    """A role that wants nothing, or fails."""

    name = "idle"

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    def accounts(self, block: int) -> tuple[int, ...]:
        return ()

    def decide(self, snapshot: Any) -> list[Any]:
        if self.failures:
            raise self.failures.pop(0)
        return []

    def income_wad(self, mined: Any) -> int:
        return 0

    def tell(self, snapshot: Any) -> str:
        return "idle"

    def ether_wad(self, snapshot: Any) -> int:
        return WAD


def loop(
    scene: Scene,
    role: Any,
    tmp_path: Path,
    number: int = LIQUIDATOR,
    steps: Iterable[object] | None = None,
) -> Loop:
    return Loop(
        scene.rpc,
        lambda block: scene.protocol.snapshot(block=block),
        role,
        Sender(scene.protocol, scene.key(number), tip=GWEI),
        Recorder(tmp_path / "record.jsonl", role.name),
        interval_seconds=0.001,
        steps=steps,
        rng=random.Random(1),
    )


def kinds(tmp_path: Path) -> list[list[str]]:
    """What was tried in each cycle."""
    return [[attempt["kind"] for attempt in entry["attempts"]] for entry in told(tmp_path)]


def told(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines()]


def test_run__no_new_block__no_new_cycle(scene: Scene, tmp_path: Path) -> None:
    keeper = loop(scene, Idle(), tmp_path)
    for _ in range(3):
        keeper.run(once=True)
    assert keeper.cycles == 1

    scene.mine()
    keeper.run(once=True)
    assert keeper.cycles == 2


def test_run__stepped__looks_when_it_is_told_to(scene: Scene, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"it rested for {seconds} s"))
    blocks = []

    def steps() -> Iterator[None]:
        for _ in range(3):
            scene.mine()  # nobody looks at this one
            blocks.append(scene.mine())
            yield

    loop(scene, Idle(), tmp_path, steps=steps()).run()
    assert [entry["block"] for entry in told(tmp_path)] == blocks


def test_price_pusher__brings_the_price_in_and_rests(scene: Scene, tmp_path: Path) -> None:
    source = FixedPrices({"ETH": 1_950 * WAD, "BTC": 60_000 * WAD})
    role = PricePusher(scene.protocol, scene.key(PUSHER), source, price_pusher.Policy(), 1)
    keeper = loop(scene, role, tmp_path, PUSHER)
    for _ in range(3):
        scene.mine()
        keeper.run(once=True)

    assert kinds(tmp_path) == [["SetPrice", "Poke"], [], []]
    assert scene.protocol.oracle.call("priceOf", 1).spotWad == 1_950 * WAD
    assert told(tmp_path)[1]["profit_wad"] < 0  # somebody has to pay for it


def test_liquidator__starts_what_fell_and_rests(scene: Scene, tmp_path: Path) -> None:
    scene.fall(1_840)
    reward = scene.at_once(lambda: margin_account(scene.protocol, scene.key(LIQUIDATOR)))
    role = Liquidator(scene.protocol, liquidator.Policy(reward_account=reward, ether_underlying=1))
    keeper = loop(scene, role, tmp_path)
    for _ in range(3):
        scene.mine()
        keeper.run(once=True)

    assert kinds(tmp_path) == [["Start"], [], []]
    mined = told(tmp_path)[1]["mined"][0]
    assert (mined["kind"], mined["status"]) == ("Start", 1)
    assert mined["income_wad"] == scene.look(reward).cash_wad > 0
    assert told(tmp_path)[1]["profit_wad"] == mined["income_wad"] - mined["cost_wad"]


def test_bidder__takes_a_slice_and_unloads_it(scene: Scene, tmp_path: Path) -> None:
    scene.fall(1_840)
    own = scene.at_once(lambda: margin_account(scene.protocol, scene.key(BIDDER), deposit=100_000 * 10**6))
    scene.at_once(
        lambda: scene.protocol.liquidation.send(
            "start", scene.long, own, sender=scene.address(LIQUIDATOR), gas=2_000_000
        )
    )
    book = tmp_path / "orders.jsonl"
    order = Order(
        account=scene.short,
        signer=scene.address(SHORT),
        instrument=perpetual(1),
        size_wad=40 * WAD,
        limit_price_wad=1_838 * WAD,
        nonce=7,
    )
    dump([scene.protocol.sign(order, scene.key(SHORT))], book)
    policy = bidder.Policy(taker=own, signer=scene.address(BIDDER), ether_underlying=1)
    keeper = loop(scene, Bidder(scene.protocol, policy, book, multiple=0.0), tmp_path, BIDDER)
    for seconds in (60, 12, 12, 12):
        scene.mine(seconds)
        keeper.run(once=True)

    assert kinds(tmp_path) == [["Take"], ["Trade"], [], []]
    assert all(done["status"] == 1 for entry in told(tmp_path) for done in entry["mined"])
    assert scene.look(own).positions == ()
    assert scene.look(scene.long).auction is None and scene.look(scene.long).healthy
    assert keeper.profit_wad > 0


def test_run__lost__goes_on_afterwards(scene: Scene, tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    keeper = loop(scene, Idle(ConnectionLost("gone"), ConnectionLost("gone")), tmp_path)
    stop_after(keeper, 4, monkeypatch)
    with pytest.raises(Stopped):
        keeper.run()

    entries = told(tmp_path)
    assert [entry.get("lost") for entry in entries] == ["gone", "gone", None]
    assert "back after" in capsys.readouterr().err


def test_run__a_bug__is_recorded_and_tried_again(scene: Scene, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    keeper = loop(scene, Idle(KeyError("a bug")), tmp_path)
    stop_after(keeper, 3, monkeypatch)
    with pytest.raises(Stopped):
        keeper.run()

    first, second = told(tmp_path)
    assert first["error"] == "KeyError: 'a bug'" and "Traceback" in first["traceback"]
    assert second["attempts"] == []


def test_run__once_and_lost__raises(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(ConnectionLost):
        loop(scene, Idle(ConnectionLost("gone")), tmp_path).run(once=True)


def stop_after(keeper: Loop, pauses: int, monkeypatch: Any) -> None:
    """Somebody stops it at its so-manieth rest."""
    seen: list[float] = []

    def rest(seconds: float) -> None:
        seen.append(seconds)
        if len(seen) == pauses:
            raise Stopped

    monkeypatch.setattr(time, "sleep", rest)


def test_backoff__doubles_up_to_a_bound() -> None:
    for failures, longest in ((1, 0.25), (2, 0.5), (4, 2.0), (8, 30.0), (10_000, LONGEST_PAUSE_SECONDS)):
        pauses = [backoff_seconds(failures, random.Random(seed)) for seed in range(50)]
        assert longest / 2 <= min(pauses) <= max(pauses) <= longest
        assert len(set(pauses)) > 40  # scattered


# Processes


def soon() -> float:
    """Two seconds; more on a machine that has more to do than it has processors."""
    crowd = os.getloadavg()[0] / (os.cpu_count() or 1)
    return 2.0 + 0.5 * max(0.0, crowd - 1)


class Gate:
    """A TCP proxy in front of a node: open, shut (connections are refused), or deaf (nothing is answered)."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener: socket.socket | None = None
        self._pairs: list[socket.socket] = []
        self.deaf = False
        self.open()
        assert self._listener is not None
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", getattr(self, "port", 0)))
        listener.listen()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._listener = None
        for pair in self._pairs:
            with suppress(OSError):
                pair.shutdown(socket.SHUT_RDWR)
            pair.close()
        self._pairs = []

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if not self.deaf:
                    sink.sendall(data)
        except OSError:
            pass


@pytest.fixture
def gate(scene: Scene) -> Iterator[Gate]:
    gate = Gate(int(scene.anvil.url.rsplit(":", 1)[1]))
    yield gate
    gate.shut()


@pytest.fixture
def watcher(scene: Scene, gate: Gate, tmp_path: Path) -> Iterator[Process]:
    """A liquidator behind the gate that has seen the newest block."""
    reward = scene.at_once(lambda: margin_account(scene.protocol, scene.key(LIQUIDATOR)))
    options = ("--account", str(LIQUIDATOR), "--margin-account", str(reward))
    process = Process(tmp_path, "liquidator", gate.url, scene.record, *options)
    block = scene.mine()
    try:
        process.until(lambda: process.saw(block))
        yield process
    finally:
        process.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process__asked_to_end__ends_soon_and_cleanly(watcher: Process, number: int) -> None:
    code, seconds = watcher.signal(number)
    assert code == 0 and seconds < soon()
    assert "ended after" in watcher.log.read_text().splitlines()[-1]
    assert "Traceback" not in watcher.log.read_text()


def test_process__asked_to_end_while_the_node_is_lost__ends_soon(watcher: Process, gate: Gate) -> None:
    gate.shut()
    watcher.until(lambda: "attempt 3" in watcher.log.read_text())
    code, seconds = watcher.signal(signal.SIGTERM)
    assert code == 0 and seconds < soon()


def test_process__asked_to_end_while_the_node_is_silent__ends_soon(watcher: Process, gate: Gate) -> None:
    gate.deaf = True
    time.sleep(0.3)  # it waits for an answer now
    code, seconds = watcher.signal(signal.SIGTERM)
    assert code == 0 and seconds < soon()


def test_process__node_lost_and_back__goes_on(scene: Scene, watcher: Process, gate: Gate) -> None:
    gate.shut()
    watcher.until(lambda: "attempt 2" in watcher.log.read_text())
    scene.fall(1_840)
    gate.open()
    block = scene.mine()

    watcher.until(lambda: watcher.saw(block))
    assert "back after" in watcher.log.read_text()
    watcher.until(lambda: scene.nonce(LIQUIDATOR) > scene.nonce(LIQUIDATOR, "latest"))
    scene.mine()
    assert scene.look(scene.long).auction is not None


def test_process__killed_and_started_again__needs_nothing(
    scene: Scene, gate: Gate, watcher: Process, tmp_path: Path
) -> None:
    scene.fall(1_840)
    scene.mine()
    watcher.until(lambda: scene.nonce(LIQUIDATOR) > scene.nonce(LIQUIDATOR, "latest"))
    watcher.signal(signal.SIGKILL)  # its transaction is on its way, and nobody remembers

    again = Process(tmp_path, "liquidator", gate.url, scene.record, "--account", str(LIQUIDATOR))
    try:
        block = scene.mine()
        assert scene.look(scene.long).auction is not None
        again.until(lambda: again.saw(block))
        sent = scene.nonce(LIQUIDATOR)
        block = scene.mine()
        again.until(lambda: again.saw(block))
        assert scene.nonce(LIQUIDATOR) == sent  # nothing is done twice
        code, _ = again.signal(signal.SIGTERM)
        assert code == 0
    finally:
        again.close()


def test_process__stepped__looks_when_a_line_comes_and_ends_with_them(scene: Scene, tmp_path: Path) -> None:
    scene.at_once(lambda: margin_account(scene.protocol, scene.key(LIQUIDATOR)))
    options = ("--account", str(LIQUIDATOR), "--stepped")
    process = Process(tmp_path, "liquidator", scene.rpc.url, scene.record, *options, stdin=subprocess.PIPE)
    try:
        process.until(lambda: "on chain" in process.log.read_text())
        scene.mine()
        block = scene.mine()
        assert not process.entries()  # it would have looked at the first: it is told an interval, too
        process.step()
        process.until(lambda: process.saw(block))
        assert [entry["block"] for entry in process.entries()] == [block]
        assert process.ends() == 0
        assert "ended after 1 cycles" in process.log.read_text().splitlines()[-1]
    finally:
        process.close()
