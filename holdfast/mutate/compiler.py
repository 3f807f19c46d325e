"""The Solidity compiler as a function: loaded once, then asked as often as it takes.

    with Compiler() as compiler:
        output = compiler.compile(sources, LEGACY, {"contracts/vault/Vault.sol": {"Vault": CODE}})

npm's wasm build stays loaded in a process of its own (`tools/solc/service.cjs`). Where a native compiler of the version
is there (HOLDFAST_SOLC names it, or py-solc-x installed it), it is used instead.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from holdfast.chain.environment import PROJECT
from holdfast.mutate.errors import CompileError, MutationError

SERVICE: Final = PROJECT / "tools" / "solc" / "service.cjs"
INSTALLED: Final = Path.home() / ".solcx" / "solc-v0.8.37"

CODE: Final = ("abi", "evm.bytecode.object", "evm.deployedBytecode.object")

_PLAIN: Final = {
    "evmVersion": "cancun",
    # Equal code must be equal bytes, whatever source it came from.
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
}
LEGACY: Final[Mapping[str, Any]] = {
    **_PLAIN,
    "viaIR": False,
    "optimizer": {"enabled": True, "runs": 200},
}
"""Four to six times faster than VIA_IR, and dearer in gas; not every contract compiles."""

VIA_IR: Final[Mapping[str, Any]] = {**_PLAIN, "viaIR": True, "optimizer": {"enabled": True, "runs": 200}}

RELEASE: Final[Mapping[str, Any]] = {
    **_PLAIN,
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 1_000_000},
}
"""As `make build` compiles (ape-config.yaml), but for the metadata at the end."""

Selection = Mapping[str, Mapping[str, Sequence[str]]]


class Compiler:
    """One compiler process; one thread at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._native = _native()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def compile(self, sources: Mapping[str, str], settings: Mapping[str, Any], select: Selection) -> Any:
        """The standard JSON answer. CompileError where the sources don't compile."""
        question = {
            "language": "Solidity",
            "sources": {unit: {"content": text} for unit, text in sources.items()},
            "settings": {**settings, "outputSelection": select},
        }
        answer = json.loads(self._ask(json.dumps(question).encode()))
        for error in answer.get("errors", ()):
            if error["severity"] == "error":
                place = error.get("sourceLocation", {}).get("file", "")
                raise CompileError(" ".join(f"{place}: {error['message']}".split())[:300])
        return answer

    def _ask(self, question: bytes) -> bytes:
        if self._native is not None:
            return subprocess.run(
                [self._native, "--standard-json"], input=question, capture_output=True, check=True
            ).stdout
        process = self._process = self._process or _start()
        assert process.stdin is not None and process.stdout is not None
        answer = b""
        try:
            process.stdin.write(question + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            pass
        finally:
            if not answer:  # what still comes would be taken for the next question's
                self.close()
        if not answer:
            raise MutationError("the compiler ended without an answer: run `make setup`")
        return answer


def _native() -> str | None:
    """As tools/solc/solc-v… chooses."""
    for path in (os.environ.get("HOLDFAST_SOLC", ""), str(INSTALLED)):
        if path and os.access(path, os.X_OK):
            return path
    return None


def _start() -> subprocess.Popen[bytes]:
    node = shutil.which("node")
    if node is None:
        raise MutationError("node isn't installed: Holdfast needs Node.js 20 or later")
    return subprocess.Popen([node, str(SERVICE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
