"""INV-85: who needs a keeper is found without an index."""

from __future__ import annotations

from holdfast.model.lens import at_risk
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, invariant, unless
from holdfast.sim.steps import RISK_BPS, Transition


@invariant(85)
def none_overlooked(t: Transition, g: Ghost) -> Judgement:
    """Listed as at risk, once and by id, is exactly who a look at everybody finds below the threshold or in auction."""
    if t.at_risk is None or not t.whole:
        return
    listed = {one.account: one for one in t.at_risk}
    yield unless([one.account for one in t.at_risk] == sorted(listed), f"listed are {t.at_risk}")
    for account in t.after.accounts:
        meant, found = at_risk(account, RISK_BPS), listed.pop(account.id, None)
        yield unless(found == meant, f"account {account.id} is listed as {found}, not {meant}")
    yield unless(not listed, f"listed are {sorted(listed)}, which don't exist")
