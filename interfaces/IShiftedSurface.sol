// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Grade, InstrumentId } from "interfaces/Types.sol";

/// @notice The surface as it would be if all volatilities were higher, or lower, by a share of themselves, and what an option would
/// be worth then. Questions alone read it.
/// @dev A shift lies within MIN_SHIFT_BPS and MAX_SHIFT_BPS; whatever gets another one reverts with `ShiftOutOfRange`.
interface IShiftedSurface {
    /// @notice One unit of an option, with the spot of its underlying as its forward. Once it expired, what it would pay at the spot;
    /// then, and where there is no spot or no strike, all but value and delta are zero. Each down.
    struct Unit {
        uint256 valueWad; // [wad] as the margin models have it
        int256 deltaWad; // [units of the underlying] of value to the spot
        uint256 gammaWad; // [units] of delta to the spot, for 1 of price
        uint256 vegaWad; // [wad] of value to volatility, for 1.00 of it
        uint256 thetaWad; // [wad] what a year would take from the value, as time goes now
    }

    error ShiftOutOfRange(int256 shiftBps, int256 low, int256 high);

    /// @notice Shift volatilities by `shiftBps` of themselves, until the transaction ends. Anybody may: whoever asks says it anew.
    function shift(int256 shiftBps) external;

    /// @notice As `ISurface.pairOf`, of volatilities that are (1 + shift) times those of the surface. Level and slope of a smile are
    /// rounded down to its billionths.
    function pairOf(uint16 underlying, uint32 expiry) external view returns (SmilePair memory pair, Grade grade);

    /// @notice An option at a spot, at volatilities that are shifted by `shiftBps`, whatever `shift` said.
    function unitOf(InstrumentId option, uint256 spotWad, int256 shiftBps) external view returns (Unit memory);

    /// @notice The surface that is shifted.
    function SURFACE() external view returns (ISurface);
}
