// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SignatureChecker } from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import { BackstopCurve } from "contracts/backstop/BackstopCurve.sol";
import { Exposure } from "contracts/backstop/Exposure.sol";
import { FixedPoint } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IStandingBids } from "interfaces/IStandingBids.sol";
import { Action, Health } from "interfaces/Types.sol";

/// @notice Signed takeovers, filled by anyone.
/// @dev A bid is good while:  notional so far < maxNotional,  now ≤ deadline,  its signer signed it for this contract on
/// this chain, and the signer owns or operates the account now. A fill of it:
///
///     f     = (maxNotional − so far) / X, at most 1         X: exposure of the account in auction
///     gain ≥ ⌈f·MM·minDiscountBps⌉                          else the auction is not yet at its terms
contract StandingBids is IStandingBids, EIP712, ReentrancyGuardTransient {
    using FixedPoint for uint256;

    bytes32 private constant BID_TYPEHASH = keccak256(
        "StandingBid(uint64 taker,address signer,uint16 market,uint256 maxNotionalWad,uint16 minDiscountBps,"
        "uint40 deadline,uint256 nonce)"
    );

    ILedger public immutable LEDGER;
    ILiquidation public immutable LIQUIDATION;
    IOracle public immutable ORACLE;
    IBreaker public immutable BREAKER;

    /// @inheritdoc IStandingBids
    mapping(bytes32 bidHash => uint256) public filledOf;

    constructor(ILedger ledger, ILiquidation liquidation, IOracle oracle, IBreaker breaker)
        EIP712("Holdfast Standing Bids", "1")
    {
        (LEDGER, LIQUIDATION, ORACLE, BREAKER) = (ledger, liquidation, oracle, breaker);
    }

    /// @inheritdoc IStandingBids
    function fill(uint64 account, StandingBid[] calldata bids, bytes[] calldata signatures)
        external
        nonReentrant
        returns (uint256 filled)
    {
        if (bids.length == 0) revert NoBids();
        if (bids.length != signatures.length) revert WrongLength(bids.length, signatures.length);

        uint256 previousBps;
        for (; filled < bids.length; ++filled) {
            StandingBid calldata bid = bids[filled];
            if (bid.minDiscountBps < previousBps) revert OutOfOrder(filled, bid.minDiscountBps, previousBps);
            previousBps = bid.minDiscountBps;

            ILiquidation.Auction memory a = LIQUIDATION.auctionOf(account);
            if (a.startedAt == 0 && filled != 0) return filled; // healthy, or gone
            if (a.startedAt == 0) revert ILiquidation.NotInAuction(account);
            bytes32 bidHash = _check(bid, signatures[filled], a.market);
            _take(account, bid, bidHash);
        }
    }

    /// @inheritdoc IStandingBids
    function cancel(StandingBid calldata bid) external {
        _checkAuthorised(bid.taker, msg.sender);

        bytes32 bidHash = hashOf(bid);
        filledOf[bidHash] = type(uint256).max;

        emit BidCancelled(bidHash, bid.taker);
    }

    /// @inheritdoc IStandingBids
    function hashOf(StandingBid calldata bid) public view returns (bytes32) {
        // Every member is a static word, so the encoding of the struct is that of its members.
        return _hashTypedDataV4(keccak256(abi.encode(BID_TYPEHASH, bid)));
    }

    /// @dev All that doesn't depend on the account's health.
    function _check(StandingBid calldata bid, bytes calldata signature, uint16 market)
        private
        view
        returns (bytes32 bidHash)
    {
        if (block.timestamp > bid.deadline) revert Expired(bid.deadline);
        bidHash = hashOf(bid);
        if (bid.market != market) revert WrongMarket(bidHash, bid.market, market);
        // A cancelled bid counts as filled beyond its notional.
        if (filledOf[bidHash] >= bid.maxNotionalWad) revert BidUsedUp(bidHash);
        if (!SignatureChecker.isValidSignatureNowCalldata(bid.signer, bidHash, signature)) {
            revert BadSignature(bid.signer);
        }
        _checkAuthorised(bid.taker, bid.signer);
    }

    function _take(uint64 account, StandingBid calldata bid, bytes32 bidHash) private {
        Health memory h = LEDGER.healthOf(account);
        BREAKER.check(Action.Increase, h.items, 0);
        uint256 exposureWad = Exposure.ofAccount(LEDGER, ORACLE, account, h);
        uint256 mostWad = BackstopCurve.shareWad(bid.maxNotionalWad - filledOf[bidHash], exposureWad);
        (uint256 fractionWad,, uint256 gainWad) = LIQUIDATION.quote(account, mostWad);
        uint256 leastWad = BackstopCurve.leastGainWad(h.margin.maintenanceWad, fractionWad, bid.minDiscountBps);

        // Up: the bid is used up a wei sooner.
        uint256 notionalWad = exposureWad.mulWadUp(fractionWad);
        filledOf[bidHash] += notionalWad;
        LIQUIDATION.take(ILiquidation.Bid(account, bid.taker, mostWad, 0, type(int256).max, leastWad, address(0), ""));

        emit BidFilled(bidHash, account, bid.taker, fractionWad, notionalWad, gainWad);
    }

    function _checkAuthorised(uint64 account, address who) private view {
        if (!LEDGER.isAuthorised(account, who)) revert NotAuthorised(account, who);
    }
}
