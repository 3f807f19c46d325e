"""Series in the ledger = twin, on whole random histories of a few that expire
├── each step: both succeed, or both refuse with the same error and the same numbers
├── at the end: everything that test_ledger compares, and the tallies of open series
└── no vacuity: every way of trading, settling and refusing occurred
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from holdfast.chain.anvil import Anvil
from tests.histories import World, history, series_from
from tests.parity.test_ledger import GENESIS, START, Site, build, compare

EVENTS = {
    "list",
    "fill",
    "take",
    "deleverage",
    "settle",
    "settle_series",
    "empty position settled",
    "position settled late",
    "payoff",
}
REFUSALS = {
    "AlreadyListed",
    "AlreadySettled",
    "BadSeries",
    "BelowInitialMargin",
    "NotCovered",
    "NotListed",
    "OpenInterestCapExceeded",
    "PriceOutsideBand",
    "TradingClosed",
    "UnsupportedKind",
}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Anvil(timestamp=GENESIS) as chain:
        yield build(chain.rpc, chain.accounts[0], 18)


def test_series__random_histories__contract_equals_twin(site: Site) -> None:
    tally: Counter[str] = Counter()

    @settings(
        max_examples=120,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32), st.integers(40, 80))
    def check(seed: int, length: int) -> None:
        world = World(START, 18, series=series_from(START))
        compare(site, world, history(seed, world, length), f"seed {seed}", tally)
        ledger = world.ledger.positions
        for _, instrument in ledger.positions:
            tally["position settled late"] += ledger.markets[instrument].interest.settled
        settled = [m for m in ledger.markets.values() if m.interest.settled]
        tally["payoff"] += any(m.long.flow_wad > 0 for m in settled)

    check()

    refused = {name.removeprefix("refused ") for name in tally if name.startswith("refused ")}
    missing = EVENTS - {name for name, count in tally.items() if count} | (REFUSALS - refused)
    assert not missing, f"never happened: {sorted(missing)} in {dict(tally)}"
