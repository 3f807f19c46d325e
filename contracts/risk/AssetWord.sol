// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS } from "contracts/libraries/FixedPoint.sol";
import { Ramp } from "contracts/libraries/Ramp.sol";
import { IRisk } from "interfaces/IRisk.sol";

/// @dev Haircuts of an asset in one slot, zero if never set. Two lanes of 64 bits from bit 0 up, initial and maintenance:
/// toBps [16] | fromBps [16] | endAt [32]. Then what the governor set last: standingInitialBps [16]
/// | standingMaintenanceBps [16] | steppedAt [32].
type AssetWord is uint256;

uint256 constant LANE_BITS = 64;

/// @dev One haircut on its way.
function laneOf(uint256 toBps, uint256 fromBps, uint256 endAt) pure returns (uint256) {
    return toBps | fromBps << 16 | endAt << 32;
}

function wordOf(uint256 initialLane, uint256 maintenanceLane, uint256 standing) pure returns (AssetWord) {
    return AssetWord.wrap(initialLane | maintenanceLane << LANE_BITS | standing << 2 * LANE_BITS);
}

function initialLane(AssetWord word) pure returns (uint256) {
    return uint64(AssetWord.unwrap(word));
}

function maintenanceLane(AssetWord word) pure returns (uint256) {
    return uint64(AssetWord.unwrap(word) >> LANE_BITS);
}

/// @dev What the governor set last, as a lane: initial haircut, maintenance haircut, time of the last step.
function standingLane(AssetWord word) pure returns (uint256) {
    return AssetWord.unwrap(word) >> 2 * LANE_BITS;
}

/// @dev Where a lane goes, where it comes from, and when it arrives.
function partsOf(uint256 lane) pure returns (uint256 toBps, uint256 fromBps, uint256 endAt) {
    return (uint16(lane), uint16(lane >> 16), uint32(lane >> 32));
}

/// @dev Where a haircut stands at `time`. It falls over `fallSeconds`, it rises over `riseSeconds`.
function laneAt(uint256 lane, uint256 time, uint256 fallSeconds, uint256 riseSeconds) pure returns (uint256) {
    (uint256 toBps, uint256 fromBps, uint256 endAt) = partsOf(lane);
    uint256 left = Ramp.leftUntil(endAt, time);
    return left == 0 ? toBps : Ramp.valueAt(fromBps, toBps, left, toBps < fromBps ? fallSeconds : riseSeconds);
}

/// @dev Where both go. Never set: counts for nothing, rather than in full.
function targetOf(AssetWord word) pure returns (IRisk.AssetParams memory p) {
    if (AssetWord.unwrap(word) == 0) return IRisk.AssetParams(uint16(BPS), uint16(BPS));
    return IRisk.AssetParams(uint16(word.initialLane()), uint16(word.maintenanceLane()));
}

using { initialLane, maintenanceLane, standingLane, targetOf } for AssetWord global;
