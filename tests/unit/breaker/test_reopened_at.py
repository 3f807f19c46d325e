"""reopenedAt
├── never halted                      -> zero
├── halted, now or before             -> the end of its grace
├── resumed                           -> the end of that grace
├── Cautious                          -> doesn't count
└── several, and always everything    -> the latest
"""

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Roles
from tests.unit.breaker.world import ALL, CAUTIOUS, ETH, GRACE, HALTED

BTC = 6


def test_reopened_at__never_halted__zero(breaker: Contract, roles: Roles, start: int) -> None:
    breaker.send("trip", ETH, CAUTIOUS, 500, sender=roles.guardian)

    assert breaker.call("reopenedAt", []) == 0
    assert breaker.call("reopenedAt", [ETH, BTC]) == 0


def test_reopened_at__halted__end_of_grace_then_and_later(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("trip", ETH, HALTED, 200, sender=roles.guardian)

    assert breaker.call("reopenedAt", [BTC]) == 0
    assert breaker.call("reopenedAt", [BTC, ETH]) == start + 200 + GRACE
    clock.set(start + 10_000)
    assert breaker.call("reopenedAt", [ETH]) == start + 200 + GRACE


def test_reopened_at__resumed__end_of_that_grace(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportResume", ETH, sender=roles.keeper)

    assert breaker.call("reopenedAt", [ETH]) == start + GRACE


def test_reopened_at__several__the_latest(breaker: Contract, roles: Roles, clock: Clock, start: int) -> None:
    breaker.send("trip", ETH, HALTED, 200, sender=roles.guardian)
    clock.next(start + 1)
    breaker.send("trip", BTC, HALTED, 300, sender=roles.guardian)
    assert breaker.call("reopenedAt", [ETH, BTC]) == start + 301 + GRACE
    assert breaker.call("reopenedAt", [BTC, ETH]) == start + 301 + GRACE

    clock.next(start + 2)
    breaker.send("trip", ALL, HALTED, 400, sender=roles.guardian)
    assert breaker.call("reopenedAt", [ETH, BTC]) == start + 402 + GRACE
    assert breaker.call("reopenedAt", []) == start + 402 + GRACE
