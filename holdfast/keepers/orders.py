"""Signed orders in a file: the smallest order book there can be.

One JSON object a line, as `dump` writes it. Whoever publishes orders replaces the whole file in one step; whoever
reads it gets the orders of one moment. What is left of an order only the chain knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from holdfast.errors import ConfigError
from holdfast.model.venue import Order, SignedOrder


def dump(orders: Iterable[SignedOrder], path: Path) -> None:
    """Replaces the file in one step."""
    lines = [
        json.dumps({**asdict(signed.order), "signature": "0x" + signed.signature.hex()}) + "\n"
        for signed in orders
    ]
    beside = path.with_name(path.name + ".new")
    beside.write_text("".join(lines))
    beside.replace(path)


def load(path: Path) -> list[SignedOrder]:
    """No orders where there is no file yet. ConfigError names the line that can't be read."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            fields = json.loads(line)
            signature = bytes.fromhex(fields.pop("signature").removeprefix("0x"))
            found.append(SignedOrder(order=Order(**fields), signature=signature))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path}, line {number}: {error}") from None
    return found
