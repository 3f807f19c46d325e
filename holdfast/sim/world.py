"""Where histories begin: a deployed protocol, people with money and accounts, and nothing else.

    with World.open("thin") as world: ...

Everything up to here is mined once; histories then run on top of it and persist nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.config import CONFIG_FOLDER, Config, parse_config
from holdfast.chain.contract import Contract
from holdfast.chain.contract import deploy as create
from holdfast.chain.deploy import deploy
from holdfast.chain.protocol import UNLIMITED, Protocol
from holdfast.chain.rpc import Rpc
from holdfast.model import backstop
from holdfast.model.average import WINDOW_SECONDS
from holdfast.model.liquidation import Params
from holdfast.model.options import is_option
from holdfast.model.positions import strike_step
from holdfast.types import (
    SETTLEMENT,
    InstrumentId,
    Kind,
    Mode,
    Series,
    Snapshot,
    instrument_id,
    kind_of,
    perpetual,
    underlying_of,
)
from holdfast.units import WAD

GENESIS: Final = 1_900_000_000
"""[seconds] When the chain begins, so that runs are alike."""

GWEI: Final = 10**9

OWNERS: Final = 8

SMILER: Final = 5 + OWNERS
"""Which account of the node feeds the surface: the one behind the owners."""

ACCOUNTS: Final = (
    # owner, mode, cash [tokens], WETH, WBTC
    (0, Mode.CROSS, "1000000", "200", "10"),
    (1, Mode.CROSS, "100000", "20", "0"),
    (2, Mode.CROSS, "20000", "5", "0.5"),
    (3, Mode.CROSS, "5000", "0", "0.1"),
    (4, Mode.CROSS, "1000", "2", "0"),
    (5, Mode.CROSS, "0", "10", "1"),
    (6, Mode.ISOLATED, "10000", "0", "0"),
    (7, Mode.ISOLATED, "500", "0", "0"),
    (0, Mode.ISOLATED, "50000", "0", "0"),
    (1, Mode.CROSS, "300000", "0", "0"),
)

CONSENT: Final = "0x00000000000000000000000000000000C0fFEE01"
"""An operator of every account that signs everything, by EIP-1271: orders without the cost of a signature."""

CONSENT_CODE: Final = "0x631626ba7e60e01b60005260206000f3"
"""Answers every call with EIP-1271's magic value."""

THIN: Final[Mapping[str, Any]] = {
    # Everything scarce: a fund that is soon empty, markets that are soon full, no dust rule worth the name.
    "settlement": {"decimals": 18, "outflow_floor": 70_000},
    "collateral": {"WETH": {"outflow_floor": 5}, "WBTC": {"outflow_floor": 1}},
    "underlyings": {
        "MEME": {
            "sources": [{"kind": "settable"}],
            "quorum": 1,
            "divergence_bps": 100,
            "heartbeat_seconds": 3_600,
            "deviation_percent": 50,
            "min_price": Decimal("0.00000001"),
            "max_price": 1_000,
            "price": Decimal("0.02"),
        }
    },
    "instruments": {
        "ETH-PERP": {"open_interest_cap": 400},
        "BTC-PERP": {"open_interest_cap": 10},
        "MEME-PERP": {
            "kind": "perpetual",
            "underlying": "MEME",
            "initial_bps": 2_000,
            "maintenance_bps": 1_000,
            "initial_max_bps": 6_000,
            "knee_bps": 2_000,
            "open_interest_cap": 500_000_000,
        },
    },
    "auction": {
        "dust": Decimal("0.01"),
        "fund_share_bps": 2_500,
        "gate_deficit": Decimal("0.01"),
        "depth": {"ETH": 20_000, "BTC": 20_000, "MEME": 50_000},
    },
    "sentinel": {"drawdown_bps": 500},
    "insurance": {
        "caps": {"ETH": 2_000, "BTC": 2_000, "MEME": 500},
        "volatility_floors": {"MEME": 2},
        "min_share_bps": 1_111,
        "max_share_bps": 5_555,
        "move_bps": 3_333,
        "least_target": 700,
        "max_age_seconds": 7_200,
        "cooldown_seconds": 1_200,
        "hold_seconds": 600,
        "window_seconds": 7_200,
    },
    "ledger": {"kink_bps": 1_000, "kink_rate_bps": 5_000, "max_rate_bps": 60_000, "funding_cap_bps": 10},
    "backstop": {"ETH": {"loss_cap": 4_000}, "BTC": {"loss_cap": 4_000, "leverage_bps": 60_000}},
    "venue": {"maker_fee_bps": 0, "taker_fee_bps": 7},
    "vault": {"outflow_share_bps": 300},
}

