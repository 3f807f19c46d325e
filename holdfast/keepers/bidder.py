"""Bidder: buys slices out of auctions when the discount pays for the risk, and unloads what it bought.

A slice f of an account with exposure X (its positions and collateral at the mark) is worth taking when

    f·a − f·X·(risk + spread) − f²·X²·impact/depth − gas − tax ≥ minimum profit

where: a       discount of the whole account now, the fund's share deducted
       risk    move of the price to be feared until the slice is unloaded: multiple·σ·√latency, at least a floor
       spread  half the spread and the fee paid to unload
       impact  what unloading `depth` moves the price
       tax     what the auction takes back of the tip

f is where the left side is largest, within the largest slice and the bidder's own capital. Unloading matches signed
orders that others published, when the move to be feared costs more than the gas of a trade. Options are hedged by the
perpetual: they count with the delta that their mark implies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from holdfast.errors import Refused
from holdfast.keepers.actions import Action, Take, Trade
from holdfast.keepers.view import GasPrice, gas_price, permitted, permitted_in, price_of
from holdfast.model import black76, throttle
from holdfast.model.liquidation import Params, Slice, Terms, fund_share_wad, slice_of, taxed
from holdfast.model.options import is_option
from holdfast.model.venue import Order, SignedOrder
from holdfast.types import (
    Account,
    Auction,
    Health,
    InstrumentId,
    Kind,
    Margin,
    Position,
    Snapshot,
    kind_of,
    perpetual,
    strike_of,
    underlying_of,
)
from holdfast.types import Action as Right
from holdfast.units import BPS, WAD, bps_down, bps_up, mul_div_down, mul_div_up, mul_wad_down, mul_wad_up

WINDOWS: Final = (300, 1_800)
"""[seconds] over which moves of the price are measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    taker: int  # our account in the ledger
    signer: str  # who signs its orders
    ether_underlying: int  # whose price turns gas into the settlement token
    tip: int = 2 * 10**9  # [wei] above the base fee
    spread_bps: int = 15  # cost of unloading, fee included
    impact_bps: int = 30  # what unloading `depth_wad` moves the price
    depth_wad: int = 1_000_000 * WAD
    utilisation_bps: int = 8_000  # of our equity that initial margin may use
    minimum_profit_wad: int = 5 * WAD
    slippage_bps: int = 100  # of the exposure that a price may have moved when the bid is mined
    worst_unload_bps: int = 150  # from the mark; worse offers are left alone
    take_gas: int = 230_000  # [gas] of a take, and …
    leg_gas: int = 60_000  # [gas] … for each position or collateral in it
    trade_gas: int = 350_000  # [gas]
    order_seconds: int = 120  # life of our own orders


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A maker's signed order and what is left of it."""

    signed: SignedOrder
    remaining_wad: int


def decide(
    snapshot: Snapshot,
    params: Params,
    risk_bps: Mapping[int, int],  # by underlying
    offers: Sequence[Offer],
    policy: Policy,
) -> list[Action]:
    """Trades that unload, then slices worth taking, the best first. Never plans beyond our own capital."""
    gas = gas_price(snapshot, policy.ether_underlying, policy.tip)
    own = next((account for account in snapshot.accounts if account.id == policy.taker), None)
    if own is None or own.health is None or gas.ether_wad == 0:
        return []
    trades = unload(snapshot, own, risk_bps, offers, gas, policy)
    budget = bps_down(own.health.margin.equity_wad, policy.utilisation_bps) - own.health.margin.initial_wad
    bids: list[tuple[int, int, Take]] = []
    for account in snapshot.accounts:
        priced = bid(snapshot, params, account, risk_bps, gas, budget, policy)
        if priced is not None:
            bids.append(priced)
    takes: list[Take] = []
    for _, initial_wad, take in sorted(bids, key=lambda found: (-found[0], found[2].account)):
        if initial_wad <= budget:
            takes.append(take)
            budget -= initial_wad
    return [*trades, *takes]


