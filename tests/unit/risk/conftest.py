"""Risk with one instrument and one collateral, set by the governor an epoch ago; costs that no margin has to bear."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import START, Clock, Roles
from tests.unit.risk.numbers import BTC, EPOCH, ETH, HAIRCUTS, HEARTBEAT, PARAMS, RULES, WETH


class MakeRisk:
    def __init__(
        self,
        deploy: Callable[..., Contract],
        authority: Contract,
        permit: Callable[..., None],
        roles: Roles,
    ) -> None:
        self._deploy, self._authority, self._permit, self._roles = deploy, authority, permit, roles

    def __call__(self, *envelope: int) -> Contract:
        """`envelope`: volatility floor, funding cap, highest fee, reward cap."""
        oracle = self._deploy("MockSurroundings")
        for instrument in (ETH, BTC):
            oracle.send("setHeartbeat", instrument >> 168, HEARTBEAT, sender=self._roles.deployer)
        contract = self._deploy(
            "Risk", self._authority.address, *[oracle.address] * 4, (*RULES, *(envelope or (0, 0, 0, 0)))
        )
        self._permit(self._roles.governor, contract, "setInstrument", "setAsset")
        self._permit(self._roles.guardian, contract, "tightenInstrument", "tightenAsset")
        return contract


@pytest.fixture
def make_risk(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> MakeRisk:
    return MakeRisk(deploy, authority, permit, roles)


@pytest.fixture
def risk(make_risk: MakeRisk, clock: Clock, roles: Roles) -> Contract:
    contract = make_risk()
    contract.send("setInstrument", ETH, PARAMS, sender=roles.governor)
    contract.send("setAsset", WETH, HAIRCUTS, sender=roles.governor)
    clock.set(START + 2 * EPOCH)
    return contract
