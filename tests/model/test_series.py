"""Series in the ledger's twin, on random histories
├── settling                     -> creates nothing: cash and owed cash never grow, nor beyond what the vault holds
├── both sides of a series       -> what longs get is at most what shorts pay, and short of it by rounding alone
├── a settled series             -> settles once, at the oracle's average; nobody trades it, no price moves it
└── the tally of an underlying   -> is the sum of what its open series have
"""

from __future__ import annotations

from collections import Counter

import pytest

from holdfast.errors import Refused
from holdfast.model import average, options, side_index
from holdfast.model.ledger import Fill
from holdfast.types import expiry_of, underlying_of
from holdfast.units import WAD
from tests.histories import World, history, series_from

START = 1_901_000_000
SEEDS = range(10)


def claims(world: World) -> int:
    """[wad] Cash and what positions are owed, of all accounts."""
    ledger, now = world.ledger, world.now
    owed = sum(ledger.positions.position_of(now, *key)[1] for key in ledger.positions.positions)
    return owed + sum(ledger.cash_of(now, account) for account in ledger.accounts)


@pytest.mark.parametrize("seed", SEEDS)
def test_history__any__settling_creates_nothing(seed: int) -> None:
    world = World(START, 18, series=series_from(START))
    before = claims(world)
    for step, refusal in history(seed, world, 50):
        after = claims(world)
        if step.name in ("settle_series", "settle") and refusal is None and step.wait == 0:
            assert after <= before, step
        assert after <= world.ledger.vaults[0].held * world.unit_wad, f"INV-01 after {step}"
        before = after


def test_histories__meet_settlements_that_pay() -> None:
    met: Counter[str] = Counter()
    for seed in SEEDS:
        world = World(START, 18, series=series_from(START))
        for step, refusal in history(seed, world, 50):
            met[step.name] += refusal is None
        ends = world.ledger.positions.epoch_ends
        met["payoff"] += sum(
            1 for (series, _, _), end in ends.items() if series in world.series and end.flow_wad
        )
    assert met["settle_series"] > 3 and met["payoff"] > 1, met


@pytest.mark.parametrize("seed", SEEDS)
def test_settle_series__any_sides__longs_get_what_shorts_pay(seed: int) -> None:
    world = World(START, 18, series=series_from(START))
    positions = world.ledger.positions
    for _ in history(seed, world, 40):
        pass
    for series in positions.series:
        m = positions.markets[series]
        if m.interest.settled:
            continue
        sizes = {
            key: positions.position_of(world.now, *key)[0] for key in positions.positions if key[1] == series
        }
        quotes = {key: positions.position_of(world.now, *key)[1] for key in sizes}
        price = 2_345 * WAD + seed
        world.time = max(world.time, expiry_of(series))
        known = average.advance(average.History(), price, expiry_of(series))
        positions.settle_series(series, known, expiry_of(series))

        paid = {key: positions.position_of(world.now, *key)[1] - quotes[key] for key in sizes}
        payoff = options.payoff_wad(series, price)
        # A wad of base gets a wei too little at most, and crossing rounds once more.
        for key, size in sizes.items():
            units = abs(positions.raw_position_of(*key).base_wad) // WAD + 3
            assert size * payoff // WAD - units <= paid[key] <= (size + 1) * payoff // WAD + 1
            assert positions.position_of(world.now, *key)[0] == 0
        assert sum(paid.values()) <= 0


def test_settled__nobody_trades_it_and_no_price_moves_it() -> None:
    world = World(START, 18, series=series_from(START))
    for _ in history(3, world, 40):
        pass
    positions = world.ledger.positions
    for series in positions.series:
        underlying = underlying_of(series)
        world.time = max(world.time, expiry_of(series)) + 1
        world._poke(underlying, world.stored[underlying].spot_wad)
        known = world.histories[underlying]
        cover = average.cover_of(known, expiry_of(series))
        if not positions.markets[series].interest.settled:
            positions.settle_series(series, known, cover)
        with pytest.raises(Refused, match="AlreadySettled"):
            positions.settle_series(series, known, cover)
        holders = [key for key in positions.positions if key[1] == series]
        owed = [positions.position_of(world.now, *key) for key in holders]
        world.time += 1
        world._poke(underlying, 2 * world.stored[underlying].spot_wad)
        assert [positions.position_of(world.now, *key) for key in holders] == owed
        fill = Fill(instrument=series, buyer=1, seller=2, fee_account=1, size_wad=WAD, price_wad=0)
        with pytest.raises(Refused, match="TradingClosed"):
            world.ledger.fill(world.now, fill)


@pytest.mark.parametrize("seed", SEEDS)
def test_tally__any_history__is_the_sum_of_open_series(seed: int) -> None:
    world = World(START, 18, series=series_from(START))
    for _ in history(seed, world, 50):
        pass
    positions = world.ledger.positions
    for underlying, tally in positions.tallies.items():
        mine = [positions.markets[one] for one in positions.series if underlying_of(one) == underlying]
        open_ = [m for m in mine if not m.interest.settled]
        assert tally.series == len(open_)
        assert tally.open_interest_wad == sum(side_index.open_interest(m, True) for m in open_)
