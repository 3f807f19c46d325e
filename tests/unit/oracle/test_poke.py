"""poke
├── an underlying has no feed          -> UnknownUnderlying, nothing enters
├── nothing to poke                    -> nothing happens
├── the answer is no newer             -> nothing happens
├── the answer is newer and good
│   ├── enters, with its source time; emits PricePoked
│   ├── the slow price moves as if the old spot had held until then
│   ├── the variance takes in the return
│   ├── another price entered in this block -> waits
│   └── a duplicate in the list        -> enters once
├── the answer is bad                  -> SourceRefused, PriceRefused, the old price ages
│   ├── outside the bounds, from the future, too old, too uncertain
│   └── no answer: reverts, nothing, too short, burns all gas
├── a flood of words                   -> the promised ones are read
├── it ran out of gas                  -> GasTooLow
├── the spot jumps beyond the deviation -> Tripped(Cautious)
├── the stored price was Stale         -> GraceOpened
└── the breaker doesn't listen         -> ReportRefused, the price enters all the same
"""

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.errors import Reverted
from holdfast.model.oracle import pushed_wad, variance_after
from holdfast.sim.history import Block, call, flat, simulate
from holdfast.units import WAD
from tests.conftest import Clock, Refused, Roles
from tests.unit.oracle.world import (
    BTC,
    ETH,
    FRESH,
    GRACE,
    HEARTBEAT,
    MAX,
    MIN,
    ONE,
    RULES,
    SLOW,
    STALE,
    TRIGGER,
    UNKNOWN,
    VARIANCE_DECAY_WAD,
    World,
    feed_of,
)

FAULTS = {"revert": 1, "short": 2, "empty": 3, "burn": 4, "revert long": 6}  # MockBrokenFeed.Fault
NO_ANSWER = (0, 0, 0)
BURN, FLOOD = 4, 5
CAUTIOUS = 1


def test_poke__unknown_underlying__reverts_and_nothing_enters(
    world: World, clock: Clock, start: int, refused: Refused
) -> None:
    world.say(101 * ONE, start + 5)
    clock.next(start + 5)

    with refused("UnknownUnderlying", underlying=UNKNOWN):
        world.poke(ETH, UNKNOWN)

    assert world.oracle.call("updatedAtOf", ETH) == start


def test_poke__nothing__does_nothing(world: World) -> None:
    assert world.oracle.send("poke", [], sender=world.keeper).logs == []


@pytest.mark.parametrize("answer", [101 * ONE, 900 * ONE])
@pytest.mark.parametrize("older", [0, 1, HEARTBEAT])
def test_poke__no_newer__does_nothing(
    world: World, clock: Clock, start: int, answer: int, older: int
) -> None:
    world.say(answer, start - older)
    clock.next(start + 7)

    assert world.poke().logs == []
    assert world.oracle.call("updatedAtOf", ETH) == start


def test_poke__newer__enters_with_its_source_time(world: World, clock: Clock, start: int) -> None:
    world.say(105 * ONE, start + 2)
    clock.next(start + 30)

    receipt = world.poke()

    assert [event.name for event in receipt.events] == ["PricePoked"]
    event = receipt.event("PricePoked")
    assert event.address == world.oracle.address
    assert event.args == {
        "underlying": ETH,
        "spotWad": 105 * WAD,
        "emaWad": 100 * WAD,  # the old spot was the slow price
        "updatedAt": start + 2,
        "varianceWad": variance_after(0, 100 * WAD, 105 * WAD, 2, VARIANCE_DECAY_WAD),
        "divergent": False,
    }
    assert world.oracle.call("updatedAtOf", ETH) == start + 2


def test_poke__newer_in_the_same_block__waits(world: World, clock: Clock, start: int) -> None:
    """Of a block there is one price: whoever brings answers in can't act between two."""
    world.say(105 * ONE, start + 2)
    clock.set(start + 9)
    say = call(world.feed, "setAt", 95 * ONE, start + 3, sender=world.deployer)
    poke = call(world.oracle, "poke", [ETH], sender=world.keeper)
    spot = call(world.oracle, "spotOf", ETH, sender=world.keeper)

    blocks = [Block([poke, say, poke, spot], time=start + 9), Block([poke, spot], time=start + 10)]
    (first, _, second, within), (third, after) = simulate(world.oracle.rpc, blocks)

    assert [event.name for event in first.events] == ["PricePoked"]
    assert second.ok and second.events == []
    assert within.returned(world.oracle, "spotOf") == 105 * WAD
    assert [event.name for event in third.events] == ["PricePoked"]
    assert after.returned(world.oracle, "spotOf") == 95 * WAD


