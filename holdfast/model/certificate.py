"""Was a deleveraging done as it must be? Judged from what the chain said of it, in exact fractions.

price      closes the position at the mark, moved by exactly the deficit in its favour
A' = A·(1 − q/OI)    with OI = base·A: every position of the opposite side shrinks by the same share
overshoot            closed opposite less q: what the last digit of A is worth, no more
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from holdfast.model.side_index import SCALE_FLOOR
from holdfast.units import WAD


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleveraging:
    """One position closed against the opposite side, as the events have it."""

    account: int
    instrument: int
    size_wad: int  # signed
    price_wad: int
    mark_wad: int
    deficit_wad: int  # what the opposite side was to bear
    base_wad: int  # of the opposite side
    scale_before_wad: int  # A
    scale_after_wad: int  # A'
    epoch_ended: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """What was found out about it; certified where nothing is wrong."""

    of: Deleveraging
    borne_wad: Fraction  # by the opposite side, against the mark
    closed_wad: Fraction  # of the opposite side
    overshoot_wad: Fraction  # closed beyond the position
    wrong: tuple[str, ...]

    @property
    def certified(self) -> bool:
        return not self.wrong


def certify(done: Deleveraging) -> Certificate:
    size = Fraction(abs(done.size_wad))
    gained = (done.price_wad - done.mark_wad) * (1 if done.size_wad > 0 else -1)
    borne = gained * size / WAD
    closed = Fraction(done.base_wad * (done.scale_before_wad - done.scale_after_wad), WAD)
    overshoot = closed - size
    wrong: list[str] = []
    if done.base_wad == 0:
        # Rounding left nobody opposite: the position closes at the mark and nothing else happens.
        if borne < -_price_slack(size) or borne > _price_slack(size):
            wrong.append(f"nobody is opposite, and {_text(borne)} wei were borne")
        if done.scale_after_wad != done.scale_before_wad:
            wrong.append("nobody is opposite, and A moved")
        return Certificate(
            of=done, borne_wad=borne, closed_wad=Fraction(0), overshoot_wad=Fraction(0), wrong=tuple(wrong)
        )
    if size and abs(borne - done.deficit_wad) > _price_slack(size):
        wrong.append(f"{_text(borne)} wei were borne, the deficit was {done.deficit_wad}")
    exact = max(Fraction(0), done.scale_before_wad - size * WAD / done.base_wad)
    if abs(done.scale_after_wad - exact) >= 1:
        wrong.append(f"A' is {done.scale_after_wad}, not {_text(exact)}")
    digit = Fraction(done.base_wad, WAD)
    if abs(overshoot) > digit and done.scale_after_wad:
        wrong.append(f"{_text(overshoot)} wei were closed too much, a digit of A is worth {_text(digit)}")
    if done.epoch_ended != (done.scale_after_wad < SCALE_FLOOR):
        wrong.append("the epoch ended without need, or went on below the floor")
    return Certificate(
        of=done, borne_wad=borne, closed_wad=closed, overshoot_wad=overshoot, wrong=tuple(wrong)
    )


def _price_slack(size: Fraction) -> Fraction:
    """[wei] The price in the event is rounded to a wei a unit, the cash that moved to a wei."""
    return size / WAD + 2


def _text(exact: Fraction) -> str:
    return f"{float(exact):.6g}"
