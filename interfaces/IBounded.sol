// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A limit that falls at once and rises in a straight line. The first word is read where it is used, the second by
/// governance alone.
struct Limit {
    uint112 start; // where its way began,
    uint112 to; // …where it goes,
    uint32 arrivesAt; // …and when it arrives; in the past: it is there
    uint112 standing; // the last but zero that the governor set: the next step is measured from it
    uint32 steppedAt; // when it was last raised beyond that
}

/// @notice What contracts say whose parameters move within bounds: one step an epoch, no larger than a share of what stands.
interface IBounded {
    error StepTooLarge(uint256 value, uint256 bound); // more than one step away from the value that stands
    error EpochNotOver(uint256 until); // the last step was less than an epoch ago
}
