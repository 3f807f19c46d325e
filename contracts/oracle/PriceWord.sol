// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

/// @dev All that grading a price needs, in one word. From bit 0 up:
/// spotWad [88] | emaWad [88], as of updatedAt | updatedAt [32] seconds, source time
/// | heartbeat [16] units of ten seconds, zero if no feed is set | deviationPercent [8]
/// | variance [23] of a year: mantissa [16], exponent [7] | doubt [1]: contested when it came
type PriceWord is uint256;

uint256 constant HEARTBEAT_UNIT_SECONDS = 10;

uint256 constant EMA_BIT = 88;
uint256 constant TIME_BIT = 176;
uint256 constant HEARTBEAT_BIT = 208;
uint256 constant DEVIATION_BIT = 224;
uint256 constant VARIANCE_BIT = 232;
uint256 constant DOUBT_BIT = 255;
uint256 constant MANTISSA_BITS = 16;
uint256 constant MANTISSA_MASK = (1 << MANTISSA_BITS) - 1;

function spotWad(PriceWord word) pure returns (uint256) {
    return uint88(PriceWord.unwrap(word));
}

function emaWad(PriceWord word) pure returns (uint256) {
    return uint88(PriceWord.unwrap(word) >> EMA_BIT);
}

function updatedAt(PriceWord word) pure returns (uint256) {
    return uint32(PriceWord.unwrap(word) >> TIME_BIT);
}

function heartbeatSeconds(PriceWord word) pure returns (uint256) {
    unchecked {
        return uint16(PriceWord.unwrap(word) >> HEARTBEAT_BIT) * HEARTBEAT_UNIT_SECONDS;
    }
}

function deviationPercent(PriceWord word) pure returns (uint256) {
    return uint8(PriceWord.unwrap(word) >> DEVIATION_BIT);
}

/// @dev Realised, a year [wad]: at most 2⁻¹⁵ of itself above what went in.
function varianceWad(PriceWord word) pure returns (uint256) {
    uint256 code = PriceWord.unwrap(word) << 1 >> VARIANCE_BIT + 1;
    return (code & MANTISSA_MASK) << (code >> MANTISSA_BITS);
}

/// @dev Far from the slow price, or from the sources' common one, when it came. A distance only shrinks: what isn't in doubt
/// is not contested.
function isDoubted(PriceWord word) pure returns (bool) {
    return PriceWord.unwrap(word) >> DOUBT_BIT != 0;
}

/// @dev The same feed with a new price, in no doubt. The caller knows that the values fit.
function withPrice(PriceWord word, uint256 spot, uint256 ema, uint256 time, uint256 variance) pure returns (PriceWord) {
    uint256 feed = uint24(PriceWord.unwrap(word) >> HEARTBEAT_BIT);
    return PriceWord.wrap(
        toCode(variance) << VARIANCE_BIT | feed << HEARTBEAT_BIT | time << TIME_BIT | ema << EMA_BIT | spot
    );
}

/// @dev The same price with a new feed. The caller knows that the values fit.
function withFeed(PriceWord word, uint256 heartbeat, uint256 deviation) pure returns (PriceWord) {
    uint256 price = PriceWord.unwrap(word) & ~(uint256(type(uint24).max) << HEARTBEAT_BIT);
    return PriceWord.wrap(price | heartbeat / HEARTBEAT_UNIT_SECONDS << HEARTBEAT_BIT | deviation << DEVIATION_BIT);
}

/// @dev The same, in doubt or not.
function withDoubt(PriceWord word, bool doubted) pure returns (PriceWord) {
    uint256 rest = PriceWord.unwrap(word) & ~(1 << DOUBT_BIT);
    return PriceWord.wrap(doubted ? rest | 1 << DOUBT_BIT : rest);
}

/// @dev The first MANTISSA_BITS bits of a value below 2¹²⁸ and how many follow, rounded up: no variance reads too small.
function toCode(uint256 value) pure returns (uint256) {
    uint256 length = FixedPointMathLib.log2(value) + 1;
    if (length <= MANTISSA_BITS) return value;

    uint256 exponent = length - MANTISSA_BITS;
    uint256 mantissa = FixedPointMathLib.divUp(value, 1 << exponent);
    // Rounded up to a bit more, it ends in zeros.
    return mantissa >> MANTISSA_BITS == 0
        ? exponent << MANTISSA_BITS | mantissa
        : (exponent + 1) << MANTISSA_BITS | mantissa >> 1;
}

using {
    spotWad,
    emaWad,
    updatedAt,
    heartbeatSeconds,
    deviationPercent,
    varianceWad,
    isDoubted,
    withPrice,
    withFeed,
    withDoubt
} for PriceWord global;
