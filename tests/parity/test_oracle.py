"""Oracle: contract = model, bit for bit
├── any history of answers of one, three and five sources, faults, pokes and new feeds
│                                                       -> the same prices, events and reports to the breaker
├── any expiry about the last prices                    -> the same settlement, or the same refusal
├── these histories                                     -> meet every event and every grade
├── any feed                                            -> accepted or refused alike
└── any price, any age                                  -> the same slow price and grade
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import astuple, dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.errors import Refused
from holdfast.model import average
from holdfast.model import breaker as breaker_model
from holdfast.model import oracle as model
from holdfast.model.oracle import Answer, Feed, Rules, Stored
from holdfast.sim.history import Block, Call, Result, call, simulate
from holdfast.types import Grade, Level
from holdfast.units import WAD
from tests.conftest import START, Roles
from tests.parity.draw import repeatable, seeds

RULES = Rules(
    ema_decay_wad=997_692_063_824_711_937,
    variance_decay_wad=999_807_477_651_317_445,
    slow_seconds=600,
    contested_seconds=500,
)
HALTS = breaker_model.Rules(
    max_pause_seconds=3_600, cooldown_seconds=3_600, grace_seconds=900, trigger_seconds=300
)
UNDERLYINGS = (1, 2, 3)
SOURCES = {1: 1, 2: 3, 3: 5}
STEPS = 40
LOOKS = 3 + 4 * len(UNDERLYINGS)
FAULTS = (1, 2, 3)  # MockBrokenFeed.Fault: reverts, too short, empty
SILENT = Answer(price_wad=0, updated_at=0)


@dataclass(frozen=True)
class Chain:
    oracle: Contract
    breaker: Contract
    feeds: dict[int, list[Contract]]
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
    feeds = {one: [put("MockBrokenFeed") for _ in range(count)] for one, count in SOURCES.items()}
    return Chain(oracle, breaker, feeds, roles)


@dataclass
class Twin:
    """The model of the whole: sources, oracle and breaker."""

    halts: breaker_model.Breaker = field(default_factory=lambda: breaker_model.Breaker(rules=HALTS))
    feeds: dict[int, Feed] = field(default_factory=dict)
    stored: dict[int, Stored] = field(default_factory=dict)
    histories: dict[int, average.History] = field(
        default_factory=lambda: {one: average.History() for one in UNDERLYINGS}
    )
    answers: dict[int, list[Answer]] = field(
        default_factory=lambda: {one: [SILENT] * count for one, count in SOURCES.items()}
    )
    faults: dict[int, list[int]] = field(
        default_factory=lambda: {one: [0] * count for one, count in SOURCES.items()}
    )

    def heard(self, underlying: int) -> list[Answer | None]:
        """What the oracle gets to hear."""
        said = zip(self.answers[underlying], self.faults[underlying], strict=True)
        return [None if fault else answer for answer, fault in said]

    def set_feed(self, underlying: int, feed: Feed, now: int) -> list[Any]:
        model.check_feed(underlying, feed, SOURCES[underlying])
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
        heard = self.heard(underlying)
        done = model.poke(RULES, self.feeds[underlying], before, heard, now, old_feed=old)
        self.stored[underlying] = done.stored
        events: list[Any] = []
        for place in done.silenced:
            said = heard[place] or SILENT
            events.append(
                ("SourceRefused", underlying, place, said.price_wad, said.confidence_wad, said.updated_at)
            )
        if done.accepted:
            self.histories[underlying] = average.advance(
                self.histories[underlying], done.stored.spot_wad, now
            )
            events.append(("PricePoked", underlying, *astuple(done.stored)[:5]))
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

    def settlement(self, underlying: int, expiry: int, cover: int) -> Any:
        return refusal_or(
            lambda: average.settlement_wad(self.histories[underlying], underlying, expiry, cover)
        )

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
        spots: dict[int, int] = {}
        for outcome, prices, states, variances, _, settled in play(world, seed)[0]:
            cover, settlement = settled
            met.update(["cover"] if cover else [])
            met.update([settlement[0] if isinstance(settlement, tuple) else "settlement"])
            met.update("variance" for variance, _ in variances if variance)
            met.update(event if isinstance(event, str) else event[0] for event in outcome or ["nothing"])
            met.update("divergent" for event in outcome if event[0] == "PricePoked" and event[-1])
            spots |= {event[1]: event[2] for event in outcome if event[0] == "PricePoked"}
            met.update("drawn" for one, spot in spots.items() if prices[one - 1][0] != spot)
            met.update(Grade(price[2]) for price in prices)
            met.update("grace" for state in states if state[2])

    events = {
        "FeedSet",
        "PricePoked",
        "PriceRefused",
        "SourceRefused",
        "divergent",
        "Tripped",
        "GraceOpened",
        "BadFeed",
        "UnknownUnderlying",
    }
    assert {
        thing: met[thing]
        for thing in (
            *Grade,
            *events,
            "grace",
            "variance",
            "drawn",
            "cover",
            "settlement",
            "OffGrid",
            "NotCovered",
        )
        if met[thing] < 5
    } == {}


def play(chain: Chain, seed: int) -> tuple[list[Any], list[Any]]:
    """A history on the chain and in the model: each step's outcome, all prices, all states of the breaker."""
    rng, twin, now = random.Random(seed), Twin(), START
    asker = random.Random(~seed)  # what is asked changes nothing of what happens
    blocks: list[Block] = []
    wanted: list[Any] = []
    for _ in range(STEPS):
        now += later(rng, twin)
        requests, outcome = step(chain, twin, rng, now)
        asked = any_expiry(asker, twin, now)
        stranger = chain.roles.stranger
        looks = [
            call(chain.oracle, "read", UNDERLYINGS, sender=stranger),
            *(call(chain.breaker, "stateOf", one, sender=stranger) for one in UNDERLYINGS),
            *(call(chain.oracle, "varianceOf", one, sender=stranger) for one in UNDERLYINGS),
            *(call(chain.oracle, "volatilityOf", one, sender=stranger) for one in UNDERLYINGS),
            *(call(chain.oracle, "spotOf", one, sender=stranger) for one in UNDERLYINGS),
            call(chain.oracle, "coverOf", *asked[:2], sender=stranger, gas=20_000_000),
            call(chain.oracle, "settlementOf", *asked, sender=stranger),
        ]
        blocks.append(Block([*requests, *looks], time=now))
        states = [breaker_model.state(twin.halts, one, now) for one in UNDERLYINGS]
        prices = [twin.price(one, now) for one in UNDERLYINGS]
        halts = [(one.level, one.until, one.grace_until) for one in states]
        cover = average.cover_of(twin.histories[asked[0]], asked[1])
        wanted.append(
            (
                outcome,
                prices,
                halts,
                twin.variances(),
                [price[0] for price in prices],
                (cover, twin.settlement(*asked)),
            )
        )

    seen = [
        (
            told(chain, results[-LOOKS - 1]),
            [tuple(price) for price in results[-LOOKS].returned(chain.oracle, "read")],
            [tuple(result.returned(chain.breaker, "stateOf")) for result in results[1 - LOOKS : 4 - LOOKS]],
            [
                (variance.returned(chain.oracle, "varianceOf"), root.returned(chain.oracle, "volatilityOf"))
                for variance, root in zip(
                    results[4 - LOOKS : 7 - LOOKS], results[7 - LOOKS : 10 - LOOKS], strict=True
                )
            ],
            [result.returned(chain.oracle, "spotOf") for result in results[10 - LOOKS : 13 - LOOKS]],
            (
                results[-2].returned(chain.oracle, "coverOf"),
                (results[-1].error.name, results[-1].error.values)
                if results[-1].error
                else results[-1].returned(chain.oracle, "settlementOf"),
            ),
        )
        for results in simulate(chain.oracle.rpc, blocks)
    ]
    return seen, wanted


