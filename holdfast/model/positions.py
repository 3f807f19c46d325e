"""Positions of all accounts on the side index: exact twin of `contracts/ledger/Positions.sol`.

Time and prices come in with each call, as a `Moment`. What is refused may leave half of its work behind: the ledger,
whose operations these are parts of, takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, NamedTuple, TypeVar

from holdfast.errors import Refused
from holdfast.model import average, breaker, options, portfolio, risk, side_index, surface
from holdfast.model.breaker import Breaker
from holdfast.model.breaker import Rules as BreakerRules
from holdfast.model.fixed_point import (
    checked,
    mul_div_ceil,
    mul_div_down,
    mul_wad_down,
    mul_wad_up,
    to_int,
    to_uint,
)
from holdfast.model.portfolio import Rules as ScanRules
from holdfast.model.side_index import EpochEnd, Market, Position
from holdfast.model.surface import Rules as SurfaceRules
from holdfast.model.surface import Surface
from holdfast.types import (
    AssetParams,
    Grade,
    Health,
    InstrumentId,
    InstrumentParams,
    Item,
    Kind,
    Level,
    Margin,
    Mode,
    Price,
    expiry_of,
    perpetual,
    strike_of,
    underlying_of,
)
from holdfast.units import BPS, WAD

Lane = TypeVar("Lane")

MAX_POSITIONS: Final = 32
MAX_SERIES: Final = 256
"""Of an underlying, that are not settled."""
ALL_SERIES: Final = 1 << 15
"""That there will ever be."""
OPTION_TICK_BPS: Final = 25
"""Of the spot: how much wider the band of an option is."""
MIN_LIFE_SECONDS: Final = 2 * 3_600
MAX_LIFE_SECONDS: Final = 400 * 86_400
MAX_STRIKE_RATIO: Final = 4

NOTHING: Final = InstrumentId(0)
NO_PRICE: Final = Price(spot_wad=0, ema_wad=0, grade=Grade.INVALID)
NO_PARAMS: Final = InstrumentParams(
    initial_bps=0, maintenance_bps=0, initial_max_bps=0, knee_bps=0, open_interest_cap_wad=0
)
AT_EASE: Final = Breaker(
    rules=BreakerRules(max_pause_seconds=0, cooldown_seconds=1, grace_seconds=0, trigger_seconds=0)
)
"""A breaker that restricts nothing but bad prices."""


LEAST_VARIANCE: Final = SurfaceRules(
    interval_seconds=1, slow_seconds=1, stale_seconds=1, move_bps=1, surcharge_bps=0
)
"""Of a surface that adds nothing to realised variance, and knows no floor but that of every smile."""
UNSCANNED: Final = ScanRules(scans={}, grids={}, correlation_bps=BPS, leg_cap=MAX_POSITIONS, netted={})
"""No underlying has a grid."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """When something happens, at which prices, under which restrictions."""

    time: int
    prices: Mapping[int, Price] = field(default_factory=dict)  # by underlying
    breaker: Breaker = AT_EASE
    variances: Mapping[int, int] = field(default_factory=dict)  # realised, as the oracle tells them
    surfaces: Mapping[int, Surface] = field(default_factory=dict)  # by underlying, where smiles were set

    def price(self, underlying: int) -> Price:
        return self.prices.get(underlying, NO_PRICE)

    def level(self, underlying: int) -> Level:
        return breaker.state(self.breaker, underlying, self.time).level

    def mark(self, m: Market) -> int:
        """Of its underlying."""
        return self.price(m.interest.underlying).spot_wad

    def pricing(self, rules: SurfaceRules) -> options.Pricing:
        """What options are worth by, where no smile was set too."""

        def variance_of(underlying: int, expiry_at: int, k_wad: int) -> int:
            known = self.surfaces.get(underlying, Surface(rules=rules))
            realised_wad = self.variances.get(underlying, 0)
            return surface.total_variance_of(known, expiry_at, k_wad, realised_wad, self.time)[0]

        return options.Pricing(time=self.time, variance_of=variance_of)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Constants, fixed at deployment."""

    band_bps: int  # how far from the mark a fill may be
    funding_cap_bps: int  # most that funding may be per hour
    funding_period_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    """What the margin model stores; the owner may change it in place."""

    instruments: dict[InstrumentId, InstrumentParams] = field(default_factory=dict)
    assets: dict[int, AssetParams] = field(default_factory=dict)
    surface: SurfaceRules = LEAST_VARIANCE
    portfolio: ScanRules = UNSCANNED


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """All series of an underlying that are not settled."""

    open_interest_wad: int = 0  # of their long sides together
    series: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """Whose health is asked for, and what the ledger knows of it."""

    account: int
    mode: Mode
    cash_wad: int
    instrument: InstrumentId = NOTHING  # a hypothetical trade in it…
    extra_wad: int = 0  # …of this size, none if zero; its cash is in cash_wad
    witness: int = portfolio.ALL  # scenarios that IM and MM are to be told by
    holdings: tuple[risk.Collateral, ...] = ()
    underlyings: tuple[int, ...] = ()  # of the holdings


