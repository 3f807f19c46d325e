"""Who paid for the liquidations, and who got it: the steps of the waterfall, to the wei, from events alone.

    own equity → [backstop takes over] → insurance fund → deleveraging of the opposite side → credit index

Each amount has two witnesses. Liquidation says what an account lacked; whoever paid books it himself: the fund in
`Paid` and in what each market has drawn, the opposite side in `Deleveraged` (size and price, against the mark of
`PricePoked`), the creditors in the ledger's `WrittenOff`. `reconcile` holds the two against each other, transaction by
transaction and in sum; what doesn't fit is told, and fails the demo.

    paid   = own + insurance + deleveraged + written off + still standing
    got    = discounts of takers and backstop + the fund's share + start rewards + losses beyond the accounts' equity
    losses = paid − the rest of what was got: what the other side of the market had won from accounts that were empty
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from holdfast.chain.artifacts import Event
from holdfast.demo.collect import Happened
from holdfast.model.options import is_option
from holdfast.types import underlying_of
from holdfast.units import WAD, mul_wad_down, mul_wad_up

TAKEOVER = "TakenOver"
"""The event of a backstop, in the transaction of its take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """One bar: what it is, how much, and how often."""

    name: str
    amount_wad: int
    times: int = 0


@dataclass(kw_only=True)
class Waterfall:
    """Sums over all liquidations [wad]."""

    own_wad: int = 0  # discounts and rewards, as far as the account still had something
    insurance_wad: int = 0
    longs_wad: int = 0  # deleveraged to pay deficits of shorts
    shorts_wad: int = 0
    written_off_wad: int = 0
    left_wad: int = 0  # deficits that still stand at the end

    taken_wad: int = 0  # discounts, the fund's share deducted
    taken_over_wad: int = 0  # the same, of a backstop's takes
    share_wad: int = 0
    rewards_wad: int = 0

    lacked_wad: int = 0  # what Liquidation says that others had to pay
    times: dict[str, int] = field(default_factory=dict)  # name of an amount → how often
    discrepancies: list[str] = field(default_factory=list)

    @property
    def others_wad(self) -> int:
        """What somebody else than the account paid or still has to."""
        return self.insurance_wad + self.longs_wad + self.shorts_wad + self.written_off_wad + self.left_wad

    @property
    def paid_wad(self) -> int:
        return self.own_wad + self.others_wad

    @property
    def losses_wad(self) -> int:
        return self.paid_wad - self.taken_wad - self.taken_over_wad - self.share_wad - self.rewards_wad

    @property
    def reconciled(self) -> bool:
        return not self.discrepancies

    def payers(self) -> list[Amount]:
        """In the order of the waterfall; what never happened is left out, but for own equity."""
        return [
            amount
            for amount in (
                self._amount("own equity", self.own_wad),
                self._amount("insurance fund", self.insurance_wad),
                self._amount("deleveraged shorts", self.shorts_wad),
                self._amount("deleveraged longs", self.longs_wad),
                self._amount("credit index", self.written_off_wad),
                self._amount("nobody yet", self.left_wad),
            )
            if amount.amount_wad or amount.name == "own equity"
        ]

    def getters(self) -> list[Amount]:
        return [
            amount
            for amount in (
                self._amount("bidders' discount", self.taken_wad),
                self._amount("backstop's discount", self.taken_over_wad),
                self._amount("insurance fund's share", self.share_wad),
                self._amount("start rewards", self.rewards_wad),
                self._amount("losses beyond equity", self.losses_wad),
            )
            if amount.amount_wad
        ]

    def _amount(self, name: str, amount_wad: int) -> Amount:
        return Amount(name=name, amount_wad=amount_wad, times=self.times.get(name, 0))

    def count(self, name: str) -> None:
        self.times[name] = self.times.get(name, 0) + 1


def reconcile(events: Sequence[Happened], *, left_wad: int, drawn_wad: int) -> Waterfall:
    """`left_wad`: negative equity at the end; `drawn_wad`: what all markets have drawn from the fund."""
    found = Waterfall(left_wad=left_wad, lacked_wad=left_wad)
    marks: dict[int, int] = {}
    for where, together in _transactions(events):
        _read(found, where, together, marks)
    for what, said, booked in (
        ("insurance: Σ Paid against what the markets have drawn", found.insurance_wad, drawn_wad),
        ("deficits against payments", found.lacked_wad, found.others_wad),
    ):
        _same(found, what, said, booked)
    return found


def _transactions(events: Iterable[Happened]) -> Iterator[tuple[str, list[Event]]]:
    for (block, tx), together in groupby(events, key=lambda happened: (happened.block, happened.tx)):
        yield f"block {block}, transaction {tx}", [happened.event for happened in together]


def _read(found: Waterfall, where: str, events: Sequence[Event], marks: dict[int, int]) -> None:
    """One transaction. The fund's payments are used up one by one: none may be left over, none may be missing."""
    paid = [event.args for event in events if event.name == "Paid"]
    closed = [event.args for event in events if event.name == "Deleveraged"]
    losses = [event.args for event in events if event.name == "WrittenOff"]
    backstop = any(event.name == TAKEOVER for event in events)
    for event in events:
        args = event.args
        match event.name:
            case "PricePoked":
                marks[args["underlying"]] = args["spotWad"]
            case "AuctionStarted":
                _start(found, args, paid)
            case "Taken":
                _take(found, where, args, paid, backstop)
            case "DeficitDeleveraged":
                _deleverage(found, where, args, paid, closed, marks)
            case "DebtWrittenOff":
                _write_off(found, where, args, paid, losses)
    for rest in paid:
        if rest["paidWad"]:
            found.insurance_wad += rest["paidWad"]
            found.discrepancies.append(f"{where}: the fund paid {rest['paidWad']} wei that nobody asked for")
    if closed or losses:
        found.discrepancies.append(f"{where}: deleveraged or written off without a liquidation")


