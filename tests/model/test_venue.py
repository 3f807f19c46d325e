"""Venue: worked by hand (docs/venue.md), and what `order_digest` must never do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.errors import Refused
from holdfast.model.typed_data import domain_separator
from holdfast.model.venue import (
    CANCELLED,
    DOMAIN_NAME,
    Order,
    Trade,
    Venue,
    check_pair,
    check_reduces,
    digest,
    fee_up,
)
from holdfast.units import WAD

ALICE, BOB = "0x" + "aa" * 20, "0x" + "bb" * 20
VENUE = "0x" + "cc" * 20
YES = {(1, ALICE): True, (2, BOB): True}
NOW = 1_000


def buy(size_wad: int = 3 * WAD, price_wad: int = 2_000 * WAD, **changes: object) -> Order:
    return Order(
        account=1, signer=ALICE, instrument=7, size_wad=size_wad, limit_price_wad=price_wad, **changes
    )  # type: ignore[arg-type]


def sell(size_wad: int = -3 * WAD, price_wad: int = 2_000 * WAD, **changes: object) -> Order:
    return Order(account=2, signer=BOB, instrument=7, size_wad=size_wad, limit_price_wad=price_wad, **changes)  # type: ignore[arg-type]


@pytest.fixture
def venue() -> Venue:
    return Venue(chain_id=1, address=VENUE, maker_fee_bps=2, taker_fee_bps=5)


def test_worked_example(venue: Venue) -> None:
    """Docs' example: a maker bids 3 at 2,000; a taker sells 1 at 1,990 or better. It trades at 2,000."""
    trade = venue.matched(buy(), sell(-WAD, 1_990 * WAD), WAD, now=NOW, authorised=YES, positions={})
    assert trade == Trade(
        instrument=7,
        buyer=1,
        seller=2,
        size_wad=WAD,
        price_wad=2_000 * WAD,
        buyer_fee_wad=4 * WAD // 10,
        seller_fee_wad=WAD,
    )
    assert venue.filled == {venue.hash_of(buy()): WAD, venue.hash_of(sell(-WAD, 1_990 * WAD)): WAD}


@pytest.mark.parametrize(
    ("size", "price", "bps", "fee"),
    [
        (0, 5, 5, 0),
        (1, 1, 1, 1),
        (WAD, WAD, 1, 10**14),
        (WAD, WAD, 0, 0),
        (WAD, 10**4, 1, 1),
        (WAD, 10**4 + 1, 1, 2),
    ],
)
def test_fee_up__by_hand(size: int, price: int, bps: int, fee: int) -> None:
    assert fee_up(size, price, bps) == fee


def test_refusal__counts_nothing(venue: Venue) -> None:
    """The second order is refused after the first was counted: the first is as it was."""
    with pytest.raises(Refused, match="Expired"):
        venue.matched(buy(), sell(expires_at=NOW - 1), WAD, now=NOW, authorised=YES, positions={})
    assert venue.filled == {}


def test_cancel__uses_up(venue: Venue) -> None:
    venue.cancel(buy())
    assert venue.filled[venue.hash_of(buy())] == CANCELLED
    with pytest.raises(Refused) as caught:
        venue.matched(buy(), sell(), 1, now=NOW, authorised=YES, positions={})
    assert (caught.value.name, caught.value.values) == ("OrderFilled", (venue.hash_of(buy()), 0, 1))


@pytest.mark.parametrize(
    ("position", "trade", "size", "allowed"),
    [
        (5, -5, 5, True),
        (5, -9, 5, True),
        (5, -9, 6, False),
        (5, 5, 1, False),
        (-5, 5, 5, True),
        (-5, 5, 6, False),
        (-5, -5, 1, False),
        (0, 5, 1, False),
        (0, -5, 1, False),
    ],
)
def test_check_reduces(position: int, trade: int, size: int, allowed: bool) -> None:
    def check() -> None:
        check_reduces(buy(trade), position, size)

    if allowed:
        check()
    else:
        with pytest.raises(Refused, match="ReduceOnly"):
            check()


@pytest.mark.parametrize(
    ("maker", "taker", "error"),
    [
        (buy(), sell(), None),
        (sell(), buy(), None),
        (buy(price_wad=1), sell(price_wad=1), None),
        (buy(price_wad=1), sell(price_wad=2), "NotCrossing"),
        (sell(price_wad=2), buy(price_wad=1), "NotCrossing"),
        (buy(), buy(), "NotOpposite"),
        (sell(), sell(), "NotOpposite"),
        (buy(0), sell(), "NotOpposite"),
        (buy(), sell(post_only=True), "PostOnly"),
        (buy(post_only=True), sell(), None),
    ],
)
def test_check_pair(maker: Order, taker: Order, error: str | None) -> None:
    if error is None:
        check_pair(maker, taker)
        return
    with pytest.raises(Refused, match=error):
        check_pair(maker, taker)


@pytest.mark.parametrize(
    "elsewhere",
    [lambda order: digest(order, 2, VENUE), lambda order: digest(order, 1, ALICE)],
)
def test_digest__names_chain_and_contract(elsewhere: Callable[[Order], bytes]) -> None:
    assert digest(buy(), 1, VENUE) != elsewhere(buy())


def test_domain_separator__is_known() -> None:
    """Worked once with eth_account; the contract is held to the same in tests/parity."""
    assert (
        domain_separator(DOMAIN_NAME, 31337, VENUE).hex()
        == "2efec54bcffb5723331c8586a1bc87f61cfd13b30cd73fb982c80c9a2a281476"
    )


def test_raise_nonce_floor(venue: Venue) -> None:
    venue.raise_nonce_floor(1, 5)
    with pytest.raises(Refused, match="FloorNotRaised"):
        venue.raise_nonce_floor(1, 5)
    with pytest.raises(Refused, match="NonceBelowFloor"):
        venue.matched(buy(nonce=4), sell(), 1, now=NOW, authorised=YES, positions={})
    venue.matched(buy(nonce=5), sell(), 1, now=NOW, authorised=YES, positions={})
