"""What is known of volatility and scenarios, apart from the contracts: from the configuration and events alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.chain.config import Config
from holdfast.model import portfolio, surface
from holdfast.model.options import Pricing
from holdfast.model.portfolio import Grid, ScanParams, Scenario
from holdfast.model.positions import MAX_POSITIONS
from holdfast.model.surface import Stored, Surface
from holdfast.model.svi import Smile
from holdfast.sim.ghost import FOLLOWERS, Ghost
from holdfast.sim.steps import Transition
from holdfast.sim.world import world_config


@dataclass(frozen=True)
class Known:
    smiles: surface.Rules
    scans: portfolio.Rules
    surfaces: Mapping[int, Surface] = field(default_factory=dict)  # by underlying, where smiles were set

    def surface(self, underlying: int) -> Surface:
        return self.surfaces.get(underlying, Surface(rules=self.smiles))

    def pricing(self, variances: Mapping[int, int], now: int) -> Pricing:
        """What options are valued with; `variances`: realised, by underlying."""

        def variance_of(underlying: int, expiry_at: int, k_wad: int) -> int:
            realised_wad, known = variances.get(underlying, 0), self.surface(underlying)
            return surface.total_variance_of(known, expiry_at, k_wad, realised_wad, now)[0]

        return Pricing(time=now, variance_of=variance_of)


def known_of(g: Ghost) -> Known:
    found = g.memory.get("surfaces")
    if found is None:
        found = g.memory["surfaces"] = _at_start(world_config(g.world.name))
    return found


def _at_start(config: Config) -> Known:
    s, p = config.surface, config.portfolio
    smiles = surface.Rules(
        interval_seconds=s.interval_seconds,
        slow_seconds=s.slow_seconds,
        stale_seconds=s.stale_seconds,
        move_bps=s.move_bps,
        surcharge_bps=s.surcharge_bps,
        volatility_floor_bps=config.risk.volatility_floor_bps,
    )
    ids = {name: config.underlying_id(name) for name in p.scans}
    netted = {
        asset: config.underlying_id(token.underlying)
        for asset, token in enumerate(config.collateral.values(), 1)
        if token.netted
    }
    scans = portfolio.Rules(
        scans={ids[name]: scan.params for name, scan in p.scans.items()},
        grids={ids[name]: scan.grid for name, scan in p.scans.items()},
        correlation_bps=p.correlation_bps,
        leg_cap=MAX_POSITIONS,
        netted=netted,
    )
    return Known(smiles=smiles, scans=scans)


def known_after(g: Ghost, t: Transition) -> Known:
    """With what a transition changed."""
    known, now = known_of(g), t.after.system.time
    for event in t.events:
        args = event.args
        if event.name in ("SmileSet", "SmileDropped"):
            standing = known.surface(args["underlying"])
            # What is past leaves with every change; but that which is dropped goes anyhow.
            kept = {at: one for at, one in standing.smiles.items() if at > now and at != args["expiry"]}
            if event.name == "SmileSet":
                kept[args["expiry"]] = Stored(smile=read_smile(args["smile"]), updated_at=now)
            following = replace(standing, smiles=dict(sorted(kept.items())))
            known = replace(known, surfaces={**known.surfaces, args["underlying"]: following})
        elif event.name == "ScanSet":
            known = replace(known, scans=_scanned(known.scans, args))
        elif event.name == "Netted":
            netted = {**known.scans.netted, args["asset"]: args["underlying"]}
            known = replace(known, scans=replace(known.scans, netted=netted))
        elif event.name == "CorrelationSet":
            known = replace(known, scans=replace(known.scans, correlation_bps=args["correlationBps"]))
    return known


def _scanned(scans: portfolio.Rules, args: Any) -> portfolio.Rules:
    grid = args["grid"]
    following = Grid(
        spots_bps=tuple(grid.spotsBps),
        vols_bps=tuple(grid.volsBps),
        tails=tuple(
            Scenario(spot_bps=tail.spotBps, vol_bps=tail.volBps, weight_bps=tail.weightBps)
            for tail in grid.tails
        ),
    )
    names = ScanParams.__dataclass_fields__
    params = ScanParams(**dict(zip(names, args["params"], strict=True)))
    underlying = args["underlying"]
    return replace(
        scans,
        scans={**scans.scans, underlying: params},
        grids={**scans.grids, underlying: following},
    )


def read_smile(found: Any) -> Smile:
    """`Smile` of an event as the model knows it."""
    a, b, rho, m, sigma = found
    return Smile(a_ppb=a, b_ppb=b, rho_ppb=rho, m_ppb=m, sigma_ppb=sigma)


def _follow(g: Ghost, t: Transition) -> None:
    if t.events:
        g.memory["surfaces"] = known_after(g, t)


FOLLOWERS.append(_follow)
