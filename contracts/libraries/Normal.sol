// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { WAD } from "contracts/libraries/FixedPoint.sol";

/// @notice The normal distribution.
/// @dev
///     N(−x) = bell(x)·mills(x)                 x ≥ 0
///     bell  = e^(−x²/2) = 2^(−x²·log₂e/2)      integer part by a shift, the rest by a polynomial of degree 9
///     mills = N(−x)·e^(x²/2) ≈ P(x)/Q(x)       both of degree 6, P(0)/Q(0) = ½
///
/// Inside, numbers have binary places: …X56 56 of them, …X64 64, …X112 112. Horner's rule shifts by 168 = 3·56 after three
/// steps, not by 56 after each; so coefficients of one polynomial differ in scale. All are positive: nothing cancels.
/// `tools/minimax` derives them. An approximation has no direction: it is within `ERROR_WAD` of the exact value.
library Normal {
    /// @dev Beyond it N(−x) is less than half a wei, and counts as zero.
    uint256 internal constant END_X56 = 9 << 56;
    /// @dev How far N(x) may lie from the exact value.
    uint256 internal constant ERROR_WAD = 110_000;

    uint256 private constant END_WAD = 9e18;
    uint256 private constant HALF_LOG2_E_X64 = 13306513097844322492;
    uint256 private constant ROOT_TAU_WAD = 2.506628274631000502e18; // √(2π)

    /// @dev N(x), of any x. Within `ERROR_WAD`; N(−x) + N(x) = 1 to the wei.
    function cdfWad(int256 xWad) internal pure returns (uint256 probabilityWad) {
        unchecked {
            uint256 size = FixedPointMathLib.abs(xWad);
            if (size < END_WAD) {
                uint256 xX56 = (size << 56) / WAD;
                probabilityWad = (bellX64(xX56) * millsX112(xX56) * WAD) >> 176;
            }
            if (xWad > 0) probabilityWad = WAD - probabilityWad;
        }
    }

    /// @dev The density of N at x, of any x. Within `ERROR_WAD`.
    function pdfWad(int256 xWad) internal pure returns (uint256) {
        unchecked {
            uint256 size = FixedPointMathLib.abs(xWad);
            if (size >= END_WAD) return 0;
            return (bellX64((size << 56) / WAD) * WAD / ROOT_TAU_WAD * WAD) >> 64;
        }
    }

    /// @dev e^(−x²/2), for x ≤ END_X56; never above one.
    function bellX64(uint256 xX56) internal pure returns (uint256) {
        unchecked {
            uint256 exponent = (64 << 176) - xX56 * xX56 * HALF_LOG2_E_X64; // 176 places; of 2^64 times the result
            uint256 f = (exponent >> 120) & (2 ** 56 - 1);

            uint256 e = 2663932860609 * f + 1630422538285379531326818206784;
            e = e * f + 1471618294432424623536938907057716981191172150092;
            e = (e * f + 1062585005955533033955023643206517330100706451141740704209128783872) >> 168;
            e = e * f + 1772374991680117691480391303619080;
            e = e * f + 921233067151060635943202955439732656501940467820969;
            e = (e * f + 383075284945324829149074250137864645333803638431798293910086855163904) >> 168;
            e = e * f + 319315798328931344843831552845150618;
            e = e * f + 66390310210770804781010251962376943949535161160412358;
            e = e * f + 6901746346790563787434755862277025452451108972170386555162524223799296;
            return e >> (232 - (exponent >> 176));
        }
    }

    /// @dev N(−x)·e^(x²/2), for x < 32.
    function millsX112(uint256 xX56) internal pure returns (uint256) {
        unchecked {
            uint256 p = 38326290738 * xX56 + 613408606473615780220609248389129;
            p = p * xX56 + 685309171866662562858103281474299713821650868628669;
            p = (p * xX56 + 345090740233439247860087091156677131260291004964718661960600448401408) >> 168;
            p = p * xX56 + 262310499165990017195439200231882792;
            p = p * xX56 + 42410266428533868114738114521007996758508546784608374;
            p = p * xX56 + 3450873173395281893717377931138512726225554486085193277581262111899648; // 232 places

            uint256 q = 21342632868157971 * xX56 + 23832800169296088964407240115090521;
            q = q * xX56 + 12121859024642774666957772463539812835956603743346816;
            q = (q * xX56 + 3533162314039073699556676504527616923041008780422661706218234663927808) >> 168;
            q = q * xX56 + 1645426781808467776100168822408195553;
            q = q * xX56 + 161242691077992126201917706253835285213671141527098241;
            q = (q * xX56 + 6901746346790563787434755862277025452451108972170386555162524223799296) >> 112; // 120 places, and never zero
            assembly ("memory-safe") {
                p := div(p, q)
            }
            return p;
        }
    }
}
