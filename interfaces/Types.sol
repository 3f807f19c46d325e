// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

// Words shared by two or more contracts. Scales: Wad = 1e18, Bps = 1e4, At/Seconds = seconds.

/// @dev Instrument, self-describing: kind [8] | underlying [16] | expiryAt [40] | strikeWad [128], from bit 191 down.
type InstrumentId is uint256;

uint256 constant KIND_BIT = 184;
uint256 constant EXPIRY_BIT = 128;

/// @notice What an account may hold and how its requirement is computed.
enum Mode {
    None, // the account does not exist
    Isolated, // cash + instruments of one underlying
    Cross, // any collateral, any underlying, no netting
    Portfolio // any; what one underlying moves is netted over a grid of scenarios
}

/// @notice Kind of an instrument. Options are European and settle in cash.
enum Kind {
    Perpetual,
    Call,
    Put
}

/// @notice How far a price can be trusted, best first; the order is used in comparisons.
enum Grade {
    Fresh, // within its heartbeat
    Slow, // late, still usable
    Contested, // too far from the slow price
    Stale, // too late to act on
    Invalid // never accepted, or the source answers nonsense
}

/// @notice Restriction level of a market, or of everything; the order is used in comparisons.
enum Level {
    Normal,
    Cautious, // no new risk
    Halted // only deposits and reductions
}

/// @notice What somebody is about to do, as the breaker's table sees it.
enum Action {
    Increase,
    Reduce,
    Withdraw,
    Start,
    Take,
    Deleverage,
    WriteOff
}

/// @notice One underlying as a margin check reads it.
struct Price {
    uint256 spotWad; // [wad] mark of one whole unit
    uint256 emaWad; // [wad] slow price
    Grade grade;
}

/// @notice One position as a margin model reads it.
struct Leg {
    InstrumentId instrument;
    int256 sizeWad; // [wad] signed quantity
    int256 quoteWad; // [wad] |base|·K − cost; value = size·mark + quote
    uint256 markWad; // [wad] spot of the underlying, of an option too
    uint256 emaWad; // [wad] slow price of the underlying
    uint256 openInterestWad; // [wad] of the leg's side of the market; of an option, of all series of its underlying
    Grade grade;
}

/// @notice One collateral balance as a margin model reads it.
struct Holding {
    uint16 asset;
    uint256 amountWad; // [wad] whole tokens
    uint256 priceWad; // [wad]
    uint256 emaWad; // [wad]
    Grade grade;
}

/// @notice Everything an account owns and owes, at one instant.
struct Book {
    int256 cashWad; // [wad] settlement token, signed
    Leg[] legs;
    Holding[] holdings;
}

/// @notice What a margin model says of a book.
struct Margin {
    int256 equityWad; // [wad] mark to market, no haircut
    uint256 initialWad; // [wad] IM, at the worse of spot and slow price
    uint256 maintenanceWad; // [wad] MM
    uint256 borrowLimitWad; // [wad] how far cash may fall below zero on a withdrawal
}

/// @notice A margin check with what the breaker and the insurance fund need beside it.
/// @dev The weight of an item is twice what it could hide if its price is wrong by half, or if the slow price is the right
/// one: |size|·(max(mark, ema) + 2·|mark − ema|), rounded up.
struct Health {
    Margin margin;
    int256 cashWad; // [wad]
    uint256 grossWad; // [wad] Σ |size|·mark over the legs
    uint256 legs; // number of positions
    uint256 holdings; // number of collateral balances
    Grade grade; // worst of the prices used
    uint16 dominant; // underlying of the largest leg or holding, 0 if none
    uint256[] items; // each leg, then each holding: weight [wad] << 24 | grade << 16 | underlying
}

function instrumentId(Kind kind, uint16 underlying, uint40 expiryAt, uint128 strikeWad) pure returns (InstrumentId) {
    return InstrumentId.wrap(
        (uint256(kind) << KIND_BIT) | (uint256(underlying) << 168) | (uint256(expiryAt) << EXPIRY_BIT)
            | uint256(strikeWad)
    );
}

function kindOf(InstrumentId id) pure returns (Kind) {
    return Kind(uint8(InstrumentId.unwrap(id) >> KIND_BIT));
}

function isOption(InstrumentId id) pure returns (bool) {
    return InstrumentId.unwrap(id) >> KIND_BIT != 0;
}

function underlyingOf(InstrumentId id) pure returns (uint16) {
    return uint16(InstrumentId.unwrap(id) >> 168);
}

function expiryOf(InstrumentId id) pure returns (uint40) {
    return uint40(InstrumentId.unwrap(id) >> EXPIRY_BIT);
}

function strikeOf(InstrumentId id) pure returns (uint128) {
    return uint128(InstrumentId.unwrap(id));
}

function same(InstrumentId a, InstrumentId b) pure returns (bool) {
    return InstrumentId.unwrap(a) == InstrumentId.unwrap(b);
}

using { kindOf, isOption, underlyingOf, expiryOf, strikeOf, same } for InstrumentId global;
