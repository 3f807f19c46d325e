// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev All that grading a price needs, in one word. From bit 0 up:
/// spotWad [88] | emaWad [88], as of updatedAt | updatedAt [32] seconds, source time
/// | heartbeat [16] units of ten seconds, zero if no feed is set | deviationPercent [8]
type PriceWord is uint256;

uint256 constant HEARTBEAT_UNIT_SECONDS = 10;

uint256 constant EMA_BIT = 88;
uint256 constant TIME_BIT = 176;
uint256 constant HEARTBEAT_BIT = 208;
uint256 constant DEVIATION_BIT = 224;

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

/// @dev The same feed with a new price. The caller knows that the values fit.
function withPrice(PriceWord word, uint256 spot, uint256 ema, uint256 time) pure returns (PriceWord) {
    uint256 feed = PriceWord.unwrap(word) >> HEARTBEAT_BIT << HEARTBEAT_BIT;
    return PriceWord.wrap(feed | time << TIME_BIT | ema << EMA_BIT | spot);
}

/// @dev The same price with a new feed. The caller knows that the values fit.
function withFeed(PriceWord word, uint256 heartbeat, uint256 deviation) pure returns (PriceWord) {
    uint256 price = PriceWord.unwrap(word) & ((1 << HEARTBEAT_BIT) - 1);
    return PriceWord.wrap(price | heartbeat / HEARTBEAT_UNIT_SECONDS << HEARTBEAT_BIT | deviation << DEVIATION_BIT);
}

using { spotWad, emaWad, updatedAt, heartbeatSeconds, deviationPercent, withPrice, withFeed } for PriceWord global;
