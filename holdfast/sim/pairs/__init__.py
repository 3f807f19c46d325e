"""Properties of pairs of runs: two ways to go on from the same history, compared where they end.

    failure = play(world, profile, tally)

A history is grown as in any campaign and forked at several states. From each, two or more branches are run on the real
bytecode, on top of the same blocks, and what the Lens says at the end is compared. What may differ is derived, in wei.
"""

from __future__ import annotations

from holdfast.sim.pairs import accounts, clock, others, trades
from holdfast.sim.pairs.campaign import PairFailure, minimise, play, replay, restore, statements
from holdfast.sim.pairs.collusion import COLLUSION
from holdfast.sim.pairs.core import PAIRS, Branch, Case, Judge, Pair, Planner, Run, Trial, pair
from holdfast.sim.pairs.running import play_out

__all__ = [
    "COLLUSION", "PAIRS", "Branch", "Case", "Judge", "Pair", "PairFailure", "Planner", "Run", "Trial", "minimise",
    "pair", "play", "play_out", "replay", "restore", "statements",
]  # fmt: skip

PAIRS.sort(key=lambda one: one.id)

_ = accounts, clock, others, trades  # imported for what they register
