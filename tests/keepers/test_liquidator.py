"""liquidator.decide
├── no auction
│   ├── healthy, or not assessable          -> nothing
│   ├── below maintenance                   -> Start, the worst first; a portfolio by its witness
│   │   ├── gas above reward and subsidy    -> nothing; what it takes to start is what was measured
│   │   └── breaker forbids it              -> nothing
│   ├── debt and settled series, no more    -> Settle, then WriteOff
│   └── debt and nothing else               -> WriteOff
└── in auction
    ├── healthy again                       -> End
    ├── solvent phase over                  -> Insure
    ├── insured deficit the fund can't bear -> Deleverage, each leg
    │   └── fund can bear it                -> nothing, until nobody bought
    ├── positions in settled series         -> Settle, each; the rest afterwards
    ├── ran its time                        -> Restart
    │   └── nobody could gain by it         -> nothing
    ├── chores dearer than the subsidy      -> nothing
    └── nothing due, deficit beyond the fund -> ReportDeficit, unless they wait already; or covered again
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from holdfast.chain.environment import PROJECT
from holdfast.keepers.actions import Deleverage, End, Insure, ReportDeficit, Restart, Settle, Start, WriteOff
from holdfast.keepers.liquidator import Policy, decide, expected_reward_wad
from holdfast.types import Grade, Holding, Level, Mode, Restriction
from holdfast.units import WAD

SNAPSHOT = PROJECT / "tests" / "gas" / "snapshot.json"
GAS = {"start_gas": 150_000, "start_leg_gas": 15_000}  # 165,000 for an account of one position
POLICY = Policy(reward_account=9, ether_underlying=1, tip=10**9, subsidy_wad=5 * WAD)
HALTED = Restriction(level=Level.HALTED, until=2_000_000, grace_until=0)
CAUTIOUS = Restriction(level=Level.CAUTIOUS, until=2_000_000, grace_until=0)
GRACE = Restriction(level=Level.NORMAL, until=0, grace_until=2_000_000)


def kinds(actions: list[Any]) -> list[tuple[str, int]]:
    return [(type(action).__name__, action.account) for action in actions]


@pytest.mark.parametrize(
    ("equity", "maintenance", "expected"),
    [
        (501, 500, []),
        (500, 500, []),
        (499, 500, [("Start", 7)]),
        (0, 500, [("Start", 7)]),
        (-50, 500, [("Start", 7)]),
        (0, 0, []),
    ],
)
def test_decide__no_auction__starts_below_maintenance(
    world: Any, equity: int, maintenance: int, expected: list[Any]
) -> None:
    account = world.account(7, equity=equity, maintenance=maintenance)
    assert kinds(decide(world.snapshot(account), world.params, POLICY)) == expected


def test_decide__start__names_the_reward_account(world: Any) -> None:
    (start,) = decide(world.snapshot(world.account(7, equity=1)), world.params, POLICY)
    assert isinstance(start, Start) and start.reward_account == 9


def test_decide__start_of_a_portfolio__by_its_witness(world: Any) -> None:
    account = replace(world.account(7, equity=1), mode=Mode.PORTFOLIO)
    cross = world.account(8, equity=2)
    starts = decide(world.snapshot(account, cross), world.params, POLICY, {7: 0b101})
    assert [(start.account, start.witness) for start in starts] == [(7, 0b101), (8, None)]


def test_decide__not_assessable__is_left_alone(world: Any) -> None:
    snapshot = world.snapshot(world.account(7, equity=1, assessed=False))
    assert decide(snapshot, world.params, POLICY) == []


def test_decide__several__the_worst_first_and_no_more_than_wanted(world: Any) -> None:
    accounts = [world.account(number, equity=equity) for number, equity in ((1, 400), (2, -10), (3, 100))]
    snapshot = world.snapshot(*accounts)

    assert kinds(decide(snapshot, world.params, POLICY)) == [("Start", 2), ("Start", 3), ("Start", 1)]
    few = Policy(reward_account=9, ether_underlying=1, most_actions=2)
    assert kinds(decide(snapshot, world.params, few)) == [("Start", 2), ("Start", 3)]


# Reward: base fee · 65,000 gas · 100 dollars, doubled while the account can pay; at most 5 % of MM. Cost: 300,000 gas.
@pytest.mark.parametrize(
    ("gwei", "equity", "reward"),
    [
        (100, 400, 1.3),
        (100, 1, 1.0),  # own equity pays up to 1.0, the fund would add up to the bare 0.65
        (100, -5, 0.65),  # the fund alone, without the margin
        (10_000, 400, 25.0),  # capped
    ],
)
def test_expected_reward(world: Any, gwei: int, equity: int, reward: float) -> None:
    account = world.account(7, equity=equity)
    snapshot = world.snapshot(account, base_fee_gwei=gwei)
    assert expected_reward_wad(snapshot, world.params, account.health, 100 * WAD) == int(reward * WAD)


@pytest.mark.parametrize(
    ("gwei", "subsidy", "starts"),
    [
        (9, 0, False),  # pays 0.117 for 0.165
        (9, 1, True),
        (999, 4, True),  # pays 12.99 for 16.5
        (999, 3, False),
    ],
)
def test_decide__start__only_within_the_subsidy(world: Any, gwei: int, subsidy: int, starts: bool) -> None:
    policy = replace(POLICY, subsidy_wad=subsidy * WAD, **GAS)
    snapshot = world.snapshot(world.account(7, equity=400), base_fee_gwei=gwei)
    assert bool(decide(snapshot, world.params, policy)) is starts


def test_decide__start_that_pays__needs_no_subsidy(world: Any) -> None:
    """The reward is for 130,000 gas."""
    policy = replace(POLICY, tip=0, start_gas=115_000, start_leg_gas=15_000, subsidy_wad=0)
    assert decide(world.snapshot(world.account(7, equity=400)), world.params, policy)
    dearer = replace(policy, start_leg_gas=15_001)
    assert not decide(world.snapshot(world.account(7, equity=400)), world.params, dearer)


@pytest.mark.parametrize("row", ["start", "start_moving", "start_portfolio"])
def test_policy__gas_of_a_start__is_what_was_measured(row: str) -> None:
    """Never less, and at most a fifth more, for each number of positions in the snapshot."""
    measured = {int(items): gas for items, gas in json.loads(SNAPSHOT.read_text())[row].items()}
    taken = {items: POLICY.gas_of_start(items) for items in measured}
    off = {
        items: (gas, taken[items]) for items, gas in measured.items() if not gas <= taken[items] <= 1.2 * gas
    }
    assert measured and not off, "positions: (measured, what the policy takes it for)"


@pytest.mark.parametrize("restriction", [HALTED, GRACE])
@pytest.mark.parametrize("everywhere", [True, False])
def test_decide__restricted__touches_nobody(world: Any, restriction: Restriction, everywhere: bool) -> None:
    accounts = [
        world.account(1, equity=1),
        world.account(2, equity=1, auction=world.auction(200)),
        world.account(3, equity=-1, auction=world.auction(200, insured=True)),
        world.account(4, equity=900, auction=world.auction()),
    ]
    if everywhere:
        snapshot = world.snapshot(*accounts, restriction=restriction)
    else:
        snapshot = world.snapshot(*accounts, markets=[world.market(restriction=restriction, capacity=0)])
    assert decide(snapshot, world.params, POLICY) == []


def test_decide__cautious__seizes_all_the_same(world: Any) -> None:
    snapshot = world.snapshot(world.account(7, equity=1), restriction=CAUTIOUS)
    assert kinds(decide(snapshot, world.params, POLICY)) == [("Start", 7)]


@pytest.mark.parametrize("grade", [Grade.CONTESTED, Grade.STALE, Grade.INVALID])
def test_decide__price_not_trusted__touches_nobody(world: Any, grade: Grade) -> None:
    assert decide(world.snapshot(world.account(7, equity=1, grade=grade)), world.params, POLICY) == []


# MM 500, equity 100: 800 of something halted couldn't save it even at half as much again.
@pytest.mark.parametrize(("size", "touched"), [(0.15, True), (0.17, False)])
def test_decide__a_little_of_a_halted_market__shields_nobody(world: Any, size: float, touched: bool) -> None:
    account = world.account(7, equity=100, positions=[world.position(100), world.position(size, 2)])
    markets = [world.market(1), world.market(2, restriction=HALTED)]
    found = decide(world.snapshot(account, markets=markets), world.params, POLICY)
    assert kinds(found) == ([("Start", 7)] if touched else [])


def test_decide__end__asks_every_market(world: Any) -> None:
    legs = [world.position(100), world.position(0.001, 2)]
    account = world.account(7, equity=600, positions=legs, auction=world.auction())
    markets = [world.market(1), world.market(2, restriction=HALTED)]
    assert decide(world.snapshot(account, markets=markets), world.params, POLICY) == []


def test_decide__late_price__is_good_enough(world: Any) -> None:
    assert decide(world.snapshot(world.account(7, equity=1, grade=Grade.SLOW)), world.params, POLICY)


def test_decide__debt_alone__is_written_off(world: Any) -> None:
    account = world.account(7, equity=-20, maintenance=0, cash=-20, positions=[])
    assert kinds(decide(world.snapshot(account), world.params, POLICY)) == [("WriteOff", 7)]


def test_decide__debt_with_collateral__is_not_written_off(world: Any) -> None:
    account = world.account(
        7, equity=-20, maintenance=10, cash=-120, positions=[], holdings=[Holding(asset=1, amount=WAD)]
    )
    assert kinds(decide(world.snapshot(account), world.params, POLICY)) == [("Start", 7)]


@pytest.mark.parametrize(
    ("equity", "age", "insured", "capacity", "expected"),
    [
        (600, 60, False, 1_000, End),
        (400, 60, False, 1_000, None),
        (400, 179, False, 1_000, None),
        (400, 180, False, 1_000, Insure),
        (0, 1, False, 1_000, None),  # a take would enter the insured phase by itself
        (-1, 1, False, 1_000, None),
        (-50, 1, False, 49, Deleverage),  # and so would this
        (-1, 901, False, 1_000, Insure),
        (400, 300, True, 1_000, None),
        (-50, 300, True, 1_000, None),  # the fund can bear it: buyers get their price
        (-50, 300, True, 50, None),
        (-50, 300, True, 49, Deleverage),
        (-50, 300, True, 0, Deleverage),
        (-50, 900, True, 1_000, None),
        (-50, 901, True, 1_000, Deleverage),  # nobody bought in time
        (400, 900, True, 1_000, None),
        (400, 901, True, 1_000, Restart),
    ],
)
def test_decide__in_auction__the_next_step(
    world: Any, equity: int, age: int, insured: bool, capacity: int, expected: type | None
) -> None:
    account = world.account(7, equity=equity, auction=world.auction(age, insured=insured))
    snapshot = world.snapshot(account, markets=[world.market(capacity=capacity)])
    actions = decide(snapshot, world.params, POLICY)
    assert [type(action) for action in actions] == ([expected] if expected else [])


def test_decide__ran_out_in_solvent_phase__is_insured_first(world: Any) -> None:
    account = world.account(7, equity=400, auction=world.auction(901))
    assert [type(a) for a in decide(world.snapshot(account), world.params, POLICY)] == [Insure]


def test_decide__ran_out_and_worth_less_than_gas__is_left_alone(world: Any) -> None:
    account = world.account(7, equity=4, maintenance=5, auction=world.auction(901, insured=True))

    assert decide(world.snapshot(account, base_fee_gwei=200), world.params, POLICY) == []
    assert kinds(decide(world.snapshot(account, base_fee_gwei=20), world.params, POLICY)) == [("Restart", 7)]


def test_decide__ran_out_once_before__may_be_deleveraged(world: Any) -> None:
    account = world.account(7, equity=-50, auction=world.auction(300, insured=True, ran_out=True))
    assert [type(a) for a in decide(world.snapshot(account), world.params, POLICY)] == [Deleverage]


def test_decide__deleverage__each_leg(world: Any) -> None:
    legs = [world.position(100), world.position(-2, 2)]
    account = world.account(7, equity=-50, positions=legs, auction=world.auction(300, insured=True))
    snapshot = world.snapshot(account, markets=[world.market(1, capacity=0), world.market(2, capacity=0)])
    actions = decide(snapshot, world.params, POLICY)
    assert [action.instrument for action in actions] == [leg.instrument for leg in legs]


def test_decide__collateral_alone_with_deficit__waits_for_takers(world: Any) -> None:
    account = world.account(
        7,
        equity=-50,
        maintenance=10,
        cash=-150,
        positions=[],
        holdings=[Holding(asset=1, amount=WAD)],
        auction=world.auction(300, insured=True),
    )
    snapshot = world.snapshot(account, markets=[world.market(capacity=0)])
    waiting = world.at(snapshot, gated_until=world.now + 9, gate_ready_at=world.now + 99)
    assert decide(waiting, world.params, POLICY) == []


@pytest.mark.parametrize(
    ("deficit", "capacity", "gated", "ready", "reports"),
    [
        (50, 0, 0, 0, True),
        (50, 29, 0, 0, True),
        (50, 30, 0, 0, False),  # 20 more are passed over
        (50, 0, 9, 99, False),  # they wait already
        (50, 0, 0, 1, False),  # in the gap nothing comes of it
        (50, 0, 0, 0, True),
    ],
)
def test_decide__deficit_beyond_the_fund__is_reported(
    world: Any, deficit: int, capacity: int, gated: int, ready: int, reports: bool
) -> None:
    """The price is contested: nothing else can be done about it."""
    account = world.account(7, equity=-deficit, grade=Grade.CONTESTED)
    snapshot = world.snapshot(account, markets=[world.market(capacity=capacity)])
    now = world.now
    snapshot = world.at(
        snapshot, gated_until=now + gated if gated else 0, gate_ready_at=now + ready if ready else 0
    )

    assert kinds(decide(snapshot, world.params, POLICY)) == [("ReportDeficit", 7)] * reports


def settled_and_open(world: Any) -> tuple[Any, Any]:
    """A series that is settled, and one that expired and isn't."""
    return world.series(90, expired=60, settled=True), world.series(110, expired=60)


