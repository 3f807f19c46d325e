"""The backstop: people enter and leave tranches, somebody lets them take over and buys it from them; standing bids."""

from __future__ import annotations

from typing import Any

from holdfast.model import backstop
from holdfast.model.backstop import StandingBid, bid_digest, signature_of
from holdfast.model.venue import Order, digest
from holdfast.sim.actions.scene import HUGE, NEVER, Scene, action
from holdfast.sim.actions.trade import free_of, matching, plain, signed
from holdfast.sim.book import Shares, as_it_stands, book_of
from holdfast.sim.series import room_wad
from holdfast.sim.steps import Step, act
from holdfast.sim.world import BIDDERS, CONSENT, Backstop
from holdfast.types import SETTLEMENT, Account, Auction, Holding, Mode
from holdfast.units import BPS, WAD


def backstopped(s: Scene, account: Account) -> list[str]:
    """What a keeper of the backstop would do about an account in auction."""
    auction = account.auction
    if auction is None or auction.market not in s.world.backstops:
        return []
    return ["fill_bids"] + ["take_over"] * (3 if s.now >= _opens(s, account, auction) - 60 else 1)


def _opens(s: Scene, account: Account, auction: Auction) -> int:
    """When the tranche may take over."""
    p = book_of(s.ghost).tranches[auction.market].twin.params
    return s.ghost.clock(account, s.now)[1] + s.ghost.params.ramp_seconds + p.wait_seconds


def _parts(one: Backstop, *others: int) -> dict[str, Any]:
    """What a step with a tranche may touch, and who acts in it."""
    return {
        "accounts": frozenset({one.reserve, one.risk, *others}),
        "speakers": {one.tranche.address, one.desk.address},
    }


def _drawn(s: Scene) -> tuple[int, Backstop, Shares]:
    underlying = s.rng.choice(sorted(s.world.backstops))
    return underlying, s.world.backstops[underlying], book_of(s.ghost).tranches[underlying]


@action(weight=2)
def enter(s: Scene) -> Step:
    """Somebody puts money into a tranche."""
    underlying, one, _ = _drawn(s)
    twin = as_it_stands(s.ghost, underlying, s.state)
    unit = 10 ** s.world.protocol.decimals[SETTLEMENT]
    amount = s.amount(1, 5_000 * unit)
    who = s.rng.choice(s.world.people.owners)
    minted = s.chance(0.3)
    function, number = (
        ("mint", max(1, twin.preview_deposit(amount, s.now))) if minted else ("deposit", amount)
    )
    facts = {
        "market": underlying, "who": who, "moves": (SETTLEMENT,), function: number,
        "absurd": SETTLEMENT in s.world.hostile,
    }  # fmt: skip
    return act(s.world, "enter", one.tranche, function, number, who, sender=who, facts=facts, **_parts(one))