def weight(size_wad: int, price: Price) -> int:
    """Twice what an item could hide if its price is wrong by half, or if the slow price is the right one."""
    high, low = max(price.spot_wad, price.ema_wad), min(price.spot_wad, price.ema_wad)
    return mul_wad_up(size_wad, high + 2 * (high - low))


class Trade(NamedTuple):
    """What a trade did to its two sides."""

    quote: int
    buyer_cash: int
    seller_cash: int
    buyer_shrinks: bool
    seller_shrinks: bool


class Positions:
    def __init__(self, rules: Rules, params: Params) -> None:
        self.rules = rules
        self.params = params
        self.markets: dict[InstrumentId, Market] = {}
        self.lanes: dict[int, tuple[InstrumentId, ...]] = {}  # by account, in the order of the contract
        self.positions: dict[tuple[int, InstrumentId], Position] = {}
        self.epoch_ends: dict[tuple[InstrumentId, bool, int], EpochEnd] = {}
        self.series: list[InstrumentId] = []
        self.tallies: dict[int, Tally] = {}  # by underlying

    # What the ledger does

    def trade(
        self, now: Moment, instrument: InstrumentId, buyer: int, seller: int, size: int, price: int
    ) -> Trade:
        """`size` at `price`, within the band around the mark and the cap on open interest."""
        m, mark = self._accrued(now, instrument)
        interest = side_index.open_interest(m, True)
        if options.is_option(instrument):
            closed_at = expiry_of(instrument) - average.WINDOW_SECONDS
            if now.time >= closed_at:
                raise Refused("TradingClosed", instrument, closed_at)
            room = mark * self.rules.band_bps + now.mark(m) * OPTION_TICK_BPS
            self._check_band(price, mark, room)
        else:
            self._check_band(price, mark, mark * self.rules.band_bps)
            premium = side_index.premium_after(m.long.premium_ppb, price, mark, size, interest)
            m = replace(
                m, long=replace(m.long, premium_ppb=premium), short=replace(m.short, premium_ppb=premium)
            )

        quote = mul_wad_up(size, price)
        to_int(size, 256), to_int(quote, 256)
        m, buyer_cash, buyer_shrinks = self._trade(m, instrument, buyer, size, quote)
        m, seller_cash, seller_shrinks = self._trade(m, instrument, seller, -size, -quote)
        held = self._save(instrument, m)

        cap = self.params.instruments.get(options.class_of(instrument), NO_PARAMS).open_interest_cap_wad
        if side_index.open_interest(m, True) > interest and held > cap:
            raise Refused("OpenInterestCapExceeded", instrument, held, cap)
        return Trade(quote, buyer_cash, seller_cash, buyer_shrinks, seller_shrinks)

    def take(self, now: Moment, source: int, to: int, fraction: int) -> tuple[int, int]:
        """A fraction of every position of `source` traded to `to` at the marks: cash realised by each."""
        given = got = 0
        for instrument in self.lanes.get(source, ()):
            more_given, more_got = self._take(now, instrument, source, to, fraction)
            given, got = given + more_given, got + more_got
        return given, got

    def deleverage(
        self, now: Moment, account: int, instrument: InstrumentId, deficit: int
    ) -> tuple[int, int, int]:
        """(size, price, cash) of a position closed against the opposite side, for `deficit` more than the mark."""
        m, mark = self._accrued(now, instrument)
        p = self._current(account, instrument, m)
        if p.base_wad == 0 or m.interest.settled:
            raise Refused("NoPosition", account, instrument)

        size = side_index.size_of(m, p)
        if side_index.base_of(m, p.base_wad < 0) == 0:
            deficit = 0
        quote = bankruptcy_quote(size, mark, deficit)
        price = mul_div_down(quote, WAD, abs(size)) if size else 0
        cash = to_int(quote if size > 0 else -quote, 256)

        long = size < 0
        epoch = side_index.side_of(m, long).epoch
        m, end = side_index.deleverage(m, long, abs(size), quote)
        if end is not None:
            self.epoch_ends[instrument, long, epoch] = end
        m, p, cash = side_index.close(m, p, -cash)
        self._store(account, instrument, p)
        self._save(instrument, m)
        return size, price, cash

    def settle(self, now: Moment, account: int, instrument: InstrumentId) -> int:
        """Bring a position up to its side; if nothing is left of it, close it for the cash returned."""
        self._market(instrument)
        if instrument not in self.lanes.get(account, ()):
            raise Refused("NoPosition", account, instrument)
        m, _ = self._accrued(now, instrument)

        p, cash = self._current(account, instrument, m), 0
        if side_index.size_of(m, p) == 0:
            m, p, cash = side_index.close(m, p, 0)
        self._store(account, instrument, p)
        self._save(instrument, m)
        return cash

    def accrue(self, now: Moment, instrument: InstrumentId) -> None:
        """Bring the funding of an instrument up to now."""
        self.markets[instrument] = self._accrued(now, instrument)[0]

    def list_instrument(self, now: Moment, instrument: InstrumentId) -> None:
        underlying = underlying_of(instrument)
        if options.is_option(instrument):
            self._check_series(now, instrument)
        elif not 0 < underlying < ALL_SERIES or instrument != perpetual(underlying):
            raise Refused("UnsupportedKind", instrument)
        if instrument in self.markets:
            raise Refused("AlreadyListed", instrument)
        if options.class_of(instrument) not in self.params.instruments:
            raise Refused("NotListed", instrument)
        self.markets[instrument] = side_index.fresh(underlying, now.time)
        if options.is_option(instrument):
            self.series.append(instrument)
            tally = self.tallies.get(underlying, Tally())
            self.tallies[underlying] = replace(tally, series=tally.series + 1)

    def settle_series(self, instrument: InstrumentId, history: average.History, covered_at: int) -> None:
        """Close both sides at what the series pays at the oracle's settlement of its expiry."""
        m = self._market(instrument)
        if not options.is_option(instrument):
            raise Refused("UnsupportedKind", instrument)
        if m.interest.settled:
            raise Refused("AlreadySettled", instrument)
        price = average.settlement_wad(history, m.interest.underlying, expiry_of(instrument), covered_at)
        self._save(instrument, side_index.settle(m, options.payoff_wad(instrument, price)))
        tally = self.tallies[m.interest.underlying]
        self.tallies[m.interest.underlying] = replace(tally, series=tally.series - 1)

    # Views

    def health_of(self, now: Moment, query: Query) -> Health:
        """The legs of an account gathered, priced, and judged by the margin model of its mode."""
        legs = self.legs_of(now, query.account, query.instrument, query.extra_wad)
        book = risk.Book(cash_wad=query.cash_wad, legs=legs, holdings=query.holdings)
        pricing = now.pricing(self.params.surface)
        model = partial(self._assess_portfolio, now, pricing, query.witness)
        margin = risk.assess(query.mode, book, self.params.instruments, self.params.assets, pricing, model)

        underlyings = [*(underlying_of(leg.instrument) for leg in legs), *query.underlyings]
        sizes = [abs(leg.size_wad) for leg in legs] + [holding.amount_wad for holding in query.holdings]
        items = tuple(
            Item(weight_wad=weight(size, now.price(one)), grade=now.price(one).grade, underlying=one)
            for size, one in zip(sizes, underlyings, strict=True)
        )
        return Health(
            margin=margin,
            cash_wad=query.cash_wad,
            gross_wad=sum(mul_wad_up(abs(leg.size_wad), leg.mark_wad) for leg in legs),
            legs=len(legs),
            holdings=len(query.holdings),
            grade=max((item.grade for item in items), default=Grade.FRESH),
            dominant=max((item.word for item in items), default=0) & 0xFFFF,
            items=items,
        )

    def _assess_portfolio(
        self,
        now: Moment,
        pricing: options.Pricing,
        witness: int,
        book: risk.Book,
        haircuts: Sequence[AssetParams],
    ) -> Margin:
        rules = self.params.portfolio
        return portfolio.assess(
            book,
            haircuts,
            rules,
            pricing.variance_of,
            now.time,
            offsets=risk.diversifies(book, rules.netted, now.level),
            witness=witness,
        )

    def legs_of(
        self, now: Moment, account: int, instrument: InstrumentId = NOTHING, extra: int = 0
    ) -> tuple[risk.Leg, ...]:
        """Positions as a margin model reads them, with `extra` more of one instrument."""
        lanes = self.lanes.get(account, ())
        if to_int(extra, 128):
            self._market(instrument)
            lanes = lanes if instrument in lanes else (*lanes, instrument)[:MAX_POSITIONS]
        return tuple(self._leg(now, account, held, extra if held == instrument else 0) for held in lanes)

    def position_of(self, now: Moment, account: int, instrument: InstrumentId) -> tuple[int, int]:
        """Signed size and cash side, funding projected to now."""
        self._market(instrument)
        leg = self._leg(now, account, instrument, 0)
        return leg.size_wad, leg.quote_wad

    def raw_position_of(self, account: int, instrument: InstrumentId) -> Position:
        """As stored."""
        return self.positions.get((account, instrument), Position())

    def market_at(self, now: Moment, instrument: InstrumentId) -> Market:
        """Funding projected to now."""
        return self._accrued(now, instrument)[0]

    def current(self, now: Moment, account: int, instrument: InstrumentId) -> tuple[Market, Position]:
        """A position in the epoch of its side, and the market it belongs to, funding projected to now."""
        m = self.market_at(now, instrument)
        return m, self._current(account, instrument, m)

    # Inside

    def _trade(
        self, m: Market, instrument: InstrumentId, account: int, size: int, paid: int
    ) -> tuple[Market, int, bool]:
        """Market, cash realised, and whether the position only became smaller. Size and paid are signed."""
        p, cash, shrinks = self._current(account, instrument, m), 0, False
        held = side_index.size_of(m, p)
        if held == 0:
            m, p, cash = side_index.close(m, p, 0)

        if held == 0 or (held > 0) == (size > 0):
            m, p = side_index.increase(m, p, size, paid)
        elif abs(size) < abs(held):
            shrinks = True
            m, p, cash = side_index.reduce(m, p, held, size, paid)
        else:
            shrinks = size == -held
            closing = paid if shrinks else mul_div_ceil(paid, abs(held), abs(size))
            m, p, cash = side_index.close(m, p, closing)
            if not shrinks:
                m, p = side_index.increase(m, p, size + held, paid - closing)
        self._store(account, instrument, p)
        return m, cash, shrinks

    def _take(
        self, now: Moment, instrument: InstrumentId, source: int, to: int, fraction: int
    ) -> tuple[int, int]:
        m, mark = self._accrued(now, instrument)
        p = self._current(source, instrument, m)
        size, given, got = side_index.size_of(m, p), 0, 0

        if fraction == WAD:
            m, p, given = side_index.close(m, p, -mul_div_ceil(size, mark, WAD))
            self._store(source, instrument, p)
        else:
            part = mul_wad_down(abs(size), fraction)
            size = -part if size < 0 else part
            if size == 0:
                return 0, 0
            m, given, _ = self._trade(m, instrument, source, -size, -mul_div_ceil(size, mark, WAD))
        if size:
            m, got, _ = self._trade(m, instrument, to, size, mul_div_ceil(size, mark, WAD))
        self._save(instrument, m)
        return given, got

    def _leg(self, now: Moment, account: int, instrument: InstrumentId, extra: int) -> risk.Leg:
        m, p = self.current(now, account, instrument)
        price = now.price(m.interest.underlying)
        long = p.base_wad > 0
        held = side_index.open_interest(m, long)
        if options.is_option(instrument):
            held = self.tallies[m.interest.underlying].open_interest_wad
        return risk.Leg(
            instrument=instrument,
            size_wad=side_index.size_of(m, p) + extra,
            quote_wad=side_index.quote_of(p, side_index.side_of(m, long).flow_wad),
            mark_wad=price.spot_wad,
            ema_wad=price.ema_wad,
            open_interest_wad=held,
        )

    def _current(self, account: int, instrument: InstrumentId, m: Market) -> Position:
        """In the epoch of its side; base 0 if deleveraging closed it."""
        p = self.raw_position_of(account, instrument)
        long = p.base_wad > 0
        while p.base_wad and p.epoch != side_index.side_of(m, long).epoch:
            p = side_index.cross(p, self.epoch_ends[instrument, long, p.epoch])
        return p

    def _store(self, account: int, instrument: InstrumentId, p: Position) -> None:
        lanes = self.lanes.get(account, ())
        if p.base_wad:
            if instrument not in lanes:
                if len(lanes) == MAX_POSITIONS:
                    raise Refused("TooManyPositions", account, MAX_POSITIONS)
                self.lanes[account] = (*lanes, instrument)
            self.positions[account, instrument] = p
        elif instrument in lanes:
            self.lanes[account] = without(lanes, instrument)
            del self.positions[account, instrument]

    def _accrued(self, now: Moment, instrument: InstrumentId) -> tuple[Market, int]:
        """The market with funding up to now, and the mark that it used."""
        m = self._market(instrument)
        spot = now.mark(m)
        if options.is_option(instrument):
            if m.interest.settled:
                return m, 0
            return m, options.unit_wad(instrument, spot, now.pricing(self.params.surface))
        f = side_index.funding(
            m.long.premium_ppb,
            spot,
            now.time - m.long.accrued_at,
            self.rules.funding_period_seconds,
            self.rules.funding_cap_bps,
        )
        m = replace(m, long=replace(m.long, accrued_at=now.time), short=replace(m.short, accrued_at=now.time))
        return side_index.apply_funding(m, f) if f else m, spot

    def _save(self, instrument: InstrumentId, m: Market) -> int:
        """The market as it is now; returns the open interest that a cap holds."""
        before = side_index.open_interest(self.markets[instrument], True)
        self.markets[instrument] = m
        after = side_index.open_interest(m, True)
        if not options.is_option(instrument):
            return after
        tally = self.tallies[m.interest.underlying]
        after += tally.open_interest_wad - before
        self.tallies[m.interest.underlying] = replace(tally, open_interest_wad=to_uint(after, 128))
        return after

    def _check_band(self, price: int, mark: int, room: int) -> None:
        """`room` in wad·bps."""
        if checked(abs(price - mark) * BPS) > room:
            raise Refused("PriceOutsideBand", price, mark, self.rules.band_bps)

    def _check_series(self, now: Moment, option: InstrumentId) -> None:
        underlying, spot = underlying_of(option), now.price(underlying_of(option)).spot_wad
        if option >> 184 > Kind.PUT:
            raise Refused("UnsupportedKind", option)
        if option in self.markets:
            raise Refused("AlreadyListed", option)
        if perpetual(underlying) not in self.markets:
            raise Refused("NoSuchInstrument", perpetual(underlying))
        if self.tallies.get(underlying, Tally()).series == MAX_SERIES or len(self.series) == ALL_SERIES:
            raise Refused("TooManySeries", underlying, MAX_SERIES)
        for value, low, high, step in (
            (
                expiry_of(option),
                now.time + MIN_LIFE_SECONDS,
                now.time + MAX_LIFE_SECONDS,
                average.WINDOW_SECONDS,
            ),
            (strike_of(option), spot // MAX_STRIKE_RATIO + 1, spot * MAX_STRIKE_RATIO, strike_step(spot)),
        ):
            if value < low:
                raise Refused("BadSeries", option, value, low)
            if value > high:
                raise Refused("BadSeries", option, value, high)
            if value % step:
                raise Refused("BadSeries", option, value, step)

    def _market(self, instrument: InstrumentId) -> Market:
        try:
            return self.markets[instrument]
        except KeyError:
            raise Refused("NoSuchInstrument", instrument) from None


def strike_step(spot_wad: int) -> int:
    """A hundredth of the power of ten at or below the spot, at least a wei."""
    return max(1, int(10 ** (len(str(spot_wad)) - 3)))


def bankruptcy_quote(size: int, mark: int, deficit: int) -> int:
    """Cash at which a position closes: the mark moved by exactly the deficit in its favour, never below zero."""
    if size == 0:
        return 0
    if size > 0:
        return checked(mul_wad_down(size, mark) + deficit)
    return max(0, mul_wad_up(-size, mark) - deficit)


def without(lanes: Sequence[Lane], gone: Lane) -> tuple[Lane, ...]:
    """The lanes with the last one moved into the place of the one that goes: twin of `Lanes.remove`."""
    return tuple(lanes[-1] if lane == gone else lane for lane in lanes[:-1])
