"""The roles as the loop sees them: each reads what its `decide` needs beside the snapshot."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from functools import cached_property
from itertools import accumulate
from operator import or_
from pathlib import Path
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from holdfast.chain.artifacts import vocabulary
from holdfast.chain.contract import call_many
from holdfast.chain.protocol import Protocol
from holdfast.errors import ChainError, ConfigError
from holdfast.keepers import backstop, bidder, liquidator, orders, price_pusher, watchdog
from holdfast.keepers.actions import Action, Trade
from holdfast.keepers.prices import PriceSource
from holdfast.keepers.sender import Mined
from holdfast.keepers.view import price_of
from holdfast.model import oracle
from holdfast.model.backstop import Params as TrancheParams
from holdfast.model.backstop import bid_digest
from holdfast.model.liquidation import Params
from holdfast.types import EVERYTHING, SETTLEMENT, Auction, Mode, Price, Snapshot
from holdfast.units import WAD, mul_wad_down

MOST_CELLS: Final = 8
"""Scenarios that a witness names at most: more than an expected shortfall is the mean of."""

ROLES: Final = ("price_pusher", "liquidator", "bidder", "backstop", "watchdog")


class PricePusher:
    name = "price_pusher"

    def __init__(
        self,
        protocol: Protocol,
        key: LocalAccount,
        source: PriceSource | None,  # None: the feeds have writers of their own, and are only poked
        policy: price_pusher.Policy,
        ether_underlying: int,
    ) -> None:
        self._protocol, self._source, self._policy = protocol, source, policy
        self._ether = ether_underlying
        if source is not None:
            _check_writer(protocol, key)
        feeds = call_many(protocol.rpc, [(protocol.oracle, "feedOf", number) for number in protocol.symbols])
        self._feeds = {
            number: oracle.Feed(
                quorum=feed.quorum,
                divergence_bps=feed.divergenceBps,
                heartbeat_seconds=feed.heartbeatSeconds,
                deviation_percent=feed.deviationPercent,
                min_wad=feed.minWad,
                max_wad=feed.maxWad,
            )
            for number, feed in zip(protocol.symbols, feeds, strict=True)
        }
        self._slow_seconds = int(protocol.oracle.call("rules").slowSeconds)

    def accounts(self, block: int) -> Sequence[int]:
        return ()

    def decide(self, snapshot: Snapshot) -> Sequence[Action]:
        stored, answers = self._read(snapshot)
        quotes = answers if self._source is None else self._source.quotes(snapshot.system.time)
        return price_pusher.decide(stored, quotes, snapshot.system.time, self._policy)

    def income_wad(self, mined: Mined) -> int:
        return 0

    def tell(self, snapshot: Snapshot) -> str:
        return tell_prices(self._protocol, snapshot)

    def ether_wad(self, snapshot: Snapshot) -> int:
        return price_of(snapshot, self._ether).spot_wad

    def _read(self, snapshot: Snapshot) -> tuple[list[price_pusher.StoredPrice], dict[str, int]]:
        protocol = self._protocol
        calls: list[tuple[Any, ...]] = []
        for number in protocol.feeds:
            calls += [(protocol.oracle, "priceOf", number), (protocol.oracle, "updatedAtOf", number)]
        found = call_many(protocol.rpc, calls, block=snapshot.system.block)
        stored, answers = [], {}
        for place, (number, symbol) in enumerate(protocol.symbols.items()):
            price, updated_at = found[2 * place : 2 * place + 2]
            agreed = self._agreed(number, snapshot)
            stored.append(
                price_pusher.StoredPrice(
                    underlying=number,
                    symbol=symbol,
                    price=Price(spot_wad=price.spotWad, ema_wad=price.emaWad, grade=price.grade),
                    updated_at=updated_at,
                    heartbeat_seconds=self._feeds[number].heartbeat_seconds,
                    answered_at=agreed.updated_at if agreed else 0,
                    venues=len(protocol.feeds[number]),
                )
            )
            if agreed:
                answers[symbol] = agreed.price_wad
        return stored, answers

    def _agreed(self, underlying: int, snapshot: Snapshot) -> oracle.Settled | None:
        """What the oracle would make of its sources now; None where they are too few."""
        feed, votes = self._feeds[underlying], []
        for source in self._protocol.feeds[underlying]:
            try:
                price_wad, confidence_wad, updated_at = source.call("price", block=snapshot.system.block)
            except ChainError:
                continue  # a source without an answer has no vote
            answer = oracle.Answer(price_wad=price_wad, confidence_wad=confidence_wad, updated_at=updated_at)
            if oracle.may_vote(feed, answer, snapshot.system.time, self._slow_seconds):
                votes.append(answer)
        return oracle.settle(feed, votes) if len(votes) >= feed.quorum else None


class Liquidator:
    name = "liquidator"

    def __init__(self, protocol: Protocol, policy: liquidator.Policy) -> None:
        self._protocol, self._policy = protocol, policy
        self._params = read_params(protocol)

    def accounts(self, block: int) -> Sequence[int]:
        """Whom there may be something to do for; all others would only be passed over."""
        return [risky.account for risky in self._protocol.at_risk(block=block)]

    def decide(self, snapshot: Snapshot) -> Sequence[Action]:
        clocked = with_clocks(self._protocol, snapshot)
        return liquidator.decide(clocked, self._params, self._policy, self._witnesses(snapshot))

    def _witnesses(self, snapshot: Snapshot) -> dict[int, int]:
        """Of each portfolio that is due: the fewest scenarios, the worst first, that prove it; none if only all do."""
        found = {}
        for account in snapshot.accounts:
            if account.mode is not Mode.PORTFOLIO or account.auction or account.healthy is not False:
                continue
            each = self._proven(account.id, [1 << cell for cell in range(self._cells)], snapshot)
            worst = sorted(range(self._cells), key=lambda cell: -each[cell].maintenanceWad)[:MOST_CELLS]
            witnesses = list(accumulate((1 << cell for cell in worst), or_))
            margins = self._proven(account.id, witnesses, snapshot)
            for witness, margin in zip(witnesses, margins, strict=True):
                if margin.equityWad < margin.maintenanceWad:
                    found[account.id] = witness
                    break
        return found

    def _proven(self, account: int, witnesses: Sequence[int], snapshot: Snapshot) -> list[Any]:
        """The margins that they prove."""
        ledger = self._protocol.ledger
        calls = [(ledger, "healthBy", account, witness) for witness in witnesses]
        healths = call_many(self._protocol.rpc, calls, block=snapshot.system.block)
        return [health.margin for health in healths]

    @cached_property
    def _cells(self) -> int:
        """Scenarios of the largest grid; none of them changes its shape."""
        protocol = self._protocol
        scans = call_many(protocol.rpc, [(protocol.scans, "scanOf", number) for number in protocol.symbols])
        return max(len(grid.spotsBps) * len(grid.volsBps) + len(grid.tails) for _, grid in scans)

    def income_wad(self, mined: Mined) -> int:
        rewards = [event.args["rewardWad"] for event in mined.events if event.name == "AuctionStarted"]
        return sum(rewards)

    def tell(self, snapshot: Snapshot) -> str:
        below = [account for account in snapshot.accounts if account.healthy is False]
        blind = sum(account.health is None for account in snapshot.accounts)
        auctions = sum(account.auction is not None for account in snapshot.accounts)
        text = f"{len(below)} of {snapshot.system.accounts} accounts below maintenance, {auctions} in auction"
        return text + (f", {blind} can't be assessed" if blind else "")

    def ether_wad(self, snapshot: Snapshot) -> int:
        return price_of(snapshot, self._policy.ether_underlying).spot_wad


class Bidder:
    name = "bidder"

    def __init__(
        self,
        protocol: Protocol,
        policy: bidder.Policy,
        book: Path | None,  # of signed orders to unload to; None: it keeps what it takes
        *,
        latency_seconds: int = 36,
        multiple: float = 1.5,
        floor_bps: int = 10,
        lookback_blocks: int = 200,  # read at a start
    ) -> None:
        self._protocol, self._policy, self._book = protocol, policy, book
        self._params = read_params(protocol)
        self._latency, self._multiple, self._floor = latency_seconds, multiple, floor_bps
        self._lookback = lookback_blocks
        self._history: dict[int, deque[tuple[int, int]]] = {number: deque() for number in protocol.symbols}
        self._read_to = -1
        self._marks: dict[int, int] = {}

    def accounts(self, block: int) -> Sequence[int]:
        """What is in auction, and our own."""
        return in_auction(self._protocol, block, [self._policy.taker])

    def decide(self, snapshot: Snapshot) -> Sequence[Action]:
        self._follow_prices(snapshot.system.block, snapshot.system.time)
        self._marks = {market.instrument: market.price.spot_wad for market in snapshot.markets}
        risk = {
            number: bidder.feared_move_bps(
                list(history),
                snapshot.system.time,
                latency_seconds=self._latency,
                multiple=self._multiple,
                floor_bps=self._floor,
            )
            for number, history in self._history.items()
        }
        offers = self._offers(snapshot)
        return bidder.decide(with_clocks(self._protocol, snapshot), self._params, risk, offers, self._policy)

    def income_wad(self, mined: Mined) -> int:
        """Discounts won less what unloading cost against the mark. What the price did meanwhile isn't in it."""
        total = 0
        for event in mined.events:
            if event.name == "Taken":
                total += event.args["discountWad"] - event.args["fundShareWad"]
            elif event.name == "Matched" and isinstance(mined.action, Trade):
                size, price = event.args["takerSizeWad"], event.args["priceWad"]
                mark = self._marks.get(event.args["instrument"], price)
                total += mul_wad_down(size, mark - price) - event.args["takerFeeWad"]
        return total

    def tell(self, snapshot: Snapshot) -> str:
        own = next((account for account in snapshot.accounts if account.id == self._policy.taker), None)
        if own is None or own.health is None:
            return f"account {self._policy.taker} can't be assessed"
        auctions = sum(account.auction is not None for account in snapshot.accounts)
        margin = own.health.margin
        return (
            f"{auctions} in auction, equity {margin.equity_wad / WAD:,.0f}"
            f" (bound {margin.initial_wad / WAD:,.0f})"
        )

    def ether_wad(self, snapshot: Snapshot) -> int:
        return price_of(snapshot, self._policy.ether_underlying).spot_wad

    def _follow_prices(self, block: int, now: int) -> None:
        """Accepted prices since the last look; after a start or a reorganisation, of the whole lookback.

        Of what is older than the window the newest is kept: from there the price has moved in the window.
        """
        if block < self._read_to:
            self._read_to = -1
            for history in self._history.values():
                history.clear()
        first = max(self._read_to + 1, block - self._lookback, 0)
        logs = self._protocol.rpc.call(
            "eth_getLogs",
            {"address": self._protocol.oracle.address, "fromBlock": hex(first), "toBlock": hex(block)},
        )
        for log in logs:
            event = vocabulary().event(log)
            if event is not None and event.name == "PricePoked":
                known = self._history.get(event.args["underlying"])
                if known is not None:
                    known.append((event.args["updatedAt"], event.args["spotWad"]))
        for history in self._history.values():
            while len(history) > 1 and history[1][0] <= now - max(bidder.WINDOWS):
                history.popleft()
        self._read_to = block

    def _offers(self, snapshot: Snapshot) -> list[bidder.Offer]:
        if self._book is None:
            return []
        protocol, signed = self._protocol, orders.load(self._book)
        alive = [one for one in signed if one.order.expires_at > snapshot.system.time]
        filled = call_many(
            protocol.rpc,
            [(protocol.venue, "filledOf", protocol.order_digest(one.order)) for one in alive],
            block=snapshot.system.block,
        )
        return [
            bidder.Offer(signed=one, remaining_wad=max(0, abs(one.order.size_wad) - done))
            for one, done in zip(alive, filled, strict=True)
        ]


