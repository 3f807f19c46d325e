"""The backstop: exact twin of `contracts/backstop/`, as rules over two balances of cash and a number of shares.

Amounts are in the settlement token's own decimals unless the name says wad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.errors import Refused
from holdfast.model import typed_data
from holdfast.model.venue import ORDER_MEMBERS, Order
from holdfast.units import BPS, WAD, mul_div_down, mul_div_up, mul_wad_down, mul_wad_up

VIRTUAL_SHARES: Final = 10**6
"""They own what a virtual unit of the token is worth: a gift is shared with them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    """`ITranche.Params`."""

    loss_cap_wad: int
    leverage_bps: int
    min_discount_bps: int
    wait_seconds: int
    concession_bps: int
    unwind_seconds: int
    vest_seconds: int
    reward_cap_bps: int
    reward_gas: int


# Formulas


def fraction_wad(equity_wad: int, taker_exposure_wad: int, exposure_wad: int, leverage_bps: int) -> int:
    """Share of an account that leverage allows to take over; down."""
    if equity_wad <= 0:
        return 0
    most_wad = mul_div_down(equity_wad, leverage_bps, BPS)
    if most_wad <= taker_exposure_wad:
        return 0
    return share_wad(most_wad - taker_exposure_wad, exposure_wad)


def share_wad(budget_wad: int, exposure_wad: int) -> int:
    """Share of an exposure that fits a budget; down."""
    return WAD if budget_wad >= exposure_wad else mul_div_down(budget_wad, WAD, exposure_wad)


def least_gain_wad(maintenance_wad: int, slice_wad: int, min_discount_bps: int) -> int:
    """Up: the account's side may lose the wei."""
    return mul_div_up(mul_wad_up(maintenance_wad, slice_wad), min_discount_bps, BPS)


