"""INV-20 to INV-29: auctions and what comes after them."""

from __future__ import annotations

from holdfast.errors import Refused
from holdfast.model import insurance, liquidation
from holdfast.model.side_index import EPOCH_DUST
from holdfast.sim.book import staked
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import (
    LIQUIDATIONS,
    auction_of,
    bid_of,
    capacity_of,
    claims_of,
    equity_of,
    fund_of,
    gas_price,
    health_of,
    name_of,
    scale_slack,
    sent_value,
    size_gap,
    size_of,
    slice_taken,
    tip_of,
    touch_slack,
    unit_slack,
)
from holdfast.sim.steps import Transition
from holdfast.units import BPS, WAD, mul_div_down, mul_div_up, mul_wad_up


@invariant(20)
def starts_justified(t: Transition, g: Ghost) -> Judgement:
    """An auction starts only below maintenance margin, once, and its reward stays within its bounds."""
    for event in t.named("AuctionStarted"):
        account, paid = event.args["account"], event.args["rewardWad"]
        was, now = t.pair(account)
        yield unless(was.healthy is False, f"account {account} was healthy")
        yield unless(was.auction is None and now.auction is not None, f"account {account}: not a new auction")
        health, margin = health_of(was), health_of(was).margin
        gas = liquidation.reward_gas(g.params, health.legs + health.holdings)
        price = gas_price(t, g)
        cost = liquidation.gas_cost_wad(t.after.system.base_fee, gas, price)
        bound = liquidation.penalty_share_wad(
            margin.maintenance_wad, g.params.end_bps, g.params.reward_share_bps
        )
        yield at_most(paid, bound, f"reward {paid} above {g.params.reward_share_bps} bps of d₁·MM")
        most = mul_div_down(cost, BPS + g.params.reward_margin_bps, BPS)
        yield at_most(paid, most, f"reward {paid} above gas and margin, {most}")
        insured = sum(one.args["paidWad"] for one in t.named("Paid"))
        yield unless(insured <= min(cost, bound), f"the fund paid {insured}, the gas cost {cost}")
        own = paid - insured
        yield unless(0 <= own <= max(0, margin.equity_wad), f"the account paid {own} of {margin.equity_wad}")
        if t.facts.get("reward") != account:
            fell = margin.equity_wad - equity_of(now)
            yield unless(0 <= fell - own <= 2, f"account {account} paid {fell}, the reward took {own}")


@invariant(21)
def slices_exact(t: Transition, g: Ghost) -> Judgement:
    """A slice has the size, price and shares that the formulas give for the state before it, within its bid."""
    for event in t.named("Taken"):
        args = event.args
        bid = bid_of(t, args)
        was = t.was[args["account"]]
        yield unless(was.healthy is False and was.auction is not None, f"account {was.id} wasn't for sale")
        run = g.clock(was, t.after.system.time)[1] + g.params.run_seconds
        yield unless(t.after.system.time <= run, "taken after the run")
        try:
            part = slice_taken(t, g, was, args)
        except Refused as refused:
            yield f"account {was.id}: taken though {refused}"
            continue
        items = health_of(was).legs + health_of(was).holdings
        part, share, _ = liquidation.taxed(part, tip_of(t), g.params, items, gas_price(t, g))
        meant = part.fraction_wad, part.payment_wad, part.discount_wad, share, part.insurance_wad
        names = "fractionWad", "paymentWad", "discountWad", "fundShareWad", "insuranceWad"
        found = tuple(args[name] for name in names)
        # Cash that moves between accounts may lose a wei at each; to a whole slice the fund pays what is really owed.
        off, slack = abs(meant[4] - found[4]), insurance.DUST_WAD if meant[0] == WAD else 2
        yield unless(
            found[:4] == meant[:4] and off <= slack + 2, f"account {was.id}: {names} = {found}, not {meant}"
        )
        kept = (
            bid["min_fraction"] <= found[0] <= bid["max_fraction"]
            and found[1] <= bid["max_payment"]
            and found[2] - found[3] >= bid["min_discount"]
        )
        yield unless(kept, f"outside the bid's bounds: {found}, {bid}")
        if not auction_of(was).insured and equity_of(was) > 0:
            yield unless(found[1] >= 0 and found[4] == 0, f"the system paid in the solvent phase: {found}")


@invariant(22)
def slices_cost(t: Transition, g: Ghost) -> Judgement:
    """A slice costs the account its discount less what the fund adds; the taker gains it less the fund's share."""
    for event in t.named("Taken"):
        args = event.args
        was, now = t.pair(args["account"])
        slack = touch_slack(t, was)
        moved, meant = equity_of(now) - equity_of(was), args["insuranceWad"] - args["discountWad"]
        off = abs(moved - meant)
        yield at_most(off, slack, f"account {was.id}: equity moved by {moved}, not {meant}")
        rest = WAD - args["fractionWad"]
        for leg in was.positions:
            left = now.position(leg.instrument)
            off = abs(left.size_wad if left else 0) - mul_div_up(abs(leg.size_wad), rest, WAD)
            yield unless(0 <= off + 3 <= 8, f"account {was.id}: {off} wei of size too much left")
        if t.action == "flash_take":
            continue  # the taker acted in between
        was, now = t.pair(args["taker"])
        slack += touch_slack(t, was) + touch_slack(t, now)
        meant = args["discountWad"] - args["fundShareWad"] + staked(t, was.id, g)
        sent = sent_value(t)
        moved = equity_of(now) - equity_of(was) + sent
        yield unless(abs(moved - meant) <= slack, f"taker {was.id}: equity moved by {moved}, not {meant}")


