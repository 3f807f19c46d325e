"""INV-40 to INV-42: tokens that turn against whoever holds them."""

from __future__ import annotations

from typing import Final

from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, at_most, invariant, unless
from holdfast.sim.steps import Transition
from holdfast.sim.tokens import misbehaves, turned
from holdfast.units import WAD

TOKEN_ERRORS: Final = {"TransferFailed", "TransferFromFailed", "NothingReceived", "Underfunded"}
"""Refusals that come from a token, or from what it did to the vault."""

DOORS: Final = {"deposit", "withdraw", "payTreasury"}
"""Functions in which a token moves; a take is one where its collateral leaves to a receiver."""

LOCKED: Final = {
    "Ledger": {
        "deposit", "withdraw", "accrueInterest", "settle", "fill", "move", "take", "deleverage",
        "writeOff",
    },
    "Liquidation": {"start", "insure", "restart", "end", "take", "deleverage", "writeOff"},
}  # fmt: skip
"""What can't be called from inside itself."""


@invariant(40)
def vaults_honest(t: Transition, g: Ghost) -> Judgement:
    """A vault never counts more than what arrived nor sends more than it counts, whatever its token does meanwhile."""
    if t.step is None:
        return
    rebased = {event.address for event in t.named("Rebased")}
    for was, now in zip(t.before.system.assets, t.after.system.assets, strict=False):
        if was.token in rebased:
            continue
        grew, came = now.held - was.held, now.balance - was.balance
        # A share of a token with a factor is worth so many units: what leaves may be rounded up by one.
        state = turned(g, was.asset)
        slack = 2 * (1 + state.factor_wad // WAD) if state.rebased else 0
        yield at_most(
            grew, came + slack, f"asset {was.asset}: held grew by {grew}, its balance by {came}", "units"
        )


@invariant(41, refusals=True)
def doors_apart(t: Transition, g: Ghost) -> Judgement:
    """A token that fails shuts its own doors alone: nothing that moves no token is ever refused for one."""
    if t.step is None or t.ok:
        return
    if t.error not in TOKEN_ERRORS:
        yield None
        return
    moves = t.facts.get("moves", (t.facts["asset"],) if "asset" in t.facts else ())
    if t.action == "reenter":
        moves = tuple(
            g.world.hostile
        )  # a slice moves all that the account has, and the callback may move more
    yield unless(bool(moves), f"{t.action} was refused by a token, {t.error}, though it moves none")
    if t.error != "Underfunded" and g.world.hostile and moves:
        odd = any(misbehaves(g, asset) for asset in moves)
        yield unless(odd, f"{t.action}: {t.error}, though the tokens of assets {moves} are good ones")


@invariant(42)
def callbacks_locked_out(t: Transition, g: Ghost) -> Judgement:
    """From inside a transfer that the ledger makes nobody gets into the ledger, nor into the auction that makes it."""
    if t.action != "reenter" or not t.ok:
        return
    for event in t.named("Tried"):
        for name in ("Ledger", "Liquidation"):
            contract = g.world.protocol.contract(name)
            if contract.address != event.args["target"] or (
                name == "Liquidation" and t.facts["outer"] != "take"
            ):
                continue
            selectors = {contract.artifact.find(function).selector: function for function in LOCKED[name]}
            function = selectors.get(event.args["selector"])
            if function is not None:
                yield unless(
                    not event.args["done"], f"{name}.{function} went through inside {t.facts['outer']}"
                )