class Backstop:
    name = "backstop"

    def __init__(
        self,
        protocol: Protocol,
        policy: backstop.Policy,
        book: Path | None,  # of standing bids; None: tranches alone
    ) -> None:
        self._protocol, self._policy, self._book = protocol, policy, book
        self._params = read_params(protocol)
        self._units = 10 ** (18 - protocol.decimals[SETTLEMENT])
        tranches = protocol.tranches.values()
        self._own = call_many(protocol.rpc, [(one, name) for one in tranches for name in ("RESERVE", "RISK")])

    def accounts(self, block: int) -> Sequence[int]:
        """What is in auction, and the tranches' own."""
        return in_auction(self._protocol, block, self._own)

    def decide(self, snapshot: Snapshot) -> Sequence[Action]:
        return backstop.decide(
            with_clocks(self._protocol, snapshot),
            self._params,
            self._tranches(snapshot),
            self._bids(snapshot),
            self._policy,
        )

    def income_wad(self, mined: Mined) -> int:
        rewards = [event.args["rewardAmount"] for event in mined.events if event.name == "TakenOver"]
        return sum(rewards) * self._units

    def tell(self, snapshot: Snapshot) -> str:
        auctions = sum(account.auction is not None for account in snapshot.accounts)
        return f"{auctions} in auction, {len(self._protocol.tranches)} tranches"

    def ether_wad(self, snapshot: Snapshot) -> int:
        return price_of(snapshot, self._policy.ether_underlying).spot_wad

    def _tranches(self, snapshot: Snapshot) -> dict[int, backstop.TrancheView]:
        protocol, names = self._protocol, ("params", "state")
        calls = [(tranche, name) for tranche in protocol.tranches.values() for name in names]
        found = call_many(protocol.rpc, calls, block=snapshot.system.block)
        views = {}
        for place, underlying in enumerate(protocol.tranches):
            reserve, risk = self._own[2 * place : 2 * place + 2]
            params, state = found[2 * place : 2 * place + 2]
            views[underlying] = backstop.TrancheView(
                reserve=reserve,
                risk=risk,
                params=TrancheParams(
                    **dict(zip((field.name for field in fields(TrancheParams)), params, strict=True))
                ),
                unit_wad=self._units,
                lost=state.lostAmount,
                staked=state.stakedAmount,
                queued=state.queuedShares,
                owed=state.owedAmount,
                stopped_until=state.stoppedUntil,
            )
        return views

    def _bids(self, snapshot: Snapshot) -> list[backstop.Standing]:
        if self._book is None:
            return []
        protocol = self._protocol
        alive = [one for one in orders.load_bids(self._book) if one.bid.deadline >= snapshot.system.time]
        names = [bid_digest(one.bid, protocol.chain_id, protocol.standing_bids.address) for one in alive]
        calls = [(protocol.standing_bids, "filledOf", name) for name in names]
        filled = call_many(protocol.rpc, calls, block=snapshot.system.block)
        return [
            backstop.Standing(signed=one, remaining_wad=max(0, one.bid.max_notional_wad - done))
            for one, done in zip(alive, filled, strict=True)
        ]


