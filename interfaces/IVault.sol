// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IBounded, Limit } from "interfaces/IBounded.sol";

/// @notice Custody of one ERC-20. Moves it for the ledger alone; knows no risk.
/// @dev Counts what it really received: fee-on-transfer tokens credit less than was asked, donations credit nothing.
/// When the token shrank its balance below what is owed (a negative rebase), deposits stop: nobody pays into a hole.
/// What leaves fills a bucket that leaks: full, it holds `capacity` = max(floor, share of what is held), and as much leaks
/// out of it in a window. What doesn't fit is refused for now, never for ever; deposits make no room. What the ledger
/// says is exempt neither fills it nor is refused. Cap and floor fall at once and rise over RAMP_SECONDS, by one step an epoch.
interface IVault is IBounded {
    event Pulled(address indexed from, uint256 amount, uint256 received);
    event Pushed(address indexed to, uint256 amount, uint256 exempt);
    event CapSet(uint256 cap, uint256 arrivesAt); // zero: at once
    event OutflowFloorSet(uint256 floor, uint256 arrivesAt);

    error BadConfig(uint256 value, uint256 bound);
    error NotLedger(address caller);
    error CapExceeded(uint256 held, uint256 cap);
    error Underfunded(uint256 available, uint256 needed);
    error OutflowExceeded(uint256 available, uint256 amount); // too much for now; the bucket leaks
    error NothingReceived();
    error NotTighter(uint256 current, uint256 proposed);
    error TransferFailed(); // the token refused to move out; its own reason is in the trace
    error TransferFromFailed(); // the token refused to move in: balance or allowance, mostly

    /// @notice Take `amount` from `from` (allowance to this vault). Ledger only.
    /// @return received amount that really arrived, in the token's decimals; at most `amount`
    function pull(address from, uint256 amount) external returns (uint256 received);

    /// @notice Send `amount` to `to`; all but `exempt` of it must fit the bucket, or `OutflowExceeded`. Ledger only. Reverts
    /// with `Underfunded` if more than is held.
    /// @dev After a negative rebase whoever comes first is served, until the token refuses.
    function push(address to, uint256 amount, uint256 exempt) external;

    /// @notice Raise the deposit cap by a step, or lower it; governor, delayed.
    function setCap(uint256 cap) external;

    /// @notice Lower the deposit cap; guardian, no delay. Below what is held it stops deposits, never withdrawals.
    function tightenCap(uint256 cap) external;

    /// @notice Raise what may leave in a window by a step, or lower it; governor, delayed.
    function setOutflowFloor(uint256 floor) external;

    /// @notice Lower what may leave in a window; guardian, no delay. The share of what is held stays: nobody is locked in.
    function tightenOutflowFloor(uint256 floor) external;

    function token() external view returns (address);

    function ledger() external view returns (address);

    /// @notice Amount owed to the ledger, in the token's decimals; donations are not counted.
    function held() external view returns (uint256);

    /// @notice What it is now, in the token's decimals.
    function cap() external view returns (uint256);

    function outflowFloor() external view returns (uint256);

    /// @notice How full the bucket is, and how much it holds, in the token's decimals. Above its capacity: what is held, or
    /// the floor, has fallen since.
    function outflow() external view returns (uint256 level, uint256 capacity);

    /// @notice Where cap and floor come from, where they go, and what the next step is measured from.
    function limits() external view returns (Limit memory cap, Limit memory floor);

    /// @notice Share of what is held that may leave in a window, whatever the floor.
    function OUTFLOW_SHARE_BPS() external view returns (uint256);

    /// @notice Time in which a full bucket runs empty [seconds].
    function WINDOW_SECONDS() external view returns (uint256);

    /// @notice Duration of the way of a limit that rises [seconds].
    function RAMP_SECONDS() external view returns (uint256);

    /// @notice Least time between two steps of a limit [seconds].
    function EPOCH_SECONDS() external view returns (uint256);
}
