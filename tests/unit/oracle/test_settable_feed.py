"""SettableFeed
├── owner: as given, or the deployer
├── set, setAt
│   ├── by anybody else    -> NotOwner
│   ├── time beyond 176 bits -> SafeCastOverflowedUintDowncast
│   └── by the owner       -> answers, counts rounds, emits AnswerSet
└── before the first       -> zeros
"""

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Refused, Roles


@pytest.fixture
def feed(deploy: Callable[..., Contract], roles: Roles) -> Contract:
    return deploy("SettableFeed", roles.keeper, 8)


def test_constructor__owner__given_or_deployer(
    deploy: Callable[..., Contract], roles: Roles, feed: Contract
) -> None:
    assert feed.call("owner") == roles.keeper
    assert feed.call("decimals") == 8
    nobody = "0x" + "00" * 20
    assert deploy("SettableFeed", nobody, 6, sender=roles.trader).call("owner") == roles.trader


@pytest.mark.parametrize("call", [("set", 5), ("setAt", 5, 7)], ids=lambda call: call[0])
def test_set__not_the_owner__reverts(
    feed: Contract, roles: Roles, refused: Refused, call: tuple[object, ...]
) -> None:
    with refused("NotOwner", caller=roles.deployer):
        feed.send(*call, sender=roles.deployer)


def test_set_at__time_too_large__reverts(feed: Contract, roles: Roles, refused: Refused) -> None:
    with refused("SafeCastOverflowedUintDowncast", bits=176, value=2**176):
        feed.send("setAt", 1, 2**176, sender=roles.keeper)


def test_set__owner__answers_as_of_now(feed: Contract, roles: Roles, clock: Clock) -> None:
    time = clock.now + 10
    clock.next(time)

    receipt = feed.send("set", 123, sender=roles.keeper)

    assert receipt.event("AnswerSet").args == {"answer": 123, "updatedAt": time, "roundId": 1}
    assert tuple(feed.call("latestRoundData")) == (1, 123, time, time, 1)


def test_set_at__owner__answers_as_of_then(feed: Contract, roles: Roles) -> None:
    feed.send("set", 1, sender=roles.keeper)

    receipt = feed.send("setAt", -123, 77, sender=roles.keeper)

    assert receipt.event("AnswerSet").args == {"answer": -123, "updatedAt": 77, "roundId": 2}
    assert tuple(feed.call("latestRoundData")) == (2, -123, 77, 77, 2)


def test_latest_round_data__never_set__zeros(feed: Contract) -> None:
    assert tuple(feed.call("latestRoundData")) == (0, 0, 0, 0, 0)