class Watchdog:
    name = "watchdog"

    def __init__(self, protocol: Protocol, policy: watchdog.Policy) -> None:
        self._protocol, self._policy = protocol, policy
        self._params = read_params(protocol)
        names = ("WINDOW_SECONDS", "DRAWDOWN_BPS", "SILENCE_SECONDS")
        self._window, self._drawdown, self._silence = call_many(
            protocol.rpc, [(protocol.sentinel, name) for name in names]
        )

    def accounts(self, block: int) -> Sequence[int]:
        """What is in auction, and what owes more than it has."""
        found = self._protocol.at_risk(block=block)
        return [risky.account for risky in found if risky.in_auction or (risky.health_bps or 0) < 0]

    def decide(self, snapshot: Snapshot) -> Sequence[Action]:
        return watchdog.decide(
            with_clocks(self._protocol, snapshot),
            self._params,
            self._rules(snapshot),
            self._lines(snapshot),
            self._reported(snapshot),
            self._holders(snapshot),
            self._policy,
        )

    def income_wad(self, mined: Mined) -> int:
        return 0

    def tell(self, snapshot: Snapshot) -> str:
        auctions = sum(account.auction is not None for account in snapshot.accounts)
        system = snapshot.system
        age = system.time - system.fund.refreshed_at
        return f"{auctions} in auction, target {age} s old, fees {system.fees_wad / WAD:,.0f}"

    def ether_wad(self, snapshot: Snapshot) -> int:
        return price_of(snapshot, self._policy.ether_underlying).spot_wad

    def _rules(self, snapshot: Snapshot) -> watchdog.Rules:
        fund = self._protocol.insurance.call("params", block=snapshot.system.block)
        return watchdog.Rules(
            window_seconds=self._window,
            drawdown_bps=self._drawdown,
            silence_seconds=self._silence,
            max_age_seconds=fund.maxAgeSeconds,
            slack_bps=fund.slackBps,
            hold_seconds=fund.holdSeconds,
        )

    def _lines(self, snapshot: Snapshot) -> list[watchdog.Line]:
        protocol = self._protocol
        numbers = (EVERYTHING, *protocol.symbols)
        calls: list[tuple[Any, ...]] = []
        for number in numbers:
            calls += [(protocol.insurance, name, number) for name in ("drawnOf", "capOf")]
            calls.append((protocol.sentinel, "markOf", number))
        found = call_many(protocol.rpc, calls, block=snapshot.system.block)
        lines = []
        for place, number in enumerate(numbers):
            drawn, cap, mark = found[3 * place : 3 * place + 3]
            lines.append(
                watchdog.Line(
                    underlying=number,
                    drawn_wad=drawn,
                    cap_wad=cap,
                    marked_at=mark.markedAt,
                    marked_drawn_wad=mark.drawnWad,
                    marked_capacity_wad=mark.capacityWad,
                )
            )
        return lines

    def _reported(self, snapshot: Snapshot) -> dict[int, int]:
        protocol = self._protocol
        auctions = [account.id for account in snapshot.accounts if account.auction is not None]
        calls = [(protocol.sentinel, "reportedOf", account) for account in auctions]
        return dict(zip(auctions, call_many(protocol.rpc, calls, block=snapshot.system.block), strict=True))

    def _holders(self, snapshot: Snapshot) -> dict[int, tuple[int, ...]]:
        """All accounts are looked through while a settled series is held, and no longer."""
        block = snapshot.system.block
        return {series: self._protocol.holders(series, block) for series in sorted(snapshot.settled)}


