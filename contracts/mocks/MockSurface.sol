// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { ISurface } from "interfaces/ISurface.sol";
import { Grade } from "interfaces/Types.sol";

/// @notice A surface whose smiles are what a test says.
contract MockSurface is ISurface {
    mapping(uint16 underlying => mapping(uint40 expiryAt => uint256)) private _smiles;

    function set(uint16 underlying, uint40 expiryAt, uint256 smile) external {
        _smiles[underlying][expiryAt] = smile;
    }

    function smileOf(uint16 underlying, uint40 expiryAt) external view returns (uint256, Grade) {
        return (_smiles[underlying][expiryAt], Grade.Fresh);
    }
}
