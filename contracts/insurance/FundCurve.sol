// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";

/// @notice How much the fund aims for, which part of the fees it gets, and what a share of it is worth.
/// @dev   share  = min + (max − min)·(1 − fund/target),  min at target and above
///        ES     = tail·σ·√(horizon/year)
///        target moves toward multiple·Σ OI·mark·ES, as it stood at two refreshes in a row,
///               by at most target·move·min(elapsed, 1 day)/1 day
///        worth  = shares·fund/supply
library FundCurve {
    using FixedPoint for uint256;

    /// @dev Longest time that one refresh makes up for: whoever comes after a silence moves no more than that.
    uint256 internal constant MOST_ELAPSED = 1 days;

    /// @notice Share [wad] of the fees that goes to the fund. Up: the treasury may lose the wei.
    function shareWad(uint256 fundWad, uint256 targetWad, uint256 minBps, uint256 maxBps)
        internal
        pure
        returns (uint256)
    {
        uint256 least = minBps * (WAD / BPS);
        if (fundWad >= targetWad) return least;
        return least + ((maxBps - minBps) * (WAD / BPS)).mulDivUp(targetWad - fundWad, targetWad);
    }

    /// @notice Expected shortfall of a unit of value [wad] at a yearly volatility. The root rounds down, the rest up.
    function shortfallWad(uint256 volatilityWad, uint256 tailBps, uint256 horizonSeconds)
        internal
        pure
        returns (uint256)
    {
        uint256 root = FixedPointMathLib.sqrt((horizonSeconds * WAD).mulDivDown(WAD, 365 days));
        return (volatilityWad * root).mulDivUp(tailBps, BPS * WAD);
    }

    /// @notice The target [wad] after `elapsed`: as near to what `beforeWad` and `rawWad` agree on as the bound lets it.
    /// Between the two it stays: what is there for a moment moves nothing. The step rounds down.
    function steppedWad(uint256 targetWad, uint256 beforeWad, uint256 rawWad, uint256 moveBps, uint256 elapsed)
        internal
        pure
        returns (uint256)
    {
        (uint256 low, uint256 high) = beforeWad < rawWad ? (beforeWad, rawWad) : (rawWad, beforeWad);
        uint256 agreedWad = FixedPointMathLib.clamp(targetWad, low, high);
        uint256 counted = FixedPointMathLib.min(elapsed, MOST_ELAPSED);
        uint256 step = targetWad.mulDivDown(moveBps * counted, BPS * MOST_ELAPSED);
        return FixedPointMathLib.clamp(agreedWad, targetWad - step, targetWad + step);
    }

    /// @notice What `shares` of `supply` are worth. Down: their holder may lose the wei.
    function worthWad(uint256 shares, uint256 fundWad, uint256 supply) internal pure returns (uint256) {
        return supply == 0 ? 0 : shares.mulDivDown(fundWad, supply);
    }

    /// @notice Shares for money that came in. Down: who brought it may lose the wei.
    function sharesFor(uint256 amountWad, uint256 fundWad, uint256 supply) internal pure returns (uint256) {
        return amountWad.mulDivDown(supply, fundWad);
    }

    /// @notice Surplus [wad] of the protocol's own part above target and slack. Everything up that stays.
    function surplusWad(uint256 fundWad, uint256 ownShares, uint256 stakedShares, uint256 targetWad, uint256 slackBps)
        internal
        pure
        returns (uint256)
    {
        uint256 kept = targetWad.mulDivUp(BPS + slackBps, BPS);
        if (stakedShares != 0) kept += stakedShares.mulDivUp(fundWad, ownShares + stakedShares);
        return FixedPointMathLib.zeroFloorSub(fundWad, kept);
    }
}
