"""INV-51 and INV-57: nothing is gained by trading in parts, and nothing by going there and back."""

from __future__ import annotations

from holdfast.model.options import is_option
from holdfast.sim.actions import Scene
from holdfast.sim.actions.trade import admits, cap_room, capped_of, free_of, need_of
from holdfast.sim.invariants import Judgement, Room, at_most, unless
from holdfast.sim.pairs.core import Branch, Case, Run, Trial, pair
from holdfast.sim.pairs.moves import deposit, end, fill, parts, price_in, start, traded, withdraw
from holdfast.sim.pairs.reading import cash_tick, equities, equity_of, own_cash, size_tick, trade_tick
from holdfast.sim.series import room_wad
from holdfast.sim.steps import Step
from holdfast.types import SETTLEMENT, Account, Snapshot, Traded
from holdfast.units import WAD


def two_sides(s: Scene) -> tuple[Traded, Account, Account, int] | None:
    """(market, buyer, seller, most) for a trade that may open, shrink, close or turn a position over."""
    market = traded(s)
    if market is None:
        return None
    able = [a for a in s.users if free_of(a) > WAD and admits(a, market) and a.auction is None]
    if len(able) < 2:
        return None
    buyer, seller = s.rng.sample(able, 2)
    held = [(a, p) for a in able if (p := a.position(market.instrument)) and p.size_wad]
    if held and s.chance(0.5):
        account, leg = s.rng.choice(held)
        other = s.rng.choice([a for a in able if a.id != account.id])
        buyer, seller = (account, other) if leg.size_wad < 0 else (other, account)
    need = max(need_of(s, market, True), need_of(s, market, False)) + room_wad(s.world, s.state, market) + 1
    most = min(free_of(buyer), free_of(seller)) * WAD // need
    most += max(0, *(-sign * size_of(a, market) for a, sign in ((buyer, 1), (seller, -1))))
    most = min(most, max(1, cap_room(s, market)))
    return market, buyer, seller, most


def size_of(account: Account, market: Traded) -> int:
    leg = account.position(market.instrument)
    return leg.size_wad if leg else 0


def own_part(snapshot: Snapshot, account: int) -> int:
    found = equity_of(snapshot.account(account))
    assert found is not None
    return found


# In parts


def _in_parts(trial: Trial) -> Judgement:
    whole, split = trial.run("in one"), trial.run("in parts")
    market = trial.before.instruments[trial.facts["instrument"]]
    sides = trial.facts["buyer"], trial.facts["seller"]
    if not split.ok:
        return
    tick, count = trade_tick(whole.end, market), len(split.branch.steps)
    if not whole.ok:
        yield _refused(trial, whole, split, market, tick)
        return
    ends = whole.end, split.end
    if equities(ends[0], sides) is None or equities(ends[1], sides) is None:
        return
    for account, role in zip(sides, ("buyer", "seller"), strict=True):
        gain = own_part(split.end, account) - own_part(whole.end, account)
        # One fill loses a tick at most, and parts of it may lose nothing. ⌈size·price⌉ of the parts add up to at most
        # count − 1 more than that of the whole: the seller gets it from the buyer.
        most = tick + (count - 1 if role == "seller" else 0)
        yield at_most(
            gain, most, f"the {role}, {account}, gained {gain} wei by {count} fills: more than {most}"
        )
        # Each part costs a tick, and a wei of the price and a wei of the fee.
        least = -count * (tick + 2)
        yield at_most(
            -gain, -least, f"the {role}, {account}, lost {-gain} wei by {count} fills: more than {-least}"
        )
    own = own_cash(split.end) - own_cash(whole.end)
    joint = sum(own_part(split.end, a) - own_part(whole.end, a) for a in sides)
    # Together: what the parts cost more in fees arrives with the fee account, less one rounding of its own a fill.
    yield at_most(
        joint + own, 2 * tick + cash_tick(whole.end.system.pool), f"{joint + own} wei came from nowhere"
    )
    for fee in ("makerFeeWad", "takerFeeWad"):  # each is rounded up by itself
        once, often = (sum(event.args[fee] for event in run.named("Matched")) for run in (whole, split))
        yield at_most(once - often, 0, f"{fee} is {often} wei in parts, {once} in one fill")
    if not is_option(market.instrument):
        yield _premium(trial, whole, split, market, count)
    for account in sides:
        held, other = size_of(whole.end.account(account), market), size_of(split.end.account(account), market)
        slack = 0 if size_tick(market) == 0 else count + 1
        yield unless(
            abs(held - other) <= slack, f"account {account} holds {held} in one fill, {other} in parts"
        )


