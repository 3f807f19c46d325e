"""`deployments/<chain-id>.json`: what was deployed where, written after every step so that a cut run can be resumed.

Before a transaction is sent its nonce, and for a creation the address it will have, are written as `pending`; after it
was mined the result takes its place. Whatever moment a run is cut at, the next one knows what to look for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError

FORMAT: Final = 1


def deployment_path(chain_id: int) -> Path:
    return PROJECT / "deployments" / f"{chain_id}.json"


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """One contract of a deployment."""

    artifact: str  # whose ABI it speaks
    address: str
    args: list[Any] = field(default_factory=list)  # as text, in the constructor's order
    tx: str | None = None  # None: given by the configuration, or found after a cut
    creation_hash: str | None = None  # of the artifact's bytecode, without arguments; None: not ours
    code_hash: str | None = None  # of what lies at the address


@dataclass(kw_only=True)
class Deployment:
    """A deployment record. Changes only while `deploy` runs."""

    chain_id: int
    genesis: str  # hash of the chain's first block: tells one local chain from the next
    deployer: str
    config: dict[str, Any]
    config_digest: str
    contracts: dict[str, Deployed] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)  # name → hash of the transaction
    pending: dict[str, Any] | None = None
    complete: bool = False
    path: Path | None = None  # None: kept in memory only

    @property
    def addresses(self) -> Mapping[str, str]:
        return {name: contract.address for name, contract in self.contracts.items()}

    @classmethod
    def load(cls, path: Path) -> Self:
        """ConfigError where there is no such file, or it isn't a record."""
        try:
            data = json.loads(path.read_text())
            if data.pop("format") != FORMAT:
                raise ConfigError(f"{path}: written by another version of Holdfast")
            contracts = {name: Deployed(**entry) for name, entry in data.pop("contracts").items()}
            return cls(**data, contracts=contracts, path=path)
        except FileNotFoundError:
            raise ConfigError(f"{path} doesn't exist: nothing was deployed; run `ape run deploy`") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path} is not a deployment record: {error!r}") from None

    def save(self) -> None:
        """Replaces the file in one step: a reader sees the old record or the new one, never half of one."""
        if self.path is None:
            return
        data = {"format": FORMAT, **asdict(self)}
        del data["path"]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".json.new")
        with beside.open("w") as file:
            json.dump(data, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)

    def set_aside(self) -> None:
        """Renames the file to `<chain-id>.<n>.json`: the addresses in it may still matter to somebody."""
        if self.path is None or not self.path.exists():
            return
        number = 1
        while (aside := self.path.with_name(f"{self.path.stem}.{number}.json")).exists():
            number += 1
        self.path.rename(aside)


def differences(before: Any, after: Any, key: str = "") -> list[str]:
    """`key: before → after` for each value that differs, nested mappings followed."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return [] if before == after else [f"{key}: {before} → {after}"]
    found = []
    for name in dict.fromkeys((*before, *after)):
        path = f"{key}.{name}" if key else str(name)
        if name not in after:
            found.append(f"{path}: removed")
        elif name not in before:
            found.append(f"{path}: added")
        else:
            found += differences(before[name], after[name], path)
    if not found and list(before) != list(after):
        found.append(f"{key or 'file'}: order changed")
    return found
