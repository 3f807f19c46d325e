"""orders
├── written and read      the same
├── no file yet           -> no orders
└── a line that is none   -> ConfigError with its number
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import ConfigError
from holdfast.keepers.orders import dump, load
from holdfast.model.venue import Order, SignedOrder


def signed(size: int) -> SignedOrder:
    order = Order(
        account=5, signer="0x" + "11" * 20, instrument=1 << 168, size_wad=size, limit_price_wad=7, nonce=3
    )
    return SignedOrder(order=order, signature=bytes(range(65)))


def test_orders__written_and_read__are_the_same(tmp_path: Path) -> None:
    orders = [signed(10**40), signed(-1)]
    dump(orders, tmp_path / "book.jsonl")
    assert load(tmp_path / "book.jsonl") == orders


def test_orders__written_again__replaces_the_file(tmp_path: Path) -> None:
    for size in (1, 2):
        dump([signed(size)], tmp_path / "book.jsonl")
    assert [one.order.size_wad for one in load(tmp_path / "book.jsonl")] == [2]
    assert [path.name for path in tmp_path.iterdir()] == ["book.jsonl"]


def test_orders__no_file_yet__are_none(tmp_path: Path) -> None:
    assert load(tmp_path / "book.jsonl") == []


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"signature": "0x0"}', '{"signature": "0x", "account": 1}']
)
def test_orders__bad_line__is_named(tmp_path: Path, line: str) -> None:
    book = tmp_path / "book.jsonl"
    dump([signed(1)], book)
    book.write_text(book.read_text() + line + "\n")
    with pytest.raises(ConfigError, match="line 2"):
        load(book)
