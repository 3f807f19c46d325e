"""What somebody does who has stolen a key: the guardian's, the governor's (who is the administrator, too), the feeds'
owner's; and what would happen if a contract that holds a role could be made to say anything.

Nothing here happens unless a profile gives these actions a weight.
"""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

from holdfast.chain.plan import ADMIN, FILL, GOVERNOR, GUARDIAN, MOVE, SEIZE
from holdfast.model import insurance, throttle
from holdfast.sim.actions.governance import executing, is_final, scan_by, scheduling
from holdfast.sim.actions.scene import ZERO, Scene, action
from holdfast.sim.keys import Plot, keys_of
from holdfast.sim.stakes import stakes_of
from holdfast.sim.steps import Step, act, join
from holdfast.sim.surfaces import known_of
from holdfast.types import EVERYTHING, SETTLEMENT, InstrumentParams, Level, Market, perpetual
from holdfast.units import BPS, WAD

Wish = tuple[Any, ...]
"""A contract, a function of it, and its arguments."""

BAD_FEEDS = (
    (0, 100, 10, 15, 1, 9),
    (2, 100, 10, 15, 1, 9),
    (1, 0, 10, 15, 1, 9),
    (1, 10_001, 10, 15, 1, 9),
    (1, 100, 0, 15, 1, 9),
    (1, 100, 15, 15, 1, 9),
    (1, 100, 655_360, 15, 1, 9),
    (1, 100, 10, 0, 1, 9),
    (1, 100, 10, 101, 1, 9),
    (1, 100, 10, 15, 0, 9),
    (1, 100, 10, 15, 9, 9),
)
"""Quorum of one source, divergence, heartbeat, deviation and bounds that no oracle takes."""

EXPIRATION = 7 * 86_400
"""[seconds] For how long what is ready may be executed."""

LEAST_BPS, LEAST_HAIRCUT_BPS = 25, 1
"""Least maintenance margin and haircut that the contract takes."""

ANYBODY = 2**64 - 1
"""The role that everybody has."""


# The guardian


@action(weight=0)
def guard_halts(s: Scene) -> Step:
    """The longest halts there are, as soon as each cooldown is over."""
    breaker, people = s.world.protocol.breaker, s.world.people
    most = s.world.protocol.record.config["breaker"]["max_pause_seconds"]
    underlying = s.rng.choice((EVERYTHING,) * 3 + tuple(m.underlying for m in s.state.markets))
    level = Level.HALTED if s.chance(0.8) else Level.CAUTIOUS
    halts = keys_of(s.ghost).halts.get(underlying, ())
    cooldown = s.world.protocol.record.config["breaker"]["cooldown_seconds"]
    free = max((end for _, end in halts), default=0) + (cooldown if s.chance(0.3) else 0)
    wait = max(0, free - s.now + s.rng.choice((-1, 0, 0, 1))) if halts and s.chance(0.7) else 0
    seconds = most if s.chance(0.8) else s.log(1, most)
    return act(
        s.world, "guard_halts", breaker, "trip", underlying, level, seconds, sender=people.guardian,
        wait=wait, wide=True,
    )  # fmt: skip


@action(weight=0)
def guard_tightens(s: Scene) -> Step:
    """As tight as it goes."""
    p, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    collateral = s.rng.choice(s.assets[1:])
    now = market.params
    most = s.rng.choice((BPS, BPS, 2**16 - 1, now.initial_bps + 1))
    knee, cap = s.rng.choice((0, now.knee_bps)), s.rng.choice((0, 0, 1, now.open_interest_cap_wad))
    rates = most, now.maintenance_bps, max(most, now.initial_max_bps), knee, cap
    wishes: tuple[Wish, ...] = (
        (p.risk, "tightenInstrument", market.instrument, rates),
        (p.risk, "tightenInstrument", market.instrument, (most, most - 1, most, knee, cap)),
        (p.risk, "tightenAsset", collateral.asset, (BPS, collateral.params.maintenance_haircut_bps)),
        (p.risk, "tightenAsset", collateral.asset, (BPS, BPS)),
        (p.vaults[asset.asset], "tightenCap", s.rng.choice((0, 1, asset.held))),
        (p.vaults[asset.asset], "tightenOutflowFloor", s.rng.choice((0, 1, asset.outflow))),
        (p.insurance, "tightenCap", market.underlying, 0),
        (p.throttle, "tightenDepth", market.underlying, s.rng.choice(_depths(s, market))),
        (s.rng.choice(list(p.tranches.values())), "stop", 86_400),
    )
    contract, function, *args = s.rng.choice(wishes)
    return act(s.world, "guard_tightens", contract, function, *args, sender=people.guardian, wide=True)


