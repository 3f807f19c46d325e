"""`config/<network>.toml`: every parameter of a deployment, checked before anything is sent.

Quantities are written in whole units (tokens, dollars) and turned into the contracts' integers here, exactly: TOML
numbers with a point are read as decimals, never as floats. Bounds that a contract imposes are checked by the contract
too; those here exist so that a mistake is named by its key.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from decimal import Context, Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from eth_utils.address import is_address, to_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError
from holdfast.model.envelope import Costs, terms
from holdfast.model.portfolio import Grid, ScanParams, Scenario
from holdfast.model.surface import MAX_MOVE_BPS, MAX_STALE_SECONDS, MAX_SURCHARGE_BPS
from holdfast.types import InstrumentId, Kind, instrument_id, perpetual
from holdfast.units import BPS, WAD

CONFIG_FOLDER: Final = PROJECT / "config"

LOCAL_CHAIN_ID: Final = 31337
"""Anvil's. There, tokens and feeds without an address are deployed as mocks, and roles may be the node's accounts."""

HEARTBEAT_UNIT: Final = 10  # [seconds] the oracle stores heartbeats in this unit
MAX_SOURCES: Final = 8  # of one underlying
MIN_WINDOW_SECONDS: Final = 60  # of a pool's mean price


MAX_MULTIPLE_BPS: Final = 100_000
MAX_CLOCK_SECONDS: Final = 60 * 86_400
"""Bounds of the insurance fund; the contract has the same."""

MAX_SPOTS: Final = 16
MAX_VOLS: Final = 4
MAX_TAILS: Final = 4
MAX_WORST: Final = 8
"""Of a scan; the contract has the same."""


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError("must be an address of 20 bytes")
    return str(to_checksum_address(text))


def _account(value: int | str) -> int | str:
    if isinstance(value, str):
        return _address(value)
    if value < 0:
        raise ValueError("must be an address, or the place of an account from 0")
    return value


Address = Annotated[str, AfterValidator(_address)]
Bps = Annotated[int, Field(ge=0, le=BPS)]
Seconds = Annotated[int, Field(ge=1, lt=2**32)]
Positive = Annotated[Decimal, Field(gt=0)]
Account = Annotated[int | str, AfterValidator(_account)]
"""An address; on the local chain also the place of one of the node's own accounts, from 0."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Settlement(Section):
    symbol: str
    decimals: Annotated[int, Field(ge=0, le=18)]
    cap: Positive  # [tokens] most that the vault takes in
    outflow_floor: Positive  # [tokens] what may leave in a window, however little is held
    address: Address | None = None

    def amount(self, tokens: Decimal) -> int:
        """Whole tokens in the token's own decimals. ConfigError where there is no such amount."""
        return _scaled(tokens, self.decimals, self.symbol)


class Collateral(Settlement):
    symbol: str = ""  # its key in the file
    underlying: str  # whose price values it
    initial_haircut_bps: Bps
    maintenance_haircut_bps: Bps
    netted: bool = False  # takes part in the scenarios of its underlying, in portfolio mode

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "initial_haircut_bps", "maintenance_haircut_bps")
        return self


class Settable(Section):
    """A feed whose owner says the price: deployed on the local chain, or there already."""

    kind: Literal["settable"]
    address: Address | None = None


class Chainlink(Section):
    kind: Literal["chainlink"]
    address: Address  # of the aggregator, or of the proxy before it


class Pyth(Section):
    kind: Literal["pyth"]
    address: Address  # of Pyth's contract
    id: Annotated[str, Field(pattern="^0x[0-9a-fA-F]{64}$")]  # of the price


class Uniswap(Section):
    kind: Literal["uniswap"]
    pool: Address
    base: Address  # the token whose price it is; the other one of the pool is what the price is in
    window_seconds: Annotated[int, Field(ge=MIN_WINDOW_SECONDS, lt=2**32)]


Source = Annotated[Settable | Chainlink | Pyth | Uniswap, Field(discriminator="kind")]


