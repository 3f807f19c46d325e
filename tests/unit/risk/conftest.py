"""Risk with one instrument and one collateral, set by the governor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Roles
from tests.unit.risk.numbers import ETH, HAIRCUTS, PARAMS, WETH


@pytest.fixture
def risk(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> Contract:
    contract = deploy("Risk", authority.address)
    permit(roles.governor, contract, "setInstrument", "setAsset")
    permit(roles.guardian, contract, "tightenInstrument", "tightenAsset")
    contract.send("setInstrument", ETH, PARAMS, sender=roles.governor)
    contract.send("setAsset", WETH, HAIRCUTS, sender=roles.governor)
    return contract
