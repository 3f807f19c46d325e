// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IERC1271 } from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import { ITranche } from "interfaces/ITranche.sol";

/// @notice The hand of a tranche: takes over, and turns what it took into cash again, on an account of its own.
/// @dev Its account, RISK, has what the tranche staked in this epoch and nothing else to lose. What it holds is for sale to
/// anyone, by a price that falls with the time since the last takeover:
///   positions    through the venue: the desk signs (EIP-1271) what shrinks its position at its price or better
///   collateral   `sellCollateral`
interface IDesk is IERC1271 {
    event TakenOver(
        uint64 indexed account, uint256 fractionWad, uint256 gainWad, uint256 rewardAmount, address indexed by
    );
    event CollateralSold(uint16 indexed asset, uint256 amount, uint256 paidAmount, address indexed by);

    error WrongMarket(uint64 account, uint16 market);
    error TooEarly(uint64 account, uint256 opensAt);
    error NoRoom(int256 equityWad, uint256 exposureWad);
    error DiscountBelowMinimum(uint256 gainWad, uint256 leastWad);
    error NotHeld(uint16 asset, uint256 held, uint256 wanted);
    error PriceNotUsable(uint16 underlying);
    error TooDear(uint256 amount, uint256 mostAmount);
    error ZeroAmount();

    /// @notice Take over what the auction of `account` didn't sell, as far as loss cap and leverage allow. Anyone.
    /// @dev From waitSeconds after the end of the auction's ramp on, counted anew from its restart or the end of a halt;
    /// in auctions of this market alone; while the market, everything, and all that the account and RISK hold is free to
    /// be traded: a contested price stops it, whoever would profit. The caller gets a reward that follows the base fee; none
    /// where withdrawals wait.
    /// @return fractionWad slice taken
    /// @return gainWad against the mark, the fund's share deducted, the reward not
    function takeOver(uint64 account) external returns (uint256 fractionWad, uint256 gainWad);

    /// @notice Buy collateral that RISK holds, at its price less the concession of now, in the settlement token.
    /// @param mostAmount what the buyer pays at most (allowance to this contract)
    function sellCollateral(uint16 asset, uint256 amount, uint256 mostAmount, address to)
        external
        returns (uint256 paidAmount);

    /// @notice Is `signature` an order, ABI-encoded, whose hash at the venue is `hash`, that shrinks RISK's position at a
    /// price no worse than the mark less the concession of now?
    /// @dev Asked in every match, so what is signed holds for that moment alone. Reduce-only orders alone; while the price
    /// can't be trusted none.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4);

    /// @notice Concession now [wad].
    function concessionWad() external view returns (uint256);

    /// @notice Last takeover [seconds].
    function tookAt() external view returns (uint40);

    function TRANCHE() external view returns (ITranche);

    function RISK() external view returns (uint64);
}
