// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { MockToken } from "contracts/mocks/MockToken.sol";

/// @notice Every balance is a share times a factor that anybody may change.
contract MockRebasingToken is MockToken {
    uint256 public factorWad = 1e18;

    constructor() MockToken("Rebasing", "REB", 18) { }

    function rebase(uint256 factorWad_) external {
        factorWad = factorWad_;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return super.balanceOf(account) * factorWad / 1e18;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount * 1e18 / factorWad);
    }
}
