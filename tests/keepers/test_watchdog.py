"""watchdog.decide
├── hold
│   ├── equity below zero, in auction or not  -> Hold, the largest deficit
│   └── dust, a hold with half left           -> nothing
├── drawdown
│   ├── the share of the mark within a window -> ReportDrawdown, and no Mark
│   │   └── nothing to draw on: a wei is enough
│   └── a wei less, window over, never marked -> no report
├── silence
│   ├── ran out, and nobody for longer        -> ReportSilence
│   │   └── several of a market               -> one
│   └── a second early, reported, healthy, not assessable, taking forbidden, new risk forbidden already,
│       nothing to gain                       -> nothing
├── series
│   ├── expired, and the oracle can say it    -> SettleSeries, each
│   ├── settled and held                      -> Settle: its holders, as many as a transaction and the subsidy bear
│   └── open, waits for a price, held by none -> nothing
├── mark
│   ├── never, or the window is over          -> Mark
│   └── within it, at the cap                 -> nothing
├── fund
│   ├── target at its share of the age        -> RefreshTarget, and no Distribute
│   ├── fees and surplus at the minimum       -> Distribute
│   ├── surplus held, or on an old target     -> doesn't count
│   └── a second, a wei less; no fees at all  -> nothing
├── gas above the subsidy, no price of ether  -> nothing
├── all at once                               -> in the order in which it can't wait
└── on a chain                                -> what was decided succeeds within its gas, and is decided once
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.keepers.actions import (
    Distribute,
    Hold,
    Mark,
    RefreshTarget,
    ReportDrawdown,
    ReportSilence,
    Settle,
    SettleSeries,
)
from holdfast.keepers.roles import Watchdog
from holdfast.keepers.sender import Sender
from holdfast.keepers.watchdog import Line, Policy, Rules, decide
from holdfast.types import Grade, Level, Restriction
from holdfast.units import WAD
from tests.keepers.conftest import NOW
from tests.keepers.scene import RELAYER, Scene

POLICY = Policy(ether_underlying=1)
RULES = Rules(
    window_seconds=3_600,
    drawdown_bps=2_000,
    silence_seconds=300,
    max_age_seconds=100_000,
    slack_bps=1_000,
    hold_seconds=3_600,
)
LINE = Line(
    underlying=1,
    drawn_wad=50 * WAD,
    cap_wad=10_000 * WAD,
    marked_at=NOW - 60,
    marked_drawn_wad=50 * WAD,
    marked_capacity_wad=1_000 * WAD,
)
LATE = 900 + 300 + 1  # [seconds] a run, the Sentinel's patience, and one more
CAUTIOUS = Restriction(level=Level.CAUTIOUS, until=2_000_000, grace_until=0)
GRACE = Restriction(level=Level.NORMAL, until=0, grace_until=2_000_000)
ALLOWED: dict[type, int] = {
    Mark: POLICY.mark_gas,
    ReportDrawdown: POLICY.mark_gas,
    ReportSilence: POLICY.silence_gas,
    Hold: POLICY.hold_gas,
    RefreshTarget: POLICY.fund_gas,
    Distribute: POLICY.fund_gas,
}
SILENT = ["ReportSilence"]


def left_alone(world: Any, age: int = LATE, id: int = 7, equity: float = 400, **others: Any) -> Any:
    """An account with 100 ether at 100 dollars, in auction for so long: MM 500."""
    return world.account(id, equity=equity, auction=world.auction(age, d=1.0), **others)


def decided(world: Any, *accounts: Any, **options: Any) -> list[Any]:
    lines = options.pop("lines", [LINE])
    reported = options.pop("reported", {})
    holders = options.pop("holders", {})
    policy = options.pop("policy", POLICY)
    fund = options.pop("fund", {})
    fees = options.pop("fees", 0)
    rules = options.pop("rules", RULES)
    fund_wad = options.pop("fund_wad", 0)
    snapshot = world.snapshot(*accounts, **options)
    state = replace(snapshot.system.fund, **fund)
    snapshot = world.at(snapshot, fund=state, fund_wad=fund_wad, fees_wad=fees)
    return decide(snapshot, world.params, rules, lines, reported, holders, policy)


def kinds(actions: list[Any]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_nothing_due__nothing(world: Any) -> None:
    assert decided(world, world.account(5)) == []


# Hold


def test_hold__deficits__the_largest_is_shown(world: Any) -> None:
    accounts = [
        world.account(5, equity=-30),
        world.account(6, equity=-40, auction=world.auction(60)),
        world.account(8, equity=1_000),
    ]
    assert decided(world, *accounts) == [Hold(account=6, why="deficit 40.00")]


def test_hold__dust__nobody_is_held(world: Any) -> None:
    assert decided(world, world.account(5, equity=-20)) == []
    assert kinds(decided(world, world.account(5, equity=-20.5))) == ["Hold"]
    assert decided(world, world.account(5, equity=-500, assessed=False)) == []


@pytest.mark.parametrize(("left", "due"), [(-1, True), (1_799, True), (1_800, False), (3_600, False)])
def test_hold__anew_when_half_of_the_last_is_over(world: Any, left: int, due: bool) -> None:
    found = decided(world, world.account(5, equity=-500), fund={"held_until": NOW + left})
    assert kinds(found) == ["Hold"] * due


# Drawdown


def test_drawdown__a_fifth_of_the_mark__reported_and_not_marked(world: Any) -> None:
    line = replace(LINE, drawn_wad=250 * WAD)
    assert decided(world, lines=[line]) == [ReportDrawdown(underlying=1, why="drew 200.00 of 1,000.00")]


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"drawn_wad": 250 * WAD - 1}, []),
        ({"drawn_wad": 250 * WAD, "marked_at": NOW - 3_600}, ["ReportDrawdown"]),
        ({"drawn_wad": 250 * WAD, "marked_at": NOW - 3_601}, ["Mark"]),
        ({"drawn_wad": 250 * WAD, "marked_at": 0}, ["Mark"]),
        ({"marked_capacity_wad": 0}, []),
        ({"marked_capacity_wad": 0, "drawn_wad": 50 * WAD + 1}, ["ReportDrawdown"]),
        ({"marked_capacity_wad": 1_001, "drawn_wad": 50 * WAD + 200}, []),  # 200.2, rounded up
        ({"drawn_wad": 10_000 * WAD}, ["ReportDrawdown"]),  # at its cap
    ],
)
def test_drawdown__as_the_sentinel_asks_it(world: Any, changes: dict[str, int], due: list[str]) -> None:
    assert kinds(decided(world, lines=[replace(LINE, **changes)])) == due


# Silence


def test_silence__nobody_came__reported(world: Any) -> None:
    found = decided(world, left_alone(world))
    assert found == [ReportSilence(account=7, why="nobody came for 301 s after its run")]


def test_silence__a_second_early__nothing(world: Any) -> None:
    assert decided(world, left_alone(world, LATE - 1)) == []


def test_silence__a_run_once(world: Any) -> None:
    assert decided(world, left_alone(world), reported={7: NOW - LATE}) == []
    assert kinds(decided(world, left_alone(world), reported={7: NOW - LATE - 1})) == SILENT


@pytest.mark.parametrize("others", [{"equity": 500}, {"assessed": False}, {"grade": Grade.CONTESTED}])
def test_silence__not_to_be_taken__nothing(world: Any, others: dict[str, Any]) -> None:
    assert decided(world, left_alone(world, **others)) == []


@pytest.mark.parametrize("restriction", [CAUTIOUS, GRACE])
@pytest.mark.parametrize("everywhere", [True, False])
def test_silence__new_risk_or_taking_forbidden__kept_for_later(
    world: Any, restriction: Restriction, everywhere: bool
) -> None:
    options = (
        {"restriction": restriction}
        if everywhere
        else {"markets": [world.market(1, restriction=restriction), world.market(2)]}
    )
    assert decided(world, left_alone(world), **options) == []


def test_silence__another_market_restricted__reported(world: Any) -> None:
    markets = [world.market(1), world.market(2, restriction=CAUTIOUS)]
    assert kinds(decided(world, left_alone(world), markets=markets)) == SILENT


def test_silence__several_of_a_market__one(world: Any) -> None:
    other = world.account(9, equity=400, auction=world.auction(LATE, d=1.0, market=2))
    found = decided(world, left_alone(world), left_alone(world, id=8), other)
    assert [action.account for action in found] == [7, 9]


def test_silence__nothing_to_gain__is_no_silence(world: Any) -> None:
    """All of MM, less the fund's tenth, is 4.5 dollars; 300,000 gas at 11 gwei and 100 dollars are 0.33."""
    small = left_alone(world, equity=4, maintenance=5, positions=[world.position(1)])
    assert kinds(decided(world, small)) == SILENT
    assert decided(world, small, policy=replace(POLICY, take_gas=4_090_910)) == []
    assert kinds(decided(world, small, policy=replace(POLICY, take_gas=4_090_909))) == SILENT


