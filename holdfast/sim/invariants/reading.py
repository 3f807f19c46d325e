"""What several invariants read off a transition. Slacks are the few wei that rounding explains, spelled out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from holdfast.model import breaker, insurance, liquidation, portfolio, risk, throttle
from holdfast.model.options import Pricing, is_option
from holdfast.model.positions import weight
from holdfast.sim.ghost import Ghost
from holdfast.sim.steps import Transition
from holdfast.types import (
    SETTLEMENT,
    Account,
    Action,
    AssetParams,
    Auction,
    Grade,
    Health,
    Item,
    Margin,
    Mode,
    Pool,
    Price,
    Restriction,
    Snapshot,
    Traded,
    underlying_of,
)
from holdfast.units import BPS, WAD, mul_wad_down, mul_wad_up

REPRICING: Final = {
    "PricePoked", "InstrumentParamsSet", "AssetParamsSet", "SmileSet", "SmileDropped", "ScanSet", "Netted",
    "CorrelationSet",
}  # fmt: skip
"""Events after which an account may be worth or need something else, although nothing was done to it."""

KEEPING: Final = (
    "start",
    "insure",
    "restart",
    "end",
    "take",
    "flash_take",
    "deleverage",
    "write_off",
    "report_deficit",
    "take_over",
    "fill_bids",
    "watch",
)
"""What keepers do, in the order of an auction."""

LIQUIDATIONS: Final = frozenset({*KEEPING, "reenter"}) - {"watch"}
"""Actions that are about an account in auction, whoever takes them."""


def heard(t: Transition, *names: str) -> bool:
    return t.heard(names)


def was_repriced(t: Transition) -> bool:
    return t.heard(REPRICING)


def liquidates(t: Transition) -> bool:
    return t.action in LIQUIDATIONS


def reached(t: Transition) -> frozenset[int]:
    """Who may be reached by somebody else's deleveraging or write-off, or by a settlement of what he holds."""
    cache = t.__dict__
    if "_reached" not in cache:
        found: set[int] = set()
        for event in t.named("DeficitDeleveraged"):
            market = t.before.instruments[event.args["instrument"]]
            size = size_of(t.was[event.args["account"]], market)
            # By base: a position of a few wei may have a base and no size, and has its part of what happens to K.
            legs = ((a.id, a.position(market.instrument)) for a in t.before.accounts)
            found |= {at for at, leg in legs if leg is not None and leg.base_wad * size < 0}
        for event in t.named("SeriesSettled"):
            found |= {a.id for a in t.before.accounts if a.position(event.args["instrument"]) is not None}
        if t.named("WrittenOff"):
            found |= {a.id for a in t.before.accounts if a.cash_wad > 0}
        cache["_reached"] = frozenset(found)
    return cache["_reached"]  # type: ignore[no-any-return]


def health_of(account: Account) -> Health:
    assert account.health is not None, f"account {account.id} can't be assessed"
    return account.health


def auction_of(account: Account) -> Auction:
    assert account.auction is not None, f"account {account.id} isn't in auction"
    return account.auction


def bid_of(t: Transition, taken: Any) -> Any:
    """The bounds of a take. Of a contract's, what it took: its own limits are judged by INV-77 and INV-78."""
    return t.facts.get("bid") or {
        "max_fraction": taken["fractionWad"],
        "min_fraction": 0,
        "max_payment": taken["paymentWad"],
        "min_discount": 0,
    }


def equity_of(account: Account) -> int:
    return health_of(account).margin.equity_wad


def maintenance_of(account: Account) -> int:
    return health_of(account).margin.maintenance_wad


def size_of(account: Account, market: Traded) -> int:
    leg = account.position(market.instrument)
    return leg.size_wad if leg else 0


def amount_of(account: Account, asset: int, unit_wad: int) -> int:
    """Of an asset, in its own decimals; of cash, as far as it can be withdrawn."""
    if asset == SETTLEMENT:
        return account.cash_wad // unit_wad
    return next((h.amount for h in account.holdings if h.asset == asset), 0)


