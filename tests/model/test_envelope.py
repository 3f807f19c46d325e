"""The activation envelope: the twin against numbers worked by hand, and what it promises by brute force
├── terms              -> as worked in docs/risk.md, and in exact arithmetic
├── inside it          -> cranked every heartbeat, by any moves within it, an auction starts before equity is gone
└── a little outside   -> somebody can't
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.envelope import HOUR, SIGMAS, YEAR, Costs, Terms, terms
from holdfast.units import BPS, WAD

COSTS = Costs(funding_cap_bps=50, max_fee_bps=100, reward_cap_bps=2_000)


def test_terms__the_example_of_the_page() -> None:
    """70 % a year, an hour: √(1/8760) = 0.010684; three times 0.7479 % is 2.2437 %."""
    found = terms(7 * WAD // 10, 3_600, 500, COSTS)

    assert found == Terms(move_bps=225, funding_bps=52, fees_bps=103, reward_bps=103)
    assert found.sum_bps == 483


def test_terms__nothing_moves_and_nothing_costs__nothing() -> None:
    free = Costs(funding_cap_bps=0, max_fee_bps=0, reward_cap_bps=0)

    assert terms(0, 3_600, 500, free).sum_bps == 0
    assert terms(WAD, 0, 500, free).sum_bps == 1  # the root is one digit above the exact one


@given(
    volatility=st.integers(0, 10 * WAD), heartbeat=st.integers(10, 655_350), maintenance=st.integers(25, BPS)
)
def test_terms__anywhere__rounded_up_by_less_than_a_point(
    volatility: int, heartbeat: int, maintenance: int
) -> None:
    found = terms(volatility, heartbeat, maintenance, COSTS)

    exact = Context(prec=60)
    root = exact.sqrt(exact.divide(Decimal(heartbeat), Decimal(YEAR)))
    move = Fraction(exact.multiply(root, Decimal(SIGMAS * volatility * BPS))) / WAD
    assert move <= found.move_bps < move + 1 + Fraction(1, 10**6)
    grown = 1 + Fraction(found.move_bps, BPS)
    for value, line in (
        (found.funding_bps, Fraction(50 * heartbeat, HOUR) * grown),
        (found.fees_bps, 100 * grown),
        (found.reward_bps, Fraction(2_000 * maintenance, BPS) * grown),
    ):
        assert line <= value < line + 1


# What it promises


def least_margin(volatility_wad: int, heartbeat: int, costs: Costs) -> int:
    """The lowest maintenance margin that is inside."""
    return next(bps for bps in range(1, BPS) if terms(volatility_wad, heartbeat, bps, costs).sum_bps <= bps)


def worst_left(
    maintenance_bps: int, initial_bps: int, move_bps: int, heartbeat: int, costs: Costs, path: tuple[int, ...]
) -> Iterator[Fraction]:
    """What is left of a long's and a short's equity, after closing and the reward, as the first crank finds it that may
    start an auction. Each opened with just its initial margin; `path` is in quarters of the largest move; funding is
    always at its cap and against it."""
    maintenance = Fraction(maintenance_bps, BPS)
    for sign in (1, -1):
        price, equity = Fraction(1), Fraction(initial_bps, BPS)
        for quarters in path:
            moved = price * (1 + Fraction(quarters * move_bps, 4 * BPS))
            equity += sign * (moved - price) - moved * Fraction(costs.funding_cap_bps * heartbeat, HOUR * BPS)
            price = moved
            if equity < maintenance * price:
                fees = price * Fraction(costs.max_fee_bps, BPS)
                reward = maintenance * price * Fraction(costs.reward_cap_bps, BPS)
                yield equity - fees - reward
                break


PATHS = list(product((-4, -1, 1, 4), repeat=4))
MARKETS = [
    (7 * WAD // 10, 3_600, COSTS),
    (2 * WAD, 600, COSTS),
    (WAD // 10, 86_400, Costs(funding_cap_bps=1, max_fee_bps=10, reward_cap_bps=500)),
]


@pytest.mark.parametrize(("volatility_wad", "heartbeat", "costs"), MARKETS)
def test_inside__every_path__an_auction_in_time(volatility_wad: int, heartbeat: int, costs: Costs) -> None:
    bps = least_margin(volatility_wad, heartbeat, costs)
    move = terms(volatility_wad, heartbeat, bps, costs).move_bps
    found = [
        left for path in PATHS for initial in (bps + 1, 2 * bps)
        for left in worst_left(bps, initial, move, heartbeat, costs, path)
    ]  # fmt: skip

    assert len(found) > 400
    assert min(found) >= 0


@pytest.mark.parametrize(("volatility_wad", "heartbeat", "costs"), MARKETS)
def test_outside__some_path__too_late(volatility_wad: int, heartbeat: int, costs: Costs) -> None:
    bps = least_margin(volatility_wad, heartbeat, costs) - 20
    move = terms(volatility_wad, heartbeat, bps, costs).move_bps
    # A hair above maintenance margin, then the largest move against it.
    found = [
        left for path in ((-4,), (4,)) for left in worst_left(bps, bps + 1, move, heartbeat, costs, path)
    ]

    assert min(found) < 0


@settings(deadline=None, max_examples=60)
@given(
    volatility=st.integers(WAD // 100, 3 * WAD),
    heartbeat=st.integers(1, 1_000).map(lambda tens: 10 * tens),
    above=st.integers(1, 3_000),
    path=st.lists(st.integers(-4, 4), min_size=1, max_size=30),
)
def test_inside__any_market_and_path__an_auction_in_time(
    volatility: int, heartbeat: int, above: int, path: list[int]
) -> None:
    bps = least_margin(volatility, heartbeat, COSTS)
    move = terms(volatility, heartbeat, bps, COSTS).move_bps

    assert all(left >= 0 for left in worst_left(bps, bps + above, move, heartbeat, COSTS, tuple(path)))