def in_auction(protocol: Protocol, block: int, own: Iterable[int]) -> list[int]:
    """Accounts in auction, and one's own beside them."""
    return sorted({*own, *(risky.account for risky in protocol.at_risk(block=block) if risky.in_auction)})


def with_clocks(protocol: Protocol, snapshot: Snapshot) -> Snapshot:
    """With auctions' times as the contract counts them: a pause in which nobody could take moves them to its end."""
    words = {
        account.id: [item.word for item in account.health.items]
        for account in snapshot.accounts
        if account.auction and account.health
    }
    calls = [(protocol.breaker, "reopenedAt", items) for items in words.values()]
    clocks = dict(zip(words, call_many(protocol.rpc, calls, block=snapshot.system.block), strict=True))
    accounts = tuple(
        replace(account, auction=_since(account.auction, clocks.get(account.id, 0)))
        if account.auction
        else account
        for account in snapshot.accounts
    )
    return replace(snapshot, accounts=accounts)


def _since(auction: Auction, reopened_at: int) -> Auction:
    return replace(
        auction,
        started_at=max(auction.started_at, reopened_at),
        restarted_at=max(auction.restarted_at, reopened_at),
    )


def read_params(protocol: Protocol) -> Params:
    values = protocol.liquidation.call("params")
    return Params(**dict(zip((field.name for field in fields(Params)), values, strict=True)))