def _start(found: Waterfall, args: Mapping[str, Any], paid: list[dict[str, Any]]) -> None:
    """The reward: first out of the account, then from the fund, whose payment goes to the starter."""
    fund = _draw(paid, None, args["rewardWad"])
    _pay(found, "insurance fund", fund)
    found.lacked_wad += fund
    found.own_wad += args["rewardWad"] - fund
    found.rewards_wad += args["rewardWad"]
    found.count("start rewards")


def _take(
    found: Waterfall, where: str, args: Mapping[str, Any], paid: list[dict[str, Any]], backstop: bool
) -> None:
    discount, insured = args["discountWad"], args["insuranceWad"]
    fund = _draw(paid, args["account"], insured)
    _same(found, f"{where}: insurance of a slice", insured, fund)
    _pay(found, "insurance fund", fund)
    found.lacked_wad += insured
    # Of what it pays of the discount, the account has at most the equity of the slice: the rest is a new debt.
    own = min(max(0, discount - insured), max(0, args["paymentWad"] + discount))
    if own:
        found.own_wad += own
        found.count("own equity")
    gained = discount - args["fundShareWad"]
    if backstop:
        found.taken_over_wad += gained
    else:
        found.taken_wad += gained
    found.count("backstop's discount" if backstop else "bidders' discount")
    found.share_wad += args["fundShareWad"]


def _deleverage(
    found: Waterfall,
    where: str,
    args: Mapping[str, Any],
    paid: list[dict[str, Any]],
    closed: list[dict[str, Any]],
    marks: Mapping[int, int],
) -> None:
    """The fund pays its part of the deficit into the account, the opposite side the position's share of the rest."""
    fund = _draw(paid, args["account"], None)
    if fund:
        _pay(found, "insurance fund", fund)
        found.lacked_wad += fund
    keys = ("account", "instrument", "sizeWad", "priceWad")
    mine = next((one for one in closed if all(one[key] == args[key] for key in keys)), None)
    if mine is None:
        found.discrepancies.append(f"{where}: a deficit was deleveraged, and no position was closed")
        return
    closed.remove(mine)
    size, deficit = args["sizeWad"], args["deficitWad"]
    # Of an option only the closing itself says the mark.
    option = is_option(args["instrument"])
    mark = mine["markWad"] if option else marks.get(underlying_of(args["instrument"]), 0)
    borne = _borne(size, args["priceWad"], mark)
    slack = abs(size) // WAD + 2  # the event's price is rounded: a wei for each whole unit
    full = abs(borne - deficit) <= slack
    if not full and borne > slack and args["priceWad"]:
        found.discrepancies.append(f"{where}: {deficit} wei were to be deleveraged, {borne} were")
    amount = deficit if full else max(0, borne)  # nobody opposite, or a short's price at zero: it bears less
    name = "deleveraged shorts" if size > 0 else "deleveraged longs"
    if size > 0:
        found.shorts_wad += amount
    else:
        found.longs_wad += amount
    found.lacked_wad += amount
    found.count(name)


def _borne(size_wad: int, price_wad: int, mark_wad: int) -> int:
    """By how much the price was better than the mark for the account that was closed."""
    if size_wad > 0:
        return mul_wad_up(size_wad, price_wad) - mul_wad_down(size_wad, mark_wad)
    return mul_wad_up(-size_wad, mark_wad) - mul_wad_up(-size_wad, price_wad)


def _write_off(
    found: Waterfall,
    where: str,
    args: Mapping[str, Any],
    paid: list[dict[str, Any]],
    losses: list[dict[str, Any]],
) -> None:
    fund = _draw(paid, args["account"], args["insuranceWad"])
    _same(found, f"{where}: insurance of a debt", args["insuranceWad"], fund)
    if fund:
        _pay(found, "insurance fund", fund)
    found.lacked_wad += args["insuranceWad"] + args["lossWad"]
    booked = [one for one in losses if one["account"] == args["account"]]
    for one in booked:
        losses.remove(one)
    loss = sum(one["lossWad"] for one in booked)
    _same(found, f"{where}: a debt written off", args["lossWad"], loss)
    if loss:
        found.written_off_wad += loss
        found.count("credit index")


def _draw(paid: list[dict[str, Any]], account: int | None, amount: int | None) -> int:
    """The fund's payment to an account (None: to anybody, at most `amount`), which is used up by that."""
    for one in paid:
        if account is None and amount is not None and one["paidWad"] > amount:
            continue
        if account is None or one["account"] == account:
            paid.remove(one)
            return int(one["paidWad"])
    return 0


def _pay(found: Waterfall, name: str, amount_wad: int) -> None:
    if amount_wad:
        found.insurance_wad += amount_wad
        found.count(name)


def _same(found: Waterfall, what: str, said: int, booked: int) -> None:
    if said != booked:
        found.discrepancies.append(f"{what}: {said} wei against {booked}")
