"""StandingBids
├── fill
│   ├── at its terms                               -> taken by the signer's account, counted by notional
│   ├── in parts, up to its notional               -> and no further
│   ├── before its terms are met                   -> DiscountTooSmall
│   ├── several, lowest minimum first              -> each its part, the rest left when the auction ends
│   │   └── in another order                       -> OutOfOrder
│   ├── none; fewer signatures                     -> NoBids, WrongLength
│   ├── expired, of another market, not in auction -> Expired, WrongMarket, NotInAuction
│   ├── forged, or signed by nobody of the account -> BadSignature, NotAuthorised
│   ├── ledger never told                          -> NotAuthorised
│   ├── restricted                                 -> Blocked
│   └── signed by a contract                       -> as EIP-1271 says
└── cancel
    ├── by the owner                               -> BidUsedUp from then on
    └── by anybody else                            -> NotAuthorised
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.model.backstop import bid_digest
from holdfast.model.venue import CANCELLED
from holdfast.types import Action, Grade, Level
from holdfast.units import WAD
from tests.backstop import a_crash, fill, permit_bids, standing
from tests.conftest import Refused
from tests.stage import Party, Stage, address_of, wads


@pytest.fixture
def pro(stage: Stage) -> Party:
    party = stage.party(50_000)
    permit_bids(stage, party)
    return party


@pytest.fixture
def long(stage: Stage) -> Party:
    """In auction: 10 ETH at 1,800, equity 490, MM 900."""
    return a_crash(stage)[0]


def filled(stage: Stage, bid: object) -> int:
    p = stage.protocol
    return int(p.standing_bids.call("filledOf", bid_digest(bid, p.chain_id, p.standing_bids.address)))  # type: ignore[arg-type]


def test_fill__in_parts__up_to_its_notional(stage: Stage, pro: Party, long: Party, refused: Refused) -> None:
    bid = standing(stage, pro, 4_500, 2_000)
    stage.until_started(long, 60)
    args = fill(stage, long, (pro, bid)).event("BidFilled").args
    assert (args["fractionWad"], args["notionalWad"]) == (WAD // 4, wads(4_500))
    assert stage.size(pro) == wads(2.5) and filled(stage, bid) == wads(4_500)
    name = bid_digest(bid, stage.protocol.chain_id, stage.protocol.standing_bids.address)
    with refused("BidUsedUp", bidHash=name):
        fill(stage, long, (pro, bid))


def test_fill__before_its_terms__refused_by_the_auction(
    stage: Stage, pro: Party, long: Party, refused: Refused
) -> None:
    bid = standing(stage, pro, 9_000, 4_725)  # 47.25 % of MM: d at 60 s less the fund's tenth
    stage.until_started(long, 59)
    gain = (500 * WAD + 9_500 * (59 * WAD // 120)) // 10_000 * 450
    gain -= -(-gain // 10)
    with refused("DiscountTooSmall", discountWad=gain, minDiscountWad=wads(212.625)):
        fill(stage, long, (pro, bid))
    stage.until_started(long, 60)
    fill(stage, long, (pro, bid))


def test_fill__several__lowest_first_and_the_rest_left(
    stage: Stage, pro: Party, long: Party, refused: Refused
) -> None:
    other = stage.party(50_000)
    permit_bids(stage, other)
    cheap, dear = standing(stage, other, 9_000, 1_000), standing(stage, pro, 30_000, 2_000)
    spare = standing(stage, pro, 1_000, 3_000)
    stage.until_started(long, 60)
    with refused("OutOfOrder", place=1, minDiscountBps=1_000, previousBps=2_000):
        fill(stage, long, (pro, dear), (other, cheap))
    receipt = fill(stage, long, (other, cheap), (pro, dear), (pro, spare))
    taken = [event.args for event in receipt.events if event.name == "BidFilled"]
    assert [args["taker"] for args in taken] == [other.account, pro.account]
    # The second gets what restores the target; then the auction is over
    assert stage.size(other) == wads(5) and wads(4.8) < stage.size(pro) < wads(5)
    assert not stage.look(long).auction
    assert filled(stage, spare) == 0


def test_fill__refusals(stage: Stage, pro: Party, long: Party, refused: Refused) -> None:
    bids = stage.protocol.standing_bids
    bid = standing(stage, pro, 9_000, 1_000)
    name = bid_digest(bid, stage.protocol.chain_id, bids.address)
    with refused("NoBids"):
        fill(stage, long)
    with refused("WrongLength", bids=1, signatures=0):
        stage.send(bids, "fill", long.account, [bid.members()], [], by="keeper")
    with refused("NotInAuction", account=pro.account):
        fill(stage, pro, (pro, bid))
    late = replace(bid, deadline=stage.time)
    with refused("Expired", expiresAt=late.deadline):
        fill(stage, long, (pro, late))
    other = replace(bid, market=2)
    hashed = bid_digest(other, stage.protocol.chain_id, bids.address)
    with refused("WrongMarket", bidHash=hashed, bidMarket=2, market=1):
        fill(stage, long, (pro, other))
    thief = stage.party()
    with refused("BadSignature", signer=pro.address):
        fill(stage, long, (thief, bid))
    with refused("NotAuthorised", account=pro.account, caller=thief.address):
        fill(stage, long, (thief, replace(bid, signer=thief.address)))
    assert filled(stage, bid) == 0 and name


def test_fill__ledger_never_told__not_authorised(stage: Stage, long: Party, refused: Refused) -> None:
    party = stage.party(50_000)
    stage.until_started(long, 60)
    with refused("NotAuthorised", account=party.account, caller=stage.protocol.standing_bids.address):
        fill(stage, long, (party, standing(stage, party, 9_000, 1_000)))


def test_fill__restricted__blocked(stage: Stage, pro: Party, long: Party, refused: Refused) -> None:
    stage.send(stage.breaker, "trip", 1, Level.CAUTIOUS, 600, by="guardian")
    with refused(
        "Blocked", action=Action.INCREASE, underlying=1, level=Level.CAUTIOUS, grade=Grade.FRESH, grace=False
    ):
        fill(stage, long, (pro, standing(stage, pro, 9_000, 0)))


def test_fill__signed_by_a_contract__as_it_says(
    stage: Stage, pro: Party, long: Party, refused: Refused
) -> None:
    wallet = stage.deploy("MockWallet", pro.address)
    stage.send(stage.ledger, "setOperator", wallet.address, True, by=pro.address)
    bid = standing(stage, pro, 9_000, 1_000, signer=wallet.address)
    stage.until_started(long, 60)
    thief = stage.party()
    with refused("BadSignature", signer=wallet.address):
        fill(stage, long, (thief, bid))
    fill(stage, long, (pro, bid))


def test_cancel__owner__for_good(stage: Stage, pro: Party, long: Party, refused: Refused) -> None:
    bids = stage.protocol.standing_bids
    bid = standing(stage, pro, 9_000, 1_000)
    with refused("NotAuthorised", account=pro.account, caller=address_of("stranger")):
        stage.send(bids, "cancel", bid.members(), by="stranger")
    for _ in range(2):
        receipt = stage.send(bids, "cancel", bid.members(), by=pro.address)
        assert receipt.event("BidCancelled").args["taker"] == pro.account
    assert filled(stage, bid) == CANCELLED
    stage.until_started(long, 60)
    name = bid_digest(bid, stage.protocol.chain_id, bids.address)
    with refused("BidUsedUp", bidHash=name):
        fill(stage, long, (pro, bid))