def claims_of(account: Account) -> tuple[Any, ...]:
    """All that an account is worth and owes, at this time and price."""
    legs = tuple((p.instrument, p.size_wad, p.quote_wad) for p in account.positions)
    return (
        account.cash_wad,
        legs,
        account.holdings,
        equity_of(account),
        maintenance_of(account),
        account.auction
        and replace(account.auction, discount_wad=0),  # what the clock and the breaker make of it
    )


def stored_of(account: Account) -> tuple[Any, ...]:
    """What no price changes."""
    legs = tuple((p.instrument, p.base_wad, p.cost_wad, p.epoch) for p in account.positions)
    return account.cash_wad, legs, account.holdings


def carried(was: Account, then: Pool, now: Account, pool: Pool) -> bool:
    """Is it still the same but for interest, after any time? Cash is known to a wei, and moves with its index."""
    if stored_of(was)[1:] != stored_of(now)[1:]:
        return False
    old, new = (
        (then.credit_index_wad, pool.credit_index_wad)
        if was.cash_wad > 0
        else (then.debt_index_wad, pool.debt_index_wad)
    )
    return abs(now.cash_wad * old - was.cash_wad * new) <= 2 * (old + new)


def size_slack(mark_wad: int) -> int:
    """[wei] What a few wei of size are worth."""
    return 4 * (mark_wad // WAD + 1)


def dear_wad(snapshot: Snapshot, market: Traded) -> int:
    """What a unit is worth or needs at most: of an option its underlying, or the option where that is dearer."""
    return max(market.mark_wad, snapshot.by_underlying[market.underlying].price.spot_wad)


def touch_slack(t: Transition, account: Account) -> int:
    """[wei] How far rounding may move the equity of an account that an action touched."""
    held = [t.before.instruments[leg.instrument] for leg in account.positions]
    return 8 + 2 * len(account.holdings) + sum(size_slack(dear_wad(t.before, market)) for market in held)


def unit_slack(t: Transition, account: Account) -> int:
    """[wei] What one smallest unit of each of its collaterals is worth."""
    assets = [t.before.system.assets[holding.asset] for holding in account.holdings]
    return sum(
        mul_wad_up(asset.unit_wad, asset.price.spot_wad) for asset in assets if asset.price is not None
    )


def scale_slack(snapshot: Snapshot, market: Traded) -> int:
    """[wei] What the last digit of A and K is worth to a whole side."""
    base = max(market.long_base_wad, market.short_base_wad)
    return 8 + size_slack(dear_wad(snapshot, market)) * (2 + base // WAD)


def scale_digit(t: Transition, market: Traded) -> int:
    """[wei] of size that the last digit of A is worth, where A moved."""
    moved = t.named("Deleveraged")
    was = t.before.instruments.get(market.instrument, market)
    return 4 + 2 * max(was.long_base_wad, was.short_base_wad) // WAD if moved else 0


def size_gap(market: Traded) -> int:
    """[wei] of size by which the two sides may differ already."""
    return 8 + abs(market.short_open_wad - market.long_open_wad)


def name_of(market: Traded) -> str:
    return f"{'series' if is_option(market.instrument) else 'market'} {market.underlying}"


def bases_of(snapshot: Snapshot, market: Traded, long: bool, g: Ghost) -> list[int]:
    """Bases of the positions of one side, brought to its epoch."""
    return [
        abs(g.current(market, leg).base_wad)
        for leg in snapshot.legs.get(market.instrument, ())
        if leg.base_wad and (leg.base_wad > 0) == long
    ]


def transfers(t: Transition) -> dict[int, int]:
    """Tokens that went into the vaults in this transition, donations left out."""
    net: dict[int, int] = {}
    if t.action == "donate":
        return net
    for event in t.named("Transfer"):
        for asset in t.before.system.assets:
            if asset.token == event.address:
                value = event.args["value"] * (
                    (event.args["to"] == asset.vault) - (event.args["from"] == asset.vault)
                )
                net[asset.asset] = net.get(asset.asset, 0) + value
    return net


def sent_value(t: Transition) -> int:
    """Worth [wad] of the collateral that the vaults owe no more, at its price: whatever its token then did."""
    worth = 0
    for was, now in zip(t.before.system.assets, t.after.system.assets, strict=False):
        if was.price is not None:
            worth += mul_wad_down((was.held - now.held) * was.unit_wad, was.price.spot_wad)
    return worth


def restriction_of(snapshot: Snapshot, underlying: int) -> Restriction:
    if underlying == 0:
        return snapshot.system.restriction
    return snapshot.by_underlying[underlying].restriction


def items_of(snapshot: Snapshot, account: Account) -> tuple[Item, ...]:
    """What an account holds, as the breaker is asked about it: legs, then holdings."""
    found = []
    for leg in account.positions:
        underlying = underlying_of(leg.instrument)
        price = price_of(snapshot, underlying)
        reach = weight(abs(leg.size_wad), price)
        found.append(Item(weight_wad=reach, grade=price.grade, underlying=underlying))
    for holding in account.holdings:
        asset = snapshot.system.assets[holding.asset]
        price = price_of(snapshot, asset.underlying)
        reach = weight(holding.amount * asset.unit_wad, price)
        found.append(Item(weight_wad=reach, grade=price.grade, underlying=asset.underlying))
    return tuple(found)


def allowed(snapshot: Snapshot, action: Action, items: Iterable[Item], tolerance_wad: int = 0) -> bool:
    """The breaker's table, asked of everything and of each item; the forbidden may be worth less than a tolerance."""
    everything = snapshot.system.restriction
    if action == Action.WITHDRAW and snapshot.system.gated_until:
        return False
    if not breaker.allowed(action, Grade.FRESH, everything.level, everything.grace_until != 0):
        return False
    forbidden = []
    for item in items:
        own = restriction_of(snapshot, item.underlying)
        level = max(own.level, everything.level)
        if not breaker.allowed(action, item.grade, level, own.grace_until != 0):
            forbidden.append(item.weight_wad)
    return not forbidden or sum(forbidden) < tolerance_wad


def price_of(snapshot: Snapshot, underlying: int) -> Price:
    return snapshot.by_underlying[underlying].price


def both_reduce(t: Transition) -> bool:
    """Would the refused match have made both positions smaller?"""
    size = t.facts["size"]
    for account, sign in t.facts["sides"]:
        was = t.was.get(account)
        if was is None:
            return False
        market = t.before.instruments.get(t.facts["instrument"])
        held = size_of(was, market) if market is not None else 0
        if held * sign >= 0 or size > abs(held):
            return False
    return True


def gas_price(t: Transition, g: Ghost) -> int:
    gas = g.world.protocol.record.config["auction"]["gas_underlying"]
    return price_of(t.before, g.world.protocol.underlyings[gas]).spot_wad


def fund_of(snapshot: Snapshot) -> insurance.Fund:
    """The insurance fund as the model knows it; for underlying 0 no cap is ever set here."""
    cache = snapshot.__dict__
    if "_fund" not in cache:
        cache["_fund"] = _fund_of(snapshot)
    return cache["_fund"]  # type: ignore[no-any-return]


def _fund_of(snapshot: Snapshot) -> insurance.Fund:
    system = snapshot.system
    return insurance.Fund(
        fund_wad=system.fund_wad,
        fees_wad=system.fees_wad,
        treasury_wad=system.treasury_wad,
        share_wad=system.fund_share_wad,
        own_shares=system.fund.own_shares,
        staked_shares=system.fund.staked_shares,
        markets={
            market.underlying: insurance.Market(
                cap_wad=market.insurance_cap_wad, drawn_wad=market.insurance_drawn_wad
            )
            for market in snapshot.markets
        },
    )


def capacity_of(snapshot: Snapshot, underlying: int) -> int:
    """What the fund can surely pay for a market."""
    return insurance.capacity_wad(fund_of(snapshot), underlying)


def terms_of(t: Transition, g: Ghost, was: Account, max_fraction: int) -> liquidation.Terms:
    assert was.health is not None and was.auction is not None
    margin = health_of(was).margin
    insured = was.auction.insured or margin.equity_wad <= 0
    return liquidation.Terms(
        equity_wad=margin.equity_wad,
        maintenance_wad=margin.maintenance_wad,
        discount_wad=was.auction.discount_wad,
        target_wad=g.params.target_bps * WAD // BPS,
        dust_wad=g.params.dust_wad,
        max_fraction_wad=max_fraction,
        depth_wad=depth_of(t, g, was, insured),
        capacity_wad=capacity_of(t.before, was.auction.market) if insured else 0,
        insured=insured,
        has_legs=health_of(was).legs != 0,
    )


def slice_taken(t: Transition, g: Ghost, was: Account, taken: Any) -> liquidation.Slice:
    """What the formulas give for a take. A contract's own limit is what it took; where the fund or the depth bound it,
    it is as if there was none. Refused where it couldn't have been taken."""
    most = bid_of(t, taken)["max_fraction"]
    if "bid" not in t.facts and liquidation.slice_of(terms_of(t, g, was, WAD)).fraction_wad == most:
        most = WAD
    return liquidation.slice_of(terms_of(t, g, was, most))


def depth_of(t: Transition, g: Ghost, was: Account, insured: bool) -> int:
    """Fraction of the account that depth lets through."""
    started = g.clock(was, t.after.system.time)[0]
    if insured or t.after.system.time >= started + g.params.solvent_seconds:
        return WAD
    now = t.before.system.time
    buckets = {
        market.underlying: throttle.Bucket(
            capacity_wad=market.depth_wad,
            level_wad=market.depth_wad - market.depth_free_wad,
            drawn_at=now,
            window_seconds=market.depth_seconds,
        )
        for market in t.before.markets
    }
    return throttle.fraction_of(buckets, items_of(t.before, was), now)


def tip_of(t: Transition) -> int:
    """[wei a gas] Priority fee of the action."""
    return t.step.calls[-1].priority_fee if t.step else 0


def interest_wad(market: Traded, long: bool) -> int:
    """[wad] Open interest of a side, rounded up."""
    side, base = (market.long, market.long_base_wad) if long else (market.short, market.short_base_wad)
    return mul_wad_up(base, side.scale_wad)


def holdings_book(snapshot: Snapshot, account: Account) -> risk.Book:
    """What an account owns and owes, as the margin models read it."""
    legs = []
    for leg in account.positions:
        market = snapshot.instruments[leg.instrument]
        price = price_of(snapshot, market.underlying)
        held = interest_wad(market, leg.base_wad >= 0)
        if is_option(leg.instrument):
            held = snapshot.by_underlying[market.underlying].tally_wad
        legs.append(
            risk.Leg(
                instrument=leg.instrument,
                size_wad=leg.size_wad,
                quote_wad=leg.quote_wad,
                mark_wad=price.spot_wad,
                ema_wad=price.ema_wad,
                open_interest_wad=held,
            )
        )
    holdings = []
    for holding in account.holdings:
        asset = snapshot.system.assets[holding.asset]
        assert asset.price is not None
        holdings.append(
            risk.Collateral(
                asset=holding.asset,
                amount_wad=holding.amount * asset.unit_wad,
                price_wad=asset.price.spot_wad,
                ema_wad=asset.price.ema_wad,
            )
        )
    return risk.Book(cash_wad=account.cash_wad, legs=tuple(legs), holdings=tuple(holdings))


def assess(
    snapshot: Snapshot,
    mode: Mode,
    book: risk.Book,
    pricing: Pricing,
    scans: portfolio.Rules,
    witness: int = portfolio.ALL,
) -> Margin:
    """What the model of a mode says of a book; in Portfolio by the scenarios that the witness names."""

    def scan(book: risk.Book, haircuts: Sequence[AssetParams]) -> Margin:
        return portfolio.assess(
            book,
            haircuts,
            scans,
            pricing.variance_of,
            pricing.time,
            offsets=risk.diversifies(book, scans.netted, lambda u: restriction_of(snapshot, u).level),
            witness=witness,
        )

    return risk.assess(mode, book, snapshot.instrument_params, snapshot.asset_params, pricing, scan)
