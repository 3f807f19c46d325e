"""traders
├── draw_traders   the same seed gives the same; modes, sides and leverage are mixed; nobody begins below IM
└── pair_up        every leg is traded in full, each trade has two sides, late traders wait
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from holdfast.demo.traders import STYLES, Trader, draw_traders, late_pairs, pair_up
from holdfast.types import Mode
from holdfast.units import WAD

PRICES = {"ETH": 195.0, "BTC": 7_935.0}
LATE = {"ETH": 97.0, "BTC": 4_300.0}
COLLATERAL = {"WETH": "ETH", "WBTC": "BTC"}


def draw(seed: int = 1, count: int = 40) -> list[Trader]:
    return draw_traders(Random(seed), count, PRICES, LATE, COLLATERAL)


def test_draw__same_seed__same_traders() -> None:
    assert draw(7) == draw(7) != draw(8)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [6, 40, 120])
def test_draw__is_a_mixture(seed: int, count: int) -> None:
    traders = draw(seed, count)
    assert len(traders) == count and [trader.number for trader in traders] == list(range(count))
    if count >= 40:
        assert {trader.mode for trader in traders} == {Mode.ISOLATED, Mode.CROSS}
        assert {trader.style for trader in traders} == {style.name for style in STYLES}
        assert any(trader.collateral for trader in traders)
        sides = Counter(size > 0 for trader in traders for size in trader.legs.values())
        assert sides[True] and sides[False]


@pytest.mark.parametrize("seed", range(20))
def test_draw__nobody_begins_below_initial_margin(seed: int) -> None:
    """IM is a tenth of the notional, and 15 % of collateral; fees are a twentieth of a percent."""
    for trader in draw(seed):
        prices = LATE if trader.late else PRICES
        notional = sum(abs(size) / WAD * prices[symbol] for symbol, size in trader.legs.items())
        pledged = sum(amount / WAD * prices[COLLATERAL[token]] for token, amount in trader.collateral.items())
        equity = trader.cash + pledged - notional * 0.0005
        assert equity >= notional * 0.1 + pledged * 0.15
        assert notional / (trader.cash + pledged) == pytest.approx(trader.leverage, rel=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_draw__isolated__one_market_and_cash_alone(seed: int) -> None:
    for trader in draw(seed):
        if trader.mode is Mode.ISOLATED:
            assert len(trader.legs) == 1 and not trader.collateral


@pytest.mark.parametrize("seed", range(20))
def test_pair_up__everybody_gets_what_he_wants(seed: int) -> None:
    early = [trader for trader in draw(seed) if not trader.late]
    traded: Counter[tuple[int, str]] = Counter()
    for pair in pair_up(early):
        assert pair.size_wad > 0 and pair.buyer != pair.seller
        for number, sign in ((pair.buyer, 1), (pair.seller, -1)):
            if number is not None:
                traded[number, pair.underlying] += sign * pair.size_wad
    assert traded == {(t.number, symbol): size for t in early for symbol, size in t.legs.items()}


def test_late__trade_with_the_maker() -> None:
    traders = draw()
    late = [trader for trader in traders if trader.late]
    pairs = late_pairs(traders)
    assert len(pairs) == sum(len(trader.legs) for trader in late) > 0
    assert all((pair.buyer is None) != (pair.seller is None) for pair in pairs)
