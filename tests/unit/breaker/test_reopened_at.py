"""reopenedAt
├── never halted                      -> zero
├── halted, or in the grace after it  -> not this time yet: zero, or the time before
├── its grace is over                 -> the end of it, from then on
├── resumed                           -> the same
├── Cautious                          -> doesn't count
└── several, and always everything    -> the latest that is over
"""

from holdfast.chain.contract import Contract
from tests.conftest import Clock, Roles
from tests.unit.breaker.world import ALL, BTC, CAUTIOUS, COOLDOWN, ETH, GRACE, HALTED, item


def test_reopened_at__never_halted__zero(breaker: Contract, roles: Roles, clock: Clock, start: int) -> None:
    breaker.send("trip", ETH, CAUTIOUS, 500, sender=roles.guardian)
    clock.set(start + 5_000)

    assert breaker.call("reopenedAt", []) == 0
    assert breaker.call("reopenedAt", [item(ETH), item(BTC)]) == 0


def test_reopened_at__halted__end_of_grace_once_it_is_over(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("trip", ETH, HALTED, 200, sender=roles.guardian)

    end = start + 200 + GRACE
    for time, expected in ((start + 199, 0), (end - 1, 0), (end, end), (end + 10_000, end)):
        clock.set(time)
        assert breaker.call("reopenedAt", [item(BTC), item(ETH)]) == expected
        assert breaker.call("reopenedAt", [item(BTC)]) == 0


def test_reopened_at__resumed__end_of_that_grace(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("reportResume", ETH, sender=roles.keeper)
    assert breaker.call("reopenedAt", [item(ETH)]) == 0

    clock.set(start + GRACE)
    assert breaker.call("reopenedAt", [item(ETH)]) == start + GRACE


def test_reopened_at__several__the_latest_that_is_over(
    breaker: Contract, roles: Roles, clock: Clock, start: int
) -> None:
    breaker.send("trip", ETH, HALTED, 100, sender=roles.guardian)
    clock.next(start + 1)
    breaker.send("trip", BTC, HALTED, 200, sender=roles.guardian)
    clock.next(start + 2)
    breaker.send("trip", ALL, HALTED, 300, sender=roles.guardian)
    both = [item(ETH), item(BTC)]

    for over, of_both, of_none in ((100, 100, 0), (201, 201, 0), (302, 302, 302)):
        clock.set(start + over + GRACE)
        assert breaker.call("reopenedAt", both) == start + of_both + GRACE
        assert breaker.call("reopenedAt", both[::-1]) == start + of_both + GRACE
        assert breaker.call("reopenedAt", []) == (start + of_none + GRACE if of_none else 0)

    clock.next(start + 302 + COOLDOWN)
    breaker.send("trip", ETH, HALTED, 500, sender=roles.guardian)
    assert breaker.call("reopenedAt", [item(ETH)]) == start + 302 + GRACE  # everything's still counts
