"""Random histories of the ledger: a seed becomes a list of steps, each fed from the state the twin is in.

`World` is the twin with its oracle and its breaker; `World.play` runs a step and returns None, or why it was refused.
`draw` invents the next step: amounts are tiny (a fifth), at an edge of the state and a wei beside it, or anything;
a few are more than a word of storage holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log10
from random import Random
from typing import Any

from holdfast.errors import Refused
from holdfast.model import average, breaker, options, oracle, portfolio, positions, surface, vault
from holdfast.model.breaker import Breaker
from holdfast.model.cash_pool import Curve
from holdfast.model.fixed_point import WORD
from holdfast.model.ledger import Fill, Ledger, Rules
from holdfast.model.positions import Moment, Params
from holdfast.types import (
    SETTLEMENT,
    AssetParams,
    InstrumentId,
    InstrumentParams,
    Kind,
    Mode,
    expiry_of,
    instrument_id,
    perpetual,
    underlying_of,
)
from holdfast.units import BPS, WAD

ETH, BTC, MEME = 1, 2, 3
UNDERLYINGS = (ETH, BTC, MEME)
PERPS = tuple(perpetual(underlying) for underlying in UNDERLYINGS)

FIRST_PRICES = {ETH: 2_000 * WAD, BTC: 60_000 * WAD, MEME: WAD // 100_000}
FEED_DECIMALS = {ETH: 8, BTC: 8, MEME: 18}

MODES = (Mode.CROSS,) * 4 + (Mode.PORTFOLIO,) * 2 + (Mode.ISOLATED,)
"""Of the accounts that every history begins with."""

RULES = Rules(
    positions=positions.Rules(band_bps=500, funding_cap_bps=50, funding_period_seconds=28_800),
    curve=Curve(base_bps=200, kink_bps=8_000, kink_rate_bps=1_000, max_rate_bps=10_000),
    max_fee_bps=100,
)
ORACLE_RULES = oracle.Rules(
    ema_decay_wad=990_000_000_000_000_000,
    variance_decay_wad=999_990_000_000_000_000,
    slow_seconds=30 * 86_400,
    contested_seconds=86_400,
)
BREAKER_RULES = breaker.Rules(
    max_pause_seconds=3_600, cooldown_seconds=7_200, grace_seconds=60, trigger_seconds=60
)
FEED = oracle.Feed(heartbeat_seconds=3_600, deviation_percent=40, min_wad=10**9, max_wad=10**7 * WAD)
MARGIN = {"initial_bps": 1_000, "maintenance_bps": 500, "initial_max_bps": 5_000, "knee_bps": 5_000}
CAPS = {ETH: 10**5 * WAD, BTC: 10**4 * WAD, MEME: 10**9 * WAD}
SURFACE_RULES = surface.Rules(
    interval_seconds=1,
    slow_seconds=3_600,
    stale_seconds=86_400,
    move_bps=1_000,
    surcharge_bps=2_500,
    volatility_floor_bps=3_000,
)
OPTION_CAP = 10**5 * WAD
CLASSES = {instrument_id(Kind.CALL, ETH): OPTION_CAP, instrument_id(Kind.CALL, BTC): OPTION_CAP}
"""The options of an underlying, and how many there may be."""

COLLATERAL = {ETH: 18, BTC: 8}
"""Underlying and decimals of the collateral, in the order of their assets."""

SCAN = portfolio.ScanParams(
    maintenance_bps=5_000,
    worst=2,
    net_delta_bps=200,
    gross_delta_bps=100,
    pin_bps=200,
    short_option_bps=50,
    tail_bps=1_200,
    near_power_bps=3_000,
    far_power_bps=1_300,
)
GRID = portfolio.Grid(
    spots_bps=(-1_000, 0, 1_000),
    vols_bps=(3_000, -2_000),
    tails=(portfolio.Scenario(spot_bps=-5_000, vol_bps=-2_000, weight_bps=2_000),),
)
SCANS = portfolio.Rules(
    scans={ETH: SCAN, BTC: SCAN},  # not MEME: nobody has it in portfolio mode
    grids={ETH: GRID, BTC: GRID},
    correlation_bps=7_000,
    leg_cap=positions.MAX_POSITIONS,
    netted={1: ETH},  # not WBTC: its haircut is added
)

HAIRCUTS = AssetParams(initial_haircut_bps=1_500, maintenance_haircut_bps=1_000)
VAULT_CAP = 2**96
VAULT_RULES = vault.Rules(
    outflow_share_bps=2_000, window_seconds=86_400, ramp_seconds=3_600, epoch_seconds=86_400
)
FLOORS = (1_000, 1, 1)
"""[tokens] What may leave in a window at least, by asset: now and then less than somebody wants."""


def params() -> Params:
    return Params(
        instruments={
            perp: InstrumentParams(**MARGIN, open_interest_cap_wad=CAPS[underlying])
            for underlying, perp in zip(UNDERLYINGS, PERPS, strict=True)
        }
        | {one: InstrumentParams(**MARGIN, open_interest_cap_wad=cap) for one, cap in CLASSES.items()},
        surface=SURFACE_RULES,
        portfolio=SCANS,
        assets=dict.fromkeys(range(1, len(COLLATERAL) + 1), HAIRCUTS),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """What happens, after `wait` seconds; arguments are those of the twin, without the moment."""

    name: str
    args: tuple[Any, ...] = ()
    wait: int = 0


def series_from(time: int) -> tuple[InstrumentId, ...]:
    """Calls and puts around the first prices, that expire within a day and within a month."""
    boundary = time // average.WINDOW_SECONDS * average.WINDOW_SECONDS
    soon, late = boundary + 86_400, boundary + 20 * 86_400
    return (
        instrument_id(Kind.CALL, ETH, soon, 2_000 * WAD),
        instrument_id(Kind.PUT, ETH, soon, 2_100 * WAD),
        instrument_id(Kind.CALL, ETH, late, 2_400 * WAD),
        instrument_id(Kind.PUT, BTC, soon, 55_000 * WAD),
    )


class World:
    """The twin, and what it is told of time and prices. With `series`, most of what happens is about them."""

    def __init__(
        self,
        time: int,
        decimals: int,
        floors: tuple[int, ...] = FLOORS,
        series: tuple[InstrumentId, ...] = (),
    ) -> None:
        self.time = time
        self.series = series
        self.histories = dict.fromkeys(UNDERLYINGS, average.History())
        self.ledger = Ledger(RULES, params(), time)
        self.breaker = Breaker(rules=BREAKER_RULES)
        self.stored = dict.fromkeys(UNDERLYINGS, oracle.Stored())
        for (underlying, places), floor in zip(((0, decimals), *COLLATERAL.items()), floors, strict=True):
            fresh = vault.fresh(VAULT_RULES, VAULT_CAP, floor * 10**places, time)
            self.ledger.list_asset(underlying, places, fresh)
        for perp in PERPS:
            self.ledger.positions.list_instrument(Moment(time=time), perp)
        for underlying, price in FIRST_PRICES.items():
            self._poke(underlying, price)

    @property
    def now(self) -> Moment:
        prices = {
            underlying: oracle.price(ORACLE_RULES, FEED, stored, self.time)
            for underlying, stored in self.stored.items()
        }
        variances = {
            underlying: oracle.stored_variance_wad(stored.variance_wad)
            for underlying, stored in self.stored.items()
        }
        return Moment(time=self.time, prices=prices, breaker=self.breaker, variances=variances)

    def mark(self, instrument: InstrumentId) -> int:
        now = self.now
        spot = now.price(underlying_of(instrument)).spot_wad
        if not options.is_option(instrument):
            return spot
        return options.unit_wad(instrument, spot, now.pricing(SURFACE_RULES))

    @property
    def unit_wad(self) -> int:
        return self.ledger.assets[SETTLEMENT].unit_wad

    def play(self, step: Step) -> Refused | None:
        self.time += step.wait
        if step.name == "price":
            self._poke(*step.args)
            return None
        try:
            if step.name == "open":
                self.ledger.open(*step.args)
            elif step.name == "list":
                self.ledger.positions.list_instrument(self.now, *step.args)
            elif step.name == "settle_series":
                instrument, covered_at = step.args
                known = self.histories[underlying_of(instrument)]
                self.ledger.positions.settle_series(instrument, known, covered_at)
            else:
                getattr(self.ledger, step.name)(self.now, *step.args)
        except Refused as refusal:
            return refusal
        return None

    def _poke(self, underlying: int, price_wad: int) -> None:
        answer = oracle.Answer(price_wad=price_wad, updated_at=self.time)
        poked = oracle.poke(ORACLE_RULES, FEED, self.stored[underlying], [answer], self.time)
        self.stored[underlying] = poked.stored
        if poked.accepted:
            known = self.histories[underlying]
            self.histories[underlying] = average.advance(known, poked.stored.spot_wad, self.time)
        if poked.moved:
            self.breaker = breaker.report_move(self.breaker, underlying, self.time)
        if poked.resumed:
            self.breaker = breaker.report_resume(self.breaker, underlying, self.time)


WEIGHTS = {
    "deposit": 10,
    "withdraw": 12,
    "fill": 40,
    "move": 5,
    "take": 9,
    "deleverage": 9,
    "settle": 4,
    "accrue": 2,
    "accrue_interest": 3,
    "write_off": 5,
    "price": 10,
    "open": 1,
}
"""How often each step is tried."""

SERIES_WEIGHTS = {"settle": 10, "settle_series": 12, "list": 2}
"""The same, where there are series."""


def history(seed: int, world: World, length: int) -> Iterable[tuple[Step, Refused | None]]:
    """Plays `length` steps after the accounts were opened and funded, and yields each with its outcome."""
    rng = Random(seed)
    poor = rng.random() < 0.25  # a history in which everything is a few wei
    for step in _beginning(rng, world, poor):
        yield step, world.play(step)
    overdue: list[int] = []
    for _ in range(length):
        if overdue:
            step = _price(rng, world, overdue.pop())
        else:
            step = draw(rng, world, poor)
            if step.wait > 86_400 and rng.random() < 0.8:
                overdue = list(UNDERLYINGS)
        yield step, world.play(step)


def draw(rng: Random, world: World, poor: bool = False) -> Step:
    """The next step; many succeed, many are refused by a wei."""
    weights = WEIGHTS | SERIES_WEIGHTS if world.series else WEIGHTS
    name = rng.choices(list(weights), list(weights.values()))[0]
    step = _DRAWN[name](rng, world, poor)
    return Step(step.name, step.args, _wait(rng) if not world.series else _short_wait(rng))


HUGE = (2**88, 2**112, 2**127, 2**128, 2**160, 2**200, 2**237, WORD // 2, WORD - 1)


def amount(rng: Random, most: int, *edges: int) -> int:
    """Tiny, at an edge and a wei beside it, or of any magnitude up to `most`; what a word of calldata holds."""
    most = min(most, WORD - 1)
    kind = rng.random()
    if kind < 0.008:
        return rng.choice(HUGE) - rng.choice((0, 1))
    if kind < 0.2:
        return rng.choice((0, 1, 1, 2, 3, 5, 8, 13))
    if kind < 0.35 and edges:
        return min(max(0, rng.choice(edges) + rng.choice((-1, 0, 0, 1))), WORD - 1)
    most = max(1, most)
    depth = rng.choice((1.0, 3.0, log10(most) if most > 1 else 1.0))
    return max(0, int(most * 10 ** (-rng.random() * depth)))


def _beginning(rng: Random, world: World, poor: bool) -> Iterable[Step]:
    for mode in MODES:
        yield Step("open", (mode,))
    for account in range(1, len(MODES) + 1):
        if rng.random() < 0.9:
            cash_wad = rng.randint(1, 10**6) if poor else int(10 ** rng.uniform(0, 6) * WAD)
            yield Step("deposit", (account, SETTLEMENT, max(1, cash_wad // world.unit_wad)))
    for asset, decimals in enumerate(COLLATERAL.values(), start=1):
        for account, mode in enumerate(MODES, start=1):
            if mode != Mode.ISOLATED and rng.random() < 0.3:
                most = 10**6 if poor else 10 ** (decimals + 2)
                yield Step("deposit", (account, asset, rng.randint(1, most)))
    for underlying in UNDERLYINGS:
        yield _price(rng, world, underlying)
    for series in world.series:
        yield Step("list", (series,))


def _short_wait(rng: Random) -> int:
    """Series live for days: mostly there is time to trade them."""
    wait = _wait(rng)
    return wait if wait < 6_000 or rng.random() < 0.4 else rng.randint(60, 6_000)


def _wait(rng: Random) -> int:
    kind = rng.random()
    if kind < 0.35:
        return 0
    if kind < 0.6:
        return rng.randint(1, 60)
    if kind < 0.88:
        return rng.randint(60, 6_000)
    if kind < 0.97:
        return rng.randint(6_000, 20 * 86_400)
    return rng.randint(20 * 86_400, 700 * 86_400)


def _account(rng: Random, world: World) -> int:
    """Hardly ever one that doesn't exist."""
    return rng.randint(0 if rng.random() < 0.01 else 1, len(world.ledger.accounts) + (rng.random() < 0.01))


