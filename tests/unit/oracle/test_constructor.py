"""constructor
├── breaker has no code              -> NoBreaker
├── decay is above MAX_EMA_DECAY_WAD, or that of the variance not below one -> DecayTooSlow
├── contests may last longer than MAX_CONTESTED_SECONDS -> ContestTooLong
└── otherwise                        -> keeps its arguments
"""

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.model.oracle import MAX_CONTESTED_SECONDS, MAX_EMA_DECAY_WAD
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.oracle.world import DECAY_WAD, LONGEST, RULES, SLOW, VARIANCE_DECAY_WAD, World


def test_constructor__breaker_without_code__reverts(
    deploy: Callable[..., Contract], authority: Contract, roles: Roles, refused: Refused
) -> None:
    with refused("NoBreaker", breaker=roles.stranger):
        deploy("Oracle", authority.address, roles.stranger, *RULES)


def test_constructor__decay_too_slow__reverts(
    deploy: Callable[..., Contract], world: World, authority: Contract, refused: Refused
) -> None:
    limit = MAX_EMA_DECAY_WAD

    deploy("Oracle", authority.address, world.breaker.address, limit, *RULES[1:])
    with refused("DecayTooSlow", decayWad=limit + 1, maxWad=limit):
        deploy("Oracle", authority.address, world.breaker.address, limit + 1, *RULES[1:])


def test_constructor__variance_never_forgets__reverts(
    deploy: Callable[..., Contract], world: World, authority: Contract, refused: Refused
) -> None:
    deploy("Oracle", authority.address, world.breaker.address, DECAY_WAD, WAD - 1, *RULES[2:])
    with refused("DecayTooSlow", decayWad=WAD, maxWad=WAD - 1):
        deploy("Oracle", authority.address, world.breaker.address, DECAY_WAD, WAD, *RULES[2:])


def test_constructor__contest_too_long__reverts(
    deploy: Callable[..., Contract], world: World, authority: Contract, refused: Refused
) -> None:
    limit = MAX_CONTESTED_SECONDS

    deploy("Oracle", authority.address, world.breaker.address, *RULES[:-1], limit)
    with refused("ContestTooLong", contestedSeconds=limit + 1, maxSeconds=limit):
        deploy("Oracle", authority.address, world.breaker.address, *RULES[:-1], limit + 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rules", (DECAY_WAD, VARIANCE_DECAY_WAD, SLOW, LONGEST)),
        ("HEARTBEAT_UNIT", 10),
        ("SOURCE_GAS", 200_000),
    ],
)
def test_constructor__arguments_and_constants__are_kept(world: World, name: str, value: object) -> None:
    assert world.oracle.call(name) == value


def test_constructor__breaker_and_authority__are_kept(world: World, authority: Contract) -> None:
    assert world.oracle.call("breaker") == world.breaker.address
    assert world.oracle.call("authority") == authority.address
