// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Book, InstrumentId, Margin, Mode } from "interfaces/Types.sol";

/// @notice Margin parameters, and the models that turn a book into equity, IM and MM.
/// @dev The models are pure functions of (book, parameters): no storage of their own, no clock, no money.
/// Requirements round up, borrow limits round down: the account may lose the wei, never the protocol.
interface IRisk {
    /// @notice Margin of one instrument, as a share of notional. One slot.
    struct InstrumentParams {
        uint16 initialBps; // IM while open interest is below the knee
        uint16 maintenanceBps; // MM
        uint16 initialMaxBps; // IM when open interest reaches the cap
        uint16 kneeBps; // share of the cap at which IM starts to rise
        uint128 openInterestCapWad; // [wad] quantity; new risk beyond it is refused
    }

    /// @notice Margin of holding a collateral: its haircut, as a share of value. One slot.
    struct AssetParams {
        uint16 initialHaircutBps;
        uint16 maintenanceHaircutBps;
    }

    event InstrumentParamsSet(InstrumentId indexed instrument, InstrumentParams params);
    event AssetParamsSet(uint16 indexed asset, AssetParams params);

    error BadParams(uint256 value, uint256 bound);
    error NotTighter();
    error NotIsolated(uint16 underlying, uint16 other);
    error CollateralInIsolated(uint16 asset);
    error NotListed(InstrumentId instrument);
    error UnknownMode(Mode mode);

    /// @notice Equity, IM, MM and borrow limit of `book` under `mode`. Reverts if the mode does not admit the book.
    function assess(Mode mode, Book calldata book) external view returns (Margin memory);

    /// @notice Set the parameters of an instrument; governor, delayed.
    function setInstrument(InstrumentId instrument, InstrumentParams calldata params) external;

    /// @notice Raise requirements or lower the cap of an instrument; guardian, no delay. MM can't be moved this way:
    /// it could liquidate by decree.
    function tightenInstrument(InstrumentId instrument, InstrumentParams calldata params) external;

    /// @notice Set the haircuts of a collateral; governor, delayed.
    function setAsset(uint16 asset, AssetParams calldata params) external;

    /// @notice Raise the initial haircut of a collateral; guardian, no delay.
    function tightenAsset(uint16 asset, AssetParams calldata params) external;

    function instrumentParams(InstrumentId instrument) external view returns (InstrumentParams memory);

    function assetParams(uint16 asset) external view returns (AssetParams memory);
}
