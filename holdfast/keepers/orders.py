"""Signed orders in a file: the smallest order book there can be; and standing bids, the same way.

One JSON object a line, as `dump` writes it. Whoever publishes orders replaces the whole file in one step; whoever
reads it gets the orders of one moment. What is left of an order only the chain knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from holdfast.errors import ConfigError
from holdfast.model.backstop import SignedBid, StandingBid
from holdfast.model.venue import Order, SignedOrder

T = TypeVar("T")


def dump(orders: Iterable[SignedOrder], path: Path) -> None:
    """Replaces the file in one step."""
    _dump(((signed.order, signed.signature) for signed in orders), path)


def dump_bids(bids: Iterable[SignedBid], path: Path) -> None:
    """Replaces the file in one step."""
    _dump(((signed.bid, signed.signature) for signed in bids), path)


def load(path: Path) -> list[SignedOrder]:
    """No orders where there is no file yet. ConfigError names the line that can't be read."""
    return _load(path, lambda fields, signature: SignedOrder(order=Order(**fields), signature=signature))


def load_bids(path: Path) -> list[SignedBid]:
    """No bids where there is no file yet. ConfigError names the line that can't be read."""
    return _load(path, lambda fields, signature: SignedBid(bid=StandingBid(**fields), signature=signature))


def _dump(signed: Iterable[tuple[Any, bytes]], path: Path) -> None:
    lines = [
        json.dumps({**asdict(content), "signature": "0x" + signature.hex()}) + "\n"
        for content, signature in signed
    ]
    beside = path.with_name(path.name + ".new")
    beside.write_text("".join(lines))
    beside.replace(path)


def _load(path: Path, make: Callable[[dict[str, Any], bytes], T]) -> list[T]:
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            fields = json.loads(line)
            signature = bytes.fromhex(fields.pop("signature").removeprefix("0x"))
            found.append(make(fields, signature))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path}, line {number}: {error}") from None
    return found
