// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { Black76 } from "contracts/libraries/Black76.sol";
import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { SmileWord, Svi, wordOf } from "contracts/libraries/Svi.sol";
import { IShiftedSurface } from "interfaces/IShiftedSurface.sol";
import { Smile, SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Grade, InstrumentId, Kind } from "interfaces/Types.sol";

/// @notice A margin model that has this in the place of its surface tells what it would say at other volatilities; and this itself
/// what one option is worth there.
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
        _checkShift(shiftBps);

        _shiftBps = shiftBps;
    }

    /// @inheritdoc IShiftedSurface
    function pairOf(uint16 underlying, uint32 expiry) external view returns (SmilePair memory, Grade) {
        return _pairAt(underlying, expiry, _shiftBps);
    }

    /// @inheritdoc IShiftedSurface
    function unitOf(InstrumentId option, uint256 spotWad, int256 shiftBps) external view returns (Unit memory u) {
        _checkShift(shiftBps);

        uint256 strikeWad = option.strikeOf();
        bool isCall = option.kindOf() == Kind.Call;
        (uint256 varianceWad, uint256 left) = _varianceOf(option, spotWad, shiftBps);
        Black76.Greeks memory g = Black76.greeks(spotWad, strikeWad, varianceWad, left);
        u.valueWad = Black76.priceWad(spotWad, strikeWad, varianceWad, isCall);
        u.deltaWad = int256(g.callDeltaWad) - (isCall ? int256(0) : int256(WAD));
        (u.gammaWad, u.vegaWad, u.thetaWad) = (g.gammaWad, g.vegaWad, g.thetaWad);
    }

    /// @dev Total variance of a strike, and the time left; none once it expired.
    function _varianceOf(InstrumentId option, uint256 spotWad, int256 shiftBps)
        private
        view
        returns (uint256 varianceWad, uint256 left)
    {
        (uint256 strikeWad, uint256 expiryAt) = (option.strikeOf(), option.expiryOf());
        if (expiryAt <= block.timestamp || spotWad == 0 || strikeWad == 0) return (0, 0);

        left = expiryAt - block.timestamp;
        (SmilePair memory pair,) = _pairAt(option.underlyingOf(), expiryAt.toUint32(), shiftBps);
        varianceWad = Svi.totalVarianceWadDown(pair, -Black76.lnMoneynessWad(spotWad, strikeWad));
    }

    function _pairAt(uint16 underlying, uint32 expiry, int256 shiftBps)
        private
        view
        returns (SmilePair memory pair, Grade grade)
    {
        (pair, grade) = SURFACE.pairOf(underlying, expiry);
        pair.nearWord = _shifted(pair.nearWord, shiftBps);
        pair.farWord = _shifted(pair.farWord, shiftBps);
    }

    function _shifted(uint256 word, int256 shiftBps) private pure returns (uint256) {
        Smile memory s = SmileWord.wrap(word).smileOf();
        uint256 square = uint256(int256(BPS) + shiftBps) ** 2;
        s.aPpb = int48(int256(s.aPpb).mulDivFloor(square, BPS ** 2)); // 40 bits, and at most a hundred times as much
        s.bPpb = uint256(s.bPpb).mulDivDown(square, BPS ** 2).toUint40();
        return SmileWord.unwrap(wordOf(s));
    }

    function _checkShift(int256 shiftBps) private pure {
        bool within = shiftBps >= MIN_SHIFT_BPS && shiftBps <= MAX_SHIFT_BPS;
        if (!within) revert ShiftOutOfRange(shiftBps, MIN_SHIFT_BPS, MAX_SHIFT_BPS);
    }
}