def test_poke__variance__is_the_squared_return_a_year(world: World, clock: Clock, start: int) -> None:
    """100 → 105 in 2 s at 0.999 a second: (ln 1.05)²/2 s · (1 − 0.998001) · 31,536,000 s = 75.033…"""
    world.say(105 * ONE, start + 2)
    clock.next(start + 3)
    found = world.poke().event("PricePoked").args["varianceWad"]

    assert abs(found - 75_033_285_643_705_351_856) < 10**10
    shown = world.oracle.call("varianceOf", ETH)
    assert found <= shown <= found + found // 2**15
    root = world.oracle.call("volatilityOf", ETH)
    assert (root - 1) ** 2 < shown * WAD <= root**2


def test_poke__twice__slow_price_moves_towards_the_old_spot(world: World, clock: Clock, start: int) -> None:
    world.say(105 * ONE, start + 2)
    clock.next(start + 3)
    world.poke()
    world.say(90 * ONE, start + 4)
    clock.next(start + 50)

    receipt = world.poke()

    # 2 s under a spot of 105: 105 − 5·0.99² = 100.0995; the new spot of 90 plays no part yet
    assert receipt.event("PricePoked").args["emaWad"] == 100_099_500_000_000_000_000
    assert receipt.event("PricePoked").args["spotWad"] == 90 * WAD


def test_poke__duplicate__enters_once(world: World, clock: Clock, start: int) -> None:
    world.say(105 * ONE, start + 2)
    clock.next(start + 3)

    assert len(world.poke(ETH, ETH).logs) == 1


@pytest.mark.parametrize(
    "answer",
    [0, -1, -(2**255), 10 * ONE - 1, 1_000 * ONE + 1, 2**88 - 1, 2**88, 2**255 - 1],
)
def test_poke__answer_out_of_bounds__refused(world: World, clock: Clock, start: int, answer: int) -> None:
    world.say(answer, start + 5)
    clock.next(start + 5)

    receipt = world.poke()

    assert [event.name for event in receipt.events] == ["SourceRefused", "PriceRefused"]
    assert receipt.event("SourceRefused").args == {
        "underlying": ETH,
        "source": world.feed.address,
        "priceWad": pushed_wad(answer, 8),
        "confidenceWad": 0,
        "updatedAt": start + 5,
    }
    assert receipt.event("PriceRefused").args == {"underlying": ETH, "votes": 0, "quorum": 1}
    assert world.price() == (100 * WAD, 100 * WAD, FRESH)
    assert world.oracle.call("updatedAtOf", ETH) == start


@pytest.mark.parametrize(("answer", "spot_wad"), [(10 * ONE, MIN), (1_000 * ONE, MAX)])
def test_poke__answer_at_the_bounds__enters(
    world: World, clock: Clock, start: int, answer: int, spot_wad: int
) -> None:
    world.say(answer, start + 5)
    clock.next(start + 5)

    world.poke()

    assert world.price()[0] == spot_wad


@pytest.mark.parametrize("ahead", [1, 2**32, 2**176 - 2_000_000_000])
def test_poke__from_the_future__refused(world: World, clock: Clock, start: int, ahead: int) -> None:
    world.say(101 * ONE, start + 5 + ahead)
    clock.next(start + 5)

    assert world.poke().event("SourceRefused").args["updatedAt"] == start + 5 + ahead
    assert world.oracle.call("updatedAtOf", ETH) == start


@pytest.mark.parametrize(("age", "votes"), [(HEARTBEAT + SLOW, True), (HEARTBEAT + SLOW + 1, False)])
def test_poke__too_old__refused(world: World, clock: Clock, start: int, age: int, votes: bool) -> None:
    """What would be Stale at once doesn't enter."""
    world.say(101 * ONE, start + 5)
    clock.next(start + 5 + age)

    names = [event.name for event in world.poke().events]

    assert (
        names == (["PricePoked", "GraceOpened"] if votes else ["SourceRefused", "PriceRefused"])[: len(names)]
    )
    assert (names[0] == "PricePoked") == votes


