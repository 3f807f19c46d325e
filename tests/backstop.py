"""A tranche on the stage, and what people do with it. Amounts in whole dollars, shares and tokens raw."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

from holdfast.chain.transactions import Receipt
from holdfast.model.backstop import Params, StandingBid, Tranche, signature_of
from holdfast.model.venue import Order
from holdfast.types import Account
from holdfast.units import WAD
from tests.stage import Party, Stage, address_of, wads

USDC = 10**6
UNIT_WAD = 10**12


class Pool:
    """One market's tranche."""

    def __init__(self, stage: Stage, underlying: int = 1) -> None:
        self.stage = stage
        self.contract = stage.protocol.tranches[underlying]
        self.desk = stage.protocol.desks[underlying]
        self.reserve = int(self.contract.call("RESERVE"))
        self.risk = int(self.contract.call("RISK"))
        self.instrument = stage.eth if underlying == 1 else stage.btc

    @property
    def state(self) -> Any:
        return self.contract.call("state")

    @property
    def took_at(self) -> int:
        return int(self.desk.call("tookAt"))

    @property
    def params(self) -> Params:
        return read_params(self.contract.call("params"))

    @property
    def total(self) -> int:
        return int(self.contract.call("totalAssets"))

    @property
    def supply(self) -> int:
        return int(self.contract.call("totalSupply"))

    def shares(self, who: Any) -> int:
        return int(self.contract.call("balanceOf", address_of(who)))

    def tokens(self, who: Any) -> int:
        return int(self.stage.protocol.tokens[0].call("balanceOf", address_of(who)))

    def look(self, account: int | None = None) -> Account:
        return self.stage.look(self.risk if account is None else account)

    def twin(self) -> Tranche:
        """As the contract stands at the newest block."""
        s, health = self.state, self.look().health
        assert health is not None
        return Tranche(
            params=self.params,
            unit_wad=UNIT_WAD,
            reserve_wad=self.stage.cash(self.reserve),
            risk_wad=health.margin.equity_wad,
            at_risk=health.legs + health.holdings != 0,
            supply=self.supply,
            lost=s.lostAmount,
            staked=s.stakedAmount,
            queued=s.queuedShares,
            owed=s.owedAmount,
            profit=s.vestingAmount,
            vests_from=self.stage.time,
            epoch=s.epoch,
        )

    # What people do

    def approve(self, who: Any, raw: int) -> None:
        self.stage.endow(who, "USDC", raw)
        self.approve_only(who)

    def approve_only(self, who: Any) -> None:
        token = self.stage.protocol.tokens[0]
        for taker in (self.contract, self.desk):
            self.stage.send(token, "approve", taker.address, 2**256 - 1, by=who, check=False)

    def deposit(self, who: Any, dollars: float) -> Receipt:
        raw = round(dollars * USDC)
        self.approve(who, raw)
        return self.send("deposit", raw, address_of(who), by=who)

    def send(self, function: str, *args: Any, by: Any = "keeper") -> Receipt:
        return self.stage.send(self.contract, function, *args, by=by)

    def take_over(self, party: Party | int, by: Any = "keeper") -> Receipt:
        account = party if isinstance(party, int) else party.account
        return self.stage.send(self.desk, "takeOver", account, by=by)

    def request(self, who: Any, shares: int) -> Receipt:
        address = address_of(who)
        return self.send("requestRedeem", shares, address, address, by=who)

    def claim(self, who: Any, epoch: int) -> Receipt:
        address = address_of(who)
        return self.send("claim", epoch, address, address, by=who)

    def change(self, **changes: int) -> None:
        """Parameters, as the governor changes them: after the delay; everybody's prices are new then."""
        authority = self.stage.protocol.authority
        data = self.contract.encode("setParams", astuple(replace(self.params, **changes)))
        self.stage.send(authority, "schedule", self.contract.address, data, 0, by="governor", check=False)
        self.stage.time += 172_800
        self.stage.send(authority, "execute", self.contract.address, data, by="governor", check=False)
        self.stage.drift("ETH", self.stage.prices["ETH"] / WAD)

    # Unwinding

    def order(self, size_wad: int, price_wad: int, **changes: Any) -> Order:
        """Of the tranche; whoever trades with it writes it."""
        fields: dict[str, Any] = {
            "account": self.risk,
            "signer": self.desk.address,
            "instrument": self.instrument,
            "size_wad": size_wad,
            "limit_price_wad": price_wad,
            "nonce": self.stage.nonce,
            "reduce_only": True,
        }
        return Order(**{**fields, **changes})

    def trade(
        self, party: Party, size_wad: int, price_wad: int, signature: bytes | None = None, **changes: Any
    ) -> Receipt:
        """The tranche trades `size_wad` (signed), and makes the price; the party takes it."""
        stage = self.stage
        made = self.order(size_wad, price_wad, **changes)
        taken = stage.order(party, 0, 0, made.instrument, size_wad=-size_wad, limit_price_wad=price_wad)
        return stage.send(
            stage.venue,
            "matchOrders",
            made.members(),
            signature_of(made) if signature is None else signature,
            taken.members(),
            stage.protocol.sign(taken, party.key).signature,
            abs(size_wad),
            by="keeper",
        )

    def size(self) -> int:
        found = self.look().position(self.instrument)
        return found.size_wad if found else 0


def read_params(found: Any) -> Params:
    return Params(**dict(zip(Params.__dataclass_fields__, found, strict=True)))


def standing(
    stage: Stage, party: Party, notional: float, least_bps: int, market: int = 1, **changes: Any
) -> StandingBid:
    fields: dict[str, Any] = {
        "taker": party.account,
        "signer": party.address,
        "market": market,
        "max_notional_wad": wads(notional),
        "min_discount_bps": least_bps,
        "nonce": stage.nonce,
    }
    return StandingBid(**{**fields, **changes})


def fill(stage: Stage, account: Party | int, *bids: tuple[Party, StandingBid], by: Any = "keeper") -> Receipt:
    signatures = [stage.protocol.sign_bid(bid, party.key) for party, bid in bids]
    sold = account if isinstance(account, int) else account.account
    return stage.send(
        stage.protocol.standing_bids, "fill", sold, [bid.members() for _, bid in bids], signatures, by=by
    )


def permit_bids(stage: Stage, party: Party) -> None:
    stage.send(stage.ledger, "setOperator", stage.protocol.standing_bids.address, True, by=party.address)


def a_crash(stage: Stage, cash: float = 2_500, size: float = 10, price: float = 1_800) -> tuple[Party, Party]:
    """A long of 10 ETH at 2,000 with 2,500 dollars; ETH falls to 1,800 while everybody watches, and its auction starts.

    Then equity is about 490 and MM 900.
    """
    long, short = stage.party(cash), stage.party(200_000)
    stage.trade(long, short, size, 2_000)
    stage.drift("ETH", price)
    stage.start(long)
    return long, short


__all__ = ["UNIT_WAD", "USDC", "WAD", "Pool", "a_crash", "fill", "permit_bids", "read_params", "standing"]
