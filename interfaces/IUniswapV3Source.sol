// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IPriceSource } from "interfaces/IPriceSource.sol";

/// @notice The functions of a Uniswap V3 pool that we use.
interface IUniswapV3Pool {
    function token0() external view returns (address);

    function token1() external view returns (address);

    /// @notice The sums of tick·seconds as of so many seconds ago; reverts beyond what the pool remembers.
    function observe(uint32[] calldata secondsAgos)
        external
        view
        returns (int56[] memory tickCumulatives, uint160[] memory secondsPerLiquidityCumulativeX128s);
}

/// @notice The time-weighted geometric mean price of a Uniswap V3 pool over a window that ends now.
/// @dev What a trade does within a block weighs nothing: each tick counts by the seconds that it stood. As a mean it is
/// as of the middle of its window. By its own account it may be wrong by what lies between it and the mean of the newer half.
interface IUniswapV3Source is IPriceSource {
    error NotInPool(address token);
    error BadWindow(uint256 windowSeconds, uint256 minSeconds);
}
