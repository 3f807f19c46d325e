"""setDepth
├── caller has no role        -> AccessManagedUnauthorized
├── out of bounds             -> BadDepth with it and the bound
└── within bounds             -> stored, DepthSet; what was taken stays taken, as far as it fits
tightenDepth
├── caller has no role        -> AccessManagedUnauthorized
├── more than there is, or of what isn't throttled -> NotTighter
├── less than the guardian has to leave of the governor's -> BadDepth, however often he asks
├── between                   -> stored with the same time, DepthSet; what was taken stays taken, as far as it fits
└── the governor sets anew    -> measured by that
draw
├── caller has no role        -> AccessManagedUnauthorized
├── no depth                  -> nothing
└── a depth                   -> level rises by the notional, rounded up, to capacity at most; DepthDrawn
fractionOf, freeOf
├── no depth                  -> everything
├── free covers it            -> everything
├── two items of a market     -> together
├── several markets           -> the tightest
└── over time                 -> free comes back evenly, all of it after the window
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.types import Grade, Item
from holdfast.units import WAD
from tests.conftest import Clock, Refused, Roles

ETH, BTC = 1, 2
WINDOW = 100


def item(underlying: int, dollars: int) -> int:
    return Item(weight_wad=dollars * WAD, grade=Grade.FRESH, underlying=underlying).word


@pytest.fixture
def throttle(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> Contract:
    throttle = deploy("Throttle", authority.address)
    permit(roles.governor, throttle, "setDepth")
    permit(roles.guardian, throttle, "tightenDepth")
    permit(roles.keeper, throttle, "draw")
    throttle.send("setDepth", ETH, 1_000 * WAD, WINDOW, sender=roles.governor)
    return throttle


def test_set_depth__no_role__reverts(throttle: Contract, roles: Roles, refused: Refused) -> None:
    for caller in (roles.guardian, roles.keeper):
        with refused("AccessManagedUnauthorized", caller=caller):
            throttle.send("setDepth", ETH, 0, 1, sender=caller)


@pytest.mark.parametrize(
    ("capacity", "window", "value", "bound"),
    [
        (2**96, 1, 2**96, 2**96 - 1),
        (1, 86_401, 86_401, 86_400),
        (1, 0, 1, 0),
    ],
)
def test_set_depth__out_of_bounds__reverts(
    throttle: Contract, roles: Roles, refused: Refused, capacity: int, window: int, value: int, bound: int
) -> None:
    with refused("BadDepth", value=value, bound=bound):
        throttle.send("setDepth", ETH, capacity, window, sender=roles.governor)


@pytest.mark.parametrize(("capacity", "free"), [(2_000, 1_400), (600, 0), (500, 0), (0, None)])
def test_set_depth__after_a_draw__what_was_taken_stays_taken(
    throttle: Contract, roles: Roles, clock: Clock, capacity: int, free: int | None
) -> None:
    start = clock.now + 10
    clock.next(start)
    throttle.send("draw", [item(ETH, 800)], WAD, sender=roles.keeper)
    clock.next(start + 20)

    receipt = throttle.send("setDepth", ETH, capacity * WAD, WINDOW, sender=roles.governor)

    assert receipt.event("DepthSet").args == {
        "underlying": ETH,
        "capacityWad": capacity * WAD,
        "windowSeconds": WINDOW,
    }
    assert tuple(throttle.call("depthOf", ETH)) == (capacity * WAD, WINDOW)
    # 800 less a fifth of 1,000 are left in it.
    assert throttle.call("freeOf", ETH) == (2**256 - 1 if free is None else free * WAD)


def test_tighten_depth__no_role__reverts(throttle: Contract, roles: Roles, refused: Refused) -> None:
    for caller in (roles.governor, roles.keeper):
        with refused("AccessManagedUnauthorized", caller=caller):
            throttle.send("tightenDepth", ETH, 500 * WAD, sender=caller)


@pytest.mark.parametrize(("underlying", "current"), [(ETH, 1_000 * WAD), (BTC, 0)])
@pytest.mark.parametrize("more", [1, 2**200])
def test_tighten_depth__more__reverts(
    throttle: Contract, roles: Roles, refused: Refused, underlying: int, current: int, more: int
) -> None:
    with refused("NotTighter", current=current, proposed=current + more):
        throttle.send("tightenDepth", underlying, current + more, sender=roles.guardian)


def test_tighten_depth__not_throttled__stays_so(throttle: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NotTighter", current=0, proposed=0):
        throttle.send("tightenDepth", BTC, 0, sender=roles.guardian)


def test_tighten_depth__too_little__reverts_however_often(
    throttle: Contract, roles: Roles, refused: Refused
) -> None:
    throttle.send("setDepth", ETH, 1_000 * WAD + 1, WINDOW, sender=roles.governor)
    least = 250 * WAD + 1  # a quarter, rounded up
    for leaves in (600 * WAD, 300 * WAD, least, least):
        for value in (0, 1, least - 1):
            with refused("BadDepth", value=least, bound=value):
                throttle.send("tightenDepth", ETH, value, sender=roles.guardian)
        throttle.send("tightenDepth", ETH, leaves, sender=roles.guardian)
        assert tuple(throttle.call("depthOf", ETH)) == (leaves, WINDOW)


@pytest.mark.parametrize(("capacity", "free"), [(1_000, 400), (800, 200), (600, 0), (250, 0)])
def test_tighten_depth__after_a_draw__what_was_taken_stays_taken(
    throttle: Contract, roles: Roles, clock: Clock, capacity: int, free: int
) -> None:
    start = clock.now + 10
    clock.next(start)
    throttle.send("draw", [item(ETH, 800)], WAD, sender=roles.keeper)
    clock.next(start + 20)

    receipt = throttle.send("tightenDepth", ETH, capacity * WAD, sender=roles.guardian)

    assert receipt.event("DepthSet").args == {
        "underlying": ETH,
        "capacityWad": capacity * WAD,
        "windowSeconds": WINDOW,
    }
    # 800 less a fifth of 1,000 are left in it, as far as they fit.
    assert throttle.call("freeOf", ETH) == free * WAD
    clock.set(start + 20 + WINDOW)
    assert throttle.call("freeOf", ETH) == capacity * WAD


def test_tighten_depth__after_the_governor_set_anew__is_measured_by_that(
    throttle: Contract, roles: Roles, refused: Refused
) -> None:
    throttle.send("tightenDepth", ETH, 250 * WAD, sender=roles.guardian)
    throttle.send("setDepth", ETH, 400 * WAD, WINDOW, sender=roles.governor)
    with refused("BadDepth", value=100 * WAD, bound=100 * WAD - 1):
        throttle.send("tightenDepth", ETH, 100 * WAD - 1, sender=roles.guardian)
    throttle.send("tightenDepth", ETH, 100 * WAD, sender=roles.guardian)


def test_draw__no_role__reverts(throttle: Contract, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.governor):
        throttle.send("draw", [], WAD, sender=roles.governor)


def test_draw__a_slice__is_counted(throttle: Contract, roles: Roles) -> None:
    receipt = throttle.send("draw", [item(ETH, 400), item(BTC, 400)], WAD // 4, sender=roles.keeper)

    assert [event.args for event in receipt.events] == [
        {"underlying": ETH, "amountWad": 100 * WAD, "levelWad": 100 * WAD}
    ]
    assert throttle.call("freeOf", ETH) == 900 * WAD
    assert throttle.call("freeOf", BTC) == 2**256 - 1


def test_draw__odd_slice__rounds_up(throttle: Contract, roles: Roles) -> None:
    tiny = Item(weight_wad=1, grade=Grade.FRESH, underlying=ETH).word

    assert throttle.send("draw", [tiny], 1, sender=roles.keeper).event("DepthDrawn").args["amountWad"] == 1


def test_draw__more_than_there_is__fills_it(throttle: Contract, roles: Roles, clock: Clock) -> None:
    start = clock.now + 10
    clock.next(start)
    receipt = throttle.send("draw", [item(ETH, 10**9)], WAD, sender=roles.keeper)
    assert receipt.event("DepthDrawn").args["levelWad"] == 1_000 * WAD
    assert throttle.call("fractionOf", [item(ETH, 1)]) == 0

    for later, free in ((1, 10), (50, 500), (99, 990), (100, 1_000), (10**6, 1_000)):
        clock.set(start + later)
        assert throttle.call("freeOf", ETH) == free * WAD


@pytest.mark.parametrize(
    ("items", "fraction"),
    [
        ([], WAD),
        ([item(BTC, 10**9)], WAD),
        ([item(ETH, 1_000)], WAD),
        ([item(ETH, 2_000)], WAD // 2),
        ([item(ETH, 2_000), item(BTC, 10**9), item(ETH, 2_000)], WAD // 4),
        ([item(ETH, 3_000)], WAD // 3),
    ],
)
def test_fraction_of__items__fit_into_what_is_free(
    throttle: Contract, items: list[int], fraction: int
) -> None:
    assert throttle.call("fractionOf", items) == fraction


def test_fraction_of__several_markets__the_tightest(throttle: Contract, roles: Roles) -> None:
    throttle.send("setDepth", BTC, 10 * WAD, WINDOW, sender=roles.governor)

    assert throttle.call("fractionOf", [item(ETH, 2_000), item(BTC, 100)]) == WAD // 10
