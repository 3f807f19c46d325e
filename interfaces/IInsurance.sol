// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice The insurance fund: receives its share of fees and penalties, pays in the insured phase.
/// @dev Its money is cash in two ledger accounts it owns: FUND, which pays, and FEES, where trading fees arrive and are
/// split between the fund and the treasury. FUND is never negative: nothing is paid beyond its cash.
interface IInsurance {
    event FeesDistributed(uint256 fundWad, uint256 treasuryWad);
    event Paid(uint16 indexed underlying, uint64 indexed account, uint256 wantedWad, uint256 paidWad);
    event CapSet(uint16 indexed underlying, uint256 capWad);
    event FundShareSet(uint256 shareBps);

    error NotTighter(uint256 current, uint256 proposed);
    error BadShare(uint256 shareBps);
    error BadCap(uint256 capWad);

    /// @notice Pay up to `wantedWad` to `account`, within FUND's cash and what is left of the market's cap.
    /// Liquidation only. Distributes pending fees first.
    function pay(uint16 underlying, uint64 account, uint256 wantedWad) external returns (uint256 paidWad);

    /// @notice Split FEES between FUND and the treasury. Permissionless.
    function distribute() external returns (uint256 fundWad, uint256 treasuryWad);

    /// @notice Send `amount` of settlement token (its decimals) from TREASURY to `to`; governor, delayed.
    function payTreasury(address to, uint256 amount) external;

    /// @notice What `pay` could pay for a market now [wad], pending fees included. A promise: it can pay DUST_WAD more.
    function capacity(uint16 underlying) external view returns (uint256);

    /// @notice Most that a market may ever draw [wad]; governor, delayed.
    function setCap(uint16 underlying, uint256 capWad) external;

    /// @notice Lower the cap of a market; guardian, no delay.
    function tightenCap(uint16 underlying, uint256 capWad) external;

    /// @notice Share of trading fees that goes to the fund; governor, delayed.
    function setFundShare(uint256 shareBps) external;

    function capOf(uint16 underlying) external view returns (uint256);

    function drawnOf(uint16 underlying) external view returns (uint256);

    function fundShareBps() external view returns (uint256);

    function DUST_WAD() external view returns (uint256);

    function FUND() external view returns (uint64);

    function FEES() external view returns (uint64);

    function TREASURY() external view returns (uint64);
}
