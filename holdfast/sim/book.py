"""What the tranches and standing bids of a history owe and are owed, by what was emitted alone: the second witness of
INV-75 to INV-79."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from holdfast.model import backstop
from holdfast.model.backstop import StandingBid, Tranche
from holdfast.sim.ghost import FOLLOWERS, Ghost
from holdfast.sim.steps import Transition
from holdfast.sim.world import Backstop, read_tranche_params
from holdfast.types import SETTLEMENT, Account, Snapshot

ZERO: Final = "0x" + "00" * 20


@dataclass
class Ticket:
    """A standing bid and what became of it."""

    bid: StandingBid
    signature: bytes
    honest: bool  # really signed by its signer
    filled_wad: int = 0
    cancelled: bool = False

    @property
    def left_wad(self) -> int:
        return 0 if self.cancelled else self.bid.max_notional_wad - self.filled_wad


@dataclass
class Shares:
    """One tranche."""

    twin: Tranche  # cash and equity left out: those the snapshots have
    held: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    requests: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    stopped_until: int = 0
    took_at: int = 0


@dataclass
class Book:
    tranches: dict[int, Shares]  # by underlying
    bids: dict[bytes, Ticket] = field(default_factory=dict)


def book_of(g: Ghost) -> Book:
    found = g.memory.get("backstop")
    if found is None:
        tranches = {at: _at_start(g, one) for at, one in g.world.backstops.items()}
        found = g.memory["backstop"] = Book(tranches)
    return found


def _at_start(g: Ghost, one: Backstop) -> Shares:
    unit = g.world.start.system.assets[SETTLEMENT].unit_wad
    twin = Tranche(params=one.params, unit_wad=unit, supply=sum(one.held.values()))
    shares = Shares(twin)
    shares.held.update(one.held)
    return shares


def as_it_stands(g: Ghost, underlying: int, accounts: Mapping[int, Account] | Snapshot) -> Tranche:
    """The twin with the cash and equity that the accounts have."""
    one, twin = g.world.backstops[underlying], book_of(g).tranches[underlying].twin
    if isinstance(accounts, Snapshot):
        accounts = {account.id: account for account in accounts.accounts}
    risk = accounts[one.risk]
    equity = risk.cash_wad if risk.health is None else risk.health.margin.equity_wad
    at_risk = bool(risk.positions or risk.holdings)
    return replace(twin, reserve_wad=accounts[one.reserve].cash_wad, risk_wad=equity, at_risk=at_risk)


def staked(t: Transition, account: int, g: Ghost) -> int:
    """[wad] What came to a tranche's account in a takeover beside the gain, the reward deducted."""
    for one in g.world.backstops.values():
        if one.risk == account and t.action == "take_over":
            unit = t.before.system.assets[SETTLEMENT].unit_wad
            was, now = t.pair(one.reserve)  # what it has more or less came from or went to the other account
            named = t.named("TakenOver")
            paid: int = sum(e.args["rewardAmount"] for e in named if e.address == one.desk.address)
            return was.cash_wad - now.cash_wad - paid * unit
    return 0


def advanced(twin: Tranche, name: str, args: Any, now: int) -> Tranche:
    """After an event, by the rules of the model."""
    if name == "Staked":
        return replace(twin, staked=args["amount"])
    if name == "ParamsSet":
        return replace(twin, params=read_tranche_params(args["params"]))
    if name == "RedeemRequest":
        return twin.request(args["shares"])
    if name == "Claimed":
        return replace(twin, owed=twin.owed - args["assets"])
    if name != "EpochSettled":
        return twin
    cash = args["returnedAmount"] * twin.unit_wad
    booked = replace(twin, risk_wad=cash, at_risk=False).settle(now) if twin.staked else twin
    paid = backstop.Epoch(shares=args["shares"], assets=args["assets"])
    return replace(
        booked,
        queued=0,
        supply=twin.supply,  # transfers tell
        owed=twin.owed + args["assets"],
        epoch=args["epoch"] + 1,
        epochs={**twin.epochs, args["epoch"]: paid},
    )


def _follow(g: Ghost, t: Transition) -> None:
    book, now = book_of(g), t.after.system.time
    for bid_hash, bid, signature, honest in t.facts.get("bids", ()):
        book.bids.setdefault(bid_hash, Ticket(bid, signature, honest))
    for underlying, one in g.world.backstops.items():
        shares = book.tranches[underlying]
        for event in t.events:
            if event.address != one.tranche.address:
                continue
            args = event.args
            if event.name == "Transfer":
                shares.held[args["from"]] -= args["value"]
                shares.held[args["to"]] += args["value"]
                made = args["value"] * ((args["from"] == ZERO) - (args["to"] == ZERO))
                shares.twin = replace(shares.twin, supply=shares.twin.supply + made)
            elif event.name == "RedeemRequest":
                shares.requests[(args["requestId"], args["controller"])] += args["shares"]
            elif event.name == "Claimed":
                shares.requests.pop((args["requestId"], args["controller"]), None)
            elif event.name == "Stopped":
                shares.stopped_until = args["until"]
            shares.twin = advanced(shares.twin, event.name, args, now)
    for event in t.named("TakenOver"):
        for underlying, one in g.world.backstops.items():
            if event.address == one.desk.address:
                book.tranches[underlying].took_at = now
    for event in t.named("BidFilled"):
        book.bids[event.args["bidHash"]].filled_wad += event.args["notionalWad"]
    for event in t.named("BidCancelled"):
        if event.args["bidHash"] in book.bids:
            book.bids[event.args["bidHash"]].cancelled = True


FOLLOWERS.append(_follow)
