// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Book, Holding, Leg, Margin } from "interfaces/Types.sol";

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
///     MM    = ⌈V·mh⌉                          where: mh, ih = maintenance and initial haircut
///     IM    = ⌈V·ih⌉ + ⌈amount·gap⌉           where: gap = max(0, price − ema)
///     limit = ⌊amount·min(price, ema)·(1 − ih)⌋
///
/// Requirements round up, values and limits down: the account may lose the wei.
/// No product overflows for sizes and amounts below 2^128, marks below 2^88 and rates up to 100 %.
library LinearMargin {
    using FixedPoint for uint256;
    using FixedPoint for int256;

    uint256 private constant WAD_PER_BPS = WAD / BPS;

    /// @notice Margin of the whole book; parameters stand in the order of its legs and holdings.
    function margin(
        Book calldata book,
        IRisk.InstrumentParams[] memory instruments,
        IRisk.AssetParams[] memory assets
    ) internal pure returns (Margin memory m) {
        m.equityWad = book.cashWad;

        for (uint256 i; i < book.legs.length; ++i) {
            _addLeg(m, book.legs[i], instruments[i]);
        }
        for (uint256 i; i < book.holdings.length; ++i) {
            _addHolding(m, book.holdings[i], assets[i]);
        }
    }

    /// @notice Share of notional that a new position needs at `openInterestWad` [wad].
    ///
    ///     im(OI) = initial + (initialMax − initial)·(OI − knee)/(cap − knee)
    ///     where: knee = ⌊cap·kneeBps⌋; initial below the knee, initialMax from the cap on
    ///
    /// @dev Rounds up; the knee rounds down, which raises the rate.
    function initialRateWad(uint256 openInterestWad, IRisk.InstrumentParams memory p) internal pure returns (uint256) {
        uint256 capWad = p.openInterestCapWad;
        uint256 kneeWad = capWad.mulDivDown(p.kneeBps, BPS);
        if (openInterestWad <= kneeWad) return p.initialBps * WAD_PER_BPS;
        if (openInterestWad >= capWad) return p.initialMaxBps * WAD_PER_BPS;

        uint256 riseWad = uint256(p.initialMaxBps - p.initialBps) * WAD_PER_BPS;
        return p.initialBps * WAD_PER_BPS + riseWad.mulDivUp(openInterestWad - kneeWad, capWad - kneeWad);
    }

    function _addLeg(Margin memory m, Leg calldata leg, IRisk.InstrumentParams memory p) private pure {
        int256 sizeWad = leg.sizeWad;
        uint256 markWad = leg.markWad;
        uint256 emaWad = leg.emaWad;
        uint256 absSizeWad = sizeWad.abs();
        uint256 notionalWad = absSizeWad.mulWadUp(markWad);

        uint256 gapWad;
        if (sizeWad > 0) {
            if (markWad > emaWad) gapWad = markWad - emaWad;
        } else {
            if (emaWad > markWad) gapWad = emaWad - markWad;
        }

        m.equityWad += sizeWad.mulDivFloor(markWad, WAD) + leg.quoteWad;
        m.maintenanceWad += notionalWad.mulDivUp(p.maintenanceBps, BPS);
        m.initialWad += notionalWad.mulWadUp(initialRateWad(leg.openInterestWad, p)) + absSizeWad.mulWadUp(gapWad);
    }

    function _addHolding(Margin memory m, Holding calldata holding, IRisk.AssetParams memory p) private pure {
        uint256 amountWad = holding.amountWad;
        uint256 priceWad = holding.priceWad;
        uint256 emaWad = holding.emaWad;
        uint256 valueUpWad = amountWad.mulWadUp(priceWad);

        uint256 gapWad = priceWad > emaWad ? priceWad - emaWad : 0;
        uint256 lowerWad = priceWad - gapWad;

        m.equityWad += int256(amountWad.mulWadDown(priceWad));
        m.maintenanceWad += valueUpWad.mulDivUp(p.maintenanceHaircutBps, BPS);
        m.initialWad += valueUpWad.mulDivUp(p.initialHaircutBps, BPS) + amountWad.mulWadUp(gapWad);
        m.borrowLimitWad += (amountWad * lowerWad).mulDivDown(BPS - p.initialHaircutBps, WAD * BPS);
    }
}
