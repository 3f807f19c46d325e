// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { WAD } from "contracts/libraries/FixedPoint.sol";
import { Normal } from "contracts/libraries/Normal.sol";

/// @notice Value of a call with its delta, from one bell and two Mills ratios.
/// @dev The value is that of `Black76`, to the wei. With its a and b:
///
///     N(d₁) or 1 − N(d₁) = bell(|d₁|)·mills(|d₁|)     |d₁| = a below the strike, b above; bell(b) = bell(a)·K/F
library ScanQuote {
    /// @dev Value of one unit, and what it gains as the forward rises by one. Without variance: 0 or 1, ½ at the strike.
    function callWad(uint256 forwardWad, uint256 strikeWad, int256 lnWad, uint256 rootWad)
        internal
        pure
        returns (uint256 valueWad, uint256 deltaWad)
    {
        unchecked {
            uint256 shareWad; // time value, of the smaller of F and K
            (shareWad, deltaWad) = _shares(forwardWad, strikeWad, lnWad, rootWad);
            valueWad = FixedPointMathLib.min(forwardWad, strikeWad) * shareWad / WAD
                + FixedPointMathLib.zeroFloorSub(forwardWad, strikeWad);
        }
    }

    function _shares(uint256 forwardWad, uint256 strikeWad, int256 lnWad, uint256 rootWad)
        private
        pure
        returns (uint256 shareWad, uint256 deltaWad)
    {
        unchecked {
            if (rootWad == 0) return (0, lnWad > 0 ? WAD : lnWad == 0 ? WAD / 2 : 0);

            uint256 half = (rootWad << 55) / WAD;
            uint256 distance = (FixedPointMathLib.abs(lnWad) << 56) / rootWad;
            bool near = distance < half;
            uint256 a = near ? half - distance : distance - half;
            if (a >= Normal.END_X56) return near ? (WAD, WAD) : (0, lnWad < 0 ? 0 : WAD);

            uint256 bell = Normal.bellX64(a) * WAD;
            uint256 first = Normal.millsX112(a);
            uint256 second = Normal.millsX112(distance + half);
            shareWad = near
                ? WAD - ((bell * (first + second)) >> 176)
                : (bell * FixedPointMathLib.zeroFloorSub(first, second)) >> 176;
            if (lnWad < 0) {
                deltaWad = (bell * first) >> 176;
                if (near) deltaWad = WAD - deltaWad;
            } else {
                deltaWad = WAD - FixedPointMathLib.min(WAD, ((bell * second) >> 176) * strikeWad / forwardWad);
            }
        }
    }
}
