"""One position, many wallets, and a wall of orders that is never meant to trade.

Incident: POPCAT, 12 November 2025, Hyperliquid. Three millions over nineteen wallets carried longs of some 26
millions in a small token, held up by bids of 20 millions; the bids vanished, the price fell by about a third, and the
vault behind the liquidations lost nearly five millions.
Peer's rule: the rate of the initial margin rises with the position of one wallet; the price is that of its own book.
Ours: the rate rises with the open interest of the market's side, whoever holds it, so it is the same for one as for
nineteen. An order is a signature: no price, no margin and no depth is read from a book, and a fill lies within a band
around the oracle's mark, which it doesn't move.

├── nineteen wallets        theirs: less margin than one · ours: as much as one, to the wei of a rounding each
├── the last of them        can't enter with what was enough for the first
└── the wall                changes nothing, signed or traded
"""

from __future__ import annotations

import pytest

from holdfast.types import Health
from holdfast.units import WAD, mul_wad_up
from tests.conftest import Refused
from tests.stage import Party, Stage, wads

WALLETS = 19
EACH = 3_200  # [ETH] 60,800 together, beyond the knee at 50,000 of 100,000
TIERS = ((200_000, 0.10), (2_000_000, 0.125), (20_000_000, 0.20), (float("inf"), 0.50))


def by_wallet(notional: float) -> float:
    """Initial margin by their rule: the tier of one wallet's position."""
    return next(notional * rate for most, rate in TIERS if notional <= most)


@pytest.fixture
def maker(stage: Stage) -> Party:
    return stage.party(60_000_000)


@pytest.fixture
def wallets(stage: Stage, maker: Party) -> list[Party]:
    wallets = [stage.party(2_000_000) for _ in range(WALLETS)]
    for wallet in wallets:
        stage.trade(wallet, maker, EACH, 2_000)
    return wallets


def initial(health: Health) -> int:
    return health.margin.initial_wad


def test_split__nineteen_wallets__need_what_one_needs(
    stage: Stage, maker: Party, wallets: list[Party]
) -> None:
    notional = EACH * 2_000.0
    assert WALLETS * by_wallet(notional) < 0.45 * by_wallet(WALLETS * notional)  # theirs: less than half

    together = sum(initial(stage.health(wallet)) for wallet in wallets)
    alone = initial(stage.health(maker))  # the same open interest, all of it in one account

    rate = WAD // 10 + mul_wad_up(4 * WAD // 10, (WALLETS * EACH - 50_000) * WAD // 50_000)
    assert alone == WALLETS * EACH * 2_000 * rate  # 18.64 % by the formula of docs/risk.md
    assert 0 <= together - alone <= WALLETS


def test_split__the_last_wallet__cant_enter_on_the_firsts_margin(
    stage: Stage, maker: Party, wallets: list[Party], refused: Refused
) -> None:
    late = stage.party(650_000)  # a tenth of its position and a bit: enough while the market was small
    stage.trade(late, maker, 100, 2_000)
    with pytest.raises(Exception, match="BelowInitialMargin"):
        stage.trade(late, maker, EACH - 100, 2_000)


def test_split__fake_bids__change_nothing(stage: Stage, maker: Party, wallets: list[Party]) -> None:
    before = stage.protocol.snapshot()
    for wallet in wallets:
        order = stage.order(wallet, 10_000, 1_990)
        stage.protocol.sign(order, wallet.key)  # a wall of 380 millions
    assert stage.protocol.snapshot() == before

    spot = stage.market().price.spot_wad
    stage.trade(wallets[0], maker, 1, 2_039)  # near the band's upper edge
    assert stage.market().price.spot_wad == spot
    with pytest.raises(Exception, match="PriceOutsideBand"):
        stage.trade(wallets[0], maker, 1, 2_041)
    assert abs(initial(stage.health(wallets[1])) - wads(EACH * 2_000 * 0.1864)) < wads(100)
