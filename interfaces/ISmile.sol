// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice The smile of one expiry, raw SVI (Gatheral, 2004) of *annualised* variance: v(k) = a + b·(ρ·(k − m) + √((k − m)² + σ²)),
/// where k = ln(strike/forward). Total variance is v·T with T the time left, so the smile stands while the time runs, and the
/// usual parameters of total variance are a·T, b·T, ρ, m, σ.
struct Smile {
    int48 aPpb; // level; may be negative as long as v isn't
    uint40 bPpb; // slope of the wings: b·(ρ ± 1)
    int32 rhoPpb; // tilt
    int40 mPpb; // where the smile lies
    uint40 sigmaPpb; // how round its bottom is; not the volatility
}

/// @notice The smiles between which an expiry lies, packed as `Svi` packs them; the same one twice where there is one only.
struct SmilePair {
    uint256 nearWord;
    uint256 farWord;
    uint256 nearSeconds; // until the nearer expires
    uint256 farSeconds;
    uint256 secondsToExpiry; // of the option itself
}

/// @notice What may be wrong with a smile.
interface ISmile {
    /// @param field 0 … 4: a, b, ρ, m, σ
    error SmileOutOfRange(uint256 field, int256 valuePpb, int256 lowPpb, int256 highPpb);
    /// @notice The least variance of the smile is below the floor.
    error VarianceTooLow(int256 leastPpb, int256 floorPpb);
    /// @notice Total variance grows faster than 2·|k| far out (Lee's moment formula), so probabilities there would be negative.
    error WingTooSteep(uint256 slopeWad, uint256 maxWad);
    /// @notice The probability density at k is negative: a butterfly would cost less than nothing.
    error ButterflyArbitrage(int256 kWad, int256 gWad);
    /// @notice Total variance at k, times the seconds of a year, falls from the nearer to the farther expiry.
    error CalendarArbitrage(int256 kWad, uint256 nearWad, uint256 farWad);
    /// @notice The same, of how steep the wings are: they would cross somewhere far out.
    error WingsCross(uint256 nearPpb, uint256 farPpb);
    /// @notice Variance at k would move by more than one update may.
    error SmileMoveTooLarge(int256 kWad, uint256 standingWad, uint256 nextWad);
}
