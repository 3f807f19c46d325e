"""The vault's twin against numbers worked by hand
├── pull     -> credits what arrived, at most the amount
├── push     -> never more than is held
├── caps     -> up by setCap, down by both
└── a run of both -> held is what came in less what went out, and never above a balance that nobody shrank
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model.vault import Vault, pull, push, set_cap, tighten_cap

VAULT = Vault(cap=1_000, held=400)


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
    assert pull(VAULT, amount, before=before, after=after) == (
        Vault(cap=1_000, held=400 + received),
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
        pull(VAULT, amount, before=before, after=after)

    assert (caught.value.name, *caught.value.values) == refusal


def test_push__held__moves_and_no_more() -> None:
    assert push(VAULT, 400) == Vault(cap=1_000, held=0)
    with pytest.raises(Refused) as caught:
        push(VAULT, 401)
    assert (caught.value.name, caught.value.values) == ("Underfunded", (400, 401))


def test_caps__up_and_down() -> None:
    assert set_cap(VAULT, 2**128 - 1).cap == 2**128 - 1
    assert tighten_cap(VAULT, 999).cap == 999
    for act, cap, refusal in (
        (set_cap, 2**128, ("SafeCastOverflowedUintDowncast", 128, 2**128)),
        (tighten_cap, 1_000, ("NotTighter", 1_000, 1_000)),
    ):
        with pytest.raises(Refused) as caught:
            act(VAULT, cap)
        assert (caught.value.name, *caught.value.values) == refusal


@settings(deadline=None, derandomize=True, max_examples=100)
@given(seed=st.integers(0, 2**64 - 1))
def test_any_run__never_owes_more_than_it_has(seed: int) -> None:
    rng, vault, balance = Random(seed), Vault(cap=10_000), 0
    came = went = 0
    for _ in range(50):
        amount = rng.randint(0, 3_000)
        try:
            if rng.random() < 0.5:
                after = balance + amount * rng.choice((100, 100, 99, 50)) // 100 + rng.choice((0, 0, 7))
                vault, received = pull(vault, amount, before=balance, after=after)
                balance, came = after, came + received
            else:
                vault = push(vault, amount)
                balance, went = balance - amount, went + amount
        except Refused:
            continue
        assert vault.held == came - went <= min(balance, vault.cap)
