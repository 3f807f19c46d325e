"""Matched trades at the edge of the band, to push equity out of an account that is about to be liquidated.

The attacker owns the failing account and an accomplice. The failing one sells 2 % under the mark, the accomplice buys.

Naive rule: reductions are always allowed, at any price in the band, whatever they leave behind.

├── above IM            equity may go down to IM, as by a withdrawal
├── between MM and IM   only with less risk, and health may not get worse
├── below MM            the same: what is pushed out stays under the MM set free; a whole close leaves no debt
├── nearly broke        nothing can be pushed out at all
├── broke               nothing can be closed away from the bidders
├── in slices           many small steps push out no more than one large one
└── in circles          out and in again costs fees, and ends no lower
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from holdfast.errors import Reverted
from tests.conftest import Refused
from tests.stage import Party, Stage, wads


@pytest.fixture
def accomplice(stage: Stage) -> Party:
    return stage.party(500_000)


def long_at(stage: Stage, accomplice: Party, cash: float, price: float) -> Party:
    """Long of 10 ETH bought at 2,000, and the price now."""
    long = stage.party(cash, owner=accomplice.key)
    stage.trade(long, accomplice, 10, 2_000)
    if price != 2_000:
        stage.drift("ETH", price)
    return long


def edge(price: float) -> float:
    return price * 0.98


def test_band_edge__above_im__stops_at_im(stage: Stage, accomplice: Party, refused: Refused) -> None:
    long = long_at(stage, accomplice, 2_110, 2_000)  # equity 2,100, IM 2,000
    other = stage.party(500_000)

    with refused(
        "BelowInitialMargin",
        account=long.account,
        equityWad=wads(2_100 - 200 - 5 * 2_040 * 0.0005),
        initialWad=wads(3_000),
    ):
        stage.trade(long, other, 5, 2_040)  # buys more, 2 % above the mark
    stage.trade(accomplice, long, 1, 1_960)  # sells a tenth, 2 % under it
    margin = stage.health(long).margin
    assert margin.equity_wad >= margin.initial_wad


@pytest.mark.parametrize(("price", "where"), [(1_920, "between"), (1_875, "below MM"), (1_840, "well below")])
def test_band_edge__reducing__health_gets_no_worse(
    stage: Stage, accomplice: Party, price: float, where: str
) -> None:
    """Equity 1,300, 850 and 500."""
    long = long_at(stage, accomplice, 2_110, price)
    before = stage.health(long).margin
    assert (where == "between") == (before.equity_wad > before.maintenance_wad)

    stage.trade(accomplice, long, 4, edge(price))

    after = stage.health(long).margin
    assert Fraction(after.equity_wad, after.maintenance_wad) >= Fraction(
        before.equity_wad, before.maintenance_wad
    )
    pushed = before.equity_wad - after.equity_wad
    assert pushed == wads(4 * price * 0.02 + 4 * edge(price) * 0.0002)
    assert pushed < before.maintenance_wad - after.maintenance_wad


def test_band_edge__whole_close__leaves_no_debt(stage: Stage, accomplice: Party) -> None:
    long = long_at(stage, accomplice, 2_110, 1_830)  # equity 400, MM 915
    stage.trade(accomplice, long, 10, edge(1_830))  # 366 are pushed out, and 3.59 of fees

    after = stage.health(long)
    assert after.legs == 0
    assert 0 <= after.margin.equity_wad < wads(31)


def test_band_edge__nearly_broke__nothing_leaves(stage: Stage, accomplice: Party) -> None:
    long = long_at(stage, accomplice, 2_110, 1_820)  # equity 300: the edge would cost 364
    for size in (10, 5, 1):
        with pytest.raises(Reverted, match="BelowInitialMargin"):
            stage.trade(accomplice, long, size, edge(1_820))
    stage.trade(accomplice, long, 10, 1_811)  # half a percent is affordable
    assert stage.health(long).margin.equity_wad >= 0


def test_band_edge__broke__belongs_to_the_bidders(stage: Stage, accomplice: Party) -> None:
    long = long_at(stage, accomplice, 2_110, 1_890)
    stage.price("ETH", 1_770)  # equity −200
    for price in (1_770, edge(1_770), 1_775):
        with pytest.raises(Reverted, match="BelowInitialMargin"):
            stage.trade(accomplice, long, 5, price)
    with pytest.raises(Reverted, match="BelowInitialMargin"):
        stage.trade(accomplice, long, 10, 1_785)  # −50: still a debt

    stage.trade(accomplice, long, 10, 1_800)  # but whoever gives it 300 may close it
    assert stage.equity(long) >= 0


def test_band_edge__slices__push_out_no_more(stage: Stage, accomplice: Party) -> None:
    long = long_at(stage, accomplice, 2_200, 1_870)
    before = stage.equity(long)
    for _ in range(10):
        stage.trade(accomplice, long, 1, edge(1_870))
    assert stage.size(long) == 0
    at_once = wads(10 * (1_870 * 0.02 + edge(1_870) * 0.0002))
    assert (
        0 <= at_once - (before - stage.equity(long)) < wads(0.1)
    )  # the premium below zero pays longs, meanwhile
    assert stage.equity(long) > 0


def test_band_edge__circle__ends_no_lower_for_the_protocol(stage: Stage, accomplice: Party) -> None:
    """Out at the lower edge, in again at the upper: only with initial margin, so never below it."""
    long = long_at(stage, accomplice, 2_500, 2_000)
    both = stage.equity(long) + stage.equity(accomplice)
    fees = stage.cash(stage.fees)
    trades = 0
    while trades < 30:
        try:
            stage.trade(accomplice, long, 5, edge(2_000))
            stage.trade(long, accomplice, 5, 2_040)
        except Reverted as error:
            assert error.name == "BelowInitialMargin"
            break
        trades += 2
    assert 0 < trades < 30
    margin = stage.health(long).margin
    assert margin.equity_wad >= margin.maintenance_wad
    after = stage.equity(long) + stage.equity(accomplice)
    assert both - after == stage.cash(stage.fees) - fees
