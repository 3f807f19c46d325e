"""Runs the plan: what is done stays, what is missing is sent, and a cut run goes on where it was.

    deploy(rpc, load_config("local"), path=deployment_path(31337))

A complete deployment is only looked at: code is immutable, and parameters move through governance from then on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from holdfast.chain.abi import as_address, checksummed
from holdfast.chain.artifacts import artifact
from holdfast.chain.config import Config
from holdfast.chain.contract import Contract, reverted
from holdfast.chain.plan import Adopt, Apply, Create, Site, Step, plan
from holdfast.chain.record import Deployed, Deployment, differences
from holdfast.chain.rpc import Rpc
from holdfast.chain.transactions import Receipt, Sender, submit, wait
from holdfast.errors import ChainError, ConfigError, DeploymentError, RpcError

SETTLE_SECONDS: Final = 120.0
"""How long a resumed run waits for the transaction that the cut one had sent."""

Report = Callable[[str, str], None]
"""Told (step, outcome) as steps pass; outcome is one of the four below."""

DONE: Final = "done"
KEPT: Final = "kept"
CHANGED: Final = "changed by governance"
NOTE: Final = "note"


def deploy(
    rpc: Rpc,
    config: Config,
    *,
    path: Path | None = None,  # of the record; None: kept in memory only
    sender: Sender | None = None,  # None: the local node's first account
    fresh: bool = False,  # begin anew, whatever the record says
    report: Report = lambda step, outcome: None,
) -> Deployment:
    """Brings the chain to what the configuration says. ConfigError or DeploymentError in one line where it can't."""
    chain_id = int(rpc.call("eth_chainId"), 16)
    if chain_id != config.chain_id:
        raise ConfigError(
            f"wrong network: the node is on chain {chain_id}, the configuration is for {config.chain_id}"
        )
    accounts = [as_address(account) for account in rpc.call("eth_accounts")] if config.local else []
    sender = _sender(config, sender, accounts)
    record = _record(rpc, config, path, as_address(sender), fresh, report)
    site = Site(
        rpc=rpc,
        config=config,
        record=record,
        sender=sender,
        governor=_person("governor", config.access.governor, accounts),
        guardian=_person("guardian", config.access.guardian, accounts),
        feeder=_person("feeder", config.access.feeder, accounts),
    )
    if site.deployer in (site.governor, site.guardian, site.feeder):
        raise ConfigError(
            f"the deployer {site.deployer} must be neither governor, guardian nor feeder: it keeps no power"
        )
    steps = plan(config)
    _check_unchanged(site, steps)
    if not record.complete:
        _check_funded(site)
        _settle_pending(site, steps)
    for step in steps:
        report(step.title, _run(site, step))
    if not record.complete:
        record.complete = True
        record.save()
    return record


def _sender(config: Config, sender: Sender | None, accounts: list[str]) -> Sender:
    if sender is not None:
        return sender
    if not accounts:
        raise ConfigError(f"chain {config.chain_id}: a key is needed to deploy; the node holds none")
    return accounts[0]


def _person(role: str, value: int | str, accounts: list[str]) -> str:
    if isinstance(value, str):
        return value
    if value >= len(accounts):
        raise ConfigError(f"access.{role}: the node has {len(accounts)} accounts, so none at place {value}")
    return accounts[value]


# The record that a run goes on from


def _record(
    rpc: Rpc, config: Config, path: Path | None, deployer: str, fresh: bool, report: Report
) -> Deployment:
    genesis = rpc.call("eth_getBlockByNumber", "0x0", False)["hash"]
    record = Deployment.load(path) if path is not None and path.exists() else None
    if record is not None and config.local and not _same_chain(rpc, record, genesis):
        report(f"{path} is of a local chain that is gone", NOTE)
        record = None
    if record is not None and fresh:
        record.set_aside()
        record = None
    if record is None:
        return Deployment(
            chain_id=config.chain_id,
            genesis=genesis,
            deployer=deployer,
            config=config.plain(),
            config_digest=config.digest,
            path=path,
        )
    if record.chain_id != config.chain_id or record.genesis != genesis:
        raise ConfigError(f"{path} is of another chain ({record.chain_id}, genesis {record.genesis})")
    if not record.complete and record.deployer != deployer:
        raise ConfigError(f"{path} was begun by {record.deployer}: only that key can go on, {deployer} can't")
    return record


def _same_chain(rpc: Rpc, record: Deployment, genesis: str) -> bool:
    """A local chain may have been started anew, or turned back to before the deployment."""
    return record.genesis == genesis and all(_codes(rpc, record.addresses.values()))


def _codes(rpc: Rpc, addresses: Iterable[str]) -> list[bytes]:
    answers = rpc.batch(("eth_getCode", (address, "latest")) for address in addresses)
    return [bytes.fromhex(answer[2:]) for answer in answers]


