"""Attackers' tools: deployments with other parameters, and histories of thousands of calls."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from holdfast.chain.anvil import revert
from holdfast.chain.config import parse_config
from holdfast.chain.deploy import deploy
from holdfast.chain.protocol import Protocol
from holdfast.chain.rpc import Rpc
from holdfast.sim.history import Call, call
from tests.conftest import CONFIG, GENESIS
from tests.stage import Stage, address_of


def deployed_with(rpc: Rpc, change: Callable[[dict[str, Any]], None]) -> Protocol:
    """The protocol with changed parameters."""
    data = tomllib.loads(CONFIG.read_text(), parse_float=Decimal)
    change(data)
    return Protocol(rpc, deploy(rpc, parse_config(data, "attack")))


@contextmanager
def undone(protocol: Protocol) -> Iterator[Stage]:
    """A stage on a chain of its own; what happens on it is undone."""
    snapshot = protocol.rpc.call("evm_snapshot")
    yield Stage(protocol, GENESIS + 600)
    revert(protocol.rpc, snapshot)


def wide(data: dict[str, Any]) -> None:
    """Sixteen markets and five collaterals: as many as one account can hold."""
    names = ["ETH", "BTC", *(f"U{i:02}" for i in range(3, 17))]
    like = data["underlyings"]["ETH"] | {"price": 2_000}
    data["underlyings"] = dict.fromkeys(names, like) | {"BTC": data["underlyings"]["BTC"]}
    perpetual = data["instruments"]["ETH-PERP"]
    data["instruments"] = {f"{name}-PERP": perpetual | {"underlying": name} for name in names}
    data["insurance"]["caps"] = dict.fromkeys(names, 5_000_000)
    weth = data["collateral"]["WETH"]
    for name in ("U03", "U04", "U05"):
        data["collateral"][f"W{name}"] = weth | {"underlying": name, "netted": False}


def to_be(stage: Stage, contract: Any, function: str, *args: Any, by: Any) -> Call:
    """A call for a simulated history."""
    return call(contract, function, *args, sender=address_of(by), gas=30_000_000)