class Underlying(Section):
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=MAX_SOURCES)]
    quorum: Annotated[int, Field(ge=1)]  # fewest answers that make a price
    divergence_bps: Annotated[int, Field(ge=1, le=BPS)]
    heartbeat_seconds: Annotated[
        int, Field(ge=HEARTBEAT_UNIT, lt=HEARTBEAT_UNIT << 16, multiple_of=HEARTBEAT_UNIT)
    ]
    deviation_percent: Annotated[int, Field(ge=1, le=100)]
    min_price: Positive
    max_price: Positive
    price: Positive | None = None  # first answer of local feeds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_price <= self.min_price:
            raise ValueError(f"max_price ({self.max_price}) must be above min_price ({self.min_price})")
        if self.price is not None and not self.min_price <= self.price <= self.max_price:
            raise ValueError(f"price ({self.price}) must lie in [{self.min_price}, {self.max_price}]")
        count = len(self.sources)
        if not count // 2 < self.quorum <= count:
            raise ValueError(
                f"quorum ({self.quorum}) must be more than half of the {count} sources, and not more"
            )
        return self


class Margins(Section):
    """Of a perpetual, or of the options of an underlying as a class."""

    initial_bps: Annotated[int, Field(ge=1, le=BPS)]
    maintenance_bps: Annotated[int, Field(ge=1, le=BPS)]
    initial_max_bps: Annotated[int, Field(ge=1, le=BPS)]
    knee_bps: Annotated[int, Field(ge=0, lt=BPS)]
    open_interest_cap: Positive  # [units of the underlying]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.maintenance_bps >= self.initial_bps:
            raise ValueError(
                f"maintenance_bps ({self.maintenance_bps}) must be below initial_bps ({self.initial_bps})"
            )
        _at_least(self, "initial_max_bps", "initial_bps")
        return self

    @property
    def params(self) -> tuple[int, int, int, int, int]:
        """As `Risk.setInstrument` takes them."""
        cap_wad = wad(self.open_interest_cap)
        return self.initial_bps, self.maintenance_bps, self.initial_max_bps, self.knee_bps, cap_wad


class Instrument(Margins):
    kind: Literal["perpetual"]
    underlying: str


class Oracle(Section):
    ema_half_life_seconds: Seconds
    variance_half_life_seconds: Seconds
    slow_seconds: Seconds
    contested_seconds: Annotated[int, Field(ge=1, le=86_400)]

    @property
    def ema_decay_wad(self) -> int:
        """What a second leaves of the distance between slow price and spot, rounded down."""
        return _kept_wad(self.ema_half_life_seconds)

    @property
    def variance_decay_wad(self) -> int:
        """What a second leaves of the weight of a return in the realised variance, rounded down."""
        return _kept_wad(self.variance_half_life_seconds)


class Surface(Section):
    interval_seconds: Seconds
    slow_seconds: Seconds
    stale_seconds: Annotated[int, Field(ge=1, le=MAX_STALE_SECONDS)]
    move_bps: Annotated[int, Field(ge=1, le=MAX_MOVE_BPS)]  # of variance, an update
    surcharge_bps: Annotated[int, Field(ge=0, le=MAX_SURCHARGE_BPS)]  # on realised variance

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "slow_seconds", "interval_seconds")
        _at_least(self, "stale_seconds", "slow_seconds")
        return self


ShockBps = Annotated[int, Field(gt=-BPS, lt=2**15)]
"""Signed: what a price or a volatility moves by."""


class Tail(Section):
    spot_bps: Annotated[int, Field(gt=-BPS, lt=2**23)]
    vol_bps: ShockBps
    weight_bps: Bps  # of the loss

    @property
    def scenario(self) -> Scenario:
        return Scenario(spot_bps=self.spot_bps, vol_bps=self.vol_bps, weight_bps=self.weight_bps)


