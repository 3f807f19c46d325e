// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";

/// @notice The formulas of the backstop; pure.
/// @dev
///     f          = (leverage·E − X₀) / X, at most 1           E, X₀: equity and exposure of the taker, X: of the account
///     concession = c·min(elapsed / unwind, 1)
///     price      = mark·(1 ∓ concession)                      sold at least, bought at most
///     vesting    = profit·(vest − elapsed)/vest
///     reward     = basefee·gas·price of gas, at most cap·gain
///
/// The gain of a takeover isn't counted in f: it makes the taker safer than f assumes.
library BackstopCurve {
    using FixedPoint for uint256;

    /// @dev Down: less is taken over.
    function fractionWad(int256 equityWad, uint256 takerExposureWad, uint256 exposureWad, uint256 leverageBps)
        internal
        pure
        returns (uint256)
    {
        if (equityWad <= 0) return 0;
        uint256 mostWad = uint256(equityWad).mulDivDown(leverageBps, BPS);
        if (mostWad <= takerExposureWad) return 0;
        return shareWad(mostWad - takerExposureWad, exposureWad);
    }

    /// @dev Of a budget of exposure; down: less is taken over.
    function shareWad(uint256 budgetWad, uint256 exposureWad) internal pure returns (uint256) {
        return budgetWad >= exposureWad ? WAD : budgetWad.mulDivDown(WAD, exposureWad);
    }

    /// @dev Least gain [wad] of a slice with that much MM; up: the account's side may lose the wei.
    function leastGainWad(uint256 maintenanceWad, uint256 sliceWad, uint256 minDiscountBps)
        internal
        pure
        returns (uint256)
    {
        return maintenanceWad.mulWadUp(sliceWad).mulDivUp(minDiscountBps, BPS);
    }

    /// @dev [wad] Down: the buyer may lose the wei.
    function concessionWad(uint256 elapsedSeconds, uint256 concessionBps, uint256 unwindSeconds)
        internal
        pure
        returns (uint256)
    {
        uint256 fullWad = concessionBps * (WAD / BPS);
        return elapsedSeconds >= unwindSeconds ? fullWad : fullWad.mulDivDown(elapsedSeconds, unwindSeconds);
    }

    /// @dev Least price of a sale; up.
    function sellPriceWad(uint256 markWad, uint256 concession) internal pure returns (uint256) {
        return markWad.mulWadUp(WAD - concession);
    }

    /// @dev Highest price of a purchase; down.
    function buyPriceWad(uint256 markWad, uint256 concession) internal pure returns (uint256) {
        return markWad.mulWadDown(WAD + concession);
    }

    /// @dev Of a profit, what isn't the holders' yet; up: they may lose the unit.
    function vesting(uint256 profit, uint256 elapsedSeconds, uint256 vestSeconds) internal pure returns (uint256) {
        return elapsedSeconds >= vestSeconds ? 0 : profit.mulDivUp(vestSeconds - elapsedSeconds, vestSeconds);
    }

    /// @dev Down: the caller may lose the wei.
    function rewardWad(uint256 gasCostWad, uint256 gainWad, uint256 capBps) internal pure returns (uint256) {
        uint256 capWad = gainWad.mulDivDown(capBps, BPS);
        return gasCostWad < capWad ? gasCostWad : capWad;
    }
}