# Series


def test_series__expired_and_covered__is_settled(world: Any) -> None:
    covered = world.series(90, expired=60, covered_at=NOW - 60)
    late = world.series(110, expired=7_200, covered_at=NOW - 1_800)
    others = [world.series(100, expired=60), world.series(100, expired=-60), world.series(80, settled=True)]

    assert decided(world, series=[covered, *others, late]) == [
        SettleSeries(instrument=covered.instrument, covered_at=NOW - 60, why="expired 60 s ago"),
        SettleSeries(instrument=late.instrument, covered_at=NOW - 1_800, why="expired 7200 s ago"),
    ]


def test_series__settled_and_held__its_holders_pick_it_up(world: Any) -> None:
    found = decided(world, holders={5: (7, 9), 6: ()})
    assert found == [Settle(accounts=(7, 9), instrument=5, why="2 accounts hold it still")]


@pytest.mark.parametrize(
    ("policy", "many"),
    [
        (replace(POLICY, most_holders=3), 3),
        # 60,000 gas · 11 gwei · 100 dollars = 0.066 each
        (replace(POLICY, subsidy_wad=198 * WAD // 1_000), 3),
        (replace(POLICY, subsidy_wad=198 * WAD // 1_000 - 1), 2),
        (replace(POLICY, subsidy_wad=66 * WAD // 1_000 - 1), 0),
    ],
)
def test_series__many_holders__as_many_as_one_transaction_bears(
    world: Any, policy: Policy, many: int
) -> None:
    found = decided(world, policy=policy, holders={5: tuple(range(1, 9))})
    assert [action.accounts for action in found] == [tuple(range(1, many + 1))] * (many > 0)


# Mark


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"marked_at": 0}, "no window yet"),
        ({"marked_at": NOW - 3_601}, "the last window is over"),
    ],
)
def test_mark__no_window__asked_for(world: Any, changes: dict[str, int], why: str) -> None:
    assert decided(world, lines=[replace(LINE, **changes)]) == [Mark(underlying=1, why=why)]


@pytest.mark.parametrize(
    "changes",
    [{"marked_at": NOW - 3_600}, {"marked_at": 0, "cap_wad": 50 * WAD}, {"marked_at": 0, "cap_wad": 0}],
)
def test_mark__in_its_window_or_at_the_cap__nothing(world: Any, changes: dict[str, int]) -> None:
    assert decided(world, lines=[replace(LINE, **changes)]) == []


# Fund


def test_refresh__at_its_share_of_the_age__to_the_second(world: Any) -> None:
    assert decided(world, fund={"refreshed_at": NOW - 33_329}) == []
    (action,) = decided(world, fund={"refreshed_at": NOW - 33_330})
    assert action == RefreshTarget(why="the target is 33330 s old")


def test_refresh__splits_the_fees_too(world: Any) -> None:
    found = decided(world, fund={"refreshed_at": 0}, fees=10**6 * WAD)
    assert kinds(found) == ["RefreshTarget"]


def test_distribute__fees_at_the_minimum__asked_for(world: Any) -> None:
    assert decided(world, fees=1_000 * WAD) == [Distribute(why="1,000.00 of fees and surplus wait")]
    assert decided(world, fees=1_000 * WAD - 1) == []


@pytest.mark.parametrize("fees", [0, -1])
def test_distribute__no_fees__nothing(world: Any, fees: int) -> None:
    eager = replace(POLICY, minimum_fees_wad=0)
    assert decided(world, fees=fees, policy=eager) == []
    assert kinds(decided(world, fees=1, policy=eager)) == ["Distribute"]


def test_distribute__surplus__counts_beside_the_fees(world: Any) -> None:
    """Target and slack are 11,000: of 12,000 in the fund 1,000 are surplus; of 16,000, where a quarter is staked."""
    rich = {"target_wad": 10_000 * WAD}
    assert kinds(surplus(world, 12_000 * WAD, rich)) == ["Distribute"]
    assert surplus(world, 12_000 * WAD - 1, rich) == []
    assert kinds(surplus(world, 12_000 * WAD - 1, rich, fees=1)) == ["Distribute"]
    assert kinds(surplus(world, 12_000 * WAD, rich, fees=-1)) == ["Distribute"]
    staked = {**rich, "own_shares": 3 * WAD, "staked_shares": WAD}
    assert kinds(surplus(world, 16_000 * WAD, staked)) == ["Distribute"]
    assert surplus(world, 16_000 * WAD - 4, staked) == []


@pytest.mark.parametrize(
    ("left", "age", "due"), [(0, 0, True), (1, 0, False), (0, 100, True), (0, 101, False)]
)
def test_distribute__surplus_held_or_on_an_old_target__nothing(
    world: Any, left: int, age: int, due: bool
) -> None:
    rules = replace(RULES, max_age_seconds=100)
    fund = {"target_wad": 10_000 * WAD, "held_until": NOW + left, "refreshed_at": NOW - age}
    never = replace(POLICY, refresh_share_bps=20_000)
    assert kinds(surplus(world, 12_000 * WAD, fund, rules=rules, policy=never)) == ["Distribute"] * due


def surplus(world: Any, fund_wad: int, fund: dict[str, int], **options: Any) -> list[Any]:
    return decided(world, fund=fund, fund_wad=fund_wad, **options)


# All of it


def everything(world: Any, **options: Any) -> list[Any]:
    lines = [replace(LINE, drawn_wad=250 * WAD), replace(LINE, underlying=2, marked_at=0)]
    bust = world.account(8, equity=-500)
    return decided(world, left_alone(world), bust, lines=lines, fees=10**6 * WAD, **options)


def test_everything__what_cannot_wait_first(world: Any) -> None:
    assert kinds(everything(world)) == ["Hold", "ReportDrawdown", "ReportSilence", "Mark", "Distribute"]


@pytest.mark.parametrize(
    ("units", "kept"),
    [
        (109_999, []),
        (110_000, ["ReportDrawdown", "Mark"]),
        (150_000, ["Hold", "ReportDrawdown", "Mark"]),
        (250_000, ["Hold", "ReportDrawdown", "ReportSilence", "Mark"]),
        (300_000, ["Hold", "ReportDrawdown", "ReportSilence", "Mark", "Distribute"]),
    ],
)
def test_gas__above_the_subsidy__nothing(world: Any, units: int, kept: list[str]) -> None:
    """At 11 gwei and 100 dollars a unit costs 1.1e-6 dollars."""
    policy = replace(POLICY, subsidy_wad=units * 11 * 100 * 10**9)
    assert kinds(everything(world, policy=policy)) == kept


def test_no_price_of_ether__nothing(world: Any) -> None:
    assert everything(world, policy=replace(POLICY, ether_underlying=9)) == []


# On a chain


def test_role__on_a_chain__each_succeeds_and_is_decided_once(scene: Scene) -> None:
    p = scene.protocol
    role = Watchdog(p, POLICY)
    sender = Sender(p, scene.key(RELAYER), tip=10**9)

    def cycle(wait: int = 12) -> list[str]:
        block = scene.mine(wait)
        snapshot = p.snapshot(role.accounts(block), block=block)
        actions = role.decide(snapshot)
        for attempt in sender.send(actions, block, 10**10):
            assert attempt.refused is None, attempt
        scene.mine(1)
        done = sender.follow(block + 1, 10**10, 2_000 * WAD)
        assert len(done) == len(actions) and all(mined.receipt.status for mined in done)
        assert all(role.income_wad(mined) == 0 for mined in done)
        for mined in done:
            assert mined.receipt.gas_used <= ALLOWED[type(mined.action)], mined
        assert role.tell(snapshot)
        return [type(action).__name__ for action in actions]

    def give(account: int, dollars: int) -> None:
        scene.at_once(lambda: p.fund(scene.address(RELAYER), account, 0, dollars * 10**6))

    give(p.insurance.call("FUND"), 1_000)
    assert cycle() == ["Mark", "Mark"]
    assert cycle() == []

    give(p.insurance.call("FEES"), 1_000)
    assert cycle() == ["Distribute"]
    assert cycle() == []

    scene.at_once(lambda: drawn(scene, 300))
    assert cycle() == ["ReportDrawdown"]
    assert p.breaker.call("stateOf", 1).level == Level.CAUTIOUS
    assert cycle() == []

    scene.fall(1_800)
    scene.at_once(
        lambda: p.liquidation.send("start", scene.long, scene.short, sender=scene.address(RELAYER), gas=10**6)
    )
    assert cycle(1_100) == []
    scene.fall(1_800)
    assert cycle(101) == ["ReportSilence"]
    assert p.sentinel.call("reportedOf", scene.long) > 0
    assert cycle() == []

    assert cycle(1_000) == []
    scene.fall(1_700)
    assert cycle() == ["Hold"]  # half of the hold that the payment began is over
    assert cycle() == []

    found = cycle(86_400)
    assert found[-1] == "RefreshTarget" and "Mark" in found
    assert cycle() == []


def drawn(scene: Scene, dollars: int) -> None:
    """The fund pays for a deficit of ether's market."""
    engine, insurance = scene.protocol.liquidation.address, scene.protocol.insurance
    scene.rpc.call("anvil_impersonateAccount", engine)
    scene.rpc.call("anvil_setBalance", engine, hex(10**20))
    insurance.send("pay", 1, scene.short, dollars * WAD, sender=engine, gas=10**6)
    scene.rpc.call("anvil_stopImpersonatingAccount", engine)