def test_decide__settled_legs_in_auction__are_settled_first(world: Any) -> None:
    settled, open_one = settled_and_open(world)
    legs = [world.position(5), *(world.position(0, instrument=one.instrument) for one in (settled, open_one))]
    account = world.account(7, equity=-50, positions=legs, auction=world.auction(300, insured=True))
    snapshot = world.snapshot(account, series=[settled, open_one], markets=[world.market(capacity=0)])

    (action,) = decide(snapshot, world.params, POLICY)
    assert isinstance(action, Settle)
    assert (action.accounts, action.instrument) == ((7,), settled.instrument)

    rest = world.account(
        7, equity=-50, positions=[legs[0], legs[2]], auction=world.auction(300, insured=True)
    )
    snapshot = world.snapshot(rest, series=[settled, open_one], markets=[world.market(capacity=0)])
    found = decide(snapshot, world.params, POLICY)
    assert all(isinstance(action, Deleverage) for action in found)
    assert [action.instrument for action in found] == [legs[0].instrument, open_one.instrument]


@pytest.mark.parametrize(
    ("equity", "maintenance", "others", "kinds_found"),
    [
        (-50, 0, [], [Settle]),
        (50, 0, [], []),  # its owner may settle it himself
        (-50, 10, [5], [Start]),  # an auction has something to sell, and can't wait
    ],
)
def test_decide__settled_legs_without_an_auction__only_if_there_is_nothing_else(
    world: Any, equity: int, maintenance: int, others: list[float], kinds_found: list[type]
) -> None:
    settled, _ = settled_and_open(world)
    legs = [world.position(0, instrument=settled.instrument), *(world.position(size) for size in others)]
    account = world.account(7, equity=equity, maintenance=maintenance, cash=equity, positions=legs)
    found = decide(world.snapshot(account, series=[settled]), world.params, POLICY)
    assert [type(action) for action in found] == kinds_found


