"""What a keeper may do. `decide` returns these; `sender` turns them into transactions.

`why` says in a few words what made the keeper want it. `subject` is what an action is about: while a transaction about
a subject waits to be mined, no other one about it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.backstop import SignedBid
from holdfast.model.venue import Order, SignedOrder


@dataclass(frozen=True, kw_only=True, slots=True)
class SetPrice:
    """Give a settable feed a new answer."""

    underlying: int
    venue: int = 0  # place among the sources of the underlying
    price_wad: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "feed", self.underlying + (self.venue << 16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Poke:
    """Bring the feeds' answers into the oracle."""

    underlyings: tuple[int, ...]
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "oracle", 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Start the auction of an account below maintenance margin."""

    account: int
    reward_account: int
    witness: int | None = None  # scenarios that prove a portfolio's breach; None: all of them
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class Insure:
    account: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class Restart:
    account: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    account: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleverage:
    """Close one position of an insolvent account against the opposite side of its market."""

    account: int
    instrument: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteOff:
    account: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportDeficit:
    """Tell the breaker that an account owes more than the fund can pay, or no longer does."""

    account: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """Take a slice of an account in auction. Bounds as in `ILiquidation.Bid`."""

    account: int
    taker: int
    max_fraction_wad: int
    min_fraction_wad: int
    max_payment_wad: int
    min_discount_wad: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """Match somebody's signed order with one of our own, to be signed when it is sent."""

    maker: SignedOrder
    taker: Order
    size_wad: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "instrument", self.taker.instrument


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeOver:
    """Let a tranche take over what an auction didn't sell."""

    account: int
    market: int  # underlying whose tranche it is
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class FillBids:
    """Fill standing bids on an auction, the lowest minimum first."""

    account: int
    bids: tuple[SignedBid, ...]
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleTranche:
    """End the epoch of a tranche that carries no risk any more."""

    market: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "tranche", self.market


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleSeries:
    """Close a series that expired at what it pays."""

    instrument: int
    covered_at: int  # [seconds] as `IOracle.settlementOf` takes it
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "instrument", self.instrument


@dataclass(frozen=True, kw_only=True, slots=True)
class Settle:
    """Let positions in a settled series become the cash that they are."""

    accounts: tuple[int, ...]
    instrument: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "instrument", self.instrument


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Begin a window of the Sentinel over what a market draws of the fund."""

    underlying: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "window", self.underlying


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportDrawdown:
    """Tell the Sentinel that a market drew too much of the fund within its window."""

    underlying: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "window", self.underlying


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSilence:
    """Tell the Sentinel that an auction ran out and nobody came."""

    account: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "account", self.account


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Show the fund an account in deficit, so that no stake leaves ahead of the loss."""

    account: int
    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "stakes", 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshTarget:
    """Compute the fund's target anew."""

    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "fund", 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribute:
    """Split the fees between fund and treasury."""

    why: str = ""

    @property
    def subject(self) -> tuple[str, int]:
        return "fund", 0


Action = (
    SetPrice
    | Poke
    | Start
    | Insure
    | Restart
    | End
    | Deleverage
    | WriteOff
    | ReportDeficit
    | Take
    | Trade
    | TakeOver
    | FillBids
    | SettleTranche
    | SettleSeries
    | Settle
    | Mark
    | ReportDrawdown
    | ReportSilence
    | Hold
    | RefreshTarget
    | Distribute
)
