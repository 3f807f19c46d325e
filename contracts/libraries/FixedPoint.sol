// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

uint256 constant WAD = 1e18;
uint256 constant BPS = 1e4;

/// @notice Multiply and divide with the direction of the rounding in the name.
/// @dev Down/Up are for unsigned values; Floor (toward −∞) and Ceil (toward +∞) for signed ones.
/// Products must fit 256 bits, or the call reverts; every quantity of the ledger fits 128.
library FixedPoint {
    using FixedPointMathLib for uint256;

    /// @dev ⌊x·y/d⌋
    function mulDivDown(uint256 x, uint256 y, uint256 d) internal pure returns (uint256) {
        return x.mulDiv(y, d);
    }

    /// @dev ⌈x·y/d⌉
    function mulDivUp(uint256 x, uint256 y, uint256 d) internal pure returns (uint256) {
        return x.mulDivUp(y, d);
    }

    /// @dev ⌊x·y/1e18⌋
    function mulWadDown(uint256 x, uint256 y) internal pure returns (uint256) {
        return x.mulWad(y);
    }

    /// @dev ⌈x·y/1e18⌉
    function mulWadUp(uint256 x, uint256 y) internal pure returns (uint256) {
        return x.mulWadUp(y);
    }

    /// @dev ⌊x·y/d⌋ for signed x
    function mulDivFloor(int256 x, uint256 y, uint256 d) internal pure returns (int256) {
        return x < 0 ? -int256(uint256(-x).mulDivUp(y, d)) : int256(uint256(x).mulDiv(y, d));
    }

    /// @dev ⌈x·y/d⌉ for signed x
    function mulDivCeil(int256 x, uint256 y, uint256 d) internal pure returns (int256) {
        return x < 0 ? -int256(uint256(-x).mulDiv(y, d)) : int256(uint256(x).mulDivUp(y, d));
    }

    function abs(int256 x) internal pure returns (uint256) {
        return FixedPointMathLib.abs(x);
    }
}
