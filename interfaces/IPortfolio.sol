// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IBounded } from "interfaces/IBounded.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Book, Margin } from "interfaces/Types.sol";

/// @notice Portfolio margin: what a book could lose over a grid of moves of spot and volatility.
/// @dev Pure over (book, haircuts, smiles, parameters, time). Requirements round up: the account may lose the wei.
/// It holds no money, and says nothing of who may do what.
/// Parameters move in bounded ways: any number by at most a share of what stands, once an epoch of EPOCH_SECONDS; the
/// contingency, which no maintenance margin has, rises at once.
interface IPortfolio is IBounded {
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

    /// @notice How an underlying is scanned. One slot.
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

    error TooManyLegs(uint256 legs, uint256 cap);
    error NotScanned(uint16 underlying);
    error NoPrice(uint16 underlying);
    error WrongHaircuts(uint256 haircuts, uint256 holdings);
    error BadScan(uint256 value, uint256 bound);
    error BadGrid(uint256 place); // counted over spots, volatilities, tails
    error AlreadyNetted(uint16 asset, uint16 underlying);
    error NotTighter();

    /// @notice Equity, IM, MM and borrow limit of `book`. `haircuts` are those of its holdings, in their order, effective
    /// now. `offsets`: underlyings diversify by the stressed correlation; else requirements add up.
    function assess(Book calldata book, IRisk.AssetParams[] calldata haircuts, bool offsets)
        external
        view
        returns (Margin memory);

    /// @notice The same by the cells alone whose bits `witness` has, in every underlying's grid. Equity and borrow limit are
    /// the whole ones, IM and MM never above them: an account below this MM is below its MM.
    function assessBy(Book calldata book, IRisk.AssetParams[] calldata haircuts, bool offsets, uint256 witness)
        external
        view
        returns (Margin memory);

    /// @notice Set how an underlying is scanned; governor, delayed. The first are free within bounds; later the grid keeps its
    /// shape, and each number moves by a step. Reverts with `StepTooLarge` or `EpochNotOver` beyond one.
    function setScan(uint16 underlying, ScanParams calldata params, Grid calldata grid) external;

    /// @notice Raise the contingency of an underlying; guardian, no delay. Maintenance margin can't be moved this way.
    function tightenScan(uint16 underlying, uint16 shortOptionBps) external;

    /// @notice Let a collateral take part in the grid of an underlying, once and for all; governor, delayed.
    function net(uint16 asset, uint16 underlying) external;

    /// @notice Set the correlation between underlyings; governor, delayed. Raising it tightens.
    function setCorrelation(uint16 correlationBps) external;

    function scanParams(uint16 underlying) external view returns (ScanParams memory);

    function gridOf(uint16 underlying) external view returns (Grid memory);

    /// @notice Underlying in whose grid a collateral takes part; 0: in none, its haircut is added.
    function underlyingOf(uint16 asset) external view returns (uint16);

    function correlationBps() external view returns (uint256);

    /// @notice Most legs that a book may have.
    function LEG_CAP() external view returns (uint256);

    /// @notice Least time between two steps of one underlying, or of the correlation [seconds].
    function EPOCH_SECONDS() external view returns (uint256);
}
