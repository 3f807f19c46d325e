// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { Black76 } from "contracts/libraries/Black76.sol";
import { BookCall } from "contracts/libraries/BookCall.sol";
import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { Svi } from "contracts/libraries/Svi.sol";
import { Words } from "contracts/libraries/Words.sol";
import { Scan } from "contracts/risk/Scan.sol";
import { ScanFields } from "contracts/risk/ScanFields.sol";
import {
    LN,
    LN_BITS,
    OPTION_BYTES,
    POWER,
    ROOT,
    SHOCKED_ROOT,
    SIZE,
    STRIKE,
    ScanQuote
} from "contracts/risk/ScanQuote.sol";
import { IPortfolio } from "interfaces/IPortfolio.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { ScanWords } from "interfaces/IScans.sol";
import { SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Holding, InstrumentId, Kind, Leg, Margin } from "interfaces/Types.sol";

/// @notice From a book to what each underlying moves, and from the margins of underlyings to that of the account.
/// @dev Sticky strike: the total variance w of a strike is read once, at its ln(K/F) of now, and only volatility shocks move it.
///
///     all = ⌈√(ρ·(ΣR)² + (1 − ρ)·ΣR²)⌉      where: R = margin of an underlying, ρ = stressed correlation; ρ = 1 without offsets
library PortfolioMargin {
    using FixedPoint for int256;
    using ScanFields for ScanWords;

    uint256 private constant TERM = 30 days;

    /// @dev An expiry that was looked up already.
    struct Expiry {
        uint256 expiryAt; // zero: none, and none before it
        bool open; // not past
        SmilePair pair;
        uint256 powerWad;
        uint256 before; // where in memory the one lies that was looked up before
    }

    /// @dev Of the margins of underlyings, each below 2^114.
    struct Sum {
        uint256 marginWad;
        uint256 squares;
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
        unchecked {
            found = new uint16[](legs.length + netted.length);
            uint16 last; // neighbours mostly share theirs; zero isn't one
            (uint256 at, uint256 end) = BookCall.rangeOf(legs);
            for (; at != end; at += BookCall.LEG_BYTES) {
                uint16 underlying = BookCall.legAt(at).instrument.underlyingOf();
                if (underlying == last) continue;
                count = _addOnce(found, count, underlying);
                last = underlying;
            }
            for (uint256 i; i < netted.length; ++i) {
                if (netted[i] != 0) count = _addOnce(found, count, netted[i]);
            }
        }
    }

    /// @dev Everything on one underlying. Its prices are those of its first leg, else of its first holding.
    /// @param room where in memory its options may lie: as many as there are legs
    function exposureOf(
        Leg[] calldata legs,
        Holding[] calldata holdings,
        uint16[] memory netted,
        uint16 underlying,
        uint256 room,
        ScanWords memory w,
        ISurface surface
    ) internal view returns (Scan.Exposure memory e) {
        unchecked {
            (e.longs, e.longsEnd) = (room, room);
            e.shortsEnd = room + OPTION_BYTES * legs.length; // filled from the end
            e.shorts = e.shortsEnd;
            _addLegs(e, legs, underlying, w, surface);
            for (uint256 i; i < netted.length; ++i) {
                if (netted[i] != underlying) continue;
                Holding calldata h = holdings[i];
                if (e.spotWad == 0) (e.spotWad, e.emaWad) = (h.priceWad, h.emaWad);
                e.linearWad += int256(h.amountWad);
                e.grossLinearWad += h.amountWad;
            }
            if (e.spotWad == 0) revert IPortfolio.NoPrice(underlying);

            e.upWad += e.linearWad;
            e.straightWad += e.linearWad;
            e.restNow += e.straightWad * int256(e.spotWad);
            e.netDelta += e.linearWad * int256(WAD);
            e.grossDelta += e.grossLinearWad * WAD;
        }
    }

    function add(Sum memory s, uint256 marginWad) internal pure {
        unchecked {
            s.marginWad += marginWad;
            s.squares += marginWad * marginWad;
        }
    }

    /// @dev ⌈√(ρ·(ΣR)² + (1 − ρ)·ΣR²)⌉
    function combinedUp(Sum memory s, uint256 correlationBps) internal pure returns (uint256) {
        if (correlationBps == BPS) return s.marginWad;
        uint256 square = _ceilDiv(correlationBps * s.marginWad * s.marginWad + (BPS - correlationBps) * s.squares, BPS);
        uint256 root = FixedPointMathLib.sqrt(square);
        return root * root < square ? root + 1 : root;
    }

    function _addLegs(
        Scan.Exposure memory e,
        Leg[] calldata legs,
        uint16 underlying,
        ScanWords memory w,
        ISurface surface
    ) private view {
        unchecked {
            Expiry memory expiry; // of the last option: neighbours often expire together
            Expiry memory known = expiry; // the last that was looked up
            int256 lnSpotWad;
            (uint256 at, uint256 end) = BookCall.rangeOf(legs);
            for (; at != end; at += BookCall.LEG_BYTES) {
                Leg calldata leg = BookCall.legAt(at);
                InstrumentId instrument = leg.instrument;
                if (instrument.underlyingOf() != underlying) continue;
                if (e.spotWad == 0) {
                    (e.spotWad, e.emaWad) = (leg.markWad, leg.emaWad);
                    if (e.spotWad == 0) revert IPortfolio.NoPrice(underlying);
                    lnSpotWad = FixedPointMathLib.lnWad(int256(e.spotWad));
                }
                int256 sizeWad = leg.sizeWad;
                int256 value = sizeWad * int256(e.spotWad);
                if (!instrument.isOption()) {
                    e.linearWad += sizeWad;
                    e.grossLinearWad += sizeWad.abs();
                } else {
                    if (expiry.expiryAt != instrument.expiryOf()) {
                        expiry = _found(known, instrument.expiryOf());
                        if (expiry.expiryAt == 0) known = expiry = _expiryOf(instrument, known, w, surface);
                    }
                    value = _addOption(e, instrument, sizeWad, lnSpotWad, expiry);
                }
                e.valueWad += Scan.wadFloor(value) + leg.quoteWad;
            }
        }
    }

    /// @return value what it is worth, times 1e18
    function _addOption(
        Scan.Exposure memory e,
        InstrumentId instrument,
        int256 sizeWad,
        int256 lnSpotWad,
        Expiry memory expiry
    ) private pure returns (int256 value) {
        unchecked {
            uint256 at = sizeWad > 0 ? e.longsEnd : e.shorts - OPTION_BYTES;
            uint256 strikeWad = instrument.strikeOf();
            int256 lnWad = lnSpotWad - FixedPointMathLib.lnWad(int256(strikeWad));
            uint256 rootWad = 1; // nothing divides by zero
            if (expiry.open) {
                rootWad = Black76.rootWadDown(Svi.totalVarianceWadDown(expiry.pair, -lnWad));
                rootWad = FixedPointMathLib.max(rootWad, 1);
            }
            Words.put(at + SIZE, uint256(sizeWad));
            Words.put(at + STRIKE, strikeWad);
            Words.put(at + LN, uint256(lnWad << LN_BITS));
            Words.put(at + ROOT, rootWad);
            Words.put(at + POWER, expiry.powerWad);
            Words.put(at + SHOCKED_ROOT, rootWad);
            int256 delta;
            (value, delta) = ScanQuote.sums(at, at + OPTION_BYTES, e.spotWad, 0, true);

            if (sizeWad > 0) {
                e.longsEnd = at + OPTION_BYTES;
                e.longNow += value;
            } else {
                e.shorts = at;
                e.restNow += value;
                e.shortWad += uint256(-sizeWad);
            }
            if (instrument.kindOf() == Kind.Put) {
                e.straightWad -= sizeWad;
                value += sizeWad * (int256(strikeWad) - int256(e.spotWad));
                delta -= sizeWad * int256(WAD);
            } else {
                e.upWad += sizeWad;
            }
            if (sizeWad > 0) e.premium += uint256(value);
            e.netDelta += delta;
            e.grossDelta += delta.abs();
        }
    }

    /// @dev Among those that were looked up; else none.
    function _found(Expiry memory x, uint256 expiryAt) private pure returns (Expiry memory) {
        while (x.expiryAt != 0 && x.expiryAt != expiryAt) {
            uint256 before = x.before;
            assembly ("memory-safe") {
                x := before
            }
        }
        return x;
    }

    /// @dev At or after expiry there is no smile, and an option is worth what it pays.
    function _expiryOf(InstrumentId option, Expiry memory known, ScanWords memory w, ISurface surface)
        private
        view
        returns (Expiry memory x)
    {
        uint256 expiryAt = option.expiryOf();
        x.expiryAt = expiryAt;
        x.open = expiryAt > block.timestamp;
        if (x.open) (x.pair,) = surface.pairOf(option.underlyingOf(), SafeCastLib.toUint32(expiryAt));
        x.powerWad = powerWad(x.open ? expiryAt - block.timestamp : 0, w);
        uint256 before;
        assembly ("memory-safe") {
            before := known
        }
        x.before = before;
    }

    /// @dev (30 days/T)^p, T at least a day.
    function powerWad(uint256 secondsLeft, ScanWords memory w) internal pure returns (uint256) {
        secondsLeft = FixedPointMathLib.max(secondsLeft, 1 days);
        int256 powerBps = int256(secondsLeft < TERM ? w.nearPowerBps() : w.farPowerBps());
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
