"""A small market on a real chain for the tests of senders, loops and commands: one long, one short, ether at 2,000.

`fall` brings the long below maintenance. Blocks come when a test says so, at its time and base fee.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from holdfast.chain.anvil import Anvil
from holdfast.chain.binaries import PROJECT
from holdfast.chain.config import load_config
from holdfast.chain.deploy import deploy
from holdfast.chain.protocol import Protocol
from holdfast.model.venue import Order
from holdfast.types import SETTLEMENT, Account, Mode
from holdfast.units import WAD

GENESIS = 1_700_000_000
GWEI = 10**9
PUSHER, LIQUIDATOR, BIDDER = 0, 3, 4
LONG, SHORT, RELAYER = 5, 6, 7
GAS = 3_000_000


class Scene:
    def __init__(self, anvil: Anvil, record: Path) -> None:
        self.anvil, self.rpc, self.record = anvil, anvil.rpc, record
        self.rpc.call("anvil_setBlockTimestampInterval", 1)
        self.protocol = Protocol(self.rpc, deploy(self.rpc, load_config("local"), path=record))
        self.eth = self.protocol.instruments["ETH-PERP"]
        self.long = self._trader(LONG, Mode.ISOLATED, 12_000)
        self.short = self._trader(SHORT, Mode.CROSS, 200_000)
        self.trade(50)
        self.rpc.call("evm_setAutomine", False)

    def key(self, number: int) -> LocalAccount:
        return self.anvil.signer(number)

    def address(self, number: int) -> str:
        return str(self.anvil.accounts[number])

    @property
    def now(self) -> int:
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def mine(self, seconds: int = 12, gwei: float = 10) -> int:
        """The next block, with what is waiting; returns its number."""
        self.rpc.call("anvil_setNextBlockTimestamp", self.now + seconds)
        self.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(int(gwei * GWEI)))
        self.rpc.call("evm_mine")
        return int(self.rpc.call("eth_blockNumber"), 16)

    def at_once(self, action: Callable[[], Any]) -> Any:
        """Each of its transactions in a block of its own."""
        self.rpc.call("evm_setAutomine", True)
        try:
            return action()
        finally:
            self.rpc.call("evm_setAutomine", False)

    def fall(self, price: float) -> None:
        """Ether is at `price` now, and everybody knows."""
        self.at_once(lambda: self.protocol.set_price(1, int(price * WAD)))

    def trade(self, size: float, price: int = 2_000) -> None:
        orders = [
            Order(
                account=account,
                signer=self.address(number),
                instrument=self.eth,
                size_wad=int(sign * size * WAD),
                limit_price_wad=price * WAD,
                nonce=self.now,
            )
            for number, account, sign in ((SHORT, self.short, -1), (LONG, self.long, 1))
        ]
        maker, taker = (
            self.protocol.sign(order, self.key(n)) for order, n in zip(orders, (SHORT, LONG), strict=True)
        )
        self.protocol.venue.send(
            "matchOrders",
            maker.order.members(),
            maker.signature,
            taker.order.members(),
            taker.signature,
            int(size * WAD),
            sender=self.address(RELAYER),
            gas=GAS,
        )

    def look(self, account: int) -> Account:
        return self.protocol.accounts([account])[0]

    def nonce(self, number: int, when: str = "pending") -> int:
        return int(self.rpc.call("eth_getTransactionCount", self.address(number), when), 16)

    def _trader(self, number: int, mode: Mode, cash: int) -> int:
        account = self.protocol.open_account(self.address(number), mode)
        self.protocol.fund(self.address(number), account, SETTLEMENT, cash * 10**6)
        return account


@contextmanager
def stage(folder: Path) -> Iterator[Scene]:
    with Anvil(timestamp=GENESIS) as anvil:
        yield Scene(anvil, folder / "31337.json")


class Process:
    """A keeper as an operator runs it."""

    def __init__(
        self, folder: Path, role: str, url: str, record: Path, *options: str, stdin: int = subprocess.DEVNULL
    ) -> None:
        self.told, self.log = folder / f"{role}.jsonl", folder / f"{role}.log"
        command = [
            sys.executable,
            "-m",
            "holdfast.cli.keeper",
            role,
            "--rpc",
            url,
            "--deployment",
            str(record),
        ]
        command += ["--record", str(self.told), "--interval", "0.02", *options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=stdin, bufsize=0, stdout=log, stderr=log, cwd=PROJECT
            )

    def entries(self) -> list[dict[str, Any]]:
        text = self.told.read_text() if self.told.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def until(self, holds: Callable[[], Any], seconds: float = 30) -> None:
        """Waits until that is so; shows what the keeper said where it never is."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.log.read_text()
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def saw(self, block: int) -> bool:
        return any(entry.get("block", -1) >= block for entry in self.entries())

    def signal(self, number: int) -> tuple[int, float]:
        """Its exit code, and how long it took to end [seconds]."""
        began = time.monotonic()
        os.kill(self._process.pid, number)
        code = self._process.wait(timeout=20)
        return code, time.monotonic() - began

    def step(self) -> None:
        """A line on its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")

    def ends(self) -> int:
        """Its exit code once no more lines can come."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(timeout=20)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