def step(chain: Chain, twin: Twin, rng: random.Random, now: int) -> tuple[list[Call], Any]:
    """Calls of the contracts, and what the model says of the last of them."""
    underlying, keeper = rng.choice(UNDERLYINGS), chain.roles.keeper
    sources = chain.feeds[underlying]
    kind = rng.random()
    if len(twin.feeds) < 2 or kind < 0.07:
        feed, addresses = any_feed(rng, len(sources)), [source.address for source in sources]
        request = call(
            chain.oracle, "setFeed", underlying, (addresses, *astuple(feed)), sender=chain.roles.governor
        )
        return [request], refusal_or(lambda: twin.set_feed(underlying, feed, now))
    if kind < 0.45:
        return says(chain, twin, rng, underlying, now), []
    if kind < 0.50:
        place, fault = rng.randrange(len(sources)), rng.choice((0, 0, *FAULTS))
        twin.faults[underlying][place] = fault
        return [call(sources[place], "setFault", fault, sender=keeper)], []
    some = [rng.choice(UNDERLYINGS) for _ in range(rng.choice((1, 1, 2, 3, 4)))]
    before = says(chain, twin, rng, underlying, now) if rng.random() < 0.5 else []
    if rng.random() < 0.03:
        some.append(9)
    request = call(chain.oracle, "poke", [*some, underlying], sender=keeper)
    return [*before, request], refusal_or(lambda: twin.poke([*some, underlying], now))