def bid(
    snapshot: Snapshot,
    params: Params,
    account: Account,
    risk_bps: Mapping[int, int],
    gas: GasPrice,
    budget_wad: int,  # initial margin that we can still bear
    policy: Policy,
) -> tuple[int, int, Take] | None:
    """Expected profit, initial margin it binds, and the bid; None where nothing is to be gained."""
    health, auction = account.health, account.auction
    if health is None or auction is None or account.id == policy.taker:
        return None
    margin = health.margin
    if margin.maintenance_wad <= 0 or margin.equity_wad >= margin.maintenance_wad:
        return None
    if snapshot.system.time > auction.restarted_at + params.run_seconds:
        return None
    if not permitted(snapshot, account, Right.TAKE):
        return None

    terms = auction_terms(snapshot, params, margin, auction, health)
    try:
        largest = slice_of(terms)
        gas_needed = policy.take_gas + policy.leg_gas * (health.legs + health.holdings)
        exposure = exposure_wad(snapshot, account, health)
        feared = max((risk_bps.get(item.underlying, 0) for item in health.items), default=0)
        edge = bps_up(exposure, feared + policy.spread_bps)
        bend = mul_div_up(bps_up(exposure, policy.impact_bps), exposure, policy.depth_wad)

        slope = mul_div_down(gain_wad(params, largest), WAD, largest.fraction_wad) - edge
        wanted = WAD if bend == 0 else mul_div_down(max(slope, 0), WAD, 2 * bend)
        bearable = mul_div_down(max(budget_wad, 0), WAD, margin.initial_wad) if margin.initial_wad else WAD
        fraction = _no_dust(params, margin, min(largest.fraction_wad, wanted, bearable), largest)
        part = slice_of(replace(terms, max_fraction_wad=fraction))
    except Refused:
        return None

    items = health.legs + health.holdings
    part, share_wad, tax_wad = taxed(part, policy.tip, params, items, gas.ether_wad)
    fraction = part.fraction_wad
    cost = mul_wad_up(edge, fraction) + mul_wad_up(mul_wad_up(bend, fraction), fraction)
    cost += gas.cost_wad(gas_needed)
    profit = part.discount_wad - share_wad - cost
    if profit < policy.minimum_profit_wad:
        return None
    take = Take(
        account=account.id,
        taker=policy.taker,
        max_fraction_wad=fraction,
        min_fraction_wad=fraction // 2,
        max_payment_wad=part.payment_wad + bps_up(mul_wad_down(exposure, fraction), policy.slippage_bps),
        min_discount_wad=cost,
        why=f"{fraction / WAD:.0%} at d {auction.discount_wad / WAD:.2f},"
        f" edge {feared + policy.spread_bps} bps, tax {tax_wad / WAD:,.2f}, profit {profit / WAD:,.2f}",
    )
    return profit, mul_wad_up(margin.initial_wad, fraction), take


def auction_terms(
    snapshot: Snapshot, params: Params, margin: Margin, auction: Auction, health: Health
) -> Terms:
    capacity = [m.insurance_capacity_wad for m in snapshot.markets if m.underlying == auction.market]
    return Terms(
        equity_wad=margin.equity_wad,
        maintenance_wad=margin.maintenance_wad,
        discount_wad=auction.discount_wad,
        target_wad=params.target_bps * WAD // BPS,
        dust_wad=params.dust_wad,
        depth_wad=_depth_wad(snapshot, params, auction, health),
        capacity_wad=max(capacity, default=0),
        insured=auction.insured or margin.equity_wad <= 0,
        has_legs=health.legs != 0,
    )


def _depth_wad(snapshot: Snapshot, params: Params, auction: Auction, health: Health) -> int:
    """Fraction that the depth of its markets lets through now."""
    now = snapshot.system.time
    insured = auction.insured or health.margin.equity_wad <= 0
    if insured or now >= auction.started_at + params.solvent_seconds:
        return WAD
    buckets = {
        market.underlying: throttle.Bucket(
            capacity_wad=market.depth_wad,
            level_wad=market.depth_wad - market.depth_free_wad,
            drawn_at=now,
            window_seconds=market.depth_seconds,
        )
        for market in snapshot.markets
    }
    return throttle.fraction_of(buckets, health.items, now)


def gain_wad(params: Params, part: Slice) -> int:
    """What the taker gains against the mark."""
    return part.discount_wad - fund_share_wad(part, params.fund_share_bps)


def _no_dust(params: Params, margin: Margin, fraction: int, largest: Slice) -> int:
    """Less, where what is left of the account would be dust; zero where only all would do and all is too much."""
    remainder = mul_wad_up(margin.maintenance_wad, WAD - fraction)
    if fraction == WAD or fraction == largest.fraction_wad or remainder >= params.dust_wad:
        return fraction
    return max(0, WAD - mul_div_up(params.dust_wad, WAD, margin.maintenance_wad))


def exposure_wad(snapshot: Snapshot, account: Account, health: Health) -> int:
    """Positions and collateral at the mark."""
    total = health.gross_wad
    for holding in account.holdings:
        asset = snapshot.system.assets[holding.asset]
        if asset.price is not None:
            total += mul_wad_down(holding.amount * asset.unit_wad, asset.price.spot_wad)
    return total


