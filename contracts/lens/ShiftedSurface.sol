// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { BPS, FixedPoint } from "contracts/libraries/FixedPoint.sol";
import { SmileWord, wordOf } from "contracts/libraries/Svi.sol";
import { IShiftedSurface } from "interfaces/IShiftedSurface.sol";
import { Smile, SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Grade } from "interfaces/Types.sol";

/// @notice A margin model that has this in the place of its surface tells what it would say at other volatilities.
/// @dev v(k) is linear in a and b: a factor f on volatility is f² on both. At the least shift the least variance there is stays
/// far above what rounding takes; at the largest a and all slopes but the most absurd fit their bits, and those revert.
contract ShiftedSurface is IShiftedSurface {
    using FixedPoint for int256;
    using FixedPoint for uint256;
    using SafeCastLib for uint256;

    int256 public constant MIN_SHIFT_BPS = -9_000;
    int256 public constant MAX_SHIFT_BPS = 90_000;

    ISurface public immutable SURFACE;

    int256 private transient _shiftBps;

    constructor(ISurface surface) {
        SURFACE = surface;
    }

    /// @inheritdoc IShiftedSurface
    function shift(int256 shiftBps) external {
        bool within = shiftBps >= MIN_SHIFT_BPS && shiftBps <= MAX_SHIFT_BPS;
        if (!within) revert ShiftOutOfRange(shiftBps, MIN_SHIFT_BPS, MAX_SHIFT_BPS);

        _shiftBps = shiftBps;
    }

    /// @inheritdoc IShiftedSurface
    function pairOf(uint16 underlying, uint32 expiry) external view returns (SmilePair memory pair, Grade grade) {
        (pair, grade) = SURFACE.pairOf(underlying, expiry);
        pair.nearWord = _shifted(pair.nearWord);
        pair.farWord = _shifted(pair.farWord);
    }

    function _shifted(uint256 word) private view returns (uint256) {
        Smile memory s = SmileWord.wrap(word).smileOf();
        uint256 square = uint256(int256(BPS) + _shiftBps) ** 2;
        s.aPpb = int48(int256(s.aPpb).mulDivFloor(square, BPS ** 2)); // 40 bits, and at most a hundred times as much
        s.bPpb = uint256(s.bPpb).mulDivDown(square, BPS ** 2).toUint40();
        return SmileWord.unwrap(wordOf(s));
    }
}
