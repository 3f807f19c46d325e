"""The set-up in which gas is measured: sixteen perpetuals, accounts that hold the first n of them, one more price."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from eth_account.signers.local import LocalAccount

from holdfast.chain.anvil import Anvil, revert
from holdfast.chain.artifacts import artifact
from holdfast.chain.config import CONFIG_FOLDER, Config, parse_config
from holdfast.chain.deploy import deploy
from holdfast.chain.protocol import Protocol
from holdfast.model.backstop import StandingBid, signature_of
from holdfast.model.grids import LARGE
from holdfast.model.svi import Smile, smile_of
from holdfast.model.venue import Order
from holdfast.sim.history import Block, call, simulate
from holdfast.types import Kind, Mode, instrument_id
from holdfast.units import WAD

SIZES = ("1", "4", "8", "16")
LEGS = ("8", "16", "32")
TRADED = "16"
PRICE = 2_000
USDC = 10**6
HOUR = 3_600
WINDOW = 1_800
FEEDER = 8  # who sets smiles in config/local.toml
GOVERNOR_DELAY = 172_800
DUE = 135  # [seconds] after a start: a ramp of 120, and a wait of 15
CELLS = len(LARGE.spots_bps) * len(LARGE.vols_bps) + len(LARGE.tails)

Trader = tuple[LocalAccount, int]

VENUES = "VENUES"  # an underlying without a market, whose price comes from three sources

MEASURED_CODE = (
    "Oracle", "Breaker", "Surface", "Scans", "Portfolio", "Risk", "Ledger", "Positions", "Vault",
    "Insurance", "Throttle", "Liquidation", "Tranche", "Desk", "StandingBids", "Sentinel", "Venue", "Lens", "WhatIf",
    "ShiftedSurface", "Authority",
)  # fmt: skip


def config(count: int = 16) -> Config:
    """The local configuration with `count` markets alike."""
    data = tomllib.loads((CONFIG_FOLDER / "local.toml").read_text(), parse_float=Decimal)
    underlying = data["underlyings"]["ETH"] | {"price": PRICE}
    instrument = data["instruments"]["ETH-PERP"]
    names = ["ETH", "BTC", *(f"U{i:02}" for i in range(3, count + 1))]
    data["underlyings"] = dict.fromkeys(names, underlying)
    data["underlyings"][VENUES] = underlying | {"sources": 3 * underlying["sources"], "quorum": 2}
    data["instruments"] = {f"{name}-PERP": instrument | {"underlying": name} for name in names}
    data["options"] = {"ETH": instrument | {"knee_bps": 9_999, "open_interest_cap": 1_000}}
    del data["options"]["ETH"]["underlying"], data["options"]["ETH"]["kind"]
    data["backstop"] = {names[int(n) - 1]: data["backstop"]["ETH"] for n in SIZES if int(n) <= count}
    data["insurance"]["caps"] = {}  # an empty fund: deleveraging is next
    return parse_config(data, "gas")


class World:
    """A deployed protocol with a long and a short trader who hold `held` positions against each other."""

    def __init__(self, chain: Anvil, protocol: Protocol) -> None:
        self.chain = chain
        self.protocol = protocol
        self.instruments = list(protocol.instruments.values())
        self.nonce = 0

    def trader(self, place: int, usdc: int, mode: Mode = Mode.CROSS) -> tuple[LocalAccount, int]:
        signer = self.chain.signer(place)
        account = self.protocol.open_account(signer.address, mode)
        self.protocol.fund(signer.address, account, 0, usdc * USDC)
        return signer, account

    def match(
        self,
        buyer: tuple[LocalAccount, int],
        seller: tuple[LocalAccount, int],
        instrument: int,
        price: int = PRICE,
    ) -> int:
        """One unit of size. Gas used."""
        buy, sell = (
            self.protocol.sign(self.order(account, signer.address, instrument, side, price), signer)
            for (signer, account), side in ((buyer, 1), (seller, -1))
        )
        self.nonce += 1
        return self.protocol.match(buy, sell, WAD, self.chain.accounts[9]).gas_used

    @property
    def now(self) -> int:
        return int(self.protocol.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def order(
        self, account: int, signer: str, instrument: int, side: int, price: int, reduce_only: bool = False
    ) -> Order:
        return Order(
            account=account,
            signer=signer,
            instrument=instrument,
            size_wad=side * WAD,
            limit_price_wad=price * WAD,
            nonce=self.nonce + 1,
            reduce_only=reduce_only,
        )

    def wait(self, seconds: int) -> None:
        self.protocol.rpc.call("anvil_setNextBlockTimestamp", self.now + seconds)
        self.protocol.rpc.call("evm_mine")

    def price(self, units: int) -> None:
        """All markets at once, a minute ago: the slow price is still on its way."""
        self._say(units)
        self.wait(60)

    def settle(self, units: int) -> None:
        """All markets at once, and a slow price that has caught up to the wei."""
        for _ in range(14):
            self._say(units)
            self.wait(HOUR // 2)

    def _say(self, units: int) -> None:
        for number in self.protocol.feeds:
            self.protocol.set_price(number, units * WAD, poke=False)
        self.protocol.oracle.send("poke", list(self.protocol.feeds), sender=self.chain.accounts[0])

    def view(self, contract: str, function: str, *args: Any) -> int:
        """Gas of a call by itself: without what a transaction and its data take."""
        asked = call(self.protocol.contract(contract), function, *args, sender=self.chain.accounts[9])
        result = simulate(self.protocol.rpc, [Block([asked], time=self.now + 1)])[0][0]
        assert result.ok
        return result.gas_used - 21_000 - sum(16 if byte else 4 for byte in asked.data)

    def send(self, contract: str, function: str, *args: Any, sender: str) -> int:
        return self.protocol.contract(contract).send(function, *args, sender=sender).gas_used


@contextmanager
def world() -> Iterator[World]:
    with Anvil(timestamp=1_900_000_000, base_fee=10**9) as chain:
        chain.rpc.call(
            "anvil_setBlockTimestampInterval", 1
        )  # not the wall's clock: gas depends on the time that passed
        record = deploy(chain.rpc, config())
        yield World(chain, Protocol(chain.rpc, record))


@contextmanager
def undone(w: World) -> Iterator[None]:
    snapshot = w.protocol.rpc.call("evm_snapshot")
    yield
    revert(w.protocol.rpc, snapshot)


def measure() -> dict[str, dict[str, int]]:
    """{operation: {n: gas}}, and the deployed size of each contract under code_bytes."""
    figures: dict[str, dict[str, int]] = {
        name: {}
        for name in (
            "deposit",
            "withdraw",
            "trade",
            "start",
            "start_moving",
            "take_all",
            "funding",
            "deleverage",
            "deleverage_account",
            "deleverage_last",
            "trade_option",
            "settle_series",
            "margin_portfolio",
            "trade_portfolio",
            "start_portfolio",
            "take_over",
            "fill_bid",
            "settle_tranche",
            "stake",
            "unstake",
            "refresh_target",
            "poke",
        )
    }
    with world() as w:
        for n in SIZES:
            with undone(w):
                _by_positions(w, int(n), n, figures)
            with undone(w):
                _by_accounts(w, int(n), n, figures)
            with undone(w):
                _by_options(w, int(n), n, figures)
        with undone(w):
            _portfolios(w, figures)
        with undone(w):
            _fund(w, figures)
        with undone(w):
            _prices(w, figures)
    figures["code_bytes"] = {name: artifact(name).deployed_size for name in MEASURED_CODE}
    return figures


def _by_positions(w: World, count: int, n: str, figures: dict[str, dict[str, int]]) -> None:
    long, short = w.trader(3, 250 * count + 1_000), w.trader(4, 100_000)
    for instrument in w.instruments[:count]:
        w.match(long, short, instrument)
    signer, account = long
    w.protocol.fund(signer.address, account, 0, 10 * USDC)  # allowance and tokens are there from now on
    w.protocol.tokens[0].send("mint", signer.address, 1_000 * USDC, sender=signer.address)
    w.price(PRICE - 1)

    figures["deposit"][n] = w.send("Ledger", "deposit", account, 0, 5 * USDC, sender=signer.address)
    figures["withdraw"][n] = w.send(
        "Ledger", "withdraw", account, 0, 5 * USDC, signer.address, sender=signer.address
    )
    with undone(w):
        figures["trade"][n] = w.match(long, short, w.instruments[count - 1])
    if n == SIZES[-1]:
        with undone(w):
            figures["refresh_target"][n] = w.send("Insurance", "refreshTarget", sender=w.chain.accounts[9])
    w.send(
        "Ledger", "withdraw", account, 0, (1_005 + 43 * count) * USDC, signer.address, sender=signer.address
    )

    keeper, keepers_account = w.trader(5, 10_000 * count)
    w.settle(1_880)
    with undone(w):
        w.price(1_879)
        figures["start_moving"][n] = w.send(
            "Liquidation", "start", account, keepers_account, sender=keeper.address
        )
    figures["start"][n] = w.send("Liquidation", "start", account, keepers_account, sender=keeper.address)
    with undone(w):
        _backstop(w, account, n, figures)
    w.wait(130)
    taker, fresh = w.trader(6, 10_000 * count)
    bid = (account, fresh, WAD, WAD, 2**127, 0, "0x" + "00" * 20, b"")
    figures["take_all"][n] = w.send("Liquidation", "take", bid, sender=taker.address)


def _backstop(w: World, account: int, n: str, figures: dict[str, dict[str, int]]) -> None:
    """What nobody bids for: all of it is a standing bid's, or the tranche's, which is rid of it afterwards."""
    protocol, market = w.protocol, int(n)  # the last of those that weigh the same
    tranche, desk = protocol.tranches[market], protocol.desks[market]
    holder, _ = w.trader(6, 10)
    bidder, bidders_account = w.trader(7, 50_000)
    bids = protocol.standing_bids
    protocol.ledger.send("setOperator", bids.address, True, sender=bidder.address)
    protocol.tokens[0].send("mint", holder.address, 100_000 * USDC, sender=holder.address)
    protocol.tokens[0].send("approve", tranche.address, 2**256 - 1, sender=holder.address)
    tranche.send("deposit", 100_000 * USDC, holder.address, sender=holder.address)
    w.wait(DUE)
    keeper = w.chain.accounts[5]
    bid = StandingBid(
        taker=bidders_account,
        signer=bidder.address,
        market=market,
        max_notional_wad=50_000 * WAD,
        min_discount_bps=2_000,
        nonce=1,
    )
    with undone(w):
        signed = protocol.sign_bid(bid, bidder)
        figures["fill_bid"][n] = bids.send("fill", account, [bid.members()], [signed], sender=keeper).gas_used
    figures["take_over"][n] = desk.send("takeOver", account, sender=keeper).gas_used
    if n != SIZES[0]:
        return
    shares = tranche.call("balanceOf", holder.address) // 2
    tranche.send("requestRedeem", shares, holder.address, holder.address, sender=holder.address)
    sell = w.order(
        int(tranche.call("RISK")), desk.address, w.instruments[0], side=-1, price=1_880, reduce_only=True
    )
    buy = protocol.sign(
        w.order(bidders_account, bidder.address, w.instruments[0], side=1, price=1_880), bidder
    )
    protocol.venue.send(
        "matchOrders",
        sell.members(),
        signature_of(sell),
        buy.order.members(),
        buy.signature,
        WAD,
        sender=keeper,
    )
    figures["settle_tranche"][n] = tranche.send("settle", sender=keeper).gas_used


def _fund(w: World, figures: dict[str, dict[str, int]]) -> None:
    """Somebody stakes, with fees to split before; and leaves after the notice."""
    one = SIZES[0]
    w.protocol.fund(w.chain.signer(6), int(w.protocol.insurance.call("FUND")), 0, 100_000 * USDC)
    long, short = w.trader(3, 10_000), w.trader(4, 10_000)
    (staker, account), notice = w.trader(5, 1_000), w.protocol.insurance.call("params").cooldownSeconds
    w.match(long, short, w.instruments[0])
    figures["stake"][one] = w.send("Insurance", "stake", account, 500 * WAD, sender=staker.address)
    shares = w.protocol.insurance.call("stakeOf", account).shares
    w.send("Insurance", "requestUnstake", account, shares, sender=staker.address)
    w.wait(notice)
    w.price(PRICE)
    w.match(long, short, w.instruments[0])
    figures["unstake"][one] = w.send("Insurance", "unstake", account, sender=staker.address)


def _prices(w: World, figures: dict[str, dict[str, int]]) -> None:
    """One price that entered a minute before moves by a dollar."""
    for underlying in (1, w.protocol.underlyings[VENUES]):
        with undone(w):
            w.price(PRICE)
            w.protocol.set_price(underlying, (PRICE + 1) * WAD, poke=False)
            sources = str(len(w.protocol.feeds[underlying]))
            figures["poke"][sources] = w.send("Oracle", "poke", [underlying], sender=w.chain.accounts[9])


def _by_accounts(w: World, count: int, n: str, figures: dict[str, dict[str, int]]) -> None:
    """`count` accounts are short: with a premium for funding, at the mark for deleveraging, so it is that alone."""
    instrument = w.instruments[0]
    with undone(w):
        _short_side(w, count, PRICE + 10)
        w.wait(HOUR)
        figures["funding"][n] = w.send("Positions", "accrue", instrument, sender=w.chain.accounts[9])

    if count == 1:
        with undone(w):
            victim, only = w.trader(3, 260), w.trader(5, 20_000)
            w.match(victim, only, instrument)
            w.settle(1_700)
            figures["deleverage_last"][n] = _deleverage_side(w, victim[1])
    victim = _short_side(w, count, PRICE)
    w.settle(1_700)
    keepers_account = w.trader(7, 10)[1]
    keeper = w.chain.accounts[7]
    w.send("Liquidation", "start", victim, keepers_account, sender=keeper)
    with undone(w):
        figures["deleverage_account"][n] = w.send(
            "Liquidation", "deleverage", victim, instrument, sender=keeper
        )
    figures["deleverage"][n] = _deleverage_side(w, victim)


def _by_options(w: World, count: int, n: str, figures: dict[str, dict[str, int]]) -> None:
    """Two accounts hold `count` series against each other, and `count` accounts are short of the first one.

    One more is listed, that nobody holds: where the last one settles, the tally's word is cleared, which is refunded.
    """
    expiry, listed = _list_series(w, count + 1)
    series = listed[:count]
    long, short = w.trader(3, 100_000), w.trader(4, 100_000)
    marks = {one: int(w.protocol.risk.call("markOf", one)) // WAD for one in series}
    for one in series:
        w.match(long, short, one, marks[one])
    w.price(PRICE - 1)
    with undone(w):
        figures["trade_option"][n] = w.match(long, short, series[-1], marks[series[-1]])

    for _ in range(count - 1):
        w.match(long, w.trader(5, 20_000), series[0], marks[series[0]])
    w.wait(expiry - w.now - WINDOW)
    w._say(PRICE + 50)
    w.wait(WINDOW)
    w._say(PRICE + 50)
    figures["settle_series"][n] = w.send(
        "Positions", "settleSeries", series[0], expiry, sender=w.chain.accounts[9]
    )


def _portfolios(w: World, figures: dict[str, dict[str, int]]) -> None:
    """Two accounts in portfolio mode hold a perpetual and n − 1 options of one expiry against each other."""
    series = _mixed_series(w, int(LEGS[-1]) - 1)
    for n in LEGS:
        with undone(w):
            long, short = (w.trader(place, 100_000, Mode.PORTFOLIO) for place in (3, 4))
            held = series[: int(n) - 1]
            _hold(w, long, short, held)
            w.price(PRICE - 1)
            figures["margin_portfolio"][n] = w.view("Ledger", "healthOf", long[1])
            if n != TRADED:
                continue
            with undone(w):
                mark = int(w.protocol.risk.call("markOf", held[-1])) // WAD
                figures["trade_portfolio"][n] = w.match(long, short, held[-1], mark)
            figures["start_portfolio"][n] = _start_by(w, long)


def _mixed_series(w: World, count: int) -> list[int]:
    """Calls and puts that expire in a month and have a smile; strikes from 15 % below the spot to 15 % above."""
    expiry = (w.now + GOVERNOR_DELAY) // WINDOW * WINDOW + 30 * 86_400
    places = [place - count // 2 for place in range(count)]
    series = [
        instrument_id(Kind.CALL if place % 3 else Kind.PUT, 1, expiry, (PRICE + 20 * place) * WAD)
        for place in places
    ]
    _list(w, series)
    level_ppb = smile_of(w.protocol.surface.call("pairOf", 1, expiry)[0].nearWord).a_ppb
    smile = Smile(a_ppb=level_ppb, b_ppb=level_ppb // 5, rho_ppb=-300_000_000, m_ppb=0, sigma_ppb=100_000_000)
    w.send("Surface", "setSmile", 1, expiry, smile.fields, sender=w.chain.accounts[FEEDER])
    return sorted(series, key=lambda one: abs(one % (1 << 128) - PRICE * WAD))


def _hold(w: World, long: Trader, short: Trader, series: list[int]) -> None:
    """The first is long of the perpetual, and of every other option."""
    w.match(long, short, w.instruments[0])
    for place, one in enumerate(series):
        buyer, seller = (long, short) if place % 2 else (short, long)
        w.match(buyer, seller, one, int(w.protocol.risk.call("markOf", one)) // WAD)


def _start_by(w: World, victim: Trader) -> int:
    """As poor as may be, and then the price falls until one scenario proves it."""
    signer, account = victim
    ledger = w.protocol.ledger
    margin = ledger.call("healthOf", account).margin
    spare = (margin.equityWad - margin.initialWad) * USDC // WAD
    w.send("Ledger", "withdraw", account, 0, spare - 10 * USDC, signer.address, sender=signer.address)
    keeper, keepers_account = w.trader(5, 1_000)
    for price in range(PRICE - 10, PRICE // 2, -10):
        _drift(w, price)
        equity = ledger.call("healthOf", account).margin.equityWad
        proved = [ledger.call("healthBy", account, 1 << cell).margin.maintenanceWad for cell in range(CELLS)]
        if equity < max(proved):
            break
    assert 0 < equity < max(proved)
    witness = 1 << proved.index(max(proved))
    return w.send("Liquidation", "startBy", account, keepers_account, witness, sender=keeper.address)


def _drift(w: World, units: int) -> None:
    """The first market alone, and a slow price that follows."""
    for _ in range(4):
        w.protocol.set_price(1, units * WAD)
        w.wait(WINDOW // 3)


def _list_series(w: World, count: int) -> tuple[int, list[int]]:
    """Calls that expire in two days, and when."""
    expiry = (w.now + GOVERNOR_DELAY) // WINDOW * WINDOW + 2 * 86_400
    series = [instrument_id(Kind.CALL, 1, expiry, (PRICE + 10 * place) * WAD) for place in range(count)]
    _list(w, series)
    return expiry, list(series)


def _list(w: World, series: Sequence[int]) -> None:
    calls = [(w.protocol.positions, "listInstrument", (one,)) for one in series]
    governor = w.chain.accounts[1]
    for contract, function, args in calls:
        data = contract.encode(function, *args)
        w.protocol.authority.send("schedule", contract.address, data, 0, sender=governor)
    w.wait(GOVERNOR_DELAY)
    w.settle(PRICE)
    for contract, function, args in calls:
        w.protocol.authority.send(
            "execute", contract.address, contract.encode(function, *args), sender=governor
        )


def _deleverage_side(w: World, victim: int) -> int:
    """The ledger's own call, without asking who may and what is due."""
    engine = w.protocol.liquidation.address
    w.protocol.rpc.call("anvil_impersonateAccount", engine)
    w.protocol.rpc.call("anvil_setBalance", engine, hex(10**20))
    return w.send("Ledger", "deleverage", victim, w.instruments[0], 40 * WAD, sender=engine)


def _short_side(w: World, count: int, price: int) -> int:
    """The account to be closed: long of one, as another is of `count`, against `count` shorts."""
    victim, other = w.trader(3, 260), w.trader(4, 10_000 * count)
    for place in range(count):
        short = w.trader(5, 20_000)
        w.match(other, short, w.instruments[0], price)
        if place == 0:
            w.match(victim, short, w.instruments[0], price)
    return victim[1]
