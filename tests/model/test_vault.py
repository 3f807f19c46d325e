"""The vault's twin against numbers worked by hand
├── pull     -> credits what arrived, at most the amount
├── push     -> never more than is held, nor than fits the bucket
├── limits   -> up by steps over a ramp, down at once
└── a run of both
    ├── held    -> what came in less what went out, and never above a balance that nobody shrank
    └── outflow -> in any window at most what the bucket holds, and what it leaks in a window, but for what is exempt
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model.vault import (
    Rules,
    cap_of,
    floor_of,
    fresh,
    outflow_of,
    pull,
    push,
    set_cap,
    set_outflow_floor,
    tighten_cap,
    tighten_outflow_floor,
)

RULES = Rules(outflow_share_bps=1_000, window_seconds=1_000, ramp_seconds=100, epoch_seconds=1_000)
VAULT = replace(fresh(RULES, 1_000, 300, 0), held=400)


@pytest.mark.parametrize(
    ("amount", "before", "after", "received"),
    [
        (100, 400, 500, 100),
        (100, 400, 490, 90),  # a fee of 10 %
        (100, 450, 550, 100),  # 50 were donated before
        (100, 400, 777, 100),  # 277 meanwhile
        (600, 400, 1_000, 600),  # up to the cap
    ],
)
def test_pull__credits_what_arrived(amount: int, before: int, after: int, received: int) -> None:
    assert pull(VAULT, amount, 0, before=before, after=after) == (
        replace(VAULT, held=400 + received),
        received,
    )


@pytest.mark.parametrize(
    ("amount", "before", "after", "refusal"),
    [
        (100, 399, 499, ("Underfunded", 399, 400)),
        (0, 400, 400, ("NothingReceived",)),
        (100, 400, 390, ("NothingReceived",)),
        (601, 400, 1_001, ("CapExceeded", 1_001, 1_000)),
    ],
)
def test_pull__refused(amount: int, before: int, after: int, refusal: tuple[object, ...]) -> None:
    with pytest.raises(Refused) as caught:
        pull(VAULT, amount, 0, before=before, after=after)

    assert (caught.value.name, *caught.value.values) == refusal


def test_push__held__moves_and_no_more() -> None:
    assert push(VAULT, 400, 400, 7) == replace(VAULT, held=0)
    with pytest.raises(Refused) as caught:
        push(VAULT, 401, 401, 7)
    assert (caught.value.name, caught.value.values) == ("Underfunded", (400, 401))


def test_push__the_example_of_the_page__fills_and_leaks() -> None:
    """docs/vault.md: a window of 1,000 s, a floor of 300, 4,000 held, of which a tenth may leave."""
    vault = replace(VAULT, held=4_000)
    assert outflow_of(vault, 0) == (0, 400)
    vault = push(vault, 350, 50, 0)
    assert (vault.held, outflow_of(vault, 0)) == (3_650, (300, 365))
    with pytest.raises(Refused) as caught:
        push(vault, 66, 0, 0)
    assert (caught.value.name, caught.value.values) == ("OutflowExceeded", (65, 66))
    assert outflow_of(vault, 500) == (300 - 182, 365)
    assert outflow_of(vault, 822) == (0, 365)


def test_limits__up_and_down() -> None:
    for value_of, move, tighten, first in (
        (cap_of, set_cap, tighten_cap, 1_000),
        (floor_of, set_outflow_floor, tighten_outflow_floor, 300),
    ):
        raised = move(VAULT, 2 * first, 1_000)
        assert [value_of(raised, time) for time in (1_000, 1_050, 1_100)] == [
            first,
            first * 3 // 2,
            2 * first,
        ]
        assert value_of(tighten(VAULT, first - 1, 0), 0) == first - 1
        assert value_of(move(VAULT, 1, 0), 0) == 1
        for act, value, time, refusal in (
            (move, 2 * first + 1, 1_000, ("StepTooLarge", 2 * first + 1, 2 * first)),
            (move, first + 1, 999, ("EpochNotOver", 1_000)),
            (tighten, first, 0, ("NotTighter", first, first)),
        ):
            with pytest.raises(Refused) as caught:
                act(VAULT, value, time)
            assert (caught.value.name, *caught.value.values) == refusal
    with pytest.raises(Refused, match="SafeCast"):
        fresh(RULES, 2**112, 0, 0)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(seed=st.integers(0, 2**64 - 1))
def test_any_run__never_owes_more_than_it_has(seed: int) -> None:
    rng, vault, balance = Random(seed), fresh(RULES, 10_000, 10_000, 0), 0
    came = went = 0
    for _ in range(50):
        amount = rng.randint(0, 3_000)
        try:
            if rng.random() < 0.5:
                after = balance + amount * rng.choice((100, 100, 99, 50)) // 100 + rng.choice((0, 0, 7))
                vault, received = pull(vault, amount, 0, before=balance, after=after)
                balance, came = after, came + received
            else:
                vault = push(vault, amount, 0, 0)
                balance, went = balance - amount, went + amount
        except Refused:
            continue
        assert vault.held == came - went <= min(balance, cap_of(vault, 0))


@settings(deadline=None, derandomize=True, max_examples=100)
@given(seed=st.integers(0, 2**64 - 1))
def test_any_run__in_any_window_no_more_than_twice_the_bucket(seed: int) -> None:
    rng, vault, time = Random(seed), replace(VAULT, held=10**6), 0
    left: list[tuple[int, int]] = []  # time and amount
    for _ in range(60):
        time += rng.choice((0, 1, 10, 100, 400))
        most = outflow_of(vault, time)[1]
        amount, exempt = rng.randint(0, most), rng.choice((0, 0, rng.randint(0, most)))
        try:
            vault = push(vault, amount, exempt, time)
        except Refused as refusal:
            assert refusal.name == "OutflowExceeded"
            continue
        left.append((time, max(0, amount - exempt)))
        recent = sum(one for at, one in left if at > time - RULES.window_seconds)
        assert recent <= 2 * max(300, 10**6 // 10)
