"""Auctions, and what comes after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from holdfast.sim.actions.scene import HUGE, MOST_PAYMENT, ZERO, Scene, action
from holdfast.sim.actions.trade import free_of
from holdfast.sim.steps import Step, act, join
from holdfast.types import SETTLEMENT, Account, Auction, Mode
from holdfast.units import WAD


@action(weight=2)
def start(s: Scene) -> Step | None:
    weak = [a for a in s.lots if a.healthy is False and a.auction is None]
    ripe = [a for a in weak if s.seizable(a)]
    account = s.pick(s.still(ripe) or (weak if s.chance(0.2) else []), s.users, stray=0.05)
    if account is None:
        return None
    rewarded = account if s.chance(0.2) else s.rng.choice(s.users)
    if s.series and s.chance(0.8 if account.mode is Mode.PORTFOLIO else 0.1):
        witness = s.rng.choice(
            (HUGE, 0, 1 << s.rng.randrange(24), s.rng.getrandbits(24), s.rng.getrandbits(24))
        )
        return act(
            s.world, "start", s.world.protocol.liquidation, "startBy", account.id, rewarded.id, witness,
            sender=s.world.people.stranger, accounts=frozenset({account.id, rewarded.id}),
            facts={"account": account.id, "reward": rewarded.id, "witness": witness},
        )  # fmt: skip
    return act(
        s.world, "start", s.world.protocol.liquidation, "start", account.id, rewarded.id,
        sender=s.world.people.stranger, accounts=frozenset({account.id, rewarded.id}),
        facts={"account": account.id, "reward": rewarded.id},
    )  # fmt: skip


@action(weight=2)
def insure(s: Scene) -> Step | None:
    def due(account: Account) -> int:
        return _auction(account).started_at + s.ghost.params.solvent_seconds

    solvent = [a for a in _auctioned(s) if not _auction(a).insured and a.healthy is False]
    return _on_auction(s, "insure", solvent, due)


@action(weight=2)
def restart(s: Scene) -> Step | None:
    def due(account: Account) -> int:
        return _auction(account).restarted_at + s.ghost.params.run_seconds + 1

    return _on_auction(s, "restart", [a for a in _auctioned(s) if a.healthy is False], due)


@action(weight=2)
def end(s: Scene) -> Step | None:
    return _on_auction(s, "end", [a for a in _auctioned(s) if a.healthy], None)


def _on_auction(
    s: Scene, name: str, found: list[Account], due: Callable[[Account], int] | None
) -> Step | None:
    account = s.pick(s.still(found), _auctioned(s), s.users, stray=0.07)
    if account is None:
        return None
    wait = 0
    if due is not None and account.auction is not None and s.chance(0.8):
        wait = max(0, due(account) - s.now + s.rng.choice((-1, 0, 0, 1)))
    return act(
        s.world, name, s.world.protocol.liquidation, name, account.id, sender=s.world.people.stranger,
        accounts=frozenset({account.id}), facts={"account": account.id}, wait=wait,
    )  # fmt: skip


def _auction(account: Account) -> Auction:
    assert account.auction is not None
    return account.auction


def _auctioned(s: Scene) -> list[Account]:
    return [a for a in s.lots if a.auction is not None]


@action(weight=3)
def take(s: Scene) -> Step | None:
    found = _lot(s, s.users)
    if found is None:
        return None
    victim, taker, wait = found
    return _take(s, victim, taker, taker.owner if s.chance(0.2) else ZERO, wait)


def taking(s: Scene, victim: Account, receiver: str) -> Step | None:
    """A take by one of the rich whose collateral leaves to `receiver`."""
    able = sorted((a for a in s.users if a.mode is not Mode.ISOLATED and a.id != victim.id), key=free_of)
    return _take(s, victim, s.rng.choice(able[-4:]), receiver, 0) if able else None


def _take(s: Scene, victim: Account, taker: Account, receiver: str, wait: int) -> Step:
    bid = bid_of(s, victim)
    leaving = tuple(h.asset for h in victim.holdings) if receiver != ZERO else ()
    return act(
        s.world, "take", s.world.protocol.liquidation, "take",
        (victim.id, taker.id, *bid.values(), receiver, b""),
        sender=s.speaker(taker), accounts=frozenset({victim.id, taker.id}), wait=wait, tip=_tip(s),
        facts={"account": victim.id, "bid": bid, **({"moves": leaving} if leaving else {})},
    )  # fmt: skip


def _tip(s: Scene) -> int:
    """[wei a gas] What a taker pays to be first: mostly nothing."""
    return s.log(1, 10**13) if s.chance(0.3) else 0


@action(weight=2)
def flash_take(s: Scene) -> Step | None:
    """A taker with code that does something else before its margin is checked."""
    flash = s.world.flash
    able = [a for a in s.users if (a.owner, flash.address) in s.ghost.operators]
    found = _lot(s, able)
    if found is None:
        return None
    victim, taker, wait = found
    bid = bid_of(s, victim)
    people, liquidation = s.world.people, s.world.protocol.liquidation
    target, function, *args = s.rng.choice(_meanwhile(s, victim, taker, bid))
    receiver = flash.address if s.chance(0.5) else ZERO
    prepare = act(
        s.world, "flash_take", flash, "plan", target.address, target.encode(function, *args),
        sender=people.stranger,
    )  # fmt: skip
    go = act(
        s.world, "flash_take", flash, "take", liquidation.address,
        (victim.id, taker.id, *bid.values(), receiver, b"\x01"),
        sender=people.stranger, speakers={flash.address}, accounts=frozenset({victim.id, taker.id}), tip=_tip(s),
    )  # fmt: skip
    moves = (SETTLEMENT, *(h.asset for h in victim.holdings))
    facts = {"account": victim.id, "bid": bid, "moves": moves}
    if function == "withdraw":
        facts["withdrawn"] = {"account": args[0], "asset": args[1], "amount": args[2]}
    return join("flash_take", [prepare, go], facts=facts, wait=wait)


def _meanwhile(s: Scene, victim: Account, taker: Account, bid: dict[str, int]) -> Sequence[tuple[Any, ...]]:
    """What a taker may do before its margin is checked: half of it is its right."""
    ledger, liquidation, flash = s.world.protocol.ledger, s.world.protocol.liquidation, s.world.flash
    cash = s.amount(1, max(1, taker.cash_wad // s.assets[SETTLEMENT].unit_wad))
    again = victim.id, taker.id, *bid.values(), flash.address, b""
    market = s.rng.choice(s.state.markets)
    return (
        (ledger, "withdraw", taker.id, SETTLEMENT, cash, flash.address),
        (ledger, "withdraw", taker.id, SETTLEMENT, 1, flash.address),
        (s.world.protocol.positions, "accrue", market.instrument),
        (ledger, "accrueInterest"),
        (s.world.protocol.oracle, "poke", []),
        (liquidation, "end", victim.id),
        (liquidation, "take", again),
    )


def _lot(s: Scene, able: list[Account]) -> tuple[Account, Account, int] | None:
    """Who is sold, to whom, and after which wait [seconds]."""
    weak = [a for a in _auctioned(s) if a.healthy is False]
    weak = [a for a in weak if s.seizable(a)] or weak
    running = [a for a in weak if s.now <= s.ghost.clock(a, s.now)[1] + s.ghost.params.run_seconds]
    victim = s.pick(s.still(running or weak), _auctioned(s), s.users, stray=0.04)
    if victim is None:
        return None
    takers = [a for a in able if a.id != victim.id or s.chance(0.02)]
    simple = not victim.holdings and len(victim.positions) == 1
    fit = [a for a in takers if a.auction is None and (simple or a.mode is not Mode.ISOLATED)]
    taker = s.pick(sorted(fit, key=free_of)[-4:], takers, stray=0.08)
    if taker is None:
        return None
    wait = 0
    if victim.auction is not None and s.chance(0.4):
        params = s.ghost.params
        edges = (params.ramp_seconds, params.ramp_seconds, params.solvent_seconds, params.ramp_seconds // 2)
        edge = params.run_seconds if s.chance(0.08) else s.rng.choice(edges)
        wait = max(0, victim.auction.restarted_at + edge - s.now + s.rng.choice((-1, 0, 1)))
    return victim, taker, wait


def bid_of(s: Scene, victim: Account) -> dict[str, int]:
    """A bid's bounds; mostly all of it at any price."""
    bid = {"max_fraction": WAD, "min_fraction": 0, "max_payment": MOST_PAYMENT, "min_discount": 0}
    if s.chance(0.5 if victim.positions else 0.1):
        bid["max_fraction"] = s.amount(10**12, WAD, [WAD // 2, 1]) if s.chance(0.95) else WAD + 1
    if s.chance(0.1):
        bid["min_fraction"] = s.log(10**12, WAD)
    if s.chance(0.1) and victim.health is not None:
        bid["max_payment"] = s.rng.choice((0, -1, victim.health.margin.equity_wad))
        bid["min_discount"] = s.log(1, max(1, victim.health.margin.maintenance_wad))
    return bid


@action(weight=2)
def deleverage(s: Scene) -> Step | None:
    weak = [a for a in _auctioned(s) if a.healthy is False and a.positions]
    insured = [a for a in weak if _auction(a).insured]
    deep = [a for a in weak if a.health is not None and a.health.margin.equity_wad <= 0]
    account = s.pick(s.still(insured or deep), _auctioned(s), s.users, stray=0.05)
    if account is None:
        return None
    held = [leg.instrument for leg in account.positions]
    legs = [one for one in held if one not in s.state.settled] or held
    legs = legs or [s.rng.choice(s.state.markets).instrument]
    wait = 0
    if account.auction is not None and s.chance(0.4):
        run = account.auction.restarted_at + s.ghost.params.run_seconds
        wait = max(0, run - s.now + s.rng.choice((0, 1, 1)))
    return act(
        s.world, "deleverage", s.world.protocol.liquidation, "deleverage", account.id, s.rng.choice(legs),
        sender=s.world.people.stranger, accounts=frozenset({account.id}), facts={"account": account.id},
        wait=wait, wide=True,
    )  # fmt: skip


@action(weight=2)
def write_off(s: Scene) -> Step | None:
    bare = [a for a in s.lots if a.cash_wad < 0 and not a.positions and not a.holdings]
    account = s.pick(bare, s.users, stray=0.05)
    if account is None or (not bare and s.chance(0.8)):
        return None
    return act(
        s.world, "write_off", s.world.protocol.liquidation, "writeOff", account.id,
        sender=s.world.people.stranger, accounts=frozenset({account.id}), facts={"account": account.id}, wide=True,
    )  # fmt: skip


@action(weight=2)
def report_deficit(s: Scene) -> Step | None:
    """Of somebody who owes more than he has, or did; of anybody, now and then."""
    deep = [a for a in s.users if a.health is not None and a.health.margin.equity_wad < 0]
    known = [a for a in _auctioned(s) if _auction(a).uncovered]
    account = s.pick(s.still(deep + known), s.users, stray=0.05)
    if account is None or (not deep and not known and s.chance(0.8)):
        return None
    ready = s.state.system.gate_ready_at - s.now
    wait = max(0, ready + s.rng.choice((-1, 0, 1))) if s.chance(0.2) else 0
    return act(
        s.world, "report_deficit", s.world.protocol.liquidation, "reportDeficit", account.id,
        sender=s.world.people.stranger, accounts=frozenset({account.id}), facts={"account": account.id},
        wait=wait,
    )  # fmt: skip


@action(weight=2)
def watch(s: Scene) -> Step:
    """Somebody looks after the fund, or after keepers, and trips the breaker where he may; now and then where not."""
    config = s.world.protocol.record.config["sentinel"]
    silent = [a for a in _auctioned(s) if a.healthy is False]
    drawn = [
        m
        for m in s.state.markets
        if m.insurance_drawn_wad > s.ghost.marks.get(m.underlying, (0, 2**128, 0))[1]
    ]
    unmarked = [m for m in s.state.markets if m.underlying not in s.ghost.marks]
    if silent and s.chance(0.4):
        account = s.rng.choice(silent)
        due = _auction(account).restarted_at + s.ghost.params.run_seconds + config["silence_seconds"]
        wait = max(0, due - s.now + s.rng.choice((0, 1, 1)))
        return _watching(s, "reportSilence", account.id, wait)
    if drawn and s.chance(0.8):
        return _watching(s, "reportDrawdown", s.rng.choice(drawn).underlying)
    if unmarked and s.chance(0.8):
        return _watching(s, "mark", s.rng.choice(unmarked).underlying)
    deed = s.rng.choice(("mark", "reportDrawdown", "reportSilence"))
    target = s.rng.choice(s.users).id if deed == "reportSilence" else s.rng.choice(s.state.markets).underlying
    return _watching(s, deed, target, config["window_seconds"] + 1 if s.chance(0.3) else 0)


def _watching(s: Scene, deed: str, target: int, wait: int = 0) -> Step:
    """What is reported of an account is judged by its worth of that moment, so it is read then."""
    sentinel = s.world.protocol.sentinel
    accounts = frozenset({target} if deed == "reportSilence" else ())
    return act(
        s.world, "watch", sentinel, deed, target,
        sender=s.world.people.stranger, accounts=accounts, wait=wait,
    )  # fmt: skip


@action(weight=3)
def distribute(s: Scene) -> Step:
    insurance = s.world.protocol.insurance
    return act(s.world, "distribute", insurance, "distribute", sender=s.world.people.stranger)
