"""A bidder's contract acts from inside `onTake`: after it got the slice, before its margin is checked.

Naive rule: the callback comes before the books are closed, or the auctions aren't locked; a slice is taken twice, an
auction is ended, a taker leaves with the collateral and an empty account behind it.

├── every door of the auctions       is locked
├── doors for engines                stay closed: the callback has no more rights than anybody
├── its own money                    may leave down to initial margin, as in any transaction, and not below
├── the victim's money               may not leave, even if both belong to the same attacker
├── trades                           obey margin; a reduction may not make the victim's health worse
├── another account's auction        can't be worked on meanwhile
└── all together                     the attackers gain the discount less the fund's share, and not a wei more
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.chain.artifacts import vocabulary
from holdfast.chain.contract import Contract
from holdfast.chain.transactions import Receipt
from holdfast.model.venue import Order
from holdfast.types import Mode
from holdfast.units import WAD
from tests.stage import UNLIMITED, Stage, address_of, wads

LOCKED = "ReentrancyGuardReentrantCall"
THIEF = address_of("stranger")

Step = tuple[Contract, str, tuple[Any, ...]]


class Gang:
    """One contract that owns the bidder's account, an accomplice's, and the victim's."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.contract = stage.deploy("MockAttacker")
        self.address = self.contract.address
        self.taker, self.accomplice, self.victim = (self._account(cash) for cash in (50_000, 50_000, 22_000))

    def _account(self, cash: float) -> int:
        stage = self.stage
        self.run((stage.ledger, "open", (Mode.CROSS,)))
        account = int(stage.ledger.call("accounts"))
        stage.deposit(account, "USDC", cash, by="keeper")
        return account

    def run(self, *steps: Step) -> Receipt:
        return self.stage.send(self.contract, "run", self._encoded(steps), by=THIEF)

    def plan(self, *steps: Step) -> None:
        self.stage.send(self.contract, "plan", self._encoded(steps), by=THIEF, check=False)

    def _encoded(self, steps: tuple[Step, ...]) -> list[tuple[str, bytes]]:
        return [(contract.address, contract.encode(function, *args)) for contract, function, args in steps]

    def bid(self, **bounds: Any) -> Step:
        return (
            self.stage.liquidation,
            "take",
            (self.stage.bid(self.victim, self.taker, data=b"go", **bounds),),
        )

    def order(self, account: int, size: float, price: float) -> Order:
        return Order(
            account=account,
            signer=self.address,
            instrument=self.stage.eth,
            size_wad=wads(size),
            limit_price_wad=wads(price),
            nonce=self.stage.nonce,
        )

    def trade(self, buyer: int, seller: int, size: float, price: float) -> Step:
        """Both orders signed by the contract itself."""
        buy, sell = self.order(buyer, size, price), self.order(seller, -size, price)
        return self.stage.venue, "matchOrders", (sell.members(), b"", buy.members(), b"", wads(size))

    def outcomes(self) -> list[str]:
        """Of the planned steps: "done", or the error's name."""
        return [
            "done" if outcome.done else vocabulary().revert(outcome.data).name
            for outcome in self.contract.call("outcomes")
        ]

    def total(self) -> int:
        """[wad] Of all accounts, and what the contract and the thief hold in tokens."""
        stage = self.stage
        usdc = stage.protocol.tokens[0]
        outside = sum(usdc.call("balanceOf", who) for who in (self.address, THIEF)) * 10**12
        return outside + sum(stage.equity(account) for account in (self.taker, self.accomplice, self.victim))


@pytest.fixture
def gang(stage: Stage) -> Gang:
    """Its victim is long 100 ETH and in auction at 1,870: equity 8,900, MM 9,350."""
    gang = Gang(stage)
    maker = stage.party(200_000)
    order = gang.order(gang.victim, 100, 2_000)
    sell = stage.order(maker, -100, 2_000)
    signature = stage.protocol.sign(sell, maker.key).signature
    gang.run((stage.venue, "matchOrders", (sell.members(), signature, order.members(), b"", wads(100))))
    stage.drift("ETH", 1_870)
    gang.run((stage.liquidation, "start", (gang.victim, gang.accomplice)))
    return gang


LOCKED_DOORS: dict[str, Callable[[Gang], Step]] = {
    "take": lambda g: g.bid(),
    "start": lambda g: (g.stage.liquidation, "start", (g.victim, g.accomplice)),
    "end": lambda g: (g.stage.liquidation, "end", (g.victim,)),
    "insure": lambda g: (g.stage.liquidation, "insure", (g.victim,)),
    "restart": lambda g: (g.stage.liquidation, "restart", (g.victim,)),
    "deleverage": lambda g: (g.stage.liquidation, "deleverage", (g.victim, g.stage.eth)),
    "writeOff": lambda g: (g.stage.liquidation, "writeOff", (g.taker,)),
}

CLOSED_DOORS: dict[str, tuple[Callable[[Gang], Step], str]] = {
    "move": (lambda g: (g.stage.ledger, "move", (g.stage.fund, g.taker, WAD)), "NotEngine"),
    "ledger take": (lambda g: (g.stage.ledger, "take", (g.victim, g.taker, WAD, 0, g.address)), "NotEngine"),
    "ledger deleverage": (lambda g: (g.stage.ledger, "deleverage", (g.taker, g.stage.eth, WAD)), "NotEngine"),
    "ledger writeOff": (lambda g: (g.stage.ledger, "writeOff", (g.taker,)), "NotEngine"),
    "fund": (lambda g: (g.stage.insurance, "pay", (1, g.taker, WAD)), "AccessManagedUnauthorized"),
    "vault": (lambda g: (g.stage.protocol.vaults[0], "push", (g.address, 1, 0)), "NotLedger"),
    "own positions": (lambda g: (g.stage.positions, "settle", (g.taker, g.stage.eth)), "NotLedger"),
}


