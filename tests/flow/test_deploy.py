"""deploy
├── from nothing             every step once; the chain is what the configuration says
├── again                    sends nothing, writes nothing
├── cut                      before or after any transaction, or at any write of the record: sends nothing twice
├── after governance acted   leaves it alone, and says so
├── roles                    the deployer can do nothing; governor after its delay; guardian tightens at once;
│                            feeder sets smiles
└── refuses, in one line     wrong network, other parameters, other bytecode, other deployer, missing or foreign code,
                             no ether, no key, a token or feed that isn't what the configuration says
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.config import Config, load_config, parse_config
from holdfast.chain.contract import Contract
from holdfast.chain.contract import deploy as deploy_artifact
from holdfast.chain.deploy import CHANGED, DONE, KEPT, NOTE, deploy
from holdfast.chain.environment import PROJECT
from holdfast.chain.plan import (
    ADMIN,
    FEEDER,
    FEEDING,
    FILL,
    GOVERNOR,
    GUARDIAN,
    LOOSENING,
    MOVE,
    SEIZE,
    TIGHTENING,
    Adopt,
    plan,
)
from holdfast.chain.protocol import Protocol
from holdfast.chain.record import Deployment
from holdfast.chain.rpc import Rpc
from holdfast.errors import ConfigError, ConnectionLost, DeploymentError, Reverted
from holdfast.model.svi import smile_of
from holdfast.units import WAD
from tests.conftest import Clock, Refused

DEPLOYER, GOVERNOR_PERSON, GUARDIAN_PERSON, FEEDER_PERSON = 0, 1, 2, 8
"""Places of the node's accounts, as config/local.toml says."""


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    """A chain of its own: these tests count nonces."""
    with Anvil() as running:
        yield running


@pytest.fixture
def config() -> Config:
    """The one that users deploy: no test below knows a number of it."""
    return load_config("local")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deployments" / "31337.json"


def run(rpc: Rpc, config: Config, path: Path | None, **options: Any) -> Counter[str]:
    """How many steps had which outcome."""
    outcomes: Counter[str] = Counter()
    deploy(rpc, config, path=path, report=lambda step, outcome: outcomes.update([outcome]), **options)
    return outcomes


def nonce(anvil: Anvil, place: int = DEPLOYER) -> int:
    return int(anvil.rpc.call("eth_getTransactionCount", anvil.accounts[place], "latest"), 16)


def changed(config: Config, key: str, value: Any) -> Config:
    data = config.plain()
    *sections, last = key.split(".")
    found = data
    for section in sections:
        found = found[section]
    found[last] = value
    return parse_config(data, "changed.toml")


def code_at(anvil: Anvil, address: str) -> str:
    code: str = anvil.rpc.call("eth_getCode", address, "latest")
    return code


def _constants(contract: Contract, *names: str) -> tuple[int, ...]:
    return tuple(contract.call(f"{name}_SECONDS") for name in names)


def test_deploy__what_the_envelope_counts_with__is_what_the_others_may_take(protocol: Protocol) -> None:
    """Risk is deployed before those whose limits it counts with: it can't ask them."""
    risk = protocol.risk
    assert risk.call("FUNDING_CAP_BPS") == protocol.positions.call("FUNDING_CAP_BPS")
    assert risk.call("MAX_FEE_BPS") == protocol.ledger.call("MAX_FEE_BPS")


# From nothing, and again


