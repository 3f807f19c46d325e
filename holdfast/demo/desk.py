"""The options desk of a demo: lists series, opens accounts, feeds volatility, and lets people trade.

Before each block: smiles, what buyers want, hedges. All of it goes ahead of what keepers send, so that a trade meets
the mark that it was priced by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.chain.anvil import Anvil
from holdfast.chain.config import Config
from holdfast.chain.contract import Contract
from holdfast.chain.protocol import Protocol
from holdfast.demo.maker import Maker, away
from holdfast.demo.market import RELAYER, fees, match
from holdfast.demo.options import (
    Buy,
    Options,
    Pressure,
    Writer,
    call_of,
    hedge_wad,
    next_variance_ppb,
    smile,
    variance_ppb,
)
from holdfast.demo.seat import Seat, endow
from holdfast.demo.traders import Trader
from holdfast.errors import Reverted
from holdfast.model.options import is_option
from holdfast.model.venue import SignedOrder
from holdfast.model.what_if import Greeks
from holdfast.types import Account, InstrumentId, Mode, Snapshot
from holdfast.units import BPS, WAD, mul_div_up, mul_wad_down

ASK_BPS: Final = 100  # above the mark: half of the band
SMILE_TIP, TRADE_TIP = 5 * 10**9, 4 * 10**9  # [wei a gas] above every keeper's
SMILE_GAS: Final = 6_000_000
CHORE_GAS: Final = 400_000
LAST_SMILE_SECONDS: Final = 60  # before its expiry


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A writer in one block."""

    health: float | None  # equity / MM
    equity_wad: int
    initial_wad: int
    maintenance_wad: int
    greeks: Greeks  # hedge included
    hedge_wad: int  # of the perpetual
    in_auction: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskPoint:
    """One block."""

    time: int
    factor: float  # by which hedging has moved the price
    open_wad: Mapping[InstrumentId, int]
    writers: Mapping[str, Standing]


@dataclass
class Traded:
    """What somebody did at the desk."""

    trades: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by error


