// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IRisk } from "interfaces/IRisk.sol";

/// @dev Parameters of an instrument as `IRisk.InstrumentParams` lies in its slot. From bit 0 up: initialBps [16]
/// | maintenanceBps [16], zero if never set | initialMaxBps [16] | kneeBps [16] | openInterestCapWad [128]
type InstrumentWord is uint256;

/// @dev The word that these parameters are stored as.
function wordOf(IRisk.InstrumentParams memory p) pure returns (InstrumentWord) {
    return InstrumentWord.wrap(
        uint256(p.openInterestCapWad) << 64 | uint256(p.kneeBps) << 48 | uint256(p.initialMaxBps) << 32
            | uint256(p.maintenanceBps) << 16 | p.initialBps
    );
}

function initialBps(InstrumentWord word) pure returns (uint256) {
    return uint16(InstrumentWord.unwrap(word));
}

function maintenanceBps(InstrumentWord word) pure returns (uint256) {
    return uint16(InstrumentWord.unwrap(word) >> 16);
}

function initialMaxBps(InstrumentWord word) pure returns (uint256) {
    return uint16(InstrumentWord.unwrap(word) >> 32);
}

function kneeBps(InstrumentWord word) pure returns (uint256) {
    return uint16(InstrumentWord.unwrap(word) >> 48);
}

function openInterestCapWad(InstrumentWord word) pure returns (uint256) {
    return InstrumentWord.unwrap(word) >> 64;
}

using { initialBps, maintenanceBps, initialMaxBps, kneeBps, openInterestCapWad } for InstrumentWord global;
