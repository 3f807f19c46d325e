"""open_database
├── a folder                    -> keeps failures over processes, in an order of its own; drops them
├── "none"                      -> forgets
├── what can't be read          -> is left where it is
├── another scheme              -> ConfigError
└── Redis
    ├── nobody answers          -> ConfigError
    └── a real one              -> shared: what one machine saves the other one plays, once the local folder is another
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis.database import DirectoryBasedExampleDatabase

from holdfast.errors import ConfigError
from holdfast.fuzz import database
from holdfast.fuzz.database import KEY, open_database
from holdfast.sim.failure import Failure, failure_of
from holdfast.sim.history import Call
from holdfast.sim.steps import Step

SERVER = shutil.which("redis-server")

STEP = Step(
    action="deposit",
    calls=(Call(to="0x" + "11" * 20, data=b"\x01\x02", sender="0x" + "22" * 20),),
    text=("owner 1: Ledger.deposit(1)",),
    wait=7,
    facts={"asset": 1, "hash": b"\x05"},
    accounts=frozenset({3}),
)


def failing(invariant: str = "INV-01", wait: int = 7) -> Failure:
    return Failure(
        invariant=invariant, name="solvent", wrong="1 > 0", world="local", profile=None, steps=(STEP,) * wait
    )


def test_folder__saved__again(tmp_path: Path) -> None:
    where = str(tmp_path / "examples")
    open_database(where).save("markets", failing("INV-02"))
    open_database(where).save("markets", failing("INV-01"))
    open_database(where).save("markets", failing("INV-01"))

    found = open_database(where).saved()
    assert [(one.machine, one.invariant) for one in found] == [("markets", "INV-01"), ("markets", "INV-02")]
    assert failure_of(found[0].plain) == failing("INV-01")
    assert str(found[0]) == "INV-01 of machine markets, 7 steps"

    open_database(where).drop(found[0])
    assert [one.invariant for one in open_database(where).saved()] == ["INV-02"]


def test_none__forgets() -> None:
    failures = open_database("none")
    failures.save("markets", failing())

    assert len(failures.saved()) == 1
    assert open_database("none").saved() == []


def test_folder__unreadable__left(tmp_path: Path) -> None:
    raw = DirectoryBasedExampleDatabase(tmp_path)
    raw.save(KEY, b"not JSON")
    raw.save(KEY, b'{"machine": "markets"}')

    assert open_database(str(tmp_path)).saved() == []
    assert len(set(raw.fetch(KEY))) == 2


def test_scheme__unknown__refused() -> None:
    with pytest.raises(ConfigError, match="http://x: not a folder"):
        open_database("http://x")


def test_redis__nobody__refused() -> None:
    pytest.importorskip("redis", reason="the extra `cluster` isn't installed")
    with pytest.raises(ConfigError, match=r"no Redis answers at redis://127\.0\.0\.1:1/0"):
        open_database("redis://127.0.0.1:1/0")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """A server of its own on a free loopback port; nothing is written to disk."""
    pytest.importorskip("redis", reason="the extra `cluster` isn't installed")
    if SERVER is None:
        pytest.skip("no redis-server here (Debian: apt-get install redis-server)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [SERVER, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_redis__two_machines__share(redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "FOLDER", tmp_path / "one")
    one = open_database(redis)
    one.save("markets", failing())
    assert one.shared

    monkeypatch.setattr(database, "FOLDER", tmp_path / "other")
    [saved] = open_database(redis).saved()
    assert failure_of(saved.plain) == failing()

    open_database(redis).drop(saved)
    assert open_database(redis).saved() == []
