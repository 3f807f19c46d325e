"""A deployment as an object: a handle for each contract, typed reads through the Lens, and the books.

protocol = Protocol.load(rpc)
protocol.ledger.send("deposit", account, 0, amount, sender=trader)
snapshot = protocol.snapshot()
assert protocol.books().balanced
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from eth_account import Account as Keys
from eth_account.signers.local import LocalAccount

from holdfast.chain.abi import as_address
from holdfast.chain.artifacts import artifact
from holdfast.chain.config import LOCAL_CHAIN_ID, source_names
from holdfast.chain.contract import Contract, call_many
from holdfast.chain.record import Deployment, deployment_path
from holdfast.chain.rpc import Rpc
from holdfast.chain.transactions import Receipt, Sender
from holdfast.chain.views import read_account, read_market, read_series, read_system
from holdfast.errors import ChainError, ConfigError, RpcError
from holdfast.model.backstop import StandingBid, bid_digest
from holdfast.model.options import is_option
from holdfast.model.venue import Order, SignedOrder, digest
from holdfast.types import (
    SETTLEMENT,
    Account,
    AtRisk,
    Books,
    InstrumentId,
    Market,
    Mode,
    Series,
    Snapshot,
    System,
    expiry_of,
    kind_of,
    perpetual,
    strike_of,
    underlying_of,
)
from holdfast.units import BPS, WAD, mul_div_down

CHUNK: Final = 100
"""Accounts in one call; halved where the node finds that too much."""

RISK_CHUNK: Final = 10_000
"""Accounts that one call of `Lens.atRisk` looks through; halved where the node finds that too much."""

RISK_GAS: Final = 60_000
"""[gas] For each of them: nearly three times what an account with one position takes. A node may give less; the Lens
then stops earlier, and says where."""

RISK_SPARE_GAS: Final = 2_000_000
"""[gas] Beside it: `Lens.SPARE_GAS` is always left over."""

ASK_GAS: Final = 1 << 32
"""[gas] For what-ifs, which look at an account again and again. A node may give less."""

UNLIMITED: Final = 2**256 - 1


class Protocol:
    """Handles by name, ids by symbol. Reads take `block`: answers of one block's number fit together."""

    def __init__(self, rpc: Rpc, record: Deployment) -> None:
        self.rpc = rpc
        self.record = record
        self.authority = self.contract("Authority")
        self.breaker = self.contract("Breaker")
        self.oracle = self.contract("Oracle")
        self.surface = self.contract("Surface")
        self.scans = self.contract("Scans")
        self.portfolio = self.contract("Portfolio")
        self.risk = self.contract("Risk")
        self.ledger = self.contract("Ledger")
        self.positions = self.contract("Positions")
        self.insurance = self.contract("Insurance")
        self.throttle = self.contract("Throttle")
        self.liquidation = self.contract("Liquidation")
        self.sentinel = self.contract("Sentinel")
        self.venue = self.contract("Venue")
        self.standing_bids = self.contract("StandingBids")
        self.lens = self.contract("Lens")
        self.what_if = self.contract("WhatIf")

        config = record.config
        symbols = [config["settlement"]["symbol"], *config["collateral"]]
        names = list(config["underlyings"])
        self.assets: Mapping[str, int] = {symbol: asset for asset, symbol in enumerate(symbols)}
        self.tokens = tuple(self.contract(f"Token.{symbol}") for symbol in symbols)
        self.vaults = tuple(self.contract(f"Vault.{symbol}") for symbol in symbols)
        self.decimals = (
            config["settlement"]["decimals"],
            *(token["decimals"] for token in config["collateral"].values()),
        )
        self.symbols: Mapping[int, str] = dict(enumerate(names, 1))
        self.underlyings: Mapping[str, int] = {name: number for number, name in self.symbols.items()}
        self.feeds: Mapping[int, tuple[Contract, ...]] = {  # the sources of each underlying
            number: tuple(
                self.contract(feed)
                for feed in source_names(name, len(config["underlyings"][name]["sources"]))
            )
            for number, name in self.symbols.items()
        }
        self.tranches: Mapping[int, Contract] = {
            self.underlyings[name]: self.contract(f"Tranche.{name}") for name in config["backstop"]
        }  # by underlying
        self.desks: Mapping[int, Contract] = {
            self.underlyings[name]: self.contract(f"Desk.{name}") for name in config["backstop"]
        }  # by underlying
        self.instruments: Mapping[str, InstrumentId] = {
            name: perpetual(self.underlyings[entry["underlying"]])
            for name, entry in config["instruments"].items()
        }

    @classmethod
    def load(cls, rpc: Rpc, path: Path | None = None) -> Self:
        """The deployment recorded for the node's chain. ConfigError where there is none, or not on this chain."""
        chain_id = int(rpc.call("eth_chainId"), 16)
        record = Deployment.load(path or deployment_path(chain_id))
        where = f"{record.path}"
        if record.chain_id != chain_id:
            raise ConfigError(
                f"wrong network: the node is on chain {chain_id}, {where} is for {record.chain_id}"
            )
        if not record.complete:
            raise ConfigError(f"{where}: the deployment was cut short; run `ape run deploy` to finish it")
        genesis = rpc.call("eth_getBlockByNumber", "0x0", False)["hash"]
        lens = record.addresses["Lens"]
        if genesis != record.genesis or rpc.call("eth_getCode", lens, "latest") == "0x":
            raise ConfigError(
                f"{where} is of a chain {chain_id} that is gone; run `ape run deploy` on this one"
            )
        return cls(rpc, record)

    def contract(self, name: str) -> Contract:
        found = self.record.contracts[name]
        return Contract(self.rpc, artifact(found.artifact), found.address)

    @property
    def chain_id(self) -> int:
        return self.record.chain_id

    @property
    def local(self) -> bool:
        return self.chain_id == LOCAL_CHAIN_ID

    def name_of(self, instrument: int) -> str:
        """`ETH-PERP` as the deployment named it, `ETH-20261225T0800-2400-C` of a series; hexadecimal where the
        deployment doesn't know it."""
        symbol = self.symbols.get(underlying_of(instrument))
        if is_option(instrument) and symbol:
            expiry = datetime.fromtimestamp(expiry_of(instrument), UTC)
            strike = Decimal(strike_of(instrument)).scaleb(-18).normalize()
            return f"{symbol}-{expiry:%Y%m%dT%H%M}-{strike:f}-{kind_of(instrument).name[0]}"
        return next(
            (name for name, known in self.instruments.items() if known == instrument), hex(instrument)
        )

    # Reads

    def system(self, block: int | str = "latest") -> System:
        return read_system(self.lens.call("system", block=block))

    def markets(self, block: int | str = "latest") -> tuple[Market, ...]:
        return tuple(read_market(view) for view in self.lens.call("markets", block=block))

    def series(self, block: int | str = "latest") -> tuple[Series, ...]:
        """Those that aren't settled, or that somebody holds still."""
        return tuple(read_series(view) for view in self.lens.call("series", block=block))

    def accounts(self, ids: Iterable[int] | None = None, block: int | str = "latest") -> tuple[Account, ...]:
        """In the order asked; None: all, in the order of their ids."""
        block = self._fixed(block)
        if ids is None:
            ids = range(1, self.ledger.call("accounts", block=block) + 1)
        return tuple(read_account(view) for view in self._account_views(list(ids), block, CHUNK))

    def at_risk(self, threshold_bps: int = BPS, block: int | str = "latest") -> tuple[AtRisk, ...]:
        """Accounts below the threshold, in auction, or not assessable, by id. No index: the Lens looks at all of them.

        ChainError where the node gives a call too little gas for a single account.
        """
        return tuple(map(AtRisk.of_word, self._paged("atRisk", threshold_bps, block)))

    def holders(self, instrument: int, block: int | str = "latest") -> tuple[int, ...]:
        """Accounts that hold a position in it, by id; one without a size counts. As `at_risk`, without an index."""
        return tuple(self._paged("holdersOf", instrument, block))

    def _paged(self, name: str, asked: int, block: int | str) -> list[int]:
        """What a view of the Lens finds that looks at accounts in pages."""
        block = self._fixed(block)
        found: list[int] = []
        place, chunk = 1, RISK_CHUNK
        while place:
            gas = RISK_SPARE_GAS + chunk * RISK_GAS
            try:
                words, after = self.lens.call(name, place, chunk, asked, block=block, gas=gas)
            except RpcError:
                if chunk == 1:
                    raise
                chunk = -(-chunk // 2)
                continue
            if after == place:
                raise ChainError(f"the node gives a call too little gas to look at account {place}")
            found += words
            place = after
        return found

    def snapshot(self, ids: Iterable[int] | None = None, block: int | str = "latest") -> Snapshot:
        """All of it at one block."""
        block = self._fixed(block)
        names = ("system", "markets", "series")
        system, markets, series = call_many(self.rpc, [(self.lens, name) for name in names], block=block)
        return Snapshot(
            system=read_system(system),
            markets=tuple(read_market(view) for view in markets),
            series=tuple(read_series(view) for view in series),
            accounts=self.accounts(ids, block),
        )

    def ask(self, name: str, questions: Iterable[Any], block: int | str = "latest") -> list[Any | None]:
        """What a function of `WhatIf` answers to each question, all in one call; None where it is refused.

        ask("greeksOf", ids); ask("liquidationPricesOf", ids); ask("marginOf", questions)
        """
        data = [self.what_if.encode(name, one) for one in questions]
        answers = self.what_if.call("ask", data, block=block, gas=ASK_GAS)
        return [self.what_if.decode(name, one.data) if one.answered else None for one in answers]

    def books(self, block: int | str = "latest") -> Books:
        """INV-01 over all accounts."""
        return books_of(self.snapshot(block=block))

    def _fixed(self, block: int | str) -> int | str:
        """The number of "latest", so that several calls see the same block."""
        return int(self.rpc.call("eth_blockNumber"), 16) if block == "latest" else block

    def _account_views(self, ids: Sequence[int], block: int | str, chunk: int) -> list[Any]:
        views: list[Any] = []
        for start in range(0, len(ids), chunk):
            part = ids[start : start + chunk]
            try:
                views += self.lens.call("accountsOf", part, block=block)
            except RpcError:
                if len(part) == 1:
                    raise
                views += self._account_views(part, block, -(-len(part) // 2))
        return views

    # Writes that take more than one call

    def open_account(self, owner: Sender, mode: Mode) -> int:
        receipt = self.ledger.send("open", mode, sender=owner)
        return int(receipt.event("AccountOpened").args["account"])

    def fund(self, owner: Sender, account: int, asset: int, amount: int) -> Receipt:
        """Deposits `amount` [the token's decimals] of the owner's; on the local chain it is minted first."""
        token, vault, address = self.tokens[asset], self.vaults[asset], as_address(owner)
        if self.local:
            token.send("mint", address, amount, sender=owner)
        if token.call("allowance", address, vault.address) < amount:
            token.send("approve", vault.address, UNLIMITED, sender=owner)
        return self.ledger.send("deposit", account, asset, amount, sender=owner)

    def set_price(self, underlying: int, price_wad: int, *, poke: bool = True) -> None:
        """Local chain only: all feeds say this price now; then the oracle is asked to look."""
        for feed in self.feeds[underlying]:
            owner = feed.call("owner")
            feed.send("set", mul_div_down(price_wad, 10 ** feed.call("decimals"), WAD), sender=owner)
        if poke:
            self.oracle.send("poke", [underlying], sender=owner)

    # Orders

    def order_digest(self, order: Order) -> bytes:
        """The 32 bytes to sign, and the order's name at the venue."""
        return digest(order, self.chain_id, self.venue.address)

    def sign(self, order: Order, key: str | LocalAccount) -> SignedOrder:
        signer = Keys.from_key(key) if isinstance(key, str) else key
        return SignedOrder(
            order=order, signature=bytes(signer.unsafe_sign_hash(self.order_digest(order)).signature)
        )

    def sign_bid(self, bid: StandingBid, key: LocalAccount) -> bytes:
        """Of `StandingBids`."""
        digest = bid_digest(bid, self.chain_id, self.standing_bids.address)
        return bytes(key.unsafe_sign_hash(digest).signature)

    def match(self, maker: SignedOrder, taker: SignedOrder, size_wad: int, sender: Sender) -> Receipt:
        return self.venue.send(
            "matchOrders",
            maker.order.members(),
            maker.signature,
            taker.order.members(),
            taker.signature,
            size_wad,
            sender=sender,
        )


def books_of(snapshot: Snapshot) -> Books:
    """The books of a snapshot of all accounts, the protocol's own among them."""
    accounts, assets = snapshot.accounts, snapshot.system.assets
    settlement = assets[SETTLEMENT]
    net: dict[int, int] = {market.instrument: 0 for market in snapshot.markets}
    owed = {asset.asset: 0 for asset in assets}
    for account in accounts:
        for position in account.positions:
            net[position.instrument] = net.get(position.instrument, 0) + position.size_wad
        for holding in account.holdings:
            owed[holding.asset] += holding.amount
    return Books(
        block=snapshot.system.block,
        cash_wad=sum(account.cash_wad for account in accounts),
        quote_wad=sum(position.quote_wad for account in accounts for position in account.positions),
        held_wad=settlement.held * settlement.unit_wad,
        balance_wad=settlement.balance * settlement.unit_wad,
        net_size_wad=net,
        collateral_dust={asset.asset: asset.held - owed[asset.asset] for asset in assets[1:]},
        surplus={asset.asset: asset.balance - asset.held for asset in assets},
    )
