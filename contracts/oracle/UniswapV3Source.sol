// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IERC20Metadata } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { IPriceSource } from "interfaces/IPriceSource.sol";
import { IUniswapV3Pool, IUniswapV3Source } from "interfaces/IUniswapV3Source.sol";

/// @notice A pool's mean price.
///
///   price = 1.0001^tick · 10^(decimals of base − decimals of quote) = e^(tick·ln 1.0001 + …·ln 10)
///
/// where tick is the time-weighted mean over the window, fractions kept, with its sign turned where base is the second token.
contract UniswapV3Source is IUniswapV3Source {
    uint32 private constant MIN_WINDOW_SECONDS = 60; // a shorter mean is worth a few blocks of somebody's patience
    int256 private constant LN_TICK_WAD = 99_995_000_333_308; // ln 1.0001, to half a digit: 4e-13 of the price at the last tick
    int256 private constant LN_TEN_WAD = 2_302_585_092_994_045_684;

    IUniswapV3Pool public immutable pool;
    uint32 public immutable windowSeconds;
    bool public immutable isBaseFirst;
    int256 private immutable _SCALE_LN_WAD; // of the decimals

    /// @param base whose price it is; the pool's other token is what the price is in
    constructor(IUniswapV3Pool pool_, address base, uint32 windowSeconds_) {
        (address first, address second) = (pool_.token0(), pool_.token1());
        if (base != first && base != second) revert NotInPool(base);
        if (windowSeconds_ < MIN_WINDOW_SECONDS) revert BadWindow(windowSeconds_, MIN_WINDOW_SECONDS);

        (pool, windowSeconds, isBaseFirst) = (pool_, windowSeconds_, base == first);
        int256 baseDecimals = int256(uint256(IERC20Metadata(base).decimals()));
        int256 quoteDecimals = int256(uint256(IERC20Metadata(base == first ? second : first).decimals()));
        _SCALE_LN_WAD = (baseDecimals - quoteDecimals) * LN_TEN_WAD;
    }

    /// @inheritdoc IPriceSource
    function price() external view returns (uint256 priceWad, uint256 confidenceWad, uint256 updatedAt) {
        uint32 half = windowSeconds / 2;
        uint32[] memory ago = new uint32[](3);
        (ago[0], ago[1]) = (windowSeconds, half);
        (int56[] memory sums,) = pool.observe(ago);

        priceWad = _mean(sums[2] - sums[0], windowSeconds);
        confidenceWad = FixedPointMathLib.dist(priceWad, _mean(sums[2] - sums[1], half));
        return (priceWad, confidenceWad, block.timestamp - half);
    }

    /// @dev Rounded down, to the last digits of a logarithm.
    function _mean(int256 tickSeconds, uint32 elapsed) private view returns (uint256) {
        int256 lnWad = tickSeconds * LN_TICK_WAD / int256(uint256(elapsed));
        return uint256(FixedPointMathLib.expWad((isBaseFirst ? lnWad : -lnWad) + _SCALE_LN_WAD));
    }
}
