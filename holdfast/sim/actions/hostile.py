"""Tokens that turn, and what an attacker does from inside their transfers.

Nothing here happens in a world with good tokens, nor unless a profile gives these actions a weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdfast.chain.contract import Contract
from holdfast.sim.actions.liquidation import bid_of, taking
from holdfast.sim.actions.scene import Scene, action
from holdfast.sim.actions.trade import cross
from holdfast.sim.steps import Step, act, join
from holdfast.sim.tokens import FALSE, LIE, NOTHING, REVERT, TRUE, WIDE, turned
from holdfast.types import SETTLEMENT, Account, Mode
from holdfast.units import WAD

NOBODY = "0x" + "00" * 20


@action(weight=0)
def turn_token(s: Scene) -> Step | None:
    """A token turns: another answer, a fee, a rebase, somebody it doesn't serve; or it is good again."""
    if not s.world.hostile:
        return None
    asset = s.rng.choice(sorted(s.world.hostile))
    token, now = s.world.hostile[asset], turned(s.ghost, asset)

    def turn(function: str, *args: Any) -> Step:
        return act(s.world, "turn_token", token, function, *args, sender=s.world.people.stranger)

    if s.chance(0.4):
        served = [turn("setBlocked", who, False) for who in sorted(now.blocked)]
        good = [turn("setAnswer", TRUE), turn("setFee", 0), turn("rebase", WAD)]
        return join("turn_token", [*served, *good])
    kind = s.rng.choice(("answer", "fee", "rebase", "block", "block"))
    if kind == "answer":
        return turn("setAnswer", s.rng.choice((NOTHING, FALSE, WIDE, REVERT, LIE)))
    if kind == "fee":
        return turn("setFee", s.rng.choice((1, 30, 500, 5_000, 9_999, 10_000, 10_001)))
    if kind == "rebase":
        factor = s.rng.choice((WAD // 2, WAD * 9 // 10, WAD - 1, WAD + 1, WAD * 11 // 10, 3 * WAD, 1, 0))
        return turn("rebase", factor)
    people = s.world.people
    attacker = s.world.props.attacker.address
    who = s.rng.choice((*people.owners, people.stranger, attacker, s.world.protocol.vaults[asset].address))
    return turn("setBlocked", who, True)


@dataclass(frozen=True)
class Move:
    """A call that somebody might make from anywhere, and whom it may touch."""

    contract: Contract
    function: str
    args: tuple[Any, ...]
    accounts: frozenset[int] = frozenset()
    orders: tuple[Any, ...] = ()

    @property
    def request(self) -> tuple[str, bytes]:
        return self.contract.address, self.contract.encode(self.function, *self.args)


@action(weight=0)
def reenter(s: Scene) -> Step | None:
    """In the middle of a transfer that it asked for, the attacker tries everything else."""
    attacker, people = s.world.props.attacker, s.world.people
    able = [
        a for a in s.users if a.owner == attacker.address or (a.owner, attacker.address) in s.ghost.operators
    ]
    if not s.world.hostile or not able:
        return None
    found = _outer(s, able)
    if found is None:
        return None
    asset, outer, bid = found
    token = s.world.hostile[asset]
    inner = [_inner(s, able) for _ in range(s.rng.randint(1, 3))]
    wake = attacker.encode("onTake", 0, 0, 0, 0, b"")
    deeds = [
        (token.address, token.encode("setCall", attacker.address, wake, s.chance(0.3))),
        outer.request,
        (token.address, token.encode("setCall", NOBODY, b"", False)),
    ]
    touched = outer.accounts.union(*(move.accounts for move in inner))
    plan = act(s.world, "reenter", attacker, "plan", [move.request for move in inner], sender=people.stranger)
    go = act(
        s.world, "reenter", attacker, "run", deeds, sender=people.stranger, speakers={attacker.address},
        accounts=touched | s.own, opens=1, gas=20_000_000,
    )  # fmt: skip
    says = "; ".join(f"{move.function}" for move in inner)
    return join(
        "reenter", [plan, go], opens=1,
        facts={"account": min(outer.accounts), "asset": asset, "outer": outer.function, "inner": says,
               "orders": tuple(order for move in inner for order in move.orders),
               **({"bid": bid} if bid else {})},
    )  # fmt: skip


def _outer(s: Scene, able: list[Account]) -> tuple[int, Move, dict[str, int] | None] | None:
    """The call that makes the ledger move a token, and which one."""
    ledger, attacker = s.world.protocol.ledger, s.world.props.attacker
    account = s.rng.choice(able)
    asset = s.assets[s.rng.choice(sorted(s.world.hostile))]
    sold = [a for a in s.users if a.auction is not None and a.healthy is False and a.holdings]
    if sold and s.chance(0.5):
        victim, taker = (
            s.rng.choice(sold),
            s.rng.choice([a for a in able if a.mode is not Mode.ISOLATED] or able),
        )
        if victim.id != taker.id:
            bid = bid_of(s, victim)
            args = (victim.id, taker.id, *bid.values(), attacker.address, b"")
            move = Move(s.world.protocol.liquidation, "take", (args,), frozenset({victim.id, taker.id}))
            return s.rng.choice(victim.holdings).asset, move, bid
    unit = 10 ** s.world.protocol.decimals[asset.asset]
    if s.chance(0.5):
        worth = 1 if asset.price is None else max(1, asset.price.spot_wad // WAD)
        amount = s.amount(1, max(1, 10_000 * unit // worth))
        return (
            asset.asset,
            Move(ledger, "deposit", (account.id, asset.asset, amount), frozenset({account.id})),
            None,
        )
    held = next((h.amount for h in account.holdings if h.asset == asset.asset), 0)
    free = account.cash_wad // asset.unit_wad if asset.asset == SETTLEMENT else held
    if free <= 0:
        return None
    amount = s.amount(max(1, free // 100), free, [free])
    args = account.id, asset.asset, amount, attacker.address
    return asset.asset, Move(ledger, "withdraw", args, frozenset({account.id})), None


def _inner(s: Scene, able: list[Account]) -> Move:
    """Anything that anybody may call, or the owner of those accounts."""
    p, people, attacker = s.world.protocol, s.world.people, s.world.props.attacker
    mine, other = s.rng.choice(able), s.rng.choice(s.users)
    market, asset = s.rng.choice(s.state.markets), s.rng.choice(s.assets)
    bid = bid_of(s, other)
    both = frozenset({mine.id, other.id})
    one = frozenset({other.id})
    orders, fill = cross(s, market, mine, other, s.log(1, WAD))
    moves = (
        Move(p.ledger, "deposit", (mine.id, asset.asset, s.log(1, 10**9)), both),
        Move(p.ledger, "withdraw", (mine.id, asset.asset, s.log(1, 10**9), attacker.address), both),
        Move(p.ledger, "withdraw", (mine.id, asset.asset, s.log(1, 10**9), attacker.address), both),
        Move(p.ledger, "settle", (other.id, market.instrument), one),
        Move(p.ledger, "accrueInterest", ()),
        Move(p.ledger, "open", (Mode.CROSS,)),
        Move(p.positions, "accrue", (market.instrument,)),
        Move(p.liquidation, "start", (other.id, mine.id), both),
        Move(p.liquidation, "insure", (other.id,), one),
        Move(p.liquidation, "restart", (other.id,), one),
        Move(p.liquidation, "end", (other.id,), one),
        Move(p.liquidation, "take", ((other.id, mine.id, *bid.values(), attacker.address, b""),), both),
        Move(p.liquidation, "deleverage", (other.id, market.instrument), one),
        Move(p.liquidation, "writeOff", (other.id,), one),
        Move(p.liquidation, "reportDeficit", (other.id,), one),
        Move(p.insurance, "distribute", ()),
        Move(p.sentinel, "mark", (market.underlying,)),
        Move(p.oracle, "poke", ([market.underlying],)),
        Move(p.venue, "matchOrders", fill, both, orders),
        Move(p.venue, "raiseNonceFloor", (mine.id, s.ghost.floors[mine.id] + 1), both),
        Move(p.vaults[asset.asset], "push", (attacker.address, max(1, asset.held), 0)),
        Move(p.vaults[asset.asset], "pull", (people.owners[0], 1)),
    )
    return s.rng.choice(moves)


@action(weight=0)
def take_away(s: Scene) -> Step | None:
    """A take whose collateral leaves at once, also to somebody whom the token doesn't serve."""
    sold = [a for a in s.users if a.auction is not None and a.healthy is False and a.holdings]
    if not sold:
        return None
    victim = s.rng.choice(sold)
    blocked = sorted(set().union(*(turned(s.ghost, h.asset).blocked for h in victim.holdings)))
    receiver = s.rng.choice(blocked) if blocked and s.chance(0.5) else s.rng.choice(s.world.people.owners)
    return taking(s, victim, receiver)