def test_deploy__from_nothing__chain_is_what_the_config_says(
    chain: Anvil, config: Config, path: Path
) -> None:
    outcomes = run(chain.rpc, config, path)
    assert outcomes == {DONE: len(plan(config))}

    protocol = Protocol.load(chain.rpc, path)
    # Collateral lends after its ramp, which begins with its haircuts.
    chain.rpc.call("evm_increaseTime", config.risk.collateral_ramp_seconds)
    chain.rpc.call("evm_mine")
    system, markets = protocol.system(), protocol.markets()
    assert [protocol.tokens[asset.asset].call("symbol") for asset in system.assets] == list(config.tokens)
    for asset, (symbol, token) in zip(system.assets, config.tokens.items(), strict=True):
        assert asset.vault == protocol.record.addresses[f"Vault.{symbol}"]
        assert asset.unit_wad == 10 ** (18 - token.decimals)
        assert asset.cap == token.amount(token.cap)
    for asset, collateral in zip(system.assets[1:], config.collateral.values(), strict=True):
        assert asset.params.initial_haircut_bps == collateral.initial_haircut_bps
        assert asset.params.maintenance_haircut_bps == collateral.maintenance_haircut_bps
        assert asset.underlying == config.underlying_id(collateral.underlying)
    for market, (name, instrument) in zip(markets, config.instruments.items(), strict=True):
        assert market.instrument == config.instrument_id(name)
        assert market.params.initial_bps == instrument.initial_bps
        assert market.params.maintenance_bps == instrument.maintenance_bps
        assert market.params.open_interest_cap_wad == instrument.open_interest_cap * 10**18
        assert market.price.spot_wad == config.underlyings[instrument.underlying].price * 10**18  # type: ignore[operator]
        assert market.insurance_cap_wad == config.insurance.caps[instrument.underlying] * 10**18
    assert _constants(protocol.risk, "RAMP", "COLLATERAL_RAMP", "EPOCH") == (
        config.risk.ramp_seconds,
        config.risk.collateral_ramp_seconds,
        config.risk.epoch_seconds,
    )
    for vault, token in zip(protocol.vaults, config.tokens.values(), strict=True):
        assert vault.call("outflowFloor") == token.amount(token.outflow_floor)
        assert vault.call("OUTFLOW_SHARE_BPS") == config.vault.outflow_share_bps
        assert _constants(vault, "WINDOW", "RAMP", "EPOCH") == (
            config.vault.window_seconds,
            config.vault.ramp_seconds,
            config.vault.epoch_seconds,
        )
    params = protocol.liquidation.call("params")
    assert (params.startBps, params.endBps, params.targetBps, params.rampSeconds, params.dustWad) == (
        config.auction.start_bps,
        config.auction.end_bps,
        config.auction.target_bps,
        config.auction.ramp_seconds,
        config.auction.dust * 10**18,
    )
    oracle = config.oracle
    assert tuple(protocol.oracle.call("rules")) == (
        oracle.ema_decay_wad,
        oracle.variance_decay_wad,
        oracle.slow_seconds,
        oracle.contested_seconds,
    )
    surface = config.surface
    assert tuple(protocol.surface.call("rules")) == (
        surface.interval_seconds,
        surface.slow_seconds,
        surface.stale_seconds,
        surface.move_bps,
        surface.surcharge_bps,
        config.risk.volatility_floor_bps,
    )
    for symbol, margins in config.options.items():
        state = protocol.risk.call("instrumentState", config.option_class(symbol))
        assert tuple(state.asked) == margins.params
    for symbol, scan in config.portfolio.scans.items():
        params, grid = protocol.scans.call("scanOf", config.underlying_id(symbol))
        assert tuple(params) == astuple(scan.params)
        assert tuple(map(tuple, grid.tails)) == tuple(map(astuple, scan.grid.tails))
        assert (tuple(grid.spotsBps), tuple(grid.volsBps)) == (scan.spots_bps, scan.vols_bps)
    assert protocol.scans.call("correlationBps") == config.portfolio.correlation_bps
    assert protocol.scans.call("EPOCH_SECONDS") == config.risk.epoch_seconds
    for collateral, token in config.collateral.items():
        netted = config.underlying_id(token.underlying) if token.netted else 0
        assert protocol.scans.call("underlyingOf", protocol.assets[collateral]) == netted
    parts = {name: protocol.portfolio.call(name) for name in ("SCANS", "SURFACE")}
    assert parts == {"SCANS": protocol.scans.address, "SURFACE": protocol.surface.address}
    assert protocol.portfolio.call("LEG_CAP") == protocol.positions.call("MAX_POSITIONS")
    assert protocol.venue.call("makerFeeBps") == config.venue.maker_fee_bps
    assert protocol.venue.call("feeAccount") == system.fees_account
    assert protocol.breaker.call("GRACE_SECONDS") == config.breaker.grace_seconds
    rights = {
        name: protocol.ledger.call("engineRights", protocol.record.addresses[name])
        for name in ("Venue", "Liquidation", "Insurance", "Risk")
    }
    assert rights == {"Venue": FILL, "Liquidation": MOVE | SEIZE, "Insurance": MOVE, "Risk": 0}
    assert protocol.books().balanced