def says(chain: Chain, twin: Twin, rng: random.Random, underlying: int, now: int) -> list[Call]:
    """All sources of an underlying answer, about the same or not; sometimes only one."""
    calls = []
    common, sources = any_answer(rng, twin, underlying), chain.feeds[underlying]
    some = range(len(sources)) if rng.random() < 0.8 else [rng.randrange(len(sources))]
    for place in some:
        kind = rng.random()
        price_wad = common if kind < 0.5 else int(common * rng.uniform(0.98, 1.02))
        if kind > 0.9:
            price_wad = any_answer(rng, twin, underlying)
        price_wad = min(max(0, price_wad), 2**256 - 1)
        confidence_wad = int(price_wad * rng.choice((0, 0, 0.0005, 0.004, 0.01, 0.5)))
        answer = Answer(
            price_wad=price_wad,
            confidence_wad=min(confidence_wad, 2**256 - 1),
            updated_at=now - rng.choice((0, 0, 0, 1, 30, 700, -1)),
        )
        twin.answers[underlying][place] = answer
        words = answer.price_wad, answer.confidence_wad, answer.updated_at
        calls.append(call(sources[place], "setAnswer", *words, sender=chain.roles.keeper))
    return calls


def later(rng: random.Random, twin: Twin) -> int:
    """Often exactly when a grade changes, or a second beside it."""
    if twin.feeds and rng.random() < 0.4:
        heartbeat = rng.choice(list(twin.feeds.values())).heartbeat_seconds
        return max(1, heartbeat + rng.choice((0, RULES.slow_seconds)) + rng.randint(-1, 1))
    return rng.choice((1, 1, 2, 12, 60, rng.randint(1, 1_000), int(10 ** (7 * rng.random()))))


def any_expiry(rng: random.Random, twin: Twin, now: int) -> tuple[int, int, int]:
    """(underlying, expiry, where a checkpoint may lie): mostly a boundary about a price that entered."""
    underlying, window = rng.choice(UNDERLYINGS), average.WINDOW_SECONDS
    history = twin.histories[underlying]
    known = [now, *(time for time in history.checkpoints if time > now - 500 * window)]
    expiry = rng.choice(known) // window * window + window * rng.choice((-1, 0, 0, 0, 1))
    if rng.random() < 0.1:
        expiry = rng.choice((expiry + 1, window - 1))
    cover = average.cover_of(history, expiry)
    return underlying, expiry, rng.choice((cover, cover, expiry, *history.checkpoints))


