"""price_pusher.decide
├── nothing moved, young            -> nothing
├── moved by the deviation or more  -> SetPrice and one Poke
├── half a heartbeat old            -> the same, whatever the price
├── no price yet                    -> the same
├── no quote                        -> left to age
├── several due                     -> one Poke for all, after their answers
└── feeds with their own writers    -> Poke alone, and only where there is a newer answer
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.keepers.actions import Poke, SetPrice
from holdfast.keepers.price_pusher import Policy, StoredPrice, decide
from holdfast.types import Grade, Price
from holdfast.units import WAD

NOW = 10_000
POLICY = Policy(deviation_bps=25, heartbeat_share_bps=5_000)
STORED = StoredPrice(
    underlying=1,
    symbol="ETH",
    price=Price(spot_wad=200 * WAD, ema_wad=200 * WAD, grade=Grade.FRESH),
    updated_at=NOW - 60,
    heartbeat_seconds=3_600,
    answered_at=NOW - 60,
)


def quote(price: float) -> dict[str, int]:
    return {"ETH": int(price * WAD)}


@pytest.mark.parametrize(
    ("price", "age", "due"),
    [
        (200.0, 60, False),
        (200.499999, 60, False),
        (200.5, 60, True),  # 25 bps, exactly
        (199.5, 60, True),
        (199.500001, 60, False),
        (200.0, 1_799, False),
        (200.0, 1_800, True),  # half the heartbeat
        (86.0, 0, True),
    ],
)
def test_decide__by_move_and_age(price: float, age: int, due: bool) -> None:
    actions = decide([replace(STORED, updated_at=NOW - age)], quote(price), NOW, POLICY)

    assert bool(actions) is due
    if due:
        answer, poke = actions
        assert isinstance(answer, SetPrice) and isinstance(poke, Poke)
        assert (answer.underlying, answer.price_wad, poke.underlyings) == (1, int(price * WAD), (1,))


def test_decide__no_price_yet__is_due() -> None:
    nothing = Price(spot_wad=0, ema_wad=0, grade=Grade.INVALID)
    actions = decide([replace(STORED, price=nothing, updated_at=0)], quote(200), NOW, POLICY)
    assert [type(action) for action in actions] == [SetPrice, Poke]


def test_decide__no_quote__is_left_to_age() -> None:
    assert decide([replace(STORED, updated_at=0)], {}, NOW, POLICY) == []


def test_decide__several_due__one_poke_after_all_answers() -> None:
    other = replace(STORED, underlying=2, symbol="BTC")
    actions = decide([STORED, other], {"ETH": 210 * WAD, "BTC": 190 * WAD}, NOW, POLICY)

    assert [type(action) for action in actions] == [SetPrice, SetPrice, Poke]
    assert isinstance(actions[-1], Poke) and actions[-1].underlyings == (1, 2)


@pytest.mark.parametrize(("answered", "poked"), [(NOW - 60, False), (NOW - 10, True)])
def test_decide__feeds_of_others__are_poked_when_they_have_news(answered: int, poked: bool) -> None:
    stored = replace(STORED, answered_at=answered)
    actions = decide([stored], quote(210), NOW, replace(POLICY, settable=False))
    assert [type(action) for action in actions] == ([Poke] if poked else [])


def test_decide__twice__the_same() -> None:
    assert decide([STORED], quote(210), NOW, POLICY) == decide([STORED], quote(210), NOW, POLICY)
