// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";

/// @notice The formulas of an auction; pure.
/// @dev
///     d      = d₀ + (d₁ − d₀)·progress                   progress: 0 at the start, 1 at the end of the ramp
///     f*     = (T·MM − E) / ((T − d)·MM), at most 1      after it: E' = T·MM'
///     reward = basefee·gas·(1 + margin)·price, at most share·d₁·MM
///     tax    = tip·gas·price·share of it, at most the taker's gain
///     share  = deficit·N/G, at most N                    N: notional of the position, G: of all positions
///
/// The clock is apart from the curve: `discountWad` knows progress alone, so time may be replaced by accumulated
/// variance without touching anything else.
library AuctionCurve {
    using FixedPoint for uint256;
    using FixedPoint for int256;

    /// @notice Everything that the size and price of a slice depend on.
    struct Terms {
        int256 equityWad; // E
        uint256 maintenanceWad; // MM
        uint256 discountWad; // [wad] d
        uint256 targetWad; // [wad] T > d
        uint256 dustWad;
        uint256 maxFractionWad; // what the taker wants at most
        uint256 depthWad; // fraction that the depth of its markets lets through
        uint256 capacityWad; // what the insurance fund can pay; read in the insured phase only
        bool insured;
        bool hasLegs;
    }

    /// @notice A slice and who pays what for it.
    struct Slice {
        uint256 fractionWad;
        int256 paymentWad; // ⌊f·E⌋ − discount
        uint256 discountWad; // [wad] amount, in favour of the taker
        uint256 insuranceWad; // from the fund to the account
    }

    /// @dev Share of the ramp that has passed; down, so the taker may lose the wei.
    function progressWad(uint256 elapsedSeconds, uint256 rampSeconds) internal pure returns (uint256) {
        return elapsedSeconds >= rampSeconds ? WAD : elapsedSeconds.mulDivDown(WAD, rampSeconds);
    }

    /// @dev d; down, so the taker may lose the wei. Needs d₀ ≤ d₁.
    function discountWad(uint256 progress, uint256 startBps, uint256 endBps) internal pure returns (uint256) {
        return (startBps * WAD + (endBps - startBps) * progress) / BPS;
    }

    /// @dev f*; up, so the target is reached whoever loses the wei. Needs E < T·MM and d < T.
    function largestWad(int256 equityWad, uint256 maintenanceWad, uint256 d, uint256 targetWad)
        internal
        pure
        returns (uint256)
    {
        // f* ≥ 1 exactly where E ≤ d·MM; also the way round MM = 0.
        if (equityWad <= int256(maintenanceWad.mulWadDown(d))) return WAD;

        uint256 missing = targetWad * maintenanceWad - WAD * uint256(equityWad);
        uint256 fractionWad = missing.mulDivUp(WAD, (targetWad - d) * maintenanceWad);
        return fractionWad < WAD ? fractionWad : WAD;
    }

    /// @dev Size and price of a slice.
    ///   - Discount down: the taker may lose the wei. Value f·E down: of a positive one the taker may lose the wei, of a
    ///     deficit the fund pays it, never the account's lenders.
    ///   - Solvent phase: discount ≤ f·E, so payment ≥ 0.
    ///   - Insured, E > 0: the fund adds what is missing, as far as it can; the rest lowers the discount.
    ///   - Insured, E ≤ 0, with positions: the slice shrinks to what the fund can pay; what it can't is deleveraged.
    ///   - Insured, E ≤ 0, collateral alone: nothing can be deleveraged, so it is sold and the rest stays as debt.
    function slice(Terms memory t) internal pure returns (Slice memory s) {
        uint256 fullWad = t.maintenanceWad.mulWadDown(t.discountWad);
        uint256 f = _fraction(t);

        int256 valueWad = t.equityWad.mulDivFloor(f, WAD);
        uint256 idealWad = fullWad.mulWadDown(f);
        uint256 shortfallWad = int256(idealWad) > valueWad ? uint256(int256(idealWad) - valueWad) : 0;

        if (shortfallWad != 0) {
            if (t.insured && t.equityWad <= 0 && t.hasLegs && shortfallWad > t.capacityWad) {
                f = t.capacityWad.mulDivDown(WAD, fullWad + uint256(-t.equityWad));
                valueWad = t.equityWad.mulDivFloor(f, WAD);
                idealWad = fullWad.mulWadDown(f);
                shortfallWad = uint256(int256(idealWad) - valueWad); // ≤ capacity, since f was rounded down
            }
            if (t.insured) s.insuranceWad = shortfallWad < t.capacityWad ? shortfallWad : t.capacityWad;
            if (t.equityWad > 0) idealWad = uint256(valueWad) + s.insuranceWad;
        }
        if (f == 0) revert ILiquidation.BadFraction(0);

        s.fractionWad = f;
        s.discountWad = idealWad;
        s.paymentWad = valueWad - int256(idealWad);
    }

    /// @dev Part of the full penalty d₁·MM. Down: the starter may lose the wei.
    function penaltyShareWad(uint256 maintenanceWad, uint256 endBps, uint256 shareBps) internal pure returns (uint256) {
        return maintenanceWad.mulDivDown(endBps * shareBps, BPS * BPS);
    }

    /// @dev Start reward: what the account pays out of positive equity, and what the fund adds, at most the bare gas.
    /// Together at most `shareWad` of the penalty. Down: the starter may lose the wei.
    function reward(uint256 gasCostWad, uint256 marginBps, uint256 shareWad, int256 equityWad)
        internal
        pure
        returns (uint256 ownWad, uint256 fundWad)
    {
        uint256 availableWad = equityWad > 0 ? uint256(equityWad) : 0;
        ownWad = _least(_least(gasCostWad.mulDivDown(BPS + marginBps, BPS), shareWad), availableWad);
        uint256 bareWad = _least(gasCostWad, shareWad);
        if (bareWad > ownWad) fundWad = bareWad - ownWad;
    }

    /// @dev Takes `wantedWad` back from the taker's gain, at most all of it. The fund gets its share, the account the rest, by a
    /// smaller discount; what the account gets the fund needn't insure. The fund's part up: the account may lose the wei.
    function tax(Slice memory s, uint256 fundShareWad, uint256 wantedWad, uint256 fundShareBps)
        internal
        pure
        returns (uint256 taxWad, uint256 fundWad)
    {
        taxWad = _least(wantedWad, s.discountWad - fundShareWad);
        uint256 partWad = taxWad.mulDivUp(fundShareBps, BPS);
        fundWad = fundShareWad + partWad;

        s.discountWad -= taxWad - partWad;
        s.paymentWad += int256(taxWad - partWad);
        s.insuranceWad = _least(s.insuranceWad, s.paymentWad < 0 ? uint256(-s.paymentWad) : 0);
    }

    /// @dev What one position must gain against the mark. Up: the opposite side pays the wei, or the account would keep
    /// a deficit that nobody can close. At most its notional: nobody pays more than what is closed against him is worth.
    function deficitShareWad(uint256 deficitWad, uint256 notionalWad, uint256 grossWad)
        internal
        pure
        returns (uint256)
    {
        if (deficitWad >= grossWad) return notionalWad; // also the way round a gross of zero
        return deficitWad.mulDivUp(notionalWad, grossWad);
    }

    /// @dev The smaller of f* and what the taker wants; whole where the remainder would be dust.
    function _fraction(Terms memory t) private pure returns (uint256 f) {
        if (t.maxFractionWad == 0 || t.maxFractionWad > WAD) revert ILiquidation.BadFraction(t.maxFractionWad);

        f = largestWad(t.equityWad, t.maintenanceWad, t.discountWad, t.targetWad);
        f = _least(f, _least(t.maxFractionWad, t.depthWad));
        if (f == WAD) return f;

        uint256 remainderWad = t.maintenanceWad.mulWadUp(WAD - f);
        if (remainderWad >= t.dustWad) return f;
        // Never more than the taker agreed to.
        if (t.maxFractionWad < WAD) revert ILiquidation.DustRemainder(remainderWad, t.dustWad);
        return WAD;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
