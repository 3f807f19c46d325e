// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { WAD } from "contracts/libraries/FixedPoint.sol";

/// @notice The normal distribution.
/// @dev
///     N(−x) = bell(x)·mills(x)                 x ≥ 0
///     bell  = e^(−x²/2) = 2^(−x²·log₂e/2)      integer part by a shift, the rest by a polynomial of degree 10
///     mills = N(−x)·e^(x²/2) ≈ P(x)/Q(x)       of degrees 6 and 7, P(0)/Q(0) = ½
///
/// Inside, numbers have binary places: …X56 56 of them, …X64 64, …X112 112. Horner's rule shifts by 168 = 3·56 after three
/// steps, not by 56 after each; so coefficients of one polynomial differ in scale. All are positive: nothing cancels.
/// `tools/minimax` derives them. An approximation has no direction: it is within `ERROR_WAD` of the exact value.
library Normal {
    /// @dev Beyond it N(−x) is less than half a wei, and counts as zero.
    uint256 internal constant END_X56 = 9 << 56;
    /// @dev How far N(x) may lie from the exact value.
    uint256 internal constant ERROR_WAD = 4_000;

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

            uint256 e = 184590982113 * f + 125503053137341862288208948238;
            e = e * f + 127531094641216586634636947398318203120057886114;
            e = (e * f + 105214765860692063946050006323197447320060355161283348154472054784) >> 168;
            e = e * f + 204753454080724777973676959162869;
            e = e * f + 127709994289712181701764364203131338005819304026408;
            e = (e * f + 66381888993284505111244855698095543676266559270046870146574184349696) >> 168;
            e = e * f + 73777615090584042042289577337360655;
            e = e * f + 23009128169611077826852010768328496362290072543016905;
            e = (e * f + 4783926021217749579233969495122756762126598646534956234174384553590784) >> 168;
            return (e * f + 1329227995784915872903807060280344576) >> (120 - (exponent >> 176));
        }
    }

    /// @dev N(−x)·e^(x²/2), for x < 32.
    function millsX112(uint256 xX56) internal pure returns (uint256) {
        unchecked {
            uint256 p = 1930620856541794 * xX56 + 2603446717472346996456106870249939;
            p = p * xX56 + 1625994839091706334792611469894451945562956043494531;
            p = (p * xX56 + 597910000362839259434349866328255508115941961550318728427242552033280) >> 168;
            p = p * xX56 + 366363461936101870824589411865693782;
            p = p * xX56 + 50322305905212740676814968492949889572512597582900198;
            p = p * xX56 + 3450873173395281893717377931138512726225554486085193277581262111899648; // 232 places

            uint256 q = 4839327878955983 * xX56 + 6525948824232258470969562621073190;
            q = q * xX56 + 4100760723936823724822470182141280142849990450778314;
            q = (q * xX56 + 1532768126807584639572289925672315896146576585799848876068833681473536) >> 168;
            q = q * xX56 + 973891397644270534832246017116780521;
            q = q * xX56 + 146186895607632905510546125469702288661051601655602009;
            q = (q * xX56 + 12759005432625708277513997463289887275738212406974810017520452085219328) >> 168;
            q = q * xX56 + 1329227995784915872903807060280344576; // 120 places, and never zero
            assembly ("memory-safe") {
                p := div(p, q)
            }
            return p;
        }
    }
}
