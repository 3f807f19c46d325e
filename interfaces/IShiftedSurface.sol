// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Grade } from "interfaces/Types.sol";

/// @notice The surface as it would be if all volatilities were higher, or lower, by a share of themselves. Questions alone read it.
interface IShiftedSurface {
    error ShiftOutOfRange(int256 shiftBps, int256 low, int256 high);

    /// @notice Shift volatilities by `shiftBps` of themselves, until the transaction ends. Anybody may: whoever asks says it anew.
    /// @dev Within MIN_SHIFT_BPS and MAX_SHIFT_BPS; reverts with `ShiftOutOfRange`.
    function shift(int256 shiftBps) external;

    /// @notice As `ISurface.pairOf`, of volatilities that are (1 + shift) times those of the surface. Level and slope of a smile are
    /// rounded down to its billionths.
    function pairOf(uint16 underlying, uint32 expiry) external view returns (SmilePair memory pair, Grade grade);

    /// @notice The surface that is shifted.
    function SURFACE() external view returns (ISurface);
}