class Scan(Section):
    """How an underlying is scanned for portfolio margin."""

    maintenance_bps: Annotated[int, Field(ge=1, le=BPS)]  # of the expected shortfall
    worst: Annotated[int, Field(ge=1, le=MAX_WORST)]
    net_delta_bps: Annotated[int, Field(ge=1, le=BPS)]
    gross_delta_bps: Annotated[int, Field(ge=1, le=BPS)]
    pin_bps: Bps
    short_option_bps: Bps
    tail_bps: Bps
    near_power_bps: Bps
    far_power_bps: Bps
    spots_bps: Annotated[tuple[ShockBps, ...], Field(min_length=1, max_length=MAX_SPOTS)]
    vols_bps: Annotated[tuple[ShockBps, ...], Field(min_length=1, max_length=MAX_VOLS)]
    tails: Annotated[tuple[Tail, ...], Field(max_length=MAX_TAILS)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "net_delta_bps", "gross_delta_bps")
        if list(self.spots_bps) != sorted(set(self.spots_bps)) or 0 not in self.spots_bps:
            raise ValueError(f"spots_bps ({list(self.spots_bps)}) must ascend, with 0 among them")
        return self

    @property
    def params(self) -> ScanParams:
        numbers = {name: getattr(self, name) for name in ScanParams.__dataclass_fields__}
        return ScanParams(**numbers)

    @property
    def grid(self) -> Grid:
        return Grid(
            spots_bps=self.spots_bps,
            vols_bps=self.vols_bps,
            tails=tuple(tail.scenario for tail in self.tails),
        )


class Portfolio(Section):
    correlation_bps: Bps  # between underlyings, stressed
    scans: dict[str, Scan]  # by underlying


class Risk(Section):
    ramp_seconds: Seconds
    collateral_ramp_seconds: Seconds
    epoch_seconds: Seconds
    volatility_floor_bps: Annotated[int, Field(ge=0, lt=2**32)]  # a year
    reward_cap_bps: Bps  # of MM, that the envelope keeps for a start reward

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "epoch_seconds", "ramp_seconds")
        _at_least(self, "epoch_seconds", "collateral_ramp_seconds")
        return self


class Vault(Section):
    outflow_share_bps: Annotated[int, Field(ge=1, le=BPS)]
    window_seconds: Seconds
    ramp_seconds: Seconds
    epoch_seconds: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "epoch_seconds", "ramp_seconds")
        return self


class Breaker(Section):
    max_pause_seconds: Seconds
    cooldown_seconds: Seconds
    grace_seconds: Seconds
    trigger_seconds: Seconds
    gate_seconds: Seconds
    gate_gap_seconds: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "max_pause_seconds", "trigger_seconds")
        _at_least(self, "max_pause_seconds", "gate_seconds")
        if self.gate_gap_seconds <= self.gate_seconds:
            raise ValueError(
                f"gate_gap_seconds ({self.gate_gap_seconds}) must be above gate_seconds ({self.gate_seconds})"
            )
        closed = self.max_pause_seconds + 2 * self.grace_seconds
        if self.cooldown_seconds <= closed:
            raise ValueError(
                f"cooldown_seconds ({self.cooldown_seconds}) must be above "
                f"max_pause_seconds + 2·grace_seconds ({closed})"
            )
        return self


class Ledger(Section):
    band_bps: Annotated[int, Field(ge=1, lt=BPS)]
    max_fee_bps: Bps
    funding_cap_bps: Bps  # per hour
    funding_period_seconds: Seconds
    base_rate_bps: Bps  # a year
    kink_bps: Annotated[int, Field(ge=1, lt=BPS)]
    kink_rate_bps: Bps
    max_rate_bps: Annotated[int, Field(ge=0, lt=2**16)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "kink_rate_bps", "base_rate_bps")
        _at_least(self, "max_rate_bps", "kink_rate_bps")
        return self


class Auction(Section):
    gas_underlying: str
    start_bps: Annotated[int, Field(ge=0, lt=2**16)]
    end_bps: Annotated[int, Field(ge=1, lt=2**16)]
    target_bps: Annotated[int, Field(gt=BPS, lt=2**16)]
    fund_share_bps: Bps
    reward_share_bps: Bps  # of the full penalty
    reward_margin_bps: Annotated[int, Field(ge=0, lt=2**16)]
    reward_gas: Annotated[int, Field(ge=0, lt=2**32)]
    reward_item_gas: Annotated[int, Field(ge=0, lt=2**32)]  # for each position and collateral
    ramp_seconds: Seconds
    solvent_seconds: Seconds
    run_seconds: Seconds
    dust: Annotated[Decimal, Field(ge=0)]  # [settlement token] of maintenance margin
    reward_fund: Annotated[Decimal, Field(ge=0)]  # [settlement token]
    gate_deficit: Annotated[Decimal, Field(ge=0)]  # [settlement token]
    tax_bps: Annotated[int, Field(ge=0, le=50_000)]  # of the priority fee
    depth_seconds: Annotated[int, Field(ge=1, le=86_400)]
    depth: dict[str, Annotated[Decimal, Field(ge=0)]]  # [settlement token] by underlying

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "end_bps", "start_bps")
        if self.target_bps <= self.end_bps:
            raise ValueError(f"target_bps ({self.target_bps}) must be above end_bps ({self.end_bps})")
        _at_least(self, "run_seconds", "ramp_seconds")
        return self


