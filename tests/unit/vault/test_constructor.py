"""constructor
├── a limit doesn't fit 112 bits         -> SafeCastOverflowedUintDowncast
├── no share, no window, a ramp too long -> BadConfig
└── otherwise                            -> keeps its arguments, holds nothing, emits CapSet and OutflowFloorSet
"""

from collections.abc import Callable

import pytest

from holdfast.chain.artifacts import vocabulary
from holdfast.chain.contract import Contract
from tests.conftest import START, Clock, Refused, Roles

RULES = (500, 60, 3_600, 86_400)


@pytest.mark.parametrize("limits", [(2**112, 1), (1, 2**112)])
def test_constructor__limit_too_large__reverts(
    deploy: Callable[..., Contract],
    authority: Contract,
    roles: Roles,
    token: Contract,
    refused: Refused,
    limits: tuple[int, int],
) -> None:
    with refused("SafeCastOverflowedUintDowncast", bits=112, value=2**112):
        deploy("Vault", authority.address, roles.ledger, token.address, (*limits, *RULES))


@pytest.mark.parametrize(
    ("rules", "value", "bound"),
    [
        ((0, 60, 1, 1), 0, 10_000),
        ((10_001, 60, 1, 1), 10_001, 10_000),
        ((1, 0, 1, 1), 0, 1),
        ((1, 60, 0, 1), 0, 1),
        ((1, 60, 2, 1), 2, 1),
    ],
)
def test_constructor__bad_rules__reverts(
    deploy: Callable[..., Contract],
    authority: Contract,
    roles: Roles,
    token: Contract,
    refused: Refused,
    rules: tuple[int, ...],
    value: int,
    bound: int,
) -> None:
    with refused("BadConfig", value=value, bound=bound):
        deploy("Vault", authority.address, roles.ledger, token.address, (1, 1, *rules))


def test_constructor__arguments__are_kept(
    deploy: Callable[..., Contract], authority: Contract, roles: Roles, token: Contract, clock: Clock
) -> None:
    clock.next(START + 7)
    vault = deploy("Vault", authority.address, roles.ledger, token.address, (2**112 - 1, 9, *RULES))

    assert vault.call("authority") == authority.address
    assert vault.call("ledger") == roles.ledger
    assert vault.call("token") == token.address
    assert (vault.call("cap"), vault.call("outflowFloor")) == (2**112 - 1, 9)
    names = ("OUTFLOW_SHARE_BPS", "WINDOW_SECONDS", "RAMP_SECONDS", "EPOCH_SECONDS")
    assert tuple(vault.call(name) for name in names) == RULES
    assert (vault.call("held"), tuple(vault.call("outflow"))) == (0, (0, 9))
    cap, floor = vault.call("limits")
    assert tuple(cap) == (2**112 - 1, 2**112 - 1, 0, 2**112 - 1, START + 7)
    assert tuple(floor) == (9, 9, 0, 9, START + 7)
    logs = vault.rpc.call("eth_getLogs", {"address": vault.address, "fromBlock": "earliest"})
    events = [vocabulary().event(log) for log in logs]
    assert [(event.name, event.args) for event in events if event][-2:] == [
        ("CapSet", {"cap": 2**112 - 1, "arrivesAt": 0}),
        ("OutflowFloorSet", {"floor": 9, "arrivesAt": 0}),
    ]
