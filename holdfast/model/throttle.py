"""Depth of the markets that auctions sell into: exact twin of `contracts/liquidation/Throttle.sol`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from holdfast.errors import Refused
from holdfast.types import Item
from holdfast.units import BPS, WAD, mul_div_down, mul_div_up, mul_wad_up

MAX_WINDOW_SECONDS: Final = 86_400
MAX_CAPACITY_WAD: Final = 2**96 - 1

TIGHTEN_BPS: Final = 2_500
"""Share of the governor's capacity that the guardian has to leave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """Of one underlying; without a capacity it isn't throttled."""

    capacity_wad: int = 0
    level_wad: int = 0  # at drawn_at
    drawn_at: int = 0
    window_seconds: int = 0
    granted_wad: int = 0  # capacity that the governor set last


Buckets = Mapping[int, Bucket]


def level_wad(bucket: Bucket, now: int) -> int:
    """What was taken and hasn't come back; the next taker may lose the wei."""
    elapsed = now - bucket.drawn_at
    if elapsed >= bucket.window_seconds:
        return 0
    return max(0, bucket.level_wad - mul_div_down(bucket.capacity_wad, elapsed, bucket.window_seconds))


def free_wad(bucket: Bucket, now: int) -> int | None:
    """Notional that is free; None: not throttled."""
    return bucket.capacity_wad - level_wad(bucket, now) if bucket.capacity_wad else None


def set_depth(buckets: Buckets, underlying: int, capacity_wad: int, window_seconds: int, now: int) -> Buckets:
    if capacity_wad > MAX_CAPACITY_WAD:
        raise Refused("BadDepth", capacity_wad, MAX_CAPACITY_WAD)
    if window_seconds > MAX_WINDOW_SECONDS:
        raise Refused("BadDepth", window_seconds, MAX_WINDOW_SECONDS)
    if window_seconds == 0:
        raise Refused("BadDepth", 1, 0)
    bucket = Bucket(
        capacity_wad=capacity_wad,
        level_wad=min(level_wad(buckets.get(underlying, Bucket()), now), capacity_wad),
        drawn_at=now,
        window_seconds=window_seconds,
        granted_wad=capacity_wad,
    )
    return {**buckets, underlying: bucket}


def tighten_depth(buckets: Buckets, underlying: int, capacity_wad: int, now: int) -> Buckets:
    """The guardian's: never more, and never less than `least_wad`."""
    bucket = buckets.get(underlying, Bucket())
    if capacity_wad > bucket.capacity_wad or not bucket.capacity_wad:
        raise Refused("NotTighter", bucket.capacity_wad, capacity_wad)
    if capacity_wad < (least := least_wad(bucket.granted_wad)):
        raise Refused("BadDepth", least, capacity_wad)
    level = min(level_wad(bucket, now), capacity_wad)
    return {
        **buckets,
        underlying: replace(bucket, capacity_wad=capacity_wad, level_wad=level, drawn_at=now),
    }


def least_wad(granted_wad: int) -> int:
    """To which the guardian may bring a capacity down; up, he may lose the wei."""
    return mul_div_up(granted_wad, TIGHTEN_BPS, BPS)


def fraction_of(buckets: Buckets, items: Iterable[Item], now: int) -> int:
    """Largest fraction of the items that fits into what is free of every one of their underlyings."""
    held: dict[int, int] = {}
    for item in items:
        held[item.underlying] = held.get(item.underlying, 0) + item.weight_wad
    fraction = WAD
    for underlying, notional_wad in held.items():
        free = free_wad(buckets.get(underlying, Bucket()), now)
        if free is not None and notional_wad > free:
            fraction = min(fraction, mul_div_down(free, WAD, notional_wad))
    return fraction


def draw(buckets: Buckets, items: Iterable[Item], fraction_wad: int, now: int) -> Buckets:
    """After a slice of so much of all items was taken."""
    for item in items:
        bucket = buckets.get(item.underlying, Bucket())
        if not bucket.capacity_wad:
            continue
        level = level_wad(bucket, now) + mul_wad_up(item.weight_wad, fraction_wad)
        bucket = replace(bucket, level_wad=min(level, bucket.capacity_wad), drawn_at=now)
        buckets = {**buckets, item.underlying: bucket}
    return buckets
