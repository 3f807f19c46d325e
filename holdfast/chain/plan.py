"""The deployment as an ordered list of named steps.

Stages, each built on the ones before:
  1. tokens and feeds      mocks on the local chain, checked elsewhere
  2. contracts             in the order of the flow
  3. ties                  rights of contracts on contracts
  4. parameters            feeds, margins, collateral, instruments, caps
  5. hand-over             functions to roles, roles to people, and the deployer steps down

Until stage 5 every governance function answers to the deployer, the first administrator of the Authority; after it
the deployer can do nothing. A step reads the chain to know whether it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import Any, Final

from holdfast.chain.artifacts import artifact
from holdfast.chain.config import Chainlink, Config, Margins, Pyth, Scan, Settable, Source, Uniswap, wad
from holdfast.chain.contract import Contract
from holdfast.chain.record import Deployment
from holdfast.chain.rpc import Rpc
from holdfast.chain.transactions import Sender
from holdfast.errors import ConfigError, Reverted
from holdfast.model.positions import MAX_POSITIONS
from holdfast.types import SETTLEMENT, InstrumentId

ADMIN: Final = 0
GOVERNOR: Final = 1
GUARDIAN: Final = 2
ORACLE: Final = 3
LIQUIDATION: Final = 4
FEEDER: Final = 5
"""Roles of the Authority. ADMIN is OpenZeppelin's: it changes roles."""

FILL: Final = 1
MOVE: Final = 2
SEIZE: Final = 4
"""Rights of engines in the Ledger."""

PRICE_DECIMALS: Final = 8
"""Of local feeds, as of most feeds in dollars."""

LOOSENING: Final = {
    "Breaker": ("relax",),
    "Oracle": ("setFeed",),
    "Scans": ("setScan", "net", "setCorrelation"),
    "Risk": ("setInstrument", "setAsset"),
    "Ledger": ("listAsset", "setEngine"),
    "Positions": ("listInstrument",),
    "Vault": ("setCap", "setOutflowFloor"),
    "Insurance": ("setCap", "setFloor", "setParams", "payTreasury"),
    "Throttle": ("setDepth",),
    "Liquidation": ("setParams",),
    "Tranche": ("setParams",),
    "Venue": ("setFees",),
}
"""What GOVERNOR may do, after its delay."""

TIGHTENING: Final = {
    "Breaker": ("trip",),
    "Surface": ("dropSmile",),
    "Scans": ("tightenScan",),
    "Risk": ("tightenInstrument", "tightenAsset"),
    "Ledger": ("revokeEngine",),
    "Vault": ("tightenCap", "tightenOutflowFloor"),
    "Insurance": ("tightenCap",),
    "Throttle": ("tightenDepth",),
    "Tranche": ("stop",),
}
"""What GUARDIAN may do, at once; but for RESERVED in the settlement vault."""

RESERVED: Final = ("tightenCap",)
"""Of TIGHTENING, what is GOVERNOR's in the settlement vault: no stolen key stops repayments."""

FEEDING: Final = {"Surface": ("setSmile",)}
"""What FEEDER may do, at once: each smile within the rules of the surface."""


@dataclass(frozen=True)
class Site:
    """Where a step works: the chain, the parameters, the record, and who sends."""

    rpc: Rpc
    config: Config
    record: Deployment
    sender: Sender
    governor: str
    guardian: str
    feeder: str

    @property
    def deployer(self) -> str:
        return self.record.deployer

    def contract(self, name: str) -> Contract:
        found = self.record.contracts[name]
        return Contract(self.rpc, artifact(found.artifact), found.address)

    def address(self, name: str) -> str:
        return self.record.contracts[name].address

    def read(self, name: str, function: str, *args: Any) -> Any:
        return self.contract(name).call(function, *args)


@dataclass(frozen=True, kw_only=True)
class Create:
    """Deploy a contract, and know it by `name`."""

    name: str
    artifact: str
    args: Callable[[Site], tuple[Any, ...]]

    @property
    def title(self) -> str:
        return f"deploy {self.name}"


