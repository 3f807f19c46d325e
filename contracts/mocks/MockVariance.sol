// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice As much of an oracle as a surface reads: realised variance, which anybody sets.
contract MockVariance {
    mapping(uint16 underlying => uint256) public varianceOf;

    function set(uint16 underlying, uint256 varianceWad) external {
        varianceOf[underlying] = varianceWad;
    }
}