def _depths(s: Scene, market: Market) -> tuple[int, ...]:
    """As little as he may leave, and what he may not."""
    least = throttle.least_wad(keys_of(s.ghost).depths.get(market.underlying, 0))
    return least, least, max(0, least - 1), 0, market.depth_wad + 1


@action(weight=0)
def guard_oversteps(s: Scene) -> Step:
    """The guardian asks at once for what only the governor may, and he only after the delay."""
    contract, function, *args = s.rng.choice(_wishes(s))
    return act(
        s.world, "guard_oversteps", contract, function, *args, sender=s.world.people.guardian, wide=True,
        accounts=frozenset(s.own), facts={"moves": (0,), "absurd": True},
    )  # fmt: skip


@action(weight=0)
def guard_revokes(s: Scene) -> Step:
    """An engine loses its rights."""
    p = s.world.protocol
    engine = s.rng.choice((p.venue, p.liquidation, p.insurance)).address
    return act(
        s.world, "guard_revokes", p.ledger, "revokeEngine", engine, sender=s.world.people.guardian, wide=True
    )


@action(weight=0)
def guard_cancels(s: Scene) -> Step | None:
    """What the governor had scheduled, good or bad."""
    people = s.world.people
    plot = _some(s)
    if plot is None:
        return None
    sender = people.governor if s.chance(0.2) else people.guardian
    return act(
        s.world, "guard_cancels", s.world.protocol.authority, "cancel", people.governor, plot.target, plot.data,
        sender=sender,
    )  # fmt: skip


@action(weight=0)
def give_up(s: Scene) -> Step:
    """A holder gives his role back, for good."""
    people = s.world.people
    role, holder = s.rng.choice(
        ((GUARDIAN, people.guardian), (GOVERNOR, people.governor), (GUARDIAN, people.keeper))
    )
    confirmed = holder if s.chance(0.8) else people.stranger
    authority = s.world.protocol.authority
    return act(s.world, "give_up", authority, "renounceRole", role, confirmed, sender=holder)


# The governor


@action(weight=0)
def plot(s: Scene) -> Step:
    """Schedules the worst of what he may ask for, at once or for later."""
    contract, function, *args = s.rng.choice(_wishes(s) if s.chance(0.75) else _roles(s))
    when = 0 if s.chance(0.8) else s.now + s.world.delay + s.log(1, 10**6)
    return scheduling(s, "plot", contract, function, *args, when=when)


@action(weight=0)
def strike(s: Scene) -> Step | None:
    """Executes what was scheduled: when its time has come, a second early, or much too late."""
    plot = _some(s)
    if plot is None:
        return None
    wait = max(0, plot.ready - s.now + s.rng.choice((0, 0, 0, 1, -1)))
    if s.chance(0.1):
        wait = s.rng.choice((0, plot.ready + EXPIRATION - s.now + s.rng.choice((-1, 0, 1))))
    return executing(s, "strike", plot.target, plot.data, wait=max(0, wait))


