"""Division with its direction in the name, within machine words: twin of `contracts/libraries/FixedPoint.sol`.

Down and up are for unsigned values; floor (toward minus infinity) and ceil (toward plus infinity) for signed ones.
What would not fit is Refused by the name that Solidity gives it.
"""

from __future__ import annotations

from typing import Final

from holdfast.errors import Refused
from holdfast.units import WAD

WORD: Final = 2**256
PANIC_ARITHMETIC: Final = 0x11
PANIC_DIVISION: Final = 0x12


def mul_div_down(x: int, y: int, denominator: int) -> int:
    """⌊x·y/d⌋"""
    return _product(x, y, denominator) // denominator


def mul_div_up(x: int, y: int, denominator: int) -> int:
    """⌈x·y/d⌉"""
    return -(-_product(x, y, denominator) // denominator)


def mul_wad_down(x: int, y: int) -> int:
    """⌊x·y/1e18⌋"""
    return _wad_product(x, y) // WAD


def mul_wad_up(x: int, y: int) -> int:
    """⌈x·y/1e18⌉"""
    return -(-_wad_product(x, y) // WAD)


def mul_div_floor(x: int, y: int, denominator: int) -> int:
    """⌊x·y/d⌋ for signed x"""
    return -mul_div_up(-x, y, denominator) if x < 0 else mul_div_down(x, y, denominator)


def mul_div_ceil(x: int, y: int, denominator: int) -> int:
    """⌈x·y/d⌉ for signed x"""
    return -mul_div_down(-x, y, denominator) if x < 0 else mul_div_up(x, y, denominator)


def to_int(value: int, bits: int) -> int:
    """The value, if a signed word of so many bits holds it."""
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise Refused("Overflow")
    return value


def to_uint(value: int, bits: int) -> int:
    """The value, if an unsigned word of so many bits holds it."""
    if not 0 <= value < 1 << bits:
        raise Refused("Overflow")
    return value


def checked(value: int) -> int:
    """A product or sum of unsigned words, as the compiler checks it."""
    if not 0 <= value < WORD:
        raise Refused("Panic", PANIC_ARITHMETIC)
    return value


def checked_int(value: int) -> int:
    """A sum of signed words, as the compiler checks it."""
    if not -WORD // 2 <= value < WORD // 2:
        raise Refused("Panic", PANIC_ARITHMETIC)
    return value


def _product(x: int, y: int, denominator: int) -> int:
    product = x * y
    if denominator == 0 or product >= WORD:
        raise Refused("MulDivFailed")
    return product


def _wad_product(x: int, y: int) -> int:
    product = x * y
    if product >= WORD:
        raise Refused("MulWadFailed")
    return product
