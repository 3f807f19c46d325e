// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

/// @notice A short list of non-zero 16-bit ids in one word, dense from the lowest lane.
library Lanes {
    uint256 internal constant BITS = 16;
    uint256 internal constant ROOM = 16;
    uint256 private constant MASK = 0xffff;

    /// @dev id in lane `i`, zero past the end
    function lane(uint256 lanes, uint256 i) internal pure returns (uint16) {
        return uint16(lanes >> (i * BITS));
    }

    function length(uint256 lanes) internal pure returns (uint256 n) {
        unchecked {
            if (lanes != 0) n = (FixedPointMathLib.log2(lanes) >> 4) + 1; // dense: the highest bit tells, of BITS a lane
        }
    }

    /// @dev Dense, so the last lane tells.
    function isFull(uint256 lanes) internal pure returns (bool) {
        return lanes >> ((ROOM - 1) * BITS) != 0;
    }

    /// @dev Without the lowest lane; where none is left, what follows.
    function shift(uint256 lanes, uint256 more) internal pure returns (uint256, uint256) {
        lanes >>= BITS;
        return lanes == 0 ? (more, 0) : (lanes, more);
    }

    function holds(uint256 lanes, uint16 id) internal pure returns (bool) {
        for (; lanes != 0; lanes >>= BITS) {
            if (uint16(lanes) == id) return true;
        }
        return false;
    }

    /// @dev Append `id`; the caller knows it isn't there and that there is room.
    function add(uint256 lanes, uint16 id) internal pure returns (uint256) {
        return lanes | (uint256(id) << (length(lanes) * BITS));
    }

    /// @dev `other` in the lane of `id`, which is there.
    function swap(uint256 lanes, uint16 id, uint16 other) internal pure returns (uint256) {
        uint256 place;
        while (lane(lanes, place) != id) ++place;
        return lanes ^ (uint256(id ^ other) << (place * BITS));
    }

    /// @dev Take `id` out by moving the last one into its lane; unchanged if it isn't there.
    function remove(uint256 lanes, uint16 id) internal pure returns (uint256) {
        uint256 last = length(lanes);
        for (uint256 i; i < last; ++i) {
            if (lane(lanes, i) != id) continue;

            uint256 top = (last - 1) * BITS;
            uint256 moved = (lanes >> top) & MASK;
            lanes &= ~(MASK << top);
            return i == last - 1 ? lanes : (lanes & ~(MASK << (i * BITS))) | (moved << (i * BITS));
        }
        return lanes;
    }
}
