"""INV-16 to INV-19: trades."""

from __future__ import annotations

from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import (
    dear_wad,
    equity_of,
    health_of,
    interest_wad,
    maintenance_of,
    name_of,
    size_of,
    size_slack,
    touch_slack,
)
from holdfast.sim.series import room_wad
from holdfast.sim.steps import Transition
from holdfast.units import mul_wad_down, mul_wad_up


@invariant(16)
def fills_fair(t: Transition, g: Ghost) -> Judgement:
    """A fill moves each side's equity by its distance to the mark and its fee, and fees arrive; it makes nothing."""
    fills = t.named("Filled")
    if t.action != "match" or len(fills) != 1:
        return
    fill = fills[0].args
    market = t.before.instruments[fill["instrument"]]
    mark, size = market.mark_wad, fill["sizeWad"]
    quote = mul_wad_up(size, fill["priceWad"])
    room = room_wad(g.world, t.before, market)
    yield at_most(abs(fill["priceWad"] - mark), room, "a fill outside the band", "wei a unit")
    for account, sign, fee in (
        (fill["buyer"], 1, fill["buyerFeeWad"]),
        (fill["seller"], -1, fill["sellerFeeWad"]),
    ):
        was, now = t.pair(account)
        gained = equity_of(now) - equity_of(was)
        meant = sign * (mul_wad_down(size, mark) - quote) - fee
        off, slack = abs(gained - meant), touch_slack(t, was) + size_slack(dear_wad(t.before, market))
        yield at_most(off, slack, f"account {account}: equity moved by {gained}, not {meant}")
        moved = size_of(now, market) - size_of(was, market) - sign * size
        yield unless(abs(moved) <= 4, f"account {account}: size moved by {moved} wei too much")
    fees = fill["buyerFeeWad"] + fill["sellerFeeWad"]
    was, now = t.pair(t.before.system.fees_account)
    yield unless(0 <= fees - (now.cash_wad - was.cash_wad) <= 2, "fees were lost on the way")


@invariant(17)
def trades_margined(t: Transition, g: Ghost) -> Judgement:
    """After a fill each side has equity ≥ IM, or a smaller position and no worse health."""
    fills = t.named("Filled")
    if t.action != "match" or len(fills) != 1:
        return
    for account in (fills[0].args["buyer"], fills[0].args["seller"]):
        was, now = t.pair(account)
        if equity_of(now) >= health_of(now).margin.initial_wad:
            yield None
            continue
        market = t.before.instruments[fills[0].args["instrument"]]
        old, new = size_of(was, market), size_of(now, market)
        shrank = abs(new) < abs(old) and old * new >= 0
        slack = touch_slack(t, was) * (maintenance_of(was) + abs(equity_of(was)))
        fell = equity_of(was) * maintenance_of(now) - equity_of(now) * maintenance_of(was)
        yield unless(shrank, f"account {account} added risk below IM")
        yield unless(fell <= slack, f"account {account} reduced to a worse health")


@invariant(18)
def interest_capped(t: Transition, g: Ghost) -> Judgement:
    """Open interest rises only up to its cap; above a lowered cap it can only fall."""
    if t.step is None or not t.changed:
        return
    for was in t.before.markets:
        now = t.after.market(was.instrument)
        open_before, open_after = (
            sum(interest_wad(one, True) for one in snapshot.series if one.underlying == was.underlying)
            for snapshot in (t.before, t.after)
        )
        for old, new, params in (
            (interest_wad(was, True), interest_wad(now, True), now.params),
            (open_before, open_after, now.option_params),
        ):
            if new != old:
                cap = params.open_interest_cap_wad
                most = max(old, cap)
                wrong = f"{name_of(was)}: open interest {old} -> {new}, cap {cap}"
                yield at_most(new, most, wrong, "wei of size")


@invariant(19)
def orders_respected(t: Transition, g: Ghost) -> Judgement:
    """An order trades as it was signed by whom it names: no more, no worse, not late, not once cancelled."""
    for event in t.named("Matched"):
        args = event.args
        size, price = abs(args["takerSizeWad"]), args["priceWad"]
        maker, taker = g.tickets[args["makerHash"]], g.tickets[args["takerHash"]]
        yield unless(price == maker.order.limit_price_wad, "not at the maker's price")
        yield unless(not taker.order.post_only, "a maker-only order took")
        for ticket in (maker, taker):
            order = ticket.order
            was, now = t.pair(order.account)
            market = t.before.instruments[order.instrument]
            buys = order.size_wad > 0
            old, new = size_of(was, market), size_of(now, market)
            yield unless(ticket.honest, f"account {order.account}: a forged order traded")
            yield unless(g.authorised(was.owner, [order.signer]), "signed without authority")
            yield unless(
                size <= ticket.left_wad, f"account {order.account}: {size} of {ticket.left_wad} left"
            )
            yield unless(t.after.system.time <= order.expires_at, "an expired order traded")
            yield unless(order.nonce >= g.floors[order.account], "an order below the nonce floor traded")
            better = price <= order.limit_price_wad if buys else price >= order.limit_price_wad
            yield unless(better, f"account {order.account}: price {price} beyond its limit")
            shrank = abs(new) <= abs(old) and old * new >= 0
            yield unless(shrank or not order.reduce_only, f"account {order.account}: reduce-only grew")
