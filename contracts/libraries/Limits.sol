// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import { Bounded } from "contracts/libraries/Bounded.sol";
import { Ramp } from "contracts/libraries/Ramp.sol";
import { Limit } from "interfaces/IBounded.sol";

/// @notice Limits that nobody can raise and use at once: down in no time, up over a ramp, by one step an epoch.
library Limits {
    using SafeCast for uint256;

    /// @dev A new one is there at once, and counts as a step.
    function open(Limit storage limit, uint256 value) internal {
        _put(limit, value, value, 0);
        (limit.standing, limit.steppedAt) = (value.toUint112(), uint32(block.timestamp));
    }

    /// @dev By the governor. At zero what stands is left as it was: what was shut may be opened again as wide.
    /// @return arrivesAt zero if it is there
    function set(Limit storage limit, uint256 value, uint256 rampSeconds, uint256 epochSeconds)
        internal
        returns (uint256 arrivesAt)
    {
        if (Bounded.rises(limit.standing, value)) {
            Bounded.requireOver(limit.steppedAt, epochSeconds);
            limit.steppedAt = uint32(block.timestamp);
        }
        if (value != 0) limit.standing = value.toUint112();

        uint256 current = currentOf(limit, rampSeconds);
        if (value <= current) {
            _put(limit, value, value, 0);
        } else if (value == limit.to) {
            return limit.arrivesAt; // it goes there already
        } else {
            arrivesAt = block.timestamp + rampSeconds;
            _put(limit, current, value, arrivesAt);
        }
    }

    /// @dev By the guardian: at once, and what stands is left as it was.
    function tighten(Limit storage limit, uint256 value) internal {
        _put(limit, value, value, 0);
    }

    /// @dev What it is now.
    function currentOf(Limit storage limit, uint256 rampSeconds) internal view returns (uint256) {
        uint256 left = Ramp.leftUntil(limit.arrivesAt, block.timestamp);
        return left == 0 ? limit.to : Ramp.valueAt(limit.start, limit.to, left, rampSeconds);
    }

    function _put(Limit storage limit, uint256 from, uint256 to, uint256 arrivesAt) private {
        (limit.start, limit.to, limit.arrivesAt) = (from.toUint112(), to.toUint112(), uint32(arrivesAt));
    }
}