class Sentinel(Section):
    window_seconds: Seconds
    drawdown_bps: Annotated[int, Field(ge=1, le=BPS)]
    silence_seconds: Annotated[int, Field(ge=0, lt=2**32)]


class Insurance(Section):
    min_share_bps: Bps  # of the fees, at target and above
    max_share_bps: Bps  # of the fees, when the fund is empty
    slack_bps: Bps
    move_bps: Bps  # a day
    multiple_bps: Annotated[int, Field(ge=0, le=MAX_MULTIPLE_BPS)]
    tail_bps: Annotated[int, Field(ge=0, le=MAX_MULTIPLE_BPS)]
    max_age_seconds: Seconds
    hold_seconds: Annotated[int, Field(ge=1, le=MAX_CLOCK_SECONDS)]
    cooldown_seconds: Annotated[int, Field(ge=1, le=MAX_CLOCK_SECONDS)]
    window_seconds: Annotated[int, Field(ge=1, le=MAX_CLOCK_SECONDS)]
    horizon_seconds: Annotated[int, Field(ge=0, le=MAX_CLOCK_SECONDS)]
    least_target: Annotated[Decimal, Field(ge=1)]  # [settlement token]
    caps: dict[str, Annotated[Decimal, Field(ge=0)]]  # [settlement token] by underlying
    volatility_floors: dict[str, Annotated[Decimal, Field(ge=0, le=10)]]  # a year, by underlying

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "max_share_bps", "min_share_bps")
        _at_least(self, "cooldown_seconds", "hold_seconds")
        _at_least(self, "window_seconds", "hold_seconds")
        return self


class Tranche(Section):
    """The backstop of one underlying's market."""

    loss_cap: Annotated[Decimal, Field(ge=0)]  # [settlement token]
    leverage_bps: Annotated[int, Field(ge=1, le=10 * BPS)]
    min_discount_bps: Bps
    wait_seconds: Annotated[int, Field(ge=0, le=86_400)]
    concession_bps: Annotated[int, Field(ge=0, le=1_000)]
    unwind_seconds: Annotated[int, Field(ge=1, le=7 * 86_400)]
    vest_seconds: Annotated[int, Field(ge=1, le=30 * 86_400)]
    reward_cap_bps: Annotated[int, Field(ge=0, le=2_000)]
    reward_gas: Annotated[int, Field(ge=0, le=1_500_000)]


class Venue(Section):
    maker_fee_bps: Bps
    taker_fee_bps: Bps


class Access(Section):
    governor: Account
    guardian: Account
    feeder: Account  # of volatility
    governor_delay_seconds: Seconds
    admin_delay_seconds: Seconds

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _at_least(self, "admin_delay_seconds", "governor_delay_seconds")
        if self.governor == self.guardian:
            raise ValueError(
                "governor and guardian must differ: one loosens slowly, the other tightens at once"
            )
        if self.feeder in (self.governor, self.guardian):
            raise ValueError("feeder must be neither governor nor guardian, who drops what it sets")
        return self


