"""What keepers ask a snapshot: prices, gas in dollars, what the breaker allows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.breaker import allowed
from holdfast.types import Account, Action, Grade, Price, Restriction, Snapshot
from holdfast.units import WAD, Wad, mul_div_up

NOTHING = Price(spot_wad=0, ema_wad=0, grade=Grade.INVALID)


def price_of(snapshot: Snapshot, underlying: int) -> Price:
    """Invalid, with price zero, where no market and no collateral uses the underlying."""
    for market in snapshot.markets:
        if market.underlying == underlying:
            return market.price
    for asset in snapshot.system.assets:
        if asset.underlying == underlying and asset.price is not None:
            return asset.price
    return NOTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class GasPrice:
    """What a unit of gas costs a keeper now."""

    wei: int  # base fee and tip
    ether_wad: int  # price of one ether

    def cost_wad(self, gas: int) -> Wad:
        """Rounded up: the keeper may think it a wei dearer."""
        return Wad(mul_div_up(gas * self.wei, self.ether_wad, WAD))


def gas_price(snapshot: Snapshot, ether_underlying: int, tip: int) -> GasPrice:
    """`tip` [wei] is what the keeper adds to the base fee."""
    return GasPrice(
        wei=snapshot.system.base_fee + tip, ether_wad=price_of(snapshot, ether_underlying).spot_wad
    )


def permitted(snapshot: Snapshot, account: Account, action: Action, *, strict: bool = False) -> bool:
    """Would the breaker allow `action` on `account` at the snapshot's block?

    What stands in the way is passed over while it couldn't make up for the missing margin; never with `strict`.
    """
    health, everywhere = account.health, snapshot.system.restriction
    if health is None or not allowed(action, Grade.FRESH, everywhere.level, in_grace(everywhere)):
        return False
    lanes = {market.underlying: market.restriction for market in snapshot.markets}
    blocked = []
    for item in health.items:
        own = lanes.get(item.underlying, everywhere)
        if not allowed(action, item.grade, max(own.level, everywhere.level), in_grace(own)):
            blocked.append(item.weight_wad)
    return not blocked or (not strict and sum(blocked) < health.tolerance_wad)


def permitted_in(snapshot: Snapshot, instrument: int, action: Action) -> bool:
    """As `permitted`, for one market."""
    market = snapshot.market(instrument)
    return all(
        allowed(action, market.price.grade, restriction.level, in_grace(restriction))
        for restriction in (snapshot.system.restriction, market.restriction)
    )


def in_grace(restriction: Restriction) -> bool:
    """The Lens reports a grace period's end only while it runs."""
    return restriction.grace_until != 0
