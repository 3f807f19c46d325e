"""A local chain of our own: one Anvil process on a free loopback port."""

from __future__ import annotations

import atexit
import ctypes
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from eth_account import Account
from eth_account.signers.local import LocalAccount

from holdfast.chain.abi import as_address
from holdfast.chain.binaries import native
from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError, ConfigError

HARDFORK: Final = "prague"
"""The rules of the local chain. Explicit, since Anvil's default moves between releases."""

MNEMONIC: Final = "test test test test test test test test test test test junk"
"""Anvil's well-known test phrase: its accounts are for local chains only."""

START_SECONDS: Final = 20.0

POOL_SECONDS: Final = 1.0
"""How long `revert` waits for the pool before it drops what is still there."""


class Anvil:
    """Starts Anvil on entering, ends it on leaving, on Ctrl-C and when Python exits.

        with Anvil() as chain:
            chain.rpc.call("eth_blockNumber")

    `start` and `stop` do the same without a `with`. Blocks are mined one for each transaction, without a clock.
    """

    def __init__(
        self,
        *,
        accounts: int = 10,
        balance: int = 1_000_000,  # [ether] for each account
        mnemonic: str = MNEMONIC,
        hardfork: str = HARDFORK,
        chain_id: int = 31337,
        timestamp: int | None = None,  # [seconds] of the first block; None: now
        base_fee: int | None = None,  # [wei] of the first block; None: Anvil's 1 gwei
        gas_limit: int | None = None,  # [gas] of a block; None: Anvil's 30M
        unlimited_code: bool = False,  # True lifts the 24,576 byte limit
        block_time: int | None = None,  # [seconds] between blocks; None: a block for each transaction
        extra: tuple[str, ...] = (),  # further command line options
    ) -> None:
        self.mnemonic = mnemonic
        self._size = accounts
        options: dict[str, object] = {
            "--host": "127.0.0.1",
            "--accounts": accounts,
            "--balance": balance,
            "--mnemonic": mnemonic,
            "--hardfork": hardfork,
            "--chain-id": chain_id,
            "--timestamp": timestamp,
            "--block-base-fee-per-gas": base_fee,
            "--gas-limit": gas_limit,
            "--block-time": block_time,
        }
        self._command = [
            *(word for name, value in options.items() if value is not None for word in (name, str(value))),
            *(["--disable-code-size-limit"] if unlimited_code else []),
            "--no-request-size-limit",
            # States of old blocks are not written to disk: gigabytes of them would stay in the home folder.
            *([] if "--prune-history" in extra else ["--max-persisted-states", "0"]),
            *extra,
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._rpc: Rpc | None = None

    @property
    def rpc(self) -> Rpc:
        """The running chain's JSON-RPC interface. ChainError before `start`."""
        if self._rpc is None:
            raise ChainError("this Anvil isn't running")
        return self._rpc

    @property
    def url(self) -> str:
        return self.rpc.url

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ChainError("this Anvil isn't running")
        return self._process.pid

    @property
    def accounts(self) -> list[str]:
        """The unlocked addresses, checksummed; each may be a `sender`."""
        return [as_address(address) for address in self.rpc.call("eth_accounts")]

    def signer(self, index: int) -> LocalAccount:
        """The key of account `index`, for what must be signed here and not by the node."""
        Account.enable_unaudited_hdwallet_features()
        return Account.from_mnemonic(self.mnemonic, account_path=f"m/44'/60'/0'/0/{index}")

    def start(self) -> Self:
        """Returns when the chain answers. ConfigError where it can't be started."""
        program = str(native("anvil"))
        for _ in range(3):  # between finding a free port and using it another program may take it
            port = _free_port()
            process = subprocess.Popen(
                [program, "--port", str(port), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                preexec_fn=follow_parent(),
            )
            self._process = process
            atexit.register(self.stop)
            if _answers(process, port):
                self._rpc = Rpc(f"http://127.0.0.1:{port}")
                return self
            reason = (
                process.communicate()[1].decode(errors="replace").strip()
                if process.poll() is not None
                else ""
            )
            self.stop()
            if "in use" not in reason.lower():
                break
        raise ConfigError(f"anvil didn't start: {reason or f'no answer in {START_SECONDS:g} seconds'}")

    def stop(self) -> None:
        """Ends the process that this object started; harmless when there is none."""
        atexit.unregister(self.stop)
        if self._rpc is not None:
            self._rpc.close()
        process, self._process, self._rpc = self._process, None, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def revert(rpc: Rpc, snapshot: str) -> None:
    """Back to an `evm_snapshot`. Waits for the pool to let go of what was mined, which it does a moment later: else the
    node may mine it once more on the other side."""
    deadline = time.monotonic() + POOL_SECONDS
    while any(int(count, 16) for count in rpc.call("txpool_status").values()):
        if time.monotonic() > deadline:
            rpc.call("anvil_dropAllTransactions")
            break
        time.sleep(0.001)
    rpc.call("evm_revert", snapshot)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Waits until the port accepts connections; False when the process ended first or time is up."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return process.poll() is None
    return False


def follow_parent() -> Callable[[], None] | None:
    """On Linux: the child ends when we do, even when we are killed. Elsewhere `atexit` has to do.

    The kernel means the thread that started the child, so this holds only for the main thread.
    """
    if not sys.platform.startswith("linux") or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG
