"""push, and the bucket that leaks
├── more than fits                -> OutflowExceeded with what fits
├── exempt                        -> neither refused nor counted
├── in part exempt                -> the rest is
├── after a while                 -> as much fits as has leaked
├── after a window                -> all of it
├── a deposit                     -> makes no room
├── much is held                  -> its share is the size of the bucket
├── floor tightened below level   -> nothing fits until it has leaked
└── floor of nothing              -> the share of what is held still leaves
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import START, Clock, Refused, Roles
from tests.unit.vault.conftest import EPOCH, WINDOW

SINCE = START + 2 * EPOCH


@pytest.fixture
def low(vault: Contract, clock: Clock, roles: Roles) -> Contract:
    """It holds 600; 100 may leave in a window."""
    vault.send("pull", roles.trader, 600, sender=roles.ledger)
    vault.send("setOutflowFloor", 100, sender=roles.governor)
    clock.set(SINCE)
    return vault


def leave(vault: Contract, roles: Roles, amount: int, exempt: int = 0) -> None:
    vault.send("push", roles.trader, amount, exempt, sender=roles.ledger)


def test_push__more_than_fits__reverts(low: Contract, roles: Roles, clock: Clock, refused: Refused) -> None:
    with refused("OutflowExceeded", available=100, amount=101):
        leave(low, roles, 101)
    clock.next(SINCE + 1)
    leave(low, roles, 70)
    clock.next(SINCE + 2)
    with refused("OutflowExceeded", available=30, amount=31):
        leave(low, roles, 31)
    clock.next(SINCE + 3)
    leave(low, roles, 30)
    assert low.call("held") == 500
    assert tuple(low.call("outflow")) == (100, 100)


def test_push__exempt__is_neither_refused_nor_counted(
    low: Contract, roles: Roles, clock: Clock, refused: Refused
) -> None:
    leave(low, roles, 200, 200)
    assert tuple(low.call("outflow")) == (0, 100)
    with refused("OutflowExceeded", available=100, amount=101):
        leave(low, roles, 301, 200)
    clock.next(SINCE + 60)
    leave(low, roles, 300, 200)
    assert tuple(low.call("outflow")) == (100, 100)
    clock.next(SINCE + 61)
    leave(low, roles, 5, 100)
    assert low.call("held") == 95


def test_push__a_while_later__as_much_as_has_leaked(
    low: Contract, roles: Roles, clock: Clock, refused: Refused
) -> None:
    clock.next(SINCE + 1)
    leave(low, roles, 100)
    clock.next(SINCE + 1 + 250)
    with refused("OutflowExceeded", available=25, amount=26):
        leave(low, roles, 26)
    clock.next(SINCE + 1 + 259)
    leave(low, roles, 25)  # what leaked in part of a second is rounded down
    clock.set(SINCE + 1 + 259 + WINDOW)
    assert tuple(low.call("outflow")) == (0, 100)


def test_push__deposit_between__makes_no_room(
    low: Contract, roles: Roles, clock: Clock, refused: Refused
) -> None:
    clock.next(SINCE + 1)
    leave(low, roles, 100)
    clock.next(SINCE + 2)
    low.send("pull", roles.trader, 100, sender=roles.ledger)
    clock.next(SINCE + 3)
    with refused("OutflowExceeded", available=0, amount=1):
        leave(low, roles, 1)


def test_push__much_held__its_share(low: Contract, roles: Roles, refused: Refused) -> None:
    low.send("setOutflowFloor", 59, sender=roles.governor)
    assert tuple(low.call("outflow")) == (0, 60)
    with refused("OutflowExceeded", available=60, amount=61):
        leave(low, roles, 61)


def test_push__floor_tightened_below_the_level__nothing_fits_for_now(
    low: Contract, roles: Roles, clock: Clock, refused: Refused
) -> None:
    clock.next(SINCE + 1)
    leave(low, roles, 100)
    low.send("tightenOutflowFloor", 0, sender=roles.guardian)
    clock.set(SINCE + 2)
    assert tuple(low.call("outflow")) == (100, 50)  # a tenth of 500
    with refused("OutflowExceeded", available=0, amount=1):
        leave(low, roles, 1)
    clock.next(SINCE + 1 + WINDOW + 100)
    with refused("OutflowExceeded", available=5, amount=6):
        leave(low, roles, 6)
    clock.next(SINCE + 1 + 2 * WINDOW)
    leave(low, roles, 50)
