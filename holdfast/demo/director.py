"""Runs the demo: an Anvil of its own, the deployment, the market, the keepers, and the clock.

The clock belongs to the director. While anything is going on (an auction, an account below maintenance, a transaction
on its way) there is a block every BLOCK_SECONDS of chain time; otherwise the chain jumps to where a price has moved by
the tolerance, LONGEST_SECONDS at most. After each block the director steps the keepers, one after the other: what they
send is mined in the next block. Nothing happens side by side, and nothing at a time that this machine's clock says: the
same scenario and seed give the same chain, block by block.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from holdfast.chain.anvil import Anvil
from holdfast.chain.config import Config
from holdfast.chain.deploy import deploy
from holdfast.chain.protocol import Protocol, books_of
from holdfast.demo.collect import Happened, Series, Sums, add_up, read_events, read_gas
from holdfast.demo.crew import Crew
from holdfast.demo.desk import Desk
from holdfast.demo.market import FIRST_TRADER, RELAYER, Floor, Opening
from holdfast.demo.scenario import Scenario, next_step
from holdfast.demo.traders import Pair, Trader, draw_traders, late_pairs
from holdfast.demo.waterfall import TAKEOVER, Waterfall, reconcile
from holdfast.keepers.prices import PricePath, to_wad
from holdfast.keepers.roles import margin_account
from holdfast.types import SETTLEMENT, Snapshot, underlying_of
from holdfast.units import WAD

OPENING_SECONDS: Final = 1_800  # of chain time before the replay, in which the market opens
HOUR: Final = 3_600
BLOCK_SECONDS: Final = 12
LONGEST_SECONDS: Final = 900  # a quarter of an hour: well within any heartbeat
AFTERMATH_BLOCKS: Final = 150  # at most, to let the last auctions end
LATE_LEAD_SECONDS: Final = 1_500  # the latecomers enter so long before the low
STEPS: Final = 320  # jumps that a replay should not exceed by much
LEAST_TOLERANCE: Final = 0.005

PUSHER, LIQUIDATOR, BIDDER, WATCHDOG, BACKSTOP = 0, 3, 4, 9, 10  # accounts of the node
TIPS_GWEI: Final = {
    "price_pusher": 3.0,
    "bidder": 2.0,
    "backstop": 1.5,
    "liquidator": 1.0,
    "watchdog": 0.5,
}  # falling: their order in a block, and the one in which they are stepped

Report = Callable[[str, float], None]
"""Told what is going on and which share of the whole is done."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    scenario: Scenario  # with every underlying of the configuration
    config: Config
    seed: int
    traders: int
    out: Path


@dataclass(kw_only=True)
class Outcome:
    plan: Plan
    series: Series
    events: list[Happened]
    sums: Sums
    waterfall: Waterfall
    traders: Mapping[int, Trader]  # account → trader
    keeper_accounts: Mapping[str, int]
    tolerance: float
    records: Mapping[str, Sequence[Mapping[str, Any]]]  # role → what it recorded
    trades: int
    refused_late: int
    last_block: str  # hash of the replay's last block: all that happened is in it
    desk: Desk | None  # where the scenario has options
    name_of: Callable[[int], str]  # of an instrument
    seconds: float = 0.0


def local_config(config: Config, scenario: Scenario) -> Config:
    """The configuration with the scenario's first prices in its local feeds."""
    underlyings = {
        name: underlying.model_copy(update={"price": Decimal(f"{scenario.path.prices[name][0]:.8f}")})
        for name, underlying in config.underlyings.items()
    }
    return config.model_copy(update={"underlyings": underlyings})


def choose_tolerance(path: PricePath) -> float:
    """The smallest move that is worth a block of its own, so that the replay stays short."""
    tolerance = LEAST_TOLERANCE
    while count_steps(path, tolerance) > STEPS:
        tolerance *= 1.15
    return tolerance


def count_steps(path: PricePath, tolerance: float) -> int:
    now, steps = path.start, 0
    while now < path.end:
        now = next_step(path, now, tolerance=tolerance, shortest=BLOCK_SECONDS, longest=LONGEST_SECONDS)
        steps += 1
    return steps


def low_time(path: PricePath) -> int:
    """When the first symbol is cheapest."""
    prices = next(iter(path.prices.values()))
    return path.times[prices.index(min(prices))]


