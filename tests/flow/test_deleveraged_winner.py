"""Winners who are deleveraged get exactly what they were closed at, in proportion, and can leave with it.

Two shorts, of 6 and of 4 ETH, against a long of 7 that breaks and one of 3 that doesn't. ETH goes from 2,000 to 1,780.
Seven tenths of each short are closed at the bankruptcy price; the rest goes on.

├── pro rata          each short loses the same share of its size, at the same price
├── settle            anyone brings a winner's position up to date; it changes nothing that he owns
├── withdraw          what was closed is cash: the profit on it can be taken out while the rest stays open
└── the end           the rest is closed by ordinary trades; all that is due was paid, to a millionth of a cent
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from holdfast.units import WAD
from tests.stage import Party, Stage, wads


@dataclass(frozen=True)
class Cast:
    loser: Party  # long 7
    holder: Party  # long 3
    large: Party  # short 6
    small: Party  # short 4
    price_wad: int  # at which the loser was closed


@pytest.fixture
def cast(stage: Stage) -> Cast:
    loser, holder = stage.party(1_477), stage.party(10_000)
    large, small = stage.party(20_000), stage.party(20_000)
    stage.trade(loser, large, 6, 2_000)
    stage.trade(loser, small, 1, 2_000)
    stage.trade(holder, small, 3, 2_000)
    stage.drift("ETH", 1_890)
    stage.price("ETH", 1_780)
    # 1,477 − 7 of fees − 7·220 = −70; the fund has half of 14 dollars of fees
    assert stage.equity(loser) == wads(-70)
    stage.start(loser)
    capacity = stage.insurance.call("capacity", 1)
    price = stage.deleverage(loser).event("Deleveraged").args["priceWad"]
    assert price == (wads(7 * 1_780 + 70) - capacity) // 7
    assert wads(1_789) < price < wads(1_790)
    return Cast(loser, holder, large, small, price)


def near(found: int, expected: int) -> bool:
    """A millionth of a cent: the protocol keeps what rounding leaves."""
    return 0 <= expected - found <= wads(0.000_000_01)


def test_deleveraged_winner__pro_rata__same_share_and_price(stage: Stage, cast: Cast) -> None:
    for short, size, fee in ((cast.large, 6, 2.4), (cast.small, 4, 1.6)):
        position = stage.look(short).positions[0]
        assert 0 <= -position.size_wad - wads(size * 0.3) <= 10
        closed = size * 7 * (wads(2_000) - cast.price_wad) // 10
        still_open = wads(size * 0.3 * (2_000 - 1_780))
        assert near(stage.equity(short), wads(20_000 - fee) + closed + still_open)
    assert stage.size(cast.holder) == wads(3)
    assert stage.equity(cast.holder) == wads(10_000 - 3 - 3 * 220)  # nothing to do with it


def test_deleveraged_winner__settle__changes_nothing(stage: Stage, cast: Cast) -> None:
    before = (stage.equity(cast.large), stage.size(cast.large), stage.cash(cast.large))
    receipt = stage.send(stage.ledger, "settle", cast.large.account, stage.eth, by="stranger")

    assert receipt.event("Settled").args["cashWad"] == 0  # it still has a size: its due stays in the position
    equity, size, cash = before
    assert (stage.size(cast.large), stage.cash(cast.large)) == (size, cash)
    assert 0 <= equity - stage.equity(cast.large) <= 2


def test_deleveraged_winner__profit__leaves_when_the_rest_is_closed(stage: Stage, cast: Cast) -> None:
    stage.drift("ETH", 1_800)
    open_wad = -stage.size(cast.large)
    buy = stage.order(cast.large, 0, 1_800, size_wad=open_wad)
    sell = stage.order(cast.holder, 0, 1_800, size_wad=-open_wad)
    stage.match((cast.holder, sell), (cast.large, buy), open_wad)

    closed_by_others = 6 * 7 * (wads(2_000) - cast.price_wad) // 10
    closed_himself = wads(6 * 0.3 * (2_000 - 1_800))
    fees = wads(2.4 + 1.8 * 1_800 * 0.0005)
    due = wads(20_000) + closed_by_others + closed_himself - fees
    cash = stage.cash(cast.large)
    assert near(cash, due)
    assert stage.look(cast.large).positions == ()

    stage.send(
        stage.ledger,
        "withdraw",
        cast.large.account,
        0,
        cash // 10**12,
        cast.large.address,
        by=cast.large.address,
    )
    paid = stage.protocol.tokens[0].call("balanceOf", cast.large.address) * 10**12
    assert 0 <= due - paid < 10**12 + wads(0.000_000_01)  # to the token's last digit


def test_deleveraged_winner__next_loss__is_on_what_is_left(stage: Stage, cast: Cast) -> None:
    before = stage.equity(cast.small)
    size = -stage.size(cast.small)
    stage.drift("ETH", 1_880)

    lost = before - stage.equity(cast.small)
    assert lost - size * 100 in range(2) and wads(120) <= size * 100 < wads(120) + 10**4
    assert WAD > stage.market().short.scale_wad >= 3 * WAD // 10
