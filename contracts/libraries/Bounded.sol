// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS } from "contracts/libraries/FixedPoint.sol";
import { IBounded } from "interfaces/IBounded.sol";

/// @notice How far a parameter may move in one step, seen from the value that stands; and how often it may.
/// @dev Each tells whether there is a step at all, so that whoever asks can hold it to one an epoch.
library Bounded {
    uint256 internal constant FALL_BPS = 7_500; // of what stands: a requirement falls no lower
    uint256 internal constant RISE_BPS = 20_000; // of what stands: a limit rises no higher

    /// @dev Whether `next` is lower. The least that is allowed rounds up.
    function falls(uint256 standing, uint256 next) internal pure returns (bool) {
        if (next >= standing) return false;
        uint256 least = (standing * FALL_BPS + BPS - 1) / BPS;
        if (next < least) revert IBounded.StepTooLarge(next, least);
        return true;
    }

    /// @dev Whether `next` is higher. From nothing it may rise to anything: there is nothing to measure it by.
    function rises(uint256 standing, uint256 next) internal pure returns (bool) {
        if (next <= standing) return false;
        uint256 most = standing * RISE_BPS / BPS;
        if (standing != 0 && next > most) revert IBounded.StepTooLarge(next, most);
        return true;
    }

    function requireOver(uint256 steppedAt, uint256 epochSeconds) internal view {
        uint256 until = steppedAt + epochSeconds;
        if (block.timestamp < until) revert IBounded.EpochNotOver(until);
    }
}