class Director:
    def __init__(self, plan: Plan, report: Report) -> None:
        self._plan, self._report = plan, report
        self._path, self._outages = plan.scenario.path, plan.scenario.outages
        self._series = Series()
        self._late: list[Pair] = []
        self._refused_late = 0
        self._desk: Desk | None = None
        self._wanted: set[tuple[str, int]] = set()  # quotes that somebody may match: signing takes time
        self._below_since: dict[int, int] = {}  # account outside of any auction → time
        plan.out.mkdir(parents=True, exist_ok=True)

    def run(self) -> Outcome:
        began = time.monotonic()
        plan = self._plan
        genesis = plan.scenario.start - OPENING_SECONDS - self._prologue_seconds()
        options = plan.scenario.options
        people = FIRST_TRADER + plan.traders + (len(options.writers) + options.buyers if options else 0)
        with Anvil(timestamp=genesis, accounts=people, balance=10_000) as chain:
            self._chain = chain
            chain.rpc.call("anvil_setBlockTimestampInterval", 1)
            self._protocol = self._deploy()
            floor = self._open()
            with Crew(chain.url, plan.out / "deployment.json", plan.out) as crew:
                first = self._start_keepers(crew)
                self._replay(crew, floor)
            self._collect_fees()
            outcome = self._finish(floor.opening, first, crew)
        outcome.seconds = time.monotonic() - began
        return outcome

    def _deploy(self) -> Protocol:
        self._report("deploying", 0.0)
        path = self._plan.out / "deployment.json"
        path.unlink(missing_ok=True)
        record = deploy(self._chain.rpc, local_config(self._plan.config, self._plan.scenario), path=path)
        return Protocol(self._chain.rpc, record)

    def _open(self) -> Floor:
        plan = self._plan
        entry = max(self._path.start, low_time(self._path) - LATE_LEAD_SECONDS)
        self._late_at = entry
        traders = draw_traders(
            random.Random(plan.seed),
            plan.traders,
            {symbol: self._path.at(symbol, self._path.start) for symbol in self._path.prices},
            {symbol: self._path.at(symbol, entry) for symbol in self._path.prices},
            {token: entry.underlying for token, entry in plan.config.collateral.items()},
        )
        self._book = plan.out / "orders.jsonl"
        floor = Floor(self._chain, self._protocol, traders, self._book, plan.scenario.stage)
        self._late = late_pairs(traders)
        if plan.scenario.options is not None:
            self._desk = Desk(
                self._chain,
                self._protocol,
                plan.config,
                plan.scenario.options,
                floor.opening.maker,
                FIRST_TRADER + plan.traders,
            )
            self._prologue(self._desk)
        for number, _ in enumerate(floor.open(self._path.quotes(self._path.start), self._now()), start=1):
            self._report("opening the market", min(0.05, 0.05 * number / (3 * plan.traders)))
        if self._desk is not None:
            self._desk.open(self._now())
            floor.opening.traders = {**floor.opening.traders, **self._desk.people()}
        return floor

    def _prologue_seconds(self) -> int:
        """Series are listed by the governor, after his delay; then an hour until the gap in the prices is forgotten."""
        delay = self._plan.config.access.governor_delay_seconds
        return delay + 2 * HOUR if self._plan.scenario.options else 0

    def _prologue(self, desk: Desk) -> None:
        """The governor announces every series and waits; the clock jumps, prices are known anew, and he lists them."""
        desk.schedule()
        self._next_at(self._path.start - OPENING_SECONDS - HOUR)
        for symbol, price in self._path.quotes(self._path.start).items():
            self._protocol.set_price(self._protocol.underlyings[symbol], price)
        desk.list()
        self._next_at(self._path.start - OPENING_SECONDS)
        self._chain.rpc.call("evm_mine")

    def _next_at(self, time: int) -> None:
        self._chain.rpc.call("evm_setNextBlockTimestamp", time)

    def _start_keepers(self, crew: Crew) -> Snapshot:
        """All of them, ready; returns what the chain looked like then."""
        self._report("starting the keepers", 0.05)
        out, unit = self._plan.out, 10 ** self._protocol.decimals[SETTLEMENT]
        self._prices = out / "prices.json"
        self._tell(self._quotes(self._path.start))
        options = {
            "price_pusher": ["--account", str(PUSHER), "--prices", str(self._prices)],
            "liquidator": ["--account", str(LIQUIDATOR)],
            "bidder": ["--account", str(BIDDER), "--orders", str(self._book)],
            "watchdog": ["--account", str(WATCHDOG)],
        }
        if "backstop" in self._keeper_numbers():
            options["backstop"] = ["--account", str(BACKSTOP)]
        self._book.write_text("")
        self._keeper_accounts = {
            role: margin_account(self._protocol, self._chain.signer(number), deposit=cash * unit)
            for role, number, cash in (
                ("liquidator", LIQUIDATOR, 0),
                ("bidder", BIDDER, self._plan.scenario.stage.bidder),
            )
        }
        self._chain.rpc.call("evm_setAutomine", False)
        self._chain.rpc.call("anvil_removeBlockTimestampInterval")
        self._next_at(self._now() + BLOCK_SECONDS)
        for role, tip in TIPS_GWEI.items():
            if role in options:
                crew.add(role, *options[role], "--tip", str(tip))
        crew.step(self._protocol.system().block)
        self._chain.rpc.call(
            "evm_mine"
        )  # long before the replay: prices that were old have been fresh for a while then
        self._next_at(self._path.start)
        snapshot = self._snapshot = self._protocol.snapshot()
        crew.step(snapshot.system.block)
        return snapshot

    def _replay(self, crew: Crew, floor: Floor) -> None:
        """Block after block to the scenario's end, and until the last auction is over."""
        self._tolerance = choose_tolerance(self._path)
        moments = self._desk.options.moments if self._desk is not None else []
        now, aftermath = self._path.start, 0
        while True:
            self._admit_late(floor, now)
            self._keep_up(crew, now)
            busy = self._block(crew, floor, now)
            if now >= self._path.end:
                aftermath += 1
                if not busy or aftermath > AFTERMATH_BLOCKS:
                    return
            if busy or now >= self._path.end:
                now += BLOCK_SECONDS
            else:
                coming = min((at - now for at in moments if at > now), default=LONGEST_SECONDS)
                now = next_step(
                    self._path,
                    now,
                    tolerance=self._tolerance,
                    shortest=BLOCK_SECONDS,
                    longest=max(BLOCK_SECONDS, min(coming, LONGEST_SECONDS)),
                )

    def _quotes(self, now: int) -> dict[str, int]:
        """The outside world's prices [wad]: the scenario's, and what hedging does to them."""
        quotes = dict(self._path.quotes(now))
        if self._desk is not None:
            symbol = self._desk.options.underlying
            quotes[symbol] = to_wad(f"{self._path.at(symbol, now) * self._desk.pressure.factor:.8f}")
        return quotes

    def _tell(self, quotes: Mapping[str, int]) -> None:
        """To the price pusher, in one step."""
        beside = self._prices.with_suffix(".new")
        beside.write_text(json.dumps({name: f"{Decimal(wad).scaleb(-18):f}" for name, wad in quotes.items()}))
        beside.replace(self._prices)

    def _admit_late(self, floor: Floor, now: int) -> None:
        """Latecomers try to trade for a while; the breaker may keep them out."""
        if now < self._late_at or not self._late:
            return
        prices = self._quotes(now)
        self._late = [pair for pair in self._late if not floor.trade_late(pair, prices, now)]
        if now > self._late_at + LATE_LEAD_SECONDS:
            self._refused_late, self._late = len(self._late), []

    def _keep_up(self, crew: Crew, now: int) -> None:
        """Stops and restarts keepers as the scenario says; a restarted one deals with the newest block."""
        for role, keeper in crew.keepers.items():
            down = any(outage.role == role and outage.start <= now < outage.end for outage in self._outages)
            if down and keeper.process is not None:
                keeper.stop()
            elif not down and keeper.process is None:
                keeper.start()
                crew.step(self._series.points[-1].block)

    def _block(self, crew: Crew, floor: Floor, now: int) -> bool:
        """Mines one block, looks at it, and lets the keepers work on it. Is anything going on?"""
        rpc, base_fee = self._chain.rpc, self._plan.scenario.base_fee_at(now)
        quotes = self._quotes(now)
        self._tell(quotes)
        if self._wanted:
            floor.opening.maker.quote(now, quotes, self._wanted)
        if self._desk is not None:
            self._desk.act(now, self._snapshot, quotes[self._desk.options.underlying])
        # One after the other: the requests of a batch may be worked on side by side.
        self._next_at(now)
        rpc.call("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
        rpc.call("evm_mine")
        # What keepers try is tried at the time of the next block, not at whatever this machine's clock says.
        self._next_at(now + BLOCK_SECONDS)
        block = int(rpc.call("eth_blockNumber"), 16)
        snapshot = self._snapshot = self._protocol.snapshot(block=block)
        point = self._series.add(snapshot, base_fee)
        waiting = self._desk is not None and self._desk.look(snapshot)
        self._wanted = self._sides_wanted(snapshot)
        crew.step(block)
        pending = int(rpc.call("txpool_status")["pending"], 16)

        share = (now - self._path.start) / (self._path.end - self._path.start)
        spot = next(iter(point.spot_wad.values())) / WAD
        symbol = next(iter(self._path.prices))
        stamp = time.strftime("%d %b %H:%M", time.gmtime(now))
        self._report(f"{stamp}  {symbol} {spot:,.2f}  {len(point.below)} below", 0.07 + 0.9 * min(share, 1.0))
        return pending > 0 or waiting or self._unsettled(snapshot)

    def _sides_wanted(self, snapshot: Snapshot) -> set[tuple[str, int]]:
        """Where the bidder has something to unload, or may soon: underlying, and +1 for a bid."""
        symbols, wanted = self._protocol.symbols, set()
        for account in snapshot.accounts:
            if account.auction is None and account.id != self._keeper_accounts["bidder"]:
                continue
            for leg in account.positions:
                wanted.add((symbols[underlying_of(leg.instrument)], 1 if leg.size_wad > 0 else -1))
            for holding in account.holdings:
                wanted.add((symbols[snapshot.system.assets[holding.asset].underlying], 1))
        return wanted

    def _unsettled(self, snapshot: Snapshot) -> bool:
        """An account that is due for an auction, or an auction whose price still moves.

        What nobody wants at the end of the ramp doesn't hold up the clock: nothing changes but prices.
        """
        auction = self._plan.config.auction
        moving = max(auction.ramp_seconds, auction.solvent_seconds) + 2 * BLOCK_SECONDS
        now = snapshot.system.time
        for account in snapshot.accounts:
            if account.auction is not None:
                if now - account.auction.restarted_at <= moving:
                    return True
            elif account.healthy is False:
                since = self._below_since.setdefault(account.id, now)
                if now - since <= moving:
                    return True
                continue
            self._below_since.pop(account.id, None)
        return False

    def _collect_fees(self) -> None:
        """So that the fund's share of the trading fees is in its account and not only due to it."""
        rpc = self._chain.rpc
        self._protocol.insurance.submit("distribute", sender=self._chain.accounts[RELAYER], gas=1_000_000)
        rpc.call("evm_mine")

    def _finish(self, opening: Opening, first: Snapshot, crew: Crew) -> Outcome:
        self._report("adding up", 0.98)
        last = self._protocol.snapshot()
        begin, end = self._series.points[0].block, self._series.points[-1].block
        events = read_events(self._protocol, 0, last.system.block)
        senders = {self._chain.accounts[number]: role for role, number in self._keeper_numbers().items()}
        ether = self._protocol.underlyings[self._plan.config.auction.gas_underlying]
        ether_wad = {point.block: point.spot_wad[ether] for point in self._series.points}
        gas = read_gas(self._protocol, senders, ether_wad, begin, end)
        income = {
            role: _equity_wad(last, account) - _equity_wad(first, account)
            for role, account in self._keeper_accounts.items()
        }
        # The backstop's keeper has no account: what it earns are tokens.
        unit = 10 ** (18 - self._protocol.decimals[SETTLEMENT])
        rewards = [one.event.args["rewardAmount"] for one in events if one.event.name == TAKEOVER]
        income["backstop"] = sum(rewards) * unit
        sums = add_up(
            series=self._series,
            events=events,
            gas=gas,
            income_wad=income,
            last=last,
            books=books_of(last),
            traders=opening.traders,
            seed_wad=self._plan.scenario.stage.insurance_fund * WAD,
        )
        return Outcome(
            plan=self._plan,
            series=self._series,
            events=events,
            sums=sums,
            waterfall=reconcile(
                events,
                left_wad=sums.left_wad,
                drawn_wad=sum(market.insurance_drawn_wad for market in last.markets),
            ),
            traders=opening.traders,
            keeper_accounts=self._keeper_accounts,
            tolerance=self._tolerance,
            records={role: keeper.entries for role, keeper in crew.keepers.items()},
            trades=opening.trades,
            refused_late=self._refused_late,
            last_block=self._chain.rpc.call("eth_getBlockByNumber", hex(end), False)["hash"],
            desk=self._desk,
            name_of=self._protocol.name_of,
        )

    def _keeper_numbers(self) -> dict[str, int]:
        numbers = {
            "price_pusher": PUSHER,
            "liquidator": LIQUIDATOR,
            "bidder": BIDDER,
            "watchdog": WATCHDOG,
        }
        return {**numbers, "backstop": BACKSTOP} if self._plan.scenario.stage.backstop else numbers

    def _now(self) -> int:
        return int(self._chain.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def _equity_wad(snapshot: Snapshot, account: int) -> int:
    health = snapshot.account(account).health
    return health.margin.equity_wad if health is not None else 0
