// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { Black76 } from "contracts/libraries/Black76.sol";
import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { Svi } from "contracts/libraries/Svi.sol";
import { Scan } from "contracts/risk/Scan.sol";
import { ScanQuote } from "contracts/risk/ScanQuote.sol";
import { IPortfolio } from "interfaces/IPortfolio.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { IScans } from "interfaces/IScans.sol";
import { SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Book, Holding, InstrumentId, Kind, Leg, Margin } from "interfaces/Types.sol";

/// @notice From a book to what each underlying moves, and from the margins of underlyings to that of the account.
/// @dev Sticky strike: the total variance w of a strike is read once, at its ln(K/F) of now, and only volatility shocks move it.
///
///     all = ⌈√(ρ·(ΣR)² + (1 − ρ)·ΣR²)⌉      where: R = margin of an underlying, ρ = stressed correlation; ρ = 1 without offsets
library PortfolioMargin {
    using FixedPoint for int256;

    uint256 private constant TERM = 30 days;

    /// @dev An expiry that was looked up already.
    struct Expiry {
        uint40 expiryAt;
        bool open; // not past
        SmilePair pair;
        uint256 powerWad;
    }

    /// @dev Value and limit as in the linear models; margin too, where no grid takes it in.
    function addHolding(Margin memory m, Holding calldata h, IRisk.AssetParams calldata p, bool netted) internal pure {
        uint256 product = h.amountWad * h.priceWad;
        uint256 lowerWad = FixedPointMathLib.min(h.priceWad, h.emaWad);
        uint256 limitWad = h.amountWad * lowerWad * (BPS - p.initialHaircutBps) / (WAD * BPS);
        m.equityWad += int256(product / WAD);
        m.borrowLimitWad += limitWad;
        if (netted) return;
        uint256 valueUpWad = _ceilDiv(product, WAD);
        m.initialWad += valueUpWad - limitWad;
        m.maintenanceWad += _ceilDiv(valueUpWad * p.maintenanceHaircutBps, BPS);
    }

    /// @dev The underlyings of a book, each once, of legs first.
    function underlyingsOf(Leg[] calldata legs, uint16[] memory netted)
        internal
        pure
        returns (uint16[] memory found, uint256 count)
    {
        found = new uint16[](legs.length + netted.length);
        uint16 last; // neighbours mostly share theirs
        for (uint256 i; i < legs.length; ++i) {
            uint16 underlying = legs[i].instrument.underlyingOf();
            if (underlying == last && i != 0) continue;
            count = _addOnce(found, count, underlying);
            last = underlying;
        }
        for (uint256 i; i < netted.length; ++i) {
            if (netted[i] != 0) count = _addOnce(found, count, netted[i]);
        }
    }

    /// @dev Everything on one underlying. Its prices are those of its first leg, else of its first holding.
    function exposureOf(
        Book calldata book,
        uint16[] memory netted,
        uint16 underlying,
        IScans.ScanParams memory p,
        ISurface surface
    ) internal view returns (Scan.Exposure memory e) {
        Leg[] calldata legs = book.legs;
        uint256 options;
        uint256 expiries; // at most so many
        uint256 expiryAt = type(uint256).max;
        for (uint256 i; i < legs.length; ++i) {
            InstrumentId instrument = legs[i].instrument;
            if (instrument.underlyingOf() != underlying) continue;
            if (e.spotWad == 0) (e.spotWad, e.emaWad) = (legs[i].markWad, legs[i].emaWad);
            if (instrument.kindOf() == Kind.Perpetual) continue;
            ++options;
            if (instrument.expiryOf() == expiryAt) continue;
            expiryAt = instrument.expiryOf();
            ++expiries;
        }
        for (uint256 i; i < netted.length; ++i) {
            if (netted[i] != underlying) continue;
            Holding calldata h = book.holdings[i];
            if (e.spotWad == 0) (e.spotWad, e.emaWad) = (h.priceWad, h.emaWad);
            e.linearWad += int256(h.amountWad);
            e.grossLinearWad += h.amountWad;
        }
        if (e.spotWad == 0) revert IPortfolio.NoPrice(underlying);

        e.options = new Scan.Option[](options);
        _addLegs(e, legs, underlying, new Expiry[](expiries), p, surface);
    }

    /// @dev ⌈√(ρ·(ΣR)² + (1 − ρ)·ΣR²)⌉. Margins below 2^114.
    function combinedUp(uint256[] memory margins, uint256 correlationBps) internal pure returns (uint256) {
        uint256 sumWad;
        uint256 squares;
        for (uint256 i; i < margins.length; ++i) {
            sumWad += margins[i];
        }
        if (correlationBps == BPS) return sumWad;
        for (uint256 i; i < margins.length; ++i) {
            squares += margins[i] * margins[i];
        }
        uint256 square = _ceilDiv(correlationBps * sumWad * sumWad + (BPS - correlationBps) * squares, BPS);
        uint256 root = FixedPointMathLib.sqrt(square);
        return root * root < square ? root + 1 : root;
    }

    function _addLegs(
        Scan.Exposure memory e,
        Leg[] calldata legs,
        uint16 underlying,
        Expiry[] memory expiries,
        IScans.ScanParams memory p,
        ISurface surface
    ) private view {
        unchecked {
            uint256 shorts = e.options.length; // filled from the end; those held from the beginning
            uint256 known;
            int256 lnSpotWad = FixedPointMathLib.lnWad(int256(e.spotWad));
            for (uint256 i; i < legs.length; ++i) {
                Leg calldata leg = legs[i];
                InstrumentId instrument = leg.instrument;
                if (instrument.underlyingOf() != underlying) continue;
                int256 sizeWad = leg.sizeWad;
                uint256 unitWad = e.spotWad;
                if (instrument.kindOf() == Kind.Perpetual) {
                    e.linearWad += sizeWad;
                    e.grossLinearWad += sizeWad.abs();
                } else {
                    uint256 at;
                    while (at < known && expiries[at].expiryAt != instrument.expiryOf()) ++at;
                    if (at == known) expiries[known++] = _expiryOf(underlying, instrument.expiryOf(), p, surface);
                    uint256 place = sizeWad > 0 ? e.longs++ : --shorts;
                    Scan.Option memory o = e.options[place];
                    o.sizeWad = sizeWad;
                    unitWad = _addOption(e, o, instrument, lnSpotWad, expiries[at]);
                }
                e.valueWad += (sizeWad < 0
                            ? -int256(_ceilDiv(uint256(-sizeWad) * unitWad, WAD))
                            : int256(uint256(sizeWad) * unitWad / WAD)) + leg.quoteWad;
            }
            e.upWad += e.linearWad;
            e.straightWad += e.linearWad;
            e.restNow += e.straightWad * int256(e.spotWad);
            e.netDelta += e.linearWad * int256(WAD);
            e.grossDelta += e.grossLinearWad * WAD;
        }
    }

    /// @dev Adds an option of a size that is set; returns what one unit is worth.
    function _addOption(
        Scan.Exposure memory e,
        Scan.Option memory o,
        InstrumentId instrument,
        int256 lnSpotWad,
        Expiry memory expiry
    ) private pure returns (uint256 valueWad) {
        unchecked {
            uint256 strikeWad = instrument.strikeOf();
            int256 lnWad = lnSpotWad - FixedPointMathLib.lnWad(int256(strikeWad));
            o.strikeWad = strikeWad;
            o.lnWad = lnWad;
            o.powerWad = expiry.powerWad;
            if (expiry.open) o.rootWad = Black76.rootWadDown(Svi.totalVarianceWadDown(expiry.pair, -lnWad));
            uint256 deltaWad;
            (valueWad, deltaWad) = ScanQuote.callWad(e.spotWad, strikeWad, lnWad, o.rootWad);

            int256 sizeWad = o.sizeWad;
            int256 call = sizeWad * int256(valueWad);
            int256 delta = sizeWad * int256(deltaWad);
            if (instrument.kindOf() == Kind.Call) {
                e.upWad += sizeWad;
            } else {
                e.straightWad -= sizeWad;
                valueWad = valueWad + strikeWad - e.spotWad;
                delta -= sizeWad * int256(WAD);
            }
            e.netDelta += delta;
            e.grossDelta += delta.abs();
            if (sizeWad > 0) {
                e.longNow += call;
                e.premium += uint256(sizeWad) * valueWad;
            } else {
                e.restNow += call;
                e.shortWad += uint256(-sizeWad);
            }
        }
    }

    /// @dev At or after expiry there is no smile, and an option is worth what it pays.
    function _expiryOf(uint16 underlying, uint40 expiryAt, IScans.ScanParams memory p, ISurface surface)
        private
        view
        returns (Expiry memory x)
    {
        x.expiryAt = expiryAt;
        x.open = expiryAt > block.timestamp;
        if (x.open) (x.pair,) = surface.pairOf(underlying, SafeCastLib.toUint32(expiryAt));
        x.powerWad = powerWad(x.open ? expiryAt - block.timestamp : 0, p);
    }

    /// @dev (30 days/T)^p, T at least a day.
    function powerWad(uint256 secondsLeft, IScans.ScanParams memory p) internal pure returns (uint256) {
        secondsLeft = FixedPointMathLib.max(secondsLeft, 1 days);
        int256 powerBps = int256(uint256(secondsLeft < TERM ? p.nearPowerBps : p.farPowerBps));
        int256 lnWad = FixedPointMathLib.lnWad(int256(TERM * WAD / secondsLeft));
        return uint256(FixedPointMathLib.expWad(powerBps * lnWad / int256(BPS)));
    }

    function _addOnce(uint16[] memory found, uint256 count, uint16 underlying) private pure returns (uint256) {
        uint256 j;
        while (j < count && found[j] != underlying) ++j;
        if (j < count) return count;
        found[count] = underlying;
        return count + 1;
    }

    function _ceilDiv(uint256 x, uint256 d) private pure returns (uint256) {
        unchecked {
            return (x + d - 1) / d;
        }
    }
}