@dataclass(frozen=True, kw_only=True)
class Adopt:
    """Use what is already there; `check` raises ConfigError where it isn't what the configuration says."""

    name: str
    artifact: str
    address: Callable[[Site], str]
    check: Callable[[Contract], None] = lambda contract: None

    @property
    def title(self) -> str:
        return f"adopt {self.name}"


@dataclass(frozen=True, kw_only=True)
class Apply:
    """Send one transaction, unless its effect is there already."""

    title: str
    target: str
    function: str
    args: Callable[[Site], tuple[Any, ...]]
    done: Callable[[Site], bool]


Step = Create | Adopt | Apply


def plan(config: Config) -> list[Step]:
    """All steps in order."""
    return [
        *_tokens_and_feeds(config),
        *_contracts(config),
        *_ties(),
        *_parameters(config),
        *_hand_over(config),
    ]


# 1. Tokens and feeds


def _tokens_and_feeds(config: Config) -> Iterator[Step]:
    for symbol, token in config.tokens.items():
        name, decimals = f"Token.{symbol}", token.decimals
        if token.address is not None:
            yield Adopt(
                name=name,
                artifact="MockToken",
                address=_at(token.address),
                check=_has_decimals(symbol, decimals),
            )
        else:
            yield Create(name=name, artifact="MockToken", args=_fixed(f"Mock {symbol}", symbol, decimals))
    for symbol, underlying in config.underlyings.items():
        for name, source in zip(config.feed_names(symbol), underlying.sources, strict=True):
            yield from _source(name, symbol, source, underlying.price)


def _source(name: str, symbol: str, source: Source, price: Decimal | None) -> Iterator[Step]:
    match source:
        case Settable(address=None):
            assert price is not None  # the configuration saw to it
            yield Create(
                name=name, artifact="SettableFeed", args=lambda site: (site.deployer, PRICE_DECIMALS)
            )
            yield Apply(
                title=f"first price of {name.removeprefix('Feed.')}",
                target=name,
                function="set",
                args=_fixed(int(price.scaleb(PRICE_DECIMALS))),
                done=_reads(name, "latestRoundData", lambda round_: round_[1] != 0),
            )
        case Settable(address=str(address)):
            yield Adopt(name=name, artifact="SettableFeed", address=_at(address), check=_answers(symbol))
        case Chainlink():
            yield Create(name=name, artifact="ChainlinkSource", args=_fixed(source.address))
        case Pyth():
            yield Create(name=name, artifact="PythSource", args=_fixed(source.address, source.id))
        case Uniswap():
            args = _fixed(source.pool, source.base, source.window_seconds)
            yield Create(name=name, artifact="UniswapV3Source", args=args)


def _at(address: str) -> Callable[[Site], str]:
    return lambda site: address


def _has_decimals(symbol: str, decimals: int) -> Callable[[Contract], None]:
    def check(token: Contract) -> None:
        found = token.call("decimals")
        if found != decimals:
            raise ConfigError(
                f"{symbol} at {token.address} has {found} decimals, the configuration says {decimals}"
            )

    return check


def _answers(symbol: str) -> Callable[[Contract], None]:
    def check(feed: Contract) -> None:
        if feed.call("price")[0] == 0:
            raise ConfigError(f"the feed of {symbol} at {feed.address} has no price")

    return check


# 2. Contracts


