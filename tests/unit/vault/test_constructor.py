"""constructor
├── the cap doesn't fit 128 bits -> SafeCastOverflowedUintDowncast
└── otherwise                    -> keeps its arguments, holds nothing, emits CapSet
"""

from collections.abc import Callable

from holdfast.chain.artifacts import vocabulary
from holdfast.chain.contract import Contract
from tests.conftest import Refused, Roles


def test_constructor__cap_too_large__reverts(
    deploy: Callable[..., Contract], authority: Contract, roles: Roles, token: Contract, refused: Refused
) -> None:
    with refused("SafeCastOverflowedUintDowncast", bits=128, value=2**128):
        deploy("Vault", authority.address, roles.ledger, token.address, 2**128)


def test_constructor__arguments__are_kept(
    deploy: Callable[..., Contract], authority: Contract, roles: Roles, token: Contract
) -> None:
    vault = deploy("Vault", authority.address, roles.ledger, token.address, 2**128 - 1)

    assert vault.call("authority") == authority.address
    assert vault.call("ledger") == roles.ledger
    assert vault.call("token") == token.address
    assert vault.call("cap") == 2**128 - 1
    assert vault.call("held") == 0
    logs = vault.rpc.call("eth_getLogs", {"address": vault.address, "fromBlock": "earliest"})
    events = [vocabulary().event(log) for log in logs]
    assert [(event.name, event.args) for event in events if event][-1] == ("CapSet", {"cap": 2**128 - 1})
