"""The normal distribution: exact twin of `contracts/libraries/Normal.sol`, where the formulas stand.

Names in `_x56`, `_x64`, `_x112` have so many binary places.
"""

from __future__ import annotations

from typing import Final

from holdfast.units import WAD

END_X56: Final = 9 << 56
"""Beyond it N(−x) is less than half a wei, and counts as zero."""
ERROR_WAD: Final = 110_000
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

    e = 2663932860609 * f + 1630422538285379531326818206784
    e = e * f + 1471618294432424623536938907057716981191172150092
    e = e * f + 1062585005955533033955023643206517330100706451141740704209128783872 >> 168
    e = e * f + 1772374991680117691480391303619080
    e = e * f + 921233067151060635943202955439732656501940467820969
    e = e * f + 383075284945324829149074250137864645333803638431798293910086855163904 >> 168
    e = e * f + 319315798328931344843831552845150618
    e = e * f + 66390310210770804781010251962376943949535161160412358
    e = e * f + 6901746346790563787434755862277025452451108972170386555162524223799296
    return e >> 232 - (exponent >> 176)


def mills_x112(x: int) -> int:
    """N(−x)·e^(x²/2), for x < 32."""
    p = 38326290738 * x + 613408606473615780220609248389129
    p = p * x + 685309171866662562858103281474299713821650868628669
    p = p * x + 345090740233439247860087091156677131260291004964718661960600448401408 >> 168
    p = p * x + 262310499165990017195439200231882792
    p = p * x + 42410266428533868114738114521007996758508546784608374
    p = p * x + 3450873173395281893717377931138512726225554486085193277581262111899648

    q = 21342632868157971 * x + 23832800169296088964407240115090521
    q = q * x + 12121859024642774666957772463539812835956603743346816
    q = q * x + 3533162314039073699556676504527616923041008780422661706218234663927808 >> 168
    q = q * x + 1645426781808467776100168822408195553
    q = q * x + 161242691077992126201917706253835285213671141527098241
    return p // (q * x + 6901746346790563787434755862277025452451108972170386555162524223799296 >> 112)
