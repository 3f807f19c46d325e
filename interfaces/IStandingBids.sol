// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Takeovers that professionals signed beforehand: whoever finds an auction at their terms fills them.
/// @dev EIP-712 typed data; a contract signs by EIP-1271. The signer must own the taking account or be its operator when
/// the bid is filled, and the owner must have made this contract an operator in the ledger. It does nothing for an
/// account but take, on the terms of a bid. Bids need no window: they come before the tranche, which waits.
interface IStandingBids {
    struct StandingBid {
        uint64 taker; // account that takes
        address signer;
        uint16 market; // of the auctions it is for
        uint256 maxNotionalWad; // [wad] positions and collateral at the mark, over all fills
        uint16 minDiscountBps; // of the slice's MM: gain at least this, after all that is deducted from it
        uint40 deadline; // [seconds] last second in which it may be filled
        uint256 nonce; // tells bids apart
    }

    event BidFilled(
        bytes32 indexed bidHash,
        uint64 indexed account,
        uint64 indexed taker,
        uint256 fractionWad,
        uint256 notionalWad,
        uint256 gainWad
    );
    event BidCancelled(bytes32 indexed bidHash, uint64 indexed taker);

    error NoBids();
    error WrongLength(uint256 bids, uint256 signatures);
    error OutOfOrder(uint256 place, uint256 minDiscountBps, uint256 previousBps);
    error WrongMarket(bytes32 bidHash, uint16 bidMarket, uint16 market);
    error Expired(uint256 expiresAt);
    error BidUsedUp(bytes32 bidHash);
    error BadSignature(address signer);
    error NotAuthorised(uint64 account, address caller); // the caller, or the signer of a bid

    /// @notice Fill bids on the auction of `account`, the lowest minimum first. Anyone.
    /// @dev Each takes as much as its notional, the auction's largest slice and the other bounds of a take allow; those that
    /// come after the auction ended are left as they are. Refused while the market, everything, or anything that the
    /// account holds is restricted or contested.
    /// @return filled how many bids took something
    function fill(uint64 account, StandingBid[] calldata bids, bytes[] calldata signatures)
        external
        returns (uint256 filled);

    /// @notice Cancel one bid for good. Owner or operator of its account; again and again, if he likes.
    function cancel(StandingBid calldata bid) external;

    function hashOf(StandingBid calldata bid) external view returns (bytes32);

    /// @notice Notional already taken [wad]; the maximum when cancelled.
    function filledOf(bytes32 bidHash) external view returns (uint256);
}
