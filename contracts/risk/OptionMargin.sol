// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { Payoff } from "contracts/libraries/Payoff.sol";
import { InstrumentId, Kind, Leg, Margin } from "interfaces/Types.sol";

/// @notice Standard margin of one option, without netting: what exchanges ask of a short that nothing else covers.
/// @dev With v the value of one unit, S the spot, otm how far S is from where it pays:
///
///     long    value = ⌊size·v⌋ + quote
///             IM    = ⌊size·v⌋                        all of its value: an option lends nothing
///             MM    = ⌈⌊size·v⌋·LONG_MAINTENANCE⌉     never more than its value
///
///     short   value = −⌈|size|·v⌉ + quote
///             need(S, a) = max(⌈S·a⌉ − otm, ⌈S·b⌉)    where: b = a·FLOOR
///             MM    = ⌈|size|·need(S, mm)⌉
///             IM    = ⌈|size|·max(need(S, im), need(ema, im))⌉ + ⌈|size|·gap⌉
///             where: gap = max(0, ema − S) of a call, max(0, S − ema) of a put: as far as its value may follow
///
/// a is the class's rate of its underlying: mm maintenanceBps, im the rate at the open interest of all series.
/// Without a size only the quote counts. Requirements round up, a long's up to its value, values down: the account may
/// lose the wei. Nothing overflows for sizes below 2^128, marks and strikes below 2^88.
library OptionMargin {
    using FixedPoint for int256;
    using Payoff for InstrumentId;

    uint256 internal constant FLOOR_BPS = 5_000; // of a short's rate: what it needs however far out of the money
    uint256 internal constant LONG_MAINTENANCE_BPS = 5_000; // of a long's value

    /// @param unitWad value of one unit [wad]
    /// @param maintenanceBps rate of the option class of its underlying
    /// @param initialWad the class's rate at the open interest of the leg
    function addLeg(Margin memory m, Leg calldata leg, uint256 unitWad, uint256 maintenanceBps, uint256 initialWad)
        internal
        pure
    {
        int256 sizeWad = leg.sizeWad;
        m.equityWad += leg.quoteWad;
        if (sizeWad == 0) return;

        uint256 absSizeWad = sizeWad.abs();
        unchecked {
            uint256 product = absSizeWad * unitWad;
            if (sizeWad > 0) {
                uint256 valueWad = product / WAD;
                m.equityWad += int256(valueWad);
                m.initialWad += valueWad;
                m.maintenanceWad += _ceilDiv(valueWad * LONG_MAINTENANCE_BPS, BPS);
                return;
            }
            m.equityWad -= int256(_ceilDiv(product, WAD));
            m.maintenanceWad += _ceilDiv(
                absSizeWad * needWad(leg.instrument, leg.markWad, maintenanceBps * (WAD / BPS)), WAD
            );
            m.initialWad += _ceilDiv(absSizeWad * _initialWad(leg, initialWad), WAD);
        }
    }

    /// @notice What a short of one unit needs at a price [wad], beside its value.
    function needWad(InstrumentId option, uint256 priceWad, uint256 rateWad) internal pure returns (uint256) {
        unchecked {
            uint256 wholeWad = _ceilDiv(priceWad * rateWad, WAD);
            uint256 floorWad = _ceilDiv(priceWad * rateWad * FLOOR_BPS, WAD * BPS);
            uint256 otmWad = option.outOfTheMoneyWad(priceWad);
            return wholeWad > floorWad + otmWad ? wholeWad - otmWad : floorWad;
        }
    }

    /// @dev Per unit of a short [wad].
    function _initialWad(Leg calldata leg, uint256 rateWad) private pure returns (uint256) {
        (uint256 markWad, uint256 emaWad) = (leg.markWad, leg.emaWad);
        uint256 atMarkWad = needWad(leg.instrument, markWad, rateWad);
        uint256 atEmaWad = needWad(leg.instrument, emaWad, rateWad);
        (uint256 highWad, uint256 lowWad) = leg.instrument.kindOf() == Kind.Call ? (emaWad, markWad) : (markWad, emaWad);
        unchecked {
            uint256 gapWad = highWad > lowWad ? highWad - lowWad : 0;
            return (atMarkWad > atEmaWad ? atMarkWad : atEmaWad) + gapWad;
        }
    }

    /// @dev ⌈x/d⌉ for d > 0, x + d below 2^256
    function _ceilDiv(uint256 x, uint256 d) private pure returns (uint256) {
        unchecked {
            return (x + d - 1) / d;
        }
    }
}
