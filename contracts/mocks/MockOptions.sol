// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { Black76 } from "contracts/libraries/Black76.sol";
import { Normal } from "contracts/libraries/Normal.sol";
import { SMILE_BITS, SmileWord, Svi, wordOf } from "contracts/libraries/Svi.sol";
import { Smile } from "interfaces/ISmile.sol";

/// @notice The pricing of options, callable from tests: many points in one call.
contract MockOptions {
    using Svi for SmileWord;

    /// @dev Everything that a price from the beginning goes through.
    struct Priced {
        uint256 callWad;
        uint256 putWad;
        Black76.Greeks greeks;
    }

    struct Asked {
        uint256 forwardWad;
        uint256 strikeWad;
        uint256 varianceWad;
        uint256 secondsToExpiry;
    }

    function cdf(int256[] calldata xs) external pure returns (uint256[] memory found) {
        found = new uint256[](xs.length);
        for (uint256 i; i < xs.length; ++i) {
            found[i] = Normal.cdfWad(xs[i]);
        }
    }

    function pdf(int256[] calldata xs) external pure returns (uint256[] memory found) {
        found = new uint256[](xs.length);
        for (uint256 i; i < xs.length; ++i) {
            found[i] = Normal.pdfWad(xs[i]);
        }
    }

    function timeValue(int256[] calldata lns, uint256[] calldata roots) external pure returns (uint256[] memory found) {
        found = new uint256[](lns.length);
        for (uint256 i; i < lns.length; ++i) {
            found[i] = Black76.timeValueWad(lns[i], roots[i]);
        }
    }

    function price(Asked[] calldata points) external pure returns (Priced[] memory found) {
        found = new Priced[](points.length);
        for (uint256 i; i < points.length; ++i) {
            Asked calldata p = points[i];
            found[i].callWad = Black76.priceWad(p.forwardWad, p.strikeWad, p.varianceWad, true);
            found[i].putWad = Black76.priceWad(p.forwardWad, p.strikeWad, p.varianceWad, false);
            found[i].greeks = Black76.greeks(p.forwardWad, p.strikeWad, p.varianceWad, p.secondsToExpiry);
        }
    }

    function variance(SmileWord smile, int256[] calldata ks) external pure returns (uint256[] memory found) {
        found = new uint256[](ks.length);
        for (uint256 i; i < ks.length; ++i) {
            found[i] = smile.varianceWadDown(ks[i]);
        }
    }

    function word(Smile calldata smile) external pure returns (SmileWord packed, Smile memory unpacked) {
        packed = wordOf(smile);
        unpacked = SmileWord.wrap(SmileWord.unwrap(packed) | type(uint256).max << SMILE_BITS).smileOf();
    }

    function totalVariance(
        uint256 nearWad,
        uint256 nearSeconds,
        uint256 farWad,
        uint256 farSeconds,
        uint256 secondsToExpiry
    ) external pure returns (uint256) {
        return Svi.totalVarianceWadDown(nearWad, nearSeconds, farWad, farSeconds, secondsToExpiry);
    }

    function flatVariance(uint256 realisedWad, uint256 surchargeBps) external pure returns (uint256) {
        return Svi.flatVarianceWadUp(realisedWad, surchargeBps);
    }

    function check(Smile calldata smile, uint256 secondsToExpiry) external pure {
        Svi.check(smile, secondsToExpiry);
    }

    function checkCalendar(Smile calldata near, uint256 nearSeconds, Smile calldata far, uint256 farSeconds)
        external
        pure
    {
        Svi.checkCalendar(near, nearSeconds, far, farSeconds);
    }

    function checkMove(Smile calldata standing, Smile calldata next, uint256 moveBps) external pure {
        Svi.checkMove(standing, next, moveBps);
    }

    function butterflies(Smile calldata smile, uint256 yearsWad) external pure returns (int256[] memory found) {
        uint256 steps = Svi.stepsOf(smile);
        found = new int256[](2 * steps + 1);
        for (uint256 i; i < found.length; ++i) {
            int256 thetaWad = (int256(i) - int256(steps)) * int256(Svi.THETA_STEP_WAD);
            found[i] = Svi.butterflyWad(Svi.pointAt(smile, thetaWad), yearsWad);
        }
    }

    /* GAS''': of all turns of a loop, the loop itself left out */

    function gasOfLoop(uint256 turns) public view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            sum += i;
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }

    function gasOfLn(uint256 turns) external view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            sum += uint256(FixedPointMathLib.lnWad(int256(1e21 + i)));
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }

    function gasOfExp(uint256 turns) external view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            sum += uint256(FixedPointMathLib.expWad(int256(1e17 + i)));
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }

    function gasOfRoot(uint256 turns) external view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            sum += Black76.rootWadDown(1e16 + i);
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }

    function gasOfCdf(uint256 turns) external view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            sum += Normal.cdfWad(int256(1e17 + i));
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }

    function gasOfTimeValue(uint256 turns, int256 lnWad, uint256 rootWad) external view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            sum += Black76.timeValueWad(lnWad, rootWad + i);
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }

    function gasOfPrices(uint256 turns, int256 lnWad, uint256 rootWad) external view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            (uint256 callWad, uint256 putWad) =
                Black76.pricesWad(1e21, 1e21 + i, Black76.timeValueWad(lnWad, rootWad + i));
            sum += callWad + putWad;
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }

    function gasOfVariance(uint256 turns, SmileWord smile) external view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            sum += smile.varianceWadDown(int256(i));
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }

    function gasOfPrice(uint256 turns) external view returns (uint256 used) {
        uint256 sum;
        used = gasleft();
        for (uint256 i; i < turns; ++i) {
            sum += Black76.priceWad(1e21, 1.1e21 + i, 1e16, true);
        }
        used -= gasleft();
        if (sum == type(uint256).max) used = 0;
    }
}