@invariant(23)
def slices_heal(t: Transition, g: Ghost) -> Judgement:
    """A slice never lowers health; the largest one restores the target and no more, a whole one leaves no debt."""
    for event in t.named("Taken"):
        args = event.args
        was, now = t.pair(args["account"])
        margin, after = health_of(was).margin, health_of(now).margin
        if margin.equity_wad <= 0 and health_of(was).legs == 0:
            continue  # collateral alone is sold; what remains is debt
        # Collateral is handed over in whole units of the token: the account keeps the rest of one, and its requirement.
        slack = (touch_slack(t, was) + unit_slack(t, was)) * (margin.maintenance_wad + abs(margin.equity_wad))
        fell = margin.equity_wad * after.maintenance_wad - after.equity_wad * margin.maintenance_wad
        yield unless(fell <= slack, f"account {was.id}: health {was.health_wad} -> {now.health_wad}")
        fraction = args["fractionWad"]
        if fraction == WAD and margin.equity_wad > 0:
            yield unless(
                now.cash_wad >= 0, f"account {was.id}: sold whole, and {-now.cash_wad} wei of debt are left"
            )
        if fraction == WAD or margin.equity_wad <= mul_wad_up(
            margin.maintenance_wad, auction_of(was).discount_wad
        ):
            continue
        target = after.maintenance_wad * g.params.target_bps // BPS
        over = after.equity_wad - target
        enough = 4 * touch_slack(t, was) + 4 * unit_slack(t, was) + margin.maintenance_wad // 10**15
        enough += sum(
            one.args["taxWad"] for one in t.named("PriorityTaxed")
        )  # the account's, beside the target
        yield at_most(over, enough, f"account {was.id}: {over} wei above the target, sold too much")


@invariant(24)
def takers_margined(t: Transition, g: Ghost) -> Judgement:
    """A taker ends with equity ≥ IM."""
    for event in t.named("Taken"):
        taker = t.after.account(event.args["taker"])
        margin = health_of(taker).margin
        yield at_most(margin.initial_wad, margin.equity_wad, f"taker {taker.id} ended below IM")


@invariant(25)
def deleveraging_last(t: Transition, g: Ghost) -> Judgement:
    """Deleveraging needs an insured auction, and a fund that can't pay or a run without a buyer."""
    for event in t.named("DeficitDeleveraged"):
        was = t.was[event.args["account"]]
        auction = was.auction
        yield unless(was.healthy is False and auction is not None, f"account {was.id} wasn't in auction")
        if auction is None:
            continue
        yield unless(auction.insured or equity_of(was) <= 0, f"account {was.id} was solvent and not insured")
        ran_out = (
            auction.ran_out
            or t.after.system.time > g.clock(was, t.after.system.time)[1] + g.params.run_seconds
        )
        deficit = max(0, -equity_of(was))
        yield unless(ran_out or capacity_of(t.before, auction.market) < deficit, "the fund could have paid")


@invariant(26)
def deleveraging_exact(t: Transition, g: Ghost) -> Judgement:
    """Deleveraging moves the position's share of the deficit from the opposite side, pro rata, and nothing else."""
    for event in t.named("DeficitDeleveraged"):
        args = event.args
        was, now = t.pair(args["account"])
        market = t.before.instruments[args["instrument"]]
        size = size_of(was, market)
        paid = sum(one.args["paidWad"] for one in t.named("Paid"))
        spot = t.before.by_underlying[market.underlying].price.spot_wad  # of an option, too
        notional = mul_wad_up(abs(size), spot)
        share = liquidation.deficit_share_wad(
            max(0, -equity_of(was)) - paid if equity_of(was) < 0 else 0, notional, health_of(was).gross_wad
        )
        # The fund may pay a wei or two less than it could: cash that moves between accounts is rounded at each.
        yield unless(abs(args["deficitWad"] - share) <= 2, f"a deficit of {args['deficitWad']}, not {share}")
        slack = touch_slack(t, was) + scale_slack(t.before, market)
        gained = equity_of(now) - equity_of(was)
        opposite = market.long_base_wad if size < 0 else market.short_base_wad
        borne = share if opposite else 0  # rounding may have left nobody who could bear it
        if size < 0:  # who bought an option loses what it is worth, and no more
            borne = min(borne, mul_wad_up(-size, market.mark_wad))
        yield unless(abs(gained - paid - borne) <= slack, f"account {was.id}: {gained}, not {paid + borne}")
        yield unless(now.position(market.instrument) is None, f"account {was.id} still has its position")
        interest = sum(abs(size_of(a, market)) for a in t.before.accounts if size_of(a, market) * size < 0)
        # What is opposite may be smaller by what earlier deleveragings rounded.
        apart = mul_wad_up(size_gap(market), spot)
        for holder, then in t.pairs:
            held = size_of(holder, market)
            if held * size >= 0:
                continue
            lost = equity_of(holder) - equity_of(then)
            meant = borne * abs(held) // interest
            crossed = EPOCH_DUST if t.named("EpochEnded") else 0
            fits = -slack - apart <= lost - meant <= slack + apart + crossed
            yield unless(fits, f"account {holder.id} lost {lost}, not {meant}")
            closed = abs(held) - abs(size_of(then, market))
            part = abs(size) * abs(held) // interest
            leg = holder.position(market.instrument)
            digit = abs(leg.base_wad) // WAD if leg else 0  # the last digit of A
            fits = abs(closed - part) <= 4 + 2 * digit + size_gap(market)
            yield unless(fits, f"account {holder.id}: {closed} closed, not {part}")


