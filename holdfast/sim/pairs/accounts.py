"""INV-52: one account, or the same in several: nothing is gained by splitting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from holdfast.model.cash_pool import YEAR_SECONDS
from holdfast.model.options import is_option
from holdfast.sim.actions import Scene
from holdfast.sim.actions.trade import cap_room, free_of, need_of
from holdfast.sim.invariants import Judgement, at_most
from holdfast.sim.invariants.reading import dear_wad
from holdfast.sim.pairs.core import Branch, Case, Run, Trial, pair
from holdfast.sim.pairs.moves import answers, deposit, fill, open_accounts, start, take, traded, waiting
from holdfast.sim.pairs.reading import cash_tick, equities, size_tick, steepest
from holdfast.sim.steps import Step
from holdfast.types import SETTLEMENT, Account, Kind, Mode, Snapshot, Traded, kind_of, strike_of
from holdfast.units import BPS, WAD

TRADED, MOVED, STARTED = 0, 1, 2
"""Looks: after the trades, after the price moved, after the auctions began. The last is the end, after the slices."""

PARTS: Final = (2, 3, 2, 5)

SCANNED: Final = 16
"""[wei] Roundings of a portfolio's requirement: what leg and collateral lose in a scenario, their mean, add-ons."""


def _split(trial: Trial) -> Judgement:
    one, several = trial.run("one account"), trial.run("several")
    marks = one.branch.looks, several.branch.looks
    stages = ("after the trades", "after the price moved")
    mine = trial.facts["one"], trial.facts["several"]
    market = trial.before.instruments[trial.facts["instrument"]]
    count = len(mine[1])
    for stage in (TRADED, MOVED):
        if not (_done(one, marks[0][stage]) and _done(several, marks[1][stage])):
            return
        yield from _held(one.snapshots[stage], several.snapshots[stage], mine, market, count, stages[stage])
    if one.ok and several.ok:
        yield from _sold(trial, one, several, mine, market, count)


def _done(run: Run, steps: int) -> bool:
    return all(run.done[:steps])


def _held(
    a: Snapshot, b: Snapshot, mine: tuple[Sequence[int], Sequence[int]], market: Traded, count: int, when: str
) -> Judgement:
    worth = equities(a, mine[0]), equities(b, mine[1])
    if worth[0] is None or worth[1] is None:
        return
    now = a.instruments[market.instrument]
    # The one lost at most two changes of cash (deposit and fill), one of the position; parts that are each rounded
    # up come to count − 1 more: what a seller gets.
    most = 2 * cash_tick(a.system.pool) + 1 + 2 * size_tick(now) + count - 1
    gain = worth[1] - worth[0]
    yield at_most(gain, most, f"{when} {count} accounts are worth {gain} wei more than one")
    # Where sizes are rounded (A ≠ W) each part holds a digit less, and open interest is a digit less, too.
    slack = _scanned(a, mine[0], count)
    if is_option(market.instrument):
        slack += count - 1  # a long one needs what it is worth, rounded down as its worth is
    if digit := size_tick(now, dear_wad(a, now)):
        slack += (2 * count + 2) * digit + sum(_gross(a, one) for one in mine[0]) // WAD + 2
    for name, needs in (("MM", _maintenance), ("IM", _initial)):
        eased = sum(needs(a, one) for one in mine[0]) - sum(needs(b, one) for one in mine[1])
        yield at_most(eased, slack, f"{when} {count} accounts need {eased} wei less {name} than one")


def _scanned(snapshot: Snapshot, one: Sequence[int], count: int) -> int:
    """[wei] What scenarios round of the requirements of one portfolio and of its parts."""
    portfolio = all(snapshot.account(account).mode is Mode.PORTFOLIO for account in one)
    return SCANNED * (count + 1) if portfolio else 0


def _maintenance(snapshot: Snapshot, account: int) -> int:
    health = snapshot.account(account).health
    assert health is not None
    return health.margin.maintenance_wad


def _initial(snapshot: Snapshot, account: int) -> int:
    health = snapshot.account(account).health
    assert health is not None
    return health.margin.initial_wad


def _gross(snapshot: Snapshot, account: int) -> int:
    health = snapshot.account(account).health
    assert health is not None
    return health.gross_wad


