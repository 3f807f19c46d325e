// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { MockToken } from "contracts/mocks/MockToken.sol";

/// @notice Burns a share of every transfer.
contract MockFeeToken is MockToken {
    uint256 public feeBps;

    constructor(uint256 feeBps_) MockToken("Fee on transfer", "FEE", 18) {
        feeBps = feeBps_;
    }

    function setFee(uint256 feeBps_) external {
        feeBps = feeBps_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount * feeBps / 1e4;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(0), fee);
    }
}
