"""The normal distribution: exact twin of `contracts/libraries/Normal.sol`, where the formulas stand.

Names in `_x56`, `_x64`, `_x112` have so many binary places.
"""

from __future__ import annotations

from typing import Final

from holdfast.units import WAD

END_X56: Final = 9 << 56
"""Beyond it N(−x) is less than half a wei, and counts as zero."""
ERROR_WAD: Final = 4_000
"""[wad] How far N(x) may lie from the exact value."""

_END_WAD: Final = 9 * WAD
_HALF_LOG2_E_X64: Final = 13306513097844322492
_ROOT_TAU_WAD: Final = 2506628274631000502  # √(2π)
_FRACTION: Final = 2**56 - 1


def cdf_wad(x_wad: int) -> int:
    """N(x), within ERROR_WAD; N(−x) + N(x) = 1 to the wei."""
    probability_wad = 0
    if abs(x_wad) < _END_WAD:
        x_x56 = (abs(x_wad) << 56) // WAD
        probability_wad = bell_x64(x_x56) * mills_x112(x_x56) * WAD >> 176
    return WAD - probability_wad if x_wad > 0 else probability_wad


def pdf_wad(x_wad: int) -> int:
    """The density of N at x, within ERROR_WAD."""
    if abs(x_wad) >= _END_WAD:
        return 0
    return bell_x64((abs(x_wad) << 56) // WAD) * WAD // _ROOT_TAU_WAD * WAD >> 64


def bell_x64(x: int) -> int:
    """e^(−x²/2), for x ≤ END_X56; never above one."""
    exponent = (64 << 176) - x * x * _HALF_LOG2_E_X64
    f = exponent >> 120 & _FRACTION

    e = 184590982113 * f + 125503053137341862288208948238
    e = e * f + 127531094641216586634636947398318203120057886114
    e = e * f + 105214765860692063946050006323197447320060355161283348154472054784 >> 168
    e = e * f + 204753454080724777973676959162869
    e = e * f + 127709994289712181701764364203131338005819304026408
    e = e * f + 66381888993284505111244855698095543676266559270046870146574184349696 >> 168
    e = e * f + 73777615090584042042289577337360655
    e = e * f + 23009128169611077826852010768328496362290072543016905
    e = e * f + 4783926021217749579233969495122756762126598646534956234174384553590784 >> 168
    return e * f + 1329227995784915872903807060280344576 >> 120 - (exponent >> 176)


def mills_x112(x: int) -> int:
    """N(−x)·e^(x²/2), for x < 32."""
    p = 1930620856541794 * x + 2603446717472346996456106870249939
    p = p * x + 1625994839091706334792611469894451945562956043494531
    p = p * x + 597910000362839259434349866328255508115941961550318728427242552033280 >> 168
    p = p * x + 366363461936101870824589411865693782
    p = p * x + 50322305905212740676814968492949889572512597582900198
    p = p * x + 3450873173395281893717377931138512726225554486085193277581262111899648

    q = 4839327878955983 * x + 6525948824232258470969562621073190
    q = q * x + 4100760723936823724822470182141280142849990450778314
    q = q * x + 1532768126807584639572289925672315896146576585799848876068833681473536 >> 168
    q = q * x + 973891397644270534832246017116780521
    q = q * x + 146186895607632905510546125469702288661051601655602009
    q = q * x + 12759005432625708277513997463289887275738212406974810017520452085219328 >> 168
    return p // (q * x + 1329227995784915872903807060280344576)
