// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Ramp } from "contracts/libraries/Ramp.sol";
import { IRisk } from "interfaces/IRisk.sol";

/// @dev Parameters of an instrument in one slot. From bit 0 up: initialBps [16] | maintenanceBps [16], zero if never set
/// | initialMaxBps [16] | kneeBps [16] | openInterestCapWad [128] | fromBps [16] | timeAt [32]. The last two are the ramp
/// of the maintenance margin: where it comes from, and when it arrives. A word that only stands uses timeAt alone: when
/// it took its last step.
type InstrumentWord is uint256;

function wordOf(IRisk.InstrumentParams memory p) pure returns (InstrumentWord) {
    return InstrumentWord.wrap(
        uint256(p.openInterestCapWad) << 64 | uint256(p.kneeBps) << 48 | uint256(p.initialMaxBps) << 32
            | uint256(p.maintenanceBps) << 16 | p.initialBps
    );
}

function paramsOf(InstrumentWord word) pure returns (IRisk.InstrumentParams memory) {
    return IRisk.InstrumentParams({
        initialBps: uint16(initialBps(word)),
        maintenanceBps: uint16(maintenanceBps(word)),
        initialMaxBps: uint16(initialMaxBps(word)),
        kneeBps: uint16(kneeBps(word)),
        openInterestCapWad: uint128(openInterestCapWad(word))
    });
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
    return uint128(InstrumentWord.unwrap(word) >> 64);
}

function fromBps(InstrumentWord word) pure returns (uint256) {
    return uint16(InstrumentWord.unwrap(word) >> 192);
}

function timeAt(InstrumentWord word) pure returns (uint256) {
    return InstrumentWord.unwrap(word) >> 208;
}

/// @dev The same parameters with another time, and what the maintenance margin comes from.
function timed(InstrumentWord word, uint256 from, uint256 time) pure returns (InstrumentWord) {
    return InstrumentWord.wrap(uint192(InstrumentWord.unwrap(word)) | from << 192 | time << 208);
}

/// @dev As they are effective at `time`: the maintenance margin on its way, in the place of where it goes.
function effective(InstrumentWord word, uint256 time, uint256 rampSeconds) pure returns (InstrumentWord) {
    uint256 left = Ramp.leftUntil(timeAt(word), time);
    if (left == 0) return word;

    uint256 now_ = Ramp.valueAt(fromBps(word), maintenanceBps(word), left, rampSeconds);
    return InstrumentWord.wrap(InstrumentWord.unwrap(word) & ~(uint256(type(uint16).max) << 16) | now_ << 16);
}

using {
    paramsOf,
    initialBps,
    maintenanceBps,
    initialMaxBps,
    kneeBps,
    openInterestCapWad,
    fromBps,
    timeAt,
    timed,
    effective
} for InstrumentWord global;
