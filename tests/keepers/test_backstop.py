"""backstop.decide
├── in auction, unhealthy
│   ├── a standing bid's terms are met      -> FillBids, the lowest minimum first
│   │   └── used up, late, of another market, its own account, terms not met -> nothing
│   ├── ramp and wait are over              -> TakeOver
│   │   └── a second early, stopped, no room, cap reached, RISK in debt, gain too small, gas too dear -> nothing
│   ├── restricted or contested             -> nothing
│   └── ran out                             -> nothing
├── healthy, or no auction                  -> nothing
├── tranche at rest, brought or queued      -> SettleTranche
│   └── at risk, or nothing to do           -> nothing
└── on a chain                              -> what was decided succeeds
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.keepers import orders
from holdfast.keepers.actions import FillBids, SettleTranche, TakeOver
from holdfast.keepers.backstop import Policy, Standing, TrancheView, decide
from holdfast.keepers.roles import Backstop
from holdfast.keepers.sender import Sender
from holdfast.model.backstop import Params, SignedBid, StandingBid, signature_of
from holdfast.model.venue import Order
from holdfast.types import Grade, Level, Restriction
from holdfast.units import WAD
from tests.keepers.scene import BIDDER, LIQUIDATOR, RELAYER, SHORT, Scene

RESERVE, RISK, DUE = 21, 22, 135
POLICY = Policy(ether_underlying=1)
PARAMS = Params(
    loss_cap_wad=1_000_000 * WAD,
    leverage_bps=30_000,
    min_discount_bps=2_000,
    wait_seconds=15,
    concession_bps=100,
    unwind_seconds=1_800,
    vest_seconds=86_400,
    reward_cap_bps=500,
    reward_gas=800_000,
)
VIEW = TrancheView(
    reserve=RESERVE,
    risk=RISK,
    params=PARAMS,
    unit_wad=10**12,
    lost=0,
    staked=0,
    queued=0,
    owed=0,
    stopped_until=0,
)
BID = StandingBid(taker=5, signer="", market=1, max_notional_wad=10**30, min_discount_bps=4_000)
CAUTIOUS = Restriction(level=Level.CAUTIOUS, until=2_000_000, grace_until=0)


def standing(left: int = 10**30, **changes: Any) -> Standing:
    return Standing(signed=SignedBid(bid=replace(BID, **changes), signature=b"signed"), remaining_wad=left)


def own(world: Any, cash: float = 20_000, **risk: Any) -> list[Any]:
    """The tranche's accounts: by default at rest, with 20,000 dollars."""
    at_rest: dict[str, Any] = {"equity": 0, "maintenance": 0, "cash": 0, "positions": []}
    return [
        world.account(RESERVE, equity=cash, maintenance=0, cash=cash, positions=[]),
        world.account(RISK, **{**at_rest, **risk}),
    ]


def sold(world: Any, age: int = DUE, equity: float = 400, d: float = 1.0, **others: Any) -> Any:
    """An account with 100 ether at 100 dollars: MM 500."""
    return world.account(7, equity=equity, auction=world.auction(age, d=d), **others)


def decided(
    world: Any, *accounts: Any, view: TrancheView = VIEW, bids: Any = (), **options: Any
) -> list[Any]:
    policy = options.pop("policy", POLICY)
    snapshot = world.snapshot(*accounts, **options)
    return decide(snapshot, world.params, {1: view}, list(bids), policy)


def test_take_over__due__asked_for(world: Any) -> None:
    (action,) = decided(world, sold(world), *own(world))
    assert isinstance(action, TakeOver) and (action.account, action.market) == (7, 1)


@pytest.mark.parametrize(
    ("view", "age", "cash"),
    [
        (VIEW, DUE - 1, 20_000),
        (VIEW, 901, 20_000),
        (replace(VIEW, stopped_until=1_000_001), DUE, 20_000),
        (replace(VIEW, lost=10**12), DUE, 20_000),
        (replace(VIEW, params=replace(PARAMS, loss_cap_wad=0)), DUE, 20_000),
        (replace(VIEW, params=replace(PARAMS, min_discount_bps=7_300)), DUE, 20_000),
        (VIEW, DUE, 0),
    ],
)
def test_take_over__not_due_or_no_room__nothing(world: Any, view: TrancheView, age: int, cash: float) -> None:
    assert decided(world, sold(world, age), *own(world, cash), view=view) == []


def test_take_over__least_gain__to_the_basis_point(world: Any) -> None:
    """In the solvent phase the whole of it brings its equity of 400, less a tenth: 360 of an MM of 500."""
    view = replace(VIEW, params=replace(PARAMS, min_discount_bps=7_200))
    assert decided(world, sold(world), *own(world), view=view)


def test_take_over__desk_in_debt_or_contested__nothing(world: Any) -> None:
    assert decided(world, sold(world), *own(world, equity=-1, cash=-1)) == []
    contested = own(world, equity=9_000, positions=[world.position(1)], grade=Grade.CONTESTED)
    assert decided(world, sold(world), *contested, view=replace(VIEW, staked=10**10)) == []


def test_take_over__its_own_account__left_to_others(world: Any) -> None:
    bust = world.account(RISK, equity=400, auction=world.auction(DUE, d=1.0))
    assert decided(world, own(world)[0], bust, view=replace(VIEW, staked=1)) == []


def test_take_over__gas_above_reward_and_subsidy__nothing(world: Any) -> None:
    free = replace(POLICY, subsidy_wad=0, tip=0)
    assert decided(world, sold(world), *own(world), policy=free) == []
    cheap = replace(free, take_over_gas=800_000)
    assert decided(world, sold(world), *own(world), policy=cheap)