class Config(Section):
    """One deployment. The order of `underlyings`, `collateral` and `instruments` in the file gives them their ids."""

    chain_id: Annotated[int, Field(ge=1)]
    settlement: Settlement
    underlyings: dict[str, Underlying]
    collateral: dict[str, Collateral]
    instruments: dict[str, Instrument]
    options: dict[str, Margins] = {}  # by underlying; their series are listed by the governor
    oracle: Oracle
    surface: Surface
    portfolio: Portfolio
    risk: Risk
    vault: Vault
    breaker: Breaker
    ledger: Ledger
    auction: Auction
    sentinel: Sentinel
    insurance: Insurance
    backstop: dict[str, Tranche]
    venue: Venue
    access: Access

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = ", ".join(self.underlyings)
        for key, name in self._references():
            if name not in self.underlyings:
                raise ValueError(f"{key}: {name!r} is not one of the underlyings ({known})")
        for key in ("maker_fee_bps", "taker_fee_bps"):
            if getattr(self.venue, key) > self.ledger.max_fee_bps:
                raise ValueError(
                    f"venue.{key} must be at most ledger.max_fee_bps ({self.ledger.max_fee_bps})"
                )
        for name, instrument in self.instruments.items():
            self._check_envelope(f"instruments.{name}", instrument.underlying, instrument)
        for name, margins in self.options.items():
            self._check_envelope(f"options.{name}", name, margins)
        for name, token in self.collateral.items():
            if token.netted and token.underlying not in self.portfolio.scans:
                raise ValueError(
                    f"collateral.{name}.netted: {token.underlying} has no scenarios (portfolio.scans)"
                )
        traded = {instrument.underlying for instrument in self.instruments.values()}
        for name, tranche in self.backstop.items():
            if name not in traded:
                raise ValueError(f"backstop.{name}: has no instrument")
            if tranche.concession_bps > self.ledger.band_bps:
                raise ValueError(
                    f"backstop.{name}.concession_bps must be at most ledger.band_bps ({self.ledger.band_bps})"
                )
            opens = self.auction.ramp_seconds + tranche.wait_seconds
            if opens >= self.auction.run_seconds:
                raise ValueError(
                    f"backstop.{name}.wait_seconds: ramp and wait ({opens}) must be below"
                    f" auction.run_seconds ({self.auction.run_seconds})"
                )
        if not self.local:
            for key, value in self._addresses():
                if not isinstance(value, str):
                    raise ValueError(
                        f"{key}: chain {self.chain_id} needs an address; mocks are for {LOCAL_CHAIN_ID}"
                    )
            if self.risk.collateral_ramp_seconds < self.access.governor_delay_seconds:
                raise ValueError(
                    f"risk.collateral_ramp_seconds ({self.risk.collateral_ramp_seconds}) must be at least "
                    f"access.governor_delay_seconds ({self.access.governor_delay_seconds})"
                )
        for name, underlying in self.underlyings.items():
            made = [one for one in underlying.sources if isinstance(one, Settable) and one.address is None]
            if self.local and made and underlying.price is None:
                raise ValueError(f"underlyings.{name}: a settable source without an address needs a price")
        return self

    def _check_envelope(self, key: str, underlying: str, margins: Margins) -> None:
        """What the contract would say of it, with the volatility that every underlying is held to have."""
        found = terms(
            self.risk.volatility_floor_bps * WAD // BPS,
            self.underlyings[underlying].heartbeat_seconds,
            margins.maintenance_bps,
            self.envelope_costs,
        )
        if found.sum_bps > margins.maintenance_bps:
            raise ValueError(
                f"{key}.maintenance_bps ({margins.maintenance_bps}) must survive one heartbeat: "
                f"move {found.move_bps} + funding {found.funding_bps} + fees {found.fees_bps} "
                f"+ reward {found.reward_bps}"
            )

    @property
    def envelope_costs(self) -> Costs:
        return Costs(
            funding_cap_bps=self.ledger.funding_cap_bps,
            max_fee_bps=self.ledger.max_fee_bps,
            reward_cap_bps=self.risk.reward_cap_bps,
        )

    def _references(self) -> Iterator[tuple[str, str]]:
        for name, token in self.collateral.items():
            yield f"collateral.{name}.underlying", token.underlying
        for name, instrument in self.instruments.items():
            yield f"instruments.{name}.underlying", instrument.underlying
        for name in self.options:
            yield "options", name
        for name in self.portfolio.scans:
            yield "portfolio.scans", name
        for name in self.insurance.caps:
            yield "insurance.caps", name
        for name in self.insurance.volatility_floors:
            yield "insurance.volatility_floors", name
        for name in self.backstop:
            yield "backstop", name
        for name in self.auction.depth:
            yield "auction.depth", name
        yield "auction.gas_underlying", self.auction.gas_underlying

    def _addresses(self) -> Iterator[tuple[str, Any]]:
        yield "settlement.address", self.settlement.address
        for name, token in self.collateral.items():
            yield f"collateral.{name}.address", token.address
        for name, underlying in self.underlyings.items():
            for place, source in enumerate(underlying.sources):
                if isinstance(source, Settable):
                    yield f"underlyings.{name}.sources.{place}.address", source.address
        yield "access.governor", self.access.governor
        yield "access.guardian", self.access.guardian
        yield "access.feeder", self.access.feeder

    @property
    def local(self) -> bool:
        return self.chain_id == LOCAL_CHAIN_ID

    @property
    def tokens(self) -> dict[str, Settlement]:
        """By symbol, in the order of their asset ids: the settlement token is asset 0."""
        return {self.settlement.symbol: self.settlement, **self.collateral}

    def underlying_id(self, name: str) -> int:
        """From 1: 0 stands for everything in the breaker."""
        return list(self.underlyings).index(name) + 1

    def feed_names(self, underlying: str) -> list[str]:
        """What the sources of an underlying are called in a deployment, in their order."""
        return source_names(underlying, len(self.underlyings[underlying].sources))

    def instrument_id(self, name: str) -> InstrumentId:
        return perpetual(self.underlying_id(self.instruments[name].underlying))

    def option_class(self, underlying: str) -> InstrumentId:
        """Under which the options of an underlying have their parameters."""
        return instrument_id(Kind.CALL, self.underlying_id(underlying))

    def plain(self) -> dict[str, Any]:
        """As JSON stores it: decimals as text."""
        return self.model_dump(mode="json")

    @property
    def digest(self) -> str:
        """A hash of every value; comments and layout of the file don't count, order does."""
        return hashlib.sha256(json.dumps(self.plain()).encode()).hexdigest()


