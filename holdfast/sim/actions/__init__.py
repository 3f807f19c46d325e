"""What can be done to the protocol: one function an action, each making a step from the state as it is now.

An action gets a `Scene` and returns a step, or None where nothing of the kind makes sense. Amounts are drawn from
where errors live: a fifth tiny, a seventh on an edge of the state or a unit beside it, the rest log-uniform.
"""

from __future__ import annotations

from holdfast.sim.actions import (
    backstop,
    governance,
    hostile,
    insurance,
    liquidation,
    money,
    prices,
    series,
    stolen,
    surface,
    trade,
)
from holdfast.sim.actions.prices import GAS_FEES, moved, prices_step, refresh
from holdfast.sim.actions.scene import ACTIONS, WEIGHTS, Plan, Scene, action

__all__ = ["ACTIONS", "GAS_FEES", "WEIGHTS", "Plan", "Scene", "action", "moved", "prices_step", "refresh"]

_ = (
    money,
    trade,
    prices,
    series,
    surface,
    liquidation,
    insurance,
    backstop,
    governance,
    hostile,
    stolen,
)  # imported for what they register