@action(weight=0)
def evil_prices(s: Scene) -> Step:
    """The feed that the thief would like the oracle to ask says something; somebody pokes."""
    market = s.rng.choice(s.state.markets)
    near = market.price.spot_wad // 10**10
    answer = s.rng.choice((1, near // 1_000, near // 2, near * 2, near * 1_000, 2**88 // 10**10))
    people = s.world.people
    says = act(s.world, "evil_prices", s.world.props.evil_feed, "set", max(1, answer), sender=people.stranger)
    oracle = s.world.protocol.oracle
    poke = act(s.world, "evil_prices", oracle, "poke", [market.underlying], sender=people.stranger)
    return join("evil_prices", [says, poke])


# Contracts that hold a role


@action(weight=0)
def oracle_reports(s: Scene) -> Step:
    """If the oracle could be made to report what isn't so."""
    underlying = s.rng.choice((EVERYTHING, *(market.underlying for market in s.state.markets)))
    p = s.world.protocol
    function = s.rng.choice(("reportMove", "reportResume"))
    return act(s.world, "oracle_reports", p.breaker, function, underlying, sender=p.oracle.address)


@action(weight=0)
def deficit_reports(s: Scene) -> Step:
    """If the liquidation could be made to report what isn't so."""
    p = s.world.protocol
    uncovered = s.chance(0.7)
    return act(
        s.world, "deficit_reports", p.breaker, "reportDeficit", uncovered, sender=p.liquidation.address
    )


@action(weight=0)
def fund_drawn(s: Scene) -> Step:
    """If the liquidation could be made to draw on the fund."""
    p, account = s.world.protocol, s.rng.choice(s.users)
    market = s.rng.choice(s.state.markets)
    wanted = s.amount(
        1, max(1, market.insurance_cap_wad), [market.insurance_cap_wad, s.state.system.fund_wad]
    )
    return act(
        s.world, "fund_drawn", p.insurance, "pay", market.underlying, account.id, wanted,
        sender=p.liquidation.address, accounts=frozenset({account.id}) | s.own,
    )  # fmt: skip


# What there is to wish for


def _some(s: Scene) -> Plot | None:
    """Something scheduled; rather than another what concerns roles, which waits longest and is seldom reached."""
    plots = list(keys_of(s.ghost).plots.values())
    alive = [plot for plot in plots if s.now < plot.ready + EXPIRATION]
    plots = alive if alive and s.chance(0.9) else plots
    lasting = [plot for plot in plots if not is_final(s, plot.data)]
    plots = lasting if lasting and s.chance(0.7) else plots
    roles = [plot for plot in plots if plot.target == s.world.protocol.authority.address]
    return s.rng.choice(roles if roles and s.chance(0.3) else plots) if plots else None


def _wishes(s: Scene) -> tuple[Wish, ...]:
    """The worst that a governor may ask for, and some that he may not."""
    p, people = s.world.protocol, s.world.people
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    collateral = s.rng.choice(s.assets[1:])
    evil, known = s.world.props.evil_feed.address, [feed.address for feed in p.feeds[market.underlying]]
    treasury = max(1, s.state.system.treasury_wad // s.assets[0].unit_wad)
    fresh = perpetual(len(s.state.markets) + 1)
    worst = replace(
        s.ghost.params, start_bps=0, end_bps=s.rng.choice((10, 29_999)), target_bps=30_000, fund_share_bps=5_000,
        reward_share_bps=5_000, reward_margin_bps=30_000, reward_gas=60_000, reward_item_gas=5_000,
        ramp_seconds=1, solvent_seconds=0, run_seconds=s.rng.choice((1, 86_400)), dust_wad=10_000 * WAD,
        reward_fund_wad=10_000 * WAD, gate_deficit_wad=s.rng.choice((0, 1_000_000 * WAD)), tax_bps=50_000,
    )  # fmt: skip
    beyond = replace(
        worst, **s.rng.choice(({"target_bps": 30_001}, {"run_seconds": 86_401}, {"ramp_seconds": 0}))
    )
    return (
        (p.oracle, "setFeed", market.underlying, ([evil], 1, 10_000, 10, 100, 1, 2**88 - 1)),
        (p.oracle, "setFeed", market.underlying, ([evil], 1, 1, 655_350, 100, 1, 2**88 - 1)),
        (p.oracle, "setFeed", market.underlying, ([evil, *known], len(known), 100, 3_600, 15, 1, 2**80)),
        (p.oracle, "setFeed", market.underlying, ([people.stranger], 1, 100, 3_600, 15, 1, 2**88 - 1)),
        (p.oracle, "setFeed", market.underlying, ([evil, evil], 2, 100, 3_600, 15, 1, 2**88 - 1)),
        (p.oracle, "setFeed", market.underlying, ([evil], *s.rng.choice(BAD_FEEDS))),
        (
            p.oracle,
            "setFeed",
            s.rng.choice((EVERYTHING, len(s.state.markets) + 1)),
            ([evil], 1, 100, 3_600, 15, 1, 2**80),
        ),
        (p.risk, "setInstrument", market.instrument, (LEAST_BPS + 1, LEAST_BPS, BPS, BPS, 2 * 10**27)),
        (p.risk, "setInstrument", market.instrument, (LEAST_BPS, LEAST_BPS - 1, BPS, BPS, 2 * 10**27 + 1)),
        (p.risk, "setInstrument", market.instrument, (BPS, BPS - 1, BPS, 0, 0)),
        (p.risk, "setInstrument", market.instrument, _one_step(market.params)),
        (p.risk, "setInstrument", fresh, (1_000, 500, 1_000, 0, 10**24)),
        (
            p.risk,
            "setAsset",
            collateral.asset,
            s.rng.choice(((0, 0), (LEAST_HAIRCUT_BPS,) * 2, (BPS, LEAST_HAIRCUT_BPS))),
        ),
        (p.risk, "setAsset", collateral.asset, (BPS, BPS)),
        (
            p.risk,
            "setAsset",
            collateral.asset,
            (BPS, min(BPS, 2 * collateral.params.maintenance_haircut_bps)),
        ),
        (p.liquidation, "setParams", astuple(worst)),
        (p.liquidation, "setParams", astuple(beyond)),
        (p.vaults[asset.asset], "setCap", s.rng.choice((0, 2 * asset.cap, 2**112 - 1, 2**112))),
        (
            p.vaults[asset.asset],
            "setOutflowFloor",
            s.rng.choice((0, 2 * asset.outflow_capacity, asset.held, 2**112 - 1, 2**112)),
        ),
        (p.vaults[SETTLEMENT], "tightenCap", s.rng.choice((0, s.assets[SETTLEMENT].held))),
        (p.insurance, "setCap", market.underlying, s.rng.choice((0, 2**128 - 1, 2**128))),
        (
            p.throttle,
            "setDepth",
            market.underlying,
            s.rng.choice((0, 1, 2**96 - 1, 2**96)),
            s.rng.choice((0, 1, 86_400, 86_401)),
        ),
        (p.insurance, "setParams", astuple(s.rng.choice(_healings(s)))),
        (p.insurance, "setFloor", market.underlying, s.rng.choice((0, 10 * WAD, 10 * WAD + 1))),
        (p.insurance, "payTreasury", people.stranger, s.rng.choice((treasury, treasury, treasury + 1, 1))),
        (
            s.rng.choice(list(p.tranches.values())),
            "setParams",
            s.rng.choice(
                (
                    (2**127, 100_000, 0, 0, 1_000, 1, 1, 2_000, 1_500_000),
                    (0, 0, 10_000, 86_400, 0, 604_800, 2_592_000, 0, 0),
                    (2**127, 100_001, 0, 0, 0, 1, 1, 0, 0),
                )
            ),
        ),
        (p.scans, "setScan", *scan_by(s, market.underlying, s.rng.choice((75, 75, 74, 1)))),
        (p.scans, "setCorrelation", s.rng.choice((0, known_of(s.ghost).scans.correlation_bps * 3 // 4))),
        (p.scans, "net", collateral.asset, 3 - market.underlying),
        (p.venue, "setFees", *s.rng.choice(((0, 0), (100, 100), (101, 0), (2**16 - 1, 2**16 - 1)))),
        (p.breaker, "relax", s.rng.choice((EVERYTHING, market.underlying))),
        (p.ledger, "setEngine", people.stranger, FILL | MOVE | SEIZE),
        (p.ledger, "setEngine", p.liquidation.address, 0),
        (p.ledger, "listAsset", s.world.props.evil_vault.address, market.underlying),
        (p.ledger, "listAsset", p.vaults[asset.asset].address, market.underlying),
        (p.positions, "listInstrument", s.rng.choice((market.instrument, fresh + 1))),
        (p.positions, "listInstrument", fresh),
    )


def _healings(s: Scene) -> tuple[insurance.Params, ...]:
    """The worst that a fund may be told, and what it may not."""
    now = stakes_of(s.ghost).params
    worst = replace(
        now, min_share_bps=0, max_share_bps=0, slack_bps=0, move_bps=BPS, multiple_bps=0, max_age_seconds=2**32 - 1,
        hold_seconds=1, cooldown_seconds=1, window_seconds=s.rng.choice((1, 5_184_000)), least_target_wad=WAD,
    )  # fmt: skip
    return (
        now,
        worst,
        replace(worst, max_share_bps=BPS, multiple_bps=100_000, tail_bps=100_000, horizon_seconds=5_184_000),
        replace(worst, min_share_bps=1),
        replace(worst, cooldown_seconds=5_184_001),
        replace(worst, least_target_wad=WAD - 1),
    )


def _one_step(now: InstrumentParams) -> tuple[int, ...]:
    """As loose as one step makes a market, or its maintenance margin as high."""
    maintenance, initial = 2 * now.maintenance_bps, 2 * now.maintenance_bps + 1
    return min(BPS, initial), min(BPS - 1, maintenance), BPS, now.knee_bps, 2 * now.open_interest_cap_wad


def _roles(s: Scene) -> tuple[Wish, ...]:
    """What the administrator may ask for: who may do what."""
    p, people = s.world.protocol, s.world.people
    authority = p.authority
    free = p.ledger.artifact.find("setEngine").selector
    target = s.rng.choice((p.ledger, p.oracle, p.breaker, p.insurance, p.liquidation)).address
    return (
        (authority, "grantRole", s.rng.choice((ADMIN, GOVERNOR, GUARDIAN)), people.stranger, 0),
        (authority, "revokeRole", GUARDIAN, people.guardian),
        (authority, "setTargetFunctionRole", p.ledger.address, [free], ANYBODY),
        (authority, "setRoleAdmin", GUARDIAN, GOVERNOR),
        (authority, "setRoleGuardian", GOVERNOR, ADMIN),
        (authority, "setGrantDelay", GOVERNOR, 0),
        (authority, "setTargetAdminDelay", target, 0),
        (authority, "setTargetClosed", target, True),
        (authority, "updateAuthority", target, ZERO),
        (authority, "updateAuthority", target, s.world.props.attacker.address),
        (authority, "labelRole", GUARDIAN, "thief"),
    )
