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
    brought: int = 0
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
    def gross(self) -> int:
        """Profit that vests included."""
        reserve = self.amount_of(self.reserve_wad)
        return reserve + min(self.brought, self.amount_of(self.risk_wad)) if self.brought else reserve

    def total_assets(self, now: int) -> int:
        return max(0, self.gross - self.vesting(now))

    # Entry pays for what vests, exit leaves it; whoever comes or goes may lose the unit.

    def preview_deposit(self, assets: int) -> int:
        return mul_div_down(assets, self.supply + VIRTUAL_SHARES, self.gross + 1)

    def preview_mint(self, shares: int) -> int:
        return mul_div_up(shares, self.gross + 1, self.supply + VIRTUAL_SHARES)

    def preview_redeem(self, shares: int, now: int) -> int:
        return mul_div_down(shares, self.total_assets(now) + 1, self.supply + VIRTUAL_SHARES)

    def preview_withdraw(self, assets: int, now: int) -> int:
        return mul_div_up(assets, self.supply + VIRTUAL_SHARES, self.total_assets(now) + 1)

    def deposit(self, assets: int, now: int) -> tuple[Tranche, int]:
        shares = self.preview_deposit(assets)
        after = self.settle(now)
        came = after.reserve_wad + assets * self.unit_wad
        return replace(after, reserve_wad=came, supply=after.supply + shares), shares

    def redeem(self, shares: int, now: int) -> tuple[Tranche, int]:
        assets = self.preview_redeem(shares, now)
        after = self.settle(now)
        left = after.reserve_wad - assets * self.unit_wad
        return replace(after, reserve_wad=left, supply=after.supply - shares), assets

    # Risk

    def bring(self) -> Tranche:
        """Begins an epoch: all that may be lost in it goes to RISK."""
        if self.risk_wad < 0:
            raise Refused("RiskInDebt", self.risk_wad)
        cap = self.params.loss_cap_wad // self.unit_wad
        if self.lost >= cap:
            raise Refused("LossCapReached", self.lost, cap)
        amount = min(cap - self.lost, self.amount_of(self.reserve_wad))
        moved = amount * self.unit_wad
        return replace(
            self, brought=amount, reserve_wad=self.reserve_wad - moved, risk_wad=self.risk_wad + moved
        )

    # The queue

    def request(self, shares: int) -> Tranche:
        return replace(self, queued=self.queued + shares)

    def settle(self, now: int) -> Tranche:
        """First the result of the epoch, then those who wait for it."""
        if self.at_risk:
            raise Refused("CarriesRisk")
        if not self.brought and not self.queued:
            return self
        after = self._brought_back(now) if self.brought else self
        assets = after.preview_redeem(self.queued, now)
        return replace(
            after,
            supply=after.supply - self.queued,
            reserve_wad=after.reserve_wad - assets * self.unit_wad,
            queued=0,
            owed=self.owed + assets,
            epoch=self.epoch + 1,
            epochs={**self.epochs, self.epoch: Epoch(shares=self.queued, assets=assets)},
        )

    def claim(self, epoch: int, shares: int) -> tuple[Tranche, int]:
        found = self.epochs[epoch]
        assets = mul_div_down(shares, found.assets, found.shares)
        return replace(self, owed=self.owed - assets), assets

    def _brought_back(self, now: int) -> Tranche:
        returned = self.amount_of(self.risk_wad)
        moved = returned * self.unit_wad
        after = replace(self, brought=0, reserve_wad=self.reserve_wad + moved, risk_wad=self.risk_wad - moved)
        if returned < self.brought:
            return replace(after, lost=self.lost + self.brought - returned)
        profit = returned - self.brought
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

CANCELLED: Final = 2**256 - 1
"""What `filledOf` says of a cancelled bid."""


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