def _contracts(config: Config) -> Iterator[Step]:
    breaker, ledger, auction, sentinel = config.breaker, config.ledger, config.auction, config.sentinel
    yield _contract("Authority", lambda site: (site.deployer,))
    yield _contract(
        "Breaker",
        _after(
            "Authority",
            breaker.max_pause_seconds,
            breaker.cooldown_seconds,
            breaker.grace_seconds,
            breaker.trigger_seconds,
            breaker.gate_seconds,
            breaker.gate_gap_seconds,
        ),
    )
    yield _contract(
        "Oracle",
        _after(
            "Authority",
            "Breaker",
            config.oracle.ema_decay_wad,
            config.oracle.variance_decay_wad,
            config.oracle.slow_seconds,
            config.oracle.contested_seconds,
        ),
    )
    surface, portfolio, risk = config.surface, config.portfolio, config.risk
    rules = (
        surface.interval_seconds,
        surface.slow_seconds,
        surface.stale_seconds,
        surface.move_bps,
        surface.surcharge_bps,
        risk.volatility_floor_bps,
    )
    yield _contract("Surface", _after("Authority", "Oracle", rules))
    yield _contract("Scans", _after("Authority", risk.epoch_seconds, portfolio.correlation_bps))
    yield _contract("Portfolio", _after("Scans", "Surface", MAX_POSITIONS))
    parameters = (
        risk.ramp_seconds,
        risk.collateral_ramp_seconds,
        risk.epoch_seconds,
        risk.volatility_floor_bps,
        ledger.funding_cap_bps,
        ledger.max_fee_bps,
        risk.reward_cap_bps,
    )
    yield _contract("Risk", _after("Authority", "Oracle", "Breaker", "Surface", "Portfolio", parameters))
    numbers = (
        ledger.band_bps,
        ledger.max_fee_bps,
        ledger.funding_cap_bps,
        ledger.funding_period_seconds,
        ledger.base_rate_bps,
        ledger.kink_bps,
        ledger.kink_rate_bps,
        ledger.max_rate_bps,
    )
    yield _contract("Ledger", _after("Authority", "Oracle", "Risk", "Breaker", numbers))
    yield Adopt(name="Positions", artifact="Positions", address=lambda site: site.read("Ledger", "POSITIONS"))
    for symbol, token in config.tokens.items():
        vault = (
            token.amount(token.cap),
            token.amount(token.outflow_floor),
            config.vault.outflow_share_bps,
            config.vault.window_seconds,
            config.vault.ramp_seconds,
            config.vault.epoch_seconds,
        )
        args = _after("Authority", "Ledger", f"Token.{symbol}", vault)
        yield Create(name=f"Vault.{symbol}", artifact="Vault", args=args)
    insurance = config.insurance
    healing = (
        insurance.min_share_bps,
        insurance.max_share_bps,
        insurance.slack_bps,
        insurance.move_bps,
        insurance.multiple_bps,
        insurance.tail_bps,
        insurance.max_age_seconds,
        insurance.hold_seconds,
        insurance.cooldown_seconds,
        insurance.window_seconds,
        insurance.horizon_seconds,
        wad(insurance.least_target),
    )
    yield _contract("Insurance", _after("Authority", "Ledger", "Breaker", "Oracle", healing))
    params = (
        auction.start_bps,
        auction.end_bps,
        auction.target_bps,
        auction.fund_share_bps,
        auction.reward_share_bps,
        auction.reward_margin_bps,
        auction.reward_gas,
        auction.reward_item_gas,
        auction.ramp_seconds,
        auction.solvent_seconds,
        auction.run_seconds,
        wad(auction.dust),
        wad(auction.reward_fund),
        wad(auction.gate_deficit),
        auction.tax_bps,
    )
    gas = config.underlying_id(auction.gas_underlying)
    yield _contract("Throttle", _after("Authority"))
    yield _contract(
        "Liquidation",
        _after("Authority", "Ledger", "Breaker", "Oracle", "Insurance", "Throttle", gas, params),
    )
    yield _contract(
        "Sentinel",
        _after(
            "Ledger",
            "Breaker",
            "Insurance",
            "Liquidation",
            sentinel.window_seconds,
            sentinel.drawdown_bps,
            sentinel.silence_seconds,
        ),
    )
    yield _contract(
        "Venue",
        lambda site: (
            site.address("Authority"),
            site.address("Ledger"),
            site.read("Insurance", "FEES"),
            config.venue.maker_fee_bps,
            config.venue.taker_fee_bps,
        ),
    )
    yield from _backstop(config)
    yield _contract("Lens", _after("Ledger", "Oracle", "Risk", "Breaker", "Liquidation", "Insurance"))
    yield from _what_if()


def _what_if() -> Iterator[Step]:
    """Beside the lens: its own portfolio model, like the other one, but of volatilities that it may shift."""
    yield _contract("ShiftedSurface", _after("Surface"))
    yield Create(
        name="ShiftedPortfolio",
        artifact="Portfolio",
        args=lambda site: (
            site.address("Scans"),
            site.address("ShiftedSurface"),
            site.read("Portfolio", "LEG_CAP"),
        ),
    )
    parts = ("Ledger", "Oracle", "Risk", "ShiftedSurface", "ShiftedPortfolio")
    yield _contract("WhatIf", _after(*parts))


