"""INV-09 to INV-15: what is one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.invariants.reading import (
    allowed,
    amount_of,
    carried,
    claims_of,
    equity_of,
    health_of,
    items_of,
    liquidates,
    maintenance_of,
    reached,
    stored_of,
    touch_slack,
    was_repriced,
)
from holdfast.sim.steps import Transition, own_cash
from holdfast.sim.tokens import misbehaves
from holdfast.types import SETTLEMENT, Action, Mode

PROTOCOL_ACTIONS: Final = {
    "match", "start", "take", "flash_take", "deleverage", "write_off", "distribute", "refresh_target", "stake",
    "unstake", "take_over", "fill_bids",
}  # fmt: skip
"""Actions that may move the cash of fund, fees and treasury."""

MAX_HOLDINGS: Final = 5


@invariant(9)
def frame(t: Transition, g: Ghost) -> Judgement:
    """Others stay as they were, but for counterparties of deleveraging and write-offs, and who holds what settles."""
    if t.step is None:
        for was, now in t.pairs:  # since it was read last, when somebody else was acted upon, or nobody
            same = carried(was, t.since[was.id], now, t.after.system.pool)
            yield None if same else f"account {was.id} changed, though nothing was about it: {was} -> {now}"
        return
    left = own_cash(t.after.system)
    spared = t.step.accounts | reached(t) | left.keys()
    if t.action not in PROTOCOL_ACTIONS:
        for account, cash in own_cash(t.before.system).items():
            still = account in t.step.accounts or left[account] == cash
            yield unless(still, f"{t.action} moved the cash of account {account}")
    repriced = was_repriced(t)
    for was, now in t.pairs:
        if was.id in spared:
            continue
        same = stored_of(was) == stored_of(now) if repriced else claims_of(was) == claims_of(now)
        yield None if same else f"account {was.id} changed, though {t.action} wasn't about it: {was} -> {now}"


@invariant(10)
def authority(t: Transition, g: Ghost) -> Judgement:
    """Without the word of its owner or operator an account loses nothing, unless it is unhealthy and liquidated."""
    if t.step is None or not t.changed or was_repriced(t):
        return
    system = t.before.system
    own = {system.fund_account, system.fees_account, system.treasury_account}
    for was, now in t.pairs:
        if was.id in own or was.id in reached(t) or g.authorised(was.owner, t.speakers):
            continue
        if was.healthy is False and was.id in t.step.accounts and liquidates(t):
            continue
        tolerance = touch_slack(t, was)
        lost = equity_of(was) - equity_of(now)
        yield at_most(lost, tolerance, f"account {was.id} lost {lost} wei at the hands of others")


@invariant(11)
def stays_healthy(t: Transition, g: Ghost) -> Judgement:
    """A healthy account becomes unhealthy by price, time, or a counterparty's deleveraging or write-off alone."""
    if t.step is None or not t.changed or was_repriced(t):
        return
    for was, now in t.pairs:
        if not was.healthy or was.id in reached(t) or was == now:
            continue
        missing = maintenance_of(now) - equity_of(now)
        yield at_most(missing, touch_slack(t, was), f"account {was.id} became unhealthy, {missing} wei short")


@invariant(12)
def no_worse(t: Transition, g: Ghost) -> Judgement:
    """Nothing but liquidation lowers the health of an unhealthy account."""
    if t.step is None or not t.changed or was_repriced(t):
        return
    for was, now in t.pairs:
        if was.healthy is not False or was == now or was.id in reached(t) or liquidates(t):
            continue
        fell = equity_of(was) * maintenance_of(now) - equity_of(now) * maintenance_of(was)
        yield unless(
            fell <= touch_slack(t, was) * (maintenance_of(was) + abs(equity_of(was))),
            f"account {was.id}: health fell from {was.health_wad} to {now.health_wad}",
        )


@invariant(13)
def withdrawals_covered(t: Transition, g: Ghost) -> Judgement:
    """After a withdrawal equity ≥ IM, and cash ≥ −borrow limit: unrealised profit never leaves."""
    if t.action != "withdraw" or not t.ok:
        return
    now = t.after.account(t.facts["account"])
    margin = health_of(now).margin
    equity, least = margin.equity_wad, margin.initial_wad
    yield at_most(least, equity, f"equity {equity} < IM {least}")
    cash, limit = now.cash_wad, margin.borrow_limit_wad
    yield at_most(-limit, cash, f"cash {cash} < −{limit}")


@invariant(14, refusals=True)
def free_to_leave(t: Transition, g: Ghost) -> Judgement:
    """Without positions and debt one can withdraw all that breaker, outflow limit and vault permit."""
    if t.action != "withdraw" or t.facts.get("absurd") or t.error == "OutflowExceeded":  # INV-69 judges that
        return
    facts = t.facts
    was = t.was.get(facts["account"])
    if was is None or was.positions or was.cash_wad < 0 or not g.authorised(was.owner, t.speakers):
        return
    asset = next((a for a in t.before.system.assets if a.asset == facts["asset"]), None)
    if asset is None or not 0 < facts["amount"] <= min(
        asset.held, amount_of(was, asset.asset, asset.unit_wad)
    ):
        return
    left = [h.asset for h in was.holdings if (h.asset, h.amount) != (facts["asset"], facts["amount"])]
    kept = replace(was, holdings=tuple(h for h in was.holdings if h.asset in left))
    if not allowed(t.before, Action.WITHDRAW, items_of(t.before, kept)) or misbehaves(g, asset.asset):
        return
    yield unless(t.ok, f"account {was.id} was refused its own: {t.error}")


@invariant(15, refusals=True)
def deposits_open(t: Transition, g: Ghost) -> Judgement:
    """A deposit is possible in every state, up to the vault's cap."""
    if t.action != "deposit":
        return
    facts = t.facts
    was = t.was.get(facts["account"])
    assets = t.before.system.assets
    if was is None or facts["asset"] >= len(assets) or facts["amount"] == 0:
        return
    asset = assets[facts["asset"]]
    if asset.held + facts["amount"] > asset.cap or misbehaves(g, asset.asset):
        return
    if asset.asset != SETTLEMENT:
        held = [h.asset for h in was.holdings]
        full = len(held) >= MAX_HOLDINGS and asset.asset not in held
        if full or was.mode is Mode.ISOLATED or not g.authorised(was.owner, t.speakers):
            return
    yield unless(t.ok, f"a deposit of {facts['amount']} to account {was.id} was refused: {t.error}")
    if t.ok:
        now = t.after.account(was.id)
        came = amount_of(now, asset.asset, 1) - amount_of(was, asset.asset, 1)
        meant = facts["amount"] * (asset.unit_wad if asset.asset == SETTLEMENT else 1)
        yield unless(0 <= meant - came <= 2, f"account {was.id} got {came} of {meant}")