def test_decide__deficit_covered_again__is_reported(world: Any) -> None:
    auction = world.auction(300, insured=True, uncovered=True)
    account = world.account(
        7, equity=-50, positions=[], holdings=[Holding(asset=1, amount=WAD)], auction=auction
    )
    snapshot = world.at(world.snapshot(account), gated_until=world.now + 9)

    (report,) = decide(snapshot, world.params, POLICY)

    assert isinstance(report, ReportDeficit)


def test_decide__chores_too_dear__nothing(world: Any) -> None:
    accounts = [
        world.account(1, equity=900, auction=world.auction()),
        world.account(2, equity=1, auction=world.auction(200)),
        world.account(3, equity=400, auction=world.auction(901, insured=True)),
        world.account(4, equity=-20, maintenance=0, cash=-20, positions=[]),
        world.account(5, equity=-20, auction=world.auction(901, insured=True)),
    ]
    frugal = Policy(reward_account=9, ether_underlying=1, subsidy_wad=0)
    assert decide(world.snapshot(*accounts), world.params, frugal) == []
    assert [type(a) for a in decide(world.snapshot(*accounts), world.params, POLICY)] == [
        Deleverage,
        Insure,
        Restart,
        End,
        WriteOff,
    ]


def test_decide__no_price_of_ether__nothing(world: Any) -> None:
    policy = Policy(reward_account=9, ether_underlying=77)
    assert decide(world.snapshot(world.account(7, equity=1)), world.params, policy) == []


def test_decide__twice__the_same(world: Any) -> None:
    snapshot = world.snapshot(*(world.account(number, equity=number) for number in range(1, 9)))
    assert decide(snapshot, world.params, POLICY) == decide(snapshot, world.params, POLICY)
