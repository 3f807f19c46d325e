// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice How much of an underlying auctions may sell at once: a leaky bucket of notional for each underlying.
/// @dev level falls by capacity / window a second, and rises by what is taken, up to capacity; free = capacity − level. An
/// underlying without a depth isn't throttled. Notional is the weight of an item (`Health.items`), at least its value.
interface IThrottle {
    event DepthSet(uint16 indexed underlying, uint256 capacityWad, uint256 windowSeconds);
    event DepthDrawn(uint16 indexed underlying, uint256 amountWad, uint256 levelWad);

    error BadDepth(uint256 value, uint256 bound);
    error NotTighter(uint256 current, uint256 proposed);

    /// @notice Notional that may be taken at once, and the time in which all of it comes back; governor, delayed. No capacity:
    /// not throttled.
    function setDepth(uint16 underlying, uint256 capacityWad, uint256 windowSeconds) external;

    /// @notice Less capacity at once, over the same time; guardian. At least `TIGHTEN_BPS` of what the governor set last: auctions
    /// slow down, and never stop. An underlying that isn't throttled stays so (`NotTighter`): there is nothing to measure it by.
    function tightenDepth(uint16 underlying, uint256 capacityWad) external;

    /// @notice Count a slice of `fractionWad` of everything in `items`; Liquidation only. Never refuses: auctions that are not
    /// throttled any more fill the bucket, too.
    function draw(uint256[] calldata items, uint256 fractionWad) external;

    /// @notice Largest fraction of `items` that fits into what is free of every one of their underlyings [wad].
    function fractionOf(uint256[] calldata items) external view returns (uint256 fractionWad);

    /// @notice Notional that is free now [wad]; the largest number there is, if the underlying isn't throttled.
    function freeOf(uint16 underlying) external view returns (uint256 freeWad);

    function depthOf(uint16 underlying) external view returns (uint256 capacityWad, uint256 windowSeconds);

    function MAX_WINDOW_SECONDS() external view returns (uint256);

    /// @notice Share of the governor's capacity that the guardian has to leave.
    function TIGHTEN_BPS() external view returns (uint256);
}
