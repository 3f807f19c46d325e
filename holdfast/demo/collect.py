"""What happened: a point for each block while it runs, and the sums of all events at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.chain.artifacts import Event, vocabulary
from holdfast.chain.protocol import Protocol
from holdfast.types import Books, Grade, Level, Snapshot
from holdfast.units import WAD, mul_div_up

CHUNK: Final = 500
"""Blocks in one request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One block as the report draws it."""

    time: int
    block: int
    base_fee: int  # [wei]
    spot_wad: Mapping[int, int]  # by underlying
    ema_wad: Mapping[int, int]
    grade: Grade  # worst of all markets
    level: Level  # strictest of all markets
    fund_wad: int
    auctions: int
    health: Mapping[int, float | None]  # account → equity / MM; None: no requirement
    below: frozenset[int]  # accounts with equity < MM


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """An event with its moment."""

    time: int
    block: int
    tx: int  # its place in the block
    event: Event


@dataclass
class Series:
    points: list[Point] = field(default_factory=list)

    def add(self, snapshot: Snapshot, base_fee: int) -> Point:
        system = snapshot.system
        point = Point(
            time=system.time,
            block=system.block,
            base_fee=base_fee,
            spot_wad={market.underlying: market.price.spot_wad for market in snapshot.markets},
            ema_wad={market.underlying: market.price.ema_wad for market in snapshot.markets},
            grade=max(market.price.grade for market in snapshot.markets),
            level=max(market.restriction.level for market in snapshot.markets),
            fund_wad=system.fund_wad,
            auctions=sum(account.auction is not None for account in snapshot.accounts),
            health={
                account.id: None if account.health_wad is None else account.health_wad / WAD
                for account in snapshot.accounts
                if account.health is not None
            },
            below=frozenset(account.id for account in snapshot.accounts if account.healthy is False),
        )
        self.points.append(point)
        return point

    def worst_seconds_below(self) -> tuple[int, int | None]:
        """The longest time that an account was below maintenance without a break, and which one."""
        since: dict[int, int] = {}
        worst, who = 0, None
        for point in self.points:
            for account in [account for account in since if account not in point.below]:
                del since[account]
            for account in point.below:
                began = since.setdefault(account, point.time)
                if point.time - began > worst:
                    worst, who = point.time - began, account
        return worst, who


@dataclass(frozen=True, kw_only=True, slots=True)
class KeeperAccount:
    """What one keeper earned."""

    role: str
    transactions: int
    failed: int
    gas_used: int
    income_wad: int  # change of its equity in the ledger, deposits left out
    gas_wad: int  # at the price of ether in the block of each transaction

    @property
    def profit_wad(self) -> int:
        return self.income_wad - self.gas_wad


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """The demo in figures. Amounts in wad of the settlement token."""

    traders: int
    accounts: int
    liquidated: int  # accounts that ever were in auction
    auctions: int
    slices: int
    penalty_wad: int  # discounts that accounts paid
    rewards_wad: int  # start rewards, whoever paid them
    keepers: tuple[KeeperAccount, ...]
    insurance_seed_wad: int
    insurance_penalty_wad: int  # the fund's share of discounts
    insurance_fees_wad: int  # its share of trading fees
    insurance_interest_wad: int  # what its cash earned
    insurance_out_wad: int
    written_off_wad: int  # on the credit index
    deleveraged_wad: int  # deficits that the opposite side bore
    left_wad: int  # negative equity that still stands
    worst_seconds_below: int
    worst_account: int | None
    books: Books

    @property
    def bad_debt_wad(self) -> int:
        """What somebody else had to bear: lenders, winners, or nobody yet."""
        return self.written_off_wad + self.deleveraged_wad + self.left_wad

    @property
    def insurance_in_wad(self) -> int:
        return self.insurance_penalty_wad + self.insurance_fees_wad + self.insurance_interest_wad

    @property
    def keeper_profit_wad(self) -> int:
        return sum(keeper.profit_wad for keeper in self.keepers)


def read_events(protocol: Protocol, first: int, last: int) -> list[Happened]:
    """All events of the protocol's contracts in these blocks, in order; tokens and feeds have nothing to add."""
    contracts = protocol.record.contracts
    addresses = [contracts[name].address for name in contracts if not name.startswith(("Token.", "Feed."))]
    words = vocabulary()
    found: list[Happened] = []
    for start in range(first, last + 1, CHUNK):
        end = min(last, start + CHUNK - 1)
        logs = protocol.rpc.call(
            "eth_getLogs", {"address": addresses, "fromBlock": hex(start), "toBlock": hex(end)}
        )
        for log in logs:
            event = words.event(log)
            if event is not None:
                when = int(log["blockTimestamp"], 16)
                block, tx = (int(log[key], 16) for key in ("blockNumber", "transactionIndex"))
                found.append(Happened(time=when, block=block, tx=tx, event=event))
    return found