def test_deploy__again__sends_and_writes_nothing(chain: Anvil, config: Config, path: Path) -> None:
    run(chain.rpc, config, path)
    before, block, inode = path.read_bytes(), chain.rpc.call("eth_blockNumber"), path.stat().st_ino
    assert run(chain.rpc, config, path) == {KEPT: len(plan(config))}
    assert (path.read_bytes(), chain.rpc.call("eth_blockNumber"), path.stat().st_ino) == (
        before,
        block,
        inode,
    )


def test_deploy__record__says_how_to_verify(chain: Anvil, config: Config, path: Path) -> None:
    run(chain.rpc, config, path)
    record = json.loads(path.read_text())
    assert record["chain_id"] == config.chain_id and record["complete"] and record["pending"] is None
    assert record["config_digest"] == config.digest
    for step in plan(config):
        if isinstance(step, Adopt):
            continue
        tx = (
            record["contracts"][step.name]["tx"]
            if step.title.startswith("deploy ")
            else record["steps"][step.title]
        )
        assert chain.rpc.call("eth_getTransactionReceipt", tx)["status"] == "0x1", step.title
    oracle = record["contracts"]["Oracle"]
    assert oracle["args"] == [
        record["contracts"]["Authority"]["address"],
        record["contracts"]["Breaker"]["address"],
        str(config.oracle.ema_decay_wad),
        str(config.oracle.variance_decay_wad),
        str(config.oracle.slow_seconds),
        str(config.oracle.contested_seconds),
    ]


def test_deploy__in_memory__writes_no_file(chain: Anvil, config: Config, tmp_path: Path) -> None:
    record = deploy(chain.rpc, config)
    assert record.complete and record.path is None and not list(tmp_path.iterdir())


def test_deploy__signed_by_a_key__needs_no_unlocked_account(chain: Anvil, config: Config) -> None:
    key = Account.create()
    chain.rpc.call("anvil_setBalance", key.address, hex(10**20))
    assert deploy(chain.rpc, config, sender=key).deployer == key.address


# Cut


class Cut(Rpc):
    """Loses the connection at the first transaction: before it is sent, or when its hash should come back."""

    def __init__(self, url: str, after: bool) -> None:
        super().__init__(url)
        self._after = after

    def call(self, method: str, *params: Any) -> Any:
        if method == "eth_sendTransaction":
            if self._after:
                sent = super().call(method, *params)
                while super().call("eth_getTransactionReceipt", sent) is None:
                    time.sleep(0.001)
            raise ConnectionLost("cut")
        return super().call(method, *params)


def test_deploy__cut_before_and_after_every_transaction__sends_nothing_twice(
    chain: Anvil, config: Config, path: Path
) -> None:
    """Each run gets no further than one transaction; in between, one dies without having sent it."""
    start = nonce(chain)
    transactions = sum(not isinstance(step, Adopt) for step in plan(config))
    for done in range(transactions):
        for after in (False, True):
            with pytest.raises(DeploymentError, match="cut"):
                run(Cut(chain.url, after), config, path)
            assert nonce(chain) == start + done + after
            assert not Deployment.load(path).complete
    assert run(chain.rpc, config, path) == {KEPT: len(plan(config))}
    assert nonce(chain) == start + transactions
    assert run(chain.rpc, config, path) == {KEPT: len(plan(config))}
    assert Protocol.load(chain.rpc, path).books().balanced


