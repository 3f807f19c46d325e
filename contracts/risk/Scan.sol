// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { Words } from "contracts/libraries/Words.sol";
import { ScanFields } from "contracts/risk/ScanFields.sol";
import { LN, LN_BITS, OPTION_BYTES, POWER, ROOT, SHOCKED_ROOT, STRIKE, ScanQuote } from "contracts/risk/ScanQuote.sol";
import { ScanWords } from "interfaces/IScans.sol";

/// @notice Margin of everything that one underlying moves.
/// @dev A *cell* of the grid is a place (spot and volatility shocked) and the way to it from its neighbour on the side of
/// the spot, which counts where both are named. Its loss is the largest at the places, the account's own strikes on the way
/// among them, and what no loss between them exceeds, as far as the cap. Tails are places alone; the slope as the spot goes to infinity is one more.
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
    using ScanFields for ScanWords;

    uint256 private constant SPOT_BYTES = 2 * 32; // a spot, and the logarithm of what it is to the present one, as `LN` has it

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
        uint256 longs; // where in memory the options that are held begin, one after the other as `ScanQuote` has them
        uint256 longsEnd;
        uint256 shorts; // …and those that are short
        uint256 shortsEnd;
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
        uint256 spots; // where they lie, ascending, each `SPOT_BYTES`
        uint256 count;
        uint256 present; // which of them isn't shocked
        uint256 strikes; // own strikes, as spots
        uint256 strikesEnd;
        uint256 pinWad; // strikes of long options are places where √w is below it
        int256 capWad;
        uint256 losses; // of its cells
        uint256 witness; // its cells from bit 0 up
        Place one; // the last two places
        Place other;
    }

    /// @dev IM and MM by the cells that the witness names.
    function requirement(Exposure memory e, ScanWords memory w, uint256 witness)
        internal
        pure
        returns (uint256 initialWad, uint256 maintenanceWad)
    {
        (uint256 floorWad, uint256 contingencyWad, uint256 capWad) = addOns(e, w);
        (uint256 losses, uint256 end) = _losses(e, w, witness, int256(capWad));
        (uint256 worstWad, uint256 shortfallWad) = _tail(losses, end, _uncoveredLoss(e, w.tailBps()), w.worst());

        initialWad = FixedPointMathLib.max(worstWad, floorWad) + contingencyWad;
        initialWad = FixedPointMathLib.max(worstWad, FixedPointMathLib.min(initialWad, capWad));
        uint256 m = w.maintenanceBps();
        maintenanceWad = FixedPointMathLib.min(_bpsUp(FixedPointMathLib.max(shortfallWad, floorWad), m), capWad);
        maintenanceWad = FixedPointMathLib.max(_bpsUp(shortfallWad, m), maintenanceWad);
    }

    /// @dev Floor, contingency and cap. All round up.
    function addOns(Exposure memory e, ScanWords memory w)
        internal
        pure
        returns (uint256 floorWad, uint256 contingencyWad, uint256 capWad)
    {
        unchecked {
            uint256 netWad = _ceilDiv(e.netDelta.abs(), WAD);
            uint256 hedgedWad = FixedPointMathLib.zeroFloorSub(_ceilDiv(e.grossDelta, WAD), netWad);

            uint256 weighedWad = 2 * netWad * w.netDeltaBps() + hedgedWad * w.grossDeltaBps();
            floorWad = _ceilDiv(weighedWad * e.spotWad, 2 * WAD * BPS);
            (uint256 highWad, uint256 lowWad) = e.netDelta > 0 ? (e.spotWad, e.emaWad) : (e.emaWad, e.spotWad);
            contingencyWad = _ceilDiv(e.shortWad * e.spotWad * w.shortOptionBps(), WAD * BPS)
                + _ceilDiv(netWad * FixedPointMathLib.zeroFloorSub(highWad, lowWad), WAD);
            capWad = _ceilDiv(e.premium + (e.shortWad + e.grossLinearWad) * e.spotWad, WAD);
        }
    }

    /// @dev Weighted loss of each cell, a word each. Zero where it isn't named, or is a gain.
    function _losses(Exposure memory e, ScanWords memory w, uint256 witness, int256 capWad)
        private
        pure
        returns (uint256 losses, uint256 end)
    {
        unchecked {
            Line memory line = _lineOf(e, w, witness, capWad);
            uint256 core = line.count * w.vols();
            losses = Words.allocZero(core + w.tails());
            int256 setBps = type(int256).max; // volatility shock that is set
            // From the last to the first, whose shock that of the tails often is.
            for (uint256 i = w.vols(); i-- != 0;) {
                line.losses = losses + 32 * line.count * i;
                line.witness = (witness >> line.count * i) & ((1 << line.count) - 1);
                if (line.witness == 0) continue;
                setBps = w.volBps(i);
                _shockRoots(e, setBps);
                _ownStrikes(e, line);
                _scanLine(e, line);
            }
            end = losses + 32 * core;
            witness >>= core;
            for (uint256 i; i < w.tails(); ++i) {
                if ((witness >> i) & 1 != 0) {
                    (int256 spotBps, int256 volBps, uint256 weightBps) = w.tail(i);
                    if (volBps != setBps) _shockRoots(e, volBps);
                    setBps = volBps;
                    _putShocked(line.strikes, e.spotWad, spotBps); // no line is left that needs its own
                    _placeAt(e, line.strikes, line.one);
                    int256 profitWad = line.one.profitWad;
                    if (profitWad < 0) Words.put(end, _bpsUp(uint256(-profitWad), weightBps));
                }
                end += 32;
            }
        }
    }

    /// @dev One volatility, from the lowest spot to the highest; only what the witness names is looked at.
    function _scanLine(Exposure memory e, Line memory line) private pure {
        unchecked {
            (Place memory last, Place memory place) = (line.one, line.other);
            uint256 strike = line.strikes; // next own strike
            bool joined; // the place below is named, too
            uint256 lowWad; // its spot
            uint256 spot = line.spots;
            for (uint256 i; i < line.count; ++i) {
                if ((line.witness >> i) & 1 != 0) {
                    uint256 spotWad = Words.get(spot);
                    uint256 cell = line.losses + 32 * i;
                    uint256 way = i > line.present ? cell : cell - 32; // that the way from the spot below belongs to
                    if (joined) {
                        while (strike != line.strikesEnd && Words.get(strike) <= lowWad) strike += SPOT_BYTES;
                        for (; strike != line.strikesEnd && Words.get(strike) < spotWad; strike += SPOT_BYTES) {
                            _placeAt(e, strike, place);
                            _raise(way, -place.profitWad);
                            _widen(way, last, place, line.capWad);
                            (last, place) = (place, last);
                        }
                    }
                    _placeAt(e, spot, place);
                    _raise(cell, -place.profitWad);
                    if (joined) _widen(way, last, place, line.capWad);
                    (last, place) = (place, last);
                    (joined, lowWad) = (true, spotWad);
                } else {
                    joined = false;
                }
                spot += SPOT_BYTES;
            }
        }
    }

    /// @param cell where its loss stands
    function _raise(uint256 cell, int256 lossWad) private pure {
        if (lossWad > int256(Words.get(cell))) Words.put(cell, uint256(lossWad));
    }

    function _widen(uint256 cell, Place memory low, Place memory high, int256 capWad) private pure {
        _raise(cell, FixedPointMathLib.min(capWad, -between(low, high)));
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

    /// @dev Sets `place` to what everything gains where the spot goes to one, by the volatilities that were set last.
    function _placeAt(Exposure memory e, uint256 spot, Place memory place) private pure {
        unchecked {
            (uint256 spotWad, int256 move) = (Words.get(spot), int256(Words.get(spot + 32)));
            (int256 long, int256 slope) = ScanQuote.sums(e.longs, e.longsEnd, spotWad, move, true);
            (int256 rest,) = ScanQuote.sums(e.shorts, e.shortsEnd, spotWad, move, false);
            long -= e.longNow;
            rest += e.straightWad * int256(spotWad) - e.restNow;
            place.spotWad = spotWad;
            place.profitWad = wadFloor(long + rest);
            place.restWad = wadFloor(rest);
            place.slopeWad = wadFloor(slope);
        }
    }

    /// @dev ⌊√w·(1 + shock·(30 days/T)^p)⌋ of every option, at least a wei.
    function _shockRoots(Exposure memory e, int256 volBps) private pure {
        _shockRoots(e.longs, e.longsEnd, volBps);
        _shockRoots(e.shorts, e.shortsEnd, volBps);
    }

    function _shockRoots(uint256 at, uint256 end, int256 volBps) private pure {
        unchecked {
            for (; at != end; at += OPTION_BYTES) {
                int256 factorWad = int256(WAD) + _floorDiv(volBps * int256(Words.get(at + POWER)), BPS);
                uint256 rootWad = factorWad > 0 ? Words.get(at + ROOT) * uint256(factorWad) / WAD : 0;
                Words.put(at + SHOCKED_ROOT, FixedPointMathLib.max(rootWad, 1));
            }
        }
    }

    /// @dev Strikes of long options whose σ√T is small now: ascending, each once.
    function _ownStrikes(Exposure memory e, Line memory line) private pure {
        unchecked {
            uint256 end = line.strikes;
            for (uint256 at = e.longs; at != e.longsEnd; at += OPTION_BYTES) {
                if (Words.get(at + SHOCKED_ROOT) >= line.pinWad) continue;
                uint256 strikeWad = Words.get(at + STRIKE);
                uint256 place = end;
                while (place != line.strikes && Words.get(place - SPOT_BYTES) > strikeWad) place -= SPOT_BYTES;
                if (place != line.strikes && Words.get(place - SPOT_BYTES) == strikeWad) continue;
                for (uint256 last = end; last != place; last -= SPOT_BYTES) {
                    _putSpot(last, Words.get(last - SPOT_BYTES), int256(Words.get(last - 32)));
                }
                _putSpot(place, strikeWad, -int256(Words.get(at + LN)));
                end += SPOT_BYTES;
            }
            line.strikesEnd = end;
        }
    }

    /// @dev The core's spots, those that the witness names, and what all its volatilities have in common.
    function _lineOf(Exposure memory e, ScanWords memory w, uint256 witness, int256 capWad)
        private
        pure
        returns (Line memory line)
    {
        unchecked {
            uint256 count = w.spots();
            line.count = count;
            line.spots = Words.alloc(2 * count);
            uint256 named; // at one of the volatilities
            for (uint256 i; i < w.vols(); ++i) {
                named |= witness >> count * i;
            }
            for (uint256 i; i < count; ++i) {
                int256 spotBps = w.spotBps(i);
                if (spotBps == 0) line.present = i;
                if ((named >> i) & 1 != 0) _putShocked(line.spots + SPOT_BYTES * i, e.spotWad, spotBps);
            }
            line.strikes = Words.alloc(2 + 2 * (e.longsEnd - e.longs) / OPTION_BYTES);
            line.pinWad = w.pinBps() * (WAD / BPS);
            line.capWad = capWad;
        }
    }

    /// @dev ⌊spot·(1 + shock)⌋ and ln(1 + shock)
    function _putShocked(uint256 at, uint256 spotWad, int256 spotBps) private pure {
        unchecked {
            uint256 factorBps = uint256(int256(BPS) + spotBps);
            int256 lnWad = spotBps == 0 ? int256(0) : FixedPointMathLib.lnWad(int256(factorBps * (WAD / BPS)));
            _putSpot(at, spotWad * factorBps / BPS, lnWad << LN_BITS);
        }
    }

    function _putSpot(uint256 at, uint256 spotWad, int256 move) private pure {
        Words.put(at, spotWad);
        Words.put(at + 32, uint256(move));
    }

    /// @dev What is charged for the slope as the spot goes to infinity: puts are worth nothing there, calls move as it does.
    function _uncoveredLoss(Exposure memory e, uint256 tailBps) private pure returns (uint256) {
        return e.upWad < 0 ? _ceilDiv(e.upWad.abs() * e.spotWad * tailBps, WAD * BPS) : 0;
    }

    /// @dev The largest of the losses and one more, and the mean of the `count` largest, up. None is below zero.
    function _tail(uint256 at, uint256 end, uint256 lossWad, uint256 count)
        private
        pure
        returns (uint256 worstWad, uint256 shortfallWad)
    {
        unchecked {
            uint256 most = Words.allocZero(count); // largest first
            uint256 least = most + 32 * (count - 1);
            Words.put(most, lossWad);
            uint256 enoughWad = Words.get(least); // to be among them
            for (; at != end; at += 32) {
                lossWad = Words.get(at);
                if (lossWad > enoughWad) {
                    uint256 place = least;
                    for (; place != most && Words.get(place - 32) < lossWad; place -= 32) {
                        Words.put(place, Words.get(place - 32));
                    }
                    Words.put(place, lossWad);
                    enoughWad = Words.get(least);
                }
            }
            worstWad = Words.get(most);
            for (; most <= least; most += 32) {
                shortfallWad += Words.get(most);
            }
            shortfallWad = _ceilDiv(shortfallWad, count);
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
    function wadFloor(int256 x) internal pure returns (int256) {
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
