// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice A number on its way to another, in a straight line of time.
/// @dev What is left of the way rounds up, so a change is never ahead of its line, whichever way it goes; and two looks
/// that are t apart differ by at most ⌈way·t/length⌉. Numbers below 2^112, times below 2^32: unchecked, for gas.
library Ramp {
    /// @param leftSeconds until it arrives; zero: it is there
    /// @param lengthSeconds of the whole way, above zero
    function valueAt(uint256 from, uint256 to, uint256 leftSeconds, uint256 lengthSeconds)
        internal
        pure
        returns (uint256)
    {
        if (leftSeconds >= lengthSeconds) return from;
        unchecked {
            uint256 way = from < to ? to - from : from - to;
            uint256 left = (way * leftSeconds + lengthSeconds - 1) / lengthSeconds;
            return from < to ? to - left : to + left;
        }
    }

    /// @notice Seconds from `time` until `endAt`, zero if that is past.
    function leftUntil(uint256 endAt, uint256 time) internal pure returns (uint256) {
        unchecked {
            return endAt > time ? endAt - time : 0;
        }
    }
}
