"""The nouns of Holdfast in Python: frozen mirrors of `interfaces/Types.sol` and of what the Lens returns.

Scales are in the names: `_wad` 1e18, `_bps` 1e4, `_at` seconds since epoch; a bare `amount` is in the token's own
decimals. Instruments are plain integers, as on chain; underlyings and assets are small integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Final, NewType

from holdfast.units import WAD

InstrumentId = NewType("InstrumentId", int)
"""kind [8] | underlying [16] | expiryAt [40] | strikeWad [128], from bit 191 down."""

Address = str
"""Checksummed, 0x-prefixed."""

SETTLEMENT: Final = 0
"""Asset 0: the token in which cash is kept."""

EVERYTHING: Final = 0
"""Underlying 0: in the breaker it stands for all markets."""


class Mode(IntEnum):
    NONE = 0
    ISOLATED = 1
    CROSS = 2
    PORTFOLIO = 3


class Kind(IntEnum):
    PERPETUAL = 0
    CALL = 1
    PUT = 2


class Grade(IntEnum):
    """How far a price can be trusted, best first."""

    FRESH = 0
    SLOW = 1
    CONTESTED = 2
    STALE = 3
    INVALID = 4


class Level(IntEnum):
    """Restriction of a market, or of everything."""

    NORMAL = 0
    CAUTIOUS = 1
    HALTED = 2


class Action(IntEnum):
    """What the breaker's table allows or blocks."""

    INCREASE = 0
    REDUCE = 1
    WITHDRAW = 2
    START = 3
    TAKE = 4
    DELEVERAGE = 5
    WRITE_OFF = 6


def instrument_id(kind: Kind, underlying: int, expiry_at: int = 0, strike_wad: int = 0) -> InstrumentId:
    return InstrumentId(kind << 184 | underlying << 168 | expiry_at << 128 | strike_wad)


def perpetual(underlying: int) -> InstrumentId:
    return instrument_id(Kind.PERPETUAL, underlying)


def kind_of(instrument: int) -> Kind:
    return Kind(instrument >> 184 & 0xFF)


def underlying_of(instrument: int) -> int:
    return instrument >> 168 & 0xFFFF


def expiry_of(instrument: int) -> int:
    return instrument >> 128 & 0xFF_FFFF_FFFF


def strike_of(instrument: int) -> int:
    return instrument & (1 << 128) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """One underlying, graded at the block it was read."""

    spot_wad: int  # mark of one whole unit
    ema_wad: int  # slow price
    grade: Grade


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """What an account holds of an instrument; size and quote are projected to the block's time."""

    instrument: InstrumentId
    size_wad: int
    quote_wad: int  # ⌊|base|·K⌋ − cost; value = size·mark + quote
    mark_wad: int  # what one unit is worth; 0 where there is no price, and once a series is settled
    base_wad: int  # stored: signed
    cost_wad: int  # stored: what was paid for the open part, and |base|·K of that time
    epoch: int  # stored


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    asset: int
    amount: int  # the token's own decimals


@dataclass(frozen=True, kw_only=True, slots=True)
class Margin:
    equity_wad: int
    initial_wad: int
    maintenance_wad: int
    borrow_limit_wad: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A leg or a holding, as the breaker judges it."""

    weight_wad: int  # |size|·(max(mark, ema) + 2·|mark − ema|), rounded up: twice what it could hide
    grade: Grade
    underlying: int

    @classmethod
    def of_word(cls, word: int) -> Item:
        """From `Health.items`: weight << 24 | grade << 16 | underlying."""
        return cls(weight_wad=word >> 24, grade=Grade(word >> 16 & 0xFF), underlying=word & 0xFFFF)

    @property
    def word(self) -> int:
        return self.weight_wad << 24 | self.grade << 16 | self.underlying


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What `Ledger.healthOf` says."""

    margin: Margin
    cash_wad: int
    gross_wad: int  # Σ |size|·mark
    legs: int
    holdings: int
    grade: Grade  # worst of the prices used
    dominant: int  # underlying of the largest leg or holding, 0 if none
    items: tuple[Item, ...]  # legs, then holdings

    @property
    def tolerance_wad(self) -> int:
        """What may stand in the way of seizing the account: less than this of it is passed over."""
        return 2 * max(0, self.margin.maintenance_wad - self.margin.equity_wad)


