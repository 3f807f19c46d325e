"""drawnOf, the cap over several payments
├── two payments      -> add up
├── the cap spent     -> in as many payments as it takes, and no further
└── another market    -> has drawn nothing
"""

from __future__ import annotations

from holdfast.units import WAD
from tests.conftest import Roles
from tests.unit.insurance.world import ACCOUNT, BTC, ETH, FUND, World


def test_drawn__several_payments__add_up_to_the_cap(world: World, roles: Roles) -> None:
    insurance = world.insurance
    insurance.send("setCap", ETH, 50 * WAD, sender=roles.governor)
    insurance.send("setCap", BTC, 50 * WAD, sender=roles.governor)
    world.put(FUND, 100 * WAD)

    seen = []
    for wanted in (20, 7, 30, 5):
        insurance.send("pay", ETH, ACCOUNT, wanted * WAD, sender=roles.keeper)
        seen.append(insurance.call("drawnOf", ETH) // WAD)

    assert seen == [20, 27, 50, 50]
    assert world.cash(FUND, ACCOUNT) == (50 * WAD, 50 * WAD)
    assert insurance.call("drawnOf", BTC) == 0
