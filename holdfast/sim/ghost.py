"""What a history has done so far, kept apart from the contracts: the second witness of the invariants.

The ghost sees calls and their outcome only, never storage: tokens in and out, orders and how much of them is matched,
operators, what governance scheduled, and how far rounding may have carried the sizes of a market.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from holdfast.chain.protocol import books_of
from holdfast.model.liquidation import Params
from holdfast.model.venue import Order
from holdfast.sim.steps import Transition
from holdfast.sim.world import World, read_params
from holdfast.types import EVERYTHING, Account, Level, Snapshot
from holdfast.units import WAD


@dataclass
class Ticket:
    """A signed order and what became of it."""

    order: Order
    signature: bytes
    honest: bool  # really signed by its signer
    filled_wad: int = 0
    cancelled: bool = False

    @property
    def left_wad(self) -> int:
        return 0 if self.cancelled else abs(self.order.size_wad) - self.filled_wad


@dataclass
class Ghost:
    """Follows a history transition by transition; `follow` comes after the judgement."""

    world: World
    operators: set[tuple[str, str]] = field(default_factory=set)  # (owner, operator)
    net_in: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # asset → deposits − withdrawals
    donated: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # by asset
    tickets: dict[bytes, Ticket] = field(default_factory=dict)  # by order hash
    floors: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # of nonces, by account
    scheduled: dict[bytes, int] = field(default_factory=dict)  # operation → when it was scheduled
    ends: dict[tuple[int, bool, int], int] = field(default_factory=dict)  # instrument, long, epoch → last A
    folded: dict[tuple[int, bool], int] = field(
        default_factory=lambda: defaultdict(int)
    )  # bases rounded so far
    size_slack_wad: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # by instrument
    reopened: dict[int, int] = field(default_factory=dict)  # underlying → end of its last halt and grace
    least_dust_wad: int = 0  # the dust of INV-01 was at least this once
    params: Params = field(init=False)  # of the auctions

    def __post_init__(self) -> None:
        self.operators = set(self.world.operators)
        self.params = self.world.params

    def authorised(self, owner: str, speakers: Iterable[str]) -> bool:
        """May one of them act for this owner's accounts?"""
        return any(who == owner or (owner, who) in self.operators for who in speakers)

    def held(self, asset: int) -> int:
        """What the vault must owe the ledger."""
        return self.world.start.system.assets[asset].held + self.net_in[asset]

    def balance(self, asset: int) -> int:
        """What the vault must have."""
        return self.world.start.system.assets[asset].balance + self.net_in[asset] + self.donated[asset]

    def clock(self, account: Account) -> tuple[int, int]:
        """(started, restarted) of an auction, as it counts: what nobody could use of it doesn't."""
        assert account.auction is not None and account.health is not None
        reopened = max(self.reopened.get(u, 0) for u in (EVERYTHING, *account.health.underlyings))
        return max(account.auction.started_at, reopened), max(account.auction.restarted_at, reopened)

    def meet(self, t: Transition) -> None:
        """What must be known before the transition is judged: the orders it shows."""
        if t.step is None:
            return
        for order_hash, order, signature, honest in t.step.facts.get("orders", ()):
            self.tickets.setdefault(order_hash, Ticket(order, signature, honest))

    def follow(self, t: Transition) -> None:
        for event in t.events:
            self._hear(t, event.name, event.args, event.address)
        if t.action == "donate" and t.ok:
            self.donated[t.facts["asset"]] += t.facts["amount"]
        books = books_of(t.after)
        self.least_dust_wad = max(self.least_dust_wad, books.dust_wad - roundings(t.after))

    def _hear(self, t: Transition, name: str, args: Any, address: str) -> None:
        if name == "Transfer" and t.action != "donate":
            for asset in t.before.system.assets:
                if asset.token == address:
                    self.net_in[asset.asset] += args["value"] * (args["to"] == asset.vault)
                    self.net_in[asset.asset] -= args["value"] * (args["from"] == asset.vault)
        elif name == "OperatorSet":
            change = self.operators.add if args["approved"] else self.operators.discard
            change((args["owner"], args["operator"]))
        elif name == "Matched":
            for order_hash in (args["makerHash"], args["takerHash"]):
                self.tickets[order_hash].filled_wad += abs(args["takerSizeWad"])
        elif name == "Cancelled" and args["orderHash"] in self.tickets:
            self.tickets[args["orderHash"]].cancelled = True
        elif name == "NonceFloorRaised":
            self.floors[args["account"]] = args["floor"]
        elif name in ("Filled", "SliceTaken", "Settled"):
            for market in t.before.markets:
                self.size_slack_wad[market.instrument] += 4  # each base that moves rounds at most once
        elif name == "Deleveraged":
            base = max(max(m.long_base_wad, m.short_base_wad) for m in t.before.markets)
            self.size_slack_wad[args["instrument"]] += 4 + base // WAD  # the last digit of A
        elif name == "EpochEnded":
            key = args["instrument"], args["long"]
            self.ends[(*key, args["epoch"])] = args["scaleWad"]
            self.folded[key] += sum(account.position(key[0]) is not None for account in t.before.accounts)
        elif name == "OperationScheduled":
            self.scheduled[args["operationId"]] = t.after.system.time
        elif name == "GraceOpened":
            self.reopened[args["underlying"]] = args["until"]
        elif name == "Tripped" and args["level"] == Level.HALTED:
            grace = self.world.protocol.record.config["breaker"]["grace_seconds"]
            self.reopened[args["underlying"]] = args["until"] + grace
        elif name == "ParamsSet":
            self.params = read_params(args["params"])


def roundings(snapshot: Snapshot) -> int:
    """[wei] How far claims projected to now may differ by rounding alone from what they come to when stored.

    Each account and position is rounded once, and an index or K of a pool or side moves in whole digits.
    """
    pool = snapshot.system.pool
    holders = sum(1 + len(account.positions) for account in snapshot.accounts)
    digits = 2 * (pool.credit_shares + pool.debt_shares)
    digits += sum(2 * (market.long_base_wad + market.short_base_wad) for market in snapshot.markets)
    return holders + digits // WAD
