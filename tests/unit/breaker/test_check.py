"""allowed: the table, all of it
check
├── Reduce                                    -> never blocked
├── everything or one underlying is too tight -> Blocked, naming which
├── the grade is too bad                      -> Blocked, naming underlying 0
├── no underlyings                            -> judged by everything alone
└── in every state of one and of everything   -> as the table says of the higher level and of either's grace
"""

from itertools import product

import pytest

from holdfast.chain.contract import Contract, call_many
from holdfast.errors import Reverted
from holdfast.sim.history import Block, call, flat, simulate
from holdfast.types import Action, Grade, Level
from tests.conftest import Clock, Refused, Roles
from tests.unit.breaker.world import ALL, CAUTIOUS, ETH, HALTED, NORMAL, expected

COMBINATIONS = list(product(Action, Grade, Level, (False, True)))

# How to get there: the trips of an underlying, 20 seconds before it is looked at.
STATES = {
    (NORMAL, False): (),
    (CAUTIOUS, False): ((CAUTIOUS, 500),),
    (HALTED, False): ((HALTED, 500),),
    (NORMAL, True): ((HALTED, 10),),
    (CAUTIOUS, True): ((HALTED, 10), (CAUTIOUS, 500)),
}


def test_allowed__every_combination__as_the_table(breaker: Contract) -> None:
    answers = call_many(breaker.rpc, ((breaker, "allowed", *one) for one in COMBINATIONS))

    assert len(answers) == 210
    wrong = [one for one, answer in zip(COMBINATIONS, answers, strict=True) if answer != expected(*one)]
    assert wrong == []


def test_allowed__deposits_and_reductions__are_never_blocked(breaker: Contract) -> None:
    """Deposits never ask: there is no such action. Reductions ask, and may always."""
    states = list(product(Grade, Level, (False, True)))

    assert not [action for action in Action if "DEPOSIT" in action.name]
    assert all(call_many(breaker.rpc, ((breaker, "allowed", Action.REDUCE, *one) for one in states)))


def test_allowed__worse_in_any_way__never_allows_more(breaker: Contract) -> None:
    table = dict(
        zip(
            COMBINATIONS,
            call_many(breaker.rpc, ((breaker, "allowed", *one) for one in COMBINATIONS)),
            strict=True,
        )
    )
    for action, grade, level, grace in COMBINATIONS:
        if table[action, grade, level, grace]:
            assert all(table[action, better, level, grace] for better in Grade if better <= grade)
            assert all(table[action, grade, lower, grace] for lower in Level if lower <= level)
            assert table[action, grade, level, False]


@pytest.mark.parametrize("one", STATES, ids=str)
@pytest.mark.parametrize("everything", STATES, ids=str)
def test_check__every_state__as_the_table(
    breaker: Contract,
    roles: Roles,
    start: int,
    one: tuple[Level, bool],
    everything: tuple[Level, bool],
) -> None:
    trips = [
        call(breaker, "trip", underlying, *trip, sender=roles.guardian)
        for underlying, state in ((ETH, one), (ALL, everything))
        for trip in STATES[state]
    ]
    asked = [
        (action, grade, underlyings)
        for action, grade in product(Action, Grade)
        for underlyings in ([ETH], [4, ETH, 6], [3, 8, ETH])
    ]
    checks = [call(breaker, "check", *question, sender=roles.stranger) for question in asked]

    results = flat(simulate(breaker.rpc, [Block(trips, time=start), Block(checks, time=start + 20)]))

    assert all(result.ok for result in results[: len(trips)])
    for (action, grade, _), result in zip(asked, results[len(trips) :], strict=True):
        if expected(action, grade, max(one[0], everything[0]), one[1] or everything[1]):
            assert result.ok
            continue
        # the first that blocks is named: everything, or else the one
        by_everything = not expected(action, grade, *everything)
        underlying, (level, grace) = (ALL, everything) if by_everything else (ETH, one)
        assert isinstance(result.error, Reverted)
        assert result.error.name == "Blocked"
        assert result.error.fields == {
            "action": action,
            "underlying": underlying,
            "level": level,
            "grade": grade,
            "grace": grace,
        }


def test_check__no_underlyings__everything_decides(
    breaker: Contract, roles: Roles, clock: Clock, start: int, refused: Refused
) -> None:
    breaker.send("trip", ETH, HALTED, 100, sender=roles.guardian)
    breaker.call("check", Action.WITHDRAW, Grade.SLOW, [])
    clock.next(start + 1)
    breaker.send("trip", ALL, HALTED, 100, sender=roles.guardian)

    with refused(
        "Blocked", action=Action.WITHDRAW, underlying=ALL, level=HALTED, grade=Grade.SLOW, grace=False
    ):
        breaker.call("check", Action.WITHDRAW, Grade.SLOW, [])


@pytest.mark.parametrize("underlying", [1, 2, 3, 4, 7, 8, 2**16 - 1])
def test_check__any_place_of_the_word__is_found(
    breaker: Contract, roles: Roles, start: int, refused: Refused, underlying: int
) -> None:
    breaker.send("trip", underlying, CAUTIOUS, 100, sender=roles.guardian)
    others = [other for other in (1, 2, 3, 4, 7, 8, 2**16 - 1) if other != underlying]

    breaker.call("check", Action.INCREASE, Grade.FRESH, others)
    with refused(
        "Blocked",
        action=Action.INCREASE,
        underlying=underlying,
        level=CAUTIOUS,
        grade=Grade.FRESH,
        grace=False,
    ):
        breaker.call("check", Action.INCREASE, Grade.FRESH, [*others, underlying])
