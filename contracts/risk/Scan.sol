// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { ScanGrids } from "contracts/risk/ScanGrids.sol";
import { ScanQuote } from "contracts/risk/ScanQuote.sol";
import { IScans, ScanGrid } from "interfaces/IScans.sol";

/// @notice Margin of everything that one underlying moves.
/// @dev A *cell* of the grid is a place (spot and volatility shocked) and the way to it from its neighbour on the side of
/// the spot. Its loss is the largest at the places, the account's own strikes on the way among them, and what no loss
/// between them exceeds, as far as the cap. Tails are places alone; the slope as the spot goes to infinity is one more.
///
///     worst     = the largest weighted loss of a cell, at least zero
///     shortfall = ⌈mean of the `worst` largest⌉
///     IM        = max(worst, min(max(worst, floor) + contingency, cap))
///     MM        = max(⌈m·shortfall⌉, min(⌈m·max(shortfall, floor)⌉, cap))
///     where: floor = spot·(net·|Σδ| + gross·(Σ|δ| − |Σδ|)/2)
///            contingency = spot·short·Σ|short options| + |Σδ|·gap      gap: how far the slow price is on the bad side
///            cap = Σ value of long options + spot·Σ|everything else|
///
/// Between two places of one volatility: long options are convex in the spot and lie above their tangents; everything else
/// lies above its chord. So the profit lies above two straight lines, which leave the ends with the slopes
///
///     m = Δ + (rest of high − rest of low)/(high − low)      where: Δ = delta of what is long, at that end
///
/// and, where the first falls and the second rises, cross at V − p·(V − V' + q·width)/(p + q), p = −m, q = m'.
///
/// Sizes below 2^104, prices below 2^88, of less than 2^8 legs: nothing overflows. What the account may lose by rounding is a wei a place.
library Scan {
    using FixedPoint for int256;
    using ScanGrids for ScanGrid;

    uint256 private constant OPTION_BYTES = 6 * 32;

    /// @dev An option, with what no scenario changes. As put = call − F + K, to the wei, scenarios take every option as a call.
    struct Option {
        int256 sizeWad;
        uint256 strikeWad;
        int256 lnWad; // ln(F/K)
        uint256 rootWad; // √w
        uint256 powerWad; // (30 days/T)^p: what a shock to volatility is multiplied by
        uint256 shockedRootWad; // √w under the volatility shock that is looked at
    }

    /// @dev Everything of an account that one underlying moves. What has no unit in its name is a product of two [1e36].
    struct Exposure {
        uint256 spotWad;
        uint256 emaWad;
        int256 linearWad; // perpetuals and netted collateral
        uint256 grossLinearWad;
        int256 straightWad; // the same, less the forward of every put
        int256 upWad; // the linear and every call: what gains as the spot goes to infinity
        int256 valueWad; // of the legs, quotes included
        int256 netDelta;
        uint256 grossDelta;
        uint256 premium; // what long options are worth
        uint256 shortWad; // how many options are short
        int256 longNow; // value of what is long, each option as a call
        int256 restNow; // of all the rest
        uint256 longs; // how many of the options, the first of them, are held
        Option[] options;
    }

    /// @dev What an account gains at one spot and volatility, rounded down.
    struct Place {
        uint256 spotWad;
        int256 profitWad; // everything
        int256 restWad; // everything but long options
        int256 slopeWad; // delta of the long options
    }

    /// @dev The core's spots, and one of its volatilities on the way from the lowest of them to the highest.
    struct Line {
        uint256[] spotsWad; // ascending
        int256[] movesWad; // ln(1 + shock) of each
        uint256 present; // which of them isn't shocked
        uint256 pinWad; // strikes of long options are places where √w is below it
        int256 capWad;
        uint256 first; // its first cell
        uint256 witness; // its cells from bit 0 up
        uint256 count; // of own strikes
        uint256[] strikesWad; // own strikes, ascending
        int256[] lnsWad; // …with ln(F/K)
        Place one; // the last two places
        Place other;
    }

    /// @dev IM and MM by the cells that the witness names.
    function requirement(Exposure memory e, IScans.ScanParams memory p, ScanGrid memory g, uint256 witness)
        internal
        pure
        returns (uint256 initialWad, uint256 maintenanceWad)
    {
        (uint256 floorWad, uint256 contingencyWad, uint256 capWad) = addOns(e, p);
        int256[] memory losses = _losses(e, p.pinBps, g, witness, int256(capWad));
        losses[losses.length - 1] = int256(_uncoveredLoss(e, p.tailBps));
        (uint256 worstWad, uint256 shortfallWad) = _tail(losses, p.worst);

        initialWad = FixedPointMathLib.max(worstWad, floorWad) + contingencyWad;
        initialWad = FixedPointMathLib.max(worstWad, FixedPointMathLib.min(initialWad, capWad));
        uint256 m = p.maintenanceBps;
        maintenanceWad = FixedPointMathLib.min(_bpsUp(FixedPointMathLib.max(shortfallWad, floorWad), m), capWad);
        maintenanceWad = FixedPointMathLib.max(_bpsUp(shortfallWad, m), maintenanceWad);
    }

    /// @dev Floor, contingency and cap. All round up.
    function addOns(Exposure memory e, IScans.ScanParams memory p)
        internal
        pure
        returns (uint256 floorWad, uint256 contingencyWad, uint256 capWad)
    {
        uint256 netWad = _ceilDiv(e.netDelta.abs(), WAD);
        uint256 hedgedWad = FixedPointMathLib.zeroFloorSub(_ceilDiv(e.grossDelta, WAD), netWad);

        uint256 weighedWad = 2 * netWad * p.netDeltaBps + hedgedWad * p.grossDeltaBps;
        floorWad = _ceilDiv(weighedWad * e.spotWad, 2 * WAD * BPS);
        (uint256 highWad, uint256 lowWad) = e.netDelta > 0 ? (e.spotWad, e.emaWad) : (e.emaWad, e.spotWad);
        contingencyWad = _ceilDiv(e.shortWad * e.spotWad * p.shortOptionBps, WAD * BPS)
            + _ceilDiv(netWad * FixedPointMathLib.zeroFloorSub(highWad, lowWad), WAD);
        capWad = _ceilDiv(e.premium + (e.shortWad + e.grossLinearWad) * e.spotWad, WAD);
    }

    /// @dev Weighted loss of each cell, and room for one more. Zero where it isn't named, or is a gain.
    function _losses(Exposure memory e, uint256 pinBps, ScanGrid memory g, uint256 witness, int256 capWad)
        private
        pure
        returns (int256[] memory losses)
    {
        unchecked {
            Line memory line = _lineOf(e, pinBps, g, capWad);
            uint256 spots = line.spotsWad.length;
            uint256 core = spots * g.vols();
            losses = new int256[](core + g.tails() + 1);
            int256 setBps = type(int256).max; // volatility shock that is set
            // From the last to the first, whose shock that of the tails often is.
            for (uint256 i = g.vols(); i-- != 0;) {
                line.first = i * spots;
                line.witness = (witness >> line.first) & ((1 << spots) - 1);
                if (line.witness == 0) continue;
                setBps = g.volBps(i);
                _shockRoots(e, setBps);
                _ownStrikes(e, line);
                _scanLine(e, line, losses);
            }
            for (uint256 i; i < g.tails(); ++i) {
                if ((witness >> (core + i)) & 1 == 0) continue;
                (int256 spotBps, int256 volBps, uint256 weightBps) = g.tail(i);
                if (volBps != setBps) _shockRoots(e, volBps);
                setBps = volBps;
                (uint256 shockedWad, int256 moveWad) = _shocked(e.spotWad, spotBps);
                _placeAt(e, shockedWad, moveWad, line.one);
                int256 profitWad = line.one.profitWad;
                if (profitWad < 0) losses[core + i] = int256(_bpsUp(uint256(-profitWad), weightBps));
            }
        }
    }

    /// @dev One volatility, from the lowest spot to the highest; only what the witness needs is looked at.
    function _scanLine(Exposure memory e, Line memory line, int256[] memory losses) private pure {
        unchecked {
            uint256 strike; // next own strike
            (Place memory last, Place memory place) = (line.one, line.other);
            for (uint256 i; i < line.spotsWad.length; ++i) {
                uint256 inward = i > line.present ? i : i - 1; // whose cell the way from the spot below belongs to
                uint256 outward = i < line.present ? i : i + 1; // …and that to the spot above
                bool below = i != 0 && (line.witness >> inward) & 1 != 0;
                bool above = i + 1 != line.spotsWad.length && (line.witness >> outward) & 1 != 0;
                bool named = (line.witness >> i) & 1 != 0;
                if (!named && !below && !above) continue;

                uint256 spotWad = line.spotsWad[i];
                _placeAt(e, spotWad, line.movesWad[i], place);
                if (named) _raise(losses, line.first + i, -place.profitWad);
                if (below) _widen(losses, line.first + inward, last, place, line.capWad);
                (last, place) = (place, last);
                if (!above || line.count == 0) continue;
                while (strike < line.count && line.strikesWad[strike] <= spotWad) ++strike;
                for (; strike < line.count && line.strikesWad[strike] < line.spotsWad[i + 1]; ++strike) {
                    _placeAt(e, line.strikesWad[strike], -line.lnsWad[strike], place);
                    _raise(losses, line.first + outward, -place.profitWad);
                    _widen(losses, line.first + outward, last, place, line.capWad);
                    (last, place) = (place, last);
                }
            }
        }
    }

    function _raise(int256[] memory losses, uint256 cell, int256 lossWad) private pure {
        if (lossWad > losses[cell]) losses[cell] = lossWad;
    }

    function _widen(int256[] memory losses, uint256 cell, Place memory low, Place memory high, int256 capWad)
        private
        pure
    {
        _raise(losses, cell, FixedPointMathLib.min(capWad, -between(low, high)));
    }

    /// @dev What no profit between two places of one volatility lies below. Rounds down.
    function between(Place memory low, Place memory high) internal pure returns (int256 leastWad) {
        unchecked {
            leastWad = low.profitWad < high.profitWad ? low.profitWad : high.profitWad;
            uint256 widthWad = high.spotWad - low.spotWad;
            if (widthWad == 0) return leastWad; // of a spot of a few wei
            int256 chordWad = _floorDiv((high.restWad - low.restWad) * int256(WAD), widthWad);
            int256 fallWad = -low.slopeWad - chordWad;
            int256 climbWad = high.slopeWad + chordWad;
            if (fallWad <= 0 || climbWad <= 0) return leastWad;

            int256 apartWad = low.profitWad - high.profitWad + int256(_ceilDiv(uint256(climbWad) * widthWad, WAD));
            if (apartWad <= 0) return leastWad;
            int256 dropWad = int256(_ceilDiv(uint256(fallWad * apartWad), uint256(fallWad + climbWad)));
            if (low.profitWad - dropWad < leastWad) leastWad = low.profitWad - dropWad;
        }
    }

    /// @dev Sets `place` to what everything gains where the spot goes to `shockedWad`, by the volatilities that were set last.
    function _placeAt(Exposure memory e, uint256 shockedWad, int256 moveWad, Place memory place) private pure {
        unchecked {
            (uint256 first, uint256 firstShort, uint256 end) = _rangeOf(e);
            (int256 long, int256 slope) = ScanQuote.sums(first, firstShort, shockedWad, moveWad, true);
            (int256 rest,) = ScanQuote.sums(firstShort, end, shockedWad, moveWad, false);
            long -= e.longNow;
            rest += e.straightWad * int256(shockedWad) - e.restNow;
            place.spotWad = shockedWad;
            place.profitWad = _wadFloor(long + rest);
            place.restWad = _wadFloor(rest);
            place.slopeWad = _wadFloor(slope);
        }
    }

    /// @dev ⌊√w·(1 + shock·(30 days/T)^p)⌋ of every option, at least zero.
    function _shockRoots(Exposure memory e, int256 volBps) private pure {
        unchecked {
            for (uint256 i; i < e.options.length; ++i) {
                Option memory o = e.options[i];
                int256 factorWad = int256(WAD) + _floorDiv(volBps * int256(o.powerWad), BPS);
                o.shockedRootWad = factorWad > 0 ? o.rootWad * uint256(factorWad) / WAD : 0;
            }
        }
    }

    /// @dev Where the options lie in memory: those held, then those that are short, one after the other as a new array has them.
    function _rangeOf(Exposure memory e) private pure returns (uint256 first, uint256 firstShort, uint256 end) {
        unchecked {
            Option[] memory options = e.options;
            if (options.length == 0) return (0, 0, 0);
            assembly ("memory-safe") {
                first := mload(add(options, 32))
            }
            firstShort = first + e.longs * OPTION_BYTES;
            end = first + options.length * OPTION_BYTES;
        }
    }

    /// @dev Strikes of long options within the core whose σ√T is small now: ascending, each once.
    function _ownStrikes(Exposure memory e, Line memory line) private pure {
        unchecked {
            (uint256 lowWad, uint256 highWad) = (line.spotsWad[0], line.spotsWad[line.spotsWad.length - 1]);
            uint256 count;
            for (uint256 i; i < e.longs; ++i) {
                Option memory o = e.options[i];
                if (o.shockedRootWad >= line.pinWad || o.strikeWad <= lowWad || o.strikeWad >= highWad) continue;
                uint256 place = count;
                while (place != 0 && line.strikesWad[place - 1] > o.strikeWad) --place;
                if (place != 0 && line.strikesWad[place - 1] == o.strikeWad) continue;
                for (uint256 j = count++; j > place; --j) {
                    (line.strikesWad[j], line.lnsWad[j]) = (line.strikesWad[j - 1], line.lnsWad[j - 1]);
                }
                (line.strikesWad[place], line.lnsWad[place]) = (o.strikeWad, o.lnWad);
            }
            line.count = count;
        }
    }

    /// @dev The core's spots, and what all its volatilities have in common.
    function _lineOf(Exposure memory e, uint256 pinBps, ScanGrid memory g, int256 capWad)
        private
        pure
        returns (Line memory line)
    {
        unchecked {
            uint256 spots = g.spots();
            line.spotsWad = new uint256[](spots);
            line.movesWad = new int256[](spots);
            for (uint256 i; i < spots; ++i) {
                int256 spotBps = g.spotBps(i);
                if (spotBps == 0) line.present = i;
                (line.spotsWad[i], line.movesWad[i]) = _shocked(e.spotWad, spotBps);
            }
            line.pinWad = pinBps * (WAD / BPS);
            line.capWad = capWad;
            line.strikesWad = new uint256[](e.longs);
            line.lnsWad = new int256[](e.longs);
        }
    }

    /// @dev ⌊spot·(1 + shock)⌋ and ln(1 + shock)
    function _shocked(uint256 spotWad, int256 spotBps) private pure returns (uint256, int256) {
        unchecked {
            uint256 factorBps = uint256(int256(BPS) + spotBps);
            return (spotWad * factorBps / BPS, FixedPointMathLib.lnWad(int256(factorBps * (WAD / BPS))));
        }
    }

    /// @dev What is charged for the slope as the spot goes to infinity: puts are worth nothing there, calls move as it does.
    function _uncoveredLoss(Exposure memory e, uint256 tailBps) private pure returns (uint256) {
        return e.upWad < 0 ? _ceilDiv(e.upWad.abs() * e.spotWad * tailBps, WAD * BPS) : 0;
    }

    /// @dev The largest loss, and the mean of the `count` largest, up. None is below zero.
    function _tail(int256[] memory losses, uint256 count)
        private
        pure
        returns (uint256 worstWad, uint256 shortfallWad)
    {
        unchecked {
            int256[] memory most = new int256[](count); // largest first
            int256 least; // of them
            for (uint256 i; i < losses.length; ++i) {
                int256 lossWad = losses[i];
                if (lossWad <= least) continue;
                uint256 place = count - 1;
                for (; place != 0 && most[place - 1] < lossWad; --place) {
                    most[place] = most[place - 1];
                }
                most[place] = lossWad;
                least = most[count - 1];
            }
            uint256 sumWad;
            for (uint256 i; i < count; ++i) {
                sumWad += uint256(most[i]);
            }
            return (uint256(most[0]), _ceilDiv(sumWad, count));
        }
    }

    function _bpsUp(uint256 x, uint256 bps) private pure returns (uint256) {
        return _ceilDiv(x * bps, BPS);
    }

    function _ceilDiv(uint256 x, uint256 d) private pure returns (uint256) {
        unchecked {
            return (x + d - 1) / d;
        }
    }

    /// @dev ⌊x/1e18⌋ for |x| below 2^248
    function _wadFloor(int256 x) private pure returns (int256) {
        unchecked {
            return int256(uint256(x + int256(WAD << 188)) / WAD) - int256(1 << 188);
        }
    }

    function _floorDiv(int256 x, uint256 d) private pure returns (int256) {
        unchecked {
            return x < 0 ? -int256(_ceilDiv(uint256(-x), d)) : int256(uint256(x) / d);
        }
    }
}
