// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ILedger } from "interfaces/ILedger.sol";
import { InstrumentId } from "interfaces/Types.sol";

/// @notice What a venue sees of a ledger and its positions: told who is authorised and what is held, it keeps the fill.
contract MockVenueLedger {
    error FillRefused(uint256 sizeWad);

    mapping(uint64 account => mapping(address who => bool)) public isAuthorised;
    mapping(uint64 account => mapping(InstrumentId => int256)) private _sizes;
    ILedger.Fill private _last;
    bool private _refusing;

    function setAuthorised(uint64 account, address who, bool authorised) external {
        isAuthorised[account][who] = authorised;
    }

    function setPosition(uint64 account, InstrumentId instrument, int256 sizeWad) external {
        _sizes[account][instrument] = sizeWad;
    }

    function setRefusing(bool refusing) external {
        _refusing = refusing;
    }

    function fill(ILedger.Fill calldata f) external {
        if (_refusing) revert FillRefused(f.sizeWad);
        _last = f;
    }

    function lastFill() external view returns (ILedger.Fill memory) {
        return _last;
    }

    function positionOf(uint64 account, InstrumentId instrument) external view returns (int256, int256) {
        return (_sizes[account][instrument], 0);
    }

    function POSITIONS() external view returns (address) {
        return address(this);
    }
}
