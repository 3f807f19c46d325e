"""constructor, setFees
├── caller without the role      -> AccessManagedUnauthorized
├── caller's role has a delay    -> AccessManagerNotScheduled
├── either fee above the maximum -> BadFee
└── otherwise: sets both, emits FeesSet
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.unit.venue.conftest import FEES, MAKER_BPS, TAKER_BPS, Desk


@pytest.fixture
def maximum(venue: Contract) -> int:
    found: int = venue.call("MAX_FEE_BPS")
    return found


def test_constructor__sets_everything(venue: Contract, ledger: Contract) -> None:
    assert venue.call("ledger") == ledger.address
    assert venue.call("positions") == ledger.address
    assert venue.call("feeAccount") == FEES
    assert (venue.call("makerFeeBps"), venue.call("takerFeeBps")) == (MAKER_BPS, TAKER_BPS)


def test_constructor__fee_too_high__reverts(
    deploy: Callable[..., Contract], authority: Contract, ledger: Contract, refused: Refused, maximum: int
) -> None:
    with refused("BadFee", feeBps=maximum + 1, maxBps=maximum):
        deploy("Venue", authority.address, ledger.address, FEES, maximum + 1, 0)
    with refused("BadFee", feeBps=maximum + 1, maxBps=maximum):
        deploy("Venue", authority.address, ledger.address, FEES, 0, maximum + 1)


def test_set_fees__stranger__reverts(venue: Contract, roles: Roles, refused: Refused) -> None:
    with refused("AccessManagedUnauthorized", caller=roles.stranger):
        venue.send("setFees", 1, 1, sender=roles.stranger)


def test_set_fees__not_scheduled__reverts(
    venue: Contract, authority: Contract, roles: Roles, permit: Callable[..., None], refused: Refused
) -> None:
    permit(roles.governor, venue, "setFees", delay=3_600)
    operation = authority.call("hashOperation", roles.governor, venue.address, venue.encode("setFees", 1, 1))
    with refused("AccessManagerNotScheduled", operationId=operation):
        venue.send("setFees", 1, 1, sender=roles.governor)


def test_set_fees__too_high__reverts(
    venue: Contract, roles: Roles, permit: Callable[..., None], refused: Refused, maximum: int
) -> None:
    permit(roles.governor, venue, "setFees")
    for fees in ((maximum + 1, 0), (0, maximum + 1)):
        with refused("BadFee", feeBps=maximum + 1, maxBps=maximum):
            venue.send("setFees", *fees, sender=roles.governor)


def test_set_fees__within_bounds__sets_both(
    venue: Contract, roles: Roles, permit: Callable[..., None], maximum: int
) -> None:
    permit(roles.governor, venue, "setFees")
    for fees in ((0, 0), (1, 2), (maximum, maximum)):
        receipt = venue.send("setFees", *fees, sender=roles.governor)
        assert receipt.event("FeesSet").args == {"makerBps": fees[0], "takerBps": fees[1]}
        assert (venue.call("makerFeeBps"), venue.call("takerFeeBps")) == fees


def test_set_fees__counts_from_the_next_match(
    desk: Desk, roles: Roles, permit: Callable[..., None], maximum: int
) -> None:
    permit(roles.governor, desk.venue, "setFees")
    desk.venue.send("setFees", 0, maximum, sender=roles.governor)
    desk.match(desk.buy(), desk.sell(), WAD)
    fill = desk.ledger.call("lastFill")
    assert (fill.buyerFeeWad, fill.sellerFeeWad) == (0, 20 * WAD)
