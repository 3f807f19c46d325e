"""ape run certify, over a chain on which somebody was deleveraged
├── a bankrupt long, shorts opposite   -> certified, with what they bore
├── nothing happened                   -> an empty table
└── one number of an event is wrong    -> exit code 2
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from holdfast.chain.protocol import Protocol
from holdfast.cli import certify
from holdfast.units import WAD
from tests.stage import Party, Stage, wads

# Ape's own dependencies warn as they are loaded.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def shorts(stage: Stage) -> tuple[Party, Party]:
    return stage.party(30_000), stage.party(10_000)


def fall(stage: Stage, shorts: tuple[Party, Party]) -> None:
    """A long of 10 ETH that owes more than it has; the fund is empty."""
    long = stage.party(2_200)
    for short, size in zip(shorts, (7, 3), strict=True):
        stage.trade(long, short, size, 2_000)
    stage.drift("ETH", 1_800)
    stage.price("ETH", 1_600)
    stage.start(long)
    stage.deleverage(long)


def run(stage: Stage, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    monkeypatch.setattr(Protocol, "load", lambda *_: stage.protocol)
    return CliRunner().invoke(certify.cli, ["--rpc", stage.rpc.url, *options], catch_exceptions=False)


def test_certify__deleveraged__is_exact_and_pro_rata(stage: Stage, shorts: tuple[Party, Party]) -> None:
    before = [stage.equity(short) for short in shorts]
    fall(stage, shorts)

    (done,) = certify.deleveragings(stage.protocol)
    found = certify.certify(done)

    assert found.certified, found.wrong
    assert (done.size_wad, done.mark_wad, done.base_wad) == (wads(10), wads(1_600), wads(10))
    assert done.scale_after_wad == 0 and done.epoch_ended
    gained = [stage.equity(short) - was for short, was in zip(shorts, before, strict=True)]
    assert abs(sum(gained) + found.borne_wad - 10 * 400 * WAD) < wads(100)  # less fees


def test_certify__command__tells_all_of_them(
    stage: Stage, shorts: tuple[Party, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    fall(stage, shorts)

    shown = run(stage, monkeypatch)
    listed = json.loads(run(stage, monkeypatch, "--json").output)

    assert shown.exit_code == 0 and "1 deleveragings, 1 certified" in shown.output
    assert [(one["size_wad"], one["certified"], one["wrong"]) for one in listed] == [(wads(10), True, [])]


def test_certify__one_number_wrong__exit_code_2(
    stage: Stage, shorts: tuple[Party, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    fall(stage, shorts)
    (done,) = certify.deleveragings(stage.protocol)
    forged = replace(done, deficit_wad=done.deficit_wad + WAD)
    monkeypatch.setattr(certify, "deleveragings", lambda *_: [forged])

    result = run(stage, monkeypatch)

    assert result.exit_code == 2 and "1 deleveragings, 0 certified" in result.output


def test_certify__nothing_happened__nothing_to_certify(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(certify.deleveragings(stage.protocol)) == []
    assert "0 deleveragings, 0 certified" in run(stage, monkeypatch).output
