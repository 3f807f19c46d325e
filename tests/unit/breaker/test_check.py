"""allowed: the table, all of it
check
├── Reduce                                    -> never blocked
├── everything is too tight                   -> Blocked, naming underlying 0
├── an item is too tight, or its grade too bad -> Blocked, naming the underlying
├── no items                                  -> judged by everything alone
├── in every state of one and of everything   -> as the table says of the higher level and of either's grace
└── a tolerance: what is blocked is passed over while it is worth less
    ├── together, in the order of the items; the one that reaches it is named
    └── everything                            -> never passed over
"""

from itertools import product

import pytest

from holdfast.chain.contract import Contract, call_many
from holdfast.sim.history import Block, call, flat, simulate
from holdfast.types import Action, Grade, Level
from tests.conftest import Clock, Refused, Roles
from tests.unit.breaker.world import ALL, BTC, CAUTIOUS, ETH, HALTED, NORMAL, expected, item

COMBINATIONS = list(product(Action, Grade, Level, (False, True), (False, True)))

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

    assert len(answers) == 420
    wrong = [one for one, answer in zip(COMBINATIONS, answers, strict=True) if answer != expected(*one)]
    assert wrong == []


def test_allowed__deposits_and_reductions__are_never_blocked(breaker: Contract) -> None:
    """Deposits never ask: there is no such action. Reductions ask, and may always."""
    states = list(product(Grade, Level, (False, True), (False, True)))

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
    for action, grade, level, grace, gated in COMBINATIONS:
        if table[action, grade, level, grace, gated]:
            assert all(table[action, better, level, grace, gated] for better in Grade if better <= grade)
            assert all(table[action, grade, lower, grace, gated] for lower in Level if lower <= level)
            assert table[action, grade, level, False, gated]
            assert table[action, grade, level, grace, False]


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
        (action, grade, [*(item(other) for other in others), item(ETH, grade)])
        for action, grade in product(Action, Grade)
        for others in ([], [4, 6], [3, 8])
    ]
    checks = [call(breaker, "check", action, items, 0, sender=roles.stranger) for action, _, items in asked]

    results = flat(simulate(breaker.rpc, [Block(trips, time=start), Block(checks, time=start + 20)]))

    assert all(result.ok for result in results[: len(trips)])
    for (action, grade, _), result in zip(asked, results[len(trips) :], strict=True):
        if expected(action, grade, max(one[0], everything[0]), one[1] or everything[1]):
            assert result.ok
            continue
        # everything is asked first
        by_everything = not expected(action, Grade.FRESH, *everything)
        assert result.error is not None
        assert result.error.name == "Blocked"
        assert result.error.fields == {
            "action": action,
            "underlying": ALL if by_everything else ETH,
            "level": everything[0] if by_everything else max(one[0], everything[0]),
            "grade": Grade.FRESH if by_everything else grade,
            "grace": everything[1] if by_everything else one[1],
        }


def test_check__no_items__everything_decides(
    breaker: Contract, roles: Roles, clock: Clock, start: int, refused: Refused
) -> None:
    breaker.send("trip", ETH, HALTED, 100, sender=roles.guardian)
    breaker.call("check", Action.WITHDRAW, [], 0)
    clock.next(start + 1)
    breaker.send("trip", ALL, HALTED, 100, sender=roles.guardian)

    with refused(
        "Blocked", action=Action.WITHDRAW, underlying=ALL, level=HALTED, grade=Grade.FRESH, grace=False
    ):
        breaker.call("check", Action.WITHDRAW, [], 0)


@pytest.mark.parametrize("underlying", [1, 2, 3, 4, 7, 8, 2**16 - 1])
def test_check__any_place_of_the_word__is_found(
    breaker: Contract, roles: Roles, start: int, refused: Refused, underlying: int
) -> None:
    breaker.send("trip", underlying, CAUTIOUS, 100, sender=roles.guardian)
    others = [item(other) for other in (1, 2, 3, 4, 7, 8, 2**16 - 1) if other != underlying]

    breaker.call("check", Action.INCREASE, others, 0)
    with refused(
        "Blocked",
        action=Action.INCREASE,
        underlying=underlying,
        level=CAUTIOUS,
        grade=Grade.FRESH,
        grace=False,
    ):
        breaker.call("check", Action.INCREASE, [*others, item(underlying)], 0)


def test_check__no_such_grade__panics(breaker: Contract, refused: Refused) -> None:
    with refused("Panic", code=0x21):
        breaker.call("check", Action.TAKE, [ETH | 5 << 16], 0)


@pytest.mark.parametrize(
    ("values", "tolerance", "named"),
    [
        ((70,), 0, ETH),  # nothing is passed over
        ((0,), 0, ETH),
        ((0,), 1, None),
        ((70,), 70, ETH),  # at the tolerance
        ((70,), 71, None),
        ((70, 30), 101, None),  # together
        ((70, 30), 100, BTC),
        ((70, 30), 70, ETH),
        ((2**232 - 1, 2**232 - 1), 2**233, None),  # the largest values don't run over
        ((2**232 - 1, 2**232 - 1), 2**233 - 2, BTC),
    ],
)
def test_check__tolerance__passes_over_what_is_worth_less(
    breaker: Contract,
    roles: Roles,
    clock: Clock,
    start: int,
    refused: Refused,
    values: tuple[int, ...],
    tolerance: int,
    named: int | None,
) -> None:
    """ETH is halted, BTC has a dead feed; what lies between is good and worth more than both."""
    breaker.send("trip", ETH, HALTED, 100, sender=roles.guardian)
    blocked = [item(ETH, Grade.FRESH, values[0]), item(4, Grade.SLOW, 10**30)]
    blocked += [item(BTC, Grade.STALE, value) for value in values[1:]]

    if named is None:
        breaker.call("check", Action.TAKE, blocked, tolerance)
        return
    level, grade = (HALTED, Grade.FRESH) if named == ETH else (NORMAL, Grade.STALE)
    with refused("Blocked", action=Action.TAKE, underlying=named, level=level, grade=grade, grace=False):
        breaker.call("check", Action.TAKE, blocked, tolerance)


@pytest.mark.parametrize("later", [1, 105])  # Halted, and then grace
def test_check__tolerance__never_passes_over_everything(
    breaker: Contract, roles: Roles, clock: Clock, start: int, refused: Refused, later: int
) -> None:
    breaker.send("trip", ALL, HALTED, 100, sender=roles.guardian)
    clock.set(start + later)

    with refused(
        "Blocked",
        action=Action.TAKE,
        underlying=ALL,
        level=HALTED if later < 100 else NORMAL,
        grade=Grade.FRESH,
        grace=later > 100,
    ):
        breaker.call("check", Action.TAKE, [item(ETH)], 2**256 - 1)
