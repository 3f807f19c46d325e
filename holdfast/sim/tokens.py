"""What the tokens of a history have turned into, as their own events tell it.

Only tokens that may turn (`World.hostile`) ever differ from a good one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from holdfast.sim.ghost import FOLLOWERS, Ghost
from holdfast.sim.steps import Transition
from holdfast.units import WAD

TRUE, NOTHING, FALSE, WIDE, REVERT, LIE = range(6)
"""How a token answers a transfer. The last one says true and moves nothing."""

GOOD_ANSWERS: Final = {TRUE, NOTHING}


@dataclass
class Turned:
    """What one token is now."""

    answer: int = TRUE
    fee_bps: int = 0
    factor_wad: int = WAD  # every balance is a share times this
    rebased: bool = False  # was it ever another factor? then balances may be a unit off
    blocked: set[str] = field(default_factory=set)

    @property
    def good(self) -> bool:
        """Does it serve everybody, exactly?"""
        return self.answer in GOOD_ANSWERS and not (self.fee_bps or self.rebased or self.blocked)


def turned(g: Ghost, asset: int) -> Turned:
    """What the token of an asset is now."""
    tokens: dict[int, Turned] = g.memory.setdefault("tokens", {})
    return tokens.setdefault(asset, Turned())


def misbehaves(g: Ghost, asset: int) -> bool:
    """May a transfer of it fail, or move another amount than asked?"""
    return asset in g.world.hostile and not turned(g, asset).good


def _follow(g: Ghost, t: Transition) -> None:
    for asset, token in g.world.hostile.items():
        for event in t.events:
            if event.address != token.address:
                continue
            now, args = turned(g, asset), event.args
            if event.name == "AnswerTurned":
                now.answer = args["answer"]
            elif event.name == "FeeTurned":
                now.fee_bps = args["feeBps"]
            elif event.name == "Rebased":
                now.factor_wad, now.rebased = args["factorWad"], True
            elif event.name == "BlockTurned":
                (now.blocked.add if args["blocked"] else now.blocked.discard)(args["who"])


FOLLOWERS.append(_follow)