HOSTILE: Final[Mapping[str, Any]] = {
    # Tokens that may turn against whoever holds them, of decimals that nobody would choose; a fund that is soon empty.
    "settlement": {"decimals": 8},
    "collateral": {"WETH": {"decimals": 6}, "WBTC": {"decimals": 2}},
    "insurance": {"caps": {"ETH": 20_000, "BTC": 20_000}},
    "auction": {"dust": Decimal(1)},
}

THREE: Final[Mapping[str, Any]] = {"sources": [{"kind": "settable"}] * 3, "quorum": 2}

VENUES: Final[Mapping[str, Any]] = {
    # Three sources each, of which one alone may say anything.
    "underlyings": {"ETH": THREE, "BTC": {**THREE, "divergence_bps": 300}},
}

OPTION_RATES: Final[Mapping[str, Any]] = {
    "initial_bps": 1_000,
    "maintenance_bps": 500,
    "initial_max_bps": 5_000,
    "knee_bps": 3_000,
}

OPTIONS: Final[Mapping[str, Any]] = {
    # Options of two underlyings, with caps that are soon reached; a fund that is soon empty.
    "settlement": {"decimals": 18},
    "options": {
        "ETH": {**OPTION_RATES, "open_interest_cap": 600},
        "BTC": {**OPTION_RATES, "open_interest_cap": 15},
    },
    "auction": {"dust": Decimal("0.01"), "gate_deficit": Decimal("0.01")},
    "insurance": {"caps": {"ETH": 2_000, "BTC": 2_000}, "least_target": 700},
}

WORLDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "local": {},
    "thin": THIN,
    "hostile": HOSTILE,
    "remains": THIN,
    "venues": VENUES,
    "options": OPTIONS,
}

SERIES: Final[Mapping[str, tuple[tuple[str, int, tuple[int, ...]], ...]]] = {
    # underlying, hours until the expiry at least, strikes [percent of the price]; each as a call and as a put
    "options": (("ETH", 3, (98, 102)), ("ETH", 30, (100, 110)), ("BTC", 4, (100,))),
}
"""What is listed at the start."""

TURNING: Final = frozenset({"hostile"})
"""Worlds whose tokens may turn into anything."""

REMAINS: Final = frozenset({"remains"})
"""Worlds that begin with the remains of a deleveraging."""

REMAINS_OF: Final = "ETH-PERP"

DEBTOR: Final = 5
"""The owner who holds them: no cash, but collateral to borrow against."""

REDUCED: Final = (0, 1, 2, 3)
"""Owners who hold series of which a third is deleveraged: one against three, of whom the second loses his."""

REDUCED_WAD: Final = 250 * WAD
"""Notional of each of the three."""

FUND_SEED: Final = {
    "local": 20_000,
    "venues": 20_000,
    "thin": 800,
    "hostile": 5_000,
    "remains": 800,
    "options": 800,
}
"""[tokens] What the insurance fund begins with."""

TRANCHE_SEED: Final = {"local": 40_000, "thin": 6_000, "hostile": 20_000, "remains": 6_000, "options": 6_000}
"""[tokens] What each of the first two owners puts into each tranche."""

BIDDERS: Final = 3
"""The first so many owners let standing bids be filled for them."""

SLACK_SECONDS: Final = 100
"""More than the transactions of a few listings take, one a second."""

PRICE_DECIMALS: Final = 8
"""Of the feeds."""


PORTFOLIOS: Final = {
    "options": (
        (0, Mode.PORTFOLIO, "400000", "100", "5"),
        (2, Mode.PORTFOLIO, "30000", "5", "0"),
        (3, Mode.PORTFOLIO, "3000", "1", "0"),
        (4, Mode.PORTFOLIO, "100000", "0", "0"),
    )
}
"""Accounts beside `ACCOUNTS`, where options make them different from others."""


def read_params(found: Iterable[int]) -> Params:
    """`ILiquidation.Params` as the model knows them."""
    return Params(**dict(zip((one.name for one in fields(Params)), found, strict=True)))


def read_tranche_params(found: Iterable[int]) -> backstop.Params:
    """`ITranche.Params` as the model knows them."""
    return backstop.Params(**dict(zip((one.name for one in fields(backstop.Params)), found, strict=True)))


