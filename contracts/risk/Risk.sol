// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import { BPS } from "contracts/libraries/FixedPoint.sol";
import { InstrumentWord } from "contracts/risk/InstrumentWord.sol";
import { IsolatedMargin } from "contracts/risk/IsolatedMargin.sol";
import { LinearMargin } from "contracts/risk/LinearMargin.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Book, Holding, InstrumentId, Leg, Margin, Mode } from "interfaces/Types.sol";

/// @notice Stores margin parameters and hands them, with the book, to the model of the account's mode.
/// @dev Isolated and cross are one linear model; isolated refuses what it may not hold.
contract Risk is IRisk, AccessManaged {
    uint256 public constant MIN_MAINTENANCE_BPS = 25;
    uint256 public constant MAX_INITIAL_BPS = BPS;
    uint256 public constant MAX_OPEN_INTEREST_WAD = 2e27; // a side's base must fit 112 bits at the lowest scale
    uint256 public constant MIN_HAIRCUT_BPS = 1; // a haircut of nothing leaves an auction nothing to offer

    mapping(InstrumentId instrument => InstrumentParams) private _instruments;
    mapping(uint16 asset => AssetParams) private _assets;

    constructor(address authority) AccessManaged(authority) { }

    /// @inheritdoc IRisk
    function assess(Mode mode, Book calldata book) external view returns (Margin memory m) {
        if (mode == Mode.Isolated) IsolatedMargin.requireAdmitted(book);
        else if (mode != Mode.Cross) revert UnknownMode(mode);

        m.equityWad = book.cashWad;
        Leg[] calldata legs = book.legs;
        for (uint256 i; i < legs.length; ++i) {
            LinearMargin.addLeg(m, legs[i], _wordOf(legs[i].instrument));
        }
        Holding[] calldata holdings = book.holdings;
        for (uint256 i; i < holdings.length; ++i) {
            LinearMargin.addHolding(m, holdings[i], assetParams(holdings[i].asset));
        }
    }

    /// @inheritdoc IRisk
    function setInstrument(InstrumentId instrument, InstrumentParams calldata params) external restricted {
        _setInstrument(instrument, params);
    }

    /// @inheritdoc IRisk
    function tightenInstrument(InstrumentId instrument, InstrumentParams calldata params) external restricted {
        InstrumentParams memory current = _listed(instrument);
        if (
            params.maintenanceBps != current.maintenanceBps || params.initialBps < current.initialBps
                || params.initialMaxBps < current.initialMaxBps || params.kneeBps > current.kneeBps
                || params.openInterestCapWad > current.openInterestCapWad
        ) revert NotTighter();

        _setInstrument(instrument, params);
    }

    /// @inheritdoc IRisk
    function setAsset(uint16 asset, AssetParams calldata params) external restricted {
        _setAsset(asset, params);
    }

    /// @inheritdoc IRisk
    function tightenAsset(uint16 asset, AssetParams calldata params) external restricted {
        AssetParams memory current = assetParams(asset);
        if (
            params.maintenanceHaircutBps != current.maintenanceHaircutBps
                || params.initialHaircutBps < current.initialHaircutBps
        ) revert NotTighter();

        _setAsset(asset, params);
    }

    /// @inheritdoc IRisk
    function instrumentParams(InstrumentId instrument) external view returns (InstrumentParams memory) {
        return _instruments[instrument];
    }

    /// @inheritdoc IRisk
    function assetParams(uint16 asset) public view returns (AssetParams memory p) {
        p = _assets[asset];
        // Never set: counts for nothing, rather than in full. Reverting instead would shield its holder from liquidation.
        if (p.maintenanceHaircutBps == 0) (p.maintenanceHaircutBps, p.initialHaircutBps) = (uint16(BPS), uint16(BPS));
    }

    function _setInstrument(InstrumentId instrument, InstrumentParams calldata p) private {
        _checkWithin(p.maintenanceBps, MIN_MAINTENANCE_BPS, MAX_INITIAL_BPS);
        _checkWithin(p.initialBps, uint256(p.maintenanceBps) + 1, MAX_INITIAL_BPS);
        _checkWithin(p.initialMaxBps, p.initialBps, MAX_INITIAL_BPS);
        _checkWithin(p.kneeBps, 0, BPS);
        _checkWithin(p.openInterestCapWad, 0, MAX_OPEN_INTEREST_WAD); // zero: positions can only shrink

        _instruments[instrument] = p;

        emit InstrumentParamsSet(instrument, p);
    }

    function _setAsset(uint16 asset, AssetParams calldata p) private {
        _checkWithin(p.maintenanceHaircutBps, MIN_HAIRCUT_BPS, BPS);
        _checkWithin(p.initialHaircutBps, p.maintenanceHaircutBps, BPS);

        _assets[asset] = p;

        emit AssetParamsSet(asset, p);
    }

    /// @dev The parameters as they lie in their slot.
    function _wordOf(InstrumentId instrument) private view returns (InstrumentWord word) {
        InstrumentParams storage p = _instruments[instrument];
        assembly ("memory-safe") {
            word := sload(p.slot)
        }
        if (word.maintenanceBps() == 0) revert NotListed(instrument);
    }

    function _listed(InstrumentId instrument) private view returns (InstrumentParams memory p) {
        p = _instruments[instrument];
        if (p.maintenanceBps == 0) revert NotListed(instrument);
    }

    function _checkWithin(uint256 value, uint256 low, uint256 high) private pure {
        if (value < low) revert BadParams(value, low);
        if (value > high) revert BadParams(value, high);
    }
}