@action(weight=3)
def leave_tranche(s: Scene) -> Step | None:
    """A holder leaves, at once or by the queue."""
    underlying, one, shares = _drawn(s)
    holders = sorted(who for who, held in shares.held.items() if held and who in s.world.people.owners)
    if not holders:
        return None
    who = s.rng.choice(holders)
    twin = as_it_stands(s.ghost, underlying, s.state)
    held = shares.held[who]
    part = min(held, s.amount(held // 1_000, held, [held, held])) if s.chance(0.97) else held + 1
    queues = s.chance(0.7 if twin.at_risk else 0.2)
    function = "requestRedeem" if queues else s.rng.choice(("redeem", "withdraw"))
    number = twin.preview_redeem(part, s.now) if function == "withdraw" else part
    facts = {"market": underlying, "who": who, "moves": (SETTLEMENT,), "number": number, "function": function}
    to = who if queues or s.chance(0.9) else s.world.people.stranger
    sender = who if s.chance(0.96) else s.world.people.stranger
    return act(
        s.world, "leave_tranche", one.tranche, function, number, to, who, sender=sender, facts=facts,
        **_parts(one),
    )  # fmt: skip


@action(weight=1)
def claim(s: Scene) -> Step | None:
    underlying, one, shares = _drawn(s)
    known = sorted(key for key, waiting in shares.requests.items() if waiting)
    if not known and not s.chance(0.1):
        return None
    epoch, who = s.rng.choice(known or [(shares.twin.epoch, s.rng.choice(s.world.people.owners))])
    sender = who if s.chance(0.9) else s.world.people.stranger
    facts = {"market": underlying, "who": who, "epoch": epoch, "moves": (SETTLEMENT,)}
    return act(
        s.world, "claim", one.tranche, "claim", epoch, who, who, sender=sender, facts=facts, **_parts(one)
    )


@action(weight=0.5)
def level_tranche(s: Scene) -> Step:
    """Money goes from one account of a tranche to the other, in part or as far as it should."""
    underlying, one, _ = _drawn(s)
    most = HUGE if s.chance(0.6) else s.log(1, 10**12)
    facts = {"market": underlying, "moves": (SETTLEMENT,)}
    return act(
        s.world, "level_tranche", one.tranche, "level", most, sender=s.world.people.stranger, facts=facts,
        **_parts(one),
    )  # fmt: skip


@action(weight=2)
def settle_tranche(s: Scene) -> Step:
    underlying, one, _ = _drawn(s)
    facts = {"market": underlying, "moves": (SETTLEMENT,)}
    return act(
        s.world, "settle_tranche", one.tranche, "settle", sender=s.world.people.stranger, facts=facts, **_parts(one)
    )  # fmt: skip


@action(weight=4)
def take_over(s: Scene) -> Step | None:
    auctioned = [a for a in s.lots if a.auction is not None and a.auction.market in s.world.backstops]
    weak = [a for a in auctioned if a.healthy is False]
    account = s.pick(s.still(weak), auctioned, stray=0.07)
    if account is None or account.auction is None:
        return None
    one = s.world.backstops[account.auction.market]
    if s.chance(0.04):
        one = s.rng.choice(list(s.world.backstops.values()))
    opens = _opens(s, account, account.auction)
    wait = max(0, opens - s.now + s.rng.choice((-1, 0, 0, 1, 30))) if s.chance(0.8) else 0
    return act(
        s.world, "take_over", one.desk, "takeOver", account.id, sender=s.world.people.keeper, wait=wait,
        facts={"account": account.id, "market": account.auction.market, "moves": (SETTLEMENT,)},
        **_parts(one, account.id),
    )  # fmt: skip


@action(weight=4)
def unwind(s: Scene) -> Step | None:
    """Somebody trades with a desk: at the price that it signs, a digit beyond it, or anything else."""
    held = [(at, leg) for at, one in s.world.backstops.items() for leg in s.state.account(one.risk).positions]
    closed = {one.instrument for one in s.state.series} - {one.instrument for one in s.going_on}
    sized = [(at, leg) for at, leg in held if leg.size_wad]
    found = s.pick([one for one in sized if one[1].instrument not in closed], sized)
    if found is None:
        return None
    underlying, leg = found
    one, market = s.world.backstops[underlying], s.state.instruments[leg.instrument]
    against = [
        a for a in s.users if (theirs := a.position(leg.instrument)) and theirs.size_wad * leg.size_wad < 0
    ]
    able = sorted((a for a in s.users if a.mode is not Mode.ISOLATED), key=free_of)[-4:]
    other = s.pick(against, able, stray=0.4)
    if other is None:
        return None
    shares = book_of(s.ghost).tranches[underlying]
    p = shares.twin.params
    elapsed = s.rng.choice((0, p.unwind_seconds // 2, p.unwind_seconds))
    wait = elapsed if s.chance(0.3) else 0
    passed = max(0, s.now + wait - shares.took_at)
    now = backstop.concession_wad(passed, p.concession_bps, p.unwind_seconds)
    mark, digit = market.mark_wad, s.rng.choice((0, 0, 0, 1, -1))
    long = leg.size_wad > 0
    edge = backstop.sell_price_wad(mark, now) - digit if long else backstop.buy_price_wad(mark, now) + digit
    band = room_wad(s.world, s.state, market)  # as far as the ledger would let them
    price = s.rng.choice((edge, edge, edge, mark, mark - band if long else mark + band))
    size = s.amount(abs(leg.size_wad) // 100, abs(leg.size_wad), [abs(leg.size_wad)] * 3)
    size = abs(leg.size_wad) if s.chance(0.5) else max(1, size)
    order = Order(
        account=one.risk, signer=one.desk.address, instrument=leg.instrument,
        size_wad=-size if long else size, limit_price_wad=max(1, price), nonce=s.rng.randrange(10**9),
        reduce_only=s.chance(0.97),
    )  # fmt: skip
    protocol = s.world.protocol
    name = digest(order, protocol.chain_id, protocol.venue.address)
    ours = name, order, signature_of(order), True
    taker = signed(s, plain(market, other, size if long else -size, max(1, price)))
    return matching(s, ours, taker, size, wait=wait)


@action(weight=2)
def buy_collateral(s: Scene) -> Step | None:
    held = [(at, h) for at, one in s.world.backstops.items() for h in s.state.account(one.risk).holdings]
    if not held and s.chance(0.1):  # nothing of it is there
        held = [(at, Holding(asset=1, amount=10**18)) for at in s.world.backstops]
    found = s.pick(held)
    if found is None:
        return None
    underlying, holding = found
    one = s.world.backstops[underlying]
    amount = s.amount(holding.amount // 100, holding.amount, [holding.amount] * 3)
    amount = holding.amount if s.chance(0.5) else amount
    who = s.rng.choice(s.world.people.owners)
    most = HUGE if s.chance(0.9) else s.log(1, 10**12)
    facts = {"market": underlying, "moves": (SETTLEMENT, holding.asset), "sold": holding.asset}
    return act(
        s.world, "buy_collateral", one.desk, "sellCollateral", holding.asset, amount, most, who, sender=who,
        facts=facts, **_parts(one),
    )  # fmt: skip


@action(weight=6)
def fill_bids(s: Scene) -> Step | None:
    """A bid of a professional, or one that was signed before, on an auction."""
    auctioned = [a for a in s.lots if a.auction is not None]
    weak = [a for a in auctioned if a.healthy is False]
    account = s.pick(s.still(weak), auctioned, stray=0.05)
    if account is None or account.auction is None:
        return None
    known = [(name, ticket) for name, ticket in book_of(s.ghost).bids.items() if ticket.honest]
    if known and s.chance(0.5):
        name, ticket = s.rng.choice(known[-12:])
        bids = [(name, ticket.bid, ticket.signature, True)]
    else:
        made = _bid(s, account, account.auction)
        if made is None:
            return None
        bids = [made]
    if s.chance(0.04):  # a worse one first
        worse = _bid(s, account, account.auction, least_bps=BPS)
        bids = [worse, *bids] if worse is not None else bids
    takers = {bid.taker for _, bid, _, _ in bids}
    args = account.id, [bid.members() for _, bid, _, _ in bids], [one[2] for one in bids]
    wait = s.rng.choice((0, 0, s.ghost.params.ramp_seconds // 2))
    return act(
        s.world, "fill_bids", s.world.protocol.standing_bids, "fill", *args, sender=s.world.people.keeper,
        speakers={bid.signer for _, bid, _, honest in bids if honest} | {s.world.protocol.standing_bids.address},
        accounts=frozenset({account.id, *takers}), facts={"account": account.id, "bids": tuple(bids)}, wait=wait,
    )  # fmt: skip


def _bid(
    s: Scene, account: Account, auction: Auction, least_bps: int | None = None
) -> tuple[bytes, StandingBid, bytes, bool] | None:
    people, protocol = s.world.people, s.world.protocol
    professionals = people.owners[:BIDDERS] if s.chance(0.97) else people.owners
    takers = [
        a for a in s.users if a.owner in professionals and a.mode is not Mode.ISOLATED and a.id != account.id
    ]
    if not takers:
        return None
    taker = s.rng.choice(sorted(takers, key=free_of)[-3:])
    gross = account.health.gross_wad if account.health is not None else WAD
    bid = StandingBid(
        taker=taker.id,
        signer=CONSENT if s.chance(0.85) else taker.owner,
        market=auction.market if s.chance(0.97) else 1,
        max_notional_wad=max(1, s.amount(gross // 100, 2 * gross, [gross, gross])),
        min_discount_bps=s.rng.choice((0, 500, 2_000, 5_000, 9_000)) if least_bps is None else least_bps,
        deadline=NEVER if s.chance(0.95) else s.now + s.rng.choice((-1, 0, 100)),
        nonce=s.rng.randrange(10**9),
    )
    name = bid_digest(bid, protocol.chain_id, protocol.standing_bids.address)
    if bid.signer == CONSENT:
        return name, bid, b"", True
    if s.chance(0.25):
        return name, bid, bytes(65), False
    return name, bid, protocol.sign_bid(bid, people.keys[bid.signer]), True


@action(weight=1)
def cancel_bid(s: Scene) -> Step | None:
    known = list(book_of(s.ghost).bids.items())
    if not known:
        return None
    name, ticket = s.rng.choice(known)
    owner = s.state.account(ticket.bid.taker).owner
    sender = owner if s.chance(0.9) else s.world.people.stranger
    return act(
        s.world, "cancel_bid", s.world.protocol.standing_bids, "cancel", ticket.bid.members(), sender=sender,
        facts={"bids": ((name, ticket.bid, ticket.signature, ticket.honest),)},
    )  # fmt: skip


@action(weight=0.3)
def stop_takeovers(s: Scene) -> Step:
    """The guardian; sometimes somebody else, or for too long."""
    people, (_, one, _) = s.world.people, _drawn(s)
    seconds = s.rng.choice((0, 1, 600, 3_600, 86_400, 86_401))
    sender = people.guardian if s.chance(0.9) else people.stranger
    return act(s.world, "stop_takeovers", one.tranche, "stop", seconds, sender=sender)
