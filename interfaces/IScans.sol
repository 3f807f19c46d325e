// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IBounded } from "interfaces/IBounded.sol";

/// @dev A scan in three words.
struct ScanWords {
    uint256 word; // `ScanParams` [16] each in their order from bit 0 up; counts of spots, volatilities, tails [8] each; volBps [16] each, at most 4
    uint256 spotWord; // spotBps [16] each, ascending, from bit 0 up; at most 16
    uint256 tailWord; // volBps [16] | weightBps [16] | spotBps [24] in 64 bits each, at most 4
}

/// @notice How underlyings are scanned for portfolio margin: grids, rates, and what diversifies.
/// @dev Parameters move in bounded ways: any number by at most a share of what stands, once an epoch of EPOCH_SECONDS; the
/// contingency, which no maintenance margin has, rises at once.
interface IScans is IBounded {
    /// @notice A place that an underlying may go to.
    struct Scenario {
        int24 spotBps; // what the spot moves by
        int16 volBps; // what a volatility of 30 days moves by
        uint16 weightBps; // share of the loss that is charged
    }

    /// @notice The scenarios of an underlying: every spot of the core with every volatility, charged in full, and tails.
    /// Each is a cell, with its bit in a witness: core by volatility, then spot; then the tails.
    struct Grid {
        int16[] spotsBps; // ascending, 0 among them
        int16[] volsBps;
        Scenario[] tails;
    }

    /// @notice How an underlying is scanned.
    struct ScanParams {
        uint16 maintenanceBps; // MM as a share of the expected shortfall
        uint16 worst; // cells whose mean loss is the expected shortfall
        uint16 netDeltaBps; // floor: share of the net delta's notional
        uint16 grossDeltaBps; // floor: share of the notional of what is hedged
        uint16 pinBps; // strikes of long options are places of the core where σ√T is below this
        uint16 shortOptionBps; // contingency of IM: share of the notional of short options
        uint16 tailBps; // share of the notional of uncovered short calls, as the spot goes to infinity
        uint16 nearPowerBps; // exponent of 30 days/T in a volatility shock, while T is below 30 days
        uint16 farPowerBps; // …and from there on
    }

    event ScanSet(uint16 indexed underlying, ScanParams params, Grid grid);
    event Netted(uint16 indexed asset, uint16 underlying);
    event CorrelationSet(uint256 correlationBps);

    error NotScanned(uint16 underlying);
    error BadScan(uint256 value, uint256 bound);
    error BadGrid(uint256 place); // counted over spots, volatilities, tails
    error AlreadyNetted(uint16 asset, uint16 underlying);
    error NotTighter();

    /// @notice Set how an underlying is scanned; governor, delayed. The first are free within bounds; later the grid keeps its
    /// shape, and each number moves by a step. Reverts with `StepTooLarge` or `EpochNotOver` beyond one.
    function setScan(uint16 underlying, ScanParams calldata params, Grid calldata grid) external;

    /// @notice Raise the contingency of an underlying; guardian, no delay. Maintenance margin can't be moved this way.
    function tightenScan(uint16 underlying, uint16 shortOptionBps) external;

    /// @notice Let a collateral take part in the grid of an underlying, once and for all; governor, delayed.
    function net(uint16 asset, uint16 underlying) external;

    /// @notice Set the correlation between underlyings; governor, delayed. Raising it tightens.
    function setCorrelation(uint16 correlationBps) external;

    /// @notice Zeros where it was never set.
    function scanOf(uint16 underlying) external view returns (ScanParams memory, Grid memory);

    /// @notice The same as a model reads it. Never set: `NotScanned`.
    function wordsOf(uint16 underlying) external view returns (ScanWords memory);

    /// @notice Underlying in whose grid a collateral takes part; 0: in none, its haircut is added.
    function underlyingOf(uint16 asset) external view returns (uint16);

    function correlationBps() external view returns (uint256);

    /// @notice Least time between two steps of one underlying, or of the correlation [seconds].
    function EPOCH_SECONDS() external view returns (uint256);
}
