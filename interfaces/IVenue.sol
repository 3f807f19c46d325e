// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { InstrumentId } from "interfaces/Types.sol";

/// @notice Signed orders, matched pairwise by anyone. A client of the ledger with the right to fill.
/// @dev Orders are EIP-712 typed data; a contract signs by EIP-1271. The signer must own the account or be its operator
/// when the order is matched. The trade happens at the maker's price.
interface IVenue {
    struct Order {
        uint64 account;
        address signer;
        InstrumentId instrument;
        int256 sizeWad; // [wad] buy (+) or sell (−)
        uint256 limitPriceWad; // [wad] pay at most, or receive at least
        uint256 nonce; // cancelled in bulk by raising the account's floor
        uint40 expiresAt; // [seconds] last second in which it may be matched
        bool reduceOnly; // may only shrink the position
        bool postOnly; // may only be the maker
    }

    event Matched(
        bytes32 indexed makerHash,
        bytes32 indexed takerHash,
        InstrumentId indexed instrument,
        uint64 maker,
        uint64 taker,
        int256 takerSizeWad,
        uint256 priceWad,
        uint256 makerFeeWad,
        uint256 takerFeeWad
    );
    event Cancelled(bytes32 indexed orderHash, uint64 indexed account);
    event NonceFloorRaised(uint64 indexed account, uint256 floor);
    event FeesSet(uint256 makerBps, uint256 takerBps);

    error BadSignature(address signer);
    error NotAuthorised(uint64 account, address caller); // the caller, or the signer of an order
    error Expired(uint256 expiresAt);
    error NonceBelowFloor(uint256 nonce, uint256 floor);
    error FloorNotRaised(uint256 floor, uint256 current);
    error OrderFilled(bytes32 orderHash, uint256 remainingWad, uint256 wantedWad);
    error InstrumentMismatch(InstrumentId maker, InstrumentId taker);
    error NotOpposite(int256 makerSizeWad, int256 takerSizeWad);
    error NotCrossing(uint256 buyLimitWad, uint256 sellLimitWad);
    error PostOnly();
    error ReduceOnly(uint64 account, int256 positionWad, int256 tradeWad);
    error ZeroSize();
    error BadFee(uint256 feeBps, uint256 maxBps);

    /// @notice Match `sizeWad` of two crossing orders at the maker's limit price. Anyone may call.
    function matchOrders(
        Order calldata maker,
        bytes calldata makerSignature,
        Order calldata taker,
        bytes calldata takerSignature,
        uint256 sizeWad
    ) external;

    /// @notice Cancel one order for good. Owner or operator of its account.
    function cancel(Order calldata order) external;

    /// @notice Cancel all orders of the account with a nonce below `floor`. Owner or operator.
    function raiseNonceFloor(uint64 account, uint256 floor) external;

    /// @notice Set the fees [bps of notional]; governor, delayed.
    function setFees(uint16 makerBps, uint16 takerBps) external;

    function hashOf(Order calldata order) external view returns (bytes32);

    /// @notice Quantity already matched [wad]; the maximum when cancelled.
    function filledOf(bytes32 orderHash) external view returns (uint256);

    function nonceFloorOf(uint64 account) external view returns (uint256);

    function makerFeeBps() external view returns (uint16);

    function takerFeeBps() external view returns (uint16);

    function MAX_FEE_BPS() external view returns (uint16);
}