@dataclass(frozen=True, kw_only=True, slots=True)
class Auction:
    started_at: int
    restarted_at: int
    market: int  # underlying whose line of insurance pays
    insured: bool
    ran_out: bool  # insured and without a buyer for a whole run
    uncovered: bool  # reported to owe more than the fund can pay
    discount_wad: int  # d at the block's time


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    id: int
    owner: Address
    mode: Mode
    cash_wad: int
    positions: tuple[Position, ...]
    holdings: tuple[Holding, ...]
    health: Health | None  # None: the contracts could not assess it
    auction: Auction | None  # None: not in auction

    @property
    def healthy(self) -> bool | None:
        """equity ≥ MM; None where it could not be assessed."""
        if self.health is None:
            return None
        return self.health.margin.equity_wad >= self.health.margin.maintenance_wad

    @property
    def health_wad(self) -> int | None:
        """equity / MM, rounded down; None without a requirement or an assessment."""
        if self.health is None or self.health.margin.maintenance_wad == 0:
            return None
        return self.health.margin.equity_wad * WAD // self.health.margin.maintenance_wad

    def position(self, instrument: int) -> Position | None:
        for leg in self.positions:
            if leg.instrument == instrument:
                return leg
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class AtRisk:
    """An account that a keeper may have something to do with, as `Lens.atRisk` names it."""

    account: int
    health_bps: int | None  # equity / MM, rounded down, within 64 bits; None: it could not be assessed
    in_auction: bool

    @classmethod
    def of_word(cls, word: int) -> AtRisk:
        """account << 192 | not assessable << 65 | in auction << 64 | health [64, signed]."""
        low = word & (1 << 64) - 1
        health = low - (low >> 63 << 64)
        return cls(
            account=word >> 192,
            health_bps=None if word >> 65 & 1 else health,
            in_auction=bool(word >> 64 & 1),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Restriction:
    """The breaker's state of one underlying alone; times are 0 where nothing runs."""

    level: Level
    until: int
    grace_until: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One side of an instrument, as stored."""

    flow_wad: int  # K
    scale_wad: int  # A
    epoch: int
    accrued_at: int
    premium_ppb: int


@dataclass(frozen=True, kw_only=True, slots=True)
class InstrumentParams:
    initial_bps: int
    maintenance_bps: int
    initial_max_bps: int
    knee_bps: int
    open_interest_cap_wad: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetParams:
    initial_haircut_bps: int
    maintenance_haircut_bps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    """One listed instrument with its price, its restriction and its line of insurance."""

    instrument: InstrumentId
    underlying: int
    long: Side
    short: Side
    long_base_wad: int
    short_base_wad: int
    long_open_wad: int  # base · A, rounded down
    short_open_wad: int
    price: Price
    price_updated_at: int
    restriction: Restriction
    params: InstrumentParams
    insurance_capacity_wad: int  # what the fund could pay now
    insurance_drawn_wad: int
    insurance_cap_wad: int
    depth_wad: int  # notional that auctions may sell at once; 0: not throttled
    depth_free_wad: int  # what is left of it now
    depth_seconds: int  # in which all of it comes back
    option_params: InstrumentParams  # of all options of its underlying as a class; zero: there are none
    tally_wad: int  # open interest of their series that are not settled
    tally_series: int  # and how many there are

    @property
    def open_interest_wad(self) -> int:
        return max(self.long_open_wad, self.short_open_wad)

    @property
    def mark_wad(self) -> int:
        return self.price.spot_wad


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A series of options that isn't settled, or that somebody holds still."""

    instrument: InstrumentId
    long: Side
    short: Side
    long_base_wad: int
    short_base_wad: int
    long_open_wad: int  # base · A, rounded down; 0 once it is settled
    short_open_wad: int
    mark_wad: int  # what one unit is worth; 0 where there is no price, and once it is settled
    settled: bool
    covered_at: int  # what `settleSeries` takes; 0 while it can't be settled, and once it is

    @property
    def underlying(self) -> int:
        return underlying_of(self.instrument)

    @property
    def expiry_at(self) -> int:
        return expiry_of(self.instrument)


Traded = Market | Series
"""What positions are of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """One listed token; asset 0 is the settlement token."""

    asset: int
    token: Address
    vault: Address
    underlying: int
    unit_wad: int  # one smallest unit of the token
    held: int  # what the vault owes the ledger
    balance: int  # what the vault has; more than `held` after a donation
    cap: int
    outflow: int  # how full the bucket of outflows is,
    outflow_capacity: int  # …and how much it holds
    params: AssetParams
    price: Price | None  # None for the settlement token


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """The two cash pools, interest projected to the block's time."""

    credit_shares: int
    debt_shares: int
    credit_index_wad: int
    debt_index_wad: int
    accrued_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FundState:
    """What the insurance fund aims for, and who has which part in it."""

    target_wad: int
    refreshed_at: int
    raw_wad: int  # what the last refresh found
    held_until: int  # until then no stake and no surplus leaves
    own_shares: int  # the protocol's, as of the last time that anybody staked beside it
    staked_shares: int


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """Everything that is neither an account nor a market."""

    chain_id: int
    block: int
    time: int
    base_fee: int  # wei per gas
    accounts: int  # highest account id
    pool: Pool
    assets: tuple[Asset, ...]
    restriction: Restriction  # of everything
    gated_until: int  # withdrawals wait until then at most; 0 if they needn't
    gate_ready_at: int  # from when on a deficit can gate them anew
    fund_account: int
    fees_account: int
    treasury_account: int
    fund_wad: int  # cash of the insurance fund
    fees_wad: int  # fees not yet distributed
    treasury_wad: int
    fund_share_wad: int  # of the fees, that goes to the fund now
    fund: FundState
    staked_wad: int  # of the fund's cash, that is stakers'


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All of it at one block; what is looked up is sorted once."""

    system: System
    markets: tuple[Market, ...]
    series: tuple[Series, ...] = ()
    accounts: tuple[Account, ...]

    @cached_property
    def by_id(self) -> Mapping[int, Account]:
        return {account.id: account for account in self.accounts}

    @cached_property
    def by_underlying(self) -> Mapping[int, Market]:
        """The first market of each: all of them have its price and its restriction."""
        return {market.underlying: market for market in reversed(self.markets)}

    @cached_property
    def legs(self) -> Mapping[InstrumentId, Sequence[Position]]:
        """Everybody's positions by instrument, in the order of the accounts."""
        found: dict[InstrumentId, list[Position]] = {}
        for account in self.accounts:
            for leg in account.positions:
                found.setdefault(leg.instrument, []).append(leg)
        return found

    @cached_property
    def settled(self) -> frozenset[InstrumentId]:
        """Series of which nothing but cash is left to pick up."""
        return frozenset(one.instrument for one in self.series if one.settled)

    @cached_property
    def instruments(self) -> Mapping[int, Traded]:
        """Perpetuals and series by id."""
        return {one.instrument: one for one in (*self.markets, *self.series)}

    @cached_property
    def series_by_id(self) -> Mapping[int, Series]:
        return {one.instrument: one for one in self.series}

    @cached_property
    def instrument_params(self) -> Mapping[InstrumentId, InstrumentParams]:
        """Of the perpetuals, and of the options of each underlying as a class: a call without expiry and strike."""
        found = {market.instrument: market.params for market in self.markets}
        for market in self.markets:
            if market.option_params.maintenance_bps:
                found[instrument_id(Kind.CALL, market.underlying)] = market.option_params
        return found

    @cached_property
    def asset_params(self) -> Mapping[int, AssetParams]:
        return {asset.asset: asset.params for asset in self.system.assets}

    def market(self, instrument: int) -> Market:
        for market in self.markets:
            if market.instrument == instrument:
                return market
        raise LookupError(f"no market of instrument {instrument}")

    def account(self, account: int) -> Account:
        return self.by_id[account]


@dataclass(frozen=True, kw_only=True, slots=True)
class Books:
    """INV-01 in exact integers: what is claimed of the settlement token against what is held.

    `claims_wad` = Σ cash + Σ (pending K flow − cost) over all accounts, insurance and fees among them.
    """

    block: int
    cash_wad: int
    quote_wad: int
    held_wad: int  # what the settlement vault owes the ledger
    balance_wad: int  # what it has
    net_size_wad: Mapping[int, int]  # instrument → Σ size; zero up to rounding
    collateral_dust: Mapping[int, int]  # asset → held − Σ balances, the token's decimals; never negative
    surplus: Mapping[int, int] = field(default_factory=dict)  # asset → balance − held, the token's decimals

    @property
    def claims_wad(self) -> int:
        return self.cash_wad + self.quote_wad

    @property
    def dust_wad(self) -> int:
        """held − claims: may only grow, in the protocol's favour."""
        return self.held_wad - self.claims_wad

    @property
    def balanced(self) -> bool:
        """No claim without a token: every dust and surplus is non-negative."""
        return (
            self.dust_wad >= 0
            and all(dust >= 0 for dust in self.collateral_dust.values())
            and all(surplus >= 0 for surplus in self.surplus.values())
        )
