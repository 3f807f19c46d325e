// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { IThrottle } from "interfaces/IThrottle.sol";

/// @notice Depth of the markets that auctions sell into.
/// @dev
///     level(t) = max(0, level − capacity·elapsed/window)      capacity: notional that may be taken at once
///     f        ≤ (capacity − level) / N                       N: notional of an account in the underlying
contract Throttle is IThrottle, AccessManaged {
    using FixedPoint for uint256;

    /// @dev In one word.
    struct Bucket {
        uint96 capacityWad; // [wad]
        uint96 levelWad; // [wad] at drawnAt
        uint32 drawnAt; // [seconds] fits until 2106
        uint32 windowSeconds;
    }

    /// @inheritdoc IThrottle
    uint256 public constant MAX_WINDOW_SECONDS = 1 days;

    /// @inheritdoc IThrottle
    uint256 public constant TIGHTEN_BPS = 2_500;

    mapping(uint16 underlying => Bucket) private _buckets;
    mapping(uint16 underlying => uint256) private _grantedWad; // [wad] capacity that the governor set last

    constructor(address authority) AccessManaged(authority) { }

    /// @inheritdoc IThrottle
    function setDepth(uint16 underlying, uint256 capacityWad, uint256 windowSeconds) external restricted {
        if (capacityWad > type(uint96).max) revert BadDepth(capacityWad, type(uint96).max);
        if (windowSeconds > MAX_WINDOW_SECONDS) revert BadDepth(windowSeconds, MAX_WINDOW_SECONDS);
        if (windowSeconds == 0) revert BadDepth(1, windowSeconds);

        _grantedWad[underlying] = capacityWad;
        _set(underlying, _buckets[underlying], capacityWad, windowSeconds);
    }

    /// @inheritdoc IThrottle
    function tightenDepth(uint16 underlying, uint256 capacityWad) external restricted {
        Bucket memory b = _buckets[underlying];
        if (capacityWad > b.capacityWad || b.capacityWad == 0) revert NotTighter(b.capacityWad, capacityWad);
        // Up: the guardian may lose the wei.
        uint256 leastWad = _grantedWad[underlying].mulDivUp(TIGHTEN_BPS, BPS);
        if (capacityWad < leastWad) revert BadDepth(leastWad, capacityWad);

        _set(underlying, b, capacityWad, b.windowSeconds);
    }

    /// @inheritdoc IThrottle
    function draw(uint256[] calldata items, uint256 fractionWad) external restricted {
        for (uint256 i; i < items.length; ++i) {
            uint16 underlying = uint16(items[i]);
            Bucket memory b = _buckets[underlying];
            if (b.capacityWad == 0) continue;

            uint256 amountWad = (items[i] >> 24).mulWadUp(fractionWad);
            uint256 levelWad = FixedPointMathLib.min(_levelWad(b) + amountWad, b.capacityWad);
            (b.levelWad, b.drawnAt) = (uint96(levelWad), uint32(block.timestamp));
            _buckets[underlying] = b;

            emit DepthDrawn(underlying, amountWad, levelWad);
        }
    }

    /// @inheritdoc IThrottle
    function fractionOf(uint256[] calldata items) external view returns (uint256 fractionWad) {
        fractionWad = WAD;
        for (uint256 i; i < items.length; ++i) {
            uint16 underlying = uint16(items[i]);
            Bucket memory b = _buckets[underlying];
            if (b.capacityWad == 0) continue;

            // All that the account holds of it: a position and a collateral are two items.
            uint256 notionalWad;
            for (uint256 j; j < items.length; ++j) {
                if (uint16(items[j]) == underlying) notionalWad += items[j] >> 24;
            }
            uint256 freeWad = b.capacityWad - _levelWad(b);
            // Down: the taker may lose the wei.
            if (notionalWad > freeWad) {
                fractionWad = FixedPointMathLib.min(fractionWad, freeWad.mulDivDown(WAD, notionalWad));
            }
        }
    }

    /// @inheritdoc IThrottle
    function freeOf(uint16 underlying) external view returns (uint256) {
        Bucket memory b = _buckets[underlying];
        return b.capacityWad == 0 ? type(uint256).max : b.capacityWad - _levelWad(b);
    }

    /// @inheritdoc IThrottle
    function depthOf(uint16 underlying) external view returns (uint256 capacityWad, uint256 windowSeconds) {
        Bucket memory b = _buckets[underlying];
        return (b.capacityWad, b.windowSeconds);
    }

    /// @dev What was taken stays taken, as far as it fits.
    function _set(uint16 underlying, Bucket memory b, uint256 capacityWad, uint256 windowSeconds) private {
        uint256 levelWad = FixedPointMathLib.min(_levelWad(b), capacityWad);
        _buckets[underlying] =
            Bucket(uint96(capacityWad), uint96(levelWad), uint32(block.timestamp), uint32(windowSeconds));

        emit DepthSet(underlying, capacityWad, windowSeconds);
    }

    /// @dev Up, since what leaked is rounded down: the next taker may lose the wei.
    function _levelWad(Bucket memory b) private view returns (uint256) {
        if (b.windowSeconds == 0) return 0;
        uint256 elapsed = block.timestamp - b.drawnAt;
        if (elapsed >= b.windowSeconds) return 0;
        return FixedPointMathLib.zeroFloorSub(b.levelWad, uint256(b.capacityWad).mulDivDown(elapsed, b.windowSeconds));
    }
}
