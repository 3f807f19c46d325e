// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, FixedPoint } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { IInsurance } from "interfaces/IInsurance.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";
import { ISentinel } from "interfaces/ISentinel.sol";
import { Action, Health } from "interfaces/Types.sol";

/// @notice Looks where anybody may look, and tells the breaker.
/// @dev
///     drawdown   drawn(now) − drawn(mark) ≥ share · capacity(mark), within a window from the mark
///     silence    now > end of the run + SILENCE_SECONDS, still unhealthy, and taking allowed
contract Sentinel is ISentinel {
    using FixedPoint for uint256;

    ILedger public immutable LEDGER;
    IBreaker public immutable BREAKER;
    IInsurance public immutable INSURANCE;
    ILiquidation public immutable LIQUIDATION;
    /// @inheritdoc ISentinel
    uint256 public immutable WINDOW_SECONDS;
    /// @inheritdoc ISentinel
    uint256 public immutable DRAWDOWN_BPS;
    /// @inheritdoc ISentinel
    uint256 public immutable SILENCE_SECONDS;

    mapping(uint16 underlying => Mark) private _marks;

    /// @inheritdoc ISentinel
    mapping(uint64 account => uint256) public reportedOf;

    constructor(
        ILedger ledger,
        IBreaker breaker,
        IInsurance insurance,
        ILiquidation liquidation,
        uint32 windowSeconds,
        uint16 drawdownBps,
        uint32 silenceSeconds
    ) {
        if (windowSeconds == 0) revert BadWatch(1, windowSeconds);
        if (drawdownBps == 0) revert BadWatch(1, drawdownBps);
        if (drawdownBps > BPS) revert BadWatch(drawdownBps, BPS);

        (LEDGER, BREAKER, INSURANCE, LIQUIDATION) = (ledger, breaker, insurance, liquidation);
        (WINDOW_SECONDS, DRAWDOWN_BPS, SILENCE_SECONDS) = (windowSeconds, drawdownBps, silenceSeconds);
    }

    /// @inheritdoc ISentinel
    function mark(uint16 underlying) external {
        uint256 until = _marks[underlying].markedAt + WINDOW_SECONDS;
        if (block.timestamp <= until) revert StillMarked(underlying, until);

        _mark(underlying, INSURANCE.drawnOf(underlying));
    }

    /// @inheritdoc ISentinel
    function reportDrawdown(uint16 underlying) external {
        Mark memory m = _marks[underlying];
        if (m.markedAt == 0 || block.timestamp > m.markedAt + WINDOW_SECONDS) revert NotMarked(underlying, m.markedAt);
        uint256 drawnWad = INSURANCE.drawnOf(underlying);
        uint256 sinceWad = FixedPointMathLib.zeroFloorSub(drawnWad, m.drawnWad);
        // Up: a wei more is needed. Something must have been drawn, even where there was nothing to draw on.
        uint256 neededWad = FixedPointMathLib.max(uint256(m.capacityWad).mulDivUp(DRAWDOWN_BPS, BPS), 1);
        if (sinceWad < neededWad) revert NoDrawdown(underlying, sinceWad, neededWad);

        _mark(underlying, drawnWad);

        emit DrawdownReported(underlying, sinceWad, m.capacityWad, msg.sender);

        BREAKER.reportMove(underlying);
    }

    /// @inheritdoc ISentinel
    function reportSilence(uint64 account) external {
        ILiquidation.Auction memory a = LIQUIDATION.auctionOf(account);
        if (a.startedAt == 0) revert NotInAuction(account);
        Health memory h = LEDGER.healthOf(account);
        if (h.margin.equityWad >= int256(h.margin.maintenanceWad)) {
            revert Healthy(account, h.margin.equityWad, h.margin.maintenanceWad);
        }
        // Where the breaker lets nobody take, keepers aren't silent but gagged; the clock begins anew behind that.
        BREAKER.check(Action.Take, h.items, 0);
        uint256 since = FixedPointMathLib.max(a.restartedAt, BREAKER.reopenedAt(h.items));
        uint256 silentFrom = since + LIQUIDATION.params().runSeconds + SILENCE_SECONDS;
        if (block.timestamp <= silentFrom) revert NotSilent(account, silentFrom);
        if (since <= reportedOf[account]) revert AlreadyReported(account, since);

        reportedOf[account] = since;

        emit SilenceReported(a.market, account, since, msg.sender);

        BREAKER.reportMove(a.market);
    }

    /// @inheritdoc ISentinel
    function markOf(uint16 underlying) external view returns (Mark memory) {
        return _marks[underlying];
    }

    function _mark(uint16 underlying, uint256 drawnWad) private {
        uint256 capacityWad = FixedPointMathLib.min(INSURANCE.capacity(underlying), type(uint96).max);
        _marks[underlying] = Mark(uint128(drawnWad), uint96(capacityWad), uint32(block.timestamp));

        emit Marked(underlying, drawnWad, capacityWad);
    }
}
