"""Volatility: smiles that a feeder sets, or whoever has stolen its key; and what the guardian drops."""

from __future__ import annotations

from dataclasses import replace

from holdfast.model import surface
from holdfast.model.average import WINDOW_SECONDS
from holdfast.model.svi import PPB, Smile
from holdfast.sim.actions.scene import Scene, action
from holdfast.sim.invariants.prices import variances_of
from holdfast.sim.steps import Step, act
from holdfast.sim.surfaces import known_of
from holdfast.units import BPS


@action(weight=0)
def set_smile(s: Scene) -> Step | None:
    """Of an expiry that is traded, mostly: within an update's bounds, at them, or beyond them; or no smile at all."""
    live = sorted({(one.underlying, one.expiry_at) for one in s.series if one.expiry_at > s.now})
    if not live:
        return None
    underlying, expiry = s.rng.choice(live)
    if s.chance(0.1):
        expiry = max(0, s.now + s.rng.choice((-1, 0, WINDOW_SECONDS, s.log(600, 10**7))))
    known = known_of(s.ghost)
    standing, rules = known.surface(underlying).smiles.get(expiry), known.smiles
    wait = 0
    if standing is None or s.now - standing.updated_at > rules.stale_seconds:
        realised = variances_of(s.ghost).get(underlying, 0)
        smile = _first(s, surface.flat_wad(rules, realised) // PPB)
    else:
        due = standing.updated_at + rules.interval_seconds - s.now
        wait = max(0, due + s.rng.choice((-1, 0, 0, 1))) if due > 0 and s.chance(0.8) else 0
        smile = _next(s, standing.smile, rules.move_bps)
    if s.chance(0.05):
        smile = replace(smile, **s.rng.choice(ABSURD))
    smile = replace(
        smile, a_ppb=min(smile.a_ppb, 2**47 - 1), b_ppb=min(smile.b_ppb, 2**40 - 1)
    )  # what its words hold
    people = s.world.people
    who = (
        people.smiler if s.chance(0.95) else s.rng.choice((people.stranger, people.governor, people.guardian))
    )
    return act(
        s.world, "set_smile", s.world.protocol.surface, "setSmile", underlying, min(expiry, 2**32 - 1), smile.fields,
        sender=who, wait=wait,
    )  # fmt: skip


ABSURD = (
    {"rho_ppb": PPB},
    {"sigma_ppb": 0},
    {"b_ppb": 900 * PPB},
    {"a_ppb": -PPB},
    {"m_ppb": 11 * PPB},
    {"b_ppb": 3 * PPB, "sigma_ppb": 10_000, "a_ppb": 0},
)
"""What no smile may be: out of range, below the floor of variance, full of arbitrage."""


def _first(s: Scene, flat_ppb: int) -> Smile:
    """About what stands in, or as far from it as it may be."""
    percent = s.rng.choice((50, 80, 100, 100, 150, 300, 890, 920, 11, 12))
    level = flat_ppb * percent // 100
    bend = level * s.rng.choice((0, 0, 5, 20)) // 100
    sigma = s.rng.choice((50_000_000, 200_000_000, PPB))
    return Smile(
        a_ppb=level - bend * sigma // PPB,
        b_ppb=bend,
        rho_ppb=s.rng.randint(-6, 6) * PPB // 10,
        m_ppb=0,
        sigma_ppb=sigma,
    )


def _next(s: Scene, standing: Smile, move_bps: int) -> Smile:
    """The standing one moved by as much as an update may, less, or a little more."""
    move = s.rng.choice((0, move_bps // 3, move_bps - 10, move_bps + 10)) * s.rng.choice((-1, 1))
    return replace(
        standing,
        a_ppb=standing.a_ppb * (BPS + move) // BPS,
        b_ppb=standing.b_ppb * (BPS + move) // BPS,
        rho_ppb=max(1 - PPB, min(PPB - 1, standing.rho_ppb + s.rng.choice((0, 0, -1, 1)) * PPB // 20)),
    )


@action(weight=0)
def drop_smile(s: Scene) -> Step | None:
    """The guardian forgets a smile that is there, or one that isn't; or somebody tries who may not."""
    known = known_of(s.ghost)
    there = [(underlying, at) for underlying, one in known.surfaces.items() for at in one.smiles]
    others = [(one.underlying, one.expiry_at) for one in s.series]
    found = s.pick(there, others, stray=0.1)
    if found is None:
        return None
    people = s.world.people
    who = people.guardian if s.chance(0.9) else s.rng.choice((people.stranger, people.smiler))
    return act(s.world, "drop_smile", s.world.protocol.surface, "dropSmile", *found, sender=who)
