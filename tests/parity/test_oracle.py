"""Oracle: contract = model, bit for bit
├── any history of answers, faults, pokes and new feeds -> the same prices, events and reports to the breaker
├── these histories                                     -> meet every event and every grade
├── any feed, any decimals                              -> accepted or refused alike
└── any price, any age                                  -> the same slow price and grade
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.errors import Refused
from holdfast.model import breaker as breaker_model
from holdfast.model import oracle as model
from holdfast.model.oracle import Answer, Feed, Rules, Stored
from holdfast.sim.history import Block, Call, Result, call, simulate
from holdfast.types import Grade, Level
from holdfast.units import WAD
from tests.conftest import START, Roles
from tests.parity.draw import repeatable, seeds

RULES = Rules(
    ema_decay_wad=997_692_063_824_711_937, variance_decay_wad=999_807_477_651_317_445, slow_seconds=600
)
HALTS = breaker_model.Rules(
    max_pause_seconds=3_600, cooldown_seconds=3_600, grace_seconds=900, trigger_seconds=300
)
UNDERLYINGS = (1, 2, 3)
STEPS = 40
FAULTS = (1, 2, 3)  # MockBrokenFeed.Fault: reverts, too short, empty


@dataclass(frozen=True)
class Chain:
    oracle: Contract
    breaker: Contract
    feeds: dict[int, Contract]
    roles: Roles


@pytest.fixture(scope="module")
def world(anvil: Anvil, roles: Roles) -> Chain:
    def put(name: str, *args: Any) -> Contract:
        return deploy(anvil.rpc, artifact(name), *args, sender=roles.deployer)

    def permit(role: int, who: str, contract: Contract, *functions: str) -> None:
        selectors = [contract.artifact.find(name).selector for name in functions]
        authority.send("setTargetFunctionRole", contract.address, selectors, role, sender=roles.deployer)
        authority.send("grantRole", role, who, 0, sender=roles.deployer)

    authority = put("Authority", roles.deployer)
    breaker = put("Breaker", authority.address, *astuple(HALTS))
    oracle = put("Oracle", authority.address, breaker.address, *astuple(RULES))
    permit(1, oracle.address, breaker, "reportMove", "reportResume")
    permit(2, roles.governor, oracle, "setFeed")
    return Chain(oracle, breaker, {one: put("MockBrokenFeed") for one in UNDERLYINGS}, roles)


@dataclass
class Twin:
    """The model of the whole: sources, oracle and breaker."""

    halts: breaker_model.Breaker = field(default_factory=lambda: breaker_model.Breaker(rules=HALTS))
    feeds: dict[int, Feed] = field(default_factory=dict)
    stored: dict[int, Stored] = field(default_factory=dict)
    answers: dict[int, Answer] = field(
        default_factory=lambda: dict.fromkeys(UNDERLYINGS, Answer(answer=0, updated_at=0))
    )
    faults: dict[int, tuple[int, int]] = field(default_factory=lambda: dict.fromkeys(UNDERLYINGS, (0, 0)))

    def answer(self, underlying: int) -> Answer | None:
        """What the oracle gets to hear; the decimals are asked last."""
        found, (mute, no_decimals) = self.answers[underlying], self.faults[underlying]
        if mute:
            return None
        return replace(found, decimals=model.SILENT) if no_decimals else found

    def decimals(self, underlying: int) -> int:
        return model.SILENT if self.faults[underlying][1] else self.answers[underlying].decimals

    def set_feed(self, underlying: int, feed: Feed, now: int) -> list[Any]:
        model.check_feed(underlying, feed, self.decimals(underlying))
        old, self.feeds[underlying] = self.feeds.get(underlying, feed), feed
        return ["FeedSet", *self.refresh(underlying, now, old)]

    def poke(self, underlyings: list[int], now: int) -> list[Any]:
        events: list[Any] = []
        for underlying in underlyings:
            if underlying not in self.feeds:
                raise Refused("UnknownUnderlying", underlying)
        for underlying in underlyings:
            events += self.refresh(underlying, now, self.feeds[underlying])
        return events

    def refresh(self, underlying: int, now: int, old: Feed) -> list[Any]:
        before = self.stored.get(underlying, Stored())
        done = model.poke(RULES, self.feeds[underlying], before, self.answer(underlying), now, old_feed=old)
        self.stored[underlying] = done.stored
        events: list[Any] = []
        if done.accepted:
            events.append(("PricePoked", underlying, *astuple(done.stored)[:4]))
        if done.refused:
            events.append(("PriceRefused", underlying, *done.refused))
        if done.moved:
            halts = breaker_model.report_move(self.halts, underlying, now)
            if halts is not self.halts:
                events.append(("Tripped", underlying, Level.CAUTIOUS, now + HALTS.trigger_seconds))
            self.halts = halts
        if done.resumed:
            halts = breaker_model.report_resume(self.halts, underlying, now)
            if halts is not self.halts:
                events.append(("GraceOpened", underlying, now + HALTS.grace_seconds))
            self.halts = halts
        return events

    def variances(self) -> list[tuple[int, int]]:
        """Variance and volatility of each, as they are read."""
        found = [self.stored.get(underlying, Stored()) for underlying in UNDERLYINGS]
        return [(model.stored_variance_wad(one.variance_wad), model.volatility_wad(one)) for one in found]

    def price(self, underlying: int, now: int) -> tuple[int, int, int]:
        if underlying not in self.feeds:
            return (0, 0, Grade.INVALID)
        found = model.price(RULES, self.feeds[underlying], self.stored.get(underlying, Stored()), now)
        return found.spot_wad, found.ema_wad, found.grade


@settings(repeatable, max_examples=60)
@given(seed=seeds)
def test_oracle__any_history__as_the_model(world: Chain, seed: int) -> None:
    seen, wanted = play(world, seed)

    assert seen == wanted


def test_oracle__histories__meet_everything(world: Chain) -> None:
    """Nothing above is proved by histories in which nothing happens."""
    met: Counter[Any] = Counter()
    for seed in range(20):
        for outcome, prices, states, variances in play(world, seed)[0]:
            met.update("variance" for variance, _ in variances if variance)
            met.update(event if isinstance(event, str) else event[0] for event in outcome or ["nothing"])
            met.update(Grade(price[2]) for price in prices)
            met.update("grace" for state in states if state[2])

    events = {
        "FeedSet",
        "PricePoked",
        "PriceRefused",
        "Tripped",
        "GraceOpened",
        "BadFeed",
        "UnknownUnderlying",
    }
    assert {thing: met[thing] for thing in (*Grade, *events, "grace", "variance") if met[thing] < 5} == {}


def play(chain: Chain, seed: int) -> tuple[list[Any], list[Any]]:
    """A history on the chain and in the model: each step's outcome, all prices, all states of the breaker."""
    rng, twin, now = random.Random(seed), Twin(), START
    blocks: list[Block] = []
    wanted: list[Any] = []
    for _ in range(STEPS):
        now += later(rng, twin)
        request, outcome = step(chain, twin, rng, now)
        stranger = chain.roles.stranger
        looks = [
            call(chain.oracle, "read", UNDERLYINGS, sender=stranger),
            *(call(chain.breaker, "stateOf", one, sender=stranger) for one in UNDERLYINGS),
            *(call(chain.oracle, "varianceOf", one, sender=stranger) for one in UNDERLYINGS),
            *(call(chain.oracle, "volatilityOf", one, sender=stranger) for one in UNDERLYINGS),
        ]
        blocks.append(Block([request, *looks], time=now))
        states = [breaker_model.state(twin.halts, one, now) for one in UNDERLYINGS]
        prices = [twin.price(one, now) for one in UNDERLYINGS]
        halts = [(one.level, one.until, one.grace_until) for one in states]
        wanted.append((outcome, prices, halts, twin.variances()))

    seen = [
        (
            told(results[0]),
            [tuple(price) for price in results[1].returned(chain.oracle, "read")],
            [tuple(result.returned(chain.breaker, "stateOf")) for result in results[2:5]],
            [
                (variance.returned(chain.oracle, "varianceOf"), root.returned(chain.oracle, "volatilityOf"))
                for variance, root in zip(results[5:8], results[8:], strict=True)
            ],
        )
        for results in simulate(chain.oracle.rpc, blocks)
    ]
    return seen, wanted


