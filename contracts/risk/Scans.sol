// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { Bounded } from "contracts/libraries/Bounded.sol";
import { BPS } from "contracts/libraries/FixedPoint.sol";
import { ScanFields } from "contracts/risk/ScanFields.sol";
import { IScans, ScanWords } from "interfaces/IScans.sol";

/// @notice Stores how underlyings are scanned.
contract Scans is IScans, AccessManaged {
    using ScanFields for ScanWords;

    uint256 public constant MAX_WORST = 8;
    uint256 public constant MAX_POWER_BPS = BPS;

    uint256 public immutable EPOCH_SECONDS;

    struct Standing {
        ScanWords words;
        uint32 steppedAt;
        uint16 contingencyBps; // what the governor set last; the words may have a higher one
    }

    mapping(uint16 underlying => Standing) private _scans;
    mapping(uint16 asset => uint16 underlying) public underlyingOf;
    uint256 public correlationBps;
    uint256 private _correlationSteppedAt;

    constructor(address authority, uint256 epochSeconds, uint256 correlation) AccessManaged(authority) {
        _requireWithin(correlation, 0, BPS);
        EPOCH_SECONDS = epochSeconds;
        correlationBps = correlation;
    }

    // --- Governance ---

    /// @inheritdoc IScans
    function setScan(uint16 underlying, ScanParams calldata params, Grid calldata grid) external restricted {
        _requireScan(params);
        ScanWords memory next = ScanFields.pack(params, grid);

        Standing storage standing = _scans[underlying];
        if (standing.words.word == 0) {
            standing.steppedAt = uint32(block.timestamp);
        } else if (_steps(standing, params, next)) {
            Bounded.requireOver(standing.steppedAt, EPOCH_SECONDS);
            standing.steppedAt = uint32(block.timestamp);
        }
        standing.words = next;
        standing.contingencyBps = params.shortOptionBps;

        emit ScanSet(underlying, params, grid);
    }

    /// @inheritdoc IScans
    function tightenScan(uint16 underlying, uint16 shortOptionBps) external restricted {
        (ScanParams memory params, Grid memory grid) = scanOf(underlying);
        if (params.worst == 0) revert NotScanned(underlying);
        if (shortOptionBps < params.shortOptionBps) revert NotTighter();
        _requireWithin(shortOptionBps, 0, BPS);

        params.shortOptionBps = shortOptionBps;
        _scans[underlying].words = ScanFields.pack(params, grid);

        emit ScanSet(underlying, params, grid);
    }

    /// @inheritdoc IScans
    function net(uint16 asset, uint16 underlying) external restricted {
        if (underlyingOf[asset] != 0) revert AlreadyNetted(asset, underlyingOf[asset]);
        if (_scans[underlying].words.word == 0) revert NotScanned(underlying);

        underlyingOf[asset] = underlying;

        emit Netted(asset, underlying);
    }

    /// @inheritdoc IScans
    function setCorrelation(uint16 nextBps) external restricted {
        _requireWithin(nextBps, 0, BPS);
        if (_moves(correlationBps, nextBps)) {
            Bounded.requireOver(_correlationSteppedAt, EPOCH_SECONDS);
            _correlationSteppedAt = block.timestamp;
        }

        correlationBps = nextBps;

        emit CorrelationSet(nextBps);
    }

    // --- Views ---

    /// @inheritdoc IScans
    function scanOf(uint16 underlying) public view returns (ScanParams memory, Grid memory) {
        ScanWords memory w = _scans[underlying].words;
        return (w.paramsOf(), w.gridOf());
    }

    /// @inheritdoc IScans
    function wordsOf(uint16 underlying) external view returns (ScanWords memory w) {
        w = _scans[underlying].words;
        if (w.word == 0) revert NotScanned(underlying);
    }

    // --- Bounds ---

    /// @dev Whether anything moves that an epoch must lie between: all but a contingency that rises. Reverts where one moves
    /// too far, or the grid has another shape.
    function _steps(Standing storage standing, ScanParams calldata p, ScanWords memory next)
        private
        view
        returns (bool steps)
    {
        ScanWords memory s = standing.words;
        if (!s.sameShape(next)) revert BadGrid(next.spots() + next.vols() + next.tails());

        steps = Bounded.falls(standing.contingencyBps, p.shortOptionBps);
        steps = _moves(s.maintenanceBps(), p.maintenanceBps) || steps;
        steps = _moves(s.worst(), p.worst) || steps;
        steps = _moves(s.netDeltaBps(), p.netDeltaBps) || steps;
        steps = _moves(s.grossDeltaBps(), p.grossDeltaBps) || steps;
        steps = _moves(s.pinBps(), p.pinBps) || steps;
        steps = _moves(s.tailBps(), p.tailBps) || steps;
        steps = _moves(s.nearPowerBps(), p.nearPowerBps) || steps;
        steps = _moves(s.farPowerBps(), p.farPowerBps) || steps;
        for (uint256 i; i < s.spots(); ++i) {
            steps = _shifts(s.spotBps(i), next.spotBps(i)) || steps;
        }
        for (uint256 i; i < s.vols(); ++i) {
            steps = _shifts(s.volBps(i), next.volBps(i)) || steps;
        }
        for (uint256 i; i < s.tails(); ++i) {
            (int256 spotBps, int256 volBps, uint256 weightBps) = s.tail(i);
            (int256 nextSpotBps, int256 nextVolBps, uint256 nextWeightBps) = next.tail(i);
            steps = _shifts(spotBps, nextSpotBps) || steps;
            steps = _shifts(volBps, nextVolBps) || steps;
            steps = _moves(weightBps, nextWeightBps) || steps;
        }
    }

    /// @dev A shock keeps its direction.
    function _shifts(int256 standing, int256 next) private pure returns (bool) {
        if ((standing < 0) != (next < 0)) revert StepTooLarge(FixedPointMathLib.abs(next), 0);
        return _moves(FixedPointMathLib.abs(standing), FixedPointMathLib.abs(next));
    }

    function _moves(uint256 standing, uint256 next) private pure returns (bool) {
        return Bounded.falls(standing, next) || Bounded.rises(standing, next);
    }

    function _requireScan(ScanParams calldata p) private pure {
        _requireWithin(p.maintenanceBps, 1, BPS); // or MM could exceed IM
        _requireWithin(p.worst, 1, MAX_WORST);
        _requireWithin(p.netDeltaBps, 1, BPS); // a requirement of nothing leaves an auction nothing to offer
        _requireWithin(p.grossDeltaBps, 1, p.netDeltaBps); // or a hedge could raise the floor of what it hedges
        _requireWithin(p.pinBps, 0, BPS);
        _requireWithin(p.shortOptionBps, 0, BPS);
        _requireWithin(p.tailBps, 0, BPS);
        _requireWithin(p.nearPowerBps, 0, MAX_POWER_BPS);
        _requireWithin(p.farPowerBps, 0, MAX_POWER_BPS);
    }

    function _requireWithin(uint256 value, uint256 low, uint256 high) private pure {
        if (value < low) revert BadScan(value, low);
        if (value > high) revert BadScan(value, high);
    }
}