def _pair(rng: Random, world: World) -> tuple[int, int]:
    one, other = _account(rng, world), _account(rng, world)
    while one == other and rng.random() < 0.95:
        other = _account(rng, world)
    return one, other


def _perp(rng: Random, world: World) -> InstrumentId:
    """Mostly the first, so that accounts meet; hardly ever one that isn't listed."""
    if world.series and rng.random() < 0.7:
        return rng.choice(world.series)
    if rng.random() < 0.008:
        return perpetual(9)
    return rng.choices(PERPS, (6, 2, 2))[0]


def _deposit(rng: Random, world: World, poor: bool) -> Step:
    account = _account(rng, world)
    asset = rng.choices((0, 1, 2, 3), (60, 19, 18, 3))[0]
    if asset not in world.ledger.assets or poor:
        return Step("deposit", (account, asset, rng.randint(0, 10**4)))
    most = 10**5 * WAD // world.ledger.assets[asset].unit_wad
    held = world.ledger.vaults[asset].held
    edges = [VAULT_CAP - held] if rng.random() < 0.03 else []
    return Step("deposit", (account, asset, min(amount(rng, most, *edges), 2 * VAULT_CAP)))


def _withdraw(rng: Random, world: World, poor: bool) -> Step:
    account, ledger = _account(rng, world), world.ledger
    assets = [SETTLEMENT, *ledger.accounts[account].assets] if account in ledger.accounts else [SETTLEMENT]
    asset = rng.choice(assets) if rng.random() < 0.95 else rng.randint(1, len(COLLATERAL))
    if asset != SETTLEMENT:
        balance = ledger.balance_of(account, asset)
        return Step("withdraw", (account, asset, amount(rng, balance, balance, _free(world, account, asset))))
    cash = ledger.cash_of(world.now, account) // world.unit_wad
    free, held = _free(world, account, asset), ledger.vaults[SETTLEMENT].held
    if free > cash > 0 and rng.random() < 0.5:  # profit on paper, or collateral to borrow against
        return Step("withdraw", (account, asset, rng.randint(cash, free)))
    if cash > held and rng.random() < 0.5:  # lent to others
        return Step("withdraw", (account, asset, rng.randint(held + 1, cash)))
    edges = cash, free, held
    return Step("withdraw", (account, asset, amount(rng, max(cash, 10), *edges)))