def step(chain: Chain, twin: Twin, rng: random.Random, now: int) -> tuple[Call, Any]:
    """A call of the contracts, and what the model says of it."""
    underlying, keeper = rng.choice(UNDERLYINGS), chain.roles.keeper
    source = chain.feeds[underlying]
    kind = rng.random()
    if len(twin.feeds) < 2 or kind < 0.07:
        feed = any_feed(rng)
        request = call(
            chain.oracle, "setFeed", underlying, (source.address, *astuple(feed)), sender=chain.roles.governor
        )
        return request, refusal_or(lambda: twin.set_feed(underlying, feed, now))
    if kind < 0.45:
        answer, time = any_answer(rng, twin, underlying), now - rng.choice((0, 0, 0, 1, 30, 700, -1))
        twin.answers[underlying] = replace(twin.answers[underlying], answer=answer, updated_at=time)
        return call(source, "setAnswer", answer, time, sender=keeper), []
    if kind < 0.50:
        decimals = rng.choice((0, 6, 8, 8, 18, 18, 19))
        twin.answers[underlying] = replace(twin.answers[underlying], decimals=decimals)
        return call(source, "setDecimals", decimals, sender=keeper), []
    if kind < 0.55:
        faults = (rng.choice((0, 0, *FAULTS)), rng.choice((0, 0, *FAULTS)))
        twin.faults[underlying] = faults
        return call(source, "setFaults", *faults, sender=keeper), []
    some = [rng.choice(UNDERLYINGS) for _ in range(rng.choice((1, 1, 2, 3, 4)))]
    if rng.random() < 0.03:
        some.append(9)
    request = call(chain.oracle, "poke", some, sender=keeper)
    return request, refusal_or(lambda: twin.poke(some, now))


