"""deploy, status
├── help is worth reading: what it does, examples, every option
├── deploy, then status: tables, JSON, exit code 0; again: nothing to do
├── status with something going on: a queued, stopped tranche, a stake, a used depth, a gate that is shut
└── one line and exit code 1: no node, not a URL, no deployment, gone deployment, no config for the chain,
    bad config, unfunded key, no key, bad key file
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from eth_account import Account

from holdfast.chain.anvil import Anvil
from holdfast.chain.config import CONFIG_FOLDER, load_config
from holdfast.chain.plan import plan
from holdfast.chain.protocol import Protocol
from holdfast.cli.deploy import cli as deploy
from holdfast.cli.options import KEY_VARIABLE, PASSWORD_VARIABLE
from holdfast.cli.status import cli as status
from holdfast.types import Grade, Item, Mode
from holdfast.units import WAD

# Ape's own dependencies warn as they are loaded.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil() as running:
        yield running


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "31337.json"


def run(command: object, *args: object, url: str | None = None, **env: str) -> Result:
    line = [str(arg) for arg in args] + (["--rpc", url] if url else [])
    return CliRunner().invoke(command, line, env=env, catch_exceptions=False)  # type: ignore[arg-type]


def refusal(result: Result) -> str:
    """The one line of a refused command."""
    assert result.exit_code == 1, result.output
    lines = result.output.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), result.output
    return lines[0].removeprefix("Error: ")


@pytest.mark.parametrize("command", [deploy, status])
def test_help__says_what_and_how(command: object) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.output and "--rpc" in result.output and "--network" in result.output
    for option in command.params:  # type: ignore[attr-defined]
        assert getattr(option, "help", "x"), option.name


def test_deploy_then_status(chain: Anvil, record: Path) -> None:
    first = run(deploy, "--deployment", record, url=chain.url)
    assert first.exit_code == 0
    assert "Ledger" in first.output and f"Record: {record}" in first.output

    again = run(deploy, "--deployment", record, url=chain.url)
    assert again.exit_code == 0 and again.output.startswith("Nothing to do: all ")

    shown = run(status, "--deployment", record, url=chain.url)
    assert shown.exit_code == 0
    for word in (
        "ETH-PERP",
        "BTC-PERP",
        "Fresh",
        "insurance fund",
        "Backstop",
        "No account is at risk",
        "Books balance",
    ):
        assert word in shown.output

    data = json.loads(run(status, "--deployment", record, "--json", url=chain.url).output)
    assert (
        data["books"]["balanced"] is True
        and len(data["markets"]) == 2
        and data["system"]["chain_id"] == 31337
    )


def test_deploy__verbose__prints_every_step(chain: Anvil, record: Path) -> None:
    result = run(deploy, "--deployment", record, "--verbose", url=chain.url)
    assert "done  the deployer steps down" in result.output
    assert result.output.count(" done  ") == len(plan(load_config("local")))


def test_status__worst_accounts_first_and_limited(chain: Anvil, record: Path) -> None:
    run(deploy, "--deployment", record, url=chain.url)
    protocol = Protocol.load(chain.rpc, record)
    for amount in (3, 1, 2):
        account = protocol.open_account(chain.accounts[5], Mode.CROSS)
        protocol.fund(chain.accounts[5], account, 1, amount * 10**18)
    shown = run(status, "--deployment", record, "--worst", 2, url=chain.url).output
    assert f"Worst 2 of {protocol.ledger.call('accounts')} accounts by health" in shown


def test_status__something_going_on__is_shown(chain: Anvil, record: Path) -> None:
    """100 dollars in the tranche of ETH, a quarter queued; 300 of 400 in the fund staked; the depth of BTC used up."""
    run(deploy, "--deployment", record, url=chain.url)
    protocol, holder, guardian = Protocol.load(chain.rpc, record), chain.accounts[5], chain.accounts[2]
    tranche, usdc = protocol.tranches[1], protocol.tokens[0]
    usdc.send("mint", holder, 1_000_000_000, sender=holder)
    usdc.send("approve", tranche.address, 2**256 - 1, sender=holder)
    tranche.send("deposit", 100_000_000, holder, sender=holder)
    tranche.send("requestRedeem", 25 * 10**12, holder, holder, sender=holder)
    tranche.send("stop", 3_600, sender=guardian)
    account = protocol.open_account(holder, Mode.CROSS)
    protocol.fund(holder, protocol.insurance.call("FUND"), 0, 100_000_000)
    protocol.fund(holder, account, 0, 300_000_000)
    protocol.insurance.send("stake", account, 300 * WAD, sender=holder)
    engine = protocol.liquidation.address
    chain.rpc.call("anvil_impersonateAccount", engine)
    chain.rpc.call("anvil_setBalance", engine, hex(10**18))
    depth, _ = protocol.throttle.call("depthOf", 2)
    sold = Item(weight_wad=depth, grade=Grade.FRESH, underlying=2)
    protocol.breaker.send("reportDeficit", True, sender=engine)
    protocol.throttle.send("draw", [sold.word], WAD, sender=engine)

    shown = run(status, "--deployment", record, url=chain.url).output

    eth = next(line for line in shown.splitlines() if line.startswith("ETH ") and "stopped" in line)
    assert eth.split()[1:10] == [
        "100.00",
        "100.00",
        "0.00",
        "none",
        "0.00",
        "1,000,000.00",
        "25.00",
        "0.00",
        "0",
    ]
    assert "takes over" in next(
        line for line in shown.splitlines() if line.startswith("BTC ") and "none" in line
    )
    assert "300.00" in shown and "75.00 % of its shares; free to leave" in shown
    assert re.search(r"withdrawals +gated, \d+ s at most +0 accounts owe more", shown)
    market = next(line for line in shown.splitlines() if line.startswith("BTC-PERP"))
    assert re.search(r" (100\.0|9\d\.\d) % ", market)

    data = json.loads(run(status, "--deployment", record, "--json", url=chain.url).output)
    assert data["tranches"][0]["queued"] == 25 * 10**12 and data["uncovered_accounts"] == 0


def test_status__books_do_not_balance__exit_code_2(
    chain: Anvil, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(deploy, "--deployment", record, url=chain.url)
    protocol = Protocol.load(chain.rpc, record)
    account = protocol.open_account(chain.accounts[5], Mode.CROSS)
    protocol.fund(chain.accounts[5], account, 0, 1_000_000)
    vault = protocol.vaults[0].address
    chain.rpc.call("anvil_impersonateAccount", vault)
    chain.rpc.call("anvil_setBalance", vault, hex(10**18))
    protocol.tokens[0].send("transfer", chain.accounts[9], 1, sender=vault)
    shown = run(status, "--deployment", record, url=chain.url)
    assert shown.exit_code == 2 and "DON'T BALANCE (INV-01)" in shown.output


@pytest.mark.parametrize("command", [deploy, status])
def test_no_node__one_line(command: object) -> None:
    assert refusal(run(command, url="http://127.0.0.1:9")) == (
        "no node answers at http://127.0.0.1:9: start one, or name another by --rpc"
    )
    assert refusal(run(command, url="ws://127.0.0.1:9")) == "not an http(s) URL: 'ws://127.0.0.1:9'"


@pytest.mark.parametrize("network", ["ethereum:mars:foundry", "mars", "ethereum:local:mars"])
def test_no_such_network__one_line(network: str) -> None:
    told = refusal(run(status, "--network", network))
    assert told.startswith("--network: ") and "mars" in told and "`ape networks list`" in told


def test_status__no_deployment__one_line(chain: Anvil, record: Path) -> None:
    told = refusal(run(status, "--deployment", record, url=chain.url))
    assert told == f"{record} doesn't exist: nothing was deployed; run `ape run deploy`"


def test_status__deployment_is_gone__one_line(chain: Anvil, record: Path) -> None:
    run(deploy, "--deployment", record, url=chain.url)
    with Anvil() as other:
        told = refusal(run(status, "--deployment", record, url=other.url))
    assert told == f"{record} is of a chain 31337 that is gone; run `ape run deploy` on this one"


def test_wrong_network__one_line(chain: Anvil, record: Path) -> None:
    run(deploy, "--deployment", record, url=chain.url)
    with Anvil(chain_id=5) as other:
        assert "with chain_id = 5: none; name one by --config" in refusal(run(deploy, url=other.url))
        told = refusal(run(deploy, "--config", CONFIG_FOLDER / "local.toml", url=other.url))
        assert told == "wrong network: the node is on chain 5, the configuration is for 31337"
        told = refusal(run(status, "--deployment", record, url=other.url))
        assert told == f"wrong network: the node is on chain 5, {record} is for 31337"


def test_deploy__bad_config__one_line(chain: Anvil, record: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text((CONFIG_FOLDER / "local.toml").read_text().replace("band_bps = 200", "band_bps = 0"))
    told = refusal(run(deploy, "--deployment", record, "--config", bad, url=chain.url))
    assert told == f"{bad}: ledger.band_bps: should be greater than or equal to 1 (is 0)"
    assert not record.exists()


def test_deploy__unfunded_key__one_line(chain: Anvil, record: Path) -> None:
    key = Account.create()
    told = refusal(run(deploy, "--deployment", record, url=chain.url, **{KEY_VARIABLE: key.key.hex()}))
    assert told == f"the deployer {key.address} has no ether on chain 31337: fund it"


def test_deploy__bad_key__one_line(chain: Anvil, record: Path) -> None:
    told = refusal(run(deploy, "--deployment", record, url=chain.url, **{KEY_VARIABLE: "secret"}))
    assert told == f"{KEY_VARIABLE} isn't a private key of 32 bytes"
    assert "secret" not in told


def test_deploy__keystore(chain: Anvil, record: Path, tmp_path: Path) -> None:
    key, file = Account.create(), tmp_path / "key.json"
    file.write_text(json.dumps(Account.encrypt(key.key, "right", iterations=2)))
    chain.rpc.call("anvil_setBalance", key.address, hex(10**20))

    told = refusal(
        run(deploy, "--deployment", record, "--keystore", file, url=chain.url, **{PASSWORD_VARIABLE: "wrong"})
    )
    assert told == f"{file} can't be opened: MAC mismatch"
    missing = tmp_path / "none.json"
    told = refusal(
        run(deploy, "--deployment", record, "--keystore", missing, url=chain.url, **{PASSWORD_VARIABLE: "x"})
    )
    assert told.startswith(f"{missing} can't be opened:")

    done = run(
        deploy, "--deployment", record, "--keystore", file, url=chain.url, **{PASSWORD_VARIABLE: "right"}
    )
    assert done.exit_code == 0 and json.loads(record.read_text())["deployer"] == key.address