@pytest.mark.parametrize("door", LOCKED_DOORS)
def test_reentrant_take__auctions__are_locked(stage: Stage, gang: Gang, door: str) -> None:
    gang.plan(LOCKED_DOORS[door](gang))

    gang.run(gang.bid(most=WAD // 100))

    assert gang.outcomes() == [LOCKED]


@pytest.mark.parametrize("door", CLOSED_DOORS)
def test_reentrant_take__engines__take_no_orders(stage: Stage, gang: Gang, door: str) -> None:
    step, error = CLOSED_DOORS[door]
    gang.plan(step(gang))

    gang.run(gang.bid(most=WAD // 100))

    assert gang.outcomes() == [error]


def test_reentrant_take__own_money__leaves_down_to_initial_margin(stage: Stage, gang: Gang) -> None:
    """Slice of a tenth: IM 1,870 on 10 ETH; of 50,000 the taker may carry away 48,130 and what the slice brings."""
    everything, allowed = 50_000 * 10**6, 48_130 * 10**6
    gang.plan(
        (stage.ledger, "withdraw", (gang.taker, 0, everything, THIEF)),
        (stage.ledger, "withdraw", (gang.taker, 0, allowed, THIEF)),
        (stage.ledger, "withdraw", (gang.taker, 0, 1_000 * 10**6, THIEF)),
    )

    gang.run(gang.bid(most=WAD // 10))

    assert gang.outcomes() == ["BelowInitialMargin", "done", "BelowInitialMargin"]
    margin = stage.health(gang.taker).margin
    assert margin.equity_wad >= margin.initial_wad


def test_reentrant_take__victims_money__stays(stage: Stage, gang: Gang) -> None:
    gang.plan(
        (stage.ledger, "withdraw", (gang.victim, 0, 1, THIEF)),
        gang.trade(gang.accomplice, gang.victim, 10, 1_832.6),  # the victim sells 2 % under the mark…
        gang.trade(gang.victim, gang.accomplice, 10, 1_870),  # …or buys more
    )

    gang.run(gang.bid(most=WAD // 20))

    # Selling cheap is allowed where health gets no worse: 2 % of the part sold against 5 % of it in MM.
    assert gang.outcomes() == ["BelowInitialMargin", "done", "BelowInitialMargin"]


def test_reentrant_take__leaving_the_taker_broke__undoes_everything(stage: Stage, gang: Gang) -> None:
    """The slice goes to an account with too little; the callback deposits nothing."""
    gang.run((stage.ledger, "withdraw", (gang.taker, 0, 49_900 * 10**6, THIEF)))
    gang.plan((stage.ledger, "withdraw", (gang.taker, 0, 50 * 10**6, THIEF)))
    before = gang.total()

    with pytest.raises(Exception, match="TakerBelowInitialMargin"):
        gang.run(gang.bid())

    assert gang.total() <= before
    assert gang.contract.call("outcomes") == []


def test_reentrant_take__another_victims_auction__waits(stage: Stage, gang: Gang) -> None:
    other = stage.party(1_100)
    stage.drift("ETH", 2_000)
    stage.trade(other, stage.party(10_000), 5, 2_000)
    stage.drift("ETH", 1_860)
    gang.plan((stage.liquidation, "start", (other.account, gang.accomplice)))

    gang.run((stage.liquidation, "restart", (gang.victim,)), gang.bid(most=WAD // 10))

    assert gang.outcomes() == [LOCKED]


def test_reentrant_take__all_together__gains_nothing_beyond_the_discount(stage: Stage, gang: Gang) -> None:
    """They own both ends of the auction: what the taker gains the victim loses, and the fund gets its share."""
    gang.run((stage.protocol.tokens[0], "approve", (stage.protocol.vaults[0].address, UNLIMITED)))
    fund, fees = stage.cash(stage.fund), stage.cash(stage.fees)
    before = gang.total()
    gang.plan(
        (stage.ledger, "withdraw", (gang.taker, 0, 20_000 * 10**6, gang.address)),
        gang.trade(gang.accomplice, gang.taker, 5, 1_870),
        gang.trade(gang.taker, gang.accomplice, 5, 1_880),
        (stage.ledger, "deposit", (gang.taker, 0, 20_000 * 10**6)),
        (stage.ledger, "settle", (gang.victim, stage.eth)),
        (stage.ledger, "accrueInterest", ()),
        (stage.positions, "accrue", (stage.eth,)),
        (stage.insurance, "distribute", ()),
    )
    stage.until(stage.time + 60)

    taken = gang.run(gang.bid()).event("Taken").args

    assert gang.outcomes() == ["done"] * 8
    paid = stage.cash(stage.fund) - fund + stage.cash(stage.fees) - fees + stage.cash(stage.treasury)
    assert taken["fundShareWad"] > 0
    assert before - gang.total() >= taken["fundShareWad"]
    assert before - gang.total() <= paid + 10
