"""What all harnesses fuzz: the protocol as `holdfast.chain.deploy` leaves it, with the people of a world of the lab.

    subject = capture(world)        # its whole state, for those that can't talk to our node

No harness deploys anything of its own: Forge and Echidna load this state, Ape and ours talk to the node it came from.
A planted bug is a world deployed from another manifest, in which one contract was compiled from a changed source.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast.chain.artifacts import MANIFEST
from holdfast.chain.environment import PROJECT
from holdfast.mutate.compiler import RELEASE, Compiler
from holdfast.mutate.sources import Sources
from holdfast.sim.world import World

OUT: Final = PROJECT / "out" / "bench-fuzz"

LONDON: Final = "london"
"""The youngest rules that Echidna 2.0.2 knows."""

LONDON_SETTINGS: Final = {**RELEASE, "evmVersion": LONDON}

CODE: Final = ("evm.bytecode.object", "evm.deployedBytecode.object")


@dataclass(frozen=True, kw_only=True)
class Bug:
    """One change of one line, and the contract that has to be compiled anew for it."""

    name: str
    about: str
    contract: tuple[str, str]  # its unit and its name
    unit: str  # the file that is changed
    old: str
    new: str


BUGS: Final = (
    Bug(
        name="interest",
        about="credit earns what debt pays for each unit, however little is borrowed: takes a loan and time",
        contract=("contracts/ledger/Ledger.sol", "Ledger"),
        unit="contracts/libraries/CashPool.sol",
        old="(given < most ? given : most)",
        new="most",
    ),
    Bug(
        name="fund",
        about="the fund pays up to a market's cap, whether it has it or not: takes an account deep under water",
        contract=("contracts/insurance/Insurance.sol", "Insurance"),
        unit="contracts/insurance/Insurance.sol",
        old="_least(wantedWad, _least(_cashOf(FUND), _headroom(underlying)))",
        new="_least(wantedWad, _headroom(underlying))",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A captured state."""

    alloc: Mapping[str, Mapping[str, Any]]  # address → code, storage, balance, nonce; as in a genesis file
    time: int  # [seconds]
    addresses: Mapping[str, str]
    feeds: tuple[str, ...]  # in the order of the instruments

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.alloc))


def capture(world: World) -> Subject:
    """The state of the world's chain as it is now."""
    protocol = world.protocol
    dumped = json.loads(gzip.decompress(bytes.fromhex(protocol.rpc.call("anvil_dumpState")[2:])))
    alloc = {
        address: {
            "balance": account["balance"],
            "nonce": hex(int(str(account["nonce"]), 0)),
            "code": account["code"],
            "storage": account["storage"],
        }
        for address, account in dumped["accounts"].items()
    }
    names = ("lens", "ledger", "liquidation", "oracle", "venue")
    return Subject(
        alloc=alloc,
        time=world.time,
        addresses={name: getattr(protocol, name).address for name in names},
        feeds=tuple(protocol.feeds[market.underlying][0].address for market in world.start.markets),
    )


def manifest_with(bug: Bug) -> Path:
    """The artifacts of `make build`, the bug's contract compiled anew with it. Kept as long as nothing changes."""
    unit, name = bug.contract
    return _manifest(bug.name, MANIFEST, planted(Sources(), bug), {unit: [name]}, RELEASE)


def planted(sources: Sources, bug: Bug) -> Sources:
    """ValueError where its line isn't there any more."""
    text = sources[bug.unit]
    if text.count(bug.old) != 1:
        raise ValueError(f"bug {bug.name}: {bug.old!r} isn't in {bug.unit} once")
    return sources.with_edits({bug.unit: text.replace(bug.old, bug.new)})


def manifest_for_london(bug: Bug | None = None) -> Path:
    """All contracts compiled for the rules that Echidna knows: three opcodes are said in another way.

    Transient storage becomes storage: the reentrancy guard clears it, and the shift of a what-if is set before each
    question. MCOPY becomes a loop, in library code that is never reached. What the compiler itself adds (PUSH0, MCOPY)
    it leaves out for that version.
    """
    built = json.loads(MANIFEST.read_bytes())["contractTypes"]
    wanted: dict[str, list[str]] = {}
    for name, kind in built.items():
        unit = kind["sourceId"]
        created = kind.get("deploymentBytecode", {}).get("bytecode")
        if created and unit.startswith("contracts/") and (PROJECT / unit).is_file():
            wanted.setdefault(unit, []).append(name)
    whole = _manifest(LONDON, MANIFEST, _for_london(Sources(), wanted), wanted, LONDON_SETTINGS)
    if bug is None:
        return whole
    unit, name = bug.contract
    sources = _for_london(planted(Sources(), bug), wanted)
    return _manifest(f"{LONDON}-{bug.name}", whole, sources, {unit: [name]}, LONDON_SETTINGS)


def _for_london(sources: Sources, units: Iterable[str]) -> Sources:
    return sources.with_edits({unit: older(text) for unit, text in sources.closure(units).items()})


def older(text: str) -> str:
    """Source without the opcodes of Cancun."""
    text = re.sub(r"\btload\(", "sload(", text)
    text = re.sub(r"\btstore\(", "sstore(", text)
    text = re.sub(r"\bprivate transient\b", "private", text)
    loop = (
        r"for { let k := 0 } lt(k, \3) { k := add(k, 1) } { mstore8(add(\1, k), byte(0, mload(add(\2, k)))) }"
    )
    return _MCOPY.sub(loop, text)


_ARGUMENT: Final = r"((?:[^(),]|\((?:[^()]|\([^()]*\))*\))+)"
"""Of a call in assembly: calls in it up to two deep."""

_MCOPY: Final = re.compile(rf"\bmcopy\({_ARGUMENT},\s*{_ARGUMENT},\s*{_ARGUMENT}\)")


def _manifest(
    name: str, base: Path, sources: Sources, wanted: Mapping[str, Sequence[str]], settings: Mapping[str, Any]
) -> Path:
    """`base` with these contracts compiled from these sources."""
    texts = sources.closure(wanted)
    rest = hashlib.sha256(base.read_bytes()).hexdigest()
    told = json.dumps([texts, dict(settings), dict(wanted), rest], sort_keys=True)
    path = OUT / "manifests" / f"{name}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
    if path.exists():
        return path
    select = {unit: dict.fromkeys(names, CODE) for unit, names in wanted.items()}
    with Compiler() as compiler:
        answer = compiler.compile(texts, settings, select)
    manifest = json.loads(base.read_bytes())
    for unit, names in wanted.items():
        for one in names:
            code, kind = answer["contracts"][unit][one]["evm"], manifest["contractTypes"][one]
            kind["deploymentBytecode"]["bytecode"] = "0x" + code["bytecode"]["object"]
            kind["runtimeBytecode"]["bytecode"] = "0x" + code["deployedBytecode"]["object"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest))
    return path
