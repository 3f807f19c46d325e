// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { Black76 } from "contracts/libraries/Black76.sol";
import { WAD } from "contracts/libraries/FixedPoint.sol";
import { Normal } from "contracts/libraries/Normal.sol";

/// @notice Value of an option with its delta, from one bell and two Mills ratios.
/// @dev The value is that of `Black76`, to the wei. With its a and b:
///
///     N(d₁) or 1 − N(d₁) = bell(|d₁|)·mills(|d₁|)     |d₁| = a below the strike, b above; bell(b) = bell(a)·K/F
library ScanQuote {
    /// @dev Value of one unit, and what it gains as the forward rises by one: 0 … 1 of a call, −1 … 0 of a put.
    function quoteWad(uint256 forwardWad, uint256 strikeWad, int256 lnWad, uint256 rootWad, bool isCall)
        internal
        pure
        returns (uint256, int256)
    {
        unchecked {
            (uint256 shareWad, uint256 deltaWad) = _shares(forwardWad, strikeWad, lnWad, rootWad);
            (uint256 callWad, uint256 putWad) = Black76.pricesWad(forwardWad, strikeWad, shareWad);
            return isCall ? (callWad, int256(deltaWad)) : (putWad, int256(deltaWad) - int256(WAD));
        }
    }

    /// @dev Time value as a share of the smaller of F and K, and delta of a call. Without variance: 0 or 1, ½ at the strike.
    function _shares(uint256 forwardWad, uint256 strikeWad, int256 lnWad, uint256 rootWad)
        private
        pure
        returns (uint256 shareWad, uint256 deltaWad)
    {
        unchecked {
            bool above = lnWad >= 0;
            if (rootWad == 0) return (0, lnWad > 0 ? WAD : above ? WAD / 2 : 0);

            uint256 distance = (uint256(above ? lnWad : -lnWad) << 56) / rootWad;
            uint256 half = (rootWad << 55) / WAD;
            bool near = distance < half;
            uint256 a = near ? half - distance : distance - half;
            if (a >= Normal.END_X56) return near ? (WAD, WAD) : (0, above ? WAD : 0);

            uint256 bell = Normal.bellX64(a);
            uint256 first = Normal.millsX112(a);
            uint256 second = Normal.millsX112(distance + half);
            shareWad = near
                ? WAD - ((bell * (first + second) * WAD) >> 176)
                : (bell * FixedPointMathLib.zeroFloorSub(first, second) * WAD) >> 176;
            if (above) {
                deltaWad = FixedPointMathLib.zeroFloorSub(WAD, ((bell * second * WAD) >> 176) * strikeWad / forwardWad);
            } else {
                deltaWad = (bell * first * WAD) >> 176;
                if (near) deltaWad = WAD - deltaWad;
            }
        }
    }
}