def world_config(name: str, found: Mapping[str, Any] | None = None) -> Config:
    """`config/local.toml` with the changes of that world, and of what is there already (`found`)."""
    data = tomllib.loads((CONFIG_FOLDER / "local.toml").read_text(), parse_float=Decimal)
    return parse_config(_merged(_merged(data, WORLDS[name]), found or {}), f"world {name}")


def _merged(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(data)
    for key, value in changes.items():
        known = merged.get(key)
        merged[key] = (
            _merged(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
        )
    return merged


@dataclass(frozen=True, kw_only=True)
class People:
    """Addresses by what they are for."""

    feeder: str  # owns the feeds
    governor: str
    guardian: str
    smiler: str  # feeds the surface
    owners: tuple[str, ...]
    keeper: str  # operator of some
    stranger: str  # has no right at all
    keys: Mapping[str, LocalAccount]  # of the owners


@dataclass(frozen=True, kw_only=True)
class Props:
    """Contracts that belong to nobody's protocol, there to be used and abused."""

    flash: Contract  # a taker with code, operator of some accounts
    attacker: (
        Contract  # owns an account, operates some: many calls in one, more of them from inside callbacks
    )
    evil_feed: Contract  # answers what the stranger says; no oracle asks it yet
    evil_vault: Contract  # of a token worth nothing; no ledger lists it yet


@dataclass(frozen=True, kw_only=True)
class Backstop:
    """A tranche of the protocol, its two accounts, and who is in at the start."""

    tranche: Contract
    desk: Contract
    reserve: int
    risk: int
    params: backstop.Params
    held: Mapping[str, int]  # shares


class World:
    """The start of every history."""

    def __init__(
        self,
        name: str,
        chain: Anvil,
        protocol: Protocol,
        people: People,
        props: Props,
        operators: frozenset[tuple[str, str]],
    ) -> None:
        self.name = name
        self.chain = chain
        self.protocol = protocol
        self.people = people
        self.props = props
        self.flash = props.flash
        self.operators = operators  # (owner, operator)
        self.feeds = {
            underlying: tuple(Contract(protocol.rpc, artifact("MockFeed"), feed.address) for feed in feeds)
            for underlying, feeds in protocol.feeds.items()
        }  # the protocol's feeds, as what can fail
        self.hostile = {
            asset: Contract(protocol.rpc, artifact("MockHostileToken"), token.address)
            for asset, token in enumerate(protocol.tokens)
            if name in TURNING
        }  # the protocol's tokens, as what can turn
        self.backstops = {
            underlying: Backstop(
                tranche=tranche,
                desk=protocol.desks[underlying],
                reserve=tranche.call("RESERVE"),
                risk=tranche.call("RISK"),
                params=read_tranche_params(tranche.call("params")),
                held={owner: tranche.call("balanceOf", owner) for owner in people.owners},
            )
            for underlying, tranche in protocol.tranches.items()
        }
        self.block = int(protocol.rpc.call("eth_blockNumber"), 16)
        head = protocol.rpc.call("eth_getBlockByNumber", hex(self.block), False)
        self.time = int(head["timestamp"], 16)
        self.base_fee = 10 * GWEI
        self.start: Snapshot = protocol.snapshot(block=self.block)
        self.params = read_params(protocol.liquidation.call("params"))
        self.delay = protocol.record.config["access"]["governor_delay_seconds"]
        self._names = {
            **{protocol.contract(name).address: name for name in protocol.record.contracts},
            people.feeder: "feeder",
            people.governor: "governor",
            people.guardian: "guardian",
            people.smiler: "smiler",
            people.keeper: "keeper",
            people.stranger: "stranger",
            props.flash.address: "flash taker",
            props.attacker.address: "attacker",
            props.evil_feed.address: "evil feed",
            props.evil_vault.address: "evil vault",
            CONSENT: "consenting signer",
            **{owner: f"owner {place}" for place, owner in enumerate(people.owners)},
        }

    @classmethod
    @contextmanager
    def open(cls, name: str, **options: Any) -> Iterator[World]:
        """A chain of its own with that world on it; `options` are Anvil's others."""
        with Anvil(timestamp=GENESIS, accounts=OWNERS + 6, **options) as chain:
            chain.rpc.call("anvil_setBlockTimestampInterval", 1)  # no clock: runs are alike
            yield cls.build(chain, name)

    @classmethod
    def build(cls, chain: Anvil, name: str) -> World:
        unlocked = chain.accounts
        found = _tokens_and_feeds(chain.rpc, name, unlocked[0]) | {"access": {"feeder": unlocked[SMILER]}}
        protocol = Protocol(chain.rpc, deploy(chain.rpc, world_config(name, found)))
        people = People(
            feeder=unlocked[0],
            governor=unlocked[1],
            guardian=unlocked[2],
            smiler=unlocked[SMILER],
            keeper=unlocked[3],
            stranger=unlocked[4],
            owners=tuple(unlocked[5 : 5 + OWNERS]),
            keys={unlocked[place]: chain.signer(place) for place in range(5, 5 + OWNERS)},
        )
        props = _props(protocol, people)
        _list_series(protocol, people, SERIES.get(name, ()))
        chain.rpc.call("anvil_setCode", CONSENT, CONSENT_CODE)
        operators = _open_accounts(protocol, people, props, (*ACCOUNTS, *PORTFOLIOS.get(name, ())))
        if name in REMAINS:
            _leave_remains(protocol, people)
        if name in SERIES:
            _reduce_series(protocol, people)
        _enter_tranches(protocol, people, TRANCHE_SEED.get(name, 0))
        seed = FUND_SEED[name] * 10 ** protocol.decimals[SETTLEMENT]
        fund = protocol.insurance.call("FUND")
        protocol.ledger.send("deposit", fund, SETTLEMENT, seed, sender=people.feeder)
        return cls(name, chain, protocol, people, props, operators)

    @property
    def prices(self) -> Mapping[int, int]:
        """Underlying → spot [wad] at the start."""
        return {market.underlying: market.price.spot_wad for market in self.start.markets}

    # Words for people

    def name_of(self, address: str) -> str:
        return self._names.get(address, address)

    def say(self, contract: Contract, function: str, args: tuple[Any, ...], sender: str) -> str:
        target = self.name_of(contract.address)
        return f"{self.name_of(sender)}: {target}.{function}({', '.join(self._word(arg) for arg in args)})"

    def _word(self, value: Any) -> str:
        if isinstance(value, (tuple, list)):
            return f"({', '.join(self._word(item) for item in value)})"
        if isinstance(value, bytes):
            return f"{len(value)} bytes" if value else "0x"
        if isinstance(value, str):
            return self.name_of(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return str(value)
        if underlying_of(value) and (value == perpetual(underlying_of(value)) or is_series(value)):
            return self.protocol.name_of(value)
        return _number(value)


def is_series(value: int) -> bool:
    """Does it read as the id of an option?"""
    return is_option(value) and value < instrument_id(Kind.PUT, 2**16)


def _number(value: int) -> str:
    for power, name in ((256, "2^256"), (255, "2^255"), (40, "2^40")):
        if value == 2**power - 1:
            return f"{name}-1"
    return f"{value:_}" if abs(value) < 10**30 else f"{value:.6e}" if abs(value) > 10**60 else f"{value:_}"


def _tokens_and_feeds(rpc: Rpc, name: str, feeder: str) -> dict[str, Any]:
    """Deploys feeds that can fail and, where the world wants it, tokens that can turn: the configuration of both."""
    config = world_config(name)
    found: dict[str, Any] = {"underlyings": {}}
    for symbol, underlying in config.underlyings.items():
        assert underlying.price is not None
        sources = []
        for _ in underlying.sources:
            feed = create(rpc, artifact("MockFeed"), feeder, PRICE_DECIMALS, sender=feeder)
            feed.send("set", int(underlying.price.scaleb(PRICE_DECIMALS)), sender=feeder)
            sources.append({"kind": "settable", "address": feed.address})
        found["underlyings"][symbol] = {"sources": sources}
    if name in TURNING:
        addresses = {
            symbol: create(
                rpc, artifact("MockHostileToken"), symbol, symbol, token.decimals, sender=feeder
            ).address
            for symbol, token in config.tokens.items()
        }
        found["settlement"] = {"address": addresses.pop(config.settlement.symbol)}
        found["collateral"] = {symbol: {"address": address} for symbol, address in addresses.items()}
    return found


def _props(protocol: Protocol, people: People) -> Props:
    rpc, thief = protocol.rpc, people.stranger
    worthless = create(rpc, artifact("MockToken"), "Worthless", "NIL", 18, sender=thief)
    vault = artifact("Vault")
    authority, ledger = protocol.authority.address, protocol.ledger.address
    return Props(
        flash=create(rpc, artifact("MockTaker"), sender=thief),
        attacker=create(rpc, artifact("MockAttacker"), sender=thief),
        evil_feed=create(rpc, artifact("MockFeed"), thief, PRICE_DECIMALS, sender=thief),
        evil_vault=create(
            rpc, vault, authority, ledger, worthless.address, (2**100, 2**100, 10_000, 1, 1, 1), sender=thief
        ),
    )


def _open_accounts(
    protocol: Protocol, people: People, props: Props, wanted: Iterable[tuple[int, Mode, str, str, str]]
) -> frozenset[tuple[str, str]]:
    """Everybody gets tokens, owners get accounts; returns who operates for whom."""
    ledger, attacker = protocol.ledger, props.attacker
    everybody = (*people.owners, people.feeder, people.keeper, people.stranger)
    for asset, token in enumerate(protocol.tokens):
        vault, plenty = protocol.vaults[asset].address, 10 ** (15 + protocol.decimals[asset])
        for person in everybody:
            token.send("mint", person, plenty, sender=person)
            token.send("approve", vault, UNLIMITED, sender=person)
        token.send("mint", attacker.address, plenty, sender=people.stranger)
        approval = token.address, token.encode("approve", vault, UNLIMITED)
        attacker.send("run", [approval], sender=people.stranger)
    operators = set()
    for place, owner in enumerate(people.owners):
        helpers = [
            CONSENT,
            *([props.flash.address, attacker.address] if place < 3 else []),
            *([people.keeper] if place % 3 == 0 else []),
        ]
        for helper in helpers:
            ledger.send("setOperator", helper, True, sender=owner)
            operators.add((owner, helper))
    consent = ledger.address, ledger.encode("setOperator", CONSENT, True)
    opening = ledger.address, ledger.encode("open", Mode.CROSS)
    attacker.send("run", [consent, opening], sender=people.stranger)
    operators.add((attacker.address, CONSENT))
    its_own = ledger.call("accounts")
    ledger.send(
        "deposit", its_own, SETTLEMENT, 20_000 * 10 ** protocol.decimals[SETTLEMENT], sender=people.feeder
    )
    for place, mode, *holdings in wanted:
        owner = people.owners[place]
        account = protocol.open_account(owner, mode)
        for asset, amount in enumerate(holdings):
            units = int(Decimal(amount).scaleb(protocol.decimals[asset]))
            if units:
                ledger.send("deposit", account, asset, units, sender=owner)
    return frozenset(operators)


def _list_series(
    protocol: Protocol, people: People, wanted: Sequence[tuple[str, int, tuple[int, ...]]]
) -> None:
    """The governor lists them and waits out his delay; feeds speak anew, and the grace after their silence passes."""
    if not wanted:
        return
    access, breaker = protocol.record.config["access"], protocol.record.config["breaker"]
    rpc, authority, positions = protocol.rpc, protocol.authority, protocol.positions
    spots = {market.underlying: market.price.spot_wad for market in protocol.markets()}
    listed_at = protocol.system().time + access["governor_delay_seconds"] + SLACK_SECONDS
    begin = listed_at + breaker["grace_seconds"] + SLACK_SECONDS
    listings = [
        positions.encode("listInstrument", series)
        for symbol, hours, percents in wanted
        for series in _series(protocol.underlyings[symbol], begin + hours * 3_600, percents, spots)
    ]
    for data in listings:
        authority.send("schedule", positions.address, data, 0, sender=people.governor)
    rpc.call("evm_setNextBlockTimestamp", listed_at)
    _speak(protocol, people)
    for data in listings:
        authority.send("execute", positions.address, data, sender=people.governor)
    rpc.call("evm_setNextBlockTimestamp", begin)
    _speak(protocol, people)


def _series(
    underlying: int, after: int, percents: Iterable[int], spots: Mapping[int, int]
) -> Iterator[InstrumentId]:
    """Calls and puts of the first expiry of the grid after that time, with strikes of the grid near those shares."""
    expiry, step = -(-after // WINDOW_SECONDS) * WINDOW_SECONDS, strike_step(spots[underlying])
    for percent in percents:
        strike = spots[underlying] * percent // 100 // step * step
        for kind in (Kind.CALL, Kind.PUT):
            yield instrument_id(kind, underlying, expiry, strike)


def _speak(protocol: Protocol, people: People) -> None:
    """Every feed says its price once more, and the oracle looks."""
    for feeds in protocol.feeds.values():
        for feed in feeds:
            feed.send("set", feed.call("latestRoundData")[1], sender=people.feeder)
    protocol.oracle.send("poke", list(protocol.feeds), sender=people.feeder)


def _enter_tranches(protocol: Protocol, people: People, tokens: int) -> None:
    """Everybody has approved the tranches and their desks; two owners are in, some professionals bid."""
    token = protocol.tokens[SETTLEMENT]
    takers = [*protocol.tranches.values(), *protocol.desks.values()]
    for person in (*people.owners, people.feeder, people.keeper, people.stranger):
        for taker in takers:
            token.send("approve", taker.address, UNLIMITED, sender=person)
    for owner in people.owners[:BIDDERS]:
        protocol.ledger.send("setOperator", protocol.standing_bids.address, True, sender=owner)
    for owner in people.owners[:2]:
        for tranche in protocol.tranches.values():
            if tokens:
                tranche.send("deposit", tokens * 10 ** protocol.decimals[SETTLEMENT], owner, sender=owner)


def _leave_remains(protocol: Protocol, people: People) -> None:
    """What deleveraging may leave: a few wei of a short with nobody opposite, on an account that lives on credit.

    Three longs are closed against one short; thirds can't be written in 18 digits. The engines do it, as they would
    for bankrupt longs: tests/flow/test_empty_opposite_side.py shows the whole way.
    """
    ledger, market = protocol.ledger, protocol.instruments[REMAINS_OF]
    mark = protocol.snapshot().market(market).price.spot_wad
    fees = protocol.insurance.call("FEES")
    owner = people.owners[DEBTOR]
    debtor = next(a.id for a in protocol.snapshot().accounts if a.owner == owner and a.mode is Mode.CROSS)
    longs = [
        a.id for a in protocol.snapshot().accounts if a.owner in people.owners[:3] and a.mode is Mode.CROSS
    ]
    with _engines(protocol) as (venue, liquidation):
        for long in longs[:3]:
            ledger.send("fill", (market, long, debtor, fees, WAD, mark, 0, 0), sender=venue)
        for long in longs[:3]:
            ledger.send("deleverage", long, market, 0, sender=liquidation)
    ledger.send("settle", debtor, market, sender=owner)
    account = protocol.snapshot().account(debtor)
    assert account.health is not None
    borrowed = account.health.margin.borrow_limit_wad * 9 // 10 // 10 ** (18 - protocol.decimals[SETTLEMENT])
    ledger.send("withdraw", debtor, SETTLEMENT, borrowed, owner, sender=owner)


def _reduce_series(protocol: Protocol, people: People) -> None:
    """A third of a side of the first call and put of each expiry is deleveraged: longs of that, shorts of this.

    So from the beginning there are sides that pay, or get, less than their base says."""
    ledger, state = protocol.ledger, protocol.snapshot()
    fees = protocol.insurance.call("FEES")
    cross = {a.owner: a.id for a in reversed(state.accounts) if a.mode is Mode.CROSS}
    one, *three = (cross[people.owners[place]] for place in REDUCED)
    found: dict[tuple[int, int, Kind], Series] = {}
    for series in state.series:
        found.setdefault((series.underlying, series.expiry_at, kind_of(series.instrument)), series)
    with _engines(protocol) as (venue, liquidation):
        for (underlying, _, kind), series in found.items():
            size = REDUCED_WAD * WAD // state.by_underlying[underlying].price.spot_wad
            for other in three:
                sides = (other, one) if kind is Kind.CALL else (one, other)
                fill = (series.instrument, *sides, fees, size, series.mark_wad, 0, 0)
                ledger.send("fill", fill, sender=venue)
            ledger.send("deleverage", three[1], series.instrument, 0, sender=liquidation)


@contextmanager
def _engines(protocol: Protocol) -> Iterator[tuple[str, str]]:
    """Venue and auctions, to act as they would."""
    engines = protocol.venue.address, protocol.liquidation.address
    for engine in engines:
        protocol.rpc.call("anvil_impersonateAccount", engine)
        protocol.rpc.call("anvil_setBalance", engine, hex(10**20))
    yield engines
    for engine in engines:
        protocol.rpc.call("anvil_stopImpersonatingAccount", engine)
