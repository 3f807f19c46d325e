"""Tranche.setParams, stop
├── parameter beyond its bound          -> BadParams, each with its bound
├── within                              -> set, with an event
├── by anybody but the governor         -> AccessManagedUnauthorized
└── stop
    ├── longer than a day               -> StopTooLong
    ├── again before the cooldown       -> CoolingDown
    ├── by anybody but the guardian     -> AccessManagedUnauthorized
    └── for a while                     -> ends by itself
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace

import pytest

from holdfast.chain.contract import Contract
from tests.backstop import Pool
from tests.conftest import Refused
from tests.stage import Stage, address_of


@pytest.fixture
def tranche(pool: Pool, deploy: Callable[..., Contract], stage: Stage) -> Contract:
    """Another one, whose governor may set at once."""
    p = stage.protocol
    authority = stage.deploy("Authority", address_of("deployer"), by="deployer")
    parts = tuple(
        p.contract(name).address
        for name in ("Ledger", "Liquidation", "Venue", "Oracle", "Breaker", "Vault.USDC")
    )
    found = stage.deploy(
        "Tranche", authority, (*parts, 1, 1), "Backstop", "B", astuple(pool.params), by="deployer"
    )
    selector = found.artifact.find("setParams").selector
    stage.send(authority, "setTargetFunctionRole", found.address, [selector], 1, by="deployer")
    stage.send(authority, "grantRole", 1, address_of("governor"), 0, by="deployer")
    return found


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("leverage_bps", 100_000),
        ("min_discount_bps", 10_000),
        ("wait_seconds", 86_400),
        ("concession_bps", 1_000),
        ("unwind_seconds", 604_800),
        ("vest_seconds", 2_592_000),
        ("reward_cap_bps", 2_000),
        ("reward_gas", 1_500_000),
    ],
)
def test_set_params__beyond_its_bound__refused(
    stage: Stage, pool: Pool, tranche: Contract, refused: Refused, name: str, bound: int
) -> None:
    with refused("BadParams", value=bound + 1, bound=bound):
        stage.send(tranche, "setParams", astuple(replace(pool.params, **{name: bound + 1})), by="governor")
    set_to = replace(pool.params, **{name: bound})
    receipt = stage.send(tranche, "setParams", astuple(set_to), by="governor")
    assert astuple(set_to) == tuple(receipt.event("ParamsSet").args["params"])
    assert tuple(tranche.call("params")) == astuple(set_to)


@pytest.mark.parametrize("name", ["unwind_seconds", "vest_seconds"])
def test_set_params__no_time_at_all__refused(
    stage: Stage, pool: Pool, tranche: Contract, refused: Refused, name: str
) -> None:
    with refused("BadParams", value=1, bound=0):
        stage.send(tranche, "setParams", astuple(replace(pool.params, **{name: 0})), by="governor")


@pytest.mark.parametrize("who", ["stranger", "guardian", "keeper"])
def test_set_params__not_the_governor__refused(pool: Pool, refused: Refused, who: str) -> None:
    with refused("AccessManagedUnauthorized", caller=address_of(who)):
        pool.send("setParams", astuple(pool.params), by=who)


@pytest.mark.parametrize("who", ["stranger", "governor", "keeper"])
def test_stop__not_the_guardian__refused(pool: Pool, refused: Refused, who: str) -> None:
    with refused("AccessManagedUnauthorized", caller=address_of(who)):
        pool.send("stop", 1, by=who)


def test_stop__bounded_and_not_to_be_chained(stage: Stage, pool: Pool, refused: Refused) -> None:
    with refused("StopTooLong", stopSeconds=86_401, maxSeconds=86_400):
        pool.send("stop", 86_401, by="guardian")
    receipt = pool.send("stop", 86_400, by="guardian")
    until = stage.time + 86_400
    assert receipt.event("Stopped").args == {"until": until} and pool.state.stoppedUntil == until
    ready = until + 2 * 86_400
    stage.until(ready - 1)
    with refused("CoolingDown", readyAt=ready):
        pool.send("stop", 0, by="guardian")
    stage.until(ready)
    pool.send("stop", 1, by="guardian")
