// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Listens to any report, but needs much gas for it.
contract MockSlowBreaker {
    uint256 public immutable needed;

    event Heard(bytes report);

    constructor(uint256 needed_) {
        needed = needed_;
    }

    fallback() external {
        uint256 start = gasleft();
        while (start < needed || start - gasleft() < needed) { } // out of gas if it was given less
        emit Heard(msg.data);
    }
}
