"""ape run keeper
├── help                      says what each role does and every option
├── one cycle, dry run        decides, sends nothing, exit code 0
├── watchdog, by its options  marks, refreshes or distributes; with no subsidy nothing
├── opens what it needs       an account of its own, with a deposit; the second time it finds it
└── one line and exit code 1  no node, no deployment, no key, unfunded key, a price source that isn't one,
                              feeds of somebody else, somebody else's account, nothing to bid with
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from holdfast.chain.anvil import Anvil
from holdfast.cli.keeper import cli
from holdfast.cli.options import KEY_VARIABLE
from holdfast.keepers.roles import ROLES
from tests.keepers.scene import BIDDER, LIQUIDATOR, Scene

# Ape's own dependencies warn as they are loaded.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def command(scene: Scene, tmp_path: Path) -> Any:
    """command(role, *options): one cycle of it on the scene."""
    scene.rpc.call("evm_setAutomine", True)

    def run(role: str, *options: object, **env: str) -> Result:
        line = [role, "--once", "--rpc", scene.rpc.url, "--deployment", str(scene.record)]
        line += ["--record", str(tmp_path / "record.jsonl"), *(str(option) for option in options)]
        return CliRunner().invoke(cli, line, env=env, catch_exceptions=False)

    yield run
    scene.rpc.call("evm_setAutomine", False)


def record(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines()]


def refusal(result: Result) -> str:
    """The one line of a refused command."""
    assert result.exit_code == 1, result.output
    lines = [line for line in result.output.strip().splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.output
    return lines[0].removeprefix("Error: ")


def test_help__says_what_it_does() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for text in (*ROLES, "--dry-run", "--once", "--prices", "--orders", "--subsidy", "Examples", "Ctrl-C"):
        assert text in result.output
    options = [option for option in cli.params if option.param_type_name == "option"]
    assert all(getattr(option, "help", None) for option in options)


def test_price_pusher__one_cycle__writes_and_pokes(command: Any, scene: Scene, tmp_path: Path) -> None:
    result = command("price_pusher", "--prices", "ETH=1950,BTC=60000")
    assert result.exit_code == 0, result.output
    assert [attempt["kind"] for attempt in record(tmp_path)[0]["attempts"]] == ["SetPrice", "Poke"]
    deadline = time.monotonic() + 10  # one cycle sends; what it sent is mined a moment later
    while (spot := scene.protocol.oracle.call("priceOf", 1).spotWad) != 1_950 * 10**18:
        assert time.monotonic() < deadline, spot
        time.sleep(0.01)


def test_liquidator__dry_run__sends_nothing(command: Any, scene: Scene, tmp_path: Path) -> None:
    command("liquidator")  # opens its account
    scene.fall(1_840)
    scene.rpc.call("evm_setAutomine", True)
    before = scene.nonce(LIQUIDATOR)
    result = command("liquidator", "--dry-run")

    assert result.exit_code == 0, result.output
    attempt = record(tmp_path)[-1]["attempts"][0]
    assert (attempt["kind"], attempt["tx"], attempt["refused"]) == ("Start", None, None)
    assert "would send Start" in result.output
    assert scene.nonce(LIQUIDATOR) == before


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (["--refresh-share", 1], ["Mark", "Mark", "RefreshTarget"]),
        (["--min-fees", "0.01"], ["Mark", "Mark", "Distribute"]),
        ([], ["Mark", "Mark"]),
        (["--refresh-share", 1, "--subsidy", 0], []),
    ],
)
def test_watchdog__one_cycle__does_what_its_options_say(
    command: Any, scene: Scene, tmp_path: Path, options: list[object], sent: list[str]
) -> None:
    scene.mine(60)
    result = command("watchdog", *options)
    assert result.exit_code == 0, result.output
    attempts = record(tmp_path)[0]["attempts"]
    assert [attempt["kind"] for attempt in attempts] == sent
    assert all(attempt["tx"] and not attempt["refused"] for attempt in attempts)


def test_bidder__deposit__goes_into_the_account_that_it_opens(command: Any, scene: Scene) -> None:
    for _ in range(2):
        assert command("bidder", "--deposit", 1_000).exit_code == 0

    owned = [account for account in scene.protocol.accounts() if account.owner == scene.address(BIDDER)]
    assert [account.cash_wad for account in owned] == [1_000 * 10**18]


def test_key__from_the_environment(command: Any, scene: Scene) -> None:
    key = "0x" + bytes(scene.key(8).key).hex()
    assert command("liquidator", **{KEY_VARIABLE: key}).exit_code == 0
    assert any(account.owner == scene.address(8) for account in scene.protocol.accounts())


@pytest.mark.parametrize(
    ("role", "options", "fact"),
    [
        ("price_pusher", ["--prices", "nowhere.csv"], "no price source 'nowhere.csv'"),
        ("price_pusher", ["--prices", "ETH=high"], "prices 'ETH=high': 'high' is not a number"),
        ("price_pusher", ["--prices", "ETH=1", "--account", "9"], "the feed of ETH is set by 0x"),
        ("bidder", [], "has nothing to bid with: deposit first, or give --deposit"),
        ("liquidator", ["--margin-account", "1"], "is neither owner nor operator of account 1"),
        ("liquidator", ["--dry-run", "--account", "9"], "has no cross account, and a dry run opens none"),
    ],
)
def test_refused__says_why_in_one_line(command: Any, role: str, options: list[str], fact: str) -> None:
    assert fact in refusal(command(role, *options))


def test_refused__unfunded_key(command: Any) -> None:
    assert "has no ether on chain 31337" in refusal(command("liquidator", **{KEY_VARIABLE: "0x" + "77" * 32}))


def test_refused__no_deployment(scene: Scene, tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    line = ["liquidator", "--rpc", scene.rpc.url, "--deployment", str(missing)]
    assert "run `ape run deploy`" in refusal(CliRunner().invoke(cli, line))


def test_refused__no_node() -> None:
    assert "no node answers at" in refusal(
        CliRunner().invoke(cli, ["liquidator", "--rpc", "http://127.0.0.1:1"])
    )


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Anvil]:
    with Anvil(chain_id=999) as anvil:
        yield anvil


@pytest.mark.parametrize("options", [[], ["--account", "3"]])
def test_refused__no_key_on_another_chain(elsewhere: Anvil, options: list[str]) -> None:
    line = ["liquidator", "--rpc", elsewhere.url, *options]
    assert "name one by --keystore" in refusal(CliRunner().invoke(cli, line))
