"""pairs of runs
├── every property                 -> judged in a small campaign, and never violated
├── what the campaign must reach   -> trades in parts that open, shrink and turn over; auctions of accounts in parts; …
├── the same profile twice         -> the same cases, judged alike
├── a property that never holds    -> a failure
│   ├── written and read back      -> the same steps and branches, through JSON and pickle
│   ├── minimised                  -> nothing in common is left that isn't needed
│   ├── replayed                   -> fails again; the common history first, then branch after branch
│   └── as text                    -> tells both runs
├── branches                       -> looks read where they say; waits and blocks as in any history
└── bounds
    ├── digits of K                -> hold for the twin, and are reached to within a few
    ├── compounding                -> holds for the twin, at any utilisation
    ├── shares behind cash         -> the interval that shows as it
    ├── ticks                      -> nothing where indices and scales are one
    └── parts                      -> add up
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from holdfast.chain.environment import PROJECT
from holdfast.model import cash_pool, side_index
from holdfast.sim import pairs
from holdfast.sim.actions import Scene
from holdfast.sim.director import Profile
from holdfast.sim.failure import Failure
from holdfast.sim.ghost import Ghost
from holdfast.sim.history import simulate
from holdfast.sim.pairs import COLLUSION, PAIRS, Branch, Case, Pair, PairFailure, Trial, play_out
from holdfast.sim.pairs.campaign import compare
from holdfast.sim.pairs.moves import accrue_interest, nothing, parts, settle
from holdfast.sim.pairs.reading import (
    cash_tick,
    compounding,
    flow_digits,
    same_shares,
    shares_of,
    size_tick,
    steepest,
)
from holdfast.sim.pairs.running import start
from holdfast.sim.profiles import OPTIONS
from holdfast.sim.tally import Tally
from holdfast.sim.world import World
from holdfast.types import Pool
from holdfast.units import BPS, WAD

HISTORIES = 6
"""Forked ones in each world, and half as many that belong to adversaries."""


@pytest.fixture(scope="module", params=("thin", "local", "options"))
def campaign(request: pytest.FixtureRequest) -> Iterator[tuple[Tally, list[PairFailure]]]:
    """One world after the other: what both saw is judged apart."""
    tally, failures = Tally(), []
    with World.open(request.param) as world:
        forked = [one for one in PAIRS if one is not COLLUSION]
        for seed in range(HISTORIES):
            profile = replace((OPTIONS if request.param == "options" else Profile.drawn)(seed), length=40)
            chosen = forked if seed % 3 else [COLLUSION]
            if found := pairs.play(world, profile, tally, chosen):
                failures.append(found)
    yield tally, failures


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.open("thin") as opened:
        yield opened


@pytest.mark.parametrize("one", PAIRS, ids=lambda one: f"{one.id}-{one.name}")
def test_pair__small_campaign__judged_and_never_violated(
    campaign: tuple[Tally, list[PairFailure]], one: Pair
) -> None:
    tally, failures = campaign

    assert next((str(found) for found in failures if found.invariant == one.id), None) is None
    assert tally.invariants[one.id].checked >= 2, f"{one.id} was never judged"


def test_documentation__pairs__statements_word_for_word() -> None:
    text = (PROJECT / "docs" / "invariants.md").read_text()

    for inv, statement in pairs.statements().items():
        assert f"| {inv} | {statement} |" in text


def test_play__same_profile__same_judgements(world: World) -> None:
    profile, seen = replace(Profile.drawn(5), length=16), []
    for _ in range(2):
        tally = Tally()
        assert pairs.play(world, profile, tally, [one for one in PAIRS if one is not COLLUSION]) is None
        seen.append((tally.calls, {name: one.checked for name, one in tally.invariants.items()}))

    assert seen[0] == seen[1]


# Failures


def _plan(s: Scene) -> Case:
    """Nobody's clock ever moves."""
    return Case(
        branches=(
            Branch(name="at once", steps=(accrue_interest(s.world),)),
            Branch(name="later", steps=(nothing(s.world, 60), accrue_interest(s.world)), looks=(1,)),
        ),
        facts={"name": b"\x01", "pair": (1, 2)},
    )