def _refused(trial: Trial, whole: Run, split: Run, market: Traded, tick: int) -> Room | str | None:
    """What the parts may do the whole may do, except within a rounding of a limit."""
    sides = trial.facts["buyer"], trial.facts["seller"]
    for account in sides:
        health = split.end.account(account).health
        if health is None or health.margin.equity_wad < health.margin.initial_wad + len(split.results) * (
            tick + 2
        ):
            return None
    interest, params = capped_of(split.end, split.end.instruments[market.instrument])
    if interest + 2 * len(split.results) > params.open_interest_cap_wad or whole.error(0) in (
        "FeeTooHigh",
        "TooManyPositions",
    ):
        return None
    return f"in parts it was done, in one it was refused: {whole.error(0)}"


def _premium(trial: Trial, whole: Run, split: Run, market: Traded, count: int) -> str | None:
    """Parts move the premium as far as the whole where all of it opens; nothing moves it beyond the price paid.

    The weight of a fill is size/(size + OI). While parts open, OI grows by each: what is left of the old premium is
    OI/(OI + q₁)·(OI + q₁)/(OI + q₁ + q₂)·… = OI/(OI + q), that of one fill. Where parts close, OI falls, and they weigh
    more together; the average stays between the old premium and the one seen. Each fill rounds down twice.
    """
    old, now, one = (
        snapshot.market(market.instrument).long.premium_ppb
        for snapshot in (trial.before, split.end, whole.end)
    )
    mark = market.mark_wad
    seen = (trial.facts["price"] - mark) * 10**9 // mark
    if not min(old, seen) - 2 * count <= now <= max(old, seen) + 1:
        return f"the premium is {now} ppb after parts at {seen}, {old} before"
    was, is_ = trial.before.market(market.instrument), whole.end.market(market.instrument)
    grew = is_.long_open_wad - was.long_open_wad
    if grew == trial.facts["size"] and size_tick(market) == 0:
        return unless(
            abs(now - one) <= 2 * count, f"opening in parts moved the premium to {now} ppb, in one to {one}"
        )
    return None