def _sold(
    trial: Trial,
    one: Run,
    several: Run,
    mine: tuple[Sequence[int], Sequence[int]],
    market: Traded,
    count: int,
) -> Judgement:
    """After a reward and a slice each: the owner has no more, the fund no less but for the gas of further starts."""
    moved = [run.snapshots[MOVED].instruments[market.instrument] for run in (one, several)]
    off = abs(
        moved[0].long.premium_ppb - moved[1].long.premium_ppb
    )  # nothing of a series: it pays no funding
    if off > 2 * count:
        return  # the counterparty closed: parts weigh more in the premium then (INV-51), and funding differs
    worth = equities(one.end, mine[0]), equities(several.end, mine[1])
    if worth[0] is None or worth[1] is None:
        return
    seconds = one.end.system.time - one.snapshots[MOVED].system.time
    period = trial.world.protocol.record.config["ledger"]["funding_period_seconds"]
    gross = sum(_gross(one.snapshots[MOVED], a) for a in mine[0])
    funding = 0
    if not is_option(market.instrument):
        funding = -(-gross * off * (seconds + 1) // (10**9 * period)) + 2 * gross // market.mark_wad + 2
    # Until here the one lost what `_held` allows; then a change of cash for the reward, one for the slice and one for
    # the fund's part, one of the position; f* is rounded up, by 1/W of MM; collateral leaves in whole units at a value
    # rounded down.
    tick, size = cash_tick(one.end.system.pool), size_tick(one.end.instruments[market.instrument])
    lost = 5 * tick + 2 + 4 * size + count - 1 + gross // WAD + 4 + funding
    lost += _scanned(one.end, mine[0], count)
    # What starters got more bears interest elsewhere, and moves utilisation by its share of the pool.
    more = abs(_reward(several) - _reward(one))
    lost += -(-more * steepest(trial.world) * seconds // (BPS * YEAR_SECONDS)) + 2
    # A wei of equity before a slice is T/(T − d) wei behind it, as E' = T·(E − d·MM)/(T − d); d is at most its end.
    params = trial.facts["target_bps"], trial.facts["end_bps"]
    lost = -(-lost * params[0] // (params[0] - params[1]))
    gain = worth[1] - worth[0]
    yield at_most(gain, lost, f"sold in {count} accounts their owner has {gain} wei more than in one")
    yield from _rewards(trial, several)
    insured = [
        {event.args["account"] for event in run.named("AuctionInsured")} & {*ids}
        for run, ids in zip((one, several), mine, strict=True)
    ]
    if insured == [set(), set()]:  # else what the fund got for one part may be what it pays for the next
        # The owner pays his starters more in parts, within caps that add up to that of the one; of what he doesn't have
        # any more, takers get no discount, and the fund no share.
        own = [_reward(run) - _reward_paid(run) for run in (one, several)]
        share = -(-max(0, own[1] - own[0]) * trial.facts["fund_share_bps"] // BPS)
        less = _fund_gain(one) - _fund_gain(several)
        yield at_most(
            less, share + lost, f"sold in {count} accounts the fund gets {less} wei less than in one"
        )


def _fund_gain(run: Run) -> int:
    """What the fund got for slices, less what it paid for them."""
    return sum(event.args["fundShareWad"] - event.args["insuranceWad"] for event in run.named("Taken"))


def _reward(run: Run) -> int:
    return sum(event.args["rewardWad"] for event in run.named("AuctionStarted"))


def _rewards(trial: Trial, run: Run) -> Judgement:
    """However many auctions: what the fund adds to a reward is less than the gas that its start burned."""
    gas = trial.facts["gas_underlying"]
    price = next(m.price.spot_wad for m in run.snapshots[MOVED].markets if m.underlying == gas)
    fee = run.snapshots[MOVED].system.base_fee
    for step, results in zip(run.branch.steps, run.results, strict=True):
        if step.action == "start":
            paid = sum(event.args["paidWad"] for event in results[-1].events if event.name == "Paid")
            burned = results[-1].gas_used * fee * price // WAD
            yield at_most(paid, burned, f"a start burned {burned} wei, the fund paid {paid} for it")


def _reward_paid(run: Run) -> int:
    """What the fund added to rewards."""
    found = zip(run.branch.steps, run.results, strict=True)
    events = [event for step, results in found if step.action == "start" for event in results[-1].events]
    return sum(event.args["paidWad"] for event in events if event.name == "Paid")


@pair(52, judge=_split)
def account_in_parts(s: Scene) -> Case | None:
    """Several accounts with equal parts are worth no more than one, need no less, and are sold no cheaper."""
    found = _cast(s)
    if found is None:
        return None
    market, other, taker, reward = found
    world, rng = s.world, s.rng
    count, unit = rng.choice(PARTS), s.assets[0].unit_wad
    owner = rng.choice(world.people.owners)
    most = min(free_of(other), free_of(taker)) // 4
    cash = s.log(20 * WAD, max(40 * WAD, most)) // unit // count
    asset = rng.choice(s.assets[1:]) if s.chance(0.4) else None
    mode = Mode.CROSS if asset or s.chance(0.5) else Mode.ISOLATED
    if is_option(market.instrument) and s.chance(0.3):
        mode = Mode.PORTFOLIO
    amount, backing = 0, 0
    if asset is not None and asset.price is not None and asset.price.spot_wad:
        worth = cash * count * unit * rng.choice((1, 2, 5)) // 4
        amount = worth * WAD // asset.price.spot_wad // asset.unit_wad // count
        lower = min(asset.price.spot_wad, asset.price.ema_wad)
        backing = (
            amount * count * asset.unit_wad * lower // WAD * (BPS - asset.params.initial_haircut_bps) // BPS
        )
    sign, price = rng.choice((-1, 1)), market.mark_wad
    equity = cash * count * unit + backing
    portion = rng.randint(30, 90) if mode is Mode.PORTFOLIO else rng.randint(75, 97)
    size = min(equity * portion // 100 * WAD // _need(s, market, sign), cap_room(s, market)) // count
    if size <= 0 or not cash or not price:
        return None
    hit = _hit(s, market, sign, equity * WAD // (size * count))
    first = s.state.system.accounts + 1
    ids = tuple(range(first, first + count))
    wait = rng.randint(1, s.ghost.params.solvent_seconds - 1)

    def branch(name: str, split: bool) -> Branch:
        whose = ids if split else ids[:1]
        times = 1 if split else count
        steps: list[Step] = [open_accounts(world, owner, mode, count)]
        steps += [deposit(world, a, SETTLEMENT, cash * times, owner) for a in whose]
        if asset is not None and amount:
            steps += [deposit(world, a, asset.asset, amount * times, owner) for a in whose]
        for n, a in enumerate(whose):
            sides = (a, other.id) if sign > 0 else (other.id, a)
            steps.append(fill(world, market, *sides, size * times, price, n))
        held = len(steps)
        steps.append(answers(world, {market.underlying: hit}))
        moved = len(steps)
        steps += [start(world, a, reward.id) for a in whose]
        started = len(steps)
        takes = [take(world, a, taker.id, taker.owner) for a in whose]
        steps += [waiting(takes[0], wait), *takes[1:]]
        return Branch(name=name, steps=tuple(steps), looks=(held, moved, started))

    params = s.ghost.params
    gas = world.protocol.underlyings[world.protocol.record.config["auction"]["gas_underlying"]]
    return Case(
        branches=(branch("one account", False), branch("several", True)),
        facts={
            "instrument": market.instrument, "one": ids[:1], "several": ids, "gas_underlying": gas,
            "target_bps": params.target_bps, "end_bps": params.end_bps, "fund_share_bps": params.fund_share_bps,
        },
    )  # fmt: skip


def _need(s: Scene, market: Traded, sign: int) -> int:
    """[wad] Equity that a unit of size needs, at the worse of both prices."""
    price = s.state.by_underlying[market.underlying].price
    gap = 0 if is_option(market.instrument) else max(0, sign * (price.spot_wad - price.ema_wad))
    return need_of(s, market, sign > 0) + price.spot_wad // 2_000 + gap


def _hit(s: Scene, market: Traded, sign: int, left: int) -> int:
    """A price of the underlying at which accounts with `left` [wad] of equity a unit are in trouble, or nearly."""
    of_underlying = s.state.by_underlying[market.underlying]
    spot, bps = of_underlying.price.spot_wad, of_underlying.params.maintenance_bps
    if not is_option(market.instrument):
        return max(1, spot - sign * (left - spot * bps * s.rng.randint(-20, 95) // (BPS * 100)))
    if sign > 0:  # it can lose no more than was paid
        return max(1, spot * s.rng.randint(80, 120) // 100)
    # A short has the premium, too, and owes what the option pays.
    reach = (left + market.mark_wad) * s.rng.randint(20, 105) // 100
    towards = 1 if kind_of(market.instrument) == Kind.CALL else -1
    return max(1, strike_of(market.instrument) + towards * reach)


def _cast(s: Scene) -> tuple[Traded, Account, Account, Account] | None:
    """(market, counterparty, taker, whom rewards go to)"""
    market = traded(s)
    able = (a for a in s.users if free_of(a) > 100 * WAD and a.mode is not Mode.ISOLATED)
    rich = sorted(able, key=free_of)[-4:]
    if market is None or len(rich) < 3:
        return None
    other, taker, reward = s.rng.sample(rich, 3)
    return market, other, taker, reward