def _backstop(config: Config) -> Iterator[Step]:
    settlement = f"Vault.{config.settlement.symbol}"
    parts = ("Ledger", "Liquidation", "Venue", "Oracle", "Breaker", settlement)
    gas = config.underlying_id(config.auction.gas_underlying)
    for symbol, settings in config.backstop.items():
        params = (
            wad(settings.loss_cap),
            settings.leverage_bps,
            settings.min_discount_bps,
            settings.wait_seconds,
            settings.concession_bps,
            settings.unwind_seconds,
            settings.vest_seconds,
            settings.reward_cap_bps,
            settings.reward_gas,
        )
        numbers = (config.underlying_id(symbol), gas)
        names = (f"Holdfast Backstop {symbol}", f"hb{symbol}")
        tranche = f"Tranche.{symbol}"
        yield Create(name=tranche, artifact="Tranche", args=_tranche(parts, numbers, (*names, params)))
        yield Adopt(name=f"Desk.{symbol}", artifact="Desk", address=_desk(tranche))
    yield _contract("StandingBids", _after("Ledger", "Liquidation", "Oracle", "Breaker"))


def _tranche(
    parts: tuple[str, ...], numbers: tuple[int, ...], rest: tuple[Any, ...]
) -> Callable[[Site], tuple[Any, ...]]:
    return lambda site: (
        site.address("Authority"),
        (*(site.address(part) for part in parts), *numbers),
        *rest,
    )


def _desk(tranche: str) -> Callable[[Site], str]:
    return lambda site: str(site.read(tranche, "DESK"))


def _contract(name: str, args: Callable[[Site], tuple[Any, ...]]) -> Create:
    return Create(name=name, artifact=name, args=args)


# 3. Ties


def _ties() -> Iterator[Step]:
    yield _assign("Breaker", ("reportMove", "reportResume"), ORACLE, "ORACLE")
    yield _grant("ORACLE", ORACLE, lambda site: site.address("Oracle"), 0)
    yield _grant("ORACLE to the Sentinel", ORACLE, lambda site: site.address("Sentinel"), 0)
    yield _assign("Insurance", ("pay",), LIQUIDATION, "LIQUIDATION")
    yield _assign("Breaker", ("reportDeficit",), LIQUIDATION, "LIQUIDATION")
    yield _assign("Throttle", ("draw",), LIQUIDATION, "LIQUIDATION")
    yield _grant("LIQUIDATION", LIQUIDATION, lambda site: site.address("Liquidation"), 0)
    for engine, rights in (("Venue", FILL), ("Liquidation", MOVE | SEIZE), ("Insurance", MOVE)):
        yield _engine(engine, rights)


def _engine(name: str, rights: int) -> Apply:
    return Apply(
        title=f"rights of {name} in the ledger",
        target="Ledger",
        function="setEngine",
        args=lambda site: (site.address(name), rights),
        done=lambda site: bool(site.read("Ledger", "engineRights", site.address(name)) == rights),
    )


# 4. Parameters


def _parameters(config: Config) -> Iterator[Step]:
    for symbol in config.underlyings:
        yield _feed(config, symbol)
    for symbol, scan in config.portfolio.scans.items():
        yield _scan(config, symbol, scan)
    for asset, symbol in enumerate(config.tokens):
        if asset != SETTLEMENT:
            yield _haircuts(config, asset, symbol)
        yield _asset(config, asset, symbol)
        if asset != SETTLEMENT and config.collateral[symbol].netted:
            yield _net(config, asset, symbol)
    for name in config.instruments:
        yield from _instrument(config, name)
    for symbol, margins in config.options.items():
        yield _margins(f"{symbol} options", config.option_class(symbol), margins)
    for symbol, cap in config.insurance.caps.items():
        underlying, cap_wad = config.underlying_id(symbol), wad(cap)
        yield Apply(
            title=f"insurance cap of {symbol}",
            target="Insurance",
            function="setCap",
            args=_fixed(underlying, cap_wad),
            done=_reads("Insurance", "capOf", _is(cap_wad), underlying),
        )
    for symbol, floor in config.insurance.volatility_floors.items():
        underlying, floor_wad = config.underlying_id(symbol), wad(floor)
        yield Apply(
            title=f"volatility floor of {symbol}",
            target="Insurance",
            function="setFloor",
            args=_fixed(underlying, floor_wad),
            done=_reads("Insurance", "floorOf", _is(floor_wad), underlying),
        )

    for symbol, depth in config.auction.depth.items():
        yield _depth(config.underlying_id(symbol), wad(depth), config.auction.depth_seconds)


