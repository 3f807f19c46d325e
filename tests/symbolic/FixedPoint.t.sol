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

    function check_mulWadDown__is_the_floor(uint128 x, uint128 y) external pure {
        uint256 q = FixedPoint.mulWadDown(x, y);
        unchecked {
            assert(uint256(x) * y - q * WAD < WAD);
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

    function check_mulDivFloor__mirrors_mulDivCeil(int128 x, uint128 y, uint256 d) external pure {
        assert(FixedPoint.mulDivCeil(-int256(x), y, d) == -FixedPoint.mulDivFloor(x, y, d));
    }

    function check_mulDivFloor__never_above_mulDivCeil(int128 x, uint128 y, uint256 d) external pure {
        int256 floor = FixedPoint.mulDivFloor(x, y, d);
        int256 ceil = FixedPoint.mulDivCeil(x, y, d);
        assert(floor == ceil || floor + 1 == ceil);
    }

    function check_mulDivDown__never_overflows(uint128 x, uint128 y, uint128 d) external view {
        if (d == 0) return;
        try this.mulDivDown(x, y, d) { }
        catch {
            assert(false);
        }
    }

    function mulDivDown(uint256 x, uint256 y, uint256 d) external pure returns (uint256) {
        return FixedPoint.mulDivDown(x, y, d);
    }
}