def tell_prices(protocol: Protocol, snapshot: Snapshot) -> str:
    prices = []
    for number, symbol in protocol.symbols.items():
        price = price_of(snapshot, number)
        prices.append(f"{symbol} {price.spot_wad / WAD:,.2f} {price.grade.name.lower()}")
    return ", ".join(prices)


def margin_account(protocol: Protocol, key: LocalAccount, *, deposit: int = 0, dry_run: bool = False) -> int:
    """The key's first cross account; where there is none it is opened, and `deposit` [settlement token] goes in."""
    for account in protocol.accounts():
        if account.owner == key.address and account.mode is Mode.CROSS:
            return account.id
    if dry_run:
        raise ConfigError(
            f"{key.address} has no cross account, and a dry run opens none: name one by --margin-account"
        )
    opened = protocol.open_account(key, Mode.CROSS)
    if deposit:
        protocol.fund(key, opened, SETTLEMENT, deposit)
    return opened


def _check_writer(protocol: Protocol, key: LocalAccount) -> None:
    """Fails early and clearly: a pusher that may not write would only burn time."""
    for number, feed in ((number, feed) for number, feeds in protocol.feeds.items() for feed in feeds):
        symbol = protocol.symbols[number]
        try:
            owner = feed.call("owner")
        except ChainError:
            raise ConfigError(f"the feed of {symbol} can't be set from outside: leave --prices out") from None
        if owner != key.address:
            raise ConfigError(f"the feed of {symbol} is set by {owner}, not by {key.address}")
