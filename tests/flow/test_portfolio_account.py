"""A portfolio account from its breach to its health
└── short twice the ether that covers it, and ether doubles
    ├── one scenario            -> proves too little: Healthy, with what it proves
    ├── two of them             -> prove it: the auction starts
    └── a slice                 -> sized by the whole MM, collateral and position in proportion: healthy again
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.types import Mode
from holdfast.units import WAD
from tests.stage import Party, Stage

UP_16, UP_16_CALM = 1 << 8, 1 << 17
"""The last spot of the core, by each of its volatilities."""

TARGET_BPS = 14_000


@pytest.fixture
def party(stage: Stage) -> Party:
    party, maker = stage.party(5_000, Mode.PORTFOLIO, WETH=10), stage.party(10**6)
    stage.trade(maker, party, 20, 2_000)
    stage.drift("ETH", 4_200)
    return party


def test_portfolio_account__witness_and_slice__healthy_again(stage: Stage, party: Party) -> None:
    taker = stage.party(10**6)
    before = stage.ahead(party).margin
    whole, equity = before.maintenance_wad, before.equity_wad
    assert 0 < equity < whole
    proof = {witness: _proved(stage, party, witness) for witness in (UP_16, UP_16 | UP_16_CALM)}

    with pytest.raises(Reverted) as caught:
        _start_by(stage, party, UP_16)
    assert (caught.value.name, caught.value.values) == ("Healthy", (party.account, equity, proof[UP_16]))

    started = _start_by(stage, party, UP_16 | UP_16_CALM)
    assert started["maintenanceWad"] == proof[UP_16 | UP_16_CALM] > equity > proof[UP_16]

    stage.until_started(party, 60)
    receipt = stage.take(party, taker)

    fraction = receipt.event("Taken").args["fractionWad"]
    assert 0 < fraction < WAD
    left, look = WAD - fraction, stage.look(party)
    (ether,) = look.holdings
    assert abs(ether.amount - 10 * left) <= 10 and abs(stage.size(party) + 20 * left) <= 20
    assert look.auction is None
    margin = stage.health(party).margin
    assert margin.maintenance_wad == pytest.approx(whole * left // WAD, rel=1e-9)
    assert margin.equity_wad * 10_000 >= margin.maintenance_wad * TARGET_BPS
    taken = stage.look(taker)
    assert taken.position(stage.eth) is not None and taken.holdings[0].amount == 10 * WAD - ether.amount


def _proved(stage: Stage, party: Party, witness: int) -> int:
    return int(stage.ledger.call("healthBy", party.account, witness).margin.maintenanceWad)


def _start_by(stage: Stage, party: Party, witness: int) -> dict[str, int]:
    receipt = stage.send(stage.liquidation, "startBy", party.account, stage.treasury, witness, by="keeper")
    return dict(receipt.event("AuctionStarted").args)
