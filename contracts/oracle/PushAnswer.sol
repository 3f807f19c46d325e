// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

uint256 constant WAD_DECIMALS = 18;

/// @dev The answer of a push feed in wad; zero where it is no price: not positive, wider than any price, or of more decimals
/// than a wad.
function pushedWad(int256 answer, uint256 decimals) pure returns (uint256) {
    if (answer <= 0 || answer > int256(uint256(type(uint88).max)) || decimals > WAD_DECIMALS) return 0;
    return uint256(answer) * 10 ** (WAD_DECIMALS - decimals);
}
