"""A stolen governor's key, a stolen guardian's key, and a stranger: who can loosen what, and when.

Naive rule: the owner sets parameters in the transaction in which he uses them.

├── the governor
│   ├── calls a loosening function at once         refused: not scheduled
│   ├── schedules it for now, or in one multicall  refused: two days
│   ├── executes it early                          refused
│   ├── executes it a week late                    refused
│   ├── after two days                             it takes effect
│   └── gives himself a faster role                a week, like everything of the admin
├── the guardian
│   ├── calls a loosening function                 refused
│   ├── loosens by a tightening function           refused
│   └── cancels what was scheduled                 takes effect at once
└── a stranger, and the deployer                   can do neither
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.chain.contract import Contract
from holdfast.chain.plan import ADMIN, GOVERNOR, GUARDIAN, LOOSENING, TIGHTENING
from holdfast.errors import Reverted
from holdfast.model.svi import smile_of
from holdfast.types import Level
from tests.conftest import Refused
from tests.stage import NOBODY, Stage, address_of, wads

DELAY = 172_800  # [seconds] two days
WEEK = 604_800
DAY = 86_400

FEED = ([NOBODY], 1, 100, 3_600, 15, wads(10), wads(1_000))
LOOSE = (1_000, 500, 5_000, 5_000, wads(10**6))
SCAN = (4_500, 3, 200, 100, 200, 50, 1_200, 3_000, 1_300)
HEALING = (0, 0, 0, 10_000, 0, 0, 86_400, 1, 1, 1, 0, wads(1))
AUCTION = (
    500,
    10_000,
    14_000,
    1_000,
    500,
    10_000,
    60_000,
    5_000,
    120,
    180,
    900,
    wads(10),
    wads(500),
    wads(50),
    0,
)

ARGS: dict[tuple[str, str], Callable[[Stage], tuple[Any, ...]]] = {
    ("Breaker", "relax"): lambda s: (1,),
    ("Oracle", "setFeed"): lambda s: (1, FEED),
    ("Scans", "setScan"): lambda s: (1, SCAN, s.protocol.scans.call("scanOf", 1)[1]),
    ("Scans", "net"): lambda s: (0, 1),
    ("Scans", "setCorrelation"): lambda s: (6_500,),
    ("Risk", "setInstrument"): lambda s: (s.eth, LOOSE),
    ("Risk", "setAsset"): lambda s: (1, (1, 1)),
    ("Ledger", "listAsset"): lambda s: (s.protocol.vaults[0].address, 1),
    ("Ledger", "setEngine"): lambda s: (address_of("stranger"), 7),
    ("Positions", "listInstrument"): lambda s: (3 << 168,),
    ("Vault.USDC", "setCap"): lambda s: (2**100,),
    ("Vault.USDC", "setOutflowFloor"): lambda s: (2**100,),
    ("Insurance", "setCap"): lambda s: (1, 2**100),
    ("Insurance", "setFloor"): lambda s: (1, 0),
    ("Insurance", "setParams"): lambda s: (HEALING,),
    ("Insurance", "payTreasury"): lambda s: (address_of("stranger"), 1),
    ("Throttle", "setDepth"): lambda s: (1, 2**90, 1),
    ("Liquidation", "setParams"): lambda s: (AUCTION,),
    ("Tranche.ETH", "setParams"): lambda s: ((wads(10**7), 100_000, 0, 0, 1_000, 1, 1, 2_000, 0),),
    ("Venue", "setFees"): lambda s: (100, 100),
}


def test_governance__the_table__names_every_loosening_function() -> None:
    one = {"Vault": "Vault.USDC", "Tranche": "Tranche.ETH"}
    assert {(one.get(target, target), f) for target, fs in LOOSENING.items() for f in fs} == set(ARGS)


def target_of(stage: Stage, name: str) -> Contract:
    return stage.protocol.contract(name)


LOOSENINGS = pytest.mark.parametrize("which", ARGS, ids=lambda which: ".".join(which))


@LOOSENINGS
def test_governance__governor_at_once__is_refused(stage: Stage, which: tuple[str, str]) -> None:
    name, function = which
    with pytest.raises(Reverted, match="AccessManagerNotScheduled"):
        stage.send(target_of(stage, name), function, *ARGS[which](stage), by="governor")


@LOOSENINGS
@pytest.mark.parametrize("who", ["guardian", "deployer", "stranger"])
def test_governance__others__are_refused(
    stage: Stage, which: tuple[str, str], who: str, refused: Refused
) -> None:
    name, function = which
    with refused("AccessManagedUnauthorized", caller=address_of(who)):
        stage.send(target_of(stage, name), function, *ARGS[which](stage), by=who)


@pytest.mark.parametrize("who", ["governor", "stranger", "deployer"])
def test_governance__tightening__is_the_guardians_alone(stage: Stage, who: str, refused: Refused) -> None:
    _, target, data, ready = scheduled(stage, "Throttle", "setDepth", 1, wads(1_000), 60)
    stage.until(ready)  # there is a depth to tighten then
    stage.send(stage.protocol.authority, "execute", target, data, by="governor")
    surface, expiry = stage.protocol.surface, stage.time + DAY
    smile = smile_of(surface.call("pairOf", 1, expiry)[0].nearWord).fields  # what stands in for one
    stage.send(surface, "setSmile", 1, expiry, smile, by="feeder")
    calls: dict[tuple[str, str], tuple[Any, ...]] = {
        ("Breaker", "trip"): (1, Level.HALTED, 60),
        ("Surface", "dropSmile"): (1, expiry),
        ("Scans", "tightenScan"): (1, 75),
        ("Risk", "tightenInstrument"): (stage.eth, (2_000, 500, 5_000, 5_000, wads(10))),
        ("Risk", "tightenAsset"): (1, (2_000, 1_000)),
        ("Ledger", "revokeEngine"): (stage.venue.address,),
        ("Vault.WETH", "tightenCap"): (1,),
        ("Vault.WETH", "tightenOutflowFloor"): (0,),
        ("Insurance", "tightenCap"): (1, 0),
        ("Throttle", "tightenDepth"): (1, wads(250)),
        ("Tranche.ETH", "stop"): (60,),
    }
    one = {"Vault": "Vault.WETH", "Tranche": "Tranche.ETH"}
    assert {(one.get(target, target), f) for target, fs in TIGHTENING.items() for f in fs} == set(calls)
    for (name, function), args in calls.items():
        with refused("AccessManagedUnauthorized", caller=address_of(who)):
            stage.send(target_of(stage, name), function, *args, by=who)
    for (name, function), args in calls.items():
        stage.send(target_of(stage, name), function, *args, by="guardian")


def scheduled(stage: Stage, name: str, function: str, *args: Any) -> tuple[Contract, str, bytes, int]:
    """The operation, and when it may be executed first."""
    target = target_of(stage, name)
    data = target.encode(function, *args)
    stage.send(stage.protocol.authority, "schedule", target.address, data, 0, by="governor")
    return target, target.address, data, stage.time + DELAY


def test_governance__schedule__not_before_two_days(stage: Stage) -> None:
    authority = stage.protocol.authority
    data = stage.venue.encode("setFees", 0, 0)
    now = stage.time + 1
    for when in (now, now + 60, now + DELAY - 1):
        with pytest.raises(Reverted, match="AccessManagerUnauthorizedCall"):
            stage.send(authority, "schedule", stage.venue.address, data, when, by="governor")
    calls = [
        authority.encode("schedule", stage.venue.address, data, 0),
        authority.encode("execute", stage.venue.address, data),
    ]
    with pytest.raises(Reverted, match="AccessManagerNotReady"):
        stage.send(authority, "multicall", calls, by="governor")


def test_governance__early_and_late__are_refused(stage: Stage) -> None:
    authority = stage.protocol.authority
    _, target, data, ready = scheduled(stage, "Venue", "setFees", 0, 0)
    stage.until(ready - 1)
    with pytest.raises(Reverted, match="AccessManagerNotReady"):
        stage.send(authority, "execute", target, data, by="governor")
    stage.until(ready + WEEK)
    with pytest.raises(Reverted, match="AccessManagerExpired"):
        stage.send(authority, "execute", target, data, by="governor")


def test_governance__after_two_days__takes_effect(stage: Stage) -> None:
    """Haircuts of collateral begin to fall then; they are there after their ramp."""
    _, target, data, ready = scheduled(stage, "Risk", "setAsset", 1, (1_400, 900))
    stage.until(ready)
    stage.send(stage.protocol.authority, "execute", target, data, by="governor")
    assert tuple(stage.protocol.risk.call("assetParams", 1)) == (1_500, 1_000)
    stage.wait(60)
    assert tuple(stage.protocol.risk.call("assetParams", 1)) == (1_400, 900)


def test_governance__directly_after_two_days__takes_effect_once(stage: Stage) -> None:
    """The governor may also call the target itself; that uses the schedule up."""
    venue, _, _, ready = scheduled(stage, "Venue", "setFees", 1, 1)
    stage.until(ready)
    stage.send(venue, "setFees", 1, 1, by="governor")
    with pytest.raises(Reverted, match="AccessManagerNotScheduled"):
        stage.send(venue, "setFees", 1, 1, by="governor")


def test_governance__guardian__cancels(stage: Stage) -> None:
    _, target, data, ready = scheduled(stage, "Ledger", "setEngine", address_of("stranger"), 7)
    authority = stage.protocol.authority
    stage.send(authority, "cancel", address_of("governor"), target, data, by="guardian")
    stage.until(ready)
    with pytest.raises(Reverted, match="AccessManagerNotScheduled"):
        stage.send(authority, "execute", target, data, by="governor")
    assert stage.ledger.call("engineRights", address_of("stranger")) == 0


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("grantRole", (GOVERNOR, "governor", 0)),
        ("grantRole", (GUARDIAN, "stranger", 0)),
        ("grantRole", (ADMIN, "stranger", 0)),
        ("setGrantDelay", (GOVERNOR, 0)),
        ("setTargetAdminDelay", ("Ledger", 0)),
        ("setRoleAdmin", (GOVERNOR, GOVERNOR)),
        ("setTargetClosed", ("Ledger", True)),
        ("updateAuthority", ("Ledger", "stranger")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_governance__roles__take_a_week(stage: Stage, function: str, args: tuple[Any, ...]) -> None:
    authority = stage.protocol.authority
    plain = [
        stage.ledger.address if arg == "Ledger" else address_of(arg) if isinstance(arg, str) else arg
        for arg in args
    ]
    with pytest.raises(Reverted, match="AccessManagerNotScheduled"):
        stage.send(authority, function, *plain, by="governor")
    data = authority.encode(function, *plain)
    with pytest.raises(Reverted, match="AccessManagerUnauthorizedCall"):
        stage.send(authority, "schedule", authority.address, data, stage.time + DELAY, by="governor")
    for who in ("guardian", "deployer", "stranger"):
        with pytest.raises(Reverted, match="AccessManagerUnauthorizedAccount|AccessManagerUnauthorizedCall"):  # noqa: RUF043
            stage.send(authority, function, *plain, by=who)


# The guardian's own functions don't loosen


def test_governance__guardian__cannot_loosen_by_tightening(stage: Stage, refused: Refused) -> None:
    risk, insurance, vault = stage.protocol.risk, stage.insurance, stage.protocol.vaults[1]
    current = (1_000, 500, 5_000, 5_000, wads(100_000))
    looser = [
        (999, 500, 5_000, 5_000, wads(100_000)),  # IM down
        (1_000, 499, 5_000, 5_000, wads(100_000)),  # MM down…
        (1_000, 501, 5_000, 5_000, wads(100_000)),  # …or up: that would liquidate by decree
        (1_000, 500, 4_999, 5_000, wads(100_000)),
        (1_000, 500, 5_000, 5_001, wads(100_000)),
        (1_000, 500, 5_000, 5_000, wads(100_001)),
    ]
    assert tuple(risk.call("instrumentParams", stage.eth)) == current
    for params in looser:
        with refused("NotTighter"):
            stage.send(risk, "tightenInstrument", stage.eth, params, by="guardian")
    for params in ((1_499, 1_000), (1_500, 999), (1_500, 1_001)):
        with refused("NotTighter"):
            stage.send(risk, "tightenAsset", 1, params, by="guardian")
    cap = insurance.call("capOf", 1)
    with refused("NotTighter", current=cap, proposed=cap + 1):
        stage.send(insurance, "tightenCap", 1, cap + 1, by="guardian")
    with refused("NotTighter", current=0, proposed=1):  # not throttled: nothing to tighten
        stage.send(stage.protocol.throttle, "tightenDepth", 1, 1, by="guardian")
    held = vault.call("cap")
    with refused("NotTighter", current=held, proposed=held + 1):
        stage.send(vault, "tightenCap", held + 1, by="guardian")


def test_governance__guardian__cannot_shorten_or_prolong_a_pause(stage: Stage, refused: Refused) -> None:
    stage.send(stage.breaker, "trip", 1, Level.HALTED, 3_600, by="guardian")
    ends = stage.time + 3_600
    for level, seconds in ((Level.NORMAL, 10), (Level.CAUTIOUS, 60), (Level.HALTED, 60)):
        with refused("NotTighter", underlying=1, current=Level.HALTED, proposed=level, until=ends):
            stage.send(stage.breaker, "trip", 1, level, seconds, by="guardian")
    with refused("PauseTooLong", pauseSeconds=21_601, maxSeconds=21_600):
        stage.send(stage.breaker, "trip", 2, Level.HALTED, 21_601, by="guardian")
    with pytest.raises(Reverted, match="CoolingDown"):
        stage.send(stage.breaker, "trip", 1, Level.HALTED, 7_200, by="guardian")