def read_gas(
    protocol: Protocol, senders: Mapping[str, str], ether_wad: Mapping[int, int], first: int, last: int
) -> dict[str, dict[str, int]]:
    """By role: transactions, failed, gas_used and gas_wad, from the receipts of these blocks.

    `senders`: address → role; `ether_wad`: block → price of one ether.
    """
    sums = {
        role: dict.fromkeys(("transactions", "failed", "gas_used", "gas_wad"), 0) for role in senders.values()
    }
    roles = {address.lower(): role for address, role in senders.items()}
    for start in range(first, last + 1, CHUNK):
        blocks = range(start, min(last, start + CHUNK - 1) + 1)
        answers = protocol.rpc.batch(("eth_getBlockReceipts", (hex(block),)) for block in blocks)
        for block, receipts in zip(blocks, answers, strict=True):
            for receipt in receipts or ():
                role = roles.get(receipt["from"].lower())
                if role is None:
                    continue
                used = int(receipt["gasUsed"], 16)
                wei = used * int(receipt["effectiveGasPrice"], 16)
                entry = sums[role]
                entry["transactions"] += 1
                entry["failed"] += receipt["status"] != "0x1"
                entry["gas_used"] += used
                entry["gas_wad"] += mul_div_up(wei, ether_wad[block], WAD)
    return sums


def add_up(
    *,
    series: Series,
    events: Sequence[Happened],
    gas: Mapping[str, Mapping[str, int]],
    income_wad: Mapping[str, int],
    last: Snapshot,
    books: Books,
    traders: Iterable[int],
    seed_wad: int,
) -> Sums:
    named = [happened.event for happened in events]
    taken = _args(named, "Taken")
    paid_out = sum(args["paidWad"] for args in _args(named, "Paid"))
    penalty_share = sum(args["fundShareWad"] for args in taken)
    fees = sum(args["fundWad"] for args in _args(named, "FeesDistributed"))
    change = last.system.fund_wad - seed_wad
    worst, who = series.worst_seconds_below()
    started = _args(named, "AuctionStarted")
    return Sums(
        traders=len(list(traders)),
        accounts=last.system.accounts,
        liquidated=len({args["account"] for args in started}),
        auctions=len(started),
        slices=len(taken),
        penalty_wad=sum(max(0, args["discountWad"] - args["insuranceWad"]) for args in taken),
        rewards_wad=sum(args["rewardWad"] for args in started),
        keepers=tuple(
            KeeperAccount(role=role, income_wad=income_wad.get(role, 0), **sums) for role, sums in gas.items()
        ),
        insurance_seed_wad=seed_wad,
        insurance_penalty_wad=penalty_share,
        insurance_fees_wad=fees,
        insurance_interest_wad=change + paid_out - penalty_share - fees,
        insurance_out_wad=paid_out,
        written_off_wad=sum(args["lossWad"] for args in _args(named, "DebtWrittenOff")),
        deleveraged_wad=sum(args["deficitWad"] for args in _args(named, "DeficitDeleveraged")),
        left_wad=sum(
            max(0, -account.health.margin.equity_wad)
            for account in last.accounts
            if account.health is not None
        ),
        worst_seconds_below=worst,
        worst_account=who,
        books=books,
    )


def _args(events: Iterable[Event], name: str) -> list[dict[str, Any]]:
    return [event.args for event in events if event.name == name]
