// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Trips the breaker where a condition holds that anybody can see on the chain: no new risk in that market for
/// TRIGGER_SECONDS. Permissionless: whoever calls decides nothing but when.
/// @dev Each report is good for one restriction: the same drawdown, or the same silence, can't be reported twice, so none can be
/// extended. Reports neither wait for the guardian's cooldown nor start it.
interface ISentinel {
    /// @notice What a market had drawn of the insurance fund when somebody looked, and what the fund could pay for it then.
    struct Mark {
        uint128 drawnWad; // [wad]
        uint96 capacityWad; // [wad]
        uint32 markedAt; // [seconds]
    }

    event Marked(uint16 indexed underlying, uint256 drawnWad, uint256 capacityWad);
    event DrawdownReported(uint16 indexed underlying, uint256 drawnWad, uint256 capacityWad, address indexed by);
    event SilenceReported(uint16 indexed underlying, uint64 indexed account, uint256 silentSince, address indexed by);

    error StillMarked(uint16 underlying, uint256 until);
    error NotMarked(uint16 underlying, uint256 markedAt);
    error NoDrawdown(uint16 underlying, uint256 drawnWad, uint256 neededWad);
    error NotSilent(uint64 account, uint256 silentFrom);
    error AlreadyReported(uint64 account, uint256 silentSince);
    error Healthy(uint64 account, int256 equityWad, uint256 maintenanceWad);
    error NotInAuction(uint64 account);
    error BadWatch(uint256 value, uint256 bound);

    /// @notice Remember what a market has drawn: the start of a window of WINDOW_SECONDS. Not before the last one is over.
    function mark(uint16 underlying) external;

    /// @notice The market has drawn DRAWDOWN_BPS of what the fund could pay for it at the mark, within the window. A new window
    /// begins.
    function reportDrawdown(uint16 underlying) external;

    /// @notice An auction ran out SILENCE_SECONDS ago, anybody may still take or restart it, and nobody did.
    /// @dev Once for each run. The market is that on whose insurance the auction draws.
    function reportSilence(uint64 account) external;

    function markOf(uint16 underlying) external view returns (Mark memory);

    /// @notice Run (its start) of an account's auction whose silence was reported last.
    function reportedOf(uint64 account) external view returns (uint256 silentSince);

    function WINDOW_SECONDS() external view returns (uint256);

    function DRAWDOWN_BPS() external view returns (uint256);

    function SILENCE_SECONDS() external view returns (uint256);
}
