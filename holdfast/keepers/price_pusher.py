"""Price pusher: keeps the oracle within a deviation and a heartbeat of its price source.

A new answer is due when the source has moved by `deviation_bps` since the stored price, when the stored price has
reached `heartbeat_share_bps` of its heartbeat, or when there is no usable price at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.keepers.actions import Action, Poke, SetPrice
from holdfast.types import Price
from holdfast.units import BPS


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredPrice:
    """What the oracle holds of one underlying."""

    underlying: int
    symbol: str
    price: Price
    updated_at: int  # [seconds] source time; zero if there never was one
    heartbeat_seconds: int
    answered_at: int  # [seconds] source time of what the feeds agree on now
    venues: int = 1  # how many feeds it has


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    deviation_bps: int = 25
    heartbeat_share_bps: int = 5_000
    settable: bool = True  # False: the feeds have their own writers, the keeper only pokes


def decide(
    stored: Sequence[StoredPrice], quotes: Mapping[str, int], now: int, policy: Policy
) -> list[Action]:
    """New answers that are due, to all feeds, then one poke. A symbol without a quote is left to age.

    With feeds that have their own writers, `quotes` are what these agree on.
    """
    due: list[tuple[StoredPrice, str]] = []
    for entry in stored:
        quote = quotes.get(entry.symbol)
        why = reason(entry, quote, now, policy) if quote is not None else ""
        if why:
            due.append((entry, f"{entry.symbol} {why}"))
    if not policy.settable:
        due = [(entry, why) for entry, why in due if entry.answered_at > entry.updated_at]
    if not due:
        return []
    answers: list[Action] = [
        SetPrice(underlying=entry.underlying, venue=venue, price_wad=quotes[entry.symbol], why=why)
        for entry, why in due
        if policy.settable
        for venue in range(entry.venues)
    ]
    underlyings = tuple(entry.underlying for entry, _ in due)
    return [*answers, Poke(underlyings=underlyings, why=", ".join(why for _, why in due))]


def reason(entry: StoredPrice, quote_wad: int, now: int, policy: Policy) -> str:
    """Why a new answer is due, or nothing."""
    if entry.updated_at == 0 or entry.price.spot_wad == 0:
        return "has no price"
    age = now - entry.updated_at
    moved = abs(quote_wad - entry.price.spot_wad)
    if moved * BPS >= policy.deviation_bps * entry.price.spot_wad:
        return f"moved {moved * BPS // entry.price.spot_wad} bps"
    if age * BPS >= policy.heartbeat_share_bps * entry.heartbeat_seconds:
        return f"is {age} s old"
    return ""
