// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { MockToken } from "contracts/mocks/MockToken.sol";

/// @notice Calls a target in the middle of every transfer, and keeps what came of it.
contract MockReentrantToken is MockToken {
    address public target;
    bytes public data;
    uint256 public calls;
    bool public lastSuccess;
    bytes public lastResult;

    constructor(uint8 decimals_) MockToken("Reentrant", "REE", decimals_) { }

    /// @notice Call `target_` with `data_` in every transfer from now on; the zero address stops it.
    function arm(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0) || from == address(0)) return;
        ++calls;
        (lastSuccess, lastResult) = target.call(data);
    }
}