def _depth(underlying: int, capacity_wad: int, window_seconds: int) -> Apply:
    return Apply(
        title=f"depth of underlying {underlying}",
        target="Throttle",
        function="setDepth",
        args=_fixed(underlying, capacity_wad, window_seconds),
        done=lambda site: bool(
            tuple(site.read("Throttle", "depthOf", underlying)) == (capacity_wad, window_seconds)
        ),
    )


def _feed(config: Config, symbol: str) -> Apply:
    underlying, settings = config.underlying_id(symbol), config.underlyings[symbol]
    rest = (
        settings.quorum,
        settings.divergence_bps,
        settings.heartbeat_seconds,
        settings.deviation_percent,
        wad(settings.min_price),
        wad(settings.max_price),
    )

    def feed(site: Site) -> tuple[Any, ...]:
        return [site.address(name) for name in config.feed_names(symbol)], *rest

    return Apply(
        title=f"feed of {symbol}",
        target="Oracle",
        function="setFeed",
        args=lambda site: (underlying, feed(site)),
        done=lambda site: tuple(site.read("Oracle", "feedOf", underlying)) == feed(site),
    )


def _scan(config: Config, symbol: str, scan: Scan) -> Apply:
    underlying = config.underlying_id(symbol)
    params, grid = astuple(scan.params), astuple(scan.grid)

    def done(site: Site) -> bool:
        standing, (spots, vols, tails) = site.read("Scans", "scanOf", underlying)
        found = tuple(spots), tuple(vols), tuple(tuple(tail) for tail in tails)
        return (tuple(standing), found) == (params, grid)

    return Apply(
        title=f"scenarios of {symbol}",
        target="Scans",
        function="setScan",
        args=_fixed(underlying, params, grid),
        done=done,
    )


def _net(config: Config, asset: int, symbol: str) -> Apply:
    underlying = config.underlying_id(config.collateral[symbol].underlying)
    return Apply(
        title=f"{symbol} in the scenarios of its underlying",
        target="Scans",
        function="net",
        args=_fixed(asset, underlying),
        done=_reads("Scans", "underlyingOf", _is(underlying), asset),
    )


def _haircuts(config: Config, asset: int, symbol: str) -> Apply:
    token = config.collateral[symbol]
    params = (token.initial_haircut_bps, token.maintenance_haircut_bps)
    return Apply(
        title=f"haircuts of {symbol}",
        target="Risk",
        function="setAsset",
        args=_fixed(asset, params),
        done=_reads("Risk", "assetState", lambda state: bool(state.asked == params), asset),
    )


def _asset(config: Config, asset: int, symbol: str) -> Apply:
    underlying = 0 if asset == SETTLEMENT else config.underlying_id(config.collateral[symbol].underlying)

    def done(site: Site) -> bool:
        listed = site.read("Ledger", "assets") > asset
        return bool(listed and site.read("Ledger", "assetOf", asset)[0] == site.address(f"Vault.{symbol}"))

    return Apply(
        title=f"list {symbol}",
        target="Ledger",
        function="listAsset",
        args=lambda site: (site.address(f"Vault.{symbol}"), underlying),
        done=done,
    )


def _instrument(config: Config, name: str) -> Iterator[Step]:
    instrument = config.instrument_id(name)
    yield _margins(name, instrument, config.instruments[name])
    yield Apply(
        title=f"list {name}",
        target="Positions",
        function="listInstrument",
        args=_fixed(instrument),
        done=_reads("Positions", "instruments", lambda listed: instrument in listed),
    )


