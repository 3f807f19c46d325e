// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";

/// @notice What a division of either direction gives. The range of a lemma is the type of its arguments.
contract FixedPointLemmas {
    function check_mulDivDown__is_the_floor(uint128 x, uint128 y, uint128 d) external pure {
        if (d == 0) return;
        uint256 q = FixedPoint.mulDivDown(x, y, d);
        unchecked {
            uint256 product = uint256(x) * y;
            assert(q <= product && product - q * d < d);
        }
    }

    function check_mulDivUp__is_the_ceiling(uint128 x, uint128 y, uint128 d) external pure {
        if (d == 0) return;
        uint256 q = FixedPoint.mulDivUp(x, y, d);
        unchecked {
            uint256 product = uint256(x) * y;
            assert(q <= product && q * d - product < d);
        }
    }

    function check_mulWadUp__is_the_ceiling(uint128 x, uint128 y) external pure {
        uint256 q = FixedPoint.mulWadUp(x, y);
        unchecked {
            assert(q * WAD - uint256(x) * y < WAD);
        }
    }

    function check_mulDivUp__is_down_or_one_more(uint256 x, uint256 y, uint256 d) external pure {
        uint256 down = FixedPoint.mulDivDown(x, y, d);
        uint256 up = FixedPoint.mulDivUp(x, y, d);
        assert(up == down || up == down + 1);
    }
}