def _judge(trial: Trial) -> Iterator[str | None]:
    at_once, later = (run.end.system.time for run in trial.runs)
    yield None if at_once == later else f"{at_once} at once, {later} later"


@pytest.fixture
def failure(world: World, monkeypatch: pytest.MonkeyPatch) -> PairFailure:
    never = Pair("INV-59", "clocks_stand", "Nobody's clock ever moves.", _plan, _judge)
    monkeypatch.setattr("holdfast.sim.pairs.campaign.PAIRS", [never])
    profile = replace(Profile.drawn(3), length=20)
    found = pairs.play(world, profile, Tally(), [never])
    assert found is not None
    return found


def test_play__property_that_never_holds__fails_with_both_numbers(failure: PairFailure) -> None:
    assert failure.invariant == "INV-59"
    assert "at once" in failure.wrong
    assert failure.steps[failure.fork :] == failure.branches[1].steps
    assert failure.fork > 0
    assert "at once:" in str(failure)


def test_restore__through_json_and_pickle__same_failure(failure: PairFailure) -> None:
    plain = json.loads(json.dumps(failure.plain()))
    again = pairs.restore(plain)

    assert (again.steps, again.branches, again.fork) == (failure.steps, failure.branches, failure.fork)
    assert again.facts == {"name": b"\x01", "pair": (1, 2)}
    assert json.loads(json.dumps(again.plain())) == {**plain, "seed": None}
    assert pickle.loads(pickle.dumps(failure)) == failure


def test_minimise__nothing_needed__nothing_in_common_left(world: World, failure: PairFailure) -> None:
    small = pairs.minimise(world, failure, 10)

    assert small.fork == 0
    assert small.branches == failure.branches
    assert small.outcomes == ("done", "done")


def test_replay__failure__common_history_then_each_branch(world: World, failure: PairFailure) -> None:
    lengths: list[int] = []

    def through(rpc, blocks, block):  # type: ignore[no-untyped-def]
        lengths.append(sum(len(one.calls) for one in blocks))
        return simulate(rpc, blocks, block=block)

    found = pairs.replay(world, failure, through)

    assert found is not None
    assert found.wrong == failure.wrong
    reads, common = 1, sum(len(step.calls) for step in failure.steps[: failure.fork])
    assert lengths == [common + reads, common + 1 + reads, common + 2 + 2 * reads]


def test_replay__not_a_pair__refused(world: World) -> None:
    plain = Failure(invariant="INV-01", name="", wrong="", world="thin", profile=None, steps=())

    with pytest.raises(AssertionError):
        pairs.replay(world, plain)


def test_play_out__looks__read_between_steps(world: World) -> None:
    steps = (nothing(world, 10), nothing(world, 20), nothing(world, 30))
    run = play_out(world, (), Branch(name="x", steps=steps, looks=(0, 2)), world.start.system.accounts)

    begin = world.time + 1
    assert [seen.system.time - begin for seen in run.snapshots] == [0, 30, 60]
    assert run.ok
    assert len(run.end.accounts) == len(world.start.accounts)


def test_compare__branch_of_refused_steps__judged_all_the_same(world: World) -> None:
    scene = Scene(world, Ghost(world), world.start, Random(1))
    seen: list[str] = []

    def judge(trial: Trial) -> Iterator[None]:
        seen.extend(run.error(0) for run in trial.runs)
        yield None

    case = Case(branches=(Branch(name="x", steps=(settle(world, 4, scene.state.markets[0].instrument),)),))
    one = Pair("INV-59", "x", "", lambda s: case, judge)

    assert compare(world, one, start(world), case, Tally()) is None
    assert seen == ["NoPosition"]


# Bounds


