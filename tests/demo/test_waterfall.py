"""waterfall
├── each step                  who paid, who got it, and how often; both sides are the same money
│   ├── a debt for a discount  isn't own equity: whoever pays it later has paid
│   ├── an option deleveraged  is measured from its own mark
│   └── a backstop's takes     are told apart
├── what nobody paid yet       is a deficit, too
└── whatever doesn't fit       is told: a payment without a cause, too small, too large, unbooked, or of another price
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.chain.artifacts import Event
from holdfast.demo.collect import Happened
from holdfast.demo.waterfall import Waterfall, reconcile
from holdfast.types import Kind, instrument_id, perpetual
from holdfast.units import WAD

ACCOUNT, STARTER, TAKER, ETH = 9, 4, 5, 1
TEN = 10 * WAD


def happened(tx: int, *events: tuple[str, dict[str, Any]]) -> list[Happened]:
    """One transaction."""
    return [Happened(time=tx, block=tx // 10, tx=tx, event=Event(name, args, "0x")) for name, args in events]


def mark(dollars: int) -> tuple[str, dict[str, Any]]:
    return "PricePoked", {"underlying": ETH, "spotWad": dollars * WAD}


def paid(wad: int, to: int = ACCOUNT) -> tuple[str, dict[str, Any]]:
    return "Paid", {"underlying": ETH, "account": to, "wantedWad": wad, "paidWad": wad}


def started(reward: int) -> tuple[str, dict[str, Any]]:
    return "AuctionStarted", {"account": ACCOUNT, "by": "0x", "rewardWad": reward}


def taken(discount: int, payment: int, share: int = 0, insurance: int = 0) -> tuple[str, dict[str, Any]]:
    return "Taken", {
        "account": ACCOUNT,
        "taker": TAKER,
        "fractionWad": WAD // 2,
        "paymentWad": payment,
        "discountWad": discount,
        "fundShareWad": share,
        "insuranceWad": insurance,
    }


def deleveraged(size: int, price: int, deficit: int) -> tuple[tuple[str, dict[str, Any]], ...]:
    fields = {"account": ACCOUNT, "instrument": perpetual(ETH), "sizeWad": size, "priceWad": price}
    return ("Deleveraged", fields), ("DeficitDeleveraged", {**fields, "deficitWad": deficit})


def written_off(loss: int, insurance: int = 0) -> tuple[tuple[str, dict[str, Any]], ...]:
    return (
        ("WrittenOff", {"account": ACCOUNT, "lossWad": loss, "creditIndexWad": WAD}),
        ("DebtWrittenOff", {"account": ACCOUNT, "insuranceWad": insurance, "lossWad": loss}),
    )


STORY = [
    *happened(1, mark(2_000)),
    *happened(10, paid(3, STARTER), started(7)),  # four of its own, three of the fund
    *happened(11, taken(100, 250, share=10)),  # 350 were left of the slice
    *happened(20, paid(60), taken(40, -60, insurance=60)),  # twenty were missing, and the discount
    *happened(
        30, paid(11), *deleveraged(TEN, 2_003 * WAD, 30 * WAD)
    ),  # longs' deficit: shorts pay 30 dollars
    *happened(31, *deleveraged(-TEN, 1_999 * WAD, TEN)),  # a short's: longs pay 10
    *happened(40, taken(50, -45)),  # five were left: 45 are a debt
    *happened(41, paid(5), *written_off(40, insurance=5)),
]
DRAWN = 3 + 60 + 11 + 5


def told(story: list[Happened] = STORY, *, left: int = 0, drawn: int = DRAWN) -> Waterfall:
    return reconcile(story, left_wad=left, drawn_wad=drawn)


def test_waterfall__each_step__who_paid_and_who_got_it() -> None:
    found = told()

    assert found.discrepancies == []
    assert {one.name: (one.amount_wad, one.times) for one in found.payers()} == {
        "own equity": (4 + 100 + 5, 2),
        "insurance fund": (DRAWN, 4),
        "deleveraged shorts": (30 * WAD, 1),
        "deleveraged longs": (TEN, 1),
        "credit index": (40, 1),
    }
    assert {one.name: one.amount_wad for one in found.getters()} == {
        "bidders' discount": 90 + 40 + 50,
        "insurance fund's share": 10,
        "start rewards": 7,
        "losses beyond equity": 20 + 11 + 40 * WAD,
    }
    assert found.lacked_wad == found.others_wad == DRAWN + 40 + 40 * WAD
    assert sum(one.amount_wad for one in found.getters()) == found.paid_wad


def test_waterfall__an_option_deleveraged__is_measured_from_its_own_mark() -> None:
    """Short ten calls that are worth 300 each, a deficit of 50: they are closed at 295, and the longs bear it."""
    option = {"instrument": instrument_id(Kind.CALL, ETH, 86_400, 1_800 * WAD)}
    closed, said = deleveraged(-TEN, 295 * WAD, 50 * WAD)
    events = (closed[0], closed[1] | option | {"markWad": 300 * WAD}), (said[0], said[1] | option)
    found = told(happened(1, mark(2_000)) + happened(2, *events), drawn=0)
    assert found.reconciled and found.longs_wad == found.lacked_wad == 50 * WAD


def test_waterfall__nothing_happened__is_nothing() -> None:
    found = told([], drawn=0)
    assert [one.name for one in found.payers()] == ["own equity"] and found.getters() == []
    assert found.reconciled and found.paid_wad == 0


def test_waterfall__left__is_a_deficit_that_nobody_paid() -> None:
    found = told(left=17)
    assert found.payers()[-1].name == "nobody yet" and found.payers()[-1].amount_wad == 17
    assert found.reconciled and found.lacked_wad == DRAWN + 40 + 40 * WAD + 17


def test_waterfall__taken_over__is_the_backstops() -> None:
    over = ("TakenOver", {"account": ACCOUNT, "fractionWad": WAD, "gainWad": 90})
    found = told([*STORY, *happened(50, over, taken(20, 5, share=2))])
    assert [(one.name, one.amount_wad, one.times) for one in found.getters()][1] == (
        "backstop's discount",
        18,
        1,
    )
    assert found.reconciled


def test_waterfall__nobody_opposite_or_price_at_zero__bears_what_it_could() -> None:
    alone = told([*STORY[:1], *happened(30, *deleveraged(TEN, 2_000 * WAD, 30 * WAD))], drawn=0)
    assert alone.reconciled and alone.shorts_wad == 0
    whole = told([*STORY[:1], *happened(30, *deleveraged(-TEN, 0, 30_000 * WAD))], drawn=0)
    assert whole.reconciled and whole.longs_wad == 20_000 * WAD


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda story: [*story, *happened(60, paid(9))], "the fund paid 9 wei that nobody asked for"),
        (lambda story: story[3:], "what the markets have drawn: 76 wei against 79"),
        (lambda story: changed(story, "Paid", 2, paidWad=59), "insurance of a slice: 60 wei against 59"),
        (lambda story: changed(story, "WrittenOff", 1, lossWad=39), "a debt written off: 40 wei against 39"),
        (lambda story: changed(story, "Deleveraged", 1, sizeWad=1), "and no position was closed"),
        (lambda story: [one for one in story if one.event.name != "DebtWrittenOff"], "without a liquidation"),
        (
            lambda story: repriced(story, 2_004 * WAD),
            "30000000000000000000 wei were to be deleveraged, 40000000000000000000 were",
        ),
    ],
)
def test_waterfall__what_doesnt_fit__is_told(change: Any, fact: str) -> None:
    found = told(change(list(STORY)))
    assert not found.reconciled
    assert any(fact in line for line in found.discrepancies), found.discrepancies


def changed(story: list[Happened], name: str, number: int, **fields: Any) -> list[Happened]:
    """The number-th event of that name says something else."""
    places = [place for place, one in enumerate(story) if one.event.name == name]
    one = story[places[number - 1]]
    story[places[number - 1]] = replace(one, event=Event(name, {**one.event.args, **fields}, "0x"))
    return story


def repriced(story: list[Happened], price: int) -> list[Happened]:
    return changed(changed(story, "Deleveraged", 1, priceWad=price), "DeficitDeleveraged", 1, priceWad=price)
