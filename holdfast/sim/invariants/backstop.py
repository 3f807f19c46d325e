"""INV-43 and INV-75 to INV-79: tranches and standing bids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from holdfast.model import backstop
from holdfast.model.backstop import Tranche
from holdfast.model.venue import Order
from holdfast.sim.book import Shares, advanced, as_it_stands, book_of
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, Room, at_most, invariant, unless
from holdfast.sim.invariants.reading import (
    allowed,
    auction_of,
    dear_wad,
    equity_of,
    health_of,
    items_of,
    maintenance_of,
    price_of,
    size_slack,
)
from holdfast.sim.steps import Transition
from holdfast.sim.tokens import misbehaves
from holdfast.sim.world import Backstop
from holdfast.types import SETTLEMENT, Account, Action, Grade, Snapshot, underlying_of
from holdfast.units import BPS, WAD, mul_wad_up

UNITS = 2
"""Units of the token that roundings of the ledger may cost all holders together, in one step."""


@invariant(75)
def tranche_loss_capped(t: Transition, g: Ghost) -> Judgement:
    """A tranche stakes at most what is left of its loss cap; what isn't staked only holders take out."""
    for underlying, one in g.world.backstops.items():
        twin, staked = _after(t, g, underlying), _of(t, one, "Staked")
        for event in staked:
            yield at_most(event.args["amount"], twin.cap_left, f"{event.args} of {twin.cap_left}", "units")
        if not {one.reserve, one.risk} <= t.fresh or t.named("WrittenOff") or SETTLEMENT in _odd(g):
            continue
        (was, now), (had, has) = t.pair(one.reserve), t.pair(one.risk)
        yield unless(not now.positions and not now.holdings, f"the reserve of {underlying} holds something")
        left = was.cash_wad - now.cash_wad - _taken_out(t, one) * twin.unit_wad
        if staked:
            left -= sum(event.args["amount"] for event in staked) * twin.unit_wad
        elif not _at_risk(had) and not _at_risk(has):
            left += had.cash_wad - has.cash_wad  # all of it is cash
        slack = 8 + 2 * _digit(t) + (abs(was.cash_wad + had.cash_wad) // WAD if t.step is None else 0)
        if had.cash_wad >= 0 or _at_risk(had):  # a debt of it grows by itself
            yield at_most(left, slack, f"tranche {underlying}: {left} wei left it")


@invariant(76)
def shares_fall_by_losses(t: Transition, g: Ghost) -> Judgement:
    """The price of a share falls by a loss of what is staked or of all cash alike, and by nothing else."""
    for underlying, one in g.world.backstops.items():
        if not {one.reserve, one.risk} <= t.fresh or t.named("WrittenOff") or SETTLEMENT in _odd(g):
            continue
        was = as_it_stands(g, underlying, t.before)
        now = _with_accounts(_after(t, g, underlying), one, t.after)
        fell = 0
        if was.staked and now.staked == was.staked:  # the same epoch
            fell = max(0, _staked_value(was) - _staked_value(now))
        before = was.total_assets(t.before.system.time) + 1
        after = now.total_assets(t.after.system.time) + 1 + fell + UNITS
        virtual = backstop.VIRTUAL_SHARES
        worth, bound = after * (was.supply + virtual), before * (now.supply + virtual)
        missing = -(-(bound - worth) // (now.supply + virtual))
        yield at_most(
            missing,
            0,
            f"tranche {underlying}: a share fell from {before}/{was.supply} to {after}/{now.supply}",
            "units",
        )


@invariant(77)
def takeovers_in_time(t: Transition, g: Ghost) -> Judgement:
    """A tranche takes over what its market's auction didn't sell in time, at its terms, nothing restricted."""
    takers = {one.risk for one in g.world.backstops.values()}
    for event in t.named("Taken"):
        if event.args["taker"] in takers:
            yield unless(bool(t.named("TakenOver")), "a desk's account took without its desk")
    for event in t.named("TakenOver"):
        underlying, one = next(
            (at, b) for at, b in g.world.backstops.items() if b.desk.address == event.address
        )
        shares, args = book_of(g).tranches[underlying], event.args
        p, now = shares.twin.params, t.after.system.time
        was, auction = t.was[args["account"]], auction_of(t.was[args["account"]])
        yield unless(auction.market == underlying, f"market {auction.market}, tranche of {underlying}")
        opens = g.clock(was, now)[1] + g.params.ramp_seconds + p.wait_seconds
        yield at_most(opens, now, f"taken over {opens - now} s early", "s")
        yield unless(now >= shares.stopped_until, "taken over while stopped")
        yield unless(_free(t.before, was), f"account {was.id} was restricted or contested")
        yield unless(_free(t.before, t.was[one.risk]), "what the desk holds was restricted or contested")
        least = backstop.least_gain_wad(maintenance_of(was), args["fractionWad"], p.min_discount_bps)
        yield at_most(least, args["gainWad"], f"gained {args['gainWad']}, the least is {least}")
        after = t.after.account(one.risk)
        reward = args["rewardAmount"] * shares.twin.unit_wad
        most = (equity_of(after) + reward) * p.leverage_bps // BPS
        marks = [dear_wad(t.before, market) for market in t.before.instruments.values()]
        slack = 8 + sum(map(size_slack, marks)) + 2 * len(after.holdings)
        exposure = exposure_of(t.after, after)
        yield at_most(exposure, most + slack * 4, f"exposure {exposure}, leverage allows {most}")


@invariant(43, refusals=True)
def desks_unwind_at_marks(t: Transition, g: Ghost) -> Judgement:
    """What a desk holds it trades away at the mark less its concession of now or better, and refuses no such price."""
    for underlying, one in g.world.backstops.items():
        for fill in t.named("Filled"):
            args = fill.args
            if one.risk in (args["buyer"], args["seller"]):
                yield _unwound(
                    t, g, underlying, args["instrument"], args["seller"] == one.risk, args["priceWad"]
                )
        refused = t.results[-1].error if t.action == "match" else None
        if refused is not None and refused.name == "BadSignature":
            for _, order, _, _ in t.facts["orders"]:
                named = refused.fields["signer"] == one.desk.address == order.signer
                if named and _unwinds(t, one, order):
                    room = _unwound(
                        t, g, underlying, order.instrument, order.size_wad < 0, order.limit_price_wad
                    )
                    yield unless(room.wrong is not None, f"tranche {underlying} refused {order}")


def _unwound(t: Transition, g: Ghost, underlying: int, instrument: int, sells: bool, price: int) -> Room:
    """Is this a price at which a desk trades?"""
    shares, mark = book_of(g).tranches[underlying], t.before.instruments[instrument].mark_wad
    p, elapsed = shares.twin.params, t.after.system.time - shares.took_at
    given = backstop.concession_wad(elapsed, p.concession_bps, p.unwind_seconds)
    if sells:
        return at_most(backstop.sell_price_wad(mark, given), price, f"tranche {underlying} sold at {price}")
    return at_most(price, backstop.buy_price_wad(mark, given), f"tranche {underlying} bought at {price}")


def _unwinds(t: Transition, one: Backstop, order: Order) -> bool:
    """Does it make what the desk holds smaller, now, at a price that may be used?"""
    leg = t.was[one.risk].position(order.instrument)
    smaller = (
        leg is not None and leg.size_wad * order.size_wad < 0 and abs(order.size_wad) <= abs(leg.size_wad)
    )
    alive = order.reduce_only and order.expires_at >= t.after.system.time
    usable = price_of(t.before, underlying_of(order.instrument)).grade <= Grade.SLOW
    return smaller and alive and usable and order.account == one.risk


@invariant(78)
def bids_respected(t: Transition, g: Ghost) -> Judgement:
    """A standing bid is filled as it was signed by whom it names: no more, no cheaper, not late, not once cancelled."""
    known = {name: (bid, honest) for name, bid, _, honest in t.facts.get("bids", ())}
    bids = book_of(g).bids
    for event in t.named("BidFilled"):
        args = event.args
        bid, honest = known[args["bidHash"]]
        ticket = bids.get(args["bidHash"])
        left = bid.max_notional_wad if ticket is None else ticket.left_wad
        was, auction = t.was[args["account"]], auction_of(t.was[args["account"]])
        yield unless(honest, "a forged bid was filled")
        yield unless(g.authorised(t.was[bid.taker].owner, [bid.signer]), "signed without authority")
        yield at_most(args["notionalWad"], left, f"{args['notionalWad']} filled of {left}")
        meant = mul_wad_up(exposure_of(t.before, was), args["fractionWad"])
        yield unless(args["notionalWad"] == meant, f"notional {args['notionalWad']}, not {meant}")
        least = backstop.least_gain_wad(maintenance_of(was), args["fractionWad"], bid.min_discount_bps)
        yield at_most(least, args["gainWad"], f"gained {args['gainWad']}, the least is {least}")
        yield unless(t.after.system.time <= bid.deadline, "filled after its deadline")
        yield unless(bid.market == auction.market, f"market {auction.market}, bid for {bid.market}")
        yield unless(_free(t.before, was), f"account {was.id} was restricted or contested")


@invariant(79, refusals=True)
def exits_honoured(t: Transition, g: Ghost) -> Judgement:
    """At risk nobody enters or leaves a tranche; at rest every holder gets out, and whoever queued is paid."""
    for one in g.world.backstops.values():
        moved = [*_of(t, one, "Deposit"), *_of(t, one, "Withdraw"), *_of(t, one, "EpochSettled")]
        if moved and one.risk in t.was:
            yield unless(not _at_risk(t.was[one.risk]), f"{moved[0].name} while it carried risk")
    if t.action not in ("leave_tranche", "claim", "settle_tranche") or SETTLEMENT in _odd(g):
        return
    facts = t.facts
    one, shares = g.world.backstops[facts["market"]], book_of(g).tranches[facts["market"]]
    if not {one.reserve, one.risk} <= t.was.keys() or (
        not t.speakers & {facts.get("who", "")} and "who" in facts
    ):
        return
    twin = as_it_stands(g, facts["market"], t.before)
    if t.action == "settle_tranche":
        yield unless(t.ok or twin.at_risk, f"an epoch couldn't end: {t.error}")
        return
    if facts.get("function") == "requestRedeem":
        fits = 0 < facts["number"] <= shares.held[facts["who"]]
        yield unless(t.ok or not fits, f"nobody may be kept from queueing: {t.error}")
        return
    wanted = _wanted(twin, shares, facts, t.before.system.time)
    vault = t.before.system.assets[SETTLEMENT]
    if not 0 < wanted <= min(vault.held, vault.outflow_capacity - vault.outflow):
        return
    if (twin.at_risk and t.action != "claim") or not allowed(t.before, Action.WITHDRAW, ()):
        return
    yield unless(t.ok, f"shut in: {t.error}")


def _wanted(twin: Tranche, shares: Shares, facts: Any, now: int) -> int:
    """[units] What he is to get; zero where there is nothing, or where he asks for too much."""
    if "epoch" in facts:
        asked = shares.requests[(facts["epoch"], facts["who"])]
        if facts["epoch"] >= twin.epoch or not asked:
            return 0
        paid = twin.epochs[facts["epoch"]]
        due = asked * paid.assets // paid.shares
        there = twin.amount_of(twin.reserve_wad) + (0 if twin.at_risk else twin.amount_of(twin.risk_wad))
        return due if due <= there else 0  # creditors may have borne a write-off
    held, number = shares.held[facts["who"]], facts["number"]
    if facts["function"] == "withdraw":
        return number if twin.preview_withdraw(number, now) <= held else 0
    return twin.preview_redeem(number, now) if number <= held else 0


def exposure_of(snapshot: Snapshot, account: Account) -> int:
    """Positions and collateral at the mark, as the contracts count it."""
    total = health_of(account).gross_wad
    for holding in account.holdings:
        asset = snapshot.system.assets[holding.asset]
        assert asset.price is not None
        total += mul_wad_up(holding.amount * asset.unit_wad, asset.price.spot_wad)
    return total


def _free(snapshot: Snapshot, account: Account) -> bool:
    return allowed(snapshot, Action.INCREASE, items_of(snapshot, account))


def _at_risk(account: Account) -> bool:
    return bool(account.positions or account.holdings)


def _of(t: Transition, one: Backstop, name: str) -> list[Any]:
    return [event for event in t.named(name) if event.address == one.tranche.address]


def _after(t: Transition, g: Ghost, underlying: int) -> Tranche:
    """The twin after the events of this transition."""
    one, twin = g.world.backstops[underlying], book_of(g).tranches[underlying].twin
    zero = "0x" + "00" * 20
    for event in t.events:
        if event.address != one.tranche.address:
            continue
        if event.name == "Transfer":
            made = event.args["value"] * ((event.args["from"] == zero) - (event.args["to"] == zero))
            twin = replace(twin, supply=twin.supply + made)
        twin = advanced(twin, event.name, event.args, t.after.system.time)
    return twin


def _with_accounts(twin: Tranche, one: Backstop, snapshot: Snapshot) -> Tranche:
    reserve, risk = snapshot.account(one.reserve), snapshot.account(one.risk)
    return replace(twin, reserve_wad=reserve.cash_wad, risk_wad=equity_of(risk), at_risk=_at_risk(risk))


def _staked_value(twin: Tranche) -> int:
    return min(twin.staked, twin.amount_of(twin.risk_wad))


def _taken_out(t: Transition, one: Backstop) -> int:
    """[units] What left by the doors, less what came in by them."""
    out: int = sum(event.args["assets"] for name in ("Withdraw", "Claimed") for event in _of(t, one, name))
    back: int = sum(event.args["assets"] for event in _of(t, one, "Deposit"))
    return out - back


def _digit(t: Transition) -> int:
    """[wei] What a change of cash may lose."""
    return 4 * (t.before.system.pool.credit_index_wad // WAD + 1)


def _odd(g: Ghost) -> set[int]:
    return {asset for asset in g.world.hostile if misbehaves(g, asset)}
