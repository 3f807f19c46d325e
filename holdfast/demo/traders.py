"""Who trades in the demo: a few dozen accounts drawn from a seed, and who meets whom. Pure.

Each trader has a style: how often it occurs, which way it leans and how far it goes into debt. Half of the traders keep
an isolated account, the others a cross account, of which some bring WETH or WBTC as part of their margin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from holdfast.types import Mode
from holdfast.units import WAD

MEDIAN_NOTIONAL: Final = 150_000.0  # [dollars] of a leg
SPREAD_NOTIONAL: Final = 1.2  # standard deviation of its logarithm
LEAST_NOTIONAL, MOST_NOTIONAL = 5_000.0, 1_500_000.0
LOT_WAD: Final = WAD // 1_000  # sizes are multiples of it
COLLATERAL_SHARE: Final = 0.5  # of the margin, where there is collateral


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    name: str
    weight: int
    least_leverage: float
    most_leverage: float
    sides: tuple[int, ...]  # of each leg: 1 long, −1 short
    late: bool = False  # enters near the low instead of at the start


STYLES: Final = (
    Style(name="holder", weight=5, least_leverage=1.1, most_leverage=1.7, sides=(1,)),
    Style(name="long", weight=9, least_leverage=1.8, most_leverage=4.0, sides=(1,)),
    Style(name="bold long", weight=10, least_leverage=4.0, most_leverage=8.0, sides=(1,)),
    Style(name="short", weight=8, least_leverage=1.5, most_leverage=6.0, sides=(-1,)),
    Style(name="spread", weight=4, least_leverage=3.0, most_leverage=7.0, sides=(1, -1)),
    Style(name="late short", weight=4, least_leverage=3.5, most_leverage=7.0, sides=(-1,), late=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trader:
    number: int
    style: str
    mode: Mode
    cash: int  # [whole units of the settlement token]
    leverage: float | None = None  # when the market opens; None: what he does comes later
    collateral: Mapping[str, int] = field(default_factory=dict)  # symbol → amount [wad]
    legs: Mapping[str, int] = field(default_factory=dict)  # underlying → signed size [wad]
    late: bool = False

    @property
    def words(self) -> str:
        """In a legend."""
        mode = self.mode.name.lower()
        if self.leverage is None:
            return f"{self.style}, {mode}"
        sides = {size > 0 for size in self.legs.values()}
        side = "spread" if len(sides) > 1 else "long" if True in sides else "short"
        return f"{self.leverage:.1f}× {side}, {mode}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A trade to be: the numbers of two traders, None for the market maker."""

    underlying: str
    buyer: int | None
    seller: int | None
    size_wad: int


def draw_traders(
    rng: Random,
    count: int,
    prices: Mapping[str, float],  # by underlying, when the market opens
    late_prices: Mapping[str, float],  # when the latecomers enter
    collateral: Mapping[str, str],  # token → underlying
) -> list[Trader]:
    """The same rng state gives the same traders."""
    total = sum(style.weight for style in STYLES)
    quota = [style for style in STYLES for _ in range(max(1, round(style.weight * count / total)))]
    chosen = (quota + [STYLES[place % len(STYLES)] for place in range(count)])[:count]
    rng.shuffle(chosen)
    return [
        _draw(rng, number, style, late_prices if style.late else prices, {} if style.late else collateral)
        for number, style in enumerate(chosen)
    ]


def _draw(
    rng: Random, number: int, style: Style, prices: Mapping[str, float], collateral: Mapping[str, str]
) -> Trader:
    symbols = list(prices)
    first = symbols[0] if rng.random() < 0.7 else symbols[-1]
    order = [first, *(symbol for symbol in symbols if symbol != first)]
    notional = min(
        MOST_NOTIONAL, max(LEAST_NOTIONAL, rng.lognormvariate(math.log(MEDIAN_NOTIONAL), SPREAD_NOTIONAL))
    )
    leverage = rng.uniform(style.least_leverage, style.most_leverage)
    pledges = rng.random() < 0.45
    token = rng.choice(list(collateral)) if collateral else ""
    mode = Mode.CROSS if len(style.sides) > 1 or rng.random() < 0.5 else Mode.ISOLATED
    legs = {
        symbol: side * round(notional / len(style.sides) / prices[symbol] * WAD / LOT_WAD) * LOT_WAD
        for symbol, side in zip(order, style.sides, strict=False)
    }
    margin = sum(abs(size) / WAD * prices[symbol] for symbol, size in legs.items()) / leverage
    if mode is Mode.CROSS and pledges and token:
        held = {token: int(margin * COLLATERAL_SHARE / prices[collateral[token]] * 10**6) * 10**12}
        margin *= 1 - COLLATERAL_SHARE
    else:
        held = {}
    return Trader(
        number=number,
        style=style.name,
        mode=mode,
        leverage=leverage,
        cash=math.ceil(margin),
        collateral=held,
        legs={symbol: size for symbol, size in legs.items() if size},
        late=style.late,
    )


def pair_up(traders: Sequence[Trader]) -> list[Pair]:
    """Longs meet shorts in order, in each market; what is left over trades with the market maker."""
    pairs: list[Pair] = []
    for underlying in dict.fromkeys(symbol for trader in traders for symbol in trader.legs):
        wants = [(trader.number, trader.legs.get(underlying, 0)) for trader in traders]
        buys = [[number, size] for number, size in wants if size > 0]
        sells = [[number, -size] for number, size in wants if size < 0]
        while buys or sells:
            buyer, seller = (side[0] if side else None for side in (buys, sells))
            size = min(order[1] for order in (buyer, seller) if order is not None)
            pairs.append(
                Pair(
                    underlying=underlying,
                    buyer=buyer[0] if buyer else None,
                    seller=seller[0] if seller else None,
                    size_wad=size,
                )
            )
            for side in (buys, sells):
                if side:
                    side[0][1] -= size
                    if side[0][1] == 0:
                        side.pop(0)
    return pairs


def late_pairs(traders: Sequence[Trader]) -> list[Pair]:
    """What the latecomers want, each against the market maker."""
    return [
        Pair(
            underlying=symbol,
            buyer=trader.number if size > 0 else None,
            seller=trader.number if size < 0 else None,
            size_wad=abs(size),
        )
        for trader in traders
        if trader.late
        for symbol, size in trader.legs.items()
    ]