def test_deploy__cut_at_every_write_of_the_record__sends_nothing_twice(
    chain: Anvil, config: Config, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run dies at its n-th write, so that every write is the last of some run."""
    save, start = Deployment.save, nonce(chain)
    transactions = sum(not isinstance(step, Adopt) for step in plan(config))
    for attempt in range(1000):
        left = 2 + attempt % 3

        def dying(self: Deployment) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError("cut")
            save(self)

        monkeypatch.setattr(Deployment, "save", dying)
        try:
            run(chain.rpc, config, path)
            break
        except OSError:
            continue
    monkeypatch.setattr(Deployment, "save", save)
    assert run(chain.rpc, config, path) == {KEPT: len(plan(config))}
    assert attempt > transactions // 2
    assert nonce(chain) == start + transactions


def test_deploy__cut__transaction_still_in_the_pool__is_waited_for(
    chain: Anvil, config: Config, path: Path
) -> None:
    class Unplugged(Rpc):
        def call(self, method: str, *params: Any) -> Any:
            if method == "eth_sendTransaction":
                super().call(method, *params)
                raise ConnectionLost("cut")
            return super().call(method, *params)

    start = nonce(chain)
    chain.rpc.call("evm_setAutomine", False)
    miner = threading.Timer(
        0.3, lambda: Rpc(chain.url).batch([("evm_setAutomine", [True]), ("evm_mine", [])])
    )
    try:
        with pytest.raises(DeploymentError, match="cut"):
            run(Unplugged(chain.url), config, path)
        assert nonce(chain) == start
        miner.start()
        assert run(chain.rpc, config, path)[KEPT] == 1
    finally:
        miner.cancel()
        chain.rpc.call("evm_setAutomine", True)
    assert nonce(chain) == start + sum(not isinstance(step, Adopt) for step in plan(config))


def test_deploy__cut__half_a_deployment_is_no_protocol(chain: Anvil, config: Config, path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"^deploy Token\.USDC: cut$"):
        run(Cut(chain.url, True), config, path)
    with pytest.raises(ConfigError, match="cut short; run `ape run deploy` to finish it"):
        Protocol.load(chain.rpc, path)


def test_deploy__cut__other_deployer__is_refused(chain: Anvil, config: Config, path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"^deploy Token\.USDC: cut$"):
        run(Cut(chain.url, True), config, path)
    other = chain.accounts[5]
    with pytest.raises(
        ConfigError, match=f"was begun by {chain.accounts[0]}: only that key can go on, {other}"
    ):
        run(chain.rpc, config, path, sender=other)


# Roles


@pytest.fixture
def protocol(chain: Anvil, config: Config) -> Protocol:
    return Protocol(chain.rpc, deploy(chain.rpc, config))


def restricted_functions() -> set[tuple[str, str]]:
    """(contract, function) of every function that the sources mark `restricted`."""
    found = set()
    for source in (PROJECT / "contracts").glob("*/*.sol"):
        if source.parent.name not in ("mocks", "libraries"):
            for name in re.findall(
                r"function (\w+)\([^)]*\)[^{;]*\brestricted\b[^{;]*\{", source.read_text()
            ):
                found.add((source.stem, name))
    return found


def test_roles__every_restricted_function__has_one(protocol: Protocol, config: Config) -> None:
    """A function that nobody was given would answer to ADMIN: it may be forgotten nowhere."""
    reports = ("reportMove", "reportResume", "reportDeficit")
    ties = {*(("Breaker", report) for report in reports), ("Insurance", "pay"), ("Throttle", "draw")}
    tables = {
        (name, function)
        for table in (LOOSENING, TIGHTENING, FEEDING)
        for name in table
        for function in table[name]
    }
    assert restricted_functions() == tables | ties
    for name, function in tables | ties:
        several = {"Vault": list(config.tokens), "Tranche": list(config.backstop)}
        targets = [f"{name}.{symbol}" for symbol in several[name]] if name in several else [name]
        for target in targets:
            contract = protocol.contract(target)
            selector = contract.artifact.find(function).selector
            assert protocol.authority.call("getTargetFunctionRole", contract.address, selector) != ADMIN


def zeros(contract: Contract, function: str) -> list[Any]:
    """Arguments of the right types, all zero."""
    found = contract.artifact.find(function)
    return list(found.inputs.decode(bytes(32 * 64), 0))


@pytest.mark.parametrize("place", [DEPLOYER, 9])
def test_roles__deployer_and_stranger__can_do_nothing(protocol: Protocol, chain: Anvil, place: int) -> None:
    caller = chain.accounts[place]
    for name, function in sorted(restricted_functions()):
        one = {"Vault": "Vault.USDC", "Tranche": "Tranche.ETH"}
        contract = protocol.contract(one.get(name, name))
        with pytest.raises(Reverted) as caught:
            contract.call(function, *zeros(contract, function), sender=caller)
        assert (caught.value.name, caught.value.fields) == (
            "AccessManagedUnauthorized",
            {"caller": caller},
        ), function
    for role in (ADMIN, GOVERNOR, GUARDIAN, FEEDER):
        assert not protocol.authority.call("hasRole", role, caller)[0]
    with pytest.raises(Reverted, match="AccessManagerUnauthorizedAccount"):
        protocol.authority.call("grantRole", GOVERNOR, caller, 0, sender=caller)


def test_roles__governor__loosens_after_its_delay(
    protocol: Protocol, chain: Anvil, config: Config, refused: Refused
) -> None:
    clock, governor = Clock(chain.rpc), chain.accounts[GOVERNOR_PERSON]
    delay = config.access.governor_delay_seconds
    action = protocol.venue.encode("setFees", 0, 1)
    operation = protocol.authority.call("hashOperation", governor, protocol.venue.address, action)
    with refused("AccessManagerNotScheduled", operationId=operation):
        protocol.venue.send("setFees", 0, 1, sender=governor)
    protocol.authority.send("schedule", protocol.venue.address, action, 0, sender=governor)
    scheduled = clock.now
    clock.next(scheduled + delay - 1)
    with refused("AccessManagerNotReady", operationId=operation):
        protocol.venue.send("setFees", 0, 1, sender=governor, gas=1_000_000)
    clock.set(scheduled + delay)
    protocol.venue.send("setFees", 0, 1, sender=governor, gas=1_000_000)
    assert protocol.venue.call("takerFeeBps") == 1


def test_roles__guardian__tightens_at_once_and_cancels(
    protocol: Protocol, chain: Anvil, refused: Refused
) -> None:
    governor, guardian = chain.accounts[GOVERNOR_PERSON], chain.accounts[GUARDIAN_PERSON]
    protocol.breaker.send("trip", 1, 2, 60, sender=guardian)
    protocol.contract("Vault.WETH").send("tightenCap", 5, sender=guardian)
    with refused("AccessManagedUnauthorized", caller=guardian):
        protocol.contract("Vault.USDC").send("tightenCap", 5, sender=guardian)  # repayments stay possible
    protocol.ledger.send("revokeEngine", protocol.venue.address, sender=guardian)
    assert protocol.ledger.call("engineRights", protocol.venue.address) == 0

    action = protocol.venue.encode("setFees", 0, 1)
    protocol.authority.send("schedule", protocol.venue.address, action, 0, sender=governor)
    protocol.authority.send("cancel", governor, protocol.venue.address, action, sender=guardian)
    with refused("AccessManagedUnauthorized", caller=guardian):
        protocol.venue.send("setFees", 0, 1, sender=guardian)


def test_roles__feeder__sets_smiles_and_the_guardian_drops_them(
    protocol: Protocol, chain: Anvil, refused: Refused
) -> None:
    clock, surface = Clock(chain.rpc), protocol.surface
    feeder, guardian = chain.accounts[FEEDER_PERSON], chain.accounts[GUARDIAN_PERSON]
    protocol.set_price(1, 2_010 * WAD)  # a move, so that there is variance
    expiry = clock.now + 30 * 86_400
    smile = smile_of(surface.call("pairOf", 1, expiry)[0].nearWord).fields  # what stands in for one
    for who in (guardian, chain.accounts[GOVERNOR_PERSON]):
        with refused("AccessManagedUnauthorized", caller=who):
            surface.send("setSmile", 1, expiry, smile, sender=who)
    surface.send("setSmile", 1, expiry, smile, sender=feeder)
    assert tuple(surface.call("smileOf", 1, expiry)[0]) == smile
    with refused("AccessManagedUnauthorized", caller=feeder):
        surface.send("dropSmile", 1, expiry, sender=feeder)
    surface.send("dropSmile", 1, expiry, sender=guardian)
    assert surface.call("smileOf", 1, expiry)[1] == 0


def test_roles__admin__changes_roles_after_the_longer_delay(
    protocol: Protocol, chain: Anvil, config: Config
) -> None:
    governor = chain.accounts[GOVERNOR_PERSON]
    assert tuple(protocol.authority.call("hasRole", ADMIN, governor)) == (
        True,
        config.access.admin_delay_seconds,
    )
    with pytest.raises(Reverted, match="AccessManagerNotScheduled"):
        protocol.authority.call("grantRole", GOVERNOR, governor, 0, sender=governor)


def test_deploy__after_governance_acted__is_left_alone(chain: Anvil, config: Config, path: Path) -> None:
    run(chain.rpc, config, path)
    protocol = Protocol.load(chain.rpc, path)
    governor = chain.accounts[GOVERNOR_PERSON]
    action = (protocol.insurance.address, protocol.insurance.encode("setCap", 1, 7))
    protocol.authority.send("schedule", *action, 0, sender=governor)
    clock = Clock(chain.rpc)
    clock.set(clock.now + config.access.governor_delay_seconds)
    protocol.authority.send("execute", *action, sender=governor, gas=1_000_000)

    assert run(chain.rpc, config, path) == {KEPT: len(plan(config)) - 1, CHANGED: 1}
    assert protocol.insurance.call("capOf", 1) == 7


# Refusals


def test_deploy__wrong_network__is_refused(chain: Anvil, config: Config) -> None:
    chain.rpc.call("anvil_setChainId", 5)
    try:
        with pytest.raises(
            ConfigError, match="wrong network: the node is on chain 5, the configuration is for 31337"
        ):
            deploy(chain.rpc, config)
    finally:
        chain.rpc.call("anvil_setChainId", 31337)


def test_deploy__other_parameters__are_refused_by_name(chain: Anvil, config: Config, path: Path) -> None:
    run(chain.rpc, config, path)
    with pytest.raises(
        ConfigError, match=r"venue\.taker_fee_bps: 5 → 6; changed parameters go through governance"
    ):
        run(chain.rpc, changed(config, "venue.taker_fee_bps", 6), path)


def test_deploy__other_bytecode__is_refused_by_name(
    chain: Anvil, config: Config, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(chain.rpc, config, path)
    monkeypatch.setitem(artifact("Risk").__dict__, "bytecode", artifact("Risk").bytecode + "00")
    with pytest.raises(
        DeploymentError, match=r"Risk was deployed from other bytecode \(0x.* now 0x.*--fresh"
    ):
        run(chain.rpc, config, path)


def test_deploy__foreign_code_at_an_address__is_refused(chain: Anvil, config: Config, path: Path) -> None:
    run(chain.rpc, config, path)
    risk = Deployment.load(path).addresses["Risk"]
    chain.rpc.call("anvil_setCode", risk, "0x00")
    with pytest.raises(DeploymentError, match=f"Risk: the code at {risk} isn't what the record says"):
        run(chain.rpc, config, path)


def test_deploy__local_chain_is_gone__begins_anew(chain: Anvil, config: Config, path: Path) -> None:
    run(chain.rpc, config, path)
    with Anvil() as other:
        outcomes = run(other.rpc, config, path)
        assert outcomes == {NOTE: 1, DONE: len(plan(config))}
        assert Protocol.load(other.rpc, path).record.genesis != ""
    with pytest.raises(ConfigError, match="is of a chain 31337 that is gone"):
        Protocol.load(chain.rpc, path)


def test_deploy__fresh__keeps_the_old_record(chain: Anvil, config: Config, path: Path) -> None:
    run(chain.rpc, config, path)
    first = path.read_bytes()
    assert run(chain.rpc, config, path, fresh=True) == {DONE: len(plan(config))}
    run(chain.rpc, config, path, fresh=True)
    assert (path.parent / "31337.1.json").read_bytes() == first
    assert (path.parent / "31337.2.json").exists()
    assert code_at(chain, Deployment.load(path).addresses["Ledger"]) != "0x"


def test_deploy__damaged_record__is_refused(chain: Anvil, config: Config, path: Path) -> None:
    path.parent.mkdir()
    for text in ("", "{", "[]", "{}", '{"format": 1, "contracts": {}, "more": 1}'):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"31337\.json is not a deployment record"):
            run(chain.rpc, config, path)
    path.write_text('{"format": 0}')
    with pytest.raises(ConfigError, match="written by another version"):
        run(chain.rpc, config, path)


def test_deploy__without_ether__is_refused(chain: Anvil, config: Config) -> None:
    key = Account.create()
    with pytest.raises(ConfigError, match=f"the deployer {key.address} has no ether on chain 31337: fund it"):
        deploy(chain.rpc, config, sender=key)


def test_deploy__ether_runs_out__goes_on_when_there_is_more(chain: Anvil, config: Config, path: Path) -> None:
    key = Account.create()
    chain.rpc.call("anvil_setBalance", key.address, hex(10**16))
    with pytest.raises(DeploymentError, match=r"^[\w .]+: .*[Ii]nsufficient funds"):
        run(chain.rpc, config, path, sender=key)
    chain.rpc.call("anvil_setBalance", key.address, hex(10**20))
    outcomes = run(chain.rpc, config, path, sender=key)
    assert outcomes[DONE] and outcomes[KEPT] and outcomes.total() == len(plan(config))


@pytest.mark.parametrize("place", [GOVERNOR_PERSON, GUARDIAN_PERSON, FEEDER_PERSON])
def test_deploy__deployer_is_somebody_else__is_refused(chain: Anvil, config: Config, place: int) -> None:
    with pytest.raises(ConfigError, match="must be neither governor, guardian nor feeder"):
        deploy(chain.rpc, config, sender=chain.accounts[place])


def test_deploy__node_has_too_few_accounts__is_refused(chain: Anvil, config: Config) -> None:
    with pytest.raises(ConfigError, match=r"access\.guardian: the node has 10 accounts, so none at place 10"):
        deploy(chain.rpc, changed(config, "access.guardian", 10))


def test_deploy__given_token_and_feed__are_adopted(chain: Anvil, config: Config) -> None:
    deployer = chain.accounts[0]
    token = deploy_artifact(chain.rpc, artifact("MockToken"), "Wrapped", "WETH", 18, sender=deployer)
    feed = deploy_artifact(chain.rpc, artifact("SettableFeed"), deployer, 8, sender=deployer)
    feed.send("set", 1_234 * 10**8, sender=deployer)
    given = [{"kind": "settable", "address": feed.address}]
    own = changed(changed(config, "collateral.WETH.address", token.address), "underlyings.ETH.sources", given)
    protocol = Protocol(chain.rpc, deploy(chain.rpc, own))
    assert protocol.tokens[1].address == token.address
    assert protocol.markets()[0].price.spot_wad == 1_234 * 10**18


def test_deploy__given_token_is_not_one__is_refused(chain: Anvil, config: Config) -> None:
    deployer, nobody = chain.accounts[0], chain.accounts[9]
    with pytest.raises(ConfigError, match=f"there is no contract at {nobody} on chain 31337"):
        deploy(chain.rpc, changed(config, "settlement.address", nobody))
    counter = deploy_artifact(chain.rpc, artifact("MockCounter"), 1, sender=deployer)
    with pytest.raises(ConfigError, match=rf"Token\.USDC: {counter.address} isn't one"):
        deploy(chain.rpc, changed(config, "settlement.address", counter.address))
    token = deploy_artifact(chain.rpc, artifact("MockToken"), "Dollar", "USDC", 18, sender=deployer)
    with pytest.raises(
        ConfigError, match=f"USDC at {token.address} has 18 decimals, the configuration says 6"
    ):
        deploy(chain.rpc, changed(config, "settlement.address", token.address))


def test_deploy__given_feed_has_no_price__is_refused(chain: Anvil, config: Config) -> None:
    feed = deploy_artifact(
        chain.rpc, artifact("SettableFeed"), chain.accounts[0], 8, sender=chain.accounts[0]
    )
    with pytest.raises(ConfigError, match=f"the feed of ETH at {feed.address} has no price"):
        given = [{"kind": "settable", "address": feed.address}]
        deploy(chain.rpc, changed(config, "underlyings.ETH.sources", given))


def test_deploy__sources_of_every_kind__settle_a_price(chain: Anvil, config: Config) -> None:
    """Two settable feeds, an aggregator and Pyth: three of the four are a quorum. The pool has a test of its own."""
    deployer = chain.accounts[0]
    aggregator = deploy_artifact(chain.rpc, artifact("SettableFeed"), deployer, 6, sender=deployer)
    aggregator.send("set", 2_001 * 10**6, sender=deployer)
    pyth = deploy_artifact(chain.rpc, artifact("MockPyth"), 60, 1, sender=deployer)
    name = "0x" + "ab" * 32
    at = int(chain.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    price = pyth.call("createPriceFeedUpdateData", name, 2_002 * 10**8, 10**8, -8, 1, 1, at, at)
    pyth.send("updatePriceFeeds", [price], sender=deployer, value=1)
    eth = {
        **config.plain()["underlyings"]["ETH"],
        "quorum": 3,
        "sources": [
            {"kind": "settable"},
            {"kind": "chainlink", "address": aggregator.address},
            {"kind": "pyth", "address": pyth.address, "id": name},
            {"kind": "settable"},
        ],
    }
    protocol = Protocol(chain.rpc, deploy(chain.rpc, changed(config, "underlyings.ETH", eth)))

    assert [feed.artifact.name for feed in protocol.feeds[1]] == [
        "SettableFeed", "ChainlinkSource", "PythSource", "SettableFeed",
    ]  # fmt: skip
    assert protocol.oracle.call("feedOf", 1)[0] == [feed.address for feed in protocol.feeds[1]]
    assert list(protocol.record.contracts)[2:7] == [
        "Token.WBTC",
        "Feed.ETH",
        "Feed.ETH.2",
        "Feed.ETH.3",
        "Feed.ETH.4",
    ]
    # 2,000 twice, 2,001, and 2,002 ± 1 with a little less weight: half of it, and more, lies up to the second 2,000
    assert protocol.markets()[0].price.spot_wad == 2_000 * 10**18