@pair(51, judge=_in_parts)
def trade_in_parts(s: Scene) -> Case | None:
    """A trade in parts, at one price in one block, leaves neither side with more than the same trade in one fill."""
    found = two_sides(s)
    if found is None:
        return None
    market, buyer, seller, most = found
    edges = [abs(size_of(a, market)) for a in (buyer, seller)]
    count, price = s.rng.randint(2, 5), price_in(s, market)
    size = min(max(count, s.amount(most // 10_000, most, [*edges, most])), 2**110)
    sizes = parts(s, size, count)
    one = fill(s.world, market, buyer.id, seller.id, size, price, 99)
    several = (fill(s.world, market, buyer.id, seller.id, q, price, n) for n, q in enumerate(sizes))
    return Case(
        branches=(Branch(name="in one", steps=(one,)), Branch(name="in parts", steps=tuple(several))),
        facts={
            "instrument": market.instrument, "buyer": buyer.id, "seller": seller.id, "price": price, "size": size,
        },
    )  # fmt: skip


# There and back


def _there_and_back(trial: Trial) -> Judgement:
    (run,) = trial.runs
    if not run.ok:
        return
    accounts, kind = trial.facts["accounts"], trial.facts["kind"]
    before, after = equities(trial.before, accounts), equities(run.end, accounts)
    if before is None or after is None:
        return
    gain = after - before
    if kind == "auction":
        yield from _auction(trial, run, gain)
        return
    yield at_most(gain, 0, f"accounts {accounts} gained {gain} wei by {kind}")
    pool, steps = run.end.system.pool, len(run.branch.steps)
    fees = sum(event.args["makerFeeWad"] + event.args["takerFeeWad"] for event in run.named("Matched"))
    if kind == "trade":
        tick = trade_tick(run.end, run.end.instruments[trial.facts["instrument"]])
        least = fees + steps * len(accounts) * (tick + 1)
    else:
        fees, least = 0, steps * cash_tick(pool)
    yield at_most(fees, -gain, f"{kind} cost {-gain} wei, its fees alone {fees}")
    yield at_most(-gain, least, f"{kind} cost {-gain} wei: more than fees and rounding, {least}")
    if kind == "cash":  # what a step of it is worth in tokens came back, too
        flows = [event.args["value"] for event in run.named("Transfer")]
        yield unless(len(flows) == 2 and flows[0] == flows[1], f"tokens moved: {flows}")


def _auction(trial: Trial, run: Run, gain: int) -> Judgement:
    """Started, saved and ended by its owner, who also gets the reward: the fund pays less than the gas burned."""
    gas = trial.facts["gas_underlying"]
    price = next(m.price.spot_wad for m in trial.before.markets if m.underlying == gas)
    place = next(at for at, step in enumerate(run.branch.steps) if step.action == "start")
    burned = run.results[place][-1].gas_used * run.end.system.base_fee * price // WAD
    put = trial.facts["put"]
    net = gain - put
    yield at_most(net, burned, f"a start, a rescue and an end gained {net} wei, the start burned {burned}")
    paid = sum(event.args["paidWad"] for event in run.named("Paid"))
    yield at_most(net, paid, f"gained {net} wei, of which the fund paid {paid}")


@pair(57, judge=_there_and_back)
def there_and_back(s: Scene) -> Case | None:
    """Back and forth in one block (deposit, borrow, trade, an auction of one's own) gains nobody anything."""
    kinds = [_cash_trip, _borrow_trip, _collateral_trip, _trade_trip, _trade_trip]
    weak = [a for a in s.users if a.healthy is False and a.auction is None and equity_of(a) is not None]
    if weak and s.chance(0.5):
        return _auction_trip(s, s.rng.choice(weak))
    return s.rng.choice(kinds)(s)


def _cash_trip(s: Scene) -> Case | None:
    account = s.rng.choice(s.users)
    amount = s.amount(1, 10_000 * WAD // s.assets[0].unit_wad)
    steps = (
        deposit(s.world, account.id, SETTLEMENT, amount, account.owner),
        withdraw(s.world, account.id, SETTLEMENT, amount, account.owner),
    )
    return _trip("cash", steps, (account.id,))


def _borrow_trip(s: Scene) -> Case | None:
    """Also of cash that is there: out and back in."""
    able = [a for a in s.users if free_of(a) and a.health is not None]
    if not able:
        return None
    account = s.rng.choice(able)
    assert account.health is not None
    unit = s.assets[0].unit_wad
    most = min(free_of(account), max(0, account.cash_wad + account.health.margin.borrow_limit_wad)) // unit
    amount = s.amount(most // 100, most, [most]) if most else 0
    amount = min(amount, s.assets[0].held)
    if not amount:
        return None
    steps = (
        withdraw(s.world, account.id, SETTLEMENT, amount, account.owner),
        deposit(s.world, account.id, SETTLEMENT, amount, account.owner),
    )
    return _trip("cash", steps, (account.id,))


def _collateral_trip(s: Scene) -> Case | None:
    held = [(a, h) for a in s.users for h in a.holdings if free_of(a)]
    if not held:
        return None
    account, holding = s.rng.choice(held)
    amount = s.amount(1, holding.amount, [holding.amount])
    steps = (
        deposit(s.world, account.id, holding.asset, amount, account.owner),
        withdraw(s.world, account.id, holding.asset, amount, account.owner),
    )
    return _trip("collateral", steps, (account.id,))


def _trade_trip(s: Scene) -> Case | None:
    """There at one price, back at another, twice perhaps: what one loses the other gains, and both pay."""
    found = two_sides(s)
    if found is None:
        return None
    market, buyer, seller, most = found
    size = min(max(1, s.amount(most // 10_000, most, [most])), 2**110)
    steps = []
    for turn in range(s.rng.choice((1, 1, 2))):
        steps.append(fill(s.world, market, buyer.id, seller.id, size, price_in(s, market), 2 * turn))
        steps.append(fill(s.world, market, seller.id, buyer.id, size, price_in(s, market), 2 * turn + 1))
    return _trip("trade", tuple(steps), (buyer.id, seller.id), instrument=market.instrument)


def _auction_trip(s: Scene, weak: Account) -> Case | None:
    others = [a for a in s.users if a.owner == weak.owner and a.id != weak.id and equity_of(a) is not None]
    other = s.rng.choice(others) if others else weak
    assert weak.health is not None
    margin, unit = weak.health.margin, s.assets[0].unit_wad
    cap = margin.maintenance_wad // 20  # the reward that the account itself may pay
    amount = -(-(margin.maintenance_wad - margin.equity_wad + cap) // unit) + 1
    steps = (
        start(s.world, weak.id, other.id),
        deposit(s.world, weak.id, SETTLEMENT, amount, weak.owner),
        end(s.world, weak.id),
    )
    accounts = tuple({weak.id, other.id})
    gas = s.world.protocol.underlyings[s.world.protocol.record.config["auction"]["gas_underlying"]]
    return _trip("auction", steps, accounts, put=amount * unit, gas_underlying=gas)


def _trip(kind: str, steps: tuple[Step, ...], accounts: tuple[int, ...], **facts: int) -> Case:
    return Case(
        branches=(Branch(name="there and back", steps=steps),),
        facts={"kind": kind, "accounts": accounts, **facts},
    )
