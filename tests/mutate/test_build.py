"""building edited contracts
├── an edit                       -> what it reaches, and only that, mocks too
├── nothing but a comment         -> the same bytes: no mutant
├── doesn't compile               -> told, not raised
├── twice                         -> the second time without the compiler
├── too large                     -> told by name
└── the Ledger without Positions  -> deploys the very Positions that was compiled apart, with its own sender and storage
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact, using_manifest
from holdfast.chain.contract import Contract
from holdfast.chain.protocol import Protocol
from holdfast.mutate import files
from holdfast.mutate.build import CACHE, Builder, Built, Code, Mode
from holdfast.mutate.compiler import Compiler
from holdfast.mutate.sources import Sources
from tests.attack.company import deployed_with

INSURANCE = "contracts/insurance/Insurance.sol"
CURVE = "contracts/liquidation/AuctionCurve.sol"


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder(Sources(), Mode.FAST)


@pytest.fixture(scope="module")
def baseline(builder: Builder, compiler: Compiler) -> Built:
    return builder.baseline(compiler)


def edited(file: str, old: str, new: str) -> dict[str, str]:
    text = Sources()[file]
    assert old in text
    return {file: text.replace(old, new)}


def test_build__one_contract__only_that(builder: Builder, baseline: Built, compiler: Compiler) -> None:
    built = builder.build(compiler, edited(INSURANCE, "DUST_WAD = 10", "DUST_WAD = 11"))

    assert set(built.codes) == {"Insurance"}
    assert built.changed_from(baseline)


def test_build__library__its_users_and_their_mocks(
    builder: Builder, baseline: Built, compiler: Compiler
) -> None:
    built = builder.build(compiler, edited(CURVE, "progress) / BPS", "progress) * BPS"))
    changed = {name for name, code in built.codes.items() if code.creation != baseline.codes[name].creation}

    assert changed == {"Liquidation", "MockCurve"}


def test_build__comment__same_bytes(builder: Builder, baseline: Built, compiler: Compiler) -> None:
    built = builder.build(
        compiler, edited(INSURANCE, "// at most the headroom", "// never more than the headroom")
    )

    assert not built.changed_from(baseline)


def test_build__nonsense__told(builder: Builder, compiler: Compiler) -> None:
    built = builder.build(compiler, edited(INSURANCE, "DUST_WAD = 10", "DUST_WAD = true"))

    assert built.codes == {}
    assert built.error.startswith(f"{INSURANCE}: Type bool is not implicitly convertible")


def test_build__twice__without_the_compiler(tmp_path: Path, compiler: Compiler) -> None:
    class Broken(Compiler):
        def _ask(self, question: bytes) -> bytes:
            raise AssertionError("asked again")

    builder = Builder(Sources(), Mode.FAST, tmp_path)
    edits = edited(INSURANCE, "DUST_WAD = 10", "DUST_WAD = 12")

    first = builder.build(compiler, edits)
    assert Builder(Sources(), Mode.FAST, tmp_path).build(Broken(), edits) == first


def test_built__too_large__told() -> None:
    small, large = (Code(abi=[], creation="", runtime="00" * size) for size in (24_576, 24_577))

    assert Built(codes={"Small": small, "Large": large}).too_large == ["Large"]


@pytest.fixture(scope="module")
def manifest(builder: Builder, baseline: Built, compiler: Compiler) -> Path:
    path = CACHE / "manifests" / f"fast-{baseline.bytes_hash}.json"
    files.write_json(path, builder.manifest(compiler, baseline))
    return path


def test_fast__whole_protocol__positions_as_compiled(manifest: Path) -> None:
    with using_manifest(manifest), Anvil(timestamp=1_900_000_000, accounts=20) as chain:
        protocol: Protocol = deployed_with(chain.rpc, lambda data: None)
        positions: Contract = protocol.positions
        code = bytes.fromhex(chain.rpc.call("eth_getCode", positions.address, "latest")[2:])

        assert len(code) == artifact("Positions").deployed_size
        assert positions.call("LEDGER") == protocol.ledger.address
        assert positions.call("authority") == protocol.authority.address
        assert len(positions.call("instruments")) == len(protocol.instruments) + 1
