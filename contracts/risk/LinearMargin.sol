// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { InstrumentWord } from "contracts/risk/InstrumentWord.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Holding, Leg, Margin } from "interfaces/Types.sol";

/// @notice Margin without netting: the sum of what each leg and each holding needs by itself.
/// @dev Per leg, with N = ⌈|size|·mark⌉:
///
///     value = ⌊size·mark⌋ + quote
///     MM    = ⌈N·mm⌉                          where: mm = maintenanceBps
///     IM    = ⌈N·im(OI)⌉ + ⌈|size|·gap⌉       where: gap = max(0, mark − ema) of a long, max(0, ema − mark) of a short
///
/// Per holding, with V = ⌈amount·price⌉:
///
///     value = ⌊amount·price⌋
///     limit = ⌊amount·min(price, ema)·(1 − ih)⌋
///     MM    = ⌈V·mh⌉                          where: mh, ih = maintenance and initial haircut
///     IM    = V − limit                       so more collateral never backs less
///
/// Requirements round up, values and limits down: the account may lose the wei.
/// Nothing overflows for sizes and amounts below 2^128, marks below 2^88 and rates up to 100 %: unchecked, for gas.
library LinearMargin {
    using FixedPoint for int256;

    uint256 private constant WAD_PER_BPS = WAD / BPS;

    /// @notice Share of notional that a new position needs at `openInterestWad` [wad].
    ///
    ///     im(OI) = initial + (initialMax − initial)·(OI − knee)/(cap − knee)
    ///     where: knee = ⌊cap·kneeBps⌋; initial below the knee, initialMax from the cap on
    ///
    /// @dev Rounds up; the knee rounds down, which raises the rate.
    function initialRateWad(uint256 openInterestWad, InstrumentWord p) internal pure returns (uint256) {
        unchecked {
            uint256 capWad = p.openInterestCapWad();
            uint256 kneeWad = capWad * p.kneeBps() / BPS;
            uint256 initialWad = p.initialBps() * WAD_PER_BPS;
            if (openInterestWad <= kneeWad) return initialWad;
            uint256 initialMaxWad = p.initialMaxBps() * WAD_PER_BPS;
            if (openInterestWad >= capWad) return initialMaxWad;

            return initialWad + _ceilDiv((initialMaxWad - initialWad) * (openInterestWad - kneeWad), capWad - kneeWad);
        }
    }

    /// @param initialWad the rate at the open interest of the leg
    function addLeg(Margin memory m, Leg calldata leg, uint256 maintenanceBps, uint256 initialWad) internal pure {
        int256 sizeWad = leg.sizeWad;
        uint256 markWad = leg.markWad;
        uint256 emaWad = leg.emaWad;
        uint256 absSizeWad = sizeWad.abs();
        unchecked {
            uint256 product = absSizeWad * markWad;
            uint256 notionalWad = _ceilDiv(product, WAD);
            m.equityWad += (sizeWad < 0 ? -int256(notionalWad) : int256(product / WAD)) + leg.quoteWad;
            m.maintenanceWad += _ceilDiv(notionalWad * maintenanceBps, BPS);
            m.initialWad += _ceilDiv(notionalWad * initialWad, WAD);

            (uint256 highWad, uint256 lowWad) = sizeWad > 0 ? (markWad, emaWad) : (emaWad, markWad);
            if (highWad > lowWad) m.initialWad += _ceilDiv(absSizeWad * (highWad - lowWad), WAD);
        }
    }

    function addHolding(Margin memory m, Holding calldata holding, IRisk.AssetParams memory p) internal pure {
        uint256 priceWad = holding.priceWad;
        uint256 lowerWad = priceWad < holding.emaWad ? priceWad : holding.emaWad;
        unchecked {
            uint256 product = holding.amountWad * priceWad;
            uint256 valueUpWad = _ceilDiv(product, WAD);
            uint256 limitWad = holding.amountWad * lowerWad * (BPS - p.initialHaircutBps) / (WAD * BPS);

            m.equityWad += int256(product / WAD);
            m.maintenanceWad += _ceilDiv(valueUpWad * p.maintenanceHaircutBps, BPS);
            m.initialWad += valueUpWad - limitWad; // not V·ih + gap: that may exceed V, and collateral would lower E − IM
            m.borrowLimitWad += limitWad;
        }
    }

    /// @dev ⌈x/d⌉ for d > 0, x + d below 2^256
    function _ceilDiv(uint256 x, uint256 d) private pure returns (uint256) {
        unchecked {
            return (x + d - 1) / d;
        }
    }
}