def _check_unchanged(site: Site, steps: list[Step]) -> None:
    """The record must fit the configuration, the bytecode of today and the code on the chain."""
    record = site.record
    advice = "changed parameters go through governance (docs/roles.md), changed code needs a new deployment (--fresh)"
    if record.config_digest != site.config.digest:
        changed = differences(record.config, site.config.plain())
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ConfigError(f"the configuration isn't the deployed one: {changed[0]}{more}; {advice}")
    for step in steps:
        if not isinstance(step, Create) or step.name not in record.contracts:
            continue
        before, now = record.contracts[step.name].creation_hash, _creation_hash(step)
        if before != now:
            raise DeploymentError(
                f"{step.name} was deployed from other bytecode ({before}, now {now}); {advice}"
            )
    for (name, known), code in zip(
        record.contracts.items(), _codes(site.rpc, record.addresses.values()), strict=True
    ):
        if not code:
            raise DeploymentError(f"{name}: the record says {known.address}, but no contract is there")
        if known.code_hash != _hash(code):
            raise DeploymentError(f"{name}: the code at {known.address} isn't what the record says")


def _check_funded(site: Site) -> None:
    if int(site.rpc.call("eth_getBalance", site.deployer, "latest"), 16) == 0:
        raise ConfigError(
            f"the deployer {site.deployer} has no ether on chain {site.config.chain_id}: fund it"
        )


def _settle_pending(site: Site, steps: list[Step]) -> None:
    """The cut run may have sent a transaction whose outcome it never saw: wait for it, and keep what it created."""
    record, pending = site.record, site.record.pending
    if pending is None:
        return
    deadline = time.monotonic() + SETTLE_SECONDS
    while _nonce(site, "pending") > pending["nonce"] >= _nonce(site, "latest"):
        if time.monotonic() > deadline:
            raise ChainError(
                f"a transaction of {site.deployer} (nonce {pending['nonce']}) is still not mined: wait"
            )
        time.sleep(0.25)
    step = next((one for one in steps if one.title == pending["step"]), None)
    if isinstance(step, Create) and _codes(site.rpc, [pending["address"]])[0]:
        _keep(site, step, pending["address"], pending["args"], None)
    record.pending = None
    record.save()


def _nonce(site: Site, block: str) -> int:
    return int(site.rpc.call("eth_getTransactionCount", site.deployer, block), 16)


# Steps


def _run(site: Site, step: Step) -> str:
    if isinstance(step, Apply):
        if step.done(site):
            return KEPT
        if site.record.complete:
            return CHANGED
        _apply(site, step)
    elif step.name in site.record.contracts:
        return KEPT
    elif isinstance(step, Create):
        _create(site, step)
    else:
        _adopt(site, step)
    return DONE


def _create(site: Site, step: Create) -> None:
    args = step.args(site)
    data = artifact(step.artifact).creation(*args)
    nonce = _nonce(site, "pending")
    address = _created_at(site.deployer, nonce)
    site.record.pending = {"step": step.title, "nonce": nonce, "address": address, "args": _plain(args)}
    site.record.save()
    receipt = _send(site, step.title, None, data)
    if receipt.contract_address is None or not _codes(site.rpc, [receipt.contract_address])[0]:
        raise DeploymentError(f"{step.name} wasn't created by {receipt.hash}")
    _keep(site, step, receipt.contract_address, _plain(args), receipt.hash)


def _created_at(deployer: str, nonce: int) -> str:
    """Where the contract will lie: the last 20 bytes of the hash of rlp([deployer, nonce])."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if len(number) == 1 and nonce < 0x80 else bytes([0x80 + len(number)]) + number
    body = b"\x94" + bytes.fromhex(deployer[2:]) + item
    return checksummed(keccak(bytes([0xC0 + len(body)]) + body)[12:])


def _keep(site: Site, step: Create, address: str, args: list[Any], tx: str | None) -> None:
    site.record.contracts[step.name] = Deployed(
        artifact=step.artifact,
        address=address,
        args=args,
        tx=tx,
        creation_hash=_creation_hash(step),
        code_hash=_hash(_codes(site.rpc, [address])[0]),
    )
    site.record.pending = None
    site.record.save()


def _adopt(site: Site, step: Adopt) -> None:
    address = step.address(site)
    code = _codes(site.rpc, [address])[0]
    if not code:
        raise ConfigError(f"{step.name}: there is no contract at {address} on chain {site.config.chain_id}")
    try:
        step.check(Contract(site.rpc, artifact(step.artifact), address))
    except ChainError as error:
        raise ConfigError(f"{step.name}: {address} isn't one ({error})") from error
    site.record.contracts[step.name] = Deployed(
        artifact=step.artifact, address=address, code_hash=_hash(code)
    )
    site.record.save()


def _apply(site: Site, step: Apply) -> None:
    target = site.contract(step.target)
    data = target.encode(step.function, *step.args(site))
    site.record.pending = {"step": step.title, "nonce": _nonce(site, "pending")}
    site.record.save()
    receipt = _send(site, step.title, target.address, data)
    site.record.steps[step.title] = receipt.hash
    site.record.pending = None
    site.record.save()


def _send(site: Site, title: str, to: str | None, data: bytes) -> Receipt:
    try:
        return wait(site.rpc, submit(site.rpc, site.sender, to, data))
    except RpcError as error:
        raise DeploymentError(f"{title}: {reverted(error)}") from error
    except ChainError as error:
        raise DeploymentError(f"{title}: {error}") from error


def _creation_hash(step: Create) -> str:
    return _hash(bytes.fromhex(artifact(step.artifact).bytecode))


def _hash(data: bytes) -> str:
    return "0x" + keccak(data).hex()


def _plain(value: Any) -> Any:
    """As JSON keeps it: numbers as text, since they may be larger than other readers of JSON can take."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, LocalAccount):
        return value.address
    return value if isinstance(value, str) else str(value)