def concession_wad(elapsed_seconds: int, concession_bps: int, unwind_seconds: int) -> int:
    """Down: the buyer may lose the wei."""
    full_wad = concession_bps * (WAD // BPS)
    if elapsed_seconds >= unwind_seconds:
        return full_wad
    return mul_div_down(full_wad, elapsed_seconds, unwind_seconds)


def sell_price_wad(mark_wad: int, concession: int) -> int:
    """Least price of a sale; up."""
    return mul_wad_up(mark_wad, WAD - concession)


def buy_price_wad(mark_wad: int, concession: int) -> int:
    """Highest price of a purchase; down."""
    return mul_wad_down(mark_wad, WAD + concession)


def vesting(profit: int, elapsed_seconds: int, vest_seconds: int) -> int:
    """Of a profit, what isn't the holders' yet; up."""
    if elapsed_seconds >= vest_seconds:
        return 0
    return mul_div_up(profit, vest_seconds - elapsed_seconds, vest_seconds)


def reward_wad(gas_cost_wad: int, gain_wad: int, cap_bps: int) -> int:
    """Of whoever calls `takeOver`; down."""
    return min(gas_cost_wad, mul_div_down(gain_wad, cap_bps, BPS))


def signature_of(order: Order) -> bytes:
    """What a desk takes for its signature under an order that unwinds it: the order itself."""
    return typed_data.words(ORDER_MEMBERS, order.members())


# Shares


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """A queue, and what it came to."""

    shares: int
    assets: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Tranche:
    """What the contract remembers, and what it reads of its two accounts."""

    params: Params
    unit_wad: int  # one smallest unit of the token
    reserve_wad: int = 0  # cash
    risk_wad: int = 0  # equity; at rest it is cash
    at_risk: bool = False  # RISK holds a position or collateral
    supply: int = 0  # shares, those in the queue included
    lost: int = 0
    staked: int = 0
    queued: int = 0  # shares
    owed: int = 0
    profit: int = 0  # that vests since …
    vests_from: int = 0  # [seconds]
    epoch: int = 0
    epochs: Mapping[int, Epoch] = field(default_factory=dict)

    def vesting(self, now: int) -> int:
        return vesting(self.profit, now - self.vests_from, self.params.vest_seconds)

    def amount_of(self, wad: int) -> int:
        """Cash or equity in units; down, and nothing where it is owed."""
        return max(0, wad) // self.unit_wad

    @property
    def cap_left(self) -> int:
        return max(0, self.params.loss_cap_wad // self.unit_wad - self.lost)

    @property
    def gross(self) -> int:
        """All that there is."""
        return max(0, self.amount_of(self.reserve_wad) + self.amount_of(self.risk_wad) - self.owed)

    def pending(self, now: int) -> int:
        """Profit that isn't the holders' yet: not booked, or not vested."""
        unbooked = max(0, self.amount_of(self.risk_wad) - self.staked) if self.staked else 0
        return self.vesting(now) + unbooked

    def total_assets(self, now: int) -> int:
        return max(0, self.gross - self.pending(now))

    # Entry pays for what is pending, exit leaves it; whoever comes or goes may lose the unit. Whoever enters does so
    # behind the queue: what that leaves is for those who stay.

    def preview_deposit(self, assets: int, now: int) -> int:
        after = self._entered(now)
        return mul_div_down(assets, after.supply + VIRTUAL_SHARES, after.gross + 1)

    def preview_mint(self, shares: int, now: int) -> int:
        after = self._entered(now)
        return mul_div_up(shares, after.gross + 1, after.supply + VIRTUAL_SHARES)

    def _entered(self, now: int) -> Tranche:
        return self if self.at_risk else self.settle(now)

    def preview_redeem(self, shares: int, now: int) -> int:
        return mul_div_down(shares, self.total_assets(now) + 1, self.supply + VIRTUAL_SHARES)

    def preview_withdraw(self, assets: int, now: int) -> int:
        return mul_div_up(assets, self.supply + VIRTUAL_SHARES, self.total_assets(now) + 1)

    def deposit(self, assets: int, now: int) -> tuple[Tranche, int]:
        """RISK first, as far as it may be staked; never into a debt of it."""
        shares = self.preview_deposit(assets, now)
        after = self.settle(now)
        room = 0 if after.risk_wad < 0 else max(0, after.cap_left - after.amount_of(after.risk_wad))
        part = min(room, assets)
        after = replace(
            after,
            risk_wad=after.risk_wad + part * self.unit_wad,
            reserve_wad=after.reserve_wad + (assets - part) * self.unit_wad,
            supply=after.supply + shares,
        )
        return after, shares

    def redeem(self, shares: int, now: int) -> tuple[Tranche, int]:
        assets = self.preview_redeem(shares, now)
        after = self.settle(now)
        return replace(after._paid(assets), supply=after.supply - shares), assets

    def _paid(self, assets: int) -> Tranche:
        """The reserve first."""
        part = min(self.amount_of(self.reserve_wad), assets)
        if part < assets and (self.staked or self.at_risk):
            raise Refused("ReserveShort", part, assets)
        return replace(
            self,
            reserve_wad=self.reserve_wad - part * self.unit_wad,
            risk_wad=self.risk_wad - (assets - part) * self.unit_wad,
        )

    # Risk

    def begin(self, now: int) -> Tranche:
        """Stakes what may be lost."""
        after = self.settle(now)
        if after.cap_left == 0:
            raise Refused("LossCapReached", after.lost, self.params.loss_cap_wad // self.unit_wad)
        after = after.level(2**256 - 1, now)
        return replace(after, staked=after.amount_of(after.risk_wad))

    def level(self, most: int, now: int) -> Tranche:
        """RISK has what may be lost, as far as what is owed to others leaves it."""
        after = self.settle(now)
        if after.risk_wad < 0:
            raise Refused("RiskInDebt", after.risk_wad)
        risk, reserve = after.amount_of(after.risk_wad), after.amount_of(after.reserve_wad)
        target = min(after.cap_left, max(0, risk + reserve - after.owed))
        moved = (min(target - risk, most) if target > risk else -min(risk - target, most)) * self.unit_wad
        return replace(after, reserve_wad=after.reserve_wad - moved, risk_wad=after.risk_wad + moved)

    # The queue

    def request(self, shares: int) -> Tranche:
        return replace(self, queued=self.queued + shares)

    def settle(self, now: int) -> Tranche:
        """First the result of the epoch, then those who wait for it. Moves nothing."""
        if self.at_risk:
            raise Refused("CarriesRisk")
        if not self.staked and not self.queued:
            return self
        after = self._booked(now) if self.staked else self
        assets = after.preview_redeem(self.queued, now)
        return replace(
            after,
            supply=after.supply - self.queued,
            queued=0,
            owed=self.owed + assets,
            epoch=self.epoch + 1,
            epochs={**self.epochs, self.epoch: Epoch(shares=self.queued, assets=assets)},
        )

    def claim(self, epoch: int, shares: int) -> tuple[Tranche, int]:
        found = self.epochs[epoch]
        assets = mul_div_down(shares, found.assets, found.shares)
        return replace(self, owed=self.owed - assets)._paid(assets), assets

    def _booked(self, now: int) -> Tranche:
        returned = self.amount_of(self.risk_wad)
        after = replace(self, staked=0)
        if returned < self.staked:
            return replace(after, lost=self.lost + self.staked - returned)
        profit = returned - self.staked
        return replace(
            after, lost=max(0, self.lost - profit), profit=self.vesting(now) + profit, vests_from=now
        )


# Standing bids

DOMAIN_NAME: Final = "Holdfast Standing Bids"

BID_MEMBERS: Final = (
    ("taker", "uint64"),
    ("signer", "address"),
    ("market", "uint16"),
    ("maxNotionalWad", "uint256"),
    ("minDiscountBps", "uint16"),
    ("deadline", "uint40"),
    ("nonce", "uint256"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingBid:
    """What a professional signs."""

    taker: int
    signer: str
    market: int
    max_notional_wad: int
    min_discount_bps: int
    deadline: int = 2**40 - 1  # [seconds]
    nonce: int = 0

    def members(self) -> tuple[int | str, ...]:
        """In the order of the Solidity struct, as the ABI takes them."""
        return (
            self.taker,
            self.signer,
            self.market,
            self.max_notional_wad,
            self.min_discount_bps,
            self.deadline,
            self.nonce,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedBid:
    bid: StandingBid
    signature: bytes


def notional_wad(exposure_wad: int, slice_wad: int) -> int:
    """What a fill uses up; up."""
    return mul_wad_up(exposure_wad, slice_wad)


def bid_digest(bid: StandingBid, chain_id: int, contract: str) -> bytes:
    """The 32 bytes to sign."""
    return typed_data.digest(DOMAIN_NAME, "StandingBid", BID_MEMBERS, bid.members(), chain_id, contract)
