"""The life of options: listed, brought to their window and expiry, settled."""

from __future__ import annotations

from dataclasses import replace

from holdfast.model.average import WINDOW_SECONDS
from holdfast.model.positions import MAX_LIFE_SECONDS, MAX_STRIKE_RATIO, MIN_LIFE_SECONDS, strike_step
from holdfast.sim.actions.governance import executing, scheduling
from holdfast.sim.actions.prices import accrue_interest, moved, prices_step
from holdfast.sim.actions.scene import Scene, action
from holdfast.sim.keys import keys_of
from holdfast.sim.series import closed_at
from holdfast.sim.steps import Step, act
from holdfast.types import InstrumentId, Kind, instrument_id


@action(weight=0)
def ripen(s: Scene) -> Step | None:
    """Time goes to where the window of a series begins or ends, or a second beside; mostly prices come with it."""
    if not s.series:
        return None
    series = s.rng.choice(s.series)
    ahead = [edge for edge in (closed_at(series.instrument), series.expiry_at) if edge > s.now + 1]
    edge = s.rng.choice(ahead) if ahead else s.now + WINDOW_SECONDS
    wait = max(1, edge - s.now + s.rng.choice((-1, 0, 0, 1, s.log(1, 900))))
    if s.chance(0.2):
        return replace(accrue_interest(s), wait=wait)
    prices = {m.underlying: moved(m.price.spot_wad, s.rng.gauss(0, 0.03)) for m in s.state.markets}
    return replace(prices_step(s, "price", prices), wait=wait)


@action(weight=0)
def settle_series(s: Scene) -> Step | None:
    """By the hint of the Lens; now and then too early, once more, or by another hint."""
    due = [series for series in s.series if series.covered_at]
    series = s.pick(due, s.series, s.state.series, stray=0.1)
    if series is None:
        return None
    covered = series.covered_at or series.expiry_at
    if s.chance(0.15):
        covered += s.rng.choice((-WINDOW_SECONDS, WINDOW_SECONDS, 1, -1))
    facts = {"series": series.instrument, "covered": covered}
    return act(
        s.world, "settle_series", s.world.protocol.positions, "settleSeries", series.instrument, covered,
        sender=s.world.people.stranger, wide=True, facts=facts,
    )  # fmt: skip


@action(weight=0)
def list_series(s: Scene) -> Step | None:
    """The governor schedules a listing, on the grid or beside it, and executes it when its time has come."""
    if not s.state.series:
        return None
    positions = s.world.protocol.positions
    selector = positions.artifact.find("listInstrument").selector
    known = [plot for plot in keys_of(s.ghost).plots.values() if plot.data[:4] == selector]
    if known and s.chance(0.6):
        plot = s.rng.choice(known)
        wait = max(0, plot.ready - s.now + s.rng.choice((-1, 0, 0, 1)))
        return executing(s, "list_series", plot.target, plot.data, wait=wait)
    good = s.chance(0.6)
    return scheduling(s, "list_series", positions, "listInstrument", _new(s) if good else _bad(s))


def _new(s: Scene) -> InstrumentId:
    """On the grid, should the price not move far until it is listed."""
    market = s.rng.choice([m for m in s.state.markets if m.option_params.maintenance_bps])
    spot = market.price.spot_wad
    strike = spot * s.rng.randint(80, 125) // 100 // strike_step(spot) * strike_step(spot)
    life = s.world.delay + MIN_LIFE_SECONDS + s.log(600, 86_400)
    expiry = -(-(s.now + life) // WINDOW_SECONDS) * WINDOW_SECONDS
    return instrument_id(s.rng.choice((Kind.CALL, Kind.PUT)), market.underlying, expiry, strike)


def _bad(s: Scene) -> InstrumentId:
    """There already, of no underlying, off the grid, too soon, too late, too far."""
    known, series = s.rng.choice(s.state.series).instrument, _new(s)
    market = s.rng.choice(s.state.markets)
    spot, step = market.price.spot_wad, strike_step(market.price.spot_wad)
    late = s.now + s.world.delay + MAX_LIFE_SECONDS + 2 * WINDOW_SECONDS
    far = MAX_STRIKE_RATIO + 1

    def of(expiry: int, strike: int, underlying: int = market.underlying) -> InstrumentId:
        return instrument_id(Kind.PUT, underlying, expiry // WINDOW_SECONDS * WINDOW_SECONDS, strike)

    at_the_money = spot // step * step
    return s.rng.choice(
        (
            known,
            InstrumentId(series + 1),  # of a strike beside the grid
            InstrumentId(series + (1 << 128)),  # of an expiry beside the grid
            InstrumentId(series + (5 << 184)),  # of no kind
            of(s.now + s.world.delay, at_the_money),
            of(late, at_the_money),
            of(s.now + s.world.delay + 86_400, at_the_money * far),
            of(s.now + s.world.delay + 86_400, at_the_money // far // step * step),
            of(s.now + s.world.delay + 86_400, at_the_money, len(s.state.markets) + 7),
        )
    )
