"""INV-85: who needs a keeper is found without an index."""

from __future__ import annotations

from holdfast.model.lens import at_risk
from holdfast.sim.ghost import Ghost
from holdfast.sim.invariants.core import Judgement, invariant, unless
from holdfast.sim.steps import RISK_BPS, Transition


@invariant(85)
def none_overlooked(t: Transition, g: Ghost) -> Judgement:
    """Listed as at risk, once and by id, is exactly who a look at everybody finds below the threshold or in auction."""
    if t.listing is None or not t.whole:
        return
    asked, found = t.listing.asked, t.listing.found
    listed = {one.account: one for one in found}
    yield unless([one.account for one in found] == sorted(listed), f"listed are {found}")
    for account in t.after.accounts:
        if account.id in asked:
            meant, said = at_risk(account, RISK_BPS), listed.pop(account.id, None)
            yield None if said == meant else f"account {account.id} is listed as {said}, not {meant}"
    yield unless(not listed, f"listed are {sorted(listed)}, which don't exist, or weren't asked about")
    goes_on = asked.stop if asked.stop <= t.after.system.accounts else 0
    said_on = t.listing.following
    yield unless(said_on == goes_on, f"the list goes on at {said_on}, not at {goes_on}")
