// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { MockPyth as PythWithoutSignatures } from "@pythnetwork/pyth-sdk-solidity/MockPyth.sol";

/// @notice Pyth's own stand-in for its contract: everything but the signatures.
contract MockPyth is PythWithoutSignatures {
    constructor(uint256 validSeconds, uint256 feeWei) PythWithoutSignatures(validSeconds, feeWei) { }
}
