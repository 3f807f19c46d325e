// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { Normal } from "contracts/libraries/Normal.sol";

/// @notice European options on a forward, undiscounted, per whole unit of the underlying (Black, 1976).
/// @dev With F the forward, K the strike, w = σ²·T the total variance:
///
///     call = F·N(d₁) − K·N(d₂)            d₁ = ln(F/K)/√w + √w/2
///     put  = K·N(−d₂) − F·N(−d₁)          d₂ = d₁ − √w
///
/// As F·φ(d₁) = K·φ(d₂), both are their intrinsic value and one *time value*, a share v of the smaller of F and K:
///
///     call = max(F − K, 0) + min(F, K)·v            a = |ln(F/K)|/√w − √w/2      b = a + √w
///     put  = max(K − F, 0) + min(F, K)·v            v = bell(a)·(mills(a) − mills(b))             a ≥ 0
///                                                   v = 1 − bell(a)·(mills(−a) + mills(b))        a < 0
///
/// with bell and mills of `Normal`. So 0 ≤ v ≤ 1, and to the wei: call − put = F − K, max(F − K, 0) ≤ call ≤ F, and
/// max(K − F, 0) ≤ put ≤ K. An approximation has no direction: v lies within `ERROR_WAD` of the exact value where
/// |ln(F/K)| ≤ `MAX_LN_WAD`, so rising variance may lower it by twice that at most.
///
/// Many prices of one expiry need no logarithm and no root each: ln(F/K) changes by ln(1 + shock) where the spot is shocked, and
/// √w by the factor of a shock to volatility.
library Black76 {
    using FixedPoint for uint256;

    /// @dev How far v may lie from the exact value.
    uint256 internal constant ERROR_WAD = 220_000;
    /// @dev Strikes between a millionth of the forward and a million times it. Beyond, v still lies between 0 and 1.
    uint256 internal constant MAX_LN_WAD = 13.8e18;

    /// @notice Sensitivities. Gamma and vega are the same for call and put, and so is theta, as nothing is discounted.
    struct Greeks {
        uint256 callDeltaWad; // of the price to the forward; put: less one
        uint256 gammaWad; // of delta to the forward
        uint256 vegaWad; // of the price to volatility: for 1.00 of it
        uint256 thetaWad; // what the price loses in a year of time, as it goes now
    }

    /// @dev ln(F/K), a few wei off at most. Neither may be zero.
    function lnMoneynessWad(uint256 forwardWad, uint256 strikeWad) internal pure returns (int256) {
        return FixedPointMathLib.lnWad(int256(forwardWad)) - FixedPointMathLib.lnWad(int256(strikeWad));
    }

    /// @dev √w, down.
    function rootWadDown(uint256 varianceWad) internal pure returns (uint256) {
        return FixedPointMathLib.sqrt(varianceWad * WAD);
    }

    /// @dev v, from ln(F/K) and √w: what the innermost loop calls. |ln(F/K)| must be below 400, which no two words exceed, and √w
    /// below 2^190.
    function timeValueWad(int256 lnWad, uint256 rootWad) internal pure returns (uint256) {
        unchecked {
            uint256 distance; // |ln|/√w; a root of zero divides to zero, so a and b are zero and v is, too
            assembly ("memory-safe") {
                let sign := sar(255, lnWad)
                distance := div(shl(56, sub(xor(lnWad, sign), sign)), rootWad)
            }
            uint256 half = (rootWad << 55) / WAD;
            bool below = distance < half;
            uint256 a = below ? half - distance : distance - half;
            if (a >= Normal.END_X56) return below ? WAD : 0;

            uint256 near = Normal.millsX112(a);
            uint256 far = Normal.millsX112(distance + half);
            if (below) return WAD - ((Normal.bellX64(a) * (near + far) * WAD) >> 176);
            // Where a and b all but agree, the rounding of their quotients may turn the difference over.
            return near > far ? (Normal.bellX64(a) * (near - far) * WAD) >> 176 : 0;
        }
    }

    /// @dev Call and put from F, K and v; the time value down: who holds the option may lose the wei. F and K below 2^128.
    function pricesWad(uint256 forwardWad, uint256 strikeWad, uint256 valueWad)
        internal
        pure
        returns (uint256 callWad, uint256 putWad)
    {
        unchecked {
            if (forwardWad > strikeWad) {
                putWad = strikeWad * valueWad / WAD;
                callWad = putWad + forwardWad - strikeWad;
            } else {
                callWad = forwardWad * valueWad / WAD;
                putWad = callWad + strikeWad - forwardWad;
            }
        }
    }

    /// @dev One price from the beginning. F and K below 2^128, w below 2^190.
    function priceWad(uint256 forwardWad, uint256 strikeWad, uint256 varianceWad, bool isCall)
        internal
        pure
        returns (uint256)
    {
        uint256 valueWad;
        if (forwardWad != 0 && strikeWad != 0) {
            valueWad = timeValueWad(lnMoneynessWad(forwardWad, strikeWad), rootWadDown(varianceWad));
        }
        (uint256 callWad, uint256 putWad) = pricesWad(forwardWad, strikeWad, valueWad);
        return isCall ? callWad : putWad;
    }

    /// @dev N(d₁), the delta of a call; a put's is less by one. Without variance: 0 or 1, ½ at the strike.
    function callDeltaWad(int256 lnWad, uint256 rootWad) internal pure returns (uint256) {
        return Normal.cdfWad(_d1Wad(lnWad, rootWad));
    }

    /// @dev All sensitivities, each down. Zero but for delta where there is no variance, no forward or no strike.
    function greeks(uint256 forwardWad, uint256 strikeWad, uint256 varianceWad, uint256 secondsToExpiry)
        internal
        pure
        returns (Greeks memory g)
    {
        if (forwardWad == 0) return g;
        if (strikeWad == 0) {
            g.callDeltaWad = WAD;
            return g;
        }
        int256 lnWad = lnMoneynessWad(forwardWad, strikeWad);
        uint256 rootWad = rootWadDown(varianceWad);
        g.callDeltaWad = callDeltaWad(lnWad, rootWad);
        if (rootWad == 0 || secondsToExpiry == 0) return g;

        uint256 densityWad = Normal.pdfWad(_d1Wad(lnWad, rootWad));
        uint256 yearsWad = secondsToExpiry.mulDivDown(WAD, 365 days);
        g.gammaWad = densityWad.mulDivDown(WAD * WAD, forwardWad * rootWad);
        g.vegaWad = (forwardWad * densityWad).mulDivDown(rootWadDown(yearsWad), WAD * WAD);
        g.thetaWad = (forwardWad * densityWad).mulDivDown(rootWad, 2 * yearsWad * WAD);
    }

    function _d1Wad(int256 lnWad, uint256 rootWad) private pure returns (int256) {
        if (rootWad == 0) return lnWad == 0 ? int256(0) : lnWad < 0 ? type(int128).min : type(int128).max;
        return lnWad * int256(WAD) / int256(rootWad) + int256(rootWad / 2);
    }
}
