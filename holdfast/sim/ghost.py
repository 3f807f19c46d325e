"""What a history has done so far, kept apart from the contracts: the second witness of the invariants.

The ghost sees calls and their outcome only, never storage: tokens in and out, orders and how much of them is matched,
operators, what governance scheduled, and how far rounding may have carried the sizes of a market.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.model import side_index
from holdfast.model.liquidation import Params
from holdfast.model.side_index import EpochEnd
from holdfast.model.venue import Order
from holdfast.sim.steps import Transition
from holdfast.sim.world import World, read_params
from holdfast.types import EVERYTHING, SETTLEMENT, Account, Level, Market, Position, Snapshot, Traded
from holdfast.units import WAD


@dataclass
class Ticket:
    """A signed order and what became of it."""

    order: Order
    signature: bytes
    honest: bool  # really signed by its signer
    filled_wad: int = 0
    fills: int = 0
    cancelled: bool = False

    @property
    def left_wad(self) -> int:
        return 0 if self.cancelled else abs(self.order.size_wad) - self.filled_wad


ENDED: Final = "ended"
"""Key of `Ghost.memory`, set where governance has taken away what all promises rest on."""

FOLLOWERS: Final[list[Callable[[Ghost, Transition], None]]] = []
"""Who else remembers something of each transition, in `Ghost.memory`."""


@dataclass
class Ghost:
    """Follows a history transition by transition; `follow` comes after the judgement."""

    world: World
    operators: set[tuple[str, str]] = field(default_factory=set)  # (owner, operator)
    net_in: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # asset → deposits − withdrawals
    tickets: dict[bytes, Ticket] = field(default_factory=dict)  # by order hash
    floors: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # of nonces, by account
    scheduled: dict[bytes, int] = field(default_factory=dict)  # operation → when it was scheduled
    ends: dict[tuple[int, bool, int], EpochEnd] = field(default_factory=dict)  # by instrument, long, epoch
    folded: dict[tuple[int, bool], int] = field(
        default_factory=lambda: defaultdict(int)
    )  # bases rounded so far
    size_slack_wad: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # by instrument
    reopened: dict[int, int] = field(default_factory=dict)  # underlying → end of its last halt and grace
    marks: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # underlying → time, drawn, capacity
    silences: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # account → run reported last
    least_dust: int = 0  # [wei / 1e18] the dust of INV-01 was at least this once
    memory: dict[str, Any] = field(default_factory=dict)  # of whoever follows, see FOLLOWERS
    params: Params = field(init=False)  # of the auctions
    _flows: dict[int, tuple[Market, int, tuple[int, int]]] = field(default_factory=dict)  # projected last
    _dust: list[tuple[Snapshot, int]] = field(default_factory=list)  # of the last two snapshots

    def __post_init__(self) -> None:
        self.operators = set(self.world.operators)
        self.params = self.world.params

    def authorised(self, owner: str, speakers: Iterable[str]) -> bool:
        """May one of them act for this owner's accounts?"""
        return any(who == owner or (owner, who) in self.operators for who in speakers)

    def held(self, asset: int) -> int:
        """What the vault must owe the ledger."""
        at_start = self.world.start.system.assets
        return (at_start[asset].held if asset < len(at_start) else 0) + self.net_in[asset]

    def current(self, market: Traded, leg: Position) -> side_index.Position:
        """A stored position, brought over the epochs that ended since."""
        long = leg.base_wad > 0
        epoch = (market.long if long else market.short).epoch
        p = side_index.Position(base_wad=leg.base_wad, cost_wad=leg.cost_wad, epoch=leg.epoch)
        while p.base_wad and p.epoch != epoch:
            p = side_index.cross(p, self.ends[(market.instrument, long, p.epoch)])
        return p

    def flows(self, market: Traded, time: int) -> tuple[int, int]:
        """K of long and short, funding projected to `time`; options pay none."""
        if not isinstance(market, Market):
            return market.long.flow_wad, market.short.flow_wad
        known = self._flows.get(market.instrument)
        if known is None or known[0] is not market or known[1] != time:
            known = self._flows[market.instrument] = market, time, self._projected(market, time)
        return known[2]

    def _projected(self, market: Market, time: int) -> tuple[int, int]:
        ledger = self.world.protocol.record.config["ledger"]
        f = side_index.funding(
            market.long.premium_ppb,
            market.price.spot_wad,
            time - market.long.accrued_at,
            ledger["funding_period_seconds"],
            ledger["funding_cap_bps"],
        )
        interest = side_index.Interest(
            underlying=market.underlying,
            long_base_wad=market.long_base_wad,
            short_base_wad=market.short_base_wad,
        )
        sides = side_index.Market(long=market.long, short=market.short, interest=interest)
        sides = side_index.apply_funding(sides, f) if f else sides
        return sides.long.flow_wad, sides.short.flow_wad

    def exact_dust(self, snapshot: Snapshot) -> int:
        """[wei / 1e18] Settlement tokens held less all claims on them, none of them rounded; sizes are left out."""
        for known, dust in self._dust:
            if known is snapshot:
                return dust
        self._dust = [*self._dust[-1:], (snapshot, self._exact_dust(snapshot))]
        return self._dust[-1][1]

    def _exact_dust(self, snapshot: Snapshot) -> int:
        system = snapshot.system
        pool, vault = system.pool, system.assets[SETTLEMENT]
        claims = pool.credit_shares * pool.credit_index_wad - pool.debt_shares * pool.debt_index_wad
        for market in snapshot.instruments.values():
            long, short = self.flows(market, system.time)
            for leg in snapshot.legs.get(market.instrument, ()):
                p = self.current(market, leg)
                claims += abs(p.base_wad) * (long if p.base_wad > 0 else short) - p.cost_wad * WAD
        return vault.held * vault.unit_wad * WAD - claims

    def clock(self, account: Account, now: int) -> tuple[int, int]:
        """(started, restarted) of an auction, as it counts: what nobody could use of it doesn't."""
        assert account.auction is not None and account.health is not None
        used = {EVERYTHING, *(item.underlying for item in account.health.items)}
        reopened = max((end for u, end in self.reopened.items() if u in used and end <= now), default=0)
        return max(account.auction.started_at, reopened), max(account.auction.restarted_at, reopened)

    def meet(self, t: Transition) -> None:
        """What must be known before the transition is judged: the orders it shows, the epochs that it ended."""
        for order_hash, order, signature, honest in t.facts.get("orders", ()):
            self.tickets.setdefault(order_hash, Ticket(order, signature, honest))
        for event in t.named("EpochEnded"):
            args = event.args
            key = args["instrument"], args["long"]
            self.ends[(*key, args["epoch"])] = EpochEnd(flow_wad=args["flowWad"], scale_wad=args["scaleWad"])
            self.folded[key] += sum(account.position(key[0]) is not None for account in t.before.accounts)

    def follow(self, t: Transition) -> None:
        for event in t.events:
            self._hear(t, event.name, event.args, event.address)
        for follow in FOLLOWERS:
            follow(self, t)
        self.least_dust = max(self.least_dust, self.exact_dust(t.after) - digits(t.after))

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
                self.tickets[order_hash].fills += 1
        elif name == "Cancelled" and args["orderHash"] in self.tickets:
            self.tickets[args["orderHash"]].cancelled = True
        elif name == "NonceFloorRaised":
            self.floors[args["account"]] = args["floor"]
        elif name in ("Filled", "SliceTaken", "Settled"):
            for market in t.before.instruments.values():
                self.size_slack_wad[market.instrument] += 4  # each base that moves rounds at most once
        elif name == "Deleveraged":
            base = max(max(m.long_base_wad, m.short_base_wad) for m in t.before.instruments.values())
            self.size_slack_wad[args["instrument"]] += 4 + base // WAD  # the last digit of A
        elif name == "OperationScheduled":
            self.scheduled[args["operationId"]] = t.after.system.time
        elif name == "GraceOpened":
            self.reopened[args["underlying"]] = args["until"]
        elif name == "Tripped" and args["level"] == Level.HALTED:
            grace = self.world.protocol.record.config["breaker"]["grace_seconds"]
            self.reopened[args["underlying"]] = args["until"] + grace
        elif name == "Marked":
            self.marks[args["underlying"]] = t.after.system.time, args["drawnWad"], args["capacityWad"]
        elif name == "SilenceReported":
            self.silences[args["account"]] = args["silentSince"]
        elif name == "ParamsSet" and address == self.world.protocol.liquidation.address:
            self.params = read_params(args["params"])


def digits(snapshot: Snapshot) -> int:
    """[wei / 1e18] How far exact claims that are projected to now may differ from what they come to when stored.

    An index or K moves in whole digits, rounded anew at each moment; a digit of it is worth its shares or its base.
    """
    pool = snapshot.system.pool
    bases = sum(one.long_base_wad + one.short_base_wad for one in snapshot.instruments.values())
    return 2 * (pool.credit_shares + pool.debt_shares + bases)
