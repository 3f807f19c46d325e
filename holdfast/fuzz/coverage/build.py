"""The contracts with probes in them, compiled once and kept under `.build/coverage`.

build = coverage_build()
with using_manifest(build.manifest): ...      # deployments from here on are of contracts that tell where they were
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from holdfast.chain.artifacts import manifest
from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError
from holdfast.fuzz.coverage import instrument as instrument_module
from holdfast.fuzz.coverage.instrument import PROBES, PROBES_SOURCE, Probes, Source, as_view, instrument

FOLDER: Final = PROJECT / ".build" / "coverage"

COMPILE_SECONDS: Final = 900

_REMAPPINGS: Final = (
    "@openzeppelin=node_modules/@openzeppelin",
    "@pythnetwork=node_modules/@pythnetwork",
    "solady=node_modules/solady/src",
)


@dataclass(frozen=True)
class Build:
    """Contracts with probes."""

    digest: str  # of sources, compiler settings and the way probes are put in
    sources: tuple[Source, ...]
    probes: frozenset[int]  # those that are in the code of some contract once it is deployed
    manifest: Path  # of all contracts, those with probes in place of those without


class Compiled(msgspec.Struct):
    """What the cache keeps."""

    sources: list[Source]
    probes: list[int]
    bytecode: dict[str, str]  # contract → what creates it, in hexadecimal


def coverage_build(folder: Path = FOLDER) -> Build:
    """From the cache, or compiled (half a minute). ConfigError where the compiler refuses."""
    texts = _texts()
    rules = Path(instrument_module.__file__).read_bytes()
    digest = _digest(texts, _compiler(), rules)
    kept = folder / f"{digest}.json"
    if not kept.exists():
        with _alone(folder):
            if not kept.exists():
                _write(kept, msgspec.json.encode(compiled(texts)))
    data = msgspec.json.decode(kept.read_bytes(), type=Compiled)
    return Build(
        digest=digest,
        sources=tuple(data.sources),
        probes=frozenset(data.probes),
        manifest=_manifest(folder / f"{digest}.manifest.json", data.bytecode),
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process compiles, the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def measured(path: str) -> bool:
    """Is this a file whose coverage counts?"""
    return path.startswith("contracts/") and not path.startswith("contracts/mocks/")


def _texts() -> dict[str, str]:
    found = [
        path.relative_to(PROJECT)
        for folder in ("contracts", "interfaces")
        for path in sorted((PROJECT / folder).rglob("*.sol"))
        if "mocks" not in path.parts
    ]
    return {path.as_posix(): (PROJECT / path).read_text() for path in found}


def _compiler() -> dict[str, Any]:
    """What `ape-config.yaml` says of the compiler, as far as it matters here."""
    said = yaml.safe_load((PROJECT / "ape-config.yaml").read_text())["solidity"]
    return {"version": said["version"], "evmVersion": said["evm_version"]}


def _digest(texts: Mapping[str, str], compiler: Mapping[str, Any], rules: bytes) -> str:
    whole = json.dumps([texts, compiler]).encode() + rules + Path(__file__).read_bytes()
    return hashlib.sha256(whole).hexdigest()[:16]


def compiled(texts: Mapping[str, str]) -> Compiled:
    """Sources by path, with probes in those that are `measured`. ConfigError where the compiler refuses."""
    parsed = _solc(texts, {"stopAfter": "parsing", "outputSelection": {"*": {"": ["ast"]}}})
    probes = Probes()
    sources, probed = [], {PROBES: PROBES_SOURCE}
    for path, text in texts.items():
        if measured(path):
            source, probed[path] = instrument(path, text, parsed["sources"][path]["ast"], probes)
            sources.append(source)
        else:
            probed[path] = as_view(text)
    wanted = ["evm.bytecode.object", "evm.deployedBytecode.object"]
    # Without the optimiser, so that no two probes become one.
    settings = {"viaIR": True, "optimizer": {"enabled": False}, "outputSelection": {"*": {"*": wanted}}}
    codes = {
        name: contract["evm"]
        for path, contracts in _solc(probed, settings)["contracts"].items()
        if measured(path)
        for name, contract in contracts.items()
        if contract["evm"]["bytecode"]["object"]
    }
    return Compiled(
        sources=sources,
        probes=sorted(_present(sources, (code["deployedBytecode"]["object"] for code in codes.values()))),
        bytecode={name: code["bytecode"]["object"] for name, code in codes.items()},
    )


def _present(sources: Iterable[Source], codes: Iterable[str]) -> set[int]:
    """Probes that are pushed somewhere in deployed code; a decision's first one stands for both."""
    pushed = {int.from_bytes(word, "big") for code in codes for word in _pushes(bytes.fromhex(code))}
    found: set[int] = set()
    for source in sources:
        found.update(pushed & {one.probe for one in source.statements})
        found.update(pushed & {one.probe for one in source.functions})
        for branch in source.branches:
            if branch.probes[0] in pushed:
                found.update(branch.probes)
    return found


def _pushes(code: bytes) -> Iterable[bytes]:
    """Every four-byte word that the code pushes."""
    at = 0
    while at < len(code):
        size = code[at] - 0x5F if 0x60 <= code[at] <= 0x7F else 0
        if size == 4:
            yield code[at + 1 : at + 5]
        at += 1 + size


def _solc(texts: Mapping[str, str], settings: Mapping[str, Any]) -> Any:
    compiler = _compiler()
    request = {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in texts.items()},
        "settings": {
            "evmVersion": compiler["evmVersion"],
            "remappings": list(_REMAPPINGS),
            "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
            **settings,
        },
    }
    program = (
        Path(os.environ.get("SOLCX_BINARY_PATH", PROJECT / "tools" / "solc")) / f"solc-v{compiler['version']}"
    )
    ran = subprocess.run(
        [str(program), "--standard-json", "--base-path", str(PROJECT)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS,
    )
    if ran.returncode:
        raise ConfigError(f"{program.name}: {ran.stderr.strip()[:300]}")
    answer = json.loads(ran.stdout)
    wrong = [one["formattedMessage"] for one in answer.get("errors", []) if one["severity"] == "error"]
    if wrong:
        raise ConfigError(f"the contracts don't compile with probes in them: {wrong[0].strip()}")
    return answer


def _manifest(path: Path, bytecode: Mapping[str, str]) -> Path:
    """The manifest in use (`make build`) with these bytecodes in it. ABIs stay as they are."""
    try:
        whole = json.loads(manifest().read_text())
    except FileNotFoundError:
        raise ConfigError("the contracts aren't compiled: run `make build`") from None
    for name, code in bytecode.items():
        if name in whole["contractTypes"]:
            whole["contractTypes"][name]["deploymentBytecode"] = {"bytecode": "0x" + code}
    data = json.dumps(whole).encode()
    if not path.exists() or path.read_bytes() != data:
        _write(path, data)
    return path


def _write(path: Path, data: bytes) -> None:
    """In one step: another process may be doing the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).replace(path)