def _free(world: World, account: int, asset: int) -> int:
    """About what could leave without falling below the initial margin."""
    ledger, now = world.ledger, world.now
    try:
        margin = ledger.health_of(now, account).margin
    except Refused:
        return 0
    price = WAD if asset == SETTLEMENT else max(1, now.price(ledger.assets[asset].underlying).spot_wad)
    free_wad = max(0, margin.equity_wad - margin.initial_wad)
    return free_wad * WAD // price // ledger.assets[asset].unit_wad


def _fill(rng: Random, world: World, poor: bool) -> Step:
    buyer, seller = _pair(rng, world)
    perp = _perp(rng, world)
    held = list(world.ledger.positions.positions)
    if held and rng.random() < 0.35:  # against what somebody holds
        account, perp = rng.choice(held)
        if _size(world, account, perp) > 0 and account != buyer:
            seller = account
        elif account != seller:
            buyer = account
    mark = world.mark(perp)
    sizes = [abs(_size(world, account, perp)) for account in (buyer, seller)]
    most = 10**6 if poor else _affordable(world, (buyer, seller), mark)
    size = amount(rng, most, *sizes, sum(sizes))
    if max(sizes) and rng.random() < 0.2:
        size = amount(rng, max(sizes), *sizes)
    if rng.random() < 0.9:
        size = max(1, size)
    price = mark + mark * rng.randint(-400, 400) // BPS
    if perp in world.series and rng.random() < 0.3:
        room = mark * RULES.positions.band_bps
        room += world.now.price(underlying_of(perp)).spot_wad * positions.OPTION_TICK_BPS
        price = max(0, mark + rng.choice((-1, 1)) * (room // BPS + rng.choice((0, 0, 1))))
    if rng.random() < 0.1:
        price = mark + rng.choice((-1, 1)) * (mark * RULES.positions.band_bps // BPS + rng.choice((0, 0, 1)))
    if rng.random() < 0.005:
        price = amount(rng, 2 * mark)
    price = max(0, price)
    most_fee = size * price // WAD * RULES.max_fee_bps // BPS
    fees = [0, 0] if rng.random() < 0.4 else [amount(rng, most_fee, most_fee) for _ in range(2)]
    if rng.random() < 0.92:
        fees = [min(fee, most_fee) for fee in fees]
    fee_account = rng.choice((1, 2, buyer, _account(rng, world)))
    return Step("fill", (Fill(
        instrument=perp, buyer=buyer, seller=seller, fee_account=fee_account,
        size_wad=size, price_wad=price, buyer_fee_wad=fees[0], seller_fee_wad=fees[1],
    ),))  # fmt: skip


def _affordable(world: World, accounts: Sequence[int], mark: int) -> int:
    """A size that the poorer of them could just take on."""
    equities = []
    for account in accounts:
        try:
            equities.append(world.ledger.health_of(world.now, account).margin.equity_wad)
        except Refused:
            equities.append(0)
    return max(1, min(equities)) * 9 * WAD // max(1, mark)


def _size(world: World, account: int, perp: InstrumentId) -> int:
    if perp not in world.ledger.positions.markets:
        return 0
    return world.ledger.positions.position_of(world.now, account, perp)[0]


def _move(rng: Random, world: World, poor: bool) -> Step:
    source, to = _pair(rng, world)
    cash = max(0, world.ledger.cash_of(world.now, source))
    return Step("move", (source, to, amount(rng, 2 * cash, cash)))


def _take(rng: Random, world: World, poor: bool) -> Step:
    source, to = _pair(rng, world)
    fraction = rng.choice((WAD, WAD, WAD - 1, 1, rng.randint(1, WAD), rng.randint(1, WAD), WAD // 2))
    if rng.random() < 0.01:
        fraction = rng.choice((0, WAD + 1, 2 * WAD, WORD - 1))  # no auction asks for these
    try:
        equity = max(0, world.ledger.health_of(world.now, source).margin.equity_wad)
    except Refused:
        equity = 0
    discount = rng.choice((0, amount(rng, equity // 10 + 1, equity)))
    return Step("take", (source, to, fraction, discount, rng.random() < 0.2))


def _deleverage(rng: Random, world: World, poor: bool) -> Step:
    held = list(world.ledger.positions.positions)
    account, perp = (
        rng.choice(held) if held and rng.random() < 0.95 else (_account(rng, world), _perp(rng, world))
    )
    mark = world.mark(perp)
    notional = abs(_size(world, account, perp)) * mark // WAD
    deficit = 0 if rng.random() < 0.3 else amount(rng, notional, notional)
    return Step("deleverage", (account, perp, deficit))


def _settle(rng: Random, world: World, poor: bool) -> Step:
    held = list(world.ledger.positions.positions)
    empty = [(account, perp) for account, perp in held if _size(world, account, perp) == 0]
    if held and rng.random() < 0.9:
        return Step("settle", rng.choice(empty or held))
    return Step("settle", (_account(rng, world), _perp(rng, world)))


def _accrue(rng: Random, world: World, poor: bool) -> Step:
    return Step("accrue", (_perp(rng, world),))


def _accrue_interest(rng: Random, world: World, poor: bool) -> Step:
    return Step("accrue_interest")


def _settle_series(rng: Random, world: World, poor: bool) -> Step:
    """Mostly one that expired, by the checkpoint that covers it."""
    expired = [one for one in world.series if expiry_of(one) <= world.time]
    series = rng.choice(expired or world.series)
    if rng.random() < 0.02:
        series = _perp(rng, world)
    known = world.histories.get(underlying_of(series), average.History())
    cover = average.cover_of(known, expiry_of(series))
    return Step("settle_series", (series, rng.choice((cover, cover, cover, expiry_of(series)))))


def _list(rng: Random, world: World, poor: bool) -> Step:
    """Seldom one that fits."""
    if rng.random() < 0.1:
        return Step("list", (rng.choice(world.series),))
    series, now = rng.choice(world.series), world.time
    step = average.WINDOW_SECONDS
    expiry = rng.choice((
        expiry_of(series),
        (now + positions.MIN_LIFE_SECONDS) // step * step + rng.choice((0, step, 1)),
        (now + positions.MAX_LIFE_SECONDS) // step * step + rng.choice((0, step)),
    ))  # fmt: skip
    underlying = rng.choice(UNDERLYINGS)
    spot = world.now.price(underlying).spot_wad
    grain = positions.strike_step(spot)
    strike = rng.choice((spot, spot // 4, spot * 4)) // grain * grain + rng.choice((0, 0, grain, 1))
    return Step("list", (instrument_id(rng.choice((Kind.CALL, Kind.PUT)), underlying, expiry, strike),))


def _write_off(rng: Random, world: World, poor: bool) -> Step:
    """Somebody who holds nothing but debt, or a step on the way there."""
    ledger, now = world.ledger, world.now
    bare = [
        account
        for account, a in ledger.accounts.items()
        if not a.assets and not ledger.positions.lanes.get(account)
    ]
    broke = [account for account in bare if ledger.accounts[account].shares < 0]
    if broke and rng.random() < 0.8:
        return Step("write_off", (rng.choice(broke),))
    if bare and rng.random() < 0.7:
        source = rng.choice(bare)
        cash = max(0, ledger.cash_of(now, source))
        more = amount(rng, max(10, cash), 1)
        return Step("move", (source, _account(rng, world), min(cash + more, WORD - 1)))
    return Step("write_off", (_account(rng, world),))


def _price(rng: Random, world: World, underlying: int) -> Step:
    spot = world.stored[underlying].spot_wad
    factor = rng.choice((1.0, rng.uniform(0.97, 1.03), rng.uniform(0.8, 1.25), 10 ** rng.uniform(-0.7, 0.7)))
    grain = 10 ** (18 - FEED_DECIMALS[underlying])
    price = int(spot * factor) // grain * grain
    return Step("price", (underlying, min(max(price, FEED.min_wad, grain), FEED.max_wad)), 1)


def _some_price(rng: Random, world: World, poor: bool) -> Step:
    return _price(rng, world, rng.choice(UNDERLYINGS))


def _open(rng: Random, world: World, poor: bool) -> Step:
    return Step("open", (rng.choice((Mode.CROSS, Mode.ISOLATED, Mode.NONE)),))


_DRAWN = {
    "deposit": _deposit,
    "withdraw": _withdraw,
    "fill": _fill,
    "move": _move,
    "take": _take,
    "deleverage": _deleverage,
    "settle": _settle,
    "settle_series": _settle_series,
    "list": _list,
    "accrue": _accrue,
    "accrue_interest": _accrue_interest,
    "write_off": _write_off,
    "price": _some_price,
    "open": _open,
}