def any_feed(rng: random.Random, sources: int) -> Feed:
    quorum, divergence_bps = rng.randint(sources // 2 + 1, sources), rng.choice((1, 50, 100, 500, 10_000))
    if rng.random() < 0.15:  # mostly out of range
        return Feed(
            quorum=rng.choice((0, quorum, sources + 1)),
            divergence_bps=rng.choice((0, divergence_bps, 10_001)),
            heartbeat_seconds=rng.choice((0, 5, 655_360, 3_600)),
            deviation_percent=rng.choice((0, 101, 255, 10)),
            min_wad=rng.choice((0, WAD, 2 * WAD)),
            max_wad=rng.choice((WAD, 2**88 - 1)),
        )
    return Feed(
        quorum=quorum,
        divergence_bps=divergence_bps,
        heartbeat_seconds=rng.choice((10, 60, 600, 3_600, 655_350)),
        deviation_percent=rng.choice((1, 5, 15, 50, 100)),
        min_wad=rng.choice((1, WAD, 10 * WAD)),
        max_wad=rng.choice((100 * WAD, 10**9 * WAD // 4, 2**88 - 1)),
    )


def any_answer(rng: random.Random, twin: Twin, underlying: int) -> int:
    """Mostly near the last price or an edge of what is accepted."""
    feed = twin.feeds.get(underlying)
    spot_wad = twin.stored.get(underlying, Stored()).spot_wad or 50 * WAD
    kind = rng.random()
    if kind < 0.5:
        return int(spot_wad * rng.choice((1, 1.001, 0.99, 1.05, 0.8, rng.uniform(0.3, 3))))
    if feed and kind < 0.7:
        jump = spot_wad * feed.deviation_percent // 100
        edges = (feed.min_wad, feed.max_wad, spot_wad + jump, spot_wad - jump)
        return rng.choice(edges) + rng.randint(-1, 1)
    if kind < 0.8:
        return rng.choice((0, 1, 2**88 - 1, 2**88, 2**256 - 1, WAD))
    return int(10 ** (27 * rng.random()))


def refusal_or(act: Any) -> Any:
    try:
        return act()
    except Refused as refusal:
        return (refusal.name, refusal.values)


def told(chain: Chain, result: Result) -> Any:
    """The events with their numbers, or why it reverted."""
    if result.error:
        return (result.error.name, result.error.values)
    found: list[Any] = []
    for event in result.events:
        if event.name == "FeedSet":
            found.append("FeedSet")
        elif event.name == "SourceRefused":
            underlying, source, *said = event.args.values()
            places = [feed.address for feed in chain.feeds[underlying]]
            found.append((event.name, underlying, places.index(source), *said))
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
        sources = rng.randint(0, 5)
        feed = Feed(
            quorum=rng.randint(0, 6),
            divergence_bps=rng.choice((0, 1, 10_000, 10_001, 2**16 - 1)),
            heartbeat_seconds=rng.choice((0, 9, 10, 655_350, 655_360, 10 * rng.randint(0, 70_000))),
            deviation_percent=rng.choice((0, 1, 100, 101, rng.randint(0, 255))),
            min_wad=rng.choice((0, 1, 2**88 - 1, rng.randint(0, 2**88 - 1))),
            max_wad=rng.choice((0, 1, 2, 2**88 - 1, rng.randint(0, 2**88 - 1))),
        )
        addresses = [source.address for source in world.feeds[3][:sources]]
        calls.append(
            call(
                world.oracle,
                "setFeed",
                underlying,
                (addresses, *astuple(feed)),
                sender=world.roles.governor,
            )
        )
        outcome = refusal_or(lambda u=underlying, f=feed, n=sources: model.check_feed(u, f, n))
        silence = [("SourceRefused", underlying, 0, 0, 0)] * sources
        wanted.append(outcome or ["FeedSet", *silence, ("PriceRefused", underlying, 0, feed.quorum)])

    results = simulate(world.oracle.rpc, [Block(calls, time=START)])[0]

    seen = []
    for result in results:
        if result.error:
            seen.append((result.error.name, result.error.values))
            continue
        seen.append(
            [
                "FeedSet"
                if event.name == "FeedSet"
                else (event.name, *(v for k, v in event.args.items() if k != "source"))
                for event in result.events
            ]
        )
    assert seen == wanted


@settings(repeatable, max_examples=20)
@given(seed=seeds)
def test_read__any_price_and_age__as_the_model(world: Chain, seed: int) -> None:
    """Two prices, any time apart, then looked at any time later."""
    rng = random.Random(seed)
    feed = Feed(heartbeat_seconds=3_600, deviation_percent=10, min_wad=1, max_wad=2**88 - 1)
    source, keeper = world.feeds[1][0], world.roles.keeper
    set_up = [
        call(world.oracle, "setFeed", 1, ([source.address], *astuple(feed)), sender=world.roles.governor)
    ]
    for _ in range(10):
        first, second = (int(10 ** (26.4 * rng.random())) for _ in range(2))
        times = [START]
        for _ in range(6):
            times.append(times[-1] + int(10 ** (9 * rng.random() ** 2)) + 1)
        poke = call(world.oracle, "poke", [1], sender=keeper)
        blocks = [
            Block(
                [*set_up, call(source, "setAnswer", first, 0, times[0], sender=keeper), poke], time=times[0]
            ),
            Block([call(source, "setAnswer", second, 0, times[1], sender=keeper), poke], time=times[1]),
            *(Block([call(world.oracle, "priceOf", 1, sender=keeper)], time=time) for time in times[2:]),
        ]
        stored = Stored()
        for price_wad, time in zip((first, second), times, strict=False):
            answer = Answer(price_wad=price_wad, updated_at=time)
            stored = model.poke(RULES, feed, stored, [answer], time).stored

        results = simulate(world.oracle.rpc, blocks)[2:]

        for time, (result,) in zip(times[2:], results, strict=True):
            expected = model.price(RULES, feed, stored, time)
            price = result.returned(world.oracle, "priceOf")
            assert tuple(price) == (expected.spot_wad, expected.ema_wad, expected.grade)