@pytest.mark.parametrize(
    ("confidence", "votes"), [(101 * WAD // 100, True), (101 * WAD // 100 + 1, False), (2**256 - 1, False)]
)
def test_poke__too_uncertain__refused(
    world: World, clock: Clock, start: int, broken: Contract, roles: Roles, confidence: int, votes: bool
) -> None:
    """A source that may be further off than sources may be apart, a hundredth, has no vote."""
    broken.send("setAnswer", 101 * WAD, confidence, start + 5, sender=roles.deployer)
    clock.next(start + 5)

    assert (world.poke(BTC).events[0].name == "PricePoked") == votes


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_poke__no_answer__refused_and_the_rest_goes_on(
    world: World, clock: Clock, start: int, broken: Contract, roles: Roles, fault: int
) -> None:
    broken.send("setAnswer", 101 * WAD, 0, start + 5, sender=roles.deployer)
    broken.send("setFault", fault, sender=roles.deployer)
    world.say(101 * ONE, start + 5)
    clock.next(start + 5)

    receipt = world.poke(BTC, ETH)

    assert [event.name for event in receipt.events] == ["SourceRefused", "PriceRefused", "PricePoked"]
    assert tuple(receipt.event("SourceRefused").args.values()) == (BTC, broken.address, *NO_ANSWER)
    assert world.price(BTC)[0] == 100 * WAD
    assert world.oracle.call("updatedAtOf", BTC) == start
    assert receipt.gas_used < 21_000 + world.oracle.call("SOURCE_GAS") + 130_000


def test_poke__flood__only_the_promised_words_are_read(
    world: World, clock: Clock, start: int, broken: Contract, roles: Roles
) -> None:
    broken.send("setFault", FLOOD, sender=roles.deployer)  # zeros
    clock.next(start + 5)

    receipt = world.poke(BTC)

    assert [event.name for event in receipt.events] == ["SourceRefused", "PriceRefused"]
    assert receipt.gas_used < 100_000


def test_poke__refused__old_price_ages(world: World, clock: Clock, start: int) -> None:
    world.say(-1, start + HEARTBEAT + SLOW + 1)
    clock.next(start + HEARTBEAT + SLOW + 1)

    world.poke()

    assert world.price() == (100 * WAD, 100 * WAD, STALE)


def test_poke__source_ran_out_of_the_callers_gas__reverts(
    world: World, clock: Clock, start: int, broken: Contract, roles: Roles
) -> None:
    """Less gas than SOURCE_GAS says nothing about the source."""
    needed = world.oracle.call("SOURCE_GAS") // 63
    broken.send("setAnswer", 101 * WAD, 0, start + 5, sender=roles.deployer)
    broken.send("setFault", BURN, sender=roles.deployer)
    clock.next(start + 5)

    with pytest.raises(Reverted) as caught:
        world.oracle.send("poke", [BTC], sender=world.keeper, gas=150_000)

    assert caught.value.name == "GasTooLow"
    assert caught.value.fields["left"] < needed == caught.value.fields["needed"]


def test_poke__any_gas__enters_or_reverts(world: World, clock: Clock, start: int) -> None:
    """No gas limit makes a good answer look bad: so a node's estimate can't settle on refusing."""
    world.say(105 * ONE, start + 5)
    clock.set(start + 5)
    entered = []
    for gas in range(30_000, 80_000, 100):
        poke = call(world.oracle, "poke", [ETH], sender=world.keeper, gas=gas)
        updated_at = call(world.oracle, "updatedAtOf", ETH, sender=world.keeper)
        poked, after = flat(simulate(world.oracle.rpc, [Block([poke, updated_at], time=start + 6)]))
        entered.append(poked.ok)
        assert after.returned(world.oracle, "updatedAtOf") == (start + 5 if poked.ok else start)
    assert entered == sorted(entered)
    assert any(entered)
    assert not all(entered)


@pytest.mark.parametrize(
    ("answer", "jumps"), [(110 * ONE, False), (110 * ONE + 1, True), (90 * ONE - 1, True)]
)
def test_poke__beyond_the_deviation__trips_cautious(
    world: World, clock: Clock, start: int, answer: int, jumps: bool
) -> None:
    world.say(answer, start + 5)
    clock.next(start + 9)

    receipt = world.poke()

    if not jumps:
        assert [event.name for event in receipt.events] == ["PricePoked"]
        return
    assert [event.name for event in receipt.events] == ["PricePoked", "Tripped"]
    assert receipt.event("Tripped").args == {
        "underlying": ETH,
        "level": CAUTIOUS,
        "until": start + 9 + TRIGGER,
        "by": world.oracle.address,
    }


@pytest.mark.parametrize(("late", "resumed"), [(HEARTBEAT + SLOW, False), (HEARTBEAT + SLOW + 1, True)])
def test_poke__first_price_after_stale__opens_grace(
    world: World, clock: Clock, start: int, late: int, resumed: bool
) -> None:
    world.say(100 * ONE, start + late)
    clock.next(start + late)

    receipt = world.poke()

    names = [event.name for event in receipt.events]
    assert names == ["PricePoked", "GraceOpened"][: 1 + resumed]
    if resumed:
        grace = receipt.event("GraceOpened").args
        assert grace == {"underlying": ETH, "until": start + late + GRACE}
        assert world.breaker.call("stateOf", ETH).graceUntil == start + late + GRACE


def test_poke__jump_after_stale__both(world: World, clock: Clock, start: int) -> None:
    world.say(150 * ONE, start + 1_000)
    clock.next(start + 1_000)

    assert [event.name for event in world.poke().events] == ["PricePoked", "Tripped", "GraceOpened"]


def test_poke__first_price_ever__no_report(world: World, clock: Clock, roles: Roles) -> None:
    world.oracle.send("setFeed", ETH, feed_of(world.feed), sender=roles.governor)
    time = clock.now + 5
    world.say(100 * ONE, time)
    clock.next(time)

    assert [event.name for event in world.poke().events] == ["PricePoked"]


def test_poke__breaker_does_not_listen__price_enters(
    world: World, clock: Clock, start: int, authority: Contract, roles: Roles
) -> None:
    authority.send("setTargetClosed", world.breaker.address, True, sender=roles.deployer)
    world.say(150 * ONE, start + 1_000)
    clock.next(start + 1_000)

    receipt = world.poke()

    assert [event.name for event in receipt.events] == ["PricePoked", "ReportRefused", "ReportRefused"]
    assert receipt.events[1].args == {"underlying": ETH}
    assert world.price()[0] == 150 * WAD


def test_poke__jump_at_any_gas__is_reported_or_reverts(world: World, clock: Clock, start: int) -> None:
    """No gas limit lets a jump in without tripping the breaker."""
    world.say(150 * ONE, start + 5)
    clock.set(start + 5)
    outcomes = set()
    for gas in range(44_000, 120_000, 100):
        poke = call(world.oracle, "poke", [ETH], sender=world.keeper, gas=gas)
        result = simulate(world.oracle.rpc, [Block([poke], time=start + 6)])[0][0]
        outcomes.add((result.ok, *(event.name for event in result.events)))
    assert outcomes == {(False,), (True, "PricePoked", "Tripped")}


def test_poke__slow_breaker_at_any_gas__hears_or_reverts(
    clock: Clock,
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
) -> None:
    """However much a breaker needs: a report that ran out of the caller's gas was not refused."""
    breaker = deploy("MockSlowBreaker", 150_000)
    oracle = deploy("Oracle", authority.address, breaker.address, *RULES)
    permit(roles.governor, oracle, "setFeed")
    feed = deploy("SettableFeed", roles.deployer, 8)
    time = clock.now + 1_000
    feed.send("setAt", 100 * ONE, time, sender=roles.deployer)
    clock.next(time)
    oracle.send("setFeed", ETH, feed_of(feed), sender=roles.governor)
    feed.send("setAt", 150 * ONE, time + 5, sender=roles.deployer)

    outcomes = set()
    for gas in range(150_000, 250_000, 250):
        poke = call(oracle, "poke", [ETH], sender=roles.keeper, gas=gas)
        result = simulate(oracle.rpc, [Block([poke], time=time + 6)])[0][0]
        outcomes.add((result.ok, *(event.name for event in result.events)))
    assert outcomes == {(False,), (True, "PricePoked", "Heard")}