def test_flow_digits__twin__bound_holds_and_is_near() -> None:
    rng, closest = Random(11), 10**9
    for _ in range(300):
        long, short = rng.randint(1, 10**22), rng.randint(1, 10**22)
        scale = (rng.choice((WAD, rng.randint(10**12, WAD))), rng.choice((WAD, rng.randint(10**12, WAD))))
        premium, mark = rng.randint(-(10**8), 10**8), rng.randint(10**8, 10**22)
        times = rng.randint(1, 8)
        elapsed = [rng.randint(1, 1_000) for _ in range(times)]
        market = _market(long, short, scale)
        once, often = market, market
        funding = side_index.funding(premium, mark, sum(elapsed), 28_800, 50)
        once = side_index.apply_funding(once, funding) if funding else once
        for wait in elapsed:
            funding = side_index.funding(premium, mark, wait, 28_800, 50)
            often = side_index.apply_funding(often, funding) if funding else often
        most = flow_digits(long, short, times)
        apart = (
            abs(once.long.flow_wad - often.long.flow_wad),
            abs(once.short.flow_wad - often.short.flow_wad),
        )
        assert apart[0] <= most[0]
        assert apart[1] <= most[1]
        closest = min(closest, most[0] - apart[0], most[1] - apart[1])

    assert closest <= 4


def test_compounding__twin__never_more(world: World) -> None:
    ledger = world.protocol.record.config["ledger"]
    curve = cash_pool.Curve(
        base_bps=ledger["base_rate_bps"],
        kink_bps=ledger["kink_bps"],
        kink_rate_bps=ledger["kink_rate_bps"],
        max_rate_bps=ledger["max_rate_bps"],
    )
    rng = Random(12)
    for _ in range(300):
        credit = rng.randint(10**18, 10**26)
        debt = rng.randint(1, credit)
        pool = Pool(
            credit_shares=credit, debt_shares=debt, credit_index_wad=WAD, debt_index_wad=WAD, accrued_at=0
        )
        seconds, times = rng.randint(10, 100_000), rng.randint(1, 8)
        once = cash_pool.accrue(pool, curve, seconds)
        often = pool
        for moment in sorted([*(rng.randint(1, seconds) for _ in range(times)), seconds]):
            often = cash_pool.accrue(often, curve, moment)
        more = compounding(world, seconds)
        digits = 2 * times * (4 + -(-steepest(world) // BPS)) + 2

        assert -digits <= often.debt_index_wad - once.debt_index_wad <= WAD * more + digits
        assert -digits <= often.credit_index_wad - once.credit_index_wad <= WAD * more + digits


@pytest.mark.parametrize("cash", (0, 1, -1, 10**18, -(10**18), 12_345))
def test_same_shares__cash__is_that_of_its_interval(cash: int) -> None:
    pool = Pool(
        credit_shares=1,
        debt_shares=1,
        credit_index_wad=1_234_567_890_123_456_789,
        debt_index_wad=2 * WAD + 1,
        accrued_at=0,
    )
    low, high = shares_of(cash, pool)
    index = pool.debt_index_wad if cash < 0 else pool.credit_index_wad

    assert (low * index / WAD).__floor__() == cash
    assert (high * index / WAD) == cash + 1
    assert same_shares(cash, pool, cash, pool)
    assert not same_shares(cash, pool, cash + 5, pool)


def test_ticks__indices_and_scales_of_one__nothing_is_lost(world: World) -> None:
    market, pool = world.start.markets[0], world.start.system.pool

    assert cash_tick(replace(pool, credit_index_wad=WAD, debt_index_wad=WAD)) == 0
    assert cash_tick(replace(pool, credit_index_wad=WAD, debt_index_wad=WAD + 1)) == 2
    assert size_tick(market) == 0
    assert size_tick(replace(market, long=replace(market.long, scale_wad=WAD - 1))) == 2_000


@pytest.mark.parametrize("whole", (5, 6, 1_000, 10**24))
def test_parts__any_whole__positive_and_add_up(world: World, whole: int) -> None:
    scene = Scene(world, Ghost(world), world.start, Random(whole))
    for count in range(2, 6):
        found = parts(scene, whole, count)
        assert (len(found), sum(found)) == (count, whole)
        assert min(found) >= 1


def _market(long: int, short: int, scale: tuple[int, int]) -> side_index.Market:
    market = side_index.fresh(1, 0)
    return side_index.Market(
        long=replace(market.long, scale_wad=scale[0]),
        short=replace(market.short, scale_wad=scale[1]),
        interest=side_index.Interest(underlying=1, long_base_wad=long, short_base_wad=short),
    )