@pytest.mark.parametrize("everywhere", [True, False])
def test_restricted__nothing(world: Any, everywhere: bool) -> None:
    options = (
        {"restriction": CAUTIOUS}
        if everywhere
        else {"markets": [world.market(1, restriction=CAUTIOUS), world.market(2)]}
    )
    assert decided(world, sold(world), *own(world), bids=[standing()], **options) == []
    assert decided(world, sold(world, grade=Grade.CONTESTED), *own(world), bids=[standing()]) == []


def test_fill__terms_met__the_lowest_first(world: Any) -> None:
    bids = [standing(min_discount_bps=5_000), standing(min_discount_bps=1_000)]
    (action,) = decided(world, sold(world, 60, d=0.5), *own(world), bids=bids)
    assert isinstance(action, FillBids)
    assert [one.bid.min_discount_bps for one in action.bids] == [1_000]


@pytest.mark.parametrize(
    ("left", "changes"),
    [
        (0, {}),
        (10**30, {"deadline": 999_999}),
        (10**30, {"market": 2}),
        (10**30, {"taker": 7}),
        (10**30, {"min_discount_bps": 4_501}),  # d of a half, less the fund's tenth
    ],
)
def test_fill__not_for_this_auction__nothing(world: Any, left: int, changes: dict[str, Any]) -> None:
    assert decided(world, sold(world, 60, d=0.5), *own(world), bids=[standing(left, **changes)]) == []
    assert decided(world, sold(world, 60, d=0.5), *own(world), bids=[standing(min_discount_bps=4_500)])


@pytest.mark.parametrize("changes", [{"staked": 5}, {"queued": 5}])
def test_settle__at_rest_with_something_to_do__asked_for(world: Any, changes: dict[str, int]) -> None:
    view = replace(VIEW, **changes)
    assert decided(world, *own(world), view=view) == [SettleTranche(market=1, why="no risk is left")]
    assert decided(world, *own(world)) == []
    assert decided(world, *own(world, equity=9, positions=[world.position(1)]), view=view) == []
    assert decided(world, *own(world), view=view, policy=replace(POLICY, subsidy_wad=0)) == []


def test_role__on_a_chain__bid_takeover_and_settlement_succeed(scene: Scene, tmp_path: Path) -> None:
    p, usdc = scene.protocol, 10**6

    def prepared() -> int:
        professional = p.open_account(scene.address(BIDDER), 2)
        p.fund(scene.address(BIDDER), professional, 0, 200_000 * usdc)
        p.ledger.send("setOperator", p.standing_bids.address, True, sender=scene.address(BIDDER))
        rich = scene.address(RELAYER)
        p.tokens[0].send("mint", rich, 100_000 * usdc, sender=rich)
        p.tokens[0].send("approve", p.tranches[1].address, 2**256 - 1, sender=rich)
        p.tranches[1].send("deposit", 100_000 * usdc, rich, sender=rich)
        return professional

    taker = scene.at_once(prepared)
    bid = StandingBid(
        taker=taker,
        signer=scene.address(BIDDER),
        market=1,
        max_notional_wad=30_000 * WAD,
        min_discount_bps=500,
    )
    book = tmp_path / "bids.jsonl"
    orders.dump_bids([SignedBid(bid=bid, signature=p.sign_bid(bid, scene.key(BIDDER)))], book)
    assert orders.load_bids(book)[0].bid == bid
    role = Backstop(p, Policy(ether_underlying=1), book)
    sender = Sender(p, scene.key(LIQUIDATOR), tip=10**9)

    def cycle(wait: int) -> list[str]:
        block = scene.mine(wait)
        snapshot = p.snapshot(role.accounts(block), block=block)
        actions = role.decide(snapshot)
        for attempt in sender.send(actions, block, 10**10):
            assert attempt.refused is None, attempt
        scene.mine(1)
        done = sender.follow(block + 1, 10**10, 2_000 * WAD)
        assert all(mined.receipt.status for mined in done)
        assert role.tell(snapshot)
        return [type(action).__name__ for action in actions]

    scene.fall(1_800)
    scene.at_once(
        lambda: p.liquidation.send("start", scene.long, scene.short, sender=scene.address(RELAYER), gas=10**6)
    )
    assert cycle(30) == ["FillBids"]
    assert cycle(30) == []
    assert cycle(90) == ["TakeOver"]
    assert scene.look(p.tranches[1].call("RISK")).positions
    scene.at_once(lambda: unwound(scene))
    assert cycle(1) == ["SettleTranche"]
    assert p.tranches[1].call("state").stakedAmount == 0


def unwound(scene: Scene) -> None:

    p = scene.protocol
    risk = p.tranches[1].call("RISK")
    size = scene.look(risk).positions[0].size_wad
    sale = Order(
        account=risk, signer=p.desks[1].address, instrument=scene.eth, size_wad=-size,
        limit_price_wad=1_800 * WAD, reduce_only=True,
    )  # fmt: skip
    buy = Order(
        account=scene.short, signer=scene.address(SHORT), instrument=scene.eth, size_wad=size,
        limit_price_wad=1_800 * WAD, nonce=99,
    )  # fmt: skip
    signed = p.sign(buy, scene.key(SHORT))
    args = sale.members(), signature_of(sale), buy.members(), signed.signature, size
    p.venue.send("matchOrders", *args, sender=scene.address(RELAYER), gas=3_000_000)
