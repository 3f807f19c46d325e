// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SignatureChecker } from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { IVenue } from "interfaces/IVenue.sol";
import { InstrumentId } from "interfaces/Types.sol";

/// @notice Signed orders, matched pairwise by anyone.
/// @dev An order is good while:  matched so far + this trade ≤ |size|,  now ≤ expiresAt,  nonce ≥ the account's floor,
/// its signer signed it for this contract on this chain, and the signer owns or operates the account now.
///
///            ⌈ size · price · feeBps ⌉
///     fee =  ────────────────────────      each side pays its own, to the fee account
///                1e18 · 1e4
///
/// No reentrancy guard: signatures are checked by static calls, and the ledger calls nobody that it doesn't know.
contract Venue is IVenue, EIP712, AccessManaged {
    using FixedPoint for uint256;
    using FixedPoint for int256;

    bytes32 private constant ORDER_TYPEHASH = keccak256(
        "Order(uint64 account,address signer,uint256 instrument,int256 sizeWad,uint256 limitPriceWad,"
        "uint256 nonce,uint40 expiresAt,bool reduceOnly,bool postOnly)"
    );

    /// @inheritdoc IVenue
    uint16 public constant MAX_FEE_BPS = 100; // 1 %

    ILedger public immutable ledger;
    IPositions public immutable positions;

    /// @notice Ledger account that gets all fees.
    uint64 public immutable feeAccount;

    /// @inheritdoc IVenue
    uint16 public makerFeeBps;

    /// @inheritdoc IVenue
    uint16 public takerFeeBps;

    /// @inheritdoc IVenue
    mapping(bytes32 orderHash => uint256) public filledOf;

    /// @inheritdoc IVenue
    mapping(uint64 account => uint256) public nonceFloorOf;

    constructor(address authority_, ILedger ledger_, uint64 feeAccount_, uint16 makerBps, uint16 takerBps)
        EIP712("Holdfast Venue", "1")
        AccessManaged(authority_)
    {
        ledger = ledger_;
        positions = ledger_.POSITIONS();
        feeAccount = feeAccount_;
        _setFees(makerBps, takerBps);
    }

    // Trade

    /// @inheritdoc IVenue
    function matchOrders(
        Order calldata maker,
        bytes calldata makerSignature,
        Order calldata taker,
        bytes calldata takerSignature,
        uint256 sizeWad
    ) external {
        if (sizeWad == 0) revert ZeroSize();
        _checkPair(maker, taker);

        bytes32 makerHash = _use(maker, makerSignature, sizeWad);
        bytes32 takerHash = _use(taker, takerSignature, sizeWad);

        _fill(makerHash, takerHash, maker, taker, sizeWad);
    }

    // Cancel; an order that was already used up or cancelled may be cancelled again

    /// @inheritdoc IVenue
    function cancel(Order calldata order) external {
        _checkAuthorised(order.account, msg.sender);

        bytes32 orderHash = hashOf(order);
        filledOf[orderHash] = type(uint256).max;

        emit Cancelled(orderHash, order.account);
    }

    /// @inheritdoc IVenue
    function raiseNonceFloor(uint64 account, uint256 floor) external {
        _checkAuthorised(account, msg.sender);
        uint256 current = nonceFloorOf[account];
        if (floor <= current) revert FloorNotRaised(floor, current);

        nonceFloorOf[account] = floor;

        emit NonceFloorRaised(account, floor);
    }

    // Governance

    /// @inheritdoc IVenue
    function setFees(uint16 makerBps, uint16 takerBps) external restricted {
        _setFees(makerBps, takerBps);
    }

    // Views

    /// @inheritdoc IVenue
    function hashOf(Order calldata order) public view returns (bytes32) {
        // Every member is a static word, so the encoding of the struct is that of its members.
        return _hashTypedDataV4(keccak256(abi.encode(ORDER_TYPEHASH, order)));
    }

    // Steps

    /// @dev Do the two orders fit each other? Nothing here depends on what was matched before.
    function _checkPair(Order calldata maker, Order calldata taker) private pure {
        if (!maker.instrument.same(taker.instrument)) revert InstrumentMismatch(maker.instrument, taker.instrument);
        if (taker.postOnly) revert PostOnly();
        bool makerBuys = maker.sizeWad > 0;
        if (makerBuys ? taker.sizeWad >= 0 : maker.sizeWad == 0 || taker.sizeWad <= 0) {
            revert NotOpposite(maker.sizeWad, taker.sizeWad);
        }
        (uint256 buyLimitWad, uint256 sellLimitWad) =
            makerBuys ? (maker.limitPriceWad, taker.limitPriceWad) : (taker.limitPriceWad, maker.limitPriceWad);
        if (buyLimitWad < sellLimitWad) revert NotCrossing(buyLimitWad, sellLimitWad);
    }

    /// @dev Check one order and count `sizeWad` of it as matched.
    function _use(Order calldata order, bytes calldata signature, uint256 sizeWad) private returns (bytes32 orderHash) {
        if (block.timestamp > order.expiresAt) revert Expired(order.expiresAt);
        uint256 floor = nonceFloorOf[order.account];
        if (order.nonce < floor) revert NonceBelowFloor(order.nonce, floor);
        orderHash = hashOf(order);
        uint256 filled = filledOf[orderHash];
        uint256 whole = order.sizeWad.abs();
        uint256 remaining = filled < whole ? whole - filled : 0; // a cancelled order counts as filled beyond its size
        if (sizeWad > remaining) revert OrderFilled(orderHash, remaining, sizeWad);
        if (!SignatureChecker.isValidSignatureNowCalldata(order.signer, orderHash, signature)) {
            revert BadSignature(order.signer);
        }
        _checkAuthorised(order.account, order.signer);
        if (order.reduceOnly) _checkReduces(order, sizeWad);

        filledOf[orderHash] = filled + sizeWad;
    }

    function _checkReduces(Order calldata order, uint256 sizeWad) private view {
        (int256 positionWad,) = positions.positionOf(order.account, order.instrument);
        bool shrinks = positionWad > 0 ? order.sizeWad < 0 : positionWad < 0 && order.sizeWad > 0;
        if (!shrinks || sizeWad > positionWad.abs()) {
            // sizeWad ≤ |order.sizeWad|, so it fits a signed word; the one that doesn't, 2²⁵⁵, panics.
            revert ReduceOnly(order.account, positionWad, order.sizeWad < 0 ? -int256(sizeWad) : int256(sizeWad));
        }
    }

    function _checkAuthorised(uint64 account, address who) private view {
        if (!ledger.isAuthorised(account, who)) revert NotAuthorised(account, who);
    }

    /// @dev The trade, at the maker's price. Band, margin, breaker and equal accounts are the ledger's to check.
    function _fill(bytes32 makerHash, bytes32 takerHash, Order calldata maker, Order calldata taker, uint256 sizeWad)
        private
    {
        bool makerBuys = maker.sizeWad > 0;
        uint256 priceWad = maker.limitPriceWad;
        uint256 makerFeeWad = _feeUp(sizeWad, priceWad, makerFeeBps);
        uint256 takerFeeWad = _feeUp(sizeWad, priceWad, takerFeeBps);

        emit Matched(
            makerHash,
            takerHash,
            maker.instrument,
            maker.account,
            taker.account,
            makerBuys ? -int256(sizeWad) : int256(sizeWad),
            priceWad,
            makerFeeWad,
            takerFeeWad
        );

        ledger.fill(
            ILedger.Fill({
                instrument: maker.instrument,
                buyer: makerBuys ? maker.account : taker.account,
                seller: makerBuys ? taker.account : maker.account,
                feeAccount: feeAccount,
                sizeWad: sizeWad,
                priceWad: priceWad,
                buyerFeeWad: makerBuys ? makerFeeWad : takerFeeWad,
                sellerFeeWad: makerBuys ? takerFeeWad : makerFeeWad
            })
        );
    }

    /// @dev Up: the trader may lose the wei.
    function _feeUp(uint256 sizeWad, uint256 priceWad, uint256 feeBps) private pure returns (uint256) {
        return sizeWad.mulDivUp(priceWad * feeBps, WAD * BPS);
    }

    function _setFees(uint16 makerBps, uint16 takerBps) private {
        if (makerBps > MAX_FEE_BPS) revert BadFee(makerBps, MAX_FEE_BPS);
        if (takerBps > MAX_FEE_BPS) revert BadFee(takerBps, MAX_FEE_BPS);

        makerFeeBps = makerBps;
        takerFeeBps = takerBps;

        emit FeesSet(makerBps, takerBps);
    }
}