def _margins(name: str, instrument: InstrumentId, margins: Margins) -> Apply:
    return Apply(
        title=f"margins of {name}",
        target="Risk",
        function="setInstrument",
        args=_fixed(instrument, margins.params),
        done=_reads("Risk", "instrumentState", lambda state: bool(state.asked == margins.params), instrument),
    )


# 5. Hand-over


def _hand_over(config: Config) -> Iterator[Step]:
    access = config.access
    several = {
        "Vault": [f"Vault.{symbol}" for symbol in config.tokens],
        "Tranche": [f"Tranche.{symbol}" for symbol in config.backstop],
    }
    settlement = several["Vault"][SETTLEMENT]
    for role, label, table in ((GOVERNOR, "GOVERNOR", LOOSENING), (GUARDIAN, "GUARDIAN", TIGHTENING)):
        for name, functions in table.items():
            for target in several.get(name, [name]):
                reserved = RESERVED if (role, target) == (GUARDIAN, settlement) else ()
                allowed = tuple(function for function in functions if function not in reserved)
                yield _assign(target, allowed, role, label)
    yield _assign(settlement, RESERVED, GOVERNOR, "GOVERNOR")
    for target, functions in FEEDING.items():
        yield _assign(target, functions, FEEDER, "FEEDER")
    yield Apply(
        title="GUARDIAN may cancel what GOVERNOR scheduled",
        target="Authority",
        function="setRoleGuardian",
        args=_fixed(GOVERNOR, GUARDIAN),
        done=_reads("Authority", "getRoleGuardian", _is(GUARDIAN), GOVERNOR),
    )
    yield _grant("FEEDER", FEEDER, lambda site: site.feeder, 0)
    yield _grant("GUARDIAN", GUARDIAN, lambda site: site.guardian, 0)
    yield _grant("GOVERNOR", GOVERNOR, lambda site: site.governor, access.governor_delay_seconds)
    yield _grant("ADMIN", ADMIN, lambda site: site.governor, access.admin_delay_seconds)
    yield Apply(
        title="the deployer steps down",
        target="Authority",
        function="renounceRole",
        args=lambda site: (ADMIN, site.deployer),
        done=lambda site: not site.read("Authority", "hasRole", ADMIN, site.deployer)[0],
    )


def _assign(target: str, functions: tuple[str, ...], role: int, label: str) -> Apply:
    def selectors(site: Site) -> list[bytes]:
        return [site.contract(target).artifact.find(function).selector for function in functions]

    def done(site: Site) -> bool:
        return all(
            site.read("Authority", "getTargetFunctionRole", site.address(target), selector) == role
            for selector in selectors(site)
        )

    return Apply(
        title=f"{label} calls {target}.{{{', '.join(functions)}}}",
        target="Authority",
        function="setTargetFunctionRole",
        args=lambda site: (site.address(target), selectors(site), role),
        done=done,
    )


def _grant(label: str, role: int, holder: Callable[[Site], str], delay_seconds: int) -> Apply:
    return Apply(
        title=f"grant {label}",
        target="Authority",
        function="grantRole",
        args=lambda site: (role, holder(site), delay_seconds),
        done=lambda site: (
            tuple(site.read("Authority", "hasRole", role, holder(site))) == (True, delay_seconds)
        ),
    )


# How arguments and conditions are written


def _fixed(*args: Any) -> Callable[[Site], tuple[Any, ...]]:
    return lambda site: args


def _after(*args: Any) -> Callable[[Site], tuple[Any, ...]]:
    """Arguments in which the name of a contract stands for its address."""
    return lambda site: tuple(site.address(arg) if isinstance(arg, str) else arg for arg in args)


def _is(expected: Any) -> Callable[[Any], bool]:
    return lambda found: bool(found == expected)


def _reads(name: str, function: str, holds: Callable[[Any], bool], *args: Any) -> Callable[[Site], bool]:
    """Done when a view answers so. A view that refuses has nothing yet."""

    def done(site: Site) -> bool:
        try:
            return holds(site.read(name, function, *args))
        except Reverted:
            return False

    return done
