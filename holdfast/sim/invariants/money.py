"""INV-01 to INV-08: the books as a whole."""

from __future__ import annotations

from fractions import Fraction

from holdfast.chain.protocol import books_of
from holdfast.sim.ghost import Ghost, digits
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import bases_of, heard, name_of, scale_digit, transfers
from holdfast.sim.steps import Transition
from holdfast.types import SETTLEMENT
from holdfast.units import BPS, WAD, mul_wad_down, mul_wad_up


@invariant(1)
def conservation(t: Transition, g: Ghost) -> Judgement:
    """Claims on the settlement token never exceed what is held, and the dust between them never shrinks."""
    if t.whole:
        room = books_of(t.after).dust_wad
        yield at_most(-room, 0, f"claims exceed what is held by {-room} wei", "wei")
    was, dust = g.exact_dust(t.before), g.exact_dust(t.after)
    projected = t.step is None or heard(
        t, "PricePoked"
    )  # funding and interest are rounded anew at each moment
    slack = digits(t.before) if projected else 0
    yield unless(was - dust <= slack, f"the dust fell by {float(Fraction(was - dust, WAD))} wei")
    lost = g.least_dust - digits(t.after) - dust
    yield unless(lost <= 0, f"the dust fell in the long run, by {float(Fraction(lost, WAD))} wei")


@invariant(2)
def sizes_match(t: Transition, g: Ghost) -> Judgement:
    """Long and short of a market are the same size; rounding leaves less long and more short, within a bound."""
    if not t.whole:
        return
    now = books_of(t.after)
    for market in t.after.instruments.values():
        net = now.net_size_wad.get(market.instrument, 0)
        holders = sum(a.position(market.instrument) is not None for a in t.after.accounts)
        low = -g.size_slack_wad[market.instrument] - 4 * (holders + 2) - scale_digit(t, market)
        high = g.folded[(market.instrument, False)]
        yield unless(low <= net <= high, f"{name_of(market)}: net size {net} outside [{low}, {high}]")


@invariant(3)
def bases_match(t: Transition, g: Ghost) -> Judgement:
    """The base of a side is the sum of its positions' bases; after an epoch, at most a wei a position more."""
    for market in t.after.instruments.values():
        for long in (True, False):
            total = market.long_base_wad if long else market.short_base_wad
            bases = bases_of(t.after, market, long, g)
            over = g.folded[(market.instrument, long)]
            extra = total - sum(bases)
            side = "long" if long else "short"
            yield unless(
                0 <= extra <= over, f"{name_of(market)} {side}: base {total}, positions {sum(bases)}"
            )


@invariant(4)
def pools_match(t: Transition, g: Ghost) -> Judgement:
    """The two cash pools are the sums of their accounts; one is empty exactly when the other says so."""
    if not t.whole:
        return
    pool = t.after.system.pool
    credits = [a.cash_wad for a in t.after.accounts if a.cash_wad > 0]
    debts = [-a.cash_wad for a in t.after.accounts if a.cash_wad < 0]
    over = mul_wad_down(pool.credit_shares, pool.credit_index_wad) - sum(credits)
    # An account whose shares are worth less than a wei shows none.
    yield unless(0 <= over <= len(t.after.accounts), f"credit pool exceeds its accounts by {over} wei")
    over = sum(debts) - mul_wad_up(pool.debt_shares, pool.debt_index_wad)
    yield unless(0 <= over <= len(debts), f"debts exceed the debt pool by {over} wei")
    yield unless((pool.debt_shares == 0) == (not debts), "debt without debtors, or debtors without debt")


@invariant(5)
def vaults_hold(t: Transition, g: Ghost) -> Judgement:
    """A vault owes the ledger what came in less what went out, and has at least that."""
    if not t.changed:
        return
    net = transfers(t)
    for asset in t.after.system.assets:
        if asset.asset not in g.world.hostile:  # those may say and do anything: INV-40
            owed = g.held(asset.asset) + net.get(asset.asset, 0)
            yield unless(asset.held == owed, f"asset {asset.asset}: held {asset.held}, came in {owed}")
            enough = asset.balance >= asset.held
            yield unless(enough, f"asset {asset.asset}: {asset.balance} < {asset.held} held")
        if asset.asset != SETTLEMENT:
            sums = sum(h.amount for a in t.after.accounts for h in a.holdings if h.asset == asset.asset)
            yield unless(sums == asset.held, f"asset {asset.asset}: balances {sums}, held {asset.held}")


@invariant(6)
def fund_solvent(t: Transition, g: Ghost) -> Judgement:
    """Insurance fund, fees and treasury are never negative and hold nothing but cash."""
    system = t.after.system
    for account in (system.fund_account, system.fees_account, system.treasury_account):
        found = t.after.account(account)
        yield unless(found.cash_wad >= 0, f"account {account}: cash {found.cash_wad}")
        yield unless(not found.positions and not found.holdings, f"account {account} holds something")


@invariant(7)
def indices_monotone(t: Transition, g: Ghost) -> Judgement:
    """The credit index falls in a write-off only; else both indices rise, and debt pays at least what credit gets."""
    was, now = t.before.system.pool, t.after.system.pool
    yield unless(now.debt_index_wad >= was.debt_index_wad, "the debt index fell")
    if not t.named("WrittenOff"):
        yield unless(
            now.credit_index_wad >= was.credit_index_wad, "the credit index fell without a write-off"
        )
    if t.step is None:
        paid = was.debt_shares * (now.debt_index_wad - was.debt_index_wad)
        got = was.credit_shares * (now.credit_index_wad - was.credit_index_wad)
        digit = 2 * (was.credit_shares + was.debt_shares)  # both are projected, each rounded by itself
        yield unless(got <= paid + digit, f"credit got {got // WAD} wei, debt paid {paid // WAD}")
    else:
        still = t.named("WrittenOff") or now.credit_index_wad == was.credit_index_wad
        yield unless(bool(still) and now.debt_index_wad == was.debt_index_wad, "an index moved without time")


@invariant(8)
def funding_conserves(t: Transition, g: Ghost) -> Judgement:
    """Funding takes from one side at least what the other gets, in the direction of the premium, within its cap."""
    for event in t.named("Accrued"):
        args = event.args
        market = t.before.market(args["instrument"])
        long = market.long_base_wad * (args["longFlowWad"] - market.long.flow_wad)
        short = market.short_base_wad * (args["shortFlowWad"] - market.short.flow_wad)
        yield unless(long + short <= 0, f"{name_of(market)}: funding made {(long + short) // WAD} wei")
        funding = args["fundingWad"]
        uneven = g.size_slack_wad[market.instrument] + 4 * len(
            t.before.accounts
        )  # one side is larger by so much
        digit = market.long_base_wad + market.short_base_wad
        yield unless(
            -(long + short) <= 2 * digit + uneven * abs(funding) + WAD,
            f"{name_of(market)}: funding lost {-(long + short) // WAD} wei",
        )
        yield unless(funding * market.long.premium_ppb > 0, f"{name_of(market)}: funding against the premium")
        yield unless(long * funding <= 0 <= short * funding, f"{name_of(market)}: the wrong side paid")
        cap = g.world.protocol.record.config["ledger"]["funding_cap_bps"]
        elapsed = t.after.system.time - market.long.accrued_at
        most = market.price.spot_wad * cap * elapsed // (BPS * 3600) + 1
        yield unless(abs(funding) <= most, f"{name_of(market)}: funding {funding} above its cap {most}")
