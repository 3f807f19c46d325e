"""A liquidator who looks for the worst price of the last hours.

Incident: none known; a rule that Opyn's vaults had, and that a reader of the code sees.
Peer's rule: whoever liquidates names the round of the price feed. Any round since the vault was last touched will do,
so one low print makes an account liquidatable for as long as its owner does nothing, whatever the price is now.
Ours: there is one price, the last accepted; nobody names another. A newer answer replaces it and an older one doesn't
enter.

├── fell and came back    theirs: liquidated at the low round · ours: Healthy
├── an old answer         said again, or said late: the price in force stays
└── in between            while it is low it may be started; once it is back, the auction ends
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.conftest import Refused
from tests.stage import Party, Stage, wads


def any_round_will_do(rounds: Sequence[float], size: float, cash: float, entry: float) -> bool:
    """Is it liquidatable, by their rule? At the price that suits the liquidator best."""
    return any(cash + size * (price - entry) < size * price * 0.05 for price in rounds)


@pytest.fixture
def long(stage: Stage) -> Party:
    """Long of 10 ETH: below MM under some 1,897."""
    long = stage.party(2_200)
    stage.trade(long, stage.party(100_000), 10, 2_000)
    return long


def test_choice__fell_and_came_back__the_last_price_counts(
    stage: Stage, long: Party, refused: Refused
) -> None:
    rounds = (2_000, 1_860, 1_990)
    for price in rounds[1:]:
        stage.price("ETH", price)
    assert any_round_will_do(rounds, size=10, cash=2_190, entry=2_000)
    assert not any_round_will_do(rounds[-1:], size=10, cash=2_190, entry=2_000)

    with refused("Healthy", account=long.account, equityWad=wads(2_090), maintenanceWad=wads(995)):
        stage.start(long)


def test_choice__an_older_answer__does_not_enter(stage: Stage, long: Party) -> None:
    stage.price("ETH", 1_860)
    low_at = stage.time - 1
    stage.price("ETH", 1_990)

    stage.say("ETH", 1_860, time=low_at)  # the low round once more, with its own time
    stage.poke("ETH")

    assert stage.market().price.spot_wad == wads(1_990)
    assert stage.look(long).healthy


def test_choice__low_for_a_moment__an_auction_ends_where_it_is_over(stage: Stage, long: Party) -> None:
    stage.price("ETH", 1_860)
    stage.start(long)
    before = stage.equity(long)
    stage.price("ETH", 1_990)

    stage.send(stage.liquidation, "end", long.account, by="stranger")

    assert stage.look(long).auction is None
    assert stage.equity(long) == before + wads(1_300)  # nothing was sold
