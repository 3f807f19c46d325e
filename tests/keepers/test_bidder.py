"""bidder.decide
├── takes
│   ├── discount below the required edge      -> nothing
│   ├── discount above it                     -> a Take whose bounds hold its cost
│   │   ├── impact                            -> less than the largest slice
│   │   ├── little capital                    -> no more than initial margin allows, over all takes together
│   │   └── what would be left is dust        -> less, or all, or nothing
│   ├── insured, the fund short               -> the slice that the fund can pay
│   ├── healthy, ran out, forbidden, our own  -> nothing
│   └── several                               -> the most profitable first
├── unload
│   ├── exposure above the cost of a trade    -> Trade against the best offers, never more than we hold
│   ├── collateral counts as exposure         -> hedged in the perpetual
│   ├── options count with their delta        -> hedged in the perpetual
│   ├── offers too far, expired, our own      -> left alone
│   └── new risk forbidden                    -> only what reduces
└── feared_move_bps                           σ·√latency, at least the floor
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.keepers.actions import Take, Trade
from holdfast.keepers.bidder import Offer, Policy, decide, feared_move_bps
from holdfast.model.liquidation import Terms, fund_share_wad, slice_of
from holdfast.model.venue import Order, SignedOrder
from holdfast.types import Holding, Kind, Level, Mode, Restriction, instrument_id, perpetual
from holdfast.units import WAD, mul_wad_up

OWN = 50
RISK = {1: 50, 2: 50}
POLICY = Policy(
    taker=OWN,
    signer="0x" + "22" * 20,
    ether_underlying=1,
    tip=0,
    spread_bps=10,
    impact_bps=0,
    depth_wad=1_000_000 * WAD,
    minimum_profit_wad=5 * WAD,
)
CAUTIOUS = Restriction(level=Level.CAUTIOUS, until=2_000_000, grace_until=0)


def own(world: Any, equity: float = 100_000, **others: Any) -> Any:
    return world.account(OWN, equity=equity, maintenance=0, positions=[], **others)


def in_auction(world: Any, id: int = 7, **others: Any) -> Any:
    """10,000 dollars of ether, MM 500, half way down the curve: a discount of 250 is offered."""
    fields = {"equity": 400, "maintenance": 500, "auction": world.auction(60, d=0.5)}
    return world.account(id, **{**fields, **others})


def takes(
    world: Any, *accounts: Any, policy: Policy = POLICY, risk: Any = RISK, **snapshot: Any
) -> list[Take]:
    actions = decide(world.snapshot(*accounts, **snapshot), world.params, risk, [], policy)
    assert all(isinstance(action, Take) for action in actions)
    return actions  # type: ignore[return-value]


# Required: 60 bps of 10,000 = 60 for all of it, and 1 dollar or so for gas; offered: d·500·0.9.
@pytest.mark.parametrize(
    ("d", "worth"), [(0.05, False), (0.12, False), (0.18, True), (0.5, True), (1.0, True)]
)
def test_decide__takes_when_the_discount_covers_the_edge(world: Any, d: float, worth: bool) -> None:
    account = in_auction(world, auction=world.auction(60, d=d))
    assert bool(takes(world, account, own(world))) is worth


@pytest.mark.parametrize("feared", [0, 100, 300, 430, 440, 1_000])
def test_decide__more_risk_wants_more_discount(world: Any, feared: int) -> None:
    account = in_auction(world, auction=world.auction(120, d=1.0), equity=500 - 1)
    assert bool(takes(world, account, own(world), risk={1: feared})) is (feared <= 430)


def test_decide__a_take__is_the_largest_slice_and_within_its_bounds(world: Any) -> None:
    (take,) = takes(world, in_auction(world), own(world))
    part = slice_of(
        Terms(
            equity_wad=400 * WAD,
            maintenance_wad=500 * WAD,
            discount_wad=WAD // 2,
            target_wad=14 * WAD // 10,
            dust_wad=10 * WAD,
        )
    )

    assert (take.account, take.taker, take.max_fraction_wad) == (7, OWN, part.fraction_wad)
    gain = part.discount_wad - fund_share_wad(part, 1_000)
    assert take.min_discount_wad <= gain - POLICY.minimum_profit_wad
    assert take.min_discount_wad > mul_wad_up(60 * WAD, part.fraction_wad)
    assert (
        part.payment_wad < take.max_payment_wad <= part.payment_wad + mul_wad_up(100 * WAD, part.fraction_wad)
    )


def test_decide__impact__takes_less(world: Any) -> None:
    shallow = replace(POLICY, impact_bps=200, depth_wad=10_000 * WAD)
    (less,) = takes(world, in_auction(world), own(world), policy=shallow)
    (more,) = takes(world, in_auction(world), own(world))
    assert 0 < less.max_fraction_wad < more.max_fraction_wad


@pytest.mark.parametrize(("equity", "fraction"), [(100_000, None), (250, 0.2), (500, 0.4), (0, 0), (-10, 0)])
def test_decide__capital__bounds_the_slice(world: Any, equity: float, fraction: float | None) -> None:
    found = takes(
        world, in_auction(world), own(world, equity)
    )  # IM of all of it: 1,000; usable: 80 % of equity
    if fraction == 0:
        assert found == []
    elif fraction is not None:
        assert found[0].max_fraction_wad == int(fraction * WAD)


def test_decide__several__never_binds_more_than_the_budget(world: Any) -> None:
    accounts = [in_auction(world, id) for id in range(1, 9)]
    found = takes(world, *accounts, own(world, 2_000))

    assert 0 < len(found) < 8
    assert sum(mul_wad_up(1_000 * WAD, take.max_fraction_wad) for take in found) <= 1_600 * WAD


def test_decide__several__the_most_profitable_first(world: Any) -> None:
    accounts = [
        in_auction(world, 1, auction=world.auction(30, d=0.3)),
        in_auction(world, 2, auction=world.auction(90, d=0.7)),
        in_auction(world, 3, auction=world.auction(60, d=0.5)),
    ]
    assert [take.account for take in takes(world, *accounts, own(world))] == [2, 3, 1]


@pytest.mark.parametrize("name", ["healthy", "no auction", "ran out", "unassessable", "nothing required"])
def test_decide__not_for_sale__nothing(world: Any, name: str) -> None:
    account = {
        "healthy": in_auction(world, equity=600),
        "no auction": in_auction(world, auction=None),
        "ran out": in_auction(world, auction=world.auction(901)),
        "unassessable": in_auction(world, assessed=False),
        "nothing required": in_auction(world, maintenance=0, equity=-5),
    }[name]
    assert takes(world, account, own(world)) == []


def test_decide__restricted__nothing(world: Any) -> None:
    halted = Restriction(level=Level.HALTED, until=2_000_000, grace_until=0)
    assert takes(world, in_auction(world), own(world), restriction=halted) == []


def test_decide__our_own_account_in_auction__nothing(world: Any) -> None:
    account = world.account(OWN, equity=400, auction=world.auction(60))
    assert takes(world, account) == []


def test_decide__we_have_no_account__nothing(world: Any) -> None:
    assert takes(world, in_auction(world)) == []


# MM 100, dust 10: a remainder of less than a tenth may not be left.
def test_decide__remainder_would_be_dust__takes_less(world: Any) -> None:
    account = in_auction(
        world, equity=-5, maintenance=100, auction=world.auction(120, d=1.0), positions=[world.position(20)]
    )
    (take,) = takes(world, account, own(world, 237.5))  # 95 % of it is what we could bear
    assert take.max_fraction_wad == 9 * WAD // 10


def test_decide__can_bear_all__takes_all(world: Any) -> None:
    account = in_auction(
        world, equity=-5, maintenance=100, auction=world.auction(120, d=1.0), positions=[world.position(20)]
    )
    (take,) = takes(world, account, own(world))
    assert take.max_fraction_wad == WAD


def test_decide__only_dust_is_there_and_too_much__nothing(world: Any) -> None:
    account = in_auction(
        world, equity=-5, maintenance=9, auction=world.auction(120, d=1.0), positions=[world.position(1)]
    )
    frugal = replace(POLICY, minimum_profit_wad=0)
    assert takes(world, account, own(world, 20), policy=frugal, risk={}) == []
    assert takes(world, account, own(world, 50), policy=frugal, risk={}, base_fee_gwei=1)


@pytest.mark.parametrize(("capacity", "fraction"), [(0, 0), (60, 0.1), (300, 0.5), (1_000, 1)])
def test_decide__insured__no_more_than_the_fund_can_pay(world: Any, capacity: float, fraction: float) -> None:
    account = in_auction(world, equity=-100, auction=world.auction(200, d=1.0, insured=True))
    cheap = replace(POLICY, minimum_profit_wad=0)
    found = takes(world, account, own(world), policy=cheap, markets=[world.market(capacity=capacity)])
    if fraction == 0:
        assert found == []
    else:
        (take,) = found
        assert take.max_fraction_wad == int(fraction * WAD)
        assert take.max_payment_wad < 0  # it is paid for


def test_decide__dear_gas__leaves_small_accounts(world: Any) -> None:
    small = in_auction(world, equity=40, maintenance=50, positions=[world.position(10)])
    assert takes(world, small, own(world), base_fee_gwei=10)
    assert takes(world, small, own(world), base_fee_gwei=2_000) == []


@settings(max_examples=200)
@given(
    equity=st.integers(-500, 499),
    d=st.floats(0.05, 1.0),
    capital=st.integers(0, 5_000),
    feared=st.integers(0, 400),
    insured=st.booleans(),
)
def test_decide__any_take__pays_after_its_cost(
    world: Any, equity: int, d: float, capital: int, feared: int, insured: bool
) -> None:
    """Whatever the contract grants within the bounds, the gain is at least the cost: it never loses money."""
    account = in_auction(world, equity=equity, auction=world.auction(60, d=d, insured=insured))
    for take in takes(world, account, own(world, capital), risk={1: feared}):
        part = slice_of(
            Terms(
                equity_wad=equity * WAD,
                maintenance_wad=500 * WAD,
                discount_wad=int(d * WAD),
                target_wad=14 * WAD // 10,
                dust_wad=10 * WAD,
                max_fraction_wad=take.max_fraction_wad,
                capacity_wad=10**6 * WAD,
                insured=insured or equity <= 0,
            )
        )
        assert take.min_fraction_wad <= part.fraction_wad <= take.max_fraction_wad
        assert part.payment_wad <= take.max_payment_wad
        assert part.discount_wad - fund_share_wad(part, 1_000) >= take.min_discount_wad + 5 * WAD


# Unloading


def offer(world: Any, size: float, price: float, underlying: int = 1, **others: Any) -> Offer:
    order = Order(
        account=others.get("account", 99),
        signer="0x" + "33" * 20,
        instrument=perpetual(underlying),
        size_wad=int(size * WAD),
        limit_price_wad=int(price * WAD),
        nonce=1,
        expires_at=others.get("expires_at", world.now + 60),
    )
    left = others.get("left", abs(size))
    return Offer(signed=SignedOrder(order=order, signature=b""), remaining_wad=int(left * WAD))


def holding(world: Any, size: float, **others: Any) -> Any:
    legs = [world.position(size)] if size else []
    return replace(
        world.account(OWN, equity=100_000, maintenance=500, positions=legs, **others), mode=Mode.CROSS
    )


def trades(world: Any, account: Any, *offers: Offer, **snapshot: Any) -> list[tuple[float, float]]:
    """Signed size and price of each trade."""
    actions = decide(world.snapshot(account, **snapshot), world.params, RISK, offers, POLICY)
    assert all(isinstance(action, Trade) for action in actions)
    return [
        (action.taker.size_wad / WAD, action.taker.limit_price_wad / WAD)
        for action in actions
        if isinstance(action, Trade)
    ]


@pytest.mark.parametrize(
    ("size", "offers", "expected"),
    [
        (30, [(40, 99.9)], [(-30, 99.9)]),
        (-30, [(-40, 100.1)], [(30, 100.1)]),
        (30, [(10, 99.8), (10, 99.9), (40, 99.7)], [(-10, 99.9), (-10, 99.8), (-10, 99.7)]),
        (30, [(10, 99.9)], [(-10, 99.9)]),
        (30, [(-40, 100.1)], []),  # the same side as ours
        (30, [(40, 98.4)], []),  # more than 150 bps away
        (30, [(40, 98.6)], [(-30, 98.6)]),
        (30, [(40, 101.0)], [(-30, 101.0)]),  # better than the mark
        (0, [(40, 99.9)], []),
        (0.02, [(40, 99.9)], []),  # half a percent of 2 dollars is less than the gas
    ],
)
def test_unload__by_what_is_offered(world: Any, size: float, offers: Any, expected: Any) -> None:
    assert trades(world, holding(world, size), *(offer(world, *one) for one in offers)) == expected


def test_unload__expired_ours_or_used_up__left_alone(world: Any) -> None:
    dead = [
        offer(world, 40, 99.9, expires_at=world.now),
        offer(world, 40, 99.9, account=OWN),
        offer(world, 40, 99.9, left=0),
    ]
    assert trades(world, holding(world, 30), *dead) == []


def test_unload__collateral__is_hedged(world: Any) -> None:
    account = holding(world, 10, holdings=[Holding(asset=1, amount=5 * WAD)])
    assert trades(world, account, offer(world, 40, 99.9)) == [(-15, 99.9)]


@pytest.mark.parametrize(
    ("kind", "size", "mark", "expected"),
    [
        (Kind.CALL, -20, 4.0, 10.4),  # at the strike: half, and half of its √w of a tenth
        (Kind.PUT, 20, 4.0, 9.6),
        (Kind.CALL, -20, 0.0, 10.0),  # without time value, at the strike
    ],
)
def test_unload__options__are_hedged_by_the_delta_of_their_mark(
    world: Any, kind: Kind, size: int, mark: float, expected: float
) -> None:
    option = instrument_id(kind, 1, world.now + 3_600, 100 * WAD)
    leg = replace(world.position(size, instrument=option), mark_wad=int(mark * WAD))
    account = replace(holding(world, 0), positions=(leg,))
    ((traded, price),) = trades(world, account, offer(world, -40, 100.1))
    assert price == 100.1 and traded == pytest.approx(expected, abs=0.01)


def test_unload__no_new_risk_allowed__only_reduces(world: Any) -> None:
    assert trades(world, holding(world, 10), offer(world, 40, 99.9), restriction=CAUTIOUS) == [(-10, 99.9)]
    hedge = holding(world, 0, holdings=[Holding(asset=1, amount=5 * WAD)])
    assert trades(world, hedge, offer(world, 40, 99.9), restriction=CAUTIOUS) == []


def test_unload__comes_before_takes(world: Any) -> None:
    snapshot = world.snapshot(in_auction(world), holding(world, 30))
    actions = decide(snapshot, world.params, RISK, [offer(world, 40, 99.9)], POLICY)
    assert [type(action) for action in actions] == [Trade, Take]


# Risk


def feared(prices: Any, now: int = 1_200, **changes: Any) -> int:
    options = {"latency_seconds": 48, "multiple": 1.5, "floor_bps": 10}
    return feared_move_bps(prices, now, **{**options, **changes})


def test_feared_move__constant_price__the_floor() -> None:
    assert feared([(time, 100 * WAD) for time in range(0, 600, 12)]) == 10


@pytest.mark.parametrize("prices", [[], [(0, WAD)], [(0, WAD), (0, 2 * WAD)]])
def test_feared_move__nothing_to_measure__the_floor(prices: Any) -> None:
    assert feared(prices) == 10


def swinging(first: int, last: int) -> list[tuple[int, int]]:
    """1 % up and down every 12 s: σ = 1 %/√12 a second."""
    return [(12 * step, round(100 * math.exp(0.01 * (step % 2)) * WAD)) for step in range(first, last)]


def test_feared_move__by_hand() -> None:
    """Over 48 s twice 1 %; times 1.5 = 3 %."""
    assert feared(swinging(0, 101)) in (300, 301)


def test_feared_move__a_crash_begins__the_short_window_sees_it() -> None:
    calm = [(12 * step, 100 * WAD) for step in range(100)]
    assert feared(calm + swinging(100, 125), now=1_500) in (300, 301)
    assert feared(calm + swinging(100, 125), now=1_500, windows=(1_800,)) < 150


def test_feared_move__a_crash_is_over__the_long_window_remembers() -> None:
    calm = [(12 * step, 100 * WAD) for step in range(101, 151)]
    assert feared(swinging(0, 101) + calm, now=1_800) > 200
    assert feared(swinging(0, 101) + calm, now=1_800, windows=(300,)) == 10
