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


def ln_wad(x: int) -> int:
    """ln(x/1e18)·1e18 for x in 1 … 2²⁵⁵ − 1, as Solady's `lnWad`: within a unit or so of exact, and never falling."""
    if not 0 < x < WORD // 2:
        raise Refused("LnWadUndefined")
    twos = x.bit_length() - 1
    x = (x << 255 - twos) >> 159  # in [1, 2), as are all numbers from here on with 96 binary places

    p = x + 3273285459638523848632254066296
    p = (p * x >> 96) + 24828157081833163892658089445524
    p = (p * x >> 96) + 43456485725739037958740375743393
    p = (p * x >> 96) - 11111509109440967052023855526967
    p = (p * x >> 96) - 45023709667254063763336534515857
    p = (p * x >> 96) - 14706773417378608786704636184526
    p = p * x - (795164235651350426258249787498 << 96)
    q = x + 5573035233440673466300451813936
    q = (q * x >> 96) + 71694874799317883764090561454958
    q = (q * x >> 96) + 283447036172924575727196451306956
    q = (q * x >> 96) + 401686690394027663651624208769553
    q = (q * x >> 96) + 204048457590392012362485061816622
    q = (q * x >> 96) + 31853899698501571402653359427138
    q = (q * x >> 96) + 909429971244387300277376558375

    scaled = p // q * 1677202110996718588342820967067443963516166
    scaled += (twos - 96) * 16597577552685614221487285958193947469193820559219878177908093499208371
    return scaled + 600920179829731861736702779321621459595472258049074101567377883020018308 >> 174


def exp_wad(x: int) -> int:
    """e^(x/1e18)·1e18, as Solady's `expWad`: zero where it is below half a wei."""
    if x <= -41446531673892822313:
        return 0
    if x >= 135305999368893231589:
        raise Refused("ExpOverflow")
    x = _toward_zero(x << 78, 5**18)
    twos = _toward_zero(x << 96, 54916777467707473351141471128) + 2**95 >> 96
    x -= (
        twos * 54916777467707473351141471128
    )  # in ±½ ln 2, as are all numbers from here on with 96 binary places

    y = x + 1346386616545796478920950773328
    y = (y * x >> 96) + 57155421227552351082224309758442
    p = y + x - 94201549194550492254356042504812
    p = (p * y >> 96) + 28719021644029726153956944680412240
    p = p * x + (4385272521454847904659076985693276 << 96)
    q = x - 2855989394907223263936484059900
    q = (q * x >> 96) + 50020603652535783019961831881945
    q = (q * x >> 96) - 533845033583426703283633433725380
    q = (q * x >> 96) + 3604857256930695427073651918091429
    q = (q * x >> 96) - 14423608567350463180887372962807573
    q = (q * x >> 96) + 26449188498355588339934803723976023

    return _toward_zero(p, q) * 3822833074963236453042738258902158003155416615667 >> 195 - twos


def _toward_zero(x: int, denominator: int) -> int:
    quotient = abs(x) // abs(denominator)
    return quotient if (x < 0) == (denominator < 0) else -quotient


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