@invariant(27)
def write_off_last(t: Transition, g: Ghost) -> Judgement:
    """Debt is written off where nothing else is left and the fund can't pay; creditors lose that much, all alike."""
    for event in t.named("DebtWrittenOff"):
        args = event.args
        was, now = t.pair(args["account"])
        yield unless(not was.positions and not was.holdings, f"account {was.id} still held something")
        yield unless(
            was.cash_wad < 0 <= now.cash_wad, f"account {was.id}: cash {was.cash_wad} -> {now.cash_wad}"
        )
        insured, loss = args["insuranceWad"], args["lossWad"]
        yield unless(0 <= -was.cash_wad - insured - loss + 2 <= 4, f"debt {was.cash_wad}: {insured}, {loss}")
        market = was.auction.market if was.auction else 0
        capacity = capacity_of(t.before, market)
        yield unless(loss == 0 or insured >= capacity, f"{loss} lost while the fund had {capacity}")
        pool, after = t.before.system.pool, t.after.system.pool
        fell = (
            pool.credit_index_wad - after.credit_index_wad
        ) * after.credit_shares  # after the fund has paid
        right = loss * WAD <= fell < loss * WAD + after.credit_shares if loss else fell == 0
        yield unless(right, f"creditors lost {fell // WAD}, the debt was {loss}")


@invariant(28)
def auctions_in_order(t: Transition, g: Ghost) -> Judgement:
    """An auction changes stage only by its own steps and their conditions, and ends only where health is back."""
    now_time = t.after.system.time
    for was, now in t.pairs:
        old, new = was.auction, now.auction
        if old is None and new is not None:
            yield unless(t.action in ("start", "reenter"), f"account {was.id}: an auction from nowhere")
        elif old is not None and new is None:
            yield unless(t.action in LIQUIDATIONS, f"account {was.id}: an auction vanished")
            yield unless(now.healthy is True, f"account {was.id}: ended while unhealthy")
        elif old is not None and new is not None:
            started, restarted = g.clock(was, now_time)
            kept = new.started_at in (old.started_at, started) and old.market == new.market
            yield unless(kept and new.insured >= old.insured, f"account {was.id}: went back a stage")
            yield unless(new.ran_out >= old.ran_out, f"account {was.id}: forgot that it ran out")
            last_leg = t.action == "deleverage" and health_of(was).legs == 1
            if new.restarted_at != old.restarted_at and not last_leg:
                over = now_time > restarted + g.params.run_seconds
                yield unless(
                    t.action in ("restart", "reenter") and over, f"account {was.id}: restarted too early"
                )
                yield unless(claims_of(was)[:4] == claims_of(now)[:4], f"account {was.id}: a restart paid")
            if new.insured and not old.insured:
                due = now_time >= started + g.params.solvent_seconds
                yield unless(due or equity_of(was) <= 0, f"account {was.id}: insured too early")


@invariant(29)
def insurance_bounded(t: Transition, g: Ghost) -> Judgement:
    """The fund pays at most what is asked, what it has, and what is left of the market's cap."""
    paid: dict[int, int] = {}
    for event in t.named("Paid"):
        args = event.args
        yield unless(args["paidWad"] <= args["wantedWad"], "paid more than asked")
        paid[args["underlying"]] = paid.get(args["underlying"], 0) + args["paidWad"]
    for underlying, amount in paid.items():
        fund = fund_of(t.before)
        most = min(fund.market(underlying).headroom_wad, insurance.distribute(fund)[0].fund_wad)
        yield at_most(amount, most, f"underlying {underlying}: paid {amount} of {most}")
    for was in t.before.markets:
        now = t.after.market(was.instrument)
        drawn = now.insurance_drawn_wad - was.insurance_drawn_wad
        meant = paid.get(was.underlying, 0)
        yield unless(drawn == meant, f"{name_of(was)}: drawn {drawn}, paid {meant}")
