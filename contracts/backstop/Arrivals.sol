// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { ILedger } from "interfaces/ILedger.sol";
import { IVault } from "interfaces/IVault.sol";

/// @notice Settlement tokens from people into an account of the ledger, by way of this contract.
library Arrivals {
    using SafeERC20 for IERC20;

    error Short(uint256 arrived, uint256 meant);

    /// @dev All of it, or nothing: what a token keeps for itself would be paid by others.
    function receiveFrom(address from, ILedger ledger, IVault vault, uint64 account, uint256 amount) internal {
        IERC20 token = IERC20(vault.token());
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        _check(FixedPointMathLib.zeroFloorSub(token.balanceOf(address(this)), before), amount);

        uint256 held = vault.held();
        ledger.deposit(account, 0, amount);
        _check(vault.held() - held, amount);
    }

    function _check(uint256 arrived, uint256 meant) private pure {
        if (arrived < meant) revert Short(arrived, meant);
    }
}
