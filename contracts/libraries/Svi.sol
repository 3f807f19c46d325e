// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { ISmile, Smile, SmilePair } from "interfaces/ISmile.sol";

/// @dev A smile in a word, from bit 0 up: aPpb [48] | bPpb [40] | rhoPpb [32] | mPpb [40] | sigmaPpb [40] | free [56], which is
/// whoever keeps it to fill.
type SmileWord is uint256;

uint256 constant SMILE_BITS = 200;

function wordOf(Smile memory s) pure returns (SmileWord) {
    return SmileWord.wrap(
        uint256(uint48(s.aPpb)) | uint256(s.bPpb) << 48 | uint256(uint32(s.rhoPpb)) << 88 | uint256(uint40(s.mPpb))
            << 120 | uint256(s.sigmaPpb) << 160
    );
}

function smileOf(SmileWord word) pure returns (Smile memory) {
    uint256 bits = SmileWord.unwrap(word);
    return Smile(
        int48(uint48(bits)),
        uint40(bits >> 48),
        int32(uint32(bits >> 88)),
        int40(uint40(bits >> 120)),
        uint40(bits >> 160)
    );
}

using { smileOf } for SmileWord global;

/// @notice Smiles of annualised variance, what lies between two of them, and whether they admit arbitrage.
/// @dev
///     v(k)    = a + b·(ρ·(k − m) + √((k − m)² + σ²))                  k = ln(K/F)
///     w(k, T) = v·T                                                   before the first expiry, and after the last
///             = (w₁·(T₂ − T) + w₂·(T − T₁))/(T₂ − T₁)                between two: linear in time
///     g(k)    = (1 − k·v'/(2v))² − T·v'²/(4v) − T²·v'²/16 + T·v''/2   Durrleman's condition: g ≥ 0 where no butterfly pays
///
/// g is concave in T and not negative at T = 0, so a smile without butterfly arbitrage stays so while its time runs down. So does a
/// pair without calendar arbitrage, w₂ ≥ w₁: if v₂ ≥ v₁ it holds at any time, and if not, w₂ − w₁ grows.
///
/// Conditions are looked at on a grid, k = m + σ·sinh θ in steps of `THETA_STEP_WAD`, as far as `GRID_END_WAD` from m: as dense as
/// the smile is bent, whatever its σ; and in the limit, far out. What lies between is not proved.
library Svi {
    using FixedPoint for uint256;

    uint256 private constant PPB = 1e9;
    uint256 private constant YEAR = 365 days;

    int256 internal constant MAX_VARIANCE_PPB = 1_000e9; // of a and b: a volatility of 3,162 %
    int256 internal constant MIN_VARIANCE_PPB = 100_000; // a volatility of 1 %
    int256 internal constant MAX_RHO_PPB = 1e9 - 1;
    int256 internal constant MAX_M_PPB = 10e9;
    int256 internal constant MIN_SIGMA_PPB = 10_000;
    int256 internal constant MAX_SIGMA_PPB = 10e9;
    uint256 internal constant MAX_WING_WAD = 2e18;
    uint256 internal constant THETA_STEP_WAD = 0.25e18;
    uint256 internal constant GRID_END_WAD = 3e18;

    /// @notice A smile at one point of the grid, and its derivatives by k.
    struct Point {
        int256 kWad;
        int256 varianceWad;
        int256 slopeWad;
        int256 curvatureWad;
    }

    /* VALUES */

    /// @dev v(k), down; for |k| below 2^80, of a smile that `checkRange` let through.
    function varianceWadDown(SmileWord word, int256 kWad) internal pure returns (uint256) {
        unchecked {
            uint256 bits = SmileWord.unwrap(word);
            int256 x = kWad - int256(int40(uint40(bits >> 120))) * int256(PPB);
            uint256 sigmaWad = uint256(uint40(bits >> 160)) * PPB;
            uint256 root = FixedPointMathLib.sqrt(uint256(x * x) + sigmaWad * sigmaWad);
            // Not negative, since root ≥ |x| and |ρ| < 1.
            uint256 rise = uint256(int256(int32(uint32(bits >> 88))) * x + int256(root * PPB)) * uint40(bits >> 48);
            return uint256(int256(int48(uint48(bits))) * int256(PPB) + int256(rise / WAD));
        }
    }

    /// @dev w(k, T), down, from the variances of the expiries about T, or of one given twice.
    function totalVarianceWadDown(
        uint256 nearVarianceWad,
        uint256 nearSeconds,
        uint256 farVarianceWad,
        uint256 farSeconds,
        uint256 secondsToExpiry
    ) internal pure returns (uint256) {
        if (secondsToExpiry <= nearSeconds) return nearVarianceWad * secondsToExpiry / YEAR;
        if (secondsToExpiry >= farSeconds) return farVarianceWad * secondsToExpiry / YEAR;
        uint256 sum = nearVarianceWad * nearSeconds * (farSeconds - secondsToExpiry) + farVarianceWad * farSeconds
            * (secondsToExpiry - nearSeconds);
        return sum / ((farSeconds - nearSeconds) * YEAR);
    }

    /// @dev w(k, T), down, of an expiry that lies between two smiles.
    function totalVarianceWadDown(SmilePair memory pair, int256 kWad) internal pure returns (uint256) {
        uint256 nearWad = varianceWadDown(SmileWord.wrap(pair.nearWord), kWad);
        uint256 farWad = pair.nearWord == pair.farWord ? nearWad : varianceWadDown(SmileWord.wrap(pair.farWord), kWad);
        return totalVarianceWadDown(nearWad, pair.nearSeconds, farWad, pair.farSeconds, pair.secondsToExpiry);
    }

    /// @dev What stands in for a smile that is missing or old: realised variance and a surcharge, up, the same at all strikes.
    function flatVarianceWadUp(uint256 realisedVarianceWad, uint256 surchargeBps) internal pure returns (uint256) {
        uint256 leastWad = uint256(MIN_VARIANCE_PPB) * PPB;
        return FixedPointMathLib.max(leastWad, realisedVarianceWad.mulDivUp(BPS + surchargeBps, BPS));
    }

    /// @dev The smile of such a variance, up; at most the largest that a smile may have.
    function flat(uint256 varianceWad) internal pure returns (SmileWord) {
        uint256 levelPpb = FixedPointMathLib.min(varianceWad.mulDivUp(1, PPB), uint256(MAX_VARIANCE_PPB));
        return wordOf(Smile(int48(uint48(levelPpb)), 0, 0, 0, uint40(PPB)));
    }

    /* CONDITIONS */

    /// @dev All that a smile must be by itself, with so much time left.
    function check(Smile memory s, uint256 secondsToExpiry) internal pure {
        checkRange(s);
        uint256 tiltPpb = PPB + FixedPointMathLib.abs(s.rhoPpb);
        uint256 slopeWad = (uint256(s.bPpb) * tiltPpb).mulDivUp(secondsToExpiry, YEAR);
        if (slopeWad > MAX_WING_WAD) revert ISmile.WingTooSteep(slopeWad, MAX_WING_WAD);

        uint256 yearsWad = secondsToExpiry.mulDivUp(WAD, YEAR);
        uint256 steps = stepsOf(s);
        for (uint256 i; i <= 2 * steps; ++i) {
            Point memory p = pointAt(s, _thetaWad(i, steps));
            int256 gWad = butterflyWad(p, yearsWad);
            if (gWad < 0) revert ISmile.ButterflyArbitrage(p.kWad, gWad);
        }
    }

    /// @dev Each parameter within its range, and variance above its floor at every k.
    function checkRange(Smile memory s) internal pure {
        _within(0, s.aPpb, -MAX_VARIANCE_PPB, MAX_VARIANCE_PPB);
        _within(1, int256(uint256(s.bPpb)), 0, MAX_VARIANCE_PPB);
        _within(2, s.rhoPpb, -MAX_RHO_PPB, MAX_RHO_PPB);
        _within(3, s.mPpb, -MAX_M_PPB, MAX_M_PPB);
        _within(4, int256(uint256(s.sigmaPpb)), MIN_SIGMA_PPB, MAX_SIGMA_PPB);

        uint256 straightPpb = FixedPointMathLib.sqrt(PPB * PPB - FixedPointMathLib.abs(s.rhoPpb) ** 2);
        int256 leastPpb = s.aPpb + int256(uint256(s.bPpb) * s.sigmaPpb * straightPpb / (PPB * PPB));
        if (leastPpb < MIN_VARIANCE_PPB) revert ISmile.VarianceTooLow(leastPpb, MIN_VARIANCE_PPB);
    }

    /// @dev Of smiles that `checkRange` let through. No less total variance at the farther expiry: on the grids of both smiles, and far out.
    function checkCalendar(Smile memory near, uint256 nearSeconds, Smile memory far, uint256 farSeconds) internal pure {
        for (uint256 side; side < 2; ++side) {
            uint256 nearPpb = _wingPpb(near, side == 0) * nearSeconds;
            uint256 farPpb = _wingPpb(far, side == 0) * farSeconds;
            if (nearPpb > farPpb) revert ISmile.WingsCross(nearPpb, farPpb);
        }
        (SmileWord nearWord, SmileWord farWord) = (wordOf(near), wordOf(far));
        int256[] memory ks = _gridsWad(near, far);
        for (uint256 i; i < ks.length; ++i) {
            uint256 nearWad = varianceWadDown(nearWord, ks[i]) * nearSeconds;
            uint256 farWad = varianceWadDown(farWord, ks[i]) * farSeconds;
            if (nearWad > farWad) revert ISmile.CalendarArbitrage(ks[i], nearWad, farWad);
        }
    }

    /// @dev Of smiles that `checkRange` let through. Variance moves by no more than a share of what stands: on the grids of both.
    function checkMove(Smile memory standing, Smile memory next, uint256 moveBps) internal pure {
        (SmileWord standingWord, SmileWord nextWord) = (wordOf(standing), wordOf(next));
        int256[] memory ks = _gridsWad(standing, next);
        for (uint256 i; i < ks.length; ++i) {
            uint256 standingWad = varianceWadDown(standingWord, ks[i]);
            uint256 nextWad = varianceWadDown(nextWord, ks[i]);
            if (FixedPointMathLib.dist(standingWad, nextWad) * BPS > standingWad * moveBps) {
                revert ISmile.SmileMoveTooLarge(ks[i], standingWad, nextWad);
            }
        }
    }

    /// @dev g at a point, a few wei off. Of a smile that `checkRange` let through: then no product leaves its word.
    function butterflyWad(Point memory p, uint256 yearsWad) internal pure returns (int256) {
        unchecked {
            int256 wad = int256(WAD);
            int256 yearsSigned = int256(yearsWad);
            int256 square = p.slopeWad * p.slopeWad / wad;
            int256 centre = wad - p.kWad * p.slopeWad / (2 * p.varianceWad);
            return centre * centre / wad - yearsSigned * square / (4 * p.varianceWad) - yearsSigned * yearsSigned / wad
                * square / (16 * wad) + yearsSigned * p.curvatureWad / (2 * wad);
        }
    }

    /// @dev The smile at k = m + σ·sinh θ, where its root is σ·cosh θ; each number a few wei off. No product leaves its word: of 40 to
    /// 48 bits each parameter, and 113 what `stepsOf` lets the exponential grow to.
    function pointAt(Smile memory s, int256 thetaWad) internal pure returns (Point memory p) {
        unchecked {
            int256 wad = int256(WAD);
            int256 ppb = int256(PPB);
            (int256 sinh, int256 cosh) = _hyperbolic(thetaWad);
            int256 b = int256(uint256(s.bPpb));
            int256 rho = s.rhoPpb;
            int256 sigma = int256(uint256(s.sigmaPpb));

            p.kWad = int256(s.mPpb) * ppb + sigma * sinh / ppb;
            p.varianceWad = int256(s.aPpb) * ppb + b * sigma * (rho * sinh / ppb + cosh) / (ppb * ppb);
            p.slopeWad = b * (rho * ppb + sinh * wad / cosh) / ppb;
            // b/σ over cosh³, one by one so that nothing outgrows its word
            p.curvatureWad = b * wad / sigma * wad / cosh * wad / cosh * wad / cosh;
        }
    }

    /// @dev Steps of the grid to each side: the last is at `GRID_END_WAD` or beyond, as asinh x ≤ ln(2·x + 1).
    function stepsOf(Smile memory s) internal pure returns (uint256) {
        uint256 reachWad = 2 * GRID_END_WAD * PPB / s.sigmaPpb + WAD;
        return uint256(FixedPointMathLib.lnWad(int256(reachWad))) / THETA_STEP_WAD + 1;
    }

    /* INTERNAL */

    /// @dev Every k of both grids.
    function _gridsWad(Smile memory s, Smile memory other) private pure returns (int256[] memory ks) {
        (uint256 steps, uint256 otherSteps) = (stepsOf(s), stepsOf(other));
        uint256 points = 2 * steps + 1;
        ks = new int256[](points + 2 * otherSteps + 1);
        for (uint256 i; i < ks.length; ++i) {
            ks[i] = i < points ? _kWad(s, _thetaWad(i, steps)) : _kWad(other, _thetaWad(i - points, otherSteps));
        }
    }

    function _kWad(Smile memory s, int256 thetaWad) private pure returns (int256) {
        unchecked {
            (int256 sinh,) = _hyperbolic(thetaWad);
            return int256(s.mPpb) * int256(PPB) + int256(uint256(s.sigmaPpb)) * sinh / int256(PPB);
        }
    }

    /// @dev sinh and cosh, a few wei off.
    function _hyperbolic(int256 thetaWad) private pure returns (int256 sinh, int256 cosh) {
        unchecked {
            (int256 growth, int256 decay) = (FixedPointMathLib.expWad(thetaWad), FixedPointMathLib.expWad(-thetaWad));
            return ((growth - decay) / 2, (growth + decay) / 2);
        }
    }

    function _thetaWad(uint256 place, uint256 steps) private pure returns (int256) {
        return (int256(place) - int256(steps)) * int256(THETA_STEP_WAD);
    }

    /// @dev How steep the variance is far out, on the right or the left [a square of ppb].
    function _wingPpb(Smile memory s, bool right) private pure returns (uint256) {
        int256 tiltPpb = int256(PPB) + (right ? int256(s.rhoPpb) : -int256(s.rhoPpb));
        return uint256(s.bPpb) * uint256(tiltPpb);
    }

    function _within(uint256 field, int256 valuePpb, int256 lowPpb, int256 highPpb) private pure {
        if (valuePpb < lowPpb || valuePpb > highPpb) {
            revert ISmile.SmileOutOfRange(field, valuePpb, lowPpb, highPpb);
        }
    }
}
