// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Grade } from "interfaces/Types.sol";

/// @notice Volatility by underlying, expiry and strike.
interface ISurface {
    /// @notice Smile of annualised variance that is effective now for an expiry, as a `SmileWord`, and how far to trust it.
    function smileOf(uint16 underlying, uint40 expiryAt) external view returns (uint256 smile, Grade grade);
}