def wad(value: Decimal) -> int:
    """Whole units in wad. ConfigError where that isn't a whole number."""
    return _scaled(value, 18, str(value))


def source_names(underlying: str, count: int) -> list[str]:
    """`Feed.ETH`, `Feed.ETH.2`, …"""
    return [
        f"Feed.{underlying}" if place == 0 else f"Feed.{underlying}.{place + 1}" for place in range(count)
    ]


def load_config(source: str | Path) -> Config:
    """From a file, or by the name of a network in `config/`. ConfigError names the key and its bound."""
    path = CONFIG_FOLDER / f"{source}.toml" if isinstance(source, str) and "." not in source else Path(source)
    return parse_config(_read(path), str(path))


def find_config(chain_id: int, folder: Path = CONFIG_FOLDER) -> tuple[Path, Config]:
    """The one file of `folder` that is for this chain. ConfigError where there is none, or more than one."""
    found = [path for path in sorted(folder.glob("*.toml")) if _read(path).get("chain_id") == chain_id]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ConfigError(f"files in {folder} with chain_id = {chain_id}: {names}; name one by --config")
    return found[0], parse_config(_read(found[0]), str(found[0]))


def parse_config(data: dict[str, Any], name: str) -> Config:
    """From parsed TOML. `name` is for the message only."""
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        given = f" (is {first['input']})" if isinstance(first["input"], (int, str, Decimal)) else ""
        more = f"; and {error.error_count() - 1} more" if error.error_count() > 1 else ""
        told = {"missing": "is missing", "extra_forbidden": "is not a known key"}
        text = told.get(first["type"], first["msg"].removeprefix("Value error, ").removeprefix("Input "))
        raise ConfigError(f"{name}: {key + ': ' if key else ''}{text}{given}{more}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(), parse_float=Decimal)
    except FileNotFoundError:
        raise ConfigError(f"{path} doesn't exist") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: {error}") from None


def _scaled(value: Decimal, decimals: int, name: str) -> int:
    scaled = value.scaleb(decimals, Context(prec=80))
    if scaled != scaled.to_integral_value():
        raise ConfigError(f"{name}: {value} has more than {decimals} decimals")
    return int(scaled)


def _kept_wad(half_life_seconds: int) -> int:
    """The power of a second that halves in the half-life, rounded down."""
    exact = Context(prec=60)
    power = exact.power(Decimal(2), exact.divide(Decimal(-1), Decimal(half_life_seconds)))
    return int(exact.multiply(power, Decimal(WAD)))


def _at_least(section: Section, name: str, bound: str) -> None:
    if getattr(section, name) < getattr(section, bound):
        raise ValueError(
            f"{name} ({getattr(section, name)}) must be at least {bound} ({getattr(section, bound)})"
        )