class Desk:
    def __init__(
        self, chain: Anvil, protocol: Protocol, config: Config, options: Options, maker: Maker, first: int
    ) -> None:
        """`first`: the first of the node's accounts that nobody else has."""
        self._chain, self._protocol, self._maker = chain, protocol, maker
        self.options = options
        self.underlying = protocol.underlyings[options.underlying]
        self.perpetual = protocol.instruments[f"{options.underlying}-PERP"]
        self.series = options.series(self.underlying)
        self.pressure = Pressure(options.impact_bps, options.half_life_seconds)
        self.points: list[DeskPoint] = []
        self.writers: dict[str, Seat] = {}
        self.buyers: list[Seat] = []
        self.traded: dict[str, Traded] = {writer.name: Traded() for writer in options.writers}
        self.smiles_sent = 0
        self._addresses, self._first = chain.accounts, first
        self._governor, self._feeder = (
            place if isinstance(place, str) else self._addresses[place]
            for place in (config.access.governor, config.access.feeder)
        )
        self._rules = config.surface
        self._smiles: dict[int, tuple[int, int]] = {}  # expiry → variance [ppb], when
        self._bought = 0
        self._hedges: dict[str, int] = {}
        self._stuck: set[str] = set()  # whose last hedge was refused
        self._maker_wad: int | None = None

    # Before the market opens

    def schedule(self) -> None:
        """The governor announces every series."""
        for data in self._listings():
            self._send("Authority", "schedule", self._protocol.positions.address, data, 0, by=self._governor)

    def list(self) -> None:
        """After his delay they are there."""
        for data in self._listings():
            self._send("Authority", "execute", self._protocol.positions.address, data, by=self._governor)

    def _listings(self) -> list[bytes]:
        return [self._protocol.positions.encode("listInstrument", series) for series in self.series]

    def open(self, now: int) -> None:
        """Smiles, and everybody's account."""
        self._feed(now, wait=True)
        options, place = self.options, self._first
        for writer in options.writers:
            self.writers[writer.name] = self._enter(place, writer.mode, writer.cash, writer.collateral)
            place += 1
        for _ in range(options.buyers):
            self.buyers.append(self._enter(place, Mode.CROSS, options.buyer_cash, {}))
            place += 1

    def _enter(self, place: int, mode: Mode, cash: int, collateral: Mapping[str, int]) -> Seat:
        owner, protocol = self._addresses[place], self._protocol
        account = protocol.open_account(owner, mode)
        endow(protocol, owner, account, cash, collateral)
        return Seat(protocol, self._chain.signer(place), account)

    def people(self) -> dict[int, Trader]:
        """Account → who it is."""
        found = [
            (self.writers[one.name].account, one.name, one.mode, one.cash, one.collateral)
            for one in self.options.writers
        ]
        cash = self.options.buyer_cash
        found += [(seat.account, "call buyer", Mode.CROSS, cash, {}) for seat in self.buyers]
        return {
            account: Trader(number=number, style=style, mode=mode, cash=money, collateral=collateral)
            for number, (account, style, mode, money, collateral) in enumerate(found, start=self._first)
        }

    # Block by block

    def act(self, now: int, snapshot: Snapshot, price_wad: int) -> None:
        """Sends what is to be mined in the block of `now`; `price_wad` is the outside price then."""
        self._feed(now, wait=False)
        while self._bought < len(self.options.buys) and self.options.buys[self._bought].at <= now:
            self._lift(self.options.buys[self._bought], snapshot, now)
            self._bought += 1
        self._stuck = {
            name for name, size in self._hedges.items() if not self._trade_hedge(name, size, price_wad, now)
        }

    def look(self, snapshot: Snapshot) -> bool:
        """Takes in a block that was mined. Does something wait: a hedge that wasn't refused just now, a settlement?"""
        now, price = snapshot.system.time, snapshot.by_underlying[self.underlying].price
        size = _size(snapshot.account(self._maker.account), self.perpetual)
        sold = 0 if self._maker_wad is None else self._maker_wad - size
        self._maker_wad = size
        self.pressure.add(now, mul_wad_down(sold, price.spot_wad) / WAD)

        greeks = self._greeks(snapshot.system.block)
        writers, self._hedges = {}, {}
        for writer in self.options.writers:
            account = snapshot.account(self.writers[writer.name].account)
            found = self._standing(account, greeks[writer.name])
            writers[writer.name] = found
            if writer.hedges and not found.in_auction:
                self._plan_hedge(writer, account, found, price.spot_wad)
        open_wad = {one.instrument: one.long_open_wad for one in snapshot.series}
        self.points.append(
            DeskPoint(time=now, factor=self.pressure.factor, open_wad=open_wad, writers=writers)
        )
        unsettled = any(one.expiry_at <= now and not one.settled for one in snapshot.series)
        return unsettled or bool(self._hedges.keys() - self._stuck)

    # Volatility

    def _feed(self, now: int, *, wait: bool) -> None:
        """Smiles as far towards the scenario's as an update may go: where they rise the farthest first, where they fall
        the nearest, so that no calendar spread is free in between."""
        rules, wanted = self._rules, variance_ppb(self.options.volatility_at(now))
        live = [expiry for expiry in self.options.expiries if expiry - now > LAST_SMILE_SECONDS]
        rising = any(wanted > self._smiles.get(expiry, (0, 0))[0] for expiry in live)
        for expiry in sorted(live, reverse=rising):
            standing, since = self._smiles.get(expiry, (None, 0))
            following = next_variance_ppb(wanted, standing, rules.move_bps)
            fresh = following == standing and now - since < rules.slow_seconds // 2
            if now - since < rules.interval_seconds or fresh:
                continue
            fields = smile(following).fields
            self._send(
                "Surface",
                "setSmile",
                self.underlying,
                expiry,
                fields,
                by=self._feeder,
                wait=wait,
                gas=SMILE_GAS,
                tip=SMILE_TIP,
            )
            self._smiles[expiry] = following, now
            self.smiles_sent += 1

    # Trades

    def _lift(self, buy: Buy, snapshot: Snapshot, now: int) -> None:
        """Every writer who still can sells his share, at a little more than the mark."""
        series = call_of(self.underlying, buy.expiry, buy.strike)
        mark = next(one.mark_wad for one in snapshot.series if one.instrument == series)
        price = mul_div_up(mark, BPS + ASK_BPS, BPS)
        for place, writer in enumerate(self.options.writers):
            seat = self.writers[writer.name]
            if snapshot.account(seat.account).auction is not None:
                continue
            size = round(buy.contracts * writer.size * 1_000) * (WAD // 1_000)
            buyer = self.buyers[(self._bought + place) % len(self.buyers)]
            self._match(
                writer.name,
                seat.order(series, -size, price, now),
                buyer.order(series, size, price, now),
                size,
            )

    def _plan_hedge(self, writer: Writer, account: Account, found: Standing, spot_wad: int) -> None:
        contracts = sum(abs(leg.size_wad) for leg in account.positions if is_option(leg.instrument))
        size = hedge_wad(found.greeks.delta_wad, contracts, self._maker.depth_wad(spot_wad))
        if size:
            self._hedges[writer.name] = size

    def _trade_hedge(self, name: str, size: int, price_wad: int, now: int) -> bool:
        side = -1 if size > 0 else 1  # the market maker's
        price = away(price_wad, side)
        return self._match(
            name,
            self._maker.order(self.perpetual, -size, price, now),
            self.writers[name].order(self.perpetual, size, price, now),
            abs(size),
        )

    def _match(self, name: str, maker: SignedOrder, taker: SignedOrder, size: int) -> bool:
        relayer, told = self._addresses[RELAYER], self.traded[name]
        try:
            match(self._protocol, maker, taker, size, relayer, wait=False, tip=TRADE_TIP)
        except Reverted as refusal:
            told.refused[refusal.name] += 1
            return False
        told.trades += 1
        return True

    # Looking

    def _greeks(self, block: int) -> dict[str, Greeks]:
        """Of each writer, on the underlying of the options."""
        seats = [seat.account for seat in self.writers.values()]
        answers = self._protocol.ask("greeksOf", seats, block)
        return {
            name: next((_greeks(one) for one in answer or () if one.underlying == self.underlying), Greeks())
            for name, answer in zip(self.writers, answers, strict=True)
        }

    def _standing(self, account: Account, greeks: Greeks) -> Standing:
        margin = account.health.margin if account.health is not None else None
        return Standing(
            health=None if account.health_wad is None else account.health_wad / WAD,
            equity_wad=margin.equity_wad if margin else 0,
            initial_wad=margin.initial_wad if margin else 0,
            maintenance_wad=margin.maintenance_wad if margin else 0,
            greeks=greeks,
            hedge_wad=_size(account, self.perpetual),
            in_auction=account.auction is not None,
        )

    def _send(
        self,
        name: str,
        function: str,
        *args: Any,
        by: str,
        wait: bool = True,
        gas: int = CHORE_GAS,
        tip: int = TRADE_TIP,
    ) -> None:
        contract: Contract = self._protocol.contract(name)
        if wait:
            contract.send(function, *args, sender=by)
        else:
            contract.submit(function, *args, sender=by, gas=gas, **fees(contract, tip))


def _size(account: Account, instrument: int) -> int:
    position = account.position(instrument)
    return position.size_wad if position else 0


def _greeks(view: Any) -> Greeks:
    return Greeks(
        delta_wad=view.deltaWad, gamma_wad=view.gammaWad, vega_wad=view.vegaWad, theta_wad=view.thetaWad
    )
