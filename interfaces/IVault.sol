// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Custody of one ERC-20. Moves it for the ledger alone; knows no risk.
/// @dev Counts what it really received: fee-on-transfer tokens credit less than was asked, donations credit nothing.
/// When the token shrank its balance below what is owed (a negative rebase), deposits stop: nobody pays into a hole.
interface IVault {
    event Pulled(address indexed from, uint256 amount, uint256 received);
    event Pushed(address indexed to, uint256 amount);
    event CapSet(uint256 cap);

    error NotLedger(address caller);
    error CapExceeded(uint256 held, uint256 cap);
    error Underfunded(uint256 available, uint256 needed);
    error NothingReceived();
    error NotTighter(uint256 current, uint256 proposed);
    error TransferFailed(); // the token refused to move out; its own reason is in the trace
    error TransferFromFailed(); // the token refused to move in: balance or allowance, mostly

    /// @notice Take `amount` from `from` (allowance to this vault). Ledger only.
    /// @return received amount that really arrived, in the token's decimals; at most `amount`
    function pull(address from, uint256 amount) external returns (uint256 received);

    /// @notice Send `amount` to `to`. Ledger only. Reverts with `Underfunded` if more than is held.
    /// @dev After a negative rebase whoever comes first is served, until the token refuses.
    function push(address to, uint256 amount) external;

    /// @notice Raise or lower the deposit cap; governor, delayed.
    function setCap(uint256 cap) external;

    /// @notice Lower the deposit cap; guardian, no delay. Below what is held it stops deposits, never withdrawals.
    function tightenCap(uint256 cap) external;

    function token() external view returns (address);

    function ledger() external view returns (address);

    /// @notice Amount owed to the ledger, in the token's decimals; donations are not counted.
    function held() external view returns (uint256);

    function cap() external view returns (uint256);
}