def later(rng: random.Random, twin: Twin) -> int:
    """Often exactly when a grade changes, or a second beside it."""
    if twin.feeds and rng.random() < 0.4:
        heartbeat = rng.choice(list(twin.feeds.values())).heartbeat_seconds
        return max(1, heartbeat + rng.choice((0, RULES.slow_seconds)) + rng.randint(-1, 1))
    return rng.choice((1, 1, 2, 12, 60, rng.randint(1, 1_000), int(10 ** (7 * rng.random()))))


def any_feed(rng: random.Random) -> Feed:
    if rng.random() < 0.15:  # mostly out of range
        return Feed(
            heartbeat_seconds=rng.choice((0, 5, 655_360, 3_600)),
            deviation_percent=rng.choice((0, 101, 255, 10)),
            min_wad=rng.choice((0, WAD, 2 * WAD)),
            max_wad=rng.choice((WAD, 2**88 - 1)),
        )
    return Feed(
        heartbeat_seconds=rng.choice((10, 60, 600, 3_600, 655_350)),
        deviation_percent=rng.choice((1, 5, 15, 50, 100)),
        min_wad=rng.choice((1, WAD, 10 * WAD)),
        max_wad=rng.choice((100 * WAD, 10**9 * WAD // 4, 2**88 - 1)),
    )


def any_answer(rng: random.Random, twin: Twin, underlying: int) -> int:
    """Mostly near the last price or an edge of what is accepted, in the source's decimals."""
    unit = 10 ** (18 - min(18, twin.answers[underlying].decimals))
    feed = twin.feeds.get(underlying)
    spot_wad = twin.stored.get(underlying, Stored()).spot_wad or 50 * WAD
    kind = rng.random()
    if kind < 0.5:
        return int(spot_wad * rng.choice((1, 1.001, 0.99, 1.05, 0.8, rng.uniform(0.3, 3)))) // unit
    if feed and kind < 0.7:
        jump = spot_wad * feed.deviation_percent // 100
        edges = (feed.min_wad, feed.max_wad, spot_wad + jump, spot_wad - jump)
        return rng.choice(edges) // unit + rng.randint(-1, 1)
    if kind < 0.8:
        return rng.choice((0, -1, 1, -(2**255), 2**255 - 1, 2**88 - 1, 2**88, WAD))
    return int(10 ** (27 * rng.random())) // unit


def refusal_or(act: Any) -> Any:
    try:
        return act()
    except Refused as refusal:
        return (refusal.name, refusal.values)


def told(result: Result) -> Any:
    """The events with their numbers, or why it reverted."""
    if result.error:
        return (result.error.name, result.error.values)
    found: list[Any] = []
    for event in result.events:
        if event.name == "FeedSet":
            found.append("FeedSet")
        else:
            found.append((event.name, *(value for key, value in event.args.items() if key != "by")))
    return found


@settings(repeatable, max_examples=20)
@given(seed=seeds)
def test_set_feed__any_feed__as_the_model(world: Chain, seed: int) -> None:
    rng = random.Random(seed)
    calls, wanted = [], []
    for _ in range(40):
        underlying = rng.choice((0, 1, 2, 2**16 - 1))
        feed = Feed(
            heartbeat_seconds=rng.choice((0, 9, 10, 655_350, 655_360, 10 * rng.randint(0, 70_000))),
            deviation_percent=rng.choice((0, 1, 100, 101, rng.randint(0, 255))),
            min_wad=rng.choice((0, 1, 2**88 - 1, rng.randint(0, 2**88 - 1))),
            max_wad=rng.choice((0, 1, 2, 2**88 - 1, rng.randint(0, 2**88 - 1))),
        )
        decimals = rng.choice((0, 8, 18, 19, 255))
        calls.append(call(world.feeds[1], "setDecimals", decimals, sender=world.roles.keeper))
        calls.append(
            call(
                world.oracle,
                "setFeed",
                underlying,
                (world.feeds[1].address, *astuple(feed)),
                sender=world.roles.governor,
            )
        )
        outcome = refusal_or(lambda u=underlying, f=feed, d=decimals: model.check_feed(u, f, d))
        wanted.append(outcome or ["FeedSet"])

    results = simulate(world.oracle.rpc, [Block(calls, time=START)])[0]

    assert [told(result) for result in results[1::2]] == wanted


@settings(repeatable, max_examples=20)
@given(seed=seeds)
def test_read__any_price_and_age__as_the_model(world: Chain, seed: int) -> None:
    """Two prices, any time apart, then looked at any time later."""
    rng = random.Random(seed)
    feed = Feed(heartbeat_seconds=3_600, deviation_percent=10, min_wad=1, max_wad=2**88 - 1)
    source, keeper = world.feeds[1], world.roles.keeper
    set_up = [
        call(source, "setDecimals", 18, sender=keeper),
        call(world.oracle, "setFeed", 1, (source.address, *astuple(feed)), sender=world.roles.governor),
    ]
    for _ in range(10):
        first, second = (int(10 ** (26.4 * rng.random())) for _ in range(2))
        times = [START]
        for _ in range(6):
            times.append(times[-1] + int(10 ** (9 * rng.random() ** 2)) + 1)
        poke = call(world.oracle, "poke", [1], sender=keeper)
        blocks = [
            Block([*set_up, call(source, "setAnswer", first, times[0], sender=keeper), poke], time=times[0]),
            Block([call(source, "setAnswer", second, times[1], sender=keeper), poke], time=times[1]),
            *(Block([call(world.oracle, "priceOf", 1, sender=keeper)], time=time) for time in times[2:]),
        ]
        stored = Stored(spot_wad=first, ema_wad=first, updated_at=times[0])
        answer = Answer(answer=second, updated_at=times[1], decimals=18)
        stored = model.poke(RULES, feed, stored, answer, times[1]).stored

        results = simulate(world.oracle.rpc, blocks)[2:]

        for time, (result,) in zip(times[2:], results, strict=True):
            expected = model.price(RULES, feed, stored, time)
            price = result.returned(world.oracle, "priceOf")
            assert tuple(price) == (expected.spot_wad, expected.ema_wad, expected.grade)