def unload(
    snapshot: Snapshot,
    own: Account,
    risk_bps: Mapping[int, int],
    offers: Sequence[Offer],
    gas: GasPrice,
    policy: Policy,
) -> list[Trade]:
    """Trades that bring our exposure to each underlying to zero, as far as there are acceptable offers."""
    trades: list[Trade] = []
    for underlying in sorted({market.underlying for market in snapshot.markets}):
        instrument = perpetual(underlying)
        mark = price_of(snapshot, underlying).spot_wad
        left = delta_wad(snapshot, own, underlying)
        feared = bps_down(mul_wad_down(abs(left), mark), risk_bps.get(underlying, 0))
        if left == 0 or feared < gas.cost_wad(policy.trade_gas):
            continue
        position = own.position(instrument)
        if _grows(position.size_wad if position else 0, -left) and not permitted_in(
            snapshot, instrument, Right.INCREASE
        ):
            continue
        for offer in _acceptable(offers, instrument, left, mark, snapshot.system.time, policy):
            size = min(abs(left), offer.remaining_wad)
            if size == 0:
                break
            trades.append(_trade(snapshot, instrument, offer, -size if left > 0 else size, mark, policy))
            left += size if left < 0 else -size
    return trades


def delta_wad(snapshot: Snapshot, own: Account, underlying: int) -> int:
    """Signed quantity of the underlying that we hold, as positions and as collateral; of an option its delta."""
    spot = price_of(snapshot, underlying).spot_wad
    total = sum(_delta_wad(leg, spot) for leg in own.positions if underlying_of(leg.instrument) == underlying)
    for holding in own.holdings:
        asset = snapshot.system.assets[holding.asset]
        if asset.price is not None and asset.underlying == underlying:
            total += holding.amount * asset.unit_wad
    return total


def _delta_wad(leg: Position, spot_wad: int) -> int:
    if not is_option(leg.instrument) or leg.size_wad == 0 or spot_wad == 0:
        return leg.size_wad
    strike, call = strike_of(leg.instrument), kind_of(leg.instrument) is Kind.CALL
    root = black76.implied_root_wad_down(spot_wad, strike, leg.mark_wad, call)
    delta = black76.call_delta_wad(black76.ln_moneyness_wad(spot_wad, strike), root) - (0 if call else WAD)
    return mul_wad_down(leg.size_wad, delta)


def feared_move_bps(
    prices: Sequence[tuple[int, int]],  # time [seconds], price [wad]; rising times
    now: int,
    *,
    windows: Sequence[int] = WINDOWS,  # [seconds]
    latency_seconds: int,
    multiple: float,
    floor_bps: int,
) -> int:
    """multiple·σ·√latency, rounded up, at least the floor. An estimate: floats are fine.

    σ² is the realised variance of the worse window: the short one sees a crash begin, the long one remembers it.
    """
    worst = max((_variance(prices, now - window) for window in windows), default=0.0)
    return max(floor_bps, math.ceil(multiple * math.sqrt(worst * latency_seconds) * BPS))


def _variance(prices: Sequence[tuple[int, int]], since: int) -> float:
    """A second's, from the prices of that time and the last before it."""
    first = max((place for place, (time, _) in enumerate(prices) if time <= since), default=0)
    part = prices[first:]
    if len(part) < 2 or part[-1][0] <= part[0][0]:
        return 0.0
    moves = sum(math.log(after[1] / before[1]) ** 2 for before, after in pairwise(part))
    return moves / (part[-1][0] - part[0][0])


def _grows(size_wad: int, trade_wad: int) -> bool:
    return abs(size_wad + trade_wad) > abs(size_wad)


def _acceptable(
    offers: Sequence[Offer], instrument: int, left: int, mark: int, now: int, policy: Policy
) -> list[Offer]:
    """Offers on the other side, still alive and not too far from the mark; the best price first."""
    found = []
    for offer in offers:
        order = offer.signed.order
        fits = order.instrument == instrument and (order.size_wad > 0) == (left > 0)
        worse = (mark - order.limit_price_wad) * (1 if left > 0 else -1)
        if (
            fits
            and order.expires_at > now
            and offer.remaining_wad > 0
            and order.account != policy.taker
            and worse * BPS <= policy.worst_unload_bps * mark
        ):
            found.append(offer)
    return sorted(found, key=lambda offer: offer.signed.order.limit_price_wad * (-1 if left > 0 else 1))


def _trade(
    snapshot: Snapshot, instrument: InstrumentId, offer: Offer, size_wad: int, mark: int, policy: Policy
) -> Trade:
    maker = offer.signed.order
    taker = Order(
        account=policy.taker,
        signer=policy.signer,
        instrument=instrument,
        size_wad=size_wad,
        limit_price_wad=maker.limit_price_wad,
        nonce=snapshot.system.block * 1_000 + maker.nonce % 1_000,
        expires_at=snapshot.system.time + policy.order_seconds,
    )
    away = (maker.limit_price_wad - mark) * BPS // mark
    side = "sell" if size_wad < 0 else "buy"
    why = f"{side} {abs(size_wad) / WAD:.4f} at {maker.limit_price_wad / WAD:,.2f} ({away:+d} bps)"
    return Trade(maker=offer.signed, taker=taker, size_wad=abs(size_wad), why=why)
